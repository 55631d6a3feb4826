"""A whole EVM chain inside this process: eth-tester over py-evm, nothing to install or start."""

import ast
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from eth import EVM_RECURSION_LIMIT
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from eth_typing import BlockNumber, ChecksumAddress
from eth_utils.address import to_canonical_address
from eth_utils.exceptions import ValidationError
from typing_extensions import override
from web3 import EthereumTesterProvider, Web3
from web3.types import BlockIdentifier

from fabmarket.chain.engine import (
    PINNED_CHAIN_ID,
    CallReverted,
    ChainError,
    Engine,
    EngineUnavailable,
    Header,
    Log,
    Receipt,
    Settings,
)
from fabmarket.chain.rpc import receipt_of
from fabmarket.identity import Key, keccak

_NOBODY = bytes(20)


@contextmanager
def _deep() -> Iterator[None]:
    """Give py-evm the frames it needs for contracts that call each other up to 1,024 deep."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, EVM_RECURSION_LIMIT))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _numbered(receipts: list[Receipt]) -> list[Receipt]:
    """Return the receipts of one block with log indices that run through the block.

    eth-tester counts the logs of every transaction from 0.
    """
    count = 0
    numbered = []
    for receipt in receipts:
        logs = tuple(replace(log, index=count + i) for i, log in enumerate(receipt.logs))
        count += len(logs)
        numbered.append(replace(receipt, logs=logs))
    return numbered


class EmbeddedEngine(Engine):
    """The in-process chain: memory only, one block per `mine`, each one second later."""

    def __init__(self, settings: Settings) -> None:
        if settings.chain_id not in (None, PINNED_CHAIN_ID):
            raise EngineUnavailable(
                f"chain id {settings.chain_id}: the embedded chain has {PINNED_CHAIN_ID};"
                " leave --chain-id out or use --engine anvil"
            )
        self.name = "embedded"
        self.is_virtual = True
        self.chain_id = PINNED_CHAIN_ID
        self._backend = PyEVMBackend(
            genesis_parameters=PyEVMBackend.generate_genesis_params(
                {"timestamp": settings.genesis_time}
            )
        )
        self._w3 = Web3(EthereumTesterProvider(EthereumTester(self._backend)))
        self._logs: dict[int, list[Log]] = {}
        self._receipts: dict[bytes, Receipt] = {}
        self._pin_next_time()
        self.client = self._w3.client_version
        self.funder = Key((1).to_bytes(32, "big"))  # eth-tester's first funded account

    @override
    def header(self, number: int | None = None) -> Header:
        # The header alone: eth-tester would decode the block's transactions too.
        chain = self._backend.chain
        if number is None:
            found = chain.get_canonical_head()
        else:
            found = chain.get_canonical_block_header_by_number(BlockNumber(number))
        return Header(
            found.block_number, bytes(found.hash), bytes(found.parent_hash), found.timestamp
        )

    @override
    def logs(self, first: int, last: int, address: str) -> list[Log]:
        blocks = range(first, last + 1)
        return [log for at in blocks for log in self._logs.get(at, ()) if log.address == address]

    @override
    def pass_time(self, until: int) -> None:
        if self.now() < until:
            self._backend.chain.set_header_timestamp(until)
            self._mine_block()
            self._pin_next_time()

    @override
    def fee_cap(self) -> int:
        return 100 * 10**9

    @override
    def nonce(self, address: str, block: int | None = None) -> int:
        # Nothing waits between blocks.
        at: BlockIdentifier = "latest" if block is None else BlockNumber(block)
        return self._w3.eth.get_transaction_count(cast(ChecksumAddress, address), at)

    @override
    def native_balance(self, address: str) -> int:
        return self._w3.eth.get_balance(cast(ChecksumAddress, address))

    @override
    def mine(self, raw_transactions: Sequence[bytes]) -> list[Receipt]:
        # Through the backend: eth-tester's own pending pool reverts each transaction again, so a
        # second one from the same sender would meet a wrong nonce.
        with _deep():
            hashes = [self._backend.send_raw_transaction(raw) for raw in raw_transactions]
            self._mine_block()
        self._pin_next_time()
        receipts = [receipt_of(self._w3.eth.get_transaction_receipt(each)) for each in hashes]
        receipts = _numbered(receipts)
        self._logs[self.block_number()] = [log for receipt in receipts for log in receipt.logs]
        self._receipts.update((each.transaction, each) for each in receipts)
        return receipts

    @override
    def send(self, raw: bytes) -> bytes:
        # Nothing waits on this chain: it makes a block of it.
        place = keccak(raw)
        if place not in self._receipts:
            try:
                self.mine([raw])
            except ValidationError as error:
                raise ChainError(f"the chain refused a transaction: {error}") from error
        return place

    @override
    def receipt(self, transaction: bytes) -> Receipt | None:
        return self._receipts.get(transaction)

    def _mine_block(self) -> None:
        # eth-tester's own mining draws a random mix hash, which would change every block hash.
        self._backend.chain.mine_block(coinbase=_NOBODY, mix_hash=bytes(32), blob_gas_used=0)

    def _pin_next_time(self) -> None:
        """Let the next block come one second later; py-evm would take the computer's clock."""
        self._backend.chain.set_header_timestamp(self.now() + 1)

    @override
    def call(
        self, to: str, data: bytes, sender: str | None = None, block: int | None = None
    ) -> bytes:
        # Through the backend: eth-tester and web3 would spend twice as long on checking the answer.
        request = {
            "from": to_canonical_address(sender or self.funder.address),
            "to": to_canonical_address(to),
            "data": data,
        }
        try:
            with _deep():
                return bytes(self._backend.call(request, "latest" if block is None else block))
        except TransactionFailed as error:
            # eth-tester gives the revert data only as the text of a bytes literal.
            text = str(error).removeprefix("execution reverted: ")
            raise CallReverted(
                ast.literal_eval(text) if text[:2] in ("b'", 'b"') else b""
            ) from error
