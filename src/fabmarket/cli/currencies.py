"""What the amounts of a ledger are counted in, as far as what lies beside it says."""

from pathlib import Path

from sqlalchemy import Connection

from fabmarket.errors import FabmarketError
from fabmarket.identity.keys import checksummed
from fabmarket.ledger.queries.market import MarketRow, market
from fabmarket.node.owner import Owner
from fabmarket.node.settings import EVENTS, FILE
from fabmarket.report.kept import currency_in, facts_beside
from fabmarket.report.tables.rows import Currencies


def currencies_beside(ledger: str, connection: Connection) -> Currencies:
    """Symbol and decimals of tokens, by address: of a run's report, or as an agent asked its token.

    A report of another market says nothing.
    """
    if ledger.startswith("postgresql://"):
        return {}
    path = Path(ledger)
    if path.name == EVENTS and (path.parent / FILE).is_file():
        return _of_agent(path.parent)
    return _of_run(path.parent, market(connection))


def _of_agent(folder: Path) -> Currencies:
    try:
        owner = Owner(folder)
        said = owner.currency
    except FabmarketError:  # it has not begun, or what it wrote down cannot be read
        return {}
    return {} if said is None else {checksummed(owner.token): (said.symbol, said.decimals)}


def _of_run(folder: Path, found: MarketRow | None) -> Currencies:
    facts = facts_beside(folder, found)
    said = currency_in(facts)
    return {} if said is None else {str(facts["chain"].get("token")): said}
