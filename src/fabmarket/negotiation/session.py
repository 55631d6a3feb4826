"""The session of one listing with its m members: signed rounds that end in one price.

The public part of a session is a function of its messages alone. `due` says what the supplier must
announce next, `follow` admits a message or refuses it. The supplier, every member and any later
auditor run the same two functions, so a wrong sum, a wrong price or a favoured member shows.

A round: the supplier quotes a price; every member answers the quantity it would hold if that were
the market's price (`PriceRule.demand_at`); the sum says whether the price is too low or too high,
and the next quote is one Newton step on the aggregate, kept between the prices known to be too low
and too high. Prices are integers, so a session ends; ROUND_LIMIT stops hostile members.
When price is found the members claim integer quantities and the supplier awards what there is room
for, the larger surplus first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf
from typing import TypeVar

from fabmarket.errors import Refused
from fabmarket.game import PriceRule, kept
from fabmarket.identity import keccak
from fabmarket.market.messages import (
    Claim,
    Close,
    Member,
    Opening,
    PriceTerms,
    Quote,
    Reply,
    Selection,
    SessionMessage,
)
from fabmarket.market.units import MICRO, NO_LIMIT, floor_int

_T = TypeVar("_T")

ROUND_LIMIT = 200
_TOP_PRICE = 2**127


class InvalidMove(Refused):
    """The message is not a legal move here; nothing has changed."""


@dataclass(frozen=True)
class Round:
    """One quote and the replies to it by seat, in micro-units (None: not in yet)."""

    quote: Quote
    digest: bytes
    replies: tuple[int | None, ...]
    reply_digests: tuple[bytes | None, ...]

    @property
    def complete(self) -> bool:
        """Whether every member has answered."""
        return None not in self.replies

    def total(self) -> int:
        """Return the sum of the replies, micro-units."""
        return sum(reply or 0 for reply in self.replies)


@dataclass(frozen=True)
class Session:
    """Everything that has been said.

    `low` is known to be too low a price, `high` to be high enough; `high_clears`: demand just meets
    its target there.
    """

    id: bytes
    opening: Opening
    rounds: tuple[Round, ...] = ()
    low: int | None = None
    high: int | None = None
    high_clears: bool = False
    settled_on: int | None = None
    claims: tuple[Claim | None, ...] = ()
    claim_digests: tuple[bytes | None, ...] = ()
    close: Close | None = None
    transcript: bytes = b""

    @property
    def rule(self) -> PriceRule:
        """The price rule of the listing, in base units and resource units."""
        return rule_of(self.opening.terms)


def rule_of(terms: PriceTerms) -> PriceRule:
    """Return the exact rule that the terms describe; InvalidMove if they describe none.

    The listing's capacity is the supply cap W where the concept has one.
    """
    capped = terms.concept != "demanders-lead"
    try:
        return PriceRule(
            concept=terms.concept,
            a=Fraction(terms.demand_weight, MICRO),
            b=Fraction(terms.supply_weight, MICRO),
            supplier_cost=Fraction(terms.maintenance),
            supply_cap=Fraction(terms.capacity) if capped else inf,
        )
    except Refused as error:
        raise InvalidMove(f"terms without a price rule: {error}") from error


def check_terms(terms: PriceTerms, quantities: Iterable[int]) -> None:
    """Raise InvalidMove unless a session under these terms can serve demands of these units."""
    rule = rule_of(terms)
    if rule.concept == "demanders-lead" and any(units != NO_LIMIT for units in quantities):
        raise InvalidMove("demanders-lead is for demands without a limit")


def member_of(selection: Selection, digest: bytes, supplier_nonce: int) -> Member:
    """Return the seat that a signed selection asks for."""
    return Member(
        demander=selection.demander,
        selection=digest,
        sub_task=selection.sub_task,
        quantity=selection.quantity,
        divisible=selection.divisible,
        supplier_nonce=supplier_nonce,
    )


def audience(opening: Opening) -> tuple[str, ...]:
    """Return everyone who follows a session: its supplier and its members, each once."""
    demanders = (member.demander for member in opening.members)
    return tuple(dict.fromkeys((opening.supplier, *demanders)))


def open_session(opening: Opening, digest: bytes) -> Session:
    """Return the session that a supplier's signed opening starts, or InvalidMove."""
    members = opening.members
    if not members:
        raise InvalidMove("a session needs at least one member")
    if len({member.selection for member in members}) < len(members):
        raise InvalidMove("a selection has two seats")
    check_terms(opening.terms, [member.quantity for member in members])
    return Session(id=digest, opening=opening)


def due(session: Session) -> Quote | Close | None:
    """Return what the supplier must say next, or None while members have yet to answer."""
    if session.close is not None:
        return None
    opening = session.opening
    if not session.rounds:
        return _quote(session, _lowest_price(opening.terms), session.id, 0, final=False)
    last = session.rounds[-1]
    if last.quote.final:
        return None if None in session.claims else _close(session)
    if not last.complete:
        return None
    head = _chained(last.digest, last.reply_digests)
    price = session.settled_on
    if price is not None:
        return _quote(session, price, head, last.total(), final=True)
    price = _next_price(session)
    if price is None or len(session.rounds) >= ROUND_LIMIT:
        return _no_agreement(session, head)
    return _quote(session, price, head, last.total(), final=False)


def follow(session: Session, message: SessionMessage, digest: bytes) -> Session:
    """Return the session after a message whose signature has been checked.

    Raises InvalidMove for anything that is not the next step of this session.
    """
    if message.session != session.id:
        raise InvalidMove("message of another session")
    if session.close is not None:
        raise InvalidMove("the session is closed")
    match message:
        case Quote():
            return _follow_quote(session, message, digest)
        case Reply():
            return _follow_reply(session, message, digest)
        case Claim():
            return _follow_claim(session, message, digest)
        case Close():
            if message != due(session):
                raise InvalidMove("the awards do not follow from the claims")
            return replace(session, close=message, transcript=digest)


def best_reply(session: Session, seat: int, margin: int) -> int:
    """Return the member's demand at the last quote, micro-units, rounded down.

    `margin` is its private benefit less production cost, base units per unit.
    """
    price = session.rounds[-1].quote.price
    member = session.opening.members[seat]
    wanted = session.rule.demand_at(Fraction(margin), _limit(member), Fraction(price))
    return min(floor_int(wanted * MICRO), member.quantity * MICRO)


def best_claim(session: Session, seat: int, margin: int) -> tuple[int, int]:
    """Return (units, surplus in base units) that a member claims at the final quote."""
    price = session.rounds[-1].quote.price
    gain = margin - price
    if gain <= 0:
        return 0, 0
    quantity = entitlement(session, seat)
    return quantity, gain * quantity


def entitlement(session: Session, seat: int) -> int:
    """Return the most units a seat may claim at the settled price.

    An indivisible sub-task may claim all of itself. A divisible one may claim its last reply at
    that price, rounded down; where the floor price left supply over, the shares are scaled up
    (`floor_shares`). Where "balanced" sells the whole capacity, the units that rounding down leaves
    of it go one each to the largest remainders, ties by hash: so that all of it is sold.
    """
    member = session.opening.members[seat]
    if not member.divisible:
        return member.quantity
    price = session.rounds[-1].quote.price
    at_price = next(r for r in reversed(session.rounds[:-1]) if r.quote.price == price)
    replies = [Fraction(reply or 0, MICRO) for reply in at_price.replies]
    rule = session.rule
    target = rule.total_at(Fraction(price))
    if rule.concept != "balanced":
        return floor_int(replies[seat])
    members, capacity = session.opening.members, session.opening.terms.capacity
    shares: Sequence[float | Fraction] = replies
    if price == rule.floor and sum(replies) < target:
        shares = rule.floor_shares(replies, [_limit(each) for each in members], target)
    units = [floor_int(share) for share in shares]
    left = capacity - sum(units)
    if left > 0 and capacity - sum(shares) <= Fraction(len(members), MICRO):
        open_seats = [
            at
            for at, each in enumerate(members)
            if each.divisible and units[at] < each.quantity and shares[at] > 0
        ]
        open_seats.sort(key=lambda at: (units[at] - shares[at], members[at].selection))
        units[seat] += seat in open_seats[:left]
    return units[seat]


def _lowest_price(terms: PriceTerms) -> int:
    """Return the first price announced: the maintenance cost, and something, as no trade is free"""
    return max(terms.maintenance, 1)


def _limit(member: Member) -> Fraction | float:
    return inf if member.quantity == NO_LIMIT else Fraction(member.quantity)


def _chained(first: bytes, rest: tuple[bytes | None, ...]) -> bytes:
    return keccak(first + b"".join(item or b"" for item in rest))


def _quote(session: Session, price: int, previous: bytes, total: int, *, final: bool) -> Quote:
    rule = session.rule
    supply = rule.supply_at(Fraction(price), Fraction(total, MICRO))
    return Quote(
        supplier=session.opening.supplier,
        session=session.id,
        round=len(session.rounds),
        previous=previous,
        price=price,
        sum=total,
        supply=floor_int(supply * MICRO),
        final=final,
    )


def _excess(session: Session, last: Round) -> int:
    """Micro-units by which demand exceeds the total that its price implies.

    Replies are rounded down, so within one micro-unit a member the two are equal.
    """
    total = floor_int(session.rule.total_at(Fraction(last.quote.price)) * MICRO)
    excess = last.total() - total
    return 0 if abs(excess) <= len(last.replies) else excess


def _bracketed(session: Session) -> Session:
    """Take in the round just completed: narrow the bracket, or settle on a price.

    Where the listing's capacity binds, a whole interval of prices can clear the market; the session
    settles on the lowest of them. Elsewhere a price that clears is the only one.
    """
    last = session.rounds[-1]
    price = last.quote.price
    excess = _excess(session, last)
    lowest = _lowest_price(session.opening.terms)
    at_floor = price == lowest and session.rule.concept == "balanced"
    if (excess <= 0 and at_floor) or (excess == 0 and _clears_once(session, last)):
        return replace(session, settled_on=price)
    if excess > 0:
        session = replace(session, low=price)
    else:
        session = replace(session, high=price, high_clears=excess == 0)
    if session.low is not None and session.high is not None and session.high - session.low <= 1:
        best = session.high if session.high_clears else session.low
        return replace(session, settled_on=best)
    return session


def _clears_once(session: Session, last: Round) -> bool:
    """Whether no lower price than a clearing one clears too: demand or its target moves there."""
    moving = any(
        reply and (member.quantity == NO_LIMIT or reply < member.quantity * MICRO)
        for reply, member in zip(last.replies, session.opening.members, strict=True)
    )
    rule = session.rule
    price = Fraction(last.quote.price)
    return moving or rule.total_at(price) > rule.total_at(max(price - 1, rule.floor))


def _next_price(session: Session) -> int | None:
    """Return the next price to try, strictly inside the bracket; None if there is no supply."""
    low, high, last = session.low, session.high, session.rounds[-1]
    if low is None:  # even at the maintenance cost demand is too small to draw supply
        return None
    limits = [_limit(member) for member in session.opening.members]
    demands = [Fraction(reply or 0, MICRO) for reply in last.replies]
    newton = floor_int(session.rule.next_price(Fraction(last.quote.price), demands, limits))
    if high is None:
        price = max(newton, low + 1)
        return price if price < _TOP_PRICE else None
    # Whole prices make steps short, so every third round halves the bracket whatever Newton says.
    return floor_int(kept(newton if len(session.rounds) % 3 else low, low, high))


def _follow_quote(session: Session, quote: Quote, digest: bytes) -> Session:
    if quote != due(session):
        raise InvalidMove("the quote does not follow from the replies")
    seats = len(session.opening.members)
    empty: tuple[None, ...] = (None,) * seats
    if quote.final:
        this = Round(quote, digest, (), ())
        session = replace(session, claims=empty, claim_digests=empty)
    else:
        this = Round(quote, digest, empty, empty)
    return replace(session, rounds=(*session.rounds, this))


def _open_round(session: Session, message: Reply | Claim) -> Round:
    if not session.rounds or session.rounds[-1].digest != message.quote:
        raise InvalidMove("answer to another quote than the last")
    if message.seat >= len(session.opening.members):
        raise InvalidMove(f"there is no seat {message.seat}")
    if session.opening.members[message.seat].demander != message.demander:
        raise InvalidMove(f"seat {message.seat} is somebody else's")
    return session.rounds[-1]


def _follow_reply(session: Session, reply: Reply, digest: bytes) -> Session:
    last = _open_round(session, reply)
    if last.quote.final or last.replies[reply.seat] is not None:
        raise InvalidMove("this seat has answered, or claims are due")
    limit = session.opening.members[reply.seat].quantity
    if reply.quantity > limit * MICRO:  # NO_LIMIT too: more could never be claimed
        raise InvalidMove(f"{reply.quantity} micro-units exceed the demand of {limit} units")
    for earlier in session.rounds[:-1]:
        rise = (earlier.replies[reply.seat] or 0) - reply.quantity
        step = last.quote.price - earlier.quote.price
        if rise * step < 0:
            raise InvalidMove("a demand that rises with the price")
    answered = replace(
        last,
        replies=_put(last.replies, reply.seat, reply.quantity),
        reply_digests=_put(last.reply_digests, reply.seat, digest),
    )
    session = replace(session, rounds=(*session.rounds[:-1], answered))
    return _bracketed(session) if answered.complete else session


def _follow_claim(session: Session, claim: Claim, digest: bytes) -> Session:
    last = _open_round(session, claim)
    if not last.quote.final or session.claims[claim.seat] is not None:
        raise InvalidMove("this seat has claimed, or replies are due")
    allowed = entitlement(session, claim.seat)
    whole = not session.opening.members[claim.seat].divisible
    if claim.quantity > allowed or (whole and claim.quantity not in (0, allowed)):
        raise InvalidMove(f"claim of {claim.quantity} units where {allowed} are due")
    return replace(
        session,
        claims=_put(session.claims, claim.seat, claim),
        claim_digests=_put(session.claim_digests, claim.seat, digest),
    )


def _put(values: tuple[_T | None, ...], index: int, value: _T) -> tuple[_T | None, ...]:
    return (*values[:index], value, *values[index + 1 :])


def _close(session: Session) -> Close:
    """Award the claims while room is left: larger surplus first, ties by hash."""
    room = session.opening.terms.capacity
    members = session.opening.members
    claims = [claim for claim in session.claims if claim is not None]
    awards = [0] * len(members)
    for claim in sorted(claims, key=lambda c: (-c.surplus, members[c.seat].selection)):
        if claim.quantity <= room:
            awards[claim.seat] = claim.quantity
        elif members[claim.seat].divisible:
            awards[claim.seat] = room
        room -= awards[claim.seat]
    last = session.rounds[-1]
    return Close(
        supplier=session.opening.supplier,
        session=session.id,
        previous=_chained(last.digest, session.claim_digests),
        price=last.quote.price,
        awards=tuple(awards),
    )


def _no_agreement(session: Session, head: bytes) -> Close:
    return Close(
        supplier=session.opening.supplier,
        session=session.id,
        previous=head,
        price=session.rounds[-1].quote.price,
        awards=(0,) * len(session.opening.members),
    )
