"""Exit codes and the one line on standard error, whatever a command raises."""

from importlib.metadata import version

import click
import pytest

from fabmarket.cli.main import cli, main
from fabmarket.errors import Bug, FabmarketError, Refused, TryAgain


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
        (TryAgain("the node sleeps"), 3, "the node sleeps"),
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
    assert capsys.readouterr().err.strip() == ("fabmarket: error: interrupted; nothing was written")


def test_what_nobody_foresaw_is_not_hidden(failing):
    failing(ZeroDivisionError("by zero"))
    with pytest.raises(ZeroDivisionError):
        main(["end"])


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
    assert "Commands:\n  demo" in err
