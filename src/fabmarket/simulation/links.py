"""Links between the participants of one process, in virtual time.

A letter lies in its sender's outbox until its receiver has answered that it is taken or refused, or
it is out of date. Perfect links deliver at once and in order. A schedule can delay, reorder,
duplicate and drop what is carried, and drop the answer; what is not answered is sent again.

With sealing keys each sending is sealed and opened as between agents. HPKE takes the system's
randomness, so that what is sealed differs from run to run; what is said does not.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from fabmarket.identity import Domain, Key
from fabmarket.identity.sealing import SealingKey, sealed
from fabmarket.node import Answer, Participant
from fabmarket.node.journal import Letter

RETRY = 2
"""Seconds after which a letter that was not answered, or was to come later, is sent again."""
NOBODY_THERE = "addressed to nobody here"


@dataclass(frozen=True)
class Fate:
    """What becomes of one sending: seconds of delay of each copy; whether the answer is lost."""

    delays: tuple[int, ...] = (0,)
    answer_lost: bool = False


PERFECT = Fate()
Schedule = Callable[[str, Letter], Fate]


@dataclass
class Tally:
    """What went over the wire."""

    sent: Counter[str] = field(default_factory=Counter)
    delivered: int = 0
    ignored: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Seen:
    """What whoever watches all wires sees of one sending: when, from where to where, which bytes.

    A host is a place on the network; the address of the account that is there stands for it, "" for
    a stranger's. Whether `letter` is what was said, or sealed, is `is_sealed`.
    """

    time: int
    sender_host: str
    recipient_host: str
    letter: bytes
    is_sealed: bool

    @property
    def size(self) -> int:
        """Bytes of the letter."""
        return len(self.letter)

    @property
    def clear(self) -> bytes | None:
        """What was said, if it was not sealed."""
        return None if self.is_sealed else self.letter


class Seals:
    """Seals letters to the holders of keys, and opens them for these, in one market."""

    def __init__(self, domain: Domain, keys: Iterable[Key]) -> None:
        self._domain = domain
        self._keys = {key.address: SealingKey(key) for key in keys}

    def sealed(self, author: str, letter: Letter) -> bytes:
        """Return a letter as its author's agent seals it."""
        public = self._keys[letter.recipient].public
        who = author, letter.recipient, public
        return sealed(self._domain, *who, letter.body, letter.padded)

    def opened(self, recipient: str, shown: bytes) -> tuple[bytes, str]:
        """Return what is inside, and who is said to have sent it."""
        sender, text = self._keys[recipient].open(self._domain, shown)
        return text, sender


@dataclass(frozen=True)
class _Sending:
    """A letter as it is on the wire. `sender`: whose outbox it is from, "" for a stranger's."""

    sender: str
    letter: Letter
    shown: bytes
    answer_lost: bool = False


class Links:
    """Carries letters between participants until nobody has anything to deliver."""

    def __init__(
        self,
        participants: Sequence[Participant[Any]],
        schedule: Schedule = lambda sender, letter: PERFECT,
        seals: Seals | None = None,
    ) -> None:
        """With `seals`, of all participants, letters are sealed."""
        self._by_address = {each.address: each for each in participants}
        self._schedule, self._seals = schedule, seals
        self._collected = dict.fromkeys(self._by_address, 0)
        self._queue: list[tuple[int, int, _Sending]] = []
        self._count = 0
        self.tally = Tally()
        self.wires: list[Seen] = []
        """What was sent to participants, in no order where something was sent again."""

    @property
    def participants(self) -> Mapping[str, Participant[Any]]:
        """The participants by address."""
        return self._by_address

    def collect(self, participant: Participant[Any], now: int) -> None:
        """Send what has come into a participant's outbox."""
        address = participant.address
        for letter in participant.journal.letters(self._collected[address]):
            self._collected[address] = letter.number
            self._send(address, letter, now)

    def post(self, author: str, recipient: str, body: bytes, now: int) -> None:
        """Send bytes of a stranger, who says to be `author`, to a participant."""
        letter = Letter(0, recipient, now + 1, "", body)
        self._push(now, _Sending("", letter, self._on_the_wire("", author, letter, now)))

    def under_way(self) -> list[Letter]:
        """Return the letters that are not delivered yet, in the order in which they will be."""
        return [each.letter for _, _, each in sorted(self._queue, key=lambda each: each[:2])]

    def next_due(self) -> int | None:
        """Return when the next letter arrives, seconds; None if none is under way."""
        return self._queue[0][0] if self._queue else None

    def deliver(self, now: int) -> None:
        """Deliver all that has arrived by now, and what follows from it at once."""
        while self._queue and self._queue[0][0] <= now:
            _, _, it = heappop(self._queue)
            receiver = self._by_address.get(it.letter.recipient)
            if receiver is None:
                self.tally.ignored[NOBODY_THERE] += 1
                self._answered(it.sender, it.letter)
                continue
            self.tally.delivered += 1
            if self._seals is None:
                heard = receiver.receive(it.shown)
            else:
                heard = receiver.receive(*self._seals.opened(receiver.address, it.shown))
            self.collect(receiver, now)
            if heard.answer is Answer.REFUSED:
                self.tally.ignored[heard.reason] += 1
            if heard.answer is Answer.POSTPONED or it.answer_lost:
                self._again(it.sender, it.letter, now)
            else:
                self._answered(it.sender, it.letter)

    def _send(self, sender: str, letter: Letter, now: int) -> None:
        fate = self._schedule(sender, letter)
        sending = self._sending(sender, letter, fate, now)
        for delay in fate.delays:
            self._push(now + delay, sending)
        if not fate.delays:
            self._again(sender, letter, now)

    def _again(self, sender: str, letter: Letter, now: int) -> None:
        """Send it again, as often as it is lost; give it up once it is out of date."""
        while sender and (now := now + RETRY) < letter.until:
            fate = self._schedule(sender, letter)
            sending = self._sending(sender, letter, fate, now)
            if fate.delays:
                self._push(now + fate.delays[0], sending)
                return
        self._answered(sender, letter)

    def _sending(self, sender: str, letter: Letter, fate: Fate, now: int) -> _Sending:
        shown = self._on_the_wire(sender, sender, letter, now)
        return _Sending(sender, letter, shown, fate.answer_lost)

    def _on_the_wire(self, host: str, author: str, letter: Letter, now: int) -> bytes:
        """Return what is sent; nothing is to one who is not there."""
        if letter.recipient not in self._by_address:
            return b""
        shown = letter.body if self._seals is None else self._seals.sealed(author, letter)
        is_sealed = self._seals is not None
        self.wires.append(Seen(now, host, letter.recipient, shown, is_sealed))
        return shown

    def _answered(self, sender: str, letter: Letter) -> None:
        if sender:
            self._by_address[sender].journal.delivered(letter.number)

    def _push(self, due: int, sending: _Sending) -> None:
        self._count += 1
        heappush(self._queue, (due, self._count, sending))
