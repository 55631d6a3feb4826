"""From the chain to its events, block by block.

The follower asks for the logs of a range of blocks and for the headers of its ends, holds the range
against the block it knows before it, and gives blocks out once nothing can take them back:
`finality` blocks below the head. A reorganisation above that is followed, one below it stops
everything, as what was given out cannot be taken back.
"""

from collections.abc import Iterator
from typing import Generic, Protocol

from typing_extensions import TypeVar

from fabmarket.chain import ChainError, Engine, Header, Log
from fabmarket.ledger.store import Block, E, Entry, EventStore, LedgerError

PAGE = 2_000
"""Blocks asked for at a time; fewer where a node refuses as many."""


E_co = TypeVar("E_co", covariant=True)


class Emitter(Protocol[E_co]):
    """A contract whose logs say something to us."""

    @property
    def address(self) -> str:
        """Where it is."""

    def event(self, log: Log) -> E_co | None:
        """Return what a log of it says, None for what we do not know."""


class Follower(Generic[E]):
    """Reads a contract's blocks from a chain into a store, and gives out those that are final."""

    def __init__(
        self, engine: Engine, contract: Emitter[E], store: EventStore[E], finality: int = 0
    ) -> None:
        self._engine, self._contract, self._store = engine, contract, store
        self._finality = finality
        self._size = PAGE
        self.latest = -1
        """The last final block, as of the last poll: those before it are past."""

    def poll(self) -> Iterator[Block[E]]:
        """Yield, and then store, the blocks with events that have become final, and the last one.

        A block is stored once whoever asked for it has come back for the next: after a crash it
        comes again. Blocks without events are passed over; the last final one comes always, as its
        time is the chain's. Nothing comes where the head did not move, or a node knows less than
        we. LedgerError if what was given out is no longer so.
        """
        known = self._store.followed()
        head = self._engine.header()
        if known is not None:
            if head.number < known[0]:
                return
            self._require_same(*known, head)
        self.latest = last = head.number - self._finality
        first = 0 if known is None else known[0] + 1
        while first <= last:
            blocks = self._page(first, min(last, first + self._size - 1), known)
            for block in blocks:
                yield block
                self._store.append(block)
            if not blocks:
                return  # reorganised while we read: the next poll reads what is there then
            known = blocks[-1].number, blocks[-1].hash
            first = known[0] + 1

    def _require_same(self, number: int, block_hash: bytes, head: Header) -> None:
        header = head if head.number == number else self._engine.header(number)
        if header.hash != block_hash:
            raise LedgerError(
                f"block {number} was 0x{block_hash.hex()} and is now 0x{header.hash.hex()}: the"
                f" chain was reorganised deeper than {self._finality} blocks; index it again from"
                " the start"
            )

    def _page(self, first: int, last: int, known: tuple[int, bytes] | None) -> list[Block[E]]:
        """The blocks of a range that have events, and the last; none if it changed meanwhile."""
        end = self._engine.header(last)
        logs = self._by_block(first, last)
        headers = {last: end}
        for number in {first, *logs} - {last}:
            headers[number] = self._engine.header(number)
        if self._engine.header(last).hash != end.hash:
            return []
        if known is not None and headers[first].parent != known[1]:
            raise LedgerError(
                f"block {first} does not follow on block {known[0]} 0x{known[1].hex()}: the chain"
                f" was reorganised deeper than {self._finality} blocks; index it again from the"
                " start"
            )
        blocks = []
        for number in sorted({*logs, last}):
            of_block = logs.get(number, {})
            if any(log.block_hash != headers[number].hash for log in of_block.values()):
                raise LedgerError(f"the logs of block {number} are another block's")
            blocks.append(self._block(headers[number], of_block))
        return blocks

    def _by_block(self, first: int, last: int) -> dict[int, dict[int, Log]]:
        """The contract's logs by block and index; one that comes twice is one."""
        found: dict[int, dict[int, Log]] = {}
        for log in self._logs(first, last):
            if not first <= log.block <= last:
                raise LedgerError(f"a log of block {log.block} among those of {first} to {last}")
            twice = found.setdefault(log.block, {}).setdefault(log.index, log)
            if twice != log:
                raise LedgerError(f"block {log.block} has two logs {log.index}")
        return found

    def _logs(self, first: int, last: int) -> list[Log]:
        """Of the contract; asked for by halves where the node refuses so many blocks at once."""
        try:
            found = self._engine.logs(first, last, self._contract.address)
        except ChainError:
            if first == last:
                raise
            middle = (first + last) // 2
            self._size = middle - first + 1
            return [*self._logs(first, middle), *self._logs(middle + 1, last)]
        if last - first + 1 == self._size:
            self._size = min(PAGE, 2 * self._size)
        return found

    def _block(self, header: Header, logs: dict[int, Log]) -> Block[E]:
        entries = []
        for _, log in sorted(logs.items()):
            event = self._contract.event(log)
            if event is not None:
                entries.append(Entry(log.index, log.transaction, event))
        return Block(header.number, header.hash, header.parent, header.time, tuple(entries))
