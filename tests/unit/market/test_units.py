from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabmarket.market.units import BadName, floor_int, name_from_bytes32, name_to_bytes32


@given(st.fractions())
def test_rounding_is_down_and_by_less_than_one(value):
    assert floor_int(value) <= value < floor_int(value) + 1


def test_rounding_below_zero_is_away_from_it():
    assert floor_int(Fraction(-1, 3)) == -1


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=31))
def test_a_name_survives_its_32_bytes(name):
    packed = name_to_bytes32(name)
    assert len(packed) == 32
    assert name_from_bytes32(packed) == name


@pytest.mark.parametrize("name", ["", "x" * 32, "Fräse", "tab\t", "zero\0"])
def test_a_name_that_would_not_survive_is_refused(name):
    with pytest.raises(BadName, match="use 1 to 31 printable ASCII"):
        name_to_bytes32(name)


@given(st.binary(min_size=32, max_size=32))
def test_any_32_bytes_of_a_stranger_can_be_shown(data):
    assert name_from_bytes32(data).isascii()
