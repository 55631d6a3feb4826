"""The abstract's "fair game": which measures of fairness the equilibrium satisfies, if any."""

import numpy as np
from numpy.typing import NDArray

from fabmarket.game import Equilibrium, Game, solve
from fabmarket.paper.claim import NOT_IDENTIFIED, Claim, Facts, Table, amount, listed, table
from fabmarket.paper.printed import DEMANDERS, market

CONCEPTS = ("simultaneous", "demanders-lead", "supplier-anticipates", "balanced")
Vector = NDArray[np.float64]


def jain(values: Vector) -> float:
    """Jain's index (sum x)^2 / (n sum x^2): 1 if all are equal, 1/n if one has everything.

    R. Jain, D. Chiu, W. Hawe, "A quantitative measure of fairness", DEC TR-301, 1984. 1 where all
    are 0.
    """
    squares = float((values**2).sum())
    return 1.0 if squares == 0 else float(values.sum()) ** 2 / (len(values) * squares)


def envy(game: Game, found: Equilibrium) -> list[list[float]]:
    """By row what each demander would gain with each other's bundle: its quantity at its payment.

    Exchanging two bundles leaves the total, and so the price, as it is. Negative where it would
    lose.
    """
    worth = np.outer(game.margin - found.price, found.demand)
    gain: list[list[float]] = (worth - np.diag(worth)[:, None]).tolist()
    return gain


def envious(game: Game, found: Equilibrium) -> list[tuple[int, int]]:
    """(who, whom) for every demander that would rather have another's bundle."""
    return [
        (who, whom)
        for who, row in enumerate(envy(game, found))
        for whom, gain in enumerate(row)
        if gain > 1e-9 * abs(found.supplier_profit)
    ]


def measure() -> Facts:
    """Indices, shares and envy at the equilibrium of each concept, and two tests of equality."""
    game = market()
    concepts = {concept: _of(game, concept) for concept in CONCEPTS}
    twins = Game([200, 200, 200], [45, 45, 15], 10, 0.8, 0.2)
    alike = [solve(twins, concept).demand for concept in CONCEPTS]
    return {
        "demanders": list(DEMANDERS),
        "concepts": concepts,
        "equals_treated_equally": all(bool(np.isclose(one[0], one[1])) for one in alike),
    }


def _of(game: Game, concept: str) -> Facts:
    found = solve(game, concept)
    profits = np.append(found.demander_profit, found.supplier_profit)
    return {
        "jain_quantities": jain(found.demand),
        "jain_profits": jain(found.demander_profit),
        "jain_all_profits": jain(profits),
        "shares": (100 * profits / profits.sum()).tolist(),
        "quantity_shares": (100 * found.demand / found.demand.sum()).tolist(),
        "envy": envy(game, found),
        "envious": [list(pair) for pair in envious(game, found)],
    }


def _table(facts: Facts) -> Table:
    names = facts["demanders"]
    rows = []
    for concept, each in facts["concepts"].items():
        pairs = ", ".join(f"{names[a]} of {names[b]}" for a, b in each["envious"])
        rows.append(
            (
                concept,
                f"{each['jain_quantities']:.3f}",
                f"{each['jain_profits']:.3f}",
                f"{each['jain_all_profits']:.3f}",
                " / ".join(f"{share:.1f}" for share in each["shares"]),
                pairs or "nobody",
            )
        )
    columns = (
        "concept",
        "Jain, quantities",
        "Jain, demanders' profits",
        "Jain, all four profits",
        "profit in % (MRD1 / MRD2 / MRD3 / MRS)",
        "who envies whom",
    )
    return table("Fairness at the equilibrium", columns, rows)


def claims(facts: Facts) -> list[Claim]:
    """One claim: fair, by no stated measure."""
    concepts = facts["concepts"]
    own = concepts["simultaneous"]
    names = facts["demanders"]
    who = [f"{names[a]} would rather have {names[b]}'s bundle" for a, b in own["envious"]]
    free = all(not each["envious"] for each in concepts.values())
    least = 1 / len(names)
    return [
        Claim(
            id="fair",
            title="The game is fair",
            place="Abstract",
            words="The fair game can reach the Nash equilibrium",
            verdict=NOT_IDENTIFIED,
            reason="The paper names no measure of fairness. The equilibrium treats equals equally "
            "and asks one price of all; it is "
            + ("free of envy." if free else "not free of envy, and its shares are far from even."),
            got=(
                "Satisfied: one price per unit for everybody; equals are treated equally"
                + ("" if facts["equals_treated_equally"] else " (not here)")
                + " (two demanders with the same data get the same quantity); nobody is worse off "
                "than without trading.",
                f"Not satisfied: freedom from envy. {'; '.join(who) or 'Nobody envies'}: at one "
                "price per unit, whoever gains from a unit would gain from more. Exchanging two "
                "bundles changes neither total nor price, so the wish is consistent. It is so "
                "wherever two served demanders have different margins.",
                f"Even shares: Jain's index is 1 for equal shares and {least:.2f} if one of three "
                f"demanders has all. Quantities at the simultaneous equilibrium, in per cent: "
                f"{listed(own['quantity_shares'], 1)}; index {own['jain_quantities']:.3f}. "
                f"Of all profit the supplier books {amount(own['shares'][-1], 1)} %, part of which "
                "nobody pays (see balance).",
            ),
            how="Indices, shares and envy from the certified equilibrium of each concept. A bundle "
            "is a quantity with its payment.",
            tables=(_table(facts),),
            figures=("fairness",),
        )
    ]
