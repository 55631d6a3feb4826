"""Where a ledger lives: in memory, in a file, on a PostgreSQL server."""

import pytest

from tests.databases import binaries, running_server


@pytest.fixture(scope="session")
def postgresql():
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running_server(programs) as server:
        yield server


@pytest.fixture(params=["memory", "file", "postgresql"])
def place(request, tmp_path):
    """A new place for a ledger, of every kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql").database()
    return tmp_path / "ledger.sqlite" if request.param == "file" else None
