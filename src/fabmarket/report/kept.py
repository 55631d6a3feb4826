"""What a run of `fabmarket demo` says of itself beside its ledger."""

import json
from pathlib import Path
from typing import Any

from fabmarket.ledger.queries.market import MarketRow

FACTS = "report.json"
_FINEST = 255
"""Decimals that a token may say it has: 8 bits."""


def facts_beside(folder: Path, market: MarketRow | None) -> dict[str, Any]:
    """Return a run's facts, or nothing where they cannot be read or are of another market."""
    try:
        facts: Any = json.loads((folder / FACTS).read_text("utf-8"))
        place = facts["chain"]["id"], facts["chain"]["exchange"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    is_of_it = market is not None and place == (market.chain_id, market.exchange)
    return dict(facts) if is_of_it else {}


def currency_in(facts: dict[str, Any]) -> tuple[str, int] | None:
    """Return symbol and decimals of a run's money, None where its facts do not say them."""
    try:
        said = facts["scenario"]["currency"]
        symbol, decimals = str(said["symbol"]), said["decimals"]
    except (KeyError, TypeError):
        return None
    return (symbol, decimals) if type(decimals) is int and 0 <= decimals <= _FINEST else None
