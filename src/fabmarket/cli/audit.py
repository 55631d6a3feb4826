"""`fabmarket audit`: check a whole market with nothing but a node."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import Any

import click
from eth_utils.address import is_address, is_checksum_address, to_checksum_address
from rich.console import Console

from fabmarket.chain import FIRST_BLOCK, ExchangeContract, look_at, public
from fabmarket.cli.exit_codes import AuditFailed
from fabmarket.cli.inputs import Whole
from fabmarket.cli.ledgers import found_ledger, read_ledger
from fabmarket.cli.terminal import phases, table
from fabmarket.ledger import Audit, Ledger, LedgerError, audit
from fabmarket.ledger.audit import Progress
from fabmarket.ledger.comparing import Compared, compare, require_of
from fabmarket.node.moments import moment
from fabmarket.report.auditing import audit_facts, ledger_facts
from fabmarket.report.terminal import show
from fabmarket.report.wording import number, one_line, plural

_SHOWN = 5
"""Differences of a check that are printed; --json has more of them."""
_WORDS = {
    "trades": "of trades",
    "cycles": "of net cycles",
    "splits": "of splits",
    "operators": "of operators",
    "openings": "that let others open a seal",
    "intents": "of relayed calls",
}


def market_address(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    """Callback of --market: an address in the form in which logs name it."""
    if value is None:
        return None
    if not is_address(value) or not value.startswith("0x"):
        raise click.BadParameter(f"{value!r} is no address; give 0x and 40 hexadecimal digits")
    digits = value[2:]
    if digits not in (digits.lower(), digits.upper()) and not is_checksum_address(value):
        raise click.BadParameter(f"{value!r} is mistyped: its letters' cases do not fit its digits")
    return str(to_checksum_address(value))


def node_urls(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    """Callback of --rpc: the http(s) URL of a node, or of several."""
    if value is not None and not value.startswith(("http://", "https://")):
        raise click.BadParameter(
            f"{public(value)!r} is no URL of a node; give one that begins with http:// or https://"
        )
    return value


Command = Callable[..., Any]


def of_a_node(*, required: bool) -> Callable[[Command], Command]:
    """The options that say where a market is."""

    def decorate(command: Command) -> Command:
        for option in (
            click.option(
                "--chain-id",
                type=Whole(1),
                metavar="N",
                help="The chain that the node must be of; else any.",
            ),
            click.option(
                "--market",
                required=required,
                metavar="ADDRESS",
                callback=market_address,
                help="The market's contract.",
            ),
            click.option(
                "--rpc",
                required=required,
                metavar="URL",
                envvar="FABMARKET_RPC",
                callback=node_urls,
                help="A node of its chain, or several with commas; else FABMARKET_RPC.",
            ),
        ):
            command = option(command)
        return command

    return decorate


@contextmanager
def market_at(rpc: str, market: str, chain_id: int | None) -> Iterator[ExchangeContract]:
    """A market that is only read."""
    with look_at([rpc], chain_id) as engine:
        yield ExchangeContract(engine, market)


@click.command(
    "audit",
    epilog="""\b
Examples, MARKET the address that `fabmarket up` prints:
  fabmarket audit --rpc http://127.0.0.1:8545 --market MARKET
  fabmarket audit --rpc https://a.example,https://b.example --market MARKET --from 19000000
  fabmarket audit --rpc http://127.0.0.1:8545 --market MARKET --json
  fabmarket audit --rpc http://127.0.0.1:8545 --market MARKET --ledger market.sqlite
""",
)
@of_a_node(required=True)
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
    "--ledger",
    metavar="LEDGER",
    help="Also compare a ledger with a fresh one: a file, the directory of a run or an agent, or a"
    " postgresql:// URL.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(
    rpc: str, market: str, chain_id: int | None, first: int, ledger: str | None, as_json: bool
) -> None:
    """Check a whole market with nothing but a node.

    All its events are replayed by the rules, every call is read and its signatures recovered, and
    all storage is compared with what follows, at one block. What is sold of each slot is counted
    beside what is attested for it. With --ledger every row of a ledger is compared with one that is
    written anew. Exit code 1 if anything differs.
    """
    compared = name = None
    with ExitStack() as stack:
        given = None if ledger is None else stack.enter_context(closing(_opened(ledger)))
        exchange = stack.enter_context(market_at(rpc, market, chain_id))
        if given is not None:
            require_of(given, exchange)
        tell = stack.enter_context(phases())
        found = audit(exchange, first, tell)
        if given is not None:
            name, compared = given.name, _compared(exchange, given, found, tell)
    if compared is not None:
        found = replace(found, checks=(*found.checks, compared.check))
    facts = audit_facts(found, exchange.engine.chain_id, market)
    facts["ledger"] = None if name is None else ledger_facts(name, compared)
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
    else:
        _print(found, facts)
    if not found.ok:
        raise AuditFailed("the audit found differences; see above what differs")


def _opened(ledger: str) -> Ledger:
    return read_ledger(found_ledger(ledger).place)


def _compared(
    exchange: ExchangeContract, ledger: Ledger, found: Audit, tell: Progress
) -> Compared | None:
    """A ledger beside a fresh one; None where the log is so wrong that nobody can write one."""
    try:
        return compare(exchange, ledger, tell)
    except LedgerError:
        if found.ok:
            raise
        return None


def _print(found: Audit, facts: dict[str, Any]) -> None:
    rows = [[each.name, number(each.compared), number(each.differing)] for each in found.checks]
    columns = ("What is checked", "Compared", "Differ")
    checks = table(f"Audit of {facts['market']}", columns, rows)
    checks.columns[0].no_wrap = False  # sentences
    show(Console(), checks)
    for line in _lines(found, facts):
        click.echo(one_line(line))


def _lines(found: Audit, facts: dict[str, Any]) -> Iterator[str]:
    for check in found.checks:
        for difference in check.wrong[:_SHOWN]:
            yield f"{check.name}: {check.told(difference)}"
        if check.differing > _SHOWN:
            yield f"{check.name}: {number(check.differing - _SHOWN)} more; --json has up to 100"
    scope = found.scope
    if scope is not None:
        yield (
            f"Chain {facts['chain_id']}, blocks {scope.first} to {scope.last}"
            f" (0x{scope.block_hash.hex()}, {moment(scope.time)}): {plural(scope.events, 'event')},"
            f" {plural(scope.calls, 'call')}."
        )
        if not scope.is_ours:
            yield "Not seen: what else was stored when the contract was made, through another."
        signed = [f"{number(n)} {_WORDS[kind]}" for kind, n in scope.signatures.items() if n]
        by_code = f"{number(scope.by_code)} by contracts"
        yield f"Signatures checked: {', '.join(signed) or 'none'}; {by_code}."
        if scope.unseen_events:
            yield (
                f"Not seen: what was signed for {plural(scope.unseen_events, 'event')} that came"
                f" about through other contracts, in {plural(scope.unseen_calls, 'transaction')}."
            )
        if scope.believed:
            yield (
                f"Not seen: of {number(scope.believed)} blocks and transactions, whether they are"
                " what their hashes are of; their kinds are not known here."
            )
    if (ledger := facts["ledger"]) is not None:
        if ledger["block"] is None:
            yield f"Not compared: {ledger['name']}; such a log has no ledger."
        else:
            at = f"block {ledger['block']} ({ledger['block_hash']})"
            yield f"Compared with a fresh ledger: {ledger['name']}, as of {at}."
    for each in found.surpluses:
        if each.amount:
            yield f"Held beyond what is owed: {number(each.amount)} base units of {each.token}."
    if found.ok:
        yield "The audit passed: calls, log and storage are one, as far as they are seen."
    else:
        yield "The audit FAILED."
