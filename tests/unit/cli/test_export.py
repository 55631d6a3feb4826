"""`fabmarket export`: which file it reads, what it writes where, and what it leaves as it was."""

import csv
import io
import json
from pathlib import Path

import pytest

from fabmarket.cli.main import main
from fabmarket.ledger.database import open_database
from tests.filled_ledger import ANNE, ORIGIN, fill

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
    assert (code, err) == (0, "")
    assert len(list(csv.DictReader(io.StringIO(out)))) == TRADES


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "xlsx", "aasx"])
def test_the_name_of_the_file_says_its_form(export, form) -> None:
    code, out, _ = export("ledger.sqlite", "trades", "--out", f"t.{form}")
    assert (code, out) == (0, f"t.{form}: {TRADES} rows of trades\n")
    begins = {"csv": b"block,", "json": b"[\n", "parquet": b"PAR1", "xlsx": b"PK", "aasx": b"PK"}
    assert Path(f"t.{form}").read_bytes().startswith(begins[form])


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
