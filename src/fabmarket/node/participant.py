"""One participant as a running thing: a key, a pure step, a journal and an outbox.

Whatever comes in is checked, stepped, and written down with all that follows from it, in one
transaction; only then is anything done. A crash between two instructions therefore loses nothing
that was acknowledged and repeats nothing with effect: messages are known by their digest, moves by
the nonce that they were signed with.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, Generic, Literal, TypeVar

from fabmarket.errors import Bug
from fabmarket.identity import Domain, Key
from fabmarket.identity.codec import BadText, decode, encode
from fabmarket.ledger import Block
from fabmarket.market.events import NetSettled, Settled
from fabmarket.market.exchange import Move
from fabmarket.market.masked import MaskedAbort, MaskedClose, MaskedQuote
from fabmarket.market.messages import Close, Message, Quote
from fabmarket.market.usage import Receipt, Usage
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
from fabmarket.negotiation.orders import Allow, Order
from fabmarket.node.envelope import Envelope, Undeliverable, open_envelope, seal
from fabmarket.node.journal import BadJournal, Journal
from fabmarket.node.sessions import session_of
from fabmarket.node.settlements import NetSettlement, Settlement
from fabmarket.node.signing import signed_move, signed_word

S = TypeVar("S")
Step = Callable[[S, Input], tuple[S, tuple[Output, ...]]]

SNAPSHOT_EVERY = 1024
"""Inputs after which the state is written down and the inputs are forgotten.

The state grows with the market; to fold so many inputs takes a fraction of a second.
"""


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
class Outcome:
    """What came of an order: refused before anything was sent, mined as failed, or done.

    With the last transaction's hash and block if anything was mined, and the reason if not done.
    """

    state: Literal["done", "failed", "refused"]
    reason: str = ""
    transaction: bytes = b""
    block: int = 0


@dataclass(frozen=True)
class _Known:
    """In the journal: a message received, by its digest."""

    digest: bytes


@dataclass(frozen=True)
class Announce:
    """In the outbox: a payload for the public board, which no step knows of."""

    payload: bytes


@dataclass(frozen=True)
class _Taken(Generic[S]):
    """A message that was stepped, the state after it, and what follows from it."""

    received: Received
    text: bytes
    state: S
    outputs: tuple[Output, ...]


@dataclass(frozen=True)
class _Line:
    """A line of the journal or of its outbox."""

    entry: _Known | Recorded | Ticked | Ordered | Submit | Announce


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

        `sender`: who its letter says to be from, who must be the message's author.
        """
        (heard,) = self.receive_all([(text, sender)])
        return heard

    def receive_all(
        self, letters: Iterable[tuple[bytes, str | None]], delivered: Sequence[int] = ()
    ) -> list[Heard]:
        """Take several envelopes, one after the other, and write them down in one transaction.

        What `receive` says holds for each. With them letters of ours are ticked off that were
        `delivered`. JournalFull: nothing was done.
        """
        answers: list[Heard] = []
        taken: dict[bytes, _Taken[S]] = {}
        proofs: list[tuple[Received, bytes]] = []
        state = self._state
        opened = [(text, self._opened(text, sender)) for text, sender in letters]
        kept = self.journal.kept(each.digest for _, each in opened if isinstance(each, Received))
        for text, received in opened:
            if isinstance(received, Heard):
                answers.append(received)
                continue
            if received.digest in taken or received.digest in kept:
                answers.append(Heard(Answer.TAKEN, AGAIN))
                continue
            after, outputs = self._step(state, received)
            match outputs:
                case (Postponed(reason),):
                    answers.append(Heard(Answer.POSTPONED, reason))
                case (Ignored(reason, is_proof),):
                    if is_proof:
                        proofs.append((received, text))
                    answers.append(Heard(Answer.REFUSED, reason))
                case _:
                    state = after
                    taken[received.digest] = _Taken(received, text, after, outputs)
                    answers.append(Heard(Answer.TAKEN))
        if taken or proofs or delivered:
            self._keep_all(list(taken.values()), proofs, delivered)
        return answers

    def _opened(self, text: bytes, sender: str | None) -> Received | Heard:
        """What an envelope says, or why it is refused."""
        try:
            received = open_envelope(self._domain, text)
        except Undeliverable as error:
            return Heard(Answer.REFUSED, str(error))
        if sender is not None and sender != received.message.author:
            return Heard(Answer.REFUSED, "message of another author than the letter's sender")
        return received

    def _keep_all(
        self,
        taken: Sequence[_Taken[S]],
        proofs: Sequence[tuple[Received, bytes]],
        delivered: Sequence[int],
    ) -> None:
        """Write down messages, each with what follows from it, and do that."""
        with self.journal.writing():
            self.journal.tick_off(delivered)
            if taken:
                self._write_passed()
            for each in taken:
                self._keep(each.received.digest, each.received.message, each.text)
                self._write([_Known(each.received.digest)], each.state, each.outputs)
            for received, text in proofs:
                self._keep_proof(received, text)
        if taken:
            outputs = [output for each in taken for output in each.outputs]
            self._done(taken[-1].state, outputs)

    def follow(self, block: Block, *, is_past: bool = False) -> None:
        """Take what a block of the chain recorded, and its time: all of it or, in a crash, nothing.

        A block that is given again from `followed` on has no effect. `is_past`: a later one is
        known, so its time is none to act at.
        """
        if block.number <= self.followed:
            return
        lines: list[Recorded | Ticked] = []
        done: list[Output] = []
        state, settled = self._state, list[Settlement | NetSettlement]()
        for entry in block.entries:
            after, outputs = self._step(state, Recorded(entry.event))
            if after is not state or outputs:
                lines.append(Recorded(entry.event))
            state = after
            done.extend(outputs)
            place = (block.number, block.hash, entry.index, entry.transaction)
            if isinstance(entry.event, Settled) and self.journal.message(entry.event.trade):
                settled.append(Settlement(entry.event, *place))
            if isinstance(entry.event, NetSettled) and self.journal.talk(entry.event.batch):
                settled.append(NetSettlement(entry.event.batch, *place))
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
        settled: Sequence[Settlement | NetSettlement],
        state: S,
        outputs: Sequence[Output],
    ) -> None:
        """Write down what a block brought, and do it."""
        with self.journal.writing():
            for each in settled:
                self.journal.note(each.note, encode(each))
            self._write_passed()
            self._write(lines, state, outputs)
            self._note_block(block.number)
        self._done(state, outputs)

    def order(self, order: Order, placed: int | None = None, now: int = 0) -> Outcome | None:
        """Take an order of the owner; return what came of it, None while its moves are to be mined.

        `placed` is its number in the journal, where it was placed there; it is taken, with all that
        follows, or, in a crash, still there to be taken. `now` is the chain time that is noted.
        """
        ordered = Ordered(order)
        state, outputs = self._step(self._state, ordered)
        match outputs:
            case (Ignored(reason),):
                refused = Outcome("refused", reason)
                with self.journal.writing():
                    self._conclude(placed, refused)
                return refused
        is_done = not any(isinstance(output, Submit) for output in outputs)
        done = Outcome("done") if is_done else None
        with self.journal.writing():
            if placed is not None:
                self.journal.take(placed, now)
            self._write_passed()
            self._write([ordered], state, outputs, placed)
            if done is not None:
                self._conclude(placed, done)
        self._done(state, outputs)
        return done

    def _conclude(self, placed: int | None, outcome: Outcome) -> None:
        if placed is not None:
            self.journal.conclude(placed, encode(outcome))

    def announce(self, payload: bytes) -> None:
        """Put an announcement for the public board into the outbox."""
        with self.journal.writing():
            self.journal.submit(encode(_Line(Announce(payload))))

    def announce_letter(self, number: int, payload: bytes, day: int) -> None:
        """Move a letter, sealed, from the outbox of letters to that of the board."""
        announced = self.announced_on(day) + 1
        with self.journal.writing():
            self.journal.tick_off([number])
            self.journal.submit(encode(_Line(Announce(payload))))
            self.journal.note("announced", f"{day} {announced}".encode())

    def announced_on(self, day: int) -> int:
        """Return how many letters went to the board on a day, which must be the last known."""
        noted = self.journal.about("announced")
        last, announced = (0, 0) if noted is None else map(int, noted.split())
        return announced if day == last else 0

    def _write(
        self,
        entries: Sequence[_Known | Recorded | Ticked | Ordered],
        state: S,
        outputs: Sequence[Output],
        placed: int | None = None,
    ) -> None:
        """Write down inputs and what follows from them, for an order if `placed`."""
        count = 0
        for entry in entries:
            count = self.journal.add_input(encode(_Line(entry)))
        if count >= SNAPSHOT_EVERY:
            self.journal.snapshot(encode(state))
        self._post([output for output in outputs if isinstance(output, Send)])
        for output in outputs:
            if isinstance(output, Submit):
                whole = Submit(signed_move(self._key, self._domain, output))
                self.journal.submit(encode(_Line(whole)), placed)
            elif isinstance(output, Tell):
                self.journal.tell(encode(output))

    def _write_passed(self) -> None:
        """Write down the last block, if nothing came of it so far."""
        if self._passed is not None:
            number, ticked = self._passed
            self._note_block(number)
            self.journal.add_input(encode(_Line(ticked)))

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
        """Sign each message once, keep it, and put it into the outbox for whom it is.

        Letters of one message are made of one size: how long the path of a place is tells which.
        And of no less than is asked for.
        """
        by_message: dict[int, list[Send]] = {}
        for send in sends:
            by_message.setdefault(id(send.message), []).append(send)
        for same in by_message.values():
            message = signed_word(self._key, self._domain, same[0].message)
            message_digest, signature = seal(self._key, self._domain, message)
            places = tuple(replace(each, path=()) for send in same for each in send.places)
            kept = encode(Envelope(message, signature, places))
            self._keep(message_digest, message, kept)
            kind = type(message).__name__
            bodies = [
                encode(Envelope(message, signature, send.places)) if places else kept
                for send in same
            ]
            around = len(kept) - len(encode(message))
            padded = max(*map(len, bodies), *(send.padded + around for send in same))
            for send, body in zip(same, bodies, strict=True):
                self.journal.post(send.to, send.until, kind, body, padded)

    def _keep(self, message_digest: bytes, message: Message, text: bytes) -> None:
        session = session_of(message, message_digest, self.journal)
        self.journal.keep(message_digest, type(message).__name__, session, text)

    def _keep_proof(self, received: Received, text: bytes) -> None:
        """Keep what contradicts another word, the first for each place: a disk must not fill."""
        word = received.message
        match word:
            case Quote() | MaskedQuote():
                name = f"second quote {word.round} of 0x{word.session.hex()}"
            case Close() | MaskedClose() | MaskedAbort():
                name = f"second close of 0x{word.session.hex()}"
            case Usage():
                name = f"second report {word.sequence} of 0x{word.trade.hex()}"
            case Receipt():
                name = f"second answer to 0x{word.usage.hex()}"
            case _:
                raise Bug(f"a {type(word).__name__} contradicts nothing")
        if self.journal.about(name) is None:
            self.journal.note(name, received.digest)
            self._keep(received.digest, word, text)


@dataclass(frozen=True)
class Folded(Generic[S]):
    """The state that a snapshot and the inputs since lead to, and both: it can be folded on."""

    snapshot: bytes
    inputs: tuple[bytes, ...]
    state: S


def folded(journal: Journal, step: Step[S], kind: type[S]) -> S:
    """Return the state that a journal's snapshot and the inputs since lead to."""
    return folded_on(journal, step, kind, None).state


def folded_on(
    journal: Journal, step: Step[S], kind: type[S], before: Folded[S] | None
) -> Folded[S]:
    """Return the same from what was folded `before`, where the journal has only grown since."""
    kept, inputs = journal.since_snapshot()
    if kept is None:
        raise BadJournal("the journal is nobody's")
    known = 0 if before is None else len(before.inputs)
    if before is None or (before.snapshot, before.inputs) != (kept, inputs[:known]):
        before, known = None, 0
    try:
        state = decode(kind, kept) if before is None else before.state
        for body in inputs[known:]:
            state, _ = step(state, _remembered(journal, decode(_Line, body)))
    except BadText as error:
        raise BadJournal(f"the journal is damaged ({error}); restore a copy of it") from error
    return Folded(kept, inputs, state)


def _remembered(journal: Journal, line: _Line) -> Input:
    match line.entry:
        case _Known(known):
            text = journal.message(known)
            if text is None:
                raise Bug("an input of the journal is a message that was not kept")
            envelope = decode(Envelope, text)
            return Received(envelope.message, known, envelope.signature, envelope.places)
        case Announce() | Submit():
            raise Bug("what is to be sent is no input")
        case entry:
            return entry


def _is_same(before: Any, after: Any) -> bool:
    """Whether two states are the same but for their time."""
    names = (each.name for each in fields(before))
    return all(getattr(before, name) is getattr(after, name) for name in names if name != "now")


def move_of(body: bytes) -> Move | Allow | Announce:
    """Return a move, or an announcement, that a journal's outbox holds."""
    match decode(_Line, body).entry:
        case Submit(move):
            return move
        case Announce() as announce:
            return announce
        case _:
            raise Bug("the outbox holds something else than a move")
