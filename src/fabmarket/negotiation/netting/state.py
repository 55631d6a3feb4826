"""All that a party knows of net cycles: the products agreed for them, and the attempt under way."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rpds import HashTrieMap, HashTrieSet

from fabmarket.identity import Domain, keccak
from fabmarket.market.cycles import Cycles
from fabmarket.market.events import Event, Listed, NetSettled, Settled, Unlisted
from fabmarket.market.exchange import SignedTrade
from fabmarket.market.net import Row, Sale, late_from, unpack_sales
from fabmarket.market.trade import NONCES
from fabmarket.negotiation.moves import Output
from fabmarket.negotiation.netting.baskets import LEAST
from fabmarket.negotiation.nonces import Nonces

BLOCK = 8
"""Nonces that a buyer's row uses up together, used or not, so that they do not count its trades."""
FOR_ROWS = 8
"""Nonces, the lowest that are free, that a supplier who nets does not sell under."""


@dataclass(frozen=True)
class Deal:
    """A product agreed for the cycle that closes at `closes`, as far as we know it.

    Its trades in order, their digests, and the other party of each. Our own signatures are empty.
    `whole`: these are all trades of the product. `late`: it was submitted to settle late.
    """

    closes: int
    signed: tuple[SignedTrade, ...]
    names: tuple[bytes, ...]
    others: tuple[str, ...]
    whole: bool = True
    late: bool = False

    @property
    def payment(self) -> int:
        """Base units: of all its trades."""
        return sum(each.trade.payment for each in self.signed)

    def is_agreed(self, account: str) -> bool:
        """Return whether all its other parties have signed."""
        return all(
            each.supplier if each.trade.demander == account else each.demander
            for each in self.signed
        )


@dataclass(frozen=True)
class Attempt:
    """What we do in one attempt of a cycle that `closed`.

    `accounts` take part. `claimed` says, a supplier's, what each demander enters; `entered` are our
    trades that are in it, by digest, once we have sent our `row` and `sales`. `batch` is what we
    were shown and found right, `root` that of its trades; `counted` are the trades that their other
    party counts too. `secret` makes the salts that hide what we enter, and is forgotten with it.
    """

    closed: int
    number: int
    accounts: frozenset[str]
    secret: bytes = field(repr=False)
    claimed: HashTrieMap[str, tuple[bytes, ...]] = field(default_factory=HashTrieMap)
    entered: tuple[bytes, ...] = ()
    row: Row | None = None
    sales: tuple[Sale, ...] = ()
    batch: bytes = b""
    root: bytes = b""
    valid_until: int = 0
    counted: HashTrieSet[bytes] = field(default_factory=HashTrieSet)
    is_signed: bool = False

    def salt(self, what: bytes) -> bytes:
        """Return 32 bytes that nobody else can guess, for a leaf."""
        return keccak(self.secret + what)


@dataclass(frozen=True)
class Account:
    """What a party needs to know of its own account: now, seconds; the balance, base units.

    `kept` are nonces under which something is signed that may still settle. `epochs` are of the
    listings where they are not 0.
    """

    now: int
    balance: int
    nonces: Nonces
    kept: frozenset[int]
    epochs: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)


@dataclass(frozen=True)
class NetParty:
    """A party's part in net cycles; each attempt's secret is drawn from `source`.

    `deals` are the products agreed, by bundle, and not settled yet; `joined` is the last cycle that
    it joined, `away` the last that it stayed out of, as its row would have told too much. `signed`
    are the batches signed that may still settle, with our trades in each, `burning` the nonces that
    they use up. `kinds` are the resources of listings, `left` the units that each has for sale,
    `reserves` the least unit price of each resource, base units, as told. `least`: the baskets
    below which a batch is not signed. `reason` is why the last batch was not.
    """

    address: str
    domain: Domain
    token: str
    cycles: Cycles
    coordinator: str
    source: bytes = field(repr=False)
    sells: bool = False
    least: int = LEAST
    deals: HashTrieMap[bytes, Deal] = field(default_factory=HashTrieMap)
    joined: int = -1
    away: int = -1
    attempt: Attempt | None = None
    signed: HashTrieMap[bytes, tuple[bytes, ...]] = field(default_factory=HashTrieMap)
    burning: frozenset[int] = frozenset()
    kinds: HashTrieMap[bytes, bytes] = field(default_factory=HashTrieMap)
    left: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)
    reserves: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)
    reason: str = ""

    def nets(self, ends: int, slot_end: int) -> bool:
        """Return whether a trade agreed until `ends` is for a cycle: it can settle late then."""
        return ends >= self.cycles.rhythm.origin and self.cycles.valid_until(ends) <= slot_end

    def deals_of(self, closed: int) -> list[tuple[bytes, Deal]]:
        """Return the products of a cycle, in the order of their bundles."""
        found = ((bundle, deal) for bundle, deal in self.deals.items() if deal.closes == closed)
        return sorted(found)

    def after(self, event: Event) -> NetParty:
        """Return it with the resource of what an event lists, and what is left; this if none."""
        left = left_after(self.left, event)
        if left is self.left:
            return self
        if not isinstance(event, Listed):
            return replace(self, left=left)
        return replace(self, left=left, kinds=self.kinds.insert(event.listing, event.resource))

    def with_reserve(self, listing: bytes, reserve: int) -> NetParty:
        """Return it with the least price of a listing's resource, base units, if that is told."""
        kind = self.kinds.get(listing)
        if kind is None or not reserve:
            return self
        return replace(self, reserves=self.reserves.insert(kind, reserve))

    def with_deal(self, bundle: bytes, deal: Deal) -> NetParty:
        """Return it with a product."""
        return replace(self, deals=self.deals.insert(bundle, deal))


Netted: TypeAlias = "tuple[NetParty, tuple[Output, ...]]"


def deal_of(
    party: NetParty,
    signed: Sequence[SignedTrade],
    names: Sequence[bytes],
    others: Sequence[str],
    *,
    whole: bool = True,
) -> Deal:
    """Return a product that is agreed for a cycle."""
    closes = late_from(signed[0].trade) - party.cycles.length
    return Deal(closes, tuple(signed), tuple(names), tuple(others), whole)


def settled(party: NetParty, event: NetSettled) -> tuple[NetParty, tuple[bytes, ...]]:
    """Return it without the products of a batch that settled, and our trades that were in it."""
    names = party.signed.get(event.batch, ())
    return without(party, names) if names else party, names


def without(party: NetParty, names: Sequence[bytes]) -> NetParty:
    """Return it without the products of some trades: they are settled, or can be no more."""
    gone, deals = set(names), party.deals
    for bundle, deal in party.deals.items():
        if gone.intersection(deal.names):
            deals = deals.remove(bundle)
    return replace(party, deals=deals)


def left_after(left: HashTrieMap[bytes, int], event: Event) -> HashTrieMap[bytes, int]:
    """Return the units that listings have for sale after an event; the same if it moves none."""
    match event:
        case Listed() | Unlisted():
            return left.insert(event.listing, event.available)
        case Settled():
            return left.insert(event.listing, left.get(event.listing, 0) - event.quantity)
        case NetSettled():
            for sale in unpack_sales(event.sales):
                left = left.insert(sale.listing, left.get(sale.listing, 0) - sale.quantity)
    return left


def blocks_of(nonces: Sequence[int]) -> frozenset[int]:
    """Return all nonces of the blocks that some of them are in."""
    starts = {nonce - (nonce & 0xFF) % BLOCK for nonce in nonces}
    return frozenset(start + at for start in starts for at in range(BLOCK))


def mask_of(nonces: Sequence[int]) -> int:
    """Return the bits of nonces, which are of one epoch."""
    return sum(1 << (nonce & 0xFF) for nonce in set(nonces) if nonce & 0xFF < NONCES)
