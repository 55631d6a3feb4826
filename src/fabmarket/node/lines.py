"""What an agent tells its owner as it goes: one line for each thing that happens."""

from collections.abc import Callable, Mapping
from typing import Any

from fabmarket.market.events import (
    Delivered,
    Disputed,
    Escrowed,
    GraceOpened,
    Released,
    RulingPosted,
    Uncovered,
)
from fabmarket.negotiation.moves import EscrowNews
from fabmarket.negotiation.products.purchase import Purchase, operation_id
from fabmarket.negotiation.products.reasons import TAKEN_BACK

Say = Callable[[str, dict[str, Any]], None]
"""Called with the name of a line and what it is about."""

LINES: dict[str, str] = {
    "begun": "{role} {address} at {url}; chain {chain_id}, beats every {period} s",
    "waiting": "no rhythm of {founder} on the board yet; waiting for it",
    "announcing": "announcing our card: {url}",
    "card": "card of {peer}: {url}",
    "sent": "{kind} to {peer}: {outcome}",
    "heard": "{kind} from {peer}: {answer}",
    "served": "{want}: served, trade {trade}",
    "unserved": "{want}: given up: {reason}",
    "bought": "{product}: bought for {payment}, bundle {bundle}",
    "unbought": "{product}: not bought: {reason}; {cycles} more cycles to come",
    "anew": "{product}: planned anew, as {lost} will not be delivered; {cycles} more cycles to"
    " come",
    "priced": "slot {slot}: {units} of {room} units sold for {payment}, at {price} after quote"
    " {quotes}",
    "broken": "slot {slot}: the masked session was broken off: {reason}; from now on offered open",
    "netted": "trade {trade} settled in net batch {batch}",
    "unnetted": "not signed in the cycle that closed at {closed}, to settle late: {reason}",
    "settled": "sold {quantity} at {unit_price}: trade {trade}",
    "endorsed": "{operator} signed: from slot {first_slot} on {quantities}",
    "declined": "{operator} does not sign from slot {first_slot} on {quantities}: {reason}",
    "attested": "attested: from slot {first_slot} on {quantities}",
    "unattested": "no longer asked for: from slot {first_slot} on {quantities}",
    "request": "{supplier} asks to attest {resource}, from slot {first_slot} on {quantities}:"
    " request {request}",
    "dispute": "dispute over trade {trade}; evidence {evidence}",
    "evidence": "{party} shows evidence {hash} of trade {trade}",
    "proposed": "{operator} would rule {shares} on trade {trade}, number {number}",
    "ruled": "ruling {number} on trade {trade} is posted",
    "deadline": "trade {trade}: the time to rule {when}",
    "closed": "trade {trade} is closed: {cause}",
    "escrowed": "{payment} held until delivery, to be stated before {deliver_by}: trade {trade}",
    "usage": "report {number}: {units} of {quantity} units used at {used_at}: trade {trade};"
    " {note}",
    "answer": "report {number} of {units} units {answer}: trade {trade}; {note}",
    "delivered": "delivery of {quantity} stated: trade {trade}",
    "disputed": "delivery disputed, evidence {evidence}: trade {trade}",
    "uncovered": "payment refunded, less is attested than sold: trade {trade}",
    "grace": "a deadline passed, whoever was to act still may until {until}: trade {trade}",
    "ruling": "ruling {number} from {executable_at}, {payment_share} to supplier: trade {trade}",
    "released": "{cause}, with bond and deposits {to_supplier} to supplier, {to_demander} to"
    " demander: trade {trade}",
    "approval": "trade {trade} would bring {payment} and waits for approval until {until}",
    "short": "no offer to {demander}: it would lock {needed}, and of our balance {free} is free",
    "unsigned": "{demander} left {awards} awards unsigned; no offer to it until {until}",
    "mined": "{action} in block {block}: {outcome}",
    "held up": "{action} is stuck: {most} wei for a unit of gas, and {bound} allows no more",
    "ordered": "order {number}, {order}",
    "order": "order {number}: {outcome}",
    "lost": "the chain does not answer as it should; trying again: {reason}",
    "apart": "nothing is signed until the nodes agree: {reason}",
    "still": "the chain stands still since {since}: no block for {seconds} s; waiting",
    "found": "the chain is as it should be again",
    "full": "the disk takes no more just now; trying again: {reason}",
    "certificate": "the door's certificate: {outcome}",
    "door": "letters so far: {counted}",
    "ended": "ended; everything is on disk",
}
"""The lines by name. With --json-log each is an object of what stands in braces."""


def place_of(url: str) -> str:
    """Return what is said of where somebody takes letters, from its door's URL."""
    return url or "the board"


def line_of(news: EscrowNews) -> tuple[str, dict[str, Any]]:
    """Return the line that tells of a trade in escrow, and what it says beside the trade."""
    match news:
        case Escrowed(terms=it):
            payment = it.quantity * it.unit_price
            return "escrowed", {"payment": payment, "deliver_by": it.escrow.deliver_by}
        case Delivered():
            return "delivered", {"quantity": news.quantity}
        case Disputed():
            return "disputed", {"evidence": f"0x{news.evidence.hex()}"}
        case Uncovered():
            return "uncovered", {}
        case GraceOpened():
            return "grace", {"until": news.until}
        case RulingPosted():
            facts = {"number": news.number, "payment_share": news.payment_share}
            return "ruling", {**facts, "executable_at": news.executable_at}
        case Released():
            paid = {"to_supplier": news.to_supplier, "to_demander": news.to_demander}
            return "released", {"cause": news.cause.name.lower(), **paid}


def line_of_product(purchase: Purchase, names: Mapping[bytes, str]) -> tuple[str, dict[str, Any]]:
    """Return the line that tells what a product has come to; `names` are its owner's, by id."""

    def named(it: bytes) -> str:
        return names.get(it, f"0x{it.hex()}")

    product = named(purchase.product.id)
    if purchase.state == "bought":
        bundle = f"0x{purchase.bundle.hex()}"
        return "bought", {"product": product, "payment": purchase.paid, "bundle": bundle}
    facts = {"product": product, "cycles": max(0, purchase.cycles)}
    if purchase.reason == TAKEN_BACK:
        lost = (named(operation_id(purchase.product.id, at)) for at in sorted(purchase.lost))
        return "anew", {**facts, "lost": ", ".join(lost)}
    return "unbought", {**facts, "reason": purchase.reason}
