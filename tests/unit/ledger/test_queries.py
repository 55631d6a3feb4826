import base64
import json
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.event import listen

from fabmarket.ledger import schema
from fabmarket.ledger.queries import products
from fabmarket.ledger.queries.accounts import account, accounts
from fabmarket.ledger.queries.capacity import SlotFilter, calendar, resource, resources, slot, slots
from fabmarket.ledger.queries.cycles import cycle, cycles
from fabmarket.ledger.queries.escrows import EscrowFilter, escrow, escrows
from fabmarket.ledger.queries.log import EventFilter, events
from fabmarket.ledger.queries.market import first_block_from, head, market
from fabmarket.ledger.queries.operators import operators
from fabmarket.ledger.queries.paging import MOST, Asked, BadQuery, Page
from fabmarket.ledger.queries.products import bundle, bundles
from fabmarket.ledger.queries.snapshot import snapshot
from fabmarket.ledger.queries.statistics import days, outcomes, totals, volume
from fabmarket.ledger.queries.trades import TradeFilter, TradeRow, trade, trades
from tests.filled_ledger import (
    ANNE,
    BERT,
    CARA,
    HUGE,
    LENGTH,
    ORIGIN,
    TOKEN,
    digest,
    empty,
    fill,
    new_trade,
)

Query = Callable[[Connection, Asked], Page[object]]
QUERIES: dict[str, Query] = {
    "trades": lambda db, asked: trades(db, TradeFilter(), asked),
    "trades of an account": lambda db, asked: trades(db, TradeFilter(account=ANNE), asked),
    "trades of a supplier": lambda db, asked: trades(db, TradeFilter(supplier=BERT), asked),
    "resources": lambda db, asked: resources(db, asked=asked),
    "slots": lambda db, asked: slots(db, asked=asked),
    "accounts": lambda db, asked: accounts(db, asked=asked),
    "operators": operators,
    "cycles": cycles,
    "escrows": lambda db, asked: escrows(db, asked=asked),
    "bundles": lambda db, asked: bundles(db, asked=asked),
    "volume": lambda db, asked: volume(db, asked=asked),
    "events": lambda db, asked: events(db, asked=asked),
    "events, oldest first": lambda db, asked: events(db, asked=asked, oldest_first=True),
    "calendar": lambda db, asked: calendar(db, ORIGIN, ORIGIN + LENGTH, asked=asked),
}


def place_of(kind: str, request: pytest.FixtureRequest) -> str | None:
    """Where a new ledger goes, in memory or on a PostgreSQL server."""
    if kind == "memory":
        return None
    url: str = request.getfixturevalue("postgresql").database()
    return url


@pytest.fixture(scope="module", params=["memory", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = empty(place_of(request.param, request))
    fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def database(engine: Engine) -> Iterator[Connection]:
    with snapshot(engine) as connection:
        yield connection


@pytest.fixture(scope="module", params=["memory", "postgresql"])
def unfilled(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = empty(place_of(request.param, request))
    yield engine
    engine.dispose()


@pytest.fixture
def nothing(unfilled: Engine) -> Iterator[Connection]:
    with snapshot(unfilled) as connection:
        yield connection


def walked(query: Query, connection: Connection, limit: int) -> list[object]:
    rows: list[object] = []
    cursor: str | None = None
    while True:
        page = query(connection, Asked(cursor, limit))
        rows += page.rows
        cursor = page.next
        if cursor is None:
            return rows


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("limit", [1, 3])
def test_pages_of_any_size_give_each_row_once(name: str, limit: int, database: Connection) -> None:
    whole = QUERIES[name](database, Asked(limit=MOST))
    assert whole.next is None
    assert whole.rows
    assert walked(QUERIES[name], database, limit) == list(whole.rows)


@pytest.mark.parametrize("name", QUERIES)
def test_an_empty_ledger_has_an_empty_page(name: str, nothing: Connection) -> None:
    assert QUERIES[name](nothing, Asked()) == Page((), None)


def test_an_empty_ledger_has_no_market(nothing: Connection) -> None:
    assert market(nothing) is None
    assert head(nothing) is None
    assert totals(nothing).trades == 0
    assert trade(nothing, digest("trade", 0)) is None


def test_a_page_goes_on_where_it_ended_whatever_came_meanwhile() -> None:
    engine = empty()
    fill(engine, 10)
    with engine.connect() as connection:
        page = trades(connection, asked=Asked(limit=4))
    more = empty()
    fill(more, 40)
    with more.connect() as connection:
        rest = trades(connection, asked=Asked(page.next, MOST))
    assert [row.trade for row in rest.rows] == [digest("trade", i) for i in range(5, -1, -1)]


def test_a_cursor_serves_the_query_that_gave_it_alone(database: Connection) -> None:
    cursor = trades(database, TradeFilter(supplier=BERT), Asked(limit=2)).next
    with pytest.raises(BadQuery, match="cursor is none of this query"):
        trades(database, TradeFilter(supplier=ANNE), Asked(cursor))
    with pytest.raises(BadQuery, match="cursor"):
        escrows(database, asked=Asked(cursor))


def forged(cursor: str, *key: object) -> str:
    tag = json.loads(base64.urlsafe_b64decode(cursor + "=="))[0]
    return base64.urlsafe_b64encode(json.dumps([tag, *key]).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "key",
    [
        (),
        (1,),
        (1, 2, 3),
        ("1", 2),
        (1.0, 2),
        (True, 2),
        (-1, 2),
        (1 << 63, 0),
        ([], {}),
        (None, 1),
    ],
)
def test_a_forged_key_never_reaches_the_database(
    key: tuple[object, ...], database: Connection
) -> None:
    cursor = trades(database, asked=Asked(limit=2)).next
    assert cursor is not None
    with pytest.raises(BadQuery, match="cursor"):
        trades(database, asked=Asked(forged(cursor, *key)))


@pytest.mark.parametrize(
    "cursor", ["", "=", "é", "AAAA", "a" * 5000, base64.b64encode(b"[" * 700).decode(), "bnVsbA"]
)
def test_what_is_no_cursor_is_refused(cursor: str, database: Connection) -> None:
    with pytest.raises(BadQuery, match="cursor"):
        trades(database, asked=Asked(cursor))


@pytest.mark.parametrize("text", ["a\0b", "é", 7])
def test_a_forged_text_never_reaches_the_database(text: object, database: Connection) -> None:
    cursor = accounts(database, asked=Asked(limit=1)).next
    assert cursor is not None
    with pytest.raises(BadQuery, match="cursor"):
        accounts(database, asked=Asked(forged(cursor, text, TOKEN)))


@pytest.mark.parametrize("limit", [0, -1, MOST + 1])
def test_a_limit_has_bounds(limit: int, database: Connection) -> None:
    with pytest.raises(BadQuery, match="limit") as caught:
        trades(database, asked=Asked(limit=limit))
    assert caught.value.field == "limit"


Kept = Callable[[TradeRow], bool]
FILTERS: list[tuple[TradeFilter, Kept]] = [
    (TradeFilter(account=ANNE), lambda row: ANNE in (row.supplier, row.demander)),
    (TradeFilter(account=ANNE, supplier=BERT), lambda row: row.demander == ANNE),
    (TradeFilter(account=ANNE, supplier=BERT, demander=CARA), lambda row: False),
    (TradeFilter(name="milling"), lambda row: row.name == "milling"),
    (
        TradeFilter(demander=ANNE, name="turning"),
        lambda row: (row.demander, row.name) == (ANNE, "turning"),
    ),
    (TradeFilter(listing=digest(BERT, "turning", 2)), lambda row: int(row.nonce) % 12 in (1, 5)),
    (TradeFilter(since=ORIGIN + 12 * 15), lambda row: row.block >= 15),
    (TradeFilter(until=ORIGIN + 12 * 15), lambda row: row.block < 15),
    (TradeFilter(since=ORIGIN + 181, until=ORIGIN + 205), lambda row: row.block in (16, 17)),
    (TradeFilter(token=ANNE), lambda row: False),
]


@pytest.mark.parametrize(("where", "kept"), FILTERS)
def test_filters_of_trades(where: TradeFilter, kept: Kept, database: Connection) -> None:
    everything = trades(database, asked=Asked(limit=MOST)).rows
    found = trades(database, where, Asked(limit=MOST)).rows
    assert found == tuple(row for row in everything if kept(row))


def test_the_first_block_from_a_time_on(database: Connection) -> None:
    stored = [1, *range(10, 30), 50]  # block n at second 12 n
    for time in range(-5, 12 * 50 + 20):
        right = next((number for number in stored if 12 * number >= time), 51)
        found = first_block_from(database, ORIGIN + time)
        assert [n for n in stored if n >= found] == [n for n in stored if n >= right]


def test_one_trade_with_its_slot(database: Connection) -> None:
    row = trade(database, digest("trade", 5))
    assert row is not None
    assert row.payment == 3 * HUGE
    assert (row.begins, row.ends) == (ORIGIN + 2 * LENGTH, ORIGIN + 3 * LENGTH)
    assert not row.is_escrow


def test_slots_by_what_they_offer(database: Connection) -> None:
    def kept(where: SlotFilter) -> list[int]:
        return sorted({row.slot for row in slots(database, where, Asked(limit=MOST)).rows})

    assert kept(SlotFilter(which="attested")) == [0, 1, 2, 3, 4]
    assert kept(SlotFilter(which="listed")) == [1, 2, 3, 4]
    assert kept(SlotFilter(which="for sale")) == [2, 3, 4]
    assert kept(SlotFilter(since=ORIGIN + LENGTH, until=ORIGIN + 2 * LENGTH)) == [1]
    assert kept(SlotFilter(since=ORIGIN + LENGTH - 1, until=ORIGIN + 2 * LENGTH + 1)) == [0, 1, 2]


def test_a_slot_by_its_listing(database: Connection) -> None:
    row = slot(database, digest(BERT, "milling", 3))
    assert row is not None
    assert (row.supplier, row.name, row.slot) == (BERT, "milling", 3)
    assert resource(database, BERT, row.resource) is not None
    assert resource(database, CARA, row.resource) is None


def test_a_calendar_has_all_resources_and_the_slots_of_the_window(database: Connection) -> None:
    page = calendar(database, ORIGIN + LENGTH, ORIGIN + 3 * LENGTH, asked=Asked(limit=3))
    assert [(row.resource.supplier, row.resource.name) for row in page.rows] == [
        (row.supplier, row.name) for row in resources(database, asked=Asked(limit=3)).rows
    ]
    assert all([each.slot for each in row.slots] == [1, 2] for row in page.rows)
    far = calendar(database, ORIGIN + 99 * LENGTH, ORIGIN + 100 * LENGTH)
    assert [len(row.slots) for row in far.rows] == [0, 0, 0, 0]
    with pytest.raises(BadQuery, match="until"):
        calendar(database, ORIGIN, ORIGIN)


def test_escrows_and_products(database: Connection) -> None:
    disputed = escrows(database, EscrowFilter(disputed_ever=True)).rows
    assert disputed
    assert {row.state for row in disputed} == {"disputed"}
    assert escrows(database, EscrowFilter(state="closed")).rows[0].ruling is not None
    assert escrow(database, digest("trade", 8)) is not None
    assert escrow(database, digest("trade", 5)) is None


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (EscrowFilter(), "escrow_place"),
        (EscrowFilter(disputed_ever=True), "escrow_disputed"),
        (EscrowFilter(state="funded"), "escrow_state"),
    ],
)
def test_regression_a_page_of_escrows_is_read_in_the_order_of_an_index(
    where: EscrowFilter, index: str
) -> None:
    """All escrows were read and sorted for each page: half a second with 100,000 trades."""
    engine = empty()
    fill(engine)
    asked: list[tuple[str, tuple[object, ...]]] = []
    listen(engine, "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
    with snapshot(engine) as database:
        assert escrows(database, where).rows
        ((statement, values),) = [each for each in asked if "FROM escrow" in each[0]]
        plan = database.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    steps = [row[3] for row in plan]
    assert any(f"USING INDEX {index}" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
    engine.dispose()


def test_products_are_bundles_in_escrow_and_those_paid_at_once(database: Connection) -> None:
    whole = bundles(database).rows
    assert [row.block for row in whole] == [28, 26, 24, 22, 20, 18, 16, 14, 12, 10]
    assert all(len(row.trades) == 2 and row.demander == CARA for row in whole)
    in_escrow, at_once = whole[1::2], whole[::2]
    assert [row.bundle for row in in_escrow] == [digest("bundle", i) for i in (4, 3, 2, 1, 0)]
    assert all(row.bundle == row.transaction_hash for row in at_once)
    assert {one.state for row in at_once for one in row.trades} == {"settled"}
    assert {one.to_supplier for row in at_once for one in row.trades} == {3 * HUGE}
    assert whole[0].payment == 6 * HUGE
    for row in whole:
        assert bundle(database, row.bundle) == row
    assert bundle(database, digest("no bundle")) is None
    assert bundle(database, "") is None
    assert bundles(database, demander=CARA).rows == whole
    assert bundles(database, demander=ANNE).rows == ()


def test_a_page_of_products_looks_through_so_many_trades(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bundles(database).rows
    monkeypatch.setattr(products, "MOST_LOOKED_AT", 5)
    page = bundles(database)
    assert page.rows == whole[:1]
    assert walked(lambda db, asked: bundles(db, asked=asked), database, 50) == list(whole)


def test_one_account_and_one_cycle(database: Connection) -> None:
    assert [row.balance for row in account(database, BERT)] == [2 * HUGE]
    assert account(database, TOKEN) == ()
    found = cycle(database, digest("cycle"))
    assert found is not None
    assert [row.amount for row in found.rows] == [HUGE, -HUGE]
    assert cycle(database, digest("trade", 0)) is None


def test_the_log_by_kind_trade_and_block(database: Connection) -> None:
    delivered = events(database, EventFilter(kind="Delivered"), Asked(limit=MOST)).rows
    assert len(delivered) == 10
    steps = events(database, EventFilter(subject=digest("trade", 8))).rows
    assert [(row.kind, row.body["quantity"]) for row in steps] == [("Delivered", "3")]
    few = events(database, EventFilter(since=12, until=14), oldest_first=True).rows
    assert [row.block for row in few] == sorted(row.block for row in few)
    assert {row.block for row in few} == {12, 13}


def test_what_was_agreed_is_told_apart_from_what_was_paid_and_given_back() -> None:
    # A regression: the overview called paid what waited in escrow and what had gone back.
    engine = empty()
    fill(engine)
    left = {  # of 100 agreed, with deposits of 5 and a bond of 10: to supplier, to demander
        "funded": (0, 0),
        "delivered": (20, 10),
        "accepted": (115, 5),
        "refunded": (5, 115),
    }
    with engine.begin() as connection:
        row = dict(connection.execute(select(schema.escrow).limit(1)).one()._mapping)
        connection.execute(delete(schema.escrow))
        for index, (state, (there, back)) in enumerate(left.items()):
            trade = {**new_trade(90, index), "payment": 100}
            connection.execute(insert(schema.trade), trade)
            is_over = state in ("accepted", "refunded")
            place = {"trade": trade["trade"], "block": 90, "log_index": index}
            stands = {"state": "closed" if is_over else state, "held": 0}
            sums = {"to_supplier": there, "to_demander": back}
            connection.execute(insert(schema.escrow), row | place | stands | sums)
        (found,) = outcomes(connection)
    assert (found.escrows, found.agreed, found.waiting) == (4, 400, 100 + 70)
    assert found.given_back == 10 + 0 + 100
    assert found.paid == 20 + 100


def test_volume_is_summed_by_day(database: Connection) -> None:
    assert [(row.day, row.trades, row.payment) for row in days(database, 20_700, 20_702)] == [
        (20_700, 4, 2 * HUGE),
        (20_701, 4, 2 * HUGE),
    ]
    assert days(database, 20_600, 20_700) == ()
    with pytest.raises(BadQuery, match="until"):
        days(database, 0, 401)
    assert [row.name for row in volume(database, name="milling").rows] == ["milling", "milling"]
    counted = totals(database)
    assert (counted.trades, counted.accounts, counted.slots) == (40, 3, 20)
    assert sum(counted.escrows.values()) == 10
    assert counted.last_day == 20_701
