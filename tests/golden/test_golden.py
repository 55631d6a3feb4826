"""The bytes that are signed: reproduced here from vectors that ethers computed.

A change to a vector is a change of the protocol.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest

from fabmarket.identity import (
    Address,
    Bytes,
    Domain,
    Key,
    TypedStruct,
    Uint64,
    digest,
    recover,
    struct_hash,
    type_hash,
    type_string,
)
from fabmarket.market import cards, masked, messages, net, trade

FOLDER = Path(__file__).parent
CONTRACTS = FOLDER.parents[1] / "contracts"
FILES = (
    "attestation.json",
    "cards.json",
    "consents.json",
    "cycles.json",
    "decisions.json",
    "masked.json",
    "messages.json",
    "net.json",
    "oversight.json",
    "products.json",
    "trade.json",
    "usage.json",
)


@dataclass(frozen=True)
class Announcement(TypedStruct):
    """What ReleaseBoard takes from a relayer; the package itself signs none."""

    author: Address
    sequence: Uint64
    payload: Bytes
    deadline: Uint64


BY_ONE_TIME_KEYS = (masked.SeatText, masked.MaskedAnswer, masked.Pads, masked.Pair)

# An escrow is signed as a part of a trade only.
CLASSES = {
    each.__name__: each
    for each in (
        *get_args(messages.Message),
        *get_args(cards.Notice),
        *(each for each in vars(trade).values() if isinstance(each, type)),
        Announcement,
        *BY_ONE_TIME_KEYS,
    )
    if issubclass(each, TypedStruct) and each not in (TypedStruct, trade.Escrow)
}


def stored(file):
    return json.loads((FOLDER / file).read_text())["vectors"]


def vectors():
    for file in FILES:
        for vector in stored(file):
            yield pytest.param(vector, id=f"{file}: {vector['name']}")


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def read(hint, value):
    """A value of the JSON vector as the field it belongs to."""
    if get_origin(hint) is tuple:
        return tuple(read(get_args(hint)[0], item) for item in value)
    if is_dataclass(hint):
        hints = get_type_hints(hint, include_extras=True)
        return hint(*(read(hints[f.name], value[camel(f.name)]) for f in fields(hint)))
    kind = hint.__metadata__[0]
    if kind.startswith("uint"):
        return int(value)
    return bytes.fromhex(value[2:]) if kind.startswith("bytes") else value


def hexed(data):
    return "0x" + data.hex()


@pytest.mark.parametrize("vector", list(vectors()))
def test_a_foreign_implementation_s_vector_is_reproduced(vector):
    kind = CLASSES[vector["primaryType"]]
    message = read(kind, vector["message"])
    of = vector["domain"]
    domain = Domain(of["name"], of["version"], int(of["chainId"]), of["verifyingContract"])
    key = Key(bytes.fromhex(vector["privateKey"][2:]))

    assert type_string(kind) == vector["encodeType"]
    assert hexed(type_hash(kind)) == vector["typeHash"]
    assert hexed(struct_hash(message)) == vector["structHash"]
    assert hexed(domain.separator()) == vector["domainSeparator"]
    message_digest = digest(domain, message)
    assert hexed(message_digest) == vector["digest"]
    assert key.address == vector["signer"]
    assert hexed(key.sign(message_digest)) == vector["signature"]
    assert recover(message_digest, bytes.fromhex(vector["signature"][2:])) == vector["signer"]


def test_every_signed_type_has_a_vector():
    covered = {vector.values[0]["primaryType"] for vector in vectors()}
    assert covered == set(CLASSES)


def test_a_message_s_vector_is_signed_by_its_author():
    files = ("messages.json", "cards.json", "cycles.json", "oversight.json", "products.json")
    files = (*files, "usage.json", "masked.json")
    for vector in (vector for file in files for vector in stored(file)):
        message = read(CLASSES[vector["primaryType"]], vector["message"])
        if type(message) not in BY_ONE_TIME_KEYS:
            assert message.author == vector["signer"]


@pytest.mark.parametrize("vector", stored("net.json"), ids=lambda vector: vector["name"])
def test_a_batch_s_roots_are_those_of_its_words(vector):
    trades, rows, sales = (
        [int(word, 16) for word in vector["words"][tree]] for tree in ("trades", "rows", "sales")
    )
    kept = net.unpack_rows(rows), net.unpack_sales(sales)
    assert [net.pack(parts) for parts in kept] == [tuple(rows), tuple(sales)]
    pairs = zip(trades[::2], trades[1::2], strict=True)
    leaves = [net.trade_leaf(t.to_bytes(32, "big"), salt.to_bytes(32, "big")) for t, salt in pairs]
    roots = [net.root(leaves), *(net.root(list(map(net.leaf, parts))) for parts in kept)]
    assert list(map(hexed, roots)) == [vector["message"][k] for k in ("trades", "rows", "sales")]


def test_a_trade_for_a_net_cycle_names_the_time_and_its_product():
    (vector,) = (vector for vector in stored("trade.json") if "notBefore" in vector)
    agreed = read(trade.Trade, vector["message"])
    assert agreed.bundle == net.net_bundle(int(vector["notBefore"]), trade.bundle_of([agreed]))


@pytest.mark.skipif(
    shutil.which("node") is None or not (CONTRACTS / "node_modules").is_dir(),
    reason="needs Node 20 or later and contracts/node_modules: run `npm ci` in contracts/",
)
def test_the_vectors_are_what_the_foreign_implementation_computes(tmp_path):
    script = str(CONTRACTS / "script" / "golden.mjs")
    subprocess.run(["node", script, str(tmp_path)], check=True)  # noqa: S603, S607
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    for name in FILES:
        assert (FOLDER / name).read_bytes() == (tmp_path / name).read_bytes(), name
