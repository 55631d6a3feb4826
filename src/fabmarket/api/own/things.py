"""How things stand that orders are about: a trade that is over or another's, what is asked for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from fabmarket.api.pages.steps import CAUSES
from fabmarket.ledger.queries.escrows import escrow
from fabmarket.ledger.queries.trades import trade as settled
from fabmarket.market.exchange import EscrowState, Held
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.node.escrows import escrows_of
from fabmarket.node.ordered import buying
from fabmarket.node.owner import BadOrder, Owner
from fabmarket.node.placed import OrderFact
from fabmarket.node.planned import plans_of, wants_of
from fabmarket.node.prefix import NoneSuch
from fabmarket.report.wording import number


@dataclass(frozen=True)
class Pending:
    """What a supplier asks the operators to attest, and who has signed or refused so far."""

    first_slot: int
    quantities: tuple[int, ...]
    signed: int
    needed: int
    declined: dict[str, str]
    submitted: bool

    @property
    def told(self) -> str:
        """How far it has come, in words."""
        if self.submitted:
            return f"signed by {self.needed}, on its way to the chain"
        refused = f", refused by {len(self.declined)}" if self.declined else ""
        return f"signed {self.signed} of {self.needed}{refused}"


@dataclass(frozen=True)
class TradeFacts:
    """What is known of a trade that holds nothing of ours: as whom we are in it, "" for no party.

    `paid` are base units to the supplier and to the buyer, of what was in escrow; `cause` why.
    `voidable`: our signature of it can still be voided.
    """

    role: str
    state: str
    payment: int | None
    paid: tuple[int, int] | None
    cause: str
    since: int | None
    voidable: bool


def whole_of(owner: Owner, digits: str) -> str:
    """Return the digest that begins so, of a trade that the agent saw in escrow."""
    known = (f"0x{each.hex()}" for each in owner.exchange.escrows)
    return next((each for each in known if each.startswith(digits)), digits)


def trade_facts(owner: Owner, connection: Connection, digest: str) -> TradeFacts:
    """Return what chain and journal know of a trade."""
    row, paid = settled(connection, digest), escrow(connection, digest)
    key = bytes.fromhex(digest[2:]) if len(digest) == 66 else b""
    known, held = owner.exchange.escrows.get(key), owner.exchange.held.get(key, Held())
    sides = {"supplier": "", "demander": ""}
    if known is not None:
        sides = {
            "supplier": owner.exchange.supplier_of(known.listing),
            "demander": known.demander,
        }
    elif row is not None:
        sides = {"supplier": row.supplier, "demander": row.demander}
    role = next((role for role, who in sides.items() if who == owner.address), "")
    is_voidable, is_signed = _voidable(owner, digest)
    state = "unknown"
    if known is not None:
        state = held.state.name.lower()
    elif row is not None:
        state = "held" if row.is_escrow else "paid at once"
    elif is_signed:
        state = "signed" if is_voidable else "void"
    is_over = paid is not None and held.state not in _OPEN
    return TradeFacts(
        role=role or ("party" if is_signed else ""),
        state=state,
        payment=None if row is None else row.payment,
        paid=(paid.to_supplier, paid.to_demander) if paid is not None and is_over else None,
        cause=CAUSES.get(paid.cause, "") if paid is not None else "",
        since=paid.since if paid is not None else None if row is None else row.time,
        voidable=is_voidable and known is None and row is None,
    )


_OPEN = (EscrowState.FUNDED, EscrowState.DELIVERED, EscrowState.DISPUTED)


def _voidable(owner: Owner, digest: str) -> tuple[bool, bool]:
    """Whether our signature of a trade can be voided, and whether we signed it at all."""
    try:
        owner.signed(digest)
    except NoneSuch:
        return False, False
    try:
        buying.no_trade(owner, digest)
    except BadOrder:
        return False, True
    return True, True


def escrow_words(owner: Owner, digits: str) -> tuple[str, str]:
    """Return our role in an open trade in escrow, and its state; nothing of another."""
    if not digits or isinstance(owner.state, OperatorState):
        return "", ""
    found = escrows_of(owner.seen, owner.address, owner.state.escrows)
    return next(((it.role, it.state) for it in found if it.trade.startswith(digits)), ("", ""))


def pending_of(owner: Owner) -> list[Pending]:
    """Return what a supplier has asked for and is not stored yet."""
    state = owner.state
    if not isinstance(state, SupplierState):
        return []
    return [
        Pending(
            each.request.first_slot,
            tuple(each.request.quantities),
            len(each.endorsed),
            state.asking.sets.threshold(each.request.attestation.operator_set),
            dict(each.declined.items()),
            each.submitted,
        )
        for each in state.asking.asked.values()
    ]


def stands(owner: Owner, rows: Sequence[OrderFact]) -> dict[int, str]:
    """Return how what each order is about stands now, by number; nothing where that is all."""
    state = owner.state
    named = {each.name: each.state for each in wants_of(owner)}
    named |= {each.status.name: each.status.state for each in plans_of(owner)}
    asked = {(each.first_slot, each.quantities): each.told for each in pending_of(owner)}
    requests = (
        {
            f"request 0x{key.hex()}": f"signed {sum(not said for said in each.words.values())} of "
            f"{state.sets.threshold(each.request.attestation.operator_set)}"
            for key, each in state.requests.items()
        }
        if isinstance(state, OperatorState)
        else {}
    )
    found = {}
    for row in rows:
        told = ""
        if row.order in ("want", "product", "approve", "cancel") and row.about in named:
            told = named[row.about]
        elif row.order in ("ask", "list", "unlist", "open"):
            told = _of_slots(owner, row, asked)
        elif row.about.startswith("trade 0x"):
            key = bytes.fromhex(row.about.partition(":")[0].removeprefix("trade 0x"))
            held = owner.exchange.held.get(key)
            told = "" if held is None else held.state.name.lower()
        else:
            told = requests.get(row.about, "")
        if told and row.state not in ("failed", "refused"):
            found[row.number] = told
    return found


def _of_slots(
    owner: Owner, row: OrderFact, asked: Mapping[tuple[int, tuple[int, ...]], str]
) -> str:
    """How the slots stand that a supplier's order is about."""
    first, *more = map(int, re.findall("[0-9]+", row.about))
    if row.order == "ask":
        attested = f"{number(owner.counted(first).attested)} attested"
        return asked.get((first, tuple(more)), attested)
    return f"{number(owner.listing(first).available)} for sale"
