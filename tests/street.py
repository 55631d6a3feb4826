"""A market on a node for agents that are processes: contracts, a board, stock, money, directories.

`python -m tests.street URL DIR` founds one at a development node, makes a supplier's and a
demander's directory in DIR, and prints how to run the two.
"""

import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fabmarket.chain import Engine, Settings, open_engine
from fabmarket.identity import Key
from fabmarket.identity.keystore import create
from fabmarket.market.rhythm import Rhythm
from fabmarket.node.settings import FILE, KEYSTORE, template
from fabmarket.scenario import Scenario, paper_market
from fabmarket.simulation.setup import (
    Market,
    Parties,
    Party,
    deploy,
    fill_purses,
    offers_of,
    open_board,
    parties_of,
)

ROOT = Path(__file__).parents[1]
PROGRAM = "from fabmarket.cli.main import main; main()"
PASSPHRASE = "correct horse"  # noqa: S105 (of keys that are made for a test)


@dataclass
class Street:
    """The market, and what stands in the settings of whoever trades in it."""

    engine: Engine
    market: Market
    board: str
    parties: Parties
    scenario: Scenario

    def settings(self, role: str, port: int, url: str | None = None) -> str:
        """The settings of `init`, filled in."""
        market = self.market
        given = {
            'exchange = "0x"': f'exchange = "{market.exchange.address}"',
            'token = "0x"': f'token = "{market.token.address}"',
            'board = "0x"': f'board = "{self.board}"',
            'founder = "0x"': f'founder = "{self.parties.deployer.address}"',
            '"http://127.0.0.1:8545"': f'"{url or self.engine.url}"',
            "poll = 1 ": "poll = 0.25 ",
            "31337": str(self.engine.chain_id),
            "9100": str(port),
            "1767225600": str(market.origin),
            "slot_length = 86400": f"slot_length = {market.slot_length}",
        }
        text = template(role)
        for blank, filled in given.items():
            assert blank in text, blank
            text = text.replace(blank, filled)
        return text

    def directory(self, folder: Path, party: Party, port: int, url: str | None = None) -> Path:
        """An agent's directory, as `init` makes it, for a key that has stock or money here."""
        folder.mkdir(mode=0o700)
        create(folder / KEYSTORE, party.key, PASSPHRASE)
        (folder / FILE).write_text(self.settings(party.role, port, url))
        return folder


def found(engine: Engine, period: int, suppliers: int = 1, demanders: int = 1) -> Street:
    """Found a market at a node: everyone has coin, suppliers stock, demanders money."""
    paper = paper_market(1)
    scenario = replace(
        paper,
        suppliers=tuple(replace(paper.suppliers[0], name=f"s{k}") for k in range(suppliers)),
        demanders=tuple(replace(paper.demanders[0], name=f"d{k}") for k in range(demanders)),
        verification_tests=(),
    )
    named = parties_of(scenario, 1)
    parties = replace(
        named,
        suppliers=tuple(replace(each, key=fresh_key()) for each in named.suppliers),
        demanders=tuple(replace(each, key=fresh_key()) for each in named.demanders),
    )
    market = deploy(engine, scenario, parties)
    for at in range(3):
        for party, spec in zip(parties.suppliers, scenario.suppliers, strict=True):
            for move in offers_of(market, party, spec)[at]:
                market.queue(party.key, move)
        market.sender.must_succeed(market.exchange)
    deposit = fill_purses(market, scenario, parties)
    for party in parties.demanders:
        market.queue(party.key, deposit)
    market.sender.must_succeed(market.exchange)
    board = open_board(market, parties.deployer, Rhythm(engine.now(), period))
    return Street(engine, market, board.address, parties, scenario)


def fresh_key() -> Key:
    return Key(secrets.token_bytes(32))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment() -> dict[str, str]:
    """Of a process that can open the keystores of this street."""
    return {**os.environ, "FABMARKET_PASSPHRASE": PASSPHRASE}


def start(folder: Path, log: Path, *options: str) -> "subprocess.Popen[bytes]":
    """Run an agent as a process, its log in a file that is added to."""
    command = [sys.executable, "-c", PROGRAM, "agent", str(folder), *options]
    with log.open("ab") as file:
        return subprocess.Popen(  # noqa: S603
            command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=environment()
        )


@contextmanager
def ended(*processes: "subprocess.Popen[bytes]"):
    """Whatever happens, these end."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait_until(holds, seconds: float, what: str):
    """Wait until something holds, and return it; the deadline is for what never comes."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


def main() -> None:
    url, place = sys.argv[1], Path(sys.argv[2])
    with open_engine(url, Settings()) as engine:
        street = found(engine, 20)
        place.mkdir(parents=True, exist_ok=True)
        pairs = ((street.parties.suppliers[0], 9101), (street.parties.demanders[0], 9102))
        for party, port in pairs:
            folder = street.directory(place / party.role, party, port)
            print(f"FABMARKET_PASSPHRASE='{PASSPHRASE}' fabmarket agent {folder}")


if __name__ == "__main__":
    main()
