"""What can be said before a trade: demand, offer, selection, the rounds of a session, counters.

Closing times stand in what is signed, as seconds of chain time: a demand says until when it takes
offers and for which beat of the market it chooses, an opening how long a round lasts and when the
session ends. Nobody needs to know that a phase is over.

Every message is EIP-712 typed data, signed by the address in its `demander`, `supplier`, `sender`
or `party` field (`author`); what operators say and hear stands in `oversight`, what is said while a
trade is delivered in `usage`, while a whole product is bought in `products`, while trades are
netted in `cycles`. A message is referred to by its digest, and a session is a chain: each message
carries the digest of what it answers. A
signed `Trade` is the last message a demander sends before there is something to deliver; of one in
escrow the parties may still agree on a `SplitOffer`.

From the paper: `Demand` is O_MRD (eq. 8), `Offer` is O_MRS (eq. 9), `Counter` is eq. 10.
"""

from dataclasses import dataclass

from fabmarket.identity import (
    Address,
    Bytes,
    Bytes32,
    Flag,
    Text,
    TypedStruct,
    Uint32,
    Uint64,
    Uint128,
    Uint256,
)
from fabmarket.market.cycles import CycleMessage
from fabmarket.market.delivery import Delivery
from fabmarket.market.masked import Card, MaskedMessage, SeatRequest
from fabmarket.market.oversight import OversightMessage
from fabmarket.market.products import ProductMessage
from fabmarket.market.sums import Node
from fabmarket.market.trade import Split, Trade
from fabmarket.market.usage import UsageMessage

MOST_ASKED = 256
"""Alternatives that one demander may ask for, for one beat; a sub-task without any counts too."""


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
    def asked(self) -> int:
        """How many alternatives it asks for; one where it asks for nothing, as it is read too."""
        return max(1, sum(max(1, len(each.alternatives)) for each in self.sub_tasks))

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class PriceTerms(TypedStruct):
    """How the price of a listing is found, known to all before anyone commits.

    `concept` names the equilibrium, or is "clock" or "bargaining". The weights a and b of the price
    rule q = a·S - b·w are in 10⁻⁶ base units per squared resource unit; `maintenance` (the least
    price) in base units of `token` per unit; `capacity` in units. A clock goes up from there by the
    `step`-th part of the last price; with `lots` each demand is sold whole or not at all. From
    `least` seats on a session is masked (`masked`); 0: none is. The search for an equilibrium's
    price begins at `start`; 0: at the least price.
    """

    concept: Text
    demand_weight: Uint128
    supply_weight: Uint128
    maintenance: Uint128
    capacity: Uint64
    token: Address
    lots: Flag = False
    step: Uint32 = 0
    least: Uint32 = 0
    start: Uint128 = 0


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
    delivery: Delivery

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Selection(TypedStruct):
    """A demander takes up one offer: it will negotiate there for `quantity` units.

    Where the offer is for a masked session, `masked` says how it would sit in one; else it is
    empty.
    """

    demander: Address
    offer: Bytes32
    sub_task: Bytes32
    listing: Bytes32
    quantity: Uint64
    divisible: Flag
    masked: tuple[SeatRequest, ...] = ()

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
    slot_start: Uint64
    slot_end: Uint64
    terms: PriceTerms
    delivery: Delivery
    seats: Uint32
    roster: Bytes32
    round_time: Uint32
    ends: Uint64

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class MaskedOpening(TypedStruct):
    """The same for a masked session: all seats' cards stand in it, nobody's account.

    `cap_sum` is what all seats can want together, units. After `round_limit` quotes without a price
    there is none. A member that is silent for `round_time` seconds ends the session.
    """

    supplier: Address
    listing: Bytes32
    slot_start: Uint64
    slot_end: Uint64
    terms: PriceTerms
    delivery: Delivery
    cards: tuple[Card, ...]
    cap_sum: Uint256
    round_limit: Uint32
    round_time: Uint32
    ends: Uint64

    @property
    def seats(self) -> int:
        """How many seats there are."""
        return len(self.cards)

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Quote(TypedStruct):
    """The supplier announces the sums of the last replies, and the price that follows from them.

    `tree` is the root over the last answers, `sum` what they add up to, `moving` how many of them
    are above 0 and below their seat's limit (in a clock, the mark of what they give up); `dropped`
    are the seats that were silent then. All are zero or empty in the first quote. `supply` is the
    supplier's at this price and sum (micro-units). `previous` is the quote before it, or the
    session.
    """

    supplier: Address
    session: Bytes32
    round: Uint32
    previous: Bytes32
    tree: Bytes32
    sum: Uint256
    moving: Uint256
    dropped: tuple[Uint32, ...]
    price: Uint128
    supply: Uint256

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Exit(TypedStruct):
    """Units given up in a clock, and the last price at which they were wanted."""

    price: Uint128
    units: Uint128


@dataclass(frozen=True)
class Reply(TypedStruct):
    """What a member would hold at the price quoted; what is awarded, it is bound to buy.

    Towards an equilibrium that is its best response, in micro-units, rounded down. In a clock it is
    the whole units that it still wants, and `exits` are those given up since the quote before.
    """

    demander: Address
    session: Bytes32
    seat: Uint32
    quote: Bytes32
    quantity: Uint256
    exits: tuple[Exit, ...] = ()

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Close(TypedStruct):
    """The outcome: `awarded` units in all, for `paid` base units. Its digest is the transcript.

    `price` is what was found, that at which a clock stopped, 0 if there is none. `tree`, `sum`,
    `moving` and `dropped` are those of the last answers, as in a quote; `exits` are a clock's,
    those of all seats together. `previous` is the last quote.
    """

    supplier: Address
    session: Bytes32
    previous: Bytes32
    tree: Bytes32
    sum: Uint256
    moving: Uint256
    awarded: Uint64
    paid: Uint256
    dropped: tuple[Uint32, ...]
    price: Uint128
    exits: tuple[Exit, ...] = ()

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Place(TypedStruct):
    """A seat's part of an opening, a quote or a close, and its path: proved by a tree, not signed.

    The seat is that of one `selection`. `value` is the supplier's nonce in an opening, the units
    awarded in a close, and `payment` what these cost, base units. Of a masked session the nodes of
    a path carry what `masked_sums` says, and the path in an opening is empty.
    """

    seat: Uint32
    selection: Bytes32
    value: Uint64
    payment: Uint256
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


@dataclass(frozen=True)
class SplitOffer(TypedStruct):
    """A party to a trade in escrow would divide what it holds like this.

    `consent` is its signature of `split`, with which the other party can submit that.
    """

    party: Address
    split: Split
    consent: Bytes

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.party


SessionMessage = Quote | Reply | Close
"""What is said in a session once it is open."""
OpeningMessage = Opening | MaskedOpening
TradeMessage = (
    Demand | Offer | Selection | Refusal | OpeningMessage | SessionMessage | Counter | Trade
)
"""What leads from a demand to a trade."""
Message = (
    TradeMessage
    | MaskedMessage
    | ProductMessage
    | CycleMessage
    | SplitOffer
    | UsageMessage
    | OversightMessage
)
