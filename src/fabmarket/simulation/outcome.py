"""What a run of a market produced, and where each of its trades came from."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from fabmarket.chain import Receipt, Transaction
from fabmarket.ledger import Audit, EventStore
from fabmarket.market.events import Cause, Listed, Released, Settled
from fabmarket.negotiation.products.purchase import LOSSES, Purchase, operation_id
from fabmarket.negotiation.wants import Want
from fabmarket.node import Journal, Replayed, evidence_of, replay
from fabmarket.scenario import Scenario
from fabmarket.simulation.links import Tally
from fabmarket.simulation.setup import Market, Parties
from fabmarket.simulation.verification import TestResult


@dataclass(frozen=True)
class SettledTrade:
    """A trade on chain, and where it came from: the want or step, the session or bid.

    `cause` is why its payment left the escrow, if it was in one and did; `refunded`, whether it
    went back to the demander.
    """

    event: Settled
    receipt: Receipt
    want: bytes
    session: bytes
    cause: Cause | None = None
    refunded: bool = False


@dataclass
class Outcome:
    """Everything a run produced; amounts in base units, quantities in resource units.

    `wants` and `purchases` are what each demander told its owner in the end; `talks` what the
    suppliers' journals prove, by slot. `names` are those of wants, products, and their steps.
    """

    scenario: Scenario
    seed: int
    parties: Parties
    market: Market
    store: EventStore
    tests: list[TestResult] = field(default_factory=list)
    talks: list[Replayed] = field(default_factory=list)
    trades: list[SettledTrade] = field(default_factory=list)
    listed: dict[bytes, Listed] = field(default_factory=dict)
    wants: dict[bytes, tuple[str, Want]] = field(default_factory=dict)
    purchases: dict[bytes, tuple[str, Purchase]] = field(default_factory=dict)
    names: dict[bytes, str] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    journals: dict[str, Journal] = field(default_factory=dict)
    audit: Audit = field(default_factory=lambda: Audit((), None))
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def sent(self) -> list[tuple[Transaction, Receipt]]:
        """Every transaction of the run, in order."""
        return self.market.sender.sent


def collect(outcome: Outcome) -> None:
    """Take in what the suppliers' journals prove, and where each settled trade came from."""
    for party in outcome.parties.suppliers:
        journal = outcome.journals[party.address]
        for session in journal.sessions():
            outcome.talks.append(replay(evidence_of(journal, session)))
    released = {
        event.trade: event.cause for event in outcome.store.events() if isinstance(event, Released)
    }
    agreed = {trade for _, each in outcome.purchases.values() for _, trade in each.returned}
    found = sorted([*_negotiated(outcome), *_bundled(outcome)], key=lambda each: each[:2])
    outcome.talks.sort(key=_when)
    for _, _, settled in found:
        trade = settled.event.trade
        cause = released.get(trade)
        refunded = cause in LOSSES or trade in agreed
        outcome.trades.append(replace(settled, cause=cause, refunded=refunded))


Placed = tuple[int, int, SettledTrade]
"""A trade by its block and place in it."""


def _receipts(outcome: Outcome) -> dict[bytes, Receipt]:
    return {receipt.transaction: receipt for _, receipt in outcome.sent}


def _negotiated(outcome: Outcome) -> Iterator[Placed]:
    """Where the trades of sessions were settled."""
    receipts = _receipts(outcome)
    for shown in outcome.talks:
        seats = {(each.demander, each.supplier_nonce): each.sub_task for each in shown.members}
        for settlement in shown.settlements:
            trade = shown.trades[settlement.event.trade]
            want = seats[trade.demander, trade.supplier_nonce]
            receipt = receipts[settlement.transaction]
            settled = SettledTrade(settlement.event, receipt, want, shown.talk.id)
            yield settlement.block, settlement.log_index, settled


def _bundled(outcome: Outcome) -> Iterator[Placed]:
    """Where the trades of products were settled, also those that came back or are of no use."""
    receipts = _receipts(outcome)
    steps = {}
    for product, (demander, purchase) in outcome.purchases.items():
        journal = outcome.journals[demander]
        for at, trade in _all_trades(purchase):
            steps[trade] = operation_id(product, at), journal.session_of(trade) or bytes(32)
    for number, _, entry in outcome.store.entries():
        event = entry.event
        if isinstance(event, Settled) and event.trade in steps:
            settled = SettledTrade(event, receipts[entry.transaction], *steps[event.trade])
            yield number, entry.index, settled


def _all_trades(purchase: Purchase) -> list[tuple[int, bytes]]:
    return [*enumerate(purchase.trades), *purchase.returned, *purchase.left]


def _when(shown: Replayed) -> tuple[int, int, bytes]:
    """The order of talks: by beat, then by slot."""
    opening = shown.talk.opening
    return opening.ends, opening.slot_end, shown.talk.id
