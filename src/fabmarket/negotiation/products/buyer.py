"""All that the buyer of one product knows while it is bought in rounds."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rpds import HashTrieMap

from fabmarket.identity import Domain, keccak
from fabmarket.market.delivery import INSTANT
from fabmarket.market.products import (
    Asked,
    BidTerms,
    Booked,
    Line,
    PriceList,
    SignedGrant,
    premium_of,
)
from fabmarket.market.rounds import Rounds
from fabmarket.negotiation.moves import Output
from fabmarket.negotiation.policy import NO_BOUND
from fabmarket.negotiation.products.plan import Chain, Chosen, Product, Slot


@dataclass(frozen=True)
class Granted:
    """A supplier's grant, and the listings on which its rival failed behind the bid."""

    signed: SignedGrant
    met: frozenset[bytes]


@dataclass(frozen=True)
class Standing:
    """A bid of ours at its beat: sealed, opened, granted, confirmed and then booked, or void.

    `lines` are in the order of the fresh steps of `chain`, each with its supplier. Who denied it
    and showed no bids that took the room is `unproved`.
    """

    terms: BidTerms
    chain: Chain
    lines: tuple[tuple[str, Line], ...]
    opened: bool = False
    granted: HashTrieMap[str, Granted] = field(default_factory=HashTrieMap)
    denied: frozenset[str] = frozenset()
    confirmed: bool = False
    booked: HashTrieMap[str, Booked] = field(default_factory=HashTrieMap)
    unproved: frozenset[str] = frozenset()

    @property
    def suppliers(self) -> tuple[str, ...]:
        """Whose lines it has, each once, in order."""
        return tuple(dict.fromkeys(supplier for supplier, _ in self.lines))

    def of(self, supplier: str) -> tuple[Line, ...]:
        """Return the lines of one supplier, in the order of the steps."""
        return tuple(line for each, line in self.lines if each == supplier)

    @property
    def silent(self) -> tuple[str, ...]:
        """Who said nothing to it once opened, denied it without proof, or granted and did not book.

        Nobody where nothing was heard of anybody: then it may have been us who was cut off.
        """
        heard = {*self.booked} if self.confirmed else {*self.granted, *self.denied}
        is_heard = bool(heard or self.unproved)
        return tuple(each for each in self.suppliers if is_heard and each not in heard)

    @property
    def is_booked(self) -> bool:
        """Whether every supplier has booked it."""
        return len(self.booked) == len(self.suppliers)


@dataclass(frozen=True)
class Buyer:
    """All that the buyer of a product knows. `secret` makes the salts that hide its lines.

    `sellers` are the suppliers of a resource, `owned` what is bought already, by the resource of
    the way that stands for it; no more than `limit` base units may be paid. In the cycle that began
    at `opened`: the last price list of each supplier, what each supplier was last told of our plan
    (`told`), what a unit of a listing was confirmed at for us, which is what it costs us from then
    on (`paid`), the bid under way (`standing`), the one that is booked with all (`held`), its chain
    at the prices to be paid, and suppliers by whose silence a bid has failed (`silent`), which are
    not planned with.
    Nothing is done twice in a quarter of a beat: `acted` is the second at which the last quarter
    began in which something was done.
    """

    address: str
    domain: Domain
    rounds: Rounds
    product: Product
    secret: bytes
    sellers: HashTrieMap[bytes, tuple[str, ...]] = field(default_factory=HashTrieMap)
    owned: HashTrieMap[bytes, Slot] = field(default_factory=HashTrieMap)
    limit: int = NO_BOUND
    now: int = 0
    opened: int = -1
    acted: int = -1
    lists: HashTrieMap[str, PriceList] = field(default_factory=HashTrieMap)
    told: HashTrieMap[str, tuple[Asked, ...]] = field(default_factory=HashTrieMap)
    paid: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)
    standing: Standing | None = None
    held: Standing | None = None
    silent: frozenset[str] = frozenset()

    @property
    def resources(self) -> tuple[bytes, ...]:
        """What the product can be made of, each once, in the order of its steps."""
        ways = (way.resource for ways in self.product.steps for way in ways)
        return tuple(each for each in dict.fromkeys(ways) if each not in self.owned)

    @property
    def is_instant(self) -> bool:
        """Whether all that is listed would be paid at once."""
        return all(priced.delivery == INSTANT for priced in self.lists.values())

    @property
    def most(self) -> int:
        """The most that may yet be paid for what is bid for or booked, base units."""
        chains = [each.chain for each in (self.held, self.standing) if each is not None]
        rate = 0 if self.standing is None else self.standing.terms.rate
        return max((chain.price + rate * chain.units for chain in chains), default=0)

    def salt(self, beat: int, at: int) -> bytes:
        """Return what hides the line at place `at` of this beat's bid."""
        place = beat.to_bytes(8, "big") + at.to_bytes(8, "big")
        return keccak(self.secret + self.product.id + place)


BuyerStep: TypeAlias = tuple[Buyer, tuple[Output, ...]]


def slots_of(
    buyer: Buyer, *, instant: bool | None = None, spare: bool = False
) -> dict[bytes, list[Slot]]:
    """Return all that begins after this cycle, by resource, and what is owned.

    With `spare` as if that were free.
    What is paid at once and what is paid on delivery make no bundle: `instant` says which.
    """
    slots = {resource: [slot] for resource, slot in buyer.owned.items()}
    for resource in buyer.resources:
        slots[resource] = [
            Slot(
                supplier,
                ware.listing,
                ware.start,
                ware.end,
                max(ware.price, buyer.paid.get(ware.listing, 0)),
                ware.room + ware.spare if spare else ware.room,
            )
            for supplier, priced in _lists(buyer, resource)
            for ware in priced.wares
            if ware.start >= buyer.opened + buyer.rounds.length
            and (instant is None or (priced.delivery == INSTANT) == instant)
        ]
    return slots


def kinds_of(buyer: Buyer) -> tuple[bool | None, ...]:
    """Return by what kinds of payment a chain is to be planned: at once, on delivery, or any."""
    found = {priced.delivery == INSTANT for priced in buyer.lists.values()}
    return (True, False) if len(found) > 1 else (None,)


def _lists(buyer: Buyer, resource: bytes) -> Iterator[tuple[str, PriceList]]:
    for supplier in buyer.sellers.get(resource, ()):
        priced = None if supplier in buyer.silent else buyer.lists.get(supplier)
        if priced is not None and priced.resource == resource:
            yield supplier, priced


def lines_to(chain: Chain | None) -> dict[str, tuple[Asked, ...]]:
    """Return what a chain asks of each supplier."""
    asked: dict[str, tuple[Asked, ...]] = {}
    for step in () if chain is None else chain.fresh:
        supplier = step.slot.supplier
        line = Asked(step.slot.listing, step.quantity)
        asked[supplier] = (*asked.get(supplier, ()), line)
    return asked


def priced(standing: Standing) -> tuple[Chosen, ...]:
    """Return the steps of a granted bid at what they will cost, premiums included.

    The premium is the rate of the best bid that failed behind ours anywhere, on the listings where
    that bid met ours; elsewhere nothing is added.
    """
    best = premium_of(tuple(each.signed for each in standing.granted.values()))
    steps = []
    for step in standing.chain.steps:
        if step.slot.owned:
            steps.append(step)
            continue
        granted = standing.granted[step.slot.supplier]
        grant = granted.signed.grant
        rate = grant.rate if grant.rival == best and step.slot.listing in granted.met else 0
        steps.append(Chosen(with_price(step.slot, step.slot.price + rate), step.quantity))
    return tuple(steps)


def with_price(slot: Slot, price: int) -> Slot:
    """Return a slot at another price."""
    return replace(slot, price=price)
