"""Excel workbooks: what stands in them, and what somebody may have made up."""

import io
import zipfile
from datetime import datetime
from typing import Any

import openpyxl
import pytest

from fabmarket.scenario import MalformedText
from fabmarket.scenario.tables import (
    KINDS,
    Faults,
    Table,
    WrongTables,
    excel_template,
    market_of,
    read_sheets,
    read_table,
)
from fabmarket.scenario.tables.packed import LARGEST_UNPACKED, MOST_ELEMENTS
from fabmarket.scenario.tables.sheets import MOST_ROWS

HEAD = ["machine", "resource", "unit", "maintenance", "capacity", "slots"]
ROW = ["mill", "milling", "hour", 1.5, 8, 3]


def workbook(*sheets: list[list[Any]], change=lambda book: None) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    change(book)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def tables(data: bytes) -> list[Table]:
    faults = Faults()
    read = [read_table(sheet, None, faults) for sheet in read_sheets(data, "book.xlsx")]
    faults.raise_if_any()
    return [table for table in read if table is not None]


def wrong(data: bytes) -> list[str]:
    with pytest.raises(WrongTables) as caught:
        tables(data)
    return [str(fault) for fault in caught.value.faults]


def refused(data: bytes) -> str:
    with pytest.raises(MalformedText) as caught:
        tables(data)
    return str(caught.value)


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """The package with one part replaced or added."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w") as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, content, zipfile.ZIP_DEFLATED)
    return changed.getvalue()


def part_of(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return package.read(name)


def test_every_sheet_is_a_table_and_empty_ones_are_passed_over() -> None:
    calendar = [["machine", "slot", "attested"], ["mill", 1, 5]]
    found = tables(workbook([HEAD, ROW], [], calendar))
    assert [table.kind.name for table in found] == ["machines", "calendar"]
    assert [table.sheet for table in found] == ["Sheet", "Sheet2"]


def test_a_sheet_that_is_no_table_is_told_of_or_begins_its_name_with_a_mark() -> None:
    notes = [["How we count"], ["in minutes"]]
    (fault,) = wrong(workbook([HEAD, ROW], notes))
    assert "sheet 'Sheet1', row 1: 'How we count' is the header of no table" in fault
    data = workbook(
        [HEAD, ROW], notes, change=lambda book: setattr(book.worksheets[1], "title", "#notes")
    )
    assert len(tables(data)) == 1


def test_templates_together_are_a_market() -> None:
    faults = Faults()
    read = [table for kind in KINDS.values() for table in tables(excel_template(kind))]
    assert len(market_of(read, 3600, "Templates.", faults).scenario.demanders) == 2


def test_numbers_may_be_numbers_or_text_and_carry_no_noise_of_doubles() -> None:
    rows = [
        ["m1", "milling", "hour", 0.1 + 0.2, 8.0, "3"],
        ["m2", "milling", "hour", "1,5", "8", 3],
    ]
    (table,) = tables(workbook([HEAD, *rows]))
    assert [str(row.values["maintenance"]) for row in table.rows] == ["0.3", "1.5"]
    assert [row.values["capacity"] for row in table.rows] == [8, 8]


def test_dates_are_dates_of_the_calendar() -> None:
    rows = [
        ["mill", datetime(2026, 12, 1, 6), 5],
        ["mill", "2026-12-01 08:00", 5],
        ["mill", 46357.5, 5],
    ]
    (table,) = tables(workbook([["machine", "begins", "attested"], *rows]))
    first, second, third = (row.values["begins"] for row in table.rows)
    assert (second - first, third - first) == (2 * 3600, 6 * 3600)
    (fault,) = wrong(workbook([HEAD, [*ROW[:4], datetime(2026, 12, 1), 3]]))
    assert "capacity: '2026-12-01 00:00:00' is a date; format the cell" in fault


def test_regression_a_date_before_1970_is_not_read_as_1970() -> None:
    (fault,) = wrong(
        workbook([["machine", "begins", "attested"], ["mill", datetime(1960, 1, 1), 5]])
    )
    assert "begins: '1960-01-01 00:00:00' is before 1970; correct it" in fault


@pytest.mark.parametrize(
    ("form", "shown"), [("0%", "5%"), ("0.00 %", "5%"), ('0.00" %"', ""), ("0.00\\%", "")]
)
def test_regression_a_share_is_no_amount(form: str, shown: str) -> None:
    """5 % was read as 0.05 currency units."""
    data = workbook(
        [HEAD, [*ROW[:3], 0.05, *ROW[4:]]],
        change=lambda book: setattr(book.active["D2"], "number_format", form),
    )
    if shown:
        (fault,) = wrong(data)
        assert f"maintenance: '{shown}' is in per cent; write the number by itself" in fault
    else:
        assert str(tables(data)[0].rows[0].values["maintenance"]) == "0.05"


def test_regression_a_header_of_merged_cells_is_read_with_the_names_above_it() -> None:
    def change(book: Any) -> None:
        for cells in ("A1:F1", "A3:A4", "B3:B4", "C3:D3", "E3:F3"):
            book.active.merge_cells(cells)

    rows = [
        ["Machines of plant 3"],
        [],
        ["Machine", "Resource", "Price", None, "Time", None],
        [None, None, "Unit", "Maintenance (CR)", "Capacity", "Slots"],
        ROW,
    ]
    (table,) = tables(workbook(rows, change=change))
    assert table.rows[0].values["machine"] == "mill"
    assert table.rows[0].values["slots"] == 3
    assert table.notes == (
        "book.xlsx, sheet 'Sheet', row 4 is the header; what stands above it was not read",
    )


def test_hidden_rows_and_sheets_are_read_and_merged_cells_have_one_value() -> None:
    def change(book: Any) -> None:
        sheet = book.worksheets[0]
        sheet.row_dimensions[2].hidden = True
        book.create_sheet("shown")
        sheet.sheet_state = "hidden"
        sheet.merge_cells("B2:B3")

    (fault,) = wrong(workbook([HEAD, ROW, ["saw", None, "hour", 1, 8, 3]], change=change))
    assert fault == "book.xlsx, sheet 'Sheet', row 3, resource: is empty; fill it in"


def test_a_formula_counts_for_what_it_was_when_the_file_was_saved() -> None:
    data = workbook([HEAD, [*ROW[:4], "=4+4", 3]])
    (fault,) = wrong(data)
    assert "capacity: '=4+4' is a formula without a value; open the file" in fault
    name = "xl/worksheets/sheet1.xml"
    sheet = part_of(data, name)
    assert b"<f>4+4</f><v/>" in sheet or b"<f>4+4</f><v></v>" in sheet
    saved = sheet.replace(b"<v></v>", b"<v/>").replace(b"<f>4+4</f><v/>", b"<f>4+4</f><v>8</v>")
    (table,) = tables(with_part(data, name, saved))
    assert table.rows[0].values["capacity"] == 8


def test_an_error_of_a_formula_is_told() -> None:
    (fault,) = wrong(workbook([HEAD, [*ROW[:4], "#DIV/0!", 3]]))
    assert "capacity: '#DIV/0!' is an error of a formula; correct it" in fault


def test_a_truth_is_no_number() -> None:
    (fault,) = wrong(workbook([HEAD, [*ROW[:4], True, 3]]))
    assert "capacity: 'True' is no number" in fault


def test_regression_a_workbook_without_styles_is_read_without_a_warning() -> None:
    """Published ones have none; openpyxl's warnings went to the terminal."""
    style = b'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'
    (table,) = tables(with_part(workbook([HEAD, ROW]), "xl/styles.xml", style))
    assert table.rows[0].values["capacity"] == 8


def test_what_unpacks_too_far_is_refused_before_it_is_unpacked() -> None:
    bomb = with_part(workbook([HEAD, ROW]), "xl/media/a.bin", b"\0" * (LARGEST_UNPACKED + 1))
    assert len(bomb) < 2**20
    assert "book.xlsx: unpacks to 6" in refused(bomb)


def test_a_part_that_is_longer_than_it_says_is_refused() -> None:
    data = with_part(workbook([HEAD, ROW]), "xl/media/a.bin", b"\0" * 1_000_000)
    lying = data.replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != data
    assert "is no whole package" in refused(lying)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_and_entities_are_refused(encoding: str) -> None:
    data = workbook([HEAD, ROW])
    text = part_of(data, "xl/workbook.xml").decode()
    body = text.partition("?>")[2] if text.startswith("<?xml") else text
    entity = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    hostile = f'<?xml version="1.0" encoding="{encoding}"?>{entity}{body}'.encode(encoding)
    assert "declares a document type or entities" in refused(
        with_part(data, "xl/workbook.xml", hostile)
    )


def test_an_encoding_that_could_hide_them_is_refused() -> None:
    data = workbook([HEAD, ROW])
    body = b'<?xml version="1.0" encoding="utf-7"?>+ADw-!DOCTYPE x+AD4-<x/>'
    assert "is written in 'utf-7'" in refused(with_part(data, "xl/workbook.xml", body))


def test_an_old_workbook_and_one_with_a_password_are_told_from_damaged_ones() -> None:
    """Excel packs what has a password as it packed workbooks before 2007."""
    assert "save it as .xlsx, without one" in refused(b"\xd0\xcf\x11\xe0\xa1\xb1" + bytes(600))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"machine,slot\n", b"\xd0\xcf\x11\xe0" * 100])
def test_what_is_no_workbook_is_refused(data: bytes) -> None:
    assert "book.xlsx: " in refused(data)


def test_a_package_of_something_else_is_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr("a.txt", "a")
    assert "is no workbook that can be read" in refused(content.getvalue())


@pytest.mark.parametrize("row", [MOST_ROWS + 1, 1_048_576, 10**12])
def test_a_row_far_below_is_no_way_to_keep_the_reader_busy(row: int) -> None:
    data = workbook([HEAD, ROW])
    name = "xl/worksheets/sheet1.xml"
    sheet = part_of(data, name).replace(
        b"</sheetData>", f'<row r="{row}"><c><v>1</v></c></row></sheetData>'.encode()
    )
    problem = refused(with_part(data, name, sheet))
    assert "more than 100000 rows" in problem or "no sheets have so many" in problem


def test_a_column_far_to_the_right_is_refused() -> None:
    row: list[Any] = [*ROW, *[None] * 60, "x"]
    assert "more than 64 columns" in refused(workbook([HEAD, row]))


def test_regression_an_empty_cell_far_to_the_right_in_many_rows_does_not_keep_the_reader_busy() -> (
    None
):
    data = workbook([HEAD, ROW])
    name = "xl/worksheets/sheet1.xml"
    rows = "".join(f'<row r="{row}"><c r="XFD{row}"/></row>' for row in range(3, 60_000))
    sheet = part_of(data, name).replace(b"</sheetData>", f"{rows}</sheetData>".encode())
    problem = refused(with_part(data, name, sheet))
    assert "row 33: the rows until here have more than 500000 cells, empty ones included" in problem


def test_regression_rows_that_hold_nothing_do_not_keep_the_reader_busy() -> None:
    """A million of them took half a minute, and 252 MB."""
    data = workbook([HEAD, ROW])
    name = "xl/worksheets/sheet1.xml"
    rows = b"<row/>" * 150_000
    sheet = part_of(data, name).replace(b"</sheetData>", rows + b"</sheetData>")
    problem = refused(with_part(data, name, sheet))
    assert f"row {MOST_ROWS + 3}: more than {MOST_ROWS} rows hold nothing" in problem


def test_rows_far_below_in_many_sheets_are_no_way_either() -> None:
    data = workbook(*[[HEAD, ROW]] * 3)
    for number in (1, 2, 3):
        name = f"xl/worksheets/sheet{number}.xml"
        sheet = part_of(data, name).replace(b"</sheetData>", b'<row r="1048576"/></sheetData>')
        data = with_part(data, name, sheet)
    assert "no sheets have so many" in refused(data)


def test_regression_more_elements_than_a_workbook_needs_are_refused() -> None:
    strings = "<sst>" + "<si/>" * MOST_ELEMENTS + "</sst>"
    data = with_part(workbook([HEAD, ROW]), "xl/sharedStrings.xml", strings.encode())
    assert f"has more than {MOST_ELEMENTS} elements of XML; give a smaller file" in refused(data)


def test_regression_a_part_that_is_there_twice_is_refused() -> None:
    content = io.BytesIO(workbook([HEAD, ROW]))
    with zipfile.ZipFile(content, "a") as package:
        package.writestr("xl/Worksheets/sheet1.xml", "<worksheet/>")
    assert "part 'xl/worksheets/sheet1.xml' is there twice" in refused(content.getvalue())
