"""The owner's orders as the journal holds them, and what became of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fabmarket.identity import Domain, digest
from fabmarket.identity.codec import BadText, decode
from fabmarket.market.exchange import (
    List,
    Open,
    RaiseListingEpoch,
    RegisterResource,
    Unlist,
    Withdraw,
)
from fabmarket.market.trade import Trade
from fabmarket.market.units import name_from_bytes32
from fabmarket.negotiation.duties import Ask, Decline, Endorse, Judge, Seal, Show
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.orders import (
    AddProduct,
    AddWant,
    Approve,
    DropProduct,
    DropWant,
    Order,
    PayIn,
)
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
_OF = ("payment", "bond", "deposits")
_SHOWN = 10
"""Orders that have come to their end and are still shown."""


@dataclass(frozen=True)
class OrderStatus:
    """An order, as its command is called.

    `state` is waiting, under way, or what came of it: taken, where the agent noted it and no
    transaction was needed; done, by a transaction; failed or refused.
    """

    number: int
    order: str
    state: str
    reason: str


@dataclass(frozen=True)
class OrderFact:
    """An order by its command, and what it was `about`; its state as in `OrderStatus`.

    `taken` is when the agent took it, chain time. `block` and `transaction` are of the last
    transaction that was mined for it.
    """

    number: int
    order: str
    about: str
    state: str
    reason: str
    taken: int | None
    block: int | None
    transaction: str | None


def verb_of(order: Order) -> str:
    """Return the command that places such an order."""
    name = type(order).__name__
    return _VERBS.get(name, name.lower())


def outcome_of(placed: Placed | None) -> Outcome | None:
    """Return what came of an order, None while that is open."""
    if placed is None or placed.outcome is None:
        return None
    return decode(Outcome, placed.outcome)


def state_of(outcome: Outcome) -> str:
    """Return what came of an order, in a word (see `OrderStatus`)."""
    return "taken" if outcome.state == "done" and not outcome.transaction else outcome.state


def orders_of(journal: Journal) -> tuple[OrderStatus, ...]:
    """Return the orders that are open, and of the others the last."""
    found = [_status(placed, order) for placed, order in _orders(journal)]
    ended = [each.number for each in found if each.state not in ("waiting", "under way")]
    first = ended[-_SHOWN] if len(ended) > _SHOWN else 0
    return tuple(each for each in found if each.number >= first or each.number not in ended)


def facts_of(
    placed: Sequence[Placed], names: Mapping[bytes, str], domain: Domain
) -> tuple[OrderFact, ...]:
    """Return what these orders were about; `names` are the owner's, of what it wants by id."""
    return tuple(_fact(each, names, domain) for each in placed)


def _fact(placed: Placed, names: Mapping[bytes, str], domain: Domain) -> OrderFact:
    order, outcome = order_in(placed), outcome_of(placed)
    status = _status(placed, order)
    is_mined = outcome is not None and outcome.transaction != b""
    return OrderFact(
        number=placed.number,
        order=status.order,
        about="" if order is None else about(order, names, domain),
        state=status.state,
        reason=status.reason,
        taken=placed.taken,
        block=outcome.block if outcome is not None and is_mined else None,
        transaction=f"0x{outcome.transaction.hex()}" if outcome is not None and is_mined else None,
    )


def about(order: Order, names: Mapping[bytes, str], domain: Domain) -> str:
    """Return what an order is about: a name, a slot, an amount, the digest of a trade."""
    match order:
        case AddWant(name=name) | AddProduct(name=name):
            return name
        case DropWant(want=it) | DropProduct(product=it) | Approve(id=it):
            return names.get(it, f"0x{it.hex()}")
        case PayIn(amount=amount) | Withdraw(amount=amount):
            return f"{amount} base units"
        case List(reports=reports):
            return ", ".join(f"slot {each.slot}: {each.quantity} units" for each in reports)
        case Unlist(slot=slot, quantity=quantity) | Open(slot=slot, quantity=quantity):
            return f"slot {slot}: {quantity} units"
        case Seal(slot=slot) | RaiseListingEpoch(slot=slot):
            return f"slot {slot}"
        case Ask(first_slot=first, quantities=quantities):
            return f"from slot {first} on: {', '.join(map(str, quantities))}"
        case Endorse(attestations=asked):
            return ", ".join(f"request 0x{each.hex()}" for each in asked)
        case Decline(attestation=asked_for):
            return f"request 0x{asked_for.hex()}"
        case Show(exhibit=exhibit):
            return f"trade 0x{exhibit.trade.hex()}"
        case RegisterResource(resource=resource):
            return name_from_bytes32(resource)
        case Judge(trade=judged):
            shares = (
                f"{each / 100:g}% of the {of}" for each, of in zip(order.shares, _OF, strict=True)
            )
            return f"trade 0x{judged.hex()}: {', '.join(shares)} to the supplier"
        case _:
            trade = getattr(order, "trade", None)
            named = digest(domain, trade) if isinstance(trade, Trade) else trade
            return f"trade 0x{named.hex()}" if isinstance(named, bytes) else ""


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
        yield placed, order_in(placed)


def order_in(placed: Placed) -> Order | None:
    """Return what was ordered, None where another version of the program wrote it."""
    try:
        return decode(Ordered, placed.body).order
    except BadText:
        return None


def _status(placed: Placed, order: Order | None) -> OrderStatus:
    name = "unreadable" if order is None else verb_of(order)
    outcome = outcome_of(placed)
    if outcome is not None:
        return OrderStatus(placed.number, name, state_of(outcome), outcome.reason)
    state = "waiting" if placed.taken is None else "under way"
    return OrderStatus(placed.number, name, state, "")
