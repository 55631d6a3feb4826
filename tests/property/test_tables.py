"""Whatever a file of tables holds, it is a market, or a refusal that says why."""

import csv
import io
import os
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.errors import Refused
from fabmarket.scenario import parse_scenario
from fabmarket.scenario.tables import (
    KINDS,
    Faults,
    Market,
    WrongTables,
    excel_template,
    market_of,
    read_sheets,
    read_table,
)

MANY = 3000 if os.environ.get("FABMARKET_FUZZ") == "long" else 40
CELLS = st.sampled_from(
    ["", "1", "0", "-1", "2,5", "2.5", "1e30", "1e308", "NaN", "true", "no", "mill", "a", "b", "#",
     "=1+1", "2026-12-01 06:00", "46357.5", "18446744073709551615", "\x1b[0m", "é", "\ufffe", '"']
) | st.text(max_size=6)  # fmt: skip
BOOK = excel_template(KINDS["machines"])


def tables(kind: str) -> st.SearchStrategy[list[list[str]]]:
    names = [column.name for column in KINDS[kind].columns]
    examples = [column.example for column in KINDS[kind].columns]
    row = st.tuples(*(st.just(example) | CELLS for example in examples)).map(list)
    return st.lists(row, max_size=4).map(lambda rows: [names, *rows])


def saved(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(errors="surrogatepass")


def made_of(*files: tuple[bytes, str]) -> Market | Refused:
    faults, read = Faults(), []
    try:
        for data, name in files:
            read += [read_table(sheet, None, faults) for sheet in read_sheets(data, name)]
        return market_of([table for table in read if table], 3600, "Made up.", faults)
    except Refused as error:
        return error


def judged(*files: tuple[bytes, str]) -> None:
    """All goes well, or is refused in words that a terminal can show."""
    found = made_of(*files)
    if isinstance(found, WrongTables):
        assert found.count >= len(found.faults) > 0
        assert all(str(fault).isprintable() for fault in found.faults)
    elif isinstance(found, Refused):
        assert str(found)
    else:
        assert parse_scenario(found.text, "a.toml", 1, str) == found.scenario


@settings(max_examples=MANY, deadline=None)
@given(tables("machines"), tables("calendar"), tables("products"), tables("demands"))
def test_any_cells_are_a_market_or_told(
    machines: list[list[str]],
    calendar: list[list[str]],
    products: list[list[str]],
    demands: list[list[str]],
) -> None:
    every = (machines, calendar, products, demands)
    judged(*((saved(rows), f"{at}.csv") for at, rows in enumerate(every)))


@settings(max_examples=MANY, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.xlsx", "a.aasx", "a.json"]))
def test_any_bytes_are_refused_in_words(data: bytes, name: str) -> None:
    judged((data, name))


@settings(max_examples=MANY, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(BOOK) - 1), st.integers(0, 255)), max_size=4))
def test_a_damaged_workbook_is_read_or_refused_in_words(flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(BOOK)
    for at, byte in flips:
        damaged[at] = byte
    judged((bytes(damaged), "a.xlsx"))
