"""What a supplier's agent has for sale, and has attested."""

import secrets
from collections.abc import Mapping, Sequence

from fabmarket.market.exchange import List, Open, RegisterResource, Report, Unlist
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.duties import Ask, Seal
from fabmarket.node.owner import BadOrder, Owner


def registered(owner: Owner, unit: str) -> RegisterResource:
    """Register the resource that the settings name, counted in a unit of this name."""
    calendar = owner.calendar
    fixed = (calendar.origin, calendar.slot_length)
    return RegisterResource(owner.resource, name_to_bytes32(unit), *fixed)


def listed(owner: Owner, slot: int, quantity: int) -> List:
    """Offer so many units more of a slot."""
    owner.listing(slot)
    return List((Report(owner.resource, slot, quantity),))


MOST_AT_ONCE = 50
"""Slots that one order lists: far below what a transaction may cost."""


def listed_up_to(owner: Owner, units: Mapping[int, int]) -> tuple[List, int]:
    """Offer so many units of each slot, those counted that are listed or sold already.

    What is over is passed over. Returns the order, and for how many slots there is none yet, since
    one order lists MOST_AT_ONCE. BadOrder if nothing is left to list.
    """
    calendar, reports = owner.calendar, []
    for slot, quantity in sorted(units.items()):
        owner.listing(slot)
        more = quantity - owner.counted(slot).committed
        if more > 0 and calendar.origin + (slot + 1) * calendar.slot_length > owner.time:
            reports.append(Report(owner.resource, slot, more))
    if not reports:
        raise BadOrder("all of it is listed already, or over; see `fabmarket status`")
    return List(tuple(reports[:MOST_AT_ONCE])), len(reports[MOST_AT_ONCE:])


def opened(owner: Owner, slot: int) -> Open:
    """Open a sealed slot, and offer all of it."""
    sealed = owner.sealed(slot)
    return Open(owner.address, owner.resource, slot, sealed.quantity, sealed.salt)


def unlisted(owner: Owner, slot: int, quantity: int | None) -> Unlist:
    """Take so many unsold units of a slot off the market, None for all of them."""
    available = owner.listing(slot).available
    if available == 0:
        raise BadOrder(f"nothing of slot {slot} is for sale; see `fabmarket status`")
    return Unlist(owner.resource, slot, available if quantity is None else quantity)


def asked(
    owner: Owner, first: int, quantities: Sequence[int], expires: int | None, *, sealed: bool
) -> Ask | Seal:
    """Have so many units attested, of slot `first` and those that follow it.

    From second `expires` of chain time on nothing is listed by it; None: from the last slot's end
    on. Sealed, nobody but the operators sees how many: of one slot alone.
    """
    calendar = owner.settings.calendar
    if calendar is None or owner.settings.sells is None:
        raise BadOrder(f"{owner.folder}: only a supplier has something to attest")
    end = calendar.origin + (first + len(quantities)) * calendar.slot_length
    expiry = end if expires is None else expires
    if not sealed:
        return Ask(first, tuple(quantities), expiry)
    if len(quantities) > 1:
        problem = f"{len(quantities)} slots cannot be sealed as one"
        raise BadOrder(f"{problem}; ask for each by itself")
    if owner.counted(first).committed:
        problem = f"slot {first} is listed or sold in part, and a seal counts as 0 until opened"
        raise BadOrder(f"{problem}; unlist it first, or ask for it unsealed")
    return Seal(first, quantities[0], secrets.token_bytes(32), expiry)
