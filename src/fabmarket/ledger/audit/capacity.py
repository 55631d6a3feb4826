"""Capacity sold twice, counted from the events alone, without the twin.

The twin says by the contract's rules that this cannot be. Were both wrong in one way, neither would
see it: here nothing is known but that what is sold of a slot, less what is given back, must not be
more than is attested for it when it is sold.
"""

from dataclasses import dataclass

from fabmarket.ledger.audit.checks import Check
from fabmarket.market.events import (
    CommitmentReduced,
    Event,
    Listed,
    NetSettled,
    Settled,
    SlotAttested,
    SlotSealed,
    Uncovered,
    Unlisted,
)
from fabmarket.market.net import unpack_sales

Place = tuple[str, bytes, int]


@dataclass
class _Slot:
    """Units attested, for sale, and sold for good so far."""

    attested: int = 0
    offered: int = 0
    sold: int = 0


class Capacity:
    """What is attested, for sale and sold of each slot; in `check` each sale beyond it."""

    def __init__(self) -> None:
        self.check = Check("no slot is sold beyond what is attested", "attested are")
        self._slots: dict[Place, _Slot] = {}
        self._places: dict[bytes, Place] = {}
        self._reduced: Place | None = None

    def note(self, event: Event, where: str) -> None:
        """Count an event that stands `where`."""
        match event:
            case SlotAttested():
                self._of(event).attested = event.quantity
            case SlotSealed():
                self._of(event).attested = 0  # until it is opened
            case Listed() | Unlisted():
                self._places[event.listing] = (event.supplier, event.resource, event.slot)
                self._of(event).offered = event.available
            case Settled():
                self._sold(event.listing, event.quantity, where)
            case NetSettled():
                for sale in unpack_sales(event.sales):
                    self._sold(sale.listing, sale.quantity, where)
            case CommitmentReduced():
                self._of(event).sold -= event.quantity
                self._reduced = (event.supplier, event.resource, event.slot)
            case Uncovered() if self._reduced is not None:
                # What a buyer takes back for want of capacity is there for nobody else either.
                slot = self._slots[self._reduced]
                slot.attested = min(slot.attested, slot.sold + slot.offered)

    def _of(
        self, event: SlotAttested | SlotSealed | Listed | Unlisted | CommitmentReduced
    ) -> _Slot:
        where = (event.supplier, event.resource, event.slot)
        return self._slots.setdefault(where, _Slot())

    def _sold(self, listing: bytes, units: int, where: str) -> None:
        self.check.compared += 1
        place = self._places.get(listing)
        slot = _Slot() if place is None else self._slots[place]
        slot.sold += units
        slot.offered -= units
        if slot.sold > slot.attested:
            supplier, _, number = place or ("nobody", b"", 0)
            what = f"slot {number} of {supplier}, listing 0x{listing.hex()}"
            self.check.differs(what, where, f"{slot.sold} units sold", slot.attested)
