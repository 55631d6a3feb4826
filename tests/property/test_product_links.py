"""Small shops that buy whole products over links that delay, reorder, duplicate, drop and are cut.

Fault 19 for products: whatever is lost, nothing is paid for an incomplete one, no unit is promised
twice, nothing is promised for ever, and every product is decided.
FABMARKET_FUZZ=long draws many more.
"""

import os
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fabmarket.chain import Settings, open_engine
from fabmarket.market.delivery import INSTANT, Delivery
from fabmarket.market.events import Settled
from fabmarket.market.parameters import parameters_for
from fabmarket.market.rhythm import TRADE_VALIDITY, Rhythm
from fabmarket.market.rounds import Rounds
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.moves import Ticked
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.node.participant import folded
from fabmarket.scenario import slotted
from fabmarket.scenario.fjsp import FjspInstance, Operation
from fabmarket.simulation import run, run_market
from fabmarket.simulation.setup import parties_of
from tests.property.test_hostile_links import PERIOD, Hostile

LONG = os.environ.get("FABMARKET_FUZZ") == "long"
MACHINES = 3
AS_DRAWN = settings(
    max_examples=300 if LONG else 3, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
"""A market takes seconds, and a smaller one is no easier to understand."""

operations = st.dictionaries(
    st.integers(0, MACHINES - 1), st.integers(1, 6), min_size=1, max_size=2
).map(lambda ways: Operation(tuple(sorted(ways.items()))))
jobs = st.lists(st.lists(operations, min_size=1, max_size=3).map(tuple), min_size=2, max_size=4)


@st.composite
def shops(draw):
    """A job shop of few machines: paid at once or on delivery, its products tried twice at most."""
    market = slotted(FjspInstance(tuple(draw(jobs)), MACHINES), draw(st.integers(0, 99)), "drawn")
    delivery = draw(st.sampled_from([INSTANT, held(market.slot_length)]))
    return replace(market, release_rounds=draw(st.integers(1, 2)), delivery=delivery)


def held(slot_length):
    """Payment on delivery, each window the least that the exchange takes."""
    least = parameters_for(slot_length)
    return Delivery(
        deliver_within=least.delivery_window,
        dispute_within=least.dispute_window,
        decide_within=least.hearing + least.decision_window,
        silence_share=10_000,
        undecided_share=5_000,
        bond_share=1_000,
        late_penalty=10_000,
        exit_penalty=5_000,
    )


def careful(step, check):
    """A step after which this holds, whatever it was given."""

    def taking(state, given):
        after, outputs = step(state, given)
        check(after)
        return after, outputs

    return taking


def promises_what_it_has(state):
    for shelf in state.shelves.values():
        assert 0 <= shelf.promised <= shelf.available


def spends_what_it_has(state):
    assert state.free >= 0


def played(market, seed, who=None, after=0):
    """The outcome in a rhythm that leaves letters the time they take; with `who` cut off."""
    with pytest.MonkeyPatch.context() as patch, open_engine("embedded", Settings()) as engine:
        patch.setattr(run, "VIRTUAL_PERIOD", PERIOD)
        patch.setattr(supplier, "step", careful(supplier.step, promises_what_it_has))
        patch.setattr(demander, "step", careful(demander.step, spends_what_it_has))
        everyone = parties_of(market, 1)
        traders = [*everyone.demanders, *everyone.suppliers]
        cut = [] if who is None else [traders[who % len(traders)].address]
        schedule = Hostile(seed, cut, after=after)
        outcome = run_market(market, engine, 1, lambda *_: None, schedule=schedule)
        outcome.ended = engine.now()
        outcome.events = list(outcome.store.events())
        outcome.store.close()
    return outcome


def check(outcome):
    assert outcome.audit.ok
    if outcome.scenario.delivery == INSTANT:
        assert sum(outcome.after.values()) == sum(outcome.before.values())
    bought = whole_products(outcome)
    settled = [event.trade for event in outcome.events if isinstance(event, Settled)]
    assert sorted(settled) == sorted(trade for each in bought for trade in each.trades)
    states = {party.address: state_of(outcome, party) for party in outcome.parties.suppliers}
    for state in states.values():
        assert all(shelf.promised == 0 for shelf in state.shelves.values())
    for party in outcome.parties.demanders:
        state = folded(outcome.journals[party.address], demander.step, DemanderState)
        paid = sum(each.chain.price for each in bought if each.product.id in state.purchases)
        assert state.free == state.purse.balance <= outcome.before[party.address] - paid


def whole_products(outcome):
    """The products that were bought, each with all that it takes and for less than its worth."""
    purchases = [purchase for _, purchase in outcome.purchases.values()]
    assert {each.state for each in purchases} <= {"bought", "unbought"}
    bought = [each for each in purchases if each.state == "bought"]
    for each in bought:
        assert len(each.chain.steps) == len(each.trades) == len(each.product.steps)
        assert each.chain.cost < each.product.value
    return bought


def state_of(outcome, party):
    """What a supplier knows, by its journal, when all that was signed is out of date."""
    state = folded(outcome.journals[party.address], supplier.step, SupplierState)
    cycle = Rounds(Rhythm(0, PERIOD)).length
    state, _ = supplier.step(state, Ticked(outcome.ended + cycle + TRADE_VALIDITY))
    return state


@AS_DRAWN
@given(shops(), st.integers(0, 2**32))
def test_products_are_whole_over_hostile_links(market, seed):
    check(played(market, seed))


@AS_DRAWN
@given(shops(), st.integers(0, 2**32), st.integers(0, 6), st.integers(0, 120))
def test_products_are_whole_where_somebody_is_cut_off(market, seed, who, after):
    check(played(market, seed, who, after))
