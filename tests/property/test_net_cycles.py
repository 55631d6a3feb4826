"""Net cycles in random markets with random losses and missing parties.

Whatever is lost and whoever is missing: every trade settles once, netted or late, or was never
agreed; no product settles in part; nothing is gained or lost. FABMARKET_FUZZ=long tries more.
"""

import os
from collections import Counter
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.chain import Settings, open_engine
from fabmarket.market.cycles import Consent, Counted, Entering, Entry, Joining, Proposal, Roll
from fabmarket.market.events import NetSettled, Settled
from fabmarket.market.net import unpack_rows
from fabmarket.market.products import Countersigned
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.netting.state import NetParty
from fabmarket.simulation import run, run_market
from tests.property.test_hostile_links import Hostile, market
from tests.unit.negotiation.nets import CYCLES, Nets
from tests.unit.negotiation.wire import deaf

LONG = os.environ.get("FABMARKET_FUZZ") == "long"
KINDS = (Joining, Roll, Entering, Entry, Proposal, Counted, Consent, Countersigned)


class Lossy(Nets):
    """A market in which each message of a cycle is lost with a chance, and some are silent.

    `agreed` are the products that anybody can settle, by bundle: their trades by digest.
    """

    def __init__(self, chance, losses):
        super().__init__()
        self.lost = lambda sent: isinstance(sent[0], KINDS) and chance.random() < losses
        self.agreed = {}

    def settle(self):
        for address in (*self.buyers, *self.sellers):
            for deal in self.net(address).deals.values():
                if deal.whole and deal.is_agreed(address):
                    trades = (each.trade for each in deal.signed)
                    names = dict(zip(deal.names, trades, strict=True))
                    self.agreed[deal.signed[0].trade.bundle] = names
        super().settle()

    def is_netted(self, trade):
        """Whether a batch used up the nonce of a trade."""
        rows = (row for each in self.batches for row in unpack_rows(each.rows))
        own = (row.mask for row in rows if row.account == trade.demander)
        return sum(mask >> (trade.nonce & 0xFF) & 1 for mask in own)


def random_market(chance, losses):
    it = Lossy(chance, losses)
    kinds = [name_to_bytes32(f"machine {at}") for at in range(chance.randint(1, 3))]
    it.sellers = [
        it.supplier(f"s{at}", 60, resource=kind, slots=range(4), concept="bargaining")
        for at, kind in enumerate(kinds)
    ]
    it.buyers = []
    for at in range(chance.randint(1, 4)):
        name = f"b{at}"
        if chance.random() < 0.4:
            steps = [[(chance.choice(kinds), chance.randint(1, 9))] for _ in range(2)]
            it.buyers.append(it.buyer(name, it.product(name, *steps, value=10_000)))
            continue
        wants = (
            it.want(
                f"{name} {number}",
                (chance.choice(kinds), chance.randint(1, 9), chance.randint(20, 60)),
                slot=chance.randint(0, 3),
            )
            for number in range(chance.randint(1, 3))
        )
        it.buyers.append(it.demander(name, *wants))
    return it


@settings(max_examples=3_000 if LONG else 60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0, 0.02, 0.1]))
def test_every_agreed_trade_settles_once_and_no_product_in_part(seed, losses):
    chance = Random(seed)
    it = random_market(chance, losses)
    total, silent = sum(map(it.held, it.keys)), set()
    it.rounds() if any(it.states[each].purchases for each in it.buyers) else it.agree()
    it.closed = CYCLES.closing(it.now)
    for quarter in range(-12, 20):
        if chance.random() < 0.05:
            each = chance.choice([it.coordinator, *it.buyers, *it.sellers])
            it.steps[each] = deaf
            silent.add(each)
        it.quarters(quarter)
    assert sum(map(it.held, it.keys)) == total
    assert set(it.refused) <= {"NonceUsed"}  # late, by both parties at once, or netted meanwhile
    settled = Counter(each.trade for each in it.singles)
    assert set(settled) <= {name for names in it.agreed.values() for name in names}
    for trades in it.agreed.values():
        done = {settled[name] + it.is_netted(trade) for name, trade in trades.items()}
        assert len(done) == 1, "a product settled in part"
        parties = {it.seller_of(trade) for trade in trades.values()}
        parties.update(trade.demander for trade in trades.values())
        assert done == {1} or (done == {0} and parties & silent)


class Everything:
    """What a run of the embedded chain comes to."""

    def __init__(self, name, schedule=None):
        with pytest.MonkeyPatch.context() as patch, open_engine("embedded", Settings()) as engine:
            patch.setattr(run, "VIRTUAL_PERIOD", 600)
            patch.setattr(run, "NetParty", partial(NetParty, least=0))
            scenario = market(name)
            outcome = run_market(
                scenario, engine, 1, lambda *_: None, settle="net", schedule=schedule
            )
            self.events = list(outcome.store.events())
            outcome.store.close()
        self.outcome = outcome

    @property
    def terms(self):
        events = [each.event for each in self.outcome.trades]
        found = [(e.demander, e.listing, e.quantity, e.unit_price) for e in events]
        assert len(set(found)) == len(found)
        return set(found)


@pytest.mark.parametrize("name", ["paper", "bargaining", "clock", "mk01"])
def test_over_perfect_links_all_is_netted(name):
    it = Everything(name)
    assert {each.way for each in it.outcome.trades} == {"net"}
    assert not any(isinstance(each, Settled) for each in it.events)
    assert it.outcome.audit.ok


@pytest.mark.parametrize("name", ["paper", "bargaining", "clock"])
@settings(max_examples=300 if LONG else 4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_over_bad_links_the_same_trades_settle(name, seed):
    it, perfect = Everything(name, Hostile(seed)), Everything(name)
    assert it.terms == perfect.terms
    assert it.outcome.audit.ok
    assert sum(it.outcome.after.values()) == sum(it.outcome.before.values())


@pytest.mark.parametrize("name", ["bargaining", "clock"])
@settings(max_examples=300 if LONG else 4, deadline=None)
@given(seed=st.integers(0, 2**32), after=st.integers(0, 40))
def test_without_a_coordinator_the_same_trades_settle_late(name, seed, after):
    operator = Everything(name).outcome.parties.operators[0].address
    it = Everything(name, Hostile(seed, [operator], after=after))
    assert it.terms == Everything(name).terms
    assert it.outcome.audit.ok
    batches = sum(isinstance(each, NetSettled) for each in it.events)
    assert batches or {each.way for each in it.outcome.trades} == {"late"}
