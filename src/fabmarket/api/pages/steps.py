"""The steps of a trade's life, as a sentence each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fabmarket.api.pages.clock import utc
from fabmarket.api.pages.shell import written
from fabmarket.api.served import Currency
from fabmarket.ledger.queries.log import EventRow
from fabmarket.ledger.queries.trades import TradeRow
from fabmarket.report.wording import number

CAUSES = {
    "accepted": "the buyer accepted",
    "refunded": "the supplier gave it back",
    "split": "both agreed to share it",
    "ruled": "the operators ruled",
    "late": "delivery was not stated in time",
    "silent": "nobody disputed the delivery in time",
    "undecided": "the operators did not rule in time",
    "uncovered": "the capacity was no longer attested",
}
"""Why money left an escrow, by the name of the cause."""


@dataclass(frozen=True)
class Step:
    """One thing that happened: when, in which transaction, and what."""

    time: int
    block: int
    transaction: str
    title: str
    text: str = ""


def begun(row: TradeRow, currency: Currency) -> Step:
    """Return the settlement, with which every trade begins."""
    paid = written(row.payment, currency)
    text = f"{paid} went into escrow." if row.is_escrow else f"{paid} went to the supplier."
    return Step(row.time, row.block, row.transaction_hash, "Settled", text)


def told(event: EventRow, currency: Currency) -> Step:
    """Return a later step; an event that has no words of its own stands by its name."""
    title, text = _words(event.kind, event.body, currency)
    return Step(event.time, event.block, event.transaction_hash, title, text)


def _words(kind: str, body: Mapping[str, Any], currency: Currency) -> tuple[str, str]:
    match kind:
        case "Escrowed":
            return "Held in escrow", f"Set {int(body['operator_set'])} of operators would rule."
        case "Delivered":
            return "Delivery stated", f"The supplier states {number(int(body['quantity']))} units."
        case "Disputed":
            return (
                "Disputed",
                f"The buyer disputes it, with evidence whose hash is {body['evidence']}.",
            )
        case "Uncovered":
            return "Not covered", "Attested capacity is missing: the payment goes back."
        case "GraceOpened":
            return "Grace", f"A deadline has passed; it decides after {utc(int(body['until']))}."
        case "SplitsVoided":
            return "Offers of a split withdrawn", ""
        case "RulingPosted":
            shares = (int(body[name]) for name in ("payment_share", "bond_share", "deposit_share"))
            payment, bond, deposit = (f"{share / 100:g} %" for share in shares)
            return (
                f"Ruling {int(body['number'])} posted",
                f"To the supplier: {payment} of the payment, {bond} of the bond, {deposit} of the "
                f"deposits. It may be executed from {utc(int(body['executable_at']))} on.",
            )
        case "Released":
            return "Closed" if body["closed"] else "Paid in part", _released(body, currency)
    return kind, ""


def _released(body: Mapping[str, Any], currency: Currency) -> str:
    supplier, buyer = (written(int(body[to]), currency) for to in ("to_supplier", "to_demander"))
    why = CAUSES[str(body["cause"]).lower()]
    return f"Because {why}: {supplier} to the supplier, {buyer} to the buyer."
