"""The market's beats: which one a demand can still lead to, and what is done when before it."""

import pytest

from fabmarket.market.rhythm import Rhythm

RHYTHM = Rhythm(origin=100, period=60)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (0, 100),
        (78, 100),  # the last second from which a demand has time for its offers
        (79, 160),
        (100, 160),
        (138, 160),
        (139, 220),
        (10_000, 10_060),
    ],
)
def test_the_next_beat_that_a_demand_can_lead_to(now, opens):
    assert RHYTHM.opens_after(now) == opens


def test_a_cycle_leads_to_each_beat():
    """Demands from half a period before, offers for a quarter, selections for a quarter."""
    opens = 160
    assert RHYTHM.quarter == 15
    assert [now for now in range(100, 220) if RHYTHM.publishes(now, opens)] == [*range(130, 145)]
    assert RHYTHM.offers_until(opens) == 145
    assert RHYTHM.ends(opens) == 220


def test_a_period_too_short_for_quarters_has_quarters_of_a_second():
    hasty = Rhythm(origin=0, period=3)
    assert hasty.quarter == 1
    assert hasty.opens_after(0) == 3
    assert hasty.publishes(1, 3)
    assert hasty.offers_until(3) == 2


def test_beats_are_a_period_apart_from_the_origin_on():
    assert [time for time in range(300) if RHYTHM.is_beat(time)] == [100, 160, 220, 280]
