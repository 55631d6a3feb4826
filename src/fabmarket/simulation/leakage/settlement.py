"""What the chain tells whoever reads it: trades, baskets behind net batches, leaves of trades.

The chain's events are all that the attacks read, with what each supplier tells whoever asks: its
least price. The leaves' attack has beside that the paths that parties of a batch were sent.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from rpds import HashTrieMap

from fabmarket.identity.codec import decode
from fabmarket.market.cycles import Counted, Leaf
from fabmarket.market.delivery import INSTANT
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
from fabmarket.negotiation.netting.pricing import (
    Priced,
    Prices,
    likeliest,
    supposed,
    unsold,
    ways,
)
from fabmarket.negotiation.netting.state import left_after
from fabmarket.node import Journal
from fabmarket.node.envelope import Envelope
from fabmarket.simulation.leakage.rows import Attack, Leak
from fabmarket.simulation.outcome import Outcome

_CHAIN = "whoever reads the chain"


@dataclass(frozen=True)
class _Batch:
    """A net batch as the chain shows it, with its sellers as far as prices are known.

    `least` are the listings that it did not sell out, at the least prices told.
    """

    transaction: bytes
    rows: tuple[Row, ...]
    sales: tuple[Sale, ...]
    sellers: tuple[Seller, ...]
    least: Prices


def alone(protected: Outcome, bare: Outcome) -> Leak | None:
    """Trades that settled by themselves: buyer, quantity and price stand in the event."""
    if not protected.trades:
        return None
    found = [_share_alone(each) for each in (protected, bare)]
    settled = _read(protected)
    late = sum(trade.event.trade in settled for trade in protected.trades)
    why = "what is in escrow does not net"
    if protected.scenario.delivery == INSTANT:
        why = "too little would have been hidden, or somebody was missing"
    note = f"{late} settled by themselves: {why}" if late else ""
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
    """Baskets of net batches: the one that most of the markets that fit all rows have in it.

    Without the chain nobody would name any: guessing is 0, here and in what follows of baskets.
    """
    tries, right, few = 0, 0, 0
    for batch, bought in _batches(protected):
        counts: dict[str, Counter[Basket]] = defaultdict(Counter)
        for market in markets(batch.rows, batch.sellers):
            for row in batch.rows:
                counts[row.account][basket_of(row.account, market, batch.sellers)] += 1
        for row in batch.rows:
            tries += 1
            fitting = counts[row.account]
            if fitting:
                commonest = min(fitting.items(), key=lambda each: (-each[1], each[0]))[0]
                right += commonest == basket_of(row.account, bought, batch.sellers)
                few += len(fitting) < LEAST
    if not tries:
        return None
    return Leak(
        _CHAIN,
        "fits what accounts paid to what listings sold",
        "an account's basket in a net batch",
        tries,
        right / tries,
        0.0,
        _share_alone(bare),
        f"fewer than {LEAST} baskets found to fit for {few} of {tries}" if few else "",
    )


def one_price(protected: Outcome, bare: Outcome) -> Leak | None:
    """Baskets of buyers, by one who sat in all sessions, and so knows what a unit of each cost.

    It supposes that a buyer bought of two listings at most. Where a sum can then be paid in one way
    alone that is the basket. The count of baskets before a party signs leaves that out, as sums of
    a few prices seldom have two.
    """
    tries, right, certain = 0, 0, 0
    for batch, bought in _batches(protected):
        prices = _prices(protected, batch)
        selling = {each.account for each in batch.sellers}
        for row in batch.rows:
            if row.account in selling:
                continue
            tries += 1
            found = [way for _, way in islice(ways([row.amount], prices), 2)]
            certain += len(found) == 1
            if found:
                basket = tuple((row.account, *each) for each in found[0])
                right += basket == basket_of(row.account, bought, batch.sellers)
    if not tries:
        return None
    return Leak(
        "a rival that sat in all sessions, reading the chain",
        "lists the ways to pay a sum at two of their prices",
        "a buyer's basket in a net batch",
        tries,
        right / tries,
        0.0,
        _share_alone(bare),
        f"one way alone for {certain} of {tries}" if certain else "",
    )


def supposed_prices(protected: Outcome, bare: Outcome) -> Leak | None:
    """Baskets of buyers, by one who supposes that each listing has one price, and works them out.

    It is what buyers try before they sign, but for the prices of trades that settled by themselves,
    which show those of their listings.
    """
    events = protected.store.events()
    settled = {each.listing: each.unit_price for each in events if isinstance(each, Settled)}
    return _supposing(
        protected,
        bare,
        "supposes one whole price a listing, and keeps what explains most",
        lambda batch: likeliest(batch.rows, batch.sellers, settled),
    )


def least_prices(protected: Outcome, bare: Outcome) -> Leak | None:
    """Baskets of buyers, by one who supposes that what did not sell out sold at its least price.

    In a clock it did.
    """
    attack = "supposes that what did not sell out sold at its least price"
    return _supposing(protected, bare, attack, lambda batch: ((batch.least,),))


def _supposing(
    protected: Outcome,
    bare: Outcome,
    attack: str,
    prices: Callable[[_Batch], Sequence[Sequence[Prices]]],
) -> Leak | None:
    """Baskets of buyers at the prices supposed of a batch; of several it names the first."""
    tries, right, certain = 0, 0, 0
    for batch, bought in _batches(protected):
        known = prices(batch)
        selling = {each.account for each in batch.sellers}
        for row in batch.rows:
            if row.account in selling:
                continue
            tries += 1
            found = sorted(supposed(row, known))
            certain += len(found) == 1
            right += found[:1] == [basket_of(row.account, bought, batch.sellers)]
    if not tries:
        return None
    return Leak(
        _CHAIN,
        attack,
        "a buyer's basket in a net batch",
        tries,
        right / tries,
        0.0,
        _share_alone(bare),
        f"one basket left for {certain} of {tries}, false ones included" if certain else "",
    )


def only_seller(protected: Outcome, bare: Outcome) -> Leak | None:
    """From whom an account bought: certain where a batch has one seller, and else not named."""
    tries, certain = 0, 0
    for batch, _ in _batches(protected):
        buyers = len(batch.rows) - len(batch.sellers)
        tries += buyers
        certain += buyers * (len(batch.sellers) == 1)
    if not tries:
        return None
    return Leak(
        _CHAIN,
        "a batch's only seller",
        "from whom an account bought",
        tries,
        certain / tries,
        0.0,
        _share_alone(bare),
        f"a batch had one seller: certain for {certain} of {tries}" if certain else "",
    )


def _prices(outcome: Outcome, batch: _Batch) -> list[Priced]:
    """What each listing's session found as its price, and the units that it sold in a batch."""
    talks = (shown.talk for shown in outcome.talks)
    held = (talk for talk in talks if isinstance(talk, Hosted | MaskedHosted))
    found = {talk.id: talk.price for talk in held if talk.price}
    of = {
        trade.event.listing: found[trade.session]
        for trade in outcome.trades
        if trade.receipt.transaction == batch.transaction and trade.session in found
    }
    units = {each.listing: each.quantity for each in batch.sales}
    return [Priced(listing, price, units[listing]) for listing, price in of.items()]


def _batches(outcome: Outcome) -> Iterator[tuple[_Batch, Basket]]:
    """Each net batch as the chain shows it, and what was really bought in it."""
    reserve = {
        event.listing: spec.maintenance
        for party, spec in zip(outcome.parties.suppliers, outcome.scenario.suppliers, strict=True)
        for event in outcome.listed.values()
        if event.supplier == party.address and spec.maintenance
    }
    left: HashTrieMap[bytes, int] = HashTrieMap()
    for _, _, entry in outcome.store.entries():
        event = entry.event
        if isinstance(event, NetSettled):
            rows, sales = unpack_rows(event.rows), unpack_sales(event.sales)
            sellers, least = sellers_of(rows, sales, reserve), unsold(sales, reserve, left)
            batch = _Batch(entry.transaction, rows, sales, sellers, least)
            yield batch, _bought(outcome, entry.transaction)
        left = left_after(left, event)


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


ATTACKS: tuple[Attack, ...] = (
    alone,
    laid_out,
    supposed_prices,
    least_prices,
    one_price,
    only_seller,
    leaves,
)
"""On what is settled."""
