"""The markets that were set up on a network: what must not lose their chain while agents run."""

import json
import shlex
from pathlib import Path

from fabmarket.chain.endpoints import urls_of
from fabmarket.errors import Refused
from fabmarket.local import files
from fabmarket.local.files import NoMarket, write_whole
from fabmarket.local.network.files import Facts, NoNetwork, Place, worked_on
from fabmarket.node.status import is_running


class StillUsed(Refused):
    """Agents run on a network that is to be removed."""


def is_on(market: files.Facts, network: Facts) -> bool:
    """Whether a market has its chain at nodes of a network."""
    urls = urls_of(market.places.url)
    return market.node_port is None and not set(urls).isdisjoint(urls_of(network.engine))


def remember(network: Path, market: Path) -> None:
    """Write down in a network's directory that a market's directory is one on it.

    Raises NoNetwork, AtWork.
    """
    with worked_on(network) as (place, _):
        write_whole(place.markets, sorted({*_remembered(place), str(market)}))


def require_unused(place: Place, facts: Facts) -> None:
    """Raise StillUsed where agents of a market on the network run; others do not matter."""
    for each in _remembered(place):
        root = Path(each)
        try:
            market = files.facts_of(files.Place(root))
        except NoMarket:  # it has gone, and something else may be there
            continue
        if market is None or not is_on(market, facts):
            continue
        running = [member.name for member in market.members if is_running(root / member.name)]
        if running:
            raise StillUsed(
                f"{place.root}: the market in {root} is on this network, and {', '.join(running)}"
                f" run; end them with fabmarket down {shlex.quote(each)}, then start again"
            )


def _remembered(place: Place) -> list[str]:
    """The directories of markets, as they were written down."""
    try:
        said = json.loads(place.markets.read_bytes())
        if isinstance(said, list) and all(isinstance(each, str) for each in said):
            return said
    except FileNotFoundError:
        return []
    except (OSError, ValueError):
        pass
    raise NoNetwork(f"{place.markets}: is no list of directories; mend it, or remove the file")
