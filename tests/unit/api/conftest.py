from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from fabmarket.api.following import by_agent
from fabmarket.api.served import Currency, Served
from fabmarket.node.entry import token_of
from fabmarket.node.owner import Owner
from tests.filled_ledger import empty, fill
from tests.serving import serving
from tests.unit.api.desk import Browser
from tests.unit.node.council import Council
from tests.unit.node.office import Office


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


@pytest.fixture
def enter(ledger: Engine, tmp_path: Path) -> Iterator[Callable[[Council, str], Browser]]:
    """Lets the owner of somebody's agent in a council in, by a name."""
    with ExitStack() as stack:

        def start(council: Council, name: str) -> Browser:
            office = Office(council, tmp_path / name, name)
            token_of(office.folder)
            money = {Owner(office.folder).token: Currency("CR", 2)}
            live = partial(by_agent, office.folder)
            served = Served(ledger, live, agent=office.folder, currencies=money)
            return Browser(office, stack.enter_context(serving(served)))

        yield start


@pytest.fixture
def council() -> Council:
    return Council()
