"""The `fabmarket` command: one-line errors and exit codes for every subcommand.

Exit codes: 0 done, 2 refused (the input is wrong, the message says what to do), 3 try again later,
70 a bug in fabmarket, 130 interrupted.
"""

import sys
from collections.abc import Sequence

import click

from fabmarket.cli.demo import demo
from fabmarket.errors import Bug, FabmarketError, TryAgain


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="fabmarket")
def cli() -> None:
    """A decentralised exchange for manufacturing capacity."""


cli.add_command(demo)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
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
        code = _fail(str(error), 3 if isinstance(error, TryAgain) else 2)
        if isinstance(error, Bug):
            code = 70
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> int:
    click.echo(f"fabmarket: error: {' '.join(message.split())}", err=True)
    return code
