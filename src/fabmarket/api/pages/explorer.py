"""The equilibrium explorer: a small game by sliders, its curves, and its answer under a concept."""

from dataclasses import dataclass
from math import inf
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from fabmarket.api.pages.charts import Axis, Chart, Mark, Series, lines
from fabmarket.api.pages.shell import Shell
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
Concept = Literal[
    "simultaneous", "demanders-lead", "supplier-anticipates", "paper-literal", "balanced"
]
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
        game = Game(worth, own, supplier_cost, a, b, supply_cap=capacity or inf)
        try:
            found, refused = solve(game, concept, compiled=False), ""
        except Refused as error:
            found, refused = None, str(error)
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
                chart=_curves(game, found),
            )


def _filled(given: list[float], usual: tuple[int, ...]) -> list[float]:
    """What was given, and for demanders without a number the usual ones."""
    return [*given, *map(float, usual[len(given) :])]


def _curves(game: Game, found: Equilibrium | None) -> Chart | None:
    """What is demanded and supplied at each price, if price were given; the answer as points."""
    top = float(max(game.margin.max(), game.supplier_cost, 1.0)) * 1.1
    prices = np.linspace(0, top, _POINTS)
    demand = [float(np.clip(game.margin - price, 0, None).sum()) / game.a for price in prices]
    supply = [
        float(min(max(price - game.supplier_cost, 0) / game.b, game.supply_cap)) for price in prices
    ]
    marks = []
    if found is not None:
        marks.append(Mark("demand at the price", found.total_demand, found.price))
        marks.append(Mark("supply at the price", float(found.supply), found.price))
    highest = max(*demand, *(mark.x for mark in marks), 1.0) * 1.05
    kept = [(w, q) for w, q in zip(supply, map(float, prices), strict=True) if w <= highest]
    told = "At each price, how much the demanders would take together and the supplier would give."
    if found is not None:
        told += (
            f" Price {number(found.price)}, demand {number(found.total_demand)}, "
            f"supply {number(float(found.supply))}."
        )
    series = [Series("demand", list(zip(demand, map(float, prices), strict=True))[::-1])]
    series.append(Series("supply", kept))
    return lines(
        "Demand and supply",
        told,
        series,
        Axis("quantity, units"),
        Axis("price of a unit"),
        [mark for mark in marks if mark.x <= highest],
        _DESK,
    )
