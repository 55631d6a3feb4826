"""The equilibrium explorer: a small game by sliders, its curves, and its answer under a concept."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from fabmarket.api.pages.charts import Axis, Chart, Mark, Series, lines
from fabmarket.api.pages.shell import Shell
from fabmarket.api.routes.calculators import Concept, curve
from fabmarket.errors import Refused
from fabmarket.game import CONCEPTS, Equilibrium, Game, solve
from fabmarket.report.wording import CONCEPTS as MEANING
from fabmarket.report.wording import number

MOST = 8
"""Demanders that have sliders."""
_POINTS = 60
_DESK = 760
_BENEFITS = (100, 200, 200, 150, 120, 180, 90, 160)
_COSTS = (45, 45, 15, 30, 60, 20, 40, 50)
_LARGEST = 10_000
Weight = Annotated[float, Query(gt=0, le=_LARGEST, allow_inf_nan=False)]
Number = Annotated[float, Query(ge=0, le=_LARGEST, allow_inf_nan=False)]


@dataclass(frozen=True)
class Slider:
    """A number that can be set, and its bounds."""

    name: str
    label: str
    value: float
    low: float
    high: float
    step: float


def add(router: APIRouter, shell: Shell) -> None:
    """Put the explorer on the router."""

    @router.get("/explorer")
    def explorer(
        request: Request,
        concept: Concept = "simultaneous",
        a: Weight = 0.8,
        b: Weight = 0.2,
        supplier_cost: Number = 10,
        capacity: Number = 0,
        demanders: Annotated[int, Query(ge=1, le=MOST)] = 3,
        benefit: Annotated[list[Number], Query(max_length=MOST)] = [],  # noqa: B006
        cost: Annotated[list[Number], Query(max_length=MOST)] = [],  # noqa: B006
    ) -> HTMLResponse:
        """The answer to the game that the form holds; capacity 0 means without bound."""
        worth = _filled(benefit, _BENEFITS)[:demanders]
        own = _filled(cost, _COSTS)[:demanders]
        try:
            game = Game(worth, own, supplier_cost, a, b, supply_cap=capacity or inf)
            found, refused = solve(game, concept, compiled=False), ""
            chart = _curves(game, concept, found)
        except Refused as error:
            found, refused, chart = None, str(error), None
        sliders = [
            Slider("a", "a, weight of demand", a, 0.05, 2, 0.05),
            Slider("b", "b, weight of supply", b, 0.05, 2, 0.05),
            Slider("supplier_cost", "cost of a unit to the supplier", supplier_cost, 0, 200, 1),
            Slider("capacity", "capacity, 0: no bound", capacity, 0, 1000, 10),
        ]
        with shell.connect() as connection:
            return shell.page(
                request,
                connection,
                "explorer.html",
                concepts=CONCEPTS,
                meaning=MEANING.get(concept, ""),
                concept=concept,
                sliders=sliders,
                demanders=demanders,
                most=MOST,
                pairs=list(zip(worth, own, strict=True)),
                found=found,
                refused=refused,
                chart=chart,
            )


def _filled(given: list[float], usual: tuple[int, ...]) -> list[float]:
    """What was given, and for demanders without a number the usual ones."""
    return [*given, *map(float, usual[len(given) :])]


def _curves(game: Game, concept: Concept, found: Equilibrium) -> Chart | None:
    """What is wanted at each price, what must be for it to be the price, and what is supplied."""
    price = float(found.price)
    points = curve(game, concept, price)
    prices = [each.price for each in points] or np.linspace(0, _top(game, price), _POINTS).tolist()
    wanted = [each.wanted for each in points] or [
        float(np.clip(game.margin - each, 0, None).sum()) / game.a for each in prices
    ]
    series = [Series("wanted at the price", list(zip(wanted, prices, strict=True))[::-1])]
    if points:
        needed = [(each.needed, each.price) for each in points]
        series.append(Series("to be wanted for the price", needed))
    marks = [Mark("equilibrium", found.total_demand, price)]
    if concept != "balanced":
        supplied = [max(each - game.supplier_cost, 0) / game.b for each in prices]
        bounded = [min(each, game.supply_cap) for each in supplied]
        series.append(Series("supplied at the price", list(zip(bounded, prices, strict=True))))
        marks.append(Mark("supply", float(found.supply), price))
    widest = 1.1 * max(*wanted, found.total_demand, float(found.supply), 1.0)
    shown = [Series(each.name, _within(each.points, widest)) for each in series]
    told = (
        f"By price: price {number(price)}, demand {number(found.total_demand)}, "
        f"supply {number(float(found.supply))}."
    )
    axes = Axis("quantity, units"), Axis("price of a unit")
    return lines("Demand, supply and the price", told, shown, *axes, marks, _DESK, by_height=True)


def _top(game: Game, price: float) -> float:
    return max(float(game.margin.max()), price, 1.0) * 1.05


def _within(points: Sequence[tuple[float, float]], widest: float) -> list[tuple[float, float]]:
    return [point for point in points if 0 <= point[0] <= widest]
