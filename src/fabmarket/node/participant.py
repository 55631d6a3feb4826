"""One participant as a running thing: a key, a pure step, a journal and an outbox.

Whatever comes in is checked, stepped, and written down with all that follows from it, in one
transaction; only then is anything done. A crash between two instructions therefore loses nothing
that was acknowledged and repeats nothing with effect: messages are known by their digest, moves by
the nonce that they were signed with.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, Generic, TypeVar

from fabmarket.errors import Bug
from fabmarket.identity import Bytes32, Domain, Key, Uint64, digest
from fabmarket.identity.codec import decode, encode
from fabmarket.ledger import Block
from fabmarket.market import messages
from fabmarket.market.events import Settled
from fabmarket.market.exchange import Move, Settle, SettleBatch, SignedTrade
from fabmarket.market.messages import Claim, Close, Message, Opening, Quote, Reply
from fabmarket.market.trade import Trade
from fabmarket.negotiation.moves import (
    Ignored,
    Input,
    Ordered,
    Output,
    Postponed,
    Received,
    Recorded,
    Send,
    Submit,
    Tell,
    Ticked,
)
from fabmarket.node.envelope import Envelope, Undeliverable, open_envelope, seal
from fabmarket.node.journal import BadJournal, Journal

S = TypeVar("S")
Step = Callable[[S, Input], tuple[S, tuple[Output, ...]]]

SNAPSHOT_EVERY = 256
"""Inputs after which the state is written down and the inputs are forgotten."""


class Answer(Enum):
    """What a sender is told of a message: it is on disk, or to come again later, or no good."""

    TAKEN = "taken"
    POSTPONED = "postponed"
    REFUSED = "refused"


AGAIN = "taken before"


@dataclass(frozen=True)
class Heard:
    """The answer to a message, and the reason where it is refused, postponed or taken AGAIN."""

    answer: Answer
    reason: str = ""


@dataclass(frozen=True)
class Settlement:
    """Where the chain recorded the settlement of a trade that this participant signed."""

    event: Settled
    block: Uint64
    block_hash: Bytes32
    log_index: Uint64
    transaction: Bytes32


@dataclass(frozen=True)
class _Known:
    """In the journal: a message received, by its digest."""

    digest: bytes


@dataclass(frozen=True)
class Announce:
    """In the outbox: a payload for the public board, which no step knows of."""

    payload: bytes


@dataclass(frozen=True)
class _Line:
    """A line of the journal or of its outbox."""

    entry: _Known | Recorded | Ticked | Ordered | Announce


class Participant(Generic[S]):
    """A participant of the market, from its journal. `tell` hears what the owner should know."""

    def __init__(
        self,
        key: Key,
        domain: Domain,
        step: Step[S],
        initial: S,
        journal: Journal,
        tell: Callable[[Tell], None] = lambda _: None,
    ) -> None:
        self._key, self._domain, self._step, self._tell = key, domain, step, tell
        self.journal = journal
        self.sent: Counter[str] = Counter()
        self._passed: tuple[int, Ticked] | None = None  # the last block, if nothing came of it
        self._state = self._restored(initial)
        self._tell_news()

    @property
    def address(self) -> str:
        """The participant's address."""
        return self._key.address

    @property
    def state(self) -> S:
        """What the participant knows."""
        return self._state

    def _restored(self, initial: S) -> S:
        """The state after the snapshot and the inputs since; of a new journal the initial one."""
        owner, kept = self.journal.about("owner"), self.journal.about("state")
        if owner is None or kept is None:
            with self.journal.writing():
                self.journal.note("owner", self.address.encode())
                self.journal.note("domain", encode(self._domain))
                self.journal.snapshot(encode(initial))
            return initial
        if owner != self.address.encode():
            raise BadJournal(f"the journal is {owner.decode()}'s, not {self.address}'s")
        return folded(self.journal, self._step, type(initial))

    @property
    def followed(self) -> int:
        """The last block that left a trace in the journal, -1 for none: later ones are to come."""
        number = self.journal.about("block")
        return -1 if number is None else int(number)

    def receive(self, text: bytes, sender: str | None = None) -> Heard:
        """Take an envelope's bytes. What is answered TAKEN is on disk; again, it has no effect.

        `sender`: who the letter's cover says it is from, which must be the author.
        """
        try:
            received = open_envelope(self._domain, text)
        except Undeliverable as error:
            return Heard(Answer.REFUSED, str(error))
        if sender not in (None, received.message.author):
            return Heard(Answer.REFUSED, "message of another author than the letter's sender")
        if self.journal.message(received.digest) is not None:
            return Heard(Answer.TAKEN, AGAIN)
        state, outputs = self._step(self._state, received)
        match outputs:
            case (Postponed(reason),):
                return Heard(Answer.POSTPONED, reason)
            case (Ignored(reason, is_proof),):
                if is_proof:
                    self._keep_proof(received, text)
                return Heard(Answer.REFUSED, reason)
        with self.journal.writing():
            self._keep(received.digest, received.message, text)
            self._write([_Known(received.digest)], state, outputs)
        self._done(state, outputs)
        return Heard(Answer.TAKEN)

    def follow(self, block: Block, *, is_past: bool = False) -> None:
        """Take what a block of the chain recorded, and its time: all of it or, in a crash, nothing.

        A block that is given again from `followed` on has no effect. `is_past`: a later one is
        known, so its time is none to act at.
        """
        if block.number <= self.followed:
            return
        lines: list[Recorded | Ticked] = []
        done: list[Output] = []
        state, settled = self._state, []
        for entry in block.entries:
            after, outputs = self._step(state, Recorded(entry.event))
            if after is not state or outputs:
                lines.append(Recorded(entry.event))
            state = after
            done.extend(outputs)
            if isinstance(entry.event, Settled) and self.journal.message(entry.event.trade):
                place = (block.number, block.hash, entry.index, entry.transaction)
                settled.append(Settlement(entry.event, *place))
        if is_past:
            if lines or settled:
                self._follow(block, lines, settled, state, done)
            return
        ticked = Ticked(block.time)
        after, outputs = self._step(state, ticked)
        if not (lines or outputs or settled) and _is_same(state, after):
            # Nothing hangs on it but what comes next, so it is written down with that.
            self._state, self._passed = after, (block.number, ticked)
            return
        self._follow(block, [*lines, ticked], settled, after, [*done, *outputs])

    def _follow(
        self,
        block: Block,
        lines: Sequence[Recorded | Ticked],
        settled: Sequence[Settlement],
        state: S,
        outputs: Sequence[Output],
    ) -> None:
        """Write down what a block brought, and do it."""
        with self.journal.writing():
            for each in settled:
                self.journal.note(f"settled 0x{each.event.trade.hex()}", encode(each))
            self._write(lines, state, outputs)
            self._note_block(block.number)
        self._done(state, outputs)

    def order(self, move: Move) -> None:
        """Take an order of the owner: send this move to the contract."""
        ordered = Ordered(move)
        state, outputs = self._step(self._state, ordered)
        with self.journal.writing():
            self._write([ordered], state, outputs)
        self._done(state, outputs)

    def announce(self, payload: bytes) -> None:
        """Put an announcement for the public board into the outbox."""
        with self.journal.writing():
            self.journal.order(encode(_Line(Announce(payload))))

    def _write(
        self,
        entries: Sequence[_Known | Recorded | Ticked | Ordered],
        state: S,
        outputs: Sequence[Output],
    ) -> None:
        """Write down inputs and what follows from them."""
        if self._passed is not None:
            number, ticked = self._passed
            self._note_block(number)
            entries = [ticked, *entries]
        count = 0
        for entry in entries:
            count = self.journal.add_input(encode(_Line(entry)))
        if count >= SNAPSHOT_EVERY:
            self.journal.snapshot(encode(state))
        self._post([output for output in outputs if isinstance(output, Send)])
        for output in outputs:
            if isinstance(output, Submit):
                self.journal.order(encode(_Line(Ordered(self._with_own_signature(output.move)))))
            elif isinstance(output, Tell):
                self.journal.tell(encode(output))

    def _note_block(self, number: int) -> None:
        self.journal.note("block", str(number).encode())

    def _done(self, state: S, outputs: Sequence[Output]) -> None:
        """What was written down is so."""
        self._state, self._passed = state, None
        for output in outputs:
            if isinstance(output, Send):
                self.sent[type(output.message).__name__] += 1
        if any(isinstance(output, Tell) for output in outputs):
            self._tell_news()

    def _tell_news(self) -> None:
        """Tell the owner what it was not told yet; after a crash perhaps once more."""
        for number, body in self.journal.news():
            self._tell(decode(Tell, body))
            self.journal.told(number)

    def _post(self, sends: Sequence[Send]) -> None:
        """Sign each message once, keep it, and put it into the outbox for whom it is."""
        by_message: dict[int, list[Send]] = {}
        for send in sends:
            by_message.setdefault(id(send.message), []).append(send)
        for same in by_message.values():
            message = same[0].message
            message_digest, signature = seal(self._key, self._domain, message)
            places = tuple(replace(each, path=()) for send in same for each in send.places)
            kept = encode(Envelope(message, signature, places))
            self._keep(message_digest, message, kept)
            for send in same:
                body = encode(Envelope(message, signature, send.places)) if places else kept
                self.journal.post(send.to, send.until, body)

    def _keep(self, message_digest: bytes, message: Message, text: bytes) -> None:
        session = _session_of(message, message_digest, self.journal)
        self.journal.keep(message_digest, type(message).__name__, session, text)

    def _keep_proof(self, received: Received, text: bytes) -> None:
        """Keep what contradicts another word, the first for each place: a disk must not fill."""
        word = received.message
        if not isinstance(word, Quote | Close):
            raise Bug(f"a {type(word).__name__} contradicts nothing")
        place = f"quote {word.round}" if isinstance(word, Quote) else "close"
        name = f"second {place} of 0x{word.session.hex()}"
        if self.journal.about(name) is None:
            with self.journal.writing():
                self.journal.note(name, received.digest)
                self._keep(received.digest, word, text)

    def _with_own_signature(self, move: Move) -> Move:
        """Fill in our signature where the step left it empty."""
        match move:
            case Settle(signed):
                return Settle(self._countersigned(signed))
            case SettleBatch(trades):
                return SettleBatch(tuple(map(self._countersigned, trades)))
            case _:
                return move

    def _countersigned(self, signed: SignedTrade) -> SignedTrade:
        if signed.supplier != b"":
            return signed
        return replace(signed, supplier=self._key.sign(digest(self._domain, signed.trade)))


def folded(journal: Journal, step: Step[S], kind: type[S]) -> S:
    """Return the state that a journal's snapshot and the inputs since lead to."""
    kept = journal.about("state")
    if kept is None:
        raise BadJournal("the journal is nobody's")
    state = decode(kind, kept)
    for body in journal.inputs():
        state, _ = step(state, _remembered(journal, decode(_Line, body)))
    return state


def _remembered(journal: Journal, line: _Line) -> Input:
    match line.entry:
        case _Known(known):
            text = journal.message(known)
            if text is None:
                raise Bug("an input of the journal is a message that was not kept")
            envelope = decode(Envelope, text)
            return Received(envelope.message, known, envelope.signature, envelope.places)
        case Announce():
            raise Bug("an announcement is no input")
        case entry:
            return entry


def _is_same(before: Any, after: Any) -> bool:
    """Whether two states are the same but for their time."""
    names = (each.name for each in fields(before))
    return all(getattr(before, name) is getattr(after, name) for name in names if name != "now")


def _session_of(message: Message, message_digest: bytes, journal: Journal) -> bytes | None:
    match message:
        case Opening():
            return message_digest
        case Quote() | Reply() | Claim() | Close() | messages.Counter():
            return message.session
        case Trade():
            return journal.session_of(message.transcript)
        case _:
            return None


def move_of(body: bytes) -> Move | Announce:
    """Return a move, or an announcement, that a journal's outbox holds."""
    match decode(_Line, body).entry:
        case Ordered(move):
            return move
        case Announce() as announce:
            return announce
        case _:
            raise Bug("the outbox holds something else than a move")
