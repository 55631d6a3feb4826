"""What was settled: trades, escrows and disputes, products, net cycles, accounts."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from fabmarket.api.errors import not_found
from fabmarket.api.parameters import Address, Hash, Name
from fabmarket.api.reading import Nothing, Paged, Reading, Whole, reads
from fabmarket.ledger.queries.accounts import AccountRow, account, accounts
from fabmarket.ledger.queries.cycles import CycleRow, cycle, cycles
from fabmarket.ledger.queries.escrows import EscrowFilter, EscrowRow, State, escrow, escrows
from fabmarket.ledger.queries.forms import DESCRIBED
from fabmarket.ledger.queries.log import EventFilter, EventRow, events
from fabmarket.ledger.queries.paging import MOST, Asked, Page
from fabmarket.ledger.queries.products import BundleRow, bundles
from fabmarket.ledger.queries.products import bundle as bundled
from fabmarket.ledger.queries.trades import TradeFilter, TradeRow, trades
from fabmarket.ledger.queries.trades import trade as settled

router = APIRouter(tags=["trades"])
_MOMENT = 1_790_000_000
Digest = Annotated[Hash, Path(description="The digest that its parties signed.")]


@dataclass(frozen=True)
class WholeTrade:
    """A trade and what became of it."""

    __pydantic_config__ = DESCRIBED

    trade: TradeRow
    escrow: EscrowRow | None
    """How its escrow stands; null where it was paid at once."""
    steps: tuple[EventRow, ...]
    """What happened in its escrow, oldest first; 500 at most."""


class OfParties(Paged):
    """Which rows: all that is given must hold."""

    supplier: Address | None = None
    """Sold by this account."""
    demander: Address | None = None
    """Bought by this account."""


class Trades(OfParties):
    """Which trades: all that is given must hold."""

    account: Address | None = None
    """Sold or bought by this account."""
    listing: Hash | None = None
    """Of this listing."""
    name: Name | None = None
    """Of the resources of this name."""
    token: Address | None = None
    """Paid in this token."""
    since: Annotated[Whole | None, Field(examples=[_MOMENT])] = None
    """Settled in this second of chain time or later."""
    until: Annotated[Whole | None, Field(examples=[_MOMENT + 86_400])] = None
    """Settled before this second of chain time."""

    @property
    def filter(self) -> TradeFilter:
        """What the ledger is asked for."""
        return TradeFilter(**{name: getattr(self, name) for name in _TRADE_FILTERS})


_TRADE_FILTERS = tuple(TradeFilter.__dataclass_fields__)


class Escrows(OfParties):
    """Which escrows: all that is given must hold."""

    state: State | None = None
    """In this state now."""


class Bundles(Paged):
    """Which products."""

    demander: Address | None = None
    """Bought by this account."""


class Accounts(Paged):
    """Which accounts."""

    token: Address | None = None
    """Those that ever held this token here."""


@router.get("/trades", response_model=Page[TradeRow], responses=reads())
def settled_trades(reader: Reading, asked: Annotated[Trades, Query()]) -> Response:
    """Settled trades, newest first. What net cycles settled is not among them."""
    return reader.answer(Page[TradeRow], lambda db: trades(db, asked.filter, asked.page))


@router.get("/trades/{trade}", response_model=WholeTrade, responses=reads(404))
def one_trade(reader: Reading, trade: Digest, _: Annotated[Nothing, Query()]) -> Response:
    """One trade, how its escrow stands, and every step of it."""

    def read(connection: Connection) -> WholeTrade:
        found = settled(connection, trade)
        if found is None:
            raise not_found("trade")
        where, page = EventFilter(subject=trade), Asked(limit=MOST)
        steps = events(connection, where, page, oldest_first=True)
        return WholeTrade(found, escrow(connection, trade), steps.rows)

    return reader.answer(WholeTrade, read)


@router.get("/escrows", response_model=Page[EscrowRow], responses=reads())
def held_trades(reader: Reading, asked: Annotated[Escrows, Query()]) -> Response:
    """Trades whose payment is or was held in escrow, newest first."""
    where = EscrowFilter(asked.state, asked.supplier, asked.demander)
    return reader.answer(Page[EscrowRow], lambda db: escrows(db, where, asked.page))


@router.get("/disputes", response_model=Page[EscrowRow], responses=reads())
def disputes(reader: Reading, asked: Annotated[Escrows, Query()]) -> Response:
    """Trades in escrow that were ever disputed, newest first, with the operators' ruling."""
    where = EscrowFilter(asked.state, asked.supplier, asked.demander, disputed_ever=True)
    return reader.answer(Page[EscrowRow], lambda db: escrows(db, where, asked.page))


@router.get("/products", response_model=Page[BundleRow], responses=reads())
def products(reader: Reading, asked: Annotated[Bundles, Query()]) -> Response:
    """Products as the chain shows them, newest first: trades of one demander settled as one.

    Of a bundle in escrow the chain says so. One paid at once is told by its transaction: two
    trades or more of one demander, on several listings; a supplier's batch may look the same. A
    page looks through 2,000 trades: it may have few rows, or none, and still be followed by others.
    """
    return reader.answer(Page[BundleRow], lambda db: bundles(db, asked.demander, asked.page))


@router.get("/products/{bundle}", response_model=BundleRow, responses=reads(404))
def one_product(
    reader: Reading,
    bundle: Annotated[Hash, Path(description="Its `bundle`.")],
    _: Annotated[Nothing, Query()],
) -> Response:
    """One product, operation by operation."""

    def read(connection: Connection) -> BundleRow:
        found = bundled(connection, bundle)
        if found is None:
            raise not_found("product")
        return found

    return reader.answer(BundleRow, read)


@router.get("/cycles", response_model=Page[CycleRow], responses=reads())
def net_cycles(reader: Reading, asked: Annotated[Paged, Query()]) -> Response:
    """Net cycles, newest first: what each changed and sold; its trades the chain does not see."""
    return reader.answer(Page[CycleRow], lambda db: cycles(db, asked.page))


@router.get("/cycles/{batch}", response_model=CycleRow, responses=reads(404))
def one_net_cycle(reader: Reading, batch: Digest, _: Annotated[Nothing, Query()]) -> Response:
    """One net cycle."""

    def read(connection: Connection) -> CycleRow:
        found = cycle(connection, batch)
        if found is None:
            raise not_found("net cycle")
        return found

    return reader.answer(CycleRow, read)


@router.get("/accounts", response_model=Page[AccountRow], responses=reads())
def all_accounts(reader: Reading, asked: Annotated[Accounts, Query()]) -> Response:
    """What accounts hold in the exchange, by address and token."""
    return reader.answer(Page[AccountRow], lambda db: accounts(db, asked.token, asked.page))


@router.get("/accounts/{address}", response_model=tuple[AccountRow, ...], responses=reads(404))
def one_account(
    reader: Reading,
    address: Annotated[Address, Path(description="Its address.")],
    _: Annotated[Nothing, Query()],
) -> Response:
    """What one account holds, by token. Its trades: `/v1/trades?account=`."""

    def read(connection: Connection) -> tuple[AccountRow, ...]:
        found = account(connection, address)
        if not found:
            raise not_found("account")
        return found

    return reader.answer(tuple[AccountRow, ...], read)
