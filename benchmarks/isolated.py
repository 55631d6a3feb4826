"""How many margins the sums of a session tell exactly, to whoever compares two quotes.

Each of m members would buy 1 to 40 units of the 10·m that there are, for 100 to 1,000 base units
each, in a balanced market in which a unit moves the price by one base unit. Where exactly one
answer ceases to move between two prices of a session, at whatever rounds these were quoted, and no
other begins or ceases to, its margin follows from the two sums. Counted are the members of whom
that is so. Whoever sees the sums cannot always tell such a pair of prices from one between which
several answers changed. `cold` is a session that starts at the least price, `warm` one that starts
at the price of an earlier session, in which each margin was up to 5 % higher or lower.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import mean
from typing import Any

from fabmarket.identity import Key
from fabmarket.market.messages import Member, PriceTerms
from fabmarket.negotiation.course import best_reply, moves
from fabmarket.negotiation.playing import play

SIZES = (3, 30, 100, 200)
SESSIONS, FEW = 300, 30
NOBODY = Key.derive("isolated", "nobody").address
WEIGHTS = 2_000_000, 1_000_000
DRIFT = 0.05
NOTHING, PART, ALL = range(3)
"""What a member answers to a price, of all that it could use: only a part moves with the price."""


def rows(sizes: Sequence[int], sessions: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each size, cold and warm."""
    for members in sizes:
        draw = random.Random(f"{members} isolated")  # noqa: S311 (made-up markets, no secret)
        told = [_both(draw, members) for _ in range(sessions)]
        for start in ("cold", "warm"):
            yield {
                "start": start,
                "members": members,
                "sessions": sessions,
                "rounds": round(mean(each[start][0] for each in told), 1),
                "isolated": round(mean(each[start][1] for each in told), 2),
            }


def _both(draw: random.Random, members: int) -> dict[str, tuple[int, int]]:
    """Rounds and isolated margins of one market, cold and warm."""
    margins = [draw.randrange(100, 1_001) for _ in range(members)]
    seats = [
        Member(NOBODY, at.to_bytes(32, "big"), bytes(32), draw.randrange(1, 41), True, at)
        for at in range(members)
    ]
    terms = PriceTerms("balanced", *WEIGHTS, 50, 10 * members, NOBODY)
    earlier = [round(each * draw.uniform(1 - DRIFT, 1 + DRIFT)) for each in margins]
    start, _, _ = _held(terms, seats, earlier)
    return {
        name: _held(each, seats, margins)[1:]
        for name, each in (("cold", terms), ("warm", replace(terms, start=start)))
    }


def _held(
    terms: PriceTerms, seats: Sequence[Member], margins: Sequence[int]
) -> tuple[int, int, int]:
    """The price of a session, its rounds, and how many margins its sums tell."""
    kinds: dict[int, list[int]] = {}

    def answer(seat: int, price: int) -> int:
        own = seats[seat]
        budget = min(own.quantity, terms.capacity) * margins[seat]
        wanted = best_reply(terms, own, margins[seat], price, budget)
        kind = PART if moves(own, wanted) else ALL if wanted else NOTHING
        kinds.setdefault(price, []).append(kind)
        return wanted

    played = play(terms, seats, answer)
    found = set()
    for low, high in combinations(sorted(kinds), 2):
        pairs = zip(kinds[low], kinds[high], strict=True)
        changed = [(seat, pair) for seat, pair in enumerate(pairs) if pair[0] != pair[1]]
        if [pair for _, pair in changed] == [(PART, NOTHING)]:
            found.add(changed[0][0])
    return played.awards.price, played.rounds, len(found)
