"""Paths that cannot be read or written, however odd: one line, exit code 2, nothing left."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fabmarket

PROGRAM = str(Path(sys.executable).with_name("fabmarket"))
GAME = "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\nbenefit,cost\n100,45\n200,45\n200,15\n"
SHOP = "1 1\n1 1 1 7\n"
NO_TEXT = os.fsdecode(b"\xff\xfe")
ESCAPE = "\x1b]0;x\x07\x9b2J\u202e"
ODD = {  # Tests may run as root, whom permissions do not stop.
    "a name of 300 bytes": "x" * 300,
    "a path of 9,000 bytes": "x/" * 4500,
    "a link to itself": "loop/x",
    "below a file": "game.csv/x",
    "below nothing that is text": f"nowhere/{NO_TEXT}",
    "escapes": f"nowhere/{ESCAPE}",
    "in /proc": "/proc/self/nowhere/x",
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game.csv").write_text(GAME)
    (tmp_path / "shop.txt").write_text(SHOP)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "game.png").mkdir()
    (tmp_path / "game.csv.partial").symlink_to("/dev/null")
    return tmp_path


def run(*arguments, **environment):
    return subprocess.run(  # noqa: S603
        [PROGRAM, *arguments],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


def check_refused(ran, *words):
    err = ran.stderr.decode()  # nothing but text is said
    assert ran.returncode == 2, err
    assert ran.stdout == b""
    assert err.startswith("fabmarket: error: ")
    assert (err.count("\n"), err[-1]) == (1, "\n")
    assert err[:-1].isprintable()
    for word in words:
        assert word in err


def contents(place):
    return {one: one.is_file() and one.read_bytes() for one in place.rglob("*")}


READING = {
    "solve": ["solve"],
    "simulate": ["simulate"],
    "compare": ["compare"],
    "sweep": ["sweep", "--vary", "a=1,2", "--json"],
    "instance": ["demo", "--fjsp"],
    "scenario": ["demo", "--scenario"],
}
WRITING = {
    "plot": (["solve", "game.csv", "--plot"], ".png"),
    "rows": (["sweep", "game.csv", "--vary", "a=1,2", "--out"], ".csv"),
    "report": (["demo", "--out"], ""),
    "page": (["paper", "--quick", "--out"], ""),
}


@pytest.mark.parametrize("odd", ODD)
def test_regression_an_input_at_an_odd_place_is_refused(here, odd):
    command = READING["scenario" if "/proc" in odd else "solve"]
    check_refused(run(*command, ODD[odd]), "cannot be read", "give an existing file")


@pytest.mark.parametrize("command", READING)
def test_a_directory_is_no_input(here, command):
    check_refused(run(*READING[command], "."), "Is a directory", "give an existing file")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("command", ["plot", "rows", "report"])
def test_regression_an_output_at_an_odd_place_is_refused(here, command, odd):
    before = contents(here)
    arguments, suffix = WRITING[command]
    missing = odd.startswith(("below nothing", "escapes")) and not suffix
    if missing:  # a directory is made where there is none
        return
    check_refused(run(*arguments, ODD[odd].rstrip("/") + suffix), "cannot be written", "choose an")
    assert contents(here) == before


def test_a_page_at_an_odd_place_is_refused_before_anything_is_run(here):
    check_refused(run(*WRITING["page"][0], "x" * 300), "File name too long")


@pytest.mark.parametrize(
    ("command", "place", "words"),
    [
        ("plot", "game", "game.png: cannot be written (Is a directory)"),
        ("rows", "game", "game.csv.partial is not a file of rows"),
        ("report", "game.csv", "game.csv: the output cannot be written (Not a directory)"),
        ("report", "loop", "loop: the output cannot be written (Not a directory)"),
    ],
)
def test_what_is_there_already_and_of_another_kind_is_refused(here, command, place, words):
    before = contents(here)
    arguments, suffix = WRITING[command]
    check_refused(run(*arguments, place + suffix), words)
    assert contents(here) == before


@pytest.mark.parametrize("command", ["plot", "rows", "report"])
def test_a_disk_that_is_full_is_74_and_leaves_nothing_half_written(here, command):
    """No file may grow beyond some KiB; the system refuses more as a full disk does."""
    arguments, suffix = WRITING[command]
    (here / "game.csv.partial").unlink()
    if command == "rows":
        arguments = [one.replace("a=1,2", "a=1:2:2000") for one in arguments]
    script = 'ulimit -f 16 && exec "$0" "$@"'
    ran = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", script, PROGRAM, *arguments, f"new{suffix}"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stdout) == (74, "")
    assert ran.stderr.count("\n") == 1
    assert "cannot be written (File too large); free space, or choose another disk" in ran.stderr
    left = {one.name for one in here.iterdir()} - {"game.csv", "shop.txt", "loop", "game.png"}
    assert left == ({"new.csv.partial"} if command == "rows" else set())
    if command == "rows":  # and it goes on where it was
        assert run(*arguments, "new.csv").returncode == 0
        assert (here / "new.csv").read_text().count("\n") == 2001


@pytest.mark.parametrize("what", ["--fjsp", "--scenario", "--out", "--plot"])
def test_a_path_with_a_zero_byte_is_refused(here, fabmarket, what):
    """No shell can pass one on, but a program can."""
    command = ["solve", "game.csv"] if what == "--plot" else ["demo"]
    place = "a\0b" + (".png" if what == "--plot" else "")
    ran = fabmarket(*command, what, place)
    assert ran.code == 2
    assert "embedded null" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_names_that_are_no_text_or_hold_escapes_work_and_are_shown_escaped(here):
    for name in (NO_TEXT, ESCAPE):
        os.symlink("shop.txt", f"{name}.txt")
        ran = run("demo", "--fjsp", f"{name}.txt", "--out", name, COLUMNS="200")
        assert (ran.returncode, ran.stderr) == (0, b"")
        shown = ran.stdout.decode()
        assert shown.replace("\n", "").isprintable()
        assert (r"\udcff\udcfe" if name == NO_TEXT else r"\x1b]0;x\x07\x9b2J\u202e") in shown
        page = (here / name / "report.html").read_text("utf-8")
        assert page.replace("\n", "").isprintable()
        again = json.loads((here / name / "manifest.json").read_text("utf-8"))["command"]
        assert again[3] == f"inputs/{name}.txt"
        assert (here / name / again[3]).read_text() == SHOP
    (here / f"{NO_TEXT}.csv").write_text(GAME)
    ran = run("sweep", f"{NO_TEXT}.csv", "--vary", "a=1", "--out", f"{ESCAPE}.csv")
    assert ran.stdout.decode() == (
        "1 rows in \\x1b]0;x\\x07\\x9b2J\\u202e.csv, 0 of them without an equilibrium\n"
    )


def test_regression_a_title_cannot_write_to_the_terminal(here):
    market = {
        "title": ESCAPE + "\ud800",
        "description": ESCAPE,
        "currency": {"symbol": "\x1b[31m"},
        "fjsp": {"file": "shop.txt"},
    }
    (here / "m.json").write_text(json.dumps(market))
    ran = run("demo", "--scenario", "m.json", COLUMNS="200")
    if ran.returncode == 2:  # some of it may be refused
        check_refused(ran)
        return
    assert (ran.returncode, ran.stderr) == (0, b"")
    shown = ran.stdout.decode()
    assert shown.replace("\n", "").isprintable()
    assert r"\x1b]0;x\x07\x9b2J\u202e\ud800" in shown
    page = (here / "demo-out" / "report.html").read_text("utf-8")
    assert page.replace("\n", "").isprintable()
    facts = json.loads((here / "demo-out" / "report.json").read_text("utf-8"))
    assert facts["scenario"]["title"] == ESCAPE + "\ud800"


def test_a_working_directory_that_is_gone_is_said(here):
    gone = here / "gone"
    gone.mkdir()
    script = 'rmdir "$PWD" && exec "$0" "$@"'
    for arguments in (["demo"], ["solve", "game.csv"], ["sweep", str(here / "game.csv"), "--vary"]):
        rest = ["a=1", "--out", "t.csv"] if arguments[-1] == "--vary" else []
        gone.mkdir(exist_ok=True)
        command = ["/bin/sh", "-c", script, PROGRAM, *arguments, *rest]
        check_refused(
            subprocess.run(command, cwd=gone, check=False, capture_output=True)  # noqa: S603
        )


@pytest.mark.parametrize("home", ["/proc", None])
def test_regression_a_home_that_cannot_be_written_makes_no_noise(here, monkeypatch, home):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    homes = {} if home is None else {"HOME": home}
    ran = run("solve", "game.csv", "--plot", "new.png", **homes)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert (here / "new.png").stat().st_size > 0


@pytest.mark.parametrize("name", ["solve", "simulate", "compare"])
def test_what_draws_nothing_loads_no_matplotlib(here, name):
    program = (
        "import sys\nfrom fabmarket.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    assert not {'matplotlib', 'web3'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", program, name, "game.csv"]
    ran = subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_version_and_help_load_no_command(here):
    program = (
        "import sys\nfrom fabmarket.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    assert not {'matplotlib', 'web3', 'numpy'} & set(sys.modules)\n"
    )
    for option in ("--version", "--help"):
        command = [sys.executable, "-c", program, option]
        ran = subprocess.run(command, check=False, capture_output=True)  # noqa: S603
        assert (ran.returncode, ran.stderr) == (0, b"")


def test_regression_inputs_of_an_earlier_run_are_removed_and_nothing_else(here, fabmarket):
    (here / "other.txt").write_text(SHOP)
    (here / "third.txt").write_text(SHOP)
    assert fabmarket("demo", "--fjsp", "shop.txt", "--out", "out").code == 0
    (here / "out" / "inputs" / "mine.txt").write_text("kept")
    (here / "out" / "notes").mkdir()
    assert fabmarket("demo", "--fjsp", "other.txt", "--out", "out").code == 0
    inputs = here / "out" / "inputs"
    assert {one.name for one in inputs.iterdir()} == {"other.txt", "mine.txt"}
    (inputs / "other.txt").write_text("changed by hand")
    assert fabmarket("demo", "--fjsp", "third.txt", "--out", "out").code == 0
    assert {one.name for one in inputs.iterdir()} == {"other.txt", "mine.txt", "third.txt"}
    (inputs / "other.txt").unlink()
    (inputs / "mine.txt").unlink()
    assert fabmarket("demo", "--out", "out").code == 0
    assert not inputs.exists()
    assert (here / "out" / "notes").is_dir()


def test_regression_journals_of_an_earlier_run_are_removed_and_nothing_else(here, fabmarket):
    """Those of another seed's participants stayed, as if they had been in this run."""
    journals = here / "out" / "journals"
    assert fabmarket("demo", "--fjsp", "shop.txt", "--out", "out").code == 0
    first = {one.name for one in journals.iterdir()}
    (journals / "mine.sqlite").write_text("kept")
    assert fabmarket("demo", "--fjsp", "shop.txt", "--seed", 2, "--out", "out").code == 0
    facts = json.loads((here / "out" / "report.json").read_text())
    traders = [one for one in facts["participants"] if one["role"] in ("demander", "supplier")]
    second = {f"{one['address']}.sqlite" for one in traders}
    assert {one.name for one in journals.iterdir()} == {*second, "mine.sqlite"}
    assert len(first) == len(second) == 2
    assert not first & second


def test_machine_code_that_cannot_be_kept_makes_no_noise(here, tmp_path_factory):
    """Neither beside the program nor in the home: numba then has no place at all."""
    pytest.importorskip("numba", reason="the extra fast is not installed")
    copy = tmp_path_factory.mktemp("copy") / "fabmarket"
    shutil.copytree(
        Path(fabmarket.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__")
    )
    (copy / "game" / "__pycache__").write_text("a file where a directory should be")
    game = "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\nbenefit,cost\n" + "100,45\n" * 50_000
    (here / "many.csv").write_text(game)
    for home in ("/proc", "/dev/null"):
        ran = run("solve", "many.csv", "--json", PYTHONPATH=str(copy.parent), HOME=home)
        assert (ran.returncode, ran.stderr) == (0, b"")
