"""Machines for a rehearsal: network namespaces on one bridge, each with folders of its own."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 300
"""Seconds in which anything that comes has come, on a busy machine too."""
_SUBNET = "10.78.15"
"""Of the firms' machines; the bridge has no address of this machine's."""


class NotAsRehearsed(Exception):
    """Something went otherwise than the guide says."""


def run(*command: str | Path, **more: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command, and return what it said. Raises NotAsRehearsed where it fails."""
    words = [str(each) for each in command]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, **more)  # noqa: S603
    if ran.returncode != 0:
        raise NotAsRehearsed(f"{shlex.join(words)}: {ran.returncode}: {ran.stdout}{ran.stderr}")
    return ran


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for a state. Raises NotAsRehearsed where it does not come."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            raise NotAsRehearsed(f"{what}: not within {PATIENCE} s")
        time.sleep(0.3)


class Machine:
    """A firm's machine: a folder, a network card, and the programs that run there."""

    def __init__(self, root: Path, bridge: str, number: int) -> None:
        self.name = f"firm-{number}"
        self.host = f"{_SUBNET}.{9 + number}"
        self.folder = root / self.name
        self._bridge, self._space, self._card = bridge, f"{bridge}-{number}", f"{bridge}v{number}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "FABMARKET_PASSPHRASE": "correct horse"}

    def plug_in(self) -> None:
        """Give it its network."""
        run("ip", "netns", "add", self._space)
        inner = ("peer", "name", "eth0", "netns", self._space)
        run("ip", "link", "add", self._card, "type", "veth", *inner)
        run("ip", "-n", self._space, "address", "add", f"{self.host}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            run("ip", "-n", self._space, "link", "set", link, "up")
        run("ip", "link", "set", self._card, "master", self._bridge, "up")

    def install(self, validator: Path) -> None:
        """Put the validator's program there, in place of an older one."""
        place = self.folder / "bin" / "validator"
        place.unlink(missing_ok=True)
        place.symlink_to(validator)

    def does(self, line: str) -> str:
        """Do what the guide says, in the machine's folder; return what was printed."""
        print(f"  {self.name}$ {line}", flush=True)
        return self._run(*shlex.split(line))

    def facts(self, line: str) -> Any:
        """Do what the guide says, and return what was printed as JSON."""
        return json.loads(self.does(line))

    def starts(self, line: str, called: str) -> None:
        """Start what runs on, as the guide says or systemd does."""
        print(f"  {self.name}$ {line} &", flush=True)
        with (self.folder / f"{called}.log").open("ab") as log:
            self._processes[called] = subprocess.Popen(  # noqa: S603
                ["ip", "netns", "exec", self._space, *shlex.split(line)],  # noqa: S607
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment,
            )

    def ends(self, called: str, *, killed: bool = False) -> None:
        """End a program, or have it die at once; wait until it is gone."""
        process = self._processes.pop(called)
        process.kill() if killed else process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise NotAsRehearsed(f"{self.name}: {called} does not end") from error

    def has_said(self, called: str, words: str) -> bool:
        """Return whether a program has logged these words."""
        return words in (self.folder / f"{called}.log").read_text("utf-8", "replace")

    def consensus(self, question: str) -> Any:
        """Return what its validator says of consensus, None while it says nothing."""
        return self._curl(f"http://127.0.0.1:26657/{question}").get("result")

    def served(self, path: str) -> Any:
        """Return what its ledger serves, empty while it serves nothing."""
        return self._curl(f"http://127.0.0.1:8480{path}")

    def reaches(self, other: "Machine", port: int) -> bool:
        """Return whether a port of another machine takes connections from here."""
        probe = f"import socket; socket.create_connection(('{other.host}', {port}), 5)"
        try:
            self._run(sys.executable, "-c", probe)
        except NotAsRehearsed:
            return False
        return True

    def head(self) -> int:
        """Return its newest block, 0 while it does not answer."""
        said = self.consensus("status")
        return int(said["sync_info"]["latest_block_height"]) if said else 0

    def voters(self) -> int:
        """Return how many validators vote on the next block, as it knows."""
        said = self.consensus("validators")
        return len(said["validators"]) if said else 0

    def hash_of(self, block: int) -> str:
        """Return the hash of a block that it has."""
        return str(self.consensus(f"commit?height={block}")["signed_header"]["commit"]["block_id"])

    def end(self) -> None:
        """End all that runs there, and take its network away."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if Path(f"/run/netns/{self._space}").exists():
            run("ip", "netns", "delete", self._space)

    def _curl(self, url: str) -> Any:
        try:
            return json.loads(self._run("curl", "-s", "-m", "10", url))
        except (NotAsRehearsed, ValueError):
            return {}

    def _run(self, *command: str) -> str:
        inside = ("ip", "netns", "exec", self._space)
        return run(*inside, *command, cwd=self.folder, env=self.environment).stdout


class Street:
    """A bridge, and the machines on it."""

    def __init__(self, root: Path) -> None:
        self._root, self._bridge = root, f"reh{os.getpid() % 100_000}"
        self.machines: list[Machine] = []
        run("ip", "link", "add", self._bridge, "type", "bridge")
        run("ip", "link", "set", self._bridge, "up")

    def machine(self) -> Machine:
        """Return one machine more."""
        made = Machine(self._root, self._bridge, len(self.machines) + 1)
        self.machines.append(made)
        made.plug_in()
        return made

    def end(self) -> None:
        """Take all of it away, with all that was written."""
        for each in self.machines:
            each.end()
        run("ip", "link", "delete", self._bridge)
        shutil.rmtree(self._root)
