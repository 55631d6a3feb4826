"""What a demander knows of all that is listed: whose it is, when, and how much there is of it."""

from dataclasses import replace

from fabmarket.market.events import Listed, ListingEvent, SlotAttested
from fabmarket.market.trade import listing_id
from fabmarket.negotiation.demander.state import DemanderState, Place


def listed(state: DemanderState, event: ListingEvent) -> DemanderState:
    """Note what was added to a listing of a known calendar, or taken off it by its owner.

    What the exchange takes off because less is attested, `Place.attested` says already.
    """
    calendar = state.calendars[event.supplier, event.resource]
    times = (calendar.end(event.slot - 1), calendar.end(event.slot))
    new = Place(event.supplier, event.resource, event.slot, *times)
    place = state.listed.get(event.listing, new)
    if isinstance(event, Listed):
        place = replace(place, units=place.units + event.quantity)
    elif place.attested >= place.units:
        place = replace(place, units=place.units - event.quantity)
    return replace(state, listed=state.listed.insert(event.listing, place))


def attested(state: DemanderState, event: SlotAttested) -> DemanderState:
    """Note how much of a listed slot is attested; what is listed later is within that anyway."""
    calendar = state.calendars.get((event.supplier, event.resource))
    if calendar is None:
        return state
    end = calendar.end(event.slot)
    listing = listing_id(event.supplier, event.resource, event.slot, end)
    place = state.listed.get(listing)
    if place is None:
        return state
    place = replace(place, attested=event.quantity)
    return replace(state, listed=state.listed.insert(listing, place))
