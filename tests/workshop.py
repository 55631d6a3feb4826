"""A market of agents whose products are bought in rounds, and whose time a test lets pass.

A block comes when a test says so, and only once everybody has done what the last one asks for: no
machine is too slow for a round.
"""

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from fabmarket.chain import Settings, open_engine
from fabmarket.ledger import Ledger
from fabmarket.local import founding
from fabmarket.market.rounds import Rounds
from fabmarket.node import Journal
from fabmarket.node.settings import EVENTS, JOURNAL, read_settings
from fabmarket.node.status import Status, status_of
from fabmarket.scenario import Demander, Operation, Product, Work, paper_market
from fabmarket.simulation.setup import LEAD_TIME
from tests.nodes import rpc
from tests.street import PATIENCE, Street, free_port, logged, start, wait_until

PERIOD = 600
"""Seconds of chain time from beat to beat: a quarter has room for many blocks of a second."""
STILL = 2
"""Blocks without anything to do, so that what the board brought in the last but one is done."""
RESOURCES = ("mill", "lathe")


def scenario_of_a_shop():
    """A mill, a lathe, and a product of four units of each, one after the other."""
    paper = paper_market(1)
    steps = tuple(Operation(name, (Work(name, 4),)) for name in RESOURCES)
    product = Product(steps, release=0, due=2, last=5, value=1_000, lateness=10)
    selling = replace(paper.suppliers[0], attested=(10,) * 6, listed=(10,) * 6, maintenance=10)
    return replace(
        paper,
        suppliers=tuple(replace(selling, name=name, resource=name) for name in RESOURCES),
        demanders=(Demander("buyer", (), product),),
        verification_tests=(),
    )


class Workshop:
    """Agents by name, "mill", "lathe" and "buyer"; those in `hidden` have no door."""

    def __init__(self, node, folder: Path, hidden=()):
        self.engine = open_engine(node.url, Settings())
        made = founding.found(self.engine, scenario_of_a_shop(), PERIOD, LEAD_TIME)
        rpc(self.engine, "evm_setAutomine", False)
        self.street, self.rounds = Street(made), Rounds(made.rhythm)
        parties = dict(
            zip(
                (*RESOURCES, "buyer"),
                (*made.parties.suppliers, *made.parties.demanders),
                strict=True,
            )
        )
        self.addresses = {name: party.address for name, party in parties.items()}
        self.logs = {name: folder / f"{name}.log" for name in parties}
        self.folders = {}
        for name, party in parties.items():
            made_at = self.street.directory(folder / name, party, free_port())
            self.folders[name] = made_at
            text = (made_at / "agent.toml").read_text().replace("poll = 0.25 ", "poll = 0.05 ")
            if name in hidden:
                head, door, rest = text.partition("[door]")
                text = head + door + re.sub(r'(listen|url) = "[^"]*"', r'\1 = ""', rest)
            (made_at / "agent.toml").write_text(text)
        self.processes = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in list(self.processes):
            self.kill(name)

    def start(self, *names):
        """Start them, and return once there is nothing left to do at this time."""
        before = {name: len(self.lines(name, "begun")) for name in names}
        for name in names:
            self.processes[name] = start(self.folders[name], self.logs[name], "--json-log")
        for name in names:
            wait_until(
                lambda name=name: len(self.lines(name, "begun")) > before[name],
                PATIENCE,
                f"{name} does not begin",
            )
        self.settle()

    def kill(self, name):
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def lines(self, name, *names):
        return logged(self.logs[name], *names)

    def status(self, name) -> Status:
        return status_of(self.folders[name], read_settings(self.folders[name]))

    def product(self):
        (product,) = self.status("buyer").products
        return product

    # Time

    def come_to(self, beat, quarter):
        """A quarter of a beat begins, counted from the market's first; all is done that is due."""
        rhythm = self.rounds.rhythm
        time = rhythm.origin + beat * rhythm.period + quarter * rhythm.quarter
        assert time > self.engine.now(), "that time is over"
        self._block(time)
        self.settle()

    def pass_beats(self, first, last):
        for beat in range(first, last):
            for quarter in range(4):
                self.come_to(beat, quarter)

    def settle(self):
        """Mine what is sent until nothing is under way between those who run."""
        still = 0
        while still < STILL:
            wait_until(self._is_ready, PATIENCE, "something stays under way")
            still = 0 if self._sent() else still + 1
            self._block(self.engine.now() + 1)

    def _block(self, time):
        rpc(self.engine, "evm_setNextBlockTimestamp", time)
        rpc(self.engine, "evm_mine")
        number = self.engine.header().number
        for name in self.processes:
            wait_until(lambda name=name: self._read(name) == number, PATIENCE, f"{name} reads on")

    def _read(self, name):
        """The last block that an agent has done with."""
        with closing(Ledger.reading(self.folders[name] / EVENTS, is_kept=True)) as store:
            return (store.followed() or [-1])[0]

    def _sent(self):
        return int(rpc(self.engine, "txpool_status")["pending"], 16)

    def _is_ready(self):
        """A transaction can be mined, or nobody has anything to do, looked at twice."""
        first = self._under_way()
        return bool(self._sent()) or (first is not None and first == self._under_way())

    def _under_way(self):
        """How many messages each knows; None if a letter or a transaction is on its way."""
        counted = []
        for name in self.processes:
            with closing(Journal.reading(self.folders[name] / JOURNAL)) as journal:
                running = {self.addresses[each] for each in self.processes}
                if journal.moves() or any(each.recipient in running for each in journal.letters()):
                    return None
                counted += journal._db.execute("SELECT count(*) FROM message").fetchone()
        return counted
