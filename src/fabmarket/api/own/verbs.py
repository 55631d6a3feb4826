"""What an owner can order, as JSON says it: an object whose `verb` is the command's name."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from fabmarket.api.own.written import (
    Amount,
    Count,
    Cycles,
    Days,
    Digest,
    Name,
    Note,
    Paid,
    Second,
    Share,
    Slot,
    Units,
    WantedSlot,
)
from fabmarket.negotiation.duties import LONGEST_REASON, MOST_SLOTS
from fabmarket.negotiation.orders import Order
from fabmarket.node.ordered import buying, capacity, delivering, judging, money
from fabmarket.node.owner import Owner
from fabmarket.node.settings import OperationTable, ProductTable, WantTable, WayTable, WorkTable


class Said(BaseModel):
    """What an owner says; what is unknown or of another type is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class Ordered(Said, ABC):
    """An order, as an owner says it."""

    @abstractmethod
    def order(self, owner: Owner) -> Order:
        """Return the order. Refused where it cannot be given."""


class Final(Ordered, ABC):
    """An order that nobody can take back."""


class Deposit(Ordered):
    """Pay money into the exchange, out of the account's wallet."""

    verb: Literal["deposit"]
    amount: Paid

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return money.paid_in(owner, self.amount)


class Withdraw(Final):
    """Take money out of the exchange, into the wallet of `to`, else the account's own."""

    verb: Literal["withdraw"]
    amount: Paid
    to: Annotated[str | None, Field(max_length=64)] = None

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return money.withdrawn(owner, self.amount, self.to)


class Register(Final):
    """Register the resource that the settings name, counted in `unit`."""

    verb: Literal["register"]
    unit: Name

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return capacity.registered(owner, self.unit)


class List(Ordered):
    """Offer so many units more of a slot."""

    verb: Literal["list"]
    slot: Slot
    quantity: Units

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return capacity.listed(owner, self.slot, self.quantity)


class Open(Final):
    """Open a sealed slot, and offer all of it."""

    verb: Literal["open"]
    slot: Slot

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return capacity.opened(owner, self.slot)


class Unlist(Ordered):
    """Take so many unsold units of a slot off the market, all without `quantity`."""

    verb: Literal["unlist"]
    slot: Slot
    quantity: Units | None = None

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return capacity.unlisted(owner, self.slot, self.quantity)


class Ask(Ordered):
    """Have the operators attest so many units of `slot` and those that follow."""

    verb: Literal["ask"]
    slot: Slot
    quantities: Annotated[list[Count], Field(min_length=1, max_length=MOST_SLOTS)]
    expires: Second | None = None
    """From this second of chain time on nothing is listed by it; else the last slot's end."""
    sealed: bool = False

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return capacity.asked(owner, self.slot, self.quantities, self.expires, sealed=self.sealed)


class Way(Said):
    """One way to serve a want: amounts in base units per unit of the resource."""

    resource: Name
    quantity: Units | None = None
    """As many as pay, without it."""
    benefit: Amount
    cost: Amount = 0


class Want(Ordered):
    """Buy something more, in one slot; any one of the alternatives serves it."""

    verb: Literal["want"]
    name: Name
    slot: WantedSlot
    divisible: bool = False
    alternatives: Annotated[list[Way], Field(min_length=1, max_length=50)]

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        ways = [WayTable(**dict(each)) for each in self.alternatives]
        table = WantTable(
            name=self.name, slot=self.slot, divisible=self.divisible, alternatives=ways
        )
        return buying.wanted(owner, table)


class Work(Said):
    """One way to do an operation: so many units of a resource, in one slot."""

    resource: Name
    quantity: Units


class Operation(Said):
    """A step of a product; any one of the alternatives does it."""

    name: Name
    alternatives: Annotated[list[Work], Field(min_length=1, max_length=50)]


class Product(Ordered):
    """Buy a whole product, or nothing of it: its operations in this order, each in a later slot.

    Slots from `release` to `last`, late after `due` (`last` without it), which takes `lateness` a
    slot from the `value`, base units. With `partial` a beginning is worth its share.
    """

    verb: Literal["product"]
    name: Name
    value: Amount
    lateness: Amount = 0
    release: WantedSlot = 0
    due: WantedSlot | None = None
    last: WantedSlot
    cycles: Cycles = 20
    partial: bool = False
    operations: Annotated[list[Operation], Field(min_length=1, max_length=150)]

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        operations = [
            OperationTable(
                name=each.name, alternatives=[WorkTable(**dict(way)) for way in each.alternatives]
            )
            for each in self.operations
        ]
        said = {**dict(self), "operations": operations}
        return buying.product(owner, ProductTable(**{k: v for k, v in said.items() if k != "verb"}))


class Cancel(Ordered):
    """Take back one of: a want, a product, a trade, all that is signed for a slot of ours, all."""

    verb: Literal["cancel"]
    want: Name | None = None
    product: Name | None = None
    trade: Digest | None = None
    listing: Slot | None = None
    all: bool = False

    @model_validator(mode="after")
    def _one(self) -> "Cancel":
        given = (self.want, self.product, self.trade, self.listing, self.all or None)
        if given.count(None) != len(given) - 1:
            raise PydanticCustomError("one", "give one of want, product, trade, listing and all")
        return self

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        if self.want is not None:
            return buying.no_want(owner, self.want)
        if self.product is not None:
            return buying.no_product(owner, self.product)
        if self.trade is not None:
            return buying.no_trade(owner, self.trade)
        if self.listing is not None:
            return buying.nothing_of(owner, self.listing)
        return buying.nothing(owner)


class Approve(Ordered):
    """Approve one of: a want, a product, or a trade that we are to sell under."""

    verb: Literal["approve"]
    want: Name | None = None
    product: Name | None = None
    trade: Digest | None = None

    @model_validator(mode="after")
    def _one(self) -> "Approve":
        if (self.want, self.product, self.trade).count(None) != 2:
            raise PydanticCustomError("one", "give one of want, product and trade")
        return self

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        if self.trade is not None:
            return buying.approved_trade(owner, self.trade)
        return buying.approved(owner, self.want or self.product or "")


class Report(Ordered):
    """Tell the demander that so many units of a trade are used so far."""

    verb: Literal["report"]
    trade: Digest
    units: Count
    at: Second | None = None
    """Second of chain time; now, without it."""
    note: Note = ""

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return delivering.reported(owner, self.trade, self.units, self.at, self.note)


class Acknowledge(Ordered):
    """Accept the last report of what is used of a trade."""

    verb: Literal["acknowledge"]
    trade: Digest
    note: Note = ""

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return delivering.answered(owner, self.trade, accepted=True, note=self.note)


class Object(Ordered):
    """Object to the last report of what is used of a trade."""

    verb: Literal["object"]
    trade: Digest
    reason: Annotated[Note, Field(min_length=1)]

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return delivering.answered(owner, self.trade, accepted=False, note=self.reason)


class Deliver(Final):
    """State that so many units of a trade were delivered, all without `quantity`."""

    verb: Literal["deliver"]
    trade: Digest
    quantity: Units | None = None

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return delivering.delivered(owner, self.trade, self.quantity)


class Accept(Final):
    """Pay the supplier what a trade holds, or so much of it."""

    verb: Literal["accept"]
    trade: Digest
    amount: Paid | None = None

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return delivering.accepted(owner, self.trade, self.amount)


class Refund(Final):
    """Have the payment of a trade go back to the demander."""

    verb: Literal["refund"]
    trade: Digest

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return delivering.refunded(owner, self.trade)


class Expire(Final):
    """Have a deadline of a trade that has passed decide."""

    verb: Literal["expire"]
    trade: Digest

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return delivering.expired(owner, self.trade)


class Execute(Final):
    """Carry out the operators' ruling on a trade after its window."""

    verb: Literal["execute"]
    trade: Digest

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return delivering.executed(owner, self.trade)


class Void(Final):
    """Withdraw consent to every split of a trade that was signed so far."""

    verb: Literal["void"]
    trade: Digest

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return delivering.voided(owner, self.trade)


class Split(Final):
    """Divide all that a trade holds, if its other party agrees; of the two shares one is enough."""

    verb: Literal["split"]
    trade: Digest
    to_supplier: Amount | None = None
    to_demander: Amount | None = None
    days: Days = 7
    """How long the other party may take to agree."""

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return delivering.split(owner, self.trade, self.to_supplier, self.to_demander, self.days)


class Attest(Final):
    """Sign a request for attestation, after the units have been counted: an operator's."""

    verb: Literal["attest"]
    request: Digest

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return judging.attested(owner, self.request)


class Refuse(Ordered):
    """Tell a supplier why its request for attestation is not signed: an operator's."""

    verb: Literal["refuse"]
    request: Digest
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        return judging.refused(owner, self.request, self.reason)


class Rule(Final):
    """Say what the supplier of a disputed trade is to get, as 50% or 5000bp: an operator's.

    The demander gets the rest.
    """

    verb: Literal["rule"]
    trade: Digest
    payment_share: Share
    """Of the payment still held."""
    bond_share: Share
    deposit_share: Share
    """Of both deposits together."""

    def order(self, owner: Owner) -> Order:
        """Return the order."""
        shares = (self.payment_share, self.bond_share, self.deposit_share)
        return judging.ruled(owner, self.trade, *shares)


Verb = Annotated[
    Deposit
    | Withdraw
    | Register
    | List
    | Open
    | Unlist
    | Ask
    | Want
    | Product
    | Cancel
    | Approve
    | Report
    | Acknowledge
    | Object
    | Deliver
    | Accept
    | Refund
    | Expire
    | Execute
    | Void
    | Split
    | Attest
    | Refuse
    | Rule,
    Field(discriminator="verb"),
]
