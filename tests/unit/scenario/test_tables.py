"""Tables of text: separators, encodings, numbers, times, and everything that is wrong with them."""

import doctest
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from fabmarket.scenario import InvalidScenario, MalformedText, Scenario, parse_scenario
from fabmarket.scenario.tables import (
    KINDS,
    LARGEST_TABLE,
    Fault,
    Faults,
    Table,
    WrongTables,
    cells,
    columns,
    csv_template,
    market_of,
    read_sheets,
    read_table,
    toml,
)
from fabmarket.scenario.tables.faults import MOST_FAULTS, Place
from fabmarket.scenario.tables.reading import Row
from fabmarket.scenario.tables.sheets import MOST_COLUMNS, MOST_ROWS

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs/reference/tables.md").read_text("utf-8")
MACHINES = "machine,resource,unit,maintenance,capacity,slots\nmill,milling,hour,1.50,8,3\n"
CALENDAR = "machine,slot,attested,listed\nmill,1,5,4\n"
PRODUCTS = "product,operation,resource,quantity,value\naxle,mill it,milling,2,40\n"
DEMANDS = "demander,sub_task,resource,quantity,benefit\nshop,jig,milling,2,4\n"


def market(*files: str | bytes, slot_length: int = 3600) -> Scenario:
    faults, tables = Faults(), []
    for number, content in enumerate(files):
        data = content.encode() if isinstance(content, str) else content
        for sheet in read_sheets(data, f"{number}.csv"):
            table = read_table(sheet, None, faults)
            if table is not None:
                tables.append(table)
    made = market_of(tables, slot_length, "Tables of a test.", faults)
    assert parse_scenario(made.text, "scenario.toml", 1, str) == made.scenario
    return made.scenario


def wrong(*files: str | bytes, slot_length: int = 3600) -> list[str]:
    with pytest.raises(WrongTables) as caught:
        market(*files, slot_length=slot_length)
    return [str(fault) for fault in caught.value.faults]


def test_tables_become_the_market_that_they_say() -> None:
    found = market(MACHINES, CALENDAR, PRODUCTS, DEMANDS)
    (mill,) = found.suppliers
    assert (mill.name, mill.resource, mill.unit, mill.maintenance) == (
        "mill",
        "milling",
        "hour",
        150,
    )
    assert (mill.attested, mill.listed) == ((8, 5, 8), (8, 4, 8))
    axle, shop = found.demanders
    assert axle.product is not None
    assert (axle.product.value, axle.product.last) == (4000, 2)
    assert shop.sub_tasks[0].alternatives[0].benefit == 400
    assert found.concept == "clock"
    assert mill.lots


def test_rows_of_one_name_are_ways_and_steps_in_their_order() -> None:
    products = (
        "product,operation,resource,quantity,value,due\n"
        "axle,turn,turning,3,,\naxle,mill,milling,2,40,1\naxle,turn,milling,5,40,\n"
    )
    machines = MACHINES + "lathe,turning,hour,1,8,3\n"
    product = market(machines, products).demanders[0].product
    assert product is not None
    assert [each.name for each in product.operations] == ["turn", "mill"]
    assert [way.resource for way in product.operations[0].alternatives] == ["turning", "milling"]
    assert product.due == 1


def test_what_stands_once_for_all_rows_must_not_differ() -> None:
    products = "product,operation,resource,quantity,value\na,x,milling,1,40\na,y,milling,1,41\n"
    (fault,) = wrong(MACHINES, products)
    assert (
        fault
        == "1.csv, row 3, value: '41' differs from a row of 'a' above; write it once, or the same"
    )


def test_weights_of_the_price_make_it_balanced_and_nothing_else_does() -> None:
    machines = (
        "machine,resource,unit,maintenance,capacity,slots,a,b\nmill,milling,hour,1,8,3,0.5,0.1\n"
    )
    demands = DEMANDS.replace("benefit", "benefit,divisible").replace(",4\n", ",4,yes\n")
    assert market(machines, demands).concept == "balanced"
    assert (
        market(machines.replace("a,b", "lots,step").replace("0.5,0.1", "true,8"), DEMANDS).concept
        == "clock"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_is_read_however_a_program_saved_it(encoding, separator, end) -> None:
    text = MACHINES.replace("mill,", "Mühle,").replace(",", separator).replace("\n", end)
    assert market(text.encode(encoding), DEMANDS).suppliers[0].name == "Mühle"


def test_what_is_no_utf_8_is_told() -> None:
    (sheet,) = read_sheets("maschine;Mühle".encode("cp1252"), "m.csv")
    assert "m.csv is no UTF-8; it was read as Windows-1252" in sheet.notes[0]
    assert not read_sheets("maschine;Mühle".encode(), "m.csv")[0].notes


def test_a_first_line_may_name_the_separator() -> None:
    text = "sep=;\nmachine;resource;unit;maintenance;capacity;slots\nmill;milling;hour;1,5;8;3\n"
    assert market(text, DEMANDS).suppliers[0].maintenance == 150


def test_a_remark_above_does_not_settle_the_separator() -> None:
    text = "# mills, lathes, and saws, all of them\n\n" + MACHINES.replace(",", ";")
    assert market(text, DEMANDS).suppliers[0].maintenance == 150


def test_remarks_empty_rows_and_columns_of_remarks_are_not_read() -> None:
    text = (
        "# our machines\n\nmachine,resource,unit,maintenance,capacity,slots,#notes\n"
        "# and\n,,,,,,\nmill,milling,hour,1.5,8,3,whatever\n"
    )
    assert market(text, DEMANDS).suppliers[0].maintenance == 150


def test_headers_are_compared_without_case_spaces_and_units() -> None:
    text = (
        "Machine, RESOURCE ,Unit,Maintenance (EUR),Capacity [h],Slots\nmill,milling,hour,1.5,8,3\n"
    )
    assert market(text, DEMANDS.replace("sub_task", "Sub-Task")).suppliers[0].resource == "milling"


def notes(text: str | bytes) -> tuple[str, ...]:
    faults = Faults()
    (sheet,) = read_sheets(text.encode() if isinstance(text, str) else text, "0.csv")
    found = read_table(sheet, None, faults)
    faults.raise_if_any()
    assert found is not None
    return found.notes


ABOVE = {
    "a title": "Machines of plant 3\n\n",
    "a title with separators": "Machines, mills and lathes, as of 2026, draft\n",
    "a title in a row of cells": "Machines of plant 3;;;;;\n;;;;;\n",
    "a word and a date": "\ufeffMachines;;;;;\nAs of:;1.12.2026\n",
    "names of groups": "Machine;;;Price;Time;\n",
}


@pytest.mark.parametrize("above", ABOVE.values(), ids=ABOVE)
def test_regression_what_stands_above_the_header_is_passed_over_and_told(above: str) -> None:
    text = above + MACHINES.replace(",", ";").replace("1.50", "1,50")
    assert market(text, DEMANDS).suppliers[0].maintenance == 150
    line = 1 + above.count("\n")
    assert notes(text) == (f"0.csv, row {line} is the header; what stands above it was not read",)


def test_a_table_whose_header_is_wrong_is_no_title_of_the_next_one() -> None:
    """Its rows would be lost with a note alone."""
    told = wrong(MACHINES.replace("maintenance", "maintenence") + CALENDAR, DEMANDS)
    assert told[0].startswith("0.csv, row 1: 'machine,resource,unit,maintenence")


def test_regression_a_line_end_in_the_first_name_does_not_hide_what_separates_cells() -> None:
    text = '"Machine\n(name)"' + MACHINES.removeprefix("machine").replace(",", ";")
    assert market(text, DEMANDS).suppliers[0].maintenance == 150


def test_regression_a_column_without_a_name_is_told_of() -> None:
    """As pandas writes an index; what stands there was passed over without a word."""
    text = "," + MACHINES.replace("\nmill", "\n0,mill")
    assert market(text, DEMANDS).suppliers[0].maintenance == 150
    assert notes(text) == ("0.csv, row 1: column 1 of no name was not read",)
    assert notes(MACHINES.replace("\n", ",,\n")) == ()


MILL = {"machine": "mill", "resource": "milling", "unit": "hour", "maintenance": Decimal(1)}


class Counted(int):
    """A number that counts how often it is compared."""

    compared = 0

    def __lt__(self, other: int) -> bool:
        Counted.compared += 1
        return int(self) < int(other)

    def __gt__(self, other: int) -> bool:
        Counted.compared += 1
        return int(self) > int(other)


class Looked(frozenset[str]):
    """Columns that count how often somebody looks whether there are any."""

    count = 0

    def __bool__(self) -> bool:
        Looked.count += 1
        return len(self) > 0


def counted(kind: str, each: Iterator[dict[str, object]]) -> Table:
    rows = tuple(Row(Place("a.csv", "", n), row, Looked()) for n, row in enumerate(each, start=2))
    return Table(columns.KINDS[kind], "a.csv", "", rows)


def test_regression_the_work_of_a_calendar_grows_with_its_rows_and_not_with_their_square() -> None:
    """The earliest slot was looked for again with each row."""
    count = 400
    begins = ({"machine": "mill", "begins": Counted(3600 * n), "attested": 5} for n in range(count))
    demand = {"demander": "shop", "sub_task": "jig", "resource": "milling"}
    ways = [demand | {"quantity": 1, "benefit": Decimal(4)}]
    tables = [
        counted("machines", iter([MILL])),
        counted("calendar", begins),
        counted("demands", iter(ways)),
    ]
    Counted.compared = 0
    market_of(tables, 3600, "Tables of a test.", Faults())
    assert count / 2 < Counted.compared < 5 * count


def test_regression_the_work_of_a_sub_task_grows_with_its_rows_and_not_with_their_square() -> None:
    """Whether any of them is wrong was looked for again with each row."""
    count = 400
    demand = {"demander": "shop", "sub_task": "jig", "benefit": Decimal(4), "quantity": 1}
    ways = [demand | {"resource": f"r{n}"} for n in range(count)]
    Looked.count = 0
    tables = [counted("machines", iter([MILL])), counted("demands", iter(ways))]
    with pytest.raises(WrongTables):  # nobody sells that
        market_of(tables, 3600, "", Faults())
    assert count / 2 < Looked.count < 5 * count


@pytest.mark.parametrize(
    ("begins", "slots"),
    [
        (("2026-12-01 06:00", "2026-12-01T08:00:00"), (0, 2)),
        (("2026-12-01T08:00Z", "2026-12-01T08:00+01:00"), (1, 0)),
        (("28.2.2028 23:00", "29.02.2028"), (0, 1)),
        (("46357,25", "46357,5"), (0, 6)),
    ],
)
def test_slots_may_be_given_by_the_time_they_begin(begins, slots) -> None:
    text = "machine;begins;attested\n" + "".join(f"mill;{each};7\n" for each in begins)
    found = market(MACHINES.replace(",8,3", ",,"), text, DEMANDS).suppliers[0].attested
    assert found == tuple(7 if slot in slots else 0 for slot in range(max(slots) + 1))


def test_a_time_within_a_slot_is_no_beginning() -> None:
    text = "machine,begins,attested\nmill,2026-12-01 06:00,7\nmill,2026-12-01 06:30,7\n"
    (fault,) = wrong(MACHINES, text, DEMANDS)
    assert "row 3, begins: begins 1800 s after the beginning of a slot of 3600 s" in fault
    assert market(MACHINES, text, DEMANDS, slot_length=1800).suppliers[0].attested[:2] == (7, 7)


CELLS = {
    "letters": ("many", "'many' is not a number"),
    "no number": ("NaN", "'NaN' is not a number"),
    "infinity": ("inf", "'inf' is not a number"),
    "a unit": ("8 h", "'8 h' is not a number"),
    "negative": ("-1", "'-1' is too small; write 0 or more"),
    "a fraction": ("1.5", "'1.5' is not a whole number"),
    "beyond the contract": ("18446744073709551615", "is too large; write at most 184467"),
    "a double's largest": ("1e308", "'1e308' is too large or too fine"),
    "an exponent that fills the memory": ("1e999999999", "is too large or too fine"),
    "other digits": ("٣", "is not a number"),
    "thousands": ('"1,200"', "'1,200' has a comma"),
    "a formula": ("=2+3", "'=2+3' is not a number"),
}  # fmt: skip


@pytest.mark.parametrize(("cell", "problem"), CELLS.values(), ids=CELLS)
def test_a_wrong_cell_is_named_with_its_value(cell: str, problem: str) -> None:
    (fault,) = wrong(MACHINES.replace(",8,3", f",{cell},3"), DEMANDS)
    assert fault.startswith("0.csv, row 2, capacity: ")
    assert problem in fault


def test_the_decimal_mark_is_one_in_a_table_and_no_mark_stands_between_thousands() -> None:
    head = "machine;resource;unit;maintenance;capacity;slots\n"
    rows = [
        f"m{i};milling;hour;{money};8;3\n" for i, money in enumerate(("0,5", "1.200", "1.200,5"))
    ]
    assert market(head + rows[0], DEMANDS).suppliers[0].maintenance == 50
    first, second = wrong(head + "".join(rows), DEMANDS)
    assert "row 3, maintenance: '1.200' has another decimal mark" in first
    assert "row 4, maintenance: '1.200,5' has marks between thousands" in second


def test_the_currency_has_as_many_decimals_as_amounts_do() -> None:
    found = market(MACHINES.replace("1.50", "0.0375"), DEMANDS)
    assert found.currency.decimals == 4
    assert found.suppliers[0].maintenance == 375
    (fault,) = wrong(MACHINES.replace("1.50", "0." + "1" * 19), DEMANDS)
    assert "has more than 18 decimals; round it" in fault


def test_all_that_is_wrong_is_told_at_once_and_nothing_twice() -> None:
    machines = MACHINES + "mill,milling,hour,-1,8,3\nsaw,sawing\n,x,hour,1,many,3\n"
    calendar = CALENDAR + "drill,0,5,\nmill,1,5,\nmill,2,5,6\nmill,,5,\n"
    products = PRODUCTS + "axle,mill it,milling,2,40\nlid,press,pressing,0,\n"
    told = wrong(machines, calendar, products)
    assert [fault.partition("; ")[0] for fault in told] == [
        "0.csv, row 3, maintenance: '-1' is negative",
        "0.csv, row 3, machine: 'mill' is already the name at 0.csv, row 2",
        "0.csv, row 4, unit: is empty",
        "0.csv, row 4, maintenance: is empty",
        "0.csv, row 4, machine: 'saw' has no capacity",
        "0.csv, row 5, machine: is empty",
        "0.csv, row 5, capacity: 'many' is not a number",
        "1.csv, row 3, machine: 'drill' is no machine",
        "1.csv, row 4, slot: '1' is there twice for 'mill', see row 2",
        "1.csv, row 5, listed: '6' is above the 5 attested",
        "1.csv, row 6, slot, begins: neither is given",
        "2.csv, row 3, resource: 'milling' is there twice for one step",
        "2.csv, row 4, quantity: '0' is too small",
        "2.csv, row 4, value: is empty in all rows of 'lid'",
        "2.csv, row 4, resource: 'pressing' is no machine's",
    ]


def test_so_many_faults_are_told_and_the_rest_is_counted() -> None:
    rows = "".join(f"m{i},milling,hour,x,8,3\n" for i in range(MOST_FAULTS + 20))
    with pytest.raises(WrongTables) as caught:
        market(MACHINES + rows)
    assert (len(caught.value.faults), caught.value.count) == (MOST_FAULTS, MOST_FAULTS + 20)


HEADERS = {
    "of no table": ("name,price\na,1\n", "'name,price' is the header of no table"),
    "of two tables": ("machine,maintenance,attested\n", "is of several tables at once"),
    "an unknown column": (
        MACHINES.replace("slots", "slotz"),
        "column 6: 'slotz' is no column of machines, which are machine, resource",
    ),
    "a column twice": (MACHINES.replace("slots", "unit"), "unit: is there twice"),
    "a column missing": (
        "machine,unit,maintenance,capacity,slots\nmill,hour,1,8,3\n",
        "resource: is missing; add the column",
    ),
    "no rows": ("machine,resource,unit,maintenance,capacity,slots\n", "has no rows below it"),
    "nothing": ("", "holds no table; see the template"),
    "a cell too many": (MACHINES.replace(",3\n", ",3,4\n"), "column 7: '4' stands beyond the last"),
}


@pytest.mark.parametrize(("text", "problem"), HEADERS.values(), ids=HEADERS)
def test_a_wrong_header_is_named(text: str, problem: str) -> None:
    assert any(problem in fault for fault in wrong(text, DEMANDS))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"machine\n\0", "0.csv:2: holds a zero byte"),
        (b"\x81\x8d\x8f", "is no text; save the table as UTF-8"),
        (b"PK\x03\x04\x81\x8d", "is no text, but packed, as workbooks are; give a workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is no text, but packed, as workbooks are"),
        (b"machine" + b"," * MOST_COLUMNS + b"x\n", "0.csv:1: more than 64 columns"),
        (b'machine,"resource\nmill', "0.csv:1: "),
        (b"a" * (LARGEST_TABLE + 1), "larger than the 16 MiB"),
        (b"machine\n" + b"m\n" * MOST_ROWS, f"more than {MOST_ROWS} rows"),
        (b"machine\n" + b"m" * 10_001, "0.csv:2: a cell is longer than 10000 characters"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(MalformedText, match=re.escape(problem)):
        market(data)


def test_what_only_the_whole_market_shows_is_told_at_its_row() -> None:
    products = "product,operation,resource,quantity,value,last\naxle,mill it,milling,2,40,7\n"
    (fault,) = wrong(MACHINES, products)
    assert fault == "1.csv, row 2, last: 7 is too large; slots of these calendars are at most 2"


def test_regression_more_slots_than_a_market_has_are_refused_before_they_are_made() -> None:
    head = MACHINES.partition("\n")[0]
    rows = "".join(f"m{number},milling,hour,1,5,10000\n" for number in range(2_000))
    (fault,) = wrong(f"{head}\n{rows}", DEMANDS)
    assert fault.startswith("0.csv, row 7, slots: '10000' of this and the machines above it are")
    assert "more than 50000 slots, which all machines may have together" in fault


def test_regression_machines_are_no_slots_of_a_calendar_each_before_that() -> None:
    head = MACHINES.partition(",slots")[0]
    rows = "".join(f"m{number},milling,hour,1,5\n" for number in range(2_000))
    (fault,) = wrong(f"{head}\n{rows}", CALENDAR.replace("mill,1", "m7,9999"), DEMANDS)
    assert "more than 50000 slots" in fault


def test_regression_capacity_without_slots_or_a_calendar_says_that_slots_is_empty() -> None:
    (fault,) = wrong("machine,resource,unit,maintenance,capacity\nmill,milling,hour,1,8\n", DEMANDS)
    assert fault == (
        "0.csv, row 2, slots: is empty, and nothing else says how many slots have that capacity;"
        " fill it in"
    )


def test_machines_and_buyers_must_be_there() -> None:
    with pytest.raises(InvalidScenario, match="no machines are given"):
        market(DEMANDS)
    with pytest.raises(InvalidScenario, match="nobody is given who buys"):
        market(MACHINES)


def test_names_are_kept_whatever_they_hold() -> None:
    name = "=cmd|' /C calc'!A1 \"x\" \\u0041"
    quoted = '"' + name.replace('"', '""') + '"'
    found = market(MACHINES.replace("mill,", f"{quoted},"), DEMANDS)
    assert found.suppliers[0].name == name
    (fault,) = wrong(MACHINES.replace("mill,", "a\x1b]0;x\x07,"), DEMANDS)
    assert "\x1b" not in fault


def test_templates_together_are_a_market() -> None:
    assert len(market(*map(csv_template, KINDS.values())).demanders) == 2


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_reference_lists_exactly_the_columns_of_each_table(kind) -> None:
    section = REFERENCE.split(f"\n## `{kind.name}`\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| (yes|no) \| ([^|]*) \|$", section, re.MULTILINE)
    assert [(name, required == "yes", said) for name, _, required, said in rows] == [
        (column.name, column.required, column.meaning) for column in kind.columns
    ]


def test_the_errors_of_the_reference_are_those_that_are_raised() -> None:
    lines = wrong(MACHINES.replace("1.50", "-1.50").replace(",8,", ",8 h,"), DEMANDS)
    for line in lines:
        assert line.replace("0.csv", "machines.csv") in REFERENCE


def test_a_fault_without_column_or_value_reads_as_a_sentence() -> None:
    with pytest.raises(WrongTables) as caught:
        market("")
    fault: Fault = caught.value.faults[0]
    assert str(fault) == "0.csv, row 1: holds no table; see the template"


@pytest.mark.parametrize("module", [cells, columns, toml])
def test_the_examples_of_the_docstrings_are_true(module) -> None:
    failed, tried = doctest.testmod(module)
    assert failed == 0 < tried
