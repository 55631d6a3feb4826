"""The grid of a sweep: what varies, and the row that each point makes under each concept."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import isfinite, isnan
from typing import Any

import numpy as np

from fabmarket.cli.game_file import LISTS, NUMBERS
from fabmarket.cli.solve import served
from fabmarket.errors import Refused
from fabmarket.game import Game, InvalidGame, NoEquilibrium, NotCertified, Unsupported, solve
from fabmarket.game.batch import Batch
from fabmarket.report.wording import number
from fabmarket.scenario import is_number, is_whole

_RESULTS = (
    "price",
    "total_demand",
    "supply",
    "served",
    "demander_profit",
    "supplier_profit",
    "unfunded",
    "max_unilateral_gain",
    "residual",
    "note",
    "reason",
)
_BATCHED = ("benefit", "cost", "cap")
_AT_ONCE = 100_000  # demanders
MOST = 10_000_000
"""The most values a table may have, rows times columns; they take about a gigabyte of memory."""


class NotSwept(Refused):
    """The grid or its file cannot be used; the message says what to change."""


@dataclass(frozen=True)
class Axis:
    """One parameter and the values it takes.

    Attributes:
        key: as given, such as "a" or "benefit[2]".
        values: in order.
    """

    key: str
    values: tuple[float, ...]

    def changed(self, game: Game, value: float) -> dict[str, Any]:
        """The argument of Game that this value replaces.

        Raises:
            NotSwept: no such demander.
        """
        name, _, index = self.key.rstrip("]").partition("[")
        if not index:
            return {name: value}
        column = np.array(getattr(game, name))
        if int(index) >= len(column):
            raise NotSwept(
                f"--vary {self.key}: there is no demander {index}; give an index in"
                f" 0..{len(column) - 1}"
            )
        column[int(index)] = value
        return {name: column}


def axis_of(text: str) -> Axis:
    """KEY=START:STOP:COUNT, KEY=START:STOP:COUNT:log or KEY=VALUE,VALUE,...

    Raises:
        NotSwept: the text is none of these.
    """
    key, _, spec = text.partition("=")
    name = re.fullmatch(rf"({'|'.join(NUMBERS)}|({'|'.join(LISTS)})\[[0-9]+\])", key)
    if name is None:
        raise NotSwept(
            f"--vary {text!r}: unknown parameter {key!r}; use {', '.join(NUMBERS)}, or"
            " benefit[0], cost[0], cap[0], budget[0] for a demander's, counted from 0"
        )
    try:
        values = _values(spec)
    except ValueError:
        values = ()
    if not values:
        raise NotSwept(
            f"--vary {text!r}: give {key}=START:STOP:COUNT, {key}=START:STOP:COUNT:log with"
            f" positive ends, or {key}=VALUE,VALUE"
        )
    return Axis(key, values)


def _values(spec: str) -> tuple[float, ...]:
    if ":" not in spec:
        cells = spec.split(",")
        wrong = [one for one in cells if not (is_number(one) or one == "inf")]
        return () if wrong else tuple(map(float, cells))
    start, stop, count, *scale = spec.split(":")
    if not (is_number(start) and is_number(stop) and is_whole(count)):
        return ()
    low, high, many = float(start), float(stop), int(count)
    if not (isfinite(low) and isfinite(high)) or scale not in ([], ["log"]):
        return ()
    if many > MOST:
        raise NotSwept(
            f"--vary: {number(many)} values are more than the {number(MOST)} of a table; give fewer"
        )
    if scale:
        if low <= 0 or high <= 0:
            return ()
        return tuple(np.geomspace(low, high, many).tolist())
    return tuple(np.linspace(low, high, many).tolist())


@dataclass(frozen=True)
class Grid:
    """Every combination of the axes' values, under every concept."""

    game: Game
    axes: tuple[Axis, ...]
    concepts: tuple[str, ...]
    each: bool

    @property
    def columns(self) -> list[str]:
        """Names of the cells of a row."""
        everybody = range(len(self.game.margin)) if self.each else ()
        details = [f"{what}[{j}]" for what in ("demand", "profit") for j in everybody]
        return [*(axis.key for axis in self.axes), "concept", *_RESULTS, *details]

    @property
    def size(self) -> int:
        """How many rows there are."""
        many = len(self.concepts)
        for axis in self.axes:
            many *= len(axis.values)
        return many

    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides the rows."""
        game = self.game
        parts = [
            *(getattr(game, name).tolist() for name in LISTS),
            *(getattr(game, name) for name in NUMBERS),
            [(axis.key, axis.values) for axis in self.axes],
            self.concepts,
            self.each,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def check(self) -> None:
        """Raise NotSwept if there are too many rows, and for a value that makes no game."""
        if self.size * len(self.columns) > MOST:
            raise NotSwept(
                f"--vary makes {number(self.size)} rows of {len(self.columns)} columns, more than"
                f" {number(MOST)} values; give fewer values, or sweep part by part"
            )
        for axis in self.axes:
            # What a parameter may be is an interval, so its ends decide.
            odd = [value for value in axis.values if isnan(value)][:1]
            for value in odd or (min(axis.values), max(axis.values)):
                try:
                    self._game({axis: value})
                except InvalidGame as error:
                    raise NotSwept(f"--vary {axis.key}: {error}") from error

    def rows(self, known: int = 0) -> Iterator[list[str]]:
        """The rows after the first `known`, the last axis and then the concept moving fastest."""
        start, skip = divmod(known, len(self.concepts))
        points = islice(self._points(), start, None)
        while chunk := list(islice(points, max(1, _AT_ONCE // len(self.game.margin)))):
            batched = self._batched(chunk) if "simultaneous" in self.concepts else {}
            for at, point in enumerate(chunk):
                for concept in self.concepts[skip:]:
                    results = batched.get(at) if concept == "simultaneous" else None
                    if results is None:
                        game = self._game(dict(zip(self.axes, point, strict=True)))
                        results = self._results(game, concept)
                    yield [*_place(point, concept), *results]
                skip = 0

    def places(self) -> Iterator[list[str]]:
        """The first cells of every row, which say where in the grid it stands."""
        return (_place(*one) for one in product(self._points(), self.concepts))

    def _points(self) -> Iterator[tuple[float, ...]]:
        return product(*(axis.values for axis in self.axes))

    def _batched(self, points: Sequence[Sequence[float]]) -> dict[int, list[str]]:
        """Results of "simultaneous" by the points' places, many points at once; without those that
        the batch does not certify or, having budgets, does not take.
        """
        if self.game.budgeted or any(axis.key.startswith("budget") for axis in self.axes):
            return {}
        shape = len(points), len(self.game.margin)
        fields = {name: np.full(shape[0], getattr(self.game, name)) for name in NUMBERS}
        fields |= {
            name: np.broadcast_to(getattr(self.game, name), shape).copy() for name in _BATCHED
        }
        for axis, values in zip(self.axes, np.array(points).T, strict=True):
            name, _, index = axis.key.rstrip("]").partition("[")
            column = fields[name][:, int(index)] if index else fields[name]
            column[:] = values
        if np.isinf(fields["cap"]).all():
            del fields["cap"]
        games = Batch(**fields)
        price = games.prices()
        demand, supply = games.quantities(price)
        found = games.certify(price, demand, supply)
        profit = demand * (games.benefit - games.cost - price[:, None]) + 0.0
        total = demand.sum(axis=1)
        columns = (
            price,
            total,
            supply,
            np.count_nonzero(demand > 0, axis=1),
            profit.sum(axis=1),
            supply * (price - games.supplier_cost),
            price * (supply - total),
            found.max_unilateral_gain,
            found.residual,
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        details = np.hstack([demand, profit]).tolist() if self.each else [[]] * len(points)
        return {
            at: [*map(repr, row), "", "", *map(repr, rest)]
            for at, (row, rest, holds) in enumerate(zip(rows, details, found.holds, strict=True))
            if holds
        }

    def _game(self, values: Mapping[Axis, float]) -> Game:
        game = self.game
        for axis, value in values.items():
            fields = {name: getattr(game, name) for name in LISTS + NUMBERS}
            game = Game(**{**fields, **axis.changed(game, value)})
        return game

    def _results(self, game: Game, concept: str) -> list[str]:
        many = 2 * len(game.margin) if self.each else 0
        try:
            found = solve(game, concept)
        except (NoEquilibrium, NotCertified, Unsupported) as error:
            return [*[""] * (len(_RESULTS) - 1), str(error), *[""] * many]
        numbers = (
            found.price,
            found.total_demand,
            found.supply,
            served(found),
            float(found.demander_profit.sum()),
            found.supplier_profit,
            found.unfunded,
            found.certificate.max_unilateral_gain,
            found.certificate.residual,
        )
        details = [*found.demand.tolist(), *found.demander_profit.tolist()] if self.each else []
        return [*map(repr, numbers), found.note, "", *map(repr, details)]


def _place(point: Sequence[float], concept: str) -> list[str]:
    return [*map(repr, point), concept]
