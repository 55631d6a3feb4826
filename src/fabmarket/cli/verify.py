"""`fabmarket verify`: check evidence files offline, alone and beside each other."""

import json
from contextlib import closing
from dataclasses import dataclass
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
from fabmarket.node import (
    BadEvidence,
    Evidence,
    Fork,
    Replayed,
    Settlement,
    awards_of,
    forks,
    reopened,
    replay,
)
from fabmarket.report.terminal import show
from fabmarket.report.wording import escaped, number

_LARGEST = 1 << 26
_LEAST_OF_A_BRACKET = 16
"""Bytes to a list or object, on average and at least: a text of empty ones fills the memory."""


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
    was agreed and settled. Files are held against each other: whoever signed two different things
    where it may say one shows. Exit code 1 if anything does not hold.
    """
    results = [_checked(path) for path in files]
    read = [each.evidence for each in results if each.evidence]
    held = [each.shown for each in results if each.shown]
    found = [*forks(read), *reopened(held)]
    missing, since = ([], []) if ledger is None else _beside(ledger, held)
    facts = {
        "files": [each.fact for each in results],
        "forks": [_fork(each) for each in found],
        "not_in_ledger": missing,
        "settled_since": since,
        "ok": all(each.fact["ok"] for each in results) and not found and not missing,
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
    else:
        _print(facts, ledger)
    if not facts["ok"]:
        raise AuditFailed("the evidence does not hold; see above what does not")


_NOTHING_SHOWN: dict[str, Any] = {
    **dict.fromkeys(("session", "holder", "chain_id", "contract", "messages", "role", "supplier")),
    **dict.fromkeys(("listing", "token", "seats", "outcome")),
    **{name: [] for name in ("awards", "trades", "settled", "unheard")},
}
"""What the facts of a file are where it does not hold."""


@dataclass(frozen=True)
class _Result:
    fact: dict[str, Any]
    evidence: Evidence | None = None
    shown: Replayed | None = None


def _checked(path: Path) -> _Result:
    fact: dict[str, Any] = {"file": str(path), "ok": False, "reason": "", **_NOTHING_SHOWN}
    try:
        evidence = decode(Evidence, _read(path))
    except BadText as error:
        return _Result({**fact, "reason": f"is no evidence file ({error})"})
    fact |= {
        "session": f"0x{evidence.session.hex()}",
        "holder": evidence.holder,
        "chain_id": evidence.domain.chain_id,
        "contract": evidence.domain.verifying_contract,
        "messages": len(evidence.envelopes),
    }
    try:
        shown = replay(evidence)
    except BadEvidence as error:
        return _Result({**fact, "reason": str(error)}, evidence)
    return _Result({**fact, "ok": True, **_shown(evidence, shown)}, evidence, shown)


def _read(path: Path) -> bytes:
    data = read_input(path, _LARGEST)
    if len(data) > _LARGEST:
        raise InputError(f"{path}: more than {_LARGEST} bytes")
    if data.count(b"[") + data.count(b"{") > len(data) // _LEAST_OF_A_BRACKET + 64:
        raise BadText("hardly anything but brackets")
    return data


def _shown(evidence: Evidence, shown: Replayed) -> dict[str, Any]:
    """What the session came to, as far as this file tells."""
    opening, awards = shown.talk.opening, awards_of(shown.talk)
    return {
        "role": "supplier" if evidence.holder == opening.supplier else "member",
        "supplier": opening.supplier,
        "listing": f"0x{opening.listing.hex()}",
        "token": opening.terms.token,
        "seats": opening.seats,
        "outcome": shown.outcome,
        "awards": [
            {"demander": each.demander, "units": each.units, "price": each.price} for each in awards
        ],
        "trades": [f"0x{trade.hex()}" for trade in shown.trades],
        "settled": [f"0x{each.event.trade.hex()}" for each in shown.settlements],
        "unheard": list(shown.unheard),
    }


def _beside(path: Path, found: list[Replayed]) -> tuple[list[str], list[str]]:
    """The settlements that the log does not hold as they are told, and those that it holds too."""
    if not path.is_file():
        raise InputError(f"{path}: there is no event log; give the ledger.sqlite of a run")
    try:
        with closing(EventStore.reading(path)) as store:
            recorded = {
                entry.event.trade: Settlement(
                    entry.event, number, key, entry.index, entry.transaction
                )
                for number, key, entry in store.entries()
                if isinstance(entry.event, Settled)
            }
    except LedgerError as error:
        raise InputError(str(error)) from error
    told = {each.event.trade: each for shown in found for each in shown.settlements}
    trades = dict.fromkeys(trade for shown in found for trade in shown.trades)
    missing = [
        f"0x{each.event.trade.hex()}"
        for shown in found
        for each in shown.settlements
        if recorded.get(each.event.trade) != each
    ]
    since = [f"0x{trade.hex()}" for trade in trades if trade in recorded and trade not in told]
    return missing, since


def _fork(fork: Fork) -> dict[str, str]:
    return {
        "author": fork.author,
        "place": fork.place,
        "first": f"0x{fork.first.hex()}",
        "second": f"0x{fork.second.hex()}",
    }


def _print(facts: dict[str, Any], ledger: Path | None) -> None:
    columns = ("File", "Holds", "Role", "Outcome", "Units", "Price", "Settled")
    show(Console(), table("Evidence", columns, [_row(fact) for fact in facts["files"]]))
    for fact in facts["files"]:
        if not fact["ok"]:
            click.echo(escaped(f"{fact['file']}: {fact['reason']}"))
        for seat in fact["unheard"]:
            said = f"seat {seat} had answered, and was dropped as silent"
            click.echo(escaped(f"{fact['file']}: {said}; which came first no signature says"))
    for fork in facts["forks"]:
        click.echo(f"{fork['author']} signed two messages for {fork['place']}:")
        click.echo(f"  {fork['first']}\n  {fork['second']}")
    for trade in facts["not_in_ledger"]:
        click.echo(escaped(f"{ledger} does not hold {trade} as the evidence says"))
    if facts["not_in_ledger"]:
        click.echo("If files or event log are of another run, give those that belong together.")
    for trade in facts["settled_since"]:
        click.echo(escaped(f"{trade} is settled in {ledger}, of which no file tells"))
    if ledger is None:
        click.echo("Settlements are as the files say; --ledger compares them with an event log.")


def _row(fact: dict[str, Any]) -> list[str]:
    if not fact["ok"]:
        return [fact["file"], "no", *[""] * 5]
    awards = fact["awards"]
    prices = sorted({each["price"] for each in awards})
    return [
        fact["file"],
        "yes",
        fact["role"],
        fact["outcome"],
        number(sum(each["units"] for each in awards)),
        ", ".join(map(number, prices)),
        f"{len(fact['settled'])} of {len(fact['trades'])}",
    ]
