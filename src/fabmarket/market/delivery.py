"""On what terms a negotiated trade is delivered, and the escrow that follows from them."""

from dataclasses import dataclass

from fabmarket.identity import TypedStruct, Uint16, Uint32
from fabmarket.market.exchange.terms import share
from fabmarket.market.trade import Escrow


@dataclass(frozen=True)
class Delivery(TypedStruct):
    """What becomes of a payment, known to all before anyone commits; all zero: paid at once.

    Seconds: to state delivery `deliver_within` the slot's end, to dispute it `dispute_within` that,
    for operators to rule `decide_within` that. Shares and penalties are in basis points as in
    `Escrow`; the bond is `bond_share` of the payment.
    """

    deliver_within: Uint32 = 0
    dispute_within: Uint32 = 0
    decide_within: Uint32 = 0
    late_share: Uint16 = 0
    silence_share: Uint16 = 0
    undecided_share: Uint16 = 0
    bond_share: Uint16 = 0
    late_penalty: Uint16 = 0
    exit_penalty: Uint16 = 0


INSTANT = Delivery()


def escrow_of(
    delivery: Delivery, payment: int, resource: bytes, slot: int, start: int, end: int
) -> Escrow:
    """Return the escrow that both parties sign with a trade; empty if it is paid at once.

    Args:
        delivery: the terms that the session was opened with.
        payment: quantity times unit price, base units. The bond is a share of it, rounded down.
        resource: what is sold.
        slot: in which slot of its calendar.
        start: when that begins, seconds of chain time; from then on delivery may be stated.
        end: the first second after it.
    """
    if delivery == INSTANT:
        return Escrow()
    deliver_by = end + delivery.deliver_within
    dispute_by = deliver_by + delivery.dispute_within
    return Escrow(
        resource=resource,
        slot=slot,
        deliver_from=start,
        deliver_by=deliver_by,
        dispute_by=dispute_by,
        decide_by=dispute_by + delivery.decide_within,
        late_share=delivery.late_share,
        silence_share=delivery.silence_share,
        undecided_share=delivery.undecided_share,
        bond=share(payment, delivery.bond_share),
        late_penalty=delivery.late_penalty,
        exit_penalty=delivery.exit_penalty,
    )
