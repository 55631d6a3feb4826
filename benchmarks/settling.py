"""Chains that are given signed transactions, as many at once as they take.

On the embedded chain and on anvil a block is made when it is asked for, and full by the limits of
its transactions. A network makes blocks by itself: a line goes to one of its nodes, all nodes are
sent to at once, and the first tells what became of it.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Protocol

from loads import Lines, Signed

from fabmarket.chain import Engine, Log, Settings, open_engine
from fabmarket.chain.endpoints import error_words
from fabmarket.chain.posting import Posting
from fabmarket.chain.raw import raw_logs
from fabmarket.identity.keys import checksummed

BLOCK_GAS = 30_000_000
_BODY, _TOGETHER = 500_000, 100
"""Bytes and requests of a JSON-RPC batch, at most."""
_PAUSE = 0.01
_DEADLINE = 120.0


@dataclass(frozen=True)
class Took:
    """What it took to settle: seconds from the first sending until all stood in blocks.

    `until_receipts`: until their receipts were there as well. `blocks` are transactions and gas
    used of each block, from the first with some of them; `logs` those of all.
    """

    seconds: float
    until_receipts: float
    blocks: tuple[tuple[int, int], ...]
    logs: tuple[Log, ...]
    contract: str | None


class Failed(Exception):
    """A transaction reverted, got lost or was refused, or a trade was skipped."""


class Chain(Protocol):
    """What settles lines."""

    engine: Engine

    def settle(self, lines: Lines) -> Took:
        """Have all settled. Raises Failed unless each succeeds."""
        ...


def in_turn(lines: Lines) -> list[Signed]:
    """Return the transactions of all lines, one of each in turn."""
    return [each for rank in zip_longest(*lines) for each in rank if each is not None]


def filled(transactions: Iterable[Signed]) -> Iterator[list[Signed]]:
    """Divide transactions into blocks, full by their limits."""
    block: list[Signed] = []
    gas = 0
    for each in transactions:
        if gas + each.gas > BLOCK_GAS:
            yield block
            block, gas = [], 0
        block.append(each)
        gas += each.gas
    yield block


class Embedded:
    """The chain in this process."""

    def __init__(self) -> None:
        self.engine = open_engine("embedded", Settings())

    def settle(self, lines: Lines) -> Took:
        blocks = list(filled(in_turn(lines)))
        began = time.monotonic()
        made = [self.engine.mine([raw for raw, _ in block]) for block in blocks]
        seconds = time.monotonic() - began
        receipts = [receipt for block in made for receipt in block]
        _require([receipt.status for receipt in receipts])
        used = tuple((len(block), sum(each.gas_used for each in block)) for block in made)
        logs = tuple(log for receipt in receipts for log in receipt.logs)
        return Took(seconds, seconds, used, logs, receipts[-1].contract)


class Node:
    """One URL, asked for many things together."""

    def __init__(self, url: str) -> None:
        self._posting = Posting(url)

    def ask(self, method: str, *parameters: Any) -> Any:
        """Return the answer to a request. Raises Failed with what the node says instead."""
        request = {"jsonrpc": "2.0", "id": 0, "method": method, "params": parameters}
        return self.post(json.dumps([request]).encode())[0]

    def post(self, body: bytes) -> list[Any]:
        """Return the answers to a batch of requests. Raises Failed for the first refusal."""
        answers = json.loads(self._posting.answer(body, refusable=False))
        if isinstance(answers, dict):
            answers = [answers]
        for each in answers:
            if "error" in each:
                raise Failed(error_words(each["error"]) or str(each["error"])[:300])
        return [each["result"] for each in answers]


class Nodes:
    """Nodes over JSON-RPC. One that `is_asked` makes a block when it is asked to."""

    def __init__(self, engine: Engine, urls: list[str], *, is_asked: bool = False) -> None:
        self.engine, self.is_asked = engine, is_asked
        self.nodes = [Node(url) for url in urls]
        self.first = self.nodes[0]

    def settle(self, lines: Lines) -> Took:
        count, send = sum(map(len, lines)), self._sending(lines)
        first = self.head() + 1
        began = time.monotonic()
        send()
        last = self._last(first, count, began)
        seconds = time.monotonic() - began
        blocks = [self._receipts(number, began) for number in range(first, last + 1)]
        until_receipts = time.monotonic() - began
        receipts = [receipt for block in blocks for receipt in block]
        _require([int(each["status"], 16) for each in receipts])
        used = [(len(each), sum(int(one["gasUsed"], 16) for one in each)) for each in blocks]
        while not used[0][0]:
            del used[0]
        place = receipts[-1]["contractAddress"]
        made = None if place is None else checksummed(bytes.fromhex(place[2:]))
        logs = tuple(log for each in receipts for log in raw_logs(each["logs"]))
        return Took(seconds, until_receipts, tuple(used), logs, made)

    def head(self) -> int:
        """Return the number of the latest block."""
        return int(self.first.ask("eth_blockNumber"), 16)

    def reads(self, seconds: float) -> float:
        """Return how often a second the first node tells its newest block, asked by one."""
        began, count = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            self.first.ask("eth_getBlockByNumber", "latest", False)
            count += 1
        return count / (time.monotonic() - began)

    def pace(self, count: int) -> float:
        """Return the seconds of a block, over so many without a transaction."""
        head = self.head()
        self._wait_for(head + 1)
        began = time.monotonic()
        self._wait_for(head + 1 + count)
        return (time.monotonic() - began) / count

    def _wait_for(self, number: int) -> None:
        while self.head() < number:
            time.sleep(_PAUSE)

    def _sending(self, lines: Lines) -> Callable[[], None]:
        """Return what sends all; its requests are written before."""
        if self.is_asked:
            blocks = [_bodies(block) for block in filled(in_turn(lines))]

            def send_blocks() -> None:
                for bodies in blocks:
                    _post(self.first, bodies)
                    # Each full block would make gas dearer by an eighth.
                    self.first.ask("anvil_setNextBlockBaseFeePerGas", hex(10**9))
                    self.first.ask("evm_mine")

            return send_blocks
        count = len(self.nodes)
        shares = [_bodies(in_turn(lines[place::count])) for place in range(count)]
        return lambda: _at_once(self.nodes, shares)

    def _last(self, number: int, count: int, began: float) -> int:
        """Return the block by which so many transactions stand in those from `number` on."""
        while True:
            said = self.first.ask("eth_getBlockTransactionCountByNumber", hex(number))
            count -= int(said or "0x0", 16)
            if count <= 0:
                return number
            if said is None:
                self._pause(began, f"{count} transactions are in no block")
            else:
                number += 1

    def _receipts(self, number: int, began: float) -> list[dict[str, Any]]:
        while True:
            with suppress(Failed):  # some know the block before its receipts
                receipts = self.first.ask("eth_getBlockReceipts", hex(number))
                if receipts is not None:
                    return list(receipts)
            self._pause(began, f"block {number} has no receipts")

    @staticmethod
    def _pause(began: float, problem: str) -> None:
        if time.monotonic() - began > _DEADLINE:
            raise Failed(f"{problem} after {_DEADLINE:.0f} s")
        time.sleep(_PAUSE)


def _require(statuses: list[int]) -> None:
    if failed := statuses.count(0):
        raise Failed(f"{failed} of {len(statuses)} transactions reverted")


def _bodies(transactions: Iterable[Signed]) -> list[bytes]:
    """Return the requests by which transactions are sent, many together."""
    parts: list[list[str]] = [[]]
    size = 0
    for raw, _ in transactions:
        if len(parts[-1]) == _TOGETHER or size + 2 * len(raw) > _BODY:
            parts.append([])
            size = 0
        size += 2 * len(raw)
        asked = '{"jsonrpc":"2.0","id":%d,"method":"eth_sendRawTransaction","params":["0x%s"]}'
        parts[-1].append(asked % (len(parts[-1]), raw.hex()))
    return [f"[{','.join(part)}]".encode() for part in parts if part]


def _post(node: Node, bodies: Iterable[bytes]) -> None:
    for body in bodies:
        node.post(body)


def _at_once(nodes: list[Node], shares: list[list[bytes]]) -> None:
    """Send each node its share; raise what one of them raised."""
    troubles: list[Exception] = []

    def post(node: Node, bodies: list[bytes]) -> None:
        try:
            _post(node, bodies)
        except Exception as error:
            troubles.append(error)

    threads = [threading.Thread(target=post, args=each) for each in zip(nodes, shares, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise troubles[0]
