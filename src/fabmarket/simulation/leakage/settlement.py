"""What the chain tells whoever reads it: trades, baskets behind net batches, leaves of trades.

The chain's events are all that the attacks read, with what each supplier tells whoever asks: its
least price. The leaves' attack has beside that the paths that parties of a batch were sent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice

from fabmarket.identity.codec import decode
from fabmarket.market.cycles import Counted, Leaf
from fabmarket.market.events import NetSettled, Settled
from fabmarket.market.net import Row, Sale, trade_leaf, unpack_rows, unpack_sales
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.netting.baskets import (
    LEAST,
    Basket,
    Seller,
    basket_of,
    markets,
    sellers_of,
)
from fabmarket.node import Journal
from fabmarket.node.envelope import Envelope
from fabmarket.simulation.leakage.rows import Attack, Leak
from fabmarket.simulation.outcome import Outcome

_CHAIN = "whoever reads the chain"


@dataclass(frozen=True)
class _Batch:
    """A net batch as the chain shows it, with its sellers as far as prices are known."""

    transaction: bytes
    rows: tuple[Row, ...]
    sales: tuple[Sale, ...]
    sellers: tuple[Seller, ...]


def alone(protected: Outcome, bare: Outcome) -> Leak | None:
    """Trades that settled by themselves: buyer, quantity and price stand in the event."""
    if not protected.trades:
        return None
    found = [_share_alone(each) for each in (protected, bare)]
    settled = _read(protected)
    late = sum(trade.event.trade in settled for trade in protected.trades)
    note = f"{late} settled by themselves: too little would have been hidden" if late else ""
    return Leak(
        _CHAIN,
        "reads the trades that settled by themselves",
        "a trade: who, how much, at which price",
        len(protected.trades),
        found[0],
        0.0,
        found[1],
        note,
    )


def _read(outcome: Outcome) -> set[bytes]:
    return {each.trade for each in outcome.store.events() if isinstance(each, Settled)}


def _share_alone(outcome: Outcome) -> float:
    settled = _read(outcome)
    found = sum(trade.event.trade in settled for trade in outcome.trades)
    return found / len(outcome.trades) if outcome.trades else 0.0


def laid_out(protected: Outcome, bare: Outcome) -> Leak | None:
    """Baskets of net batches: the one that most of the markets that fit all rows have in it."""
    tries, right, guessed, few = 0, 0, 0.0, 0
    for batch, bought in _batches(protected):
        counts: dict[str, Counter[Basket]] = defaultdict(Counter)
        for market in markets(batch.rows, batch.sellers):
            for row in batch.rows:
                counts[row.account][basket_of(row.account, market, batch.sellers)] += 1
        for row in batch.rows:
            tries += 1
            fitting = counts[row.account]
            if fitting:
                likeliest = min(fitting.items(), key=lambda each: (-each[1], each[0]))[0]
                right += likeliest == basket_of(row.account, bought, batch.sellers)
                guessed += 1 / len(fitting)
                few += len(fitting) < LEAST
    if not tries:
        return None
    return Leak(
        _CHAIN,
        "fits what accounts paid to what listings sold",
        "an account's basket in a net batch",
        tries,
        right / tries,
        guessed / tries,
        _share_alone(bare),
        f"fewer than {LEAST} baskets found to fit for {few} of {tries}" if few else "",
    )


def one_price(protected: Outcome, bare: Outcome) -> Leak | None:
    """Baskets of buyers, by one who sat in all sessions, and so knows what a unit of each cost.

    It supposes that a buyer bought of two listings at most. Where a sum can then be paid in one way
    alone that is the basket. The count of baskets before a party signs leaves that out, as sums of
    a few prices seldom have two.
    """
    tries, right, guessed, certain = 0, 0, 0.0, 0
    for batch, bought in _batches(protected):
        prices = _prices(protected, batch)
        selling = {each.account for each in batch.sellers}
        for row in batch.rows:
            if row.account in selling:
                continue
            tries += 1
            ways = _ways(row.amount, prices, most=LEAST)
            certain += len(ways) == 1
            if ways:
                found = tuple((row.account, *each) for each in sorted(ways[0]))
                right += found == basket_of(row.account, bought, batch.sellers)
                guessed += 1 / len(ways)
    if not tries:
        return None
    return Leak(
        "a rival that sat in all sessions, reading the chain",
        "lists the ways to pay a sum at two of their prices",
        "a buyer's basket in a net batch",
        tries,
        right / tries,
        guessed / tries,
        _share_alone(bare),
        f"one way alone for {certain} of {tries}" if certain else "",
    )


def _prices(outcome: Outcome, batch: _Batch) -> list[tuple[bytes, int, int]]:
    """Listing, the price that its session found, and the units that it sold in a batch."""
    talks = (shown.talk for shown in outcome.talks)
    held = (talk for talk in talks if isinstance(talk, Hosted | MaskedHosted))
    found = {talk.id: talk.price for talk in held if talk.price}
    of = {
        trade.event.listing: found[trade.session]
        for trade in outcome.trades
        if trade.receipt.transaction == batch.transaction and trade.session in found
    }
    units = {each.listing: each.quantity for each in batch.sales}
    return [(listing, price, units[listing]) for listing, price in of.items()]


def _ways(
    amount: int, prices: Sequence[tuple[bytes, int, int]], most: int
) -> list[list[tuple[bytes, int]]]:
    """Ways to pay a sum in units of one listing or of two, `most` of them."""
    ways = (
        [(listing, amount // price)]
        for listing, price, units in prices
        if amount % price == 0 and 0 < amount // price <= units
    )
    pairs = (
        [(one, quantity), (other, rest // beside)]
        for (one, price, units), (other, beside, there) in combinations(prices, 2)
        for quantity in range(1, min(units, (amount - 1) // price) + 1)
        if (rest := amount - quantity * price) % beside == 0 and rest // beside <= there
    )
    return list(islice(chain(ways, pairs), most))


def _batches(outcome: Outcome) -> Iterator[tuple[_Batch, Basket]]:
    """Each net batch as the chain shows it, and what was really bought in it."""
    reserve = {
        event.listing: spec.maintenance
        for party, spec in zip(outcome.parties.suppliers, outcome.scenario.suppliers, strict=True)
        for event in outcome.listed.values()
        if event.supplier == party.address and spec.maintenance
    }
    for _, _, entry in outcome.store.entries():
        event = entry.event
        if isinstance(event, NetSettled):
            rows, sales = unpack_rows(event.rows), unpack_sales(event.sales)
            batch = _Batch(entry.transaction, rows, sales, sellers_of(rows, sales, reserve))
            yield batch, _bought(outcome, entry.transaction)


def _bought(outcome: Outcome, transaction: bytes) -> Basket:
    units: Counter[tuple[str, bytes]] = Counter()
    for trade in outcome.trades:
        if trade.way == "net" and trade.receipt.transaction == transaction:
            units[trade.event.demander, trade.event.listing] += trade.event.quantity
    return tuple(sorted((who, listing, count) for (who, listing), count in units.items()))


def leaves(protected: Outcome, bare: Outcome) -> Leak | None:
    """Leaves beside a party's own: does one of a list of trades make it, with a salt that it has?

    The list holds every trade of the run, so that nothing but the salts stands in the way; the
    control is the same list on the same leaves without any.
    """
    trades = [trade.event.trade for trade in protected.trades]
    told = {who: _told(journal, who) for who, journal in protected.journals.items()}
    truth = {trade_leaf(it.trade, it.salt): it.trade for own in told.values() for it in own}
    plain = {trade_leaf(trade, bytes(32)) for trade in trades}
    tries, opened, bare_opened = 0, 0, 0
    for own in told.values():
        mine = {trade_leaf(it.trade, it.salt) for it in own}
        beside = {it.path[0] for it in own if it.path}.intersection(truth) - mine
        found = {trade_leaf(trade, it.salt) for trade in trades for it in own} | plain
        tries += len(beside)
        opened += len(beside & found)
        bare_opened += sum(trade_leaf(truth[leaf], bytes(32)) in plain for leaf in beside)
    if not tries:
        return None
    return Leak(
        "a buyer in a net batch",
        "tries every trade of the run on the leaf beside its own",
        "another's trade",
        tries,
        opened / tries,
        0.0,
        bare_opened / tries,
    )


def _told(journal: Journal, who: str) -> list[Leaf]:
    """The leaves of its own trades that an account was told."""
    words = (decode(Envelope, text).message for _, text in journal.said("Counted"))
    mine = (each.trades for each in words if isinstance(each, Counted) and each.party != who)
    return [leaf for trades in mine for leaf in trades if any(leaf.salt)]


ATTACKS: tuple[Attack, ...] = (alone, laid_out, one_price, leaves)
"""On what is settled."""
