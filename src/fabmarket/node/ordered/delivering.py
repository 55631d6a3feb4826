"""What becomes of trades in escrow; each is named by the first digits of its digest."""

from fabmarket.identity import digest, keccak
from fabmarket.market.exchange import (
    Deliver,
    Dispute,
    Execute,
    Expire,
    Held,
    Refund,
    RefundUncovered,
    Release,
    VoidSplits,
    terms,
)
from fabmarket.market.trade import Trade
from fabmarket.negotiation.orders import AgreeSplit, AnswerUsage, ReportUsage
from fabmarket.node.owner import BadOrder, Owner, keep_evidence

LARGEST_EVIDENCE = 1 << 26
"""Bytes of a file of which a copy is kept."""
_DAY = 86_400


def delivered(owner: Owner, digits: str, quantity: int | None) -> Deliver:
    """State delivery of so many units, None for all: the supplier's."""
    trade = owner.escrow(digits)
    return Deliver(trade, trade.quantity if quantity is None else quantity)


def accepted(owner: Owner, digits: str, amount: int | None) -> Release:
    """Pay the supplier so much of what is held, base units, None for all: the demander's."""
    trade = owner.escrow(digits)
    return Release(trade, _held(owner, digits, trade).payment if amount is None else amount)


def disputed(owner: Owner, digits: str, evidence: bytes, name: str) -> Dispute:
    """Dispute a stated delivery; a copy of the evidence, a file called `name`, is kept."""
    trade = owner.escrow(digits)
    if not 0 < len(evidence) <= LARGEST_EVIDENCE:
        problem = f"{name}: is empty, or larger than {LARGEST_EVIDENCE >> 20} MiB"
        raise BadOrder(f"{problem}; give a file that shows something, packed if it is large")
    keep_evidence(owner.folder, evidence)
    return Dispute(trade, keccak(evidence))


def refunded(owner: Owner, digits: str) -> Refund | RefundUncovered:
    """Have the payment go back to the demander, whichever of the two we are."""
    trade = owner.escrow(digits)
    return RefundUncovered(trade) if trade.demander == owner.address else Refund(trade)


def expired(owner: Owner, digits: str) -> Expire:
    """Have a deadline that has passed decide."""
    return Expire(owner.escrow(digits))


def executed(owner: Owner, digits: str) -> Execute:
    """Carry out the operators' ruling after its window."""
    return Execute(owner.escrow(digits))


def voided(owner: Owner, digits: str) -> VoidSplits:
    """Withdraw consent to every split that was signed so far."""
    return VoidSplits(owner.escrow(digits))


def split(
    owner: Owner, digits: str, to_supplier: int | None, to_demander: int | None, days: int
) -> AgreeSplit:
    """Divide all that a trade holds, base units; of the shares one is enough.

    The other party may take so many days to agree.
    """
    trade = owner.escrow(digits)
    held = terms.all_held(trade, owner.held(trade), owner.exchange.parameters)
    shares = [each for each in (to_supplier, to_demander) if each is not None]
    if not shares or max(shares) > held or (len(shares) == 2 and sum(shares) != held):
        problem = f"trade {digits} holds {held} base units, and all of them must be divided"
        raise BadOrder(f"{problem}; give the supplier's share or the demander's, at most that")
    to_supplier = held - shares[0] if to_supplier is None else to_supplier
    name, deadline = digest(owner.domain, trade), owner.time + days * _DAY
    return AgreeSplit(name, to_supplier, held - to_supplier, deadline)


def reported(owner: Owner, digits: str, units: int, at: int | None, note: str) -> ReportUsage:
    """Tell the demander that so many units are used by second `at`, None for now."""
    return ReportUsage(digest(owner.domain, owner.escrow(digits)), units, at, note)


def answered(owner: Owner, digits: str, *, accepted: bool, note: str) -> AnswerUsage:
    """Accept the last report of what is used, or object to it: the demander's."""
    return AnswerUsage(digest(owner.domain, owner.escrow(digits)), accepted=accepted, note=note)


def _held(owner: Owner, digits: str, trade: Trade) -> Held:
    """What a trade holds; refused if that is nothing."""
    held = owner.held(trade)
    if not held.is_open or held.payment == 0:
        raise BadOrder(f"trade {digits} holds no payment any more; see `fabmarket status`")
    return held
