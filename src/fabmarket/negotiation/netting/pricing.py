"""Which baskets a batch gives away where all units of a listing cost one price.

In a clock the price of a listing rises while more is wanted than there is: what did not sell out
sold at its least price, which its supplier tells whoever asks. In games each listing has one whole
price.

What a seller takes in all leaves few prices that its listings can have together, and of those but
few explain what buyers pay. Whoever reads the chain keeps the ones that explain most payments, and
lists how a sum can be paid at them, in units of one listing or of two. The work is bounded: a
seller whose listings may have too many prices is left out, and so are prices of which too many
explain as much.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice, product
from math import gcd, prod
from typing import TypeAlias

from fabmarket.market.net import PAYS, Row, Sale
from fabmarket.negotiation.netting.baskets import LEAST, Basket, Seller

TRIED = 100_000
"""Prices of all listings of a seller but the last that are tried at most."""
COMPARED = 400_000
"""Prices that fit a seller's takings, times payments and listings known, compared at most."""


@dataclass(frozen=True)
class Priced:
    """A listing, what each of its units costs, base units, and how many were sold."""

    listing: bytes
    price: int
    units: int


Prices: TypeAlias = tuple[Priced, ...]
"""Of all listings of a seller."""
Way: TypeAlias = tuple[tuple[bytes, int], ...]
"""Units of each listing that make up a payment."""


def likeliest(
    rows: Sequence[Row], sellers: Sequence[Seller], settled: Mapping[bytes, int]
) -> tuple[tuple[Prices, ...], ...]:
    """Return for each seller the prices that explain most payments, fewer than `LEAST`, or none.

    Sellers of fewest possible prices go first; what is so found helps to explain the others'.
    `settled` are prices at which units of a listing settled by themselves, base units.
    """
    selling = {each.account for each in sellers}
    buying = (row for row in rows if row.account not in selling and row.direction == PAYS)
    paid = sorted({row.amount for row in buying})
    fitting = [list(islice(fitting_prices(each, settled), COMPARED)) for each in sellers]
    known, found = list[Priced](), dict[int, tuple[Prices, ...]]()
    for at in sorted(range(len(sellers)), key=lambda at: len(fitting[at])):
        found[at] = _likeliest(fitting[at], paid, known)
        if len(found[at]) == 1:
            known.extend(found[at][0])
    return tuple(found[at] for at in range(len(sellers)))


def unsold(
    sales: Sequence[Sale], reserves: Mapping[bytes, int], left: Mapping[bytes, int]
) -> Prices:
    """Return the listings that a batch does not sell out, each at its least price.

    `reserves` are these prices, base units, by listing; `left` the units for sale before the batch.
    """
    return tuple(
        Priced(each.listing, reserves[each.listing], each.quantity)
        for each in sales
        if each.listing in reserves and each.quantity < left.get(each.listing, 0)
    )


def supposed(row: Row, prices: Sequence[Sequence[Prices]]) -> frozenset[Basket]:
    """Return the baskets of a buyer that an observer supposes at the likeliest prices.

    Those of one listing, or where there are none those of two: few sums can be paid both ways. No
    more than `LEAST` of two are looked for: so many name nobody.
    """
    amounts = [row.amount]
    found = {way for own in prices for each in own for _, way in _alone(amounts, each)}
    if not found:
        for _, way in _pairs(amounts, prices):
            found.add(way)
            if len(found) == LEAST:
                break
    return frozenset(tuple((row.account, *each) for each in way) for way in found)


def _pairs(amounts: Sequence[int], prices: Sequence[Sequence[Prices]]) -> Iterator[tuple[int, Way]]:
    """The ways to pay sums in units of two listings, of one seller or of two."""
    for own in prices:
        for each in own:
            for pair in combinations(each, 2):
                yield from _splits(amounts, *pair)
    for one, other in combinations(prices, 2):
        for a, b in product(chain.from_iterable(one), chain.from_iterable(other)):
            yield from _splits(amounts, a, b)


def _likeliest(
    fitting: Sequence[Prices], paid: Sequence[int], known: Sequence[Priced]
) -> tuple[Prices, ...]:
    if len(fitting) == 1:
        return tuple(fitting)
    most, best = 1, list[Prices]()
    if len(fitting) * len(paid) * (1 + len(known)) > COMPARED:
        return ()
    for prices in fitting:
        across = (_splits(paid, each, other) for each in prices for other in known)
        explained = len({amount for amount, _ in chain(ways(paid, prices), *across)})
        if explained > most:
            most, best = explained, []
        if explained == most:
            best.append(prices)
    return tuple(best) if len(best) < LEAST else ()


def fitting_prices(seller: Seller, settled: Mapping[bytes, int]) -> Iterator[Prices]:
    """Yield the whole prices of a seller's listings at which it takes what it takes.

    `settled` are prices that are known, base units, by listing.
    """
    known = (settled.get(listing) for listing, _ in seller.stock)
    bounds = [(each or seller.low, each or seller.high) for each in known]
    if prod(high - low + 1 for low, high in bounds[:-1]) > TRIED:
        return
    for prices in _fitting(seller.takings, [units for _, units in seller.stock], bounds):
        pairs = zip(seller.stock, prices, strict=True)
        yield tuple(Priced(listing, price, units) for (listing, units), price in pairs)


def _fitting(
    takings: int, units: Sequence[int], bounds: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, ...]]:
    low, high = bounds[0]
    if len(units) == 1:
        price, rest = divmod(takings, units[0])
        if not rest and low <= price <= high:
            yield (price,)
        return
    for price in range(low, min(high, takings // units[0]) + 1):
        for more in _fitting(takings - price * units[0], units[1:], bounds[1:]):
            yield price, *more


def ways(amounts: Sequence[int], prices: Sequence[Priced]) -> Iterator[tuple[int, Way]]:
    """Yield the ways to pay each of some sums in units of one listing, then of two."""
    two = chain.from_iterable(_splits(amounts, *pair) for pair in combinations(prices, 2))
    return chain(_alone(amounts, prices), two)


def _alone(amounts: Sequence[int], prices: Sequence[Priced]) -> Iterator[tuple[int, Way]]:
    """Ways to pay each of some sums in units of one listing."""
    for each in prices:
        for amount in amounts:
            quantity, rest = divmod(amount, each.price)
            if not rest and 0 < quantity <= each.units:
                yield amount, ((each.listing, quantity),)


def _splits(amounts: Sequence[int], one: Priced, other: Priced) -> Iterator[tuple[int, Way]]:
    """Ways to pay each of some sums in units of both of two listings."""
    common = gcd(one.price, other.price)
    step = other.price // common
    inverse = pow(one.price // common, -1, step)
    for amount in amounts:
        if amount % common:
            continue
        first = amount // common * inverse % step or step
        needed = -(-(amount - other.units * other.price) // one.price)
        first += max(0, -(-(needed - first) // step)) * step
        for quantity in range(first, min(one.units, (amount - 1) // one.price) + 1, step):
            beside = (amount - quantity * one.price) // other.price
            yield amount, tuple(sorted(((one.listing, quantity), (other.listing, beside))))
