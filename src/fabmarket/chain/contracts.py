"""Bindings: moves become call data, logs become events, revert data becomes named errors."""

import json
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.abi import (
    abi_to_signature,
    collapse_if_tuple,
    event_abi_to_log_topic,
    filter_abi_by_type,
    function_abi_to_4byte_selector,
)
from eth_utils.address import to_checksum_address

from fabmarket.chain.engine import CallReverted, Engine, Log
from fabmarket.identity import keccak
from fabmarket.market.events import EVENTS, Event
from fabmarket.market.exchange import (
    Account,
    Attest,
    AttestSealed,
    Deliver,
    Dispute,
    EscrowState,
    Expire,
    Held,
    List,
    Listing,
    Move,
    Proof,
    Refund,
    Relay,
    Release,
    Reverted,
    Rule,
    Settle,
    SettleBatch,
    SettleBundle,
    SettleEscrow,
    Signature,
    SignedTrade,
    Slot,
    Split,
)
from fabmarket.market.trade import Trade


@cache
def _artifact(name: str) -> dict[str, Any]:
    text = files("fabmarket.chain").joinpath(f"artifacts/{name}.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _types(inputs: Any) -> list[str]:
    return [collapse_if_tuple(each) for each in inputs]


class Contract:
    """A deployed contract and its ABI."""

    def __init__(self, artifact: str, engine: Engine, address: str) -> None:
        abi = _artifact(artifact)["abi"]
        self.engine = engine
        self.address = address
        self._functions = {each["name"]: each for each in filter_abi_by_type("function", abi)}

    def data(self, function: str, *values: Any) -> bytes:
        """Return the call data of a function."""
        abi = self._functions[function]
        return function_abi_to_4byte_selector(abi) + encode(_types(abi["inputs"]), values)

    def read(self, function: str, *values: Any) -> Any:
        """Return what a view function answers: its single value or tuple."""
        answer = self.engine.call(self.address, self.data(function, *values))
        return decode(_types(self._functions[function]["outputs"]), answer)[0]


class TokenContract(Contract):
    """The test currency."""

    def __init__(self, engine: Engine, address: str) -> None:
        super().__init__("TestToken", engine, address)

    def balance_of(self, account: str) -> int:
        """Return the account's wallet, base units."""
        return int(self.read("balanceOf", account))


def token_code(name: str, symbol: str, decimals: int) -> bytes:
    """Return the code that deploys the test currency."""
    return _code("TestToken") + encode(["string", "string", "uint8"], [name, symbol, decimals])


def exchange_code(operators: tuple[str, ...], threshold: int, tokens: tuple[str, ...]) -> bytes:
    """Return the code that deploys the exchange."""
    head = _code("CapacityExchange")
    return head + encode(["address[]", "uint256", "address[]"], [operators, threshold, tokens])


def _code(artifact: str) -> bytes:
    return bytes.fromhex(_artifact(artifact)["bytecode"].removeprefix("0x"))


class ExchangeContract(Contract):
    """The market contract: the twin's moves, events and errors on a real chain."""

    def __init__(self, engine: Engine, address: str) -> None:
        super().__init__("CapacityExchange", engine, address)
        abi = _artifact("CapacityExchange")["abi"]
        classes = {each.__name__: each for each in EVENTS}
        self._events = {
            event_abi_to_log_topic(each): (each, classes[each["name"]])
            for each in filter_abi_by_type("event", abi)
            if each["name"] in classes
        }
        self._errors = {
            keccak(abi_to_signature(each).encode())[:4]: each
            for each in filter_abi_by_type("error", abi)
        }

    def move_data(self, move: Move) -> bytes:
        """Return the call data of a move."""
        return self.data(_function(move), *_arguments(move))

    def event(self, log: Log) -> Event | None:
        """Return the market event in a log; None for another contract's or an unknown one."""
        if log.address != self.address or log.topics[0] not in self._events:
            return None
        abi, event = self._events[log.topics[0]]
        inputs = abi["inputs"]
        plain = iter(decode(_types(i for i in inputs if not i["indexed"]), log.data))
        topics = iter(log.topics[1:])
        values = [
            decode([each["type"]], next(topics))[0] if each["indexed"] else next(plain)
            for each in inputs
        ]
        return event(*map(_plain, _types(inputs), values))

    def error(self, data: bytes) -> Reverted:
        """Return the named error in revert data."""
        abi = self._errors.get(data[:4])
        if abi is None:
            return Reverted("Unknown", "0x" + data.hex())
        types = _types(abi["inputs"])
        return Reverted(abi["name"], *map(_plain, types, decode(types, data[4:])))

    def why(self, sender: str, data: bytes, block: int | None = None) -> Reverted | None:
        """Return the error a call would revert with on the state after `block`; None if none."""
        try:
            self.engine.call(self.address, data, sender, block)
        except CallReverted as refusal:
            return self.error(refusal.data)
        return None

    def operators(self) -> tuple[tuple[str, ...], int]:
        """Return the operators and how many of them an attestation needs."""
        return tuple(map(to_checksum_address, self.read("operators"))), int(self.read("threshold"))

    def accepts(self, token: str) -> bool:
        """Return whether the exchange takes deposits of a token."""
        return bool(self.read("accepts", token))

    def balance_of(self, account: str, token: str) -> int:
        """Return an account's balance in the exchange, base units."""
        return int(self.read("balanceOf", account, token))

    def slot_of(self, supplier: str, resource: bytes, slot: int) -> Slot:
        """Return the stored state of a slot."""
        return Slot(*self.read("slotOf", supplier, resource, slot))

    def listing_of(self, listing: bytes) -> Listing:
        """Return the stored state of a listing."""
        supplier, *rest = self.read("listingOf", listing)
        return Listing(to_checksum_address(supplier), *rest)

    def seal_of(self, supplier: str, resource: bytes, slot: int) -> bytes:
        """Return the commitment stored for a slot, zero for none."""
        return bytes(self.read("sealOf", supplier, resource, slot))

    def account_of(self, account: str, token: str) -> Account:
        """Return the stored state of an account in a token."""
        return Account(*self.read("accountOf", account, token))

    def held_of(self, trade: bytes) -> Held:
        """Return what a trade holds in escrow."""
        amount, state = self.read("heldOf", trade)
        return Held(amount, EscrowState(state))

    def intent_nonce(self, account: str) -> int:
        """Return how many intents of the account were used."""
        return int(self.read("intentNonce", account))

    def paused_until(self) -> int:
        """Return the time until which no trade settles, 0 for none."""
        return int(self.read("pausedUntil"))

    def decision_nonce(self) -> int:
        """Return how many decisions of the operators were carried out since deployment."""
        return int(self.read("decisionNonce"))


def _function(move: Move) -> str:
    """Return the name of the function that a move calls: the move's own, in the contract's case."""
    name = type(move).__name__
    return name[0].lower() + name[1:]


def _arguments(move: Move) -> tuple[Any, ...]:
    """Return what the function is given; signatures in two words each, contracts' proofs last."""
    proofs: list[bytes] = []
    match move:
        case Relay():
            signature = move.signature
            given = signature.proof if isinstance(signature, Proof) else signature
            return _values(move.intent), given
        case Attest() | AttestSealed():
            return _values(move.attestation), move.signatures
        case List():
            return ([_values(report) for report in move.reports],)
        case Settle():
            return _signed(move.signed, proofs), proofs
        case SettleEscrow():
            terms = _values(move.signed.trade.escrow)
            return _signed(move.signed, proofs), terms, proofs
        case SettleBatch() | SettleBundle():
            return [_signed(each, proofs) for each in move.trades], proofs
        case Split():
            sides = _sides(move, proofs)
            return *_terms(move.trade), move.supplier_share, *sides, proofs
        case Deliver() | Release() | Refund() | Dispute() | Rule() | Expire():
            _, *rest = _values(move)
            return *_terms(move.trade), *rest
        case _:
            return _values(move)


def _terms(trade: Trade) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the contract's two structs of a trade: its terms and its escrow."""
    return _values(trade)[:-1], _values(trade.escrow)


def _signed(signed: SignedTrade, proofs: list[bytes]) -> tuple[Any, ...]:
    return (_values(signed.trade)[:-1], *_sides(signed, proofs))


def _sides(signed: SignedTrade | Split, proofs: list[bytes]) -> list[tuple[bytes, bytes]]:
    return [_compact(each, proofs) for each in (signed.demander, signed.supplier)]


def _compact(signature: Signature, proofs: list[bytes]) -> tuple[bytes, bytes]:
    """Return r and vs of a 65-byte signature with low s (ERC-2098).

    A contract's proof is added to `proofs`; then r is 0 and vs its index there.
    """
    if isinstance(signature, Proof):
        proofs.append(signature.proof)
        return bytes(32), (len(proofs) - 1).to_bytes(32, "big")
    s = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    return signature[:32], s.to_bytes(32, "big")


def _values(struct: Any) -> tuple[Any, ...]:
    return tuple(getattr(struct, field.name) for field in fields(struct))


def _plain(kind: str, value: Any) -> Any:
    if kind == "address":
        return to_checksum_address(value)
    if kind == "address[]":
        return tuple(map(to_checksum_address, value))
    return value
