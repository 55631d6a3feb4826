"""What an owner allows its participant to sign; beyond it nothing is signed."""

from dataclasses import dataclass, replace

from fabmarket.market.units import NO_LIMIT
from fabmarket.negotiation.wants import Want

NO_BOUND = 2**256 - 1
"""Of an amount: none is too large."""
DAY = 86_400
"""Seconds of chain time; days begin when the chain's time is a multiple of it."""


@dataclass(frozen=True)
class Policy:
    """With whom to deal, and for how much; amounts in base units.

    `partners`: nobody else, if there are any. `approve_above`: what may cost or bring more waits
    for the owner's approval. `budget`: the most that is signed away in payments within a day.
    `acknowledge`: reports of what is used are accepted as they come. `refuse_unsigned`: for so many
    seconds a supplier makes no offer to whoever left an award unsigned. `refund_uncovered`: where
    less is attested than a supplier has sold it gives back what it cannot deliver, at its penalty.
    `accept_returns`: it takes back, for nothing, what a product has no more use for, if the slot
    begins late enough to be sold in another cycle.
    A demander sits in a masked session of `least` seats or more only, and in an open one if `open`.
    """

    partners: frozenset[str] = frozenset()
    approve_above: int = NO_BOUND
    budget: int = NO_BOUND
    acknowledge: bool = False
    refuse_unsigned: int = 0
    refund_uncovered: bool = False
    accept_returns: bool = False
    least: int = 0
    open: bool = True

    def deals_with(self, address: str) -> bool:
        """Return whether anything is signed for this peer."""
        return not self.partners or address in self.partners


@dataclass(frozen=True)
class Spent:
    """The payments signed away in a day, base units; whether they settled or not."""

    day: int = 0
    amount: int = 0

    def within(self, now: int) -> int:
        """Return what was signed away so far in the day of `now`."""
        return self.amount if now // DAY == self.day else 0

    def adding(self, payment: int, now: int) -> "Spent":
        """Return it with a payment signed at `now`."""
        return replace(self, day=now // DAY, amount=self.within(now) + payment)


def most_of(want: Want) -> int:
    """Return the most that a want may cost, base units; NO_BOUND where its quantity has no limit.

    Nobody pays more for a unit than its margin.
    """
    return max(
        NO_BOUND if choice.quantity == NO_LIMIT else choice.quantity * choice.margin
        for choice in want.choices
    )
