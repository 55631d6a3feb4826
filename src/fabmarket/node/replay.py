"""A session played again from its evidence, by the same code that its parties ran.

A supplier's file holds all answers, so every sum, price and award is worked out anew. A member's
holds its own answers and the supplier's words; they are held against each other as the member did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from fabmarket.identity import ZERO_BYTES32, is_by
from fabmarket.market.delivery import INSTANT, escrow_of
from fabmarket.market.masked import MaskedMessage
from fabmarket.market.messages import (
    Close,
    Counter,
    MaskedOpening,
    Member,
    Opening,
    OpeningMessage,
    Quote,
    Reply,
    Selection,
    SessionMessage,
)
from fabmarket.market.net import is_for_cycle
from fabmarket.market.products import Countersigned
from fabmarket.market.trade import TIME_LIMIT, Trade, bundle_of, listing_id
from fabmarket.market.usage import Receipt, Usage
from fabmarket.negotiation.bargaining import Bargain, InvalidCounter, follow_counter
from fabmarket.negotiation.clinching import in_trades
from fabmarket.negotiation.course import InvalidMove, TooEarly, member_of
from fabmarket.negotiation.hosting import Hosted, addressed, hear, host, next_word, said, seated
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.masked.hosting import seated as masked_seated
from fabmarket.negotiation.masked.seat import MaskedSeated
from fabmarket.negotiation.progress import Progress
from fabmarket.negotiation.seat import (
    Seat,
    Seated,
    SecondWord,
    answered,
    check_roster,
    follow,
    take_seats,
)
from fabmarket.node.checking import (
    BadEvidence,
    Outcome,
    Signed,
    progress_of,
    require_places,
    require_settled,
    signed_in,
)
from fabmarket.node.envelope import Envelope
from fabmarket.node.evidence import Evidence
from fabmarket.node.masked_replay import hosted_again, seated_again
from fabmarket.node.settlements import Settlement

Talk: TypeAlias = Hosted | MaskedHosted | Seated | MaskedSeated | Bargain


@dataclass(frozen=True)
class Unheard:
    """A seat that a supplier's `word` named as silent, though its holder had signed an `answer`.

    Both by their digests. The answer is to quote `round` at a price, and says a quantity
    (micro-units, a clock's units).
    """

    seat: int
    round: int
    price: int
    quantity: int
    answer: bytes
    word: bytes


@dataclass(frozen=True)
class Replayed:
    """What a file shows: the talk as its holder followed it, and its trades by digest.

    `settlements` says of those trades that were settled where the chain recorded it, `progress`
    what their parties said of the delivery, if anything. `unheard` are
    seats of the holder that were dropped as silent with an answer signed: when an answer arrived no
    signature says, so that is the holder's word against the supplier's.
    """

    talk: Talk
    members: tuple[Member, ...]
    trades: Mapping[bytes, Trade]
    settlements: tuple[Settlement, ...]
    progress: Mapping[bytes, Progress]
    unheard: tuple[Unheard, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Whether it ended, as far as the file goes, and whether anybody it tells of bought."""
        if isinstance(self.talk, Bargain):
            is_over = self.talk.outcome is not None
        elif isinstance(self.talk, MaskedHosted | MaskedSeated):
            is_over = self.talk.over
        else:
            is_over = self.talk.close is not None
        return "under way" if not is_over else "agreed" if awards_of(self.talk) else "no trade"


def replay(evidence: Evidence) -> Replayed:
    """Check a file: signatures, hashes, sums, prices, awards, trades. Raises BadEvidence."""
    signed = signed_in(evidence)
    opening = _opening(evidence, signed)
    members = _members(opening, signed)
    _require_one_session(evidence, members, signed)
    try:
        talk, unheard = _followed(evidence, opening, members, signed)
    except (InvalidMove, TooEarly, InvalidCounter) as error:
        raise BadEvidence(f"session 0x{evidence.session.hex()}: {error}") from error
    trades = {key: each.message for each, key in signed if isinstance(each.message, Trade)}
    _require_agreed(talk, trades)
    _require_countersigned(talk.opening.supplier, trades, signed)
    require_settled(evidence.settlements, trades)
    progress = progress_of(dict.fromkeys(trades, talk.opening.supplier), trades, signed)
    return Replayed(talk, tuple(members.values()), trades, evidence.settlements, progress, unheard)


def _opening(evidence: Evidence, signed: Sequence[Signed]) -> Envelope:
    for envelope, key in signed:
        if isinstance(envelope.message, Opening | MaskedOpening) and key == evidence.session:
            return envelope
    raise BadEvidence(f"there is no opening of session 0x{evidence.session.hex()}")


def _members(opening: Envelope, signed: Sequence[Signed]) -> dict[int, Member]:
    """The seats that the file can tell, from their selections."""
    selections = {key: each.message for each, key in signed if isinstance(each.message, Selection)}
    members: dict[int, Member] = {}
    for place in sorted(opening.places, key=lambda place: place.seat):
        if place.seat in members:
            raise BadEvidence(f"seat {place.seat} has two places in the opening")
        selection = selections.get(place.selection)
        if selection is None:
            raise BadEvidence(f"the selection of seat {place.seat} is missing")
        members[place.seat] = member_of(selection, place.selection, place.value)
    return members


def _require_one_session(
    evidence: Evidence, members: dict[int, Member], signed: Sequence[Signed]
) -> None:
    """Every message is of this session, and stands in the file once."""
    selected = {member.selection for member in members.values()}
    seen = set()
    for envelope, key in signed:
        match envelope.message:
            case Selection():
                belongs = key in selected
            case Opening() | MaskedOpening():
                belongs = key == evidence.session
            case Quote() | Reply() | Close() | Counter() as word:
                belongs = word.session == evidence.session
            case Trade():
                belongs = True  # if the session agreed on it: see `_require_agreed`
            case Usage() | Receipt():
                belongs = True  # if it is of such a trade: see `progress_of`
            case Countersigned():
                belongs = True  # if it is of such a trade: see `_require_countersigned`
            case word:
                belongs = isinstance(word, MaskedMessage) and word.session == evidence.session
        name = f"{type(envelope.message).__name__} 0x{key.hex()}"
        if not belongs:
            raise BadEvidence(f"{name} is not of this session")
        if key in seen:
            raise BadEvidence(f"{name} stands in the file twice")
        seen.add(key)


def _followed(
    evidence: Evidence, opening: Envelope, members: dict[int, Member], signed: Sequence[Signed]
) -> tuple[Talk, tuple[Unheard, ...]]:
    start = opening.message
    if not isinstance(start, Opening | MaskedOpening):
        raise BadEvidence("the session does not begin with an opening")
    _require_kind(start, signed)
    key = evidence.session
    parties = {start.supplier, *(member.demander for member in members.values())}
    if evidence.holder not in parties or not members:
        raise BadEvidence(f"{evidence.holder}, who holds the file, has no seat in the session")
    seats = [Seat(member.sub_task, at, member) for at, member in members.items()]
    places = sorted(opening.places, key=lambda place: place.seat)
    if isinstance(start, MaskedOpening):
        return _followed_masked(evidence, opening, start, members, signed)
    if start.terms.concept == "bargaining":
        check_roster(start, seats, places)
        (member,) = members.values()
        bargain = Bargain(key, start, member)
        for envelope, its_key in signed:
            match envelope.message:
                case Counter() as counter:
                    bargain = follow_counter(bargain, counter, its_key)
                case Quote() | Reply() | Close():
                    raise InvalidCounter("a session's message in a bargain")
        return bargain, ()
    if evidence.holder == start.supplier:
        require_places(opening, seated(tuple(members.values())))
        return _hosted(host(start, key, tuple(members.values())), signed), ()
    if parties != {start.supplier, evidence.holder}:
        raise BadEvidence("a member's file tells of another's seat")
    check_roster(start, seats, places)
    return _seated(take_seats(start, key, seats), signed)


def _require_kind(start: Opening | MaskedOpening, signed: Sequence[Signed]) -> None:
    """Words of a masked session belong to a masked opening, and those of an open one to another."""
    others = SessionMessage | Counter if isinstance(start, MaskedOpening) else MaskedMessage
    for envelope, _ in signed:
        if isinstance(envelope.message, others):
            raise InvalidMove(f"a {type(envelope.message).__name__} in another kind of session")


def _followed_masked(
    evidence: Evidence,
    opening: Envelope,
    start: MaskedOpening,
    members: dict[int, Member],
    signed: Sequence[Signed],
) -> tuple[Talk, tuple[Unheard, ...]]:
    its = start, evidence.session, evidence.domain
    if evidence.holder == start.supplier:
        everyone = tuple(members.values())
        require_places(opening, masked_seated(everyone))
        return hosted_again(*its, everyone, signed), ()
    if {evidence.holder} != {member.demander for member in members.values()}:
        raise BadEvidence("a member's file tells of another's seat")
    asked = {key: each.message for each, key in signed if isinstance(each.message, Selection)}
    ours = [
        (Seat(member.sub_task, at, member), request)
        for at, member in members.items()
        for request in asked[member.selection].masked
    ]
    if len(ours) != len(members):
        raise BadEvidence("a seat in a masked session that was selected without a card")
    talk, unheard = seated_again(*its, ours, signed)
    last = {seat.index: seat.answers[-1] for seat in talk.seats if seat.answers}
    rounds = len(talk.heard) - 1
    return talk, tuple(
        Unheard(at, rounds, last[at].price, last[at].quantity, *words) for at, *words in unheard
    )


def _hosted(hosted: Hosted, signed: Sequence[Signed]) -> Hosted:
    for envelope, key in signed:
        match envelope.message:
            case Reply() as answer:
                hosted = hear(hosted, answer, key)
            case Quote() | Close() as word:
                due = next_word(hosted, time_up=bool(word.dropped))
                if due is None or due.message != word:
                    raise InvalidMove(f"{type(word).__name__} 0x{key.hex()} does not follow")
                require_places(envelope, addressed(hosted, due))
                hosted = said(hosted, due, key)
            case Counter():
                raise InvalidMove("a counter where nobody bargains")
    return hosted


def _seated(seated: Seated, signed: Sequence[Signed]) -> tuple[Seated, tuple[Unheard, ...]]:
    unheard: list[Unheard] = []
    own = {seat.index: seat.member.demander for seat in seated.seats}
    for envelope, key in signed:
        match envelope.message:
            case Reply() as answer:
                if own.get(answer.seat) != answer.demander:
                    raise InvalidMove("an answer for another's seat")
                if answer.quote != seated.last_digest:
                    raise InvalidMove("an answer to another quote than the last")
                seated = answered(seated, answer, key)
            case Quote() | Close() as word:
                spoke = [seat for seat in seated.seats if _has_spoken(seated, seat)]
                asked = seated.quotes - 1
                try:
                    seated = follow(seated, word, key, envelope.places)
                except SecondWord:
                    continue  # see `forks`
                for seat in spoke:
                    if seat.index in word.dropped:
                        last = seat.answers[-1]
                        said = last.price, last.quantity, last.digest
                        unheard.append(Unheard(seat.index, asked, *said, key))
            case Counter():
                raise InvalidMove("a counter where nobody bargains")
    return seated, tuple(unheard)


def _has_spoken(seated: Seated, seat: Seat) -> bool:
    return not seat.dropped and len(seat.answers) == seated.quotes > 0


def _require_agreed(talk: Talk, trades: Mapping[bytes, Trade]) -> None:
    """Each trade is an award's, in all its terms, and no award has more trades than seats.

    The demander's to choose: its nonce, the listing's epoch, and until when the trade may settle,
    at the latest at the end of the slot.
    """
    awards = awards_of(talk)
    opening = talk.opening
    bundles: dict[bytes, list[Trade]] = {}
    for key, trade in trades.items():
        halved = trade.bundle != ZERO_BYTES32 and not is_for_cycle([trade])
        terms = (trade.supplier_nonce, trade.quantity, trade.unit_price, halved)
        award = Agreed(trade.demander, *terms)
        if award not in awards:
            raise BadEvidence(f"trade 0x{key.hex()} is not what the session agreed")
        agreed = replace(
            trade,
            listing=opening.listing,
            token=opening.terms.token,
            transcript=talk.transcript,
        )
        timely = 0 < trade.valid_until <= opening.slot_end
        if trade != agreed or not timely or not _is_agreed(opening, trade):
            raise BadEvidence(f"trade 0x{key.hex()} is on other terms than the session agreed")
        awards.remove(award)
        if halved:
            bundles.setdefault(trade.bundle, []).append(trade)
    for bundle, pair in bundles.items():
        pair.sort(key=lambda trade: trade.unit_price)
        if len(pair) > 1 and bundle_of(pair) != bundle and not is_for_cycle(pair):
            raise BadEvidence(f"the trades of bundle 0x{bundle.hex()} are not its halves")


def _require_countersigned(
    supplier: str, trades: Mapping[bytes, Trade], signed: Sequence[Signed]
) -> None:
    """What is said to be the supplier's signature of a trade is that, of one in the file."""
    words = [each.message for each, _ in signed if isinstance(each.message, Countersigned)]
    for word in words:
        trade = trades.get(word.trade)
        is_its = trade is not None and word.supplier == supplier
        if not is_its or not is_by(supplier, word.trade, word.consent):
            name = f"0x{word.trade.hex()}"
            raise BadEvidence(f"Countersigned of {name} is no signature of a trade of the file")
    if len({word.trade for word in words}) < len(words):
        raise BadEvidence("a trade is countersigned twice")


def _is_agreed(opening: OpeningMessage, trade: Trade) -> bool:
    """Whether the trade's escrow is what the opening makes of its payment, at the listing's place.

    The place is the trade's to say: the listing's id is made of it.
    """
    it, payment = trade.escrow, trade.quantity * trade.unit_price
    start, end = opening.slot_start, opening.slot_end
    if it != escrow_of(opening.delivery, payment, it.resource, it.slot, start, end):
        return False
    if opening.delivery == INSTANT:
        return True
    place = (opening.supplier, it.resource, it.slot, end)
    return end < TIME_LIMIT and listing_id(*place) == opening.listing


@dataclass(frozen=True)
class Agreed:
    """What a trade of a seat says: so many units at a price, under a nonce of the supplier's.

    `halved`: it is one of two in a bundle, as not every unit of the seat costs the same.
    """

    demander: str
    nonce: int
    units: int
    price: int
    halved: bool


def awards_of(talk: Talk) -> list[Agreed]:
    """Return what was agreed for each seat that the talk tells of and that gets something."""
    if isinstance(talk, Bargain):
        units = talk.member.quantity
        given = [(talk.member, units, units * talk.outcome)] if talk.outcome else []
    elif isinstance(talk, Hosted | MaskedHosted):
        given = (
            list(zip(talk.members, talk.awards, talk.payments, strict=True)) if talk.close else []
        )
    else:
        given = [(seat.member, seat.awarded, seat.payment) for seat in talk.seats]
    return [
        Agreed(member.demander, member.supplier_nonce, *sold, halved=len(trades) == 2)
        for member, units, payment in given
        for trades in [in_trades(units, payment)]
        for sold in trades
    ]
