"""Nothing is signed beyond an owner's policy, over links that lose and mix up what is said."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.identity import digest
from fabmarket.market.messages import Demand, Offer, Selection
from fabmarket.market.trade import Trade
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.orders import Approve
from fabmarket.negotiation.policy import DAY, NO_BOUND, Policy
from tests.property.test_promises import LossyWire

MILL = name_to_bytes32("mill")


class PolicedWire(LossyWire):
    """Notes when each trade was signed, and holds whatever is said against policy and wants."""

    def __init__(self, rng, loss):
        super().__init__(rng, loss)
        self.spent = Counter()

    def say(self, message, to, *places):
        super().say(message, to, *places)
        policy = self.states[message.author].policy
        if isinstance(message, Demand | Offer | Selection | Trade):
            assert policy.deals_with(to)
        if isinstance(message, Trade):
            self._hold(message, policy)

    def _hold(self, trade, policy):
        state = self.states[trade.demander]
        want = state.wants[state.trades[digest(self.domain, trade)]]
        choice = want.choice(MILL)
        payment = trade.quantity * trade.unit_price
        assert trade.quantity <= choice.quantity
        assert trade.unit_price <= choice.margin
        assert trade.token == state.token
        worst = choice.quantity * choice.margin
        assert worst <= policy.approve_above or want.id in state.approved
        self.spent[trade.demander, self.now // DAY] += payment
        assert self.spent[trade.demander, self.now // DAY] <= policy.budget


def drawn(rng, partners):
    return Policy(
        partners=frozenset(rng.sample(partners, rng.randrange(len(partners)))),
        approve_above=rng.choice((NO_BOUND, rng.randrange(3_000))),
        budget=rng.choice((NO_BOUND, rng.randrange(2_000))),
    )


def with_policy(wire, address, policy):
    wire.states[address] = replace(wire.states[address], policy=policy)


@pytest.mark.parametrize("concept", ["balanced", "bargaining"])
@settings(max_examples=60)
@given(rng=st.randoms(use_true_random=False), loss=st.sampled_from((0, 0.1)))
def test_nothing_is_signed_beyond_the_policy(concept, rng, loss):
    wire = PolicedWire(rng, loss)
    sellers = [wire.supplier(name, 60, concept=concept) for name in ("s", "t")]
    buyers = []
    for name in ("a", "b", "c"):
        wants = [
            wire.want(
                f"{name}{at}",
                (MILL, rng.randrange(1, 40), rng.randrange(15, 120)),
                divisible=rng.random() < 0.5,
            )
            for at in range(3)
        ]
        buyers.append(wire.demander(name, *wants, rounds=4))
        with_policy(wire, buyers[-1], drawn(rng, sellers))
    for seller in sellers:
        partners = frozenset(rng.sample(buyers, rng.randrange(3)))
        with_policy(wire, seller, Policy(partners, rng.choice((NO_BOUND, rng.randrange(2_000)))))
    for _ in range(4):
        wire.until("open")
        for _ in range(2):
            wire.time_up()
            wire.pump()
            submitted = [move.signed.trade for _, move in wire.submits]
            approve_some(wire, rng, submitted)
            wire.settle()
        wire.tick(wire.now + rng.choice((0, DAY)))


def approve_some(wire, rng, submitted):
    """A supplier's larger trades are submitted only once its owner approved them."""
    for trade in submitted:
        seller = wire.seller_of(trade)
        assert trade.quantity * trade.unit_price <= wire.states[seller].policy.approve_above
    for address, state in list(wire.states.items()):
        for waiting in list(getattr(state, "held", {})):
            if rng.random() < 0.5:
                wire.give(address, Ordered(Approve(waiting)))
                wire.submits = [each for each in wire.submits if each[0] != address]
                assert waiting not in wire.states[address].held
        if hasattr(state, "wants") and rng.random() < 0.5:
            wire.give(address, Ordered(Approve(rng.choice(state.order))))
