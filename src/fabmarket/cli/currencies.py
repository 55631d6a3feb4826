"""What the amounts of a ledger are counted in, as far as what lies beside it says."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from fabmarket.errors import FabmarketError
from fabmarket.identity.keys import checksummed
from fabmarket.ledger.queries.market import MarketRow, market
from fabmarket.node.owner import Owner
from fabmarket.node.settings import EVENTS, FILE
from fabmarket.report.tables.rows import Currencies

_FACTS = "report.json"
_FINEST = 255
"""Decimals that a token may say it has: 8 bits."""


def currencies_beside(ledger: str, connection: Connection) -> Currencies:
    """Symbol and decimals of tokens, by address: of a run's report, or as an agent asked its token.

    A report of another market says nothing.
    """
    if ledger.startswith("postgresql://"):
        return {}
    path = Path(ledger)
    if path.name == EVENTS and (path.parent / FILE).is_file():
        return _of_agent(path.parent)
    found = market(connection)
    return {} if found is None else _of_run(path.parent, found)


def _of_agent(folder: Path) -> Currencies:
    try:
        owner = Owner(folder)
        said = owner.currency
    except FabmarketError:  # it has not begun, or what it wrote down cannot be read
        return {}
    return {} if said is None else {checksummed(owner.token): (said.symbol, said.decimals)}


def _of_run(folder: Path, found: MarketRow) -> Currencies:
    try:
        facts: Any = json.loads((folder / _FACTS).read_text("utf-8"))
        chain, said = facts["chain"], facts["scenario"]["currency"]
        symbol, decimals, token = str(said["symbol"]), said["decimals"], str(chain["token"])
        is_of_it = (chain["id"], chain["exchange"]) == (found.chain_id, found.exchange)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not is_of_it or type(decimals) is not int or not 0 <= decimals <= _FINEST:
        return {}
    return {token: (symbol, decimals)}
