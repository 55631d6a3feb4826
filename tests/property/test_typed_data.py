"""The EIP-712 encoder against eth-account's, for every type that anyone signs here."""

from dataclasses import fields, is_dataclass, replace
from typing import get_args, get_origin, get_type_hints

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.identity import (
    BadValue,
    Domain,
    Key,
    digest,
    keccak,
    recover,
    struct_hash,
    type_string,
)
from fabmarket.market.messages import Demand, Message
from fabmarket.market.trade import (
    Attestation,
    Confirmation,
    Intent,
    NetBatch,
    Open,
    Operators,
    Pause,
    Ruling,
    SealedAttestation,
    Split,
    Token,
    Trade,
)

DECISIONS = {Attestation, SealedAttestation, Operators, Pause, Token, Ruling}
MARKET = {*DECISIONS, Confirmation, Intent, Open, Trade, Split, NetBatch}
SIGNED = sorted({*get_args(Message), *MARKET}, key=lambda each: each.__name__)
KEY = Key.derive("typed data")
addresses = st.binary(min_size=20, max_size=20).map(to_checksum_address)
domains = st.builds(
    Domain, st.text(max_size=9), st.text(max_size=3), st.integers(0, 2**64), addresses
)


def values(hint):
    """A strategy for a field's annotation."""
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=3).map(tuple)
    if is_dataclass(hint):
        return structs(hint)
    kind = hint.__metadata__[0]
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    return {
        "address": addresses,
        "bytes": st.binary(max_size=100),
        "bytes32": st.binary(min_size=32, max_size=32),
        "string": st.text(max_size=20),
        "bool": st.booleans(),
    }[kind]


def structs(kind):
    hints = get_type_hints(kind, include_extras=True)
    return st.builds(kind, **{field.name: values(hints[field.name]) for field in fields(kind)})


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def described(kind, types):
    """Add a struct's EIP-712 members, and those of the structs it holds, to `types`."""
    members = types[kind.__name__] = []
    for name, hint in get_type_hints(kind, include_extras=True).items():
        array = get_origin(hint) is tuple
        inner = get_args(hint)[0] if array else hint
        if is_dataclass(inner):
            described(inner, types)
        text = inner.__name__ if is_dataclass(inner) else inner.__metadata__[0]
        members.append({"name": camel(name), "type": text + "[]" * array})
    return types


def plain(value):
    if is_dataclass(value):
        return {camel(field.name): plain(getattr(value, field.name)) for field in fields(value)}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def foreign_digest(domain, value):
    signable = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                **described(type(value), {}),
            },
            "primaryType": type(value).__name__,
            "domain": {
                "name": domain.name,
                "version": domain.version,
                "chainId": domain.chain_id,
                "verifyingContract": domain.verifying_contract,
            },
            "message": plain(value),
        }
    )
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


@pytest.mark.parametrize("kind", SIGNED, ids=lambda kind: kind.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_the_digest_is_eth_account_s(kind, data):
    domain, value = data.draw(domains), data.draw(structs(kind))
    assert digest(domain, value) == foreign_digest(domain, value)


@pytest.mark.parametrize("kind", SIGNED, ids=lambda kind: kind.__name__)
@settings(max_examples=15)
@given(data=st.data())
def test_changing_any_one_field_changes_the_signer(kind, data):
    domain, value, other = data.draw(domains), data.draw(structs(kind)), data.draw(structs(kind))
    signature = KEY.sign(digest(domain, value))
    for field in fields(kind):
        changed = replace(value, **{field.name: getattr(other, field.name)})
        signer = recover(digest(domain, changed), signature)
        assert (signer == KEY.address) == (changed == value)


def test_the_types_of_a_demand_follow_in_alphabetical_order():
    assert type_string(Demand) == (
        "Demand(address demander,uint64 sequence,uint64 offersUntil,uint64 opens,"
        "SubTask[] subTasks)"
        "Alternative(bytes32 resource,uint64 quantity)"
        "SubTask(bytes32 id,uint64 start,uint64 end,bool divisible,"
        "Alternative[] alternatives)"
    )


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**300), 2**300),
    st.just(2**40_000),
    st.floats(),
    st.text(max_size=50),
    st.just("\ud800"),
    st.binary(max_size=40),
    st.lists(st.integers(), max_size=2),
    st.tuples(st.integers()),
)


@pytest.mark.parametrize("kind", SIGNED, ids=lambda kind: kind.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_a_value_of_another_type_is_refused_or_encodes(kind, data):
    """Whatever stands in a field, hashing ends in 32 bytes or in BadValue, never otherwise."""
    value = data.draw(structs(kind))
    name = data.draw(st.sampled_from([field.name for field in fields(kind)]))
    strange = replace(value, **{name: data.draw(junk)})
    try:
        hashed = struct_hash(strange)
    except BadValue as refusal:
        hashed, words = None, str(refusal)
    if hashed is None:
        assert "does not fit" in words
        assert len(words) < 200
    else:
        assert len(hashed) == 32
