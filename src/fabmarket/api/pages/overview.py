"""The first page: what is traded, at what price, and whether the ledger keeps up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from fabmarket.api.pages.charts import Axis, Bar, Chart, Series, bars, lines
from fabmarket.api.pages.clock import day_of
from fabmarket.api.pages.shell import Shell, label
from fabmarket.api.pages.units import units_of
from fabmarket.ledger.queries.market import now_of
from fabmarket.ledger.queries.paging import Asked
from fabmarket.ledger.queries.statistics import LATEST, VolumeRow, outcomes, totals, volume
from fabmarket.ledger.queries.trades import TradeRow, trades
from fabmarket.report.wording import one_line, plural

_DAYS = 30
_NEWEST = 8
_PRICED = 300
"""Trades whose prices are drawn."""
_LINES = 4
"""Resources with a line of their own: more could not be told apart."""
_PAGES = 6


@dataclass(frozen=True)
class _Sum:
    """What was traded of a resource, or in all, in one token."""

    name: str
    token: str
    trades: int
    quantity: int
    payment: int
    day: int


def add(router: APIRouter, shell: Shell) -> None:
    """Put the overview on the router."""

    @router.get("/")
    def overview(request: Request) -> HTMLResponse:
        """What is traded, at what price, and how the ledger stands."""
        with shell.connect() as connection:
            counted = totals(connection)
            recent = _recent(connection, counted.last_day)
            priced = trades(connection, asked=Asked(limit=_PRICED)).rows
            newest = priced[:_NEWEST]
            return shell.page(
                request,
                connection,
                "overview.html",
                totals=counted,
                outcomes=outcomes(connection),
                latest=LATEST,
                days=_DAYS,
                last_days=[(each.token, each) for each in _summed(recent, by_day=True)[:1]],
                resources=_summed(recent),
                newest=newest,
                units=units_of(connection, newest),
                charts=[*_volumes(shell, recent), *_prices(shell, priced, now_of(connection))],
            )


def _recent(connection: Connection, last: int | None) -> list[VolumeRow]:
    """The volume of the days to the last one with a trade, newest first."""
    rows: list[VolumeRow] = []
    cursor = None
    for _ in range(_PAGES if last is not None else 0):
        page = volume(connection, asked=Asked(cursor, 500))
        rows += [row for row in page.rows if row.day > (last or 0) - _DAYS]
        cursor = page.next
        if cursor is None or len(rows) % 500:
            break
    return rows


def _summed(rows: Iterable[VolumeRow], *, by_day: bool = False) -> list[_Sum]:
    """By resource and token, the most traded first; or by day and token, the last day first."""
    sums: dict[tuple[str, str, int], _Sum] = {}
    for row in rows:
        key = ("", row.token, row.day) if by_day else (row.name, row.token, 0)
        old = sums.get(key) or _Sum(key[0], row.token, 0, 0, 0, key[2])
        sums[key] = _Sum(
            old.name,
            old.token,
            old.trades + row.trades,
            old.quantity + row.quantity,
            old.payment + row.payment,
            old.day,
        )
    return sorted(sums.values(), key=lambda each: (-each.day, -each.payment, each.name))


def _volumes(shell: Shell, rows: Sequence[VolumeRow]) -> list[Chart]:
    """For each token, what was agreed each day."""
    drawn = []
    for token in dict.fromkeys(row.token for row in rows):
        currency = shell.currency(token)
        of_token = {each.day: each for each in _summed(rows, by_day=True) if each.token == token}
        first, last = min(of_token), max(of_token)
        if first == last:
            continue  # one bar says less than the figure above
        shown = [
            Bar(
                day_of(day).rsplit(" ", 1)[0],
                of_token[day].payment / 10**currency.decimals if day in of_token else 0.0,
                (plural(of_token[day].trades if day in of_token else 0, "trade"),),
            )
            for day in range(first, last + 1)
        ]
        chart = bars(
            "Volume by day",
            f"What was agreed on each day (UTC), from {day_of(first)} to {day_of(last)}, "
            "without net cycles.",
            shown,
            Axis("day (UTC)"),
            Axis(f"agreed, {one_line(currency.symbol)}"),
            ("trades",),
        )
        drawn += [chart] if chart else []
    return drawn


def _prices(shell: Shell, rows: Sequence[TradeRow], now: int) -> list[Chart]:
    """Prices of the last trades by the time of their block, of the resources most traded."""
    found: dict[str, dict[tuple[str, str], list[TradeRow]]] = defaultdict(dict)
    for row in rows:
        found[row.token].setdefault((row.name, row.token), []).append(row)
    drawn = []
    for token, by_name in found.items():
        currency = shell.currency(token)
        most = sorted(by_name.items(), key=lambda each: (-len(each[1]), each[0]))[:_LINES]
        series = [Series(label(name), _by_time(of, currency.decimals)) for (name, _), of in most]
        if all(len(each.points) < 2 for each in series):
            continue
        chart = lines(
            "Price of a unit",
            f"Of the last {plural(len(rows), 'trade')}, by the time of settlement: the mean of "
            "each block, weighed by quantity.",
            series,
            Axis("settled", now),
            Axis(f"{one_line(currency.symbol)} a unit", from_zero=False),
        )
        drawn += [chart] if chart else []
    return drawn


def _by_time(rows: Sequence[TradeRow], decimals: int) -> list[tuple[float, float]]:
    sums: dict[int, tuple[int, int]] = {}
    for row in rows:
        quantity, payment = sums.get(row.time, (0, 0))
        sums[row.time] = quantity + row.quantity, payment + row.payment
    return [
        (float(time), float(Fraction(payment, quantity * 10**decimals)))
        for time, (quantity, payment) in sorted(sums.items())
    ]
