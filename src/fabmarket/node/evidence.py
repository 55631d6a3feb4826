"""What a journal proves of a session, in a file that anyone can check without a chain or a key.

A file holds the signed messages of a session as its holder sent and received them, and where the
chain settled its trades. A supplier's file holds all answers, so every sum, price and award is
worked out anew. A member's holds its own answers and the supplier's words; they are held against
each other as the member did. Two files of one session together show a supplier that said different
things to different members.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from fabmarket.errors import Refused
from fabmarket.identity import BadSignature, BadValue, Domain, digest
from fabmarket.identity.codec import decode
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
from fabmarket.market.trade import Trade
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
from fabmarket.node.envelope import Envelope, signer_of
from fabmarket.node.journal import Journal
from fabmarket.node.participant import Settlement

FORMAT = 1


class NoEvidence(Refused):
    """The journal holds nothing of that session or trade."""


class BadEvidence(Refused):
    """The file does not hold together; says where."""


@dataclass(frozen=True)
class Evidence:
    """The messages of one session, in the order in which `holder` sent or received them."""

    format: int
    domain: Domain
    holder: str
    session: bytes
    envelopes: tuple[Envelope, ...]
    settlements: tuple[Settlement, ...]


Talk: TypeAlias = Hosted | Seated | Bargain


@dataclass(frozen=True)
class Replayed:
    """What a file shows: the talk as its holder followed it, and its trades by digest.

    `settlements` says of those trades that were settled where the chain recorded it.
    """

    talk: Talk
    members: tuple[Member, ...]
    trades: Mapping[bytes, Trade]
    settlements: tuple[Settlement, ...]


@dataclass(frozen=True)
class Fork:
    """Two messages that a supplier signed for one place of one session."""

    supplier: str
    place: str
    first: bytes
    second: bytes


def evidence_of(journal: Journal, of: bytes) -> Evidence:
    """Return what a journal holds of a session, or of the session that a trade came from."""
    owner, about = journal.about("owner"), journal.about("domain")
    if owner is None or about is None:
        raise NoEvidence("the journal is nobody's")
    domain, holder = decode(Domain, about), owner.decode()
    session = journal.session_of(of) or of
    envelopes = [decode(Envelope, text) for text in journal.talk(session)]
    opening = next((each for each in envelopes if isinstance(each.message, Opening)), None)
    if opening is None:
        raise NoEvidence(f"the journal holds no session and no trade 0x{of.hex()}")
    chosen = [journal.message(place.selection) for place in opening.places]
    before = [decode(Envelope, text) for text in chosen if text is not None]
    trades = [each.message for each in envelopes if isinstance(each.message, Trade)]
    notes = [journal.about(f"settled 0x{digest(domain, trade).hex()}") for trade in trades]
    settlements = tuple(decode(Settlement, note) for note in notes if note is not None)
    return Evidence(FORMAT, domain, holder, session, (*before, *envelopes), settlements)


_Signed: TypeAlias = tuple[Envelope, bytes]


def replay(evidence: Evidence) -> Replayed:
    """Check a file: signatures, hashes, sums, prices, awards, trades. Raises BadEvidence."""
    if evidence.format != FORMAT:
        raise BadEvidence(f"format {evidence.format} where this version reads {FORMAT}")
    signed = [(each, _checked(evidence.domain, each)) for each in evidence.envelopes]
    opening = _opening(evidence, signed)
    members = _members(opening, signed)
    try:
        talk = _followed(evidence, opening, members, signed)
    except (InvalidMove, TooEarly, InvalidCounter) as error:
        raise BadEvidence(f"session 0x{evidence.session.hex()}: {error}") from error
    trades = {key: each.message for each, key in signed if isinstance(each.message, Trade)}
    for key, trade in trades.items():
        if not _is_due(talk, trade):
            raise BadEvidence(f"trade 0x{key.hex()} is not what the session agreed")
    for settlement in evidence.settlements:
        event = settlement.event
        agreed = trades.get(event.trade)
        if agreed is None or _terms(event) != _terms(agreed):
            raise BadEvidence(f"0x{event.trade.hex()} settled otherwise than it was signed")
    return Replayed(talk, tuple(members.values()), trades, evidence.settlements)


def _terms(said: Settled | Trade) -> tuple[object, ...]:
    return said.listing, said.demander, said.token, said.quantity, said.unit_price, said.nonce


def forks(files: Iterable[Evidence]) -> list[Fork]:
    """Return every place at which a supplier signed two different messages."""
    said_at: dict[tuple[str, bytes, str], bytes] = {}
    found = []
    for evidence in files:
        for envelope in evidence.envelopes:
            word = envelope.message
            if not isinstance(word, Quote | Close):
                continue
            place = f"quote {word.round}" if isinstance(word, Quote) else "close"
            try:
                key = _checked(evidence.domain, envelope)
            except BadEvidence:
                continue  # nobody signed it
            first = said_at.setdefault((word.supplier, word.session, place), key)
            if first != key:
                found.append(Fork(word.supplier, place, first, key))
    return found


def _checked(domain: Domain, envelope: Envelope) -> bytes:
    """The digest of a message, whose signature is its author's."""
    kind = type(envelope.message).__name__
    try:
        key = digest(domain, envelope.message)
        signer = signer_of(key, envelope.signature)
    except (BadSignature, BadValue) as error:
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
    members = {}
    for place in sorted(opening.places, key=lambda place: place.seat):
        selection = selections.get(place.selection)
        if selection is None:
            raise BadEvidence(f"the selection of seat {place.seat} is missing")
        members[place.seat] = member_of(selection, place.selection, place.value)
    return members


def _followed(
    evidence: Evidence, opening: Envelope, members: dict[int, Member], signed: Sequence[_Signed]
) -> Talk:
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
            if isinstance(envelope.message, Counter):
                bargain = follow_counter(bargain, envelope.message, its_key)
        return bargain
    if evidence.holder == start.supplier:
        _require_places(opening, seated(tuple(members.values())))
        return _hosted(host(start, key, tuple(members.values())), signed)
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
    return hosted


def _seated(seated: Seated, signed: Sequence[_Signed]) -> Seated:
    for envelope, key in signed:
        match envelope.message:
            case Reply() | Claim() as answer:
                if answer.quote != seated.last_digest:
                    raise InvalidMove("an answer to another quote than the last")
                seated = answered(seated, answer, key)
            case Quote() | Close() as word:
                try:
                    seated = follow(seated, word, key, envelope.places)
                except SecondWord:
                    continue  # see `forks`
    return seated


def _is_due(talk: Talk, trade: Trade) -> bool:
    """Whether the session agreed on a trade like this, for one of its seats."""
    opening = talk.opening
    if (trade.listing, trade.transcript) != (opening.listing, talk.transcript):
        return False
    said_of = (trade.demander, trade.supplier_nonce, trade.quantity, trade.unit_price)
    if isinstance(talk, Bargain):
        member, price = talk.member, talk.outcome
        return said_of == (member.demander, member.supplier_nonce, member.quantity, price)
    if talk.close is None:
        return False
    if isinstance(talk, Hosted):
        seats = zip(talk.members, talk.awards, strict=True)
    else:
        seats = zip(
            (seat.member for seat in talk.seats),
            (seat.awarded for seat in talk.seats),
            strict=True,
        )
    return said_of in {
        (member.demander, member.supplier_nonce, quantity, talk.close.price)
        for member, quantity in seats
    }
