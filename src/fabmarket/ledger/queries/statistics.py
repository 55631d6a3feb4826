"""How much was traded: by day and resource, by day, and in all."""

from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select

from fabmarket.ledger import schema
from fabmarket.ledger.queries.forms import DESCRIBED, Address, Digits, Text
from fabmarket.ledger.queries.paging import (
    FIRST,
    Asked,
    BadQuery,
    Order,
    Page,
    columns_of,
    read_page,
)
from fabmarket.market.exchange.terms import share

LONGEST = 400
"""Days of a series."""
LATEST = 5_000
"""Escrows whose outcomes are added."""


@dataclass(frozen=True)
class VolumeRow:
    """What was traded of a resource in a day, without net cycles.

    `payment` is what was agreed: of trades in escrow it may wait still, or have gone back.
    """

    __pydantic_config__ = DESCRIBED

    day: int
    """Days (UTC) since 1970-01-01."""
    name: Text
    """Of the resource; written by a stranger."""
    token: Address
    trades: int
    quantity: Digits
    """Units of the resource."""
    payment: Digits
    """Token base units that were agreed."""


@dataclass(frozen=True)
class DayRow:
    """What was traded in a day in one token, without net cycles; `payment` is what was agreed."""

    __pydantic_config__ = DESCRIBED

    day: int
    """Days (UTC) since 1970-01-01."""
    token: Address
    trades: int
    payment: Digits
    """Token base units that were agreed."""


@dataclass(frozen=True)
class Totals:
    """How much there is of everything."""

    __pydantic_config__ = DESCRIBED

    trades: int
    """Settled, without what net cycles settled."""
    cycles: int
    """Net cycles."""
    accounts: int
    """Pairs of an account and a token."""
    resources: int
    slots: int
    """Slots that were ever attested."""
    escrows: dict[str, int]
    """Trades in escrow, by state."""
    last_day: int | None
    """The last day with a trade, days since 1970-01-01; null where there is none."""


@dataclass(frozen=True)
class Outcome:
    """Of the payments of so many escrows in one token: base units agreed, given back, waiting.

    What a buyer got beyond its payment, of a bond, or lost of its deposit is in none of them; what
    was agreed, and neither waits nor was given back, buyers paid.
    """

    token: str
    escrows: int
    agreed: int
    given_back: int
    waiting: int

    @property
    def paid(self) -> int:
        """What buyers paid."""
        return self.agreed - self.given_back - self.waiting


_VOLUME = schema.volume


def volume(
    connection: Connection,
    name: str | None = None,
    token: str | None = None,
    asked: Asked = FIRST,
) -> Page[VolumeRow]:
    """Volume by day and resource, newest day first. BadQuery as `read_page`."""
    query = select(*columns_of(VolumeRow, _VOLUME))
    if name is not None:
        query = query.where(_VOLUME.c.name == name)
    if token is not None:
        query = query.where(_VOLUME.c.token == token)
    columns = [_VOLUME.c.day, _VOLUME.c.name, _VOLUME.c.token]
    order = Order(columns, ("day", "name", "token"), descending=True)
    return read_page(connection, query, order, VolumeRow, asked, ("volume", name, token))


def days(connection: Connection, since: int, until: int) -> tuple[DayRow, ...]:
    """Volume of the days from `since` to before `until`, oldest first; of days with trades.

    Raises:
        BadQuery: there are more than LONGEST days, or none.
    """
    if not 0 < until - since <= LONGEST:
        raise BadQuery("until", f"is {until}; give at most {LONGEST} days after since, {since}")
    query = select(_VOLUME.c.day, _VOLUME.c.token, _VOLUME.c.trades, _VOLUME.c.payment)
    sums: dict[tuple[int, str], tuple[int, int]] = {}
    # Added here: the digits of amounts are text to a database.
    found = query.where(_VOLUME.c.day >= since, _VOLUME.c.day < until)
    for day, token, trades, payment in connection.execute(found):
        before = sums.get((day, token), (0, 0))
        sums[day, token] = before[0] + trades, before[1] + payment
    return tuple(DayRow(*key, *of_day) for key, of_day in sorted(sums.items()))


def outcomes(connection: Connection) -> tuple[Outcome, ...]:
    """What became of the payments of the newest escrows, the first LATEST, by token."""
    escrow, trade = schema.escrow, schema.trade
    parameters = connection.execute(select(schema.market.c.parameters)).scalar_one_or_none() or {}
    query = (
        select(
            trade.c.token,
            trade.c.payment,
            escrow.c.state,
            escrow.c.to_supplier,
            escrow.c.to_demander,
        )
        .join_from(escrow, trade, trade.c.trade == escrow.c.trade)
        .order_by(escrow.c.block.desc(), escrow.c.log_index.desc())
        .limit(LATEST)
    )
    found: dict[str, Outcome] = {}
    for token, payment, state, there, back in connection.execute(query):
        old = found.get(token) or Outcome(token, 0, 0, 0, 0)
        deposit = share(payment, parameters.get("deposit_share", 0))
        is_over = state == "closed"
        found[token] = Outcome(
            token,
            old.escrows + 1,
            old.agreed + payment,
            old.given_back + (min(payment, max(0, back - deposit)) if is_over else back),
            old.waiting + (0 if is_over else payment - there - back),
        )
    return tuple(found.values())


def totals(connection: Connection) -> Totals:
    """How much there is of everything."""

    def count(table: Table) -> int:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    by_state = select(schema.escrow.c.state, func.count()).group_by(schema.escrow.c.state)
    states = {row.state: row[1] for row in connection.execute(by_state)}
    trades = connection.execute(select(schema.market.c.trades)).scalar_one_or_none() or 0
    last_day = connection.execute(select(func.max(_VOLUME.c.day))).scalar_one()
    return Totals(
        trades=trades,
        cycles=count(schema.cycle),
        accounts=count(schema.account),
        resources=count(schema.resource),
        slots=count(schema.slot),
        escrows=dict(sorted(states.items())),
        last_day=last_day,
    )
