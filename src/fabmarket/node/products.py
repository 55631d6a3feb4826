"""How far the products of a demander have come, as its owner reads it."""

from collections.abc import Mapping
from dataclasses import dataclass

from fabmarket.ledger.queries.forms import Digits
from fabmarket.market.rounds import Rounds
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.products.plan import Chain
from fabmarket.negotiation.products.purchase import Purchase, operation_id


@dataclass(frozen=True)
class StepStatus:
    """An operation as it is done: units of a supplier's slot, base units each.

    `trade` is empty until it is signed. What was bought before and stays has the price that was
    paid for it. What is `lost` is shown as it was bought, and will not be delivered.
    """

    operation: str
    supplier: str
    slot: int
    units: Digits
    unit_price: Digits
    trade: str
    lost: bool = False


@dataclass(frozen=True)
class ProductStatus:
    """A product: what was last said of it (`reason`), and what a chain would have cost with nobody
    else there (`least`, lateness included; 0: not known, or there is none). It is the `rest` that
    this is said of once something was lost: what was then still to be bought.

    While it is bought in rounds: their `phase`, the `beat` of all `beats` of the cycle, from 1, and
    the second at which what is booked is signed (`signs_at`); else these are "" and 0. `cycles`
    more are tried. `chain` is what is bid for, booked or signed, else what was bought last, and
    `bundle` what it settles as. `payment` is what was paid for the product and did not come back,
    and what is bid for, booked or signed and not paid yet, base units. The operations `lost` were
    bought and will not be delivered.
    """

    name: str
    state: str
    reason: str
    least: Digits
    rest: bool
    cycles: int
    phase: str
    beat: int
    beats: int
    signs_at: int
    payment: Digits
    bundle: str
    lost: tuple[str, ...]
    chain: tuple[StepStatus, ...]


@dataclass(frozen=True)
class Shown:
    """The chain that a product is shown with: of each step its trade, b"" where there is none.

    `due` is what it costs beyond what is paid already.
    """

    state: str
    chain: Chain | None
    due: int = 0
    trades: tuple[bytes, ...] = ()
    bundle: bytes = b""


def products_of(state: DemanderState, names: Mapping[bytes, str]) -> tuple[ProductStatus, ...]:
    """Return them by name."""
    found = (_product(state, each, names) for each in state.purchases.values())
    return tuple(sorted(found, key=lambda each: each.name))


def _product(state: DemanderState, purchase: Purchase, names: Mapping[bytes, str]) -> ProductStatus:
    shown, product = shown_of(state, purchase), purchase.product.id
    is_going = shown.state in ("open", "bid for", "booked")
    phase, beat, beats, signs_at = _round(state) if is_going else ("", 0, 0, 0)
    return ProductStatus(
        name=_name(product, names),
        state=shown.state,
        reason=purchase.reason,
        least=purchase.least,
        rest=bool(purchase.returned),
        cycles=max(0, purchase.cycles),
        phase=phase,
        beat=beat,
        beats=beats,
        signs_at=signs_at,
        payment=purchase.paid + shown.due,
        bundle=f"0x{shown.bundle.hex()}" if shown.bundle else "",
        lost=tuple(_name(operation_id(product, at), names) for at in sorted(purchase.lost)),
        chain=_steps(state, purchase, shown, names),
    )


def _round(state: DemanderState) -> tuple[str, int, int, int]:
    """Phase, beat, beats and time of signing, until that is over or before the first cycle."""
    rounds = Rounds(state.rhythm)
    if state.now < rounds.rhythm.origin:
        return "", 0, 0, 0
    current, period = rounds.at(state.now), rounds.rhythm.period
    signs_at = current.opened + rounds.length - rounds.signing * period + rounds.rhythm.quarter
    if state.now >= signs_at:
        return "", 0, 0, 0
    beat = (current.beat - current.opened) // period + 1
    return current.phase, beat, rounds.length // period, signs_at


def shown_of(state: DemanderState, purchase: Purchase) -> Shown:
    """Return what is under way for a product, or else what was bought."""
    pending, buyer = purchase.pending, state.buyers.get(purchase.product.id)
    if pending is not None:
        chain = pending.chain
        return Shown(purchase.state, chain, chain.price, pending.trades, pending.id)
    if purchase.state == "open" and buyer is not None:
        bids = {"booked": buyer.held, "bid for": buyer.standing}
        for said, bid in bids.items():
            if bid is not None:
                trades = tuple(step.slot.trade for step in bid.chain.steps)
                return Shown(said, bid.chain, bid.chain.price, trades)
    is_waiting = purchase.state == "open" and not state.is_allowed(purchase.product)
    said = "to be approved" if is_waiting else purchase.state
    return Shown(said, purchase.chain, 0, purchase.trades, purchase.bundle)


def _steps(
    state: DemanderState, purchase: Purchase, shown: Shown, names: Mapping[bytes, str]
) -> tuple[StepStatus, ...]:
    steps = () if shown.chain is None else shown.chain.steps
    bought, product = purchase.slots_bought, purchase.product.id
    lost = {purchase.trades[at] for at in purchase.lost}
    return tuple(
        StepStatus(
            operation=_name(operation_id(product, at), names),
            supplier=step.slot.supplier,
            slot=state.listed[step.slot.listing].slot,
            units=step.quantity,
            unit_price=bought.get(trade, step.slot).price,
            trade=f"0x{trade.hex()}" if trade else "",
            lost=trade in lost,
        )
        for at, (step, trade) in enumerate(zip(steps, shown.trades, strict=True))
    )


def _name(named: bytes, names: Mapping[bytes, str]) -> str:
    return names.get(named, f"0x{named.hex()}")
