"""`fabmarket import` and `template`: what they write, say and refuse."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from fabmarket.cli.main import main
from fabmarket.scenario import parse_scenario
from fabmarket.scenario.tables import KINDS

TABLES = Path(__file__).parents[3] / "scenarios/tables"


@pytest.fixture
def fabmarket(tmp_path, monkeypatch, capsys):
    """Runs the command in an empty directory; its exit code, output and messages."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_templates_are_imported_as_they_are(fabmarket, form) -> None:
    names = [f"{kind}.{form}" for kind in KINDS]
    for kind, name in zip(KINDS, names, strict=True):
        assert fabmarket("template", kind, "--out", name)[0] == 0
    code, out, _ = fabmarket("import", *names, "--out", "market.toml", "--json")
    assert code == 0
    assert json.loads(out)["rows"] == dict.fromkeys(sorted(KINDS), 1)
    text = Path("market.toml").read_text("utf-8")
    assert text.startswith("# Made of ")
    assert len(parse_scenario(text, "market.toml", 1, str).demanders) == 2


def test_the_example_tables_are_a_market(fabmarket) -> None:
    code, out, err = fabmarket("import", *sorted(TABLES.glob("*.csv")), "--out", "shop.toml")
    assert (code, err) == (0, "")
    assert "shop.toml: 3 machines for sale, 3 buyers." in out
    assert "Run it:  fabmarket demo --scenario shop.toml" in out


def test_regression_one_machine_is_not_said_to_be_several(fabmarket) -> None:
    assert fabmarket("template", "machines", "--out", "machines.csv")[0] == 0
    assert fabmarket("template", "demands", "--out", "demands.csv")[0] == 0
    _, out, _ = fabmarket("import", "machines.csv", "demands.csv", "--out", "one.toml")
    assert "one.toml: 1 machine for sale, 1 buyer." in out


def test_all_faults_are_printed_and_nothing_is_written(fabmarket) -> None:
    Path("m.csv").write_text("machine,resource,unit,maintenance\n\x1b]0;x\x07,a,b,-1\nm,a,b,x\n")
    before = {"m.csv", "old.toml"}
    Path("old.toml").write_text("old")
    code, out, err = fabmarket("import", "m.csv", "--out", "old.toml")
    lines = err.splitlines()
    assert (code, out) == (2, "")
    assert lines[0].startswith("m.csv, row 2, machine: '\\x1b]0;x\\x07' is no name")
    assert lines[1].startswith("m.csv, row 2, maintenance: '-1' is negative")
    assert (
        lines[-1] == "fabmarket: error: 4 things are wrong; correct the tables: nothing was written"
    )
    assert {each.name for each in Path().iterdir()} == before
    assert Path("old.toml").read_text() == "old"


def test_faults_are_json_where_that_is_asked_for(fabmarket) -> None:
    Path("m.csv").write_text("machine;resource;unit;maintenance;capacity;slots\nm;a;b;1,5;x;1\n")
    code, out, _ = fabmarket("import", "m.csv", "--out", "a.toml", "--json")
    assert code == 2
    assert json.loads(out) == {
        "count": 1,
        "faults": [
            {
                "file": "m.csv",
                "sheet": "",
                "row": 2,
                "column": "capacity",
                "value": "'x'",
                "problem": "is not a number; write one like 12.50, without a unit",
            }
        ],
    }


def test_a_kind_that_is_given_is_not_guessed(fabmarket) -> None:
    Path("m.csv").write_text("machine,slot\nm,1\n")
    code, _, err = fabmarket("import", "m.csv", "--as", "calendar", "--out", "a.toml")
    assert code == 2
    assert "m.csv, row 1, attested: is missing; add the column" in err


@pytest.mark.parametrize("value", ["INF", "NaN", "P1Y", "true", "-1"])
def test_regression_a_value_of_a_shell_that_is_none_is_told_at_the_first_step(
    value: str, fabmarket
) -> None:
    """A table of machines was written with it, and only the next import refused it."""
    types = {"INF": "double", "NaN": "double", "P1Y": "duration", "true": "boolean", "-1": "int"}
    said = {"modelType": "Property", "idShort": "capacity", "value": value}
    said["valueType"] = f"xs:{types[value]}"
    capability = {"modelType": "Capability", "idShort": "milling"}
    submodel = {"modelType": "Submodel", "id": "urn:a", "idShort": "mill"}
    submodel["submodelElements"] = [capability, said]
    Path("a.json").write_text(json.dumps({"submodels": [submodel]}))
    code, _, err = fabmarket("import", "a.json", "--out", "machines.csv")
    assert (code, Path("machines.csv").exists()) == (2, False)
    assert err.startswith("a.json, mill/mill/milling, capacity: '")


def test_shells_become_a_table_of_machines_to_fill_in(fabmarket) -> None:
    capability = {"modelType": "Capability", "idShort": "milling"}
    submodel = {
        "modelType": "Submodel",
        "id": "urn:a",
        "idShort": "mill",
        "submodelElements": [capability],
    }
    Path("a.json").write_text(json.dumps({"submodels": [submodel]}))
    code, out, _ = fabmarket("import", "a.json", "--out", "machines.csv")
    assert (code, out) == (0, "machines.csv: 1 machine; fill in what is missing, and import it\n")
    text = Path("machines.csv").read_text("utf-8-sig")
    assert text.splitlines()[2] == "mill,milling,,,,,,,,"
    filled = text.replace("mill,milling,,,,,", "mill,milling,hour,1.5,8,4,")
    Path("machines.csv").write_text(filled)
    code, _, _ = fabmarket("import", "machines.csv", TABLES / "demands.csv", "--out", "b.toml")
    assert code == 2  # demands.csv wants turning, too
    Path("d.csv").write_text("demander,sub_task,resource,quantity,benefit\nd,s,milling,1,2\n")
    assert fabmarket("import", "machines.csv", "d.csv", "--out", "b.toml")[0] == 0


REFUSED = {
    "no scenario": (["import", TABLES / "machines.csv", "--out", "a.txt"], "give a name that ends"),
    "a table": (["import", TABLES / "machines.csv", "--out", "a.csv"], "shells alone"),
    "no file": (["import", "none.csv", "--out", "a.toml"], "none.csv: cannot be read"),
    "a template of no form": (["template", "machines", "--out", "a.txt"], "or say --format"),
    "no slot length": (["import", "x", "--out", "a.toml", "--slot-length", "0"], "0 is not in"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_says_why_and_leaves_nothing(fabmarket, arguments, problem) -> None:
    code, _, err = fabmarket(*arguments)
    assert code == 2
    assert problem in err
    assert not list(Path().iterdir())


def test_a_format_may_be_said_whatever_the_name(fabmarket) -> None:
    assert fabmarket("template", "machines", "--format", "csv", "--out", "a.txt")[0] == 0
    assert Path("a.txt").read_text("utf-8-sig").startswith("machine,resource,unit")


def test_the_commands_of_the_how_to_run_one_after_the_other(fabmarket) -> None:
    page = (TABLES.parents[1] / "docs/how-to/bring-your-data.md").read_text("utf-8")
    commands = re.findall(
        r"^fabmarket ((?:template|import) .*\.toml .*|template .*)$", page, re.MULTILINE
    )
    assert len(commands) == 5
    for command in commands:
        assert fabmarket(*command.split())[0] == 0
    assert Path("shop.toml").is_file()


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("a.xlsx", "openpyxl", "excel"), ("a.aasx", "basyx.aas", "aas")]
)
def test_regression_a_missing_extra_is_installed_by_this_interpreters_pip(
    fabmarket, monkeypatch, name, module, extra
) -> None:
    Path(name).write_bytes(b"")
    for each in [every for every in sys.modules if every.startswith("basyx")]:
        monkeypatch.delitem(sys.modules, each)
    monkeypatch.setitem(sys.modules, module, None)
    code, _, err = fabmarket("import", name, "--out", "a.toml")
    assert code == 2
    assert f"; run {shlex.quote(sys.executable)} -m pip install 'fabmarket[{extra}]', or use" in err
