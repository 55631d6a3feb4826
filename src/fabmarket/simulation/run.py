"""A whole market in one process: many participants, their links, a chain, and virtual time.

Every participant runs as a process of its own would: from its journal, by its own step, over links,
with the chain's events from the follower. The simulation carries letters and transactions, lets
time pass, and reads what is public, what participants tell their owners, and what their journals
prove.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice, pairwise
from typing import Any, Literal

from rpds import HashTrieMap

from fabmarket.chain import FIRST_BLOCK, Engine, Receipt, Transaction
from fabmarket.errors import TryAgain
from fabmarket.identity.codec import decode, encode
from fabmarket.ledger import Block, Follower, Ledger, audit
from fabmarket.market.cycles import BEATS, Cycles
from fabmarket.market.events import Listed
from fabmarket.market.exchange import Move
from fabmarket.market.messages import Demand, PriceTerms
from fabmarket.market.rhythm import TRADE_VALIDITY, Rhythm
from fabmarket.market.rounds import Rounds
from fabmarket.market.units import MICRO, floor_int, name_to_bytes32
from fabmarket.negotiation import demander, operator, supplier
from fabmarket.negotiation.course import CLOCK
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.demander.bundling import CYCLES_AGAIN
from fabmarket.negotiation.moves import News, Tell
from fabmarket.negotiation.netting.coordinating import Coordinator
from fabmarket.negotiation.netting.state import NetParty
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.policy import Policy
from fabmarket.negotiation.products.purchase import Purchase, operation_id
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Want
from fabmarket.node import Journal, Outbox, Participant
from fabmarket.node.envelope import Envelope
from fabmarket.scenario import Demander, Product, Scenario, SubTask, Supplier
from fabmarket.simulation.delivering import Deliveries
from fabmarket.simulation.links import PERFECT, Links, Schedule, Seals
from fabmarket.simulation.outcome import Outcome, collect
from fabmarket.simulation.setup import (
    Party,
    deploy,
    fill_purses,
    offers_of,
    parties_of,
    payers,
)
from fabmarket.simulation.verification import run_tests
from fabmarket.simulation.wanted import product_of, want_of

Progress = Callable[[str, int, int], None]
"""Called with (phase, done, total) as a run goes on."""

Settling = Literal["single", "batch", "net"]
"""How instant trades settle: each by itself, those of a supplier together, or netted in cycles."""

VIRTUAL_PERIOD = 60
"""Seconds between beats where time passes at will."""
REAL_PERIOD = 12
"""Seconds between beats, at least, on a chain that makes its own blocks."""
_BLOCKS_A_BEAT = 8


class TooSlow(TryAgain):
    """The chain's blocks come too rarely for the market's rhythm."""


def run_market(
    scenario: Scenario,
    engine: Engine,
    seed: int,
    progress: Progress,
    *,
    settle: Settling = "single",
    schedule: Schedule | None = None,
    sealed: bool = False,
) -> Outcome:
    """Run a scenario from nothing to its audit on an engine, and return all that happened.

    The same scenario, seed and pinned engine settings give the same messages, transactions and
    events. `settle` says how: "single", every trade in a transaction of its own; "batch", several
    that a supplier has agreed on at a time; "net", trades that are paid at once in net cycles,
    which the first operator coordinates. `schedule` is the links' (perfect by default). Where it is
    `sealed`, letters are sealed as between agents, for whoever watches the `wires` of the outcome.
    """
    given = scenario, engine, seed, progress
    return _Run(*given, settle=settle, schedule=schedule, sealed=sealed).go()


class _Run:
    def __init__(
        self,
        scenario: Scenario,
        engine: Engine,
        seed: int,
        progress: Progress,
        *,
        settle: Settling,
        schedule: Schedule | None,
        sealed: bool,
    ) -> None:
        self.scenario, self.engine, self.progress = scenario, engine, progress
        self.settle = settle
        self.parties = parties_of(scenario, seed)
        self.started = time.perf_counter()
        progress("deploy", 0, 1)
        self.market = deploy(engine, scenario, self.parties)
        self.rhythm = Rhythm(engine.now(), _period(engine))
        store = Ledger()
        self.outcome = Outcome(scenario, seed, self.parties, self.market, self.rhythm, store)
        self.follower = Follower(engine, self.market.exchange, store)
        self.outboxes: list[Outbox] = []
        self.everyone = self._participants()
        keys = (party.key for party in self.parties.everyone)
        seals = Seals(self.market.domain, keys) if sealed else None
        self.links = Links(self.everyone, schedule or (lambda *_: PERFECT), seals)
        self.outcome.tally, self.outcome.wires = self.links.tally, self.links.wires
        self.tampered = scenario.tampered_copies
        self._lap("deploy")

    def go(self) -> Outcome:
        """Run all phases in order."""
        out = self.outcome
        self.progress("verify", 0, 1)
        out.tests = run_tests(self.market, self.parties.auditees, self.scenario.verification_tests)
        self._list()
        self._lap("verify")
        self.progress("deposit", 0, 1)
        self._deposit()
        out.before = self._balances()
        self._lap("deposit")
        self._trade()
        self._deliver()
        out.after = self._balances()
        for participant in self.everyone:
            out.tally.sent += participant.sent
        out.wires.sort(key=lambda seen: seen.time)
        collect(out)
        self._lap("negotiate and settle")
        self.progress("audit", 0, 1)
        out.audit = audit(self.market.exchange)
        self._lap("audit")
        self.progress("done", 1, 1)
        return out

    def _lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.outcome.seconds[phase] = now - self.started
        self.started = now

    # Who takes part

    def _participants(self) -> list[Participant[Any]]:
        everyone: list[Participant[Any]] = []
        scenario = self.scenario
        for party, spec in zip(self.parties.demanders, scenario.demanders, strict=True):
            everyone.append(self._joined(party, demander.step, self._demander(party, spec)))
        for party, offered in zip(self.parties.suppliers, scenario.suppliers, strict=True):
            everyone.append(self._joined(party, supplier.step, self._supplier(party, offered)))
        if self.settle == "net":
            everyone.append(
                self._joined(self.parties.operators[0], operator.step, self._operator())
            )
        return everyone

    def _joined(self, party: Party, step: Any, state: Any) -> Participant[Any]:
        journal = Journal()
        self.outcome.journals[party.address] = journal
        market = self.market
        self.outboxes.append(Outbox(party.key, journal, self.engine, market.exchange))

        def tell(told: Tell) -> None:
            if isinstance(told.news, Want):
                self.outcome.wants[told.news.id] = (party.address, told.news)
            elif isinstance(told.news, Purchase):
                self.outcome.purchases[told.news.product.id] = (party.address, told.news)
            elif isinstance(told.news, News) and told.news.line == "netted":
                self.outcome.note_netted(dict(told.news.facts))
            elif isinstance(told.news, News) and told.news.line == "unnetted":
                self.outcome.exposed.add(party.address)

        return Participant(party.key, market.domain, step, state, journal, tell)

    def _demander(self, party: Party, spec: Demander) -> DemanderState:
        wants = [self._want(party.address, spec, each) for each in spec.sub_tasks]
        for want in wants:
            self.outcome.wants[want.id] = (party.address, want)
        purchases = [] if spec.product is None else [self._purchase(party, spec, spec.product)]
        return DemanderState(
            address=party.address,
            token=self.market.token.address,
            domain=self.market.domain,
            rhythm=self.rhythm,
            wants=HashTrieMap({want.id: want for want in wants}),
            rounds_left=self.scenario.release_rounds,
            order=tuple(want.id for want in wants),
            purchases=HashTrieMap({each.product.id: each for each in purchases}),
            policy=Policy(least=self.scenario.least),
            source=party.source(self.market.domain),
            net=self._net(party, sells=False),
        )

    def _net(self, party: Party, *, sells: bool) -> NetParty | None:
        """A party's part in net cycles, if the market has them."""
        if self.settle != "net":
            return None
        coordinator = self.parties.operators[0].address
        domain = self.market.domain
        us = party.address, domain, self.market.token.address
        cycles = Cycles(self.rhythm)
        return NetParty(*us, cycles, coordinator, party.source(domain), sells)

    def _operator(self) -> OperatorState:
        address = self.parties.operators[0].address
        domain, token = self.market.domain, self.market.token.address
        net = Coordinator(address, domain, token, Cycles(self.rhythm))
        return OperatorState(address, domain, net=net)

    def _purchase(self, party: Party, spec: Demander, product: Product) -> Purchase:
        wanted = product_of(product, spec.name, party.address, self.market)
        purchase = Purchase(wanted, self.scenario.release_rounds)
        self.outcome.purchases[wanted.id] = (party.address, purchase)
        self.outcome.names[wanted.id] = spec.name
        for at, operation in enumerate(product.operations):
            name = f"{spec.name} / {operation.name}"
            self.outcome.names[operation_id(wanted.id, at)] = name
        return purchase

    def _want(self, address: str, spec: Demander, task: SubTask) -> Want:
        want = want_of(task, address, self.market)
        self.outcome.names[want.id] = f"{spec.name} / {task.name}"
        return want

    def _supplier(self, party: Party, spec: Supplier) -> SupplierState:
        bargained = self.scenario.negotiation == "bargaining"
        clock = self.scenario.concept == CLOCK and not bargained
        terms = PriceTerms(
            concept="bargaining" if bargained else self.scenario.concept,
            demand_weight=floor_int(spec.a * MICRO),
            supply_weight=floor_int(spec.b * MICRO),
            maintenance=spec.maintenance,
            capacity=0,
            token=self.market.token.address,
            lots=spec.lots,
            step=spec.step if clock else 0,
            least=self.scenario.least,
        )
        return SupplierState(
            address=party.address,
            domain=self.market.domain,
            rhythm=self.rhythm,
            resource=name_to_bytes32(spec.resource),
            origin=self.market.origin,
            slot_length=self.market.slot_length,
            terms=terms,
            delivery=self.scenario.delivery,
            policy=Policy(refund_uncovered=True, accept_returns=True),
            batch=self.settle == "batch",
            net=self._net(party, sells=True),
        )

    # What owners order before the market opens

    def _list(self) -> None:
        pairs = list(zip(self.parties.suppliers, self.scenario.suppliers, strict=True))
        orders = [(party, offers_of(self.market, party, spec)) for party, spec in pairs]
        for at in range(3):
            for party, steps in orders:
                self._order(party, steps[at])
            self._mine(must_succeed=True)

    def _deposit(self) -> None:
        deposit = fill_purses(self.market, self.scenario, self.parties)
        for party in payers(self.scenario, self.parties):
            self._order(party, [deposit])
        self._mine(must_succeed=True)
        self._follow()

    def _order(self, party: Party, moves: list[Move]) -> None:
        for move in moves:
            self.links.participants[party.address].order(move)

    # Time, messages, blocks

    def _trade(self, until: int | None = None) -> None:
        """Let time pass until every want and product is decided, or to that second."""
        self._settle_down()
        self._report()
        beats = self.scenario.release_rounds + 4 + (2 * BEATS if self.settle == "net" else 0)
        if self.outcome.purchases:
            cycles = max(self.scenario.release_rounds, CYCLES_AGAIN) + 2
            beats += cycles * Rounds(self.rhythm).length // self.rhythm.period
        latest = self.engine.now() + beats * self.rhythm.period + TRADE_VALIDITY
        while not self._is_over():
            now = self.engine.now()
            if until is not None and now >= until:
                return
            if now > latest:
                raise TooSlow(
                    f"after {beats} beats of {self.rhythm.period} s sub-tasks are still open: the"
                    " chain makes blocks too rarely or too unevenly; use a faster one"
                )
            due = self.links.next_due()
            following = self.rhythm.origin
            following += -(-(now + 1 - following) // self.rhythm.quarter) * self.rhythm.quarter
            if due is not None and due < following:
                following = max(due, now + 1)
            self._pass_time(following if until is None else min(following, until))

    def _pass_time(self, until: int) -> None:
        self.engine.pass_time(until)
        self._settle_down()
        self._report()

    def _deliver(self) -> None:
        """Slot after slot what is in escrow is delivered and accepted, or its supplier is down."""
        deliveries = Deliveries(self.market, self.scenario, self.parties, self.links.participants)
        while (due := deliveries.next_due()) is not None:
            self._trade(due)
            if self.engine.now() < due:
                self._pass_time(due)
            for move in deliveries.orders(due):
                self._order(*move)
                self._settle_down()
        self._trade()

    def _settle_down(self) -> None:
        """Deliver and mine until nothing more follows at this time."""
        self._follow()
        while True:
            now = self.engine.now()
            self._tamper(now)
            self.links.deliver(now)
            if not self._mine():
                return
            self._follow()

    def _follow(self) -> None:
        for block in self.follower.poll():
            self._heard(block)

    def _heard(self, block: Block) -> None:
        for entry in block.entries:
            if isinstance(entry.event, Listed):
                self.outcome.listed[entry.event.listing] = entry.event
        for participant in self.everyone:
            participant.follow(block, is_past=block.number < self.follower.latest)
            self.links.collect(participant, block.time)

    def _mine(self, *, must_succeed: bool = False) -> int:
        """Mine what lies in the outboxes; return how many transactions."""
        outgoing = [(box, each) for box in self.outboxes for each in box.outgoing()]
        for _, each in outgoing:
            self.market.sender.queue(each.transaction, each.raw)
        if must_succeed:
            receipts = self.market.sender.must_succeed(self.market.exchange)
        else:
            count = 0

            def heard(_: Transaction, __: Receipt) -> None:
                nonlocal count
                count += 1
                self.progress("settle", count, len(outgoing))

            receipts = [receipt for _, receipt in self.market.sender.flush(heard)]
        for (box, each), receipt in zip(outgoing, receipts, strict=True):
            box.mined(each, receipt)
        return len(outgoing)

    def _is_over(self) -> bool:
        return self._decided() == len(self.outcome.wants) + len(self.outcome.purchases)

    def _decided(self) -> int:
        wants, purchases = self.outcome.wants.values(), self.outcome.purchases.values()
        done = sum(want.state in ("served", "unserved") for _, want in wants)
        return done + sum(each.state in ("bought", "unbought") for _, each in purchases)

    def _report(self) -> None:
        whole = len(self.outcome.wants) + len(self.outcome.purchases)
        self.progress("negotiate", self._decided(), whole)

    def _tamper(self, now: int) -> None:
        """Send altered copies of demands under their true signatures; all must be ignored."""
        if not self.tampered:
            return
        opened = [(each, decode(Envelope, each.body)) for each in self.links.under_way()]
        demands = [
            (letter, envelope.message, envelope.signature)
            for letter, envelope in opened
            if isinstance(envelope.message, Demand)
        ]
        for letter, demand, signature in islice(cycle(demands), self.tampered):
            forged = replace(demand, sequence=2**64 - self.tampered)
            body = encode(Envelope(forged, signature))
            self.links.post(demand.author, letter.recipient, body, now)
            self.tampered -= 1

    # What came of it

    def _balances(self) -> dict[str, int]:
        """Return every trader's balance in the exchange."""
        token, exchange = self.market.token.address, self.market.exchange
        return {
            party.address: exchange.balance_of(party.address, token)
            for party in (*self.parties.demanders, *self.parties.suppliers)
        }


def _period(engine: Engine) -> int:
    """Seconds between beats: on a chain with a time of its own at least eight of its blocks."""
    if engine.is_virtual:
        return VIRTUAL_PERIOD
    head = engine.block_number()
    times = [engine.header(number).time for number in range(max(FIRST_BLOCK, head - 4), head + 1)]
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    usual = gaps[len(gaps) // 2] if gaps else 0
    return max(REAL_PERIOD, _BLOCKS_A_BEAT * usual)
