"""Job shops of every shape the format allows, each to its last operation."""

from html import unescape

import pytest

SHOPS = {
    "one job": (3, "1 2\n3 2 1 4 2 5 1 2 3 2 1 2 2 6\n"),
    "one machine": (6, "3 1\n2 1 1 3 1 1 4\n1 1 1 2\n3 1 1 1 1 1 1 1 1 9\n"),
    "one job on one machine": (1, "1 1\n1 1 1 7\n"),
    "one job on one machine, from 0": (1, "1 1\n1 1 0 7\n"),
    "unit times": (2, "2 2\n1 2 1 1 2 1\n1 2 1 1 2 1\n"),
    "machines nobody asks for": (1, "1 9\n1 1 4 6\n"),
    "empty lines": (2, "\n\n2 2 1.5\n\n1 1 1 3\n\n\n1 2 1 2 2 4\n\n"),
    "other spacing": (2, "  2\t 2\r\n1   1\t1 3  \r\n\r\n 1 2  1 2\t2 4"),
    "operations of no time": (2, "2 2\n3 1 1 0 1 2 3 2 1 0 2 5\n2 1 2 0 1 1 4\n"),
    "a job of no time": (1, "2 2\n2 1 1 0 1 2 0\n1 1 1 4\n"),
    "a byte order mark": (2, "\ufeff2 2\n1 1 1 3\n1 2 1 2 2 4\n"),
    "many jobs for one machine": (8, "8 1\n" + "1 1 1 5\n" * 8),
    "more slots than one attestation holds": (60, "1 1\n60" + " 1 1 2" * 60 + "\n"),
}


def check(facts) -> None:
    traded = [trade["subtask"] for trade in facts["trades"]]
    unserved = [row["subtask"] for row in facts["unserved"]]
    assert len({*traded, *unserved}) == len(traded) + len(unserved) == facts["subtasks"]
    assert facts["audit"]["ok"]
    change = {row["address"]: row["after"] - row["before"] for row in facts["accounts"]}
    for trade in facts["trades"]:
        assert trade["payment"] == trade["quantity"] * trade["unit_price"]
        change[trade["demander"]] += trade["payment"]
        change[trade["supplier"]] -= trade["payment"]
    assert set(change.values()) == {0}


@pytest.mark.parametrize("shop", SHOPS)
def test_an_odd_shop_runs_to_its_end(fabmarket, tmp_path, shop):
    file = tmp_path / "shop.txt"
    operations, text = SHOPS[shop]
    file.write_text(text, encoding="utf-8", newline="")
    facts = fabmarket("demo", "--fjsp", file, "--json").facts
    check(facts)
    assert facts["subtasks"] == operations


def test_spacing_changes_nothing(fabmarket, tmp_path):
    plain, results = "2 2\n1 1 1 3\n1 2 1 2 2 4\n", []
    for number, text in enumerate((plain, SHOPS["empty lines"][1], SHOPS["other spacing"][1])):
        file = tmp_path / str(number) / "shop.fjs"
        file.parent.mkdir()
        file.write_text(text, encoding="utf-8", newline="")
        results.append(fabmarket("demo", "--fjsp", file, "--json").facts)
    first = {**results[0], "timing": None}
    assert all({**facts, "timing": None} == first for facts in results)


def test_a_market_in_which_nothing_pays_has_no_trade(fabmarket, tmp_path):
    file = tmp_path / "idle.toml"
    file.write_text(
        """
[[demanders]]
name = "poor"
[[demanders.sub_tasks]]
name = "wish"
slot = 0
alternatives = [{ resource = "press", quantity = 2, benefit = 1, cost = 1 }]
[[suppliers]]
name = "press shop"
resource = "press"
unit = "hour"
maintenance = 5
attested = [3]
"""
    )
    facts = fabmarket("demo", "--scenario", file, "--json", "--out", tmp_path / "out").facts
    check(facts)
    assert facts["trades"] == []
    assert [row["subtask"] for row in facts["unserved"]] == ["poor / wish"]
    assert (tmp_path / "out" / "report.html").is_file()


def test_how_an_instance_was_read_is_a_fact(fabmarket, tmp_path):
    file = tmp_path / "shop.fjs"
    file.write_text("1 5\n3 1 1 0 1 2 3 1 3 0\n")
    facts = fabmarket("demo", "--fjsp", file, "--json", "--out", tmp_path / "out").facts
    assert facts["scenario"]["notes"] == [
        "Machines are read as counted from 1, as instances are published: the file names neither"
        " machine 0 nor machine 5 of 5. If it counts from 0, say so: --machines-from 0, or"
        " machines_from = 0 in a scenario's fjsp table.",
        "2 operations take no time: that is nothing to buy, and in no product.",
    ]
    assert [trade["resource"] for trade in facts["trades"]] == ["machine-1"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert all(note in unescape(page) for note in facts["scenario"]["notes"])
    facts = fabmarket("demo", "--fjsp", file, "--machines-from", 0, "--json").facts
    assert facts["scenario"]["notes"][0] == "Machines are read as counted from 0, as asked for."
    assert [trade["resource"] for trade in facts["trades"]] == ["machine-2"]
    assert facts["command"][2:6] == ["--fjsp", "inputs/shop.fjs", "--machines-from", "0"]


def test_a_scenario_with_a_byte_order_mark_is_read(fabmarket, tmp_path):
    (tmp_path / "shop.txt").write_text("\ufeff1 1\r\n1 1 1 7\r\n", newline="")
    text = '\ufeff[fjsp]\r\nfile = "shop.txt"\r\nmachines_from = 1\r\n'
    (tmp_path / "shop.toml").write_text(text, newline="")
    assert fabmarket("demo", "--scenario", tmp_path / "shop.toml", "--json").facts["subtasks"] == 1
