"""Equations 1-6: the group they run in, and when their signatures verify."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.identity import Key, address_of
from fabmarket.paper.curve import (
    CUBIC_17,
    CURVES,
    SECP256K1,
    WEIERSTRASS_17,
    Q,
    probably_prime,
    to_cubic,
)
from fabmarket.paper.signature import Signed, digest_of, public_key, sign, verifies

SCALARS = st.integers(2, Q - 1)
FEW = settings(max_examples=8)
NAMED = pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)


@NAMED
def test_orders_are_right_and_wrong_ones_are_noticed(curve):
    assert curve.order_is_right()
    assert not replace(curve, order=curve.order + 2).order_is_right()
    assert not replace(curve, cofactor=curve.cofactor + 1).order_is_right()
    x, y = curve.base
    assert not replace(curve, base=(x, y + 1)).order_is_right()


@NAMED
@FEW
@given(one=SCALARS, other=SCALARS)
def test_multiples_add_up(curve, one, other):
    a, b = curve.times(one, curve.base), curve.times(other, curve.base)
    together = curve.times((one + other) % curve.order, curve.base)
    assert curve.add(a, b) == together
    assert curve.has(together)


def test_infinity_adds_nothing():
    base = SECP256K1.base
    mirrored = (base[0], Q - base[1])
    assert SECP256K1.add(None, base) == SECP256K1.add(base, None) == base
    assert SECP256K1.add(base, mirrored) is None
    assert SECP256K1.has(None)


@FEW
@given(secret=st.integers(1, SECP256K1.order - 1))
def test_public_keys_are_those_of_the_market(secret):
    point = public_key(SECP256K1, secret)
    encoded = b"\x04" + b"".join(each.to_bytes(32, "big") for each in point)
    assert address_of(encoded) == Key(secret.to_bytes(32, "big")).address


@FEW
@given(factor=SCALARS)
def test_points_of_the_printed_cubic_satisfy_the_printed_equation(factor):
    point = CUBIC_17.times(factor, CUBIC_17.base)
    x, y = CUBIC_17.coordinates(point)
    assert (y**3 - x**3 + 17) % Q == 0
    scale = pow(x - y, -1, Q)
    assert (204 * scale % Q, 612 * (x + y) * scale % Q) == point


def test_the_way_to_the_cubic_on_a_rational_point():
    x, y = Fraction(18, 7), Fraction(1, 7)
    assert y**3 - x**3 + 17 == 0
    wide, high = 204 / (x - y), 612 * (x + y) / (x - y)
    assert high**2 == wide**3 - 432 * 17**2
    there = tuple(each.numerator * pow(each.denominator, -1, Q) % Q for each in (wide, high))
    back = tuple(each.numerator * pow(each.denominator, -1, Q) % Q for each in (x, y))
    assert to_cubic(there) == back


def test_the_weierstrass_reading_is_a_curve_of_its_own():
    assert not SECP256K1.has(WEIERSTRASS_17.base)
    assert WEIERSTRASS_17.order.bit_length() == 133
    assert CUBIC_17.order.bit_length() == 220


@NAMED
@FEW
@given(message=st.binary(max_size=64), secret=SCALARS, nonce=SCALARS)
def test_mod_the_order_signatures_verify_and_mod_the_field_prime_they_do_not(
    curve, message, secret, nonce
):
    public = public_key(curve, secret)
    good = sign(curve, message, secret, nonce, curve.order)
    assert verifies(curve, message, good, public)
    assert not verifies(curve, message + b".", good, public)
    assert not verifies(curve, message, Signed(good.s, good.r + 1), public)
    assert not verifies(curve, message, good, curve.add(public, curve.base))
    assert not verifies(curve, message, sign(curve, message, secret, nonce, Q), public)


def test_a_number_that_gives_no_point_must_be_drawn_again():
    assert sign(SECP256K1, b"", 5, SECP256K1.order, Q) is None


def test_sha1_of_a_known_message():
    assert digest_of(b"abc") == 0xA9993E364706816ABA3E25717850C26C9CD0D89D


def test_primality():
    assert probably_prime(2**127 - 1)
    assert not probably_prime(2**127 + 1)
    assert not probably_prime((2**61 - 1) * (2**89 - 1))


def test_counts_beside_the_production_signature(numbers):
    found = numbers["signature"]
    for one in found["curves"]:
        assert one["order_is_right"]
        assert one["verified_mod_q"] == one["verified_altered"] == 0
        assert one["verified_mod_p"] == found["samples"]
    # Mirrored points share x, but not the first coordinate of the printed cubic.
    assert [one["verified_with_minus_r"] for one in found["curves"]] == [3, 3, 0]
    made = found["production"]
    assert made["recovered"] == made["signer"] != made["recovered_if_altered"]
    assert "high s" in made["high_s_refused"]
