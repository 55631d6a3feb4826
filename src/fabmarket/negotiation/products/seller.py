"""All that a supplier knows while its listings are sold in products' rounds."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from rpds import HashTrieMap

from fabmarket.identity import Domain
from fabmarket.market.delivery import INSTANT, Delivery
from fabmarket.market.exchange.state import WHOLE
from fabmarket.market.products import Bid, BidTerms, Grant, Line, Need, Plan, Sold
from fabmarket.market.rounds import Rounds
from fabmarket.negotiation.moves import Output
from fabmarket.negotiation.policy import NO_BOUND

Wanted: TypeAlias = tuple[str, bytes]
"""A product: whose it is, and its id, which another could give to a product of its own."""


def wanted(word: Need | Plan | BidTerms) -> Wanted:
    """Return whose product a word is about, and which."""
    return word.demander, word.product


@dataclass(frozen=True)
class Stock:
    """A listing in [start, end) seconds: units that may be sold in this cycle."""

    start: int
    end: int
    available: int


@dataclass(frozen=True)
class Told:
    """The last price list that a demander was sent: its time, its length, and its hash but for the
    time; and how many it was `sent` of that time.
    """

    at: int
    wares: int
    hash: bytes
    sent: int = 1


@dataclass(frozen=True)
class Hold:
    """Lines of a bid that are held, or booked once it is confirmed.

    The lines, each of another listing, are at the price bid, and when they are booked at the price
    sold for, under `nonce`; `met` are the listings on which the grant's rival failed behind the
    bid. Of the lines those of the listings `signed` are sold by trades that we have signed.
    """

    bid: Bid
    grant: Grant
    met: frozenset[bytes]
    lines: tuple[Sold, ...]
    nonce: int = 0
    signed: frozenset[bytes] = frozenset()

    @property
    def unsigned(self) -> tuple[Sold, ...]:
        """The lines that no trade is signed for."""
        return tuple(line for line in self.lines if line.listing not in self.signed)


@dataclass(frozen=True)
class Seller:
    """All that a supplier knows of the products' rounds. `reserve` is its least price, base units,
    `nonce` the one under which the next product is sold. Selling locks `locked_share` basis points
    of a payment, of which `bonds` base units may be locked.

    Of the cycle that began at `opened`: the price of each listing, the needs and plans by product,
    what each demander was told, how many bids it sealed and did not open (`unopened`), and at what
    price a product was booked in a listing (`paid`), for which it cannot be had cheaper again; of
    the beat: the bids that each demander has sealed, those that were opened by product, and holds
    by the bid's id; and what is booked. `listed` is the last beat whose prices were set, `answered`
    the last whose bids were answered.
    """

    address: str
    domain: Domain
    rounds: Rounds
    resource: bytes
    token: str
    reserve: int
    delivery: Delivery = field(default=INSTANT)
    nonce: int = 0
    locked_share: int = 0
    bonds: int = NO_BOUND
    stock: HashTrieMap[bytes, Stock] = field(default_factory=HashTrieMap)
    now: int = 0
    opened: int = -1
    listed: int = -1
    answered: int = -1
    prices: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)
    needs: HashTrieMap[Wanted, Need] = field(default_factory=HashTrieMap)
    plans: HashTrieMap[Wanted, Plan] = field(default_factory=HashTrieMap)
    told: HashTrieMap[str, Told] = field(default_factory=HashTrieMap)
    unopened: HashTrieMap[str, int] = field(default_factory=HashTrieMap)
    paid: HashTrieMap[tuple[Wanted, bytes], int] = field(default_factory=HashTrieMap)
    sealed: HashTrieMap[str, frozenset[bytes]] = field(default_factory=HashTrieMap)
    bids: HashTrieMap[Wanted, Bid] = field(default_factory=HashTrieMap)
    holds: HashTrieMap[bytes, Hold] = field(default_factory=HashTrieMap)
    booked: HashTrieMap[bytes, Hold] = field(default_factory=HashTrieMap)

    def price(self, listing: bytes) -> int:
        """Return what a unit of a listing costs now, base units."""
        return self.prices.get(listing, self.reserve)

    def locks(self, lines: Iterable[Line | Sold], premium: int = 0) -> int:
        """Return what selling lines locks at most, base units, with a premium on each unit."""
        paid = sum(line.quantity * (line.unit_price + premium) for line in lines)
        return -(-paid * self.locked_share // WHOLE)

    def needed_by(self, demander: str) -> int:
        """Return how many products of a demander need the resource."""
        return sum(owner == demander for owner, _ in self.needs)

    def in_order(self) -> list[bytes]:
        """Return the listings by time."""
        return sorted(self.stock, key=lambda each: (self.stock[each].start, each))


SellerStep: TypeAlias = tuple[Seller, tuple[Output, ...]]


def taken(seller: Seller) -> dict[bytes, dict[Wanted, int]]:
    """Return the units of each listing that each product has booked."""
    return _by_product(seller.booked.values())


def rooms(seller: Seller) -> dict[bytes, int]:
    """Return the units of each listing that nobody has booked."""
    booked = taken(seller)
    return {
        listing: max(0, stock.available - sum(booked.get(listing, {}).values()))
        for listing, stock in seller.stock.items()
    }


def promised(seller: Seller) -> dict[bytes, int]:
    """Return the units of each listing that are held or booked."""
    held = _by_product([*seller.holds.values(), *seller.booked.values()])
    return {listing: sum(units.values()) for listing, units in held.items()}


def _by_product(holds: Iterable[Hold]) -> dict[bytes, dict[Wanted, int]]:
    """Units by listing and product, beside the trades that are signed.

    A product that moves has two bids for a while and needs room for one of them, so the larger
    counts.
    """
    found: dict[bytes, dict[Wanted, int]] = {}
    for hold in holds:
        product = wanted(hold.bid.terms)
        for line in hold.unsigned:
            units = found.setdefault(line.listing, {})
            units[product] = max(units.get(product, 0), line.quantity)
    return found
