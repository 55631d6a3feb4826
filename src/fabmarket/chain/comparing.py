"""Whether several nodes tell one chain, found out beside the work.

Now and then each node is asked for its head, and for the hash of two blocks that nothing may take
back any more: the highest that two have, and the highest that all have. One that is behind, or
silent, disagrees with nobody. Where hashes differ, and do so still when they are asked for again,
nothing is to be done on the chain: who lies cannot be told from here. That ends when all who
disagreed give one hash for the block in question; that one of them is gone settles nothing.

The asking has a thread of its own: a silent node delays nobody.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from fabmarket.chain.engine import FIRST_BLOCK, NodesDisagree

EVERY = 15.0
"""Seconds between two comparisons."""
_AGAIN = 1.0
"""Seconds after which those that differ are asked again: one may just be changing its mind."""
_WAIT = 5.0
"""Seconds that are waited for a comparison on which something hangs."""


class Node(Protocol):
    """A node as it is compared; what it is asked raises OSError or ValueError where it fails."""

    shown: str

    def ask_chain_id(self) -> int:
        """Return the id of its chain."""

    def ask_head(self) -> int:
        """Return the number of its latest block."""

    def ask_hash(self, number: int) -> bytes | None:
        """Return a block's hash; None where it has not the block, or no more."""


class Comparison:
    """Compares nodes, which nobody else asks, and remembers who disagreed."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._thread: threading.Thread | None = None
        self._due = 0.0
        self._has_compared = False
        self._apart: tuple[int, dict[Node, bytes]] | None = None

    def soon(self) -> None:
        """Have the next comparison begin when it is asked for next."""
        self._due = 0.0

    def require(self, chain_id: int | None, finality: int, *, at_once: bool) -> None:
        """Raise NodesDisagree if nodes disagreed when they were last compared.

        `finality`: how many blocks below their heads nothing is taken back. `at_once` waits a few
        seconds for a comparison that begins now, as is done for the first of all.
        """
        if len(self._nodes) < 2:
            return
        if at_once and self._thread is not None:
            self._thread.join(_WAIT)
        is_running = self._thread is not None and self._thread.is_alive()
        if not is_running and (at_once or time.monotonic() >= self._due):
            self._due = time.monotonic() + EVERY
            asked = chain_id, finality
            self._thread = threading.Thread(target=self._compare, args=asked, daemon=True)
            self._thread.start()
            if at_once or not self._has_compared:
                self._thread.join(_WAIT)
        if self._apart is not None:
            number, told = self._apart
            raise NodesDisagree(number, [(each.shown, found) for each, found in told.items()])

    def _compare(self, chain_id: int | None, finality: int) -> None:
        final = {each: head - finality for each, head in self._heads(chain_id).items()}
        apart = self._apart
        numbers = _numbers(final.values()) | ({apart[0]} if apart else set())
        for number in sorted(numbers):
            able = [each for each, last in final.items() if last >= number]
            told = self._told(able, number)
            if len(set(told.values())) > 1:
                time.sleep(_AGAIN)
                told = self._told(able, number)
            if len(set(told.values())) > 1:
                self._apart = number, told
                break
            if apart and number == apart[0] and told.keys() >= apart[1].keys():
                self._apart = None
        self._has_compared = True

    def _heads(self, chain_id: int | None) -> dict[Node, int]:
        """The heads of those that answer, and are of the chain."""
        heads = {}
        for each in self._nodes:
            try:
                if each.ask_chain_id() == chain_id:
                    heads[each] = each.ask_head()
            except (OSError, ValueError):
                continue
        return heads

    def _told(self, nodes: Sequence[Node], number: int) -> dict[Node, bytes]:
        """A block's hash at each node that says one."""
        told = {}
        for each in nodes:
            try:
                found = each.ask_hash(number)
            except (OSError, ValueError):
                continue
            if found is not None:
                told[each] = found
        return told


def _numbers(final: Iterable[int]) -> set[int]:
    """The last block that two have for good, and the last that all have."""
    found = sorted(final)
    return {each for each in (*found[-2:-1], *found[:1]) if each >= FIRST_BLOCK}
