"""A PostgreSQL server for the tests: a real one, on a free port, in a directory of its own."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from fabmarket.local.ports import free_ports

_DEBIAN = Path("/usr/lib/postgresql")


def _binaries() -> Path | None:
    """Where `initdb` and `postgres` are: on the PATH, or where Debian has them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


class Server:
    """A running server; each database that is asked for is a new one."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.port, self.process, self._numbers = port, process, count()

    def database(self) -> str:
        """Return the URL of a new, empty database."""
        name = f"ledger_{next(self._numbers)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"


@contextmanager
def _running(programs: Path) -> Iterator[Server]:
    """Start a server, and end it. Root may not be it, so that another user is found for root."""
    folder = Path(tempfile.mkdtemp(prefix="fabmarket-postgresql-"))
    other = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    if other:
        shutil.chown(folder, "nobody")
    data, (port,) = folder / "data", free_ports(1)
    made = [programs / "initdb", "-D", data, "-U", "postgres", "--auth", "trust", "--no-sync"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([*other, *made], check=True, **quiet)  # noqa: S603
    options = ["-p", str(port), "-k", folder, "-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"]
    command = [*other, programs / "postgres", "-D", data, *options]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **quiet)  # noqa: S603
    try:
        server = Server(port, process)
        _wait_for(server)
        yield server
    finally:
        process.terminate()  # runuser hands it on
        process.wait()
        shutil.rmtree(folder)


@contextmanager
def a_server() -> Iterator[Server]:
    """A server, where PostgreSQL is installed."""
    programs = _binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with _running(programs) as server:
        yield server


def _wait_for(server: Server) -> None:
    while True:
        assert server.process.poll() is None, "PostgreSQL ended at once"
        try:
            psycopg.connect(server._url("postgres")).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
