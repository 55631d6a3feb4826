"""Any rhythm: whenever a demander wakes up, it meets the others at a beat that it can reach."""

from hypothesis import given
from hypothesis import strategies as st

from fabmarket.market.rhythm import Rhythm

rhythms = st.builds(Rhythm, st.integers(0, 10**9), st.integers(4, 10**6))
times = st.integers(0, 2 * 10**9)


@given(rhythms, times)
def test_the_next_beat_is_a_beat_with_time_left_for_offers_and_no_later_than_need_be(rhythm, now):
    opens = rhythm.opens_after(now)
    assert opens >= rhythm.origin
    assert (opens - rhythm.origin) % rhythm.period == 0
    assert now < rhythm.offers_until(opens) < opens < rhythm.ends(opens)
    earlier = opens - rhythm.period
    spare = max(1, rhythm.quarter // 2)
    assert earlier < rhythm.origin or now + spare > rhythm.offers_until(earlier)


@given(rhythms, times)
def test_who_publishes_for_a_beat_publishes_for_the_same_one(rhythm, now):
    """Two demanders that publish in one cycle, however late, meet in one session."""
    opens = rhythm.opens_after(now)
    first = opens - 2 * rhythm.quarter
    last = rhythm.offers_until(opens) - max(1, rhythm.quarter // 2)
    if first >= rhythm.origin:
        assert rhythm.opens_after(first) == rhythm.opens_after(last) == opens
        assert rhythm.publishes(first, opens)
        assert not rhythm.publishes(first - 1, opens)
        assert not rhythm.publishes(rhythm.offers_until(opens), opens)


@given(rhythms, times, st.integers(0, 10**6))
def test_time_does_not_lead_back_to_an_earlier_beat(rhythm, now, later):
    assert rhythm.opens_after(now) <= rhythm.opens_after(now + later)


@given(rhythms, st.integers(0, 10**3))
def test_sessions_of_a_beat_are_over_when_the_next_ones_open(rhythm, number):
    opens = rhythm.origin + number * rhythm.period
    assert rhythm.ends(opens) == opens + rhythm.period
    assert rhythm.opens_after(opens) == rhythm.ends(opens)
