"""From the chain to its events, block by block.

The follower asks for the logs of a range of blocks and for the headers of its ends, holds every
block against the parent it knows, and gives blocks out once nothing can take them back: `finality`
blocks below the head. A reorganisation above that is followed, one below it stops everything, as
what was given out cannot be taken back.
"""

from collections.abc import Iterator, Sequence

from fabmarket.chain import ChainError, Engine, ExchangeContract, Header, Log
from fabmarket.ledger.store import Block, Entry, EventStore, LedgerError

PAGE = 2_000
"""Blocks asked for at a time; halved where a node refuses as many."""


class Follower:
    """Reads an exchange's blocks from a chain into a store, and gives out those that are final."""

    def __init__(
        self, engine: Engine, exchange: ExchangeContract, store: EventStore, finality: int = 0
    ) -> None:
        self._engine, self._exchange, self._store = engine, exchange, store
        self._finality = finality

    def poll(self) -> Iterator[Block]:
        """Yield, and store, the blocks with events that have become final, then the last one.

        Blocks without events are passed over; the last final one comes always, as its time is the
        chain's. Nothing comes where the head did not move, or a node knows less than we.
        """
        known = self._store.followed()
        head = self._engine.header()
        last = head.number - self._finality
        first = 0 if known is None else known[0] + 1
        if last < first:
            return
        if known is not None:
            self._require_same(*known)
        while first <= last:
            end = min(last, first + PAGE - 1)
            yield from self._page(first, end)
            first = end + 1

    def _require_same(self, number: int, block_hash: bytes) -> None:
        found = self._engine.header(number).hash
        if found != block_hash:
            raise LedgerError(
                f"block {number} was 0x{block_hash.hex()} and is now 0x{found.hex()}: the chain was"
                f" reorganised deeper than {self._finality} blocks; index it again from the start"
            )

    def _page(self, first: int, last: int) -> Iterator[Block]:
        end = self._engine.header(last)
        found: dict[int, dict[int, Log]] = {}
        for log in self._logs(first, last):
            if not first <= log.block <= last:
                raise LedgerError(f"a log of block {log.block} among those of {first} to {last}")
            twice = found.setdefault(log.block, {}).setdefault(log.index, log)
            if twice != log:
                raise LedgerError(f"block {log.block} has two logs {log.index}")
        for number in sorted({*found, last}):
            header = end if number == last else self._engine.header(number)
            logs = found.get(number, {})
            if any(log.block_hash != header.hash for log in logs.values()):
                raise LedgerError(f"the logs of block {number} are another block's")
            yield self._stored(header, [logs[index] for index in sorted(logs)])

    def _logs(self, first: int, last: int) -> list[Log]:
        """Of the exchange; asked for by halves where the node refuses so many blocks at once."""
        try:
            return self._engine.logs(first, last, self._exchange.address)
        except ChainError:
            if first == last:
                raise
            middle = (first + last) // 2
            return [*self._logs(first, middle), *self._logs(middle + 1, last)]

    def _stored(self, header: Header, logs: Sequence[Log]) -> Block:
        entries = []
        for log in logs:
            event = self._exchange.event(log)
            if event is not None:
                entries.append(Entry(log.index, log.transaction, event))
        block = Block(header.number, header.hash, header.parent, header.time, tuple(entries))
        self._store.append(block)
        return block
