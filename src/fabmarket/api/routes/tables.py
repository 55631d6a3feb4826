"""Whole tables as files, and tables to fill in."""

import threading
from collections.abc import Iterator
from functools import cache
from tempfile import TemporaryFile
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from fabmarket.api.currencies import BASE_UNITS
from fabmarket.api.errors import ApiError, documented
from fabmarket.api.parameters import Address, Name
from fabmarket.api.reading import Nothing, Reading, Whole
from fabmarket.ledger.queries.snapshot import snapshot
from fabmarket.report.tables.rows import SOURCES, Filters, columns_of, rows_of
from fabmarket.report.tables.writers import WRITERS, NotExported
from fabmarket.scenario.tables import KINDS, NoExcel, csv_template, excel_template

router = APIRouter(tags=["tables"])
MOST_AT_ONCE = 4
"""Files that are written or sent at one time; each stands on the server's disk until it is sent."""
_NOT_HERE = "this server has not installed what writes .{}; take .csv"
_PIECE = 1 << 16
_places = threading.Semaphore(MOST_AT_ONCE)
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_FORM = Path(description="What kind of file.")
Table = Annotated[
    str, Path(pattern=f"^({'|'.join(SOURCES)})$", examples=["trades"], description="Which table.")
]
Kind = Annotated[
    str, Path(pattern=f"^({'|'.join(KINDS)})$", examples=["machines"], description="Which table.")
]


class Kept(Nothing):
    """Which rows: all that is given must hold; what a table has no column for is refused."""

    account: Address | None = None
    """Rows in which this account is a party."""
    name: Name | None = None
    """Rows of resources of this name."""
    token: Address | None = None
    """Rows in this token."""
    since: Annotated[Whole | None, Field(examples=[1_790_000_000])] = None
    """Rows of this second of chain time or later."""
    until: Annotated[Whole | None, Field(examples=[1_790_086_400])] = None
    """Rows from before this second."""


def _files(*forms: str) -> dict[int | str, dict[str, Any]]:
    """What an operation says of the files that it answers with."""
    content = {
        _TYPES[form].partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
        for form in forms
    }
    return {200: {"description": "The file.", "content": content}, **documented(404)}


@router.get("/export/{table}.{form}", response_class=Response, responses=_files("csv", "parquet"))
def export(
    reader: Reading,
    table: Table,
    form: Annotated[Literal["csv", "parquet"], _FORM],
    kept: Annotated[Kept, Query()],
) -> Response:
    """A table of the ledger as a file, all rows of one moment, as `fabmarket export` writes it.

    Units and amounts are exact; texts are guarded against spreadsheet programs that would run them.
    """
    if not _places.acquire(blocking=False):
        raise ApiError(503, f"{MOST_AT_ONCE} tables are on their way already; try again")
    sent = _sent(reader, table, form, Filters(**kept.model_dump()))
    size = next(sent)  # the file is whole before its first byte leaves
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{table}.{form}"',
        "Content-Length": str(size),
    }
    return StreamingResponse(sent, 200, headers, _TYPES[form])


def _sent(reader: Reading, table: str, form: str, filters: Filters) -> Iterator[Any]:
    """The size of the file, and then its pieces; however it ends, the place is free then."""
    try:
        with TemporaryFile() as file:
            _write(reader, table, form, filters, file)
            yield file.tell()
            file.seek(0)
            while piece := file.read(_PIECE):
                yield piece
    finally:
        _places.release()


def _write(reader: Reading, table: str, form: str, filters: Filters, file: Any) -> None:
    said = reader.served.currencies.items()
    known = {token: (it.symbol, it.decimals) for token, it in said if it != BASE_UNITS}
    try:
        with snapshot(reader.served.engine) as connection:
            rows = rows_of(connection, table, filters, known)
            WRITERS[form](columns_of(table), rows, file)
    except NotExported as error:
        raise ApiError(404, _NOT_HERE.format(form), "path.form") from error


@router.get("/templates/{kind}.{form}", response_class=Response, responses=_files("csv", "xlsx"))
def template(
    _: Reading,
    kind: Kind,
    form: Annotated[Literal["csv", "xlsx"], _FORM],
    __: Annotated[Nothing, Query()],
) -> Response:
    """A table to fill in for `fabmarket import`: its columns, what each means, and an example."""
    try:
        content = _template(kind, form)
    except NoExcel as error:
        raise ApiError(404, _NOT_HERE.format(form), "path.form") from error
    headers = {
        "Cache-Control": "no-cache",
        "Content-Disposition": f'attachment; filename="{kind}.{form}"',
    }
    return Response(content, 200, headers, _TYPES[form])


@cache
def _template(kind: str, form: str) -> bytes:
    """Written once: a workbook tells the second of its writing, and HEAD the length of GET's."""
    return csv_template(KINDS[kind]) if form == "csv" else excel_template(KINDS[kind])
