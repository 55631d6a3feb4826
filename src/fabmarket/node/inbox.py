"""The one queue through which everything comes to a participant, whichever thread it is from."""

from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from typing import TypeAlias

from fabmarket.chain import Receipt
from fabmarket.ledger import Block
from fabmarket.market.events import Announced
from fabmarket.node.outbox import Outgoing
from fabmarket.node.participant import Heard
from fabmarket.node.peers import Delivery


@dataclass(frozen=True)
class Arrived:
    """A letter was opened; `answer` is to be told what the participant says."""

    sender: str
    text: bytes
    answer: Callable[[Heard], None]


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
class Lost:
    """The chain does not answer, or not as it should; we go on trying."""

    reason: str


@dataclass(frozen=True)
class Full:
    """The journal took no more; we go on trying."""

    reason: str


@dataclass(frozen=True)
class Found:
    """The chain answers again."""


@dataclass(frozen=True)
class Failed:
    """A thread ended with an error, and so must the agent."""

    error: BaseException


Item: TypeAlias = Arrived | Followed | Noticed | Delivery | Mined | Lost | Full | Found | Failed
Inbox: TypeAlias = "SimpleQueue[Item]"
