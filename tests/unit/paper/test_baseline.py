"""One operator with a plain database: it trades like the chain, until it stops or cheats."""

import io
import json
import sqlite3
from contextlib import closing

import pytest

from fabmarket.paper import baseline
from fabmarket.paper.operator import Operator, OperatorRefused, serve
from fabmarket.scenario import paper_market
from fabmarket.scenario.deposits import USUAL_DEPOSIT

DEPOSITS = {"MRD1": 33000, "MRD2": 93000, "MRD3": 111000, "MRS": 0}
TRADES = {"MRD2": (100, 115, 11500), "MRD3": (175, 115, 20125)}


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "operator.sqlite"
    facts, seconds = baseline.run(paper_market(1), DEPOSITS, path)
    assert seconds > 0
    bought = {
        one["demander"]: (one["quantity"], one["unit_price"], one["payment"])
        for one in facts["trades"]
    }
    assert bought == TRADES
    assert facts["balances"] == {"MRD1": 33000, "MRD2": 81500, "MRD3": 90875, "MRS": 31625}
    return path


def passing(path):
    return list(baseline.inspect(path).values())


def test_the_same_trades_and_balances_as_the_chain(numbers):
    found = numbers["baseline"]
    assert found["same_trades"]
    assert found["same_balances"]
    assert {one["demander"]: one["quantity"] for one in found["chain"]["trades"]} == {
        "MRD2": 100,
        "MRD3": 175,
    }
    assert found["chain"]["sent_by_operators"] == 0


def test_when_the_operator_stops_nothing_trades(tmp_path):
    found = baseline.stop(paper_market(1), DEPOSITS, tmp_path / "stopped.sqlite")
    assert found == {"answer": "none", "demands": 2, "trades": 0}


def test_a_consistent_cheat_passes_every_check_of_the_database(database):
    assert all(passing(database))
    baseline.cheat(database, "MRD2")
    assert all(passing(database))
    with closing(sqlite3.connect(database)) as db:
        price, payment = db.execute(
            "SELECT unit_price, payment FROM trade WHERE demander = 'MRD2'"
        ).fetchone()
        held = db.execute("SELECT balance FROM account WHERE name = 'MRD2'").fetchone()[0]
    assert (price, payment, held) == (125, 12500, 80500)


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ("UPDATE trade SET unit_price = 116 WHERE demander = 'MRD2'", [2]),
        ("UPDATE trade SET unit_price = 116, payment = 11600 WHERE demander = 'MRD2'", [3]),
        ("UPDATE account SET balance = balance + 1 WHERE name = 'MRS'", [3, 4]),
        ("DELETE FROM account WHERE name = 'MRD1'", [1, 4]),
    ],
)
def test_a_clumsy_cheat_is_found(database, change, failing):
    with closing(sqlite3.connect(database)) as db, db:
        db.execute(change)
        if change.startswith("DELETE"):
            db.execute("UPDATE account SET balance = balance - 1 WHERE name = 'MRS'")
            failing = [1, 3, 4]
    assert [at for at, ok in enumerate(passing(database)) if not ok] == failing


def test_the_same_cheat_on_the_chain_is_found_and_refused(numbers):
    audited = numbers["baseline"]["audit"]
    assert audited["honest_ok"]
    assert audited["refused"] == "BadSignature"
    told = " ".join(one["difference"] for one in audited["found"])
    for price in (125, 115):  # a hundred units at the forged price and at the true one
        assert f"balance={USUAL_DEPOSIT - 100 * price}," in told


@pytest.fixture
def operator(tmp_path):
    opened = Operator(tmp_path / "own.sqlite")
    yield opened
    opened.close()


def test_quantities_are_rounded_down_and_the_price_up(operator):
    for name in ("a", "b"):
        operator.deposit(name, 1000)
    operator.deposit("s", 0)
    operator.offer("s", "R", 100, 2.0, 1.0, 1.0)
    operator.demand("a", "R", 31.0, 0.0)
    operator.demand("b", "R", 30.0, 0.0)
    operator.clear("R")
    # C_2 = 61, q = (61 + 1)/3 = 20.67, v = 2 (c - q) = 20.67 and 18.67.
    found = [(one["demander"], one["quantity"], one["unit_price"]) for one in operator.trades()]
    assert found == [("a", 20, 21), ("b", 18, 21)]
    assert operator.balances() == {"a": 1000 - 420, "b": 1000 - 378, "s": 798}


def test_a_resource_nobody_offers_is_refused(operator):
    with pytest.raises(OperatorRefused, match="nobody offers 'R'"):
        operator.clear("R")


def test_more_than_is_offered_is_refused_and_nothing_booked(operator):
    operator.deposit("a", 1000)
    operator.deposit("s", 0)
    operator.offer("s", "R", 5, 2.0, 1.0, 1.0)
    operator.demand("a", "R", 31.0, 0.0)
    with pytest.raises(OperatorRefused, match="5 are offered; raise the offer"):
        operator.clear("R")
    assert operator.trades() == []


def test_a_demander_who_cannot_pay_gets_nothing_and_neither_does_anybody(operator):
    operator.deposit("a", 1)
    operator.deposit("s", 0)
    operator.offer("s", "R", 100, 2.0, 1.0, 1.0)
    operator.demand("a", "R", 31.0, 0.0)
    with pytest.raises(sqlite3.IntegrityError):
        operator.clear("R")
    assert operator.trades() == []
    assert operator.balances() == {"a": 1, "s": 0}


def test_requests_are_answered_line_by_line(operator):
    requests = io.StringIO('["deposit", "a", 7]\n["balances"]\n')
    answers = io.StringIO()
    serve(operator, requests, answers)
    assert [json.loads(line) for line in answers.getvalue().splitlines()] == [None, {"a": 7}]
