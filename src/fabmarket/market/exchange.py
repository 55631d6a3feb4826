"""The readable twin of the exchange contract.

`step` says what a call does: the events it emits and the state after, or the named error it reverts
with. `record` folds one event into the state; the state after a step is the fold of its events, so
an auditor who has only the chain's logs rebuilds exactly the same state.

Not modelled: ERC-20 allowances and wallets (a deposit that the token refuses never gets here), gas.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fabmarket.errors import Refused
from fabmarket.identity import BadSignature, Domain, digest, recover
from fabmarket.market.events import (
    Deposited,
    Event,
    Listed,
    OperatorsSet,
    ResourceRegistered,
    Settled,
    SlotAttested,
    TokensSet,
    Withdrawn,
)
from fabmarket.market.trade import Attestation, Escrow, Trade, listing_id


class Reverted(Refused):
    """The exchange refuses a move: the contract's error name and its arguments."""

    def __init__(self, error: str, *values: Any) -> None:
        super().__init__(f"{error}({', '.join(map(str, values))})")
        self.error = error
        self.values = values


class Inconsistent(Refused):
    """An event cannot follow from the state: the log is not this exchange's."""


@dataclass(frozen=True)
class Calendar:
    """Slot k covers [origin + k·slot_length, origin + (k+1)·slot_length) seconds."""

    unit: bytes
    origin: int
    slot_length: int

    def end(self, slot: int) -> int:
        """Return the first second after the slot."""
        return self.origin + (slot + 1) * self.slot_length


@dataclass(frozen=True)
class Slot:
    """What is attested and how much of it is listed or delivered, in units."""

    attested: int = 0
    committed: int = 0
    version: int = 0
    expiry: int = 0


@dataclass(frozen=True)
class Listing:
    """What can still be bought of one slot, in units."""

    supplier: str
    available: int
    slot_end: int
    resource: bytes
    slot: int


@dataclass(frozen=True)
class Exchange:
    """The whole state of the contract."""

    domain: Domain
    operators: tuple[str, ...] = ()
    threshold: int = 0
    tokens: tuple[str, ...] = ()
    calendars: Mapping[tuple[str, bytes], Calendar] = field(default_factory=dict)
    slots: Mapping[tuple[str, bytes, int], Slot] = field(default_factory=dict)
    listings: Mapping[bytes, Listing] = field(default_factory=dict)
    balances: Mapping[tuple[str, str], int] = field(default_factory=dict)
    used_nonces: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True)
class RegisterResource:
    """The caller fixes unit and calendar of its resource."""

    resource: bytes
    unit: bytes
    origin: int
    slot_length: int


@dataclass(frozen=True)
class Attest:
    """Anyone submits an attestation with the operators' signatures."""

    attestation: Attestation
    signatures: tuple[bytes, ...]


@dataclass(frozen=True)
class Report:
    """The caller claims `quantity` free units of a resource in a slot."""

    resource: bytes
    slot: int
    quantity: int


@dataclass(frozen=True)
class ListCapacity:
    """The caller lists capacity, all reports or none."""

    reports: tuple[Report, ...]


@dataclass(frozen=True)
class Deposit:
    """The caller pays `amount` base units in."""

    token: str
    amount: int


@dataclass(frozen=True)
class Withdraw:
    """The caller takes `amount` base units out."""

    token: str
    amount: int


@dataclass(frozen=True)
class Settle:
    """Anyone submits a trade that both parties signed."""

    trade: Trade
    demander_signature: bytes
    supplier_signature: bytes


Move = RegisterResource | Attest | ListCapacity | Deposit | Withdraw | Settle


def step(state: Exchange, caller: str, move: Move, now: int) -> tuple[Exchange, tuple[Event, ...]]:
    """Return the state after `caller`'s move at chain time `now`, and its events.

    Raises Reverted, and then nothing has changed.
    """
    match move:
        case RegisterResource():
            events = _register(state, caller, move)
        case Attest():
            events = _attest(state, move, now)
        case ListCapacity():
            return _list(state, caller, move, now)
        case Deposit():
            events = _deposit(state, caller, move)
        case Withdraw():
            events = _withdraw(state, caller, move)
        case Settle():
            events = _settle(state, move, now)
    for event in events:
        state = record(state, event)
    return state, events


def _register(state: Exchange, caller: str, move: RegisterResource) -> tuple[Event, ...]:
    if not 0 < move.slot_length < (1 << 64) - move.origin:
        raise Reverted("BadSlotLength", move.slot_length)
    if (caller, move.resource) in state.calendars:
        raise Reverted("AlreadyRegistered", caller, move.resource)
    return (ResourceRegistered(caller, move.resource, move.unit, move.origin, move.slot_length),)


def _attest(state: Exchange, move: Attest, now: int) -> tuple[Event, ...]:
    it = move.attestation
    calendar = state.calendars.get((it.supplier, it.resource))
    if calendar is None:
        raise Reverted("NotRegistered", it.supplier, it.resource)
    if it.unit != calendar.unit:
        raise Reverted("WrongUnit", it.resource, it.unit, calendar.unit)
    if it.expiry <= now:
        raise Reverted("AttestationExpired", it.resource, it.first_slot, it.expiry)
    _check_operators(state, it, move.signatures)
    events = []
    for slot, quantity in enumerate(it.quantities, start=it.first_slot):
        if calendar.end(slot) >= 1 << 64:
            raise Reverted("SlotOutOfRange", it.resource, slot)
        stored = state.slots.get((it.supplier, it.resource, slot), Slot()).version
        if it.version <= stored:
            raise Reverted("StaleVersion", it.resource, slot, it.version, stored)
        events.append(SlotAttested(it.supplier, it.resource, slot, quantity, it.version, it.expiry))
    return tuple(events)


def _check_operators(
    state: Exchange, attestation: Attestation, signatures: tuple[bytes, ...]
) -> None:
    if len(signatures) < state.threshold:
        raise Reverted("TooFewSignatures", len(signatures), state.threshold)
    signed = digest(state.domain, attestation)
    last = 0
    for index, signature in enumerate(signatures):
        signer = _signer(signed, signature)
        if int(signer, 16) <= last or signer not in state.operators:
            raise Reverted("BadOperatorSignature", index, signer)
        last = int(signer, 16)


_NOBODY = "0x" + "0" * 40


def _signer(signed: bytes, signature: bytes) -> str:
    try:
        return recover(signed, signature)
    except BadSignature:
        return _NOBODY


def _list(
    state: Exchange, caller: str, move: ListCapacity, now: int
) -> tuple[Exchange, tuple[Event, ...]]:
    events: list[Event] = []
    for report in move.reports:
        if report.quantity == 0:
            raise Reverted("ZeroQuantity")
        slot = state.slots.get((caller, report.resource, report.slot), Slot())
        if slot.version == 0:
            raise Reverted("NotAttested", report.resource, report.slot, report.quantity, 0)
        if slot.expiry <= now:
            raise Reverted("AttestationExpired", report.resource, report.slot, slot.expiry)
        end = state.calendars[caller, report.resource].end(report.slot)
        if end <= now:
            raise Reverted("SlotEnded", report.resource, report.slot, end)
        if slot.committed + report.quantity > slot.attested:
            raise Reverted(
                "OverReported",
                report.resource,
                report.slot,
                report.quantity,
                slot.attested,
                slot.committed,
            )
        listing = listing_id(caller, report.resource, report.slot)
        held = state.listings.get(listing)
        available = (held.available if held else 0) + report.quantity
        event = Listed(listing, caller, report.resource, report.slot, report.quantity, available)
        state = record(state, event)
        events.append(event)
    return state, tuple(events)


def _deposit(state: Exchange, caller: str, move: Deposit) -> tuple[Event, ...]:
    if move.token not in state.tokens:
        raise Reverted("TokenNotAccepted", move.token)
    if move.amount == 0:
        raise Reverted("ZeroAmount")
    return (Deposited(caller, move.token, move.amount),)


def _withdraw(state: Exchange, caller: str, move: Withdraw) -> tuple[Event, ...]:
    if move.amount == 0:
        raise Reverted("ZeroAmount")
    held = state.balances.get((caller, move.token), 0)
    if held < move.amount:
        raise Reverted("InsufficientBalance", caller, move.token, held, move.amount)
    return (Withdrawn(caller, move.token, move.amount),)


def _settle(state: Exchange, move: Settle, now: int) -> tuple[Event, ...]:
    trade = move.trade
    if trade.quantity == 0:
        raise Reverted("ZeroQuantity")
    if trade.unit_price == 0:
        raise Reverted("ZeroPrice")
    listing = state.listings.get(trade.listing)
    if listing is None:
        raise Reverted("UnknownListing", trade.listing)
    if now >= trade.valid_until:
        raise Reverted("TradeExpired", trade.valid_until, now)
    if trade.valid_until > listing.slot_end:
        raise Reverted("ValidPastSlot", trade.valid_until, listing.slot_end)
    if trade.demander_epoch != 0 or trade.listing_epoch != 0:
        raise Reverted("WrongEpoch", trade.demander_epoch, trade.listing_epoch)
    if trade.demander == listing.supplier:
        raise Reverted("SelfTrade", trade.demander)
    # The contract is told no escrow: what it hashes settles at once.
    signed = digest(state.domain, replace(trade, escrow=Escrow()))
    for party, signature in (
        (trade.demander, move.demander_signature),
        (listing.supplier, move.supplier_signature),
    ):
        signer = _signer(signed, signature)
        if signer != party or signer == _NOBODY:
            raise Reverted("BadSignature", party, signer)
    if (trade.demander, trade.nonce) in state.used_nonces:
        raise Reverted("NonceUsed", trade.demander, trade.nonce)
    if trade.quantity > listing.available:
        raise Reverted("InsufficientListing", trade.listing, listing.available, trade.quantity)
    payment = trade.quantity * trade.unit_price
    held = state.balances.get((trade.demander, trade.token), 0)
    if held < payment:
        raise Reverted("InsufficientBalance", trade.demander, trade.token, held, payment)
    return (
        Settled(
            signed,
            trade.listing,
            trade.demander,
            listing.supplier,
            trade.token,
            trade.quantity,
            trade.unit_price,
            trade.nonce,
            trade.transcript,
            trade.bundle,
        ),
    )


def record(state: Exchange, event: Event) -> Exchange:
    """Return the state after `event`. Raises Inconsistent if it cannot have happened."""
    match event:
        case OperatorsSet():
            return replace(state, operators=event.operators, threshold=event.threshold)
        case TokensSet():
            return replace(state, tokens=event.tokens)
        case ResourceRegistered():
            owned = (event.supplier, event.resource)
            if owned in state.calendars:
                raise Inconsistent(f"{event} registers a resource twice")
            calendar = Calendar(event.unit, event.origin, event.slot_length)
            return replace(state, calendars={**state.calendars, owned: calendar})
        case SlotAttested():
            return _record_attested(state, event)
        case Listed():
            return _record_listed(state, event)
        case Deposited():
            if event.token not in state.tokens:
                raise Inconsistent(f"{event} pays in a token that is not accepted")
            return _with_balance(state, event.account, event.token, event.amount)
        case Withdrawn():
            return _with_balance(state, event.account, event.token, -event.amount)
        case Settled():
            return _record_settled(state, event)


def _with_balance(state: Exchange, account: str, token: str, change: int) -> Exchange:
    held = state.balances.get((account, token), 0) + change
    if held < 0:
        raise Inconsistent(f"{account} would hold {held} base units of {token}")
    return replace(state, balances={**state.balances, (account, token): held})


def _record_attested(state: Exchange, event: SlotAttested) -> Exchange:
    where = (event.supplier, event.resource, event.slot)
    old = state.slots.get(where, Slot())
    if (event.supplier, event.resource) not in state.calendars:
        raise Inconsistent(f"{event} attests a resource that is not registered")
    if event.version <= old.version:
        raise Inconsistent(f"{event} follows version {old.version}")
    new = Slot(event.quantity, old.committed, event.version, event.expiry)
    return replace(state, slots={**state.slots, where: new})


def _record_listed(state: Exchange, event: Listed) -> Exchange:
    where = (event.supplier, event.resource, event.slot)
    if event.listing != listing_id(*where):
        raise Inconsistent(f"{event} has another slot's listing id")
    calendar = state.calendars.get((event.supplier, event.resource))
    slot = state.slots.get(where, Slot())
    committed = slot.committed + event.quantity
    old = state.listings.get(event.listing)
    available = (old.available if old else 0) + event.quantity
    if calendar is None or committed > slot.attested or available != event.available:
        raise Inconsistent(
            f"{event} leaves {committed} committed of {slot.attested} attested,"
            f" {available} available"
        )
    end = calendar.end(event.slot)
    listing = Listing(event.supplier, available, end, event.resource, event.slot)
    return replace(
        state,
        slots={**state.slots, where: replace(slot, committed=committed)},
        listings={**state.listings, event.listing: listing},
    )


def _record_settled(state: Exchange, event: Settled) -> Exchange:
    listing = state.listings.get(event.listing)
    used = (event.demander, event.nonce)
    if listing is None or listing.supplier != event.supplier:
        raise Inconsistent(f"{event} names a listing of somebody else")
    if listing.available < event.quantity or used in state.used_nonces:
        raise Inconsistent(f"{event} sells what is gone or settles twice")
    payment = event.quantity * event.unit_price
    state = _with_balance(state, event.demander, event.token, -payment)
    state = _with_balance(state, event.supplier, event.token, payment)
    left = replace(listing, available=listing.available - event.quantity)
    return replace(
        state,
        listings={**state.listings, event.listing: left},
        used_nonces=state.used_nonces | {used},
    )
