"""The one queue through which everything comes to a participant, whichever thread it is from."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event
from typing import TypeAlias

from fabmarket.chain import Receipt
from fabmarket.ledger import Block
from fabmarket.market.events import Announced
from fabmarket.node.outbox import HeldUp, Outgoing
from fabmarket.node.participant import Heard, Outcome
from fabmarket.node.peers import Delivery, ForBoard


@dataclass(frozen=True)
class Arrived:
    """A letter was opened; `answer` is to be told what the participant says.

    `sender` is who it says to be from; the message shows whether that is so. `is_again`: it was
    ahead of its turn before, which need not be said once more.
    """

    sender: str
    text: bytes
    answer: Callable[[Heard], None]
    is_again: bool = False


@dataclass(frozen=True)
class Followed:
    """A block of the exchange; `taken` is set once the participant has it."""

    block: Block
    is_past: bool
    taken: Event


@dataclass(frozen=True)
class Noticed:
    """A block of the board; `taken` likewise."""

    block: Block[Announced]
    taken: Event


@dataclass(frozen=True)
class Mined:
    """A transaction of ours is on the chain, for better or worse."""

    outgoing: Outgoing
    receipt: Receipt


@dataclass(frozen=True)
class Concluded:
    """An order of the owner has come to its end."""

    number: int
    outcome: Outcome


@dataclass(frozen=True)
class Lost:
    """The chain does not answer, or not as it should; we go on trying."""

    reason: str


@dataclass(frozen=True)
class Apart:
    """The nodes tell several chains; nothing is to be done until they tell one."""

    reason: str


@dataclass(frozen=True)
class Still:
    """The chain has made no block for so many seconds, since a moment in words; we wait."""

    since: str
    seconds: int


@dataclass(frozen=True)
class Full:
    """The journal took no more; we go on trying."""

    reason: str


@dataclass(frozen=True)
class Found:
    """The chain is as it should be again."""


@dataclass(frozen=True)
class CaughtUp:
    """All that was final when the chain was first looked at was given."""


@dataclass(frozen=True)
class Renewed:
    """The files of the door's certificate have changed; what came of reading them."""

    outcome: str


@dataclass(frozen=True)
class Failed:
    """A thread ended with an error, and so must the agent."""

    error: BaseException


Item: TypeAlias = (
    Arrived
    | Followed
    | Noticed
    | Delivery
    | ForBoard
    | Mined
    | Concluded
    | Lost
    | Apart
    | Still
    | Full
    | Found
    | CaughtUp
    | HeldUp
    | Renewed
    | Failed
)
Inbox: TypeAlias = "SimpleQueue[Item]"

MOST_AT_ONCE = 256
"""Items that are taken out of the queue together."""


def waiting(inbox: Inbox, seconds: float) -> list[Item]:
    """Wait so long for an item, and return it with those behind it, in order."""
    items: list[Item] = []
    with suppress(Empty):
        items.append(inbox.get(timeout=seconds))
        while len(items) < MOST_AT_ONCE:
            items.append(inbox.get_nowait())
    return items
