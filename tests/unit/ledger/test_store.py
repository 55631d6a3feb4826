"""Events in a database: whole blocks, once, and nothing of another chain's or program's."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, select, text

from fabmarket.identity import Key
from fabmarket.ledger import Block, Entry, EventLog, LedgerBusy, LedgerError
from fabmarket.ledger.schema import METADATA, version
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
def store(place):
    with closing(EventLog(place)) as opened:
        yield opened


def deposit(amount: int) -> Deposited:
    return Deposited(ANNE, BERT, amount)


def contents(store):
    """All that is stored."""
    with store.engine.connect() as connection:
        return [
            sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in METADATA.tables.values()
        ]


def test_every_kind_of_event_comes_back_as_it_went_in(store):
    assert {type(event) for event in EXTREME} == set(EVENTS)
    store.append(block(2**62, *EXTREME))
    assert list(store.events()) == EXTREME


def test_events_come_page_by_page_in_chain_order(store):
    numbers = range(3, 5_000)
    store.append(*(block(n, deposit(2 * n), deposit(2 * n + 1)) for n in numbers))
    assert [event.amount for event in store.events()] == list(range(6, 10_000))
    after = [(number, entry.index) for number, _, entry in store.entries(4_997)]
    assert after == [(4_998, 0), (4_998, 1), (4_999, 0), (4_999, 1)]


def test_a_block_that_comes_again_changes_nothing(store):
    once = block(7, deposit(1), deposit(1))
    store.append(once)
    before = contents(store)
    store.append(once)
    assert contents(store) == before
    store.append(once, block(8, deposit(2)))
    assert [event.amount for event in store.events()] == [1, 1, 2]


@pytest.mark.parametrize(
    "other",
    [
        block(7, deposit(1), deposit(3)),
        block(7, deposit(1), Withdrawn(ANNE, BERT, 2, ANNE)),
        block(7, deposit(1), deposit(2), block_hash=ONES),
        block(7, deposit(1), deposit(2), transaction=ZEROS),
        block(7, deposit(1), deposit(2), first=1),
        block(7, deposit(1)),
        block(7, deposit(1), deposit(2), deposit(3)),
        block(6, deposit(1)),
    ],
    ids=[
        "another amount",
        "another kind",
        "another block hash",
        "another transaction",
        "other places",
        "a log less",
        "a log more",
        "an earlier block",
    ],
)
def test_a_block_that_contradicts_is_refused_with_all_that_comes_with_it(store, other):
    store.append(block(7, deposit(1), deposit(2)))
    before = contents(store)
    with pytest.raises(
        LedgerError, match=r"^block [67] is stored .*index .* again from the start$"
    ):
        store.append(other, block(8, deposit(9)))
    assert contents(store) == before


def test_a_reorganised_block_is_named(store):
    store.append(block(7, deposit(1)))
    with pytest.raises(LedgerError, match=r"block 7 is stored as 0x0000.*it was reorganised"):
        store.append(block(7, deposit(2), block_hash=ONES, first=1))
    assert list(store.events()) == [deposit(1)]


def test_a_block_without_events_leaves_its_number_and_time(store):
    assert (store.followed(), store.time()) == (None, 0)
    store.append(block(3, deposit(1)))
    store.append(block(5))
    assert (store.followed(), store.time()) == ((5, (5).to_bytes(32, "big")), 1005)
    store.append(block(9))
    assert (store.followed(), store.time()) == ((9, (9).to_bytes(32, "big")), 1009)
    assert store.final() == 9
    with store.engine.connect() as connection:  # of those that nobody can take back the last
        assert [n for (n,) in connection.execute(select(METADATA.tables["block"].c.number))] == [
            3,
            9,
        ]


def test_what_is_not_final_can_be_taken_back_and_nothing_else(store):
    store.append(*(block(n, *[deposit(n)] * (n % 2)) for n in range(1, 8)), final=4)
    assert [number for number, _ in store.open_blocks()] == [7, 6, 5, 4]
    store.roll_back(6)
    assert store.followed() == (6, (6).to_bytes(32, "big"))
    store.roll_back(4)
    assert [event.amount for event in store.events()] == [1, 3]
    assert store.final() == 4
    before = contents(store)
    with pytest.raises(LedgerError, match=r"up to 4 are final.* above 3 cannot .* from the start"):
        store.roll_back(3)
    assert contents(store) == before
    store.append(block(5, deposit(6), block_hash=ONES))
    assert [event.amount for event in store.events()] == [1, 3, 6]


def test_a_log_is_of_one_contract(store):
    store.belong_to(31337, ANNE)
    store.append(block(1, deposit(1)))
    store.belong_to(31337, ANNE)
    for other in ((31338, ANNE), (31337, BERT)):
        with pytest.raises(LedgerError, match=f"is of the market {ANNE} on chain 31337, not of"):
            store.belong_to(*other)


def test_what_is_closed_is_there_when_it_is_opened_again(tmp_path, postgresql):
    for place in (tmp_path / "ledger.sqlite", postgresql.database()):
        with closing(EventLog(place)) as store:
            store.append(block(1, *EXTREME))
        with closing(EventLog(place)) as store:
            assert list(store.events()) == EXTREME
            with pytest.raises(LedgerError):
                store.append(block(1, deposit(1)))


def test_the_dump_is_a_sqlite_file_that_others_can_read(tmp_path):
    with closing(EventLog()) as store:
        store.append(block(3, *EXTREME))
        path = tmp_path / "copy.sqlite"
        path.write_bytes(store.dump())
    with closing(sqlite3.connect(path)) as copy:
        rows = copy.execute(
            "SELECT block, log_index, hash, transaction_hash, kind FROM event"
            " JOIN block ON block = number ORDER BY 1, 2"
        ).fetchall()
        amount = copy.execute(
            "SELECT json_extract(body, '$.amount') FROM event WHERE kind = 'Deposited'"
        ).fetchone()
    number, sent = f"0x{3:064x}", "0x" + ONES.hex()
    assert rows == [
        (3, index, number, sent, type(event).__name__) for index, event in enumerate(EXTREME)
    ]
    assert amount == (str(U256),)
    with closing(EventLog(path)) as again:
        assert list(again.events()) == EXTREME


def test_a_server_s_database_is_no_file(postgresql):
    store = EventLog(postgresql.database())
    with closing(store), pytest.raises(LedgerError, match="copy it with pg_dump"):
        store.dump()


def test_one_that_is_just_being_made_holds_nothing_yet(tmp_path, postgresql):
    path = tmp_path / "events.sqlite"
    path.touch()
    for place in (path, postgresql.database()):
        with pytest.raises(LedgerError, match="is no event log"):
            EventLog.reading(place)
        with closing(EventLog.reading(place, is_kept=True)) as store:
            assert (store.followed(), store.time(), list(store.events())) == (None, 0, [])


def test_what_is_only_read_is_not_changed(tmp_path, postgresql):
    for place in (tmp_path / "events.sqlite", postgresql.database()):
        with closing(EventLog(place)) as writer:
            writer.append(block(1, deposit(1)))
            with closing(EventLog.reading(place)) as reader:
                with pytest.raises((LedgerError, LedgerBusy)):
                    reader.append(block(2, deposit(2)))
                writer.append(block(3, deposit(3)))
                assert reader.followed() == writer.followed()
                assert list(reader.events()) == [deposit(1), deposit(3)]


def revision(place, value):
    """Say that a database is of another version."""
    with closing(EventLog(place)) as store, store.engine.begin() as connection:
        connection.execute(text("UPDATE ledger_version SET version_num = :it"), {"it": value})


def test_a_newer_database_is_refused_and_an_older_one_only_read(tmp_path, postgresql):
    for place in (tmp_path / "events.sqlite", postgresql.database()):
        revision(place, "9999")
        for opened in (EventLog, EventLog.reading):
            with pytest.raises(
                LedgerError, match="version 9999, this fabmarket knows 0001; use the"
            ):
                opened(place)


@pytest.mark.parametrize("content", ["tables", "garbage"])
def test_a_file_of_another_program_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "mine.sqlite"
    if content == "tables":
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE mine (it)")
    else:
        path.write_bytes(b"no database " * 400)
    before = path.read_bytes()
    for opened in (EventLog, EventLog.reading, lambda it: EventLog.reading(it, is_kept=True)):
        with pytest.raises(LedgerError, match=r"mine.sqlite is no event log.*give another path"):
            opened(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["mine.sqlite"]


def test_tables_of_others_on_a_server_are_left_alone(postgresql):
    place = postgresql.database()
    with psycopg.connect(place) as connection:
        connection.execute("CREATE TABLE trade (it int)")
    with pytest.raises(LedgerError, match="it has a table trade"):
        EventLog(place)
    beside = postgresql.database()
    with psycopg.connect(beside) as connection:
        connection.execute("CREATE TABLE unrelated (it int)")
    with closing(EventLog(beside)) as store:
        store.append(block(1, deposit(1)))


def test_a_server_that_does_not_answer_is_to_be_tried_again_and_its_password_not_shown():
    with pytest.raises(LedgerBusy, match="does not answer") as caught:
        EventLog("postgresql://anne:secret@127.0.0.1:1/ledger")
    assert "secret" not in str(caught.value)
    assert "anne:***@127.0.0.1:1" in str(caught.value)


def test_a_path_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(LedgerError, match="is no event log"):
        EventLog(tmp_path / "nowhere" / "ledger.sqlite")
    with pytest.raises(LedgerError, match="is no event log"):
        EventLog.reading(tmp_path / "ledger.sqlite")


def test_a_full_disk_leaves_what_was_stored(tmp_path):
    with closing(EventLog(tmp_path / "ledger.sqlite")) as store:
        store.append(block(1, deposit(1)))
        with closing(store.engine.raw_connection()) as connection:
            pages = connection.cursor().execute("PRAGMA page_count").fetchone()[0]
            connection.cursor().execute(f"PRAGMA max_page_count = {pages}")
        many = [block(n, *[deposit(n)] * 50) for n in range(2, 50)]
        with pytest.raises(LedgerBusy, match=r"takes nothing .*full"):
            store.append(*many)
        assert list(store.events()) == [deposit(1)]
        assert store.followed() == (1, (1).to_bytes(32, "big"))


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with closing(EventLog(path)) as store:
        store.append(*(block(n, deposit(n)) for n in range(1, 2_000)))
    damaged = bytearray(path.read_bytes())
    half = len(damaged) // 2
    damaged[half:] = bytes(len(damaged) - half)
    path.write_bytes(damaged)
    store = EventLog.reading(path)
    with closing(store), pytest.raises(LedgerError, match="is damaged"):
        list(store.events())


def test_the_migrations_make_the_tables_that_the_code_knows(postgresql):
    """Else a new database would be another than one that was moved forward."""
    for place in (None, postgresql.database()):
        with closing(EventLog(place)) as store, store.engine.connect() as connection:
            options = {"compare_type": True, "version_table": version.name}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, METADATA) == []
    made = create_engine("sqlite://")
    METADATA.create_all(made)
    with closing(EventLog()) as store:
        assert statements(store.engine) - statements(made) == {
            "CREATE TABLE ledger_version ( version_num VARCHAR(32) NOT NULL, CONSTRAINT"
            " ledger_version_pkc PRIMARY KEY (version_num) )"
        }
        assert statements(made) <= statements(store.engine)


def statements(engine):
    with engine.connect() as connection:
        said = connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return {" ".join(sql.split()) for (sql,) in said}


def test_two_may_open_a_new_database_at_once(tmp_path, postgresql):
    for place in (tmp_path / "ledger.sqlite", postgresql.database()):
        with ThreadPoolExecutor(4) as threads:
            stores = list(threads.map(EventLog, [place] * 4))
        for number, store in enumerate(stores):
            store.append(block(number + 1, deposit(number)))
            store.close()
        with closing(EventLog.reading(place)) as store:
            assert [event.amount for event in store.events()] == [0, 1, 2, 3]
