"""Net cycles in the demo, and among agents that are processes of their own."""

from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity.codec import decode
from fabmarket.ledger import Follower, Ledger
from fabmarket.local import founding
from fabmarket.market.cycles import BEATS, Counted
from fabmarket.market.events import Event, NetSettled
from fabmarket.market.net import unpack_rows
from fabmarket.node import Journal, evidence_of, replay
from fabmarket.node.envelope import Envelope
from fabmarket.scenario import Alternative, Demander, SubTask, paper_market
from fabmarket.simulation.setup import LEAD_TIME
from tests.integration.conftest import SCENARIOS, run_command
from tests.nodes import rpc
from tests.street import Street, ended, free_port, logged, said, settled, start, wait_until

PERIOD = 16
RUNS = {
    "the paper's market": ([], {"late": 2}, True),
    "clock.toml": (["--scenario", SCENARIOS / "clock.toml"], {"net": 3}, False),
    "mk01": (["--fjsp", SCENARIOS / "fjsp" / "mk01.txt"], {"net": 44}, False),
}
"""What is netted of them, and what settles late; whether as too little would be hidden."""


@pytest.mark.parametrize("name", RUNS)
def test_a_demo_that_nets_ends_audited_and_says_how_its_trades_settled(name, fabmarket):
    arguments, ways, is_exposed = RUNS[name]
    facts = fabmarket("demo", *arguments, "--settle", "net", "--json").facts
    assert facts["audit"]["ok"]
    assert {way: each["trades"] for way, each in facts["settlement"].items()} == ways
    found = [each["settled"] for each in facts["trades"]]
    assert {way: found.count(way) for way in found} == ways
    assert facts["command"][-2:] == ["--settle", "net"]
    assert bool(facts["exposed"]) is is_exposed


def test_the_same_trades_settle_in_every_way(fabmarket):
    def terms(way):
        arguments = ("--scenario", SCENARIOS / "clock.toml", "--settle", way)
        trades = fabmarket("demo", *arguments, "--json").facts["trades"]
        kept = ("demander", "supplier", "slot", "quantity", "unit_price", "subtask")
        return sorted([str(trade[key]) for key in kept] for trade in trades)

    assert terms("single") == terms("batch") == terms("net")


def test_unknown_ways_to_settle_are_refused(fabmarket):
    ran = fabmarket("demo", "--settle", "gross")
    assert ran.code == 2
    assert "'single', 'batch', 'net'" in ran.stderr


# Agents


def founded(node) -> Street:
    """One supplier with 95 units sells by the clock to three who want 40 each."""
    engine = open_engine(node.url, Settings())
    paper = paper_market(1)
    (seller,) = paper.suppliers
    scenario = replace(
        paper,
        concept="clock",
        suppliers=(replace(seller, listed=(95,)),),
        demanders=tuple(
            Demander(f"d{at}", (SubTask("milling", 0, True, (Alternative("S", 40, margin, 0),)),))
            for at, margin in enumerate((211, 252, 293))
        ),
        release_rounds=20,
        verification_tests=(),
    )
    made = Street(founding.found(engine, scenario, PERIOD, LEAD_TIME))
    rpc(engine, "evm_setAutomine", False)
    rpc(engine, "evm_setIntervalMining", 1)
    return made


class Block:
    """The directories of a coordinator, a supplier and its buyers, who all net."""

    def __init__(self, street, folder):
        parties = street.parties
        self.operator, self.supplier = parties.operators[0], parties.suppliers[0]
        self.people = (self.operator, self.supplier, *parties.demanders)
        self.logs = {each: folder / f"{at}.log" for at, each in enumerate(self.people)}
        self.folders = {}
        for at, each in enumerate(self.people):
            made = street.directory(folder / str(at), each, free_port())
            path = made / "agent.toml"
            text = path.read_text("utf-8")
            text = text.replace('coordinator = ""', f'coordinator = "{self.operator.address}"')
            text = text.replace("instant = false", "instant = true").partition("[sells.delivery]")
            path.write_text(text[0].replace("lots = true", "lots = false"), "utf-8")
            self.folders[each] = made

    def start(self, each):
        return start(self.folders[each], self.logs[each], "--json-log")


@pytest.mark.parametrize("coordinates", [True, False])
def test_agents_net_what_they_agreed_and_settle_late_without_a_coordinator(
    node, tmp_path, coordinates
):
    street = founded(node)
    block = Block(street, tmp_path)
    running = block.people if coordinates else block.people[1:]
    line = "netted" if coordinates else "settled"
    with ExitStack() as stack:
        for each in running:
            stack.enter_context(ended(block.start(each)))
        log = block.logs[block.supplier]
        wait_until(lambda: logged(log, line), 600, f"nothing is {line}")
        wait_until(
            lambda: all(logged(block.logs[each], "served") for each in running[-2:]),
            PERIOD * BEATS * 10,
            "not served",
        )
        status = {each: said("net", "status", block.folders[each]) for each in running}
    store = Ledger()
    for _ in Follower[Event](street.engine, street.market.exchange, store).poll():
        pass
    batches = [event for event in store.events() if isinstance(event, NetSettled)]
    singles = settled(street)  # and the audit passes
    assert (len(batches) == 1, len(singles) == 0) == (coordinates, coordinates)
    assert status[block.supplier]["role"] == "party"
    assert status[block.supplier]["coordinator"] == block.operator.address
    if coordinates:
        accounts = {row.account for each in batches for row in unpack_rows(each.rows)}
        served = {each.address for each in running[2:] if logged(block.logs[each], "served")}
        assert accounts == {block.supplier.address, *served}
        assert status[block.operator]["role"] == "coordinator"
    with closing(Journal.reading(block.folders[block.supplier] / "journal.sqlite")) as journal:
        assert all(replay(evidence_of(journal, each)).trades for each in journal.sessions()[:1])
    if coordinates:
        check_forgotten(street, block, block.supplier)


def check_forgotten(street, block, each):
    """Once all is over, an agent that forgets keeps no salt, starts again, and says so."""
    folder = block.folders[each]
    with closing(Journal.reading(folder / "journal.sqlite")) as journal:
        words = [decode(Envelope, text).message for _, _, text in journal.messages()]
    leaves = [leaf for word in words if isinstance(word, Counted) for leaf in word.trades]
    salts = {leaf.salt for leaf in leaves if any(leaf.salt)}
    over = max(getattr(word, "slot_end", 0) for word in words)
    rpc(street.engine, "evm_setNextBlockTimestamp", over + 1)
    with ended(block.start(each)):
        wait_until(lambda: said("status", folder)["time"] > over, 60, "it does not read on")
        refused = run_command("forget", folder)
        assert (refused.code, "an agent runs" in refused.stderr) == (2, True)
    assert said("forget", folder)["trades"]
    held = b"".join(path.read_bytes() for path in folder.glob("journal.sqlite*"))
    assert salts
    assert not [salt for salt in salts if salt in held or salt.hex().encode() in held]
    begun = len(logged(block.logs[each], "begun"))
    with ended(block.start(each)):
        wait_until(lambda: len(logged(block.logs[each], "begun")) > begun, 60, "it does not start")
    status = said("status", folder)
    assert status["forgotten"]["trades"] > status["trades"] == status["sessions"] == 0
