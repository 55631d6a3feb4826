"""Exit codes and the one line on standard error, whatever a command raises."""

import subprocess
import sys
from importlib.metadata import version

import click
import pytest

from fabmarket.cli.commands import COMMANDS, SECTIONS, cli
from fabmarket.cli.exit_codes import AuditFailed, SystemRefused
from fabmarket.cli.main import main
from fabmarket.cli.streams import OutputLost
from fabmarket.errors import Bug, FabmarketError, Refused, TryAgain
from fabmarket.game.errors import NotCertified


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


@pytest.fixture
def failing():
    """Add a command that ends as it is told."""

    def add(error: BaseException | None) -> None:
        def end() -> None:
            if error is not None:
                raise error

        cli.add_command(click.Command("end", callback=end))

    yield add
    cli.commands.pop("end", None)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (Refused("5 is odd; give an even number"), 2, "5 is odd; give an even number"),
        (AuditFailed("2 is not 3"), 1, "2 is not 3"),
        (NotCertified("a gain of 5 is left"), 3, "a gain of 5 is left"),
        (OutputLost("no room"), 74, "no room"),
        (SystemRefused("no room"), 74, "no room"),
        (
            OSError(28, "No space left on device", "x.nbi"),
            74,
            "x.nbi: No space left on device; mend that and start again",
        ),
        (BrokenPipeError(32, "Broken pipe"), 74, "Broken pipe; mend that and start again"),
        (TryAgain("the node sleeps"), 75, "the node sleeps"),
        (MemoryError(), 2, "not enough memory; give a smaller input"),
        (
            Refused("\x1b]0;x\x07 \udcff \u202e \x9b is odd"),
            2,
            r"\x1b]0;x\x07 \udcff \u202e \x9b is odd",
        ),
        (
            Refused("a" * 5000 + " is long; give less"),
            2,
            "a" * 150 + "…" + "a" * 150 + " is long; give less",
        ),
        (Bug("two and two are five"), 70, "two and two are five"),
        (FabmarketError("something"), 2, "something"),
        (Refused("first line\n   second\tline\n"), 2, "first line second line"),
        (click.FileError("a.txt", "unreadable"), 2, "Could not open file 'a.txt': unreadable"),
        (click.UsageError("no such thing."), 2, "no such thing; see fabmarket end --help"),
    ],
)
def test_an_error_is_one_line_and_a_code(failing, capsys, error, code, line):
    failing(error)
    assert run("end") == code
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"fabmarket: error: {line}\n")


def test_an_interrupt_is_130(failing, capsys):
    failing(KeyboardInterrupt())
    assert run("end") == 130
    assert (
        capsys.readouterr().err == "\nfabmarket: error: interrupted; nothing is left half-written\n"
    )


def test_what_nobody_foresaw_is_a_bug_and_says_where_it_rose(failing, capsys):
    failing(ZeroDivisionError("by zero"))
    assert run("end") == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "a bug in fabmarket, please report it: ZeroDivisionError: by zero (" in err
    assert "test_main.py:" in err
    assert "cli/commands.py:" in err


def test_the_list_of_commands_says_what_each_says_of_itself():
    for name, sentence in COMMANDS.items():
        command = cli.get_command(None, name)
        assert command.get_short_help_str(200) == sentence.rstrip(".") or command.help.startswith(
            sentence
        )


def test_a_command_that_ends_well_is_0(failing, capsys):
    failing(None)
    assert run("end") == 0
    assert capsys.readouterr() == ("", "")


def test_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"fabmarket, version {version('fabmarket')}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["demo", "--help"], ["demo", "-h"]])
def test_help_is_on_stdout_and_is_0(capsys, arguments):
    assert run(*arguments) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: fabmarket")
    assert err == ""


def test_no_command_shows_the_help_on_stderr_and_is_2(capsys):
    assert run() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "A market in one process:\n  demo" in err


@pytest.mark.parametrize("title", ["A market in one process", "Games"])
def test_regression_what_runs_no_agent_needs_no_extra(title):
    """`make demo` installs none, and a room below imported what only agents have."""
    extras = ("h11", "httpx", "starlette", "uvicorn")
    program = (
        "import sys, importlib\n"
        f"sys.modules.update(dict.fromkeys({extras}))\n"
        f"for name in {tuple(SECTIONS[title])}: importlib.import_module('fabmarket.cli.' + name)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603


def test_regression_whoever_asks_first_a_command_has_both_help_options():
    """click keeps the option that the first context asks for: later `-h` was no option."""
    command = cli.get_command(None, "relay")
    command._help_option = None
    command.make_context("relay", ["x", "y"])
    assert command.get_help_option(click.Context(command)).opts == ["-h", "--help"]
