"""`fabmarket verify`: check evidence files offline, alone and beside each other."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fabmarket.cli.exit_codes import AuditFailed
from fabmarket.cli.inputs import InputError, read_input
from fabmarket.cli.terminal import table
from fabmarket.identity.codec import BadText, decode
from fabmarket.ledger import EventStore, LedgerError
from fabmarket.market.events import Settled
from fabmarket.node import BadEvidence, Evidence, Fork, Replayed, forks, replay
from fabmarket.report.terminal import show
from fabmarket.report.wording import escaped

_LARGEST = 1 << 28


@click.command(
    "verify",
    epilog="""\b
Examples, after `fabmarket demo` and `fabmarket evidence --all --out demo-out/evidence`:
  fabmarket verify demo-out/evidence/*.json
  fabmarket verify demo-out/evidence/*.json --ledger demo-out/ledger.sqlite --json
""",
)
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also compare the settlements with this event log (SQLite).",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(files: tuple[Path, ...], ledger: Path | None, as_json: bool) -> None:
    """Check evidence files: signatures, sums, prices, awards, trades, forks.

    Every signature is recovered, and the session is played again from its messages: the roster, the
    chain of hashes, the sums over the answers, the prices, the awards, and that the trades are what
    was agreed and settled. Files of one session are held against each other: a supplier that signed
    two different things for one place shows. Exit code 1 if anything does not hold.
    """
    read = [(path, _read(path)) for path in files]
    results = [_checked(path, evidence) for path, evidence in read]
    found = forks(evidence for _, evidence in read)
    missing = (
        [] if ledger is None else _missing(ledger, [shown for _, _, shown in results if shown])
    )
    facts = {
        "files": [fact for _, fact, _ in results],
        "forks": [_fork(each) for each in found],
        "not_in_ledger": missing,
        "ok": all(fact["ok"] for _, fact, _ in results) and not found and not missing,
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
    else:
        _print(facts, ledger)
    if not facts["ok"]:
        raise AuditFailed("the evidence does not hold; see above what does not")


def _read(path: Path) -> Evidence:
    data = read_input(path, _LARGEST)
    if len(data) > _LARGEST:
        raise InputError(f"{path}: more than {_LARGEST} bytes")
    try:
        return decode(Evidence, data)
    except BadText as error:
        raise InputError(f"{path}: is no evidence file ({error})") from error


def _checked(path: Path, evidence: Evidence) -> tuple[Path, dict[str, Any], Replayed | None]:
    fact: dict[str, Any] = {
        "file": str(path),
        "session": f"0x{evidence.session.hex()}",
        "holder": evidence.holder,
        "messages": len(evidence.envelopes),
        "ok": True,
        "reason": "",
        "trades": 0,
        "settled": 0,
    }
    try:
        shown = replay(evidence)
    except BadEvidence as error:
        return path, {**fact, "ok": False, "reason": str(error)}, None
    trades, settled = len(shown.trades), len(shown.settlements)
    return path, {**fact, "trades": trades, "settled": settled}, shown


def _missing(path: Path, found: list[Replayed]) -> list[str]:
    """The trades said to be settled that the log does not hold as they are said."""
    if not path.is_file():
        raise InputError(f"{path}: there is no event log; give the ledger.sqlite of a run")
    try:
        store = EventStore(path)
        events = {event.trade: event for event in store.events() if isinstance(event, Settled)}
        store.close()
    except LedgerError as error:
        raise InputError(str(error)) from error
    said = [each.event for shown in found for each in shown.settlements]
    return [f"0x{event.trade.hex()}" for event in said if events.get(event.trade) != event]


def _fork(fork: Fork) -> dict[str, str]:
    return {
        "supplier": fork.supplier,
        "place": fork.place,
        "first": f"0x{fork.first.hex()}",
        "second": f"0x{fork.second.hex()}",
    }


def _print(facts: dict[str, Any], ledger: Path | None) -> None:
    console = Console()
    rows = [
        [
            fact["file"],
            "holds" if fact["ok"] else "does not hold",
            str(fact["messages"]),
            str(fact["trades"]),
            str(fact["settled"]),
        ]
        for fact in facts["files"]
    ]
    show(console, table("Evidence", ("File", "Verdict", "Messages", "Trades", "Settled"), rows))
    for fact in facts["files"]:
        if not fact["ok"]:
            click.echo(escaped(f"{fact['file']}: {fact['reason']}"))
    for fork in facts["forks"]:
        click.echo(f"{fork['supplier']} signed two messages for {fork['place']}:")
        click.echo(f"  {fork['first']}\n  {fork['second']}")
    for trade in facts["not_in_ledger"]:
        click.echo(escaped(f"{ledger} does not hold {trade} as the evidence says"))
    if ledger is None:
        click.echo("Settlements are as the files say; --ledger compares them with an event log.")
