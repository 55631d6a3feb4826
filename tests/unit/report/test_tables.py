"""Tables of a ledger as files: whole, exact, and nothing in them that a spreadsheet would run."""

import csv
import doctest
import io
import json
import re
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from basyx.aas import model
from basyx.aas.adapter import aasx
from basyx.aas.adapter.json import read_aas_json_file
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from pydantic import TypeAdapter
from sqlalchemy import Connection, Engine, delete, func, select, update

from fabmarket.ledger import schema
from fabmarket.ledger.queries.escrows import EscrowRow, escrows
from fabmarket.ledger.queries.paging import BadQuery
from fabmarket.ledger.queries.snapshot import snapshot
from fabmarket.ledger.queries.trades import TradeRow, trades
from fabmarket.report.tables import rows, writers
from fabmarket.report.tables.rows import (
    EVERY_ROW,
    PAGE,
    SOURCES,
    Column,
    Filters,
    columns_of,
    is_of_tokens,
    rows_of,
    utc,
)
from fabmarket.report.tables.shells import MOST_TRADES, write_shell
from fabmarket.report.tables.writers import MOST_EXCEL, WRITERS, NotExported, guarded
from tests.filled_ledger import ANNE, BERT, CARA, HUGE, LENGTH, ORIGIN, TOKEN, empty, fill

TRADES = 60
REFERENCE = (Path(__file__).parents[3] / "docs/reference/tables.md").read_text("utf-8")
TAKEN_BACK = REFERENCE.split("```python\n")[1].split("```")[0]
HOSTILE = "=HYPERLINK(1);=1+1"


@pytest.fixture(scope="module")
def ledger() -> Iterator[Engine]:
    engine = empty()
    fill(engine, TRADES)
    with engine.begin() as connection:
        connection.execute(update(schema.slot).where(schema.slot.c.slot == 2).values(name=HOSTILE))
    yield engine
    engine.dispose()


@pytest.fixture
def connection(ledger: Engine) -> Iterator[Connection]:
    with snapshot(ledger) as connection:
        yield connection


KNOWN = {TOKEN: ("=CR", 18)}


def written(form: str, connection: Connection, table: str, filters: Filters = EVERY_ROW) -> bytes:
    file = io.BytesIO()
    rows = list(rows_of(connection, table, filters, KNOWN))
    assert WRITERS[form](columns_of(table), iter(rows), file) == len(rows)
    return file.getvalue()


def taken_back(text: str) -> str:
    """By the line of Python that docs/reference/tables.md gives."""
    return str(eval(TAKEN_BACK, {"re": re, "text": text}))  # noqa: S307


@pytest.mark.parametrize("table", SOURCES)
def test_every_form_of_a_table_says_the_same(connection: Connection, table: str) -> None:
    names = [column.name for column in columns_of(table)]
    kinds = [column.kind for column in columns_of(table)]
    said = [
        [None if value is None else str(value).lower() if kind == "truth" else str(value)
         for kind, value in zip(kinds, row, strict=True)]
        for row in rows_of(connection, table, EVERY_ROW, KNOWN)
    ]  # fmt: skip
    assert said

    def of_json(row: list[Any]) -> list[Any]:
        """As texts, with what is JSON again written as Python writes it."""
        return [
            str(json.loads(value)) if kind == "json" and value is not None else value
            for kind, value in zip(kinds, row, strict=True)
        ]

    head, *rows = csv.reader(io.StringIO(written("csv", connection, table).decode(), newline=""))
    assert head == names
    none = [[taken_back(cell) if cell else None for cell in row] for row in rows]
    assert [of_json(row) for row in none] == [
        [None if cell == "" or (cell == "None" and kind == "json") else cell
         for kind, cell in zip(kinds, row, strict=True)]
        for row in said
    ]  # fmt: skip

    found = json.loads(written("json", connection, table))
    assert [list(record) for record in found] == [names] * len(said)

    stored = parquet.read_table(io.BytesIO(written("parquet", connection, table)))
    assert stored.column_names == names
    assert stored.num_rows == len(said)
    for name, kind in zip(names, kinds, strict=True):
        column = stored.column(name).to_pylist()
        assert [
            None if cell is None else str(cell) for cell in column if kind in ("units", "amount")
        ] == [row[names.index(name)] for row in said if kind in ("units", "amount")]

    sheet = openpyxl.load_workbook(io.BytesIO(written("xlsx", connection, table))).active
    assert sheet is not None
    assert [cell.value for cell in sheet[1]] == names
    assert sheet.max_row == 1 + len(said)
    assert all(cell.data_type != "f" for row in sheet for cell in row)


def test_amounts_are_exact_everywhere(connection: Connection) -> None:
    assert json.loads(written("json", connection, "trades"))[0]["payment"] == str(3 * HUGE)
    table = parquet.read_table(io.BytesIO(written("parquet", connection, "trades")))
    assert table["payment"][0].as_py() == str(3 * HUGE)
    assert table["quantity"][0].as_py() == Decimal(3)
    sheet = openpyxl.load_workbook(io.BytesIO(written("xlsx", connection, "trades"))).active
    assert sheet is not None
    assert sheet.cell(2, [c.name for c in columns_of("trades")].index("payment") + 1).value == str(
        3 * HUGE
    )


def test_a_name_that_is_a_formula_is_text_in_every_form(connection: Connection) -> None:
    text = written("csv", connection, "slots").decode()
    assert "'=HYPERLINK(1);'=1+1" in text
    names = {row["name"] for row in csv.DictReader(io.StringIO(text))}
    assert HOSTILE in map(taken_back, names)
    assert HOSTILE in {row["name"] for row in json.loads(written("json", connection, "slots"))}
    table = parquet.read_table(io.BytesIO(written("parquet", connection, "slots")))
    assert HOSTILE in table["name"].to_pylist()


@given(st.text(alphabet=st.sampled_from("=+-@'\" ;,|\t\r\nab"), max_size=12) | st.text())
def test_guarded_texts_begin_no_cell_with_a_formula_and_can_be_taken_back(text: str) -> None:
    safe = guarded(text)
    assert taken_back(safe) == text
    for cell in re.split(r"[;,|\t\r\n]", safe):
        assert cell.lstrip(' "')[:1] not in ("=", "+", "-", "@")


def test_times_stand_as_seconds_and_as_text(connection: Connection) -> None:
    (row,) = json.loads(written("json", connection, "resources"))[:1]
    assert (row["origin"], row["origin_utc"]) == (ORIGIN, "2026-09-21T14:13:20Z")
    assert json.loads(written("json", connection, "escrows"))[0]["grace_until_utc"] is None
    assert [utc(0), utc(2**63)] == [None, None]
    (day,) = {
        row["date"]
        for row in json.loads(written("json", connection, "volume"))
        if row["day"] == 20_700
    }
    assert day == "2026-09-04"


FILTERS = {
    "account": (Filters(account=ANNE), lambda row: ANNE in (row["supplier"], row["demander"])),
    "name": (Filters(name="milling"), lambda row: row["name"] == "milling"),
    "token": (Filters(token=CARA), lambda row: False),
    "since": (Filters(since=ORIGIN + 12 * 20), lambda row: row["block"] >= 20),
    "until": (Filters(until=ORIGIN + 12 * 20), lambda row: row["block"] < 20),
    "all": (
        Filters(ANNE, "milling", TOKEN, ORIGIN + 12 * 12, ORIGIN + 12 * 30),
        lambda row: ANNE in (row["supplier"], row["demander"])
        and row["name"] == "milling"
        and 12 <= row["block"] < 30,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("filters", "keeps"), FILTERS.values(), ids=FILTERS)
def test_a_filter_keeps_what_it_says(connection: Connection, filters: Filters, keeps) -> None:
    every = json.loads(written("json", connection, "trades"))
    kept = json.loads(written("json", connection, "trades", filters))
    assert kept == [row for row in every if keeps(row)]


@pytest.mark.parametrize(("table", "kind"), [("trades", TradeRow), ("escrows", EscrowRow)])
def test_regression_a_trade_is_written_with_all_that_the_api_has_of_it(
    connection: Connection, table: str, kind: Any
) -> None:
    """A file by itself could not say when the machine runs, of what unit, and for how much."""
    asked = {"trades": trades, "escrows": escrows}[table]
    page = TypeAdapter(tuple[kind, ...]).dump_python(asked(connection).rows, mode="json")
    rows = json.loads(written("json", connection, table))
    assert list(page[0]) == [name for name in rows[0] if name in page[0]]
    assert {tuple(row) for row in rows} == {tuple(column.name for column in columns_of(table))}
    for said in page:
        (row,) = (each for each in rows if each["trade"] == said["trade"])
        assert {name: row[name] for name in said} == said
        assert (row["unit"], row["symbol"], row["decimals"]) == ("hour", "=CR", 18)
        assert row["begins_utc"] == utc(row["begins"])


@pytest.mark.parametrize("table", ["trades", "escrows", "cycles", "accounts", "volume"])
def test_what_nobody_knows_of_a_token_is_empty(connection: Connection, table: str) -> None:
    assert [column.name for column in columns_of(table)][-2:] == ["symbol", "decimals"]
    for known in ({}, {ANNE: ("CR", 2)}):
        for row in rows_of(connection, table, EVERY_ROW, known):
            assert row[-2:] == (None, None)


def test_no_trade_is_left_out_where_its_slot_is_not_there(ledger: Engine) -> None:
    with ledger.begin() as connection:
        connection.execute(delete(schema.slot))
        connection.execute(delete(schema.resource))
        rows = list(json.loads(written("json", connection, "trades")))
        connection.rollback()
    assert len(rows) == TRADES
    names = ("begins", "begins_utc", "unit")
    assert {tuple(row[name] for name in names) for row in rows} == {(None, None, None)}


def test_escrows_are_kept_by_what_their_trades_say(connection: Connection) -> None:
    every = json.loads(written("json", connection, "escrows"))
    for filters, keeps in (
        (Filters(account=BERT), lambda row: BERT in (row["supplier"], row["demander"])),
        (Filters(name="turning"), lambda row: row["name"] == "turning"),
        (Filters(until=every[2]["time"]), lambda row: row["time"] < every[2]["time"]),
    ):
        kept = json.loads(written("json", connection, "escrows", filters))
        assert kept == [row for row in every if keeps(row)]
        assert 0 < len(kept) < len(every)


def test_days_are_kept_whole(connection: Connection) -> None:
    """A day counts from its first second on."""
    for since, days in ((20_700 * 86_400, {20_700, 20_701}), (20_700 * 86_400 + 1, {20_701})):
        rows = json.loads(written("json", connection, "volume", Filters(since=since)))
        assert {row["day"] for row in rows} == days


def test_slots_are_bounded_by_when_they_begin(connection: Connection) -> None:
    rows = json.loads(written("json", connection, "slots", Filters(since=ORIGIN + 3 * LENGTH)))
    assert {row["slot"] for row in rows} == {3, 4}


@pytest.mark.parametrize(
    ("table", "filters", "problem"),
    [
        ("resources", Filters(since=1), "since is of no use, rows of resources are of no time"),
        ("volume", Filters(account=ANNE), "account is of no use, volume names no account"),
        ("events", Filters(name="x"), "name is of no use, events has no column name"),
        ("slots", Filters(token=TOKEN), "token is of no use, slots has no column token"),
    ],
)
def test_a_filter_that_a_table_has_no_column_for_is_refused(
    connection: Connection, table: str, filters: Filters, problem: str
) -> None:
    with pytest.raises(BadQuery, match=problem):
        rows_of(connection, table, filters)  # before anything is written


def test_more_rows_than_a_page_come_whole_in_order_and_in_bounded_memory() -> None:
    engine = empty()
    fill(engine, 3 * PAGE + 1)
    with snapshot(engine) as connection:
        count = connection.execute(select(func.count()).select_from(schema.trade)).scalar()
        places = [(row[1], row[2]) for row in rows_of(connection, "trades")]
        assert len(places) == count == 3 * PAGE + 1
        assert places == sorted(set(places))
        tracemalloc.start()
        for _ in rows_of(connection, "trades"):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    engine.dispose()
    page = 2 * PAGE * len(columns_of("trades")) * 200  # two pages of some 200 bytes a value
    assert most < page


def shell(connection: Connection, *, is_package: bool) -> bytes:
    file = io.BytesIO()
    rows = rows_of(connection, "trades", Filters(account=ANNE), KNOWN)
    write_shell(columns_of("trades"), rows, file, ANNE, is_package=is_package)
    return file.getvalue()


def read_again(data: bytes, *, is_package: bool) -> Any:
    """Strictly: whatever breaks a rule of the metamodel raises."""
    if not is_package:
        return read_aas_json_file(io.StringIO(data.decode()), failsafe=False)
    store: Any = model.DictIdentifiableStore()
    with aasx.AASXReader(io.BytesIO(data), failsafe=False) as package:
        package.read_into(store, aasx.DictSupplementaryFileContainer())
    return store


@pytest.mark.parametrize("is_package", [True, False], ids=["aasx", "json"])
def test_trades_are_a_submodel_that_reads_back_with_every_value(
    connection: Connection, is_package: bool
) -> None:
    store = read_again(shell(connection, is_package=is_package), is_package=is_package)
    (one,) = (each for each in store if isinstance(each, model.AssetAdministrationShell))
    (submodel,) = (each for each in store if isinstance(each, model.Submodel))
    (reference,) = one.submodel
    assert reference.resolve(store) is submodel
    assert submodel.semantic_id.key[0].value == "urn:fabmarket:aas:trades:1"
    said = json.loads(written("json", connection, "trades", Filters(account=ANNE)))
    assert said
    found = [
        {each.id_short: each.value for each in submodel.get_referable(f"Trade_{number}").value}
        for number in range(1, len(said) + 1)
    ]
    for row, values in zip(said, found, strict=True):
        for name in ("time_utc", "begins_utc", "ends_utc"):
            assert values.pop(name).strftime("%Y-%m-%dT%H:%M:%SZ") == row.pop(name)
        assert {key: str(value) for key, value in values.items()} == {
            key: str(value) for key, value in row.items()
        }


def test_more_trades_than_a_shell_takes_are_refused() -> None:
    rows = ((number,) for number in range(MOST_TRADES + 1))
    with pytest.raises(NotExported, match="more than the 2000 trades"):
        write_shell((Column("block", "number"),), rows, io.BytesIO(), ANNE, is_package=False)


def test_the_reference_lists_the_tables_and_forms_that_there_are() -> None:
    section = REFERENCE.split("\n## Tables out\n")[1]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(SOURCES)
    assert f"at most {MOST_TRADES:,} |" in section
    (named,) = re.findall(r"^\*\*Whose amounts.*?$", section, re.MULTILINE)
    of_tokens = [name for name in SOURCES if is_of_tokens(name)]
    assert re.findall(r"`(\w+)`", named) == ["symbol", "decimals", *of_tokens]
    assert f"at most {MOST_EXCEL:,} rows" in section


@pytest.mark.parametrize("module", [rows, writers])
def test_the_examples_of_the_docstrings_are_true(module) -> None:
    failed, tried = doctest.testmod(module)
    assert failed == 0 < tried
