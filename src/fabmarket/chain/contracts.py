"""Bindings: moves become call data, logs become events, revert data becomes named errors."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.abi import event_abi_to_log_topic, filter_abi_by_type
from eth_utils.address import to_checksum_address

from fabmarket.chain.abi import artifact, call_data, errors, outputs, plain, selector, types
from fabmarket.chain.calls import arguments_of, function_of, values_of
from fabmarket.chain.decoding import reader_of
from fabmarket.chain.engine import CallReverted, ChainError, Engine, FailedCall, Log
from fabmarket.chain.moves import move_of
from fabmarket.errors import Refused
from fabmarket.identity import keccak
from fabmarket.market.events import (
    EVENTS,
    Announced,
    Cause,
    Deployed,
    Escrowed,
    Event,
    Released,
)
from fabmarket.market.exchange import (
    Account,
    EscrowState,
    Held,
    List,
    Listing,
    Move,
    Posted,
    Relay,
    Report,
    Reverted,
    Slot,
)
from fabmarket.market.parameters import Parameters
from fabmarket.market.trade import Escrow, Trade

_PANIC = keccak(b"Panic(uint256)")[:4]
_IS_VALID = keccak(b"isValidSignature(bytes32,bytes)")[:4]
"""What a contract is asked, and what it answers if it takes the signature."""


class BadMove(Refused):
    """A move with a value that the contract has no room for."""


class BadLog(ChainError):
    """A log of the exchange that its code cannot have written."""


class Contract:
    """A deployed contract and its ABI."""

    def __init__(self, name: str, engine: Engine, address: str) -> None:
        self.engine = engine
        self.address = address
        self._name = name
        self._errors = errors(name)

    def data(self, function: str, *values: Any) -> bytes:
        """Return the call data of a function."""
        return call_data(self._name, function, values)

    def selector(self, function: str) -> bytes:
        """Return the four bytes with which a call names a function."""
        return selector(self._name, function)

    def read(self, function: str, *values: Any, block: int | None = None) -> Any:
        """Return what a view function answers: its single value, or a tuple of several."""
        answer = self.engine.call(self.address, self.data(function, *values), block=block)
        return self._answer(function, answer)

    def _answer(self, function: str, answer: bytes) -> Any:
        answers = decode(outputs(self._name, function), answer)
        return answers[0] if len(answers) == 1 else answers

    def error(self, data: bytes) -> Reverted:
        """Return the named error in revert data; Solidity's own check of arithmetic is `Panic`."""
        if data[:4] == _PANIC:
            return Reverted("Panic", int.from_bytes(data[4:], "big"))
        abi = self._errors.get(data[:4])
        if abi is None:
            return Reverted("Unknown", "0x" + data.hex())
        inputs = abi["inputs"]
        values = decode(types(inputs), data[4:])
        return Reverted(abi["name"], *map(plain, inputs, values))

    def why(self, sender: str, data: bytes, block: int | None = None) -> Reverted | None:
        """Return the error a call would revert with on the state after `block`; None if none."""
        try:
            self.engine.call(self.address, data, sender, block)
        except CallReverted as refusal:
            return self.error(refusal.data)
        return None


class TokenContract(Contract):
    """A currency: of any ERC-20 token what all have, of the test currency also what mints it."""

    def __init__(self, engine: Engine, address: str) -> None:
        super().__init__("TestToken", engine, address)

    def balance_of(self, account: str, block: int | None = None) -> int:
        """Return the account's wallet, base units, after `block`, by default the latest."""
        return int(self.read("balanceOf", account, block=block))

    def approval(self, spender: str, amount: int) -> bytes:
        """Return the call data by which the caller lets `spender` take so many base units."""
        return self.data("approve", spender, amount)

    def currency(self) -> tuple[str, int] | None:
        """Return the symbol, and which power of ten of base units makes one unit of it.

        None where the token does not say, which it need not.
        """
        try:
            return str(self.read("symbol")), int(self.read("decimals"))
        except (CallReverted, DecodingError):
            return None


def token_code(name: str, symbol: str, decimals: int) -> bytes:
    """Return the code that deploys the test currency."""
    return _creation("TestToken", name, symbol, decimals)


class BoardContract(Contract):
    """The public board: whoever wants to be found announces how."""

    _ANNOUNCED = keccak(b"Announced(address,uint64,bytes)")

    def __init__(self, engine: Engine, address: str) -> None:
        super().__init__("ReleaseBoard", engine, address)

    def announcement(self, payload: bytes) -> bytes:
        """Return the call data that announces a payload for the caller."""
        return self.data("announce", payload)

    def event(self, log: Log) -> Announced | None:
        """Return the announcement in a log; None for another contract's or an unknown one."""
        if log.address != self.address or log.topics[0] != self._ANNOUNCED:
            return None
        sequence, payload = decode(["uint64", "bytes"], log.data)
        return Announced(to_checksum_address(log.topics[1][12:]), sequence, payload)


def board_code() -> bytes:
    """Return the code that deploys the board."""
    return _creation("ReleaseBoard")


def escrow_code(parameters: Parameters) -> bytes:
    """Return the code that deploys the exchange's escrow module."""
    return _creation("ResourceEscrow", values_of(parameters))


def net_code(parameters: Parameters) -> bytes:
    """Return the code that deploys the exchange's module for net settlement."""
    return _creation("NetSettlement", values_of(parameters))


def exchange_code(
    operators: tuple[str, ...],
    threshold: int,
    tokens: tuple[str, ...],
    parameters: Parameters,
    escrow: str,
    net: str,
) -> bytes:
    """Return the code that deploys the exchange on its two modules, of the same parameters."""
    rules = values_of(parameters)
    return _creation("CapacityExchange", operators, threshold, tokens, rules, escrow, net)


def made_of(
    data: bytes,
) -> tuple[tuple[str, ...], int, tuple[str, ...], Parameters, str, str] | None:
    """Return what `exchange_code` was given to make a transaction's data; None for other code."""
    loaded = artifact("CapacityExchange")
    code = bytes.fromhex(loaded["bytecode"].removeprefix("0x"))
    if not data.startswith(code):
        return None
    (constructor,) = filter_abi_by_type("constructor", loaded["abi"])
    try:
        values = decode(types(constructor["inputs"]), data[len(code) :])
    except DecodingError:
        return None
    given = map(plain, constructor["inputs"], values)
    operators, threshold, tokens, rules, escrow, net = given
    return operators, threshold, tokens, Parameters(*rules), escrow, net


def _creation(name: str, *values: Any) -> bytes:
    loaded = artifact(name)
    (constructor,) = filter_abi_by_type("constructor", loaded["abi"])
    code = bytes.fromhex(loaded["bytecode"].removeprefix("0x"))
    return code + encode(types(constructor["inputs"]), values)


class ExchangeContract(Contract):
    """The market contract: the twin's moves, events and errors on a real chain."""

    def __init__(self, engine: Engine, address: str) -> None:
        super().__init__("CapacityExchange", engine, address)
        abi = artifact("CapacityExchange")["abi"]
        classes = {each.__name__: each for each in EVENTS}
        self._events = {
            event_abi_to_log_topic(each): (each, classes[each["name"]])
            for each in filter_abi_by_type("event", abi)
            if each["name"] in classes
        }
        self._readers = {
            topic: reader
            for topic, (each, event) in self._events.items()
            if (reader := reader_of(each["inputs"], partial(_event, event))) is not None
        }

    @staticmethod
    def move_data(move: Move) -> bytes:
        """Return the call data of a move. BadMove for values that the contract cannot take."""
        try:
            return call_data("CapacityExchange", function_of(move), arguments_of(move))
        except EncodingError as error:
            raise BadMove(str(error)) from error

    def event(self, log: Log) -> Event | None:
        """Return the market event in a log; None for another contract's or an unknown one.

        BadLog for one that says what no event can.
        """
        if log.address != self.address or not log.topics or log.topics[0] not in self._events:
            return None
        reader = self._readers.get(log.topics[0])
        if reader is not None and (found := reader(log)) is not None:
            return found
        abi, event = self._events[log.topics[0]]
        inputs = abi["inputs"]
        try:
            unindexed = iter(decode(types(i for i in inputs if not i["indexed"]), log.data))
            topics = iter(log.topics[1:])
            values = [
                decode([each["type"]], next(topics))[0] if each["indexed"] else next(unindexed)
                for each in inputs
            ]
            return _event(event, *map(plain, inputs, values))
        except (DecodingError, ValueError, StopIteration) as error:
            raise BadLog(
                f"log {log.index} of block {log.block} is no {event.__name__} ({error}); use"
                " another node"
            ) from error

    @staticmethod
    def listed_by(call: FailedCall) -> tuple[str, tuple[Report, ...]] | None:
        """Return who reports what in a call of `list`, also a relayed one; None for others."""
        try:
            move = move_of(call.data)
        except (DecodingError, ValueError):
            return None
        sender = call.sender
        if isinstance(move, Relay):
            sender, move = move.intent.account, move.move
        return (sender, move.reports) if isinstance(move, List) else None

    def confirms(self, signer: str, asked: bytes, proof: bytes, block: int) -> bool:
        """Return whether the code at `signer` takes a proof for its signature (ERC-1271).

        It is asked as of after `block`, by the exchange. False for an account without code.
        """
        question = _IS_VALID + encode(["bytes32", "bytes"], [asked, proof])
        try:
            answer = self.engine.call(signer, question, self.address, block)
        except CallReverted:
            return False
        return len(answer) >= 32 and answer[:32] == _IS_VALID.ljust(32, b"\0")

    def is_there(self) -> bool:
        """Return whether an exchange answers at this address."""
        try:
            return self.operator_set() > 0
        except (CallReverted, DecodingError):
            return False

    def stored(
        self, function: str, keys: Sequence[tuple[Any, ...]], block: int | None = None
    ) -> list[Any]:
        """Return what a view function answers for each of some keys, as the twin has it.

        As of after `block`, by default the latest. Raises ChainError.
        """
        data = [self.data(function, *key) for key in keys]
        answers = self.engine.calls(self.address, data, block)
        made = _STORED.get(function, _same)
        try:
            return [made(self._answer(function, answer)) for answer in answers]
        except (DecodingError, ValueError) as error:
            raise ChainError(
                f"{self.address} does not answer {function} as a market does ({error}); give the"
                " address of a market"
            ) from error

    def _one(self, function: str, *key: Any) -> Any:
        return self.stored(function, [key])[0]

    def parameters(self) -> Parameters:
        """Return what the deployment fixed."""
        return Parameters(*self.read("parameters"))

    def operators(self) -> tuple[tuple[str, ...], int]:
        """Return the current operators and how many of them a decision needs."""
        return self.operators_of(self.operator_set())

    def operator_set(self) -> int:
        """Return the number of the current set of operators."""
        return int(self.read("operatorSet"))

    def operators_of(self, number: int) -> tuple[tuple[str, ...], int]:
        """Return the members of a set of operators and how many of them a decision needs."""
        members, threshold = self._one("operatorsOf", number)
        return members, threshold

    def next_operator_set(self) -> tuple[int, int]:
        """Return the set that is to take over and from which second; 0, 0 for none."""
        number, since = self.read("nextOperatorSet")
        return int(number), int(since)

    def accepts(self, token: str) -> bool:
        """Return whether the exchange takes deposits of a token."""
        return bool(self.read("accepts", token))

    def total_of(self, token: str) -> int:
        """Return all balances and escrows of a token together, base units."""
        return int(self.read("totalOf", token))

    def balance_of(self, account: str, token: str) -> int:
        """Return an account's balance in the exchange, base units."""
        return int(self.read("balanceOf", account, token))

    def slot_of(self, supplier: str, resource: bytes, slot: int) -> Slot:
        """Return the stored state of a slot."""
        found: Slot = self._one("slotOf", supplier, resource, slot)
        return found

    def listing_of(self, listing: bytes) -> Listing:
        """Return the stored state of a listing."""
        found: Listing = self._one("listingOf", listing)
        return found

    def seal_of(self, supplier: str, resource: bytes, slot: int) -> bytes:
        """Return the commitment stored for a slot, zero for none."""
        return bytes(self.read("sealOf", supplier, resource, slot))

    def account_of(self, account: str, token: str) -> Account:
        """Return the stored state of an account in a token."""
        found: Account = self._one("accountOf", account, token)
        return found

    def held_of(self, trade: bytes) -> Held:
        """Return what a trade holds in escrow, and how it stands."""
        found: Held = self._one("heldOf", trade)
        return found

    def ruling_of(self, trade: bytes) -> Posted:
        """Return the ruling posted on a trade; number 0 for none."""
        found: Posted = self._one("rulingOf", trade)
        return found

    def intent_nonce(self, account: str) -> int:
        """Return how many intents of the account were used."""
        return int(self.read("intentNonce", account))

    def paused_until(self) -> int:
        """Return the time until which no trade settles, 0 for none."""
        return int(self.read("pausedUntil"))

    def decision_nonce(self) -> int:
        """Return how many decisions of the operators were carried out since deployment."""
        return int(self.read("decisionNonce"))


def _same(answer: Any) -> Any:
    return answer


def _operators(answer: Any) -> tuple[tuple[str, ...], int]:
    members, threshold = answer
    return tuple(map(to_checksum_address, members)), threshold


def _listing(answer: Any) -> Listing:
    supplier, *rest = answer
    return Listing(to_checksum_address(supplier), *rest)


def _held(answer: Any) -> Held:
    held = Held(*answer)
    return replace(held, state=EscrowState(held.state))


_STORED: dict[str, Callable[[Any], Any]] = {
    "parameters": lambda answer: Parameters(*answer),
    "operatorsOf": _operators,
    "moduleOf": to_checksum_address,
    "slotOf": lambda answer: Slot(*answer),
    "listingOf": _listing,
    "accountOf": lambda answer: Account(*answer),
    "heldOf": _held,
    "rulingOf": lambda answer: Posted(*answer),
}
"""How an answer becomes the twin's value, where it is no plain one."""


def _event(event: type[Event], *values: Any) -> Event:
    """Return an event from the contract's values, some of which are structs or enums of ours."""
    if event is Deployed:
        rules, *modules = values
        return Deployed(Parameters(*rules), *modules)
    if event is Escrowed:
        trade, terms, escrow, *rest = values
        return Escrowed(trade, Trade(*(*terms, Escrow(*escrow))), *rest)
    if event is Released:
        trade, cause, *rest = values
        return Released(trade, Cause(cause), *rest)
    return event(*values)
