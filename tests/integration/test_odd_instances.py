"""Job shops of every shape the format allows, each to its last operation."""

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
