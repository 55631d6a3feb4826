"""The abstract's "fair game": which measures of fairness the equilibrium satisfies, if any."""

import numpy as np
from numpy.typing import NDArray

from fabmarket.game import Equilibrium, Game, solve
from fabmarket.paper.claim import NOT_IDENTIFIED, Facts
from fabmarket.paper.equilibria import CONCEPTS
from fabmarket.paper.printed import DEMANDERS, market

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


def verdicts(_: Facts) -> dict[str, str]:
    """Fair, by no stated measure."""
    return {"fair": NOT_IDENTIFIED}
