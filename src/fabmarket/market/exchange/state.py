"""The whole state of the contract, and the errors it reverts with.

Maps are persistent tries: a change shares all but a few nodes with the map before, so an event
costs the same whatever the market's size, and old states stay. Their order is chance; whoever shows
their items sorts them.
"""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from rpds import HashTrieMap

from fabmarket.errors import Refused
from fabmarket.identity import Domain
from fabmarket.market.events import Event
from fabmarket.market.parameters import Parameters
from fabmarket.market.telling import told
from fabmarket.market.trade import NONCES, Trade

ALL_USED = (1 << NONCES) - 1
WHOLE = 10_000
LAST_EPOCH = (1 << 32) - 1
NOBODY = "0x" + "0" * 40
UNDEPLOYED = Parameters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


class Reverted(Refused):
    """The exchange refuses a move: the contract's error name and its arguments."""

    def __init__(self, error: str, *values: Any) -> None:
        shown = (f"0x{each.hex()}" if isinstance(each, bytes) else str(each) for each in values)
        super().__init__(f"{error}({', '.join(shown)})")
        self.error = error
        self.values = values


class Inconsistent(Refused):
    """An event cannot follow from the state: the log is not this exchange's."""


def later(epoch: int, now: int) -> int:
    """Return what a raised epoch becomes: the time, or two more where that is later.

    Nothing signed ahead for an epoch that was near comes into force by it.
    """
    return now if epoch + 2 < now <= LAST_EPOCH else epoch + 2


@dataclass(frozen=True, slots=True)
class OperatorSet:
    """Who the operators of one set are, and how many of them a decision needs."""

    members: tuple[str, ...]
    threshold: int


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

    def is_used(self, bit: int) -> bool:
        """Return whether a bit is used up; there is none from NONCES on."""
        return bit >= NONCES or self.used >> bit & 1 == 1

    def in_epoch(self, epoch: int) -> Account | None:
        """Return the account in its own epoch, or in the next if its nonces are used up."""
        if epoch == self.epoch:
            return self
        follows = self.used == ALL_USED and epoch == self.epoch + 1 <= LAST_EPOCH
        return Account(self.balance, epoch) if follows else None


class EscrowState(IntEnum):
    """Where a trade in escrow stands."""

    NONE = 0
    FUNDED = 1
    DELIVERED = 2
    DISPUTED = 3
    CLOSED = 4


@dataclass(frozen=True, slots=True)
class Held:
    """What a trade still holds of its payment, base units, and how it stands.

    `delivered` in units; `operator_set` rules on it; `uncovered`: the payment is refunded for want
    of attested capacity. `since` is when it came into its state; a grace period, or the window of a
    posted ruling, runs until a second and a block, 0 for none. Bond and deposits are held until it
    is closed.
    """

    payment: int = 0
    delivered: int = 0
    operator_set: int = 0
    state: EscrowState = EscrowState.NONE
    uncovered: bool = False
    since: int = 0
    grace_until: int = 0
    grace_block: int = 0
    split_nonce: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it waits for something."""
        return self.state not in (EscrowState.NONE, EscrowState.CLOSED)


@dataclass(frozen=True, slots=True)
class Posted:
    """A ruling that is posted, shares in basis points, and from when it may be executed.

    Not before `Held.grace_block` either.
    """

    number: int = 0
    payment_share: int = 0
    bond_share: int = 0
    deposit_share: int = 0
    executable_at: int = 0


@dataclass(frozen=True, slots=True)
class Exchange:
    """Everything the contract stores. Keys: account and token; supplier, resource and slot.

    `current_set` of the operators is followed by `next_set`, if that is not 0, at `next_since`.
    `owed` is all balances and escrows of a token together, base units. Beside that stands what the
    contract gets with each call: the trade of each escrow, by its digest. `time` and `block` are
    the latest that an event has named or needs: none that follows is of an earlier one. `last` is
    the event before, where the next one must fit to it.
    """

    domain: Domain
    parameters: Parameters = UNDEPLOYED
    modules: tuple[str, str] = (NOBODY, NOBODY)
    operator_sets: HashTrieMap[int, OperatorSet] = field(default_factory=HashTrieMap)
    current_set: int = 0
    next_set: int = 0
    next_since: int = 0
    decision_nonce: int = 0
    paused_until: int = 0
    tokens: frozenset[str] = frozenset()
    calendars: HashTrieMap[tuple[str, bytes], Calendar] = field(default_factory=HashTrieMap)
    slots: HashTrieMap[tuple[str, bytes, int], Slot] = field(default_factory=HashTrieMap)
    seals: HashTrieMap[tuple[str, bytes, int], bytes] = field(default_factory=HashTrieMap)
    listings: HashTrieMap[bytes, Listing] = field(default_factory=HashTrieMap)
    accounts: HashTrieMap[tuple[str, str], Account] = field(default_factory=HashTrieMap)
    intent_nonces: HashTrieMap[str, int] = field(default_factory=HashTrieMap)
    escrows: HashTrieMap[bytes, Trade] = field(default_factory=HashTrieMap)
    held: HashTrieMap[bytes, Held] = field(default_factory=HashTrieMap)
    rulings: HashTrieMap[bytes, Posted] = field(default_factory=HashTrieMap)
    owed: HashTrieMap[str, int] = field(default_factory=HashTrieMap)
    time: int = 0
    block: int = 0
    last: Event | None = None

    @classmethod
    def undeployed(cls, domain: Domain) -> Exchange:
        """Return an exchange that its constructor's events will bring to life."""
        return cls(domain)

    def operator_set(self, now: int) -> int:
        """Return the number of the operators' set at a time."""
        return self.next_set if self.next_set and now >= self.next_since else self.current_set

    def account_of(self, address: str, token: str) -> Account:
        """Return an account, empty if it was never used."""
        return self.accounts.get((address, token), Account())

    def supplier_of(self, listing: bytes) -> str:
        """Return whose a listing is, the zero address for none."""
        known = self.listings.get(listing)
        return known.supplier if known else NOBODY


def slot_end(listing: bytes) -> int:
    """Return the first second after a listing's slot, from its id alone."""
    return int.from_bytes(listing[27:], "big")


def credited(state: Exchange, token: str, *changes: tuple[str, int]) -> Exchange:
    """Return the state with balances changed. Raises Inconsistent below zero."""
    accounts = state.accounts
    for address, change in changes:
        old = accounts.get((address, token), Account())
        balance = old.balance + change
        if balance < 0:
            raise Inconsistent(f"{address} would hold {balance} base units of {token}")
        accounts = accounts.insert((address, token), Account(balance, old.epoch, old.used))
    return replace(state, accounts=accounts)


def at_time(state: Exchange, event: Event, time: int, block: int | None = None) -> Exchange:
    """Return the state at the time, and block, that an event names."""
    if time < state.time or (block is not None and block < state.block):
        raise Inconsistent(f"{told(event)} is of an earlier time or block than what came before")
    return replace(state, time=time, block=state.block if block is None else block)


def not_before(state: Exchange, time: int, block: int = 0) -> Exchange:
    """Return the state after an event that happens at or after a time and a block only."""
    if time <= state.time and block <= state.block:
        return state
    return replace(state, time=max(time, state.time), block=max(block, state.block))


def require_before(state: Exchange, event: Event, end: int) -> None:
    """Raise Inconsistent if an event that happens only before a time comes at or after it."""
    if state.time >= end:
        raise Inconsistent(f"{told(event)} comes at second {state.time} or later, not before {end}")
