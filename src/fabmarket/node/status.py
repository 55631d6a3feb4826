"""What an agent's journal says of it, for its owner; nothing is written, and no key is needed."""

import fcntl
import os
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fabmarket.ledger import EventStore
from fabmarket.market.events import Announced
from fabmarket.market.trade import market_domain
from fabmarket.market.units import name_from_bytes32
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.node.board import Board
from fabmarket.node.journal import Journal
from fabmarket.node.participant import folded
from fabmarket.node.roles import STEPS, want_names
from fabmarket.node.settings import BOARD, JOURNAL, LOCK, Settings


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
class PeerStatus:
    """Whose card is on the board, what it sells ("" for nothing), and where its door is."""

    address: str
    sells: str
    url: str


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
    peers: tuple[PeerStatus, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self)


def status_of(folder: Path, settings: Settings) -> Status:
    """Return what an agent's journal says, and what it has read of the board."""
    if not (folder / JOURNAL).exists():
        return Status()
    with closing(Journal.reading(folder / JOURNAL)) as journal:
        return replace(_told(journal, settings), peers=_peers(folder / BOARD, settings))


def _peers(path: Path, settings: Settings) -> tuple[PeerStatus, ...]:
    market = settings.market
    board = Board(market_domain(settings.chain.chain_id, market.exchange), market.founder)
    if path.exists():
        with closing(EventStore[Announced].reading(path)) as store:
            for announced in store.events():
                board.take(announced)
    return tuple(
        PeerStatus(card.author, name_from_bytes32(card.resource), card.url)
        for _, card in sorted(board.cards.items())
    )


def _told(journal: Journal, settings: Settings) -> Status:
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
