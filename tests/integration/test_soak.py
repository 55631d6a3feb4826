"""A market of many processes, which are killed, cut off and lose their node: nothing is lost.

For a minute; FABMARKET_FUZZ=long goes on for ten. What is done to them is drawn from a seed, which
is printed; FABMARKET_SEED takes another.
"""

import os
import random
import signal
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity import digest
from fabmarket.identity.codec import decode
from fabmarket.local import founding
from fabmarket.local.ports import free_ports
from fabmarket.market.trade import Trade
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.node import Journal
from fabmarket.node.envelope import Envelope
from fabmarket.node.participant import folded
from fabmarket.node.roles import STEPS
from fabmarket.node.settings import FILE, JOURNAL
from fabmarket.scenario import Alternative, Demander, SubTask, paper_market
from fabmarket.simulation.setup import LEAD_TIME
from tests.links import link_to
from tests.nodes import Anvil, binary_of_anvil, rpc
from tests.street import Street, ended, locked, logged, settled, start, wait_until

LONG = os.environ.get("FABMARKET_FUZZ") == "long"
SECONDS = 600 if LONG else 60
"""For which they are harassed."""
SEED = int(os.environ.get("FABMARKET_SEED", "11"))
SUPPLIERS, DEMANDERS = 5, 20
MORE = 60 if LONG else 6
"""Wants that owners think of meanwhile."""
PERIOD = 40
QUIET = 1_800
"""Seconds in which all must have come to an end: far more than it takes."""
pytestmark = pytest.mark.slow

MILLING = ("--slot", 0, "--resource", "S", "--quantity", 10, "--benefit", 100, "--cost", 45)


def scenario_of(wants):
    """Each demander has so many wants."""
    paper = paper_market(1)
    (seller,) = paper.suppliers
    way = Alternative("S", 10, 100, 45)
    tasks = tuple(SubTask(f"milling-{at}", 0, False, (way,)) for at in range(wants))
    return replace(
        paper,
        concept="clock",
        suppliers=tuple(replace(seller, name=f"s{at}", lots=True) for at in range(SUPPLIERS)),
        demanders=tuple(Demander(f"d{at}", tasks) for at in range(DEMANDERS)),
        release_rounds=10,
        verification_tests=(),
    )


class Town:
    """The market, its node, and its people with their processes."""

    def __init__(self, anvil, folder, stack, run):
        """`run` runs a command of an owner."""
        self.anvil, self.stack, self.run = anvil, stack, run
        self.engine = open_engine(anvil.url, Settings())
        # All have money for what they will think of later, too.
        founded = founding.found(self.engine, scenario_of(1 + MORE), PERIOD, LEAD_TIME)
        self.street = Street(replace(founded, scenario=scenario_of(1)))
        parties = self.street.parties
        self.suppliers, self.demanders = parties.suppliers, parties.demanders
        self.people = (*parties.operators, *self.suppliers, *self.demanders)
        self.logs = {each: folder / f"{at}.log" for at, each in enumerate(self.people)}
        self.folders, self.links = {}, []
        ports = free_ports(len(self.people))
        for at, (each, port) in enumerate(zip(self.people, ports, strict=True)):
            self.folders[each] = self.street.directory(folder / f"{at}", each, port)
            self._settle(each, port, is_linked=at % 4 == 0)
        self.wants = {each: {"milling-0"} for each in self.demanders}
        self.is_shaken = False
        self.make_blocks()
        self.processes = {}
        for each in self.people:
            self.begin(each)

    def _settle(self, party, port, *, is_linked):
        """So many processes look at the chain once a second; some doors stand behind a link."""
        file = self.folders[party] / FILE
        text = file.read_text().replace("poll = 0.25 ", "poll = 1 ")
        if is_linked:
            link = self.stack.enter_context(link_to(port))
            self.links.append(link)
            url = "http://127.0.0.1:{}"
            assert url.format(port) in text
            text = text.replace(url.format(port), url.format(link.port))
        file.write_text(text)

    def make_blocks(self):
        rpc(self.engine, "evm_setAutomine", False)
        rpc(self.engine, "evm_setIntervalMining", 1)

    def begin(self, party):
        process = start(self.folders[party], self.logs[party], "--json-log")
        self.stack.enter_context(ended(process))
        self.processes[party] = process

    def has_begun(self, party):
        return any(logged(self.logs[party], "begun"))

    def is_up(self):
        self.look_after()
        return all(map(self.has_begun, self.people))

    # What befalls them

    def kill(self, draw):
        victim = draw.choice(self.people)
        self.processes[victim].kill()
        self.processes[victim].wait()
        self.begin(victim)

    def lose_node(self, draw):
        rpc(self.engine, "evm_setIntervalMining", 0)  # no block after what it writes down
        self.is_shaken = True
        self.anvil.end()
        time.sleep(draw.uniform(1, 6))
        self.anvil.start()
        self.make_blocks()

    def cut(self, draw):
        draw.choice(self.links).cut()

    def mend(self, _draw):
        for link in self.links:
            link.mend()

    def want_more(self, draw):
        self.want(draw.choice(self.demanders))

    def want(self, party):
        name = f"milling-{len(self.wants[party])}"
        if len(self.wants[party]) <= MORE:
            self.wants[party].add(name)
            ran = self.run("want", self.folders[party], name, *MILLING, "--no-wait", "--json")
            assert ran.code == 0, ran.stderr

    def look_after(self):
        """Who starts while the node is away says so and ends; it is started again."""
        for party, process in self.processes.items():
            if process.poll() is not None:
                said = self.logs[party].read_text()
                assert process.returncode in (2, 75), said
                assert "node" in said.splitlines()[-1], said
                assert self.is_shaken, said
                self.begin(party)

    # What is to be so in the end

    def journal(self, party):
        return closing(Journal.reading(self.folders[party] / JOURNAL))

    def undecided(self, party):
        said = [*logged(self.logs[party], "served"), *logged(self.logs[party], "unserved")]
        return self.wants[party] - {each["want"] for each in said}

    def is_under_way(self, party):
        """Whether a letter or a move of it may still act."""
        with self.journal(party) as journal:
            return bool(journal.letters() or journal.moves())

    def signed(self, party):
        """The trades that it signed or got signed, by digest."""
        with self.journal(party) as journal:
            words = [decode(Envelope, journal.message(each)).message for each in journal.trades()]
        assert all(isinstance(each, Trade) for each in words)
        return {digest(self.street.market.domain, each): each for each in words}

    def talks(self, party):
        """How many sessions it is in."""
        return 0 if party.role == "operator" else len(self.state(party).talks)

    def state(self, party):
        with self.journal(party) as journal:
            kind, step = STEPS[party.role]
            return folded(journal, step, kind)


HARASSED = (Town.kill,) * 8 + (Town.cut,) * 3 + (Town.mend,) * 2 + (Town.want_more,) * 8


def harass(town, draw):
    wait_until(town.is_up, QUIET, "not all have begun")
    for party in town.demanders:
        town.want(party)
    end = time.monotonic() + SECONDS
    next_loss = time.monotonic() + SECONDS / 3
    while (now := time.monotonic()) < end:
        if now > next_loss:
            town.lose_node(draw)
            next_loss = time.monotonic() + draw.uniform(25, 60)
        else:
            draw.choice(HARASSED)(town, draw)
        time.sleep(draw.uniform(0.5, 3))
        town.look_after()


def come_to_rest(town):
    """Wait until nothing of all that was begun can still act, and end all."""

    def is_at_rest():
        town.look_after()
        return not any(map(town.undecided, town.demanders))

    wait_until(is_at_rest, QUIET, "not all wants are decided")
    # From now on no trade that was signed, and is not on the chain, can settle any more.
    until = max(
        each.valid_until for party in town.demanders for each in town.signed(party).values()
    )
    rpc(town.engine, "evm_increaseTime", max(0, until - town.engine.now()))
    wait_until(lambda: town.engine.now() >= until, QUIET, "the chain stands still")
    wait_until(lambda: not any(map(town.talks, town.people)), QUIET, "a session is stuck")
    wait_until(lambda: not any(map(town.is_under_way, town.people)), QUIET, "an outbox is left")
    for process in town.processes.values():
        process.send_signal(signal.SIGTERM)
    assert {process.wait(QUIET) for process in town.processes.values()} == {0}


def test_whatever_befalls_a_market_everyone_gets_its_own_and_once(needs_anvil, fabmarket, tmp_path):
    print(f"FABMARKET_SEED={SEED}")
    draw = random.Random(SEED)
    with ExitStack() as stack:
        anvil = Anvil(binary_of_anvil(), tmp_path / "chain.json")
        stack.callback(anvil.kill)
        (folder := tmp_path / "town").mkdir()
        town = Town(anvil, folder, stack, fabmarket)
        token, exchange = town.street.market.token.address, town.street.market.exchange
        traders = (*town.suppliers, *town.demanders)

        def balances():
            return {each.address: exchange.balance_of(each.address, token) for each in traders}

        before = balances()
        harass(town, draw)
        town.mend(draw)
        come_to_rest(town)
        events = settled(town.street)
        after = balances()
    check_trades(town, events)
    check_money(town, events, {each: before[each] - after[each] for each in after})
    check_states(town)
    check_journals(town, fabmarket, tmp_path / "evidence")


def check_trades(town, events):
    """What a demander heard is what the chain says: once for each want that was served."""
    bought = Counter(event.demander for event in events)
    on_chain = {event.trade for event in events}
    assert len(on_chain) == len(events)
    for party in town.demanders:
        served = {each["want"]: each["trade"] for each in logged(town.logs[party], "served")}
        assert bought[party.address] == len(served)
        assert {bytes.fromhex(each[2:]) for each in served.values()} <= on_chain
    assert events
    signed = [each for party in town.people for each in town.signed(party)]
    assert on_chain <= set(signed)


def check_money(town, events, taken):
    """Of each account just what its trades hold in escrow is gone."""
    due = Counter()
    for event in events:
        buyer, _ = locked(event.payment)
        due[event.demander] += buyer
    for party in town.demanders:
        assert taken[party.address] == due[party.address]
    bonded = sum(taken[each.address] for each in town.suppliers)
    assert bonded == sum(locked(event.payment)[1] for event in events)


def check_states(town):
    """Nobody waits for anything any more, and nothing is kept for anyone."""
    for party in (*town.suppliers, *town.demanders):
        state = town.state(party)
        assert not state.talks, party.name
        if isinstance(state, SupplierState):
            assert not state.agreed
            assert {shelf.promised for shelf in state.shelves.values()} == {0}
        else:
            assert {want.state for want in state.wants.values()} <= {"served", "unserved"}


def check_journals(town, fabmarket, folder):
    """All evidence of all holds, each journal's by itself and one beside the other."""
    for party in (*town.suppliers, *town.demanders):
        journal = town.folders[party] / JOURNAL
        assert fabmarket("evidence", "--journal", journal, "--all", "--out", folder).code == 0
    ledger = town.folders[town.demanders[0]] / "events.sqlite"
    files = sorted(folder.iterdir())
    ran = fabmarket("verify", *files, "--ledger", ledger, "--json")
    assert ran.facts["ok"]
