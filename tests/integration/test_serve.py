"""`fabmarket serve` as a process: what it serves, follows and survives."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.chain.rpc import RpcEngine
from fabmarket.cli import serve
from tests.filled_ledger import EXCHANGE, empty, fill
from tests.nodes import rpc
from tests.street import PATIENCE, found, run, running


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    place = tmp_path / "ledger.sqlite"
    engine = empty(place)
    fill(engine)
    engine.dispose()
    return place


@contextmanager
def served(*arguments: object) -> Iterator[httpx.Client]:
    """A server as a process, and a client of it; at the end it is interrupted as by Ctrl-C."""
    with running("serve", *arguments, "--port", 0, "--json") as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("{"), line + process.stdout.read()
            with httpx.Client(base_url=json.loads(line)["address"], timeout=PATIENCE) as client:
                yield client
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            assert (process.wait(PATIENCE), "Traceback" in rest) == (0, False), rest
        finally:
            process.kill()


def until(client: httpx.Client, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until the server's status is so."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        status: dict[str, Any] = client.get("/v1/status").json()
        if holds(status):
            return status
        time.sleep(0.1)
    raise AssertionError(status)


def test_a_ledger_file_is_served_and_an_interrupt_ends_it_even_while_somebody_listens(
    ledger: Path,
) -> None:
    before = ledger.read_bytes()
    with ExitStack() as left_open, served(ledger) as client:
        assert client.get("/v1/market").json()["trades"] == 40
        assert client.get("/").status_code == 200
        listener = left_open.enter_context(httpx.Client(base_url=client.base_url))
        lines = left_open.enter_context(listener.stream("GET", "/v1/live")).iter_lines()
        assert next(lines)
    assert ledger.read_bytes() == before


def test_the_directory_of_a_run_is_served(ledger: Path) -> None:
    with served(ledger.parent) as client:
        assert client.get("/v1/status").json()["state"] == "file"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.sqlite"], "nothing.sqlite: there is no ledger"),
        (["LEDGER", "--rpc", "http://127.0.0.1:1"], "give both --rpc and --market"),
        (["LEDGER", "--host", "no.such.host.invalid"], "no.such.host.invalid is no address"),
        (["LEDGER", "--port", "PORT"], "cannot be had"),
        (["TEXT"], "is no event log"),
        (["postgresql://127.0.0.1:1/x"], "does not answer"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(
    arguments: list[str], said: str, ledger: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.sqlite"
    text.write_text("no database")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        real = {"LEDGER": str(ledger), "PORT": port, "TEXT": str(text)}
        done = run("serve", *(real.get(each, each) for each in arguments))
    assert done.returncode in (2, 75)
    assert done.stderr.startswith("fabmarket: error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_which_node_is_asked_is_said_before_it_answers_and_without_its_key(tmp_path: Path) -> None:
    # A regression: on a busy machine nothing was printed for a quarter of a minute.
    about = "--rpc", "http://me:secret@127.0.0.1:1/key", "--market", EXCHANGE
    done = run("serve", tmp_path / "ledger.sqlite", *about)
    first, second = done.stderr.splitlines()
    assert first.startswith("fabmarket: asks http://")
    assert "127.0.0.1:1" in first
    assert "secret" not in done.stderr
    assert second.startswith("fabmarket: error: ")


def test_how_far_a_long_past_is_read_is_said_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "_EVERY", 0.0)
    serve._Pace(is_quiet=True)(1_000, 20_000)
    serve._Pace(is_quiet=False)(2_000, 20_000)
    assert capsys.readouterr().err == "fabmarket: has read 2,000 of 20,000 blocks\n"


def test_a_chain_is_followed_and_what_is_taken_back_too_deep_is_said_so(tmp_path: Path) -> None:
    place = tmp_path / "ledger.sqlite"
    with open_engine("anvil", Settings()) as engine:
        assert isinstance(engine, RpcEngine)
        market = found(engine, 60).market
        about = "--rpc", engine.url, "--market", market.exchange.address, "--finality", 2
        head = engine.block_number()
        with served(place, *about) as client:
            until(client, lambda status: status["head"] and status["head"]["number"] == head)
            assert client.get("/v1/market").json()["exchange"] == market.exchange.address
            resources = client.get("/v1/resources").json()["rows"]
            assert len(resources) == 1
        with served(place, *about) as client:  # it goes on where it was
            snapshot = rpc(engine, "evm_snapshot")
            rpc(engine, "anvil_mine", hex(6))
            until(client, lambda status: status["head"]["number"] == head + 6)
            assert rpc(engine, "evm_revert", snapshot)
            rpc(engine, "anvil_mine", hex(8), hex(7))
            status = until(client, lambda status: status["state"] == "halted")
            assert "reorganised" in status["reason"]
            assert client.get("/v1/resources").json()["rows"] == resources
        with served(place, "--finality", 2) as client:
            assert client.get("/v1/status").json()["state"] == "file"


def test_a_node_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    with open_engine("anvil", Settings()) as engine:
        assert isinstance(engine, RpcEngine)
        market = found(engine, 60).market
        about = "--rpc", engine.url, "--market", market.exchange.address
        with served(tmp_path / "ledger.sqlite", *about) as client:
            until(client, lambda status: bool(status["head"]))
            engine.close()
            status = until(client, lambda status: status["reason"].startswith("waits: "))
            assert status["state"] == "following"
            assert client.get("/v1/resources").json()["rows"]
