"""`fabmarket sweep`: the grid, its file, and going on after being stopped."""

import csv
import json
import signal
import subprocess
import sys

import pytest

from fabmarket.cli import grid
from fabmarket.cli.game_file import LISTS, NUMBERS, read_game
from fabmarket.cli.main import main
from fabmarket.game import CONCEPTS, Game, solve
from fabmarket.interrupts import Interrupted
from tests.stopped_sweep import stopped_sweep

PAPER = "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\nbenefit,cost\n100,45\n200,45\n200,15\n"
GRID = ("--vary", "a=0.5:2:4", "--vary", "b=0.1:10:3:log", "--concept", "all")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game.csv").write_text(PAPER)
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["sweep", "game.csv", *arguments])
    return ended.value.code


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_follow_the_grid_and_hold_what_solve_says(here, capsys):
    assert run(*GRID, "--demanders", "--out", "t.csv") == 0
    out, err = capsys.readouterr()
    assert err == ""
    table = read(here / "t.csv")
    points = [(a, b) for a in (0.5, 1.0, 1.5, 2.0) for b in (0.1, 1.0, 10.0)]
    assert len(table) == len(points) * len(CONCEPTS)
    for at, row in enumerate(table):
        a, b = points[at // len(CONCEPTS)]
        concept = CONCEPTS[at % len(CONCEPTS)]
        assert (float(row["a"]), float(row["b"])) == pytest.approx((a, b))
        assert row["concept"] == concept
        if row["reason"]:
            assert (concept, a <= b) == ("balanced", True)
            assert row["price"] == row["served"] == row["demand[2]"] == ""
            continue
        found = solve(
            Game([100, 200, 200], [45, 45, 15], 10, float(row["a"]), float(row["b"])), concept
        )
        assert float(row["price"]) == found.price
        assert float(row["total_demand"]) == found.total_demand
        assert float(row["supply"]) == found.supply
        assert float(row["supplier_profit"]) == found.supplier_profit
        assert float(row["demander_profit"]) == found.demander_profit.sum()
        assert float(row["unfunded"]) == found.unfunded
        assert float(row["demand[2]"]) == found.demand[2]
        assert float(row["profit[1]"]) == found.demander_profit[1]
        assert float(row["residual"]) == pytest.approx(found.certificate.residual, abs=1e-15)
        gain = found.certificate.max_unilateral_gain
        assert float(row["max_unilateral_gain"]) == pytest.approx(gain, rel=1e-9, abs=1e-20)
        assert row["note"] == found.note
    without = sum(1 for row in table if row["reason"])
    assert out == f"60 rows in t.csv, {without} of them without an equilibrium\n"
    assert sorted(one.name for one in here.iterdir()) == ["game.csv", "t.csv"]


def test_json_needs_no_file(here, capsys):
    assert run("--vary", "supply_cap=100,inf", "--vary", "benefit[2]=150,200", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["supply_cap"], one["benefit[2]"]) for one in found] == [
        (100, 150),
        (100, 200),
        (None, 150),
        (None, 200),
    ]
    assert found[0]["supply"] == 100
    assert found[3]["price"] == 87.5
    assert found[3]["served"] == 2
    assert list(here.iterdir()) == [here / "game.csv"]


def test_json_beside_a_file(here, capsys):
    assert run("--vary", "a=1", "--out", "t.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["price"] == float(
        read(here / "t.csv")[0]["price"]
    )


def test_a_sweep_that_was_killed_goes_on_where_it_was(here, capsys):
    options = ("--vary", "a=0.5:2:1500", "--out", "t.csv")
    partial = here / "t.csv.partial"
    killed = subprocess.run(stopped_sweep(signal.SIGKILL, 40, *options), check=False)  # noqa: S603
    assert killed.returncode == -signal.SIGKILL
    assert not (here / "t.csv").exists()
    whole = partial.read_bytes()
    assert whole.count(b"\n") == 1 + 40
    # What is there already is trusted, not computed again: a mark in it survives.
    marked = whole.replace(b",simultaneous,87.5,", b",simultaneous,-1.0,", 1)
    partial.write_bytes(marked + b"0.7,simultaneous,8")
    assert run(*options) == 0
    again = read(here / "t.csv")
    assert not partial.exists()
    assert run("--vary", "a=0.5:2:1500", "--out", "u.csv") == 0
    fresh = read(here / "u.csv")
    assert again[0]["price"] == "-1.0"
    assert again[1:] == fresh[1:]
    assert len(again) == 1500


def test_an_interrupt_says_how_to_go_on(here, capsys, monkeypatch):
    def stop_after_two(game, concept, calls=[]):  # noqa: B006
        calls.append(1)
        if len(calls) == 3:
            raise Interrupted(signal.SIGINT)
        return solve(game, concept)

    monkeypatch.setattr(grid, "solve", stop_after_two)
    options = ("--vary", "a=1:2:4", "--concept", "balanced", "--out", "t.csv")
    assert run(*options) == 130
    assert "interrupted after 2 of 4 rows; the same command goes on" in capsys.readouterr().err
    assert run(*options) == 0
    assert [float(row["a"]) for row in read(here / "t.csv")] == pytest.approx([1, 4 / 3, 5 / 3, 2])


def head_of(options):
    """The first line that a sweep of these options keeps."""
    swept = grid.Grid(
        Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2),
        tuple(grid.axis_of(one) for one in options[1::2]),
        ("simultaneous",),
        False,
    )
    return f"# {swept.fingerprint}\n".encode()


@pytest.mark.parametrize(
    "left",
    [
        b"# 12",
        b"# 12\n",
        b"nothing of ours\nat all\n",
        b"x" * 200_000,
        b"x" * 200_000 + b"\n",
        b"\0" * 5000,
        bytes(range(256)) * 40,
    ],
    ids=lambda left: f"{left[:6]!r} {len(left)}",
)
def test_what_is_of_no_sweep_is_said_and_not_lost(here, capsys, left):
    partial = here / "t.csv.partial"
    partial.write_bytes(left)
    assert run("--vary", "a=1,2", "--out", "t.csv") == 2
    assert "t.csv.partial is of another sweep; delete it" in capsys.readouterr().err
    assert partial.read_bytes() == left
    assert not (here / "t.csv").exists()


@pytest.mark.parametrize(
    "line",
    [
        b"y" * 200_000,
        b"\0",
        b"",
        b"\xff\xfe",
        b"1.0,simultaneous,87.5",
        b"1.0,simultaneous,x,1,1,1,1,1,1,1,1,,",
        b"1.0,simultaneous,1,1,1,1.5,1,1,1,1,1,,",
        b"2.0,simultaneous,1,1,1,1,1,1,1,1,1,,",
    ],
    ids=lambda line: f"{line[:16]!r} {len(line)}",
)
def test_a_line_that_is_no_row_is_said_and_not_lost(here, capsys, line):
    partial = here / "t.csv.partial"
    left = head_of(("--vary", "a=1,2")) + line + b"\n"
    partial.write_bytes(left)
    assert run("--vary", "a=1,2", "--out", "t.csv") == 2
    assert "t.csv.partial: line 2 is no row of this sweep; delete" in capsys.readouterr().err
    assert partial.read_bytes() == left


@pytest.mark.parametrize("much", [0, 3, 20])
def test_a_first_line_that_was_cut_short_is_begun_anew(here, capsys, much):
    (here / "t.csv.partial").write_bytes(head_of(("--vary", "a=1,2"))[:much])
    assert run("--vary", "a=1,2", "--out", "t.csv") == 0
    assert len(read(here / "t.csv")) == 2


def test_changed_values_are_another_sweep(here, capsys, monkeypatch):
    def stop(game, concept):
        raise Interrupted(signal.SIGTERM)

    how = ("--concept", "balanced", "--out", "t.csv")
    with monkeypatch.context() as patched:
        patched.setattr(grid, "solve", stop)
        assert run("--vary", "a=1,2", *how) == 143
    for options in (("--vary", "a=1,3"), ("--vary", "a=1,2", "--b", "7"), ("--vary", "b=1,2")):
        assert run(*options, *how) == 2
        assert "of another sweep" in capsys.readouterr().err


def test_parquet_holds_the_same_table(here, capsys):
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    assert run(*GRID, "--out", "t.csv") == 0
    assert run(*GRID, "--out", "t.parquet") == 0
    table = parquet.read_table(here / "t.parquet").to_pylist()
    rows = read(here / "t.csv")
    assert len(table) == len(rows)
    for found, row in zip(table, rows, strict=True):
        assert list(found) == list(row)
        assert found["concept"] == row["concept"]
        assert found["reason"] == row["reason"]
        assert found["price"] == (float(row["price"]) if row["price"] else None)
        assert found["served"] == (int(row["served"]) if row["served"] else None)
    assert not (here / "t.parquet.partial").exists()


def test_parquet_without_its_extra_is_refused_before_anything_is_solved(here, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert run("--vary", "a=1,2", "--out", "t.parquet") == 2
    assert (
        f"Parquet needs pyarrow; run {sys.executable} -m pip install 'fabmarket[parquet]'"
        in capsys.readouterr().err
    )
    assert list(here.iterdir()) == [here / "game.csv"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--vary", "c=1,2"), "unknown parameter 'c'; use supplier_cost, a, b, supply_cap"),
        (("--vary", "a[1]=1,2"), "unknown parameter 'a[1]'"),
        (("--vary", "cost=1,2"), "unknown parameter 'cost'"),
        (("--vary", "a"), "give a=START:STOP:COUNT"),
        (("--vary", "a=1,x"), "give a=START:STOP:COUNT"),
        (("--vary", "a=1:2"), "give a=START:STOP:COUNT"),
        (("--vary", "a=1:2:1000000000000"), "1,000,000,000,000 values are more than the 10,"),
        (("--vary", "a=1:2:1000000000000:log"), "1,000,000,000,000 values are more than the"),
        (
            ("--vary", "a=1:2:9000", "--vary", "b=1:2:9000"),
            "81,000,000 rows of 14 columns, more than 10,000,000 values; give fewer values",
        ),
        (("--vary", "a=" + "1," * 999_999 + "1"), "1,000,000 rows of 13 columns, more than"),
        (("--vary", "a=1:2:0"), "give a=START:STOP:COUNT"),
        (("--vary", "a=1:2:-1"), "give a=START:STOP:COUNT"),
        (("--vary", "a=1:nan:2"), "give a=START:STOP:COUNT"),
        (("--vary", "a=0:2:3:log"), "log with positive ends"),
        (("--vary", "a=1:2:3:exp"), "log with positive ends"),
        (("--vary", "a=0:2:3"), "--vary a: a is 0.0; give a finite number > 0"),
        (("--vary", "a=1,nan"), "--vary 'a=1,nan': give a=START:STOP:COUNT"),
        (("--vary", "a=1_0,2"), "--vary 'a=1_0,2': give a=START:STOP:COUNT"),
        (("--vary", "a=1:2_0:3"), "--vary 'a=1:2_0:3': give a=START:STOP:COUNT"),
        (("--vary", "a=1:2:\u0663"), "give a=START:STOP:COUNT"),
        (("--vary", "cost[\u0661]=1"), "unknown parameter"),
        (("--vary", "a=1,inf"), "--vary a: a is inf; give a finite number > 0"),
        (("--vary", "cost[1]=1,-2"), "--vary cost[1]: cost[1] is -2.0"),
        (("--vary", "cost[3]=1"), "--vary cost[3]: there is no demander 3; give an index in 0..2"),
        (("--vary", "a=1", "--vary", "a=2"), "--vary a is given twice; leave one out"),
        (("--vary", "a=1", "--out", "t.xlsx"), "give a name that ends in .csv or .parquet"),
        (("--vary", "a=1", "--out", "no/t.csv"), "no/t.csv.partial: cannot be written"),
        (("--out", "t.csv"), "Missing option '--vary'"),
    ],
)
def test_a_bad_grid_is_refused_in_one_line_and_nothing_is_written(here, capsys, options, message):
    out = () if "--out" in options else ("--out", "t.csv")
    assert run(*options, *out) == 2
    stdout, err = capsys.readouterr()
    assert stdout == ""
    assert message in err
    assert err.count("\n") == 1
    assert list(here.iterdir()) == [here / "game.csv"]


def test_somewhere_to_put_the_rows_is_needed(here, capsys):
    assert run("--vary", "a=1") == 2
    assert "nowhere to put the rows; give --out OUT, or --json" in capsys.readouterr().err


def test_a_partial_file_that_cannot_be_read(here, capsys):
    (here / "t.csv.partial").mkdir()
    assert run("--vary", "a=1", "--out", "t.csv") == 2
    assert "t.csv.partial: cannot be written (Is a directory)" in capsys.readouterr().err


CAPPED = "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\nbenefit,cost,cap\n"


@pytest.mark.parametrize(
    ("text", "vary"),
    [
        (CAPPED + "100,45,\n200,45,60\n200,15,50\n", "cap[1]=0,10,60,inf"),
        (CAPPED + "100,45,\n200,45,60\n200,15,50\n", "supply_cap=0,10,90,inf"),
        (CAPPED + "100,45,\n200,45,60\n200,15,50\n", "benefit[0]=0,100,1e6"),
        # Sums over sorted kinks lose what a small margin needs: those rows are solved one by one.
        (CAPPED + "1e30,0,1e-40\n1e-9,0,\n", "a=0.5,1,2"),
        # With budgets a price is on no line.
        (CAPPED + "100,45,\n200,45,60\n200,15,50\n", "budget[2]=100,1000,inf"),
    ],
)
def test_points_solved_at_once_are_what_solve_says_of_each(here, capsys, text, vary):
    (here / "game.csv").write_text(text)
    assert run("--vary", vary, "--demanders", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    game = read_game(here / "game.csv", {})
    axis = grid.axis_of(vary)
    for row, value in zip(rows, axis.values, strict=True):
        fields = {name: getattr(game, name) for name in LISTS + NUMBERS}
        found = solve(Game(**{**fields, **axis.changed(game, value)}), "simultaneous")
        assert row["price"] == pytest.approx(found.price, rel=1e-12)
        demand = [row[f"demand[{j}]"] for j in range(len(game.margin))]
        assert demand == pytest.approx(found.demand.tolist(), rel=1e-12, abs=1e-300)
        assert row["supply"] == pytest.approx(found.supply, rel=1e-12)
        assert row["residual"] < 1e-12
