"""`fabmarket compare`: the same game under every rule."""

import json

import pytest

from fabmarket.cli.main import main
from fabmarket.game.mechanisms import RULES

PAPER = "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\nbenefit,cost\n100,45\n200,45\n200,15\n"
CAPPED = (
    "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\n# supply_cap = 150\n"
    "benefit,cost,cap\n100,45,100\n200,45,60\n200,15,60\n"
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game.csv").write_text(PAPER)
    (tmp_path / "capped.csv").write_text(CAPPED)
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["compare", *arguments])
    return ended.value.code


def rows(capsys, *arguments):
    assert run(*arguments, "--json") == 0
    out, err = capsys.readouterr()
    assert err == ""
    return {one["rule"]: one for one in json.loads(out)}


def test_json_of_every_rule(here, capsys):
    found = rows(capsys, "capped.csv")
    assert list(found) == [*RULES, "clock"]
    assert set(found["demanders-lead"]) == {"rule", "reason"}
    plain = found["uniform-price"]
    assert (plain["price"], plain["supply"], plain["welfare"]) == (55, 150, 20550)
    assert (plain["revenue"], plain["booked"], plain["demand"]) == (8250, 8250, [30, 60, 60])
    assert plain["lies"][0] == {"report": 10, "honest": 0, "profit": 1350, "gain": 1350}
    assert found["vcg"]["price"] is None
    assert found["vcg"]["revenue"] == 6900
    assert [lie["gain"] for lie in found["vcg"]["lies"]] == [0, 0, 0]


def test_a_third_more_for_a_lie_on_the_papers_market(here, capsys):
    found = rows(capsys, "game.csv", "--rule", "simultaneous")
    assert list(found) == ["simultaneous"]
    lies = found["simultaneous"]["lies"]
    assert [lie["gain"] / lie["honest"] for lie in lies[1:]] == pytest.approx([1 / 3, 1 / 3])
    assert lies[0]["gain"] == 0


def test_rules_come_in_the_order_given_and_once(here, capsys):
    options = ("--rule", "vcg", "--rule", "simultaneous", "--rule", "vcg")
    assert list(rows(capsys, "capped.csv", *options)) == ["vcg", "simultaneous"]


def test_tables_show_gains_in_per_cent_or_in_money(here, capsys):
    assert run("game.csv") == 0
    out = capsys.readouterr().out
    for part in ("+33.3 %", "+12.5 %", "+80.0 %", "+1.02", "31,750", "vcg: none. mechanisms need"):
        assert part in out


def test_reasons_alone(here, capsys):
    assert run("game.csv", "--rule", "vcg", "--plot", "x.svg") == 0
    out = capsys.readouterr().out
    assert out.startswith("vcg: none. mechanisms need a supply cap")
    assert "At honest reports" not in out


def test_the_picture_has_a_bar_for_each_rule_with_an_outcome(here, capsys):
    assert run("capped.csv", "--plot", "x.svg") == 0
    picture = (here / "x.svg").read_text()
    assert "uniform-price" in picture
    assert "20,550" in picture
    assert "demanders-lead" not in picture


def test_an_unknown_rule_is_refused(here, capsys):
    assert run("game.csv", "--rule", "dictatorship") == 2
    assert "'dictatorship' is not one of 'simultaneous'" in capsys.readouterr().err


def test_the_clock_sells_what_vcg_sells_and_says_in_how_many_rounds(here, capsys):
    found = rows(capsys, "capped.csv")
    clock, vcg = found["clock"], found["vcg"]
    assert (clock["welfare"], clock["revenue"]) == (vcg["welfare"], vcg["revenue"])
    assert (clock["price"], clock["demand"]) == (55, [30, 60, 60])
    assert [lie["gain"] for lie in clock["lies"]] == [0, 0, 0]
    assert clock["rounds"] == 10  # 10, 12, 15, 18, 22, 27, 33, 41, 51, 63
    assert found["balanced"]["rounds"] > 1
    assert found["vcg"]["rounds"] is found["uniform-price"]["rounds"] is None


def test_the_clock_takes_a_supply_cap_and_whole_numbers(here, capsys):
    (row,) = rows(capsys, "game.csv", "--rule", "clock").values()
    assert row["reason"] == "a clock sells what there is: give supply_cap"
    (row,) = rows(capsys, "game.csv", "--rule", "clock", "--supply-cap", "0.5").values()
    assert "supply_cap is 0.5" in row["reason"]
    (row,) = rows(capsys, "game.csv", "--rule", "clock", "--supply-cap", "600").values()
    assert (row["price"], row["demand"], row["revenue"]) == (155, [0, 0, 600], 93_000)
    assert row["rounds"] == 15


def test_the_papers_sessions_take_three_or_four_rounds(here, capsys):
    found = rows(capsys, "game.csv")
    taken = [found[rule]["rounds"] for rule in ("simultaneous", "demanders-lead", "balanced")]
    assert taken == [4, 3, 4]
