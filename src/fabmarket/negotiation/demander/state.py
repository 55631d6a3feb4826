"""All that a demander knows."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeAlias

from rpds import HashTrieMap, HashTrieSet

from fabmarket.identity import Domain
from fabmarket.market.exchange import Calendar
from fabmarket.market.messages import Offer, Selection
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import NONCES, nonce_of
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.moves import Output, Tell
from fabmarket.negotiation.nonces import Nonces
from fabmarket.negotiation.seat import Seated
from fabmarket.negotiation.wants import Want

TRADE_VALIDITY = 900
"""Seconds for which a signed trade can settle after its session; it is a free option until then."""


@dataclass(frozen=True)
class Place:
    """A listing as the chain records it: whose capacity, in which seconds [start, end)."""

    supplier: str
    start: int
    end: int


@dataclass(frozen=True)
class Haggle:
    """A bargain of this demander, for one want."""

    want: bytes
    bargain: Bargain


Talk: TypeAlias = Seated | Haggle


@dataclass(frozen=True)
class DemanderState:
    """All that a demander knows. `rounds_left` publications remain.

    `wants` are in the product's order. Of the current demand: its digest `demand`, the beat `opens`
    that it is for, and whether the demander has `chosen`; `offers` to it by sub-task and digest.
    `selections` are by digest, `talks` by session, `seated` selections with theirs, `trades` all
    ever signed: digest to sub-task.
    `signed` holds, for each nonce signed, the time until which its trade may settle. One whose
    trade ran out is signed again, for a gap would keep the next epoch shut. `sellers` are the
    suppliers of a resource; `epochs` are of the listings where they are not 0.
    """

    address: str
    token: str
    domain: Domain
    rhythm: Rhythm
    wants: HashTrieMap[bytes, Want]
    rounds_left: int
    order: tuple[bytes, ...] = ()
    sequence: int = 0
    nonces: Nonces = field(default=Nonces())
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

    def in_order(self) -> list[Want]:
        """Return the wants in the product's order."""
        return [self.wants[each] for each in self.order]


Step: TypeAlias = tuple[DemanderState, tuple[Output, ...]]


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


def next_nonce(state: DemanderState) -> int:
    """The lowest nonce that is unused and under which nothing signed can settle now.

    Of a later epoch where all of this one are taken: its first trade opens it.
    """
    current = state.nonces.epoch
    numbers = (nonce_of(*divmod(place, NONCES)) for place in count(current * NONCES))
    usable = (each for each in numbers if each >> 8 > current or state.nonces.is_free(each))
    return next(each for each in usable if state.signed.get(each, 0) <= state.now)
