"""What is certified of every finished session, from the members' private values.

In a game's session the equilibrium, solved; in any but a bargain the best lie.

Only a demonstration can do this: it runs all participants and so knows what each keeps to itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fabmarket.game import Equilibrium, Game, NoEquilibrium, NotCertified, solve
from fabmarket.market.units import MICRO, NO_LIMIT
from fabmarket.negotiation.course import CLOCK, rule_of
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.lies import BestLie, best_lie
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.simulation.outcome import Outcome


@dataclass(frozen=True)
class Certified:
    """A session beside the equilibrium of its game; None with the reason if there is none."""

    session: Hosted | MaskedHosted
    equilibrium: Equilibrium | None
    reason: str

    @property
    def off(self) -> str:
        """Why the price that was agreed is no equilibrium's; "" if it is, or if none was agreed.

        A price is a whole number of base units, and replies are cut to micro-units: that much
        leaves it where it is.
        """
        price = self.session.course.settled_on
        if price is None or self.equilibrium is None:
            return "" if price is None else self.reason
        slope = float(rule_of(self.session.opening.terms).slope)
        cut = self.session.opening.seats * slope / MICRO
        if abs(price - self.equilibrium.price) <= 2 * (1 + cut):
            return ""
        return "the equilibrium has another price, at which the session's rounds do not arrive"


def certify_sessions(outcome: Outcome) -> list[Certified]:
    """Return every session of a run with its solved and certified equilibrium."""
    return [
        _certify(session, pairs)
        for session, pairs in _hosted(outcome)
        if session.opening.terms.concept != CLOCK  # which is no game of quantities
    ]


def best_lies(outcome: Outcome) -> dict[bytes, BestLie | None]:
    """Return the best lie of each open session of a run, by its id."""
    return {
        session.id: best_lie(session, [benefit - cost for benefit, cost in pairs])
        for session, pairs in _hosted(outcome)
        if isinstance(session, Hosted)
    }


def _hosted(
    outcome: Outcome,
) -> Iterator[tuple[Hosted | MaskedHosted, list[tuple[int, int]]]]:
    """Yield the sessions that are no bargains, with each seat's benefit and cost of a unit."""
    values = {
        way_of: (way.benefit, way.cost)
        for party, spec in zip(outcome.parties.demanders, outcome.scenario.demanders, strict=True)
        for task in spec.sub_tasks
        for way in task.alternatives
        for way_of in [(party.address, f"{spec.name} / {task.name}", way.resource)]
    }
    resources = {
        party.address: spec.resource
        for party, spec in zip(outcome.parties.suppliers, outcome.scenario.suppliers, strict=True)
    }
    for shown in outcome.talks:
        session = shown.talk
        if isinstance(session, Hosted | MaskedHosted):
            resource = resources[session.opening.supplier]
            yield (
                session,
                [
                    values[member.demander, outcome.names[member.sub_task], resource]
                    for member in session.members
                ],
            )


def _certify(session: Hosted | MaskedHosted, pairs: list[tuple[int, int]]) -> Certified:
    terms = session.opening.terms
    caps = [
        np.inf if member.quantity == NO_LIMIT else float(member.quantity)
        for member in session.members
    ]
    game = Game(
        benefit=np.array([float(benefit) for benefit, _ in pairs]),
        cost=np.array([float(cost) for _, cost in pairs]),
        supplier_cost=float(terms.maintenance),
        a=terms.demand_weight / MICRO,
        b=terms.supply_weight / MICRO,
        cap=None if all(np.isinf(caps)) else np.array(caps),
        supply_cap=np.inf if terms.concept == "demanders-lead" else float(terms.capacity),
    )
    try:
        return Certified(session, solve(game, terms.concept), "")
    except (NoEquilibrium, NotCertified) as error:
        return Certified(session, None, str(error))
