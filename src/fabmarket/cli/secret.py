"""`fabmarket secret`: the price of a game by three servers of which none sees an answer."""

import json
import time
from fractions import Fraction
from importlib.util import find_spec
from math import inf
from typing import Any

import click
from rich.console import Console

from fabmarket.cli.exit_codes import AuditFailed
from fabmarket.cli.game_file import game_argument
from fabmarket.cli.inputs import InputError, Real
from fabmarket.cli.terminal import progress, table
from fabmarket.errors import missing
from fabmarket.game import Game, PriceRule
from fabmarket.game.model import refuse_bounds, refuse_budgets
from fabmarket.report.terminal import show
from fabmarket.report.wording import number
from fabmarket.report.wording import seconds as in_seconds
from fabmarket.secret.market import PROBES, Line, Market, NotSecret
from fabmarket.secret.searching import find_price
from fabmarket.secret.shares import SERVERS

CONCEPTS = ("simultaneous", "demanders-lead", "balanced")


@click.command(
    "secret",
    epilog="""\b
Examples, in a clone:
  fabmarket secret scenarios/game.csv
  fabmarket secret scenarios/game.csv --concept balanced --json
  fabmarket secret scenarios/game.csv --tick 0.01
""",
)
@game_argument
@click.option(
    "--concept",
    type=click.Choice(CONCEPTS),
    default="simultaneous",
    show_default=True,
    metavar="NAME",
    help=f"One of {', '.join(CONCEPTS)}.",
)
@click.option(
    "--tick",
    type=Real(),
    default=0.001,
    show_default=True,
    help=f"Prices tried are d_s and so many times this more; there are 2^{PROBES}.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(game: Game, concept: str, tick: float, as_json: bool) -> None:
    """Find a game's price with three servers of which none sees an answer.

    It needs the extra: pip install 'fabmarket[mpc]'. FILE (- for standard input) is as for
    `fabmarket solve`. This process plays the demanders: at each price that is tried it shares their
    answers among three servers, processes of this machine, which open nothing but whether more is
    wanted than there is. Two servers that put their shares together see every answer. Beside it
    stands the price that those find who see all answers; exit code 1 if it is another.
    """
    if find_spec("mpyc") is None:
        raise InputError(missing("a secret search needs mpyc", "mpc"))
    market, lines = _market(game, concept, tick)
    began = time.perf_counter()
    with progress() as bar:
        task = bar.add_task("Probing", total=PROBES)
        found = find_price(market, lines, lambda: bar.advance(task))
    seconds = time.perf_counter() - began
    open_price = market.open_price(lines)
    # At the floor what each gets hangs on the sum, which stays closed.
    bought = [market.quantity(one, found.index) for one in lines] if found.index else None
    facts: dict[str, Any] = {
        "concept": concept,
        "tick": tick,
        "price": float(market.price(found.index)),
        "open_price": float(open_price),
        "demand": None if bought is None else [float(one) for one in bought],
        "probes": PROBES,
        "seconds": seconds,
        "bytes": dict(zip(SERVERS, found.sent, strict=True)),
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2, allow_nan=False))
    else:
        _print(facts, Console())
    if found.index != market.index_of(open_price):
        raise AuditFailed(
            f"the servers' price is {facts['price']!r} and the open search's"
            f" {facts['open_price']!r}; one of the servers has not done its part"
        )


def _market(game: Game, concept: str, tick: float) -> tuple[Market, list[Line]]:
    """What everybody knows, and each demander's line; numbers as they are written, exactly."""
    refuse_budgets(game, "secret searches")
    if concept == "demanders-lead":
        refuse_bounds(game, concept)
    cost, cap = _exact(game.supplier_cost), _exact(game.supply_cap)
    rule = PriceRule(concept, _exact(game.a), _exact(game.b), cost, cap)
    market = Market(rule, Fraction(str(tick)))
    lines = []
    for at, (benefit, own, most) in enumerate(zip(game.benefit, game.cost, game.cap, strict=True)):
        try:
            lines.append(
                market.line(Fraction(_exact(benefit)) - Fraction(_exact(own)), _exact(most))
            )
        except NotSecret as error:
            raise NotSecret(f"demander {at} has {error} (--tick)") from error
    return market, lines


def _exact(value: float) -> Fraction | float:
    return inf if value == inf else Fraction(str(float(value)))


def _print(facts: dict[str, Any], console: Console) -> None:
    rows = [
        ["three servers", number(facts["price"])],
        ["open search", number(facts["open_price"])],
    ]
    show(console, table(f"{facts['concept']}: {PROBES} probes", ["found by", "price"], rows))
    if facts["demand"] is None:
        said = "The price is the floor: what each gets hangs on the sum, which stays closed."
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    else:
        bought = [[str(at), number(units)] for at, units in enumerate(facts["demand"])]
        show(console, table("What each works out", ["demander", "units"], bought))
    sent = [[name, str(count)] for name, count in facts["bytes"].items()]
    show(console, table("Sent to others", ["server of", "bytes"], sent))
    console.print(in_seconds(facts["seconds"]), markup=False, highlight=False)
