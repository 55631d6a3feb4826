"""What an agent's journal says of it, for its owner; nothing is written, and no key is needed."""

import fcntl
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.node.journal import Journal
from fabmarket.node.participant import folded
from fabmarket.node.roles import STEPS, want_names
from fabmarket.node.settings import LOCK, Settings


@dataclass(frozen=True)
class WantStatus:
    """How far a want has come; `reason` is why its last attempt came to nothing."""

    name: str
    state: str
    reason: str


@dataclass(frozen=True)
class StockStatus:
    """Units of a slot that are for sale on the chain, and how many of them are promised."""

    slot: int
    available: int
    promised: int


@dataclass(frozen=True)
class Status:
    """What is in the journal: `letters` and `moves` are on their way, `block` is the last seen."""

    block: int = -1
    letters: int = 0
    moves: int = 0
    sessions: int = 0
    trades: int = 0
    wants: tuple[WantStatus, ...] = ()
    stock: tuple[StockStatus, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self)


def status_of(journal: Journal, settings: Settings) -> Status:
    """Return what a journal says of its agent."""
    kind, step = STEPS[settings.role]
    state = folded(journal, step, kind)
    block, owner = journal.about("block"), journal.about("owner")
    names = want_names(settings, owner.decode()) if owner else {}
    return Status(
        block=-1 if block is None else int(block),
        letters=len(journal.letters()),
        moves=len(journal.moves()),
        sessions=len(journal.sessions()),
        trades=len(journal.trades()),
        wants=_wants(state, names) if isinstance(state, DemanderState) else (),
        stock=_stock(state) if isinstance(state, SupplierState) else (),
    )


def _wants(state: DemanderState, names: dict[bytes, str]) -> tuple[WantStatus, ...]:
    return tuple(
        WantStatus(
            names.get(want.id, f"0x{want.id.hex()}"),
            want.state,
            want.attempts[-1].reason if want.attempts else "",
        )
        for want in state.in_order()
    )


def _stock(state: SupplierState) -> tuple[StockStatus, ...]:
    shelves = sorted(state.shelves.values(), key=lambda shelf: shelf.slot)
    return tuple(StockStatus(each.slot, each.available, each.promised) for each in shelves)


def is_running(folder: Path) -> bool:
    """Return whether an agent runs from a directory: whether it holds the lock."""
    try:
        file = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
