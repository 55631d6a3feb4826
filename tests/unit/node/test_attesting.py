"""A supplier asks three operators, two of whom must sign: what comes of it, and what must not."""

from dataclasses import replace

import pytest

from fabmarket.identity.codec import decode, encode
from fabmarket.market.events import SlotAttested
from fabmarket.market.oversight import AttestationRequest, Endorsement, Objection
from fabmarket.market.units import NO_LIMIT
from fabmarket.negotiation.duties import Ask, Decline, Endorse
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.node import Answer
from tests.unit.node.council import FOREVER, HOUR, STRANGER, Council


@pytest.fixture
def council():
    return Council().registered()


def asked_of(council, key):
    return council.people["sam"].state.asking.asked[key]


def request_of(council, name, key):
    return council.people[name].state.requests[key]


def endorsement(council, name, key):
    signer = council.keys[name]
    return Endorsement(signer.address, key, signer.sign(key))


def test_what_two_of_three_sign_is_attested(council):
    key = council.asked(10, 20)
    assert council.mine() == []
    for name in ("ada", "cyd"):
        council.people[name].order(Endorse((key,)))
        assert {heard.answer for heard in council.carry(name)} == {Answer.TAKEN}
    assert request_of(council, "ben", key).words.keys() == {
        council.keys[name].address for name in ("ada", "cyd")
    }
    assert council.mine() == [("sam", "Attest", None)]
    sam = council.keys["sam"].address
    resource = council.people["sam"].state.resource
    slots = [council.exchange.slots[sam, resource, slot] for slot in (0, 1)]
    assert [(slot.attested, slot.version, slot.expiry) for slot in slots] == [
        (10, 1, FOREVER),
        (20, 1, FOREVER),
    ]
    assert len(council.lines("sam", "attested")) == 1
    assert all(not council.people[name].state.requests for name in council.judges)
    assert not council.people["sam"].state.asking.asked


def test_a_third_signature_changes_nothing_more(council):
    key = council.asked()
    for name in council.judges:
        council.people[name].order(Endorse((key,)))
        council.carry(name)
    assert council.mine() == [("sam", "Attest", None)]


def test_the_next_version_is_above_all_that_the_slots_have(council):
    for number, quantities in enumerate([(10,), (11, 12)], start=1):
        key = council.asked(*quantities)
        assert asked_of(council, key).request.attestation.version == number
        for name in ("ada", "ben"):
            council.people[name].order(Endorse((key,)))
            council.carry(name)
        assert council.mine() == [("sam", "Attest", None)]


def test_who_declines_says_why_and_may_still_sign(council):
    key = council.asked()
    council.people["ada"].order(Decline(key, "three machines, not ten"))
    council.carry("ada")
    (said,) = council.lines("sam", "declined")
    assert said["reason"] == "three machines, not ten"
    assert request_of(council, "ben", key).words[council.keys["ada"].address] == said["reason"]
    for name in ("ada", "ben"):
        council.people[name].order(Endorse((key,)))
        council.carry(name)
    assert council.mine() == [("sam", "Attest", None)]


def test_what_is_asked_for_twice_is_asked_for_once(council):
    """Whoever has signed does not sign again, so what came is not to be forgotten."""
    key = council.asked(10)
    council.people["ada"].order(Endorse((key,)))
    council.carry()
    again = council.people["sam"].order(Ask(0, (10,), FOREVER))
    assert again.reason == "this is asked for already; the operators have to say something"
    council.people["ben"].order(Endorse((key,)))
    council.carry()
    assert council.mine() == [("sam", "Attest", None)]


def test_all_that_is_known_of_requests_is_written_down(council):
    key = council.asked(10)
    council.people["ada"].order(Endorse((key,)))
    council.people["ben"].order(Decline(key, "no"))
    council.carry()
    for name, kind in (("sam", SupplierState), ("cyd", OperatorState)):
        state = council.people[name].state
        assert decode(kind, encode(state)) == state


def test_asking_anew_voids_what_was_asked_of_these_slots(council):
    old = council.asked(10, 20)
    new = council.asked(12, first_slot=1)
    assert old != new
    council.people["ada"].order(Endorse((old,)))
    reasons = {heard.reason for heard in council.carry("ada")}
    assert "word on an attestation that we do not ask for" in reasons


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        ("stranger", "word of somebody who is no operator of this set"),
        ("other digest", "word without the operator's signature"),
        ("other's signature", "word without the operator's signature"),
        ("noise", "word without the operator's signature"),
        ("nothing", "word without the operator's signature"),
        ("unasked", "word on an attestation that we do not ask for"),
    ],
)
def test_an_endorsement_that_is_none_is_refused(council, forged, reason):
    key = council.asked()
    ada, ben = council.keys["ada"], council.keys["ben"]
    made, by = Endorsement(ada.address, key, ada.sign(key)), ada
    match forged:
        case "stranger":
            made, by = Endorsement(STRANGER.address, key, STRANGER.sign(key)), STRANGER
        case "other digest":
            made = replace(made, signature=ada.sign(bytes(32)))
        case "other's signature":
            made = replace(made, signature=ben.sign(key))
        case "noise":
            made = replace(made, signature=b"\x01" * 65)
        case "nothing":
            made = replace(made, signature=b"")
        case "unasked":
            made = replace(made, attestation=bytes(32), signature=ada.sign(bytes(32)))
    assert council.tempt("sam", made, by) == reason
    if forged != "unasked":
        assert council.tempt("ben", made, by) == reason
    assert council.mine() == []


def test_two_words_of_one_operator_are_one(council):
    key = council.asked()
    assert council.tempt("sam", endorsement(council, "ada", key), council.keys["ada"]) is None
    again = Objection(council.keys["ada"].address, key, "or not")
    said = council.tempt("sam", again, council.keys["ada"])
    assert said == "word that the operator has given already"
    assert len(asked_of(council, key).endorsed) == 1
    assert council.mine() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unit": bytes(32)}, "request in another unit or calendar than the resource's"),
        ({"origin": 1}, "request in another unit or calendar than the resource's"),
        ({"quantities": ()}, "request of 0 slots where 1 to 100 can be"),
        ({"quantities": (1,) * 101}, "request of 101 slots where 1 to 100 can be"),
        ({"first_slot": NO_LIMIT}, "request of slots beyond the contract's time"),
        ({"expiry": 1_000}, "request out of date"),
        ({"version": 0}, "request of version 0, below all that can be stored"),
        (
            {"version": NO_LIMIT},
            "request of a version that is ahead of what we know to be attested",
        ),
        ({"resource": HOUR}, "request for a resource that we do not know to be registered"),
        ({"operator_set": 0}, "request to operators that are not in force"),
        (
            {"operator_set": 2},
            "request to a set of operators that we do not know to be in force",
        ),
    ],
)
def test_a_request_that_cannot_be_stored_is_not_kept(council, changes, reason):
    key = council.asked(5)
    true = asked_of(council, key).request.attestation
    request = AttestationRequest(replace(true, **changes))
    assert council.tempt("ada", request, council.keys["sam"]) == reason
    assert len(council.people["ada"].state.requests) == 1


def test_nobody_asks_for_somebody_else(council):
    key = council.asked()
    request = AttestationRequest(replace(asked_of(council, key).request.attestation, version=7))
    text = council.tempt("ada", request, STRANGER)
    assert text == "bad signature"


def test_a_supplier_fills_no_more_than_its_share_of_an_operator_s_memory(council):
    key = council.asked(5)
    true = asked_of(council, key).request.attestation
    reasons = [
        council.tempt(
            "ada", AttestationRequest(replace(true, expiry=FOREVER + n)), council.keys["sam"]
        )
        for n in range(1, 70)
    ]
    assert set(reasons[:63]) == {None}
    assert set(reasons[63:]) == {"request of a supplier of which too many wait"}


def test_what_an_old_set_signed_is_not_submitted(council):
    key = council.asked()
    ada, ben = council.keys["ada"], council.keys["ben"]
    assert council.tempt("sam", endorsement(council, "ada", key), ada) is None
    council.next_set("dan", "eve", "fay")
    council.wait(3 * 86_400)
    said = council.tempt("sam", endorsement(council, "ben", key), ben)
    assert said == "word on an attestation that we do not ask for"
    assert len(council.lines("sam", "unattested")) == 1
    assert not council.people["ada"].state.requests
    refused = council.people["ben"].order(Endorse((key,)))
    assert (refused.state, refused.reason) == (
        "refused",
        "there is no such request, or it is over",
    )
    assert council.mine() == []


def test_a_version_that_somebody_else_stored_ends_the_request(council):
    key = council.asked(5)
    sam = council.people["sam"].state
    council._follow((SlotAttested(sam.address, sam.resource, 0, 9, 1, FOREVER),))
    assert council.lines("sam", "unattested")
    assert not council.people["ada"].state.requests
    again = council.asked(5)
    assert again != key
    assert asked_of(council, again).request.attestation.version == 2
