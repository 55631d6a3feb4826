"""An engine reached over JSON-RPC, and an anvil process started for one run."""

import re
import socket
import subprocess
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from eth_typing import BlockNumber, ChecksumAddress
from typing_extensions import override
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError
from web3.types import (
    FilterParams,
    LogReceipt,
    RPCEndpoint,
    RPCResponse,
    TxParams,
    TxReceipt,
)

from fabmarket.chain.engine import (
    BLOCK_GAS,
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
from fabmarket.errors import FabmarketError, TryAgain
from fabmarket.identity import Key
from fabmarket.interrupts import held_back

_DEADLINE = 60.0
_TIMEOUT = 10.0
_PATIENCE = 5.0
_QUOTED = 300
_SECRET = 6
# The first account of the mnemonic that anvil and hardhat fund by default; public knowledge.
_DEV_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


class NotMined(TryAgain):
    """The node took a transaction but did not mine it in time."""


class NodeLost(TryAgain):
    """A node that has answered before does not answer any more."""


def public(name: str) -> str:
    """An engine's name as it may be shown and kept: of a URL scheme, host and port.

    The rest can be a secret: providers take passwords before the host, and keys in the path or the
    query. "…" stands for what is left out.
    """
    scheme, mark, _ = name.partition("://")
    if not mark or "@" in scheme:
        return "…" if "@" in name else name
    user, host, rest = _parts(name)
    if "@" in rest:  # a password with a slash in it
        return f"{scheme}://…"
    return f"{scheme}://{host}/…" if user or rest.strip("/") else name


def _parts(url: str) -> tuple[str, str, str]:
    """What stands before the host, with its @; host and port; path, query and fragment."""
    place = re.split("(?=[/?#])", url.partition("://")[2], maxsplit=1)
    user, at, host = place[0].rpartition("@")
    return user + at, host, "".join(place[1:])


def _secrets(url: str) -> list[str]:
    """What `public` leaves out, and its parts, longest first; a short part is no secret."""
    user, _, rest = _parts(url)
    found = [user[:-1], *user[:-1].split(":"), rest.strip("/"), *re.split("[/?#&=]", rest)]
    both = {*found, *map(unquote, found)}
    return sorted((one for one in both if len(one) >= _SECRET), key=len, reverse=True)


class _Provider(HTTPProvider):
    """HTTP whose failures, of whatever layer, are one error of ours."""

    @override
    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        try:
            return super().make_request(method, params)
        except OSError as error:  # also the base of what requests raises
            raise NodeLost(
                f"the node at {public(str(self.endpoint_uri))} does not answer {method}"
                f" ({type(error).__name__}); see that it runs and start again"
            ) from error


def log_of(raw: LogReceipt) -> Log:
    """Return web3's log entry as ours."""
    return Log(
        address=raw["address"],
        topics=tuple(bytes(topic) for topic in raw["topics"]),
        data=bytes(raw["data"]),
        block=raw["blockNumber"],
        block_hash=bytes(raw["blockHash"]),
        index=raw["logIndex"],
        transaction=bytes(raw["transactionHash"]),
    )


def receipt_of(raw: TxReceipt) -> Receipt:
    """Return web3's receipt as ours."""
    return Receipt(
        transaction=bytes(raw["transactionHash"]),
        status=raw["status"],
        block=raw["blockNumber"],
        gas_used=raw["gasUsed"],
        contract=raw["contractAddress"],
        logs=tuple(map(log_of, raw["logs"])),
    )


class RpcEngine(Engine):
    """A node at an http(s) URL that mines by itself."""

    is_virtual = False

    def __init__(self, name: str, url: str, chain_id: int | None, funder: Key) -> None:
        self.name = name
        self.url = url
        self.shown = public(url)
        self._secrets = _secrets(url)
        self.funder = funder
        self.w3 = Web3(
            _Provider(url, request_kwargs={"timeout": _TIMEOUT}, exception_retry_configuration=None)
        )
        try:
            found = self.w3.eth.chain_id
            self.client = self._quoted(self.w3.client_version)
        except Exception as error:  # requests and web3 raise many kinds for one fact
            cause = error.__cause__ or error
            raise EngineUnavailable(
                f"no Ethereum node answers at {self.shown} ({type(cause).__name__});"
                " start one there or use --engine embedded"
            ) from error
        if chain_id is not None and found != chain_id:
            raise EngineUnavailable(
                f"chain id {found} at {self.shown} where {chain_id} is expected;"
                f" pass --chain-id {found} if this is the chain you mean"
            )
        self.chain_id = found

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Whatever a node answers that web3 or we cannot read is one error."""
        try:
            yield
        except FabmarketError:
            raise
        except Exception as error:
            said = self._quoted(f"{type(error).__name__}: {error}")
            raise ChainError(
                f"the node at {self.shown} does not answer as a node does ({said}); use another"
            ) from error

    def _quoted(self, said: object) -> str:
        """What a node said, cut short, without what the URL holds and is not to be shown."""
        text = str(said)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"

    @override
    def header(self, number: int | None = None) -> Header:
        with self._asking():
            found = self.w3.eth.get_block("latest" if number is None else BlockNumber(number))
            place, parent = bytes(found["hash"]), bytes(found["parentHash"])
            return Header(_count(found["number"]), place, parent, _count(found["timestamp"]))

    @override
    def logs(self, first: int, last: int, address: str) -> list[Log]:
        wanted: FilterParams = {
            "fromBlock": BlockNumber(first),
            "toBlock": BlockNumber(last),
            "address": _known(address),
        }
        with self._asking():
            found = [log_of(raw) for raw in self.w3.eth.get_logs(wanted)]
        return sorted(found, key=lambda log: (log.block, log.index))

    @override
    def pass_time(self, until: int) -> None:
        deadline = time.monotonic() + max(0, until - self.now()) + _DEADLINE
        while (now := self.now()) < until:
            if time.monotonic() > deadline:
                raise NotMined(f"the chain at {self.shown} stands still at {now}")
            time.sleep(min(1.0, until - now))
            if self.now() == now:  # a node that makes blocks of transactions alone
                self._heartbeat()

    def _heartbeat(self) -> None:
        """Make the chain's time known: a transaction that does nothing."""
        address = self.funder.address
        fields = {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": self.nonce(address),
            "maxFeePerGas": self.fee_cap(),
            "maxPriorityFeePerGas": 10**9,
            "gas": 21_000,
            "to": address,
            "value": 0,
            "data": b"",
        }
        self.mine([self.funder.sign_transaction(fields)[0]])

    @override
    def fee_cap(self) -> int:
        with self._asking():
            base = _count(self.w3.eth.get_block("latest").get("baseFeePerGas", 0))
            return 2 * base + 10**9

    @override
    def nonce(self, address: str) -> int:
        with self._asking():
            return _count(self.w3.eth.get_transaction_count(_known(address)))

    @override
    def native_balance(self, address: str) -> int:
        with self._asking():
            return _count(self.w3.eth.get_balance(_known(address)))

    @override
    def mine(self, raw_transactions: Sequence[bytes]) -> list[Receipt]:
        with self._asking():
            hashes = [self._send(raw) for raw in raw_transactions]
            self._after_sending()
            deadline = time.monotonic() + _DEADLINE
            return [self._receipt(each, deadline) for each in hashes]

    @override
    def receipt(self, transaction: bytes) -> Receipt | None:
        with self._asking():
            return self._found(transaction)

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

    def _send(self, raw: bytes) -> bytes:
        try:
            return bytes(self.w3.eth.send_raw_transaction(raw))
        except Web3RPCError as error:
            said = self._quoted(error)
            raise ChainError(f"the node at {self.shown} refused a transaction: {said}") from error

    def _after_sending(self) -> None:
        """Give a subclass the chance to mine."""

    def _receipt(self, transaction: bytes, deadline: float) -> Receipt:
        while True:
            found = self._found(transaction)
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise NotMined(
                    f"transaction 0x{transaction.hex()} was not mined within {_DEADLINE:.0f} s"
                    f" at {self.shown}"
                )
            time.sleep(0.05)

    def _found(self, transaction: bytes) -> Receipt | None:
        try:
            return receipt_of(self.w3.eth.get_transaction_receipt(cast(Any, transaction)))
        except TransactionNotFound:
            return None


def _count(answer: object) -> int:
    if not isinstance(answer, int) or answer < 0:
        raise ValueError(f"{answer} is no count")
    return answer


def _known(address: str) -> ChecksumAddress:
    return cast(ChecksumAddress, address)


class AnvilEngine(RpcEngine):
    """An anvil process of our own, with chain id, times and block contents pinned."""

    is_virtual = True

    def __init__(self, binary: Path, settings: Settings) -> None:
        chain_id = settings.chain_id or PINNED_CHAIN_ID
        port = _free_port()
        command = [
            str(binary),
            *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain_id)),
            *("--timestamp", str(settings.genesis_time), "--gas-limit", str(BLOCK_GAS)),
            *("--hardfork", "prague", "--order", "fifo", "--no-mining", "--quiet"),
        ]
        try:
            with held_back():  # or nobody would know the process to end
                process = subprocess.Popen(  # noqa: S603 (the binary is found by open_engine)
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
                # Whatever becomes of this object, its process ends with it.
                self._end = weakref.finalize(self, _end, process)
        except OSError as error:
            raise EngineUnavailable(
                f"{binary} cannot be run as anvil ({error.strerror});"
                " set FABMARKET_ANVIL to anvil's native binary or use --engine embedded"
            ) from error
        try:
            self._process = process
            self._wait_until_listening(port)
            super().__init__(
                "anvil", f"http://127.0.0.1:{port}", chain_id, Key(bytes.fromhex(_DEV_KEY))
            )
            self._request("anvil_setBlockTimestampInterval", [1])
        except BaseException:
            self.close()
            raise

    @override
    def fee_cap(self) -> int:
        return 100 * 10**9

    @override
    def close(self) -> None:
        self._end()

    @override
    def _after_sending(self) -> None:
        self._request("evm_mine", [])

    @override
    def pass_time(self, until: int) -> None:
        if self.now() < until:
            self._request("evm_setNextBlockTimestamp", [until])
            self._request("evm_mine", [])

    def _request(self, method: str, params: list[Any]) -> None:
        answer = self.w3.provider.make_request(RPCEndpoint(method), params)
        if "error" in answer:
            raise ChainError(f"anvil refused {method}: {self._quoted(answer['error'])}")

    def _wait_until_listening(self, port: int) -> None:
        deadline = time.monotonic() + _TIMEOUT
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                said = self._process.stderr.read() if self._process.stderr else b""
                told = said.decode(errors="replace").strip()[:_QUOTED]
                raise EngineUnavailable(f"anvil stopped at once: {told}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise EngineUnavailable(f"anvil does not listen on port {port} after {_TIMEOUT:.0f} s")


def _end(process: "subprocess.Popen[bytes]") -> None:
    with held_back():
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr:
            process.stderr.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def dev_funder() -> Key:
    """Return the account that development nodes fund."""
    return Key(bytes.fromhex(_DEV_KEY))
