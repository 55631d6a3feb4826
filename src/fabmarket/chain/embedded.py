"""A whole EVM chain inside this process: eth-tester over py-evm, nothing to install or start."""

import sys

_DEPTH = sys.getrecursionlimit()

from collections.abc import Iterator, Sequence  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from typing import Any, cast  # noqa: E402

from eth import EVM_RECURSION_LIMIT  # noqa: E402
from eth.abc import BlockAPI, ComputationAPI, ReceiptAPI, SignedTransactionAPI  # noqa: E402
from eth.exceptions import Revert  # noqa: E402
from eth.vm.message import Message  # noqa: E402
from eth_tester import EthereumTester, PyEVMBackend  # noqa: E402
from eth_typing import Address, BlockNumber, ChecksumAddress  # noqa: E402
from eth_utils.address import to_canonical_address, to_checksum_address  # noqa: E402
from eth_utils.exceptions import ValidationError  # noqa: E402
from typing_extensions import override  # noqa: E402
from web3 import EthereumTesterProvider, Web3  # noqa: E402
from web3.types import BlockIdentifier  # noqa: E402

from fabmarket.chain.engine import (  # noqa: E402
    BLOCK_GAS,
    PINNED_CHAIN_ID,
    TIP,
    CallReverted,
    ChainError,
    Engine,
    EngineUnavailable,
    Fees,
    Header,
    Log,
    Receipt,
    Sent,
    Settings,
)
from fabmarket.identity import Key, keccak  # noqa: E402

# py-evm raises the limit for good; here that is done where it is needed.
sys.setrecursionlimit(_DEPTH)

_PLAIN: dict[str, Any] = {"coinbase": bytes(20), "mix_hash": bytes(32), "blob_gas_used": 0}
"""What a block's header would else hold of chance: eth-tester draws a random mix hash."""


@contextmanager
def _deep() -> Iterator[None]:
    """Give py-evm the frames it needs for contracts that call each other up to 1,024 deep."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, EVM_RECURSION_LIMIT))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _receipts(
    block: BlockAPI, made: Sequence[ReceiptAPI], computed: Sequence[ComputationAPI]
) -> list[Receipt]:
    """Return the receipts of a block; py-evm's count gas, and number no logs, from its start."""
    number, block_hash = block.number, bytes(block.hash)
    receipts: list[Receipt] = []
    gas_before = logs_before = 0
    for sent, receipt, computation in zip(block.transactions, made, computed, strict=True):
        transaction = bytes(sent.hash)
        created = to_checksum_address(computation.msg.storage_address)
        logs = tuple(
            Log(
                address=to_checksum_address(log.address),
                topics=tuple(topic.to_bytes(32, "big") for topic in log.topics),
                data=bytes(log.data),
                block=number,
                block_hash=block_hash,
                index=index,
                transaction=transaction,
            )
            for index, log in enumerate(receipt.logs, logs_before)
        )
        receipts.append(
            Receipt(
                transaction=transaction,
                status=int.from_bytes(receipt.state_root, "big"),  # EIP-658: 1 or 0
                block=number,
                gas_used=receipt.gas_used - gas_before,
                contract=None if sent.to else created,
                logs=logs,
            )
        )
        gas_before, logs_before = receipt.gas_used, logs_before + len(logs)
    return receipts


def _sent(name: bytes, block: bytes, raw: SignedTransactionAPI) -> Sent:
    to = to_checksum_address(raw.to) if raw.to else None
    return Sent(name, block, to_checksum_address(raw.sender), to, bytes(raw.data))


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
        self._sent: dict[bytes, tuple[bytes, SignedTransactionAPI]] = {}
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
            self._backend.chain.mine_all((), **_PLAIN)
            self._pin_next_time()

    @override
    def fees(self) -> Fees:
        return Fees(100 * 10**9, TIP)

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
        # The whole block at once: applied one by one, or asked for one by one, each transaction
        # would cost the tries of all before it.
        chain = self._backend.chain
        builder = chain.get_transaction_builder()
        transactions = [builder.decode(raw) for raw in raw_transactions]
        with _deep():
            imported, made, computed = chain.mine_all(transactions, **_PLAIN)
        self._pin_next_time()
        block = imported.imported_block
        receipts = _receipts(block, made, computed)
        for each in block.transactions:
            self._sent[bytes(each.hash)] = (bytes(block.hash), each)
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

    @override
    def code(self, address: str, block: int | None = None) -> bytes:
        at: BlockIdentifier = "latest" if block is None else BlockNumber(block)
        return bytes(self._w3.eth.get_code(cast(ChecksumAddress, address), at))

    @override
    def words(self, address: str, places: Sequence[int], block: int) -> list[bytes]:
        chain, contract = self._backend.chain, Address(to_canonical_address(address))
        header = chain.get_canonical_block_header_by_number(BlockNumber(block))
        state = chain.get_vm(header).state
        return [state.get_storage(contract, place).to_bytes(32) for place in places]

    @override
    def sent(self, transactions: Sequence[bytes]) -> list[Sent]:
        return [_sent(each, *self._sent[each]) for each in transactions]

    def _pin_next_time(self) -> None:
        """Let the next block come one second later; py-evm would take the computer's clock."""
        self._backend.chain.set_header_timestamp(self.now() + 1)

    @override
    def call(
        self, to: str, data: bytes, sender: str | None = None, block: int | None = None
    ) -> bytes:
        # As a message and no transaction: a contract, too, can ask, which has no coin for gas.
        chain, place = self._backend.chain, Address(to_canonical_address(to))
        asker = Address(to_canonical_address(sender or self.funder.address))
        number = BlockNumber(self.block_number() if block is None else block)
        state = chain.get_vm(chain.get_canonical_block_header_by_number(number)).state
        message = Message(BLOCK_GAS, place, asker, 0, data, state.get_code(place))
        of = state.get_transaction_context_class()(gas_price=0, origin=asker)
        with _deep():
            made = state.computation_class.apply_message(state, message, of)
        if made.is_error:
            raise CallReverted(made.output if isinstance(made.error, Revert) else b"")
        return bytes(made.output)
