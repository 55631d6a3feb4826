"""What is said while whole products are bought: prices, plans, bids, grants, bookings.

A bid is one for everybody, its `BidTerms`, of which each supplier is shown its own lines alone; the
others it sees as salted hashes under their suppliers' names. The digest of the terms names the bid.
It is sealed by that digest before it is opened, so that nobody can bid just below it.

Who learns what. Whoever needs a resource sees its supplier's prices, rooms and what is asked for. A
supplier sees which product asks for which of its own listings, from the first opened bid on the
rate, which is what the product would still pay for each unit, and whom else it buys from. A bidder
sees the rate of a bid that failed behind it where they met, and of those that went before it where
it failed. Value and lateness leave the demander in no message.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from fabmarket.identity import (
    ZERO_BYTES32,
    Address,
    Bytes,
    Bytes32,
    Flag,
    TypedStruct,
    Uint64,
    Uint128,
    keccak,
    struct_hash,
)
from fabmarket.market.delivery import Delivery

MOST_LINES = 150
"""Lines of a bid or a plan: the trades of a product settle in one transaction (EIP-7825)."""
MOST_RIVALS = 8
"""Rivals that an answer shows: with so many lines each it is half as large as a letter may be."""
MOST_WARES = 1024
"""Listings on a price list."""


@dataclass(frozen=True)
class Need(TypedStruct):
    """A product needs some of a resource within [start, end) seconds; it says no more than that.

    `cycle` is when the rounds began that it is said for.
    """

    demander: Address
    product: Bytes32
    cycle: Uint64
    resource: Bytes32
    start: Uint64
    end: Uint64

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Ware(TypedStruct):
    """A listing in [start, end): base units a unit, units free, units that plans ask for.

    `spare` are units that are booked by who could leave them and lose nothing.
    """

    listing: Bytes32
    start: Uint64
    end: Uint64
    price: Uint128
    room: Uint64
    asked: Uint64
    spare: Uint64


@dataclass(frozen=True)
class PriceList(TypedStruct):
    """What a supplier sells from second `at` on, within the time that its receiver needs; the same
    to all. Sent when it has changed.
    """

    supplier: Address
    at: Uint64
    resource: Bytes32
    token: Address
    delivery: Delivery
    wares: tuple[Ware, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Asked(TypedStruct):
    """Units of a listing that a plan asks for."""

    listing: Bytes32
    quantity: Uint64


@dataclass(frozen=True)
class Plan(TypedStruct):
    """What a product would buy of this supplier at its prices; binds nobody.

    Said at second `at`, and good until another is said.

    In the rounds of making room: what it would buy if what is spare were free; of a product that
    is booked, which of its lines are spare.
    """

    demander: Address
    product: Bytes32
    at: Uint64
    lines: tuple[Asked, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Line(TypedStruct):
    """A line of a bid; `salt` hides it from whom it does not concern."""

    listing: Bytes32
    quantity: Uint64
    unit_price: Uint128
    salt: Bytes32


@dataclass(frozen=True)
class Part(TypedStruct):
    """Whose line it is, and its hash."""

    supplier: Address
    line: Bytes32


@dataclass(frozen=True)
class BidTerms(TypedStruct):
    """A bid for a whole product at one beat, the same to all its suppliers.

    `rate` is what the product is worth beyond its price, base units a unit, rounded down; 0 in a
    move, which takes the place of the booked bid `replaces`.
    """

    demander: Address
    product: Bytes32
    beat: Uint64
    rate: Uint128
    replaces: Bytes32
    parts: tuple[Part, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander

    @property
    def id(self) -> bytes:
        """What names the bid."""
        return struct_hash(self)

    @property
    def rank(self) -> tuple[int, bytes]:
        """Its place among the bids of a beat, the least first: by rate, then by a draw.

        The draw is of the product at the beat, so that no salt or line wins it.
        """
        drawn = keccak(f"{self.beat}|{self.demander}|".encode() + self.product)
        return -self.rate, drawn


@dataclass(frozen=True)
class SealedBid(TypedStruct):
    """A bid is laid down, and cannot be changed."""

    demander: Address
    beat: Uint64
    bid: Bytes32

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Bid(TypedStruct):
    """A bid is opened to one of its suppliers, with that one's lines.

    `consent` is the demander's signature of the terms, which the supplier may show to others.
    """

    terms: BidTerms
    consent: Bytes
    lines: tuple[Line, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.terms.demander


@dataclass(frozen=True)
class Rival(TypedStruct):
    """Another bid's signed terms, and its lines on the listings where the two met."""

    terms: BidTerms
    consent: Bytes
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Grant(TypedStruct):
    """Whether a supplier holds all its lines of a bid until the beat's end.

    `rival` is the best bid that failed behind it where they met, zero if none did, and `rate` that
    bid's.
    """

    supplier: Address
    bid: Bytes32
    beat: Uint64
    held: Flag
    rival: Bytes32
    rate: Uint128

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class SignedGrant(TypedStruct):
    """A grant and its supplier's signature."""

    grant: Grant
    consent: Bytes


@dataclass(frozen=True)
class Answer(TypedStruct):
    """A grant for its bidder, who may show it to the other suppliers of the bid by `consent`.

    `rivals` prove it: the rival, with its lines on the listings where it failed behind the bid; of
    a bid that is not held, the first of those that went before it where there was no room.
    """

    signed: SignedGrant
    rivals: tuple[Rival, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.signed.grant.supplier


@dataclass(frozen=True)
class Confirm(TypedStruct):
    """All suppliers hold the bid, as their grants show: it is booked."""

    demander: Address
    bid: Bytes32
    grants: tuple[SignedGrant, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Sold(TypedStruct):
    """A line at the price that it is sold for, the premium in it."""

    listing: Bytes32
    quantity: Uint64
    unit_price: Uint128


@dataclass(frozen=True)
class Booked(TypedStruct):
    """The supplier has booked a confirmed bid: its room is kept until the cycle ends.

    `nonce` is the supplier's, under which all its trades of the product are sold.
    """

    supplier: Address
    bid: Bytes32
    nonce: Uint64
    lines: tuple[Sold, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Release(TypedStruct):
    """The demander gives up a bid that is held or booked."""

    demander: Address
    bid: Bytes32

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Countersigned(TypedStruct):
    """The supplier's signature, `consent`, of a trade of a bid that it has booked.

    The bundle settles with those of all its trades, or not at all.
    """

    supplier: Address
    trade: Bytes32
    consent: Bytes

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


def premium_of(grants: Sequence[SignedGrant]) -> bytes:
    """Return the best of the bids that failed behind a bid held by all; zero where none did.

    The bid pays that one's rate on the listings where the two met, and nothing more elsewhere.
    """
    rivals = [each.grant for each in grants if each.grant.rival != ZERO_BYTES32]
    best = min(rivals, key=lambda grant: (-grant.rate, grant.rival), default=None)
    return ZERO_BYTES32 if best is None else best.rival


def sold_for(
    lines: Iterable[Line], grant: Grant, met: Collection[bytes], grants: Sequence[SignedGrant]
) -> tuple[Sold, ...]:
    """Return a supplier's lines of a bid at the prices that they are sold for once it is confirmed.

    `grant` is the supplier's, `met` the listings on which its rival met the bid, `grants` all.
    """
    premium = grant.rate if grant.rival == premium_of(grants) else 0
    return tuple(
        Sold(line.listing, line.quantity, line.unit_price + (line.listing in met) * premium)
        for line in lines
    )


ProductMessage = (
    Need | PriceList | Plan | SealedBid | Bid | Answer | Confirm | Booked | Release | Countersigned
)
"""What leads from a need to the trades of a product."""
