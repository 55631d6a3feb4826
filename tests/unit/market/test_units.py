from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabmarket.market.units import (
    BadName,
    floor_int,
    is_name,
    is_type_name,
    name_from_bytes32,
    name_to_bytes32,
)


@given(st.fractions())
def test_rounding_is_down_and_by_less_than_one(value):
    assert floor_int(value) <= value < floor_int(value) + 1


def test_rounding_below_zero_is_away_from_it():
    assert floor_int(Fraction(-1, 3)) == -1


LETTERS = st.characters(min_codepoint=32, max_codepoint=126)


@given(st.text(LETTERS, min_size=1, max_size=31).filter(is_type_name))
def test_a_name_survives_its_32_bytes(name):
    packed = name_to_bytes32(name)
    assert len(packed) == 32
    assert name_from_bytes32(packed) == name


@pytest.mark.parametrize(
    "name", ["", "x" * 32, "Fräse", "tab\t", "zero\0", " mill", "mill ", "a  b"]
)
def test_a_name_that_would_not_survive_is_refused(name):
    with pytest.raises(BadName, match="use 1 to 31 letters"):
        name_to_bytes32(name)


@given(st.binary(min_size=32, max_size=32))
def test_any_32_bytes_of_a_stranger_can_be_shown(data):
    assert name_from_bytes32(data).isascii()


NO_NAMES = ["", " ", "x" * 65, "a\0b", "\u202egnillim", "\x1b[2J", "milling ", "  milling", "a  b"]


@pytest.mark.parametrize("name", NO_NAMES)
def test_regression_names_that_hide_something_or_look_like_another_are_none(name):
    """Orders took them by HTTP, and two were bought, while tables were refused with the same."""
    assert not is_name(name)


@given(st.binary(max_size=32), st.binary(max_size=32))
def test_regression_no_two_names_of_strangers_are_shown_alike(one, other):
    """`milling` and `milling ` stood as one on pages."""
    padded = [each.ljust(32, b"\0") for each in (one, other)]
    shown = [name_from_bytes32(each) for each in padded]
    assert (shown[0] == shown[1]) == (padded[0] == padded[1])
    blank = name_from_bytes32(one.rstrip(b"\0")[:31].ljust(31) + b" ")
    assert blank.startswith("0x")
