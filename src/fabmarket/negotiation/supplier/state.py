"""All that a supplier knows."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rpds import HashTrieMap, HashTrieSet

from fabmarket.identity import Domain
from fabmarket.market.delivery import INSTANT, Delivery, escrow_of
from fabmarket.market.exchange import Calendar, SignedTrade
from fabmarket.market.messages import Offer, PriceTerms, Selection
from fabmarket.market.oversight import Request
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import Escrow
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.moves import News, Output, Tell
from fabmarket.negotiation.netting.state import NetParty
from fabmarket.negotiation.nonces import Nonces
from fabmarket.negotiation.policy import Policy
from fabmarket.negotiation.products.seller import Seller
from fabmarket.negotiation.purse import Purse
from fabmarket.negotiation.quorum import OperatorSets
from fabmarket.negotiation.splitting import OpenEscrow
from fabmarket.negotiation.supplier.custom import Custom


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

    hosted: Hosted | MaskedHosted | Bargain
    promised: int
    since: int


AwardKey: TypeAlias = tuple[bytes, str, int, int, int, bool]
"""Of a trade: transcript, demander, units, unit price, supplier's nonce, and whether it is a half.

Two halves make a bundle, where not every unit of a seat costs the same.
"""


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


MOST_UNSIGNED = 1024
"""Demanders of which is known that they left awards unsigned."""


@dataclass(frozen=True)
class Unsigned:
    """Awards that a demander did not sign: how many, and until when the last could be signed."""

    count: int
    last: int


@dataclass(frozen=True)
class Sale:
    """A trade countersigned and not settled: the nonce sold under, and until when it may settle.

    `locked` is what it then takes from the supplier's account, base units.
    """

    supplier_nonce: int
    until: int
    listing: bytes
    quantity: int
    locked: int


@dataclass(frozen=True)
class Asked:
    """An attestation that is asked for: who signed it, who will not, whether it is submitted."""

    request: Request
    endorsed: HashTrieMap[str, bytes] = field(default_factory=HashTrieMap)
    declined: HashTrieMap[str, str] = field(default_factory=HashTrieMap)
    submitted: bool = False


@dataclass(frozen=True)
class Asking:
    """What a supplier knows of the operators, and of what they attest of its resource.

    `calendar` is that of the registration, `versions` are those stored by slot, `asked` by digest
    what is under way.
    """

    sets: OperatorSets = field(default=OperatorSets())
    calendar: Calendar | None = None
    versions: HashTrieMap[int, int] = field(default_factory=HashTrieMap)
    asked: HashTrieMap[bytes, Asked] = field(default_factory=HashTrieMap)


@dataclass(frozen=True)
class SupplierState:
    """All that a supplier knows. Price weights, maintenance cost and currency stand in `terms`,
    what becomes of a payment in `delivery`; `purse` is the account in the exchange.

    `shelves` are by listing; `custom` is what is known of demanders, and what they ask for;
    `offers` are by digest with whom they were made to, `pending` selections
    with their digests by listing and offer; `talks` by session, `awards` by what their trades say,
    `sales` by trade. `epochs` are of the listings where they are not 0. With `batch`, trades wait
    in `agreed` for the next tick, to settle several at a time; those that the policy lets pass only
    with the owner's approval wait in `held`, by the digest of the first; in `halves`, by bundle,
    those whose other half is to come. `unsigned` are the demanders that left awards unsigned.
    `opened` are the listings of which a masked session was broken off: they are offered open.
    `found` is the price of the last session that found one as an equilibrium, 0 before there was
    any; the search of the next begins there, and `starts` says where for beats with offers.
    `escrows` are its trades in escrow that are open, `seller` is what it knows of the products'
    rounds, once somebody needs its resource, `net` its part in net cycles, where there are any.
    """

    address: str
    domain: Domain
    rhythm: Rhythm
    resource: bytes
    origin: int
    slot_length: int
    terms: PriceTerms
    delivery: Delivery = field(default=INSTANT)
    batch: bool = False
    policy: Policy = field(default=Policy())
    now: int = 0
    shelves: HashTrieMap[bytes, Shelf] = field(default_factory=HashTrieMap)
    custom: Custom = field(default=Custom())
    offers: HashTrieMap[bytes, tuple[str, Offer]] = field(default_factory=HashTrieMap)
    pending: HashTrieMap[bytes, HashTrieMap[bytes, tuple[bytes, Selection]]] = field(
        default_factory=HashTrieMap
    )
    talks: HashTrieMap[bytes, Talk] = field(default_factory=HashTrieMap)
    awards: HashTrieMap[AwardKey, Award] = field(default_factory=HashTrieMap)
    nonces: Nonces = field(default=Nonces())
    purse: Purse = field(default=Purse())
    epochs: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)
    sales: HashTrieMap[bytes, Sale] = field(default_factory=HashTrieMap)
    agreed: tuple[SignedTrade, ...] = ()
    escrows: HashTrieMap[bytes, OpenEscrow] = field(default_factory=HashTrieMap)
    held: HashTrieMap[bytes, tuple[SignedTrade, ...]] = field(default_factory=HashTrieMap)
    halves: HashTrieMap[bytes, SignedTrade] = field(default_factory=HashTrieMap)
    unsigned: HashTrieMap[str, Unsigned] = field(default_factory=HashTrieMap)
    asking: Asking = field(default=Asking())
    seller: Seller | None = None
    opened: HashTrieSet[bytes] = field(default_factory=HashTrieSet)
    found: int = 0
    starts: HashTrieMap[int, int] = field(default_factory=HashTrieMap)
    net: NetParty | None = None

    @property
    def free(self) -> int:
        """Base units of the account that no trade countersigned may still lock."""
        return self.purse.balance - sum(sale.locked for sale in self.sales.values())

    def escrow(self, shelf: Shelf, payment: int) -> Escrow:
        """Return the escrow of a trade of this listing at this payment, base units."""
        return escrow_of(self.delivery, payment, self.resource, shelf.slot, shelf.start, shelf.end)

    def locks(self, shelf: Shelf, payment: int) -> int:
        """Return what selling for a payment locks of the account: bond and deposit, base units."""
        if self.delivery == INSTANT:
            return 0
        return self.escrow(shelf, payment).bond + self.purse.deposit(payment)

    def in_order(self, listings: Iterable[bytes]) -> list[bytes]:
        """Return listings of this supplier by slot."""
        return sorted(listings, key=lambda listing: self.shelves[listing].slot)

    def offers_again(self, demander: str) -> int:
        """Return from when on a demander that left an award unsigned is made offers again."""
        left = self.unsigned.get(demander)
        return left.last + self.policy.refuse_unsigned if left else 0


Step: TypeAlias = tuple[SupplierState, tuple[Output, ...]]


def with_shelf(state: SupplierState, listing: bytes, shelf: Shelf) -> SupplierState:
    """Return the state with a shelf changed."""
    return replace(state, shelves=state.shelves.insert(listing, shelf))


def promising(state: SupplierState, listing: bytes, units: int) -> SupplierState:
    """Return the state with so many units more of a listing promised; fewer if negative."""
    shelf = state.shelves[listing]
    return with_shelf(state, listing, replace(shelf, promised=shelf.promised + units))


def left_unsigned(state: SupplierState, left: Mapping[tuple[str, int], int]) -> Step:
    """Note how many awards each demander left unsigned, by until when they could be; tell of it.

    Of the demanders noted those are forgotten that did so longest ago: accounts cost nothing.
    """
    told = []
    for (demander, last), awards in sorted(left.items()):
        known = state.unsigned.get(demander, Unsigned(0, 0))
        noted = state.unsigned.insert(demander, Unsigned(known.count + awards, last))
        if len(noted) > MOST_UNSIGNED:
            noted = noted.remove(min(noted, key=lambda each: (noted[each].last, each)))
        state = replace(state, unsigned=noted)
        facts = {"awards": str(awards), "until": str(last + state.policy.refuse_unsigned)}
        told.append(Tell(News.of("unsigned", demander=demander, **facts)))
    return state, tuple(told)
