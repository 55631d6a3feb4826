"""A whole market in one process: verification, release, negotiation, settlement, audit."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fabmarket.chain import TRANSACTION_GAS, Engine, Receipt, Transaction
from fabmarket.identity import Key, digest, keccak
from fabmarket.ledger import Audit, EventStore, audit
from fabmarket.market.events import Event, Settled
from fabmarket.market.exchange import Settle, SettleBatch, SignedTrade
from fabmarket.market.messages import Demand, PriceTerms
from fabmarket.market.units import MICRO, NO_LIMIT, floor_int, name_to_bytes32
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.demander import DemanderState, Talk
from fabmarket.negotiation.moves import Deadline, Happened, Phase
from fabmarket.negotiation.session import Session
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Choice, Want
from fabmarket.node.setup import (
    Market,
    Parties,
    deploy,
    deposit_budgets,
    list_suppliers,
    parties_of,
)
from fabmarket.node.transport import Bus, Participant, Tally
from fabmarket.node.verification import TestResult, run_tests
from fabmarket.scenario import Demander, Scenario, Supplier

Progress = Callable[[str, int, int], None]
"""Called with (phase, done, total) as a run goes on."""

_SETTLE_GAS = 300_000
_BATCH_GAS = 50_000
_BATCHED_TRADE_GAS = 100_000
"""More than any trade between two keys takes in a batch (benchmarks/gas.py: 32,000)."""
BATCH = (TRANSACTION_GAS - _BATCH_GAS) // _BATCHED_TRADE_GAS
"""Trades in one batch, so that it fits into a transaction (EIP-7825)."""


@dataclass(frozen=True)
class SettledTrade:
    """A trade on chain, and where it came from."""

    event: Settled
    receipt: Receipt
    want: bytes
    session: bytes


@dataclass
class Outcome:
    """Everything a run produced; amounts in base units, quantities in resource units."""

    scenario: Scenario
    seed: int
    parties: Parties
    market: Market
    store: EventStore
    tests: list[TestResult] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    bargains: list[Bargain] = field(default_factory=list)
    trades: list[SettledTrade] = field(default_factory=list)
    demanders: list[DemanderState] = field(default_factory=list)
    suppliers: list[SupplierState] = field(default_factory=list)
    names: dict[bytes, str] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    audit: Audit = field(default_factory=lambda: Audit((), None))
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def sent(self) -> list[tuple[Transaction, Receipt]]:
        """Every transaction of the run, in order."""
        return self.market.sender.sent


def run_market(
    scenario: Scenario, engine: Engine, seed: int, progress: Progress, *, batch: bool = False
) -> Outcome:
    """Run a scenario from nothing to its audit on an engine, and return all that happened.

    The same scenario, seed and pinned engine settings give the same transactions and events. With
    `batch` a supplier settles all it has agreed on in a round in one transaction, at most BATCH
    trades each; otherwise every trade in one of its own.
    """
    return _Run(scenario, engine, seed, progress, batch).go()


class _Run:
    def __init__(
        self, scenario: Scenario, engine: Engine, seed: int, progress: Progress, batch: bool
    ) -> None:
        self.scenario = scenario
        self.engine = engine
        self.progress = progress
        self.batch = batch
        self.parties = parties_of(scenario, seed)
        self.started = time.perf_counter()
        progress("deploy", 0, 1)
        market = deploy(engine, scenario, self.parties)
        self.outcome = Outcome(scenario, seed, self.parties, market, EventStore())
        self.market = market
        self.stored = 0
        self._lap("deploy")

    def go(self) -> Outcome:
        """Run all phases in order."""
        out, market = self.outcome, self.market
        self.progress("verify", 0, 1)
        out.tests = run_tests(market, self.parties.auditees, self.scenario.verification_tests)
        list_suppliers(market, self.scenario, self.parties)
        self._lap("verify")
        self.progress("deposit", 0, 1)
        deposit_budgets(market, self.scenario, self.parties)
        self.demanders, self.suppliers = self._participants()
        self.everyone: list[Participant[Any]] = [*self.demanders, *self.suppliers]
        self.bus = Bus(self.everyone)
        out.tally = self.bus.tally
        self._index()
        out.before = self._balances()
        self._lap("deposit")
        self._rounds()
        out.after = self._balances()
        out.demanders = [node.state for node in self.demanders]
        out.suppliers = [node.state for node in self.suppliers]
        self._lap("negotiate and settle")
        self.progress("audit", 0, 1)
        out.audit = audit(out.store.events(), market.domain, market.exchange, market.token)
        self._lap("audit")
        self.progress("done", 1, 1)
        return out

    def _lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.outcome.seconds[phase] = now - self.started
        self.started = now

    def _participants(
        self,
    ) -> tuple[list[Participant[DemanderState]], list[Participant[SupplierState]]]:
        market, scenario = self.market, self.scenario
        demanders, suppliers = [], []
        for party, spec in zip(self.parties.demanders, scenario.demanders, strict=True):
            wants = self._wants(party.address, spec)
            state = DemanderState(
                address=party.address,
                token=market.token.address,
                domain=market.domain,
                wants=wants,
                rounds_left=scenario.release_rounds,
            )
            demanders.append(Participant(party.key, market.domain, state, demander.step))
        for party, offered in zip(self.parties.suppliers, scenario.suppliers, strict=True):
            state_of = SupplierState(
                address=party.address,
                token=market.token.address,
                domain=market.domain,
                resource=name_to_bytes32(offered.resource),
                origin=market.origin,
                slot_length=market.slot_length,
                terms=self._terms(offered),
            )
            suppliers.append(Participant(party.key, market.domain, state_of, supplier.step))
        return demanders, suppliers

    def _wants(self, address: str, spec: Demander) -> dict[bytes, Want]:
        wants = {}
        for task in spec.sub_tasks:
            want_id = keccak(f"{address}|{task.name}".encode())
            start = self.market.origin + task.slot * self.market.slot_length
            self.outcome.names[want_id] = f"{spec.name} / {task.name}"
            wants[want_id] = Want(
                id=want_id,
                start=start,
                end=start + self.market.slot_length,
                divisible=task.divisible,
                choices=tuple(
                    Choice(
                        name_to_bytes32(way.resource),
                        NO_LIMIT if way.quantity is None else way.quantity,
                        way.benefit - way.cost,
                    )
                    for way in task.alternatives
                ),
            )
        return wants

    def _terms(self, spec: Supplier) -> PriceTerms:
        bargained = self.scenario.negotiation == "bargaining"
        return PriceTerms(
            concept="bargaining" if bargained else self.scenario.concept,
            demand_weight=floor_int(spec.a * MICRO),
            supply_weight=floor_int(spec.b * MICRO),
            maintenance=spec.maintenance,
            capacity=0,
        )

    def _rounds(self) -> None:
        """Publish, offer, negotiate and settle until nothing is open or the rounds are used up."""
        tampered = self.scenario.tampered_copies
        self._report_progress()
        for _ in range(self.scenario.release_rounds):
            self._deadline(self.everyone, "publish")
            if tampered:
                self._tamper(tampered)
                tampered = 0
            self.bus.pump()
            for phase in ("offers", "selections"):
                self._deadline(self.everyone, phase)
                self.bus.pump()
            self._collect_talk()
            self._settle()
            self._deadline(self.everyone, "round")
            self._report_progress()
            if not any(want.state == "open" for want in self._all_wants()):
                break

    def _all_wants(self) -> list[Want]:
        return [want for node in self.demanders for want in node.state.wants.values()]

    def _report_progress(self) -> None:
        wants = self._all_wants()
        done = sum(want.state in ("served", "unserved") for want in wants)
        self.progress("negotiate", done, len(wants))

    def _deadline(self, nodes: Sequence[Participant[Any]], phase: Phase) -> None:
        now = self.engine.now()
        for node in nodes:
            self.bus.give(node, Deadline(phase, now))

    def _tamper(self, copies: int) -> None:
        """Send altered copies of demands under their true signatures; all must be ignored."""
        honest = self.bus.on_the_wire()
        for index in range(copies if honest else 0):
            envelope = honest[index % len(honest)]
            if isinstance(envelope.message, Demand):
                forged = replace(envelope.message, valid_until=2**64 - 1 - index)
                self.bus.post(replace(envelope, message=forged))

    def _collect_talk(self) -> None:
        for node in self.suppliers:
            self.outcome.sessions += sorted(node.state.sessions.values(), key=_when)
            self.outcome.bargains += sorted(node.state.bargains.values(), key=_when)

    def _settle(self) -> None:
        """Countersign and send the trades of this round, several to a block."""
        submits, self.bus.submits = self.bus.submits, []
        sources = {}
        agreed: list[tuple[Key, SignedTrade]] = []
        for node, submit in submits:
            trade_digest = digest(self.market.domain, submit.trade)
            sources[trade_digest] = submit.trade.transcript
            both = SignedTrade(submit.trade, submit.demander_signature, node.key.sign(trade_digest))
            agreed.append((node.key, both))
        total = self._queue_trades(agreed)
        self.progress("settle", 0, total)
        count = 0

        def heard(_: Transaction, __: Receipt) -> None:
            nonlocal count
            count += 1
            self.progress("settle", count, total)

        self.market.sender.flush(heard)
        wants = {
            trade: want for node in self.demanders for trade, want in node.state.trades.items()
        }
        sessions = {each.transcript: each.id for each in self.outcome.sessions if each.close}
        sessions |= {each.transcript: each.id for each in self.outcome.bargains if each.counters}
        for receipt, event in self._index():
            if isinstance(event, Settled):
                session = sessions[sources[event.trade]]
                trade = SettledTrade(event, receipt, wants[event.trade], session)
                self.outcome.trades.append(trade)

    def _queue_trades(self, agreed: Sequence[tuple[Key, SignedTrade]]) -> int:
        """Queue what each supplier has agreed on; return in how many transactions."""
        if not self.batch:
            for key, trade in agreed:
                self.market.queue(key, "settle", Settle(trade), _SETTLE_GAS)
            return len(agreed)
        sent = 0
        for key in dict.fromkeys(key for key, _ in agreed):
            own = [trade for owner, trade in agreed if owner is key]
            for start in range(0, len(own), BATCH):
                part = tuple(own[start : start + BATCH])
                gas = _BATCH_GAS + _BATCHED_TRADE_GAS * len(part)
                self.market.queue(key, "settleBatch", SettleBatch(part), gas)
                sent += 1
        return sent

    def _index(self) -> list[tuple[Receipt, Event]]:
        """Store the events of all receipts since last time, and tell every participant of them."""
        fresh = self.outcome.sent[self.stored :]
        self.stored = len(self.outcome.sent)
        found = []
        entries = []
        for _, receipt in fresh:
            for log in receipt.logs:
                event = self.market.exchange.event(log)
                if event is not None:
                    entries.append(
                        (log.block, log.index, log.block_hash, receipt.transaction, event)
                    )
                    found.append((receipt, event))
        self.outcome.store.append(entries)
        for _, event in found:
            for node in self.everyone:
                self.bus.give(node, Happened(event))
        return found

    def _balances(self) -> dict[str, int]:
        """Return every trader's balance in the exchange."""
        token, exchange = self.market.token.address, self.market.exchange
        return {
            party.address: exchange.balance_of(party.address, token)
            for party in (*self.parties.demanders, *self.parties.suppliers)
        }


def _when(talk: Talk) -> tuple[int, bytes]:
    """The order of a supplier's talks: by slot."""
    return talk.opening.slot_end, talk.id
