"""Games of `fabmarket compare` as sessions would play them, in whole units at whole prices."""

from fractions import Fraction
from math import inf

import numpy as np

from fabmarket.errors import Refused
from fabmarket.game import Game
from fabmarket.game.mechanisms import Comparison, Lie
from fabmarket.game.model import refuse_budgets
from fabmarket.market.messages import Exit, Member, PriceTerms
from fabmarket.market.units import MICRO, NO_LIMIT, floor_int
from fabmarket.negotiation.clinching import Curve
from fabmarket.negotiation.course import CLOCK, best_reply
from fabmarket.negotiation.playing import Played, play, play_clock

SESSIONS = ("simultaneous", "demanders-lead", "balanced", CLOCK)
"""The rules that sessions play."""
_STEP = 4  # a clock goes up by a fourth
_NOBODY = "0x" + 40 * "0"
_LARGEST = 2**63


class NotWhole(Refused):
    """A session counts in whole numbers, and the game has another; names it."""


def by_clock(game: Game) -> Comparison:
    """Return what a clock sells, which takes whole numbers; a demander without a cap wants W."""
    try:
        terms, members = _session(game, CLOCK)
        sold = _clock(game, terms, members).awards
    except Refused as error:
        return Comparison(CLOCK, reason=str(error))
    if not sold.price:
        return Comparison(CLOCK, reason="no price was found in the rounds that a session may take")
    units = np.array(sold.units, dtype=np.float64)
    paid, supply = float(sum(sold.payments)), float(sum(sold.units))
    profits = (game.margin * units - np.array(sold.payments, dtype=np.float64)).tolist()
    return Comparison(
        CLOCK,
        price=float(sold.price),
        demand=units,
        supply=supply,
        welfare=float(game.margin @ units) - game.supplier_cost * supply,
        revenue=paid,
        booked=paid,
        lies=tuple(
            Lie(margin, profit, profit)
            for margin, profit in zip(game.margin.tolist(), profits, strict=True)
        ),
    )


def rounds_of(game: Game, rule: str) -> int | None:
    """Return how many prices a session under a rule quotes; None if none plays it, or this game."""
    if rule not in SESSIONS:
        return None
    try:
        terms, members = _session(game, rule)
        if rule == CLOCK:
            return _clock(game, terms, members).rounds
        margins = [int(each) for each in game.margin]
        found = play(terms, members, lambda at, p: best_reply(terms, members[at], margins[at], p))
    except Refused:
        return None
    return found.rounds if found.awards.price else None


def _session(game: Game, rule: str) -> tuple[PriceTerms, tuple[Member, ...]]:
    """The terms and seats of a game whose numbers are whole; its weights are cut to millionths."""
    refuse_budgets(game, "sessions")
    if rule == CLOCK and game.supply_cap == inf:
        raise NotWhole("a clock sells what there is: give supply_cap")
    weights = [floor_int(Fraction(each) * MICRO) for each in (game.a, game.b)]
    for margin in game.margin.tolist():
        _whole("a margin", margin)
    caps = [_whole("a cap", cap) for cap in game.cap.tolist()]
    terms = PriceTerms(
        concept=rule,
        demand_weight=0 if rule == CLOCK else weights[0],
        supply_weight=0 if rule == CLOCK else weights[1],
        maintenance=_whole("supplier_cost", game.supplier_cost),
        capacity=_whole("supply_cap", game.supply_cap),
        token=_NOBODY,
        step=_STEP if rule == CLOCK else 0,
    )
    names = [at.to_bytes(32, "big") for at in range(len(caps))]
    return terms, tuple(
        Member(_NOBODY, name, name, cap, divisible=True, supplier_nonce=at)
        for at, (name, cap) in enumerate(zip(names, caps, strict=True))
    )


def _clock(game: Game, terms: PriceTerms, members: tuple[Member, ...]) -> Played:
    floor = max(1, terms.maintenance)
    curves = []
    for margin, member in zip(map(int, game.margin), members, strict=True):
        wanted = min(member.quantity, terms.capacity) if margin >= floor else 0
        curves.append(Curve(0, (Exit(margin, wanted),) if wanted else ()))
    return play_clock(terms, members, curves)


def _whole(name: str, value: float) -> int:
    if value == inf:
        return NO_LIMIT
    if value != int(value) or abs(value) >= _LARGEST:
        raise NotWhole(
            f"a session counts in whole numbers below 2^63: {name} is {value};"
            " count money or units in smaller ones"
        )
    return int(value)
