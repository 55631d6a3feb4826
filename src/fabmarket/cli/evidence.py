"""`fabmarket evidence`: what a participant's journal proves, as files that anyone can check."""

import json
import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fabmarket.cli.inputs import InputError
from fabmarket.cli.terminal import table
from fabmarket.cli.verify import Shown, shown_by, silenced, unheard_facts
from fabmarket.identity.codec import BadText, encode
from fabmarket.market.messages import MaskedOpening
from fabmarket.node import BadEvidence, Evidence, Journal, NoEvidence, ShownBid, evidence_of
from fabmarket.node.journal import BadJournal
from fabmarket.node.moments import moment
from fabmarket.node.netted import netted_trade
from fabmarket.node.past import forgotten_in
from fabmarket.node.settings import JOURNAL
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
\b
After `fabmarket demo --scenario scenarios/clock.toml --settle net`, TRADE one of its trades:
  fabmarket evidence TRADE --alone
""",
)
@click.argument("of", metavar="[SESSION|TRADE|BID]", required=False)
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    metavar="PATH",
    default=Path("demo-out/journals"),
    show_default=True,
    help="A participant's journal, a directory of journals, or an agent's directory.",
)
@click.option("--all", "every", is_flag=True, help="Write the evidence of all sessions.")
@click.option(
    "--alone",
    is_flag=True,
    help="Of a TRADE that settled in a net batch: show it, and nothing of its session.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("evidence-out"),
    show_default=True,
    help="Where the files go, one for each session and holder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(
    of: str | None, journal: Path, every: bool, alone: bool, out: Path, as_json: bool
) -> None:
    """Take out of a journal what it proves of a session, a trade, or a bid.

    Without SESSION, TRADE or BID: the list of sessions and of the bids that came to trades. A file
    holds the signed messages of one as the journal's owner sent and received them. A supplier's
    holds all answers; a member's its own answers and what the supplier said to it. Of a bid for a
    product the demander's holds the words of all its suppliers, a supplier's its own lines and the
    grants of all. With --alone the file holds one trade of a net batch, both signatures, and what
    leads from it to the batch's root. `fabmarket verify` checks them without a chain or a key.
    """
    if of is not None and every:
        raise InputError("a session, trade or bid and --all exclude each other; give one of them")
    if alone:
        return _show_alone(of, journal, out, as_json=as_json)
    digits = "" if of is None else _digits(of)
    found = [each for path in _journals(journal) for each in _held(path, digits)]
    if of is not None and not found:
        raise NoEvidence(
            f"no journal in {journal} holds a session, trade or bid {of}{_lost(journal)}"
        )
    if of is not None and len({each.evidence.session for each in found}) > 1:
        raise InputError(f"{of} begins more than one session, trade or bid; give more digits")
    if of is not None or every:
        files = {_name(each.evidence): encode(each.evidence) for each in found}
        _write(files, out, as_json=as_json)
    elif as_json:
        click.echo(json.dumps([_facts(each) for each in found], indent=2, sort_keys=True))
    else:
        _print([_facts(each) for each in found])


def _show_alone(of: str | None, place_of: Path, out: Path, *, as_json: bool) -> None:
    if of is None:
        raise InputError("--alone shows one trade of a net batch; give its first digits")
    files, digits = dict[str, bytes](), _digits(of)
    for path in _journals(place_of):
        with closing(Journal.reading(path)) as journal:
            named = [each for each in journal.trades() if each.hex().startswith(digits)]
            for name in named:
                files[f"{name.hex()[:16]}-alone.json"] = encode(netted_trade(journal, name))
    if not files:
        raise NoEvidence(f"no journal in {place_of} holds a trade {of}{_lost(place_of)}")
    if len(files) > 1:
        raise InputError(f"{of} begins more than one trade; give more digits")
    _write(files, out, as_json=as_json)


def _write(files: dict[str, bytes], out: Path, *, as_json: bool) -> None:
    written = [str(path) for path in place(files, out)]
    click.echo(json.dumps(written, indent=2) if as_json else "\n".join(written))


@dataclass(frozen=True)
class _Held:
    evidence: Evidence
    shown: Shown


def _journals(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError(f"{path}: there is no journal; run `fabmarket demo` or give --journal")
    if not path.is_dir():
        return [path]
    own = path / JOURNAL  # of an agent, beside other files of SQLite
    found = [own] if own.exists() else sorted(path.glob("*.sqlite"))
    if not found:
        raise InputError(f"{path}: there is no journal (*.sqlite) in this directory")
    return found


def _held(path: Path, digits: str) -> list[_Held]:
    """What a journal holds of the sessions that, or a trade of which, begins with these digits."""
    journal = Journal.reading(path)
    try:
        bids = journal.bids() if digits else ()  # of all bids those are listed that came to trades
        known = (*journal.sessions(), *journal.trades(), *bids)
        named = (each for each in known if each.hex().startswith(digits))
        sessions = dict.fromkeys(journal.session_of(each) or each for each in named)
        files = [evidence_of(journal, session) for session in sessions]
        return [_Held(file, shown_by(file)) for file in files]
    except (BadEvidence, BadJournal, BadText) as error:
        raise BadEvidence(f"{path}: {error}") from error
    finally:
        journal.close()


def _lost(path: Path) -> str:
    """What explains that something is not there, if anything was forgotten."""
    befores = []
    for each in _journals(path):
        with closing(Journal.reading(each)) as journal:
            befores.append(forgotten_in(journal).before)
    last = max(befores)
    return f"; what was over by {moment(last)} was forgotten" if last else ""


def _digits(text: str) -> str:
    digits = text.removeprefix("0x").lower()
    if not re.fullmatch("[0-9a-f]{1,64}", digits):
        raise InputError(f"{text!r} is no session, trade or bid; give 0x and its first digits")
    return digits


def _name(evidence: Evidence) -> str:
    return f"{evidence.session.hex()[:16]}-{evidence.holder[2:10]}.json"


def _facts(held: _Held) -> dict[str, Any]:
    shown, evidence = held.shown, held.evidence
    facts = {
        "session": f"0x{evidence.session.hex()}",
        "holder": evidence.holder,
        "messages": len(evidence.envelopes),
        "trades": [f"0x{each.hex()}" for each in shown.trades],
        "settled": [f"0x{each.event.trade.hex()}" for each in shown.settlements],
    }
    if isinstance(shown, ShownBid):
        is_demander = evidence.holder == shown.terms.demander
        return {
            **facts,
            "role": "demander" if is_demander else "supplier",
            "supplier": None if is_demander else evidence.holder,
            "seats": None,
            "masked": None,
            "product": f"0x{shown.terms.product.hex()}",
            "unheard": [],
        }
    opening = shown.talk.opening
    return {
        **facts,
        "role": "supplier" if evidence.holder == opening.supplier else "member",
        "supplier": opening.supplier,
        "seats": opening.seats,
        "masked": isinstance(opening, MaskedOpening),
        "product": None,
        "unheard": [unheard_facts(each) for each in shown.unheard],
    }


def _seats(row: dict[str, Any]) -> str:
    """How many sat there, and whether they saw answers; of a bid that it is one."""
    if row["seats"] is None:
        return "product"
    return f"{row['seats']} {'masked' if row['masked'] else 'open'}"


def _print(rows: list[dict[str, Any]]) -> None:
    cells = [
        [
            row["session"][:14],
            row["role"],
            f"{row['holder'][:6]}…{row['holder'][-4:]}",
            _seats(row),
            str(row["messages"]),
            str(len(row["trades"])),
            str(len(row["settled"])),
        ]
        for row in rows
    ]
    columns = ("Session", "Role", "Holder", "Seats", "Messages", "Trades", "Settled")
    show(Console(), table("What the journals prove", columns, cells))
    for row in rows:
        for seat in row["unheard"]:
            click.echo(f"{row['session'][:14]}: {silenced(seat)}.")
