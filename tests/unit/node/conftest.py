"""A small market of participants, for every test anew."""

import pytest

from tests.unit.node.town import Town


@pytest.fixture
def town():
    return Town()
