"""What a game accepts and refuses."""

from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest

from fabmarket.errors import Refused
from fabmarket.game import Game, InvalidGame


def test_lists_and_fractions_become_float_arrays_that_cannot_be_written():
    source = np.array([5.0, 6.0])
    game = Game(source, [Fraction(1, 2), 7], Fraction(1, 4), 1, Fraction(1, 8))
    source[0] = 99.0
    assert game.benefit.tolist() == [5.0, 6.0]
    assert game.margin.tolist() == [4.5, -1.0]
    assert (game.supplier_cost, game.a, game.b) == (0.25, 1.0, 0.125)
    assert game.cap.tolist() == [inf, inf]
    assert game.supply_cap == inf
    with pytest.raises(ValueError, match="read-only"):
        game.benefit[0] = 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"benefit": []}, "benefit is empty; give one number for each"),
        ({"benefit": [[1.0, 2.0]]}, "benefit is no list of numbers"),
        ({"benefit": ["x", 1]}, "benefit is not a list of numbers"),
        ({"benefit": [1.0, nan]}, r"benefit\[1\] is nan"),
        ({"benefit": [inf, 1.0]}, r"benefit\[0\] is inf; give a finite number >= 0"),
        ({"benefit": [10**400, 1]}, "benefit is not a list of numbers"),
        ({"cost": [1.0]}, "cost has 1 numbers but benefit has 2"),
        ({"cost": [1.0, -2.0]}, r"cost\[1\] is -2.0"),
        ({"cap": [1.0, 2.0, 3.0]}, "cap has 3 numbers but benefit has 2"),
        ({"cap": [inf, nan]}, r"cap\[1\] is nan; give a number >= 0"),
        ({"cap": [-1.0, inf]}, r"cap\[0\] is -1.0"),
        ({"supplier_cost": -1}, "supplier_cost is -1.0; give a finite number >= 0"),
        ({"supplier_cost": inf}, "supplier_cost is inf"),
        ({"supplier_cost": "ten"}, "supplier_cost is 'ten'; give a number"),
        ({"a": 0}, "a is 0.0; give a finite number > 0"),
        ({"b": nan}, "b is nan"),
        ({"supply_cap": -3}, "supply_cap is -3.0; give a number >= 0"),
    ],
)
def test_invalid_numbers_are_refused_by_name_and_place(change, message):
    sound = {"benefit": [5.0, 6.0], "cost": [1.0, 2.0], "supplier_cost": 1, "a": 1, "b": 1}
    with pytest.raises(InvalidGame, match=message) as refused:
        Game(**{**sound, **change})
    assert isinstance(refused.value, Refused)
