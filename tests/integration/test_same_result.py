"""Same input and seed, same result: on every engine, again, and from the manifest."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.scenario import paper_market, parse_fjsp, slotted
from fabmarket.simulation import run_market

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SMALL_SHOP = """3 3
2 1 1 4 2 2 3 3 5
1 3 1 6 2 5 3 7
3 1 2 2 1 2 2 2 1 3 3 9
"""


def small_shop():
    return slotted(parse_fjsp(SMALL_SHOP, "small"), 3, "small")


def history(scenario, engine_name):
    """Every log and receipt of a run, but for the coin that the engine's own funder hands out."""
    with open_engine(engine_name, Settings()) as engine:
        outcome = run_market(scenario, engine, 3, lambda *_: None)
        outcome.store.close()
        receipts = [
            (transaction.action, r.transaction, r.status, r.block, r.gas_used, r.contract)
            for transaction, r in outcome.sent
            if transaction.action != "fund"
        ]
        logs = [
            (log.block, log.index, receipt.transaction, log.address, log.topics, log.data)
            for _, receipt in outcome.sent
            for log in receipt.logs
        ]
        end = engine.block_number(), engine.now()
    return receipts, logs, end, outcome


def messages(outcome):
    """Every message as each participant signed or received it, in its order."""
    found = {}
    for address, journal in outcome.journals.items():
        with closing(sqlite3.connect(":memory:")) as copy:
            copy.deserialize(journal.dump())
            found[address] = copy.execute("SELECT * FROM message ORDER BY rowid").fetchall()
    assert all(found.values())
    return found


@pytest.mark.parametrize("scenario", [paper_market(3), small_shop()], ids=lambda s: s.name)
def test_embedded_and_anvil_have_the_same_messages_and_events(needs_anvil, scenario):
    receipts, logs, end, outcome = history(scenario, "embedded")
    assert outcome.trades
    failed = [status for _, _, status, *_ in receipts].count(0)
    assert failed == sum(test.offender is not None for test in scenario.verification_tests)
    others = history(scenario, "anvil")
    assert others[1] == logs
    assert others[0] == receipts
    assert others[2] == end
    assert others[3].tally == outcome.tally
    assert others[3].after == outcome.after
    assert others[3].wants == outcome.wants
    assert messages(others[3]) == messages(outcome)


def test_a_second_run_leaves_the_same_files_byte_for_byte(demo, fabmarket, tmp_path):
    first = demo("cloud-hours")
    again = tmp_path / "again"
    file = SCENARIOS / "cloud-hours.toml"
    assert fabmarket("demo", "--scenario", file, "--out", again).code == 0
    same = ["ledger.sqlite", "manifest.json", "inputs/cloud-hours.toml"]
    for folder in ("figures", "journals"):
        same += [f"{folder}/{path.name}" for path in (first.out / folder).iterdir()]
    for name in same:
        assert (again / name).read_bytes() == (first.out / name).read_bytes(), name
    facts = json.loads((again / "report.json").read_text("utf-8"))
    assert {**facts, "timing": None} == {**first.facts, "timing": None}


@pytest.mark.parametrize("name", ["paper", "mk01-roomy", "mk01"])
def test_the_manifests_command_repeats_the_run_inside_its_directory(
    demo, fabmarket, monkeypatch, tmp_path, name
):
    first = demo(name)
    manifest = json.loads((first.out / "manifest.json").read_text("utf-8"))
    assert manifest["command"][0] == "fabmarket"
    monkeypatch.chdir(first.out)
    again = fabmarket(*manifest["command"][1:], "--json").facts
    assert {**again, "timing": None} == {**first.facts, "timing": None}


def test_the_manifest_says_what_ran_on_what(demo):
    run = demo("mk01-roomy")
    manifest = json.loads((run.out / "manifest.json").read_text("utf-8"))
    assert manifest["seed"] == 1
    assert manifest["engine"]["name"] == "embedded"
    assert manifest["engine"]["chain_id"] == run.facts["chain"]["id"]
    assert set(manifest["inputs"]) == {"inputs/mk01-roomy.toml", "inputs/fjsp/mk01.txt"}
    assert (run.out / "inputs/fjsp/mk01.txt").read_bytes() == (
        SCENARIOS / "fjsp/mk01.txt"
    ).read_bytes()
    assert {"python", "fabmarket", "web3", "py-evm"} <= set(manifest["versions"])


def test_another_seed_is_another_market(demo, fabmarket):
    one = demo("mk01").facts
    two = fabmarket("demo", "--fjsp", SCENARIOS / "fjsp/mk01.txt", "--seed", 2, "--json").facts
    assert one["accounts"][0]["address"] != two["accounts"][0]["address"]
    assert one["paid_total"] != two["paid_total"]
    assert one["scenario"]["seed"] == 1
    assert two["scenario"]["seed"] == 2


def test_another_chain_id_changes_what_is_signed_and_nobodys_balance(needs_anvil, fabmarket, demo):
    other = fabmarket("demo", "--engine", "anvil", "--chain-id", 99, "--json").facts
    paper = demo("paper").facts
    assert (other["chain"]["id"], other["chain"]["client"][:6]) == (99, "anvil/")
    assert other["accounts"] == paper["accounts"]
    assert {t["id"] for t in other["trades"]}.isdisjoint(t["id"] for t in paper["trades"])


def test_at_a_url_the_same_market_runs_again_and_again(node, fabmarket, demo):
    paper = demo("paper").facts
    for _ in range(2):
        facts = fabmarket("demo", "--engine", node.url, "--json").facts
        assert facts["audit"]["ok"]
        assert facts["accounts"] == paper["accounts"]
        assert facts["paid_total"] == 31_625


def test_json_goes_to_stdout_and_nothing_else_does(tmp_path):
    command = [str(Path(sys.executable).with_name("fabmarket")), "demo", "--json"]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["paid_total"] == 31_625
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_without_options_the_report_is_in_demo_out_and_a_summary_is_printed(tmp_path):
    command = [str(Path(sys.executable).with_name("fabmarket")), "demo"]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["demo-out"]
    assert "demo-out/report.html" in done.stdout
    assert "31,625" in done.stdout
    assert "Again:  fabmarket demo --engine embedded --seed 1" in done.stdout
