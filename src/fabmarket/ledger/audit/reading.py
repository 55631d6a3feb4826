"""The market's logs from a node, block by block, and what keeps them from being another chain's.

The audit reads by itself and not through the follower: it must not believe what it is to check.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from fabmarket.chain import ChainError, ExchangeContract, Header, Log, Sent
from fabmarket.ledger.audit.checks import Reorganised

_FIRST, _PAGE = 64, 2_000
"""Blocks asked for at a time, at first and at most: fewer where a node refuses as many, or they
have many logs."""
_LOGS = 2_000
"""Logs of a page that are aimed at: nodes are slower with more, and memory is not to grow."""


@dataclass(frozen=True)
class Call:
    """A transaction and the market's logs in it, in order."""

    sent: Sent
    logs: tuple[Log, ...]


@dataclass(frozen=True)
class Block:
    """A block and the calls in it that made the market log; none where it only ends a page."""

    header: Header
    calls: tuple[Call, ...]


class Reading:
    """Reads on from block `first`."""

    def __init__(self, exchange: ExchangeContract, first: int) -> None:
        self._exchange, self._engine = exchange, exchange.engine
        self._next, self._size = first, _FIRST
        self.known: Header | None = None
        """The last block that was read."""

    def until(self, last: int) -> Iterator[Block]:
        """Yield the blocks that have logs, and the last of each page.

        Raises Reorganised where the chain is not that of the blocks before, and ChainError for
        logs that no chain has, or where several nodes tell several chains.
        """
        self._engine.require_one_chain(0)
        while self._next <= last:
            end = min(self._next + self._size - 1, last)
            try:
                blocks = self._page(self._next, end)
            except ChainError:
                if end == self._next:
                    raise
                self._size = (end - self._next + 1) // 2
                continue
            yield from blocks
            self.known, self._next = blocks[-1].header, end + 1
            read = sum(len(call.logs) for each in blocks for call in each.calls)
            self._size = max(1, min(_PAGE, 2 * self._size, self._size * _LOGS // max(1, read)))

    def require_same(self) -> None:
        """Raise Reorganised if the last block that was read is none of the chain any more.

        NodesDisagree where several nodes tell several chains.
        """
        self._engine.require_one_chain(0, at_once=True)
        known = self.known
        if known is not None and self._engine.header(known.number).hash != known.hash:
            raise _reorganised(known.number)

    def _page(self, first: int, last: int) -> list[Block]:
        before = self._engine.header(last)
        found: dict[int, list[Log]] = {}
        for log in self._engine.logs(first, last, self._exchange.address):
            if not first <= log.block <= last or log.address != self._exchange.address:
                raise ChainError(
                    f"asked for logs of {self._exchange.address} in blocks {first} to {last}, the"
                    f" node gives one of {log.address} in block {log.block}; use another node"
                )
            found.setdefault(log.block, []).append(log)
        numbers = sorted({first, *found, last})
        headers = dict(zip(numbers, self._engine.headers(numbers), strict=True))
        parent = headers[first].parent
        if headers[last] != before or (self.known and parent != self.known.hash):
            raise _reorganised(first)
        for number, logs in found.items():
            _require_of_block(headers[number], logs)
        calls = self._calls(headers, found)
        return [Block(headers[each], tuple(calls.get(each, ()))) for each in sorted({*found, last})]

    def _calls(
        self, headers: dict[int, Header], found: dict[int, list[Log]]
    ) -> dict[int, list[Call]]:
        """The transactions of the logs, by block."""
        parts = [
            (number, name, tuple(logs))
            for number in sorted(found)
            for name, logs in groupby(found[number], key=lambda log: log.transaction)
        ]
        transactions = self._engine.sent([name for _, name, _ in parts])
        calls: dict[int, list[Call]] = {}
        for (number, _, logs), sent in zip(parts, transactions, strict=True):
            if sent.block_hash != headers[number].hash:
                raise _reorganised(number)
            calls.setdefault(number, []).append(Call(sent, logs))
        return calls


def _require_of_block(header: Header, logs: list[Log]) -> None:
    if any(log.block_hash != header.hash for log in logs):
        raise _reorganised(header.number)
    indices = [log.index for log in logs]
    if len(set(indices)) != len(indices):
        twice = next(each for each in indices if indices.count(each) > 1)
        raise ChainError(
            f"the node gives log {twice} of block {header.number} twice; use another node"
        )


def _reorganised(number: int) -> Reorganised:
    return Reorganised(
        f"the chain was reorganised at or after block {number} while it was audited; start again"
    )
