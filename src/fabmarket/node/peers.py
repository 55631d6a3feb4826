"""The others: who can be reached where, and the letters that are on their way to them.

A letter is sent until its recipient has taken or refused it, or the chain's time is its `until`. A
recipient that does not answer, or says later, is asked again after a pause, twice as long each time
and of random length. One letter at a time goes to each recipient, so a slow one holds up nobody
else; and those of whom nothing was heard last time, or ever, have half of the connections, so
many of them hold up nobody whose door answers. One that has no card yet is waited for. A letter to
one without a door is only sealed here: its owner's account announces it on the board.
"""

import asyncio
import random
import ssl
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from fabmarket.identity import Domain
from fabmarket.identity.sealing import LARGEST_ANNOUNCED, Unsealable, sealed
from fabmarket.market.cards import PROTOCOL, ContactCard
from fabmarket.node.door import PATH
from fabmarket.node.journal import Letter

MOST_CONNECTIONS = 64
SILENCE = 5.0
"""Seconds that a recipient may be silent."""
DEADLINE = 40.0
"""Seconds that a sending may take in all: the door's own deadlines are shorter."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
_ANSWER = 512
"""Bytes that are read of an answer."""


@dataclass(frozen=True)
class Delivery:
    """What became of a letter; `outcome` is "taken", "refused" or "out of date"."""

    number: int
    recipient: str
    kind: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True)
class ForBoard:
    """A sealed letter to one without a door, to be announced."""

    number: int
    recipient: str
    kind: str
    payload: bytes


def letter_for(card: ContactCard, domain: Domain, sender: str, letter: Letter) -> bytes:
    """Return a letter of the outbox sealed for whose card it is. Unsealable if it cannot be."""
    who = sender, letter.recipient, card.sealing_key
    return sealed(domain, *who, letter.body, letter.padded)


@dataclass(frozen=True)
class _Unsent:
    """A letter is to be sent again, and why. `is_silent`: its recipient takes no others now."""

    why: str
    is_silent: bool = True


@dataclass
class _Lane:
    """The letters to one recipient: when each is due, its number, how often it was tried.

    `why` the last one that was sent did not arrive, "" if it did.
    """

    waiting: list[tuple[float, int, int, Letter]] = field(default_factory=list)
    why: str = ""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None


class Peers:
    """Carries letters to where the cards say. Lives in the thread of its event loop."""

    def __init__(
        self,
        domain: Domain,
        address: str,
        report: Callable[[Delivery | ForBoard], None],
        failed: Callable[[BaseException], None],
        trust: ssl.SSLContext,
    ) -> None:
        """`report` hears, in this thread, what becomes of letters, `failed` of a bug of ours.

        `trust`: whose certificates are believed.
        """
        self._domain, self._address = domain, address
        self._report, self._failed = report, failed
        self._cards: dict[str, ContactCard] = {}
        self._lanes: dict[str, _Lane] = {}
        self._now = 0
        self._answering: set[str] = set()
        """Those whose doors have answered the last letter."""
        self._others = asyncio.Semaphore(MOST_CONNECTIONS // 2)
        limits = httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=32)
        # What the environment says of proxies is for browsers; redirections and cookies are
        # strangers' wishes.
        self._client = httpx.AsyncClient(
            verify=trust,
            timeout=httpx.Timeout(SILENCE, read=DEADLINE),
            limits=limits,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    def know(self, card: ContactCard) -> None:
        """Take note of somebody's card; the last one counts."""
        self._cards[card.author] = card
        lane = self._lanes.get(card.author)
        if lane is not None:
            lane.wake.set()

    def know_of(self, address: str) -> bool:
        """Return whether somebody has a card that counts now, of messages that we speak too."""
        return self._card_of(address) is not None

    def tick(self, now: int) -> None:
        """Chain time has come to `now`."""
        self._now = max(self._now, now)

    def post(self, letters: Iterable[Letter]) -> None:
        """Take letters to be sent."""
        loop = asyncio.get_running_loop()
        for letter in letters:
            lane = self._lanes.setdefault(letter.recipient, _Lane())
            heappush(lane.waiting, (loop.time(), letter.number, 0, letter))
            lane.wake.set()
            if lane.task is None:
                lane.task = loop.create_task(self._carry(letter.recipient, lane))
                lane.task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failed(error)

    async def close(self) -> None:
        """Stop sending."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def _carry(self, recipient: str, lane: _Lane) -> None:
        loop = asyncio.get_running_loop()
        while lane.waiting:
            lane.wake.clear()
            self._drop_old(lane)
            card = self._card_of(recipient)
            wait = lane.waiting[0][0] - loop.time() if lane.waiting else 0.0
            if card is None or wait > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0 if card is None else min(wait, 1.0)):
                        await lane.wake.wait()
                continue
            if not lane.waiting:
                break
            _, number, tries, letter = heappop(lane.waiting)
            outcome = await self._sent(card, letter)
            if not isinstance(outcome, _Unsent):
                lane.why = ""
                self._report(outcome)
                continue
            lane.why = outcome.why
            pause = min(FIRST_PAUSE * 2**tries, LONGEST_PAUSE) * random.uniform(0.5, 1.5)  # noqa: S311
            due = loop.time() + pause
            heappush(lane.waiting, (due, number, min(tries + 1, 10), letter))
            if outcome.is_silent:  # whoever does not answer one letter answers no other now
                lane.waiting = [(max(due, at), *rest) for at, *rest in lane.waiting]
                heapify(lane.waiting)
        del self._lanes[recipient]

    def _drop_old(self, lane: _Lane) -> None:
        """Report the letters that are of no more use."""
        old = [each for each in lane.waiting if each[3].until <= self._now]
        if old:
            lane.waiting = [each for each in lane.waiting if each[3].until > self._now]
            heapify(lane.waiting)
        for *_, letter in old:
            about = letter.number, letter.recipient, letter.kind
            self._report(Delivery(*about, "out of date", lane.why))

    def _card_of(self, recipient: str) -> ContactCard | None:
        card = self._cards.get(recipient)
        if card is None or card.version != PROTOCOL or card.expires <= self._now:
            return None
        return card

    async def _sent(self, card: ContactCard, letter: Letter) -> Delivery | ForBoard | _Unsent:
        """Send a letter once; return what became of it, or why it is to be sent again."""
        number, recipient, kind = letter.number, letter.recipient, letter.kind
        try:
            text = letter_for(card, self._domain, self._address, letter)
        except Unsealable as error:
            return Delivery(number, recipient, kind, "refused", str(error))
        if not card.url:
            if len(text) <= LARGEST_ANNOUNCED:
                return ForBoard(number, recipient, kind, text)
            reason = f"{len(text)} bytes where {LARGEST_ANNOUNCED} are the most on the board"
            return Delivery(number, recipient, kind, "refused", reason)
        try:
            async with self._turn(recipient), asyncio.timeout(DEADLINE):
                status, said = await self._posted(card.url + PATH, text)
        except Exception as error:  # of many kinds: a stranger chose URL and answer
            self._answering.discard(recipient)
            return _Unsent(str(error)[:_ANSWER] or type(error).__name__)
        self._answering.add(recipient)
        match status:
            case 200:
                return Delivery(number, recipient, kind, "taken")
            case 413 | 422:
                return Delivery(number, recipient, kind, "refused", said)
            case 503:
                return _Unsent(said, is_silent=False)
            case _:
                return _Unsent(f"{status} {said}".rstrip())

    def _turn(self, recipient: str) -> AbstractAsyncContextManager[None]:
        """Of those that may not answer so many are waited for at a time."""
        return nullcontext() if recipient in self._answering else self._others

    async def _posted(self, url: str, text: bytes) -> tuple[int, str]:
        """Return the status that is answered, and the beginning of what is said with it."""
        headers = {"Content-Type": "application/octet-stream"}
        async with self._client.stream("POST", url, content=text, headers=headers) as answer:
            said = b""
            async for part in answer.aiter_raw():
                said += part
                if len(said) >= _ANSWER:
                    break
            return answer.status_code, said[:_ANSWER].decode(errors="replace").strip()
