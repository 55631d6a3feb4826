"""What an agent of each role starts from, and the step that it runs."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from rpds import HashTrieMap

from fabmarket.identity import Domain, Key, keccak
from fabmarket.market.cycles import Cycles
from fabmarket.market.delivery import INSTANT, Delivery
from fabmarket.market.messages import PriceTerms
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import TIME_LIMIT
from fabmarket.market.units import MICRO, NO_LIMIT, floor_int, name_to_bytes32
from fabmarket.negotiation import demander, operator, supplier
from fabmarket.negotiation.accepting import Accepts
from fabmarket.negotiation.course import CLOCK
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.drawing import drawn
from fabmarket.negotiation.netting.coordinating import Coordinator
from fabmarket.negotiation.netting.state import NetParty
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.policy import NO_BOUND, Policy
from fabmarket.negotiation.products.plan import Product, Way
from fabmarket.negotiation.products.purchase import Purchase, operation_id
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Choice, Want
from fabmarket.node.participant import Step
from fabmarket.node.settings import (
    AcceptsTable,
    BadSettings,
    CalendarTable,
    PolicyTable,
    ProductTable,
    Role,
    SellsTable,
    Settings,
    WantTable,
)

STEPS: dict[Role, tuple[type[Any], Step[Any]]] = {
    "supplier": (SupplierState, supplier.step),
    "demander": (DemanderState, demander.step),
    "operator": (OperatorState, operator.step),
}
"""Of each role: what its state is, and how it goes on."""


def initial_state(settings: Settings, key: Key, domain: Domain, rhythm: Rhythm) -> Any:
    """Return what a participant of these settings knows before it has heard anything.

    The same each time: without what its secrets are drawn from.
    """
    calendar, address = settings.calendar, key.address
    if calendar is None:
        return OperatorState(address, domain, net=_coordinator(settings, address, domain, rhythm))
    if settings.sells is not None:
        us = address, domain, rhythm
        sells = _supplier(settings, settings.sells, calendar, *us)
        return replace(sells, net=_net(settings, address, domain, rhythm, sells=True))
    wants = [want_of(calendar, each, address) for each in settings.wants]
    products = [product_of(calendar, each, address) for each in settings.products]
    bought = zip(products, settings.products, strict=True)
    return DemanderState(
        address=address,
        token=settings.market.token,
        domain=domain,
        rhythm=rhythm,
        wants=HashTrieMap({want.id: want for want in wants}),
        rounds_left=settings.releases,
        accepts=Accepts(**dict(settings.accepts or AcceptsTable())),
        order=tuple(want.id for want in wants),
        purchases=HashTrieMap({each.id: Purchase(each, table.cycles) for each, table in bought}),
        net=_net(settings, address, domain, rhythm, sells=False),
    )


def with_secrets(state: Any, chance: bytes) -> Any:
    """Return a first state with what its secrets are drawn from: 32 bytes of chance.

    They are in the journal alone, so that erased there they are gone.
    """
    if isinstance(state, OperatorState):
        return state
    ours, source = drawn(chance)
    if state.net is not None:
        state = replace(state, net=replace(state.net, source=source))
    return replace(state, source=ours) if isinstance(state, DemanderState) else state


def _net(
    settings: Settings, address: str, domain: Domain, rhythm: Rhythm, *, sells: bool
) -> NetParty | None:
    """A party's part in net cycles, if the market has them."""
    coordinator = settings.net.coordinator
    if not coordinator:
        return None
    us = address, domain, settings.market.token
    return NetParty(*us, Cycles(rhythm), coordinator, b"", sells)


def _coordinator(
    settings: Settings, address: str, domain: Domain, rhythm: Rhythm
) -> Coordinator | None:
    """Its part, unless another account is named: who nets names the one that it joins."""
    if settings.net.coordinator not in ("", address):
        return None
    return Coordinator(address, domain, settings.market.token, Cycles(rhythm))


def policy_of(settings: Settings) -> Policy:
    """Return what the owner allows to be signed."""
    table = settings.policy or PolicyTable()
    return Policy(
        partners=frozenset(table.partners),
        approve_above=NO_BOUND if table.approve_above is None else table.approve_above,
        budget=NO_BOUND if table.budget is None else table.budget,
        acknowledge=table.acknowledge,
        refuse_unsigned=table.refuse_unsigned,
        refund_uncovered=table.refund_uncovered,
        accept_returns=table.accept_returns,
        least=table.least,
        open=table.open,
    )


def resource_of(settings: Settings) -> bytes:
    """Return what the agent's card says it sells; zero for nothing."""
    return bytes(32) if settings.sells is None else name_to_bytes32(settings.sells.resource)


def _supplier(
    settings: Settings,
    sells: SellsTable,
    calendar: CalendarTable,
    address: str,
    domain: Domain,
    rhythm: Rhythm,
) -> SupplierState:
    terms = PriceTerms(
        concept=sells.concept,
        demand_weight=floor_int(Fraction(sells.a) * MICRO),
        supply_weight=floor_int(Fraction(sells.b) * MICRO),
        maintenance=sells.maintenance,
        capacity=0,
        token=settings.market.token,
        lots=sells.lots and sells.concept == CLOCK,
        step=sells.step if sells.concept == CLOCK else 0,
        least=sells.masked_from,
    )
    return SupplierState(
        address=address,
        domain=domain,
        rhythm=rhythm,
        resource=name_to_bytes32(sells.resource),
        origin=calendar.origin,
        slot_length=calendar.slot_length,
        terms=terms,
        delivery=INSTANT if sells.delivery is None else Delivery(**dict(sells.delivery)),
    )


def want_of(calendar: CalendarTable, table: WantTable, address: str) -> Want:
    """Return the want that a table of the settings describes."""
    end = _end_of(calendar, table.name, table.slot)
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
        id=want_id(table.name, address),
        start=end - calendar.slot_length,
        end=end,
        divisible=table.divisible,
        choices=tuple(choices),
    )


def _end_of(calendar: CalendarTable, name: str, slot: int) -> int:
    end = calendar.origin + (slot + 1) * calendar.slot_length
    if end >= TIME_LIMIT:
        problem = f"{name}: slot {slot} ends too late for the contract"
        raise BadSettings(f"{problem}; give an earlier one")
    return end


def product_of(calendar: CalendarTable, table: ProductTable, address: str) -> Product:
    """Return the product that a table of the settings describes."""
    origin, length = calendar.origin, calendar.slot_length
    last = _end_of(calendar, table.name, table.last)
    due = table.last if table.due is None else table.due
    return Product(
        id=want_id(table.name, address),
        steps=tuple(
            tuple(Way(name_to_bytes32(way.resource), way.quantity) for way in each.alternatives)
            for each in table.operations
        ),
        release=origin + table.release * length,
        due=origin + (due + 1) * length,
        last=last,
        value=table.value,
        lateness=table.lateness,
        late_every=length,
        partial=table.partial,
    )


def names_of(product: bytes, name: str, operations: Iterable[str]) -> dict[bytes, str]:
    """Return what the owner calls a product and its operations, by their ids."""
    steps = {operation_id(product, at): each for at, each in enumerate(operations)}
    return {product: name, **steps}


def want_id(name: str, address: str) -> bytes:
    """Return the id of the want or product that an owner calls so."""
    return keccak(f"{address}|{name}".encode())
