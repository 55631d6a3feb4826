"""The examples in the docstrings run."""

import doctest

from fabmarket.market import exchange


def test_the_examples_of_the_twin_are_true():
    done = doctest.testmod(exchange, optionflags=doctest.ELLIPSIS)
    assert done.attempted > 5
    assert done.failed == 0
