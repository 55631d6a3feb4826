"""`fabmarket solve` with several suppliers, and in whole lots."""

import json

import pytest

from fabmarket.cli.main import main

DEMANDERS = "benefit,cost\n100,45\n200,45\n200,15\n"
SEVERAL = "# supplier_cost = 30, 10\n# a = 0.8\n# b = 0.2\n" + DEMANDERS
ONE = "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\n" + DEMANDERS


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "several.csv").write_text(SEVERAL)
    (tmp_path / "one.csv").write_text(ONE)
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def answer(capsys, *arguments):
    assert run("solve", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_several_suppliers_answer_in_the_order_of_the_file(here, capsys):
    found = answer(capsys, "several.csv")
    assert found["price"] == pytest.approx(76)  # (340 + 40)/5
    assert found["supply"] == pytest.approx([230, 330])
    assert found["profit"]["supplier"] == pytest.approx([230 * 46, 330 * 66])
    assert found["unfunded"] == pytest.approx(76 * (560 - 235))
    assert (found["coupled"], found["multiplier"]) == (False, 0)


def test_each_supplier_has_its_own_cap_in_csv_and_in_json(here, capsys):
    capped = SEVERAL.replace("# a", "# supply_cap = inf, 100\n# a")
    (here / "capped.csv").write_text(capped)
    found = answer(capsys, "capped.csv")
    assert found["supply"][1] == 100
    data = {"benefit": [100, 200, 200], "cost": [45, 45, 15], "a": 0.8, "b": 0.2}
    data |= {"supplier_cost": [30, 10], "supply_cap": [None, 100]}
    (here / "capped.json").write_text(json.dumps(data))
    assert answer(capsys, "capped.json") == found


def test_tables_and_the_picture_show_every_supplier(here, capsys):
    assert run("solve", "several.csv", "--concept", "all", "--plot", "p.svg") == 0
    out = capsys.readouterr().out
    assert "Supply, units" in out
    assert "balanced: none." in out
    assert "supply" in (here / "p.svg").read_text()


def test_whole_lots_are_solved_and_certified_as_such(here, capsys):
    found = answer(capsys, "one.csv", "--lot", "10")
    assert (found["demand"], found["supply"]) == ([0, 90, 120], 390)
    assert found["note"] == "whole lots of 10.0"
    assert "whole number of lots" in found["certificate"]["deviations"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "several.csv"), "several suppliers, which fabmarket solve alone takes"),
        (("simulate", "several.csv"), "several suppliers, which fabmarket solve alone takes"),
        (("sweep", "several.csv", "--vary", "a=1", "--json"), "several suppliers, which"),
        (
            ("solve", "comma.csv"),
            "'12,5' may be one number or two; write 12.5 for one, or 12, 5",
        ),
        (("solve", "point.csv"), "line 2, a: '0,8' is not allowed; write 0.8"),
        (("solve", "one.csv", "--lot", "1", "--coupled"), "--lot and --coupled exclude each other"),
        (("solve", "one.csv", "--plot", ""), "an argument is empty; give a value, or leave it out"),
        (("sweep", "one.csv", "--vary", "a=1", "--out="), "an argument is empty"),
        (("solve", ""), "an argument is empty"),
        (("solve", "several.csv", "--lot", "1"), "--coupled and --lot go with one supplier"),
        (("solve", "several.csv", "--coupled"), "--coupled and --lot go with one supplier"),
        (("solve", "several.csv", "--concept", "balanced"), "no form with several suppliers"),
        (("solve", "one.csv", "--lot", "0"), "lot is 0.0; give a finite number > 0"),
        (("solve", "one.csv", "--lot", "nan"), "'--lot': 'nan' is not a number"),
        (("solve", "one.csv", "--lot", "1e300"), "lot is 1e+300; give a number between"),
        (("solve", "one.csv", "--lot", "1", "--concept", "balanced"), "--lot is offered under"),
        (("solve", "bad.csv"), "line 1, supplier_cost: 'x' is not allowed"),
        (("solve", "money.csv"), "budgets go with one supplier"),
        (("solve", "unequal.csv"), "supply_cap has 3 numbers but supplier_cost has 2"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(here, capsys, arguments, message):
    (here / "comma.csv").write_text(SEVERAL.replace("30, 10", "12,5"))
    (here / "point.csv").write_text("# supplier_cost = 1\n# a = 0,8\n")
    (here / "bad.csv").write_text(SEVERAL.replace("30, 10", "30, x"))
    (here / "money.csv").write_text(
        SEVERAL.split("benefit")[0] + "benefit,cost,budget\n100,45,90\n"
    )
    (here / "unequal.csv").write_text(SEVERAL.replace("# a", "# supply_cap = 1,2,3\n# a"))
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
