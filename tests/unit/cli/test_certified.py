"""What is not certified is an error with exit code 3; senseless numbers are refused."""

import csv
import json
import warnings
from dataclasses import replace

import pytest

from fabmarket.cli.main import main
from fabmarket.game import equilibrium

PAPER = "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\nbenefit,cost\n100,45\n200,45\n200,15\n"
OPENING = "no equilibrium was certified: under"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game.csv").write_text(PAPER)
    return tmp_path


@pytest.fixture
def inexact(monkeypatch):
    """A solver that is off by a millionth, as one without digits to spare would be."""
    for name, form in list(equilibrium._FORMS.items()):
        if name in {"simultaneous", "balanced"}:

            def off(game, compiled=None, form=form):
                found = form(game, compiled)
                return found._replace(demand=found.demand * (1 + 1e-6))

            monkeypatch.setitem(equilibrium._FORMS, name, off)


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def failed(capsys):
    out, err = capsys.readouterr()
    assert err.startswith("fabmarket: error: no equilibrium was certified")
    assert err.count("\n") == 1
    return out


def test_an_answer_that_is_not_certified_exits_with_3_and_prints_no_success(here, inexact, capsys):
    assert run("solve", "game.csv") == 3
    assert failed(capsys) == ""
    assert run("solve", "game.csv", "--concept", "balanced", "--json") == 3
    assert failed(capsys) == ""
    assert run("simulate", "game.csv") == 3
    assert failed(capsys) == ""


def test_with_all_concepts_it_is_a_reason_and_still_exits_with_3(here, inexact, capsys):
    assert run("solve", "game.csv", "--concept", "all", "--json") == 3
    found = {one["concept"]: one for one in json.loads(failed(capsys))}
    assert found["simultaneous"]["reason"].startswith(f"{OPENING} simultaneous")
    assert found["demanders-lead"]["price"] == pytest.approx(115)


def test_in_a_sweep_and_a_comparison_too(here, inexact, capsys):
    how = ("--concept", "balanced", "--out", "rows.csv")
    assert run("sweep", "game.csv", "--vary", "a=0.7,0.9", *how) == 3
    failed(capsys)
    rows = list(csv.DictReader((here / "rows.csv").read_text().splitlines()))
    assert [row["reason"].startswith(OPENING) for row in rows] == [True, True]
    assert run("compare", "game.csv", "--json") == 3
    found = {one["rule"]: one for one in json.loads(failed(capsys))}
    assert found["balanced"]["reason"].startswith(OPENING)
    assert found["demanders-lead"]["price"] == pytest.approx(115)


def test_the_papers_letter_is_exempt_and_its_note_says_why(here, capsys):
    assert run("solve", "game.csv", "--concept", "paper-literal", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["certificate"]["relative_gain"] > 1e-3
    assert "no equilibrium" in found["note"]


@pytest.mark.parametrize("command", ["solve", "simulate", "compare"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"benefit": [1e160]}, "benefit[0] is 1e+160; give a number between 1e-75 and 1e+75"),
        ({"a": 5e-324}, "a is 5e-324; give a number between 1e-75 and 1e+75"),
        ({"supply_cap": 1e300}, "supply_cap is 1e+300; give a number between"),
    ],
)
def test_numbers_whose_results_overflow_are_refused_in_one_line(
    here, capsys, command, change, message
):
    game = {"benefit": [1], "cost": [0], "supplier_cost": 0, "a": 1, "b": 1, **change}
    (here / "huge.json").write_text(json.dumps(game))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(command, "huge.json", "--json") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"fabmarket: error: huge.json: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e400"])
@pytest.mark.parametrize("option", ["tolerance", "demand", "supply", "step", "rounds"])
def test_an_option_that_is_no_sensible_number_is_refused(here, capsys, option, value):
    assert run("simulate", "game.csv", "--dynamic", "relaxed", f"--{option}", value) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1


@pytest.mark.parametrize("percent", ["nan", "inf", "-101", "1e300"])
def test_a_raise_that_is_no_sensible_number_is_refused(here, capsys, percent):
    assert run("simulate", "game.csv", "--perturb", f"2:{percent}") == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", ["solve", "simulate", "compare"])
@pytest.mark.parametrize("option", ["a", "b", "supplier-cost", "supply-cap"])
@pytest.mark.parametrize("value", ["nan", "-1", "1e90", "1e-90"])
def test_a_number_of_the_game_that_makes_none_is_refused(here, capsys, command, option, value):
    assert run(command, "game.csv", f"--{option}", value) == 2
    assert option in capsys.readouterr().err.replace("_", "-")


def test_a_certificate_weighs_gains_without_units(here):
    found = equilibrium.solve(
        equilibrium.Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2), "simultaneous"
    )
    assert found.certificate.holds
    assert not replace(found.certificate, residual=1e-8).holds
    assert not replace(found.certificate, relative_gain=1e-8).holds
