"""Agents as processes of their own in a masked session, and what each one's file proves of it."""

import json
from contextlib import closing

from fabmarket.chain import Settings, open_engine
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.masked.seat import MaskedSeated
from fabmarket.node import Journal, evidence_of, replay
from tests.nodes import rpc
from tests.street import ended, found, free_port, logged, run, settled, start, wait_until


def test_agents_trade_in_a_masked_session_and_prove_it(node, tmp_path):
    engine = open_engine(node.url, Settings())
    street = found(engine, 30, demanders=3)
    rpc(engine, "evm_setAutomine", False)
    rpc(engine, "evm_setIntervalMining", 1)
    parties = (*street.parties.suppliers, *street.parties.demanders)
    folders, logs = {}, {}
    for party in parties:
        folder = street.directory(tmp_path / party.name, party, free_port())
        text = (folder / "agent.toml").read_text()
        asked = text.replace("least = 5 ", "least = 3 ")
        asked = asked.replace("open = true ", "open = false")
        assert asked != text
        (folder / "agent.toml").write_text(asked)
        folders[party], logs[party] = folder, tmp_path / f"{party.name}.log"
    agents = [start(folders[party], logs[party], "--json-log") for party in parties]
    with ended(*agents):
        for party in street.parties.demanders:
            wait_until(lambda party=party: logged(logs[party], "served"), 300, "not served")
    assert len(settled(street)) == 3
    files = []
    for party in parties:
        with closing(Journal.reading(folders[party] / "journal.sqlite")) as journal:
            shown = [replay(evidence_of(journal, each)) for each in journal.sessions()]
        assert {type(each.talk) for each in shown} <= {MaskedHosted, MaskedSeated}
        assert any(each.outcome == "agreed" for each in shown)
        out = tmp_path / f"evidence of {party.name}"
        assert run("evidence", "--all", "--journal", folders[party], "--out", out).returncode == 0
        files += sorted(out.glob("*.json"))
    assert len(files) >= 4
    checked = run("verify", *files, "--json")
    assert checked.returncode == 0, checked.stderr
    assert all(each["ok"] for each in json.loads(checked.stdout)["files"])
