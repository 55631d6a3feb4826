"""How many baskets of an account fit all that a batch shows: what an observer could guess of it.

An observer knows what each account gains or pays, what each listing sold, and between which prices
a unit costs. A basket counts only if a whole market is found in which it is so: every buyer pays
what it pays, every seller takes what it takes, every unit is sold, every price is possible. Such
markets are looked for by laying buyers and sellers side by side in ever another order, so that what
one pays runs into what the next takes. The search is bounded: there may be more than it finds, and
never fewer.

What it leaves out is what else an observer may know: demands, habits, that all pay one price. Where
a seller of one listing takes a whole number a unit, that is taken for what each of them cost.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import gt
from typing import TypeVar

from fabmarket.identity import keccak
from fabmarket.market.net import PAYS, Row, Sale

LEAST = 10
"""Baskets below which a batch is not signed."""
TRIES = 200
"""Orders that are tried at most."""

T = TypeVar("T")
Cell = tuple[str, int]
Basket = tuple[tuple[str, bytes, int], ...]
"""Who bought of which listing how many units."""


@dataclass(frozen=True)
class Seller:
    """What an account takes for its listings' units, base units, and what a unit may cost."""

    account: str
    takings: int
    stock: tuple[tuple[bytes, int], ...]
    low: int
    high: int

    @property
    def has_one_price(self) -> bool:
        """Whether what each unit costs is known; it is paid in multiples of that alone."""
        return self.low == self.high

    @property
    def units(self) -> int:
        """All that it sells."""
        return sum(units for _, units in self.stock)


def sellers_of(
    rows: Sequence[Row], sales: Sequence[Sale], reserves: Mapping[bytes, int]
) -> tuple[Seller, ...]:
    """Return the sellers of a batch; `reserves` are the least unit prices told, by listing.

    A unit is taken to cost no less than the least of its seller's, else half the average, and no
    more than twice the average. Prices that settled bound nothing: two accounts of one owner can
    trade with each other at any price.
    """
    stocks: dict[int, list[Sale]] = {}
    for sale in sales:
        stocks.setdefault(sale.row, []).append(sale)
    found = []
    for at, own in sorted(stocks.items()):
        takings, units = rows[at].change, sum(each.quantity for each in own)
        average, rest = divmod(takings, units)
        told = (reserves[each.listing] for each in own if each.listing in reserves)
        low = max(1, min(min(told, default=(average + 1) // 2), average))
        is_known = not rest and (len(own) == 1 or low == average)
        low, high = (average, average) if is_known else (low, 2 * average)
        stock = tuple((each.listing, each.quantity) for each in own)
        found.append(Seller(rows[at].account, takings, stock, low, high))
    return tuple(found)


def fitting(
    rows: Sequence[Row], sellers: Sequence[Seller], account: str, most: int = LEAST
) -> frozenset[Basket]:
    """Return baskets of an account that were found to fit, no more than `most`."""
    found: set[Basket] = set()
    for market in markets(rows, sellers):
        found.add(basket_of(account, market, sellers))
        if len(found) >= most:
            break
    return frozenset(found)


def markets(rows: Sequence[Row], sellers: Sequence[Seller]) -> Iterator[Basket]:
    """Yield whole markets that fit a batch, as often as they are found in `TRIES` orders.

    Whoever sells is taken to buy nothing: none where an account has sales and pays all the same.
    """
    selling = {each.account for each in sellers}
    buyers = [(row.account, row.amount) for row in rows if row.account not in selling]
    if any(row.direction != PAYS for row in rows if row.account not in selling):
        return
    if any(seller.takings <= 0 for seller in sellers):
        return
    start = keccak(b"".join(seller.account.encode() for seller in sellers))
    for number in range(TRIES):
        draw = _draws(keccak(start + number.to_bytes(4, "big")))
        # Markets in which some sell all at their average fit as well, and are found more easily.
        supposed = [_at_average(each) if next(draw) % 2 else each for each in sellers]
        # Who takes multiples of one price comes first: the others take what is left over.
        order = sorted(_mixed(supposed, draw), key=lambda each: not each.has_one_price)
        market = _market(_mixed(buyers, draw), order, draw)
        if market is not None:
            yield tuple(sorted(market))


def _at_average(seller: Seller) -> Seller:
    """The seller, each of whose units costs the same, if that is a whole price."""
    average, rest = divmod(seller.takings, seller.units)
    return seller if rest else replace(seller, low=average, high=average)


def basket_of(account: str, market: Basket, sellers: Sequence[Seller]) -> Basket:
    """Return what an account buys in a market, or sells there."""
    own = {listing for each in sellers if each.account == account for listing, _ in each.stock}
    return tuple(each for each in market if each[0] == account or each[1] in own)


def _draws(seed: bytes) -> Iterator[int]:
    """Numbers without end that look as if drawn; the same for the same seed."""
    while True:
        seed = keccak(seed)
        for at in range(0, 32, 4):
            yield int.from_bytes(seed[at : at + 4], "big")


def _mixed(items: Sequence[T], draw: Iterator[int]) -> list[T]:
    order = [next(draw) for _ in items]
    return [items[at] for at in sorted(range(len(items)), key=lambda at: order[at])]


def _market(
    buyers: list[Cell], sellers: list[Seller], draw: Iterator[int]
) -> list[tuple[str, bytes, int]] | None:
    """Lay what buyers pay along what sellers take, in this order; None where that fits not."""
    pool, lines = buyers, list[tuple[str, bytes, int]]()
    for at, seller in enumerate(sellers):
        least_left = min((each.low for each in sellers[at + 1 :]), default=0)
        cells = _cells(pool, seller, least_left)
        if cells is None:
            return None
        units = _units([paid for _, paid in cells], seller, draw)
        if units is None:
            return None
        lines.extend(_laid([who for who, _ in cells], units, seller))
    return None if pool else lines


def _cells(pool: list[Cell], seller: Seller, least_left: int) -> list[Cell] | None:
    """Take buyers from the pool until a seller has its takings; a part left over must buy too."""
    cells, rest = list[Cell](), seller.takings
    while rest:
        for at, (who, left) in enumerate(pool):
            paid = min(left, rest)
            paid -= paid % seller.low if seller.has_one_price else 0
            over, under = left - paid, rest - paid
            buys_on = not over or (least_left and over >= least_left)
            if paid >= seller.low and buys_on and (not under or under >= seller.low):
                pool[at : at + 1] = [(who, over)] if over else []
                cells.append((who, paid))
                rest = under
                break
        else:
            return None
    return cells


def _units(paid: Sequence[int], seller: Seller, draw: Iterator[int]) -> list[int] | None:
    """Share a seller's units among what is paid for them, at possible prices."""
    least = [-(-each // seller.high) for each in paid]
    most = [each // seller.low for each in paid]
    extra = seller.units - sum(least)
    if extra < 0 or sum(most) < seller.units or any(map(gt, least, most)):
        return None
    units = least
    for last in (False, True):
        for at in _mixed(range(len(units)), draw):
            free = min(extra, most[at] - units[at])
            more = free if last else next(draw) % (free + 1)
            units[at], extra = units[at] + more, extra - more
    return units


def _laid(
    who: Sequence[str], units: Sequence[int], seller: Seller
) -> Iterator[tuple[str, bytes, int]]:
    """Lay shares along a seller's listings."""
    stock = list(seller.stock)
    for each, share in zip(who, units, strict=True):
        left = share
        while left:
            listing, there = stock[0]
            taken = min(left, there)
            yield each, listing, taken
            left -= taken
            stock[:1] = [(listing, there - taken)] if there > taken else []
