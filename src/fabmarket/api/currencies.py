"""In what people count the amounts of a market's tokens."""

from sqlalchemy import Engine as Database

from fabmarket.api.served import Currency
from fabmarket.chain import Engine, TokenContract
from fabmarket.ledger.queries.market import MarketRow, market
from fabmarket.ledger.queries.snapshot import snapshot

BASE_UNITS = Currency("base units", 0)
"""Where nobody says otherwise."""


def ask_tokens(engine: Engine, ledger: Database, known: dict[str, Currency]) -> None:
    """Ask those tokens of the market that are not known yet what they are counted in.

    Raises:
        ChainError: the node does not answer.
    """
    found = market_of(ledger)
    for token in () if found is None else found.tokens:
        if token not in known:
            said = TokenContract(engine, token).currency()
            known[token] = Currency(*said) if said else BASE_UNITS


def market_of(ledger: Database) -> MarketRow | None:
    """Return the market, None as long as none is read."""
    with snapshot(ledger) as connection:
        return market(connection)
