"""Inputs and outputs of a participant's pure step, named by direction.

`step(state, input) -> (state', outputs)` holds for demander and supplier alike. Messages come in
with their signature already checked against their author; outputs are still to be signed and sent.
A step applies what it sends to its own state: nothing is delivered to oneself.
"""

from dataclasses import dataclass

from fabmarket.market.events import Event
from fabmarket.market.exchange import Move
from fabmarket.market.messages import Message, Place
from fabmarket.negotiation.wants import Want


@dataclass(frozen=True)
class Received:
    """A message from its author, its EIP-712 digest and signature, and our places in its tree."""

    message: Message
    digest: bytes
    signature: bytes
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """The chain recorded an event, whoever sent the transaction."""

    event: Event


@dataclass(frozen=True)
class Ticked:
    """Chain time, seconds, has come to `now`."""

    now: int


@dataclass(frozen=True)
class Ordered:
    """The owner orders a move of the contract."""

    move: Move


Input = Received | Recorded | Ticked | Ordered


@dataclass(frozen=True)
class Send:
    """Sign `message` and deliver it, with the receiver's places in its tree.

    At `until`, chain time, it is of no more use and need not be delivered any longer.
    """

    message: Message
    to: str
    until: int
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Submit:
    """Send a move to the contract; a trade's empty supplier signature is ours to fill in."""

    move: Move


@dataclass(frozen=True)
class Tell:
    """What the owner should hear: a want that is served or given up."""

    news: Want


@dataclass(frozen=True)
class Ignored:
    """A message was not acted on. `is_proof`: it contradicts another by its author."""

    reason: str
    is_proof: bool = False


@dataclass(frozen=True)
class Postponed:
    """A message that is ahead of its turn: its sender is to send it again later."""

    reason: str


Output = Send | Submit | Tell | Ignored | Postponed
