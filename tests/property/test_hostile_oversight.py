"""Whatever operators and those who ask them hear, the contract takes what they submit.

Words are true ones with one or two fields changed, signed by whoever they say, operators included.
"""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.identity import digest, keccak
from fabmarket.identity.codec import encode
from fabmarket.identity.typed_data import BadValue
from fabmarket.market.oversight import (
    Endorsement,
    Exhibit,
    Objection,
    Verdict,
)
from fabmarket.market.parameters import HOURS
from fabmarket.market.trade import Ruling
from fabmarket.negotiation.duties import Judge, Seal
from fabmarket.negotiation.operator.judging import MOST_AHEAD, MOST_SHOWN, TURN
from fabmarket.node import Answer
from fabmarket.node.envelope import Envelope
from tests.property.test_hostile_messages import mutated
from tests.unit.node.council import DOMAIN, FOREVER, STRANGER, Council


def words(council, asked, sealed, trade):
    """One of each kind, as an honest sender says it."""
    ada, ben = council.keys["ada"], council.keys["ben"]
    bea = council.keys["bea"].address
    under_way = council.people["sam"].state.asking.asked
    deadline = council.trade().escrow.decide_by + HOURS.ruling_window
    ruling = Ruling(trade, 1, 10_000, 0, 5_000, deadline)
    return (
        under_way[asked].request,
        under_way[sealed].request,
        Endorsement(ada.address, asked, ada.sign(asked)),
        Endorsement(ben.address, asked, ben.sign(asked)),
        Endorsement(ada.address, sealed, ada.sign(sealed)),
        Endorsement(ben.address, sealed, ben.sign(sealed)),
        Objection(ben.address, asked, "no"),
        Verdict(ben.address, ruling, ben.sign(digest(DOMAIN, ruling))),
        Exhibit(bea, trade, keccak(b"x"), b"x", ""),
    )


def signed_within(message, key):
    """The same with the signature that the contract would check."""
    match message:
        case Endorsement():
            return replace(message, signature=key.sign(message.attestation))
        case Verdict():
            return replace(message, signature=key.sign(digest(DOMAIN, message.ruling)))
        case _:
            return message


def receive(council, name, message, *, whole):
    """Sign a message as whoever it names, `whole` within too, and give it to a participant."""
    keys = {key.address: key for key in (*council.keys.values(), STRANGER)}
    try:
        message = signed_within(message, keys[message.author]) if whole else message
        signature = keys[message.author].sign(digest(DOMAIN, message))
        text = encode(Envelope(message, signature))
    except (BadValue, KeyError, ValueError):
        return  # nobody can sign it
    person = council.people[name]
    before = person.state
    heard = person.receive(text)
    if heard.answer is not Answer.TAKEN:
        assert heard.reason
        assert person.state == before


@settings(max_examples=25)
@given(rng=st.randoms(use_true_random=False))
def test_what_is_submitted_is_taken_whatever_was_heard(rng):
    council = Council()
    trade = council.disputed()
    asked = council.asked(4, first_slot=1)
    council.people["sam"].order(Seal(2, 5, keccak(b"salt"), FOREVER))
    council.carry("sam")
    (sealed,) = (key for key, _ in council.people["sam"].state.asking.asked.items() if key != asked)
    council.hearing_over()
    true = words(council, asked, sealed, trade)
    signatures = (each.signature for each in true if isinstance(each, Endorsement | Verdict))
    known = (asked, sealed, trade, bytes(32), keccak(b"x"), *signatures)
    names = (*council.judges, "sam")
    for turn in range(60):
        message, _ = mutated(rng.choice(true), (), rng, known)
        receive(council, rng.choice(names), message, whole=rng.random() < 0.7)
        if turn % 20 == 10:
            name = rng.choice(council.judges)
            council.people[name].order(Judge(trade, rng.choice((0, 10_000)), 0, 5_000))
            council.carry()
            council.wait(rng.choice((1, TURN)))
        assert [error for *_, error in council.mine() if error not in (None, "StaleRuling")] == []
    for name in council.judges:
        state = council.people[name].state
        for case in state.cases.values():
            assert len(case.shown) <= 2 * MOST_SHOWN
            numbers = [each.ruling.number for each in case.proposals.values()]
            assert all(number <= case.posted.number + MOST_AHEAD for number in numbers)
            assert sum(len(each.signatures) for each in case.proposals.values()) <= 3
