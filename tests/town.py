"""A market of many processes on a chain that can be lost, and what must hold in the end."""

import signal
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

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
from fabmarket.scenario import Alternative, Demander, Scenario, SubTask, paper_market
from fabmarket.simulation.setup import LEAD_TIME
from tests.links import link_to
from tests.nodes import Anvil, binary_of_anvil, rpc
from tests.street import Street, ended, locked, logged, settled, start, wait_until

PERIOD = 40
QUIET = 1_800
"""Seconds in which all must have come to an end: far more than it takes."""

MILLING = ("--slot", 0, "--resource", "S", "--quantity", 10, "--benefit", 100, "--cost", 45)


class OneNode:
    """An anvil: without it there is no block, and its time can be moved on."""

    def __init__(self, folder: Path) -> None:
        self._anvil = Anvil(binary_of_anvil(), folder / "chain.json")
        self.url = self._anvil.url
        self.urls = [self.url]

    def goes_by_itself(self, engine):
        """From now on a block a second."""
        rpc(engine, "evm_setAutomine", False)
        rpc(engine, "evm_setIntervalMining", 1)

    def is_lost(self, engine, draw):
        """For a while; it comes back with what it had."""
        rpc(engine, "evm_setIntervalMining", 0)  # no block after what it writes down
        self._anvil.end()
        time.sleep(draw.uniform(1, 6))
        self._anvil.start()
        self.goes_by_itself(engine)

    def passes(self, engine, until):
        rpc(engine, "evm_increaseTime", max(0, until - engine.now()))

    def close(self):
        self._anvil.kill()


def scenario_of(suppliers: int, demanders: int, wants: int) -> Scenario:
    """Each demander has so many wants."""
    paper = paper_market(1)
    (seller,) = paper.suppliers
    way = Alternative("S", 10, 100, 45)
    tasks = tuple(SubTask(f"milling-{at}", 0, False, (way,)) for at in range(wants))
    return replace(
        paper,
        concept="clock",
        suppliers=tuple(replace(seller, name=f"s{at}", lots=True) for at in range(suppliers)),
        demanders=tuple(Demander(f"d{at}", tasks) for at in range(demanders)),
        release_rounds=10,
        verification_tests=(),
    )


class Town:
    """The market, its chain, and its people with their processes."""

    def __init__(self, chain, size, more, folder, stack, run):
        """`size`: of suppliers and demanders; `more`: wants of each that it has money for beside
        its first; `run` runs a command of an owner.
        """
        self.chain, self.more, self.stack, self.run = chain, more, stack, run
        self.engine = open_engine(chain.url, Settings())
        # All have money for what they will think of later, too.
        founded = founding.found(self.engine, scenario_of(*size, 1 + more), PERIOD, LEAD_TIME)
        self.street = Street(replace(founded, scenario=scenario_of(*size, 1)))
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
        chain.goes_by_itself(self.engine)
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
        self.is_shaken = True
        self.chain.is_lost(self.engine, draw)

    def cut(self, draw):
        draw.choice(self.links).cut()

    def mend(self, _draw):
        for link in self.links:
            link.mend()

    def want_more(self, draw):
        self.want(draw.choice(self.demanders))

    def want(self, party):
        name = f"milling-{len(self.wants[party])}"
        if len(self.wants[party]) <= self.more:
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


def come_to_rest(town):
    """Wait until nothing of all that was begun can still act, and end all."""

    def is_at_rest():
        town.look_after()
        return not any(map(town.undecided, town.demanders))

    wait_until(is_at_rest, QUIET, "not all wants are decided")
    # From then on no trade that was signed, and is not on the chain, can settle any more.
    done = {event.trade for event in settled(town.street)}
    signed = [pair for party in town.demanders for pair in town.signed(party).items()]
    until = max((each.valid_until for name, each in signed if name not in done), default=0)
    town.chain.passes(town.engine, until)
    wait_until(lambda: town.engine.now() >= until, QUIET, "the chain stands still")
    wait_until(lambda: not any(map(town.talks, town.people)), QUIET, "a session is stuck")
    wait_until(lambda: not any(map(town.is_under_way, town.people)), QUIET, "an outbox is left")
    for process in town.processes.values():
        process.send_signal(signal.SIGTERM)
    assert {process.wait(QUIET) for process in town.processes.values()} == {0}


def lives(make_chain, size, more, folder, run, befalls):
    """A market of that size on a chain, what befalls it, and all that must hold afterwards."""
    with ExitStack() as stack:
        chain = make_chain(folder)
        stack.callback(chain.close)
        (place := folder / "town").mkdir()
        town = Town(chain, size, more, place, stack, run)
        token, exchange = town.street.market.token.address, town.street.market.exchange
        traders = (*town.suppliers, *town.demanders)

        def balances():
            return {each.address: exchange.balance_of(each.address, token) for each in traders}

        before = balances()
        wait_until(town.is_up, QUIET, "not all have begun")
        befalls(town)
        town.mend(None)
        come_to_rest(town)
        events = settled(town.street)
        after = balances()
        for url in chain.urls:
            audited = run("audit", "--rpc", url, "--market", exchange.address)
            assert audited.code == 0, audited.stderr
    check_trades(town, events)
    check_money(town, events, {each: before[each] - after[each] for each in after})
    check_states(town)
    check_journals(town, run, folder / "evidence")


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
