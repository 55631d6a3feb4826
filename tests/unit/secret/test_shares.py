"""One share says nothing of a number, two say all."""

import random
import secrets

from fabmarket.secret.shares import PRIME, shared
from tests.unit.secret.watched import pooled

PAIRS = ((0, 1), (0, 2), (1, 2))


def test_any_two_servers_together_open_it():
    values = [0, 1, 185_000, PRIME - 1]
    given = shared(values, secrets.randbelow)
    for one, other in PAIRS:
        pairs = zip(given[one], given[other], strict=True)
        assert [pooled({one: first, other: second}) for first, second in pairs] == values


def test_every_guess_explains_a_share_in_exactly_one_way():
    """A dictionary of all that a member could have answered: none is likelier than another."""
    secret, at = 67_500, 1
    slope = secrets.randbelow(PRIME)
    share = shared([secret], lambda _: slope)[at][0]
    for guess in (0, 1, secret - 1, secret, secret + 1, 185_000):
        needed = (share - guess) * pow(at + 1, -1, PRIME) % PRIME
        assert shared([guess], lambda _, needed=needed: needed)[at][0] == share


def test_shares_of_any_number_are_spread_evenly():
    draw = random.Random(3)
    for value in (0, 55_000, 185_000):
        for shares in shared([value] * 3200, draw.randrange):
            counts = [0] * 16
            for share in shares:
                counts[share * 16 // PRIME] += 1
            # 15 degrees of freedom: above 45 once in 14,000 draws, and these are seeded.
            assert sum((count - 200) ** 2 / 200 for count in counts) < 45
