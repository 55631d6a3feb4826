"""What is wanted and what waits for its owner, with what only the owner knows of it."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from fabmarket.ledger.queries.forms import Digits
from fabmarket.market.exchange import EscrowState, Held
from fabmarket.market.trade import Trade
from fabmarket.market.units import NO_LIMIT, name_from_bytes32
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.demander.state import Haggle
from fabmarket.negotiation.policy import NO_BOUND, most_of
from fabmarket.negotiation.products.purchase import Purchase, operation_id
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Want
from fabmarket.node.escrows import Seen
from fabmarket.node.journal import Journal
from fabmarket.node.owner import Owner
from fabmarket.node.placed import names_in
from fabmarket.node.products import ProductStatus, products_of, shown_of
from fabmarket.node.settings import JOURNAL


@dataclass(frozen=True)
class WayStatus:
    """One way to serve it: so many units of a resource, None for as many as pay.

    `margin` is what a unit is worth beyond what it costs beside its price, base units.
    """

    resource: str
    quantity: Digits | None
    margin: Digits | None


@dataclass(frozen=True)
class Wanted:
    """A want within [begins, ends), seconds of chain time; `reason` is of its last attempt.

    `most` is what it may cost, base units, None where that has no bound.
    `session` is the negotiation that it is in or was signed in, `trade` what was signed for it, ""
    for none.
    """

    name: str
    state: str
    reason: str
    begins: int
    ends: int
    divisible: bool
    ways: tuple[WayStatus, ...]
    most: Digits | None
    attempts: int
    session: str
    trade: str


@dataclass(frozen=True)
class OperationStatus:
    """A step of a product: waiting, bid for, booked, signed, bought, overdue, delivered, disputed
    or lost. What is overdue was bought, and its delivery was not stated in time.

    While it waits supplier, resource and trade are "" and it has neither time nor price. Times are
    [begins, ends), seconds of chain time, and `late` says that it ends after the product is due.
    """

    operation: str
    state: str
    ways: tuple[WayStatus, ...]
    supplier: str
    resource: str
    begins: int | None
    ends: int | None
    units: Digits | None
    unit_price: Digits | None
    trade: str
    late: bool


@dataclass(frozen=True)
class ProductPlan:
    """A product, operation by operation. Times in seconds of chain time, amounts in base units.

    Begun at `release` at the earliest and ended by `last`; each `late_every` seconds after `due`,
    begun, take `lateness` from its `value`.
    """

    status: ProductStatus
    value: Digits
    lateness: Digits
    late_every: int
    release: int
    due: int
    last: int
    operations: tuple[OperationStatus, ...]


@dataclass(frozen=True)
class ApprovalStatus:
    """What waits for the owner: a want or product by `name`, or a trade that we would sell under.

    `most` is what it may cost, or brings, base units; None where that has no bound. Of a trade
    `until` is when it can settle no more, seconds of chain time.
    """

    kind: str
    name: str
    most: Digits | None
    until: int | None


def wants_of(owner: Owner) -> list[Wanted]:
    """Return what a demander wants, in its order; nothing of another role."""
    state, names = _known(owner)
    if not isinstance(state, DemanderState):
        return []
    with closing(Journal.reading(owner.folder / JOURNAL)) as journal:
        signed = {
            want.id: journal.session_of(want.trade) for want in state.in_order() if want.trade
        }
    sessions = under_way(state) | {each: found for each, found in signed.items() if found}
    return [_wanted(state, want, names, sessions) for want in state.in_order()]


def under_way(state: DemanderState) -> dict[bytes, bytes]:
    """Return the sessions under way, by the want that each is for."""
    found = {
        state.selections[each].sub_task: session
        for each, session in state.seated.items()
        if each in state.selections and session in state.talks
    }
    haggles = ((key, talk) for key, talk in state.talks.items() if isinstance(talk, Haggle))
    return found | {talk.want: session for session, talk in haggles}


def plans_of(owner: Owner) -> list[ProductPlan]:
    """Return the products of a demander by name; nothing of another role."""
    state, names = _known(owner)
    return plans_in(state, names, owner.seen) if isinstance(state, DemanderState) else []


def plans_in(state: DemanderState, names: Mapping[bytes, str], seen: Seen) -> list[ProductPlan]:
    """Return the products of a demander who has seen so much of the chain, by name."""
    statuses = {each.name: each for each in products_of(state, names)}
    plans = (
        _plan(state, each, statuses[_name(each.product.id, names)], names, seen)
        for each in state.purchases.values()
    )
    return sorted(plans, key=lambda each: each.status.name)


def approvals_of(owner: Owner) -> list[ApprovalStatus]:
    """Return what waits for the owner's approval."""
    state, names = _known(owner)
    if isinstance(state, DemanderState):
        return list(_to_buy(state, names))
    return list(_to_sell(state)) if isinstance(state, SupplierState) else []


def _known(owner: Owner) -> tuple[object, Mapping[bytes, str]]:
    """What an agent's journal says: its state, and the owner's names by id."""
    state = owner.state  # first: what is named in it was ordered before
    with closing(Journal.reading(owner.folder / JOURNAL)) as journal:
        return state, names_in(journal, owner.settings, owner.address)


def _name(named: bytes, names: Mapping[bytes, str]) -> str:
    return names.get(named, f"0x{named.hex()}")


def _wanted(
    state: DemanderState,
    want: Want,
    names: Mapping[bytes, str],
    sessions: Mapping[bytes, bytes],
) -> Wanted:
    is_allowed = want.state != "open" or state.is_allowed(want)
    return Wanted(
        name=_name(want.id, names),
        state=want.state if is_allowed else "to be approved",
        reason=want.attempts[-1].reason if want.attempts and want.state != "served" else "",
        begins=want.start,
        ends=want.end,
        divisible=want.divisible,
        ways=tuple(
            WayStatus(
                name_from_bytes32(each.resource),
                None if each.quantity == NO_LIMIT else each.quantity,
                each.margin,
            )
            for each in want.choices
        ),
        most=None if most_of(want) == NO_BOUND else most_of(want),
        attempts=len(want.attempts),
        session=f"0x{sessions[want.id].hex()}" if want.id in sessions else "",
        trade=f"0x{want.trade.hex()}" if want.trade else "",
    )


def _plan(
    state: DemanderState,
    purchase: Purchase,
    status: ProductStatus,
    names: Mapping[bytes, str],
    seen: Seen,
) -> ProductPlan:
    product = purchase.product
    return ProductPlan(
        status=status,
        value=product.value,
        lateness=product.lateness,
        late_every=product.late_every,
        release=product.release,
        due=product.due,
        last=product.last,
        operations=tuple(
            _operation(state, purchase, status, at, names, seen) for at in range(len(product.steps))
        ),
    )


def _operation(
    state: DemanderState,
    purchase: Purchase,
    status: ProductStatus,
    at: int,
    names: Mapping[bytes, str],
    seen: Seen,
) -> OperationStatus:
    product = purchase.product
    name = _name(operation_id(product.id, at), names)
    ways = tuple(
        WayStatus(name_from_bytes32(each.resource), each.quantity, None)
        for each in product.steps[at]
    )
    chain = shown_of(state, purchase).chain
    if chain is None or at >= len(chain.steps):
        return OperationStatus(
            name, "waiting", ways, "", "", None, None, None, None, "", late=False
        )
    step, place = status.chain[at], state.listed[chain.steps[at].slot.listing]
    return OperationStatus(
        operation=name,
        state=_state(status, at, seen),
        ways=ways,
        supplier=step.supplier,
        resource=name_from_bytes32(place.resource),
        begins=place.start,
        ends=place.end,
        units=step.units,
        unit_price=step.unit_price,
        trade=step.trade,
        late=place.end > product.due,
    )


def _state(status: ProductStatus, at: int, seen: Seen) -> str:
    step = status.chain[at]
    if step.lost:
        return "lost"
    trade = bytes.fromhex(step.trade[2:])
    held = seen.exchange.held.get(trade, Held())
    match held.state:
        case EscrowState.DISPUTED:
            return "disputed"
        case EscrowState.DELIVERED | EscrowState.CLOSED if held.delivered:
            return "delivered"
        case EscrowState.FUNDED if seen.exchange.escrows[trade].escrow.deliver_by <= seen.time:
            return "overdue"
    if status.state in ("open", "to be approved"):
        return "bought" if step.trade else "waiting"
    return status.state


def _to_buy(state: DemanderState, names: Mapping[bytes, str]) -> Iterator[ApprovalStatus]:
    for want in state.in_order():
        if want.state == "open" and not state.is_allowed(want):
            most = most_of(want)
            bound = None if most == NO_BOUND else most
            yield ApprovalStatus("want", _name(want.id, names), bound, want.end)
    for each in state.purchases.values():
        product = each.product
        if each.state == "open" and not state.is_allowed(product):
            yield ApprovalStatus("product", _name(product.id, names), product.value, product.last)


def _to_sell(state: SupplierState) -> Iterator[ApprovalStatus]:
    for key, together in state.held.items():
        trades: list[Trade] = [each.trade for each in together]
        until = min(each.valid_until for each in trades)
        if until > state.now:
            paid = sum(each.payment for each in trades)
            yield ApprovalStatus("trade", f"0x{key.hex()}", paid, until)
