"""Moves on their way to a real chain: signed once, sent as often as it takes, with one effect."""

from itertools import pairwise

import pytest

from fabmarket.chain import Settings, Transaction, open_engine, signed
from fabmarket.identity import Key
from fabmarket.market.exchange import Deposit, List, RaiseEpoch
from fabmarket.node.journal import JournalFull
from tests.unit.node.house import House


@pytest.fixture
def house():
    with open_engine("embedded", Settings()) as engine:
        yield House(engine)


def raws(house):
    return [each.raw for each in house.outbox.outgoing()]


def part(house, share):
    return Deposit(house.deposit.token, house.deposit.amount // share)


def test_nonces_follow_from_the_account_s(house):
    start = house.engine.nonce(house.key.address)
    for share in (2, 4, 8):
        house.participant.order(part(house, share))
    assert len(raws(house)) == 3
    assert house.nonces() == [start, start + 1, start + 2]
    house.participant.order(part(house, 16))
    raws(house)
    assert house.nonces() == [start, start + 1, start + 2, start + 3]


def test_a_move_signed_once_keeps_its_bytes_after_a_restart_too(house):
    """Fault 1: killed between signing and sending."""
    house.participant.order(part(house, 2))
    house.participant.order(part(house, 4))
    first = raws(house)
    assert raws(house) == first
    house.restart()
    assert raws(house) == first
    house.participant.order(part(house, 8))
    assert raws(house)[:2] == first
    for raw in raws(house):
        (receipt,) = house.engine.mine([raw])
        assert receipt.status == 1
    assert house.balance() == sum(house.deposit.amount // share for share in (2, 4, 8))


def test_what_was_mined_and_not_ticked_off_has_no_second_effect(house):
    """Fault 2: killed between sending and receipt. It was once sent again under a used nonce."""
    house.participant.order(part(house, 2))
    house.engine.mine(raws(house))
    house.restart()
    assert raws(house) == []
    assert house.journal.moves() == []
    assert house.balance() == house.deposit.amount // 2


def test_what_failed_on_chain_is_not_tried_again(house):
    house.participant.order(Deposit(house.deposit.token, house.deposit.amount * 2))
    (receipt,) = house.engine.mine(raws(house))
    assert receipt.status == 0
    house.restart()
    assert raws(house) == []


def test_ticking_off_forgets_one_move(house):
    house.participant.order(part(house, 2))
    house.participant.order(part(house, 4))
    one, two = house.outbox.outgoing()
    (receipt,) = house.engine.mine([one.raw])
    house.outbox.mined(one, receipt)
    house.restart()
    assert raws(house) == [two.raw]


def test_a_nonce_that_was_used_elsewhere_gives_the_move_another(house):
    """Fault 13: the same key in another wallet. The move still has one effect."""
    house.participant.order(part(house, 2))
    house.participant.order(part(house, 4))
    before = raws(house)
    nonce = house.engine.nonce(house.key.address)
    elsewhere = Transaction(house.key, "fund", Key.derive("shop").address, b"", 21_000, 1)
    (receipt,) = house.engine.mine([signed(house.engine, elsewhere, nonce)])
    assert receipt.status == 1
    house.restart()
    done = []
    for _ in range(3):
        done += house.outbox.push()
        house.restart()
    assert [receipt.status for _, receipt in done] == [1, 1]
    assert sorted(sent.nonce for sent, _ in done) == [nonce + 1, nonce + 2]
    assert [sent.raw in before for sent, _ in done] == [True, False]
    assert house.balance() == house.deposit.amount // 2 + house.deposit.amount // 4
    assert house.journal.moves() == []


def test_pushing_again_and_again_has_one_effect(house):
    """A new process before every push; each move is reported as done once."""
    for share in (2, 4, 8):
        house.participant.order(part(house, share))
    done = []
    for _ in range(5):
        done += [sent.number for sent, _ in house.outbox.push()]
        house.restart()
    assert len(done) == len(set(done)) == 3
    assert house.balance() == sum(house.deposit.amount // share for share in (2, 4, 8))
    assert house.engine.nonce(house.key.address) == 4  # with the approval


def test_all_is_returned_in_the_order_in_which_it_must_be_mined(house):
    for move in (part(house, 2), RaiseEpoch(house.deposit.token), List(())):
        house.participant.order(move)
    assert [each.transaction.action for each in house.outbox.outgoing()] == [
        "deposit",
        "raiseEpoch",
        "list",
    ]
    assert all(one < two for one, two in pairwise(house.nonces()))


def order_without_end(house):
    while True:
        house.participant.order(Deposit(house.deposit.token, 1))


def test_fault_14_what_cannot_be_written_down_is_not_sent(house):
    """On a full disk; with room again each move is signed once and has its effect."""
    (pages,) = house.journal._db.execute("PRAGMA page_count").fetchone()
    house.journal._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalFull):
        order_without_end(house)
    ordered, nonce = len(house.journal.moves()), house.engine.nonce(house.key.address)
    with pytest.raises(JournalFull):
        house.outbox.push()
    assert house.engine.nonce(house.key.address) == nonce
    assert None in house.nonces()
    house.journal._db.execute("PRAGMA max_page_count = 1000000")
    while house.journal.moves():
        house.outbox.push()
    assert house.balance() == ordered > 0
