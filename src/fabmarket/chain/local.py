"""A development node that goes on without us: what it is started with, and how it is reached.

Its chain is in its memory, and in a file once it has ended by itself: a node that is killed loses
all that came after it was started.
"""

from pathlib import Path

from fabmarket.chain.engine import BLOCK_GAS
from fabmarket.chain.open import DEV_CHAIN_ID
from fabmarket.chain.rpc import RpcEngine, dev_funder

BLOCK_TIME = 1
"""Seconds between blocks."""
_STATES = 64
"""Blocks whose state it keeps beside the last: without a bound it grows by 90 kB a block."""


def node_command(binary: Path, port: int, state: Path, *, founded: bool) -> list[str]:
    """Return the command of a node on 127.0.0.1 that keeps its chain in the file `state`.

    Until the market is `founded` it makes a block of each transaction, as it comes.
    """
    return [
        str(binary),
        *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(DEV_CHAIN_ID)),
        *("--state", str(state), "--prune-history", str(_STATES)),
        *("--gas-limit", str(BLOCK_GAS), "--hardfork", "prague", "--quiet"),
        *(("--block-time", str(BLOCK_TIME)) if founded else ()),
    ]


class LocalNode(RpcEngine):
    """A running one. Raises EngineUnavailable while it does not answer."""

    def __init__(self, port: int) -> None:
        super().__init__("local", f"http://127.0.0.1:{port}", DEV_CHAIN_ID, dev_funder())

    def make_blocks(self) -> None:
        """From now on a block every BLOCK_TIME seconds, whether there are transactions or not."""
        self.ask("evm_setAutomine", [False])
        self.ask("evm_setIntervalMining", [BLOCK_TIME])
