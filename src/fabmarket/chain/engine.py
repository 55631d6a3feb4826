"""What every engine can do: tell the time, mine signed transactions, answer calls.

ChainError
├── EngineUnavailable   the engine asked for is unknown, absent, unreachable or another chain
├── NodesDisagree       nodes of one chain give several hashes for a block that is final
└── CallReverted        a read-only call reverted; carries the revert data
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fabmarket.errors import Refused, TryAgain
from fabmarket.identity import Key


class ChainError(Refused):
    """Something about the chain or the node is not as it must be."""


class EngineUnavailable(ChainError):
    """The engine cannot be used; the message says why and what to do."""


class NobodyAnswers(EngineUnavailable):
    """No node answers at its place, which may be so for the moment."""


class BusyNow(NobodyAnswers, TryAgain):
    """Somebody is there who does not answer for now."""


class NodesDisagree(ChainError):
    """Nodes of one chain give several hashes for block `number`, which nothing may take back.

    `told`: each node, as its URL may be shown, and the hash that it gives.
    """

    def __init__(self, number: int, told: Sequence[tuple[str, bytes]]) -> None:
        said = ", ".join(f"0x{found.hex()} at {shown}" for shown, found in told)
        super().__init__(
            f"the nodes do not tell one chain: block {number} is {said}; find out which of them is"
            " wrong, and leave it out"
        )
        self.number, self.told = number, tuple(told)


class CallReverted(ChainError):
    """A read-only call reverted with `data`."""

    def __init__(self, data: bytes) -> None:
        super().__init__(f"call reverted with 0x{data.hex()}")
        self.data = data


@dataclass(frozen=True)
class Settings:
    """What a pinned chain starts from. `chain_id` None: the engine's usual one."""

    chain_id: int | None = None
    genesis_time: int = 1_767_225_600  # 2026-01-01 00:00:00 UTC


PINNED_CHAIN_ID = 131277322940537
"""The chain id that the embedded chain has; anvil is started with the same one."""
BLOCK_GAS = 30_029_122
"""The block gas limit of the pinned chains: that of the embedded chain's genesis."""
TRANSACTION_GAS = 1 << 24
"""The most one transaction may use (EIP-7825)."""
TIP = 10**9
"""Wei for a unit of gas that is offered to the maker of a block where gas has a price."""
FIRST_BLOCK = 1
"""The first block with transactions: the one before it is genesis, which some chains have not, and
whose nodes take its number for that of the latest.
"""


@dataclass(frozen=True)
class Header:
    """A block: its number and hash, that of its parent, and its time in seconds.

    `is_believed`: its chain hashes what is not known here, so that `headers` could not hold its
    fields against its hash.
    """

    number: int
    hash: bytes
    parent: bytes
    time: int
    is_believed: bool = field(default=False, compare=False)


class Log(NamedTuple):
    """One log entry: where it stands on the chain and what it says."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block: int
    block_hash: bytes
    index: int  # type: ignore[assignment]  # not a tuple's method of that name
    transaction: bytes


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction: `status` 1 succeeded, 0 reverted; gas in gas units."""

    transaction: bytes
    status: int
    block: int
    gas_used: int
    contract: str | None
    logs: tuple[Log, ...]


@dataclass(frozen=True)
class Sent:
    """A transaction that was mined, in which block: who sent it, to whom, and its call data.

    `to` is None where it made a contract. `is_believed`: it is of a kind that is not known here, so
    that neither its hash nor its sender could be checked.
    """

    hash: bytes
    block_hash: bytes
    sender: str
    to: str | None
    data: bytes
    is_believed: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Fees:
    """What a transaction offers for a unit of gas, wei: `most` at most, of which `tip` goes to the
    maker of the block, and is no more than that.
    """

    most: int
    tip: int


@dataclass(frozen=True)
class FailedCall:
    """A transaction to a contract that was mined and reverted: who sent it, and its call data."""

    transaction: bytes
    sender: str
    data: bytes


class Engine(ABC):
    """An EVM chain. Use as a context manager: leaving it stops what was started."""

    name: str
    chain_id: int
    client: str
    is_virtual: bool
    """Whether time passes by `pass_time` alone."""
    funder: Key
    """A key with native coin on this chain, to pay the participants' gas."""

    @abstractmethod
    def header(self, number: int | None = None) -> Header:
        """Return a block's header, of the latest block by default."""

    def headers(self, numbers: Sequence[int]) -> list[Header]:
        """Return the headers of blocks, in the same order.

        Raises ChainError for one whose hash is not that of its fields.
        """
        return [self.header(number) for number in numbers]

    @abstractmethod
    def logs(self, first: int, last: int, address: str) -> list[Log]:
        """Return a contract's logs in blocks `first` to `last`, both included, in order."""

    def require_one_chain(self, finality: int, *, at_once: bool = False) -> None:  # noqa: B027
        """Raise NodesDisagree if the engine is several nodes, and they tell several chains.

        `finality`: how many blocks below the head nothing is taken back. They are compared now and
        then; `at_once` says that something hangs on it now.
        """

    @abstractmethod
    def pass_time(self, until: int) -> None:
        """Return once the latest block's time is `until` or later; pinned engines jump there."""

    def now(self) -> int:
        """Return the time of the latest block, seconds."""
        return self.header().time

    def block_number(self) -> int:
        """Return the number of the latest block."""
        return self.header().number

    @abstractmethod
    def fees(self) -> Fees:
        """Return what is offered for a unit of gas at first: enough for a while.

        Nothing on a chain that asks for nothing, where no account needs coin.
        """

    @abstractmethod
    def nonce(self, address: str, block: int | None = None) -> int:
        """Return the nonce of the address's next transaction: how many it has sent, those that
        wait to be mined among them. With `block`: how many are mined up to that block.
        """

    @abstractmethod
    def native_balance(self, address: str) -> int:
        """Return the address's native coin, wei."""

    @abstractmethod
    def mine(self, raw_transactions: Sequence[bytes]) -> list[Receipt]:
        """Get signed transactions mined, in order, and return their receipts.

        Pinned engines put them into one block, so the sum of their gas limits must stay below
        BLOCK_GAS.
        """

    @abstractmethod
    def send(self, raw: bytes) -> bytes:
        """Give a signed transaction to the chain, without waiting, and return its hash.

        Given again while it waits or is mined it has no effect. Raises ChainError if refused.
        """

    @abstractmethod
    def receipt(self, transaction: bytes) -> Receipt | None:
        """Return the receipt of the transaction of this hash, None while it is not mined."""

    @abstractmethod
    def call(
        self, to: str, data: bytes, sender: str | None = None, block: int | None = None
    ) -> bytes:
        """Return what a read-only call answers. Raises CallReverted."""

    def calls(self, to: str, data: Sequence[bytes], block: int | None = None) -> list[bytes]:
        """Return what several read-only calls answer. Raises CallReverted, or ChainError."""
        return [self.call(to, each, block=block) for each in data]

    @abstractmethod
    def code(self, address: str, block: int | None = None) -> bytes:
        """Return the code at an address after `block`, by default the latest; none of a key's."""

    @abstractmethod
    def words(self, address: str, places: Sequence[int], block: int) -> list[bytes]:
        """Return words of a contract's storage after `block`, 32 bytes each."""

    @abstractmethod
    def sent(self, transactions: Sequence[bytes]) -> list[Sent]:
        """Return the transactions of these hashes, all mined.

        Raises ChainError for others, and for what is not of that hash, or not its sender's.
        """

    def require_logs(self, header: Header, address: str, logs: Sequence[Log]) -> None:  # noqa: B027
        """Raise ChainError unless a block's receipts have just these logs of a contract.

        Receipts must be those of the root in the header. Of receipts of an unknown kind nothing is
        known.
        """

    def close(self) -> None:  # noqa: B027 (most engines have nothing to stop)
        """Stop what was started."""

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
