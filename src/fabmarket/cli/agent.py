"""`fabmarket agent`: one participant of the market as a process of its own."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from fabmarket.cli.inputs import InputError
from fabmarket.cli.passphrase import option, passphrase
from fabmarket.errors import missing
from fabmarket.identity import Key
from fabmarket.identity.keystore import unlock
from fabmarket.interrupts import Interrupted
from fabmarket.node.lines import LINES, Say
from fabmarket.node.moments import moment
from fabmarket.node.settings import KEYSTORE, Settings, read_settings
from fabmarket.report.wording import one_line

_MOMENTS = frozenset({"deliver_by", "executable_at", "until", "used_at"})
"""What is a second of chain time in a line."""
_SHARES = frozenset({"payment_share"})
"""What is a share in a line, basis points."""


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
    run_agent = runner()
    key = unlock(folder / KEYSTORE, passphrase(passphrase_file))
    try:
        run_agent(folder, settings, key, _as_json if json_log else _as_text)
    except Interrupted:
        return  # the usual end of an agent


def runner() -> Callable[[Path, Settings, Key, Say], None]:
    """Return what runs an agent. InputError where what it needs is not installed."""
    try:
        from fabmarket.node.agent import run_agent  # noqa: PLC0415 - needs the extra
    except ImportError as error:
        raise InputError(missing(f"an agent needs {error.name}", "agent")) from error
    return run_agent


def _as_text(name: str, facts: Mapping[str, Any]) -> None:
    said = LINES[name].format(**{key: _shown(key, value) for key, value in facts.items()})
    click.echo(f"{datetime.now().astimezone():%H:%M:%S}  {one_line(said)}")


def _shown(key: str, value: Any) -> Any:
    if key in _MOMENTS:
        return moment(int(value))
    return f"{int(value) / 100:g}%" if key in _SHARES else value


def _as_json(name: str, facts: Mapping[str, Any]) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    click.echo(json.dumps({"at": at, "line": name, **facts}))
