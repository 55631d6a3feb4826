"""Letters on the board: which of them are opened, when they are due, and what is kept."""

import pytest

from fabmarket.identity import Domain, Key
from fabmarket.identity.sealing import LARGEST_ANNOUNCED, SealingKey, sealed
from fabmarket.market.events import Announced
from fabmarket.node import mailbox
from fabmarket.node.mailbox import Mailbox
from fabmarket.node.participant import Answer, Heard

DOMAIN = Domain("Fabmarket", "1", 31337, "0x00000000000000000000000000000000fab0cafe")
ELSEWHERE = Domain("Fabmarket", "1", 1, "0x00000000000000000000000000000000fab0cafe")
ANNE, BOB, EVE = (Key.derive("mailbox tests", name) for name in ("anne", "bob", "eve"))
PERIOD = 60


@pytest.fixture
def box():
    return Mailbox(DOMAIN, SealingKey(BOB), PERIOD)


def letter(text=b"hello", sender=ANNE, recipient=BOB, key=BOB, domain=DOMAIN):
    return sealed(domain, sender.address, recipient.address, SealingKey(key).public, text)


def announced(payload=None, by=ANNE, sequence=0):
    return Announced(by.address, sequence, letter() if payload is None else payload)


def texts(box, block=9, now=100):
    return [each.text for each in box.due(block, now)]


def test_a_letter_is_due_once_its_block_is_reached_and_stays_until_it_is_answered(box):
    box.take(announced(), 5, 100)
    assert texts(box, block=4) == []
    (arrived,) = box.due(5, 100)
    assert (arrived.sender, arrived.text, arrived.is_again) == (ANNE.address, b"hello", False)
    arrived.answer(Heard(Answer.POSTPONED, "quote that is ahead of its turn"))
    (again,) = box.due(6, 101)
    assert (again.text, again.is_again) == (b"hello", True)
    again.answer(Heard(Answer.TAKEN))
    assert box.due(7, 102) == []
    assert box.counted() == {"board: taken": 1}


def test_letters_come_in_the_order_of_the_chain_whatever_order_they_were_read_in(box):
    for block, sequence in ((7, 3), (5, 1), (6, 2), (5, 0)):
        box.take(announced(letter(b"%d" % sequence), sequence=sequence), block, 100)
    assert texts(box) == [b"0", b"1", b"2", b"3"]


def test_one_that_is_refused_is_counted_with_its_reason(box):
    box.take(announced(), 5, 100)
    (arrived,) = box.due(5, 100)
    arrived.answer(Heard(Answer.REFUSED, "demand out of date"))
    assert box.due(6, 101) == []
    assert box.counted() == {"board: refused: demand out of date": 1}


def test_whoever_announces_a_letter_of_another_has_no_effect(box):
    """Be it from the board, or from a wire on its way to a door."""
    box.take(announced(by=EVE), 5, 100)
    assert texts(box) == []
    assert box.counted() == {"board: announced by another": 1}


NOT_OURS = {
    "nothing": b"",
    "a notice": b"{",
    "for Eve": letter(recipient=EVE, key=EVE),
    "for Eve under our key": letter(recipient=EVE),
    "for us under Eve's key": letter(key=EVE),
    "of another chain": letter(domain=ELSEWHERE),
    "of another version": b"\0\1" + letter()[2:],
    "noise": b"\xff" * 200,
    "noise that begins as a letter": letter()[:2] + b"\xff" * 200,
}


@pytest.mark.parametrize("payload", NOT_OURS.values(), ids=NOT_OURS)
def test_what_does_not_open_is_none_of_ours(box, payload):
    box.take(announced(payload), 5, 100)
    assert (texts(box), box.counted()) == ([], {})


def test_one_too_large_is_not_opened(box):
    text = b"x" * LARGEST_ANNOUNCED
    box.take(announced(letter(text)), 5, 100)
    assert texts(box) == []
    box.take(announced(letter(text[: 1 << 16])), 5, 100)
    assert texts(box) == [text[: 1 << 16]]


def test_after_two_periods_a_letter_is_forgotten(box):
    box.take(announced(), 5, 100)
    assert texts(box, now=100 + 2 * PERIOD - 1) == [b"hello"]
    assert texts(box, now=100 + 2 * PERIOD) == []
    assert box.counted() == {"board: out of date": 1}


def test_no_sender_fills_the_box_and_all_together_cannot_either(box, monkeypatch):
    monkeypatch.setattr(mailbox, "MOST_OF_ONE", 3)
    monkeypatch.setattr(mailbox, "MOST", 5)
    for sequence in range(10):
        box.take(announced(letter(sender=EVE), by=EVE, sequence=sequence), 5, 100)
    box.take(announced(), 5, 100)
    assert len(texts(box)) == 4
    for number in range(5):
        other = Key.derive("mailbox tests", str(number))
        box.take(announced(letter(sender=other), by=other), 5, 100)
    assert len(texts(box)) == 5
    assert box.counted() == {"board: busy": 7 + 4}
