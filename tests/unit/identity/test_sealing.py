"""Letters open for their reader alone, and under their own cover alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabmarket.identity import Domain, Key
from fabmarket.identity.covers import Cover
from fabmarket.identity.sealing import (
    LARGEST_BUCKET,
    LARGEST_LETTER,
    OVERHEAD,
    SMALLEST_BUCKET,
    SealingKey,
    Unsealable,
    bucket,
    cover_of,
    sealed,
)

DOMAIN = Domain("Fabmarket", "1", 31337, "0x00000000000000000000000000000000fab0cafe")
ANNE, BOB, EVE = (Key.derive("sealing tests", name) for name in ("anne", "bob", "eve"))
KEY = SealingKey(BOB)
COVER = Cover(ANNE.address, BOB.address, bytes(range(32)), 7)


def letter(text=b"a message", cover=COVER, domain=DOMAIN):
    return sealed(domain, cover, KEY.public, text)


@given(st.binary(max_size=5000))
def test_what_was_sealed_opens(text):
    assert KEY.open(DOMAIN, letter(text)) == (COVER, text)


@pytest.mark.parametrize(
    "length", [0, 1, SMALLEST_BUCKET, SMALLEST_BUCKET + 1, LARGEST_BUCKET - 1, LARGEST_BUCKET]
)
def test_a_letter_shows_of_its_length_the_bucket_alone(length):
    text = b"\0" * length
    made = letter(text)
    assert len(made) == bucket(length) + OVERHEAD <= LARGEST_LETTER
    assert KEY.open(DOMAIN, made)[1] == text


def test_buckets_are_powers_of_two_that_hold_what_is_put_in():
    sizes = {bucket(length) for length in range(0, 1 << 14, 7)}
    assert sizes == {1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14}
    assert all(bucket(size) == size for size in sizes)


def test_more_than_the_largest_bucket_is_refused():
    with pytest.raises(Unsealable, match="1048577 bytes where 1048576 are the most"):
        letter(b"x" * (LARGEST_BUCKET + 1))


def test_two_letters_of_one_text_are_two():
    assert letter() != letter()


def test_nobody_else_opens_it():
    with pytest.raises(Unsealable, match="does not open"):
        SealingKey(EVE).open(DOMAIN, letter())


@pytest.mark.parametrize(
    "changed",
    [
        {"sender": EVE.address},
        {"recipient": EVE.address},
        {"session": bytes(32)},
        {"number": 8},
    ],
)
def test_under_another_cover_it_does_not_open(changed):
    other = replace(COVER, **changed).to_bytes()
    with pytest.raises(Unsealable, match="does not open"):
        KEY.open(DOMAIN, other + letter()[len(other) :])


@pytest.mark.parametrize("changed", [{"chain_id": 1}, {"verifying_contract": EVE.address}])
def test_in_another_market_it_does_not_open(changed):
    with pytest.raises(Unsealable, match="does not open"):
        KEY.open(replace(DOMAIN, **changed), letter())


@given(st.integers(0, SMALLEST_BUCKET + OVERHEAD - 1), st.integers(1, 255))
def test_with_any_byte_changed_it_does_not_open(at, change):
    made = bytearray(letter())
    made[at] ^= change
    with pytest.raises(Unsealable):
        KEY.open(DOMAIN, bytes(made))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(text):
    with pytest.raises(Unsealable):
        KEY.open(DOMAIN, text)


def test_the_cover_is_read_without_the_key():
    assert cover_of(letter()) == COVER


def test_another_version_is_refused():
    with pytest.raises(Unsealable, match="of version 2 where 1 is due"):
        cover_of(b"\0\2" + letter()[2:])


def test_padding_that_hides_something_is_refused():
    """By a sender that pads with words of its own: two letters would be one text."""
    from fabmarket.identity import sealing  # noqa: PLC0415

    padded = (3).to_bytes(4, "big") + b"abc" + b"\1" * (SMALLEST_BUCKET - 3)
    reader = sealing.X25519PublicKey.from_public_bytes(KEY.public)
    made = sealing._SUITE.encrypt(padded, reader, sealing._info(DOMAIN, COVER.to_bytes()))
    with pytest.raises(Unsealable, match="not padded"):
        KEY.open(DOMAIN, COVER.to_bytes() + made)


def test_a_sealing_key_that_is_none_is_refused():
    with pytest.raises(Unsealable, match="is no sealing key"):
        sealed(DOMAIN, COVER, bytes(32), b"a message")  # a point of small order
    with pytest.raises(Unsealable, match="is no sealing key"):
        sealed(DOMAIN, COVER, b"short", b"a message")


def test_it_follows_from_the_account_and_does_not_show_it():
    assert SealingKey(BOB).public == KEY.public != SealingKey(ANNE).public
    assert BOB.reveal().hex() not in repr(KEY)
    assert KEY.public != BOB.reveal()
