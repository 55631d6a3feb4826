import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from fabmarket.identity import Key
from fabmarket.ledger import Block, Entry, EventStore, LedgerError
from fabmarket.market.events import (
    EVENTS,
    Cause,
    CommitmentReduced,
    Delivered,
    Deployed,
    Deposited,
    Disputed,
    EpochRaised,
    Escrowed,
    GraceOpened,
    IntentsVoided,
    Listed,
    ListingEpochRaised,
    NetSettled,
    NoncesCancelled,
    OperatorsSet,
    Paused,
    Relayed,
    Released,
    ResourceRegistered,
    RulingPosted,
    Settled,
    Skipped,
    SlotAttested,
    SlotSealed,
    SplitsVoided,
    TokenSet,
    Uncovered,
    Unlisted,
    Withdrawn,
)
from fabmarket.market.parameters import DAYS, HOURS, Parameters
from fabmarket.market.trade import Escrow, Trade

ANNE, BERT = Key.derive("anne").address, Key.derive("bert").address
ZEROS, ONES = bytes(32), b"\xff" * 32
U64, U128, U256 = 2**64 - 1, 2**128 - 1, 2**256 - 1

U16, U32, U40 = 2**16 - 1, 2**32 - 1, 2**40 - 1
TERMS = Escrow(ONES, U64, U64, U64, U64, U64, U16, U16, U16, U128, U16, U16)
TRADE = Trade(ONES, ANNE, BERT, U64, U128, U64, U64, U64, U64, ONES, ZEROS, TERMS)

EXTREME = [
    Deployed(HOURS, ANNE, BERT),
    Deployed(replace(DAYS, longest_life=U32), BERT, ANNE),
    Deployed(Parameters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0), "", ""),
    OperatorsSet(U32, (ANNE, BERT), U256, U64),
    OperatorsSet(0, (), 0, 0),
    Paused(U64),
    TokenSet(BERT, True),
    TokenSet(BERT, False),
    ResourceRegistered(ANNE, ONES, ZEROS, 0, U64),
    SlotAttested(ANNE, ZEROS, U64, 0, U64, U64),
    SlotSealed(ANNE, ZEROS, U64, ONES, U64, U64),
    Listed(ONES, ANNE, ZEROS, U64, U64, 0),
    Unlisted(ONES, ANNE, ZEROS, U64, U64, 0),
    ListingEpochRaised(ONES, ANNE, U32),
    CommitmentReduced(ANNE, ONES, U64, U64),
    Deposited(ANNE, BERT, U256),
    Withdrawn(ANNE, BERT, 2**63, BERT),
    NoncesCancelled(ANNE, BERT, U32, 2**96 - 1),
    EpochRaised(ANNE, BERT, U32),
    Relayed(ANNE, U256),
    IntentsVoided(ANNE, U256),
    Settled(ONES, ANNE, ZEROS, BERT, U256),
    Skipped(U256, b"\xff\0\0\0", ONES, ZEROS, ANNE),
    Escrowed(ONES, TRADE, U32, U40),
    Escrowed(ONES, replace(TRADE, escrow=Escrow()), 0, 0),
    Delivered(ZEROS, U64, U40),
    Disputed(ZEROS, ONES, U40),
    Uncovered(ZEROS, U40),
    GraceOpened(ONES, 4, U40, U40),
    SplitsVoided(ONES, U32),
    RulingPosted(ONES, U32, U16, 0, U16, U64, U40),
    *(Released(ONES, cause, U128, 0, closed) for cause in Cause for closed in (True, False)),
    NetSettled(ONES, BERT, ZEROS, (U256, 0, 1, U256), (U256, 0)),
    NetSettled(ONES, BERT, ZEROS, (), ()),
]


def block(
    number: int, *events, block_hash: bytes | None = None, transaction: bytes = ONES, first=0
):
    named = number.to_bytes(32, "big") if block_hash is None else block_hash
    entries = (Entry(at, transaction, event) for at, event in enumerate(events, first))
    return Block(number, named, ZEROS, 1000 + number, tuple(entries))


@pytest.fixture
def store():
    with closing(EventStore()) as opened:
        yield opened


def deposit(amount: int) -> Deposited:
    return Deposited(ANNE, BERT, amount)


def test_every_kind_of_event_comes_back_as_it_went_in(store):
    assert {type(event) for event in EXTREME} == set(EVENTS)
    store.append(block(2**62, *EXTREME))
    assert list(store.events()) == EXTREME


def test_events_come_in_chain_order_however_they_arrive(store):
    store.append(block(10, deposit(3), deposit(4)))
    store.append(block(9, deposit(2)))
    store.append(block(2, deposit(1)))
    store.append(block(11, deposit(5)))
    assert [event.amount for event in store.events()] == [1, 2, 3, 4, 5]


def test_a_block_that_comes_again_changes_nothing(store):
    once = block(7, deposit(1), deposit(1))
    store.append(once)
    before = store.dump()
    store.append(once)
    store.append(replace(once, entries=once.entries[1:]))
    assert store.dump() == before


@pytest.mark.parametrize(
    "other",
    [
        block(7, deposit(1), deposit(3)),
        block(7, deposit(1), Withdrawn(ANNE, BERT, 2, ANNE)),
        block(7, deposit(1), deposit(2), block_hash=ONES),
        block(7, deposit(1), deposit(2), transaction=ZEROS),
    ],
    ids=["another amount", "another kind", "another block hash", "another transaction"],
)
def test_a_block_that_contradicts_is_refused_whole(store, other):
    store.append(block(7, deposit(1), deposit(2)))
    before = store.dump()
    with pytest.raises(LedgerError, match=r"^block 7 .*index .* again from the start$"):
        store.append(replace(other, entries=(Entry(2, ONES, deposit(9)), *other.entries)))
    assert store.dump() == before


def test_a_reorganised_block_with_logs_elsewhere_is_refused(store):
    store.append(block(7, deposit(1)))
    with pytest.raises(LedgerError, match=r"block 7 is stored as 0x0000.*it was reorganised"):
        store.append(block(7, deposit(2), block_hash=ONES, first=1))
    assert list(store.events()) == [deposit(1)]


def test_how_far_the_chain_was_followed_never_goes_back(store):
    assert store.followed() is None
    store.append(block(7, deposit(1)))
    store.append(block(9))
    assert store.followed() == (9, (9).to_bytes(32, "big"))
    store.append(block(8, deposit(2)))
    assert store.followed() == (9, (9).to_bytes(32, "big"))
    assert list(store.events()) == [deposit(1), deposit(2)]


def test_a_block_without_events_leaves_its_number_alone(store, tmp_path):
    store.append(block(3))
    path = tmp_path / "copy.sqlite"
    path.write_bytes(store.dump())
    with closing(EventStore(path)) as again:
        assert again.followed() == (3, (3).to_bytes(32, "big"))
        assert list(again.events()) == []


def test_a_store_in_a_file_is_there_after_closing(tmp_path):
    with closing(EventStore(tmp_path / "ledger.sqlite")) as store:
        store.append(block(1, *EXTREME))
    with closing(EventStore(tmp_path / "ledger.sqlite")) as store:
        assert list(store.events()) == EXTREME
        with pytest.raises(LedgerError):
            store.append(block(1, deposit(1)))


def test_the_dump_is_a_sqlite_file_that_others_can_read(store, tmp_path):
    store.append(block(3, *EXTREME))
    path = tmp_path / "copy.sqlite"
    path.write_bytes(store.dump())
    with closing(sqlite3.connect(path)) as copy:
        rows = copy.execute(
            "SELECT block, log_index, block_hash, transaction_hash, kind FROM event ORDER BY 1, 2"
        ).fetchall()
        amount = copy.execute(
            "SELECT json_extract(body, '$.amount') FROM event WHERE kind = 'Deposited'"
        ).fetchone()
    number = (3).to_bytes(32, "big")
    assert rows == [
        (3, index, number, ONES, type(event).__name__) for index, event in enumerate(EXTREME)
    ]
    assert amount == (str(U256),)
    with closing(EventStore(path)) as again:
        assert list(again.events()) == EXTREME


def test_one_that_is_just_being_made_holds_nothing_yet(tmp_path):
    path = tmp_path / "events.sqlite"
    path.touch()
    with pytest.raises(LedgerError, match="is no event log"):
        EventStore.reading(path)
    with closing(EventStore.reading(path, is_kept=True)) as store:
        assert (store.followed(), store.time(), list(store.events())) == (None, 0, [])
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE mine (it)")
    with pytest.raises(LedgerError, match="is no event log"):
        EventStore.reading(path)
