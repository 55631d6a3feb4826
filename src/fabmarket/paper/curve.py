"""Points of elliptic curves over a prime field, slow and plain, for the paper's equations 1-6.

Three curves over the prime q of secp256k1, between which the printed "C(0,17) = y^3 - x^3 + 17 = 0"
leaves the choice:

- SECP256K1, y^2 = x^3 + 7, of which the printed one is a misprint in the end;
- WEIERSTRASS_17, y^2 = x^3 + 17, which the pair (a, b) = (0, 17) names;
- CUBIC_17, y^3 - x^3 + 17 = 0 to the letter. It is no equation y^2 = x^3 + ax + b, so a and b name
  nothing in it, but it is a smooth cubic. With z = -y it reads x^3 + z^3 = 17, and
  X = 204/(x + z), Y = 612 (x - z)/(x + z) takes it to Y^2 = X^3 - 432 * 17^2 (Cohen, "Number Theory
  I", 2007, section 7.2.1), where points can be added.

Never for real keys: times depend on secrets, and two of the groups are far too small.
"""

from dataclasses import dataclass
from math import isqrt

from fabmarket.errors import Bug

Q = 2**256 - 2**32 - 977
"""The field prime of secp256k1; the paper's q."""

Point = tuple[int, int] | None
"""Affine coordinates in [0, Q), or None for the point at infinity."""

_WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)


@dataclass(frozen=True)
class Curve:
    """y^2 = x^3 + constant over Q, and in it the group that a base point of prime order generates.

    Attributes:
        name: the equation as people write it.
        constant: the curve's b; a is 0.
        order: of the base point, a prime; the paper's p.
        cofactor: order * cofactor points lie on the curve.
        base: the base point, the paper's H.
        printed: whether points are written as those of the printed cubic.
    """

    name: str
    constant: int
    order: int
    cofactor: int
    base: tuple[int, int]
    printed: bool = False

    def has(self, point: Point) -> bool:
        """Whether the point lies on the curve."""
        if point is None:
            return True
        x, y = point
        return (y * y - x**3 - self.constant) % Q == 0

    def add(self, one: Point, other: Point) -> Point:
        """The sum: the third point on the line through both, mirrored."""
        if one is None or other is None:
            return other if one is None else one
        (x1, y1), (x2, y2) = one, other
        if x1 == x2:
            if (y1 + y2) % Q == 0:
                return None
            slope = 3 * x1 * x1 * pow(2 * y1, -1, Q) % Q
        else:
            slope = (y2 - y1) * pow(x2 - x1, -1, Q) % Q
        x3 = (slope * slope - x1 - x2) % Q
        return x3, (slope * (x1 - x3) - y1) % Q

    def times(self, factor: int, point: Point) -> Point:
        """The factor-fold sum of a point, factor >= 0, by doubling and adding."""
        total: Point = None
        while factor:
            if factor & 1:
                total = self.add(total, point)
            point = self.add(point, point)
            factor >>= 1
        return total

    def coordinates(self, point: tuple[int, int]) -> tuple[int, int]:
        """(x, y) of a point as its equation in `name` counts them."""
        return to_cubic(point) if self.printed else point

    def order_is_right(self) -> bool:
        """Whether the base point has this prime order, and the curve cofactor times as many points.

        order * base is infinity and order is prime, so that is the base's order. It divides the
        number of points, which Hasse's theorem puts within 2 sqrt(Q) of Q + 1; as the order exceeds
        4 sqrt(Q), only one multiple lies there.
        """
        points = self.order * self.cofactor
        return (
            self.has(self.base)
            and self.times(self.order, self.base) is None
            and probably_prime(self.order)
            and abs(points - Q - 1) <= 2 * isqrt(Q)
            and self.order > 4 * (isqrt(Q) + 1)
        )


def to_cubic(point: tuple[int, int]) -> tuple[int, int]:
    """The point (x, y) of y^3 - x^3 + 17 = 0 that stands for one of Y^2 = X^3 - 432 * 17^2.

    X must not be 0, which only points of order 3 have.
    """
    wide, high = point
    scale = pow(6 * wide, -1, Q)
    return (612 + high) * scale % Q, (high - 612) * scale % Q


def probably_prime(number: int) -> bool:
    """Miller-Rabin with fixed witnesses, for odd numbers above 71 not made to deceive it."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for witness in _WITNESSES:
        power = pow(witness, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def _base(constant: int, cofactor: int) -> tuple[int, int]:
    """The smallest x >= 1 on the curve with its even y, times the cofactor."""
    curve = Curve("", constant, 0, cofactor, (0, 0))
    for x in range(1, 1000):
        square = (x**3 + constant) % Q
        root = pow(square, (Q + 1) // 4, Q)
        if root * root % Q == square:
            point = curve.times(cofactor, (x, root if root % 2 == 0 else Q - root))
            if point is not None:
                return point
    raise Bug(f"no point with x < 1000 on y^2 = x^3 + {constant}")


SECP256K1 = Curve(
    name="y² = x³ + 7",
    constant=7,
    order=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    cofactor=1,
    base=(
        0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
        0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
    ),
)
_COFACTOR_17 = 2**2 * 3 * 20412485227 * 83380711482738671590122559
WEIERSTRASS_17 = Curve(
    name="y² = x³ + 17",
    constant=17,
    order=5669387787833452836421905244327672652059,
    cofactor=_COFACTOR_17,
    base=_base(17, _COFACTOR_17),
)
_COFACTOR_CUBIC = 3**2 * 13**2 * 3319 * 22639
CUBIC_17 = Curve(
    name="y³ − x³ + 17 = 0",
    constant=-432 * 17**2,
    order=1013176677300131846900870239606035638738100997248092069256697437031,
    cofactor=_COFACTOR_CUBIC,
    base=_base(-432 * 17**2, _COFACTOR_CUBIC),
    printed=True,
)
CURVES = (SECP256K1, WEIERSTRASS_17, CUBIC_17)
