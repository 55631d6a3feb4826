"""Signing and sending: calls are queued and go out several to a block."""

from collections.abc import Callable
from dataclasses import dataclass

from fabmarket.chain.contracts import ExchangeContract
from fabmarket.chain.engine import BLOCK_GAS, ChainError, Engine, Fees, Receipt
from fabmarket.identity import Key


class CallFailed(ChainError):
    """A transaction that had to succeed was mined as failed."""


@dataclass(frozen=True)
class Transaction:
    """A call to be sent. `gas` is its limit: given, never estimated, so that a call which reverts
    is mined as failed and leaves its trace. `action` names it in gas tables.
    """

    key: Key
    action: str
    to: str | None
    data: bytes
    gas: int
    value: int = 0


class Sender:
    """Queues transactions, signs them with running nonces and mines them in blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: list[tuple[Transaction, bytes | None]] = []
        self._nonces: dict[str, int] = {}
        self.sent: list[tuple[Transaction, Receipt]] = []

    def queue(self, transaction: Transaction, raw: bytes | None = None) -> None:
        """Add a transaction to the next blocks; `raw` if somebody has signed it already."""
        self._queue.append((transaction, raw))

    def flush(
        self, each: Callable[[Transaction, Receipt], None] | None = None
    ) -> list[tuple[Transaction, Receipt]]:
        """Mine all that is queued, in order; `each` hears of every receipt as it comes."""
        done: list[tuple[Transaction, Receipt]] = []
        while self._queue:
            block = self._next_block()
            receipts = self._engine.mine([raw or self._signed(item) for item, raw in block])
            for (item, _), receipt in zip(block, receipts, strict=True):
                pair = (item, receipt)
                done.append(pair)
                self.sent.append(pair)
                if each:
                    each(*pair)
        self._nonces.clear()  # others may send from these accounts meanwhile
        return done

    def must_succeed(self, exchange: ExchangeContract | None = None) -> list[Receipt]:
        """Flush, and raise CallFailed with the contract's error if any transaction failed."""
        receipts = []
        for transaction, receipt in self.flush():
            if receipt.status != 1:
                raise CallFailed(self._story(transaction, receipt, exchange))
            receipts.append(receipt)
        return receipts

    def _story(
        self, transaction: Transaction, receipt: Receipt, exchange: ExchangeContract | None
    ) -> str:
        why = None
        if exchange is not None and transaction.to == exchange.address:
            why = exchange.why(transaction.key.address, transaction.data, receipt.block - 1)
        reason = str(why) if why else f"used {receipt.gas_used} of {transaction.gas} gas"
        return f"{transaction.action} 0x{receipt.transaction.hex()} failed: {reason}"

    def _next_block(self) -> list[tuple[Transaction, bytes | None]]:
        total, count = 0, 0
        for item, _ in self._queue:
            if count and total + item.gas > BLOCK_GAS:
                break
            total += item.gas
            count += 1
        block, self._queue = self._queue[:count], self._queue[count:]
        return block

    def _signed(self, item: Transaction) -> bytes:
        address = item.key.address
        nonce = self._nonces.get(address)
        if nonce is None:
            nonce = self._engine.nonce(address)
        self._nonces[address] = nonce + 1
        return signed(self._engine, item, nonce)


def usual_fees(engine: Engine, limit: int | None = None) -> Fees:
    """Return what is offered at first: enough for a while, and no more than `limit`."""
    usual = engine.fees()
    most = usual.most if limit is None else min(limit, usual.most)
    return Fees(most, min(most, usual.tip))


def raised_fees(engine: Engine, fees: Fees, limit: int) -> Fees | None:
    """Return with what a transaction can take the place of one of the same nonce that is stuck.

    An eighth more of both, as nodes ask for a tenth, or what is usual now if that is more. None if
    `limit` lies below, or gas costs nothing.
    """
    usual = engine.fees()
    most = min(limit, max(usual.most, _eighth_more(fees.most)))
    if most == fees.most or 10 * most < 11 * fees.most:
        return None
    return Fees(most, min(most, max(usual.tip, _eighth_more(fees.tip))))


def _eighth_more(amount: int) -> int:
    """An eighth more, rounded up."""
    return -(-amount * 9 // 8)


def signed(engine: Engine, item: Transaction, nonce: int, fees: Fees | None = None) -> bytes:
    """Return the bytes of a transaction, signed with its key, to be sent as the account's nonce.

    `fees` are the usual ones if none are given.
    """
    offered = fees or usual_fees(engine)
    raw, _ = item.key.sign_transaction(
        {
            "type": 2,
            "chainId": engine.chain_id,
            "nonce": nonce,
            "maxFeePerGas": offered.most,
            "maxPriorityFeePerGas": offered.tip,
            "gas": item.gas,
            "to": item.to if item.to is not None else b"",
            "value": item.value,
            "data": item.data,
        }
    )
    return raw
