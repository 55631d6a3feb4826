"""Which terms of delivery the exchange takes, and which of them a demander's owner accepts."""

from dataclasses import dataclass

from fabmarket.market.delivery import INSTANT, Delivery, escrow_of
from fabmarket.market.exchange.state import WHOLE
from fabmarket.market.exchange.terms import fault_of
from fabmarket.market.parameters import Parameters

_FOR_EVER = 2**32 - 1


@dataclass(frozen=True)
class Accepts:
    """What a demander's owner accepts: by default all that the exchange takes.

    `instant`: payment at once. Else at most `deliver_within`, at most `longest` from the slot's end
    to the operators' last word, and at least `dispute_within`, seconds; at most these shares, at
    least this bond and these penalties, basis points.
    """

    instant: bool = True
    deliver_within: int = _FOR_EVER
    dispute_within: int = 0
    longest: int = 3 * _FOR_EVER
    late_share: int = WHOLE
    silence_share: int = WHOLE
    undecided_share: int = WHOLE
    bond_share: int = 0
    late_penalty: int = 0
    exit_penalty: int = 0

    def takes(self, it: Delivery) -> bool:
        """Return whether these terms are accepted."""
        if it == INSTANT:
            return self.instant
        shares = ("late_share", "silence_share", "undecided_share")
        penalties = ("bond_share", "late_penalty", "exit_penalty")
        return (
            it.deliver_within <= self.deliver_within
            and it.dispute_within >= self.dispute_within
            and it.deliver_within + it.dispute_within + it.decide_within <= self.longest
            and all(getattr(it, name) <= getattr(self, name) for name in shares)
            and all(getattr(it, name) >= getattr(self, name) for name in penalties)
        )


def can_settle(delivery: Delivery, start: int, end: int, windows: Parameters, now: int) -> bool:
    """Return whether the exchange takes these terms for a slot whenever a trade signed now settles.

    That is from `now` on, and before the slot ends. A bond above the payment is taken by nobody.
    """
    if delivery == INSTANT:
        return True
    escrow = escrow_of(delivery, 0, b"", 0, start, end)
    faults = (fault_of(escrow, start, windows, when) for when in (now, end - 1))
    return delivery.bond_share <= WHOLE and not any(faults)
