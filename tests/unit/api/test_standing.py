"""What a server says of a ledger that others add to, or nobody does."""

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, insert

from fabmarket.api.routes import live
from fabmarket.api.served import Following, Served
from fabmarket.api.standing import Standing, Standings
from fabmarket.ledger import schema
from tests.filled_ledger import digest, empty
from tests.serving import serving
from tests.unit.api.test_live import listening

PACE = 12
BEGAN = 1_790_000_000


class Clock:
    def __init__(self) -> None:
        self.now = float(BEGAN)

    def __call__(self) -> float:
        return self.now


class Watched:
    """A ledger with a block every 12 seconds for as long as somebody follows."""

    def __init__(self, state: str) -> None:
        self.engine, self.clock, self.number = empty(), Clock(), 0
        served = Served(self.engine, lambda: Following(state))
        self.standings = Standings(served, self.clock)
        for _ in range(5):
            self.grows()

    def grows(self) -> None:
        self.number += 1
        add(self.engine, self.number, round(self.clock.now))
        self.clock.now += PACE

    def stands(self) -> Standing:
        with self.engine.connect() as connection:
            return self.standings.of(connection)


def add(engine: Engine, number: int, time: int) -> None:
    row = {"number": number, "hash": digest("b", number), "parent": "", "time": time}
    with engine.begin() as connection:
        connection.execute(insert(schema.block), row)


def test_a_ledger_that_another_process_adds_to_is_no_file_and_what_it_ends_with_is_told() -> None:
    # A regression: a second server on one database said that nobody adds to it while it grew.
    ledger = Watched("file")
    assert (ledger.stands().following.state, ledger.stands().lag) == ("file", None)
    ledger.grows()
    found = ledger.stands()
    assert (found.following, found.lag) == (Following("other"), PACE)
    ledger.clock.now += 9 * PACE
    assert ledger.stands().following.reason == ""
    ledger.clock.now += 3 * PACE
    found = ledger.stands()
    assert found.following.state == "other"
    assert found.following.reason.endswith(" UTC, and before one every 12 s")
    assert found.following.reason == ledger.stands().following.reason
    assert found.lag == 13 * PACE
    ledger.grows()
    assert ledger.stands().following == Following("other")


@pytest.mark.parametrize("state", ["agent", "following"])
def test_a_chain_that_stands_still_is_told(state: str) -> None:
    # A regression: the pages of an agent stayed green however long its chain was dead.
    ledger = Watched(state)
    assert ledger.stands().following.reason == ""
    ledger.clock.now += 20 * PACE
    assert ledger.stands().following.reason.startswith("no block has come since ")
    ledger.grows()
    assert ledger.stands().following == Following(state)


def test_a_ledger_that_is_left_alone_is_a_file_without_a_reason() -> None:
    ledger = Watched("file")
    ledger.stands()
    ledger.clock.now += 1_000 * PACE
    assert ledger.stands().following == Following("file")


def test_who_listens_hears_that_nobody_follows_any_more_and_pages_say_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.02)
    now = [Following("agent")]
    engine = empty()
    add(engine, 1, BEGAN)
    with ExitStack() as stack:
        client: httpx.Client = stack.enter_context(serving(Served(engine, lambda: now[0])))
        said = next(stack.enter_context(listening(client)))
        assert said["event"] == "head"
        assert 'id="stale" data-live hidden' in client.get("/").text
        heard = stack.enter_context(listening(client))
        assert next(heard)["event"] == "head"
        now[0] = Following("file", "the agent does not run")
        assert next(heard) == {
            "event": "status",
            "data": {"state": "file", "reason": "the agent does not run"},
        }
        page = client.get("/book").text
        assert '<span class="dot behind">Block 1</span>' in page
        assert "and may have changed since: <bdi>the agent does not run</bdi>." in page


def test_a_ledger_that_is_gone_is_logged_once_and_once_that_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A regression: each request left three lines in the log.
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.02)
    engine = empty(tmp_path / "ledger.sqlite")
    add(engine, 1, BEGAN)
    with serving(Served(engine)) as client:
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE block RENAME TO away")
        for path in ("/v1/status", "/v1/trades", "/", "/book") * 3:
            assert client.get(path).status_code == 503
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO block")
        while client.get("/v1/status").status_code != 200 or len(caplog.messages) < 2:
            pass
    lost, back = caplog.messages
    assert lost.startswith("the ledger cannot be read, and is tried again: ")
    assert "\n" not in lost
    assert back == "the ledger can be read again"
