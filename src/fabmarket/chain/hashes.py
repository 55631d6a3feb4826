"""Whether what a node says of a block or a transaction is what its hash is of.

Nodes hash fields in one encoding; who changes one of them on the way contradicts the hash. Chains
may hash fields that are not known here: then nothing can be said. ValueError for a contradiction.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import rlp  # type: ignore[import-untyped]

from fabmarket.chain.raw import octets
from fabmarket.identity import keccak, recover
from fabmarket.identity.keys import checksummed

Raw = Mapping[str, Any]

_NUMBERS = {
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "baseFeePerGas",
    "blobGasUsed",
    "excessBlobGas",
}
_ALWAYS = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot"),
    *("logsBloom", "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData"),
    *("mixHash", "nonce"),
)
_SINCE = (
    *("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas"),
    *("parentBeaconBlockRoot", "requestsHash"),
)
"""What later headers have at their end, in the order in which it came."""
_OF_BLOCK = {
    *_ALWAYS,
    *_SINCE,
    *("hash", "size", "totalDifficulty", "transactions", "uncles", "withdrawals"),
}
_VOTED = (
    "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365",
    "0x" + 64 * "0",
)
"""The mix hashes of blocks that validators vote on. With IBFT and QBFT not all seals are in the
hash; cosmos/evm has neither work nor a beacon to draw one from, and its hashes are of CometBFT's
headers.
"""

_OF_TRANSACTION = {
    *("hash", "from", "to", "input", "nonce", "gas", "value", "type", "chainId", "r", "s", "v"),
    *("yParity", "gasPrice", "maxPriorityFeePerGas", "maxFeePerGas", "maxFeePerBlobGas"),
    *("accessList", "blobVersionedHashes", "authorizationList", "blockHash", "blockNumber"),
    *("blockTimestamp", "transactionIndex", "publicKey", "raw", "standardV", "creates"),
    "condition",
}
_OF_RECEIPT = {
    *("transactionHash", "transactionIndex", "blockHash", "blockNumber", "blockTimestamp"),
    *("from", "to", "cumulativeGasUsed", "gasUsed", "effectiveGasPrice", "contractAddress"),
    *("logs", "logsBloom", "type", "status", "blobGasUsed", "blobGasPrice"),
}
_TYPES = range(1, 5)


def is_block_of_hash(raw: Raw) -> bool:
    """Return whether a block's hash is that of its fields; False if it may have unknown ones."""
    fields = [_field(raw, name) for name in _ALWAYS]
    fields += [_field(raw, name) for name in _SINCE if raw.get(name) is not None]
    if keccak(rlp.encode(fields)) == octets(raw["hash"]):
        return True
    if not _OF_BLOCK.issuperset(raw) or raw["mixHash"] in _VOTED:
        return False
    raise ValueError(f"block {int(raw['number'], 16)} with other fields than those of its hash")


def is_transaction_of_hash(raw: Raw) -> bool:
    """Return whether a transaction's hash is that of its fields, and its sender signed it.

    False if it is of an unknown type, or may have unknown fields.
    """
    kind = _number(raw.get("type") or "0x0")
    if kind and kind not in _TYPES:
        return False
    prefix = bytes([kind]) if kind else b""
    parity, whole, asked = _typed(raw, kind) if kind else _legacy(raw)
    if keccak(prefix + rlp.encode(whole)) != octets(raw["hash"]):
        if not _OF_TRANSACTION.issuperset(raw):
            return False
        raise ValueError(f"transaction {raw['hash']} with other fields than those of its hash")
    r, s = (_number(raw[name]).to_bytes(32, "big") for name in ("r", "s"))
    signer = recover(keccak(prefix + rlp.encode(asked)), r + s + bytes([27 + parity]))
    if signer != checksummed(octets(raw["from"])):
        raise ValueError(f"transaction {raw['hash']} from {raw['from']}, but {signer} signed it")
    return True


def receipts_have_root(receipts: Sequence[Raw], root: bytes) -> bool:
    """Return whether a block's receipts are those of its header; False if they may be odd ones."""
    # Only whoever found something wrong needs py-evm for this.
    from eth.db.trie import make_trie_root_and_nodes  # noqa: PLC0415

    kinds = [_number(each.get("type") or "0x0") for each in receipts]
    if any(kind and kind not in _TYPES for kind in kinds):
        return False
    leaves: Any = tuple(map(_Receipt, receipts, kinds))
    found = make_trie_root_and_nodes(leaves)[0]
    if found == root:
        return True
    if not all(_OF_RECEIPT.issuperset(each) for each in receipts):
        return False
    raise ValueError(f"receipts of root 0x{found.hex()} for a block that has 0x{root.hex()}")


class _Receipt:
    """A receipt as a leaf of the trie."""

    def __init__(self, raw: Raw, kind: int) -> None:
        self._raw, self._kind = raw, kind

    def encode(self) -> bytes:
        """Return what is hashed of it."""
        raw = self._raw
        logs = [
            [octets(log["address"]), list(map(octets, log["topics"])), octets(log["data"])]
            for log in raw["logs"]
        ]
        numbers = [_number(raw["status"]), _number(raw["cumulativeGasUsed"])]
        body: bytes = rlp.encode([*numbers, octets(raw["logsBloom"]), logs])
        return bytes([self._kind]) + body if self._kind else body


def _legacy(raw: Raw) -> tuple[int, list[Any], list[Any]]:
    """The parity of the signature, all fields, and those that were signed."""
    common = [*_numbers(raw, "nonce", "gasPrice", "gas"), *_call(raw)]
    v, r, s = _numbers(raw, "v", "r", "s")
    if v in (27, 28):
        return v - 27, [*common, v, r, s], common
    chain, parity = divmod(v - 35, 2)
    return parity, [*common, v, r, s], [*common, max(0, chain), 0, 0]


def _typed(raw: Raw, kind: int) -> tuple[int, list[Any], list[Any]]:
    fees = ("gasPrice",) if kind == 1 else ("maxPriorityFeePerGas", "maxFeePerGas")
    asked = [*_numbers(raw, "chainId", "nonce", *fees, "gas"), *_call(raw)]
    asked.append(
        [
            [octets(each["address"]), list(map(octets, each["storageKeys"]))]
            for each in raw["accessList"]
        ]
    )
    if kind == 3:
        blobs = list(map(octets, raw["blobVersionedHashes"]))
        asked += [_number(raw["maxFeePerBlobGas"]), blobs]
    if kind == 4:
        asked.append([_authorization(each) for each in raw["authorizationList"]])
    parity = _number(raw["yParity"] if raw.get("yParity") is not None else raw["v"])
    return parity, [*asked, parity, *_numbers(raw, "r", "s")], asked


def _authorization(raw: Raw) -> list[Any]:
    chain, nonce = _numbers(raw, "chainId", "nonce")
    parity = _number(raw["yParity"] if raw.get("yParity") is not None else raw["v"])
    return [chain, octets(raw["address"]), nonce, parity, *_numbers(raw, "r", "s")]


def _call(raw: Raw) -> list[Any]:
    to = b"" if raw["to"] is None else octets(raw["to"])
    return [to, _number(raw["value"]), octets(raw["input"])]


def _field(raw: Raw, name: str) -> int | bytes:
    return _number(raw[name]) if name in _NUMBERS else octets(raw[name])


def _numbers(raw: Raw, *names: str) -> list[int]:
    return [_number(raw[name]) for name in names]


def _number(text: str) -> int:
    value = int(text, 16)
    if value < 0:
        raise ValueError(f"{text:.100} is no number")
    return value
