"""A session played again from its evidence, by the same code that its parties ran.

A supplier's file holds all answers, so every sum, price and award is worked out anew. A member's
holds its own answers and the supplier's words; they are held against each other as the member did.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from fabmarket.errors import Refused
from fabmarket.identity import ZERO_BYTES32, BadSignature, BadValue, Domain, digest
from fabmarket.market.events import Settled
from fabmarket.market.messages import (
    Claim,
    Close,
    Counter,
    Member,
    Opening,
    Place,
    Quote,
    Reply,
    Selection,
)
from fabmarket.market.trade import Escrow, Trade, market_domain
from fabmarket.negotiation.bargaining import Bargain, InvalidCounter, follow_counter
from fabmarket.negotiation.course import InvalidMove, TooEarly, member_of
from fabmarket.negotiation.hosting import Hosted, addressed, hear, host, next_word, said, seated
from fabmarket.negotiation.seat import (
    Seat,
    Seated,
    SecondWord,
    answered,
    check_roster,
    follow,
    take_seats,
)
from fabmarket.node.envelope import Envelope, Undeliverable, require_tree, signer_of
from fabmarket.node.evidence import FORMAT, Evidence
from fabmarket.node.participant import Settlement


class BadEvidence(Refused):
    """The file does not hold together; says where."""


Talk: TypeAlias = Hosted | Seated | Bargain


Outcome: TypeAlias = Literal["agreed", "no trade", "under way"]


@dataclass(frozen=True)
class Replayed:
    """What a file shows: the talk as its holder followed it, and its trades by digest.

    `settlements` says of those trades that were settled where the chain recorded it. `unheard` are
    seats of the holder that had answered and were dropped as silent all the same: when an answer
    arrived no signature says, so that is the holder's word against the supplier's.
    """

    talk: Talk
    members: tuple[Member, ...]
    trades: Mapping[bytes, Trade]
    settlements: tuple[Settlement, ...]
    unheard: tuple[int, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Whether it ended, as far as the file goes, and whether anybody it tells of bought."""
        if isinstance(self.talk, Bargain):
            is_over = self.talk.outcome is not None
        else:
            is_over = self.talk.close is not None
        return "under way" if not is_over else "agreed" if awards_of(self.talk) else "no trade"


_Signed: TypeAlias = tuple[Envelope, bytes]


def replay(evidence: Evidence) -> Replayed:
    """Check a file: signatures, hashes, sums, prices, awards, trades. Raises BadEvidence."""
    if evidence.format != FORMAT:
        raise BadEvidence(f"format {evidence.format} where this version reads {FORMAT}")
    domain = evidence.domain
    if domain != market_domain(domain.chain_id, domain.verifying_contract):
        raise BadEvidence(f"signed for {domain.name!r} {domain.version!r}, not for this market")
    signed = [(each, checked(domain, each)) for each in evidence.envelopes]
    opening = _opening(evidence, signed)
    members = _members(opening, signed)
    _require_one_session(evidence, members, signed)
    try:
        talk, unheard = _followed(evidence, opening, members, signed)
    except (InvalidMove, TooEarly, InvalidCounter) as error:
        raise BadEvidence(f"session 0x{evidence.session.hex()}: {error}") from error
    trades = {key: each.message for each, key in signed if isinstance(each.message, Trade)}
    _require_agreed(talk, trades)
    _require_settled(evidence.settlements, trades)
    return Replayed(talk, tuple(members.values()), trades, evidence.settlements, unheard)


def checked(domain: Domain, envelope: Envelope) -> bytes:
    """Return the digest of a message whose signature is its author's. BadEvidence otherwise."""
    kind = type(envelope.message).__name__
    try:
        require_tree(envelope)
        key = digest(domain, envelope.message)
        signer = signer_of(key, envelope.signature)
    except (Undeliverable, BadSignature, BadValue) as error:
        raise BadEvidence(f"{kind}: {error}") from error
    if signer != envelope.message.author:
        raise BadEvidence(f"{kind} 0x{key.hex()} is signed by {signer}, not by its author")
    return key


def _opening(evidence: Evidence, signed: Sequence[_Signed]) -> Envelope:
    for envelope, key in signed:
        if isinstance(envelope.message, Opening) and key == evidence.session:
            return envelope
    raise BadEvidence(f"there is no opening of session 0x{evidence.session.hex()}")


def _members(opening: Envelope, signed: Sequence[_Signed]) -> dict[int, Member]:
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
    evidence: Evidence, members: dict[int, Member], signed: Sequence[_Signed]
) -> None:
    """Every message is of this session, and stands in the file once."""
    selected = {member.selection for member in members.values()}
    seen = set()
    for envelope, key in signed:
        match envelope.message:
            case Selection():
                belongs = key in selected
            case Opening():
                belongs = key == evidence.session
            case Quote() | Reply() | Claim() | Close() | Counter() as word:
                belongs = word.session == evidence.session
            case Trade():
                belongs = True  # if the session agreed on it: see `_require_agreed`
            case _:
                belongs = False
        name = f"{type(envelope.message).__name__} 0x{key.hex()}"
        if not belongs:
            raise BadEvidence(f"{name} is not of this session")
        if key in seen:
            raise BadEvidence(f"{name} stands in the file twice")
        seen.add(key)


def _followed(
    evidence: Evidence, opening: Envelope, members: dict[int, Member], signed: Sequence[_Signed]
) -> tuple[Talk, tuple[int, ...]]:
    start = opening.message
    if not isinstance(start, Opening):
        raise BadEvidence("the session does not begin with an opening")
    key = evidence.session
    parties = {start.supplier, *(member.demander for member in members.values())}
    if evidence.holder not in parties or not members:
        raise BadEvidence(f"{evidence.holder}, who holds the file, has no seat in the session")
    seats = [Seat(member.sub_task, at, member) for at, member in members.items()]
    places = sorted(opening.places, key=lambda place: place.seat)
    if start.terms.concept == "bargaining":
        check_roster(start, seats, places)
        (member,) = members.values()
        bargain = Bargain(key, start, member)
        for envelope, its_key in signed:
            match envelope.message:
                case Counter() as counter:
                    bargain = follow_counter(bargain, counter, its_key)
                case Quote() | Reply() | Claim() | Close():
                    raise InvalidCounter("a session's message in a bargain")
        return bargain, ()
    if evidence.holder == start.supplier:
        _require_places(opening, seated(tuple(members.values())))
        return _hosted(host(start, key, tuple(members.values())), signed), ()
    if parties != {start.supplier, evidence.holder}:
        raise BadEvidence("a member's file tells of another's seat")
    check_roster(start, seats, places)
    return _seated(take_seats(start, key, seats), signed)


def _require_places(word: Envelope, sent: Iterable[tuple[str, tuple[Place, ...]]]) -> None:
    """A supplier keeps the places that it sent along with a word, without their paths."""
    if word.places != tuple(replace(place, path=()) for _, own in sent for place in own):
        kind = type(word.message).__name__
        raise BadEvidence(f"the places of a {kind} are others than follow from the session")


def _hosted(hosted: Hosted, signed: Sequence[_Signed]) -> Hosted:
    for envelope, key in signed:
        match envelope.message:
            case Reply() | Claim() as answer:
                hosted = hear(hosted, answer, key)
            case Quote() | Close() as word:
                due = next_word(hosted, time_up=bool(word.dropped))
                if due is None or due.message != word:
                    raise InvalidMove(f"{type(word).__name__} 0x{key.hex()} does not follow")
                _require_places(envelope, addressed(hosted, due))
                hosted = said(hosted, due, key)
            case Counter():
                raise InvalidMove("a counter where nobody bargains")
    return hosted


def _seated(seated: Seated, signed: Sequence[_Signed]) -> tuple[Seated, tuple[int, ...]]:
    unheard: list[int] = []
    own = {seat.index: seat.member.demander for seat in seated.seats}
    for envelope, key in signed:
        match envelope.message:
            case Reply() | Claim() as answer:
                if own.get(answer.seat) != answer.demander:
                    raise InvalidMove("an answer for another's seat")
                if answer.quote != seated.last_digest:
                    raise InvalidMove("an answer to another quote than the last")
                seated = answered(seated, answer, key)
            case Quote() | Close() as word:
                spoke = {seat.index for seat in seated.seats if _has_spoken(seated, seat)}
                try:
                    seated = follow(seated, word, key, envelope.places)
                except SecondWord:
                    continue  # see `forks`
                unheard.extend(sorted(spoke & set(word.dropped)))
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
    for key, trade in trades.items():
        award = Agreed(trade.demander, trade.supplier_nonce, trade.quantity, trade.unit_price)
        if award not in awards:
            raise BadEvidence(f"trade 0x{key.hex()} is not what the session agreed")
        agreed = replace(
            trade,
            listing=opening.listing,
            token=opening.terms.token,
            transcript=talk.transcript,
            bundle=ZERO_BYTES32,
            escrow=Escrow(),
        )
        if trade != agreed or not 0 < trade.valid_until <= opening.slot_end:
            raise BadEvidence(f"trade 0x{key.hex()} is on other terms than the session agreed")
        awards.remove(award)


@dataclass(frozen=True)
class Agreed:
    """What a seat was awarded: so many units at a price, under a nonce of the supplier's."""

    demander: str
    nonce: int
    units: int
    price: int


def awards_of(talk: Talk) -> list[Agreed]:
    """Return what was agreed for each seat that the talk tells of and that gets something."""
    if isinstance(talk, Bargain):
        given, price = [(talk.member, talk.member.quantity)], talk.outcome or 0
    elif talk.close is None:
        return []
    elif isinstance(talk, Hosted):
        given, price = list(zip(talk.members, talk.awards, strict=True)), talk.close.price
    else:
        given, price = [(seat.member, seat.awarded) for seat in talk.seats], talk.close.price
    return [
        Agreed(member.demander, member.supplier_nonce, units, price)
        for member, units in given
        if units and price
    ]


def _require_settled(settlements: Sequence[Settlement], trades: Mapping[bytes, Trade]) -> None:
    """Each settlement is of a trade of the session, as it was signed, and no two are of one."""
    settled, places = set(), set()
    for settlement in settlements:
        event = settlement.event
        agreed = trades.get(event.trade)
        if agreed is None or _terms(event) != _terms(agreed):
            raise BadEvidence(f"0x{event.trade.hex()} settled otherwise than it was signed")
        place = (settlement.block, settlement.log_index)
        if event.trade in settled or place in places:
            raise BadEvidence(f"0x{event.trade.hex()} settled twice, or where another did")
        settled.add(event.trade)
        places.add(place)


def _terms(said: Settled | Trade) -> tuple[object, ...]:
    return said.listing, said.demander, said.token, said.quantity, said.unit_price, said.nonce
