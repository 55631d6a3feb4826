"""Letters open for their reader alone, and show nobody's name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabmarket.identity import Domain, Key
from fabmarket.identity.sealing import (
    LARGEST_BUCKET,
    LARGEST_LETTER,
    OVERHEAD,
    SMALLEST_BUCKET,
    SealingKey,
    Unsealable,
    bucket,
    is_letter,
    sealed,
)

DOMAIN = Domain("Fabmarket", "1", 31337, "0x00000000000000000000000000000000fab0cafe")
ANNE, BOB, EVE = (Key.derive("sealing tests", name) for name in ("anne", "bob", "eve"))
KEY = SealingKey(BOB)


def letter(text=b"a message", sender=ANNE, recipient=BOB, domain=DOMAIN):
    return sealed(domain, sender.address, recipient.address, KEY.public, text)


@given(st.binary(max_size=5000))
def test_what_was_sealed_opens(text):
    assert KEY.open(DOMAIN, letter(text)) == (ANNE.address, text)


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
    assert sizes == {1 << 11, 1 << 12, 1 << 13, 1 << 14}
    assert all(bucket(size) == size for size in sizes)


def test_more_than_the_largest_bucket_is_refused():
    with pytest.raises(Unsealable, match="1048577 bytes where 1048576 are the most"):
        letter(b"x" * (LARGEST_BUCKET + 1))


def test_two_letters_of_one_text_are_two():
    assert letter() != letter()


def test_nobody_else_opens_it():
    with pytest.raises(Unsealable, match="does not open"):
        SealingKey(EVE).open(DOMAIN, letter())


def test_sent_on_to_whoever_s_key_is_on_another_s_card_it_does_not_open():
    """Eve's card names Bob's key: what Anne writes to Eve is no letter of Anne's to Bob."""
    with pytest.raises(Unsealable, match="does not open"):
        KEY.open(DOMAIN, letter(recipient=EVE))


@given(st.binary(max_size=300), st.sampled_from((ANNE, EVE)))
def test_in_clear_a_letter_is_the_same_whoever_writes_what(text, sender):
    made = letter(text, sender)
    assert made[:2] == letter()[:2]
    for key in (ANNE, BOB, EVE):
        assert bytes.fromhex(key.address[2:]) not in made
    assert len(text) < 8 or text not in made
    assert len(made) == len(letter())


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


def test_that_it_is_a_letter_is_seen_without_the_key():
    assert is_letter(letter(recipient=EVE))
    assert not is_letter(b'{"a":"notice"}')


def test_another_version_is_refused():
    with pytest.raises(Unsealable, match="of version 1 where 2 is due"):
        KEY.open(DOMAIN, b"\0\1" + letter()[2:])


@pytest.mark.parametrize("more", [-SMALLEST_BUCKET, -1, 1, SMALLEST_BUCKET - 1])
def test_of_a_size_that_no_letter_has_none_is_opened(more):
    """Or many small ones on the board would cost their reader more than who announces them."""
    made = letter()[: SMALLEST_BUCKET + OVERHEAD + more] + bytes(max(0, more))
    with pytest.raises(Unsealable, match=f"{len(made)} bytes are no letter"):
        KEY.open(DOMAIN, made)


ANNE_S = bytes.fromhex(ANNE.address[2:])


@pytest.mark.parametrize(
    "inside",
    [
        ANNE_S + (SMALLEST_BUCKET + 1).to_bytes(4, "big") + bytes(SMALLEST_BUCKET),
        ANNE_S + (3).to_bytes(4, "big") + b"abc" + b"\1" * (SMALLEST_BUCKET - 3),
    ],
    ids=["none for the last byte", "words in the padding"],
)
def test_what_is_badly_padded_is_refused(inside):
    """By a sender that pads with words of its own: two letters would be one text."""
    from fabmarket.identity import sealing  # noqa: PLC0415

    reader = sealing.X25519PublicKey.from_public_bytes(KEY.public)
    made = sealing._SUITE.encrypt(inside, reader, sealing._info(DOMAIN, BOB.address))
    with pytest.raises(Unsealable, match="not padded"):
        KEY.open(DOMAIN, letter()[:2] + made)


def test_a_letter_can_be_as_large_as_a_longer_one():
    longer = sealed(DOMAIN, ANNE.address, BOB.address, KEY.public, b"a" * 5_000)
    shorter = sealed(DOMAIN, ANNE.address, BOB.address, KEY.public, b"a", padded=5_000)
    assert len(shorter) == len(longer)
    assert KEY.open(DOMAIN, shorter) == (ANNE.address, b"a")


def test_a_sealing_key_that_is_none_is_refused():
    with pytest.raises(Unsealable, match="is no sealing key"):
        sealed(DOMAIN, ANNE.address, BOB.address, bytes(32), b"a message")  # a point of small order
    with pytest.raises(Unsealable, match="is no sealing key"):
        sealed(DOMAIN, ANNE.address, BOB.address, b"short", b"a message")


def test_it_follows_from_the_account_and_does_not_show_it():
    assert SealingKey(BOB).public == KEY.public != SealingKey(ANNE).public
    assert BOB.reveal().hex() not in repr(KEY)
    assert KEY.public != BOB.reveal()
