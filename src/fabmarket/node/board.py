"""What counts of all that was announced: the market's rhythm, and who can be reached where."""

from fabmarket.identity import Domain
from fabmarket.market.cards import BadNotice, ContactCard, Founding, notice_of
from fabmarket.market.events import Announced
from fabmarket.market.rhythm import Rhythm


class Board:
    """The last card of everybody, and the rhythm that the founder said."""

    def __init__(self, domain: Domain, founder: str) -> None:
        self._domain, self._founder = domain, founder
        self.rhythm: Rhythm | None = None
        self.cards: dict[str, ContactCard] = {}

    def take(self, announced: Announced) -> ContactCard | None:
        """Take note of an announcement; return the card if it is one."""
        try:
            notice = notice_of(self._domain, announced)
        except BadNotice:
            return None  # the board is open to everybody
        if isinstance(notice, ContactCard):
            self.cards[notice.author] = notice
            return notice
        if isinstance(notice, Founding) and notice.author == self._founder:
            self.rhythm = self.rhythm or notice.rhythm  # said once
        return None
