"""SIGINT and SIGTERM at any moment: their exit code, one line, nothing half-written or left."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.stopped_sweep import stopped_sweep

PROGRAM = str(Path(sys.executable).with_name("fabmarket"))
GAME = "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\nbenefit,cost\n100,45\n200,45\n200,15\n"
MK01 = Path(__file__).parents[2] / "scenarios" / "fjsp" / "mk01.txt"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
SAID = dict.fromkeys(CODES, "terminated") | {signal.SIGINT: "interrupted"}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game.csv").write_text(GAME)
    return tmp_path


def heed():
    """Undo what a shell does to its background jobs: they ignore SIGINT, and so do children."""
    for number in CODES:
        signal.signal(number, signal.SIG_DFL)


def start(command, **how):
    return subprocess.Popen(  # noqa: S603
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed,  # noqa: PLW1509
        **how,
    )


SOLVE = ["solve", "game.csv", "--plot", "game.png"]
MOMENTS = [
    (["--version"], "click.core"),
    (SOLVE, "click.core"),
    (SOLVE, "rich.console"),
    (SOLVE, "numpy"),
    (SOLVE, "numpy.linalg"),
    (SOLVE, "fabmarket.game.model"),
    (SOLVE, "fabmarket.cli.solve"),
    (SOLVE, "matplotlib"),
    (SOLVE, "matplotlib.figure"),
    (["demo"], "web3.eth"),
    (["demo"], "pydantic_core"),
    (["demo"], "eth_tester.main"),
    (["demo"], "fabmarket.cli.demo"),
    (["demo"], "matplotlib.axes"),
    (["paper", "--quick"], "fabmarket.paper.theory"),
]
IMPORTING = """
import os, sys
class Moment:
    def find_spec(name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Moment)
sys.argv[0] = "fabmarket"
from fabmarket.cli.main import main
main()
"""


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
@pytest.mark.parametrize(("arguments", "module"), MOMENTS)
def test_regression_an_interrupt_while_importing_is_one_line(here, arguments, module, number):
    program = IMPORTING.format(module=module, number=int(number))
    with start([sys.executable, "-c", program, *arguments]) as running:
        out, err = running.communicate()
    assert running.returncode == CODES[number]
    assert (out, err) == ("", f"fabmarket: error: {SAID[number]}; nothing is left half-written\n")
    assert list(here.iterdir()) == [here / "game.csv"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the child in /proc")
@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_regression_no_anvil_is_left_behind(needs_anvil, here, number):
    with start([PROGRAM, "demo", "--engine", "anvil", "--fjsp", str(MK01), "--json"]) as running:
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        while not (started := children.read_text().split()):
            assert running.poll() is None
            time.sleep(0.001)
        running.send_signal(number)
        out, err = running.communicate()
    assert running.returncode == CODES[number]
    assert (out, err) == ("", f"fabmarket: error: {SAID[number]}; nothing is left half-written\n")
    assert not Path(f"/proc/{started[0]}").exists()


@pytest.mark.skipif(find_spec("mpyc") is None, reason="the extra mpc is not installed")
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the children in /proc")
@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_no_server_of_a_secret_search_is_left(here, number):
    with start([PROGRAM, "secret", "game.csv"]) as running:
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        while len(started := children.read_text().split()) < 3:
            assert running.poll() is None
            time.sleep(0.001)
        running.send_signal(number)
        out, err = running.communicate()
    assert running.returncode == CODES[number]
    assert (out, err) == ("", f"fabmarket: error: {SAID[number]}; nothing is left half-written\n")
    assert not [one for one in started if Path(f"/proc/{one}").exists()]


def test_a_sweep_that_is_interrupted_says_how_to_go_on(here):
    options = ("--vary", "a=1:2:2000", "--out", "t.csv")
    with start(stopped_sweep(signal.SIGINT, 40, *options)) as running:
        out, err = running.communicate()
    assert (running.returncode, out) == (130, "")
    said = "interrupted after 40 of 2000 rows; the same command goes on from there"
    assert err == f"fabmarket: error: {said}\n"
    assert (here / "t.csv.partial").read_bytes().count(b"\n") == 1 + 40
    assert not (here / "t.csv").exists()


WAITING = """
import os, signal, sys
from fabmarket import interrupts
{body}
"""


def ran(body):
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", WAITING.format(body=body)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=heed,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_signal_waits_until_what_must_be_whole_is_whole():
    assert ran("""
try:
    with interrupts.caught(last=False):
        with interrupts.held_back():
            with interrupts.held_back():
                os.kill(os.getpid(), signal.SIGTERM)
            print("whole")
        print("never")
except interrupts.Interrupted as error:
    print(error.code)
print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
""") == ["whole", "143", "True"]


def test_what_another_thread_is_about_holds_no_signal_back():
    """Else its end would have to raise there, and counts of two threads could go astray."""
    assert ran("""
import threading
inside, leave = threading.Event(), threading.Event()
def writes():
    with interrupts.held_back():
        inside.set()
        leave.wait()
    print("whole")
thread = threading.Thread(target=writes)
try:
    with interrupts.caught(last=False):
        thread.start()
        inside.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        print("never")
except interrupts.Interrupted as error:
    print(error.code)
leave.set()
thread.join()
""") == ["143", "whole"]


def test_a_second_signal_does_not_disturb_the_tidying_up():
    assert ran("""
with interrupts.caught(last=False):
    try:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            print("tidy")
    except interrupts.Interrupted as error:
        print(error.code)
""") == ["tidy", "130"]


def test_a_signal_that_python_drops_in_a_finalizer_comes_again():
    assert ran("""
import time
class Thing:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        print("dropped")
with interrupts.caught(last=False):
    try:
        thing = Thing()
        del thing
        while True:
            time.sleep(0.01)
    except interrupts.Interrupted as error:
        print(error.code)
""") in (["130"], ["dropped", "130"])


def test_a_signal_that_is_ignored_stays_ignored():
    """As it does for the background jobs of a shell script."""
    assert ran("""
signal.signal(signal.SIGINT, signal.SIG_IGN)
with interrupts.caught(last=False):
    os.kill(os.getpid(), signal.SIGINT)
    print("on")
""") == ["on"]


def test_an_interrupt_that_a_library_takes_for_its_own_is_still_one(here):
    body = """
from fabmarket.cli import commands
import click
def end():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        raise ImportError("numpy is broken") from None
commands.cli.add_command(click.Command("end", callback=end))
from fabmarket.cli.main import main
try:
    main(["end"])
except SystemExit as ended:
    print(ended.code)
"""
    assert ran(body) == ["130"]


def test_two_sweeps_on_one_file_are_refused_and_a_killed_one_blocks_nobody(here):
    command = [PROGRAM, "sweep", "game.csv", "--vary", "a=1:2:2000", "--out", "t.csv"]
    partial = here / "t.csv.partial"
    with start(stopped_sweep(signal.SIGSTOP, 40, *command[3:])) as running:
        os.waitid(os.P_PID, running.pid, os.WSTOPPED)
        left = partial.read_bytes()
        for other in (command, [*command[:4], "b=1,2", *command[5:]]):
            second = subprocess.run(other, capture_output=True, text=True, check=False)  # noqa: S603
            assert second.returncode == 75
            assert second.stderr == (
                "fabmarket: error: another sweep is writing t.csv.partial; wait until it has ended,"
                " or choose another --out\n"
            )
        assert partial.read_bytes() == left
        running.kill()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603
    assert sorted(one.name for one in here.iterdir()) == ["game.csv", "t.csv"]


def test_two_demos_on_one_directory_take_turns(here):
    """Whichever is last, what lies there is all of one run."""
    for name in ("one", "two"):
        (here / f"{name}.txt").write_text("1 1\n1 1 1 7\n")
    both = [start([PROGRAM, "demo", "--fjsp", f"{name}.txt"]) for name in ("one", "two")]
    for running in both:
        running.communicate()
        assert running.returncode == 0
    out = here / "demo-out"
    record = json.loads((out / "manifest.json").read_text())
    assert json.loads((out / "report.json").read_text())["command"] == record["command"]
    assert {f"inputs/{one.name}" for one in (out / "inputs").iterdir()} == set(record["inputs"])
    assert not [one for one in out.iterdir() if one.name.startswith(".")]
