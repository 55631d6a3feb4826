"""Where the chain recorded what settles the trades of a participant, as its journal keeps it."""

from dataclasses import dataclass

from fabmarket.identity import Bytes32, Uint64
from fabmarket.market.events import Settled


@dataclass(frozen=True)
class Settlement:
    """Where the chain recorded the settlement of a trade that this participant signed."""

    event: Settled
    block: Uint64
    block_hash: Bytes32
    log_index: Uint64
    transaction: Bytes32

    @property
    def note(self) -> str:
        """Under which name a journal keeps it."""
        return f"settled 0x{self.event.trade.hex()}"


@dataclass(frozen=True)
class NetSettlement:
    """Where the chain recorded the settlement of a net batch, by its digest."""

    batch: Bytes32
    block: Uint64
    block_hash: Bytes32
    log_index: Uint64
    transaction: Bytes32

    @property
    def note(self) -> str:
        """Under which name a journal keeps it."""
        return f"netted 0x{self.batch.hex()}"
