"""A delivery as it goes on, by real agents on a real node: reported, answered, proved, disputed."""

import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity import keccak
from tests.nodes import rpc
from tests.street import PATIENCE, ended, found, free_port, running, start, wait_until


class Works:
    """A supplier and a demander whose agents have traded into escrow, and whose slot has begun."""

    def __init__(self, node, folder, stack, run) -> None:
        """`run` runs a command of an owner's."""
        self.run, self.engine = run, open_engine(node.url, Settings())
        street = found(self.engine, 8)
        rpc(self.engine, "evm_setAutomine", False)
        rpc(self.engine, "evm_setIntervalMining", 1)
        parties = (street.parties.suppliers[0], street.parties.demanders[0])
        self.folders = {
            each.role: street.directory(folder / each.role, each, free_port()) for each in parties
        }
        self.logs = {role: folder / f"{role}.log" for role in self.folders}
        for role, place in self.folders.items():
            stack.enter_context(ended(start(place, self.logs[role], "--json-log")))
        for role in self.folders:
            self.escrow(role)
        self.trade = self.escrow("supplier")["trade"]
        self.begins = street.market.origin

    def escrow(self, role: str) -> dict:
        """What a status says of the trade, once the agent has read of it."""

        def read() -> dict | None:
            begun = self.logs[role].exists() and '"line": "begun"' in self.logs[role].read_text()
            escrows = self.listed(role, "status")["escrows"] if begun else []
            return escrows[0] if escrows else None

        return wait_until(read, PATIENCE, f"the {role} has nothing in escrow")

    def listed(self, role: str, verb: str):
        return self.run(verb, self.folders[role], "--json").facts

    def do(self, role: str, verb: str, *options: object) -> None:
        done = self.run(verb, self.folders[role], self.trade, *options, "--json")
        assert done.facts["state"] in ("done", "taken")

    def refused(self, role: str, verb: str, *options: object) -> str:
        ran = self.run(verb, self.folders[role], self.trade, *options)
        assert ran.code == 2, ran.stdout
        return ran.stderr

    def jump(self, time: int) -> None:
        rpc(self.engine, "evm_setNextBlockTimestamp", time)
        rpc(self.engine, "evm_mine")
        for role in self.folders:
            wait_until(
                lambda role=role: self.listed(role, "status")["time"] >= time, PATIENCE, "no block"
            )

    def heard(self, role: str, count: int, answers: int) -> list[dict]:
        """The reports that an agent knows, once there are so many and so many answers."""

        def read() -> list[dict] | None:
            known = self.listed(role, "usage")
            answered = [each for each in known if each["answer"]["accepted"] is not None]
            return known if (len(known), len(answered)) == (count, answers) else None

        return wait_until(read, PATIENCE, f"the {role} does not hear of it")


@contextmanager
def machine(says: list[bytes]):
    """The URL of a machine that says the last of these."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(says[-1])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def works(node, tmp_path, fabmarket):
    with ExitStack() as stack:
        yield Works(node, tmp_path, stack, fabmarket)


def test_a_delivery_is_followed_live_and_proved(works, tmp_path):
    assert "outside the trade's life" in works.refused("supplier", "report", 1)
    works.jump(works.begins + 10)
    assert "say what is used in one way" in works.refused("supplier", "report")
    counter = tmp_path / "counter.csv"
    counter.write_text(f"at,units\n{works.begins + 2},1\n{works.begins + 5},3\n")
    works.do("supplier", "report", "--csv", counter)
    works.heard("demander", 1, 0)
    works.do("demander", "acknowledge", "--note", "seen at the gate")
    assert "answered already" in works.refused("demander", "acknowledge")
    works.heard("supplier", 1, 1)
    works.do("supplier", "report", 5, "--note", "third pallet")
    assert "fewer units than before" in works.refused("supplier", "report", 4)
    assert "more units than were sold" in works.refused("supplier", "report", 11)
    works.heard("demander", 2, 1)
    works.do("demander", "object", "--reason", "two are cracked")
    first, second = works.heard("supplier", 2, 2)
    assert (first["units"], first["at"], first["answer"]["accepted"]) == (3, works.begins + 5, True)
    assert (second["note"], second["answer"]["note"]) == ("third pallet", "two are cracked")
    for role in works.folders:
        assert (works.escrow(role)["reported"], works.escrow(role)["acknowledged"]) == (5, 3)
    fed(works)
    proved_and_disputed(works, tmp_path)


def fed(works) -> None:
    """The machine says what is used until delivery is stated."""
    says = [b"warming up"]
    with machine(says) as url:
        feed = running("report", works.folders["supplier"], works.trade, "--feed", url)
        with ended(feed):
            says.append(b'{"units": 7}')
            works.heard("demander", 3, 2)
            says.append(b"9\n")
            works.heard("demander", 4, 2)
            works.do("supplier", "deliver")
            out, _ = feed.communicate(timeout=PATIENCE)
    assert feed.returncode == 0
    assert "the feed is asked no more" in out


def proved_and_disputed(works, tmp_path) -> None:
    """Both files say the same, and one of them is what a dispute rests on."""
    files = []
    for role, place in works.folders.items():
        out = tmp_path / "evidence" / role
        journal = ("--journal", place / "journal.sqlite", "--out", out)
        files += works.run("evidence", works.trade, *journal, "--json").facts
    assert len(files) == 2
    verified = works.run("verify", *files, "--json").facts
    assert verified["ok"]
    for fact in verified["files"]:
        (usage,) = fact["usage"]
        assert (usage["trade"], usage["reports"]) == (works.trade, 4)
        assert (usage["last"]["units"], usage["last"]["accepted"]) == (9, None)
        assert (usage["agreed"]["units"], usage["agreed"]["at"]) == (3, works.begins + 5)
    assert "both signed for 3 at" in works.run("verify", files[0]).stdout
    wait_until(lambda: "dispute" in works.escrow("demander")["can"], PATIENCE, "not delivered")
    works.do("demander", "dispute", "--evidence", files[1])
    (kept,) = (works.folders["demander"] / "evidence").iterdir()
    with open(files[1], "rb") as file:
        assert kept.name == f"0x{keccak(file.read()).hex()}"
