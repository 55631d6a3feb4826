"""A market on a node of the tests for agents that are processes of the tests."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fabmarket.chain import BoardContract
from fabmarket.chain.rpc import RpcEngine
from fabmarket.chain.sender import signed
from fabmarket.identity import Key, digest
from fabmarket.identity.codec import encode
from fabmarket.identity.sealing import SealingKey
from fabmarket.ledger import Follower, Ledger, audit
from fabmarket.local import founding
from fabmarket.local.founding import Founded, make_directory
from fabmarket.local.ports import free_ports
from fabmarket.market.cards import PROTOCOL, ContactCard, SignedNotice
from fabmarket.market.events import Event, Settled
from fabmarket.node.outbox import announcement
from fabmarket.scenario import Alternative, Demander, SubTask, paper_market
from fabmarket.simulation.setup import LEAD_TIME, Market, Parties, Party
from tests.nodes import rpc

PROGRAM = "from fabmarket.cli.main import main; main()"
PATIENCE = 600
"""Seconds that are waited for what never comes; a busy machine takes its time."""
PASSPHRASE = "correct horse"  # noqa: S105 (of keys that are made for a test)


_started: "dict[subprocess.Popen[bytes], Path]" = {}
"""The agents that run, with their logs."""


@dataclass
class Street:
    """The market, and a way to make the directory of whoever trades in it."""

    founded: Founded

    @property
    def engine(self) -> RpcEngine:
        return self.founded.engine

    @property
    def market(self) -> Market:
        return self.founded.market

    @property
    def parties(self) -> Parties:
        return self.founded.parties

    def directory(self, folder: Path, party: Party, port: int, url: str | None = None) -> Path:
        """An agent's directory for a key that has stock or money here, its node at `url`."""
        text = self.founded.settings(party, port)
        text = text.replace("poll = 1 ", "poll = 0.25 ")
        text = text.replace(self.engine.url, url or self.engine.url)
        make_directory(folder, party.key, PASSPHRASE, text)
        return folder


def found(engine: RpcEngine, period: int, suppliers: int = 1, demanders: int = 1) -> Street:
    """Found a market at a node in which each demander wants ten units of milling."""
    paper = paper_market(1)
    milling = SubTask("milling", 0, False, (Alternative("S", 10, 100, 45),))
    scenario = replace(
        paper,
        concept="clock",
        suppliers=tuple(
            replace(paper.suppliers[0], name=f"s{k}", lots=True) for k in range(suppliers)
        ),
        demanders=tuple(Demander(f"d{k}", (milling,)) for k in range(demanders)),
        release_rounds=20,
        verification_tests=(),
    )
    return Street(founding.found(engine, scenario, period, LEAD_TIME))


def announce_card(street: Street, key: Key, url: str = "http://127.0.0.1:1") -> None:
    """A stranger pays for a card, so that its letters are opened."""
    engine, domain = street.engine, street.market.domain
    rpc(engine, "anvil_setBalance", key.address, hex(10**20))
    card = ContactCard(key.address, SealingKey(key).public, url, bytes(32), PROTOCOL, 2**40)
    payload = encode(SignedNotice(card, key.sign(digest(domain, card))))
    board = BoardContract(engine, street.founded.board)
    engine.send(signed(engine, announcement(key, board, payload), 0))


def locked(payment: int) -> tuple[int, int]:
    """What an escrow takes from demander and supplier by the settings of `init`."""
    deposit, bond = payment // 20, payment // 10
    return payment + deposit, bond + deposit


def free_port() -> int:
    """One that an agent can come back to: no connection of a client could be given it."""
    (port,) = free_ports(1)
    return port


def environment() -> dict[str, str]:
    """Of a process that can open the keystores of this street."""
    return {**os.environ, "FABMARKET_PASSPHRASE": PASSPHRASE, "PYTHONFAULTHANDLER": "1"}


def start(folder: Path, log: Path, *options: str) -> "subprocess.Popen[bytes]":
    """Run an agent as a process, its log in a file that is added to."""
    command = [sys.executable, "-c", PROGRAM, "agent", str(folder), *options]
    with log.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603
            command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=environment()
        )
    _started[process] = log
    return process


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """A command of an owner, in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    return subprocess.run(  # noqa: S603
        command, check=False, capture_output=True, text=True, env=environment(), timeout=PATIENCE
    )


def running(*arguments: object) -> "subprocess.Popen[str]":
    """A command of an owner that goes on, in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, text=True, env=environment(), **pipes)  # noqa: S603


def said(*arguments: object) -> dict[str, Any]:
    """What a command that succeeds prints as JSON."""
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def ended(*processes: "subprocess.Popen[bytes]"):
    """Whatever happens, these end."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
            _started.pop(process, None)


def wait_until(holds, seconds: float, what: str):
    """Wait until something holds, and return it; the deadline is for what never comes.

    Its own sleeps are what counts: where a machine stood still, no clock says how long it ran.
    """
    for _ in range(int(seconds * 10)):
        if found := holds():
            return found
        time.sleep(0.1)
    raise AssertionError("\n".join([what, *map(_state, _started)]))


def _state(process: "subprocess.Popen[bytes]") -> str:
    """Where an agent stands that was waited for in vain, with the end of its log; it ends by it."""
    log, status = _started[process], process.poll()
    process.send_signal(signal.SIGABRT)  # upon which it says where each of its threads is
    process.wait()
    lines = log.read_text(errors="replace").splitlines()[-60:]
    return "\n".join([f"{log.name}: exit status {status}", *lines])


def logged(log: Path, *names: str) -> list[dict[str, Any]]:
    """The lines of these names in a log; the last one may be cut off by a kill."""
    texts = log.read_text().splitlines() if log.exists() else []
    said = [json.loads(text) for text in texts if text.startswith("{") and text.endswith("}")]
    return [facts for facts in said if facts["line"] in names]


def settled(street: Street) -> list[Settled]:
    """What the chain says, read anew from its beginning, and as the twin accounts for it."""
    store, market = Ledger(), street.market
    for _ in Follower[Event](street.engine, market.exchange, store).poll():
        pass
    events = list(store.events())
    assert audit(market.exchange).ok
    return [event for event in events if isinstance(event, Settled)]
