"""`fabmarket evidence`: what a participant's journal proves, as files that anyone can check."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fabmarket.cli.inputs import InputError
from fabmarket.cli.terminal import table
from fabmarket.identity.codec import encode
from fabmarket.node import BadEvidence, Evidence, Journal, NoEvidence, Replayed, evidence_of, replay
from fabmarket.report.terminal import show
from fabmarket.report.writing import place


@click.command(
    "evidence",
    epilog="""\b
Examples, after `fabmarket demo`:
  fabmarket evidence                    # the sessions of all journals in demo-out/journals
  fabmarket evidence --json
  fabmarket evidence --all --out demo-out/evidence  # a file for each session and holder
  fabmarket verify demo-out/evidence/*.json
""",
)
@click.argument("of", metavar="[SESSION|TRADE]", required=False)
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    metavar="PATH",
    default=Path("demo-out/journals"),
    show_default=True,
    help="A participant's journal, or a directory of journals.",
)
@click.option("--all", "every", is_flag=True, help="Write the evidence of all sessions.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("evidence-out"),
    show_default=True,
    help="Where the files go, one for each session and holder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(of: str | None, journal: Path, every: bool, out: Path, as_json: bool) -> None:
    """Take out of a participant's journal what it proves of a session or trade.

    Without SESSION or TRADE: the list of sessions, with their trades. A file holds the signed
    messages of a session as the journal's owner sent and received them. A supplier's holds all
    answers; a member's its own answers and what the supplier said to it. `fabmarket verify` checks
    them without a chain or a key.
    """
    if of is not None and every:
        raise InputError("a session or trade and --all exclude each other; give one of them")
    found = [each for path in _journals(journal) for each in _held(path, of)]
    if of is not None and not found:
        raise NoEvidence(f"no journal in {journal} holds a session or trade {of}")
    if of is not None or every:
        files = {_name(each.evidence): encode(each.evidence) for each in found}
        written = [str(path) for path in place(files, out)]
        click.echo(json.dumps(written, indent=2) if as_json else "\n".join(written))
    elif as_json:
        click.echo(json.dumps([_facts(each) for each in found], indent=2, sort_keys=True))
    else:
        _print([_facts(each) for each in found])


@dataclass(frozen=True)
class _Held:
    evidence: Evidence
    shown: Replayed


def _journals(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError(f"{path}: there is no journal; run `fabmarket demo` or give --journal")
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.sqlite"))
    if not found:
        raise InputError(f"{path}: there is no journal (*.sqlite) in this directory")
    return found


def _held(path: Path, of: str | None) -> list[_Held]:
    """What a journal holds: of one session or trade, or of all."""
    journal = Journal.reading(path)
    try:
        wanted = journal.sessions() if of is None else [_digest(of)]
        found = []
        for each in wanted:
            try:
                evidence = evidence_of(journal, each)
            except NoEvidence:
                continue
            found.append(_Held(evidence, replay(evidence)))
        return found
    except BadEvidence as error:
        raise BadEvidence(f"{path}: {error}") from error
    finally:
        journal.close()


def _digest(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != 32:
        raise InputError(f"{text!r} is no session or trade; give its 0x and 64 hexadecimal digits")
    return found


def _name(evidence: Evidence) -> str:
    return f"{evidence.session.hex()[:16]}-{evidence.holder[2:10]}.json"


def _facts(held: _Held) -> dict[str, Any]:
    talk, evidence = held.shown.talk, held.evidence
    return {
        "session": f"0x{evidence.session.hex()}",
        "holder": evidence.holder,
        "role": "supplier" if evidence.holder == talk.opening.supplier else "member",
        "supplier": talk.opening.supplier,
        "seats": talk.opening.seats,
        "messages": len(evidence.envelopes),
        "trades": [f"0x{each.hex()}" for each in held.shown.trades],
        "settled": [f"0x{each.event.trade.hex()}" for each in held.shown.settlements],
    }


def _print(rows: list[dict[str, Any]]) -> None:
    cells = [
        [
            row["session"],
            f"{row['role']} {row['holder'][:8]}…",
            str(row["seats"]),
            str(row["messages"]),
            str(len(row["trades"])),
            str(len(row["settled"])),
        ]
        for row in rows
    ]
    columns = ("Session", "Holder", "Seats", "Messages", "Trades", "Settled")
    show(Console(), table("What the journals prove", columns, cells))
