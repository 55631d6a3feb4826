from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from fabmarket.api.served import Served
from tests.filled_ledger import empty, fill
from tests.serving import serving


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Of all tests that only read."""
    engine = empty(tmp_path_factory.mktemp("read") / "ledger.sqlite")
    fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def own_ledger(tmp_path: Path) -> Iterator[Engine]:
    """Of a test that changes it."""
    engine = empty(tmp_path / "ledger.sqlite")
    fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def client(ledger: Engine) -> Iterator[httpx.Client]:
    with serving(Served(ledger, rate=1e6, burst=10**6)) as client:
        yield client
