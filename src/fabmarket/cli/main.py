"""The `fabmarket` command: one-line errors and exit codes for every subcommand.

Exit codes: 0 done, 2 refused (the input is wrong, the message says what to do), 3 try again later,
or no equilibrium was certified, 70 a bug in fabmarket, 130 interrupted.
"""

import signal
import sys
from collections.abc import Sequence

import click

from fabmarket.cli.compare import compare_command
from fabmarket.cli.demo import demo
from fabmarket.cli.paper import paper_command
from fabmarket.cli.simulate import simulate_command
from fabmarket.cli.solve import solve_command
from fabmarket.cli.sweep import sweep_command
from fabmarket.errors import Bug, FabmarketError, TryAgain
from fabmarket.game import NotCertified


class _InOrder(click.Group):
    """Lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands."""
        return list(self.commands)


@click.group(
    cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="fabmarket")
def cli() -> None:
    """A decentralised exchange for manufacturing capacity."""


cli.add_command(demo)
cli.add_command(solve_command)
cli.add_command(simulate_command)
cli.add_command(compare_command)
cli.add_command(sweep_command)
cli.add_command(paper_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    # As an interrupt does, termination must stop a node that we started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = cli.main(arguments, prog_name="fabmarket", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = 2
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "fabmarket"
        code = _fail(f"{error.format_message().rstrip('.')}; see {command} --help", 2)
    except click.ClickException as error:
        code = _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        code = _fail("interrupted; nothing was written", 130)
    except FabmarketError as error:
        code = _fail(str(error), 3 if isinstance(error, TryAgain | NotCertified) else 2)
        if isinstance(error, Bug):
            code = 70
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> int:
    click.echo(f"fabmarket: error: {' '.join(message.split())}", err=True)
    return code
