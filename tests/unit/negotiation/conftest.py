"""Each test's own market on a wire: empty, with two shops, or with a supplier that it plays."""

import pytest

from tests.unit.negotiation.trap import Trap
from tests.unit.negotiation.wire import LATHE, Wire


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
