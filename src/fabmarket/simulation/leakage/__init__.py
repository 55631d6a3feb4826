"""What each viewer of a run learns: attacks with just what it has, each beside its control.

The same market runs twice, `walled` and `bare`; every attack is tried on both.
"""

from collections.abc import Iterator
from dataclasses import replace

from fabmarket.negotiation.course import FEWEST
from fabmarket.scenario import Scenario
from fabmarket.simulation.leakage import sessions, settlement, wires
from fabmarket.simulation.leakage.rows import Attack, Leak
from fabmarket.simulation.outcome import Outcome

USUAL = 5
"""Seats from which on a session is masked, where the scenario says nothing."""
ATTACKS: tuple[Attack, ...] = (*sessions.ATTACKS, *wires.ATTACKS, *settlement.ATTACKS)
"""In the order of the table: inside a session, on the links, on the chain."""


def walled(scenario: Scenario) -> Scenario:
    """Return a market whose sessions are masked wherever that is possible.

    From as many seats on as it says, else from `USUAL`, or from the fewest that there can be where
    it has fewer demanders.
    """
    masks = scenario.negotiation != "bargaining"
    least = scenario.least or (USUAL if len(scenario.demanders) >= USUAL else FEWEST)
    return replace(scenario, least=least if masks else 0)


def bare(scenario: Scenario) -> Scenario:
    """Return a market whose sessions are all open."""
    return replace(scenario, least=0)


def measured(protected: Outcome, plain: Outcome) -> Iterator[Leak]:
    """Yield what each attack finds, of those that there is something for.

    `protected` is the outcome of a `walled` market whose letters are sealed and whose trades net,
    `plain` that of the `bare` one, with the same seed, clear letters and single settlement.
    """
    for attack in ATTACKS:
        leak = attack(protected, plain)
        if leak is not None:
            yield leak
