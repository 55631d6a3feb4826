"""The reproduction, computed once."""

import pytest

from fabmarket.paper.reproduction import reproduce


@pytest.fixture(scope="session")
def reproduced():
    return reproduce(quick=True)


@pytest.fixture(scope="session")
def numbers(reproduced):
    return reproduced["numbers"]


@pytest.fixture(scope="session")
def by_id(reproduced):
    return {claim["id"]: claim for claim in reproduced["claims"]}
