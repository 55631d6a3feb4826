"""The demo adds up, on the paper's market and on everything else that is shipped."""

import json
import sqlite3
from contextlib import closing
from html import unescape
from pathlib import Path

import pytest

from fabmarket.ledger import Ledger
from fabmarket.market.exchange import Exchange, record
from fabmarket.market.trade import listing_id, market_domain
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.wants import NO_PRICE
from fabmarket.node import Journal, evidence_of, replay

ASKED_FOR = {
    "": {
        "engine",
        "subtasks",
        "products",
        "paid_for_incomplete",
        "makespan",
        "utilisation",
        "trades",
        "unserved",
        "accounts",
        "units_traded",
        "paid_total",
        "gas_total",
        "equilibria",
        "verification_tests",
        "messages",
        "audit",
    },
    "trades": {
        "id",
        "demander",
        "supplier",
        "resource",
        "slot",
        "quantity",
        "unit_price",
        "payment",
        "transaction",
    },
    "accounts": {"address", "role", "before", "after"},
    "products": {"id", "name", "value", "complete", "on_time", "lateness", "price", "bundle"},
    "utilisation": {"resource", "listed", "sold", "share", "price"},
    "equilibria": {"resource", "slot", "concept", "price", "demand", "supply", "certificate"},
    "verification_tests": {"expected", "outcome", "error", "transaction"},
    "messages": {"sent", "ignored"},
    "audit": {"ok", "checks"},
}


def replayed(run) -> Exchange:
    chain = run.facts["chain"]
    state = Exchange(market_domain(chain["id"], chain["exchange"]))
    with closing(Ledger.reading(run.out / "ledger.sqlite")) as store:
        for event in store.events():
            state = record(state, event)
    return state


def test_json_has_every_key_the_issue_asks_for(shipped):
    facts = shipped.facts
    assert ASKED_FOR[""] <= set(facts)
    assert isinstance(facts["engine"], str)
    for key, names in ASKED_FOR.items():
        if key:
            rows = facts[key] if isinstance(facts[key], list) else [facts[key]]
            assert all(names <= set(row) for row in rows), key
    assert all("reason" in row and row["reason"] for row in facts["unserved"])


def test_the_file_says_what_was_printed(shipped):
    assert json.loads((shipped.out / "report.json").read_text("utf-8")) == shipped.facts


def test_every_payment_is_quantity_times_price(shipped):
    trades = shipped.facts["trades"]
    assert trades
    for trade in trades:
        assert trade["payment"] == trade["quantity"] * trade["unit_price"] > 0
    assert sum(trade["payment"] for trade in trades) == shipped.facts["paid_total"]
    assert sum(trade["quantity"] for trade in trades) == shipped.facts["units_traded"]


def test_payments_are_the_suppliers_gains_and_the_demanders_losses(shipped):
    facts = shipped.facts
    change = {row["address"]: row["after"] - row["before"] for row in facts["accounts"]}
    for trade in facts["trades"]:
        change[trade["demander"]] += trade["payment"]
        change[trade["supplier"]] -= trade["payment"]
    assert set(change.values()) == {0}
    gains = {"supplier": 0, "demander": 0}
    for row in facts["accounts"]:
        gains[row["role"]] += row["after"] - row["before"]
        assert min(row["before"], row["after"]) >= 0
    assert gains == {"supplier": facts["paid_total"], "demander": -facts["paid_total"]}


def test_every_sub_task_is_traded_once_or_unserved_with_a_reason(shipped):
    facts = shipped.facts
    halves = {(trade["subtask"], trade["transaction"]) for trade in facts["trades"]}
    traded = [subtask for subtask, _ in halves]
    unserved = [row["subtask"] for row in facts["unserved"]]
    assert len(traded) + len(unserved) == facts["subtasks"]
    assert len({*traded, *unserved}) == facts["subtasks"]


def bought(facts) -> dict[str, str]:
    """The bundles of the trades that products are made of."""
    products = facts["products"]
    return {step["trade"]: each["bundle"] for each in products for step in each["steps"]}


def settlements(facts) -> int:
    """How many transactions settle all trades: one for a sub-task, one for a product's bundle."""
    bundles = bought(facts)
    return len({bundles.get(trade["id"], trade["subtask"]) for trade in facts["trades"]})


def test_trades_are_different_transactions(shipped):
    trades = shipped.facts["trades"]
    assert len({trade["id"] for trade in trades}) == len(trades)
    assert len({trade["transaction"] for trade in trades}) == settlements(shipped.facts)
    for key in ("id", "transaction"):
        assert all(len(bytes.fromhex(trade[key][2:])) == 32 for trade in trades)


def test_no_listing_is_negative_and_what_is_gone_was_sold(shipped):
    state = replayed(shipped)
    sold: dict[tuple[str, str, int], int] = {}
    for trade in shipped.facts["trades"]:
        place = trade["supplier"], trade["resource"], trade["slot"]
        sold[place] = sold.get(place, 0) + trade["quantity"]
    for (supplier, resource, number), slot in state.slots.items():
        end = state.calendars[supplier, resource].end(number)
        listing = state.listings.get(listing_id(supplier, resource, number, end))
        gone = sold.pop((supplier, resource.rstrip(b"\0").decode(), number), 0)
        assert (listing.available if listing else 0) == slot.committed - gone >= 0
        assert slot.committed <= slot.attested
    assert sold == {}


def test_the_ledger_replays_to_the_balances_after(shipped):
    state, token = replayed(shipped), shipped.facts["chain"]["token"]
    for row in shipped.facts["accounts"]:
        assert state.account_of(row["address"], token).balance == row["after"]


def test_the_ledger_holds_every_trade(shipped):
    with closing(sqlite3.connect(shipped.out / "ledger.sqlite")) as ledger:
        rows = ledger.execute("SELECT transaction_hash FROM event WHERE kind = 'Settled'")
        settled = [transaction for (transaction,) in rows]
    assert sorted(settled) == sorted(trade["transaction"] for trade in shipped.facts["trades"])


def test_the_audit_is_ok(shipped):
    audit = shipped.facts["audit"]
    assert audit["ok"] is True
    assert len(audit["checks"]) >= 6
    assert all(check["ok"] and check["compared"] > 0 for check in audit["checks"])


def test_table_1_is_tried_in_the_papers_market_and_in_no_other(shipped, request):
    rows = shipped.facts["verification_tests"]
    section = "Capacity reports, accepted and refused"
    papers = request.node.callspec.params["shipped"] == "paper"
    assert bool(rows) == papers
    assert (section in (shipped.out / "report.html").read_text("utf-8")) == papers
    if not papers:
        with closing(Ledger.reading(shipped.out / "ledger.sqlite")) as store:
            names = {getattr(event, "resource", None) for event in store.events()}
        assert not names & set(map(name_to_bytes32, ("m1", "m2", "m3")))
        return
    assert [row["outcome"] for row in rows] == [
        "accepted",
        "NotAttested",
        "OverReported",
        "NotAttested",
    ]
    assert all(row["expected"] == row["outcome"] and row["passed"] for row in rows)
    assert [row["status"] for row in rows] == [1, 0, 0, 0]
    assert [row["error"] for row in rows] == [
        None,
        "NotAttested: resource m3, reported 30, attested 0",
        "OverReported: resource m1, reported 20, attested 10",
        "NotAttested: resource m3, reported 20, attested 0",
    ]


def test_gas_is_that_of_all_transactions(shipped):
    gas = shipped.facts["gas"]
    assert shipped.facts["gas_total"] == sum(row["total"] for row in gas.values())
    settled = sum(gas[action]["count"] for action in ("settle", "settleBundle") if action in gas)
    assert settled == settlements(shipped.facts)


def test_the_negotiated_price_is_the_certified_one(shipped):
    for row in shipped.facts["equilibria"]:
        assert row["certificate"]["max_unilateral_gain"] == pytest.approx(0, abs=1e-3)
        assert row["certificate"]["deviations"]
        assert abs(row["price"] - row["negotiated_price"]) <= 1


def test_the_papers_numbers(demo):
    facts = demo("paper").facts
    (row,) = facts["equilibria"]
    names = {account["address"]: account["name"] for account in facts["accounts"]}
    demand = {names[a]: v for a, v in zip(row["demanders"], row["demand"], strict=True)}
    assert (row["concept"], row["price"], row["supply"]) == ("demanders-lead", 115, 525)
    assert demand == {"MRD1": 0, "MRD2": 100, "MRD3": 175}
    assert row["certificate"]["max_unilateral_gain"] == 0
    trades = {names[t["demander"]]: (t["quantity"], t["payment"]) for t in facts["trades"]}
    assert trades == {"MRD2": (100, 11_500), "MRD3": (175, 20_125)}
    assert [row["subtask"] for row in facts["unserved"]] == ["MRD1 / Task_1"]
    assert (facts["units_traded"], facts["paid_total"], facts["subtasks"]) == (275, 31_625, 3)
    assert facts["messages"]["ignored"] == 1  # the damaged copy


def test_the_balanced_numbers(demo):
    """game.md: q 340/3, v (0, 625/9, 1075/9); money in hundredths, units whole."""
    facts = demo("balanced").facts
    (row,) = facts["equilibria"]
    assert row["price"] == pytest.approx(34_000 / 3)
    assert sorted(row["demand"]) == pytest.approx([0, 625 / 9, 1075 / 9])
    assert row["supply"] == pytest.approx(1700 / 9)
    assert sorted(trade["quantity"] for trade in facts["trades"]) == [69, 119]


def test_resources_of_the_cloud_are_sold_like_machines(demo):
    facts = demo("cloud-hours").facts
    assert {trade["resource"] for trade in facts["trades"]} == {"gpu-hour", "cpu-hour"}
    assert {trade["unit"] for trade in facts["trades"]} == {"hour"}
    assert {session["kind"] for session in facts["sessions"]} == {"bargaining"}


def test_a_product_is_bought_whole_in_slots_one_after_the_other_or_not_at_all(demo):
    facts = demo("mk01").facts
    operations = {each["subtask"] for each in (*facts["trades"], *facts["unserved"])}
    paid = {row["address"]: row["before"] - row["after"] for row in facts["accounts"]}
    assert sum(each["complete"] for each in facts["products"]) >= 7
    assert facts["paid_for_incomplete"] == 0
    for each in facts["products"]:
        own = {name for name in operations if name.startswith(f"{each['name']} / ")}
        steps = {f"{each['name']} / {step['operation']}" for step in each["steps"]}
        slots = [step["slot"] for step in each["steps"]]
        assert steps == (own if each["complete"] else set())
        assert slots == sorted(set(slots))
        assert each["price"] == sum(step["payment"] for step in each["steps"])
        assert each["price"] == paid[each["demander"]]
        assert bool(each["reason"]) != each["complete"] == bool(each["bundle"])


def test_a_product_is_late_by_the_slots_after_the_one_that_is_due(demo):
    facts = demo("mk01").facts
    complete = [each for each in facts["products"] if each["complete"]]
    assert {each["on_time"] for each in complete} == {True, False}
    for each in complete:
        late = max(0, each["steps"][-1]["slot"] - each["due"])
        assert each["release"] <= each["steps"][0]["slot"]
        assert each["steps"][-1]["slot"] <= each["last"]
        assert each["lateness"] == {"slots": late, "cost": late * (each["value"] // 50)}
        assert each["on_time"] == (not late)
        assert each["price"] + each["lateness"]["cost"] < each["value"]
    ends = [each["steps"][-1]["slot"] + 1 for each in complete]
    assert facts["makespan"] == max(ends) * facts["scenario"]["slot_length"] / 60


def test_operations_of_a_product_that_is_not_bought_stay_unserved_for_its_reason(demo):
    facts = demo("mk01").facts
    reasons = {each["name"]: each["reason"] for each in facts["products"] if each["reason"]}
    assert reasons
    assert {each["subtask"].split(" / ")[0] for each in facts["unserved"]} == set(reasons)
    for each in facts["unserved"]:
        assert each["reason"] == reasons[each["subtask"].split(" / ")[0]]


def test_what_is_used_of_a_machine_is_what_was_sold_of_it(shipped):
    facts = shipped.facts
    for row in facts["utilisation"]:
        own = [trade for trade in facts["trades"] if trade["supplier"] == row["supplier"]]
        assert len(row["sold"]) == len(row["listed"])
        assert all(sold <= listed for sold, listed in zip(row["sold"], row["listed"], strict=True))
        assert sum(row["sold"]) == sum(trade["quantity"] for trade in own)
        assert row["earned"] == sum(trade["payment"] for trade in own)
        assert row["share"] == pytest.approx(sum(row["sold"]) / sum(row["listed"]))
        assert (row["price"] is None) == (not own)


def test_more_capacity_serves_more_operations(demo):
    tight, roomy = demo("mk01").facts, demo("mk01-roomy").facts
    assert tight["subtasks"] == roomy["subtasks"] == 55
    assert len(roomy["trades"]) > len(tight["trades"]) > 0


def test_an_operation_is_bought_whole(demo):
    """Every quantity of mk01 is a time that the instance gives for that operation."""
    lines = (Path(__file__).parents[2] / "scenarios/fjsp/mk01.txt").read_text().splitlines()
    times = {}
    for job, line in enumerate(filter(None, map(str.strip, lines[1:])), start=1):
        numbers = iter(map(int, line.split()))
        for operation in range(1, next(numbers) + 1):
            pairs = [(next(numbers), next(numbers)) for _ in range(next(numbers))]
            times[f"job {job} / op {operation}"] = {(f"machine-{m}", t) for m, t in pairs}
    facts = demo("mk01").facts
    assert len(times) == facts["subtasks"]
    for trade in facts["trades"]:
        assert (trade["resource"], trade["quantity"]) in times[trade["subtask"]]


def test_the_report_has_all_its_files(shipped):
    names = {str(path.relative_to(shipped.out)) for path in shipped.out.rglob("*.*")}
    assert {"report.html", "report.json", "ledger.sqlite", "manifest.json"} <= names
    assert {"figures/rounds.png", "figures/rounds.svg", "figures/gantt.svg"} <= names
    page = (shipped.out / "report.html").read_text("utf-8")
    assert all(trade["transaction"] in page for trade in shipped.facts["trades"])


def test_every_traders_journal_is_left_and_no_other(shipped):
    roles = {row["address"]: row["role"] for row in shipped.facts["participants"]}
    traders = {who for who, role in roles.items() if role in ("demander", "supplier")}
    left = {path.name for path in (shipped.out / "journals").iterdir()}
    assert left == {f"{address}.sqlite" for address in traders}


def test_the_suppliers_journals_prove_every_session_and_trade(shipped):
    settled = {}
    for session in shipped.facts["sessions"]:
        file = shipped.out / "journals" / f"{session['supplier']}.sqlite"
        with closing(Journal.restored(file.read_bytes())) as journal:
            opening = bytes.fromhex(session["id"][2:])
            shown = replay(evidence_of(journal, opening))
        found = shown.talk.outcome if isinstance(shown.talk, Bargain) else shown.talk.close.price
        assert session["outcome"] != "agreed" or found == session["price"]
        assert [member.demander for member in shown.members] == [
            member["demander"] for member in session["members"]
        ]
        for settlement in shown.settlements:
            settled["0x" + settlement.event.trade.hex()] = "0x" + settlement.transaction.hex()
    singly = [each for each in shipped.facts["trades"] if each["id"] not in bought(shipped.facts)]
    assert settled == {trade["id"]: trade["transaction"] for trade in singly}


ALONE = """
concept = "{concept}"
currency = {{ symbol = "X", decimals = {decimals} }}
[[demanders]]
name = "D"
[[demanders.sub_tasks]]
name = "T"
divisible = true
alternatives = [{{ resource = "S", benefit = {benefit}, cost = 0 }}]
[[suppliers]]
name = "M"
resource = "S"
unit = "hour"
maintenance = {cost}
attested = [{attested}]
"""
"""One divisible demander and one supplier."""


@pytest.mark.parametrize(("benefit", "at_equilibrium"), [(98, False), (130, True)])
def test_a_price_that_is_no_equilibriums_has_no_gain_stated(
    fabmarket, tmp_path, benefit, at_equilibrium
):
    """Near the point where supply begins the rounds end where a demander would rather cross it."""
    market = ALONE.format(
        concept="demanders-lead", decimals=2, benefit=benefit, cost=58, attested=200
    )
    (tmp_path / "alone.toml").write_text(market)
    ran = fabmarket("demo", "--scenario", tmp_path / "alone.toml", "--out", tmp_path / "out")
    said = " ".join(ran.stdout.split())
    page = unescape((tmp_path / "out" / "report.html").read_text("utf-8"))
    facts = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert len(facts["trades"]) == 1
    assert facts["sessions"][0]["price"] == facts["trades"][0]["unit_price"]
    assert (not facts["off_equilibrium"]) == at_equilibrium
    for shown in (said, page):
        assert ("In 1 session the agreed price is no equilibrium's" not in shown) == at_equilibrium
    assert ("Certificate." in page) == at_equilibrium


def test_rounds_that_run_out_are_not_called_small_demand(fabmarket, tmp_path):
    market = ALONE.format(
        concept="balanced", decimals=0, benefit=f'"{2**128 - 1}"', cost=0, attested=1
    )
    (tmp_path / "endless.toml").write_text(market)
    facts = fabmarket("demo", "--scenario", tmp_path / "endless.toml", "--json").facts
    assert facts["trades"] == []
    assert [one["reason"] for one in facts["unserved"]] == [NO_PRICE]
    assert facts["sessions"][0]["reason"] == NO_PRICE
