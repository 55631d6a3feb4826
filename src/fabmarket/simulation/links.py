"""Links between the participants of one process, in virtual time.

A letter lies in its sender's outbox until its receiver has answered that it is taken or refused, or
it is out of date. Perfect links deliver at once and in order. A schedule can delay, reorder,
duplicate and drop what is carried, and drop the answer; what is not answered is sent again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

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


class Links:
    """Carries letters between participants until nobody has anything to deliver."""

    def __init__(
        self,
        participants: Sequence[Participant[Any]],
        schedule: Schedule = lambda sender, letter: PERFECT,
    ) -> None:
        self._by_address = {each.address: each for each in participants}
        self._schedule = schedule
        self._collected = dict.fromkeys(self._by_address, 0)
        self._queue: list[tuple[int, int, str, Letter, bool]] = []
        self._count = 0
        self.tally = Tally()

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

    def post(self, recipient: str, body: bytes, now: int) -> None:
        """Send bytes of a stranger to a participant."""
        self._push(now, "", Letter(0, recipient, now + 1, "", bytes(32), body), answer_lost=False)

    def under_way(self) -> list[Letter]:
        """Return the letters that are not delivered yet, in the order in which they will be."""
        return [letter for _, _, _, letter, _ in sorted(self._queue, key=lambda each: each[:2])]

    def next_due(self) -> int | None:
        """Return when the next letter arrives, seconds; None if none is under way."""
        return self._queue[0][0] if self._queue else None

    def deliver(self, now: int) -> None:
        """Deliver all that has arrived by now, and what follows from it at once."""
        while self._queue and self._queue[0][0] <= now:
            _, _, sender, letter, answer_lost = heappop(self._queue)
            receiver = self._by_address.get(letter.recipient)
            if receiver is None:
                self.tally.ignored[NOBODY_THERE] += 1
                self._answered(sender, letter)
                continue
            self.tally.delivered += 1
            heard = receiver.receive(letter.body)
            self.collect(receiver, now)
            if heard.answer is Answer.REFUSED:
                self.tally.ignored[heard.reason] += 1
            if heard.answer is Answer.POSTPONED or answer_lost:
                self._again(sender, letter, now)
            else:
                self._answered(sender, letter)

    def _send(self, sender: str, letter: Letter, now: int) -> None:
        fate = self._schedule(sender, letter)
        for delay in fate.delays:
            self._push(now + delay, sender, letter, answer_lost=fate.answer_lost)
        if not fate.delays:
            self._again(sender, letter, now)

    def _again(self, sender: str, letter: Letter, now: int) -> None:
        """Send it again, as often as it is lost; give it up once it is out of date."""
        while sender and (now := now + RETRY) < letter.until:
            fate = self._schedule(sender, letter)
            if fate.delays:
                self._push(now + fate.delays[0], sender, letter, answer_lost=fate.answer_lost)
                return
        self._answered(sender, letter)

    def _answered(self, sender: str, letter: Letter) -> None:
        if sender:
            self._by_address[sender].journal.delivered(letter.number)

    def _push(self, due: int, sender: str, letter: Letter, *, answer_lost: bool) -> None:
        self._count += 1
        heappush(self._queue, (due, self._count, sender, letter, answer_lost))
