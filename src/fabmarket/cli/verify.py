"""`fabmarket verify`: check evidence files offline, alone and beside each other."""

import json
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import click
from rich.console import Console

from fabmarket.cli.exit_codes import AuditFailed
from fabmarket.cli.inputs import InputError, read_input
from fabmarket.cli.terminal import table
from fabmarket.identity import digest
from fabmarket.identity.codec import BadText, decode
from fabmarket.ledger import Ledger, LedgerError
from fabmarket.market.events import Settled
from fabmarket.negotiation.progress import Progress
from fabmarket.node import (
    BadEvidence,
    Evidence,
    Fork,
    Replayed,
    Settlement,
    ShownBid,
    Unheard,
    awards_of,
    forks,
    reopened,
    replay,
    replay_bid,
)
from fabmarket.node.netted import BEGINS, NettedTrade, check_netted, is_recorded
from fabmarket.node.rounds import lie_in
from fabmarket.report.terminal import show
from fabmarket.report.wording import number, one_line

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
    was agreed and settled. Of a bid for a product: the seal, the grants and who failed behind it,
    the premium, the prices, and that its trades are one bundle. Files are held against each other:
    whoever signed two different things where it may say one shows. Exit code 1 if anything does not
    hold.
    """
    results = [checked_file(path) for path in files]
    read = [each.evidence for each in results if each.evidence]
    held = [each.shown for each in results if each.shown]
    alone = [each.netted for each in results if each.netted]
    found = [*forks(read), *reopened(each for each in held if isinstance(each, Replayed))]
    missing, since = ([], []) if ledger is None else _beside(ledger, held, alone)
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
    **dict.fromkeys(("listing", "token", "seats", "outcome", "product", "premium", "batch")),
    **{name: [] for name in ("awards", "trades", "settled", "usage", "unheard", "denials")},
    "best_lie_in_this_session": None,
}
"""What the facts of a file are where it does not hold."""


Shown: TypeAlias = Replayed | ShownBid


def shown_by(evidence: Evidence) -> Shown:
    """Return what a file shows of its session or bid. BadEvidence if it does not hold."""
    return replay_bid(evidence) if evidence.is_of_bid else replay(evidence)


@dataclass(frozen=True)
class CheckedFile:
    """A file's facts, and what it holds as far as it holds."""

    fact: dict[str, Any]
    evidence: Evidence | None = None
    shown: Shown | None = None
    netted: NettedTrade | None = None


def checked_file(path: Path) -> CheckedFile:
    """Return what an evidence file shows, or why it does not hold."""
    fact: dict[str, Any] = {"file": str(path), "ok": False, "reason": "", **_NOTHING_SHOWN}
    try:
        text = _read(path)
        if text.startswith(BEGINS):
            return _checked_alone(fact, decode(NettedTrade, text))
        evidence = decode(Evidence, text)
    except BadText as error:
        return CheckedFile({**fact, "reason": f"is no evidence file ({error})"})
    fact |= {
        "session": f"0x{evidence.session.hex()}",
        "holder": evidence.holder,
        "chain_id": evidence.domain.chain_id,
        "contract": evidence.domain.verifying_contract,
        "messages": len(evidence.envelopes),
    }
    try:
        shown = shown_by(evidence)
    except BadEvidence as error:
        return CheckedFile({**fact, "reason": str(error)}, evidence)
    told = _of_bid(evidence, shown) if isinstance(shown, ShownBid) else _shown(evidence, shown)
    return CheckedFile({**fact, "ok": True, **told}, evidence, shown)


def _checked_alone(fact: dict[str, Any], file: NettedTrade) -> CheckedFile:
    """What a file of one trade of a net batch shows."""
    trade, domain = file.trade, file.domain
    fact |= {"chain_id": domain.chain_id, "contract": domain.verifying_contract}
    try:
        name = check_netted(file)
    except BadEvidence as error:
        return CheckedFile({**fact, "reason": str(error)})
    award = {"demander": trade.demander, "units": trade.quantity, "price": trade.unit_price}
    told = {
        "role": "alone",
        "supplier": file.supplier,
        "listing": f"0x{trade.listing.hex()}",
        "token": trade.token,
        "outcome": "agreed",
        "awards": [award],
        "trades": [f"0x{name.hex()}"],
        "settled": [f"0x{name.hex()}"],
        "batch": f"0x{file.settlement.batch.hex()}",
    }
    return CheckedFile({**fact, "ok": True, **told}, netted=file)


def _read(path: Path) -> bytes:
    data = read_input(path, _LARGEST)
    if len(data) > _LARGEST:
        raise InputError(f"{path}: more than {_LARGEST} bytes")
    if data.count(b"[") + data.count(b"{") > len(data) // _LEAST_OF_A_BRACKET + 64:
        raise BadText("hardly anything but brackets")
    return data


def _shown(evidence: Evidence, shown: Replayed) -> dict[str, Any]:
    """What the session came to, as far as this file tells."""
    opening, awards, lie = shown.talk.opening, awards_of(shown.talk), lie_in(shown)
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
        "usage": [_usage(f"0x{key.hex()}", each) for key, each in shown.progress.items()],
        "unheard": [unheard_facts(each) for each in shown.unheard],
        "best_lie_in_this_session": None if lie is None else asdict(lie),
    }


def _of_bid(evidence: Evidence, shown: ShownBid) -> dict[str, Any]:
    """What the bid came to, as far as this file tells."""
    terms = shown.terms
    is_demander = evidence.holder == terms.demander
    return {
        "role": "demander" if is_demander else "supplier",
        "supplier": None if is_demander else evidence.holder,
        "token": next((trade.token for trade in shown.trades.values()), None),
        "outcome": shown.outcome,
        "product": f"0x{terms.product.hex()}",
        "premium": shown.premium,
        "awards": [
            {"demander": terms.demander, "units": line.quantity, "price": line.unit_price}
            for lines in shown.booked.values()
            for line in lines
        ],
        "trades": [f"0x{trade.hex()}" for trade in shown.trades],
        "settled": [f"0x{each.event.trade.hex()}" for each in shown.settlements],
        "usage": [_usage(f"0x{key.hex()}", each) for key, each in shown.progress.items()],
        "denials": [
            {"supplier": supplier, "shown": is_shown}
            for supplier, is_shown in shown.denials.items()
        ],
    }


def _lied(lie: dict[str, Any]) -> str:
    if lie["seat"] is None:
        how = "exactly" if lie["bound"] == "exact" else "as far as was tried"
        return f"best lie 0, {how}"
    least = "" if lie["bound"] == "exact" else "at least "
    return f"best lie {least}{number(lie['gain'])}, of seat {lie['seat']}"


def _usage(trade: str, progress: Progress) -> dict[str, Any]:
    """What was said of a delivery: the last report, and the last that both parties signed for."""
    last, agreed = progress.newest, progress.accepted
    return {
        "trade": trade,
        "reports": len(progress.said),
        "last": None if last is None else asdict(last),
        "agreed": None if agreed is None else asdict(agreed),
    }


def unheard_facts(seat: Unheard) -> dict[str, Any]:
    """Return it as JSON takes it."""
    return {**asdict(seat), "answer": f"0x{seat.answer.hex()}", "word": f"0x{seat.word.hex()}"}


def silenced(seat: dict[str, Any]) -> str:
    """Return what a dropped member can show, and what it cannot."""
    answered = f"its answer to quote {seat['round']}, {seat['answer']}, is signed"
    named = f"seat {seat['seat']} is named as silent by {seat['word']}, but {answered}"
    return f"{named}; that it arrived in time no signature says"


def _denied(denial: dict[str, Any]) -> str:
    why = "by bids that went before it" if denial["shown"] else "and shows no bid that went before"
    return f"{denial['supplier']} did not hold the bid, {why}"


def _said(usage: dict[str, Any]) -> str:
    last, agreed = usage["last"], usage["agreed"]
    both = f"{agreed['units']} at {agreed['at']}" if agreed else "none"
    answers = {None: "not answered", True: "accepted", False: "objected to"}
    said = f"{last['units']} units used at {last['at']}, {answers[last['accepted']]}"
    return f"{usage['trade']}: the last report says {said}; both signed for {both}"


def _beside(
    path: Path, found: list[Shown], alone: list[NettedTrade]
) -> tuple[list[str], list[str]]:
    """The settlements that the log does not hold as they are told, and those that it holds too."""
    if not path.is_file():
        raise InputError(f"{path}: there is no event log; give the ledger.sqlite of a run")
    try:
        with closing(Ledger.reading(path)) as store:
            entries = list(store.entries())
    except LedgerError as error:
        raise InputError(str(error)) from error
    recorded = {
        entry.event.trade: Settlement(entry.event, number, key, entry.index, entry.transaction)
        for number, key, entry in entries
        if isinstance(entry.event, Settled)
    }
    told = {each.event.trade: each for shown in found for each in shown.settlements}
    trades = dict.fromkeys(trade for shown in found for trade in shown.trades)
    missing = [
        f"0x{each.event.trade.hex()}"
        for shown in found
        for each in shown.settlements
        if recorded.get(each.event.trade) != each
    ]
    missing += [
        f"0x{digest(each.domain, each.trade).hex()}"
        for each in alone
        if not is_recorded(each, entries)
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
            click.echo(one_line(f"{fact['file']}: {fact['reason']}"))
        if (lie := fact["best_lie_in_this_session"]) is not None:
            click.echo(one_line(f"{fact['file']}: {_lied(lie)}"))
        for usage in fact["usage"]:
            click.echo(one_line(f"{fact['file']}: {_said(usage)}"))
        for denial in fact["denials"]:
            click.echo(one_line(f"{fact['file']}: {_denied(denial)}"))
        for seat in fact["unheard"]:
            click.echo(one_line(f"{fact['file']}: {silenced(seat)}"))
    for fork in facts["forks"]:
        click.echo(f"{fork['author']} signed two messages for {fork['place']}:")
        click.echo(f"  {fork['first']}\n  {fork['second']}")
    for trade in facts["not_in_ledger"]:
        click.echo(one_line(f"{ledger} does not hold {trade} as the evidence says"))
    if facts["not_in_ledger"]:
        click.echo("If files or event log are of another run, give those that belong together.")
    for trade in facts["settled_since"]:
        click.echo(one_line(f"{trade} is settled in {ledger}, of which no file tells"))
    if any(fact["best_lie_in_this_session"] for fact in facts["files"]):
        click.echo(
            "A best lie is what one seat would have gained by another answer, the others' as given,"
            " in base units, if a unit is worth to it what its own answers say."
        )
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
