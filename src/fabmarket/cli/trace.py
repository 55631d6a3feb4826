"""`fabmarket trace`: one trade from its attestation to its end, with all that it rests on."""

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any

import click

from fabmarket.chain import FIRST_BLOCK, ChainError, ExchangeContract, TokenContract
from fabmarket.cli.audit import market_at, of_a_node
from fabmarket.cli.exit_codes import AuditFailed
from fabmarket.cli.inputs import InputError, Whole, read_input
from fabmarket.cli.terminal import progress
from fabmarket.cli.traced import print_trace
from fabmarket.cli.verify import CheckedFile, checked_file
from fabmarket.identity import Domain, digest
from fabmarket.identity.codec import BadText, decode, encode
from fabmarket.ledger import Ledger, LedgerError, Step, Trace, trace, trace_ledger
from fabmarket.ledger.retrace import Retraced, retrace
from fabmarket.ledger.trace import Progress, ReadTrace, entries
from fabmarket.market.events import ResourceRegistered, Settled
from fabmarket.market.trade import market_domain
from fabmarket.market.units import name_from_bytes32
from fabmarket.node.netted import NettedTrade, is_recorded
from fabmarket.node.settlements import Settlement
from fabmarket.report.writing import save

_LARGEST = 1 << 26
_FINEST, _SYMBOL = 77, 32
"""Decimals and letters of a currency that are believed to be one's."""
_TERMS = ("quantity", "unit_price", "nonce")
Currency = dict[str, Any] | None


@click.command(
    "trace",
    epilog="""\b
Examples, MARKET the address that `fabmarket up` prints, TRADE a trade's first digits:
  fabmarket trace TRADE --rpc http://127.0.0.1:8545 --market MARKET
  fabmarket trace TRADE --rpc http://127.0.0.1:8545 --market MARKET --evidence shown.json
  fabmarket trace TRADE --rpc http://127.0.0.1:8545 --market MARKET --out trade.json
  fabmarket trace --check trade.json --rpc http://127.0.0.1:8545 --market MARKET
  fabmarket trace TRADE --ledger ledger.sqlite --json
""",
)
@click.argument("trade", metavar="[TRADE]", required=False)
@of_a_node(required=False)
@click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read a ledger instead of a node: events alone, no signatures.",
)
@click.option(
    "--from",
    "first",
    type=Whole(FIRST_BLOCK),
    metavar="BLOCK",
    default=FIRST_BLOCK,
    show_default=True,
    help="Where to look for the making of the market: not after it.",
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also hold a disclosed transcript, or a netted trade, against the chain.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all that the trace rests on to this file.",
)
@click.option(
    "--check",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Check such a file against a node.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the trace as JSON.")
def command(
    trade: str | None,
    rpc: str | None,
    market: str | None,
    chain_id: int | None,
    ledger: Path | None,
    first: int,
    evidence: Path | None,
    out: Path | None,
    check: Path | None,
    as_json: bool,
) -> None:
    """Follow one trade from its attestation to its end, with all that it rests on.

    Each event with its block and transaction, and from a node who signed it: every signature is
    recovered. Exit code 1 if a signature, the evidence or a checked file does not hold.
    """
    earlier = None if check is None else _read(check)
    if ledger is not None and market is None:
        rpc = None  # as the environment says it
    source = _Source(rpc, _market(market, earlier), chain_id, ledger, first)
    if earlier is not None and (trade or ledger):
        raise InputError("--check names the trade itself, and asks a node; leave the rest out")
    disclosed = None if evidence is None else checked_file(evidence)
    if disclosed is not None and disclosed.netted is not None:
        facts = _netted(source, disclosed.netted, trade)
    else:
        facts = _traced(source, trade, earlier, disclosed, out)
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
    else:
        print_trace(facts)
    if earlier is not None and market is None and not as_json:
        click.echo(
            "The address of the market is the file's own: --market ADDRESS holds it against the one"
            " that you know."
        )
    if not facts["ok"]:
        raise AuditFailed("the trace does not hold; see above what does not")


def _traced(
    source: "_Source",
    trade: str | None,
    earlier: Trace | None,
    disclosed: CheckedFile | None,
    out: Path | None,
) -> dict[str, Any]:
    if earlier is None:
        found, currency = source.traced(_digits(trade))
        facts = _facts(found, currency, disclosed)
    else:
        beside, currency = source.retraced(earlier)
        found = beside.now or earlier
        if beside.now is None:
            out = None
            facts = _nothing_of(earlier)
        else:
            facts = _facts(beside.now, currency, disclosed)
        facts |= {
            "lost": [_step(each) for each in beside.lost],
            "left_out": [_step(each) for each in beside.left_out],
            "since": [_step(each) for each in beside.since],
            "wrong": list(beside.wrong),
            "ok": facts["ok"] and beside.holds,
        }
    if out is not None:
        save(out, encode(found))
    return facts


@dataclass(frozen=True)
class _Source:
    """Where the events come from: a node, or a ledger."""

    rpc: str | None
    market: str | None
    chain_id: int | None
    ledger: Path | None
    first: int

    def __post_init__(self) -> None:
        if (self.ledger is None) == (self.rpc is None):
            raise InputError(
                "give a node with --rpc and --market, or a ledger with --ledger, and not both"
            )
        if self.rpc is not None and self.market is None:
            raise InputError("--market is missing: the address of the market at that node")

    def traced(self, digits: str) -> tuple[Trace, Currency]:
        """The trace, and what its token says of itself: a ledger does not ask it."""
        if self.ledger is not None:
            with closing(self._opened(self.ledger)) as opened:
                return trace_ledger(opened, digits), None
        with market_at(str(self.rpc), str(self.market), self.chain_id) as exchange:
            _require_market(exchange)
            with _bar() as bar:
                found = trace(exchange, digits, self.first, bar)
            return found, _currency(exchange, found)

    def retraced(self, earlier: Trace) -> tuple[Retraced, Currency]:
        """An earlier trace beside what the node says, and what the token says of itself."""
        with market_at(str(self.rpc), str(self.market), self.chain_id) as exchange:
            _require_domain(
                earlier.domain, market_domain(exchange.engine.chain_id, exchange.address)
            )
            _require_market(exchange)
            with _bar() as bar:
                read = ReadTrace(exchange, earlier.trade.hex(), self.first, bar)
            found = retrace(read, earlier)
            return found, None if found.now is None else _currency(exchange, found.now)

    def recorded(self, file: NettedTrade) -> bool:
        """Whether the chain has what a netted trade's file says."""
        if self.ledger is not None:
            with closing(self._opened(self.ledger)) as opened:
                _require_domain(file.domain, market_domain(*opened.market()))
                return is_recorded(file, opened.entries())
        with market_at(str(self.rpc), str(self.market), self.chain_id) as exchange:
            _require_market(exchange)
            engine = exchange.engine
            _require_domain(file.domain, market_domain(engine.chain_id, exchange.address))
            with _bar() as bar:
                return is_recorded(file, entries(exchange, self.first, bar))

    @staticmethod
    def _opened(path: Path) -> Ledger:
        if not path.is_file():
            raise InputError(f"{path}: there is no ledger; give the ledger.sqlite of a run")
        try:
            return Ledger.reading(path)
        except LedgerError as error:
            raise InputError(str(error)) from error


@contextmanager
def _bar() -> Iterator[Progress]:
    with progress() as bars:
        task = bars.add_task("Blocks", total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)


def _require_market(exchange: ExchangeContract) -> None:
    if not exchange.is_there():
        raise InputError(
            f"no market answers at {exchange.address} on chain {exchange.engine.chain_id}; give the"
            " address of one, and a node of its chain"
        )


def _require_domain(of: Domain, here: Domain) -> None:
    if of != here:
        raise InputError(
            f"the file is of the market {of.verifying_contract} on chain {of.chain_id}, not of"
            f" {here.verifying_contract} on chain {here.chain_id}; give those that belong together"
        )


def _market(market: str | None, earlier: Trace | None) -> str | None:
    return market if market is not None or earlier is None else earlier.domain.verifying_contract


def _digits(text: str | None) -> str:
    digits = (text or "").removeprefix("0x").lower()
    if not re.fullmatch("[0-9a-f]{1,64}", digits):
        raise InputError(f"{text or ''!r} is no trade; give 0x and its first digits")
    return digits


def _read(path: Path) -> Trace:
    data = read_input(path, _LARGEST)
    try:
        found = decode(Trace, data)
    except BadText as error:
        raise InputError(f"{path}: is no file of a trace ({error})") from error
    if not any(isinstance(each.event, Settled) for each in found.steps):
        raise InputError(f"{path}: is no file of a trace (the settlement of its trade is missing)")
    return found


def _currency(exchange: ExchangeContract, found: Trace) -> Currency:
    event = found.settled.event
    assert isinstance(event, Settled)  # noqa: S101 (for mypy)
    try:
        said = TokenContract(exchange.engine, event.token).currency()
    except (ChainError, ValueError, OverflowError):  # a token may answer anything
        return None
    if said is None or not 0 <= said[1] <= _FINEST:
        return None
    return {"symbol": said[0][:_SYMBOL], "decimals": said[1]}


def _facts(found: Trace, currency: Currency, disclosed: CheckedFile | None) -> dict[str, Any]:
    shown = None if disclosed is None else _evidence(found, disclosed)
    settled = found.settled
    event = settled.event
    terms = found.terms
    return {
        **_place(found.domain, found.trade),
        "as_of": {
            "block": found.as_of.block,
            "block_hash": f"0x{found.as_of.block_hash.hex()}",
        },
        "terms": _plain(event if terms is None else terms),
        "payment": event.payment if isinstance(event, Settled) else 0,
        "currency": currency,
        **_names(found),
        "steps": [_step(each) for each in found.steps],
        "evidence": shown,
        "ok": found.ok and (shown is None or shown["ok"]),
    }


def _nothing_of(earlier: Trace) -> dict[str, Any]:
    """The facts of a trade that the chain has not."""
    return {**_place(earlier.domain, earlier.trade), "ok": False}


def _place(domain: Domain, trade: bytes) -> dict[str, Any]:
    """Which trade and where, and all other facts as nothing."""
    nothing = ("as_of", "terms", "payment", "currency", "resource", "unit", "evidence", "netted")
    return {
        "trade": f"0x{trade.hex()}",
        "chain_id": domain.chain_id,
        "market": domain.verifying_contract,
        **dict.fromkeys(nothing),
        **{name: [] for name in ("steps", "lost", "left_out", "since", "wrong")},
    }


def _names(found: Trace) -> dict[str, str | None]:
    """What the supplier calls the resource and its unit."""
    for step in found.steps:
        if isinstance(event := step.event, ResourceRegistered):
            return {
                "resource": name_from_bytes32(event.resource),
                "unit": name_from_bytes32(event.unit),
            }
    return {"resource": None, "unit": None}


def _evidence(found: Trace, disclosed: CheckedFile) -> dict[str, Any]:
    """What a disclosed session or bid says of the trade, beside what the chain says."""
    fact, settled = disclosed.fact, found.settled
    told = {"ok": False, "reason": fact["reason"], "file": fact["file"]}
    if not fact["ok"] or disclosed.shown is None or disclosed.evidence is None:
        return told
    _require_domain(disclosed.evidence.domain, found.domain)
    if found.trade not in disclosed.shown.trades:
        return {**told, "reason": "the file does not show this trade"}
    said = [each for each in disclosed.shown.settlements if each.event.trade == found.trade]
    if not said:
        return {**told, "reason": "the file shows this trade, but not where it was settled"}
    assert isinstance(settled.event, Settled)  # noqa: S101 (for mypy)
    place = (settled.block, settled.block_hash, settled.log_index, settled.transaction)
    if any(each != Settlement(settled.event, *place) for each in said):
        return {**told, "reason": "the file names another place of its settlement than the chain"}
    names = ("session", "holder", "role", "outcome", "messages", "awards")
    return {**told, "ok": True, **{name: fact[name] for name in names}}


def _netted(source: _Source, file: NettedTrade, trade: str | None) -> dict[str, Any]:
    """A trade that a net cycle settled: what its file shows, and what the chain has of it."""
    name = digest(file.domain, file.trade)
    if trade is not None and not name.hex().startswith(_digits(trade)):
        raise InputError(f"the evidence is of trade 0x{name.hex()}, not of {trade}")
    there, at = source.recorded(file), file.settlement
    return {
        **_place(file.domain, name),
        "terms": _plain(file.trade),
        "payment": file.trade.payment,
        "netted": {
            "batch": f"0x{at.batch.hex()}",
            "block": at.block,
            "transaction": f"0x{at.transaction.hex()}",
            "recorded": there,
        },
        "ok": there,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "what": type(step.event).__name__,
        "block": step.block,
        "block_hash": f"0x{step.block_hash.hex()}",
        "time": step.time,
        "log_index": step.log_index,
        "transaction": f"0x{step.transaction.hex()}",
        "event": _plain(step.event),
        "sender": step.sender,
        "signers": [
            {"of": each.of, "account": each.account, "holds": each.holds} for each in step.signers
        ],
    }


def _plain(value: Any) -> Any:
    """Return a value of the market as JSON takes it."""
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "__dataclass_fields__"):
        names = [each.name for each in fields(value)]
        if isinstance(value, Settled):  # whose word `terms` is three numbers
            names = [*(each for each in names if each != "terms"), *_TERMS]
        return {name: _plain(getattr(value, name)) for name in names}
    return value
