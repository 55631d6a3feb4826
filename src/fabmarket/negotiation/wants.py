"""What a demander wants: sub-tasks, their alternatives, and what became of each."""

from dataclasses import dataclass, replace
from typing import Literal

from fabmarket.market.messages import Offer
from fabmarket.market.units import NO_LIMIT
from fabmarket.negotiation.course import Course, Unacceptable

NO_OFFER = "no supplier offered room"
NO_SUCH_DELIVERY = "the exchange takes no such terms of delivery"
OTHER_DELIVERY = "the terms of delivery are none that the owner accepts"
NO_MONEY = "the account holds too little to pay for it"
TOO_DEAR = "the price is not below what it is worth"
NO_ROOM = "no room left after larger answers"
SOLD_OUT = "not enough room left: others bargained for it first"
NO_DEAL = "bargaining ended without a price both accept"
NO_SUPPLY = "demand too small to draw supply at the maintenance cost"
NO_PRICE = "the rounds ended before a price was found"
NO_NONCE = "the supplier has no nonce left to sell under"
NO_ANSWER = "the supplier did not finish the negotiation"
DROPPED = "the supplier says that we were silent"
NOT_SETTLED = "the trade did not settle on chain"
OVER_BUDGET = "it would cost more than is left of the day's budget"
TOO_FEW = "too few came together for a masked session"
TOO_MANY = "more came together than a masked session has room for"
BROKEN_OFF = "the masked session was broken off: a seat was silent, or the sums were none"
NO_PRICE_YET = "the rounds of a masked session ended before a price was found"
SAT_MASKED = "we sat in a masked session of the same listing, and two would tell our answers"
ONLY_OPEN = "the session would be open, which the owner does not allow"
PASSING = frozenset(
    {
        NO_MONEY,
        NO_ANSWER,
        DROPPED,
        NOT_SETTLED,
        OVER_BUDGET,
        TOO_FEW,
        TOO_MANY,
        BROKEN_OFF,
        NO_PRICE_YET,
        SAT_MASKED,
    }
)
"""Reasons of the moment: the same listing may do at another beat, if no other offers."""


def why_no_price(course: Course) -> str:
    """Why a session was closed without a price, as its members are told."""
    return NO_SUPPLY if course.lacks_supply else NO_PRICE


def why_no_masked_price(course: Course) -> str:
    """The same of a masked session, which has fewer rounds: in an open one there may be a price."""
    return NO_SUPPLY if course.lacks_supply else NO_PRICE_YET


@dataclass(frozen=True)
class Choice:
    """An alternative with its private worth: `margin` = benefit less cost, base units per unit."""

    resource: bytes
    quantity: int
    margin: int


@dataclass(frozen=True)
class Attempt:
    """A listing that was tried and why it came to nothing."""

    listing: bytes
    resource: bytes
    quantity: int
    reason: str


@dataclass(frozen=True)
class Want:
    """A sub-task and how far it has come.

    `until` is when a negotiation for it is over, come what may. `signed_until` is the chain time
    from which no trade signed for it can settle any more, `trade` the last such trade's digest, and
    `pledged` what settling that takes from the account, base units.
    """

    id: bytes
    start: int
    end: int
    divisible: bool
    choices: tuple[Choice, ...]
    state: Literal[
        "open", "negotiating", "agreed", "served", "unserved", "cancelled", "forgotten"
    ] = "open"
    offer: Offer | None = None
    attempts: tuple[Attempt, ...] = ()
    until: int = 0
    signed_until: int = 0
    trade: bytes = b""
    pledged: int = 0

    def choice(self, resource: bytes) -> Choice:
        """Return the alternative of a resource type; Unacceptable if there is none."""
        for choice in self.choices:
            if choice.resource == resource:
                return choice
        raise Unacceptable("offer of a resource that was not asked for")

    def cost_of(self, offer: Offer) -> int:
        """What the wanted quantity costs by the offer; one unit if any number would do."""
        quantity = self.choice(offer.resource).quantity
        return offer.unit_price * (1 if quantity == NO_LIMIT else quantity)

    def attempted(self, offer: Offer, reason: str) -> "Want":
        """Return the want with this offer noted as tried in vain."""
        quantity = self.choice(offer.resource).quantity
        attempt = Attempt(offer.listing, offer.resource, quantity, reason)
        return replace(self, offer=None, attempts=(*self.attempts, attempt))
