"""What an agent's journal says of it, for its owner; nothing is written, and no key is needed."""

from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fabmarket.errors import Refused
from fabmarket.identity.codec import decode
from fabmarket.ledger import EventLog
from fabmarket.ledger.queries.forms import Digits
from fabmarket.market.events import Announced
from fabmarket.market.exchange import Exchange, Slot
from fabmarket.market.oversight import SealedRequest
from fabmarket.market.trade import market_domain
from fabmarket.market.units import name_from_bytes32
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.supplier.state import Shelf
from fabmarket.node.board import Board
from fabmarket.node.escrows import Balance, EscrowStatus, Seen, balance_of, escrows_of, seen_of
from fabmarket.node.journal import Journal, UnusedJournal
from fabmarket.node.locking import is_held
from fabmarket.node.participant import folded
from fabmarket.node.past import Forgotten, forgotten_in
from fabmarket.node.placed import OrderStatus, names_in, orders_of
from fabmarket.node.products import ProductStatus, products_of
from fabmarket.node.roles import STEPS
from fabmarket.node.seals import seals_of
from fabmarket.node.settings import BOARD, JOURNAL, LOCK, Settings
from fabmarket.node.todo import todo_of, todo_of_escrows
from fabmarket.scenario import Currency


@dataclass(frozen=True)
class WantStatus:
    """How far a want has come; `reason`, until it is served, why its last attempt failed."""

    name: str
    state: str
    reason: str


@dataclass(frozen=True)
class StockStatus:
    """Units of a slot: attested by the operators, of those listed or sold, for sale, and promised.

    What is attested and neither listed nor sold can still be listed. `sealed` are attested too, but
    hidden until the slot is opened; None where nothing is.
    """

    slot: int
    attested: Digits
    committed: Digits
    available: Digits
    promised: Digits
    sealed: Digits | None


@dataclass(frozen=True)
class UnsignedStatus:
    """A demander that left so many awards unsigned, and from when on it is made offers again.

    `until` is chain time, and past where the policy refuses it no longer, or never did.
    """

    demander: str
    awards: int
    until: int


@dataclass(frozen=True)
class PeerStatus:
    """Whose card is on the board, what it sells ("" for nothing), and where its door is."""

    address: str
    sells: str
    url: str


@dataclass(frozen=True)
class Status:
    """What an agent knows: `letters` and `moves` are on their way.

    `block` is the last that was read of the chain, -1 before the first, `time` its time. `waits`
    says what an agent that runs waits for at the chain, "" where all is well. `todo` is
    what the owner has to do: to be paid what a deadline gives it, and before the agent can trade.
    `next_intent` is the nonce of the next call that the account signs for another to submit: those
    below it are done, or void. `requests` wait for an operator's word, `disputes` are those that it
    rules on. `forgotten` is how much its owner had it forget: `sessions` and `trades` are without.
    """

    block: int = -1
    time: int = 0
    waits: str = ""
    letters: int = 0
    moves: int = 0
    sessions: int = 0
    trades: int = 0
    wants: tuple[WantStatus, ...] = ()
    products: tuple[ProductStatus, ...] = ()
    stock: tuple[StockStatus, ...] = ()
    unsigned: tuple[UnsignedStatus, ...] = ()
    balance: Balance = field(default=Balance())
    currency: Currency | None = None
    escrows: tuple[EscrowStatus, ...] = ()
    orders: tuple[OrderStatus, ...] = ()
    next_intent: int = 0
    requests: int = 0
    disputes: int = 0
    peers: tuple[PeerStatus, ...] = ()
    todo: tuple[str, ...] = ()
    forgotten: Forgotten = field(default=Forgotten())

    def facts(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self)


def status_of(
    folder: Path, settings: Settings, seen: Seen | None = None, known: Any = None
) -> Status:
    """Return what an agent's journal says, and what it has read of the exchange and the board.

    `seen` is what is known of the exchange already, `known` the state that the journal leads to;
    else that is read anew.
    """
    if not has_begun(folder):
        return Status()
    seen = seen or seen_of(folder, market_domain(settings.chain.chain_id, settings.market.exchange))
    with closing(Journal.reading(folder / JOURNAL)) as journal:
        kind, step = STEPS[settings.role]
        state = folded(journal, step, kind) if known is None else known
        address = state.address
        names = names_in(journal, settings, address)
        escrows = _escrows(seen, state)
        return Status(
            block=seen.block,
            time=seen.time,
            waits=waits_for(folder) if is_running(folder) else "",
            letters=len(journal.letters()),
            moves=len(journal.moves()),
            sessions=len(journal.sessions()),
            trades=len(journal.trades()),
            wants=_wants(state, names) if isinstance(state, DemanderState) else (),
            products=products_of(state, names) if isinstance(state, DemanderState) else (),
            stock=_stock(seen.exchange, state, seals_of(journal))
            if isinstance(state, SupplierState)
            else (),
            unsigned=_unsigned(state) if isinstance(state, SupplierState) else (),
            balance=balance_of(seen.exchange, address, settings.market.token),
            escrows=escrows,
            next_intent=seen.exchange.intent_nonces.get(address, 0),
            requests=_requests(state) if isinstance(state, OperatorState) else 0,
            disputes=_disputes(state) if isinstance(state, OperatorState) else 0,
            currency=_currency(journal),
            orders=orders_of(journal),
            peers=_peers(folder / BOARD, settings),
            todo=(*todo_of_escrows(escrows), *todo_of(seen.exchange, state, names)),
            forgotten=forgotten_in(journal),
        )


def has_begun(folder: Path) -> bool:
    """Return whether an agent has a journal that says anything."""
    if not (folder / JOURNAL).exists():
        return False
    try:
        Journal.reading(folder / JOURNAL).close()
    except UnusedJournal:
        return False
    return True


def _currency(journal: Journal) -> Currency | None:
    noted = journal.about("currency")
    return None if noted is None else decode(Currency, noted)


def _peers(path: Path, settings: Settings) -> tuple[PeerStatus, ...]:
    market = settings.market
    board = Board(market_domain(settings.chain.chain_id, market.exchange), market.founder)
    if path.exists():
        with closing(EventLog[Announced].reading(path, is_kept=True)) as store:
            for announced in store.events():
                board.take(announced)
    return tuple(
        PeerStatus(
            card.author, name_from_bytes32(card.resource) if any(card.resource) else "", card.url
        )
        for _, card in sorted(board.cards.items())
    )


def _wants(state: DemanderState, names: dict[bytes, str]) -> tuple[WantStatus, ...]:
    return tuple(
        WantStatus(
            names.get(want.id, f"0x{want.id.hex()}"),
            want.state if want.state != "open" or state.is_allowed(want) else "to be approved",
            want.attempts[-1].reason if want.attempts and want.state != "served" else "",
        )
        for want in state.in_order()
    )


def _unsigned(state: SupplierState) -> tuple[UnsignedStatus, ...]:
    """Who left awards unsigned, those first who are refused longest."""
    found = [
        UnsignedStatus(demander, left.count, state.offers_again(demander))
        for demander, left in state.unsigned.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.until, each.demander)))


def _escrows(seen: Seen, state: Any) -> tuple[EscrowStatus, ...]:
    """Of the parties: an operator is none."""
    if isinstance(state, OperatorState):
        return ()
    return tuple(escrows_of(seen, state.address, state.escrows))


def _requests(state: OperatorState) -> int:
    return sum(state.address not in each.words for each in state.requests.values())


def _disputes(state: OperatorState) -> int:
    return sum(each.is_disputed for each in state.cases.values())


def _stock(
    exchange: Exchange, state: SupplierState, seals: dict[bytes, SealedRequest]
) -> tuple[StockStatus, ...]:
    shelves = {shelf.slot: shelf for shelf in state.shelves.values()}
    slots = {
        slot: found
        for (supplier, resource, slot), found in exchange.slots.items()
        if (supplier, resource) == (state.address, state.resource)
    }
    found = []
    for slot in sorted(shelves.keys() | slots.keys()):
        attested, shelf = slots.get(slot, Slot()), shelves.get(slot, Shelf(slot, 0, 0))
        counts = (attested.attested, attested.committed, shelf.available, shelf.promised)
        commitment = exchange.seals.get((state.address, state.resource, slot))
        seal = None if commitment is None else seals.get(commitment)
        found.append(StockStatus(slot, *counts, None if seal is None else seal.quantity))
    return tuple(found)


def waits_for(folder: Path) -> str:
    """Return what an agent that runs waits for at the chain; "" where all is well."""
    try:
        with closing(Journal.reading(folder / JOURNAL)) as journal:
            return (journal.about("waits") or b"").decode(errors="replace")
    except Refused:
        return ""  # it has not begun yet


def is_running(folder: Path) -> bool:
    """Return whether an agent runs from a directory: whether it holds the lock."""
    return is_held(folder / LOCK)
