"""Calculators open to all: the equilibrium of a game, and the price that a session would find."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from fabmarket.api.bodies import StrictRoute, within
from fabmarket.api.errors import ApiError, documented
from fabmarket.api.reading import Nothing, Reading
from fabmarket.errors import Refused
from fabmarket.game import Equilibrium, Game, InvalidGame, PriceRule, solve
from fabmarket.identity import ZERO_BYTES32
from fabmarket.ledger.queries.forms import DESCRIBED, Digits
from fabmarket.market.messages import Member, PriceTerms
from fabmarket.market.units import LARGEST_AMOUNT, LARGEST_QUANTITY, NO_LIMIT
from fabmarket.negotiation.course import best_reply, check_terms
from fabmarket.negotiation.playing import play

MOST_DEMANDERS = 1_000
MOST_SEATS = 100
_POINTS = 41
"""Prices of a curve."""
_NOBODY = "0x" + 40 * "0"

router = APIRouter(prefix="/calculators", tags=["calculators"], route_class=StrictRoute)
Real = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Reals = Annotated[list[Real], Field(min_length=1, max_length=MOST_DEMANDERS)]
Bounds = Annotated[list[Real | None], Field(min_length=1, max_length=MOST_DEMANDERS)]
Number = Annotated[float, PlainSerializer(lambda value: value + 0.0, return_type=float)]
"""A number of an answer: zero has no sign."""
Concept = Literal[
    "simultaneous", "demanders-lead", "supplier-anticipates", "paper-literal", "balanced"
]


def _digits(value: object) -> int:
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 40):
        raise PydanticCustomError("digits", 'is no whole number; write it as digits in a "string"')
    if len(value) > 1 and value[0] == "0":
        raise PydanticCustomError("digits", "begins with a zero; leave that out")
    return int(value)


def _written(most: int, example: str) -> Any:
    """How a whole number up to `most` must be written."""
    schema = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,38})$", "examples": [example]}
    return BeforeValidator(_digits), within(0, most), WithJsonSchema(schema)


Amount = Annotated[int, *_written(LARGEST_AMOUNT, "1000000")]
Units = Annotated[int, *_written(LARGEST_QUANTITY, "40")]


class GameBody(BaseModel):
    """A game: demanders and one supplier at one price q = a S - b w. Money and units are yours."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "benefit": [100, 200, 200],
                    "cost": [45, 45, 15],
                    "supplier_cost": 10,
                    "a": 0.8,
                    "b": 0.2,
                    "concepts": ["simultaneous", "balanced"],
                }
            ]
        },
    )

    benefit: Reals
    """What one unit is worth to each demander."""
    cost: Reals
    """Each demander's own cost of a unit."""
    supplier_cost: Real
    """The supplier's cost of a unit."""
    a: Real
    """How much a unit of demand raises the price; above 0."""
    b: Real
    """How much a unit of supply lowers the price; above 0."""
    cap: Bounds | None = None
    """The most units that each demander can use; null for no bound."""
    budget: Bounds | None = None
    """The most that each demander can pay; null for no bound."""
    supply_cap: Real | None = None
    """The most units that the supplier can supply; null for no bound."""
    concepts: Annotated[list[Concept], Field(min_length=1, max_length=5)] = ["simultaneous"]
    """Which equilibria: told apart by who moves first."""


@dataclass(frozen=True)
class Found:
    """An equilibrium and its certificate."""

    __pydantic_config__ = DESCRIBED

    price: Number
    demand: tuple[Number, ...]
    """Units of each demander."""
    total_demand: Number
    supply: Number
    demander_profit: tuple[Number, ...]
    supplier_profit: Number
    unfunded: Number
    """What the supplier books beyond what the demanders pay: q (w - S)."""
    largest_gain: Number
    """The most that a party could gain by changing its own quantity alone; 0 up to rounding."""
    residual: Number
    """The largest violation of the concept's conditions, relative; 0 up to rounding."""
    is_certified: bool
    """Whether both are small enough. Never so of `paper-literal`, in general no equilibrium."""
    note: str


@dataclass(frozen=True)
class Point:
    """What is wanted at a price, and how much must be wanted for the price to be that."""

    __pydantic_config__ = DESCRIBED

    price: Number
    wanted: Number
    """Units that the demanders want."""
    needed: Number
    """Units at which the price is this: an equilibrium is where both meet."""


@dataclass(frozen=True)
class Solved:
    """What one concept says."""

    __pydantic_config__ = DESCRIBED

    concept: Concept
    found: Found | None
    """Null where there is no equilibrium, or it is not offered."""
    reason: str
    """Why there is none; else empty."""
    curve: tuple[Point, ...]
    """For a drawing; empty for concepts whose price is no crossing of two curves."""


class Want(BaseModel):
    """What one demander wants of a session."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    margin: Amount
    """What one unit is worth to it, less its own cost, token base units."""
    quantity: Units | None = None
    """Units at most; null for as many as pay."""
    is_divisible: Annotated[bool, Field(strict=True)] = True
    """Whether fewer units are of use; if not, `quantity` is needed."""


class SessionBody(BaseModel):
    """A session of one listing, its terms in the units of `PriceTerms`."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "concept": "simultaneous",
                    "demand_weight": "800000",
                    "supply_weight": "200000",
                    "maintenance": "10",
                    "capacity": "400",
                    "wants": [{"margin": "155", "quantity": "90"}, {"margin": "185"}],
                }
            ]
        },
    )

    concept: Literal["simultaneous", "demanders-lead", "balanced"]
    demand_weight: Amount
    """a: 10^-6 base units per squared unit."""
    supply_weight: Amount
    """b: 10^-6 base units per squared unit."""
    maintenance: Amount
    """The least price, token base units per unit."""
    capacity: Units
    """Units for sale."""
    wants: Annotated[list[Want], Field(min_length=1, max_length=MOST_SEATS)]
    """Who sits in it."""


@dataclass(frozen=True)
class Quoted:
    """One round: the price that is quoted, and what is answered in all."""

    __pydantic_config__ = DESCRIBED

    price: Digits
    """Token base units per unit."""
    wanted: Digits
    """Micro-units: 10^-6 of a unit."""


@dataclass(frozen=True)
class Award:
    """What a seat gets."""

    __pydantic_config__ = DESCRIBED

    units: Digits
    payment: Digits
    """Token base units."""


@dataclass(frozen=True)
class Quote:
    """How a session would go if all answer what is best for them at each price."""

    __pydantic_config__ = DESCRIBED

    price: Digits | None
    """Token base units per unit; null where no price is found."""
    rounds: tuple[Quoted, ...]
    awards: tuple[Award, ...]
    """In the order of `wants`; of equal answers the first comes first where room is short."""


@router.post("/equilibrium", response_model=tuple[Solved, ...], responses=documented(408, 413))
def equilibrium(reader: Reading, body: GameBody, _: Annotated[Nothing, Query()]) -> Response:
    """The equilibria of a game, each with a certificate: what any party could gain alone."""
    cap, budget = _bounds(body.cap), _bounds(body.budget)
    bound = np.inf if body.supply_cap is None else body.supply_cap
    numbers = body.benefit, body.cost, body.supplier_cost, body.a, body.b
    try:
        game = Game(*numbers, cap=cap, supply_cap=bound, budget=budget)
    except InvalidGame as error:
        raise ApiError(422, f"body: {error}", "body") from error
    return _json(tuple[Solved, ...], tuple(_solved(game, each) for each in body.concepts))


@router.post("/quote", response_model=Quote, responses=documented(408, 413))
def quote(reader: Reading, body: SessionBody, _: Annotated[Nothing, Query()]) -> Response:
    """The price that a session would find, round by round, and who would be awarded what."""
    terms = PriceTerms(
        body.concept,
        body.demand_weight,
        body.supply_weight,
        body.maintenance,
        body.capacity,
        _NOBODY,
    )
    members = [_member(seat, want) for seat, want in enumerate(body.wants)]
    try:
        check_terms(terms, [(each.quantity, each.divisible) for each in members])
    except Refused as error:
        raise ApiError(422, f"body: {error}", "body") from error
    sums: dict[int, int] = {}

    def answer(seat: int, price: int) -> int:
        reply = best_reply(terms, members[seat], body.wants[seat].margin, price)
        sums[price] = sums.get(price, 0) + reply
        return reply

    played = play(terms, members, answer)
    sold = zip(played.awards.units, played.awards.payments, strict=True)
    found = Quote(
        price=played.awards.price or None,
        rounds=tuple(Quoted(*each) for each in sums.items()),
        awards=tuple(Award(*each) for each in sold),
    )
    return _json(Quote, found)


def _bounds(given: list[float | None] | None) -> list[float] | None:
    return None if given is None else [np.inf if each is None else each for each in given]


def _solved(game: Game, concept: Concept) -> Solved:
    try:
        found = solve(game, concept)
    except Refused as error:
        return Solved(concept, None, str(error), ())
    return Solved(concept, _found(found), "", curve(game, concept, found.price))


def _found(one: Equilibrium) -> Found:
    return Found(
        price=one.price,
        demand=tuple(one.demand.tolist()),
        total_demand=one.total_demand,
        supply=one.supply,
        demander_profit=tuple(one.demander_profit.tolist()),
        supplier_profit=one.supplier_profit,
        unfunded=one.unfunded,
        largest_gain=one.certificate.max_unilateral_gain,
        residual=one.certificate.residual,
        is_certified=one.certificate.holds,
        note=one.note,
    )


def curve(game: Game, concept: Concept, price: float) -> tuple[Point, ...]:
    """What is wanted and needed from the least price to beyond the highest margin.

    Empty for concepts whose price is no crossing of the two.
    """
    if game.budgeted:
        return ()
    try:
        rule = PriceRule(concept, game.a, game.b, game.supplier_cost, game.supply_cap)
    except Refused:
        return ()
    top = max(float(game.margin.max()), price, game.supplier_cost) * 1.05 or 1.0
    points = []
    for at in np.linspace(game.supplier_cost, top, _POINTS).tolist():
        wanted = np.clip((game.margin - at) / float(rule.slope), 0, game.cap)
        points.append(Point(at, float(wanted.sum()), float(rule.total_at(at))))
    return tuple(points)


def _member(seat: int, want: Want) -> Member:
    if want.quantity is None and not want.is_divisible:
        raise ApiError(422, "body.wants: give the quantity of what is not divisible", "body.wants")
    quantity = NO_LIMIT if want.quantity is None else want.quantity
    place = seat.to_bytes(32, "big")  # by which ties are broken
    return Member(_NOBODY, place, ZERO_BYTES32, quantity, want.is_divisible, seat)


def _json(kind: Any, value: object) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(TypeAdapter(kind).dump_json(value), 200, headers, "application/json")
