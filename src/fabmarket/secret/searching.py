"""Three servers as processes of this machine, and the members' side of a search.

Each server has a pipe from the members and a socket to each other server; no port is opened.
"""

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any

from fabmarket.errors import TryAgain
from fabmarket.interrupts import held_back
from fabmarket.secret.market import FEWEST, MOST, PROBES, Line, Market, NotSecret
from fabmarket.secret.shares import SERVERS, shared

# -P: modules of the working directory must not shadow real ones.
PROGRAM = [sys.executable, "-P", "-m", "fabmarket.secret.server"]


class ServersFailed(TryAgain):
    """A server has ended, or two do not say the same."""


@dataclass(frozen=True)
class Found:
    """What a search found: the price's index, and the bytes that each server sent to the others."""

    index: int
    sent: tuple[int, ...]


def find_price(
    market: Market, lines: Sequence[Line], told: Callable[[], None] = lambda: None
) -> Found:
    """Search the price with three servers, each of which gets its shares of the answers alone.

    Args:
        market: what everybody knows, the servers too.
        lines: the members', which stay in this process.
        told: called after every probe.

    Raises:
        NotSecret: there are fewer than FEWEST members, or more than MOST.
        ServersFailed: a server has ended, or two do not say the same.
    """
    if not FEWEST <= len(lines) <= MOST:
        raise NotSecret(f"{len(lines)} members; a secret search is for {FEWEST} to {MOST}")
    with ExitStack() as ending:
        servers = _started(ending)
        for server in servers:
            server.tell(market.terms())
        for _ in range(PROBES):
            index = _same([server.hear()["probe"] for server in servers])
            answers = [line.answer(index) for line in lines]
            for server, shares in zip(servers, shared(answers, secrets.randbelow), strict=True):
                server.tell(shares)
            told()
        said = [server.hear() for server in servers]
        return Found(_same([one["price"] for one in said]), tuple(one["bytes"] for one in said))


class _Server:
    """A server's process, with lines of JSON either way."""

    def __init__(self, number: int, files: Sequence[int], errors: IO[bytes]) -> None:
        self._name = SERVERS[number]
        self._errors = errors
        self._process = subprocess.Popen(  # noqa: S603 (this interpreter, this package)
            [*PROGRAM, str(number), *map(str, files)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=files,
            start_new_session=True,  # an interrupt of ours is not for it
            text=True,
        )

    def tell(self, what: Any) -> None:
        with suppress(BrokenPipeError):  # the next it does not say tells
            if self._process.stdin is not None:
                self._process.stdin.write(json.dumps(what) + "\n")
                self._process.stdin.flush()

    def hear(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            self._process.wait()
            self._errors.seek(0)
            last = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise ServersFailed(f"the {self._name}'s server ended ({last}); start again")
        return json.loads(line)

    def end(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):  # what it never read
                if pipe is not None:
                    pipe.close()
        self._process.wait()


def _started(ending: ExitStack) -> list[_Server]:
    """All servers, linked in pairs; they end with `ending`."""
    links: dict[tuple[int, int], socket.socket] = {}
    servers = []
    with ExitStack() as passed_on:
        for one in range(len(SERVERS)):
            for other in range(one):
                links[one, other], links[other, one] = socket.socketpair()
                passed_on.enter_context(links[one, other])
                passed_on.enter_context(links[other, one])
        for one in range(len(SERVERS)):
            files = [links[one, other].fileno() for other in range(len(SERVERS)) if other != one]
            errors = ending.enter_context(TemporaryFile())
            with held_back():
                servers.append(_Server(one, files, errors))
                ending.callback(servers[-1].end)
    return servers


def _same(said: Sequence[int]) -> int:
    if len(set(said)) > 1:
        raise ServersFailed(f"the servers say different things ({said}); start again")
    return said[0]
