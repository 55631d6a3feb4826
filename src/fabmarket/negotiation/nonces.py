"""The nonces of one's own account in a token, as the chain's events leave them.

A buyer signs under the lowest that are free and a seller under the highest, so that an account that
does both seldom meets itself. Where it does, a purchase uses up the nonce of a sale, which then
does not settle; nothing else comes of it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import heapify, heapreplace

from fabmarket.market.events import EpochRaised, Event, NetSettled, NoncesCancelled, Settled
from fabmarket.market.net import unpack_rows
from fabmarket.market.trade import NONCES, nonce_of


@dataclass(frozen=True)
class Nonces:
    """The current epoch, and a bit in `used` for each nonce of it that is settled or cancelled."""

    epoch: int = 0
    used: int = 0

    def after(self, event: Event, account: str, token: str) -> "Nonces":
        """Return what an event leaves of the account's nonces, in the order of the chain."""
        match event:
            case Settled() if (event.demander, event.token) == (account, token):
                return self._using(event.nonce >> 8, 1 << (event.nonce & 0xFF))
            case NoncesCancelled() if (event.account, event.token) == (account, token):
                return self._using(event.epoch, event.mask)
            case EpochRaised() if (event.account, event.token) == (account, token):
                return Nonces(event.epoch)
            case NetSettled() if event.token == token:
                rows = (row for row in unpack_rows(event.rows) if row.account == account)
                return next((self._using(row.epoch, row.mask) for row in rows), self)
            case _:
                return self

    def _using(self, epoch: int, mask: int) -> "Nonces":
        if epoch != self.epoch:  # all were used, and this is the first of the next epoch
            return Nonces(epoch, mask)
        return replace(self, used=self.used | mask)

    def free(self) -> list[int]:
        """Return the unused nonces of the current epoch, the lowest first."""
        return [nonce_of(self.epoch, bit) for bit in range(NONCES) if not self.used >> bit & 1]

    def is_free(self, nonce: int) -> bool:
        """Return whether a nonce is of the current epoch and unused."""
        epoch, bit = nonce >> 8, nonce & 0xFF
        return epoch == self.epoch and bit < NONCES and not self.used >> bit & 1

    def least_taken(self, taken: Iterable[int], apart: int = 0) -> Iterator[int]:
        """Yield free nonces without end: each time the one least often taken, the highest of those.

        So that every trade has one of its own, until there are more trades than free nonces. None
        at all if none is free; of the lowest, so many as are to be kept `apart`.
        """
        times = Counter(taken)
        heap = [(times[nonce], -nonce) for nonce in self.free()[apart:]]
        heapify(heap)
        while heap:
            count, negated = heap[0]
            yield -negated
            heapreplace(heap, (count + 1, negated))
