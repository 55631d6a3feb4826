"""Made-up markets of so many firms, run with all walls up and with none."""

import random
from fractions import Fraction
from functools import lru_cache

from fabmarket.chain import Settings, open_engine
from fabmarket.scenario import Alternative, Demander, Scenario, SubTask, Supplier
from fabmarket.scenario.model import DEFAULT_CURRENCY
from fabmarket.simulation import Outcome, run_market
from fabmarket.simulation.leakage import bare, walled

SLOTS = 2


def crowd(firms: int, concept: str, seed: int = 1, wants: int = 2) -> Scenario:
    """Return a market in which about eight firms meet in a session, two thirds of it served.

    Of fewer `wants` a firm there is so much less asked.
    """
    chance = random.Random(seed)
    workshops = max(1, firms // 8)
    hours = 40 * 2 * firms * 2 // (3 * workshops * SLOTS)
    demanders = []
    for number in range(firms):
        places = [(at, slot) for at in range(workshops) for slot in range(SLOTS)]
        tasks = tuple(
            SubTask(f"{at} in {slot}", slot, True, (_way(at, chance),))
            for at, slot in chance.sample(places, min(wants, len(places)))
        )
        demanders.append(Demander(f"firm {number}", tasks))
    return Scenario(
        name="crowd",
        title="A crowd",
        description="",
        source="",
        draws="",
        currency=DEFAULT_CURRENCY,
        concept=concept,
        negotiation="session",
        release_rounds=2,
        operators=1,
        threshold=1,
        slot_length=86_400,
        tampered_copies=0,
        demanders=tuple(demanders),
        suppliers=tuple(
            Supplier(
                f"workshop {at}",
                f"machine {at}",
                "hour",
                chance.randint(1_000, 1_500),
                Fraction(4, 5),
                Fraction(1, 5),
                (hours,) * SLOTS,
                (hours,) * SLOTS,
                lots=False,
            )
            for at in range(workshops)
        ),
    )


def _way(workshop: int, chance: random.Random) -> Alternative:
    hours, worth = chance.randint(20, 60), chance.randint(2_000, 9_000)
    return Alternative(f"machine {workshop}", hours, worth, chance.randint(0, 500))


@lru_cache(maxsize=8)
def both(firms: int, concept: str = "clock") -> tuple[Outcome, Outcome]:
    """Return what a crowd's run comes to with all walls up, and with none."""
    return of(crowd(firms, concept))


def of(scenario: Scenario) -> tuple[Outcome, Outcome]:
    """Return what a market's run comes to with all walls up, and with none."""
    with open_engine("embedded", Settings()) as engine:
        protected = run_market(
            walled(scenario), engine, 1, lambda *_: None, settle="net", sealed=True
        )
    with open_engine("embedded", Settings()) as engine:
        plain = run_market(bare(scenario), engine, 1, lambda *_: None)
    return protected, plain
