"""`fabmarket agent`: one participant of the market as a process of its own."""

import json
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from fabmarket.cli.inputs import InputError
from fabmarket.cli.passphrase import option, passphrase
from fabmarket.identity.keystore import unlock
from fabmarket.interrupts import Interrupted
from fabmarket.node.lines import LINES
from fabmarket.node.settings import KEYSTORE, read_settings
from fabmarket.report.wording import escaped


@click.command(
    "agent",
    epilog="""\b
Examples:
  fabmarket agent my-agent
  fabmarket agent my-agent --passphrase-file secret.txt --json-log
""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@option
@click.option("--json-log", is_flag=True, help="Print a JSON object for each line of the log.")
def command(folder: Path, passphrase_file: Path | None, json_log: bool) -> None:
    """Run the agent of a directory, until SIGINT or SIGTERM.

    `fabmarket init` makes the directory. The agent follows the chain, takes letters at its door and
    trades as its settings say. All it knows is in the directory: ended or killed at any moment, it
    goes on where it was.
    """
    settings = read_settings(folder)
    try:
        from fabmarket.node.agent import run_agent  # noqa: PLC0415 - needs the extra
    except ImportError as error:
        raise InputError(
            f"an agent needs {error.name}; run {shlex.quote(sys.executable)} -m pip install"
            " 'fabmarket[agent]'"
        ) from error
    key = unlock(folder / KEYSTORE, passphrase(passphrase_file))
    try:
        run_agent(folder, settings, key, _as_json if json_log else _as_text)
    except Interrupted:
        return  # the usual end of an agent


def _as_text(name: str, facts: Mapping[str, Any]) -> None:
    said = LINES[name].format(**facts)
    click.echo(f"{datetime.now().astimezone():%H:%M:%S}  {escaped(said)}")


def _as_json(name: str, facts: Mapping[str, Any]) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    click.echo(json.dumps({"at": at, "line": name, **facts}))
