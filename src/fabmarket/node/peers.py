"""The others: who can be reached where, and the letters that are on their way to them.

A letter is sent until its recipient has taken or refused it, or the chain's time is its `until`. A
recipient that does not answer, or says later, is asked again after a pause, twice as long each time
and of random length. One letter at a time goes to each recipient, so a slow one holds up nobody
else; one that has no card yet is waited for.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from fabmarket.errors import Bug
from fabmarket.identity import Domain
from fabmarket.identity.codec import decode
from fabmarket.identity.sealing import Cover, Unsealable, sealed
from fabmarket.market.cards import PROTOCOL, ContactCard
from fabmarket.market.messages import Message
from fabmarket.node.door import PATH
from fabmarket.node.envelope import Envelope
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


@dataclass
class _Lane:
    """The letters to one recipient: when each is due, its number, how often it was tried."""

    waiting: list[tuple[float, int, int, Letter]] = field(default_factory=list)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None


class Peers:
    """Carries letters to where the cards say. Lives in the thread of its event loop."""

    def __init__(
        self,
        domain: Domain,
        address: str,
        report: Callable[[Delivery], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """`report` hears, in this thread, what became of each letter; `failed` of a bug of ours."""
        self._domain, self._address = domain, address
        self._report, self._failed = report, failed
        self._cards: dict[str, ContactCard] = {}
        self._lanes: dict[str, _Lane] = {}
        self._now = 0
        limits = httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=32)
        # What the environment says of proxies is for browsers; redirections and cookies are
        # strangers' wishes.
        self._client = httpx.AsyncClient(
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
            if isinstance(outcome, Delivery):
                self._report(outcome)
                continue
            pause = min(FIRST_PAUSE * 2**tries, LONGEST_PAUSE) * random.uniform(0.5, 1.5)  # noqa: S311
            due = loop.time() + pause
            heappush(lane.waiting, (due, number, min(tries + 1, 10), letter))
            if outcome == "silent":  # whoever does not answer one letter answers no other now
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
            kind = type(decode(Envelope, letter.body).message).__name__
            self._report(Delivery(letter.number, letter.recipient, kind, "out of date"))

    def _card_of(self, recipient: str) -> ContactCard | None:
        """A card that counts now, of messages that we speak too."""
        card = self._cards.get(recipient)
        if card is None or card.version != PROTOCOL or card.expires <= self._now:
            return None
        return card

    async def _sent(self, card: ContactCard, letter: Letter) -> Delivery | str:
        """Send a letter once; return what became of it, "later" or "silent"."""
        message = decode(Envelope, letter.body).message
        kind = type(message).__name__
        cover = Cover(self._address, letter.recipient, session_shown(message), letter.number)
        try:
            text = sealed(self._domain, cover, card.sealing_key, letter.body)
        except Unsealable as error:
            return Delivery(letter.number, letter.recipient, kind, "refused", str(error))
        try:
            async with asyncio.timeout(DEADLINE):
                status, said = await self._posted(card.url + PATH, text)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            return "silent"
        match status:
            case 200:
                return Delivery(letter.number, letter.recipient, kind, "taken")
            case 413 | 422:
                return Delivery(letter.number, letter.recipient, kind, "refused", said)
            case 503:
                return "later"
            case _:
                return "silent"

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


def session_shown(message: Message) -> bytes:
    """Return the session that a letter's cover names: the message's, if it says one."""
    session = getattr(message, "session", bytes(32))
    if not isinstance(session, bytes):
        raise Bug(f"a {type(message).__name__} with a session that is none")
    return session
