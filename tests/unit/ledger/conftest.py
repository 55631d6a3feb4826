"""Where a ledger lives: in memory, in a file, on a PostgreSQL server."""

import pytest

from tests.databases import a_server


@pytest.fixture(scope="session")
def postgresql():
    with a_server() as server:
        yield server


@pytest.fixture(params=["memory", "file", "postgresql"])
def place(request, tmp_path):
    """A new place for a ledger, of every kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql").database()
    return tmp_path / "ledger.sqlite" if request.param == "file" else None
