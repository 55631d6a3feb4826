import copy
import pickle
from contextlib import suppress

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.errors import Refused
from fabmarket.identity import BadSignature, Key, address_of, keccak, recover

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SECRET = bytes(range(1, 33))
KEY = Key(SECRET)
DIGEST = keccak(b"message")
SIGNATURE = KEY.sign(DIGEST)


@settings(max_examples=50)
@given(st.integers(1, ORDER - 1), st.binary(min_size=32, max_size=32))
def test_addresses_and_signatures_are_those_of_eth_account(secret, digest):
    key = Key(secret.to_bytes(32, "big"))
    account = Account.from_key(secret.to_bytes(32, "big"))
    assert key.address == account.address
    signature = key.sign(digest)
    assert signature == account.unsafe_sign_hash(digest).signature
    assert int.from_bytes(signature[32:64], "big") <= ORDER // 2
    assert recover(digest, signature) == key.address


def test_the_address_is_that_of_the_public_key():
    generator = bytes.fromhex(
        "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
        "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
    )
    assert address_of(generator) == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    assert Key((1).to_bytes(32, "big")).address == address_of(generator)


def test_a_derived_key_depends_on_every_label_and_on_nothing_else():
    assert Key.derive("a", "b").address == Key.derive("a", "b").address
    assert len({Key.derive(*path).address for path in (("a", "b"), ("b", "a"), ("a",))}) == 3


def test_a_key_does_not_show_its_secret():
    shown = [repr(KEY), str(KEY), f"{KEY}", f"{KEY!r}", repr([KEY]), str(KEY.__getstate__())]
    with pytest.raises(TypeError):
        vars(KEY)
    for give_away in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            give_away(KEY)
    for text in shown:
        assert SECRET.hex() not in text.lower()
        assert str(int.from_bytes(SECRET, "big")) not in text
        assert repr(SECRET)[2:-1] not in text


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, b"", bytes(33)])
def test_no_key_has_an_impossible_secret(secret):
    with pytest.raises(ValueError, match=r".+"):
        Key(secret)


def high_s(signature):
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def test_the_other_form_of_a_signature_is_refused_though_it_verifies():
    twin = high_s(SIGNATURE)
    assert Account._recover_hash(DIGEST, signature=twin) == KEY.address
    with pytest.raises(BadSignature, match="high s"):
        recover(DIGEST, twin)


@pytest.mark.parametrize("length", [0, 1, 32, 64, 66, 130])
def test_a_signature_of_another_length_is_refused(length):
    with pytest.raises(BadSignature, match=f"has {length} bytes; 65"):
        recover(DIGEST, (SIGNATURE * 2)[:length])


@pytest.mark.parametrize("v", [0, 1, 2, 26, 29, 35, 255])
def test_a_signature_with_another_v_is_refused(v):
    with pytest.raises(BadSignature, match=f"v = {v};"):
        recover(DIGEST, SIGNATURE[:64] + bytes([v]))


@pytest.mark.parametrize(
    "point",
    [
        bytes(32) + SIGNATURE[32:64],
        SIGNATURE[:32] + bytes(32),
        ORDER.to_bytes(32, "big") + SIGNATURE[32:64],
        b"\xff" * 32 + SIGNATURE[32:64],
        (5).to_bytes(32, "big") + SIGNATURE[32:64],  # no point of the curve has x = 5
    ],
)
def test_a_signature_that_no_key_can_have_made_is_refused(point):
    with pytest.raises(BadSignature, match="recovers to no key"):
        recover(DIGEST, point + b"\x1b")


def test_a_bad_signature_is_the_peer_s_fault():
    assert issubclass(BadSignature, Refused)


@given(st.integers(0, 255))
def test_a_tampered_digest_recovers_to_somebody_else(bit):
    tampered = bytearray(DIGEST)
    tampered[bit // 8] ^= 1 << bit % 8
    assert recover(bytes(tampered), SIGNATURE) != KEY.address


@settings(max_examples=200)
@given(st.binary(max_size=70), st.binary(min_size=32, max_size=32))
def test_random_bytes_recover_to_somebody_else_or_are_refused(signature, digest):
    with suppress(BadSignature):
        assert recover(digest, signature) != KEY.address


def test_a_signed_transaction_is_from_the_key_and_carries_its_hash():
    transaction = {
        "type": 2,
        "chainId": 31337,
        "nonce": 0,
        "maxFeePerGas": 1,
        "maxPriorityFeePerGas": 1,
        "gas": 21_000,
        "to": KEY.address,
        "value": 5,
        "data": b"",
    }
    raw, named = KEY.sign_transaction(transaction)
    assert Account.recover_transaction(raw) == KEY.address
    assert named == keccak(raw)
