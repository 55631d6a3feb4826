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

SECTIONS = {
    "A market in one process": {
        "demo": "Run a capacity market end to end: verify, release, negotiate, settle, audit.",
        "serve": "Serve a ledger by HTTP: an API for programs, and pages for browsers.",
        "evidence": "Take out of a journal what it proves of a session, a trade, or a bid.",
        "verify": "Check evidence files: signatures, sums, prices, awards, trades, forks.",
    },
    "Tables": {
        "import": "Make a scenario file of tables: machines, calendars, products, demands.",
        "template": "Write a table to fill in, with what stands in each column.",
        "export": "Write a table of a ledger: trades, slots, accounts, events and others.",
    },
    "Anybody, with a node": {
        "audit": "Check a whole market with nothing but a node.",
        "trace": "Follow one trade from its attestation to its end, with all that it rests on.",
    },
    "A chain of several validators": {
        "network": "Run a chain of several validators that agree on every block.",
    },
    "Agents": {
        "init": "Make a directory for an agent: its encrypted key, and settings to fill in.",
        "agent": "Run the agent of a directory, until SIGINT or SIGTERM.",
        "status": "Show what the agent of a directory knows and does, running or not.",
        "net": "Show how far an agent is in the net cycle that closed last, and whom it waits for.",
        "forget": "Forget what is over, for good: messages, salts and keys, digests included.",
        "up": "Found a market on this machine for trying out, or go on with it, and start it.",
        "down": "End the processes of a market that `up` started, and perhaps remove it.",
    },
    "Orders to an agent": {
        "deposit": "Pay money into the exchange.",
        "withdraw": "Take money out of the exchange.",
        "register": "Register the resource that the settings name, for good.",
        "list": "Offer capacity for sale: so many units more of a slot.",
        "open": "Open a sealed slot, and offer all of it for sale.",
        "unlist": "Take capacity off the market: so many units of a slot that are not sold.",
        "want": "Have a demander's agent buy something more.",
        "product": "Have a demander's agent buy a whole product, or nothing of it.",
        "cancel": "Take back what has not settled yet.",
        "approve": "Approve what may cost or bring more than the policy lets pass.",
        "report": "Tell the demander how much of a trade in escrow is used: the supplier's.",
        "acknowledge": "Accept the last report of what is used of a trade in escrow.",
        "object": "Object to the last report of what is used of a trade in escrow.",
        "usage": "List who reported what is used of trades, and what the other answered.",
        "deliver": "State that a trade in escrow was delivered: the supplier's.",
        "accept": "Pay the supplier what a trade in escrow holds: the demander's.",
        "dispute": "Dispute a stated delivery: the demander's, for the operators to rule on.",
        "refund": "Have the payment of a trade in escrow go back to the demander.",
        "expire": "Have a deadline that has passed decide: anybody's.",
        "execute": "Carry out the operators' ruling after its window: anybody's.",
        "split": "Divide all that a trade in escrow holds, if its other party agrees.",
        "relay": "Submit, and pay the gas for, what another account has signed.",
        "void": "Withdraw consent to every split of a trade in escrow that was signed so far.",
    },
    "Operators": {
        "ask": "Ask the operators to attest what a supplier has.",
        "requests": "List what suppliers ask an operator to attest, and what the operators said.",
        "attest": "Sign attestations that were asked for, after the units have been counted.",
        "refuse": "Tell a supplier why an operator does not sign what it asks for.",
        "show": "Show the operators evidence of a disputed trade of ours.",
        "disputes": "List the disputes that an operator rules on.",
        "rule": "Say what the supplier is to get of what a disputed trade holds.",
        "watch": "List what is unusual on the market, for an operator.",
    },
    "Games": {
        "solve": "Find the equilibrium of a game, with its certificate.",
        "secret": "Find a game's price with three servers of which none sees an answer.",
        "simulate": "Play a game round by round, and see what finds the equilibrium.",
        "compare": "Weigh concepts and mechanisms, and what a lie earns.",
        "sweep": "Solve a game over a grid of parameters.",
        "paper": "Reproduce the paper: its words, what comes out, and a verdict for each claim.",
    },
}
"""Each command's first sentence, by section and name."""
COMMANDS = {name: said for section in SECTIONS.values() for name, said in section.items()}
_SHARED = {
    "tables": ("import", "template"),
    "money": ("deposit", "withdraw"),
    "capacity": ("register", "list", "open", "unlist"),
    "buying": ("want", "product", "cancel", "approve"),
    "escrows": ("deliver", "accept", "dispute", "refund", "expire", "execute", "split", "void"),
    "usage": ("report", "acknowledge", "object", "usage"),
    "attesting": ("ask", "requests", "attest", "refuse"),
    "judging": ("show", "disputes", "rule"),
}
"""The modules below `fabmarket.cli` that hold several commands; each other has one of its own."""
_MODULES = {name: module for module, names in _SHARED.items() for name in names}


_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""Of each command too: click keeps the help option that the first context asks for."""


def _command(name: str) -> click.Command:
    """Import a command: `command` of its own module, or `NAME_command` of one for several."""
    module = import_module(f"fabmarket.cli.{_MODULES.get(name, name)}")
    found: click.Command = getattr(module, f"{name}_command" if name in _MODULES else "command")
    for each in (found, *(found.commands.values() if isinstance(found, click.Group) else ())):
        each.context_settings.update(_SETTINGS)
    return found


class _Lazy(click.Group):
    """Imports a command when it is asked for; the list of all needs none of them."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *(name for name in self.commands if name not in COMMANDS)]

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            with interrupts.at_once():
                command = _command(cmd_name)
            self.add_command(command)
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
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


@click.group(cls=_Lazy, context_settings=_SETTINGS)
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
