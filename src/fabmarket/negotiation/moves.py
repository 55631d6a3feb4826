"""Inputs and outputs of a participant's pure step.

`step(state, input) -> (state', outputs)` holds for demander and supplier alike. Messages come in
with their signature already checked against their author; outputs are still to be signed and sent.
"""

from dataclasses import dataclass
from typing import Literal

from fabmarket.errors import Refused
from fabmarket.market.events import Event
from fabmarket.market.messages import Message
from fabmarket.market.trade import Trade

Phase = Literal["publish", "offers", "selections", "round"]


class Unacceptable(Refused):
    """A message that this participant must not act on; the reason is counted."""


@dataclass(frozen=True)
class Received:
    """A message, its EIP-712 digest and its author's signature."""

    message: Message
    digest: bytes
    signature: bytes


@dataclass(frozen=True)
class Happened:
    """The chain recorded an event."""

    event: Event


@dataclass(frozen=True)
class Deadline:
    """A phase of a release round is over. `now` is chain time, seconds."""

    phase: Phase
    now: int


Input = Received | Happened | Deadline


@dataclass(frozen=True)
class Send:
    """Sign `message` and deliver it to these addresses; none means everybody."""

    message: Message
    to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submit:
    """Countersign `trade` and settle it on chain."""

    trade: Trade
    demander_signature: bytes


@dataclass(frozen=True)
class Ignored:
    """A message was not acted on."""

    reason: str


Output = Send | Submit | Ignored
