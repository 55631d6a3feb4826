"""All that a supplier knows."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rpds import HashTrieMap

from fabmarket.identity import Domain
from fabmarket.market.exchange import SignedTrade
from fabmarket.market.messages import Offer, PriceTerms, Selection
from fabmarket.market.rhythm import Rhythm
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.moves import Output
from fabmarket.negotiation.nonces import Nonces


@dataclass(frozen=True)
class Shelf:
    """A listing of this supplier: units still on chain, and of those how many are promised.

    Promised is what a session that is under way may award, what was awarded and may still be
    signed, and what was countersigned and may still settle.
    """

    slot: int
    start: int
    end: int
    available: int = 0
    promised: int = 0

    @property
    def room(self) -> int:
        """Units that may still be offered."""
        return max(0, self.available - self.promised)


@dataclass(frozen=True)
class Talk:
    """A session or bargain that this supplier hosts, with `promised` units of its listing.

    `since` is when the supplier said its last word.
    """

    hosted: Hosted | Bargain
    promised: int
    since: int


@dataclass(frozen=True)
class Award:
    """Terms agreed, for which a signed trade is expected from each of `seats` equal seats.

    `nonces` are the demander's in the trades already submitted. `until`: what is not signed then
    is void; `latest`: no trade may be valid longer.
    """

    listing: bytes
    quantity: int
    unit_price: int
    until: int
    latest: int
    seats: int = 1
    nonces: tuple[int, ...] = ()


@dataclass(frozen=True)
class Sale:
    """A trade countersigned and not settled: the nonce sold under, and until when it may settle."""

    supplier_nonce: int
    until: int
    listing: bytes
    quantity: int


@dataclass(frozen=True)
class SupplierState:
    """All that a supplier knows. Price weights, maintenance cost and currency stand in `terms`.

    `shelves` are by listing, `offers` by digest with whom they were made to, `pending` selections
    with their digests by listing and offer; `talks` by session, `awards` by transcript, demander,
    quantity and the supplier's nonce, `sales` by trade. `epochs` are of the listings where they are
    not 0. With `batch`, trades wait in `agreed` for the next tick, to settle several at a time.
    """

    address: str
    domain: Domain
    rhythm: Rhythm
    resource: bytes
    origin: int
    slot_length: int
    terms: PriceTerms
    batch: bool = False
    now: int = 0
    shelves: HashTrieMap[bytes, Shelf] = field(default_factory=HashTrieMap)
    offers: HashTrieMap[bytes, tuple[str, Offer]] = field(default_factory=HashTrieMap)
    pending: HashTrieMap[bytes, HashTrieMap[bytes, tuple[bytes, Selection]]] = field(
        default_factory=HashTrieMap
    )
    talks: HashTrieMap[bytes, Talk] = field(default_factory=HashTrieMap)
    awards: HashTrieMap[tuple[bytes, str, int, int], Award] = field(default_factory=HashTrieMap)
    nonces: Nonces = field(default=Nonces())
    epochs: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)
    sales: HashTrieMap[bytes, Sale] = field(default_factory=HashTrieMap)
    agreed: tuple[SignedTrade, ...] = ()

    def in_order(self, listings: Iterable[bytes]) -> list[bytes]:
        """Return listings of this supplier by slot."""
        return sorted(listings, key=lambda listing: self.shelves[listing].slot)


Step: TypeAlias = tuple[SupplierState, tuple[Output, ...]]


def with_shelf(state: SupplierState, listing: bytes, shelf: Shelf) -> SupplierState:
    """Return the state with a shelf changed."""
    return replace(state, shelves=state.shelves.insert(listing, shelf))


def promising(state: SupplierState, listing: bytes, units: int) -> SupplierState:
    """Return the state with so many units more of a listing promised; fewer if negative."""
    shelf = state.shelves[listing]
    return with_shelf(state, listing, replace(shelf, promised=shelf.promised + units))
