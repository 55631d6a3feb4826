"""`fabmarket forget`: what is over leaves an agent's directory, with all that could open it."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fabmarket.cli.inputs import Whole
from fabmarket.cli.ordering import folder_argument
from fabmarket.cli.terminal import table
from fabmarket.node.forgetting import Forgetting, forget
from fabmarket.node.moments import moment
from fabmarket.node.owner import Owner
from fabmarket.report.terminal import show
from fabmarket.report.wording import escaped, plural


@click.command(
    "forget",
    epilog="""\b
Examples, of an agent that was ended:
  fabmarket forget my-agent --dry-run
  fabmarket forget my-agent --days 90
  fabmarket forget my-agent --json
""",
)
@folder_argument
@click.option(
    "--days",
    type=Whole(0, 36_500),
    metavar="N",
    default=0,
    show_default=True,
    help="Keep what was not over N days before the last block that the agent has read.",
)
@click.option("--dry-run", "is_trial", is_flag=True, help="Say what would be forgotten, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(folder: Path, days: int, is_trial: bool, as_json: bool) -> None:
    """Forget what is over, for good: messages, salts and keys, digests included.

    Over are sessions and bids whose slots have ended, when their trades can settle no more and none
    is in escrow: the exchange decides nothing about them any more. The agent must not run. What
    others have stays with them: the other party, the chain, copies of the directory.
    """
    done = forget(Owner(folder), days, is_trial=is_trial)
    if as_json:
        click.echo(json.dumps(_facts(done, is_trial=is_trial), indent=2, sort_keys=True))
    else:
        _print(done, is_trial=is_trial)


def _facts(done: Forgetting, *, is_trial: bool) -> dict[str, Any]:
    past = done.past
    return {
        "dry_run": is_trial,
        "before": past.before,
        "sessions": [f"0x{each.hex()}" for each in sorted(past.sessions)],
        "batches": [f"0x{each.hex()}" for each in sorted(past.batches)],
        "trades": [f"0x{each.hex()}" for each in sorted(past.trades)],
        "messages": len(past.messages),
        "files": list(done.files),
        "kept": [
            {"what": each.what, "name": f"0x{each.name.hex()}", "until": each.until}
            for each in past.kept
        ],
        "left": list(done.left),
    }


def _print(done: Forgetting, *, is_trial: bool) -> None:
    past = done.past
    counts = (
        plural(len(past.messages), "message"),
        plural(len(past.sessions), "session"),
        plural(len(past.trades), "trade"),
        plural(len(done.files), "evidence file"),
    )
    begins = "Would be forgotten" if is_trial else "Forgotten"
    click.echo(f"{begins}, of what was over by {moment(past.before)}: {', '.join(counts)}.")
    if past.kept:
        rows = [[each.what, f"0x{each.name.hex()[:12]}", _until(each.until)] for each in past.kept]
        show(Console(), table("Not over, and kept", ("What", "Which", "Over"), rows))
    for name in done.left:
        why = "no evidence of anything that the journal holds"
        click.echo(escaped(f"evidence/{name} stays, as {why}; remove it if you want to."))


def _until(until: int | None) -> str:
    return "in escrow, or still to be bought" if until is None else moment(until)
