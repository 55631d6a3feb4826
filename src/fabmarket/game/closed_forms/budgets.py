"""All at once, each demander with so much money: v q <= B.

A demander's best response at price q is v = min((c - q)+/a, cap, B/q), so the price solves

    sum_j a min((c_j - q)+/a, cap_j, B_j/q) = q + clip(q - d_s, 0, bW).

Each term on the left falls in q > 0 and the right side rises: one root, as without budgets. It is
no longer piecewise linear, so it is found by Newton steps kept between two prices that enclose it,
with the middle taken where a step leads outside or halves too little, until the two prices are
neighbours among the floats or the equation holds to the last digit.
"""

from math import inf, nextafter

import numpy as np

from fabmarket.game.closed_forms.simultaneous import simultaneous_price
from fabmarket.game.model import Game, Outcome, Vector


def budgeted(game: Game, compiled: bool | None = None) -> Outcome:
    """Price and quantities when all move at once and some have budgets; any caps."""
    if not ((game.margin > 0) & (game.budget > 0) & (game.cap > 0)).any():
        return Outcome(0.0, np.zeros_like(game.margin), 0.0)
    price = _root(game, simultaneous_price(game, compiled))
    demand = _demand(game, price)
    supply = min(max((price - game.supplier_cost) / game.b, 0.0), game.supply_cap)
    return Outcome(price, demand, supply)


def _demand(game: Game, price: float) -> Vector:
    wanted = np.clip((game.margin - price) / game.a, 0.0, game.cap)
    afforded: Vector = np.minimum(wanted, game.budget / price)
    return afforded


def _root(game: Game, high: float) -> float:
    """Between 0 and the price without budgets, which only lower demand."""
    low, price, last = 0.0, high, inf
    while True:
        wanted = np.clip((game.margin - price) / game.a, 0.0, game.cap)
        afforded = game.budget / price
        short = afforded < wanted
        excess = game.a * float(np.where(short, afforded, wanted).sum())
        offered = min(max(price - game.supplier_cost, 0.0), game.b * game.supply_cap)
        excess -= price + offered
        if excess == 0:
            return price
        low, high = (price, high) if excess > 0 else (low, price)
        if nextafter(low, high) >= high:
            return high
        moving = int(np.count_nonzero(~short & (wanted > 0) & (wanted < game.cap)))
        steepness = 1.0 + moving + (0 < offered < game.b * game.supply_cap)
        steepness += game.a * float(afforded[short].sum()) / price
        step = price + excess / steepness
        narrow = high - low > last / 2
        last = high - low
        price = step if low < step < high and not narrow else (low + high) / 2
