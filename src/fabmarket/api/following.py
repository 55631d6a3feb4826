"""A chain followed into a ledger, in a thread of its own, while the ledger is served."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from typing_extensions import override

from fabmarket.api.served import Following
from fabmarket.chain import NodesDisagree
from fabmarket.errors import FabmarketError
from fabmarket.ledger import Follower, LedgerError
from fabmarket.ledger.follower import Progress
from fabmarket.market.events import Event
from fabmarket.node.status import is_running, waits_for

LOOK_SECONDS = 1.0
"""Between two looks at the chain."""
_log = logging.getLogger("fabmarket.api")


def by_agent(folder: Path) -> Following:
    """Return how the ledger in an agent's directory comes by its blocks: while the agent runs."""
    if not is_running(folder):
        return Following("file", "the agent does not run")
    waits = waits_for(folder)
    return Following("agent", f"waits: {waits}" if waits else "")


class _Ended(BaseException):
    """It was told to end, in the middle of many blocks."""


class Feed(threading.Thread):
    """Follows until it is told to end, a reorganisation is too deep to be followed, or several
    nodes tell several chains.
    """

    def __init__(
        self,
        follower: Follower[Event],
        finality: int,
        halted: Callable[[str], None],
        look: Callable[[], None],
        progress: Progress,
    ) -> None:
        """`halted` is told, once, why it goes on no more; `look` is done whenever it caught up.

        `progress` is told how far it is, page by page.
        """
        super().__init__(name="feed", daemon=True)
        self._follower, self._finality = follower, finality
        self._halted, self._look, self._progress = halted, look, progress
        self._ending = threading.Event()
        self._now = Following("following", "has not read the chain yet", finality)

    def following(self) -> Following:
        """How it stands."""
        return self._now

    def end(self) -> None:
        """Have it end, and wait for that, a second at most."""
        self._ending.set()
        self.join(1.0)

    @override
    def run(self) -> None:
        while not self._ending.is_set():
            try:
                self._follower.follow(self._told)
                self._look()
                self._now = Following("following", "", self._finality)
            except _Ended:
                return
            except (LedgerError, NodesDisagree) as error:
                self._now = Following("halted", str(error), self._finality)
                self._halted(str(error))
                return
            except FabmarketError as error:
                # A node that is lost, or a full disk: it may come back.
                self._now = Following("following", f"waits: {error}", self._finality)
            except Exception as error:
                _log.exception("the chain is followed no more")
                said = f"a bug in fabmarket, please report it: {type(error).__name__}"
                self._now = Following("halted", said, self._finality)
                self._halted(said)
                return
            self._ending.wait(LOOK_SECONDS)

    def _told(self, stored: int, head: int) -> None:
        if stored < head:
            self._progress(stored, head)
            self._now = Following(
                "following", f"has read {stored} of {head} blocks", self._finality
            )
        if self._ending.is_set():
            raise _Ended
