"""What an owner has to do before its agent can trade, or to get its money; as the agent knows."""

from collections.abc import Iterable, Iterator, Mapping

from fabmarket.market.exchange import Exchange, Slot
from fabmarket.market.units import name_from_bytes32
from fabmarket.negotiation.accepting import can_settle
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.products.purchase import Purchase, operation_id
from fabmarket.negotiation.products.reasons import NO_MONEY_FOR_IT
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.supplier.offering import lacking
from fabmarket.node.escrows import EscrowStatus


def todo_of(exchange: Exchange, state: object, names: Mapping[bytes, str]) -> tuple[str, ...]:
    """Return what is missing, each with the command that helps; nothing for an operator.

    `names` are the owner's, of what it wants by id.
    """
    if isinstance(state, SupplierState):
        return (*_of_token(exchange, state.terms.token), *_of_supplier(exchange, state))
    if isinstance(state, DemanderState):
        return (*_of_token(exchange, state.token), *_of_demander(state, names))
    return ()


def todo_of_escrows(escrows: Iterable[EscrowStatus]) -> tuple[str, ...]:
    """Return which trades wait for their owner to collect what a passed deadline gives it."""
    return tuple(line for each in escrows for line in _of_escrow(each))


def _of_escrow(escrow: EscrowStatus) -> Iterator[str]:
    for each in escrow.outcomes:
        if each.command == due_in(escrow):
            is_buyer = escrow.role == "demander"
            mine = each.to_demander if is_buyer else each.to_supplier
            why = _OVER["ruled" if each.command == "execute" else escrow.state.partition(",")[0]]
            what = f"trade {escrow.trade[:12]}: {why}: collect {mine:,} base units"
            yield f"{what}: fabmarket {each.command} {escrow.trade[:12]}"


_OVER = {
    "delivered": "nobody disputed the delivery in time",
    "funded": "it was not delivered in time",
    "disputed": "the operators did not rule in time",
    "uncovered": "the operators did not rule in time",
    "ruled": "the window of the ruling is over",
}


def due_in(escrow: EscrowStatus) -> str:
    """Return the command by which the owner collects what a passed deadline gives it, or ""."""
    if "execute" in escrow.can:
        return "execute"
    waiting = {"funded": "supplier", "delivered": "demander"}  # who let the deadline pass
    state = escrow.state.partition(",")[0]
    return "expire" if "expire" in escrow.can and waiting.get(state) != escrow.role else ""


def _of_token(exchange: Exchange, token: str) -> Iterator[str]:
    if exchange.tokens and token not in exchange.tokens:
        yield f"the exchange takes no deposits of market.token {token}: correct it"


def _of_supplier(exchange: Exchange, state: SupplierState) -> Iterator[str]:
    name = name_from_bytes32(state.resource)
    calendar = state.asking.calendar
    if calendar is None:
        yield f"{name} is not registered: fabmarket register"
        return
    fixed = (calendar.origin, calendar.slot_length)
    if fixed != (state.origin, state.slot_length):
        said = "registered with origin {}, slot_length {}".format(*fixed)
        yield f"{name} is {said}, so that [calendar] says something else: correct it"
    end = state.now + state.slot_length
    if not can_settle(state.delivery, state.now, end, state.purse.parameters, state.now):
        yield "the exchange takes no such terms as [sells.delivery]: correct it"
    slots = {
        number: slot
        for (supplier, resource, number), slot in exchange.slots.items()
        if (supplier, resource) == (state.address, state.resource)
    }
    to_come = {
        number: slot
        for number, slot in slots.items()
        if state.origin + (number + 1) * state.slot_length > state.now
    }
    if not any(slot.attested for slot in to_come.values()):
        asked = " (asked for; operators have to sign)" if state.asking.asked else ""
        yield f"no slot to come is attested{asked}: fabmarket ask"
    elif not any(_for_sale(state, number, slot) for number, slot in to_come.items()):
        yield "nothing of what is attested is for sale: fabmarket list"
    short = lacking(state)
    if short:
        yield f"bond and deposit of one unit take {short:,} base units more: fabmarket deposit"


def _for_sale(state: SupplierState, number: int, slot: Slot) -> bool:
    """Listed, or sold already."""
    return slot.committed > 0 or any(
        shelf.slot == number and shelf.available for shelf in state.shelves.values()
    )


def _of_demander(state: DemanderState, names: Mapping[bytes, str]) -> Iterator[str]:
    products = [each for each in state.purchases.values() if each.state in ("open", "signed")]
    if not products and not any(
        want.state not in ("served", "unserved", "cancelled") for want in state.in_order()
    ):
        yield "nothing is wanted: fabmarket want, or fabmarket product"
    elif state.purse.balance == 0:
        yield "the account has no money to buy with: fabmarket deposit"
    for purchase in sorted(products, key=lambda each: names.get(each.product.id, "")):
        if purchase.state == "open":
            yield from _of_product(state, purchase, names)


def _of_product(
    state: DemanderState, purchase: Purchase, names: Mapping[bytes, str]
) -> Iterator[str]:
    """What keeps a product from being bought that its owner can mend."""
    product = purchase.product
    name = names.get(product.id, f"0x{product.id.hex()}")
    if not state.is_allowed(product):
        yield f"{name} is worth more than policy.approve_above: fabmarket approve --product {name}"
    for at, ways in enumerate(product.steps):
        if not any(state.sellers.get(way.resource) for way in ways):
            operation = names.get(operation_id(product.id, at), str(at))
            sold = " or ".join(name_from_bytes32(way.resource) for way in ways)
            yield f"{name} / {operation}: nobody sells {sold}: wait, or correct and order it anew"
    if purchase.reason.endswith(NO_MONEY_FOR_IT) and 0 < state.free < purchase.least:
        more = purchase.least - state.free
        yield f"{name} would cost {more:,} base units more than are free: fabmarket deposit"
