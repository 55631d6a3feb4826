"""What can be said before a trade: demand, offer, selection, the rounds of a session, counters.

Closing times stand in what is signed, as seconds of chain time: a demand says until when it takes
offers and for which beat of the market it chooses, an opening how long a round lasts and when the
session ends. Nobody needs to know that a phase is over.

Every message is EIP-712 typed data, signed by the address in its `demander`, `supplier` or `sender`
field (`author`). A message is referred to by its digest, and a session is a chain: each message
carries the digest of what it answers. A signed `Trade` is the last message a demander sends.

From the paper: `Demand` is O_MRD (eq. 8), `Offer` is O_MRS (eq. 9), `Counter` is eq. 10.
"""

from dataclasses import dataclass

from fabmarket.identity import (
    Address,
    Bytes32,
    Flag,
    Text,
    TypedStruct,
    Uint32,
    Uint64,
    Uint128,
    Uint256,
)
from fabmarket.market.sums import Node
from fabmarket.market.trade import Trade


@dataclass(frozen=True)
class Alternative(TypedStruct):
    """One way to do a sub-task: `quantity` units of a resource type (`NO_LIMIT`: what pays)."""

    resource: Bytes32
    quantity: Uint64


@dataclass(frozen=True)
class SubTask(TypedStruct):
    """A part of a product, to be done within [start, end) seconds of chain time.

    An indivisible sub-task is bought whole or not at all.
    """

    id: Bytes32
    start: Uint64
    end: Uint64
    divisible: Flag
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class Demand(TypedStruct):
    """The sub-tasks a demander still wants served. `sequence` rises with every publication.

    Offers are taken before `offers_until`; then the demander selects, for the sessions that open at
    `opens`.
    """

    demander: Address
    sequence: Uint64
    offers_until: Uint64
    opens: Uint64
    sub_tasks: tuple[SubTask, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class PriceTerms(TypedStruct):
    """How the price of a listing is found, known to all before anyone commits.

    `concept` names the equilibrium, or is "bargaining". The weights a and b of the price rule
    q = a·S - b·w are in 10⁻⁶ base units per squared resource unit; `maintenance` (the least price)
    in base units of `token` per unit; `capacity` in units.
    """

    concept: Text
    demand_weight: Uint128
    supply_weight: Uint128
    maintenance: Uint128
    capacity: Uint64
    token: Address


@dataclass(frozen=True)
class Offer(TypedStruct):
    """A supplier's answer to one alternative of one sub-task.

    `unit_price` is what this demander would pay if nobody else came. `opens` is the demand's: the
    offer can be taken up before it.
    """

    supplier: Address
    demand: Bytes32
    sub_task: Bytes32
    listing: Bytes32
    resource: Bytes32
    slot: Uint64
    slot_end: Uint64
    quantity: Uint64
    unit_price: Uint128
    opens: Uint64
    terms: PriceTerms

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Selection(TypedStruct):
    """A demander takes up one offer: it will negotiate there for `quantity` units."""

    demander: Address
    offer: Bytes32
    sub_task: Bytes32
    listing: Bytes32
    quantity: Uint64
    divisible: Flag

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Refusal(TypedStruct):
    """A supplier cannot negotiate a selection; `reason` says why."""

    supplier: Address
    selection: Bytes32
    reason: Text

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Member(TypedStruct):
    """A seat in a session: who, for which sub-task, up to how many units.

    `supplier_nonce` is what a trade of this seat names of its supplier.
    """

    demander: Address
    selection: Bytes32
    sub_task: Bytes32
    quantity: Uint64
    divisible: Flag
    supplier_nonce: Uint64


@dataclass(frozen=True)
class Opening(TypedStruct):
    """The supplier fixes the roster before the first price. Its digest names the session.

    `roster` is the root over the `seats` members (`market.sums`, no sums). A member that is silent
    for `round_time` seconds is dropped. At `ends` the session is over, closed or not, and no trade
    is taken that was not signed before.
    """

    supplier: Address
    listing: Bytes32
    slot_end: Uint64
    terms: PriceTerms
    seats: Uint32
    roster: Bytes32
    round_time: Uint32
    ends: Uint64

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Quote(TypedStruct):
    """The supplier announces the sums of the last replies, and the price that follows from them.

    `tree` is the root over the last answers, `sum` what they add up to (micro-units), `moving` how
    many of them are above 0 and below their seat's limit; `dropped` are the seats that were silent
    then. All are zero or empty in the first quote. `supply` is the supplier's at this price and sum
    (micro-units). A `final` quote is the price at which the members are asked to buy, up to what is
    `due` to each seat, units, of which this is the total. `previous` is the quote before it, or the
    session.
    """

    supplier: Address
    session: Bytes32
    round: Uint32
    previous: Bytes32
    tree: Bytes32
    sum: Uint256
    moving: Uint32
    due: Uint256
    dropped: tuple[Uint32, ...]
    price: Uint128
    supply: Uint256
    final: Flag

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Reply(TypedStruct):
    """A member's best response to a quote, in micro-units, rounded down."""

    demander: Address
    session: Bytes32
    seat: Uint32
    quote: Bytes32
    quantity: Uint256

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Claim(TypedStruct):
    """A member's answer to the final quote: the integer units it buys (0: it declines).

    `surplus` orders the claims when room is short: base units gained by buying at that price.
    """

    demander: Address
    session: Bytes32
    seat: Uint32
    quote: Bytes32
    quantity: Uint64
    surplus: Uint256

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Close(TypedStruct):
    """The outcome at `price`; `awarded` units in all. Its digest is the trades' transcript.

    `tree`, `sum`, `moving` and `dropped` are those of the last answers: claims in units, or, where
    no price was found, replies as in a quote. `previous` is the last quote.
    """

    supplier: Address
    session: Bytes32
    previous: Bytes32
    tree: Bytes32
    sum: Uint256
    moving: Uint32
    awarded: Uint64
    dropped: tuple[Uint32, ...]
    price: Uint128

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Place(TypedStruct):
    """A seat's part of an opening, a quote or a close, and its path: proved by a tree, not signed.

    The seat is that of one `selection`. `value` is the supplier's nonce in an opening, the units
    due in a quote, those awarded in a close.
    """

    seat: Uint32
    selection: Bytes32
    value: Uint64
    path: tuple[Node, ...]


@dataclass(frozen=True)
class Counter(TypedStruct):
    """One step of bilateral bargaining in an opened session with one member.

    `reason` is "propose", "accept" (at the price of the message before) or "withdraw".
    """

    sender: Address
    session: Bytes32
    sequence: Uint32
    previous: Bytes32
    unit_price: Uint128
    quantity: Uint64
    reason: Text

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.sender


SessionMessage = Quote | Reply | Claim | Close
"""What is said in a session once it is open."""
Message = Demand | Offer | Selection | Refusal | Opening | SessionMessage | Counter | Trade
