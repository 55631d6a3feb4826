"""A ledger beside a fresh one of the same blocks: whatever was changed in it is found and named."""

from contextlib import closing

import pytest
from sqlalchemy import JSON, Text, delete, insert, select, type_coerce, update

from fabmarket.chain import Settings, open_engine
from fabmarket.ledger import Follower, Ledger, LedgerError, schema
from fabmarket.ledger.comparing import (
    NotThereYet,
    Reorganised,
    compare,
    differences,
    require_of,
)
from fabmarket.ledger.schema import Digits
from tests.pasts import lived

TABLES = list(schema.METADATA.tables)
COLUMNS = [(name, column.name) for name, it in schema.METADATA.tables.items() for column in it.c]


def quiet(*_):
    pass


@pytest.fixture(scope="module")
def exchange():
    """A market with a past that has a row in every table."""
    with open_engine("embedded", Settings()) as engine:
        run = lived(engine)
        yield run.outcome.market.exchange
        run.outcome.store.close()


def followed(exchange, place=None, finality=8):
    ledger = Ledger(place)
    Follower(exchange.engine, exchange, ledger, finality).follow()
    return ledger


@pytest.fixture(scope="module")
def fresh(exchange):
    with closing(followed(exchange)) as ledger:
        yield ledger


@pytest.fixture(scope="module", params=["memory", "file", "postgresql"])
def ledger(request, exchange, tmp_path_factory):
    place = None
    if request.param == "file":
        place = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    elif request.param == "postgresql":
        place = request.getfixturevalue("postgresql").database()
    with closing(followed(exchange, place)) as ledger:
        yield ledger


def other(column, value):
    """Another value of a column, which no other row has."""
    if isinstance(column.type, JSON):
        return {"other": 1}
    if isinstance(column.type, Digits):
        return 1 if value is None else value + 1
    if isinstance(column.type, Text):
        return f"{value}x"
    return not value if isinstance(value, bool) else value + 10**6


def changed(ledger, fresh, *statements):
    """What differs after statements, which are taken back."""
    with ledger.engine.connect() as connection, fresh.at_once() as beside:
        for statement in statements:
            connection.execute(statement)
        found = differences(connection, beside, quiet)
        connection.rollback()
    return found


def first_row(ledger, name):
    """The first row of a table, and the condition that only it meets."""
    table = schema.METADATA.tables[name]
    with ledger.at_once() as connection:
        row = connection.execute(select(table).order_by(*table.primary_key)).mappings().first()
    return table, row, [column == row[column.name] for column in table.primary_key]


def test_a_ledger_that_nobody_touched_is_equal(ledger, fresh):
    found = changed(ledger, fresh)
    assert found.ok, found.wrong
    assert found.compared > 1_000


@pytest.mark.parametrize(("name", "column"), COLUMNS)
def test_regression_any_changed_value_is_found_and_named(ledger, fresh, name, column):
    """A balance that was changed in the file was shown on every page, and nobody looked."""
    table, row, one = first_row(ledger, name)
    value = other(table.c[column], row[column])
    found = changed(ledger, fresh, update(table).where(*one).values({column: value}))
    if table.c[column].primary_key:
        assert {each.what.split(" of ")[0] for each in found.wrong} == {name}
        gone, added = sorted(found.wrong, key=lambda each: each.logs == "no row")
        assert gone.found == added.logs == "no row"
        return
    (it,) = found.wrong
    key = ", ".join(f"{each.name} {row[each.name]}" for each in table.primary_key)
    assert it.what == f"{column} in {name} of {key}"
    assert it.logs != it.found


@pytest.mark.parametrize("name", TABLES)
def test_a_row_that_is_missing_or_too_many_is_found_and_named(ledger, fresh, name):
    table, row, one = first_row(ledger, name)
    (gone,) = changed(ledger, fresh, delete(table).where(*one)).wrong
    assert gone.what.startswith(f"{name} of ")
    assert (gone.logs == "no row", gone.found == "no row") == (False, True)
    more = {each.name: other(each, row[each.name]) for each in table.c}
    (added,) = changed(ledger, fresh, insert(table).values(more)).wrong
    assert added.what.startswith(f"{name} of ")
    assert (added.logs == "no row", added.found == "no row") == (True, False)


@pytest.mark.parametrize("value", ["'much'", "x'00ff'", "NULL", "1.5"])
def test_what_is_no_value_of_its_column_is_found_too(exchange, fresh, tmp_path, value):
    """SQLite takes anything anywhere but nothing where something must be."""
    with closing(followed(exchange, tmp_path / "ledger.sqlite")) as ledger:
        column = "price" if value == "NULL" else "trades"
        with ledger.engine.connect() as connection, fresh.at_once() as beside:
            text = f"UPDATE slot SET {column} = {value} WHERE price IS NOT NULL"  # noqa: S608
            connection.exec_driver_sql(text)
            found = differences(connection, beside, quiet)
            connection.rollback()
        assert found.wrong
        assert all(each.what.startswith(f"{column} in slot of supplier 0x") for each in found.wrong)
        assert "b'" not in str(found.wrong)


@pytest.mark.parametrize("finality", [0, 8, 10**6])
def test_a_fresh_ledger_is_written_up_to_where_the_other_has_come(exchange, place, finality):
    with closing(followed(exchange, place, finality)) as ledger:
        last = ledger.followed()
        told = []
        found = compare(exchange, ledger, lambda *each: told.append(each))
        assert found.check.ok, found.check.wrong
        assert (found.block, found.block_hash) == last
        assert {what for what, *_ in told} == {"blocks of the ledger", "rows"}
        if place is not None:
            with ledger.engine.begin() as connection:
                connection.execute(update(schema.account).values(trades=77))
            assert (
                "trades in account of address 0x"
                in compare(exchange, ledger, quiet).check.wrong[0].what
            )


def test_what_an_agent_stores_final_blocks_alone_is_equal_too(exchange, tmp_path):
    with closing(Ledger(tmp_path / "events.sqlite")) as ledger:
        for finality in (30, 9, 4):
            for _ in Follower(exchange.engine, exchange, ledger, finality).poll():
                pass
            check = compare(exchange, ledger, quiet).check
            assert check.ok, check.wrong


def test_numbers_are_told_without_the_zeros_before_them_unless_those_differ(ledger, fresh):
    table, row, one = first_row(ledger, "account")
    it = update(table).where(*one)
    (found,) = changed(ledger, fresh, it.values(balance=row["balance"] + 1)).wrong
    assert (found.logs, found.found) == (str(row["balance"]), str(row["balance"] + 1))
    text = type_coerce(str(row["balance"]), Text)
    (found,) = changed(ledger, fresh, it.values(balance=text)).wrong
    assert (found.logs, found.found) == (str(row["balance"]).zfill(58), str(row["balance"]))


def test_a_block_that_was_taken_back_is_no_difference_while_it_may_be(exchange, tmp_path):
    """Who follows the chain will take it back, too; of one that is final it is a difference."""
    for finality in (8, 0):
        with closing(followed(exchange, tmp_path / f"{finality}.sqlite", finality)) as ledger:
            number, _ = ledger.followed()
            it = update(schema.block).where(schema.block.c.number == number)
            with ledger.engine.begin() as connection:
                connection.execute(it.values(hash="0x" + 64 * "7"))
            if finality:
                with pytest.raises(Reorganised, match="was taken back"):
                    compare(exchange, ledger, quiet)
            else:
                (found,) = compare(exchange, ledger, quiet).check.wrong
                assert found.what == f"hash in block of number {number}"


def test_a_node_that_is_behind_the_ledger_is_no_verdict(exchange, tmp_path):
    with closing(followed(exchange, tmp_path / "ledger.sqlite")) as ledger:
        with ledger.engine.begin() as connection:
            number, _ = ledger.followed()
            it = update(schema.block).where(schema.block.c.number == number)
            connection.execute(it.values(number=number + 10**6))
        with pytest.raises(NotThereYet, match="the node to"):
            compare(exchange, ledger, quiet)


def test_a_ledger_of_another_market_is_refused(exchange):
    with closing(Ledger()) as ledger:
        with pytest.raises(LedgerError, match="give the ledger of this market"):
            require_of(ledger, exchange)
        ledger.belong_to(exchange.engine.chain_id, exchange.address)
        require_of(ledger, exchange)
        with pytest.raises(LedgerError, match="has come to no block"):
            compare(exchange, ledger, quiet)
