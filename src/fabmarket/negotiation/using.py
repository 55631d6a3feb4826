"""Reports of a supplier on how far a delivery has come, and its demander's answers.

Heard is only the other party of a trade that is open. Nothing follows from what is said but that it
is kept, signed, for whoever has to judge.
"""

from dataclasses import replace

from fabmarket.identity import Domain, digest
from fabmarket.market.usage import Receipt, Usage
from fabmarket.negotiation.course import TooEarly, Unacceptable
from fabmarket.negotiation.moves import News, Send, Tell
from fabmarket.negotiation.orders import AnswerUsage, ReportUsage
from fabmarket.negotiation.progress import answered, reported
from fabmarket.negotiation.splitting import Escrows, OpenEscrow, Talked


def report(escrows: Escrows, domain: Domain, account: str, order: ReportUsage, now: int) -> Talked:
    """Tell the demander of a trade how many units of it are used; a supplier's."""
    escrow = _ours(escrows, order.trade)
    newest, at = escrow.progress.newest, now if order.at is None else order.at
    if at > now:
        raise Unacceptable("a time that has not come yet; give one that has")
    sequence = 0 if newest is None else newest.sequence + 1
    usage = Usage(account, order.trade, sequence, order.units, at, order.note)
    progress = reported(escrow.progress, escrow.trade, usage, digest(domain, usage))
    escrows = escrows.insert(order.trade, replace(escrow, progress=progress))
    return escrows, (Send(usage, escrow.other, escrow.trade.escrow.decide_by),)


def hear_report(escrows: Escrows, usage: Usage, usage_digest: bytes, now: int) -> Talked:
    """Note what the supplier of a trade reports; a demander's."""
    escrow = escrows.get(usage.trade)
    if escrow is None or not usage.supplier == escrow.other != escrow.trade.demander:
        raise Unacceptable("report on a trade that we have not in escrow with its author")
    if usage.at > now:
        raise TooEarly("report of a time that has not come yet")
    progress = reported(escrow.progress, escrow.trade, usage, usage_digest)
    news = News.of(
        "usage",
        trade=f"0x{usage.trade.hex()}",
        number=str(usage.sequence),
        units=str(usage.units),
        quantity=str(escrow.trade.quantity),
        used_at=str(usage.at),
        note=usage.note,
    )
    return escrows.insert(usage.trade, replace(escrow, progress=progress)), (Tell(news),)


def answer(escrows: Escrows, account: str, order: AnswerUsage) -> Talked:
    """Accept the last report on a trade, or object to it; a demander's."""
    escrow = _ours(escrows, order.trade)
    newest = escrow.progress.newest
    if newest is None:
        raise Unacceptable("there is no report to answer")
    if newest.accepted is not None:
        raise Unacceptable("the last report is answered already; wait for the next")
    receipt = Receipt(account, order.trade, escrow.progress.last, order.accepted, order.note)
    progress = answered(escrow.progress, receipt)
    escrows = escrows.insert(order.trade, replace(escrow, progress=progress))
    return escrows, (Send(receipt, escrow.other, escrow.trade.escrow.decide_by),)


def hear_answer(escrows: Escrows, receipt: Receipt) -> Talked:
    """Note what the demander of a trade says to a report of ours; a supplier's."""
    escrow = escrows.get(receipt.trade)
    if escrow is None or not receipt.demander == escrow.other == escrow.trade.demander:
        raise Unacceptable("answer on a trade that we have not in escrow with its author")
    progress = answered(escrow.progress, receipt)
    said = progress.said[receipt.usage]
    news = News.of(
        "answer",
        trade=f"0x{receipt.trade.hex()}",
        number=str(said.sequence),
        units=str(said.units),
        answer="accepted" if receipt.accepted else "objected to",
        note=receipt.note,
    )
    return escrows.insert(receipt.trade, replace(escrow, progress=progress)), (Tell(news),)


def _ours(escrows: Escrows, trade: bytes) -> OpenEscrow:
    escrow = escrows.get(trade)
    if escrow is None:
        raise Unacceptable("there is no such trade of ours in escrow")
    return escrow
