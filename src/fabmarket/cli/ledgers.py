"""Where a ledger is that an option or an argument names."""

from dataclasses import dataclass
from pathlib import Path

from fabmarket.cli.inputs import InputError
from fabmarket.ledger import Ledger
from fabmarket.node.settings import EVENTS, FILE

LEDGER = "ledger.sqlite"


@dataclass(frozen=True)
class Found:
    """Where a ledger is, and what lies beside it."""

    place: Path | str
    agent: Path | None = None
    run: Path | None = None


def found_ledger(given: str) -> Found:
    """Return the ledger of a file, of a run's or an agent's directory, or of a database's URL."""
    if given.startswith("postgresql://"):
        return Found(given)
    path = Path(given)
    if (path / FILE).is_file():
        return Found(path / EVENTS, agent=path)
    if path.is_dir():
        return Found(path / LEDGER, run=path)
    return Found(path)


def read_ledger(place: Path | str, instead: str = "") -> Ledger:
    """Open a ledger to be read; `instead`: what else may be given where there is none."""
    if isinstance(place, Path) and not place.is_file():
        raise InputError(
            f"{place}: there is no ledger; give the directory of a run or an agent, a ledger file"
            f"{instead}"
        )
    return Ledger.reading(place)
