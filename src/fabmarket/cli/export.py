"""`fabmarket export`: a table of a ledger as a file for other programs."""

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import click
from sqlalchemy import Connection, select
from sqlalchemy.exc import DatabaseError
from typing_extensions import Buffer, override

from fabmarket.cli.currencies import currencies_beside
from fabmarket.cli.inputs import InputError
from fabmarket.cli.terminal import progress
from fabmarket.errors import Refused
from fabmarket.identity.keys import checksummed
from fabmarket.ledger import schema
from fabmarket.ledger.database import name_of, open_database
from fabmarket.ledger.queries.snapshot import snapshot
from fabmarket.report.tables.rows import (
    SOURCES,
    Column,
    Filters,
    columns_of,
    is_of_tokens,
    rows_of,
)
from fabmarket.report.tables.shells import write_shell
from fabmarket.report.tables.writers import WRITERS
from fabmarket.report.wording import escaped
from fabmarket.report.writing import saving
from fabmarket.scenario import is_whole

_SHELLS = ("aasx", "aas-json")
_FORMS = (*WRITERS, *_SHELLS)
_NOT_KNOWN = (
    "Note: amounts are in base units of the token; nothing beside this ledger says what it is"
    " called and how many decimals it has, so symbol and decimals are empty."
)
_PRINTED = ("csv", "json", "aas-json")


class LedgerUnreadable(Refused):
    """The database broke off in the middle of its rows."""


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Callback of --since and --until: seconds, or a date and time, without a zone in UTC."""
    if value is None or is_whole(value):
        return None if value is None else int(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        problem = f"{value!r} is no moment; give seconds since 1970, or a date like 2026-12-01"
        raise click.BadParameter(problem) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _account(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Callback of --account: an address, in any case of its letters."""
    if value is None:
        return None
    digits = value.removeprefix("0x")
    if len(digits) != 40 or not set(digits.lower()) <= set("0123456789abcdef"):
        raise click.BadParameter(f"{value!r} is no address; give 0x and 40 hexadecimal digits")
    return checksummed(f"0x{digits}")


@click.command(
    "export",
    epilog="""\b
Examples, in a clone, after `fabmarket demo`:
  fabmarket export demo-out/ledger.sqlite trades
  fabmarket export demo-out/ledger.sqlite slots --out slots.csv
  fabmarket export demo-out/ledger.sqlite trades --out trades.aasx
  fabmarket export demo-out/ledger.sqlite events --since 2026-01-01 --format json
""",
)
@click.argument("ledger")
@click.argument("table", type=click.Choice(list(SOURCES)))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT",
    help="Where the rows go: .csv, .json, .parquet, .xlsx or .aasx  [default: standard output]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    help="What is written  [default: as the name of OUT ends, else csv]",
)
@click.option(
    "--account",
    metavar="ADDRESS",
    callback=_account,
    help="Only rows in which this account is a party.",
)
@click.option("--name", metavar="NAME", help="Only rows of resources of this name.")
@click.option("--token", metavar="ADDRESS", callback=_account, help="Only rows in this token.")
@click.option(
    "--since",
    metavar="TIME",
    callback=_moment,
    help="Only rows of this moment or later: seconds since 1970, or a date and time in UTC.",
)
@click.option(
    "--until", metavar="TIME", callback=_moment, help="Only rows from before this moment."
)
def command(
    ledger: str,
    table: str,
    out: Path | None,
    form: str | None,
    account: str | None,
    name: str | None,
    token: str | None,
    since: int | None,
    until: int | None,
) -> None:
    """Write a table of a ledger: trades, slots, accounts, events and others.

    LEDGER is a file, as the ledger.sqlite of a run, or the postgresql:// URL of one. All rows are
    of one moment; OUT is written whole or not at all. Trades can also be written as a submodel of
    an Asset Administration Shell: aasx or aas-json (needs basyx-python-sdk).
    """
    form = _form(out, form)
    if form in _SHELLS and table != "trades":
        raise InputError(f"--format {form} is for trades; write {table} as csv or parquet")
    filters = Filters(account, name, token, since, until)
    columns = columns_of(table)
    with _reading(ledger) as connection:
        currencies = currencies_beside(ledger, connection) if is_of_tokens(table) else {}
        rows = rows_of(connection, table, filters, currencies)
        if form in _SHELLS:
            asset = account or connection.execute(select(schema.market.c.exchange)).scalar() or ""
        else:
            asset = ""
        printed = cast(BinaryIO, _Printed())
        with saving(out) if out else nullcontext(printed) as file:
            count = _write(form, columns, _watched(rows, ledger), file, asset)
    if out is not None:
        click.echo(escaped(f"{out}: {count} rows of {table}"))
    if is_of_tokens(table) and count and not currencies:
        click.echo(_NOT_KNOWN, err=True)


def _form(out: Path | None, form: str | None) -> str:
    suffix = "" if out is None else out.suffix.removeprefix(".")
    form = form or (suffix if suffix in _FORMS else None if out else "csv")
    if form is None:
        known = ".csv, .json, .parquet, .xlsx or .aasx"
        raise InputError(f"--out {out}: give a name that ends in {known}, or say --format")
    if out is None and form not in _PRINTED:
        raise InputError(f"--format {form} is no text; say with --out where it goes")
    return form


@contextmanager
def _reading(ledger: str) -> Iterator[Connection]:
    """A snapshot of the ledger."""
    engine = open_database(ledger, is_read_only=True)
    try:
        with snapshot(engine) as connection:
            yield connection
    except DatabaseError as error:
        raise _broken(ledger, error.orig) from error
    finally:
        engine.dispose()


def _watched(rows: Iterator[Sequence[Any]], ledger: str) -> Iterator[Sequence[Any]]:
    """The rows, counted on the terminal while they pass."""
    with progress() as bar:
        task = bar.add_task("Writing rows", total=None)
        while True:
            try:
                row = next(rows, None)
            except (ValueError, TypeError, AttributeError, OverflowError) as error:
                raise _broken(ledger, error) from error  # a damaged page is read as anything
            if row is None:
                return
            yield row
            bar.advance(task)


def _broken(ledger: str, reason: object) -> LedgerUnreadable:
    problem = f"{name_of(ledger)} cannot be read to its end ({reason})"
    return LedgerUnreadable(f"{problem}; index the chain again")


def _write(
    form: str, columns: Sequence[Column], rows: Iterator[Sequence[Any]], file: BinaryIO, asset: str
) -> int:
    if form in _SHELLS:
        return write_shell(columns, rows, file, asset, is_package=form == "aasx")
    return WRITERS[form](columns, rows, file)


class _Printed(io.RawIOBase):
    """Standard output as a file of bytes, which are whole pieces of text."""

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Buffer, /) -> int:
        sys.stdout.write(bytes(data).decode())
        return len(bytes(data))
