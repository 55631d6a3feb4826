"""Tables as files over HTTP: the same rows as the ledger's, whole, and places that come free."""

import csv
import io
import socket
import sys
import time

import httpx
import pytest
from pyarrow import parquet
from sqlalchemy import Engine

from fabmarket.api.currencies import BASE_UNITS
from fabmarket.api.routes import tables
from fabmarket.api.routes.tables import MOST_AT_ONCE
from fabmarket.api.served import Currency, Served
from fabmarket.report.tables.rows import SOURCES, columns_of
from fabmarket.scenario.tables import KINDS, csv_template
from tests.filled_ledger import ANNE, TOKEN, empty, fill
from tests.serving import serving


@pytest.mark.parametrize("table", SOURCES)
def test_every_table_comes_as_a_file(client: httpx.Client, table: str) -> None:
    answer = client.get(f"/v1/export/{table}.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{table}.csv"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    head, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    assert head == [column.name for column in columns_of(table)]
    stored = client.get(f"/v1/export/{table}.parquet").content
    assert parquet.read_table(io.BytesIO(stored)).num_rows == len(rows) > 0


def test_filters_are_those_of_the_command(client: httpx.Client) -> None:
    text = client.get(f"/v1/export/trades.csv?account={ANNE.lower()}").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows
    assert all(ANNE in (row["supplier"], row["demander"]) for row in rows)


@pytest.mark.parametrize(
    ("known", "said"), [(Currency("CR", 2), ("CR", "2")), (BASE_UNITS, ("", ""))]
)
def test_a_table_says_what_the_server_knows_of_a_token(
    ledger: Engine, known: Currency, said: tuple[str, str]
) -> None:
    with serving(Served(ledger, currencies={TOKEN: known})) as client:
        text = client.get("/v1/export/trades.csv").text
    assert {(row["symbol"], row["decimals"]) for row in csv.DictReader(io.StringIO(text))} == {said}


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/v1/export/nothing.csv", 422, "path.table"),
        ("/v1/export/trades.docx", 422, "path.form"),
        ("/v1/export/trades.csv?limit=1", 422, "query.limit"),
        ("/v1/export/resources.csv?since=1", 422, "query.since"),
        ("/v1/templates/trades.csv", 422, "path.kind"),
        ("/v1/templates/machines.csv?a=1", 422, "query.a"),
    ],
)
def test_what_there_is_not_is_refused(
    client: httpx.Client, path: str, status: int, field: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["field"]) == (status, field)


@pytest.mark.parametrize("kind", KINDS)
def test_templates_are_those_of_the_command(client: httpx.Client, kind: str) -> None:
    assert client.get(f"/v1/templates/{kind}.csv").content == csv_template(KINDS[kind])
    assert client.get(f"/v1/templates/{kind}.xlsx").content.startswith(b"PK")


def test_regression_a_template_is_the_same_a_second_later(client: httpx.Client) -> None:
    """A workbook tells when it was written, so that HEAD told another length than GET."""
    first = client.get("/v1/templates/machines.xlsx").content
    time.sleep(2.1)  # the clock of a workbook has seconds, that of its parts every second one
    assert client.get("/v1/templates/machines.xlsx").content == first


@pytest.fixture(scope="module")
def long_ledger(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Its trades are more than the sockets hold, so that sending them waits for who reads."""
    engine = empty(tmp_path_factory.mktemp("long") / "ledger.sqlite")
    fill(engine, 10_000)
    return engine


def test_so_many_are_on_their_way_at_once_and_who_goes_away_makes_room(long_ledger: Engine) -> None:
    path = "/v1/export/trades.csv"
    with serving(Served(long_ledger, rate=1e6, burst=10**6)) as client:
        little = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]
        transport = httpx.HTTPTransport(socket_options=little)
        slow = httpx.Client(base_url=client.base_url, timeout=60, transport=transport)
        opened = [slow.stream("GET", path) for _ in range(MOST_AT_ONCE)]
        answers = [each.__enter__() for each in opened]
        assert all(int(each.headers["content-length"]) > 5_000_000 for each in answers)
        full = client.get(path)
        assert (full.status_code, full.json()["error"]["code"]) == (503, "unavailable")
        assert client.get("/v1/market").status_code == 200
        for each in opened:
            each.__exit__(None, None, None)
        slow.close()
        gives_up = time.monotonic() + 60
        while (again := client.get(path)).status_code == 503 and time.monotonic() < gives_up:
            time.sleep(0.05)
        assert again.text.count("\r\n") == 10_001


def test_a_refused_table_holds_no_place(client: httpx.Client) -> None:
    for _ in range(MOST_AT_ONCE + 1):
        assert client.get("/v1/export/resources.csv?since=1").status_code == 422
    assert client.get("/v1/export/resources.csv").status_code == 200


def test_regression_a_server_without_an_extra_does_not_show_where_its_python_is(
    client, monkeypatch
) -> None:
    tables._template.cache_clear()  # which may hold what was written while openpyxl was there
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    answer = client.get("/v1/templates/machines.xlsx")
    assert answer.status_code == 404
    assert "this server has not installed what writes .xlsx; take .csv" in answer.text
    assert sys.executable not in answer.text
