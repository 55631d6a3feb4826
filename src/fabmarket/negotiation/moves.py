"""Inputs and outputs of a participant's pure step, named by direction.

`step(state, input) -> (state', outputs)` holds for demander and supplier alike. Messages come in
with their signature already checked against their author; outputs are still to be signed and sent.
A step applies what it sends to its own state: nothing is delivered to oneself.
"""

from dataclasses import dataclass

from fabmarket.market.events import (
    Delivered,
    Disputed,
    Escrowed,
    Event,
    GraceOpened,
    Released,
    RulingPosted,
    Uncovered,
)
from fabmarket.market.exchange import Deposit, Move
from fabmarket.market.messages import Message, Place
from fabmarket.market.trade import Split
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.duties import Ask, Decline, Endorse, Judge, Seal, Show
from fabmarket.negotiation.orders import (
    AddProduct,
    AddWant,
    Adopt,
    AgreeSplit,
    Allow,
    AnswerUsage,
    Approve,
    DropProduct,
    DropWant,
    Order,
    PayIn,
    ReportUsage,
)
from fabmarket.negotiation.products.purchase import Purchase
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
    """The owner orders something: mostly a move of the contract."""

    order: Order


Input = Received | Recorded | Ticked | Ordered


@dataclass(frozen=True)
class Send:
    """Sign `message` and deliver it, with the receiver's places in its tree.

    At `until`, chain time, it is of no more use and need not be delivered any longer. Its letter is
    as large as if the text of the message had `padded` bytes, where it has fewer.
    """

    message: Message
    to: str
    until: int
    places: tuple[Place, ...] = ()
    padded: int = 0


@dataclass(frozen=True)
class Submit:
    """Send a move to the contract; a trade's empty signature is ours to fill in.

    So is an empty one of a split, over `consent`.
    """

    move: Move | Allow
    consent: Split | None = None


@dataclass(frozen=True)
class News:
    """A line of the log, by its name, and what stands in its braces."""

    line: str
    facts: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, line: str, **facts: str) -> "News":
        """Return the news of a line."""
        return cls(line, tuple(facts.items()))


EscrowNews = Escrowed | Delivered | Disputed | Uncovered | GraceOpened | RulingPosted | Released
"""What happens to a trade in escrow and calls for its parties, or ends it."""


@dataclass(frozen=True)
class Tell:
    """What the owner should hear: a want that is served or given up, what becomes of a product or
    of a trade in escrow, or another line of the log.
    """

    news: Want | Purchase | EscrowNews | News


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


def submitted(order: Order) -> tuple[Submit | Send, ...]:
    """Return what an order that any role can follow asks for. Unacceptable if it is another's.

    A token is allowed and deposited by two: every ERC-20 token can do that, a permit only some.
    """
    match order:
        case PayIn(token, amount):
            return Submit(Allow(token, amount)), Submit(Deposit(token, amount))
        case AddWant() | DropWant() | AddProduct() | DropProduct():
            raise Unacceptable("only a demander wants something")
        case AgreeSplit():
            raise Unacceptable("only a party to a trade divides it")
        case ReportUsage():
            raise Unacceptable("only a supplier reports what is used")
        case AnswerUsage():
            raise Unacceptable("only a demander answers reports")
        case Approve() | Adopt():
            raise Unacceptable("there is nothing to approve")
        case Ask() | Seal():
            raise Unacceptable("only a supplier has something to attest")
        case Endorse() | Decline() | Judge():
            raise Unacceptable("only an operator attests and rules")
        case Show():
            return tuple(Send(order.exhibit, each, order.until) for each in order.operators)
        case _:
            return (Submit(order),)
