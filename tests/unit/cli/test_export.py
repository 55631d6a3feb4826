"""`fabmarket export`: which file it reads, what it writes where, and what it leaves as it was."""

import csv
import io
import json
from contextlib import closing
from pathlib import Path

import pytest

from fabmarket.cli.currencies import currencies_beside
from fabmarket.cli.main import main
from fabmarket.identity.codec import encode
from fabmarket.ledger.database import open_database
from fabmarket.node import Journal
from fabmarket.node.owner import Owner
from fabmarket.node.settings import EVENTS, JOURNAL
from fabmarket.scenario import Currency
from tests.filled_ledger import ANNE, EXCHANGE, ORIGIN, TOKEN, fill
from tests.unit.node.council import Council
from tests.unit.node.office import Office

TRADES = 40


@pytest.fixture
def export(tmp_path, monkeypatch, capsys):
    """Runs the command beside a filled ledger; its exit code, output and messages."""
    monkeypatch.chdir(tmp_path)
    engine = open_database("ledger.sqlite")
    fill(engine, TRADES)
    engine.dispose()

    def run(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["export", *arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def test_rows_are_printed_as_csv_where_nothing_else_is_said(export) -> None:
    code, out, err = export("ledger.sqlite", "trades")
    assert code == 0
    assert err.startswith("Note: amounts are in base units of the token; nothing beside this")
    assert len(list(csv.DictReader(io.StringIO(out)))) == TRADES


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "xlsx", "aasx"])
def test_the_name_of_the_file_says_its_form(export, form) -> None:
    code, out, _ = export("ledger.sqlite", "trades", "--out", f"t.{form}")
    assert (code, out) == (0, f"t.{form}: {TRADES} rows of trades\n")
    begins = {"csv": b"trade,", "json": b"[\n", "parquet": b"PAR1", "xlsx": b"PK", "aasx": b"PK"}
    assert Path(f"t.{form}").read_bytes().startswith(begins[form])


def facts(**changed: object) -> str:
    chain = {"id": 31337, "exchange": EXCHANGE, "token": TOKEN} | changed
    return json.dumps({"chain": chain, "scenario": {"currency": {"symbol": "CR", "decimals": 2}}})


def test_regression_what_amounts_are_counted_in_stands_with_them(export) -> None:
    """A file said 11000, and not that it is 110.00 CR."""
    Path("report.json").write_text(facts())
    for table in ("trades", "escrows", "accounts"):
        code, out, err = export("ledger.sqlite", table)
        assert (code, err) == (0, "")
        said = {(row["symbol"], row["decimals"]) for row in csv.DictReader(io.StringIO(out))}
        assert said == {("CR", "2")}


@pytest.mark.parametrize(
    "text",
    [
        facts(exchange=TOKEN),
        facts(id=1),
        facts().replace('"decimals": 2', '"decimals": -1'),
        "[" * 100_000,
        "{}",
        "",
    ],
)
def test_a_report_of_another_market_says_nothing_of_its_amounts(export, text) -> None:
    Path("report.json").write_text(text)
    code, out, err = export("ledger.sqlite", "trades", "--format", "json")
    assert (code, err[:5]) == (0, "Note:")
    assert {row["symbol"] for row in json.loads(out)} == {None}
    assert export("ledger.sqlite", "slots")[2] == ""


def test_an_agent_says_what_its_token_told_it(tmp_path) -> None:
    office = Office(Council(), tmp_path / "bea", "bea")
    ledger = str(office.folder / EVENTS)
    engine = open_database(ledger, is_read_only=True)
    with engine.connect() as connection:
        assert currencies_beside(ledger, connection) == {}
        with closing(Journal(office.folder / JOURNAL)) as journal, journal.writing():
            journal.note("currency", encode(Currency("CR", 2)))
        token = Owner(office.folder).token
        assert currencies_beside(ledger, connection) == {token: ("CR", 2)}
        (office.folder / JOURNAL).write_bytes(b"none")
        assert currencies_beside(ledger, connection) == {}
    engine.dispose()


def test_shells_are_of_the_account_or_of_the_market(export) -> None:
    _, out, _ = export("ledger.sqlite", "trades", "--format", "aas-json", "--account", ANNE.lower())
    (shell,) = json.loads(out)["assetAdministrationShells"]
    assert shell["id"] == f"urn:fabmarket:aas:shell:{ANNE.lower()}"
    _, out, _ = export("ledger.sqlite", "trades", "--format", "aas-json")
    assert len(json.loads(out)["submodels"][0]["submodelElements"]) == TRADES


@pytest.mark.parametrize(
    "moment", [str(ORIGIN + 240), "2026-09-21 14:17:20", "2026-09-21T16:17:20+02:00"]
)
def test_a_moment_may_be_seconds_or_a_date(export, moment) -> None:
    _, out, _ = export("ledger.sqlite", "trades", "--since", moment, "--format", "json")
    assert min(row["block"] for row in json.loads(out)) == 20


REFUSED = {
    "no ledger": (["none.sqlite", "trades"], "none.sqlite"),
    "no table": (["ledger.sqlite", "deals"], "'deals' is not one of"),
    "a text for a ledger": (["text", "trades"], "text is no event log"),
    "no form": (["ledger.sqlite", "trades", "--out", "a.doc"], "or say --format"),
    "bytes to a terminal": (["ledger.sqlite", "trades", "--format", "xlsx"], "say with --out"),
    "shells of slots": (["ledger.sqlite", "slots", "--out", "a.aasx"], "is for trades"),
    "no address": (["ledger.sqlite", "trades", "--account", "0x12"], "'0x12' is no address"),
    "no moment": (["ledger.sqlite", "trades", "--since", "soon"], "'soon' is no moment"),
    "a filter of no use": (["ledger.sqlite", "slots", "--token", ANNE], "token is of no use"),
    "no place": (["ledger.sqlite", "trades", "--out", "none/a.csv"], "none/a.csv: cannot be"),
}


@pytest.mark.parametrize(("arguments", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_says_why_and_writes_nothing(export, arguments, problem) -> None:
    Path("text").write_text("no ledger")
    code, out, err = export(*arguments)
    assert (code, out) == (2, "")
    assert problem in err
    left = {each.name for each in Path().iterdir()}
    assert left - {"ledger.sqlite-shm", "ledger.sqlite-wal"} == {"ledger.sqlite", "text"}


def test_a_file_is_left_as_it_was_if_the_ledger_breaks_off(export) -> None:
    """Damage in the middle of the table shows only when its page is read."""
    engine = open_database("ledger.sqlite")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE trade SET payment = 'x' WHERE block = 20")
    engine.dispose()
    Path("t.csv").write_text("old")
    code, _, err = export("ledger.sqlite", "trades", "--out", "t.csv")
    assert code == 2
    assert "ledger.sqlite cannot be read to its end" in err
    assert Path("t.csv").read_text() == "old"
    assert not list(Path().glob(".fabmarket-*"))
