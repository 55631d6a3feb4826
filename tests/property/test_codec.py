"""The codec: every kind of value that is signed, sent or stored has one text, and no other."""

import json
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Generic,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st
from rpds import HashTrieMap, HashTrieSet

from fabmarket.identity.codec import BadText, decode, encode
from fabmarket.market.events import EVENTS
from fabmarket.market.exchange import Move
from fabmarket.market.messages import Member, Message, Place
from fabmarket.market.trade import Intent
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.orders import Order
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.node import Evidence
from fabmarket.node.envelope import Envelope

K = TypeVar("K")
V = TypeVar("V")


class Map(Generic[K, V]):
    """For HashTrieMap, which takes no parameters."""


class Set(Generic[K]):
    """For HashTrieSet."""


MESSAGES = get_args(Message)
MOVES = {kind.__name__: kind for kind in get_args(Move)}
KINDS = (*MESSAGES, Place, Member, *EVENTS, DemanderState, SupplierState, Envelope, Evidence)
addresses = st.binary(min_size=20, max_size=20).map(to_checksum_address)
PLAIN = {
    int: st.integers(-(2**256), 2**256),
    bytes: st.binary(max_size=70),
    str: st.text(max_size=8),
    bool: st.booleans(),
    NoneType: st.none(),
}


@cache
def values(hint):
    """A strategy for an annotation."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return bounded(inner[0], inner[1])
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (Union, UnionType):
        return st.one_of([values(each) for each in inner])
    if origin is tuple and inner[1:] == (Ellipsis,):
        return st.lists(values(inner[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, inner))
    if origin is Map:
        return st.dictionaries(*map(values, inner), max_size=2).map(HashTrieMap)
    if origin in (Set, frozenset):
        made = frozenset if origin is frozenset else HashTrieSet
        return st.lists(values(inner[0]), max_size=2).map(made)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    return structs(hint) if is_dataclass(hint) else PLAIN[hint]


def bounded(base, name):
    if isinstance(name, str) and name.startswith("uint"):
        return st.integers(0, 2 ** int(name[4:]) - 1)
    special = {"bytes32": st.binary(min_size=32, max_size=32), "address": addresses}
    return special.get(name, PLAIN[base])


def structs(kind):
    localns = {"HashTrieMap": Map, "HashTrieSet": Set}
    if kind is MOVES["Relay"]:  # of any move but itself
        others = st.deferred(
            lambda: st.one_of([values(each) for each in MOVES.values() if each is not kind])
        )
        return st.builds(kind, values(Intent), others, values(bytes))
    hints = get_type_hints(kind, localns=localns, include_extras=True)
    return st.builds(kind, **{each.name: values(hints[each.name]) for each in fields(kind)})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=20)
@given(data=st.data())
def test_a_value_comes_back_from_its_text(kind, data):
    value = data.draw(values(kind))
    text = encode(value)
    back = decode(kind, text)
    assert back == value
    assert encode(back) == text


@pytest.mark.parametrize("name", MOVES)
@settings(max_examples=15)
@given(data=st.data())
def test_a_move_comes_back_from_the_order_for_it(name, data):
    ordered = Ordered(data.draw(values(MOVES[name])))
    assert decode(Ordered, encode(ordered)) == ordered


@given(st.data())
def test_maps_and_sets_have_one_text_in_whatever_order_they_were_made(data):
    pairs = data.draw(st.dictionaries(st.binary(max_size=3), st.integers(0, 9), max_size=9))
    items = list(pairs.items())
    shuffled = data.draw(st.permutations(items))
    assert encode(Held.of(items)) == encode(Held.of(shuffled))


@dataclass(frozen=True)
class Held:
    counts: "HashTrieMap[bytes, int]"
    names: "HashTrieSet[bytes]"

    @classmethod
    def of(cls, items):
        return cls(HashTrieMap(items), HashTrieSet([name for name, _ in items]))


# What nobody wrote

SAMPLES = (Envelope, SupplierState, DemanderState, Ordered)
"""Between them they use every form of the codec."""
scraps = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["0", "-0", "00", "1", "0x", "0x0", "0xAB", "\ud800", "9" * 81, "٣"]),
        st.sampled_from(["Trade", "Relay", "0x" + "a" * 40, "0x" + "é" * 40]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


def refused_or_other(kind, text, value):
    """A text that differs from a value's stands for another value or for none."""
    said = None
    try:
        found = decode(kind, text)
    except BadText as error:
        said = str(error)
    if said is None:
        assert encode(found) == text
        assert found != value
    else:
        assert said.startswith(tuple(names_in(kind)))
        assert len(said) < 2_000


def names_in(kind):
    """What a refusal can begin with: the type, or a member of a union in it."""
    members = (
        "Hosted",
        "MaskedHosted",
        "Bargain",
        "Seated",
        "MaskedSeated",
        "Haggle",
        "Proof",
        "bytes",
    )
    known = (*MESSAGES, *get_args(Order))
    return {kind.__name__, *MOVES, *(each.__name__ for each in known), *members}


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.__name__)
@settings(max_examples=100)
@given(data=st.data())
def test_no_byte_of_a_text_can_be_another(kind, data):
    value = data.draw(values(kind))
    text = bytearray(encode(value))
    at = data.draw(st.integers(0, len(text) - 1))
    how = data.draw(st.sampled_from(("change", "insert", "delete", "cut")))
    if how == "change":
        text[at] ^= data.draw(st.integers(1, 255))
    elif how == "insert":
        text[at:at] = data.draw(st.binary(min_size=1, max_size=4))
    elif how == "delete":
        del text[at]
    else:
        del text[at:]
    if bytes(text) != encode(value):
        refused_or_other(kind, bytes(text), value)


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.__name__)
@settings(max_examples=150)
@given(data=st.data())
def test_whatever_stands_in_a_field_is_refused_as_bad_text(kind, data):
    """Never by another error: a peer's bytes must not stop a participant."""
    value = data.draw(values(kind))
    plain = json.loads(encode(value))
    places = []

    def walk(node):
        inner = node.items() if isinstance(node, dict) else enumerate(node)
        for key, child in list(inner):
            places.append((node, key))
            if isinstance(child, dict | list):
                walk(child)

    walk(plain)
    node, key = data.draw(st.sampled_from(places))
    node[key] = data.draw(scraps)
    text = json.dumps(plain, separators=(",", ":")).encode()
    if text != encode(value):
        refused_or_other(kind, text, value)
