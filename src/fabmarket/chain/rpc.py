"""An engine reached over JSON-RPC."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, cast

from eth_typing import BlockNumber, ChecksumAddress
from typing_extensions import override
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError
from web3.types import (
    BlockIdentifier,
    LogReceipt,
    RPCEndpoint,
    TxData,
    TxParams,
    TxReceipt,
)

from fabmarket.chain.endpoints import (
    BATCH,
    PATIENCE,
    Endpoints,
    error_words,
    public,
    secrets,
    urls_of,
)
from fabmarket.chain.engine import (
    TIP,
    CallReverted,
    ChainError,
    Engine,
    FailedCall,
    Fees,
    Header,
    Log,
    NobodyAnswers,
    Receipt,
    Sent,
)
from fabmarket.chain.hashes import is_block_of_hash, is_transaction_of_hash, receipts_have_root
from fabmarket.chain.raw import octets, raw_header, raw_logs
from fabmarket.chain.sender import Transaction, signed
from fabmarket.errors import FabmarketError, TryAgain
from fabmarket.identity import Key, keccak
from fabmarket.identity.keys import checksummed

_DEADLINE = 60.0
_QUOTED = 300
_MOST, _MOST_COIN = (1 << 63) - 1, (1 << 256) - 1
"""What a node can count: of blocks and seconds as many as SQLite can, of wei what the EVM can."""
_RESEND = 1.0
_TOGETHER = 200
"""Requests that are asked together; fewer where a node refuses as many."""
# The first account of the mnemonic that anvil and hardhat fund by default; public knowledge.
_DEV_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


_ONE_AT_A_TIME = "delegated accounts"
"""What a node says that waits with a transaction until its sender's last one is mined. cosmos/evm
does, of an account that has code by delegation, and of one that it knows nothing of yet.
"""


_NO_RIGHT = "may not deploy on this chain"
_HINT = "; owners of its seats allow it with fabmarket network agree allow deploy ACCOUNT"
_REMEDY = "see that its nodes run, of several validators more than two thirds"


class NotYet(ChainError):
    """The node takes a transaction once its sender's last one is mined."""


class NotMined(TryAgain):
    """The node took a transaction but did not mine it in time."""


def log_of(raw: LogReceipt) -> Log:
    """Return web3's log entry as ours."""
    return Log(
        address=raw["address"],
        topics=tuple(bytes(topic) for topic in raw["topics"]),
        data=bytes(raw["data"]),
        block=_count(raw["blockNumber"]),
        block_hash=bytes(raw["blockHash"]),
        index=_count(raw["logIndex"]),
        transaction=bytes(raw["transactionHash"]),
    )


def receipt_of(raw: TxReceipt) -> Receipt:
    """Return web3's receipt as ours."""
    return Receipt(
        transaction=bytes(raw["transactionHash"]),
        status=_count(raw["status"]),
        block=_count(raw["blockNumber"]),
        gas_used=_count(raw["gasUsed"]),
        contract=raw["contractAddress"],
        logs=tuple(map(log_of, raw["logs"])),
    )


class RpcEngine(Engine):
    """A node that mines by itself at an http(s) URL, or at several: see `endpoints`."""

    is_virtual = False
    patience = PATIENCE

    def __init__(self, name: str, url: str, chain_id: int | None, funder: Key) -> None:
        self.name = name
        self.url = url
        self.shown = public(url)
        self._secrets = secrets(url)
        self.funder = funder
        self._head: Header | None = None
        self._unmined: set[bytes] = set()
        self._together = _TOGETHER
        self._endpoints = Endpoints(urls_of(url), self.patience)
        self.w3 = Web3(self._endpoints)
        self.chain_id = self._endpoints.agree(chain_id)
        try:
            self.client = self._quoted(self.w3.client_version)
        except Exception as error:  # web3 raises many kinds for one fact
            cause = error.__cause__ or error
            raise NobodyAnswers(
                f"no Ethereum node answers at {self.shown} ({self._quoted(cause)}); see that one"
                " runs"
            ) from error

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Whatever a node answers that web3 or we cannot read is one error."""
        try:
            yield
        except FabmarketError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {self._quoted(error)}"
            raise ChainError(
                f"the node at {self.shown} does not answer as a node does ({said}); use another"
            ) from error

    def _quoted(self, said: object) -> str:
        """What a node said, cut short, without what the URL holds and is not to be shown."""
        if isinstance(said, Web3RPCError) and said.rpc_response is not None:
            said = said.rpc_response.get("error", said)
        text = error_words(said) or str(said)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"

    @override
    def header(self, number: int | None = None) -> Header:
        with self._asking():
            found = self.w3.eth.get_block("latest" if number is None else BlockNumber(number))
            place, parent = bytes(found["hash"]), bytes(found["parentHash"])
            header = Header(_count(found["number"]), place, parent, _count(found["timestamp"]))
            _require_number(header, number)
        if number is not None:
            return header
        seen = self._head
        if seen is None or not header.number < seen.number <= self._endpoints.seen:
            self._head = seen = header
        return seen  # no endpoint knows what was seen: it is not unseen by that

    @override
    def headers(self, numbers: Iterable[int]) -> list[Header]:
        wanted = list(numbers)
        asked = [[hex(number), False] for number in wanted]
        with self._asking():
            found = [_header_of(each) for each in self._all("eth_getBlockByNumber", asked)]
            for header, number in zip(found, wanted, strict=True):
                _require_number(header, number)
        return found

    @override
    def logs(self, first: int, last: int, address: str) -> list[Log]:
        wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": address}
        with self._asking():  # web3 would take longer over the answer than the node
            answer = self.w3.provider.make_request(RPCEndpoint("eth_getLogs"), [wanted])
            if "error" in answer:
                raise ValueError(self._quoted(answer["error"]))
            found = raw_logs(answer["result"])
        return sorted(found, key=lambda log: (log.block, log.index))

    @override
    def require_one_chain(self, finality: int, *, at_once: bool = False) -> None:
        self._endpoints.require_one_chain(finality, at_once=at_once)

    def failed_calls(self, number: int, address: str) -> list[FailedCall]:
        """Return the transactions to a contract that were mined in a block and reverted."""
        with self._asking():
            block = self.w3.eth.get_block(BlockNumber(number), full_transactions=True)
            sent = (cast(TxData, each) for each in block["transactions"])
            calls = [
                FailedCall(bytes(each["hash"]), each["from"], bytes(each["input"]))
                for each in sent
                if each.get("to") == address
            ]
            receipts = [self.receipt(call.transaction) for call in calls]
        if None in receipts:
            raise ChainError(f"block {number} changed while it was read; try again")
        done = zip(calls, receipts, strict=True)
        return [call for call, receipt in done if receipt is not None and receipt.status == 0]

    @override
    def pass_time(self, until: int) -> None:
        deadline = time.monotonic() + max(0, until - self.now()) + _DEADLINE
        while (now := self.now()) < until:
            if time.monotonic() > deadline:
                raise NotMined(f"the chain at {self.shown} stands still at {now}; {_REMEDY}")
            time.sleep(min(1.0, until - now))
            if self.now() == now:  # a node that makes blocks of transactions alone
                self._heartbeat()

    def _heartbeat(self) -> None:
        """Make the chain's time known: a transaction that does nothing."""
        address = self.funder.address
        nothing = Transaction(self.funder, "heartbeat", address, b"", 21_000)
        self.mine([signed(self, nothing, self.nonce(address))])

    @override
    def fees(self) -> Fees:
        with self._asking():
            latest = self.w3.eth.get_block("latest")
            base = _count(latest.get("baseFeePerGas", 0), _MOST_COIN)
            if base:
                return Fees(2 * base + TIP, TIP)
            price = _count(self.w3.eth.gas_price, _MOST_COIN)  # perhaps it is a fixed one, or none
            return Fees(price, price)

    @override
    def nonce(self, address: str, block: int | None = None) -> int:
        at: BlockIdentifier = "pending" if block is None else BlockNumber(block)
        with self._asking():
            return _count(self.w3.eth.get_transaction_count(_known(address), at))

    @override
    def native_balance(self, address: str) -> int:
        with self._asking():
            return _count(self.w3.eth.get_balance(_known(address)), _MOST_COIN)

    @override
    def mine(self, raw_transactions: Sequence[bytes]) -> list[Receipt]:
        for raw in raw_transactions:
            self._send_in_turn(raw)
        self._after_sending()
        return [self._mined(raw) for raw in raw_transactions]

    @override
    def send(self, raw: bytes) -> bytes:
        place = keccak(raw)
        if place in self._unmined:  # whoever took it may have let it fall
            self._endpoints.spread(raw)
        self._unmined.add(place)
        with self._asking():
            try:
                self.w3.eth.send_raw_transaction(raw)
            except Web3RPCError as error:
                # Nodes word it in many ways that they have these bytes already; some that say so
                # cannot show them yet.
                if "already known" not in str(error) and self._found(place) is None:
                    kind = NotYet if _ONE_AT_A_TIME in str(error) else ChainError
                    said = self._quoted(error)
                    hint = _HINT if _NO_RIGHT in said else ""
                    raise kind(
                        f"the node at {self.shown} refused a transaction: {said}{hint}"
                    ) from error
        return place

    def _send_in_turn(self, raw: bytes) -> None:
        """Send a transaction, after those of its sender where the node holds it back for them."""
        deadline = time.monotonic() + _DEADLINE
        while True:
            try:
                self.send(raw)
            except NotYet:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    @override
    def receipt(self, transaction: bytes) -> Receipt | None:
        with self._asking():
            found = self._found(transaction)
            if found is None or found.get("blockNumber") is None:
                return None  # some nodes would let the question for a receipt wait
            try:
                raw = self.w3.eth.get_transaction_receipt(cast(Any, transaction))
            except TransactionNotFound:  # reorganised out since, or asked of another endpoint
                return None
            self._unmined.discard(transaction)
            return receipt_of(raw)

    def _found(self, transaction: bytes) -> TxData | None:
        """A transaction that the node has, mined or not."""
        try:
            return self.w3.eth.get_transaction(cast(Any, transaction))
        except TransactionNotFound:
            return None

    @override
    def call(
        self, to: str, data: bytes, sender: str | None = None, block: int | None = None
    ) -> bytes:
        request: TxParams = {"to": _known(to), "data": cast(Any, data)}
        if sender is not None:
            request["from"] = _known(sender)
        at = cast(Any, "latest" if block is None else block)
        with self._asking():
            try:
                return bytes(self.w3.eth.call(request, at))
            except ContractLogicError as error:
                text = error.data if isinstance(error.data, str) else "0x"
                raise CallReverted(bytes.fromhex(text.removeprefix("0x"))) from error
            except Web3RPCError as error:
                said = self._quoted(error)
                raise ChainError(f"the node at {self.shown} refused a call: {said}") from error

    @override
    def calls(self, to: str, data: Sequence[bytes], block: int | None = None) -> list[bytes]:
        at = "latest" if block is None else hex(block)
        asked = [[{"to": to, "data": f"0x{each.hex()}"}, at] for each in data]
        with self._asking():
            return [_bytes(each) for each in self._all("eth_call", asked)]

    @override
    def require_logs(self, header: Header, address: str, logs: Sequence[Log]) -> None:
        with self._asking():
            (block,) = self._all("eth_getBlockByNumber", [[hex(header.number), False]])
            found = _header_of(block)
            if found.hash != header.hash:
                raise ChainError(f"block {header.number} changed while it was read; try again")
            if found.is_believed:
                return  # nor is its receipts' root held by its hash
            asked = [[each] for each in block["transactions"]]
            receipts = self._all("eth_getTransactionReceipt", asked)
            if not receipts_have_root(receipts, octets(block["receiptsRoot"])):
                return
            had = [log for each in receipts for log in raw_logs(each["logs"])]
            if [log for log in had if log.address == address] != list(logs):
                raise ValueError(f"other logs than are in the receipts of block {header.number}")

    @override
    def code(self, address: str, block: int | None = None) -> bytes:
        at = "latest" if block is None else hex(block)
        with self._asking():
            (answer,) = self._all("eth_getCode", [[address, at]])
            return _bytes(answer)

    @override
    def words(self, address: str, places: Sequence[int], block: int) -> list[bytes]:
        asked = [[address, f"0x{place:064x}", hex(block)] for place in places]
        with self._asking():
            answers = self._all("eth_getStorageAt", asked)
            return [int(answer, 16).to_bytes(32) for answer in answers]

    @override
    def sent(self, transactions: Sequence[bytes]) -> list[Sent]:
        asked = [[f"0x{each.hex()}"] for each in transactions]
        with self._asking():
            found = self._all("eth_getTransactionByHash", asked)
            return [_sent_of(*each) for each in zip(transactions, found, strict=True)]

    def _all(self, method: str, asked: Sequence[list[Any]]) -> list[Any]:
        """The results of many requests of a method, asked together as far as the node does that."""
        results: list[Any] = []
        while len(results) < len(asked):
            part = asked[len(results) : len(results) + self._together]
            try:
                results += self._some(method, part)
            except (ChainError, ValueError):
                if len(part) == 1:
                    raise
                self._together = len(part) // 2
        return results

    def _some(self, method: str, asked: Sequence[list[Any]]) -> list[Any]:
        ask = self.w3.provider.make_request
        if len(asked) == 1:  # a node may know nothing of batches
            answers = [ask(RPCEndpoint(method), asked[0])]
        else:
            answers = ask(RPCEndpoint(BATCH), [(method, each) for each in asked])["result"]
        for each in answers:
            if "error" in each:
                said = self._quoted(each["error"])
                raise ChainError(f"the node at {self.shown} refused {method}: {said}")
        return [each["result"] for each in answers]

    def ask(self, method: str, params: list[Any]) -> None:
        """Ask a development node for what other nodes do not do."""
        answer = self.w3.provider.make_request(RPCEndpoint(method), params)
        if "error" in answer:
            raise ChainError(f"the node refused {method}: {self._quoted(answer['error'])}")

    def _after_sending(self) -> None:
        """Give a subclass the chance to mine."""

    def _mined(self, raw: bytes) -> Receipt:
        """Wait for a receipt; the bytes are sent again, to all, as a node may have lost them."""
        place, again = keccak(raw), time.monotonic() + _RESEND
        deadline, begun = time.monotonic() + _DEADLINE, None
        while (receipt := self.receipt(place)) is None:
            if time.monotonic() > deadline:
                head = self.header()
                at = f", which stands still at block {head.number}; {_REMEDY}"
                still = at if head == begun else ""
                raise NotMined(
                    f"transaction 0x{place.hex()} was not mined within {_DEADLINE:.0f} s"
                    f" at {self.shown}{still}; it was sent, and may be mined yet"
                )
            time.sleep(0.05)
            if time.monotonic() > again:
                begun = begun or self.header()
                with suppress(ChainError):  # it may just have been mined
                    self.send(raw)
                again = time.monotonic() + _RESEND
        return receipt


def _require_number(header: Header, wanted: int | None) -> None:
    """Some nodes answer with the latest block where they have not the one that is asked for."""
    if wanted not in (None, header.number):
        raise ValueError(f"block {header.number} where {wanted} is asked for")


def _header_of(raw: Any) -> Header:
    """Return a node's block as its header."""
    return replace(raw_header(raw), is_believed=not is_block_of_hash(raw))


def _sent_of(name: bytes, raw: Any) -> Sent:
    """Return a node's transaction as ours."""
    if raw is None or raw.get("blockHash") is None:
        raise ChainError(
            f"the node has not, or no more, the transaction 0x{name.hex()} whose logs it gives; use"
            " one that keeps all transactions"
        )
    if _bytes(raw["hash"]) != name:
        raise ValueError(f"{raw['hash']} for transaction 0x{name.hex()}")
    to = None if raw["to"] is None else checksummed(_bytes(raw["to"]))
    sender, data = checksummed(_bytes(raw["from"])), _bytes(raw["input"])
    is_believed = not is_transaction_of_hash(raw)
    return Sent(name, _bytes(raw["blockHash"]), sender, to, data, is_believed)


def _bytes(answer: object) -> bytes:
    if not isinstance(answer, str) or not answer.startswith("0x"):
        raise ValueError(f"{answer!r:.100} is no bytes")
    return bytes.fromhex(answer[2:])


def _count(answer: object, most: int = _MOST) -> int:
    if not isinstance(answer, int) or not 0 <= answer <= most:
        raise ValueError(f"{answer} is no count")
    return answer


def _known(address: str) -> ChecksumAddress:
    return cast(ChecksumAddress, address)


def dev_funder() -> Key:
    """Return the account that development nodes fund."""
    return Key(bytes.fromhex(_DEV_KEY))
