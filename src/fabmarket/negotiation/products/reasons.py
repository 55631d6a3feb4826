"""Why a product was not bought, and what it would cost with nobody else there: for its owner.

What is paid at once and what is paid on delivery make no bundle, here as in what is bid for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from rpds import HashTrieMap

from fabmarket.negotiation.products.buyer import Buyer, kinds_of, slots_of
from fabmarket.negotiation.products.plan import Chain, Product, Slot, cheapest

TOO_LATE = "its last slot is over"
NO_LISTS = "no supplier said a price"
NO_CHAIN = "no listed slots make a chain within its times"
NOT_WORTH = "it is worth no more than the least prices of a chain"
NO_MONEY_FOR_IT = "the account or the day's budget has too little for it"
NO_ROOM_LEFT = "no room was left for a chain that is worth what it costs"
NOT_HELD = "its last bid was not held, or not booked, by all its suppliers"
NOT_SIGNED = "a supplier did not sign what it had booked"
TAKEN_BACK = "a step of it will not be delivered"
BUNDLE_NOT_SETTLED = "its bundle did not settle on chain"
BY_OWNER = "its owner does not want it any more"


Capacity: TypeAlias = Callable[[bytes], int]
"""The units of a listing, sold or not."""
_Slots: TypeAlias = Mapping[bytes, list[Slot]]


def why_not(buyer: Buyer, capacity: Capacity) -> str:
    """Return why nothing was booked in a cycle that ends, of what was still to be bought."""
    if not buyer.lists:
        return NO_LISTS
    product, buyer = buyer.product, replace(buyer, silent=frozenset())
    alone, gain = _wish(product, _alone(buyer, capacity))
    if alone is None:
        return NO_CHAIN
    if gain <= 0:
        return NOT_WORTH
    if alone.price > buyer.limit:
        return NO_MONEY_FOR_IT
    now, gain = _wish(product, _left(buyer))
    if now is None or gain <= 0:
        return NO_ROOM_LEFT
    return NO_MONEY_FOR_IT if now.price > buyer.limit else NOT_HELD


def least_cost(buyer: Buyer, capacity: Capacity) -> int:
    """Return what the cheapest chain costs at the last prices if nobody else buys, base units.

    Lateness included; of the whole product, what is bought already for nothing. 0 if there is none.
    """
    everybody = replace(buyer, silent=frozenset())
    found = (cheapest(buyer.product, slots) for slots in _alone(everybody, capacity))
    return min((chain.cost for chain in found if chain is not None), default=0)


def _wish(product: Product, plans: Iterator[_Slots]) -> tuple[Chain | None, int]:
    """Return what is best bought, None if nothing can be, and what that leaves beyond its cost.

    Where a beginning is of use and bought already, beyond what is had without buying more. What
    buys nothing is no chain: it cannot be bid for.
    """
    last = len(product.steps)
    lengths = range(last, 0, -1) if product.partial else (last,)
    found = [cheapest(product, slots, steps=length) for slots in plans for length in lengths]
    chains = [(product.worth(len(each.steps)) - each.cost, each) for each in found if each]
    had = max((gain for gain, chain in chains if not chain.fresh), default=0)
    fresh = [each for each in chains if each[1].fresh]
    if not fresh:
        return None, 0
    gain, chain = max(fresh, key=lambda each: each[0])
    return chain, gain - max(0, had)


def _left(buyer: Buyer) -> Iterator[_Slots]:
    """What is left of all that begins after this cycle, by kind of payment."""
    return (slots_of(buyer, instant=kind) for kind in kinds_of(buyer))


def _alone(buyer: Buyer, capacity: Capacity) -> Iterator[_Slots]:
    """The same with all that is listed, as if nobody had bought anything."""
    buyer = replace(buyer, paid=HashTrieMap())  # what rivals drove it to
    for slots in _left(buyer):
        yield {
            resource: [
                slot if slot.owned else replace(slot, room=capacity(slot.listing)) for slot in found
            ]
            for resource, found in slots.items()
        }
