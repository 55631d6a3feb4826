"""The owner's orders as the journal holds them, and what became of each."""

from collections.abc import Iterator
from dataclasses import dataclass

from fabmarket.identity.codec import BadText, decode
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.orders import AddProduct, AddWant, Order
from fabmarket.node.journal import Journal, Placed
from fabmarket.node.participant import Outcome
from fabmarket.node.roles import names_of, want_id
from fabmarket.node.settings import Settings

_VERBS = {
    "AddProduct": "product",
    "AddWant": "want",
    "AgreeSplit": "split",
    "AnswerUsage": "acknowledge or object",
    "Decline": "refuse",
    "DropProduct": "cancel",
    "DropWant": "cancel",
    "Endorse": "attest",
    "Judge": "rule",
    "PayIn": "deposit",
    "RaiseEpoch": "cancel",
    "RaiseListingEpoch": "cancel",
    "RefundUncovered": "refund",
    "RegisterResource": "register",
    "Release": "accept",
    "ReportUsage": "report",
    "VoidSplits": "void",
}
"""The commands that place an order, where they are called otherwise than it."""
_SHOWN = 10
"""Orders that have come to their end and are still shown."""


@dataclass(frozen=True)
class OrderStatus:
    """An order, as its command is called: `state` is waiting, under way, or what came of it."""

    number: int
    order: str
    state: str
    reason: str


def verb_of(order: Order) -> str:
    """Return the command that places such an order."""
    name = type(order).__name__
    return _VERBS.get(name, name.lower())


def outcome_of(placed: Placed | None) -> Outcome | None:
    """Return what came of an order, None while that is open."""
    if placed is None or placed.outcome is None:
        return None
    return decode(Outcome, placed.outcome)


def orders_of(journal: Journal) -> tuple[OrderStatus, ...]:
    """Return the orders that are open, and of the others the last."""
    found = [_status(placed, order) for placed, order in _orders(journal)]
    ended = [each.number for each in found if each.state not in ("waiting", "under way")]
    first = ended[-_SHOWN] if len(ended) > _SHOWN else 0
    return tuple(each for each in found if each.number >= first or each.number not in ended)


def names_in(journal: Journal, settings: Settings, address: str) -> dict[bytes, str]:
    """Return what the owner calls what it wants, by id: of the settings, and ordered since."""
    names = {want_id(each.name, address): each.name for each in settings.wants}
    for table in settings.products:
        operations = (each.name for each in table.operations)
        names |= names_of(want_id(table.name, address), table.name, operations)
    for _, order in _orders(journal):
        if order is not None:
            names |= names_by(order)
    return names


def names_by(order: Order) -> dict[bytes, str]:
    """Return what an order adds to these names."""
    match order:
        case AddWant(name, want):
            return {want.id: name}
        case AddProduct(name, operations, product):
            return names_of(product.id, name, operations)
        case _:
            return {}


def _orders(journal: Journal) -> Iterator[tuple[Placed, Order | None]]:
    for placed in journal.placed():
        try:
            yield placed, decode(Ordered, placed.body).order
        except BadText:
            yield placed, None  # another version's


def _status(placed: Placed, order: Order | None) -> OrderStatus:
    name = "unreadable" if order is None else verb_of(order)
    outcome = outcome_of(placed)
    if outcome is not None:
        return OrderStatus(placed.number, name, outcome.state, outcome.reason)
    state = "waiting" if placed.taken is None else "under way"
    return OrderStatus(placed.number, name, state, "")
