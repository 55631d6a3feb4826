"""Envelopes between participants: checked by whoever receives them, counted, never trusted."""

from dataclasses import replace

import pytest

from fabmarket.identity import Key
from fabmarket.market.messages import Alternative, Demand, Selection, SubTask
from fabmarket.market.trade import Trade, market_domain
from fabmarket.negotiation.moves import Deadline, Ignored, Received, Send, Submit, Unacceptable
from fabmarket.node.transport import BAD_SIGNATURE, NOBODY_THERE, Bus, Envelope, Participant

KEYS = [Key.derive("transport", name) for name in ("anne", "bert", "cleo")]
ANNE, BERT, CLEO = (key.address for key in KEYS)
DOMAIN = market_domain(1, CLEO)
LISTING = b"\x07" * 32


def demand(author: str, sequence: int = 0) -> Demand:
    task = SubTask(LISTING, 10, 20, 5, True, (Alternative(LISTING, 3),))
    return Demand(author, sequence, 1000, (task,))


def selection(author: str) -> Selection:
    return Selection(author, LISTING, LISTING, LISTING, 3, True)


def remember(state, given):
    """A participant that keeps what it is given and says what it was told to say."""
    heard, says = state
    if isinstance(given, Received) and says and type(given.message) is Selection:
        return ((*heard, given), ()), says
    return ((*heard, given), says), ()


def participants(**says):
    told = {
        address: tuple(says.get(name, ()))
        for address, name in zip((ANNE, BERT, CLEO), ("anne", "bert", "cleo"), strict=True)
    }
    return [Participant(key, DOMAIN, ((), told[key.address]), remember) for key in KEYS]


def heard(participant) -> list:
    return [each.message for each in participant.state[0]]


def test_a_broadcast_reaches_everybody_but_its_author_and_counts_as_one():
    everyone = anne, bert, cleo = participants()
    bus = Bus(everyone)
    bus.post(anne.seal(demand(ANNE)))
    bus.pump()
    assert (heard(anne), heard(bert), heard(cleo)) == ([], [demand(ANNE)], [demand(ANNE)])
    assert (bus.tally.sent, bus.tally.delivered) == ({"Demand": 1}, 2)
    assert not bus.tally.ignored


def test_a_message_to_one_reaches_that_one():
    everyone = anne, bert, cleo = participants()
    bus = Bus(everyone)
    bus.post(anne.seal(selection(ANNE)), (CLEO,))
    bus.pump()
    assert (heard(anne), heard(bert), heard(cleo)) == ([], [], [selection(ANNE)])
    assert (bus.tally.sent, bus.tally.delivered) == ({"Selection": 1}, 1)


def test_messages_come_in_the_order_they_were_sent_and_answers_after_them():
    answers = [Send(demand(BERT, n), (CLEO,)) for n in (1, 2)]
    everyone = anne, bert, cleo = participants(bert=answers)
    bus = Bus(everyone)
    bus.post(anne.seal(selection(ANNE)), (BERT,))
    bus.post(anne.seal(demand(ANNE, 9)), (CLEO,))
    bus.pump()
    assert heard(bert) == [selection(ANNE)]
    assert heard(cleo) == [demand(ANNE, 9), demand(BERT, 1), demand(BERT, 2)]
    assert bus.tally.sent == {"Selection": 1, "Demand": 3}
    assert bus.tally.delivered == 4


def test_what_is_on_the_wire_is_shown_once_however_many_it_goes_to():
    everyone = anne, *_ = participants()
    bus = Bus(everyone)
    first, second = anne.seal(demand(ANNE, 1)), anne.seal(demand(ANNE, 2))
    bus.post(first)
    bus.post(second)
    assert bus.on_the_wire() == [first, second]
    bus.pump()
    assert bus.on_the_wire() == []


def test_the_receiver_gets_digest_and_signature_of_what_it_checked():
    anne, bert, _ = participants()
    envelope = anne.seal(demand(ANNE))
    assert bert.receive(envelope) == ()
    (received,) = bert.state[0]
    assert received.signature == envelope.signature
    assert KEYS[0].sign(received.digest) == envelope.signature


def wrongs() -> dict[str, Envelope]:
    anne, bert, _ = participants()
    good = anne.seal(demand(ANNE))
    stranger = Participant(KEYS[0], market_domain(2, CLEO), None, remember)
    elsewhere = Participant(KEYS[0], market_domain(1, ANNE), None, remember)
    flipped = bytes([good.signature[5] ^ 1])
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high = (order - int.from_bytes(good.signature[32:64], "big")).to_bytes(32, "big")
    mirrored = bytes([55 - good.signature[64]])
    return {
        "another's key": replace(good, signature=bert.seal(demand(ANNE)).signature),
        "another author": replace(good, message=demand(BERT)),
        "a changed field": replace(good, message=replace(demand(ANNE), valid_until=1001)),
        "a changed sub-task": replace(good, message=replace(demand(ANNE), sub_tasks=())),
        "another message's": replace(good, signature=anne.seal(demand(ANNE, 1)).signature),
        "another chain": stranger.seal(demand(ANNE)),
        "another contract": elsewhere.seal(demand(ANNE)),
        "no signature": replace(good, signature=b""),
        "a short one": replace(good, signature=good.signature[:64]),
        "a long one": replace(good, signature=good.signature + b"\0"),
        "zeros": replace(good, signature=bytes(65)),
        "a flipped bit": replace(good, signature=good.signature[:5] + flipped + good.signature[6:]),
        "high s": replace(good, signature=good.signature[:32] + high + mirrored),
        "a value too large to sign": replace(good, message=demand(ANNE, 2**64)),
        "a negative value": replace(good, message=demand(ANNE, -1)),
        "an author that is no address": replace(good, message=demand("anne")),
    }


@pytest.mark.parametrize("how", wrongs())
def test_a_wrong_signature_is_ignored_counted_and_changes_nothing(how):
    everyone = _, bert, _ = participants()
    before = bert.state
    assert bert.receive(wrongs()[how]) == (Ignored(BAD_SIGNATURE),)
    assert bert.state is before
    bus = Bus(everyone)
    bus.post(wrongs()[how], (BERT, CLEO))
    bus.pump()
    assert bus.tally.ignored == {BAD_SIGNATURE: 2}
    assert bus.tally.delivered == 2
    assert all(heard(each) == [] for each in everyone)


def test_what_a_step_refuses_is_counted_by_reason():
    def refuse(state, given):
        return state, (Ignored(str(Unacceptable("not today"))),)

    anne, bert, _ = participants()
    sulking = Participant(KEYS[2], DOMAIN, None, refuse)
    bus = Bus([anne, bert, sulking])
    bus.post(anne.seal(demand(ANNE)))
    bus.give(sulking, Deadline("publish", 0))
    bus.pump()
    assert bus.tally.ignored == {"not today": 2}
    assert bus.tally.delivered == 2


def test_a_message_to_nobody_here_is_counted_not_fatal():
    everyone = anne, bert, _ = participants()
    bus = Bus(everyone)
    bus.post(anne.seal(selection(ANNE)), (Key.derive("elsewhere").address, BERT))
    bus.pump()
    assert heard(bert) == [selection(ANNE)]
    assert bus.tally.ignored == {NOBODY_THERE: 1}
    assert bus.tally.delivered == 1


def test_submits_wait_with_whom_they_came_from():
    trade = Trade(LISTING, ANNE, CLEO, 1, 1, 1000, 0)
    everyone = anne, bert, _ = participants(bert=[Submit(trade, b"signed")])
    bus = Bus(everyone)
    bus.post(anne.seal(selection(ANNE)), (BERT,))
    bus.pump()
    assert bus.submits == [(bert, Submit(trade, b"signed"))]
