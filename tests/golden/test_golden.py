"""The bytes that are signed: reproduced here from vectors that ethers computed.

A change to a vector is a change of the protocol.
"""

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest

from fabmarket.identity import (
    Domain,
    Key,
    digest,
    recover,
    struct_hash,
    type_hash,
    type_string,
)
from fabmarket.market import messages, trade

FOLDER = Path(__file__).parent
FILES = ("trade.json", "attestation.json", "messages.json")
CLASSES = {
    each.__name__: each
    for each in (
        *get_args(messages.Message),
        *(trade.Trade, trade.Attestation, trade.SealedAttestation),
    )
}


def vectors():
    for file in FILES:
        for vector in json.loads((FOLDER / file).read_text())["vectors"]:
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
    return bytes.fromhex(value[2:]) if kind == "bytes32" else value


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
    signed = digest(domain, message)
    assert hexed(signed) == vector["digest"]
    assert key.address == vector["signer"]
    assert hexed(key.sign(signed)) == vector["signature"]
    assert recover(signed, bytes.fromhex(vector["signature"][2:])) == vector["signer"]


def test_every_signed_type_has_a_vector():
    covered = {vector.values[0]["primaryType"] for vector in vectors()}
    assert covered == set(CLASSES)


def test_a_message_s_vector_is_signed_by_its_author():
    for vector in json.loads((FOLDER / "messages.json").read_text())["vectors"]:
        message = read(CLASSES[vector["primaryType"]], vector["message"])
        assert message.author == vector["signer"]
