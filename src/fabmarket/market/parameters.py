"""What a deployment of the exchange fixes for ever, and three sets of values that make sense."""

from dataclasses import dataclass

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


@dataclass(frozen=True)
class Parameters:
    """Windows in seconds, `grace_blocks` in blocks, `deposit_share` in basis points of a payment.

    The contract's `IParameters.Parameters` says what each bounds.
    """

    operator_delay: int
    delivery_window: int
    dispute_window: int
    hearing: int
    decision_window: int
    ruling_window: int
    grace_time: int
    grace_blocks: int
    longest_life: int
    deposit_share: int


MINUTES = Parameters(
    operator_delay=5 * _MINUTE,
    delivery_window=_MINUTE,
    dispute_window=2 * _MINUTE,
    hearing=_MINUTE,
    decision_window=5 * _MINUTE,
    ruling_window=_MINUTE,
    grace_time=_MINUTE,
    grace_blocks=20,
    longest_life=30 * _DAY,
    deposit_share=500,
)
"""For trying out: nobody who sleeps or eats could answer within these windows."""

HOURS = Parameters(
    operator_delay=2 * _DAY,
    delivery_window=15 * _MINUTE,
    dispute_window=12 * _HOUR,
    hearing=12 * _HOUR,
    decision_window=2 * _DAY,
    ruling_window=12 * _HOUR,
    grace_time=2 * _HOUR,
    grace_blocks=20,
    longest_life=180 * _DAY,
    deposit_share=500,
)
"""For capacity sold by the hour."""

DAYS = Parameters(
    operator_delay=14 * _DAY,
    delivery_window=_DAY,
    dispute_window=3 * _DAY,
    hearing=3 * _DAY,
    decision_window=7 * _DAY,
    ruling_window=2 * _DAY,
    grace_time=_DAY,
    grace_blocks=100,
    longest_life=730 * _DAY,
    deposit_share=500,
)
"""For capacity sold by the day."""


def parameters_for(slot_length: int) -> Parameters:
    """Return the windows of a market whose slots are so long, seconds."""
    if slot_length >= _DAY:
        return DAYS
    return HOURS if slot_length >= _HOUR else MINUTES
