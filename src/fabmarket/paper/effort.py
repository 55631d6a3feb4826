"""Load, cost and balance on the way to the equilibrium: the paper's Figs. 6-8, and its Table 2.

The paper defines none of the four quantities of Table 2. The definitions used here:

- speed: iterations until the error of the party's own quantity stays at most 1e-3;
- load: bytes a party sends and receives until the market's error stays at most 1e-3. A reply of a
  demander and a quote of the supplier are counted as the market signs them, 32 bytes a field and
  65 bytes of signature;
- cost: profit lost against the equilibrium, summed over these iterations;
- balance: 100 * min(S, w) / max(S, w), one number for the market.
"""

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from fabmarket.game import solve
from fabmarket.game.dynamics import Play
from fabmarket.market.messages import Quote, Reply
from fabmarket.paper.claim import NOT_IDENTIFIED, Facts, holds_if
from fabmarket.paper.convergence import LEVELS
from fabmarket.paper.equilibria import CONCEPTS
from fabmarket.paper.printed import DEMANDERS, PARTIES, TABLE_2, market
from fabmarket.report.wording import power

Vector = NDArray[np.float64]

LEVEL = 1e-3
"""The error that counts as "close to convergence" here."""
_SIGNATURE = 65
_SEARCHED = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
_ROUNDING = 1e-6
_DRAWN = ("gauss-seidel", "jacobi-then-supplier", "nesterov", "tatonnement", "aggregate-newton")


def signed_bytes(message: type) -> int:
    """Size of a signed message whose fields each take one word."""
    return 32 * len(fields(message)) + _SIGNATURE


REPLY, QUOTE = signed_bytes(Reply), signed_bytes(Quote)


def exchanges(dynamic: str) -> tuple[int, int]:
    """(quotes of the supplier, replies of each demander) that one iteration takes.

    In turn, everyone must hear of the move before its own: a quote for each demander. A trial step
    needs a second exchange.
    """
    if dynamic in ("gauss-seidel", "anderson"):
        return len(DEMANDERS), 1
    return (2, 2) if dynamic == "extragradient" else (1, 1)


def loads(dynamic: str, iterations: int) -> list[int]:
    """Bytes each of PARTIES sends and receives; a quote is sent once and received by all."""
    quotes, replies = exchanges(dynamic)
    demander = iterations * (quotes * QUOTE + replies * REPLY)
    supplier = iterations * (quotes * QUOTE + len(DEMANDERS) * replies * REPLY)
    return [demander] * len(DEMANDERS) + [supplier]


def balance(demand: float, supply: float) -> float:
    """100 * min(S, w) / max(S, w); 100 if both are 0."""
    larger = max(demand, supply)
    return 100.0 if larger == 0 else 100 * min(demand, supply) / larger


def lost(play: Play) -> Vector:
    """By iteration, from the first on, what each of PARTIES earns less than at the equilibrium.

    Money; negative is a gain.
    """
    sought = play.equilibrium
    best = np.append(sought.demander_profit, sought.supplier_profit)
    earned = [np.append(*state.profits(play.game)) for state in play.history[1:]]
    return np.asarray(best - earned)


def own_errors(play: Play) -> Vector:
    """Errors by iteration and party: of a demand against the largest, of supply against itself."""
    sought = play.equilibrium
    scale = np.append(np.full(len(DEMANDERS), sought.demand.max()), sought.supply)
    target = np.append(sought.demand, sought.supply)
    path = np.array([[*state.demand, state.supply] for state in play.history])
    return np.asarray(np.abs(path - target) / scale)


def settled(errors: Vector, level: float) -> list[int]:
    """For each party the first iteration from which on its error stays at most `level`."""
    beyond = errors > level
    return [int(np.flatnonzero(column).max(initial=-1)) + 1 for column in beyond.T]


def measure(plays: list[tuple[str, Play]]) -> Facts:
    """The three quantities for every dynamic that arrives, and Table 2 beside them."""
    arrived = [(name, play) for name, play in plays if play.rounds_to(LEVEL) is not None]
    measured = [_efforts(name, play) for name, play in arrived]
    candidates = [
        (name, level, settled(own_errors(play), level))
        for name, play in arrived
        for level in _SEARCHED
    ]
    concepts = {}
    for concept in CONCEPTS:
        found = solve(market(), concept)
        concepts[concept] = {
            "demand": found.total_demand,
            "supply": found.supply,
            "balance": balance(found.total_demand, found.supply),
            "unfunded": found.unfunded,
        }
    own = measured[0]
    return {
        "level": LEVEL,
        "bytes": {"reply": REPLY, "quote": QUOTE},
        "dynamics": measured,
        "gainers": [party for party, cost in zip(PARTIES, own["cost"], strict=True) if cost < 0],
        "concepts": concepts,
        "table_2": _table_2(own, candidates, concepts),
    }


def _efforts(name: str, play: Play) -> Facts:
    """One dynamic, until the error stays at most LEVEL."""
    until = {level: at for level in LEVELS if (at := play.rounds_to(level)) is not None}
    losses = lost(play)
    return {
        "name": name,
        "dynamic": play.dynamic.name,
        "iterations": until[LEVEL],
        "speed": settled(own_errors(play), LEVEL),
        "load": loads(play.dynamic.name, until[LEVEL]),
        "load_to": {power(level): loads(play.dynamic.name, at) for level, at in until.items()},
        "cost": losses[: until[LEVEL]].sum(axis=0).tolist(),
        "cost_path": [0.0, *losses.sum(axis=1).cumsum().tolist()],
        "balance": [balance(float(s.demand.sum()), s.supply) for s in play.history],
        "errors": play.errors,
    }


def _table_2(own: Facts, candidates: list[tuple[str, float, list[int]]], concepts: Facts) -> Facts:
    """The printed rows beside ours, and how near any of our candidates comes to them."""
    speed = TABLE_2["Converge speed"]
    name, level, nearest = min(candidates, key=lambda one: _apart(one[2], speed))
    row = TABLE_2["Supply demand balance"]
    gaps = {
        concept: _apart([each["balance"]] * len(PARTIES), row) for concept, each in concepts.items()
    }
    return {
        "printed": {row: list(values) for row, values in TABLE_2.items()},
        "ours": {
            "Converge speed": own["speed"],
            "Load overhead": own["load"],
            "Converge cost": own["cost"],
            "Supply demand balance": [own["balance"][own["iterations"]]] * len(PARTIES),
        },
        "dynamic": own["name"],
        "nearest_speed": {
            "dynamic": name,
            "error": level,
            "iterations": nearest,
            "apart": _apart(nearest, speed),
            "tried": len(candidates),
        },
        "balance_apart": gaps,
        "spread": {row: max(values) - min(values) for row, values in TABLE_2.items()},
    }


def _apart(ours: list[int] | list[float], printed: tuple[float, ...]) -> float:
    """The largest difference between two rows."""
    return max(abs(a - b) for a, b in zip(ours, printed, strict=True))


def verdicts(facts: Facts) -> dict[str, str]:
    """The three figures and the table."""
    cleared = facts["concepts"]["simultaneous"]["balance"] > 100 - _ROUNDING
    return {
        "load": NOT_IDENTIFIED,
        "cost": NOT_IDENTIFIED,
        "balance": holds_if(cleared),
        "table-2": NOT_IDENTIFIED,
    }


def drawn(facts: Facts) -> list[Facts]:
    """The dynamics that figures show: the first of each kind worth telling apart."""
    shown: dict[str, Facts] = {}
    for one in facts["dynamics"]:
        if one["dynamic"] in _DRAWN:
            shown.setdefault(one["dynamic"], one)
    return list(shown.values())
