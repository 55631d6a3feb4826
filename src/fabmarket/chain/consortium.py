"""The contract that says who runs a consortium chain, who may use it, and what gas costs."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError

from fabmarket.chain.abi import functions, plain, selectors, types
from fabmarket.chain.contracts import BadLog, BadMove, Contract
from fabmarket.chain.engine import FIRST_BLOCK, ChainError, Engine, Log
from fabmarket.identity import keccak
from fabmarket.identity.keys import checksummed

CONSORTIUM = checksummed(bytes.fromhex("fab1").rjust(20, b"\0"))
"""Where it stands on every consortium chain, from genesis on."""
AGREE_GAS = 1_000_000
"""More than the dearest word takes: the one that has a 64th seat admitted."""
MOST_PRICE = 10**12
"""Wei of a unit of gas: more than that the contract does not take for the least price."""
_LONGEST = 30 * 86_400
"""Seconds that a word holds at most."""
_PAGE = 10_000
"""Blocks whose logs are asked for at once: as many as the validators answer for."""
_NAME = "Consortium"
_AGREED = keccak(b"Agreed(address,bytes32,bytes,uint64)")


class Right(IntEnum):
    """What an account may do: deploy contracts, and send transactions at all."""

    DEPLOY = 0
    SEND = 1


@dataclass(frozen=True)
class Seat:
    """One vote: who owns it, and the ed25519 public key of its validator."""

    owner: str
    key: bytes


@dataclass(frozen=True)
class Access:
    """Who has a right: everybody, or else these accounts.

    Owners of seats, and accounts listed to deploy, always may send.
    """

    everybody: bool
    accounts: tuple[str, ...]


@dataclass(frozen=True)
class Gas:
    """The least price of gas, wei, and the most gas of a block."""

    min_price: int
    block_limit: int


@dataclass(frozen=True)
class Consortium:
    """All that the contract says; `version` grows with every change."""

    version: int
    seats: tuple[Seat, ...]
    deploy: Access
    send: Access
    gas: Gas


@dataclass(frozen=True)
class Word:
    """Who wants a call, until when, seconds of chain time."""

    owner: str
    until: int


@dataclass(frozen=True)
class Wanted:
    """A call that is not done yet: what it says, and who wants it.

    `function` is None for call data that the contract does not know.
    """

    call: bytes
    function: str | None
    values: tuple[Any, ...]
    words: tuple[Word, ...]


def quorum(seats: int) -> int:
    """Return how many of so many seats are more than two thirds: for a vote, and for a block."""
    return 2 * seats // 3 + 1


class ConsortiumContract(Contract):
    """The contract of a consortium chain. A decision's call data is for `agree_data`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(_NAME, engine, CONSORTIUM)

    def state(self, block: int | None = None) -> Consortium:
        """Return what it says after `block`, by default the latest.

        Raises ChainError where there is none, as on a chain that is no consortium's.
        """
        version, seats, deploy, send, gas = self._plain("state", self.data("state"), block)[0]
        return Consortium(
            version, tuple(Seat(*each) for each in seats), Access(*deploy), Access(*send), Gas(*gas)
        )

    def agreed(self, call: bytes, block: int | None = None) -> tuple[Word, ...]:
        """Return who wants a call, and until when: owners of present seats. Raises ChainError."""
        owners, until = self._plain("agreed", self.data("agreed", call), block)
        if len(owners) != len(until):
            raise self._nonsense("agreed", f"{len(owners)} owners, {len(until)} times")
        return tuple(map(Word, owners, until))

    def wanted(self) -> list[Wanted]:
        """Return the calls that somebody wants and that are not done, the oldest first.

        Raises ChainError.
        """
        last = self.engine.block_number()
        calls: dict[bytes, None] = {}
        first = self._first_since(self.engine.now() - _LONGEST, last)
        for start in range(first, last + 1, _PAGE):
            for log in self._logs(start, min(start + _PAGE - 1, last)):
                if log.topics[:1] == (_AGREED,):
                    calls[_call_in(log)] = None
        found = [(call, self.agreed(call)) for call in calls]
        return [Wanted(call, *said_by(call), words) for call, words in found if words]

    def _first_since(self, time: int, last: int) -> int:
        """The first block of that time or later: what was said before holds no more."""
        low, high = FIRST_BLOCK, last
        while low < high:
            middle = (low + high) // 2
            if self.engine.header(middle).time < time:
                low = middle + 1
            else:
                high = middle
        return low

    def _logs(self, first: int, last: int) -> list[Log]:
        """Its logs; asked for by halves where a node refuses so many at once."""
        try:
            return self.engine.logs(first, last, self.address)
        except ChainError:
            if first == last:
                raise
            middle = (first + last) // 2
            return [*self._logs(first, middle), *self._logs(middle + 1, last)]

    def agree_data(self, call: bytes, until: int) -> bytes:
        """Return the call data by which an owner wants a call until a time; 0 takes it back."""
        return self._checked("agree", call, until)

    def admit_data(self, owner: str, key: bytes) -> bytes:
        """Return the call data that gives an owner a seat, of a validator with that key."""
        return self._checked("admit", owner, key)

    def remove_data(self, owner: str) -> bytes:
        """Return the call data that takes an owner's seat."""
        return self._checked("remove", owner)

    def allow_data(self, right: Right, account: str, *, allowed: bool) -> bytes:
        """Return the call data that puts an account on a right's list, or takes it off."""
        return self._checked("allow", right.value, account, allowed)

    def open_data(self, right: Right, *, everybody: bool) -> bytes:
        """Return the call data that gives a right to everybody, or to its list alone."""
        return self._checked("open", right.value, everybody)

    def gas_data(self, gas: Gas) -> bytes:
        """Return the call data that sets the least price of gas, and the most gas of a block."""
        return self._checked("setGas", (gas.min_price, gas.block_limit))

    def _checked(self, function: str, *values: Any) -> bytes:
        try:
            return self.data(function, *values)
        except EncodingError as error:
            raise BadMove(f"{function}: {error}") from error

    def _plain(self, function: str, data: bytes, block: int | None) -> tuple[Any, ...]:
        answer = self.engine.call(self.address, data, block=block)
        outputs = functions(_NAME)[function]["outputs"]
        try:
            return tuple(map(plain, outputs, decode(types(outputs), answer)))
        except (DecodingError, ValueError) as error:
            raise self._nonsense(function, str(error)) from error

    def _nonsense(self, function: str, why: str) -> ChainError:
        return ChainError(
            f"{self.address} does not answer {function} as a consortium does ({why}); use the URL"
            " of a node of a consortium chain"
        )


def said_by(call: bytes) -> tuple[str | None, tuple[Any, ...]]:
    """Return which function call data names, and with which values; None and none for others.

    What is longer than it need be, or names a right that there is not, is another call.
    """
    function = selectors(_NAME).get(call[:4])
    if function is None:
        return None, ()
    inputs = function["inputs"]
    try:
        values = decode(types(inputs), call[4:])
        if encode(types(inputs), values) != call[4:]:
            return None, ()
        if function["name"] in ("allow", "open"):
            Right(values[0])
    except (DecodingError, ValueError):
        return None, ()
    return function["name"], tuple(map(plain, inputs, values))


def _call_in(log: Log) -> bytes:
    try:
        call, _ = decode(["bytes", "uint64"], log.data)
    except DecodingError as error:
        raise BadLog(
            f"log {log.index} of block {log.block} is no Agreed ({error}); use another node"
        ) from error
    return bytes(call)
