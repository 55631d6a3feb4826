"""From the chain to its events, block by block.

The follower asks for the logs of a range of blocks and for the headers of its ends, and holds the
range against the block it knows before it. `poll` gives blocks out once nothing can take them back,
`finality` blocks below the head; `follow` stores all up to the head, and takes back what was
reorganised above that. A reorganisation below it stops everything.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol

from typing_extensions import TypeVar

from fabmarket.chain import FIRST_BLOCK, ChainError, Engine, Header, Log
from fabmarket.ledger.database import LedgerError
from fabmarket.ledger.store import Block, E, Entry, EventLog

PAGE = 2_000
"""Blocks asked for at a time at most; fewer where they hold many logs, or a node refuses."""
_FIRST_PAGE = 10
_LOGS = 8_000
"""Logs that one answer should hold."""

E_co = TypeVar("E_co", covariant=True)

Progress = Callable[[int, int], None]
"""Called with the last block that is stored, and the head."""


class Emitter(Protocol[E_co]):
    """A contract whose logs say something to us."""

    @property
    def address(self) -> str:
        """Where it is."""

    def event(self, log: Log) -> E_co | None:
        """Return what a log of it says, None for what we do not know."""


@dataclass(frozen=True)
class _Page:
    """What a node said of a range of blocks: their logs, and the headers that are needed."""

    headers: dict[int, Header]
    logs: dict[int, dict[int, Log]]


class Follower(Generic[E]):
    """Reads a contract's blocks from a chain into a log. LedgerError if it is of another."""

    def __init__(
        self, engine: Engine, contract: Emitter[E], log: EventLog[E], finality: int = 0
    ) -> None:
        self._engine, self._contract, self._log = engine, contract, log
        self._finality = finality
        self._size = _FIRST_PAGE
        self.latest = -1
        """The last final block, as of the last look: those before it are past."""
        log.belong_to(engine.chain_id, contract.address)

    def poll(self) -> Iterator[Block[E]]:
        """Yield, and then store, the blocks with events that have become final, and the last one.

        A block is stored once whoever asked for it has come back for the next: after a crash it
        comes again. Blocks without events are passed over; the last final one comes always, as its
        time is the chain's. Nothing comes where the head did not move, or a node knows less than
        we. LedgerError if what was given out is no longer so, NodesDisagree where several nodes
        tell several chains.
        """
        self._engine.require_one_chain(self._finality)
        known = self._log.followed()
        head = self._engine.header()
        if known is not None:
            if head.number < known[0]:
                return
            if not self._is_there(known, head):
                raise self._too_deep(*known)
        self.latest = last = head.number - self._finality
        first = FIRST_BLOCK if known is None else known[0] + 1
        while first <= last:
            page = self._page(first, min(last, first + self._size - 1), last)
            if page is None:
                return  # reorganised while we read: the next poll reads what is there then
            if known is not None and page.headers[first].parent != known[1]:
                raise self._too_deep(*known)
            for block in self._blocks(page):
                yield block
                self._log.append(block)
                known = block.number, block.hash
                first = known[0] + 1

    def follow(self, progress: Progress | None = None, to: int | None = None) -> int:
        """Store all blocks up to the head, or `to` a block, and return the last one's number.

        Blocks that were stored and are no longer on the chain are taken back before. Where the
        chain changes while it is read, or a node knows less than we, nothing more is stored: the
        next call reads what is there then. LedgerError if blocks changed that were final,
        NodesDisagree where several nodes tell several chains.
        """
        self._engine.require_one_chain(self._finality)
        head = self._engine.header(to)
        known = self._ancestor(head)
        self.latest = final = head.number - self._finality
        with ThreadPoolExecutor(1, "prefetch") as reader:
            first = FIRST_BLOCK if known is None else known[0] + 1
            wanted = self._wanted(reader, first, head, final)
            while wanted is not None:
                page = wanted.result()
                if page is None:
                    break
                last = max(page.headers)
                wanted = self._wanted(reader, last + 1, head, final)
                if known is not None and page.headers[known[0] + 1].parent != known[1]:
                    break
                blocks = self._blocks(page)
                self._log.append(*blocks, final=final)
                known = last, blocks[-1].hash
                if progress is not None:
                    progress(last, head.number)
        return -1 if known is None else known[0]

    def _wanted(
        self, reader: ThreadPoolExecutor, first: int, head: Header, final: int
    ) -> Future[_Page | None] | None:
        """The next page, which is asked for while the one before it is stored."""
        if first > head.number:
            return None
        return reader.submit(self._page, first, min(head.number, first + self._size - 1), final)

    def _ancestor(self, head: Header) -> tuple[int, bytes] | None:
        """The last block that is stored and on the chain; those above it are taken back."""
        known = self._log.followed()
        if known is None or head.number < known[0] or self._is_there(known, head):
            return known
        for block in self._log.open_blocks():
            if self._is_there(block, head):
                self._log.roll_back(block[0])
                return block
        raise self._too_deep(*known)

    def _is_there(self, block: tuple[int, bytes], head: Header) -> bool:
        number, block_hash = block
        header = head if head.number == number else self._engine.header(number)
        return header.hash == block_hash

    def _too_deep(self, number: int, block_hash: bytes) -> LedgerError:
        self._engine.require_one_chain(self._finality, at_once=True)  # perhaps it is not so at all
        return LedgerError(
            f"block {number} 0x{block_hash.hex()} is no longer there: the chain was reorganised"
            f" deeper than {self._finality} blocks; index it again from the start"
        )

    def _page(self, first: int, last: int, final: int) -> _Page | None:
        """What a node says of a range; None if it changed meanwhile.

        Headers are those of the ends, of blocks with logs, and of those that may be taken back.
        """
        end = self._engine.header(last)
        logs = self._by_block(first, last)
        numbers = sorted({first, *logs, *range(max(first, final), last)} - {last})
        headers = {it.number: it for it in (*self._engine.headers(numbers), end)}
        if self._engine.header(last).hash != end.hash:
            return None
        for number, header in headers.items():
            before = headers.get(number - 1)
            if before is not None and header.parent != before.hash:
                return None
        for number, of_block in logs.items():
            if any(log.block_hash != headers[number].hash for log in of_block.values()):
                raise LedgerError(f"the logs of block {number} are another block's")
        return _Page(headers, logs)

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
        if len(found) > _LOGS:
            self._size = max(1, self._size // 2)
        elif last - first + 1 == self._size and 2 * len(found) < _LOGS:
            self._size = min(PAGE, 2 * self._size)
        return found

    def _blocks(self, page: _Page) -> list[Block[E]]:
        """The blocks of a page that are stored, in order."""
        last = max(page.headers)
        return [
            self._block(header, page.logs.get(number, {}))
            for number, header in sorted(page.headers.items())
            if number in page.logs or number == last or number >= self.latest
        ]

    def _block(self, header: Header, logs: dict[int, Log]) -> Block[E]:
        entries = []
        for _, log in sorted(logs.items()):
            event = self._contract.event(log)
            if event is not None:
                entries.append(Entry(log.index, log.transaction, event))
        return Block(header.number, header.hash, header.parent, header.time, tuple(entries))
