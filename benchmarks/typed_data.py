"""Signing and verifying one message: this package against eth-account, side by side.

    python benchmarks/typed_data.py [--json]

Each figure is the median of five runs of 300 messages, the two libraries in turn.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

from eth_account import Account
from eth_account.messages import encode_typed_data

from fabmarket.identity import Domain, Key, digest, recover
from fabmarket.market.messages import Reply

COUNT = 300
DOMAIN = Domain("Fabmarket", "1", 31337, "0x" + "11" * 20)
KEY = Key.derive("benchmark")
ACCOUNT = Account.from_key(KEY._key.secret)
TYPES = {
    "Reply": [
        {"name": "demander", "type": "address"},
        {"name": "session", "type": "bytes32"},
        {"name": "seat", "type": "uint32"},
        {"name": "quote", "type": "bytes32"},
        {"name": "quantity", "type": "uint256"},
    ]
}


def ours(number: int) -> None:
    reply = Reply(KEY.address, b"\1" * 32, 1, b"\2" * 32, number)
    signature = KEY.sign(digest(DOMAIN, reply))
    if recover(digest(DOMAIN, reply), signature) != KEY.address:
        raise SystemExit("our signature does not verify")


def theirs(number: int) -> None:
    domain = {
        "name": DOMAIN.name,
        "version": DOMAIN.version,
        "chainId": DOMAIN.chain_id,
        "verifyingContract": DOMAIN.verifying_contract,
    }
    reply = {
        "demander": KEY.address,
        "session": b"\1" * 32,
        "seat": 1,
        "quote": b"\2" * 32,
        "quantity": number,
    }
    signature = ACCOUNT.sign_message(encode_typed_data(domain, TYPES, reply)).signature
    signed = encode_typed_data(domain, TYPES, reply)
    if Account.recover_message(signed, signature=signature) != KEY.address:
        raise SystemExit("eth-account's signature does not verify")


def milliseconds(action: Callable[[int], None]) -> float:
    started = time.perf_counter()
    for number in range(COUNT):
        action(number)
    return 1000 * (time.perf_counter() - started) / COUNT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    pairs = [(milliseconds(ours), milliseconds(theirs)) for _ in range(5)]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    result = {
        "fabmarket_ms": round(mine, 4),
        "eth_account_ms": round(other, 4),
        "ratio": round(other / mine, 1),
    }
    print(json.dumps(result) if args.json else result)


if __name__ == "__main__":
    main()
