"""Markets on links that lose and mix up letters: nothing is sold twice, and no promise stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.market.events import Settled
from fabmarket.market.rhythm import TRADE_VALIDITY
from fabmarket.market.units import name_to_bytes32
from tests.unit.negotiation.wire import HELD, RHYTHM, Wire

MILL = name_to_bytes32("mill")
ROOM = 60


class LossyWire(Wire):
    """Any letter may come next, late or never; what is submitted may be settled later or never."""

    def __init__(self, rng, loss):
        super().__init__()
        self.rng, self.loss = rng, loss

    def pump(self):
        for _ in range(self.rng.choice((5, 50, 10_000))):
            if not self.queue:
                return
            at = self.rng.randrange(len(self.queue))
            to, received = self.queue[at]
            del self.queue[at]
            if self.rng.random() >= self.loss:
                self.give(to, received)
                self.check()

    def settle(self):
        self.rng.shuffle(self.submits)
        kept = [each for each in self.submits if self.rng.random() < 0.3]
        self.submits = [each for each in self.submits if each not in kept]
        super().settle()
        self.submits = [each for each in kept if self.rng.random() < 0.7]

    def check(self):
        """No supplier promises what it has not, and none signs for more than that.

        Nobody signs what it cannot pay or bond, and all know what they have.
        """
        for state in self.states.values():
            for listing, shelf in getattr(state, "shelves", {}).items():
                assert 0 <= shelf.promised <= shelf.available
                signed = [sale for sale in state.sales.values() if sale.listing == listing]
                assert sum(sale.quantity for sale in signed) <= shelf.promised
            assert state.free >= 0
            assert state.purse.balance == self.held(state.address)


@pytest.mark.parametrize("concept", ["balanced", "bargaining"])
@settings(max_examples=40)
@given(
    rng=st.randoms(use_true_random=False),
    loss=st.sampled_from((0, 0.05, 0.3)),
    in_escrow=st.booleans(),
)
def test_nothing_is_sold_twice_and_all_is_free_in_the_end(concept, rng, loss, in_escrow):
    wire = LossyWire(rng, loss)
    held = {"delivery": HELD, "money": rng.choice((100, 10_000))} if in_escrow else {}
    sellers = [
        wire.supplier(name, ROOM, concept=concept, maintenance=cost, batch=batch, **held)
        for name, cost, batch in (("s", 10, False), ("t", 12, True))
    ]
    buyers = []
    for beat in range(4):
        for number in range(2):
            units, margin = rng.randrange(1, 40), rng.randrange(15, 120)
            name, whole = f"d{beat}.{number}", rng.random() < 0.3
            want = wire.want("task", (MILL, units, margin), divisible=not whole)
            money = rng.choice((500, 10**6))
            buyers.append(wire.demander(name, want, rounds=3, money=money))
        wire.until("open")
        for _ in range(2):
            wire.time_up()
            wire.check()
            wire.pump()
            wire.settle()
    wire.loss = 1
    while wire.queue:
        wire.pump()
    wire.tick(wire.now + 2 * RHYTHM.period + TRADE_VALIDITY)
    assert set(wire.refused) <= {"TradeExpired"}
    sales = [each for each in wire.settled if isinstance(each, Settled)]
    for seller in sellers:
        state, listing = wire.states[seller], wire.listing(seller, 0)
        sold = sum(sale.quantity for sale in sales if sale.listing == listing)
        assert sold == ROOM - state.shelves[listing].available <= ROOM
        assert state.shelves[listing].promised == 0
        assert [len(each) for each in (state.talks, state.awards, state.sales)] == [0, 0, 0]
    for buyer in buyers:
        (want,) = wire.wants(buyer)
        bought = [sale for sale in sales if sale.demander == buyer]
        assert len(bought) == (want.state == "served")
        assert sum(sale.quantity for sale in bought) <= want.choice(MILL).quantity
        assert all(
            sale.unit_price < want.choice(MILL).margin or concept == "bargaining" for sale in bought
        )
        assert want.state in ("open", "served", "unserved")
