"""Signing and verifying one message: this package against eth-account, side by side.

    python benchmarks/typed_data.py [--json]

Each figure is the median of five runs of 300 messages, the two libraries in turn. Beside them, what
it takes to write a message as text and to read it, and what the signature's recovery alone takes.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

from eth_account import Account
from eth_account.messages import encode_typed_data

from fabmarket.identity import Domain, Key, digest, recover
from fabmarket.identity.codec import decode, encode
from fabmarket.market.messages import Reply

COUNT = 300
DOMAIN = Domain("Fabmarket", "1", 31337, "0x" + "11" * 20)
KEY = Key.derive("benchmark")
SIGNED = b"\3" * 32
SIGNATURE = KEY.sign(SIGNED)
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


def reply(number: int) -> Reply:
    return Reply(KEY.address, b"\1" * 32, 1, b"\2" * 32, number)


def ours(number: int) -> None:
    signature = KEY.sign(digest(DOMAIN, reply(number)))
    # The receiver has an object of its own, whose digest nobody has worked out yet.
    if recover(digest(DOMAIN, reply(number)), signature) != KEY.address:
        raise SystemExit("our signature does not verify")


def text(number: int) -> None:
    if decode(Reply, encode(reply(number))).quantity != number:
        raise SystemExit("the text says another number")


def recovery(number: int) -> None:
    if recover(SIGNED, SIGNATURE) != KEY.address:
        raise SystemExit("our signature does not verify")


def theirs(number: int) -> None:
    domain = {
        "name": DOMAIN.name,
        "version": DOMAIN.version,
        "chainId": DOMAIN.chain_id,
        "verifyingContract": DOMAIN.verifying_contract,
    }
    message = {
        "demander": KEY.address,
        "session": b"\1" * 32,
        "seat": 1,
        "quote": b"\2" * 32,
        "quantity": number,
    }
    signature = ACCOUNT.sign_message(encode_typed_data(domain, TYPES, message)).signature
    signed = encode_typed_data(domain, TYPES, message)
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
    runs = [[milliseconds(each) for each in (ours, theirs, text, recovery)] for _ in range(5)]
    mine, other, written, recovered = map(statistics.median, zip(*runs, strict=True))
    result = {
        "fabmarket_ms": round(mine, 4),
        "eth_account_ms": round(other, 4),
        "ratio": round(other / mine, 1),
        "text_ms": round(written, 4),
        "recovery_ms": round(recovered, 4),
    }
    print(json.dumps(result) if args.json else result)


if __name__ == "__main__":
    main()
