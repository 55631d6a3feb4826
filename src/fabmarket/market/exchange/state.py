"""The whole state of the contract, and the errors it reverts with.

Maps are persistent tries: a change shares all but a few nodes with the map before, so an event
costs the same whatever the market's size, and old states stay. Their order is chance; whoever shows
their items sorts them.
"""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from rpds import HashTrieMap

from fabmarket.errors import Refused
from fabmarket.identity import Domain
from fabmarket.market.trade import NONCES

ALL_USED = (1 << NONCES) - 1
WHOLE = 10_000


class Reverted(Refused):
    """The exchange refuses a move: the contract's error name and its arguments."""

    def __init__(self, error: str, *values: Any) -> None:
        super().__init__(f"{error}({', '.join(map(str, values))})")
        self.error = error
        self.values = values


@dataclass(frozen=True, slots=True)
class Calendar:
    """Slot k covers [origin + k·slot_length, origin + (k+1)·slot_length) seconds."""

    unit: bytes
    origin: int
    slot_length: int

    def end(self, slot: int) -> int:
        """Return the first second after the slot."""
        return self.origin + (slot + 1) * self.slot_length


@dataclass(frozen=True, slots=True)
class Slot:
    """What is attested and how much of it is listed, reserved or delivered, in units."""

    attested: int = 0
    committed: int = 0
    version: int = 0
    expiry: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What can still be bought of one slot, in units; trades must be signed for its epoch."""

    supplier: str
    available: int = 0
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """One account in one token: base units, epoch, and a bit for each used nonce of it."""

    balance: int = 0
    epoch: int = 0
    used: int = 0


class EscrowState(IntEnum):
    """Where a trade in escrow stands."""

    NONE = 0
    FUNDED = 1
    DELIVERED = 2
    DISPUTED = 3
    CLOSED = 4


@dataclass(frozen=True, slots=True)
class Held:
    """What a trade still holds, base units."""

    amount: int = 0
    state: EscrowState = EscrowState.NONE


@dataclass(frozen=True, slots=True)
class Parties:
    """Whom a settled trade concerns, and what was paid (base units)."""

    supplier: str
    demander: str
    token: str
    payment: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """Everything the contract stores. Keys: account and token; supplier, resource and slot.

    Beside it stands what the contract gets with each call or sees in its wallet: the trade settled
    last, which alone can still go into escrow, and the parties of each escrow, by the trade's
    digest; what is owed in each token, base units.
    """

    domain: Domain
    operators: tuple[str, ...] = ()
    threshold: int = 0
    decision_nonce: int = 0
    paused_until: int = 0
    tokens: frozenset[str] = frozenset()
    calendars: HashTrieMap[tuple[str, bytes], Calendar] = field(default_factory=HashTrieMap)
    slots: HashTrieMap[tuple[str, bytes, int], Slot] = field(default_factory=HashTrieMap)
    seals: HashTrieMap[tuple[str, bytes, int], bytes] = field(default_factory=HashTrieMap)
    listings: HashTrieMap[bytes, Listing] = field(default_factory=HashTrieMap)
    accounts: HashTrieMap[tuple[str, str], Account] = field(default_factory=HashTrieMap)
    intent_nonces: HashTrieMap[str, int] = field(default_factory=HashTrieMap)
    last_settled: tuple[bytes, Parties] | None = None
    escrows: HashTrieMap[bytes, Parties] = field(default_factory=HashTrieMap)
    held: HashTrieMap[bytes, Held] = field(default_factory=HashTrieMap)
    owed: HashTrieMap[str, int] = field(default_factory=HashTrieMap)

    @classmethod
    def undeployed(cls, domain: Domain, tokens: int = 1) -> Exchange:
        """Return an exchange that its constructor's events will bring to life.

        They set the operators and each of `tokens` payment tokens without being a decision of
        anyone, so the count of decisions starts below zero and is zero after them.
        """
        return cls(domain, decision_nonce=-1 - tokens)

    def account_of(self, address: str, token: str) -> Account:
        """Return an account, empty if it was never used."""
        return self.accounts.get((address, token), Account())
