"""Each test's own market on a wire: empty, with two shops, or with a supplier that it plays."""

import pytest

from tests.unit.negotiation.enemy import FIRST, Enemy, pass_to
from tests.unit.negotiation.trap import Trap
from tests.unit.negotiation.wire import LATHE, RHYTHM, Wire


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def trap():
    return Trap


@pytest.fixture
def shop(wire):
    """A mill and a lathe, 10 units a slot, at 10 and 20 a unit."""
    slots = range(5)
    wire.mill = wire.supplier("mill", 10, slots=slots, maintenance=10)
    wire.lathe = wire.supplier("lathe", 10, resource=LATHE, slots=slots, maintenance=20)
    return wire


@pytest.fixture
def enemy(wire):
    """In the first round of holds, where it needs one product; seals are taken."""
    wire.mill = wire.supplier("mill", 20, slots=range(5), maintenance=10)
    enemy = Enemy(wire)
    pass_to(wire, RHYTHM.origin, 0)
    assert enemy.need() is None
    pass_to(wire, FIRST, 1)
    return enemy
