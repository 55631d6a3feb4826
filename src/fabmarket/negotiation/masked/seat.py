"""A masked session as its member follows it: own answers, the public sums, the price that follows.

As in an open session (`negotiation.seat`) a member holds the supplier to what it can see. Its
answer leaves it under pads that cancel over the whole roster only, if all answer the very same
words: so a supplier that shows two quotes for one round learns noise from both. It answers each
round once.

All secrets follow from the beat's (`secret`) and from what is answered, so whoever starts again
from its journal goes on with the same.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from fabmarket.errors import Bug
from fabmarket.identity import ZERO_BYTES32, Domain, digest
from fabmarket.identity.masks import ORDER, commitment, number, pads
from fabmarket.market.masked import (
    Dispute,
    Inquiry,
    MaskedAbort,
    MaskedAnswer,
    MaskedClose,
    MaskedQuote,
    MaskedReply,
    MaskedWord,
    Opened,
    SeatRequest,
    Unmasking,
)
from fabmarket.market.masked_sums import answer_leaf, award_leaf, is_opened, masked_added
from fabmarket.market.messages import Exit, MaskedOpening, Place, PriceTerms
from fabmarket.market.sums import BadPath, Node, climb
from fabmarket.negotiation.course import (
    CLOCK,
    Course,
    InvalidMove,
    TooEarly,
    moves,
)
from fabmarket.negotiation.masked.cards import check_opening, key_of, most_wanted
from fabmarket.negotiation.masked.opening import check_opened, opened_rounds
from fabmarket.negotiation.masked.sums import (
    Heard,
    begin,
    curve_of_sums,
    due,
    follow_sums,
    impossible,
)
from fabmarket.negotiation.seat import (
    Own,
    Seat,
    SecondWord,
    check_payment,
    is_clinched,
    is_due,
    wish,
)


@dataclass(frozen=True)
class Mask:
    """What a seat hides its answers with: the offer its one-time key is made of, and its pair keys.

    `said` are its answers as they were sent, `award_blind` is what hides its award in the close.
    """

    offer: bytes
    pair_keys: tuple[bytes, ...]
    said: tuple[MaskedAnswer, ...] = ()
    award_blind: int = 0


@dataclass(frozen=True)
class MaskedSeated:
    """A masked session in which this member has seats; `masks` are in their order.

    `quoted` are the digests of the quotes, `inquiry` is the supplier's, if it asked who lied.
    """

    id: bytes
    opening: MaskedOpening
    course: Course
    seats: tuple[Seat, ...]
    masks: tuple[Mask, ...]
    heard: tuple[Heard, ...] = ()
    quoted: tuple[bytes, ...] = ()
    last: MaskedQuote | None = None
    close: MaskedClose | None = None
    abort: MaskedAbort | None = None
    inquiry: Inquiry | None = None
    transcript: bytes = b""

    @property
    def price(self) -> int:
        """The last price quoted."""
        return self.last.price if self.last else 0

    @property
    def last_digest(self) -> bytes:
        """The digest of the last word, that of the opening before any."""
        return self.quoted[-1] if self.quoted else self.id

    @property
    def is_searched(self) -> bool:
        """Whether the search for a price is over."""
        return self.last is not None and self.last.final

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        is_vain = self.is_searched and self.price == 0
        return self.close is not None or self.abort is not None or is_vain


@dataclass(frozen=True)
class Sitting:
    """A seat of ours with the request that we selected it with: its card, and the least roster."""

    seat: Seat
    request: SeatRequest


def take_seats(
    opening: MaskedOpening, key: bytes, domain: Domain, ours: Sequence[Sitting]
) -> MaskedSeated:
    """Return the session that an opening starts for these seats, without secrets: to be followed.

    Raises InvalidMove for an opening that is not what was selected.
    """
    members = [each.seat.member for each in ours]
    check_opening(opening, domain, [(each.quantity, each.divisible) for each in members])
    if sum(most_wanted(opening.terms, each.quantity) for each in members) > opening.cap_sum:
        raise InvalidMove("seats that can want less than ours alone")
    if len({each.seat.index for each in ours}) < len(ours):
        raise InvalidMove("two of our places have one seat")
    for each in ours:
        if opening.seats - len(ours) + 1 < each.request.least:
            asked = each.request.least
            raise InvalidMove(f"a roster of less than the {asked} seats that we asked for")
        at = each.seat.index
        if at >= opening.seats or opening.cards[at] != each.request.card:
            raise InvalidMove("our seat has another's card")
    seats = tuple(each.seat for each in ours)
    return MaskedSeated(key, opening, begin(opening), seats, (Mask(b"", ()),) * len(ours))


def sit_down(seated: MaskedSeated, secret: bytes, offers: Sequence[bytes]) -> MaskedSeated:
    """Return the session with what our seats hide their answers with, by their offers' digests."""
    masks = []
    for seat, offer in zip(seated.seats, offers, strict=True):
        mine = key_of(secret, offer)
        pair_keys = tuple(
            b"" if at == seat.index else mine.pair_key(card.mask_key)
            for at, card in enumerate(seated.opening.cards)
        )
        masks.append(Mask(offer, pair_keys))
    return replace(seated, masks=tuple(masks))


def follow(
    seated: MaskedSeated, word: MaskedWord, key: bytes, places: Sequence[Place]
) -> MaskedSeated:
    """Return the session after a word of the supplier whose signature has been checked.

    Raises InvalidMove for what does not follow, SecondWord for what contradicts a word before, and
    TooEarly for what is ahead of its turn.
    """
    if (word.session, word.supplier) != (seated.id, seated.opening.supplier):
        raise InvalidMove("word of another session")
    _require_turn(seated, word)
    match word:
        case MaskedAbort():
            _check_abort(seated, word, places)
            return replace(seated, abort=word)
        case MaskedClose():
            return _closed(seated, word, key, places)
        case Inquiry():
            _check_inquiry(seated, word, places)
            return replace(seated, inquiry=word)
        case Dispute():
            if seated.inquiry is None or seated.inquiry.rounds or places:
                raise InvalidMove("a dispute after no inquiry")
            return seated
        case MaskedQuote():
            return _quoted(seated, word, key, places)


def answer(
    seated: MaskedSeated, at: int, margin: int, domain: Domain, secret: bytes
) -> tuple[MaskedSeated, MaskedReply]:
    """Answer the last quote with the seat at this place of ours, and take it as said.

    `margin` is what a unit is worth to it, base units.
    """
    seat, mask, terms = seated.seats[at], seated.masks[at], seated.opening.terms
    if len(seat.answers) != len(seated.heard) or seated.last is None:
        raise Bug("a second answer in one round")
    price = seated.price
    wanted, _ = wish(terms, seat, margin, price)
    quantity = min(wanted, most_wanted(terms, seat.member.quantity))
    moving = 0 if terms.concept == CLOCK else int(moves(seat.member, quantity))
    blind = _blind(secret, mask, seated.last_digest)
    numbers = (quantity, moving, blind)
    hidden = pads(mask.pair_keys, seat.index, seated.last_digest)
    first, second, third = ((it + pad) % ORDER for it, pad in zip(numbers, hidden, strict=True))
    place = seated.id, seat.index, seated.last_digest
    said = MaskedAnswer(*place, first, second, third, commitment(*numbers))
    its_digest = digest(domain, said)
    gone = _left(terms, seat, quantity)
    own = Own(price, quantity, moving, its_digest, gone)
    return _answered(seated, at, own, said), MaskedReply(seat.member.demander, said)


def opened_of(seated: MaskedSeated, at: int, number: int, secret: bytes) -> Opened:
    """Return what the seat at this place of ours committed to in a round."""
    own = seated.seats[at].answers[number]
    blind = _blind(secret, seated.masks[at], seated.quoted[number])
    return Opened(number, own.quantity, own.moving, blind)


def answered(seated: MaskedSeated, reply: MaskedReply, answer_digest: bytes) -> MaskedSeated:
    """Return the session after an own answer to the last quote, as its masks leave it: without what
    it hides (`unmasked`). InvalidMove for what is none.
    """
    said = reply.answer
    at = _own_place(seated, said.seat, reply.demander)
    if (said.session, said.quote) != (seated.id, seated.last_digest):
        raise InvalidMove("an answer to another quote than the last")
    return _answered(seated, at, Own(seated.price, 0, 0, answer_digest), said)


def unmasked(seated: MaskedSeated, word: Unmasking) -> MaskedSeated:
    """Return the session with what an own seat opened. InvalidMove unless it opens its answers."""
    at = _own_place(seated, word.seat, word.demander)
    if word.quote != seated.last_digest or not seated.is_searched or seated.over:
        raise InvalidMove("answers are opened once, when the price is found")
    seat, mask = seated.seats[at], seated.masks[at]
    answers = list(seat.answers)
    check_opened(seated.course, [each.price for each in seated.heard], mask.said, seat.member, word)
    for each in word.answers:
        before = replace(seat, answers=tuple(answers[: each.round])) if each.round else seat
        gone = _left(seated.opening.terms, before, each.first) if each.round else ()
        own = answers[each.round]
        moving = each.second
        answers[each.round] = Own(own.price, each.first, moving, own.digest, gone)
    seats, masks = list(seated.seats), list(seated.masks)
    seats[at] = replace(seat, answers=tuple(answers))
    masks[at] = replace(mask, award_blind=word.award_blind)
    return replace(seated, seats=tuple(seats), masks=tuple(masks))


def _own_place(seated: MaskedSeated, index: int, demander: str) -> int:
    for at, seat in enumerate(seated.seats):
        if (seat.index, seat.member.demander) == (index, demander):
            return at
    raise InvalidMove("an answer for another's seat")


def _answered(seated: MaskedSeated, at: int, own: Own, said: MaskedAnswer) -> MaskedSeated:
    seats, masks = list(seated.seats), list(seated.masks)
    seats[at] = replace(seats[at], answers=(*seats[at].answers, own))
    masks[at] = replace(masks[at], said=(*masks[at].said, said))
    return replace(seated, seats=tuple(seats), masks=tuple(masks))


def unmask(seated: MaskedSeated, at: int, secret: bytes) -> tuple[MaskedSeated, Unmasking]:
    """Open to the supplier, once a price is found, what the award of the seat at this place of ours
    hangs on, and take it as said.
    """
    seat, mask = seated.seats[at], seated.masks[at]
    rounds = opened_rounds(
        seated.course,
        [each.price for each in seated.heard],
        [own.quantity for own in seat.answers],
    )
    opened = tuple(opened_of(seated, at, number, secret) for number in rounds)
    place = seat.member.demander, seated.id, seat.index, seated.last_digest
    masks = list(seated.masks)
    masks[at] = replace(mask, award_blind=number(secret, b"award", mask.offer, seated.last_digest))
    word = Unmasking(*place, opened, masks[at].award_blind)
    return replace(seated, masks=tuple(masks)), word


def _left(terms: PriceTerms, seat: Seat, quantity: int) -> tuple[Exit, ...]:
    """What a clock's seat gives up with this answer: at the quote before, that it still wanted."""
    if terms.concept != CLOCK or not seat.answers:
        return ()
    before = seat.answers[-1]
    return (Exit(before.price, before.quantity - quantity),) if before.quantity > quantity else ()


def _blind(secret: bytes, mask: Mask, quote: bytes) -> int:
    return number(secret, b"blind", mask.offer, quote)


def _require_turn(seated: MaskedSeated, word: MaskedWord) -> None:
    rounds = len(seated.quoted)
    if isinstance(word, MaskedQuote):
        if word.round < rounds:
            raise SecondWord("second quote for one round")
        if seated.over:
            raise InvalidMove("the session is closed")
        if word.round > rounds:
            raise TooEarly("quote that is ahead of its turn")
        if word.previous != seated.last_digest:
            raise SecondWord("quote that follows another than we got")
        return
    if seated.over:
        if isinstance(word, Inquiry | Dispute):
            raise InvalidMove("the session is closed")  # and contradicts no word before
        raise SecondWord("the session is closed")
    if word.previous != seated.last_digest:
        raise TooEarly("a last word that follows a quote we have not got")


def _quoted(
    seated: MaskedSeated, quote: MaskedQuote, key: bytes, places: Sequence[Place]
) -> MaskedSeated:
    if seated.is_searched:
        raise InvalidMove("a quote after the price was found")
    if seated.inquiry is not None:
        raise InvalidMove("a quote after an inquiry")
    if not seated.quoted:
        if quote != _first_quote(seated) or places:
            raise InvalidMove("the first quote is another than the terms say")
        return replace(seated, quoted=(key,), last=quote)
    heard = _counted(seated, quote, places)
    wrong = impossible(seated.opening, seated.heard, heard)
    if wrong is not None:
        raise InvalidMove(wrong.reason)
    course = follow_sums(seated.course, seated.opening, heard)
    if (quote.price, quote.final) != due(course):
        raise InvalidMove("the quote does not follow from the sums")
    return replace(
        seated,
        course=course,
        heard=(*seated.heard, heard),
        quoted=(*seated.quoted, key),
        last=quote,
    )


def _counted(seated: MaskedSeated, quote: MaskedQuote, places: Sequence[Place]) -> Heard:
    """The sums of the last answers, if ours are in them and the commitments open to them."""
    sums = (quote.first, quote.second, quote.blind)
    by_seat = _our_places(seated, places, frozenset(), "our answer is not counted")
    for seat, mask in zip(seated.seats, seated.masks, strict=True):
        if len(seat.answers) != len(seated.quoted):
            raise InvalidMove("our answer is not counted")
        place, said = by_seat[seat.index], mask.said[-1]
        numbers = (said.first, said.second, said.blind)
        node = answer_leaf(seat.index, seat.answers[-1].digest, numbers, said.commitment)
        root = _root(node, seat.index, seated.opening.seats, place.path)
        if root.hash != quote.tree or root.sums[:3] != sums:
            raise InvalidMove("our answer is not counted")
        if not is_opened(root, *sums):
            raise InvalidMove("sums that do not open the commitments")
    return Heard(seated.price, quote.first, quote.second)


def _our_places(
    seated: MaskedSeated, places: Sequence[Place], gone: Set[int], missing: str
) -> dict[int, Place]:
    """The place of each seat of ours that is not gone. InvalidMove, `missing` if one lacks its."""
    by_seat = {place.seat: place for place in places}
    ours = {seat.index: seat.member.selection for seat in seated.seats if seat.index not in gone}
    if len(by_seat) < len(places) or not by_seat.keys() <= ours.keys():
        raise InvalidMove("places that are not our seats'")
    if any(at not in by_seat or by_seat[at].selection != it for at, it in ours.items()):
        raise InvalidMove(missing)
    return by_seat


def _root(node: Node, rank: int, count: int, path: Sequence[Node]) -> Node:
    try:
        return climb(node, rank, count, path, masked_added)
    except BadPath as error:
        raise InvalidMove(str(error)) from error


def _first_quote(seated: MaskedSeated) -> MaskedQuote:
    nothing = (ZERO_BYTES32, 0, 0, 0)
    start = seated.opening.supplier, seated.id, 0, seated.id
    return MaskedQuote(*start, *nothing, seated.course.price, final=False)


def _check_inquiry(seated: MaskedSeated, inquiry: Inquiry, places: Sequence[Place]) -> None:
    rounds = inquiry.rounds
    if seated.inquiry is not None:
        raise InvalidMove("a second inquiry")
    if seated.is_searched or places:
        raise InvalidMove("an inquiry after the price was found")
    if any(len(seat.answers) != len(seated.quoted) for seat in seated.seats):
        raise InvalidMove("an inquiry about what we have not answered")
    if (
        len(set(rounds)) != len(rounds)
        or len(rounds) > 2
        or any(at >= len(seated.quoted) for at in rounds)
    ):
        raise InvalidMove("an inquiry about other rounds than there were")


def _check_abort(seated: MaskedSeated, abort: MaskedAbort, places: Sequence[Place]) -> None:
    if places:
        raise InvalidMove("places in a message that has no tree")
    if seated.is_searched:
        raise InvalidMove("a session aborted after its price was found")
    if any(at >= seated.opening.seats for at in abort.seats):
        raise InvalidMove("a seat is named that is none")


def _closed(
    seated: MaskedSeated, close: MaskedClose, key: bytes, places: Sequence[Place]
) -> MaskedSeated:
    """Hold a close against the price that was found, the sums, and our own answers."""
    course, terms = seated.course, seated.opening.terms
    if not seated.is_searched:
        raise InvalidMove("a close where the search for a price goes on")
    gone = set(close.dropped)
    if len(gone) < len(close.dropped) or any(at >= seated.opening.seats for at in gone):
        raise InvalidMove("a seat is dropped twice, or is none")
    if close.awarded > terms.capacity:
        raise InvalidMove("more is awarded than there is")
    seats = _awarded(seated, close, places)
    if terms.concept == CLOCK:
        everyone = curve_of_sums(seated.heard)
        fair = [is_clinched(terms, it, everyone, close.price) for it in seats if not it.dropped]
    else:
        check_payment(course, close)
        fair = [is_due(course, seat, close.awarded) for seat in seats if not seat.dropped]
    if not all(fair):
        raise InvalidMove("the award does not follow from the answers")
    return replace(seated, seats=tuple(seats), close=close, transcript=key)


def _awarded(seated: MaskedSeated, close: MaskedClose, places: Sequence[Place]) -> list[Seat]:
    """Our seats with what a close gives them, if that is in its root."""
    gone = frozenset(close.dropped)
    by_seat = _our_places(seated, places, gone, "our award is not in the close")
    seats = []
    for seat, mask in zip(seated.seats, seated.masks, strict=True):
        if seat.index in gone:
            seats.append(replace(seat, dropped=True))
            continue
        place = by_seat[seat.index]
        hidden = commitment(place.value, place.payment, mask.award_blind)
        node = award_leaf(seat.index, seat.answers[-1].digest, hidden)
        rank = seat.index - sum(at < seat.index for at in gone)
        root = _root(node, rank, seated.opening.seats - len(gone), place.path)
        if root.hash != close.tree or not is_opened(root, close.awarded, close.paid, close.blind):
            raise InvalidMove("our award is not in the close")
        seats.append(replace(seat, awarded=place.value, payment=place.payment))
    return seats
