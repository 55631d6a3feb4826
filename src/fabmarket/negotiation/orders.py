"""What the owner of a participant orders beside moves of the contract.

An order comes to the step like a message, but from the owner: `moves.Ordered`. One that the step
cannot follow is ignored with a reason, and nothing comes of it.
"""

from dataclasses import dataclass

from fabmarket.market.exchange import Move
from fabmarket.negotiation.duties import Duty
from fabmarket.negotiation.policy import Policy
from fabmarket.negotiation.products.plan import Product
from fabmarket.negotiation.wants import Want


@dataclass(frozen=True)
class Allow:
    """The exchange may take `amount` base units of a token out of the account's wallet, once."""

    token: str
    amount: int


@dataclass(frozen=True)
class PayIn:
    """Pay `amount` base units of a token in: `Allow` it, then deposit it."""

    token: str
    amount: int


@dataclass(frozen=True)
class AddWant:
    """Buy this too: a demander's. From now on it publishes `releases` times more at most."""

    name: str
    want: Want
    releases: int


@dataclass(frozen=True)
class DropWant:
    """Do not buy this any more, if nothing is signed for it yet."""

    want: bytes


@dataclass(frozen=True)
class AddProduct:
    """Buy this product too, in at most so many `cycles`: a demander's.

    `operations` are the owner's names of its steps.
    """

    name: str
    operations: tuple[str, ...]
    product: Product
    cycles: int


@dataclass(frozen=True)
class DropProduct:
    """Do not buy this product any more, if it is not signed."""

    product: bytes


@dataclass(frozen=True)
class Approve:
    """Go beyond the policy, by its id, for a want, a product or a trade to sell under."""

    id: bytes


@dataclass(frozen=True)
class Adopt:
    """From now on this is what may be signed."""

    policy: Policy


@dataclass(frozen=True)
class AgreeSplit:
    """Divide all that a trade in escrow holds like this, base units, if its other party agrees.

    `trade` is the digest; at `deadline`, chain time, our consent ends.
    """

    trade: bytes
    to_supplier: int
    to_demander: int
    deadline: int


@dataclass(frozen=True)
class ReportUsage:
    """Tell the demander of a trade in escrow that `units` of it are used so far: a supplier's.

    `at`: chain time, None for now.
    """

    trade: bytes
    units: int
    at: int | None = None
    note: str = ""


@dataclass(frozen=True)
class AnswerUsage:
    """Accept the last report on a trade in escrow, or object to it: a demander's."""

    trade: bytes
    accepted: bool
    note: str = ""


Order = (
    Move
    | PayIn
    | AddWant
    | DropWant
    | AddProduct
    | DropProduct
    | Approve
    | Adopt
    | AgreeSplit
    | ReportUsage
    | AnswerUsage
    | Duty
)
