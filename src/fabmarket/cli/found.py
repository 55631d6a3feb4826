"""`fabmarket found`: a market's contracts on a chain, for operators that each have a key."""

import json
from pathlib import Path

import click

from fabmarket.chain import Engine, Sender, open_node
from fabmarket.cli.inputs import Address, InputError, Whole
from fabmarket.cli.passphrase import option as passphrase_option
from fabmarket.cli.passphrase import passphrase
from fabmarket.cli.terminal import progress
from fabmarket.identity.keystore import unlock
from fabmarket.market.rhythm import Rhythm
from fabmarket.scenario.checks import MOST_OPERATORS
from fabmarket.scenario.model import DEFAULT_CURRENCY, majority_of
from fabmarket.simulation.contracts import deploy_currency, deploy_exchange, open_board

_DAY = 86_400
_PERIOD = 60
_LONGEST_PERIOD = 3600
_LONGEST_SLOT = 366 * _DAY
_address = Address()


@click.command(
    "found",
    epilog="""\b
Examples, OPERATOR the address that `fabmarket init operator` printed, KEY the founder's keystore:
  fabmarket found http://127.0.0.1:8545 --chain-id 31337 --keystore KEY --operator OPERATOR
""",
)
@click.argument("engine", metavar="URLS")
@click.option("--chain-id", type=Whole(1), required=True, help="The chain that it must be.")
@click.option(
    "--keystore",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="The keystore of the founder, who may deploy there.",
)
@passphrase_option
@click.option(
    "--operator",
    "operators",
    type=_address,
    multiple=True,
    required=True,
    help="An operator's account; again for each.",
)
@click.option(
    "--threshold",
    type=Whole(1, MOST_OPERATORS),
    help="How many of them must sign.  [default: more than half]",
)
@click.option(
    "--token",
    type=_address,
    help="The currency.  [default: one for tests, which anybody may mint]",
)
@click.option(
    "--slot-length",
    type=Whole(1, _LONGEST_SLOT),
    default=_DAY,
    show_default=True,
    help="Seconds of a slot; the market's windows go by it.",
)
@click.option(
    "--period",
    type=Whole(4, _LONGEST_PERIOD),
    default=_PERIOD,
    show_default=True,
    help="Seconds from beat to beat; four blocks come in it at least.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(
    engine: str,
    *,
    chain_id: int,
    keystore: Path,
    passphrase_file: Path | None,
    operators: tuple[str, ...],
    threshold: int | None,
    token: str | None,
    slot_length: int,
    period: int,
    as_json: bool,
) -> None:
    """Found a market at nodes of a chain: contracts, operators, rhythm.

    It prints what goes into everybody's settings. The founder, who pays the gas, has no right in
    the market: attesting, ruling and pausing is for the operators.
    """
    if len(set(operators)) != len(operators) or len(operators) > MOST_OPERATORS:
        raise InputError(f"--operator: give 1 to {MOST_OPERATORS} accounts, each once")
    needed = majority_of(len(operators)) if threshold is None else threshold
    if not majority_of(len(operators)) <= needed <= len(operators):
        least = majority_of(len(operators))
        raise InputError(f"--threshold {needed}: give {least} to {len(operators)}, a majority")
    key = unlock(keystore, passphrase(passphrase_file))
    with open_node(engine.split(","), chain_id, key) as node, progress() as bar:
        task = bar.add_task("Contracts", total=3)
        sender = Sender(node)
        if token is None:
            symbol, decimals = DEFAULT_CURRENCY.symbol, DEFAULT_CURRENCY.decimals
            currency = deploy_currency(sender, key, symbol, decimals)
        else:
            currency = _existing(node, token)
        bar.update(task, completed=1)
        exchange = deploy_exchange(sender, key, operators, needed, currency, slot_length)
        bar.update(task, completed=2)
        board = open_board(node, sender, key, exchange, Rhythm(node.now(), period))
        bar.update(task, completed=3)
    market = {
        "exchange": exchange,
        "token": currency,
        "board": board.address,
        "founder": key.address,
    }
    if as_json:
        facts = {"chain_id": chain_id, **market, "threshold": needed, "operators": operators}
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
        return
    click.echo(f"A market of {len(operators)} operators, {needed} of whom must sign.")
    click.echo("In everybody's agent.toml:\n\n[market]")
    for name, address in market.items():
        click.echo(f'{name} = "{address}"')


def _existing(node: Engine, token: str) -> str:
    """Return a currency's address. Raises InputError where no contract stands there."""
    if not node.code(token):
        raise InputError(f"--token {token}: no contract stands there; give a currency of the chain")
    return token
