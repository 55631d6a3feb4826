"""Server-sent events: what is new, once, from where one was."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, delete, insert

from fabmarket.api.routes import live
from fabmarket.api.served import Following, Served
from fabmarket.ledger import schema
from fabmarket.node.entry import token_of
from tests.filled_ledger import ORIGIN, digest, new_trade
from tests.serving import serving
from tests.unit.api.test_errors import refusal
from tests.unit.node.council import Council
from tests.unit.node.office import Office


@pytest.fixture
def watched(own_ledger: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.02)
    with serving(Served(own_ledger)) as client:
        yield client


@contextmanager
def listening(client: httpx.Client, after: str | None = None) -> Iterator[Iterator[dict[str, Any]]]:
    headers = {} if after is None else {"Last-Event-ID": after}
    with client.stream("GET", "/v1/live", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer.iter_lines())


def no_place(client: httpx.Client, status: int, headers: dict[str, str] | None = None) -> None:
    """Who would listen now is refused; a place that is given after all fails, and does not hang."""
    with client.stream("GET", "/v1/live", headers=headers) as answer:
        assert answer.status_code == status
        answer.read()
        refusal(answer, status)


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    found: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if not line and "event" in found:
            yield found
            found = {}
        elif name in ("event", "id"):
            found[name] = value
        elif name == "data":
            found["data"] = json.loads(value)


def block(engine: Engine, number: int, trades: int, name: str = "block") -> None:
    """Store a block with so many trades."""
    row = {"number": number, "hash": digest(name, number), "parent": "", "time": ORIGIN}
    with engine.begin() as connection:
        connection.execute(insert(schema.block), row)
        for index in range(trades):
            connection.execute(insert(schema.trade), new_trade(number, index))


def seen(client: httpx.Client, number: int) -> None:
    """Wait until the server has looked at a head."""
    with listening(client) as heard:
        while next(heard).get("id") != str(number):  # a status has none, and may come between
            pass


def test_who_listens_hears_of_the_head_and_of_each_new_trade(
    watched: httpx.Client, own_ledger: Engine
) -> None:
    with listening(watched) as heard:
        first = next(heard)
        assert (first["event"], first["id"]) == ("head", "50")
        assert first["data"]["number"] == 50
        assert not first["data"]["is_rolled_back"]
        block(own_ledger, 51, trades=2)
        said = [next(heard) for _ in range(3)]
        assert [(each["event"], each["id"]) for each in said] == [
            ("trade", "51.0"),
            ("trade", "51.1"),
            ("head", "51"),
        ]
        row = watched.get("/v1/trades?limit=1").json()["rows"][0]
        assert said[1]["data"] == row


def test_who_comes_back_misses_nothing_and_hears_nothing_twice(
    watched: httpx.Client, own_ledger: Engine
) -> None:
    block(own_ledger, 51, trades=3)
    block(own_ledger, 52, trades=1)
    seen(watched, 52)
    with listening(watched, "51.1") as heard:
        said = [next(heard) for _ in range(3)]
    assert [each["id"] for each in said] == ["51.2", "52.0", "52"]
    with listening(watched, "52") as heard:
        assert next(heard)["event"] == "head"


def test_who_was_away_too_long_is_told_to_read_anew(
    watched: httpx.Client, own_ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST", 2)
    block(own_ledger, 51, trades=3)
    seen(watched, 51)
    with listening(watched, "50") as heard:
        said = [next(heard) for _ in range(2)]
    assert [each["event"] for each in said] == ["missed", "head"]


def test_of_blocks_that_were_taken_back_it_is_said_so(
    watched: httpx.Client, own_ledger: Engine
) -> None:
    with listening(watched) as heard:
        assert next(heard)["data"]["number"] == 50
        with own_ledger.begin() as connection:
            connection.execute(delete(schema.block).where(schema.block.c.number == 50))
        back = next(heard)
        assert (back["data"]["number"], back["data"]["is_rolled_back"]) == (29, True)
        assert next(heard)["event"] == "status"  # another process adds to it
        block(own_ledger, 50, trades=0, name="other")
        assert not next(heard)["data"]["is_rolled_back"]
    with listening(watched, "60.3") as heard:
        assert next(heard)["data"]["is_rolled_back"]


def test_regression_who_listens_hears_that_the_ledger_halted_and_who_comes_later_too(
    own_ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/v1/status` said so, and a stream that was open said nothing any more."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.02)
    now = [Following("following")]
    with serving(Served(own_ledger, lambda: now[0])) as client:
        with listening(client) as heard:
            assert next(heard)["event"] == "head"
            now[0] = Following("halted", "block 20 is no longer there")
            told = next(heard)
        assert told["event"] == "status"
        status = client.get("/v1/status").json()
        assert told["data"] == {"state": "halted", "reason": status["reason"]}
        with listening(client) as heard:
            assert [next(heard)["event"] for _ in range(2)] == ["head", "status"]


def test_another_block_at_the_same_height_is_a_rolling_back(
    watched: httpx.Client, own_ledger: Engine
) -> None:
    with listening(watched) as heard:
        next(heard)
        with own_ledger.begin() as connection:
            connection.execute(
                schema.block.update().where(schema.block.c.number == 50), {"hash": "0x"}
            )
        assert next(heard)["data"]["is_rolled_back"]


@pytest.mark.parametrize("place", ["x", "1.2.3", "-1", "9" * 16, "1."])
def test_a_place_that_is_none_is_refused(place: str, client: httpx.Client) -> None:
    answer = client.get("/v1/live", headers={"Last-Event-ID": place})
    assert refusal(answer, 422)["field"] == "header.last-event-id"


def test_places_to_listen_are_bounded_and_come_free_again(
    watched: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_OF_HOST", 2)
    with listening(watched) as one, listening(watched) as other:
        next(one)
        next(other)
        no_place(watched, 429)
        monkeypatch.setattr(live, "MOST_LISTENERS", 2)
        no_place(watched, 503)
    for _ in range(100):
        with watched.stream("GET", "/v1/live") as answer:
            if answer.status_code == 200:
                break
    else:
        pytest.fail("no place came free")


def test_regression_strangers_take_no_place_of_the_owners(
    own_ledger: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On loopback all are one client, and 50 connections of anybody shut the owner out."""
    monkeypatch.setattr(live, "MOST_OF_HOST", 1)
    monkeypatch.setattr(live, "MOST_LISTENERS", 1)
    office = Office(Council(), tmp_path / "bea", "bea")
    owner = {"Authorization": f"Bearer {token_of(office.folder)}"}
    with serving(Served(own_ledger, agent=office.folder)) as client, listening(client) as one:
        next(one)
        no_place(client, 503)
        with client.stream("GET", "/v1/live", headers=owner) as answer:
            assert answer.status_code == 200
            heard = events(answer.iter_lines())  # let go of, it would end the connection
            assert next(heard)["event"] == "head"
            no_place(client, 429, owner)


def test_who_hears_nothing_is_told_that_the_server_lives(
    watched: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "QUIET_SECONDS", 0.02)
    with watched.stream("GET", "/v1/live") as answer:
        assert any(line.startswith(": still here") for line in answer.iter_lines())
