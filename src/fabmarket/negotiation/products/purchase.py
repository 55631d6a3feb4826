"""What becomes of a product that a demander wants, from its first cycle to its last release."""

from dataclasses import dataclass, replace
from typing import Literal

from fabmarket.identity import keccak
from fabmarket.market.events import Cause
from fabmarket.market.exchange import SignedTrade
from fabmarket.negotiation.products.plan import Chain, Product, Slot, Way

LOSSES = (Cause.REFUNDED, Cause.UNCOVERED)
"""Why a payment comes back for what is not delivered, before it was due."""


@dataclass(frozen=True)
class Bundle:
    """Trades signed for a product and not settled: for a whole `chain`, by step `trades`.

    `signed` are those of this bundle, with the signatures that have come, all valid until `until`.
    Settling takes `pledged` base units of the account. Suppliers that did on the chain what may
    keep it from settling are `in_doubt`.
    """

    id: bytes
    chain: Chain
    trades: tuple[bytes, ...]
    signed: tuple[SignedTrade, ...]
    until: int
    pledged: int
    in_doubt: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Purchase:
    """A product and how far it has come; `cycles` more of the rounds are tried for it.

    `tried` is when the last cycle began that was; `pending` what is signed and not settled yet.
    `chain` is what was bought, at what was paid for it, `trades` by step, `bundle` the last that
    settled, and `paid` what all of them cost, base units, less the payments that came back; `lost`
    are its steps that will not be delivered. `returned` are all trades whose payment came back, and
    `left` those that were bought, paid for and are of no use since it was planned anew, each with
    its step. `least` is what its cheapest chain would have cost at the last prices of the last
    cycle with nobody else there, lateness included, 0 if there was none; where something is lost or
    was bought anew, of what was then still to be bought. `shunned` are suppliers that did not sign.
    """

    product: Product
    cycles: int
    state: Literal["open", "signed", "bought", "unbought", "cancelled", "forgotten"] = "open"
    reason: str = ""
    tried: int = -1
    pending: Bundle | None = None
    chain: Chain | None = None
    trades: tuple[bytes, ...] = ()
    bundle: bytes = b""
    paid: int = 0
    lost: frozenset[int] = frozenset()
    returned: tuple[tuple[int, bytes], ...] = ()
    left: tuple[tuple[int, bytes], ...] = ()
    least: int = 0
    shunned: frozenset[str] = frozenset()

    @property
    def pledged(self) -> int:
        """What settling what is signed takes from the account, base units."""
        return 0 if self.pending is None else self.pending.pledged

    @property
    def slots_bought(self) -> dict[bytes, Slot]:
        """The slots of `chain` by trade, at the price that was paid for a unit."""
        steps = () if self.chain is None else self.chain.steps
        named = zip(self.trades, steps, strict=True)
        return {trade: replace(step.slot, trade=trade) for trade, step in named}


def to_plan(purchase: Purchase) -> tuple[Product, dict[bytes, Slot]]:
    """Return the product with what is bought and not lost as one way more to do each step.

    And the slots that these ways stand for: a step may stay as it is for nothing more.
    """
    product, owned = purchase.product, dict[bytes, Slot]()
    if purchase.chain is None or not purchase.lost:
        return product, owned
    steps = list(product.steps)
    for at, step in enumerate(purchase.chain.steps):
        if at not in purchase.lost:
            trade = purchase.trades[at]
            owned[trade] = replace(step.slot, price=0, room=step.quantity, trade=trade)
            steps[at] = (Way(trade, step.quantity), *steps[at])
    return replace(product, steps=tuple(steps)), owned


def operation_id(product: bytes, step: int) -> bytes:
    """Return what names a step of a product, from 0."""
    return keccak(product + step.to_bytes(4, "big"))
