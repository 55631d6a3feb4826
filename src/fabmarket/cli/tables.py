"""`fabmarket import` and `template`: tables of CSV and Excel become a scenario file."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fabmarket.cli.inputs import InputError, Whole, read_input
from fabmarket.cli.terminal import progress, table
from fabmarket.errors import Refused
from fabmarket.report.wording import escaped, plural
from fabmarket.report.writing import save
from fabmarket.scenario.checks import LONGEST_CALENDAR
from fabmarket.scenario.tables import (
    KINDS,
    LARGEST_TABLE,
    SHELLS,
    Cell,
    Faults,
    Market,
    Table,
    WrongTables,
    check_machine,
    csv_template,
    excel_template,
    machines_csv,
    machines_excel,
    market_of,
    read_sheets,
    read_table,
)


class NotImported(Refused):
    """Tables hold something that makes no market; nothing was written."""


@click.command(
    "import",
    epilog="""\b
Examples, in a clone:
  fabmarket import scenarios/tables/*.csv --out shop.toml
  fabmarket import scenarios/tables/machines.csv scenarios/tables/demands.csv --out week.toml \\
      --slot-length 14400 --json
""",
)
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="OUT",
    help="Where the scenario goes, .toml; or the machines of shells, .csv or .xlsx.",
)
@click.option(
    "--as",
    "kind",
    type=click.Choice(list(KINDS)),
    help="What all tables are  [default: as their columns say]",
)
@click.option(
    "--slot-length",
    type=Whole(1, LONGEST_CALENDAR),
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="How long a slot of the calendar lasts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was read, or is wrong, as JSON.")
def import_command(
    files: tuple[Path, ...], out: Path, kind: str | None, slot_length: int, as_json: bool
) -> None:
    """Make a scenario file of tables: machines, calendars, products, demands.

    FILE is a CSV file, an Excel workbook of which every sheet is a table (.xlsx, needs openpyxl),
    or Asset Administration Shells whose capabilities are machines (.aasx or .json, needs
    basyx-python-sdk). All files together make one market, which `fabmarket demo --scenario OUT`
    runs. If anything is wrong, all of it is told, row by row, and nothing is written.

    An OUT that ends in .csv or .xlsx gets the capabilities of shells as a table of machines, to
    fill in what shells do not say.
    """
    if out.suffix in (".csv", ".xlsx"):
        _list_machines(files, out)
        return
    if out.suffix != ".toml":
        raise InputError(f"--out {out}: give a name that ends in .toml")
    try:
        tables, notes, market = _read(files, kind, slot_length)
    except WrongTables as error:
        if as_json:
            click.echo(json.dumps(_faults(error), indent=2))
        else:
            tell_faults(error)
        things = "1 thing is" if error.count == 1 else f"{error.count} things are"
        told = len(error.faults)
        first = f", of which the first {told} are told" if told < error.count else ""
        raise NotImported(
            f"{things} wrong{first}; correct the tables: nothing was written"
        ) from None
    made_of = ", ".join(sorted({path.name for path in files}))
    save(out, f"# Made of {_remark(made_of)}.\n\n{market.text}".encode())
    if as_json:
        click.echo(json.dumps(_said(out, tables, notes, market), indent=2))
        return
    rows = [
        (f"{each.file} {each.sheet}".strip(), each.kind.name, str(len(each.rows)))
        for each in tables
    ]
    Console().print(table("Tables", ("file", "kind", "rows"), rows))
    _tell(notes)
    sold = plural(len(market.scenario.suppliers), "machine")
    bought = plural(len(market.scenario.demanders), "buyer")
    click.echo(escaped(f"{out}: {sold} for sale, {bought}."))
    click.echo(escaped(f"Run it:  fabmarket demo --scenario {out}"))


def tell_faults(error: WrongTables) -> None:
    """Print each thing that is wrong on a line of standard error."""
    for fault in error.faults:
        click.echo(escaped(str(fault)), err=True)


def _read(
    files: Sequence[Path], kind: str | None, slot_length: int
) -> tuple[list[Table], list[str], Market]:
    """All tables of the files, what was taken for granted, and the market that they make."""
    faults = Faults()
    tables: list[Table] = []
    notes: list[str] = []
    with progress() as bar:
        for path in bar.track(files, description="Reading tables"):
            for sheet in read_sheets(read_input(path, LARGEST_TABLE), str(path)):
                found = read_table(sheet, None if kind is None else KINDS[kind], faults)
                notes.extend(sheet.notes)
                if found is not None:
                    tables.append(found)
                    notes.extend(found.notes)
    source = f"The tables {', '.join(sorted({path.name for path in files}))}."
    return tables, notes, market_of(tables, slot_length, _remark(source), faults)


def _list_machines(files: Sequence[Path], out: Path) -> None:
    """Write the capabilities of shells as a table of machines."""
    rows: list[Sequence[Cell]] = []
    notes: list[str] = []
    faults = Faults()
    for path in files:
        if path.suffix.lower() not in SHELLS:
            problem = (
                f"--out {out} takes machines of shells alone, .aasx or .json, and {path} is none"
            )
            raise InputError(f"{problem}; give a name that ends in .toml")
        sheets = read_sheets(read_input(path, LARGEST_TABLE), str(path))
        rows += [sheet.rows[-1][1] for sheet in sheets]
        notes += [note for sheet in sheets for note in sheet.notes]
        for sheet in sheets:
            check_machine(sheet, faults)
    try:
        faults.raise_if_any()
    except WrongTables as error:
        tell_faults(error)
        raise
    save(out, machines_csv(rows) if out.suffix == ".csv" else machines_excel(rows))
    _tell(notes)
    found = plural(len(rows), "machine")
    click.echo(escaped(f"{out}: {found}; fill in what is missing, and import it"))


def _tell(notes: Sequence[str]) -> None:
    """What was taken for granted, or passed over, while files were read."""
    for note in notes:
        click.echo(escaped(f"Note: {note}."))


def _remark(text: str) -> str:
    """Names of files in one line, short enough to be read and of letters that a text may hold."""
    return escaped(text if len(text) <= 500 else f"{text[:500]}…")


def _faults(error: WrongTables) -> dict[str, Any]:
    return {
        "count": error.count,
        "faults": [
            {
                "file": each.place.file,
                "sheet": each.place.sheet,
                "row": each.place.row,
                "column": each.column,
                "value": each.value,
                "problem": each.problem,
            }
            for each in error.faults
        ],
    }


def _said(
    out: Path, tables: Sequence[Table], notes: Sequence[str], market: Market
) -> dict[str, Any]:
    rows: Counter[str] = Counter()
    for each in tables:
        rows[each.kind.name] += len(each.rows)
    return {
        "out": str(out),
        "rows": dict(rows),
        "machines": len(market.scenario.suppliers),
        "buyers": len(market.scenario.demanders),
        "slots": max(len(each.attested) for each in market.scenario.suppliers),
        "slot_length": market.scenario.slot_length,
        "notes": list(notes),
    }


@click.command(
    "template",
    epilog="""\b
Examples:
  fabmarket template machines --out machines.csv
  fabmarket template products --format xlsx --out products.xlsx
""",
)
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "xlsx"]),
    help="CSV or Excel  [default: as the name of OUT ends]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="OUT",
    help="Where the table goes.",
)
def template_command(kind: str, form: str | None, out: Path) -> None:
    """Write a table to fill in, with what stands in each column.

    KIND is machines, calendar, products or demands. Below the header stands what each column means,
    in a row that begins with # and is not read, and below that an example to replace.
    """
    form = form or out.suffix.removeprefix(".")
    if form not in ("csv", "xlsx"):
        raise InputError(f"--out {out}: give a name that ends in .csv or .xlsx, or say --format")
    save(out, csv_template(KINDS[kind]) if form == "csv" else excel_template(KINDS[kind]))
    click.echo(escaped(f"{out}: fill it in, then: fabmarket import {out} ... --out scenario.toml"))
