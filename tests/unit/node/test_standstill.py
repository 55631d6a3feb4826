"""When it is said of a chain that it stands still, by a clock of the test's own."""

import pytest

from fabmarket.node.standstill import LEAST, Standstill


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def looks(watched, clock, head, seconds):
    """What is news in so many seconds, looked at each second."""
    news = []
    for _ in range(seconds):
        clock.now += 1
        found = watched.look(head)
        news += [] if found is None else [found[1]]
    return news


def test_it_is_said_once_and_again_when_it_lasts_twice_as_long(clock):
    watched = Standstill(clock)
    assert watched.look(7) is None
    assert looks(watched, clock, 7, 300) == [30, 60, 120, 240]
    assert watched.is_so


def test_a_block_ends_it(clock):
    watched = Standstill(clock)
    watched.look(7)
    assert looks(watched, clock, 7, 31) == [30]
    assert watched.look(8) is None
    assert not watched.is_so


@pytest.mark.parametrize("usual", [1, 12, 60])
def test_ten_blocks_time_is_waited_for(clock, usual):
    watched = Standstill(clock)
    for head in range(20):
        clock.now += usual
        assert watched.look(head) is None
    assert looks(watched, clock, 19, 1000)[0] == max(LEAST, 10 * usual)


def test_a_long_past_is_no_slow_chain(clock):
    """A node that was behind shows many blocks at once."""
    watched = Standstill(clock)
    watched.look(0)
    clock.now += 20
    watched.look(10_000)
    assert looks(watched, clock, 10_000, 40) == [30]
