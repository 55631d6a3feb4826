from dataclasses import dataclass

import pytest

from fabmarket.errors import Refused
from fabmarket.identity import (
    Address,
    BadValue,
    Bytes32,
    Domain,
    Flag,
    Key,
    Text,
    TypedStruct,
    Uint8,
    Uint64,
    digest,
    recover,
    struct_hash,
    type_string,
)

ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


@dataclass(frozen=True)
class Inner(TypedStruct):
    small_number: Uint8


@dataclass(frozen=True)
class Outer(TypedStruct):
    who: Address
    what: Bytes32
    note: Text
    on: Flag
    first: Inner
    others: tuple[Inner, ...]
    counts: tuple[Uint64, ...]


GOOD = {
    "who": ADDRESS,
    "what": bytes(32),
    "note": "",
    "on": False,
    "first": Inner(0),
    "others": (),
    "counts": (),
}


def test_the_type_names_fields_as_the_contracts_do():
    assert type_string(Outer) == (
        "Outer(address who,bytes32 what,string note,bool on,Inner first,Inner[] others,"
        "uint64[] counts)Inner(uint8 smallNumber)"
    )


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("who", "0x00", "address"),
        ("who", 5, "address"),
        ("who", ADDRESS[:-1] + "g", "address"),
        ("what", bytes(31), "bytes32"),
        ("what", bytes(33), "bytes32"),
        ("what", "0" * 32, "bytes32"),
        ("note", "\ud800", "string"),
        ("note", b"text", "string"),
        ("on", 1, "bool"),
        ("on", "yes", "bool"),
        ("first", Inner(-1), "uint8"),
        ("first", Inner(256), "uint8"),
        ("first", Inner(1.0), "uint8"),
        ("first", None, "Inner"),
        ("others", (Inner(1), 2), "Inner"),
        ("others", [Inner(1)], r"Inner\[\]"),
        ("counts", (1, 2**64), "uint64"),
        ("counts", 7, r"uint64\[\]"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_type(field, value, kind):
    with pytest.raises(BadValue, match=f"does not fit {kind}; give"):
        struct_hash(Outer(**{**GOOD, field: value}))


def test_a_value_that_does_not_fit_is_the_peer_s_fault():
    assert issubclass(BadValue, Refused)


def test_regression_a_number_of_100000_digits_is_refused_at_once_and_in_short():
    with pytest.raises(BadValue) as caught:
        struct_hash(Inner(1 << 400_000))
    assert len(str(caught.value)) < 200


def test_regression_a_flag_other_than_true_and_false_cannot_be_signed():
    """Else two different messages would have one digest."""
    with pytest.raises(BadValue):
        struct_hash(Outer(**{**GOOD, "on": 2}))


def test_a_signature_holds_in_one_domain_only():
    key = Key.derive("domain")
    here = Domain("Fabmarket", "1", 1, ADDRESS)
    signature = key.sign(digest(here, Inner(1)))
    assert recover(digest(here, Inner(1)), signature) == key.address
    elsewhere = (
        Domain("Fabmarket", "1", 2, ADDRESS),
        Domain("Fabmarket", "1", 1, key.address),
        Domain("Fabmarket", "2", 1, ADDRESS),
        Domain("Other", "1", 1, ADDRESS),
    )
    for domain in elsewhere:
        assert recover(digest(domain, Inner(1)), signature) != key.address


def test_the_same_values_under_another_type_name_have_another_hash():
    @dataclass(frozen=True)
    class Renamed(TypedStruct):
        small_number: Uint8

    assert struct_hash(Renamed(1)) != struct_hash(Inner(1))
