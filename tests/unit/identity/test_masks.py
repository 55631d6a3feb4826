"""Commitments add up, pads cancel for one word alone, and no proof holds for another statement."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.identity import Key
from fabmarket.identity.masks import (
    NEUTRAL,
    ORDER,
    BadPoint,
    G,
    H,
    J,
    MaskKey,
    commitment,
    hashed_point,
    inverse,
    number,
    pad,
    pads,
    product,
    seat_address,
    times,
)
from fabmarket.identity.proofs import (
    BIT_BYTES,
    EQUAL_BYTES,
    RANGE_BITS,
    RANGE_BYTES,
    is_bit,
    is_equal,
    is_in_range,
    prove_bit,
    prove_equal,
    prove_range,
)

NUMBERS = st.integers(0, ORDER - 1)
HERE, THERE = b"session, seat 1", b"session, seat 2"


def test_the_generators_are_these_points():
    """J and H are hashed to the curve, so that nobody knows a logarithm between the three."""
    assert G.hex() == "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    assert hashed_point(b"fabmarket mask second 1") == J
    assert hashed_point(b"fabmarket mask blind 1") == H
    assert J.hex() == "02d0b345c016a97d70ad133cd645ebe8faebd856076a6ce2a1b0bee866cc44b04e"
    assert H.hex() == "022f9dbfaf9b73361ab2deb53856c65c0af43057739e621186a7500daa21aa8da9"


def test_pads_are_these_bytes():
    mine, other = MaskKey(7), MaskKey(11)
    assert mine.pair_key(other.public) == other.pair_key(mine.public)
    assert (
        mine.pair_key(other.public).hex()
        == "af2b6df5cdbaed61f7f18be66da8a7d3e7962456b321b8851a31b9c11b014e4d"
    )
    assert (
        pad(mine.pair_key(other.public), bytes(32))[0]
        == 0x9B7E45ECCCBBAA4A69FF0CB55CA4BDA95FC8CA591C4AB5271584D59559973A20
    )
    assert (
        number(b"secret", b"use")
        == 0xF9C804F35EBAD4C14443F4C3706C20B295F9FD56282013540824808B0ACF852E
    )
    assert (
        commitment(3, 1, 5).hex()
        == "0384ef1add40c412afff1a7780813436201d7e67c25ff979127db8d2fa18de0d6e"
    )


@settings(max_examples=30)
@given(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.tuples(NUMBERS, NUMBERS, NUMBERS))
def test_commitments_add_up(one, two):
    added = commitment(*(a + b for a, b in zip(one, two, strict=True)))
    assert product([commitment(*one), commitment(*two)]) == added
    assert product([commitment(*one), inverse(commitment(*one))]) == NEUTRAL


def test_the_neutral_element_is_written_as_zeros():
    assert product([]) == product([NEUTRAL]) == times(G, ORDER) == times(NEUTRAL, 5) == NEUTRAL
    assert commitment(0, 0, 0) == inverse(NEUTRAL) == NEUTRAL
    assert product([G, NEUTRAL]) == times(G, 1) == G
    assert times(H, 1) == H


@pytest.mark.parametrize("point", [b"", b"\x02" + b"\xff" * 32, b"\x05" + G[1:], G[:-1], G + b"\0"])
def test_what_is_no_point_is_refused(point):
    for use in (lambda: times(point, 2), lambda: product([G, point]), lambda: seat_address(point)):
        with pytest.raises(BadPoint):
            use()


def test_uncompressed_points_are_refused():
    with pytest.raises(BadPoint):
        times(bytes.fromhex("04") + bytes(64), 2)


def test_a_mask_key_signs_as_its_address():
    key = MaskKey(number(b"secret"))
    digest = bytes(range(32))
    assert key.sign(digest) == Key(key.reveal().to_bytes(32, "big")).sign(digest)
    assert seat_address(key.public) == Key(key.reveal().to_bytes(32, "big")).address
    assert f"{key.reveal():x}" not in repr(key)


@settings(max_examples=20)
@given(st.integers(2, 7), st.binary(min_size=32, max_size=32))
def test_pads_cancel_over_all_members_that_answer_one_word(members, word):
    keys = [MaskKey(number(bytes([at]))) for at in range(members)]
    pairs = [
        [b"" if at == other else key.pair_key(keys[other].public) for other in range(members)]
        for at, key in enumerate(keys)
    ]
    shares = [pads(pairs[at], at, word) for at in range(members)]
    assert [sum(each) % ORDER for each in zip(*shares, strict=True)] == [0, 0, 0]
    astray = [*shares[:-1], pads(pairs[-1], members - 1, bytes(31) + b"\x01" + word)]
    assert 0 not in [sum(each) % ORDER for each in zip(*astray, strict=True)]
    single = pad(pairs[0][1], word)
    assert members > 2 or shares[0] == single


@settings(max_examples=10)
@given(st.integers(1, ORDER - 1), st.integers(1, ORDER - 1))
def test_equal_logarithms_are_shown_and_no_others(mine, theirs):
    base, public = times(G, theirs), times(G, mine)
    point, proof = times(base, mine), prove_equal(mine, base, HERE, b"secret")
    assert len(proof) == EQUAL_BYTES
    assert is_equal(public, base, point, proof, HERE)
    assert not is_equal(public, base, point, proof, THERE)
    assert not is_equal(public, base, product([point, G]), proof, HERE)
    assert not is_equal(product([public, G]), base, point, proof, HERE)
    assert not is_equal(public, base, b"\x05" * 33, proof, HERE)
    assert not is_equal(public, base, point, proof[:-1] + bytes([proof[-1] ^ 1]), HERE)
    assert not is_equal(public, base, point, proof[:-1], HERE)
    assert not is_equal(public, base, point, b"\xff" * EQUAL_BYTES, HERE)


@pytest.mark.parametrize("bit", [0, 1])
@pytest.mark.parametrize("base", [G, J])
def test_a_bit_is_shown(base, bit):
    proof = prove_bit(base, bit, 99, HERE, b"secret")
    assert len(proof) == BIT_BYTES
    assert proof[:33] == product([times(base, bit), times(H, 99)])
    assert is_bit(base, proof, HERE)
    assert not is_bit(base, proof, THERE)
    assert not is_bit(J if base == G else G, proof, HERE)
    assert not is_bit(base, product([proof[:33], G]) + proof[33:], HERE)
    assert not is_bit(base, b"\x05" * 33 + proof[33:], HERE)
    assert not is_bit(base, proof + b"\0", HERE)


def test_two_is_no_bit():
    two = product([times(G, 2), times(H, 99)])
    for bit in (0, 1):
        assert not is_bit(G, two + prove_bit(G, bit, 99, HERE, b"secret")[33:], HERE)


@pytest.mark.parametrize("value", [0, 1, 123_456_789, (1 << RANGE_BITS) - 1])
def test_a_range_is_shown(value):
    proof = prove_range(value, 77, HERE, b"secret")
    assert len(proof) == RANGE_BYTES
    assert is_in_range(commitment(value, 0, 77), proof, HERE)
    assert not is_in_range(commitment(value, 0, 77), proof, THERE)
    assert not is_in_range(commitment(value + 1, 0, 77), proof, HERE)
    assert not is_in_range(commitment(value, 0, 77), proof[:-1], HERE)


@pytest.mark.parametrize("value", [-1, 1 << RANGE_BITS, ORDER - 5])
def test_what_is_out_of_range_is_not_shown(value):
    proof = prove_range(value, 77, HERE, b"secret")
    assert not is_in_range(commitment(value, 0, 77), proof, HERE)
