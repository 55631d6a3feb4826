"""Three servers as processes of this machine, and the members' side of a search.

Each server has a pipe from the members and a socket to each other server; no port is opened.
"""

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from threading import Event, Timer
from typing import IO, Any

from fabmarket.errors import TryAgain
from fabmarket.interrupts import held_back
from fabmarket.secret.market import FEWEST, MOST, PROBES, Line, Market, NotSecret
from fabmarket.secret.server import LOST_ANOTHER
from fabmarket.secret.shares import SERVERS, shared

# -P: modules of the working directory must not shadow real ones.
PROGRAM = [sys.executable, "-P", "-m", "fabmarket.secret.server"]
LIMIT = 120
"""Seconds that a probe may take, the first with the start of the servers; it takes about one."""


class ServersFailed(TryAgain):
    """A server has ended or hangs, or two do not say the same."""


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
        ServersFailed: a server has ended, a probe took more than LIMIT seconds, or two servers do
            not say the same.
    """
    if not FEWEST <= len(lines) <= MOST:
        raise NotSecret(f"{len(lines)} members; a secret search is for {FEWEST} to {MOST}")
    with ExitStack() as ending:
        servers = _started(ending)
        for server in servers:
            server.tell(market.terms())
        for _ in range(PROBES):
            with _limited(servers):
                index = _same([each["probe"] for each in _heard(servers)])
                answers = [line.answer(index) for line in lines]
                for server, shares in zip(servers, shared(answers, secrets.randbelow), strict=True):
                    server.tell(shares)
            told()
        with _limited(servers):
            said = _heard(servers)
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
        """What it says next, None if it has ended."""
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        return json.loads(line) if line else None

    def failed(self) -> str:
        """Why it has ended by itself, empty if it has not, or only because another has."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return ""
        if code == LOST_ANOTHER:
            return ""
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"the {self._name}'s server ended {how}" + (f" ({last})" if last else "")

    def kill(self) -> None:
        self._process.kill()

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


def _heard(servers: Sequence[_Server]) -> list[Any]:
    """What all say next. ServersFailed names the one that ended, not one that noticed."""
    said = []
    for server in servers:
        said.append(server.hear())
        if said[-1] is None:
            reasons = (each.failed() for each in (server, *servers))
            why = next((each for each in reasons if each), "a server lost its link to another")
            raise ServersFailed(f"{why}; start again")
    return said


@contextmanager
def _limited(servers: Sequence[_Server]) -> Iterator[None]:
    """Kill the servers after LIMIT seconds, which ends all waiting for them. ServersFailed then."""
    is_late = Event()

    def end() -> None:
        is_late.set()
        for server in servers:
            server.kill()

    timer = Timer(LIMIT, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except ServersFailed:
        if not is_late.is_set():
            raise
    finally:
        timer.cancel()
        timer.join()
    if is_late.is_set():
        raise ServersFailed(f"a probe took more than {LIMIT} seconds, a server hangs; start again")


def _same(said: Sequence[int]) -> int:
    if len(set(said)) > 1:
        raise ServersFailed(f"the servers say different things ({said}); start again")
    return said[0]
