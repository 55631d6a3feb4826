"""What a node answers, read without web3, which checks and copies each field of each log.

ValueError, TypeError or KeyError for what no node says.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fabmarket.chain.engine import Header, Log
from fabmarket.identity.keys import checksummed

_MOST = (1 << 63) - 1
"""What SQLite can count: blocks, logs of a block, seconds."""


def raw_header(raw: Mapping[str, Any]) -> Header:
    """Return a block as its header."""
    return Header(
        count(raw["number"]), _word(raw["hash"]), _word(raw["parentHash"]), count(raw["timestamp"])
    )


def raw_logs(raw: Sequence[Mapping[str, Any]]) -> list[Log]:
    """Return logs as ours. What many of them share is read once."""
    words: dict[str, bytes] = {}
    addresses: dict[str, str] = {}
    numbers: dict[str, int] = {}
    found = []
    for each in raw:
        address, block_hash = each["address"], each["blockHash"]
        transaction, number = each["transactionHash"], each["blockNumber"]
        if address not in addresses:
            addresses[address] = checksummed(octets(address))
        if block_hash not in words:
            words[block_hash] = _word(block_hash)
        if transaction not in words:
            words[transaction] = _word(transaction)
        if number not in numbers:
            numbers[number] = count(number)
        found.append(
            Log(
                addresses[address],
                tuple(map(octets, each["topics"])),
                octets(each["data"]),
                numbers[number],
                words[block_hash],
                count(each["logIndex"]),
                words[transaction],
            )
        )
    return found


def count(text: str) -> int:
    """Return a number as a node writes it, below 2^63."""
    value = int(text, 16)
    if not 0 <= value <= _MOST:
        raise ValueError(f"{text:.100} is no count")
    return value


def octets(text: str) -> bytes:
    """Return bytes as a node writes them."""
    if text[:2] != "0x":
        raise ValueError(f"{text:.100} does not begin with 0x")
    return bytes.fromhex(text[2:])


def _word(text: str) -> bytes:
    word = octets(text)
    if len(word) != 32:
        raise ValueError(f"{text:.100} is no hash")
    return word
