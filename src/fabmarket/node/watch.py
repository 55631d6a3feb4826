"""The thread between a participant and the chain: what is new there, and what is to be sent.

It has stores and a journal connection of its own (SQLite's write-ahead log lets the main thread
read and write beside it). A block is handed over and only stored once the participant has it, so
after a crash it comes again.
"""

import random
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from typing_extensions import override

from fabmarket.chain import (
    FIRST_BLOCK,
    BoardContract,
    ChainError,
    Engine,
    ExchangeContract,
    NodeLost,
    NodesDisagree,
    TokenContract,
)
from fabmarket.identity import Key
from fabmarket.ledger import EventLog, Follower, Ledger, LedgerBusy
from fabmarket.market.events import Announced, Event
from fabmarket.node.inbox import (
    Apart,
    CaughtUp,
    Concluded,
    Failed,
    Followed,
    Found,
    Full,
    Inbox,
    Item,
    Lost,
    Mined,
    Noticed,
    Still,
)
from fabmarket.node.journal import Journal, JournalFull
from fabmarket.node.outbox import Outbox
from fabmarket.node.settings import BOARD, EVENTS, JOURNAL, ChainTable, MarketTable
from fabmarket.node.standstill import Standstill
from fabmarket.scenario import Currency

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
_FULL = (JournalFull, LedgerBusy, sqlite3.OperationalError)


class _Stopped(Exception):
    """The agent ends."""


class Watch(threading.Thread):
    """Follows exchange and board, and pushes the outbox, until it is stopped."""

    def __init__(
        self, folder: Path, key: Key, engine: Engine, chain: ChainTable, market: MarketTable
    ) -> None:
        super().__init__(name="chain", daemon=True)
        self._folder, self._key, self._engine = folder, key, engine
        self._finality, self._poll = chain.finality, float(chain.poll)
        self._most_gas_price = chain.most_gas_price
        self._exchange = ExchangeContract(engine, market.exchange)
        self._board = BoardContract(engine, market.board)
        self._token = TokenContract(engine, market.token)
        self._inbox: Inbox | None = None
        self._has_caught_up = False
        self._wake = threading.Event()
        self._stopping = threading.Event()

    def begin(self, inbox: Inbox) -> None:
        """Start the thread; everything goes into the inbox."""
        self._inbox = inbox
        self.start()

    def look(self) -> None:
        """There is something to send, so do not wait."""
        self._wake.set()

    def stop(self) -> None:
        """Ask the thread to end; a node that is asked just now may take its time to answer."""
        self._stopping.set()
        self._wake.set()

    @override
    def run(self) -> None:
        try:
            with (
                closing(Ledger(self._folder / EVENTS)) as events,
                closing(EventLog[Announced](self._folder / BOARD)) as announcements,
                closing(Journal(self._folder / JOURNAL)) as journal,
            ):
                finality = self._finality
                exchange = Follower[Event](self._engine, self._exchange, events, finality)
                board = Follower[Announced](self._engine, self._board, announcements, finality)
                outbox = Outbox(
                    self._key,
                    journal,
                    self._engine,
                    self._exchange,
                    finality,
                    self._board,
                    lambda *ended: self._put(Concluded(*ended)),
                    self._most_gas_price,
                    self._put,
                )
                self._loop(exchange, board, outbox)
        except _Stopped:
            pass
        except BaseException as error:
            self._put(Failed(error))

    def _loop(self, exchange: Follower[Event], board: Follower[Announced], outbox: Outbox) -> None:
        failures, standstill = 0, Standstill()
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._look(exchange, board, outbox)
            except (NodeLost, ChainError, *_FULL) as error:
                failures += 1
                self._put(_what_is_wrong(error))
                pause = min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE) * random.uniform(0.5, 1.5)  # noqa: S311
                self._stopping.wait(pause)
                continue
            was_still, still = standstill.is_so, standstill.look(exchange.latest)
            if failures or (was_still and not standstill.is_so):
                failures = 0
                self._put(Found())
            if still is not None:
                self._put(Still(*still))
            self._wake.wait(self._poll)

    def _look(self, exchange: Follower[Event], board: Follower[Announced], outbox: Outbox) -> None:
        for announced in board.poll():
            self._give(partial(Noticed, announced))
        for block in exchange.poll():
            self._give(partial(Followed, block, block.number < exchange.latest))
        if not self._has_caught_up:
            self._has_caught_up = True
            self._put(CaughtUp())
        for outgoing, receipt in outbox.push():
            self._put(Mined(outgoing, receipt))

    def _give(self, made: Callable[[threading.Event], Item]) -> None:
        """Put something into the inbox and wait until it is taken."""
        taken = threading.Event()
        self._put(made(taken))
        while not taken.wait(0.1):
            if self._stopping.is_set():
                raise _Stopped

    def _put(self, item: Item) -> None:
        if self._inbox is not None:
            self._inbox.put(item)

    def currency(self) -> Currency | None:
        """Return what the token of the market calls itself, None where it does not say.

        For the time before the thread is begun.
        """
        said = self._token.currency()
        return None if said is None else Currency(*said)

    def caught_up(self) -> list[tuple[int, Announced]]:
        """Read the board up to its last final block; return all announcements and their blocks.

        For the time before the thread is begun, as is `time_of`.
        """
        with closing(EventLog[Announced](self._folder / BOARD)) as store:
            for _ in Follower[Announced](self._engine, self._board, store, self._finality).poll():
                pass
            return [(number, entry.event) for number, _, entry in store.entries()]

    def time_of(self, block: int | None = None) -> int:
        """Return a block's time, that of the newest that is final by default."""
        if block is None:
            block = max(FIRST_BLOCK, self._engine.header().number - self._finality)
        return self._engine.header(block).time


def _what_is_wrong(error: Exception) -> Item:
    """What the participant hears of an error that may pass."""
    if isinstance(error, NodesDisagree):
        return Apart(str(error))
    return Full(str(error)) if isinstance(error, _FULL) else Lost(str(error))
