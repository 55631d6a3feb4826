"""What an agent of each role starts from, and the step that it runs."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from fractions import Fraction
from typing import Any

from rpds import HashTrieMap

from fabmarket.identity import Domain, keccak
from fabmarket.market.messages import PriceTerms
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.units import MICRO, NO_LIMIT, floor_int, name_to_bytes32
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Choice, Want
from fabmarket.node.participant import Step
from fabmarket.node.settings import BadSettings, Role, SellsTable, Settings, WantTable

STEPS: dict[Role, tuple[type[Any], Step[Any]]] = {
    "supplier": (SupplierState, supplier.step),
    "demander": (DemanderState, demander.step),
}
"""Of each role: what its state is, and how it goes on."""


def initial_state(settings: Settings, address: str, domain: Domain, rhythm: Rhythm) -> Any:
    """Return what a participant of these settings knows before it has heard anything."""
    if settings.sells is not None:
        return _supplier(settings, settings.sells, address, domain, rhythm)
    wants = [_want(settings, each, address) for each in settings.wants]
    return DemanderState(
        address=address,
        token=settings.market.token,
        domain=domain,
        rhythm=rhythm,
        wants=HashTrieMap({want.id: want for want in wants}),
        rounds_left=settings.releases,
        order=tuple(want.id for want in wants),
    )


def want_names(settings: Settings, address: str) -> dict[bytes, str]:
    """Return what the owner calls each want, by its id."""
    return {_id_of(each, address): each.name for each in settings.wants}


def resource_of(settings: Settings) -> bytes:
    """Return what the agent's card says it sells; zero for nothing."""
    return bytes(32) if settings.sells is None else name_to_bytes32(settings.sells.resource)


def _supplier(
    settings: Settings, sells: SellsTable, address: str, domain: Domain, rhythm: Rhythm
) -> SupplierState:
    terms = PriceTerms(
        concept=sells.concept,
        demand_weight=floor_int(Fraction(sells.a) * MICRO),
        supply_weight=floor_int(Fraction(sells.b) * MICRO),
        maintenance=sells.maintenance,
        capacity=0,
        token=settings.market.token,
    )
    return SupplierState(
        address=address,
        domain=domain,
        rhythm=rhythm,
        resource=name_to_bytes32(sells.resource),
        origin=settings.calendar.origin,
        slot_length=settings.calendar.slot_length,
        terms=terms,
    )


def _want(settings: Settings, table: WantTable, address: str) -> Want:
    calendar = settings.calendar
    start = calendar.origin + table.slot * calendar.slot_length
    choices = [
        Choice(
            name_to_bytes32(way.resource),
            NO_LIMIT if way.quantity is None else way.quantity,
            way.benefit - way.cost,
        )
        for way in table.alternatives
    ]
    if len({choice.resource for choice in choices}) < len(choices):
        raise BadSettings(f"wants: {table.name!r} names one resource twice; give each once")
    return Want(
        id=_id_of(table, address),
        start=start,
        end=start + calendar.slot_length,
        divisible=table.divisible,
        choices=tuple(choices),
    )


def _id_of(table: WantTable, address: str) -> bytes:
    return keccak(f"{address}|{table.name}".encode())
