"""Seats of a masked session: one-time keys, their cards, and the roster that comes together."""

from collections.abc import Sequence
from typing import TypeVar

from fabmarket.identity import Domain, digest, is_by
from fabmarket.identity.masks import BadPoint, MaskKey, number, seat_address
from fabmarket.market.masked import Card, SeatText
from fabmarket.market.messages import MaskedOpening, Member, Offer, PriceTerms
from fabmarket.market.units import MICRO
from fabmarket.negotiation.course import (
    CLOCK,
    FEWEST,
    LARGEST,
    ROUND_LIMIT,
    InvalidMove,
    check_terms,
)

FEW_ROUNDS = 40
"""Rounds of a masked session at most, but a clock's: each sum tells a little of its members.

A clock's prices stand in its terms, whatever is answered.
"""
MOST_SEATS = 1000
"""So many cards fit a letter."""

Placed = TypeVar("Placed")


def key_of(secret: bytes, offer: bytes) -> MaskKey:
    """Return the one-time key with which an account sits where an offer leads; the same each time.

    `secret` is the beat's, `offer` a digest: an offer is made to one demander and taken up once.
    """
    return MaskKey(number(secret, b"seat", offer))


def card_of(key: MaskKey, domain: Domain, offer: Offer, ends: int) -> Card:
    """Return the card of a one-time key for the session that an offer leads to."""
    text = SeatText(offer.supplier, offer.listing, ends, key.public)
    return Card(key.public, key.sign(digest(domain, text)))


def is_signed(card: Card, domain: Domain, supplier: str, listing: bytes, ends: int) -> bool:
    """Return whether a card is its key's, for the session of this listing."""
    text = SeatText(supplier, listing, ends, card.mask_key)
    try:
        return is_by(seat_address(card.mask_key), digest(domain, text), card.consent)
    except BadPoint:
        return False


def gathered(asked: Sequence[tuple[str, int, Placed]], fewest: int) -> list[Placed]:
    """Return the largest roster of which nobody asks for more seats than it has; empty for none.

    Each is its account, the least roster that it asks for, and what is returned of it. Of several
    seats of one account each counts for its own account only once.
    """
    roster = sorted(asked, key=lambda each: each[1])
    while roster:
        accounts = len({account for account, _, _ in roster})
        if accounts >= max(fewest, roster[-1][1]):
            return [placed for _, _, placed in roster]
        roster.pop()
    return []


def most_wanted(terms: PriceTerms, quantity: int) -> int:
    """Return what a seat of so many units can answer at most: micro-units, in a clock units."""
    units = min(quantity, LARGEST)
    return min(units, terms.capacity) if terms.concept == CLOCK else units * MICRO


def cap_sum_of(terms: PriceTerms, members: Sequence[Member]) -> int:
    """Return what all seats can answer together."""
    return sum(most_wanted(terms, member.quantity) for member in members)


def round_limit_of(terms: PriceTerms) -> int:
    """Return how many rounds a masked session has at most."""
    return ROUND_LIMIT if terms.concept == CLOCK else FEW_ROUNDS


def check_opening(
    opening: MaskedOpening, domain: Domain, demands: Sequence[tuple[int, bool]]
) -> None:
    """Raise InvalidMove unless a masked session can be held on this opening.

    `demands` are the units, and whether they are divisible, of the seats that we know.
    """
    terms, cards = opening.terms, opening.cards
    if not terms.least or terms.concept == "bargaining":
        raise InvalidMove("a masked session where the terms say an open one")
    check_terms(terms, demands)
    if not max(FEWEST, terms.least) <= len(cards) <= MOST_SEATS:
        raise InvalidMove(f"a masked session of {len(cards)} seats")
    if len({card.mask_key for card in cards}) < len(cards):
        raise InvalidMove("a one-time key has two seats")
    if not 1 <= opening.round_limit <= round_limit_of(terms):
        raise InvalidMove(f"a masked session of {opening.round_limit} rounds")
    if opening.cap_sum > len(cards) * most_wanted(terms, LARGEST):
        raise InvalidMove("seats that can want more than a seat may")
    place = opening.supplier, opening.listing, opening.ends
    if not all(is_signed(card, domain, *place) for card in cards):
        raise InvalidMove("a card that its one-time key has not signed")
