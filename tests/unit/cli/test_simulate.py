"""`fabmarket simulate`: every round in JSON, counts in tables, divergence in words."""

import json

import pytest

from fabmarket.cli.main import main
from fabmarket.game.dynamics import DYNAMICS

PAPER = "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\nbenefit,cost\n100,45\n200,45\n200,15\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game.csv").write_text(PAPER)
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["simulate", "game.csv", *arguments])
    return ended.value.code


def facts(capsys, *arguments):
    assert run(*arguments, "--json") == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_json_has_every_round(here, capsys):
    found = facts(capsys, "--demand", "100", "--supply", "200")
    assert found["dynamic"] == "gauss-seidel"
    assert found["condition"].startswith("always")
    assert found["rounds_to"] == {"1e-2": 5, "1e-3": 7, "1e-6": 13, "1e-9": 20}
    assert found["spectral_radius"] == pytest.approx(2**-1.5)
    assert found["equilibrium"]["price"] == pytest.approx(87.5)
    history = found["history"]
    assert [one["round"] for one in history] == list(range(21))
    assert history[0]["demand"] == [100, 100, 100]
    assert (history[0]["supply"], history[0]["price"]) == (200, 200)
    assert history[0]["profit"]["supplier"] == 200 * 190
    assert history[-1]["error"] <= 1e-9 < history[-2]["error"]


def test_all_dynamics_and_the_one_that_is_refused(here, capsys):
    found = facts(capsys, "--dynamic", "all", "--demand", "100", "--supply", "200")
    assert [one["dynamic"] for one in found] == list(DYNAMICS)
    counts = {one["dynamic"]: one.get("rounds_to", {}).get("1e-9") for one in found}
    assert counts["aggregate-newton"] == 3
    assert counts["extragradient"] == 124
    assert counts["jacobi"] is None
    (refused,) = [one for one in found if "reason" in one]
    assert "spectral radius is 1 " in refused["reason"]


def test_what_cannot_converge_is_refused_unless_allowed(here, capsys):
    assert run("--dynamic", "jacobi", "--plot", "x.png") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fabmarket: error: jacobi does not converge")
    assert err.rstrip().endswith("(--allow-divergence)")
    assert not (here / "x.png").exists()
    found = facts(capsys, "--dynamic", "jacobi", "--allow-divergence", "--rounds", "12")
    assert len(found["history"]) == 13
    assert found["rounds_to"]["1e-2"] is None
    assert "does not converge" in found["remark"]


def test_a_play_that_leaves_the_numbers_ends_with_a_remark(here, capsys):
    (here / "game.csv").write_text("# supplier_cost=1\n# a=1\n# b=1\nbenefit,cost\n" + "9,1\n" * 50)
    found = facts(capsys, "--dynamic", "jacobi", "--allow-divergence", "--demand", "1")
    assert "left the range of numbers" in found["remark"]
    assert len(found["history"]) < 1000


def test_a_step_of_ones_own(here, capsys):
    options = ("--demand", "100", "--supply", "200", "--dynamic", "tatonnement", "--step", "0.05")
    assert facts(capsys, *options)["rounds_to"]["1e-6"] == 64


def test_tolerance_and_rounds_end_a_play(here, capsys):
    assert facts(capsys, "--tolerance", "0.01")["history"][-1]["error"] <= 0.01
    assert len(facts(capsys, "--rounds", "2")["history"]) == 3


def test_a_perturbation_shows_the_profits_along_the_way(here, capsys):
    found = facts(capsys, "--perturb", "2:20")
    prices = [one["price"] for one in found["history"][:2]]
    assert prices == pytest.approx([107, 97.25])
    assert run("--perturb", "2:20") == 0
    out = capsys.readouterr().out
    for part in ("after demander 2 asks for 20 % more", "−28.9 %", "−4.0 %", "+8.0 %", "+26.7 %"):
        assert part in out
    assert "-0.0 %" not in out


def test_the_table_leaves_out_the_middle_of_a_long_play(here, capsys):
    assert run("--demand", "100", "--supply", "200", "--tolerance", "1e-12") == 0
    out = capsys.readouterr().out
    lines = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert lines.count("...") == 1
    assert "Converges: always" in out


def test_the_table_of_all_dynamics(here, capsys):
    assert run("--dynamic", "all", "--demand", "100", "--supply", "200") == 0
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if "jacobi-then-supplier" in line)
    assert line.split() == ["jacobi-then-supplier", "4", "8", "18", "28", "0.5", "5.8e-10"]
    assert "jacobi does not converge" in out
    assert next(line for line in out.splitlines() if "anderson" in line).split()[5] == "–"


def test_profits_that_were_nothing_have_no_change(here, capsys):
    text = "# supplier_cost = 90\n# a = 0.8\n# b = 0.2\nbenefit,cost\n100,45\n200,45\n"
    (here / "game.csv").write_text(text)
    assert run("--perturb", "1:10", "--plot", "x.svg") == 0
    assert "–" in capsys.readouterr().out
    picture = (here / "x.svg").read_text()
    assert "demander 1" in picture
    assert "supplier" not in picture


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--perturb", "2:20"), ["gauss-seidel", "Profit against", "demander 2", "supplier"]),
        (("--perturb", "2:20", "--dynamic", "all"), ["nesterov", "Distance from"]),
        (("--dynamic", "all"), ["aggregate-newton", "an error of 0 is drawn", "1e-12"]),
    ],
)
def test_pictures_show_what_they_are_asked_for(here, capsys, options, words):
    assert run(*options, "--plot", "x.svg") == 0
    picture = (here / "x.svg").read_text()
    for word in words:
        assert word in picture
    assert ("Profit against" in picture) == ("Profit against" in words)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--perturb", "2-20"), "'2-20' is not WHO:PERCENT, such as 2:20"),
        (("--perturb", "2:"), "'2:' is not WHO:PERCENT"),
        (("--perturb", "0:20"), "demander 0 demands nothing at equilibrium"),
        (("--perturb", "9:20"), "no demander 9; give an index in 0..2"),
        (("--perturb", "2:20", "--demand", "3"), "leave --demand, --supply out"),
        (("--step", "1"), "gauss-seidel has no --step; it is for relaxed, gradient"),
        (("--dynamic", "all", "--step", "1"), "choose one with --dynamic"),
        (("--dynamic", "relaxed", "--step", "2"), "step is 2.0; give a number in (0, 1]"),
        (("--demand", "-1"), "demand[0] starts at -1.0"),
        (("--supply", "nan"), "'--supply': 'nan' is not a number"),
        (("--tolerance", "nan"), "'--tolerance': 'nan' is not a number"),
        (("--tolerance", "1_0"), "'--tolerance': '1_0' is not a number"),
        (("--rounds", "1_0"), "'--rounds': '1_0' is not a whole number"),
        (("--perturb", "1_0:20"), "'1_0:20' is not WHO:PERCENT"),
        (("--perturb", "2:nan"), "'2:nan' is not WHO:PERCENT"),
        (("--rounds", "0"), "0 is not in the range 1<=x<=100000"),
    ],
)
def test_options_that_make_no_sense(here, capsys, options, message):
    assert run(*options) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
