"""One participant as a process: the loop that gives the runtime a clock, a door and a chain.

The main thread owns participant and journal, and nobody else touches them. A thread follows the
chain and sends to it (`watch`), a thread holds the links to the others (`links`), and all that they
bring comes through one queue, one thing after another. So the runtime stays what the simulation
runs, and what it needs to be safe against is a crash alone.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from fabmarket.chain import Engine, EngineUnavailable, open_node
from fabmarket.errors import Refused
from fabmarket.identity import Domain, Key, digest, keccak
from fabmarket.identity.codec import decode, encode
from fabmarket.identity.sealing import SealingKey
from fabmarket.market.cards import PROTOCOL, ContactCard, SignedNotice
from fabmarket.market.events import Announced, Settled
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import market_domain
from fabmarket.negotiation.moves import Tell
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.node.board import Board
from fabmarket.node.envelope import Envelope
from fabmarket.node.inbox import (
    Arrived,
    Failed,
    Followed,
    Found,
    Full,
    Inbox,
    Item,
    Lost,
    Mined,
    Noticed,
)
from fabmarket.node.journal import Journal, JournalFull
from fabmarket.node.lines import Say
from fabmarket.node.links import Links
from fabmarket.node.participant import AGAIN, Announce, Answer, Heard, Participant, move_of
from fabmarket.node.peers import Delivery
from fabmarket.node.roles import STEPS, initial_state, resource_of, want_names
from fabmarket.node.settings import JOURNAL, LOCK, Settings
from fabmarket.node.watch import Watch

CARD_LIFE = 30 * 86_400
"""Seconds for which a card counts; it is announced anew when a third of them is left."""
COUNT_EVERY = 60.0
"""Seconds between lines about the door, if anything came to it."""
ANNOUNCE_AGAIN = 300
"""Seconds of chain time after which a card that was announced and did not appear is so again."""
_PAUSE = 5.0
"""Seconds between attempts to write to a full disk."""
_END = 3.0
"""Seconds that each thread is given to end."""


class AlreadyRunning(Refused):
    """Another agent runs from this directory."""


class OtherSettings(Refused):
    """The settings are not those that the journal was begun with."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Within, no second agent runs from a directory; the lock ends with the process, however."""
    try:
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Refused(f"{folder}: is no agent's directory ({error.strerror}); see init") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        problem = f"{folder}: an agent runs from this directory already"
        raise AlreadyRunning(f"{problem}; end it first, or use another") from error
    try:
        yield
    finally:
        os.close(file)


def run_agent(folder: Path, settings: Settings, key: Key, say: Say) -> None:
    """Run a participant from its directory until a signal or an error ends it."""
    with locked(folder):
        engine = _node(settings, key)
        watch = Watch(folder, key, engine, settings.chain, settings.market)
        domain = market_domain(engine.chain_id, settings.market.exchange)
        board = Board(domain, settings.market.founder)
        while True:
            for announced in watch.caught_up():
                board.take(announced)
            if board.rhythm is not None:
                break
            say("waiting", {"founder": settings.market.founder})
            time.sleep(1.0)
        _Agent(folder, settings, key, domain, board, watch, say).run(board.rhythm)


def _node(settings: Settings, key: Key) -> Engine:
    """The node of the settings; where it cannot be used the remedy is one of theirs."""
    try:
        return open_node(settings.chain.urls, settings.chain.chain_id, key)
    except EngineUnavailable as error:
        problem, _, _ = str(error).rpartition(";")
        remedy = "see that one runs, and that chain.urls and chain.chain_id are right"
        raise EngineUnavailable(f"{problem}; {remedy}") from error


class _Agent:
    def __init__(
        self,
        folder: Path,
        settings: Settings,
        key: Key,
        domain: Domain,
        board: Board,
        watch: Watch,
        say: Say,
    ) -> None:
        self._settings, self._key, self._domain = settings, key, domain
        self._board, self._watch, self._say = board, watch, say
        self._journal = Journal(folder / JOURNAL)
        self._sealing = SealingKey(key)
        self._names = want_names(settings, key.address)
        self._inbox: Inbox = SimpleQueue()
        self._collected = 0
        self._now = 0
        self._announce_from = 0
        self._counted: dict[str, int] = {}
        self._count_due = time.monotonic() + COUNT_EVERY

    def run(self, rhythm: Rhythm) -> None:
        """Until a signal or an error."""
        settings, address = self._settings, self._key.address
        _, step = STEPS[settings.role]
        initial = initial_state(settings, address, self._domain, rhythm)
        self._require_same(initial)
        self._participant: Participant[Any] = Participant(
            self._key, self._domain, step, initial, self._journal, self._told
        )
        self._links = Links(settings.door, self._domain, address, self._sealing, self._inbox)
        try:
            self._links.begin()
            facts = {"role": settings.role, "address": address, "url": settings.door.url}
            chain = {"chain_id": settings.chain.chain_id, "period": rhythm.period}
            self._say("begun", facts | chain)
            for card in self._board.cards.values():
                self._links.know(card)
            self._collect()
            self._watch.begin(self._inbox)
            while True:
                self._take(self._inbox.get())
        finally:
            self._end()

    def _require_same(self, initial: Any) -> None:
        """Refuse settings that would be without effect: the state in the journal is what counts."""
        begun, now = self._journal.about("begun"), keccak(encode(initial))
        if begun is None:
            with self._journal.writing():
                self._journal.note("begun", now)
        elif begun != now:
            raise OtherSettings(
                "market, calendar, prices and wants are other than when this agent was begun, and"
                " stand fast since; undo the change, or begin another in a directory of its own"
            )

    def _take(self, item: Item) -> None:
        match item:
            case Arrived():
                self._arrived(item)
            case Followed():
                self._followed(item)
            case Noticed(block, taken):
                for entry in block.entries:
                    self._noticed(entry.event)
                taken.set()
            case Delivery():
                self._delivered(item)
            case Mined(outgoing, receipt):
                outcome = "done" if receipt.status == 1 else "failed"
                action = {"action": outgoing.transaction.action, "block": receipt.block}
                self._say("mined", action | {"outcome": outcome})
            case Lost(reason):
                self._say("lost", {"reason": reason})
            case Full(reason):
                self._say("full", {"reason": reason})
            case Found():
                self._say("found", {})
            case Failed(error):
                raise error
        self._collect()
        self._count()

    def _followed(self, item: Followed) -> None:
        block = item.block
        self._insist(lambda: self._participant.follow(block, is_past=item.is_past))
        item.taken.set()
        for entry in block.entries:
            if isinstance(entry.event, Settled):
                self._settled(entry.event)
        self._ticked(block.time)

    def _insist(self, act: Callable[[], None]) -> None:
        """Do what must be written down; where the disk is full, once it takes it."""
        while True:
            try:
                return act()
            except JournalFull as error:
                self._say("full", {"reason": str(error)})
                time.sleep(_PAUSE)

    def _arrived(self, item: Arrived) -> None:
        try:
            heard = self._participant.receive(item.text, item.sender)
        except JournalFull as error:  # nothing was signed
            heard = Heard(Answer.POSTPONED, "the journal takes no more just now")
            self._say("full", {"reason": str(error)})
        item.answer(heard)
        # What is refused or came before is counted: a stranger could fill the log with it.
        if heard.answer is not Answer.REFUSED and heard.reason != AGAIN:
            kind = type(decode(Envelope, item.text).message).__name__
            self._say("heard", {"kind": kind, "peer": item.sender, "answer": heard.answer.value})

    def _delivered(self, item: Delivery) -> None:
        self._insist(lambda: self._journal.delivered(item.number))
        outcome = f"{item.outcome}: {item.reason}" if item.reason else item.outcome
        self._say("sent", {"kind": item.kind, "peer": item.recipient, "outcome": outcome})

    def _noticed(self, announced: Announced) -> None:
        card = self._board.take(announced)
        if card is not None:
            self._links.know(card)
            self._say("card", {"peer": card.author, "url": card.url})

    def _settled(self, event: Settled) -> None:
        """Of what we sold; what we bought the participant tells itself."""
        state = self._participant.state
        if isinstance(state, SupplierState) and event.listing in state.shelves:
            trade = {"trade": f"0x{event.trade.hex()}", "quantity": event.quantity}
            self._say("settled", trade | {"unit_price": event.unit_price})

    def _told(self, told: Tell) -> None:
        want = told.news
        name = self._names.get(want.id, f"0x{want.id.hex()}")
        if want.state == "served":
            self._say("served", {"want": name, "trade": f"0x{want.trade.hex()}"})
        else:
            reason = want.attempts[-1].reason if want.attempts else "no supplier offered room"
            self._say("unserved", {"want": name, "reason": reason})

    def _ticked(self, now: int) -> None:
        self._now = max(self._now, now)
        self._links.tick(self._now)
        known = self._board.cards.get(self._key.address)
        expires = 0 if known is None else known.expires
        if known == self._card(expires) and expires - self._now > CARD_LIFE // 3:
            return
        if self._now >= self._announce_from and not self._is_announcing():
            self._announce()

    def _announce(self) -> None:
        card = self._card(self._now + CARD_LIFE)
        payload = encode(SignedNotice(card, self._key.sign(digest(self._domain, card))))
        self._insist(lambda: self._participant.announce(payload))
        self._announce_from = self._now + ANNOUNCE_AGAIN
        self._say("announcing", {"url": card.url})

    def _card(self, expires: int) -> ContactCard:
        return ContactCard(
            author=self._key.address,
            sealing_key=self._sealing.public,
            url=self._settings.door.url,
            resource=resource_of(self._settings),
            version=PROTOCOL,
            expires=expires,
        )

    def _is_announcing(self) -> bool:
        return any(isinstance(move_of(each.body), Announce) for each in self._journal.moves())

    def _collect(self) -> None:
        """Give on what has come into the outbox."""
        letters = self._journal.letters(self._collected)
        if letters:
            self._collected = letters[-1].number
            self._links.post(letters)
        if self._journal.moves():
            self._watch.look()

    def _count(self) -> None:
        """Now and then say what came to the door."""
        if time.monotonic() < self._count_due:
            return
        self._count_due = time.monotonic() + COUNT_EVERY
        counted = dict(self._links.counted())
        if counted != self._counted:
            self._counted = counted
            said = ", ".join(f"{number} {what}" for what, number in sorted(counted.items()))
            self._say("door", {"counted": said})

    def _end(self) -> None:
        """End the threads; letters that wait for an answer are told to come again."""
        self._watch.stop()
        self._links.stop()
        end = time.monotonic() + _END
        while self._links.is_alive() and time.monotonic() < end:
            while not self._inbox.empty():
                item = self._inbox.get()
                if isinstance(item, Arrived):
                    item.answer(Heard(Answer.POSTPONED, "the agent is just ending"))
            self._links.join(0.05)
        if self._watch.is_alive():
            self._watch.join(max(0.1, end - time.monotonic()))
        self._journal.close()
        self._say("ended", {})
