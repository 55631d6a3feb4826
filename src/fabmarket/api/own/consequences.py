"""What an order that cannot be taken back would do, in amounts, before it is given."""

from collections.abc import Callable, Iterator

from fabmarket.api.own.verbs import (
    Accept,
    Attest,
    Cancel,
    Deliver,
    Execute,
    Expire,
    Final,
    Open,
    Ordered,
    Refund,
    Register,
    Rule,
    Split,
    Void,
    Withdraw,
)
from fabmarket.api.pages.clock import utc
from fabmarket.market.exchange.terms import share
from fabmarket.node.cases import disputes_of, requests_of
from fabmarket.node.escrows import EscrowStatus, OutcomeStatus, escrows_of
from fabmarket.node.owner import Owner
from fabmarket.report.wording import duration, number, one_line, plural, short

Money = Callable[[int], str]
"""Writes an amount of base units in the market's currency."""


def is_final(body: Ordered) -> bool:
    """Whether what is ordered cannot be taken back, so that the owner is asked once more.

    A want or product that is given up can be ordered anew.
    """
    if isinstance(body, Cancel):
        return body.want is None and body.product is None
    return isinstance(body, Final)


def consequences(owner: Owner, body: Ordered, money: Money) -> list[str]:
    """Return what the order does, a sentence or two each, as the chain stood when last read."""
    match body:
        case Accept() | Refund() | Expire() | Execute() | Void() | Split() | Deliver():
            return list(_of_trade(owner, body, money))
        case Attest():
            return list(_attested(owner, body.request))
        case Rule():
            return list(_ruled(owner, body, money))
        case Withdraw():
            to = "your own wallet" if body.to is None else f"the wallet of {body.to}"
            return [f"{money(body.amount)} leave the exchange, into {to}."]
        case Cancel(trade=str(trade)):
            return [f"Your signature of trade {short(trade)} becomes void: it will not settle."]
        case Cancel(listing=int(slot)):
            return [f"All that is signed for slot {slot} and has not settled becomes void."]
        case Cancel():
            return ["All that you have signed in this currency and has not settled becomes void."]
        case Open():
            told = f"What is sealed of slot {body.slot} becomes known to everybody"
            return [f"{told}, and is offered for sale."]
        case Register():
            resource = one_line(owner.sells.resource)
            slots = duration(owner.calendar.slot_length)
            told = f"{resource} is counted in {one_line(body.unit)}, in slots of {slots}"
            return [f"{told} from {utc(owner.calendar.origin)} on. That is for good."]
        case _:
            return []


def _escrow(owner: Owner, digits: str) -> EscrowStatus | None:
    found = escrows_of(owner.seen, owner.address, owner.state.escrows)
    return next((each for each in found if each.trade.startswith(digits)), None)


def _of_trade(owner: Owner, body: Ordered, money: Money) -> Iterator[str]:
    held = _escrow(owner, str(getattr(body, "trade", "")))
    if held is None:
        return
    match body:
        case Void():
            yield "All splits that you offered for this trade so far can no longer be agreed to."
        case Split():
            yield from _split(owner, body, held, money)
        case Deliver():
            stated = held.quantity if body.quantity is None else body.quantity
            yield (
                f"You state that {number(stated)} of {plural(held.quantity, 'unit')} are delivered."
                f" The buyer can dispute it; a false statement can cost your deposit of"
                f" {money(held.deposit)}."
            )
        case Accept(amount=int(amount)) if amount < held.payment:
            yield f"The supplier is paid {money(amount)} of {money(held.payment)}."
            yield f"{money(held.payment - amount)} stay in escrow."
        case _:
            verb = str(getattr(body, "verb", ""))
            for each in held.outcomes:
                if each.command == verb:
                    yield outcome_told(each, held, money)
            if verb not in held.can:
                yield "As the agent knows it, the contract refuses this now."


def outcome_told(outcome: OutcomeStatus, held: EscrowStatus, money: Money) -> str:
    """Return what a command brings to us who are a party, and costs us."""
    said = _as_supplier if held.role == "supplier" else _as_buyer
    told = said(outcome, held, money)
    if outcome.grace_until:
        wait = f"First a grace period begins, until {utc(outcome.grace_until)}: until then the"
        return f"{wait} other side may still act. Once it is over, press again. Then: {told}"
    return told


def _as_supplier(outcome: OutcomeStatus, held: EscrowStatus, money: Money) -> str:
    stake, payment = held.bond + held.deposit, money(held.payment)
    paid = outcome.to_supplier - stake
    staked = f"your bond and deposit of {money(stake)}"
    if not outcome.closes:
        back = money(outcome.to_demander)
        return f"The buyer gets {back} of the payment back; bond and deposits stay in escrow."
    if paid > 0:
        return f"You are paid {money(paid)} of {payment}, and get {staked} back."
    lost = f", and lose {money(-paid)} of {staked}" if paid else f"; you get {staked} back"
    return f"You give back {payment}{lost}."


def _as_buyer(outcome: OutcomeStatus, held: EscrowStatus, money: Money) -> str:
    payment, deposit = money(held.payment), f"your deposit of {money(held.deposit)}"
    cost = held.payment + held.deposit - outcome.to_demander
    if not outcome.closes:
        return f"You get {money(outcome.to_demander)} of the payment back; deposits stay in escrow."
    if cost <= 0:
        more = f", and {money(-cost)} of what the supplier staked" if cost else ""
        return f"You get the payment of {payment} and {deposit} back{more}."
    if cost <= held.payment:
        return f"The supplier is paid {money(cost)} of {payment}; you get {deposit} back" + (
            "." if cost == held.payment else f", and {money(held.payment - cost)} of the payment."
        )
    lost = money(cost - held.payment)
    return f"The supplier is paid {payment}, and you lose {lost} of {deposit}."


def _split(owner: Owner, body: Split, held: EscrowStatus, money: Money) -> Iterator[str]:
    whole = held.payment + held.bond + 2 * held.deposit
    theirs = whole - (body.to_demander or 0) if body.to_supplier is None else body.to_supplier
    yield (
        f"Of all that is held, {money(whole)}, the supplier gets {money(theirs)} and the buyer"
        f" {money(whole - theirs)}."
    )
    until = utc(owner.time + 86_400 * body.days)
    offer = held.split
    if offer is not None and (offer.to_supplier, offer.to_demander) == (theirs, whole - theirs):
        yield "The other party has signed the same: the trade is closed with this, for good."
    else:
        yield f"If the other party agrees by {until}, the trade is closed with this, for good."


def _attested(owner: Owner, digits: str) -> Iterator[str]:
    for each in requests_of(owner):
        if each.request.startswith(digits):
            yield f"You vouch that {short(each.supplier)} has, of {one_line(each.resource)}:"
            for at, (asked, counted) in enumerate(zip(each.quantities, each.attested, strict=True)):
                begins = utc(each.begins + at * each.slot_length)
                yield (
                    f"slot {each.first_slot + at}, from {begins}: {number(asked)} units,"
                    f" where {number(counted)} are attested now."
                )
            yield f"It can be listed until {utc(each.expiry)}."
            if each.problem:
                yield f"The contract would not take it: {each.problem}."


def _ruled(owner: Owner, body: Rule, money: Money) -> Iterator[str]:
    for each in disputes_of(owner):
        if each.trade.startswith(body.trade):
            deposits = 2 * each.deposit
            payment = share(each.payment, body.payment_share)
            bond = share(each.bond, body.bond_share)
            deposit = share(deposits, body.deposit_share)
            theirs = payment + bond + deposit
            yield (
                f"To the supplier {short(each.supplier)} go {money(payment)} of the payment of"
                f" {money(each.payment)}, {money(bond)} of its bond of {money(each.bond)} and"
                f" {money(deposit)} of the deposits of {money(deposits)}: {money(theirs)} in all."
            )
            rest = each.payment + each.bond + deposits - theirs
            yield f"To the demander {short(each.demander)} goes the rest: {money(rest)}."
            yield f"It counts once {each.needed} operators have signed the same."
