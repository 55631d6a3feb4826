"""Letters that come over the board: opened, and kept until the participant has answered them.

Whoever has no door that others can reach is written to on the board: the sealed letter is announced
there by its sender. For whom it is does not show, so that everybody tries to open it. It counts as
what the chain says does, when its block is final, and is given to the participant after that block.
Nobody can be told to send it again, so what is ahead of its turn is kept here, and given again with
every block; after a crash it is read from the board once more.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from fabmarket.identity import Domain
from fabmarket.identity.sealing import LARGEST_ANNOUNCED, SealingKey, Unsealable, is_letter
from fabmarket.market.events import Announced
from fabmarket.node.inbox import Arrived
from fabmarket.node.participant import Answer, Heard
from fabmarket.node.tally import Tally

LASTS = 2
"""Periods of the market after which no letter is of any more use."""
MOST, MOST_OF_ONE = 1024, 256
"""Letters that are kept, of all senders and of one."""

REFUSALS: dict[str, str] = {
    "announced by another": "a letter that somebody else than its sender put on the board",
    "busy": "too many letters, of all or of this sender, wait for their turn",
    "out of date": "two periods after its block it was still ahead of its turn",
    "refused": "the participant refused the message; the reason follows",
}
"""Why a letter on the board comes to nothing. Nobody is told; each is counted."""


@dataclass(frozen=True)
class _Letter:
    """A letter, its block, and that one's time."""

    text: bytes
    block: int
    time: int
    is_again: bool = False


class Mailbox:
    """The letters to one account. Lives in the thread of its participant."""

    def __init__(self, domain: Domain, sealing: SealingKey, period: int) -> None:
        """`period`: seconds from one beat of the market to the next."""
        self._domain, self._sealing = domain, sealing
        self._lasts = LASTS * period
        self._letters: dict[tuple[str, int], _Letter] = {}
        """By sender and number among its announcements."""
        self._tally = Tally()

    def take(self, announced: Announced, block: int, time: int) -> None:
        """Take what was announced in a block, if it is a letter that opens."""
        if not is_letter(announced.payload) or len(announced.payload) > LARGEST_ANNOUNCED:
            return
        try:
            sender, text = self._sealing.open(self._domain, announced.payload)
        except Unsealable:
            return  # for others, most often
        of_one = sum(each == sender for each, _ in self._letters)
        if sender != announced.author:
            self._tally.add("announced by another")
        elif of_one >= MOST_OF_ONE or len(self._letters) >= MOST:
            self._tally.add("busy")
        else:
            self._letters[sender, announced.sequence] = _Letter(text, block, time)

    def due(self, block: int, now: int) -> list[Arrived]:
        """Return the letters up to a block whose time is `now`; what is too old is forgotten."""
        for place, letter in list(self._letters.items()):
            if letter.time + self._lasts <= now:
                self._tally.add("out of date")
                del self._letters[place]
        letters = sorted(self._letters.items(), key=lambda each: (each[1].block, each[0][1]))
        return [
            Arrived(place[0], letter.text, partial(self._answered, place), letter.is_again)
            for place, letter in letters
            if letter.block <= block
        ]

    def _answered(self, place: tuple[str, int], heard: Heard) -> None:
        """Keep a letter that is ahead of its turn; of others count what came of them."""
        if heard.answer is Answer.POSTPONED:
            self._letters[place] = replace(self._letters[place], is_again=True)
            return
        del self._letters[place]
        if heard.answer is Answer.TAKEN:
            self._tally.add(heard.reason or "taken")
        else:
            self._tally.refused(heard.reason)

    def counted(self) -> Mapping[str, int]:
        """Return how many letters were taken, and not taken for which reason."""
        return Counter({f"board: {what}": number for what, number in self._tally.items()})
