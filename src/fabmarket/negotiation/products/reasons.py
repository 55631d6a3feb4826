"""Why a product was not bought, as its owner is told."""

from collections.abc import Callable
from dataclasses import replace

from fabmarket.negotiation.products.buyer import Buyer, slots_of
from fabmarket.negotiation.products.plan import best

TOO_LATE = "its last slot is over"
NO_LISTS = "no supplier said a price"
NO_CHAIN = "no listed slots make a chain within its times"
NOT_WORTH = "it is worth no more than the least prices of a chain"
NO_MONEY_FOR_IT = "the account or the day's budget has too little for it"
NO_ROOM_LEFT = "no room is left for a chain that is worth what it costs"
NOT_HELD = "its last bid was not held, or not booked, by all its suppliers"
NOT_SIGNED = "a supplier did not sign what it had booked"
TAKEN_BACK = "a step of it will not be delivered"
BUNDLE_NOT_SETTLED = "its bundle did not settle on chain"
BY_OWNER = "its owner does not want it any more"


def why_not(buyer: Buyer, capacity: Callable[[bytes], int]) -> tuple[str, int]:
    """Return why nothing was booked in a cycle that ends, and the cost of a chain without rivals.

    Of what is still to be bought; 0 where no chain is possible at all. `capacity` are the units of
    a listing, sold or not.
    """
    if not buyer.lists:
        return NO_LISTS, 0
    product, slots = buyer.product, slots_of(replace(buyer, silent=frozenset()))
    empty = {
        resource: [
            slot if slot.owned else replace(slot, room=capacity(slot.listing)) for slot in found
        ]
        for resource, found in slots.items()
    }
    alone = best(product, empty)
    if alone is None:
        return NO_CHAIN, 0
    if alone.cost >= product.worth(len(alone.steps)):
        return NOT_WORTH, alone.cost
    if alone.price > buyer.limit:
        return NO_MONEY_FOR_IT, alone.cost
    now = best(product, slots)
    if now is None or now.cost >= product.worth(len(now.steps)):
        return NO_ROOM_LEFT, alone.cost
    return NOT_HELD, alone.cost
