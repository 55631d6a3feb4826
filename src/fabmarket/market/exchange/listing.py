"""Verification: registering, attesting, listing (contracts/src/ResourceVerification.sol)."""

from fabmarket.identity import digest
from fabmarket.market import trade as signed
from fabmarket.market.events import (
    Event,
    Listed,
    ListingEpochRaised,
    ResourceRegistered,
    SlotAttested,
    SlotSealed,
    Unlisted,
)
from fabmarket.market.exchange.moves import (
    Attest,
    AttestSealed,
    List,
    ListingMove,
    Open,
    OperatorSignature,
    RaiseListingEpoch,
    RegisterResource,
    Report,
    Unlist,
)
from fabmarket.market.exchange.record import fitted, record
from fabmarket.market.exchange.signatures import require_operators, require_signer, whole
from fabmarket.market.exchange.state import (
    Calendar,
    Exchange,
    Listing,
    Reverted,
    Slot,
    later,
)
from fabmarket.market.trade import (
    TIME_LIMIT,
    Attestation,
    SealedAttestation,
    commitment_of,
    listing_id,
)


def listing_events(state: Exchange, caller: str, move: ListingMove, now: int) -> tuple[Event, ...]:
    """Return the events of a call about capacity."""
    match move:
        case RegisterResource():
            return _register_resource(state, caller, move)
        case Attest():
            return _attest(state, move, now)
        case AttestSealed():
            return _attest_sealed(state, move, now)
        case Open():
            return _open(state, caller, move, now)
        case List():
            return _list(state, caller, move, now)
        case Unlist():
            return _unlist(state, caller, move, now)
        case RaiseListingEpoch():
            return _raise_listing_epoch(state, caller, move, now)


def _register_resource(state: Exchange, caller: str, move: RegisterResource) -> tuple[Event, ...]:
    if move.slot_length == 0 or move.origin + move.slot_length >= TIME_LIMIT:
        raise Reverted("BadSlotLength", move.slot_length)
    if (caller, move.resource) in state.calendars:
        raise Reverted("AlreadyRegistered", caller, move.resource)
    return (ResourceRegistered(caller, move.resource, move.unit, move.origin, move.slot_length),)


def _attest(state: Exchange, move: Attest, now: int) -> tuple[Event, ...]:
    it = move.attestation
    calendar = _checked(state, it, it.first_slot, now)
    _require_current(state, it, move.signatures, now)
    events: list[Event] = []
    for slot, quantity in enumerate(it.quantities, start=it.first_slot):
        where = (it.supplier, it.resource, slot)
        _check_slot(state, calendar, *where, it.version)
        stored = SlotAttested(*where, quantity, it.version, it.expiry)
        events += (stored, *fitted(state, stored))
    return tuple(events)


def _attest_sealed(state: Exchange, move: AttestSealed, now: int) -> tuple[Event, ...]:
    it = move.attestation
    calendar = _checked(state, it, it.slot, now)
    _require_current(state, it, move.signatures, now)
    where = (it.supplier, it.resource, it.slot)
    _check_slot(state, calendar, *where, it.version)
    stored = SlotSealed(*where, it.commitment, it.version, it.expiry)
    return stored, *fitted(state, stored)


def _checked(state: Exchange, it: Attestation | SealedAttestation, slot: int, now: int) -> Calendar:
    calendar = _calendar(state, it.supplier, it.resource)
    if it.unit != calendar.unit:
        raise Reverted("WrongUnit", it.resource, it.unit, calendar.unit)
    if (it.origin, it.slot_length) != (calendar.origin, calendar.slot_length):
        raise Reverted("WrongCalendar", it.resource, it.origin, it.slot_length)
    if it.expiry <= now:
        raise Reverted("AttestationExpired", it.resource, slot, it.expiry)
    return calendar


def _calendar(state: Exchange, supplier: str, resource: bytes) -> Calendar:
    calendar = state.calendars.get((supplier, resource))
    if calendar is None:
        raise Reverted("NotRegistered", supplier, resource)
    return calendar


def _require_current(
    state: Exchange,
    it: Attestation | SealedAttestation,
    signatures: tuple[OperatorSignature, ...],
    now: int,
) -> None:
    current = state.operator_set(now)
    if it.operator_set != current:
        raise Reverted("WrongOperatorSet", it.operator_set, current)
    require_operators(state, current, it, signatures)


def _check_slot(
    state: Exchange, calendar: Calendar, supplier: str, resource: bytes, slot: int, version: int
) -> None:
    _check_range(calendar, resource, slot)
    stored = state.slots.get((supplier, resource, slot), Slot()).version
    if version <= stored:
        raise Reverted("StaleVersion", resource, slot, version, stored)


def _check_range(calendar: Calendar, resource: bytes, slot: int) -> None:
    if calendar.end(slot) >= TIME_LIMIT:
        raise Reverted("SlotOutOfRange", resource, slot)


def _open(state: Exchange, caller: str, move: Open, now: int) -> tuple[Event, ...]:
    where = (move.supplier, move.resource, move.slot)
    if move.salt == bytes(32):
        raise Reverted("Unsalted")
    commitment = state.seals.get(where, bytes(32))
    if commitment != commitment_of(*where, move.quantity, move.salt):
        raise Reverted("WrongOpening", move.resource, move.slot, commitment)
    if caller != move.supplier:
        _require_consent(state, move, commitment, now)
    slot = state.slots[where]
    opened = SlotAttested(*where, move.quantity, slot.version, slot.expiry)
    left = move.quantity - slot.committed
    if left <= 0:
        return (opened,)
    state = record(state, opened)
    return opened, _listed(state, move.supplier, Report(move.resource, move.slot, left), now)


def _require_consent(state: Exchange, move: Open, commitment: bytes, now: int) -> None:
    """Revert unless the supplier agreed that somebody else opens its seal."""
    if now >= move.deadline:
        raise Reverted("OpeningExpired", move.deadline, now)
    listing = _listing(state, move.supplier, move.resource, move.slot)
    epoch = state.listings.get(listing, Listing(move.supplier)).epoch
    version = state.slots[move.supplier, move.resource, move.slot].version
    consent = signed.Open(listing, commitment, version, epoch, move.deadline)
    require_signer(move.supplier, digest(state.domain, consent), whole(move.signature))


def _listing(state: Exchange, supplier: str, resource: bytes, slot: int) -> bytes:
    calendar = _calendar(state, supplier, resource)
    _check_range(calendar, resource, slot)
    return listing_id(supplier, resource, slot, calendar.end(slot))


def _list(state: Exchange, caller: str, move: List, now: int) -> tuple[Event, ...]:
    events: list[Event] = []
    for report in move.reports:
        event = _listed(state, caller, report, now)
        state = record(state, event)
        events.append(event)
    return tuple(events)


def _listed(state: Exchange, supplier: str, report: Report, now: int) -> Listed:
    where = (supplier, report.resource, report.slot)
    if report.quantity == 0:
        raise Reverted("ZeroQuantity")
    slot = state.slots.get(where, Slot())
    if slot.version == 0:
        raise Reverted("NotAttested", report.resource, report.slot, report.quantity, 0)
    if slot.expiry <= now:
        raise Reverted("AttestationExpired", report.resource, report.slot, slot.expiry)
    end = state.calendars[supplier, report.resource].end(report.slot)
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
    listing = listing_id(*where, end)
    available = state.listings.get(listing, Listing(supplier)).available + report.quantity
    return Listed(listing, *where, report.quantity, available)


def _unlist(state: Exchange, caller: str, move: Unlist, now: int) -> tuple[Event, ...]:
    if move.quantity == 0:
        raise Reverted("ZeroQuantity")
    listing = _listing(state, caller, move.resource, move.slot)
    old = state.listings.get(listing, Listing(caller))
    if old.available < move.quantity:
        raise Reverted("InsufficientListing", listing, old.available, move.quantity)
    left = old.available - move.quantity
    unlisted = Unlisted(listing, caller, move.resource, move.slot, move.quantity, left)
    if left:
        return (unlisted,)
    return unlisted, ListingEpochRaised(listing, caller, later(old.epoch, now))


def _raise_listing_epoch(
    state: Exchange, caller: str, move: RaiseListingEpoch, now: int
) -> tuple[Event, ...]:
    listing = _listing(state, caller, move.resource, move.slot)
    epoch = state.listings.get(listing, Listing(caller)).epoch
    return (ListingEpochRaised(listing, caller, later(epoch, now)),)
