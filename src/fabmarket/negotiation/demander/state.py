"""All that a demander knows."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import TypeAlias

from rpds import HashTrieMap, HashTrieSet

from fabmarket.identity import Domain
from fabmarket.market.delivery import INSTANT, Delivery
from fabmarket.market.exchange import Calendar
from fabmarket.market.exchange.state import WHOLE
from fabmarket.market.messages import Offer, OpeningMessage, Selection
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import NONCES, nonce_of
from fabmarket.negotiation.accepting import Accepts
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.masked.seat import MaskedSeated
from fabmarket.negotiation.moves import Output, Tell
from fabmarket.negotiation.netting.state import NetParty, blocks_of
from fabmarket.negotiation.nonces import Nonces
from fabmarket.negotiation.policy import Policy, Spent, most_of
from fabmarket.negotiation.products.buyer import Buyer
from fabmarket.negotiation.products.plan import Product
from fabmarket.negotiation.products.purchase import Purchase
from fabmarket.negotiation.purse import Purse
from fabmarket.negotiation.seat import Seated
from fabmarket.negotiation.splitting import OpenEscrow
from fabmarket.negotiation.wants import Want


@dataclass(frozen=True)
class Place:
    """A listing as the chain records it: whose, of what, in which slot, seconds [start, end).

    `units` were listed and not taken off by its owner, sold or not; `attested` are those of the
    slot, as far as that was said since.
    """

    supplier: str
    resource: bytes
    slot: int
    start: int
    end: int
    units: int = 0
    attested: int = 2**64 - 1

    @property
    def where(self) -> tuple[str, bytes, int, int, int]:
        """All of it but how much."""
        return self.supplier, self.resource, self.slot, self.start, self.end

    @property
    def capacity(self) -> int:
        """The units that could be had if nobody else had bought any."""
        return min(self.units, self.attested)


@dataclass(frozen=True)
class Haggle:
    """A bargain of this demander, for one want."""

    want: bytes
    bargain: Bargain


Talk: TypeAlias = Seated | MaskedSeated | Haggle


@dataclass(frozen=True)
class DemanderState:
    """All that a demander knows. `rounds_left` publications remain.

    `wants` are in the product's order; those in `approved` may cost more than the policy lets pass.
    `spent` is what was signed away today. Of the current demand: its digest `demand`, the beat
    `opens` that it is for, and whether the demander has `chosen`; `offers` to it by sub-task and
    digest.
    `selections` are by digest, `talks` by session, `seated` selections with theirs, `trades` all
    ever signed: digest to sub-task.
    `signed` holds, for each nonce signed, the time until which its trade may settle. One whose
    trade ran out is signed again, for a gap would keep the next epoch shut. `sellers` are the
    suppliers of a resource; `epochs` are of the listings where they are not 0. `accepts` are the
    owner's terms of delivery, `purse` is the account in the exchange, `escrows` are its trades in
    escrow that are open. `purchases` are the products to be bought whole, `buyers` what is known of
    those that are being bought, `bundled` the trades signed for one that have settled
    or may, `uncovered` those that are not attested any more, with when they are taken back;
    `source` is what the secrets are drawn from that hide the lines of a product's bids and, of a
    beat each, answers in masked sessions: those in `secrets`, by when the sessions end. `masked`
    are the listings in whose masked session it has taken seats, with the end of their slots: it
    sits in no second one.
    `net` is its part in net cycles, where the market has them.
    """

    address: str
    token: str
    domain: Domain
    rhythm: Rhythm
    wants: HashTrieMap[bytes, Want]
    rounds_left: int
    accepts: Accepts = field(default=Accepts())
    order: tuple[bytes, ...] = ()
    policy: Policy = field(default=Policy())
    approved: HashTrieSet[bytes] = field(default_factory=HashTrieSet)
    spent: Spent = field(default=Spent())
    sequence: int = 0
    nonces: Nonces = field(default=Nonces())
    purse: Purse = field(default=Purse())
    signed: HashTrieMap[int, int] = field(default_factory=HashTrieMap)
    now: int = 0
    demand: bytes = b""
    opens: int = 0
    chosen: bool = True
    calendars: HashTrieMap[tuple[str, bytes], Calendar] = field(default_factory=HashTrieMap)
    sellers: HashTrieMap[bytes, HashTrieSet[str]] = field(default_factory=HashTrieMap)
    listed: HashTrieMap[bytes, Place] = field(default_factory=HashTrieMap)
    epochs: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)
    offers: HashTrieMap[bytes, HashTrieMap[bytes, Offer]] = field(default_factory=HashTrieMap)
    selections: HashTrieMap[bytes, Selection] = field(default_factory=HashTrieMap)
    talks: HashTrieMap[bytes, Talk] = field(default_factory=HashTrieMap)
    seated: HashTrieMap[bytes, bytes] = field(default_factory=HashTrieMap)
    trades: HashTrieMap[bytes, bytes] = field(default_factory=HashTrieMap)
    escrows: HashTrieMap[bytes, OpenEscrow] = field(default_factory=HashTrieMap)
    purchases: HashTrieMap[bytes, Purchase] = field(default_factory=HashTrieMap)
    buyers: HashTrieMap[bytes, Buyer] = field(default_factory=HashTrieMap)
    bundled: HashTrieMap[bytes, bytes] = field(default_factory=HashTrieMap)
    uncovered: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)
    source: bytes = field(default=b"", repr=False)
    secrets: HashTrieMap[int, bytes] = field(default_factory=HashTrieMap, repr=False)
    masked: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)
    net: NetParty | None = None

    @property
    def free(self) -> int:
        """Base units of the account that no signed trade may still take; below 0 if too few."""
        agreed = sum(want.pledged for want in self.wants.values() if want.state == "agreed")
        signed = sum(each.pledged for each in self.purchases.values())
        return self.purse.balance - agreed - signed

    @property
    def asked(self) -> int:
        """Base units that the talks and bids under way may yet make us sign away."""
        bids = sum(buyer.most for buyer in self.buyers.values())
        return sum(map(_asked, self.talks.values())) + bids

    @property
    def reserved(self) -> int:
        """What settling all of that would take from the account, base units."""
        openings = ((_opening(talk), _asked(talk)) for talk in self.talks.values())
        talks = sum(self.takes(opening.delivery, most) for opening, most in openings)
        return talks + sum(map(self.reserved_for, self.buyers.values()))

    def reserved_for(self, buyer: Buyer) -> int:
        """Return what the bid of a product may take from the account, base units."""
        return buyer.most if buyer.is_instant else buyer.most + self.purse.deposit(buyer.most)

    def takes(self, delivery: Delivery, payment: int) -> int:
        """Return what settling takes from the account, base units: more into escrow."""
        return payment if delivery == INSTANT else payment + self.purse.deposit(payment)

    def affordable(self, money: int, *, instant: bool) -> int:
        """Return a payment that so much money covers, base units: rounded down."""
        if instant:
            return money
        return money * WHOLE // (WHOLE + self.purse.parameters.deposit_share)

    def in_order(self) -> list[Want]:
        """Return the wants in the product's order."""
        return [self.wants[each] for each in self.order]

    def is_allowed(self, want: Want | Product) -> bool:
        """Return whether it may be negotiated: it cannot cost too much, or is approved."""
        most = want.value if isinstance(want, Product) else most_of(want)
        return most <= self.policy.approve_above or want.id in self.approved


Step: TypeAlias = tuple[DemanderState, tuple[Output, ...]]


def _opening(talk: Talk) -> OpeningMessage:
    return talk.bargain.opening if isinstance(talk, Haggle) else talk.opening


def _asked(talk: Talk) -> int:
    """What a talk may yet make us sign for: our seats' budgets, or the last price we named."""
    if isinstance(talk, Haggle):
        bargain = talk.bargain
        own = [each for each in bargain.counters if each.sender == bargain.demander]
        return own[-1].unit_price * own[-1].quantity if own and bargain.outcome is None else 0
    return 0 if talk.over else sum(seat.budget for seat in talk.seats if not seat.dropped)


def with_want(state: DemanderState, want: Want) -> DemanderState:
    """Return the state with a want changed."""
    return replace(state, wants=state.wants.insert(want.id, want))


def decided(state: DemanderState, want: Want) -> Step:
    """Return the state with a want that is served or given up, and tell the owner."""
    return with_want(state, want), (Tell(want),)


def failed(state: DemanderState, want: Want, reason: str) -> Step:
    """Note why the listing came to nothing; the sub-task is open for the next publication.

    Not while a trade signed for it may settle: whoever holds the trade could make it bought twice.
    """
    if want.offer is not None:
        want = want.attempted(want.offer, reason)
    if state.rounds_left > 0 and want.signed_until <= state.now:
        return with_want(state, replace(want, state="open")), ()
    return decided(state, replace(want, state="unserved"))


def concluded(state: DemanderState, purchase: Purchase) -> Step:
    """Return the state with what became of a product, and tell the owner."""
    product = purchase.product.id
    state = replace(state, purchases=state.purchases.insert(product, purchase))
    if purchase.state in ("bought", "unbought", "cancelled"):
        state = replace(state, buyers=state.buyers.discard(product))
    return state, (Tell(purchase),)


def next_nonce(state: DemanderState) -> int:
    """The lowest nonce that is unused and under which nothing signed can settle now.

    Of a later epoch where all of this one are taken: its first trade opens it.
    """
    return next(_usable(state))


def nonce_for_cycle(state: DemanderState, until: int) -> int:
    """The same for a trade of a net cycle, which is valid until then.

    Of this epoch, and of a block under which nothing else is signed, if there is one: the row of
    the cycle uses up whole blocks.
    """
    current = state.nonces.epoch

    def is_apart(nonce: int) -> bool:
        block = filter(state.nonces.is_free, blocks_of((nonce,)))
        ends = (state.signed.get(each, 0) for each in block)
        return all(end <= state.now or end == until for end in ends)

    usable = islice(_usable(state), NONCES)
    own = [nonce for nonce in usable if nonce >> 8 == current]
    return next(filter(is_apart, own), own[0] if own else next_nonce(state))


def _usable(state: DemanderState) -> Iterator[int]:
    current, burning = state.nonces.epoch, state.net.burning if state.net else frozenset()
    numbers = (nonce_of(*divmod(place, NONCES)) for place in count(current * NONCES))
    usable = (each for each in numbers if each >> 8 > current or state.nonces.is_free(each))
    free = (each for each in usable if state.signed.get(each, 0) <= state.now)
    return (each for each in free if each not in burning)
