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
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from fabmarket.game import solve
from fabmarket.game.dynamics import Play
from fabmarket.market.messages import Quote, Reply
from fabmarket.paper.claim import (
    NOT_IDENTIFIED,
    Claim,
    Facts,
    Table,
    amount,
    holds_if,
    listed,
    power,
    table,
)
from fabmarket.paper.convergence import DYNAMICS, LEVELS, played
from fabmarket.paper.printed import DEMANDERS, PARTIES, TABLE_2, market

Vector = NDArray[np.float64]

LEVEL = 1e-3
"""The error that counts as "close to convergence" here."""
_SIGNATURE = 65
_ROUNDS = 130
_SEARCHED = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
_PRICE_CONCEPTS = ("simultaneous", "demanders-lead", "supplier-anticipates", "balanced")
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


def lost_in(play: Play, iteration: int) -> Vector:
    """What each of PARTIES earns less than at the equilibrium in one iteration, money."""
    sought = play.equilibrium
    demanders, supplier = play.history[iteration].profits(play.game)
    best = np.append(sought.demander_profit, sought.supplier_profit)
    return np.asarray(best - np.append(demanders, supplier))


def lost(play: Play, iterations: int) -> list[float]:
    """For each of PARTIES the profit lost until then, money; negative is a gain."""
    path = [lost_in(play, at) for at in range(1, iterations + 1)]
    total: list[float] = np.sum(path, axis=0).tolist()
    return total


def lost_so_far(play: Play) -> list[float]:
    """What all parties together have lost after each iteration, money."""
    each = [float(lost_in(play, at).sum()) for at in range(1, len(play.history))]
    return list(accumulate(each, initial=0.0))


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


def measure() -> Facts:
    """The three quantities for every dynamic that arrives, and Table 2 beside them."""
    game = market()
    plays = [(name, played(game, dynamic, _ROUNDS)) for name, dynamic in DYNAMICS]
    measured, candidates = [], []
    for name, play in plays:
        iterations = play.rounds_to(LEVEL)
        if iterations is None:
            continue
        errors = own_errors(play)
        measured.append(
            {
                "name": name,
                "dynamic": play.dynamic.name,
                "iterations": iterations,
                "speed": settled(errors, LEVEL),
                "load": loads(play.dynamic.name, iterations),
                "load_to": {
                    power(level): loads(play.dynamic.name, at)
                    for level in LEVELS
                    if (at := play.rounds_to(level)) is not None
                },
                "cost": lost(play, iterations),
                "cost_path": lost_so_far(play),
                "balance": [balance(float(s.demand.sum()), s.supply) for s in play.history],
                "errors": play.errors,
            }
        )
        candidates += [(name, level, settled(errors, level)) for level in _SEARCHED]
    concepts = {}
    for concept in _PRICE_CONCEPTS:
        found = solve(game, concept)
        concepts[concept] = {
            "demand": found.total_demand,
            "supply": found.supply,
            "balance": balance(found.total_demand, found.supply),
            "unfunded": found.unfunded,
        }
    return {
        "level": LEVEL,
        "bytes": {"reply": REPLY, "quote": QUOTE},
        "dynamics": measured,
        "concepts": concepts,
        "table_2": _table_2(measured[0], candidates, concepts),
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


def claims(facts: Facts) -> list[Claim]:
    """The three figures and the table."""
    return [_load(facts), _cost(facts), _balance(facts), _printed_table(facts)]


def _load(facts: Facts) -> Claim:
    sizes = facts["bytes"]
    return Claim(
        id="load",
        title="The load of convergence",
        place="Fig. 6, Table 2",
        words="Comparison of Convergence Load Of Games",
        verdict=NOT_IDENTIFIED,
        reason="“Load” has no definition, no unit, and no comparator that can be found.",
        got=(
            "With load defined as the bytes a party sends and receives until the error stays below "
            f"a level, a demander's reply being {sizes['reply']} bytes and the supplier's quote "
            f"{sizes['quote']}, the table says what each dynamic takes. Which is lightest depends "
            "on the level: demanders answering at once and then the supplier beat Anderson at "
            "1e-2 and 1e-3, and lose to it at 1e-6.",
        ),
        how="Iterations times the signed messages of one iteration, sized as the market signs "
        "them (EIP-712 fields of 32 bytes, signature of 65). Best responses in turn need a quote "
        "for every demander, a trial step (extragradient) a second exchange, all others one quote "
        "to all and one reply from each.",
        tables=(
            table(
                "Bytes sent and received until the error stays below a level",
                ("dynamic", *(f"each MRD, {power(one)}" for one in LEVELS), "MRS, 1e-3"),
                [
                    (
                        one["name"],
                        *(f"{load[0]:,}" for load in one["load_to"].values()),
                        f"{one['load'][-1]:,}",
                    )
                    for one in facts["dynamics"]
                ],
            ),
        ),
        figures=("load",),
    )


def _cost(facts: Facts) -> Claim:
    rows = [
        (one["name"], *(amount(each, 0) for each in one["cost"]), amount(sum(one["cost"]), 0))
        for one in facts["dynamics"]
    ]
    gainers = [
        f"{party} under {one['name']}"
        for one in facts["dynamics"][:1]
        for party, each in zip(PARTIES, one["cost"], strict=True)
        if each < 0
    ]
    return Claim(
        id="cost",
        title="The cost of convergence",
        place="Fig. 7, Table 2",
        words="Comparison of convergence Cost of games",
        verdict=NOT_IDENTIFIED,
        reason="“Cost” has no definition and no unit, and on the way one party's loss is "
        "another's gain.",
        got=(
            "With cost defined as the profit lost against the equilibrium, summed over the "
            "iterations until the error stays at most 1e-3, it is negative for some "
            f"({' and '.join(gainers) or 'nobody'} here): away from the equilibrium somebody "
            "usually earns more than at it. MRD1 earns nothing at the equilibrium, so its cost "
            "has no percentage at all.",
            "If trades are made only at the end, as in this market, the way there costs nobody "
            "anything but messages.",
        ),
        how="Profits of eq. 11 and 13 at every state of the play from V = 100, W = 200; in "
        "tâtonnement and Newton, which move a price, at the announced one.",
        tables=(
            table("Profit lost along the way, money", ("dynamic", *PARTIES, "all together"), rows),
        ),
        figures=("cost",),
    )


def _balance(facts: Facts) -> Claim:
    concepts = facts["concepts"]
    cleared = concepts["simultaneous"]["balance"] > 100 - 1e-6
    return Claim(
        id="balance",
        title="Supply and demand are in balance at the equilibrium",
        place="Section 5.2; Fig. 8 (captioned “Fig.6”); abstract",
        words="the game problem of supply-demand balance … the price is balanced",
        verdict=holds_if(cleared),
        reason="Nothing in equations 11–19 makes demand and supply meet; at the equilibrium barely "
        "half of what is supplied is asked for.",
        got=(
            "With balance defined as 100·min(S, w)/max(S, w), the equilibrium has "
            + ", ".join(
                f"{each['balance']:.0f} ({concept})"
                for concept, each in concepts.items()
                if concept != "balanced"
            )
            + ". The supplier books q·w while the demanders pay q·S; the difference, "
            f"{amount(concepts['simultaneous']['unfunded'], 0)} under simultaneous, is paid by "
            "nobody. That S ≤ w holds here is luck of the data.",
            "The concept balanced is offered beside the paper's: the supplier delivers what is "
            "ordered and is paid for that, and the number is 100.",
        ),
        how="S and w of the certified equilibria of each concept; the figure follows S and w along "
        "the play.",
        tables=(
            table(
                "Demand and supply at the equilibrium",
                ("concept", "S", "w", "balance", "booked, paid by nobody"),
                [
                    (
                        concept,
                        amount(each["demand"], 3),
                        amount(each["supply"], 3),
                        amount(each["balance"], 1),
                        amount(each["unfunded"], 1),
                    )
                    for concept, each in concepts.items()
                ],
            ),
        ),
        figures=("balance",),
    )


def _side_by_side(both: Facts) -> Table:
    rows = []
    for row, printed in both["printed"].items():
        rows.append((f"{row}: printed", *(amount(each) for each in printed)))
        rows.append(("here", *(amount(each, 1) for each in both["ours"][row])))
    return table(
        f"Table 2 as printed, and by the definitions used here ({both['dynamic']}, error 1e-3)",
        ("quantity", *PARTIES),
        rows,
    )


def _printed_table(facts: Facts) -> Claim:
    both = facts["table_2"]
    near = both["nearest_speed"]
    gap = min(both["balance_apart"].values())
    return Claim(
        id="table-2",
        title="The numbers of Table 2",
        place="Table 2",
        words="Converge speed 52 54 50 45 … Supply demand balance 78 82 71 65",
        verdict=NOT_IDENTIFIED,
        reason="The printed numbers do not follow from the model: no definition, unit, step or "
        "tolerance is given, and two of the four rows differ between parties that the model makes "
        "equal.",
        got=(
            "Balance is one number for the market, whatever its exact definition, yet the table "
            f"prints four that lie {both['spread']['Supply demand balance']:.0f} apart. The "
            f"closest of our equilibria is {gap:.0f} away from the row.",
            "The three demanders send and receive the same messages in every iteration, so their "
            "loads are equal in any unit; the table prints 48, 45 and 55.",
            f"Speed by party was looked for among {near['tried']} combinations of dynamic and "
            f"error. The closest is {near['dynamic']} to {power(near['error'])}, "
            f"{listed(near['iterations'], 0)} iterations, {near['apart']:.0f} away. As with “15 "
            "against 35” a step could be chosen that comes closer: nothing is identified.",
            "Cost for MRD1, 58 in the table, is the loss of a party that earns 0 at the "
            "equilibrium.",
        ),
        how=f"Definitions as in the three claims above; balance at the last iteration. "
        f"{listed(both['ours']['Converge speed'], 0)} are the iterations after which each "
        "party's own quantity stays within 1e-3.",
        tables=(_side_by_side(both),),
    )


def drawn(facts: Facts) -> list[Facts]:
    """The dynamics that figures show: the first of each kind worth telling apart."""
    shown: dict[str, Facts] = {}
    for one in facts["dynamics"]:
        if one["dynamic"] in _DRAWN:
            shown.setdefault(one["dynamic"], one)
    return list(shown.values())
