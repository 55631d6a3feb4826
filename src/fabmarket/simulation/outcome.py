"""What a run of a market produced, and where each of its trades came from."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from fabmarket.chain import Receipt, Transaction
from fabmarket.identity.codec import decode
from fabmarket.ledger import Audit, Ledger
from fabmarket.market.events import Cause, Listed, NetSettled, Released, Settled, pack_terms
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import Trade
from fabmarket.negotiation.products.purchase import LOSSES, Purchase, operation_id
from fabmarket.negotiation.wants import Want
from fabmarket.node import Journal, Replayed, evidence_of, replay
from fabmarket.node.envelope import Envelope
from fabmarket.scenario import Scenario
from fabmarket.simulation.links import Seen, Tally
from fabmarket.simulation.setup import Market, Parties
from fabmarket.simulation.verification import TestResult

Way = Literal["single", "batch", "bundle", "net", "late"]
"""How a trade settled: alone, with others of its supplier, with its product, netted, or late."""
_WAYS: dict[str, Way] = {
    "settle": "single",
    "settleEscrow": "single",
    "settleBatch": "batch",
    "settleEscrowBatch": "batch",
    "settleBundle": "bundle",
    "settleEscrowBundle": "bundle",
    "settleNet": "net",
    "settleLate": "late",
}


@dataclass(frozen=True)
class SettledTrade:
    """A trade on chain, and where it came from: the want or step, the session or bid.

    The `event` of one that was netted is what the chain would have recorded of it alone. `way` is
    how it settled.

    `cause` is why its payment left the escrow, if it was in one and did; `refunded`, whether it
    went back to the demander.
    """

    event: Settled
    receipt: Receipt
    want: bytes
    session: bytes
    way: Way
    cause: Cause | None = None
    refunded: bool = False


@dataclass(eq=False)
class Outcome:
    """Everything a run produced; amounts in base units, quantities in resource units.

    `wants` and `purchases` are what each demander told its owner in the end; `talks` what the
    suppliers' journals prove, by slot. `names` are those of wants, products, and their steps,
    `netted` the batches of the trades that demanders and suppliers say were netted, `exposed` who
    did not sign a batch as too little would have been hidden in it, `wires` what whoever watches
    all links saw.
    """

    scenario: Scenario
    seed: int
    parties: Parties
    market: Market
    rhythm: Rhythm
    store: Ledger
    tests: list[TestResult] = field(default_factory=list)
    talks: list[Replayed] = field(default_factory=list)
    trades: list[SettledTrade] = field(default_factory=list)
    listed: dict[bytes, Listed] = field(default_factory=dict)
    wants: dict[bytes, tuple[str, Want]] = field(default_factory=dict)
    purchases: dict[bytes, tuple[str, Purchase]] = field(default_factory=dict)
    names: dict[bytes, str] = field(default_factory=dict)
    netted: dict[bytes, bytes] = field(default_factory=dict)
    exposed: set[str] = field(default_factory=set)
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    wires: list[Seen] = field(default_factory=list)
    journals: dict[str, Journal] = field(default_factory=dict)
    audit: Audit = field(default_factory=lambda: Audit((), ()))
    seconds: dict[str, float] = field(default_factory=dict)

    def note_netted(self, facts: dict[str, str]) -> None:
        """Note the batch that a participant says has settled a trade."""
        said = (facts[name].removeprefix("0x") for name in ("trade", "batch"))
        trade, batch = map(bytes.fromhex, said)
        self.netted[trade] = batch

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
    of_wants = _negotiated(outcome), _bundled(outcome), _netted(outcome)
    found = sorted((each for some in of_wants for each in some), key=lambda each: each[:2])
    outcome.talks.sort(key=_when)
    for _, _, settled in found:
        trade = settled.event.trade
        cause = released.get(trade)
        refunded = cause in LOSSES or trade in agreed
        outcome.trades.append(replace(settled, cause=cause, refunded=refunded))


Placed = tuple[int, int, SettledTrade]
"""A trade by its block and place in it."""


@dataclass(frozen=True)
class _Mined:
    """A transaction's receipt, and how it settles trades if it does."""

    receipt: Receipt
    way: Way


def _mined(outcome: Outcome) -> dict[bytes, _Mined]:
    return {
        receipt.transaction: _Mined(receipt, _WAYS.get(transaction.action, "single"))
        for transaction, receipt in outcome.sent
    }


def _negotiated(outcome: Outcome) -> Iterator[Placed]:
    """Where the trades of sessions were settled."""
    mined = _mined(outcome)
    for shown in outcome.talks:
        seats = _seats(shown)
        for settlement in shown.settlements:
            trade = shown.trades[settlement.event.trade]
            want = seats[trade.demander, trade.supplier_nonce]
            it = mined[settlement.transaction]
            settled = SettledTrade(settlement.event, it.receipt, want, shown.talk.id, it.way)
            yield settlement.block, settlement.log_index, settled


def _bundled(outcome: Outcome) -> Iterator[Placed]:
    """Where the trades of products were settled, also those that came back or are of no use."""
    mined, steps = _mined(outcome), _steps(outcome)
    for number, _, entry in outcome.store.entries():
        event = entry.event
        if isinstance(event, Settled) and event.trade in steps:
            it = mined[entry.transaction]
            settled = SettledTrade(event, it.receipt, *steps[event.trade], it.way)
            yield number, entry.index, settled


def _netted(outcome: Outcome) -> Iterator[Placed]:
    """Where the trades that were netted settled."""
    trades: dict[bytes, tuple[Trade, bytes, bytes]] = {}
    for shown in outcome.talks:
        seats = _seats(shown)
        for name, trade in shown.trades.items():
            trades[name] = trade, seats[trade.demander, trade.supplier_nonce], shown.talk.id
    for name, (want, session) in _steps(outcome).items():
        texts = (journal.message(name) for journal in outcome.journals.values())
        for text in filter(None, texts):
            message = decode(Envelope, text).message
            if isinstance(message, Trade):
                trades[name] = message, want, session
    mined, batches = _mined(outcome), dict[bytes, tuple[int, int, bytes]]()
    for number, _, entry in outcome.store.entries():
        if isinstance(entry.event, NetSettled):
            batches[entry.event.batch] = number, entry.index, entry.transaction
    for name, batch in sorted(outcome.netted.items()):
        (trade, want, session), (number, index, transaction) = trades[name], batches[batch]
        terms = pack_terms(trade.quantity, trade.unit_price, trade.nonce)
        event = Settled(trade.listing, trade.demander, name, trade.token, terms)
        settled = SettledTrade(event, mined[transaction].receipt, want, session, "net")
        yield number, index, settled


def _seats(shown: Replayed) -> dict[tuple[str, int], bytes]:
    return {(each.demander, each.supplier_nonce): each.sub_task for each in shown.members}


def _steps(outcome: Outcome) -> dict[bytes, tuple[bytes, bytes]]:
    """The step and the bid of each trade of a product."""
    steps = {}
    for product, (demander, purchase) in outcome.purchases.items():
        journal = outcome.journals[demander]
        for at, trade in _all_trades(purchase):
            steps[trade] = operation_id(product, at), journal.session_of(trade) or bytes(32)
    return steps


def _all_trades(purchase: Purchase) -> list[tuple[int, bytes]]:
    return [*enumerate(purchase.trades), *purchase.returned, *purchase.left]


def _when(shown: Replayed) -> tuple[int, int, bytes]:
    """The order of talks: by beat, then by slot."""
    opening = shown.talk.opening
    return opening.ends, opening.slot_end, shown.talk.id
