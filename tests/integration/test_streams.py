"""Standard streams that are closed, full or broken: never a traceback, never 0 with output lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("fabmarket"))
GAME = "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\nbenefit,cost\n100,45\n200,45\n200,15\n"
COMMANDS = {
    "version": ["--version"],
    "help": ["--help"],
    "help of a command": ["sweep", "--help"],
    "solve": ["solve", "game.csv"],
    "solve as JSON": ["solve", "game.csv", "--json"],
    "simulate": ["simulate", "game.csv"],
    "simulate as JSON": ["simulate", "game.csv", "--dynamic", "all", "--json"],
    "compare": ["compare", "game.csv"],
    "compare as JSON": ["compare", "game.csv", "--json"],
    "sweep": ["sweep", "game.csv", "--vary", "a=1,2", "--out", "t.csv"],
    "sweep as JSON": ["sweep", "game.csv", "--vary", "a=1:2:900", "--json"],
    "demo": ["demo"],
    "demo as JSON": ["demo", "--json"],
    "paper as JSON": ["paper", "--quick", "--json"],
}
REFUSED = ["solve", "nowhere.csv"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game.csv").write_text(GAME)
    return tmp_path


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def buffering(request, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)


def run(arguments, **streams):
    return subprocess.run([PROGRAM, *arguments], check=False, text=True, **streams)  # noqa: S603


def with_closed(number, arguments):
    """Run with a standard stream closed, as the shell's >&- does."""
    rest = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    script = f'exec "$0" "$@" {number}>&-' if number else 'exec "$0" "$@" <&-'
    command = ["/bin/sh", "-c", script, PROGRAM, *arguments]
    return subprocess.run(command, check=False, text=True, **rest)  # noqa: S603


def one_line(err):
    return err.startswith("fabmarket: error: ") and err.count("\n") == 1 and err.endswith("\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", COMMANDS)
def test_standard_output_that_is_full_is_74_and_one_line(here, monkeypatch, command):
    # Either way, half of them each: a write fails at once, or when it is flushed.
    monkeypatch.setenv("PYTHONUNBUFFERED", "1" * ([*COMMANDS].index(command) % 2))
    with open("/dev/full", "w") as full:
        ran = run(COMMANDS[command], stdout=full, stderr=subprocess.PIPE)
    assert ran.returncode == 74
    assert one_line(ran.stderr)
    assert "standard output cannot be written (No space left on device)" in ran.stderr


@pytest.mark.parametrize("command", ["version", "solve", "sweep"])
def test_standard_output_that_is_closed_is_74_and_one_line(here, buffering, command):
    ran = with_closed(1, COMMANDS[command])
    assert ran.returncode == 74
    assert one_line(ran.stderr)
    assert "standard output cannot be written (Bad file descriptor)" in ran.stderr


def test_what_is_printed_to_a_closed_output_lands_in_no_file(here):
    ran = with_closed(1, ["demo", "--out", "out"])
    assert ran.returncode == 74
    assert (here / "out" / "report.html").read_text().startswith("<!")
    assert all(b"Report:" not in one.read_bytes() for one in here.rglob("*") if one.is_file())


@pytest.mark.parametrize("command", ["version", "solve", "demo"])
def test_a_reader_that_is_gone_is_141_and_nothing_is_said(here, command):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = run(COMMANDS[command], stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, "")


def test_a_reader_that_stops_midway_is_141(here, buffering):
    """More is printed than a pipe holds, so that a write has begun when the reader goes."""
    command = [PROGRAM, *COMMANDS["sweep as JSON"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:  # noqa: S603
        assert running.stdout.read(10)
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(("arguments", "code"), [(REFUSED, 2), ([], 2), (COMMANDS["solve"], 0)])
def test_standard_error_that_is_full_or_closed_leaves_the_exit_code(here, arguments, code):
    with open("/dev/full", "w") as full:
        assert run(arguments, stdout=subprocess.PIPE, stderr=full).returncode == code
    assert with_closed(2, arguments).returncode == code


def test_everything_may_be_closed(here):
    script = 'exec "$0" "$@" <&- >&- 2>&-'
    command = ["/bin/sh", "-c", script, PROGRAM, *COMMANDS["solve"]]
    assert subprocess.run(command, check=False).returncode == 74  # noqa: S603


@pytest.mark.parametrize("name", ["solve", "simulate", "compare"])
def test_standard_input_that_is_closed_is_said(here, name):
    ran = with_closed(0, [name, "-"])
    assert ran.returncode == 2
    assert one_line(ran.stderr)
    assert "standard input is closed" in ran.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("command", ["solve", "help"])
def test_a_terminal_without_our_letters_shows_others(here, monkeypatch, encoding, command):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    ran = subprocess.run([PROGRAM, *COMMANDS[command]], check=False, capture_output=True)  # noqa: S603
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.decode(encoding)


@pytest.mark.parametrize("columns", ["0", "1", "20", "1000", "many"])
def test_no_width_of_a_terminal_loses_a_number(here, monkeypatch, columns):
    shown = []
    for width in ("80", columns):
        monkeypatch.setenv("COLUMNS", width)
        ran = run(["solve", "game.csv", "--concept", "all"], capture_output=True)
        assert (ran.returncode, ran.stderr) == (0, "")
        table = ran.stdout.partition("Demand, units")[2]
        numbers = [word for word in table.split() if word.strip("0123456789.") == ""]
        shown.append(numbers[:18])  # three demanders, and five concepts each
    assert shown[0] == shown[1]
    assert len(shown[0]) == 18
