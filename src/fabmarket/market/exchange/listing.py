"""Verification: registering, attesting, listing (contracts/src/ResourceVerification.sol)."""

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
    Open,
    RaiseListingEpoch,
    RegisterResource,
    Report,
    Unlist,
)
from fabmarket.market.exchange.record import record
from fabmarket.market.exchange.signatures import require_operators
from fabmarket.market.exchange.state import Calendar, Exchange, Listing, Reverted, Slot
from fabmarket.market.trade import TIME_LIMIT, commitment_of, listing_id


def register_resource(state: Exchange, caller: str, move: RegisterResource) -> tuple[Event, ...]:
    """Fix the calendar of a resource."""
    if move.slot_length == 0 or move.origin + move.slot_length >= TIME_LIMIT:
        raise Reverted("BadSlotLength", move.slot_length)
    if (caller, move.resource) in state.calendars:
        raise Reverted("AlreadyRegistered", caller, move.resource)
    return (ResourceRegistered(caller, move.resource, move.unit, move.origin, move.slot_length),)


def attest(state: Exchange, move: Attest, now: int) -> tuple[Event, ...]:
    """Store an attestation of open quantities."""
    it = move.attestation
    calendar = _calendar(state, it.supplier, it.resource, it.unit, it.first_slot, it.expiry, now)
    require_operators(state, it, move.signatures)
    events: list[Event] = []
    for slot, quantity in enumerate(it.quantities, start=it.first_slot):
        where = (it.supplier, it.resource, slot)
        _check_slot(state, calendar, *where, it.version)
        events.append(SlotAttested(*where, quantity, it.version, it.expiry))
        events += _fitted(state, where, quantity, calendar.end(slot))
    return tuple(events)


def attest_sealed(state: Exchange, move: AttestSealed, now: int) -> tuple[Event, ...]:
    """Store an attestation of a hidden quantity."""
    it = move.attestation
    calendar = _calendar(state, it.supplier, it.resource, it.unit, it.slot, it.expiry, now)
    require_operators(state, it, move.signatures)
    where = (it.supplier, it.resource, it.slot)
    _check_slot(state, calendar, *where, it.version)
    stored = SlotSealed(*where, it.commitment, it.version, it.expiry)
    return stored, *_fitted(state, where, 0, calendar.end(it.slot))


def _fitted(
    state: Exchange, where: tuple[str, bytes, int], attested: int, end: int
) -> tuple[Unlisted, ...]:
    """Take off the market, as far as it is unsold, what is committed above what is attested."""
    listing = listing_id(*where, end)
    available = state.listings.get(listing, Listing(where[0])).available
    excess = min(available, state.slots.get(where, Slot()).committed - attested)
    return (Unlisted(listing, *where, excess, available - excess),) if excess > 0 else ()


def _calendar(
    state: Exchange,
    supplier: str,
    resource: bytes,
    unit: bytes,
    slot: int,
    expiry: int,
    now: int,
) -> Calendar:
    calendar = state.calendars.get((supplier, resource))
    if calendar is None:
        raise Reverted("NotRegistered", supplier, resource)
    if unit != calendar.unit:
        raise Reverted("WrongUnit", resource, unit, calendar.unit)
    if expiry <= now:
        raise Reverted("AttestationExpired", resource, slot, expiry)
    return calendar


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


def open_(state: Exchange, move: Open, now: int) -> tuple[Event, ...]:
    """Reveal a hidden quantity and list what of it is not committed."""
    where = (move.supplier, move.resource, move.slot)
    if move.salt == bytes(32):
        raise Reverted("Unsalted")
    commitment = state.seals.get(where, bytes(32))
    if commitment != commitment_of(*where, move.quantity, move.salt):
        raise Reverted("WrongOpening", move.resource, move.slot, commitment)
    slot = state.slots[where]
    opened = SlotAttested(*where, move.quantity, slot.version, slot.expiry)
    left = max(0, move.quantity - slot.committed)
    state = record(state, opened)
    return opened, _listed(state, move.supplier, Report(move.resource, move.slot, left), now)


def list_(state: Exchange, caller: str, move: List, now: int) -> tuple[Event, ...]:
    """List the caller's capacity, all reports or none."""
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


def unlist(state: Exchange, caller: str, move: Unlist) -> tuple[Event, ...]:
    """Take unsold units off the market."""
    if move.quantity == 0:
        raise Reverted("ZeroQuantity")
    calendar = state.calendars.get((caller, move.resource))
    if calendar is None:
        raise Reverted("NotRegistered", caller, move.resource)
    _check_range(calendar, move.resource, move.slot)
    where = (caller, move.resource, move.slot)
    listing = listing_id(*where, calendar.end(move.slot))
    available = state.listings.get(listing, Listing(caller)).available
    if available < move.quantity:
        raise Reverted("InsufficientListing", listing, available, move.quantity)
    return (Unlisted(listing, *where, move.quantity, available - move.quantity),)


def raise_listing_epoch(state: Exchange, caller: str, move: RaiseListingEpoch) -> tuple[Event, ...]:
    """Void the unsettled trades of a listing."""
    listing = state.listings.get(move.listing)
    if listing is None or listing.supplier != caller:
        raise Reverted("UnknownListing", move.listing)
    return (ListingEpochRaised(move.listing, listing.epoch + 1),)
