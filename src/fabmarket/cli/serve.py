"""`fabmarket serve`: a ledger by HTTP, for programs and browsers."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fabmarket.chain import ExchangeContract, public
from fabmarket.cli.audit import market_at, of_a_node
from fabmarket.cli.inputs import InputError, Real, Whole
from fabmarket.cli.ledgers import LEDGER, Found, found_ledger, read_ledger
from fabmarket.errors import missing
from fabmarket.interrupts import Interrupted
from fabmarket.ledger import Follower, Ledger
from fabmarket.node.entry import entry_of
from fabmarket.node.owner import Owner
from fabmarket.node.settings import ENTRY
from fabmarket.report.wording import escaped, number, one_line

PORT = 8480
_EVERY = 5.0
"""Seconds between two lines of how far a long past is read."""
OUT = "demo-out"


@click.command(
    "serve",
    epilog="""\b
Examples, MARKET the address that `fabmarket up` prints:
  fabmarket serve                               # what `fabmarket demo` left in demo-out
  fabmarket serve demo-out/cloud --port 0
  fabmarket serve fabmarket-market/demander-1   # what an agent knows of its market
  fabmarket serve market.sqlite --rpc http://127.0.0.1:8545 --market MARKET
""",
)
@click.argument("ledger", metavar="[LEDGER]", required=False)
@of_a_node(required=False)
@click.option(
    "--finality",
    type=Whole(0, 10_000),
    metavar="N",
    default=12,
    show_default=True,
    help="Blocks below the head that may be taken back; with --rpc.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDR",
    help="The address to listen at; others than loopback are seen by others.",
)
@click.option(
    "--port",
    type=Whole(0, 65_535),
    default=PORT,
    show_default=True,
    metavar="N",
    help="0 for any that is free.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A name under which clients may ask for it, such as that of a proxy; may be repeated.",
)
@click.option(
    "--rate",
    type=Real(0),
    metavar="N",
    default=200.0,
    show_default=True,
    help="Requests of one client a second, on the average; twice as many at once.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def command(
    ledger: str | None,
    rpc: str | None,
    market: str | None,
    chain_id: int | None,
    finality: int,
    host: str,
    port: int,
    names: tuple[str, ...],
    rate: float,
    as_json: bool,
) -> None:
    """Serve a ledger by HTTP: an API for programs, and pages for browsers.

    LEDGER is a ledger file, a directory that `fabmarket demo` wrote or that of an agent, or the
    postgresql:// URL of a database; by default demo-out, or with --rpc ledger.sqlite. With --rpc
    and --market the chain is followed into it, and blocks are served before they are final: what is
    taken back is corrected. Of an agent its owner's pages are served, too, on this machine alone:
    for whoever has the address of the entry, in which is the token that lies in the directory. It
    goes on until you interrupt it.
    """
    source = click.get_current_context().get_parameter_source("rpc")
    if market is None and source is ParameterSource.ENVIRONMENT:
        rpc = None  # said for other commands
    if (rpc is None) != (market is None):
        raise InputError("give both --rpc and --market, or neither")
    found = _found(ledger, is_followed=rpc is not None)
    with ExitStack() as stack:
        exchange = None
        if rpc is not None and market is not None:
            if not as_json:
                _note(f"asks {public(rpc)} for the market")
            exchange = stack.enter_context(market_at(rpc, market, chain_id))
        store = stack.enter_context(closing(_opened(found.place, is_written=exchange is not None)))
        try:
            _serve(found, store, exchange, finality, host, port, frozenset(names), rate, as_json)
        except Interrupted:
            return  # the usual end of a server


def _found(ledger: str | None, *, is_followed: bool) -> Found:
    given = ledger or (LEDGER if is_followed else OUT)
    found = found_ledger(given)
    if is_followed and found.agent is not None:
        raise InputError(f"{given}: its agent follows the chain; leave out --rpc and --market")
    return found


def _opened(place: Path | str, *, is_written: bool) -> Ledger:
    if is_written:
        return Ledger(place)
    return read_ledger(place, ", or --rpc and --market to follow a chain into it")


def _serve(
    found: Found,
    store: Ledger,
    exchange: ExchangeContract | None,
    finality: int,
    host: str,
    port: int,
    names: frozenset[str],
    rate: float,
    as_json: bool,
) -> None:
    """Listen and serve until a signal comes."""
    with _extra():  # a second of imports that no other command needs
        from fabmarket.api.app import make_app  # noqa: PLC0415
        from fabmarket.api.currencies import ask_tokens, market_of  # noqa: PLC0415
        from fabmarket.api.following import Feed, by_agent  # noqa: PLC0415
        from fabmarket.api.own.access import require_loopback  # noqa: PLC0415
        from fabmarket.api.runs import run_in  # noqa: PLC0415
        from fabmarket.api.served import Currency, Served, file  # noqa: PLC0415
        from fabmarket.api.server import listening, server_of  # noqa: PLC0415
    known: dict[str, Currency] = {}
    if found.agent is not None:
        require_loopback(host, names)
        owner = Owner(found.agent)
        if owner.currency is not None:
            it = owner.currency
            known[owner.token] = Currency(it.symbol, it.decimals)
    with ExitStack() as stack:
        sock = stack.enter_context(closing(listening(host, port)))
        run = None
        if found.run is not None:
            traded = market_of(store.engine)
            run = run_in(found.run, traded)
            if traded is not None and run.currency is not None:
                known.update(dict.fromkeys(traded.tokens, run.currency))
        served = Served(
            store.engine,
            file if found.agent is None else partial(by_agent, found.agent),
            hosts=names,
            rate=rate,
            burst=max(1, round(2 * rate)),
            agent=found.agent,
            run=run,
            currencies=known,
        )
        if exchange is not None:
            follower = Follower(exchange.engine, exchange, store, finality)
            look = partial(ask_tokens, exchange.engine, store.engine, known)
            feed = Feed(follower, finality, _say_halted, look, _Pace(is_quiet=as_json))
            stack.callback(feed.end)
            served = replace(served, following=feed.following)
            feed.start()
        server = server_of(make_app(served))
        _say(store.name, sock.getsockname(), found.agent, as_json)
        server.run(sockets=[sock])


@contextmanager
def _extra() -> Iterator[None]:
    """Around imports of what serves. InputError where what they need is not installed."""
    try:
        yield
    except ImportError as error:
        raise InputError(missing(f"a server needs {error.name}", "serve")) from error


def _say(name: str, at: tuple[Any, ...], agent: Path | None, as_json: bool) -> None:
    host = f"[{at[0]}]" if ":" in at[0] else at[0]
    address = f"http://{host}:{at[1]}/"
    entry = None if agent is None else entry_of(address.removesuffix("/"), agent)
    if as_json:
        click.echo(json.dumps({"address": address, "ledger": name, "entry": entry}))
    else:
        click.echo(f"{one_line(name)} is served at {address} (end it with Ctrl-C)")
        if entry is not None and sys.stdout.isatty():
            click.echo(f"Its owner enters at {entry}")
        elif agent is not None:  # what is printed may be kept, and the token is not for a log
            click.echo(one_line(f"Its owner enters at {address}enter; see {agent / ENTRY}"))
    sys.stdout.flush()


class _Pace:
    """Says now and then how far a long past is read; not where only JSON is to be printed."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet, self._due = is_quiet, time.monotonic() + _EVERY

    def __call__(self, stored: int, head: int) -> None:
        """`stored` of the blocks up to `head` are read."""
        if not self._is_quiet and time.monotonic() >= self._due:
            self._due = time.monotonic() + _EVERY
            _note(f"has read {number(stored)} of {number(head)} blocks")


def _note(said: str) -> None:
    print(f"fabmarket: {one_line(said)}", file=sys.stderr, flush=True)


def _say_halted(reason: str) -> None:
    said = f"fabmarket: error: {escaped(reason)}; what was read before is served on"
    print(said, file=sys.stderr, flush=True)
