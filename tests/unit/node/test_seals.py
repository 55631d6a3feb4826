"""A supplier has a quantity attested that nobody but the operators sees, and opens it later."""

from dataclasses import replace

import pytest

from fabmarket.identity.codec import decode, encode
from fabmarket.market.exchange import Open, Slot
from fabmarket.market.oversight import SealedRequest
from fabmarket.market.trade import commitment_of, listing_id
from fabmarket.negotiation.duties import Ask, Endorse, Seal
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.node.seals import seals_of
from tests.unit.node.council import FOREVER, LENGTH, MILL, ORIGIN, Council

SALT = bytes(range(32))


@pytest.fixture
def council():
    return Council().registered()


def asked(council, quantity=12, salt=SALT):
    """The supplier asks; returns the digest of what it asks for."""
    council.people["sam"].order(Seal(3, quantity, salt, FOREVER))
    council.carry("sam")
    ((key, _),) = council.people["sam"].state.asking.asked.items()
    return key


def signed(council, key):
    for name in ("ada", "cyd"):
        council.people[name].order(Endorse((key,)))
        council.carry(name)


def sealed(council, quantity=12, salt=SALT):
    signed(council, asked(council, quantity, salt))
    assert council.mine() == [("sam", "AttestSealed", None)]


def owned(council):
    return council.keys["sam"].address, MILL, 3


def seal_of(council):
    """What the journal says of the commitment that is on the chain."""
    seals = seals_of(council.people["sam"].journal)
    return seals[council.exchange.seals[owned(council)]]


def test_what_two_of_three_sign_is_sealed_and_opened(council):
    sealed(council)
    commitment = commitment_of(*owned(council), 12, SALT)
    assert council.exchange.seals[owned(council)] == commitment
    assert council.exchange.slots[owned(council)] == Slot(0, 0, 1, FOREVER)
    (told,) = council.lines("sam", "attested")
    assert (told["first_slot"], told["quantities"]) == ("3", "12 sealed")
    seal = seal_of(council)
    council.people["sam"].order(Open(*owned(council), seal.quantity, seal.salt))
    assert council.mine() == [("sam", "Open", None)]
    assert council.exchange.slots[owned(council)].attested == 12
    listing = listing_id(*owned(council), ORIGIN + 4 * LENGTH)
    assert council.people["sam"].state.shelves[listing].available == 12


def test_no_log_has_the_salt(council):
    sealed(council)
    assert {name for name, *_ in council.told} == {"sam", *council.judges}
    assert SALT.hex() not in str(council.told)
    assert "salt" not in repr(Seal(3, 12, SALT, FOREVER))
    assert "salt" not in repr(seal_of(council))


def test_what_is_asked_anew_takes_the_place_of_a_seal(council):
    sealed(council)
    sealed(council, 15, bytes(31) + b"\1")
    assert council.exchange.slots[owned(council)].version == 2
    assert seal_of(council).quantity == 15
    key = council.asked(9, first_slot=3)
    signed(council, key)
    assert council.mine() == [("sam", "Attest", None)]
    assert owned(council) not in council.exchange.seals
    assert council.exchange.slots[owned(council)].attested == 9


def test_what_was_given_up_and_is_mined_all_the_same_can_be_opened(council):
    """The first seal is on its way to the chain when the owner asks for another."""
    signed(council, asked(council))
    council.people["sam"].order(Seal(3, 15, bytes(31) + b"\1", FOREVER))
    assert council.mine() == [("sam", "AttestSealed", None)]
    assert council.lines("sam", "unattested")
    assert seal_of(council).quantity == 12


def test_an_open_attestation_of_the_same_version_is_not_what_was_asked(council):
    asked(council)
    council.attest(0, 0, 0, 12, version=1)
    assert council.lines("sam", "attested") == []
    assert len(council.lines("sam", "unattested")) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantity": 13}, "request whose commitment is to another quantity or salt"),
        ({"salt": bytes(32)}, "request whose commitment is to another quantity or salt"),
        ({"slot": 4}, "request whose commitment is to another quantity or salt"),
        ({"unsalted": True}, "request without a salt, which could not be opened"),
        ({"slot": 2**40}, "request of slots beyond the contract's time"),
        (
            {"version": 3},
            "request of a version that is ahead of what we know to be attested",
        ),
    ],
)
def test_a_request_that_could_not_be_opened_or_stored_is_not_kept(council, changes, reason):
    key = asked(council)
    request = council.people["sam"].state.asking.asked[key].request
    within = {name: value for name, value in changes.items() if name in ("slot", "version")}
    if "unsalted" in changes:
        within = {"commitment": commitment_of(*owned(council), 12, bytes(32))}
        changes = {"salt": bytes(32)}
    without = {name: value for name, value in changes.items() if name not in within}
    tempting = replace(request, attestation=replace(request.attestation, **within), **without)
    assert council.tempt("ada", tempting, council.keys["sam"]) == reason
    assert len(council.people["ada"].state.requests) == 1


def test_it_is_no_message_for_a_supplier(council):
    key = asked(council)
    request = council.people["sam"].state.asking.asked[key].request
    said = council.tempt("sam", replace(request, quantity=13), council.keys["sam"])
    assert said == "a SealedRequest is not for a supplier"


def test_all_that_is_known_of_it_is_written_down(council):
    key = asked(council)
    council.people["ada"].order(Endorse((key,)))
    council.carry()
    for name, kind in (("sam", SupplierState), ("cyd", OperatorState)):
        state = council.people[name].state
        assert decode(kind, encode(state)) == state


def test_an_order_that_cannot_be_asked_for_is_refused(council):
    late = council.people["sam"].order(Seal(3, 12, SALT, 5))
    assert late.reason == "an attestation that expires before it can be given"
    far = council.people["sam"].order(Seal(2**40, 12, SALT, FOREVER))
    assert far.reason == "slots that end beyond the contract's time"
    other = council.people["ada"].order(Seal(3, 12, SALT, FOREVER))
    assert other.reason == "only a supplier has something to attest"
    assert council.people["sam"].order(Ask(3, (12,), FOREVER)).state == "done"


def test_the_journal_knows_nothing_of_what_others_sealed(council):
    asked(council)
    assert seals_of(council.people["sam"].journal).keys() == {
        commitment_of(*owned(council), 12, SALT)
    }
    kept = council.people["ada"].journal.said(SealedRequest.__name__)
    assert len(kept) == 1
