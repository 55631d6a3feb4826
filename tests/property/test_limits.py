"""At the limits: whatever passes the checks before the start runs to its audit on a real chain."""

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from fabmarket.chain import Settings, open_engine
from fabmarket.market.units import LARGEST_AMOUNT, LARGEST_QUANTITY
from fabmarket.report.facts import facts_of
from fabmarket.scenario import (
    Alternative,
    Currency,
    Demander,
    InvalidScenario,
    Scenario,
    SubTask,
    Supplier,
    check_scenario,
)
from fabmarket.scenario.checks import FINEST_WEIGHT, LARGEST_WEIGHT, LONGEST_CALENDAR
from fabmarket.scenario.model import LARGEST_STEP, majority_of
from fabmarket.simulation import run_market

CONCEPTS = ["balanced", "demanders-lead", "simultaneous", "bargaining", "clock", "clock in lots"]


def at(limit: int, least: int = 0) -> st.SearchStrategy[int]:
    """Numbers up to a limit: at it, of every size below, and small ones."""
    limit = max(limit, least)
    return st.one_of(
        st.integers(max(least, limit - 2), limit),
        st.integers(0, limit.bit_length()).map(lambda bits: max(least, min(limit, 1 << bits))),
        st.integers(least, max(least, min(limit, 99))),
    )


@st.composite
def suppliers(
    draw: st.DrawFn, name: str, resource: str, slots: int, over: int, lots: bool
) -> Supplier:
    attested = draw(st.tuples(*[at(LARGEST_QUANTITY + over)] * slots))
    listed = tuple(draw(st.sampled_from([n, n, n // 2, 0])) for n in attested)
    finest = int(LARGEST_WEIGHT / FINEST_WEIGHT)
    b = draw(at(finest - 1, least=1))
    top = LARGEST_AMOUNT * int(1 / FINEST_WEIGHT) // max(1, *listed)  # the highest price
    return Supplier(
        name=name,
        resource=resource,
        unit="u" * 31,
        maintenance=draw(st.one_of(st.just(1), at(LARGEST_AMOUNT // 2 + over))),
        a=(b + draw(at(min(finest - b, top) + over, least=1))) * FINEST_WEIGHT,
        b=b * FINEST_WEIGHT,
        attested=attested,
        listed=listed,
        lots=lots,
        step=draw(st.one_of(st.just(4), at(LARGEST_STEP + over, least=1))),
    )


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    concept, *in_lots = draw(st.sampled_from(CONCEPTS)).split(" ", 1)
    free = concept == "demanders-lead"
    slots = draw(st.integers(1, 3))
    operators = draw(st.integers(1, 4))
    over = draw(st.sampled_from([0, 0, 0, 1]))  # whether limits may be passed by one
    offers = [
        draw(suppliers(n * 64, r, slots, over, bool(in_lots)))
        for n, r in (("a", "r" * 31), ("b", "!"))
    ]
    count = draw(st.integers(1, 3))
    demanders = []
    for i in range(count):
        divisible = free or (concept == "clock" and not in_lots) or draw(st.booleans())
        limited = not free and (concept == "bargaining" or not divisible or draw(st.booleans()))
        slot = draw(st.integers(0, slots - 1))
        chosen = draw(st.sampled_from(offers))
        units = max(1, chosen.listed[slot])
        quantity = draw(st.one_of(at(LARGEST_QUANTITY + over, least=1), st.just(units)))
        most = LARGEST_AMOUNT // (max(1, quantity if limited else max(chosen.listed)) * count)
        cost = draw(st.sampled_from([0, 1, LARGEST_AMOUNT - most]))
        benefit = cost + draw(at(min(most + over, LARGEST_AMOUNT - cost)))
        way = Alternative(chosen.resource, quantity if limited else None, benefit, cost)
        demanders.append(Demander(f"d{i}", (SubTask("t", slot, divisible, (way,)),)))
    return Scenario(
        name="limits",
        title="",
        description="",
        source="",
        draws="",
        currency=Currency("$" * 31, draw(st.sampled_from([0, 2, 18]))),
        concept="balanced" if concept == "bargaining" else concept,
        negotiation="bargaining" if concept == "bargaining" else "session",
        release_rounds=2,
        operators=operators,
        threshold=draw(st.integers(majority_of(operators), operators)),
        slot_length=draw(at(LONGEST_CALENDAR // slots + over, least=1)),
        tampered_copies=0,
        demanders=tuple(demanders),
        suppliers=tuple(offers),
    )


def everything(margin: int, units: int, concept: str = "balanced") -> Scenario:
    """One demander that can pay for all that one supplier has."""
    limited = concept != "demanders-lead"
    way = Alternative("r", units if limited else None, margin, 0)
    return Scenario(
        name="all",
        title="",
        description="",
        source="",
        draws="",
        currency=Currency("CR", 0),
        concept=concept,
        negotiation="session",
        release_rounds=1,
        operators=1,
        threshold=1,
        slot_length=LONGEST_CALENDAR,
        tampered_copies=0,
        demanders=(Demander("d", (SubTask("t", 0, not limited, (way,)),)),),
        suppliers=(
            Supplier(
                *("s", "r", "u", 1, 2 * FINEST_WEIGHT, FINEST_WEIGHT, (units,), (units,)),
                lots=concept == "clock",
            ),
        ),
    )


@settings(max_examples=40)
@example(everything(LARGEST_AMOUNT // LARGEST_QUANTITY, LARGEST_QUANTITY))
@example(everything(LARGEST_AMOUNT // LARGEST_QUANTITY, LARGEST_QUANTITY, "demanders-lead"))
@example(everything(LARGEST_AMOUNT // LARGEST_QUANTITY, LARGEST_QUANTITY, "simultaneous"))
@example(everything(LARGEST_AMOUNT // LARGEST_QUANTITY, LARGEST_QUANTITY, "clock"))
@example(everything(LARGEST_AMOUNT, 1))
@example(everything(2**65, 2**63))
@given(scenarios())
def test_what_passes_the_checks_is_refused_by_no_contract(scenario: Scenario) -> None:
    try:
        check_scenario(scenario, "x")
    except InvalidScenario as refusal:
        event(f"refused: {str(refusal).split(':')[1].rstrip('0123456789.')}")
        return
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(scenario, engine, 1, lambda *_: None)
        event("trades" if outcome.trades else "runs without a trade")
        try:
            failed = {sent.action for sent, receipt in outcome.sent if receipt.status != 1}
            assert failed <= {"list"}  # the paper's verification tests
            assert facts_of(outcome, [])["audit"]["ok"]
        finally:
            outcome.store.close()
