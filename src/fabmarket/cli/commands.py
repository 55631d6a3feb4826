"""The commands, imported when they are asked for, and what is said when one fails."""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import TracebackType
from typing import Any

import click
from typing_extensions import override

from fabmarket import interrupts
from fabmarket.cli.exit_codes import BUG, REFUSED, SystemRefused, code_of
from fabmarket.cli.streams import ReaderGone, guarded
from fabmarket.errors import FabmarketError
from fabmarket.report.wording import escaped

COMMANDS = {
    "demo": "Run a capacity market end to end: verify, release, negotiate, settle, audit.",
    "evidence": "Take out of a participant's journal what it proves of a session or trade.",
    "verify": "Check evidence files: signatures, sums, prices, awards, trades, forks.",
    "init": "Make a directory for an agent: its encrypted key, and settings to fill in.",
    "agent": "Run the agent of a directory, until SIGINT or SIGTERM.",
    "status": "Show what the agent of a directory knows and does, running or not.",
    "solve": "Find the equilibrium of a game, with its certificate.",
    "simulate": "Play a game round by round, and see what finds the equilibrium.",
    "compare": "Weigh concepts and mechanisms, and what a lie earns.",
    "sweep": "Solve a game over a grid of parameters.",
    "paper": "Reproduce the paper: its words, what comes out, and a verdict for each claim.",
}
"""Each command's module below `fabmarket.cli`, and its first sentence."""


class _Lazy(click.Group):
    """Imports a command when it is asked for; the list of all needs none of them."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *(name for name in self.commands if name not in COMMANDS)]

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            with interrupts.at_once():
                module = import_module(f"fabmarket.cli.{cmd_name}")
            self.add_command(module.command)
        return self.commands.get(cmd_name)

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OSError as error:  # click itself takes a broken pipe for the end of its output
            place = f"{error.filename}: " if error.filename else ""
            raise SystemRefused(
                f"{place}{error.strerror or error}; mend that and start again"
            ) from error

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="fabmarket")
def cli() -> None:
    """A decentralised exchange for manufacturing capacity."""


def run(arguments: Sequence[str] | None) -> int:
    """Run a command; its exit code."""
    # It would complain of a home that it cannot write to; it manages without.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    columns = os.environ.get("COLUMNS")
    if columns is not None and not columns.strip("0"):
        del os.environ["COLUMNS"]  # 0 columns are none said, as for every other program
    with guarded():
        try:
            given = sys.argv[1:] if arguments is None else arguments
            if any("\0" in argument for argument in given):
                raise click.UsageError("an argument holds a zero byte, an embedded null")
            if any(argument == "" or argument[:2] + argument[-1:] == "--=" for argument in given):
                raise click.UsageError("an argument is empty; give a value, or leave it out")
            ended = cli.main(arguments, prog_name="fabmarket", standalone_mode=False)
            code = ended if isinstance(ended, int) else 0
        except BaseException as error:
            code = _failed(error)
        try:
            sys.stdout.flush()
        except FabmarketError as error:
            # What went wrong before it matters more.
            code = code or _failed(error)
        return code


def _failed(error: BaseException) -> int:
    """Say in one line what went wrong; the exit code."""
    interrupt = error if isinstance(error, interrupts.Interrupted) else interrupts.coming()
    if isinstance(error, click.Abort | KeyboardInterrupt):
        interrupt = interrupts.Interrupted(signal.SIGINT)
    if interrupt is not None:
        return _say(str(interrupt), interrupt.code)
    match error:
        case click.exceptions.NoArgsIsHelpError():
            print(error.format_message(), file=sys.stderr)
            return REFUSED
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "fabmarket"
            return _say(f"{error.format_message().rstrip('.')}; see {command} --help", REFUSED)
        case click.ClickException():
            return _say(error.format_message(), REFUSED)
        case ReaderGone():
            return code_of(error)
        case FabmarketError():
            return _say(str(error), code_of(error))
        case MemoryError():
            return _say("not enough memory; give a smaller input", REFUSED)
    what = f"{type(error).__name__}: {error} ({_places(error.__traceback__)})"
    return _say(f"a bug in fabmarket, please report it: {what}", BUG)


def _places(trace: TracebackType | None) -> str:
    """Where an error rose, innermost first, without the lines in between that are not ours."""
    frames = reversed(traceback.extract_tb(trace))
    ours = [
        f"{frame.filename.rpartition('/fabmarket/')[2]}:{frame.lineno}"
        for at, frame in enumerate(frames)
        if at == 0 or "/fabmarket/" in frame.filename
    ]
    return " < ".join(ours[:6])


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 :]}"


def _say(message: str, code: int) -> int:
    # A value that was given may be of any length; the remedy stands at the end.
    line = escaped(_cut(" ".join(_cut(word, 300) for word in message.split()), 2000))
    print(f"fabmarket: error: {line}", file=sys.stderr)
    return code
