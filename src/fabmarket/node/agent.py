"""One participant as a process: the loop that gives the runtime a clock, a door and a chain.

The main thread owns participant and journal, and nobody else touches them. A thread follows the
chain and sends to it (`watch`), a thread holds the links to the others (`links`), and all that they
bring comes through one queue, one thing after another. So the runtime stays what the simulation
runs, and what it needs to be safe against is a crash alone.
"""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from queue import SimpleQueue
from secrets import token_bytes
from typing import Any

from fabmarket.errors import Refused
from fabmarket.identity import Domain, Key, digest, keccak
from fabmarket.identity.codec import BadText, decode, encode
from fabmarket.identity.sealing import SealingKey
from fabmarket.market.cards import PROTOCOL, ContactCard, SignedNotice, is_notice
from fabmarket.market.events import Announced, Settled
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import market_domain
from fabmarket.negotiation.moves import News, Ordered, Tell
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.orders import Adopt
from fabmarket.negotiation.products.purchase import Purchase
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Want
from fabmarket.node.board import Board
from fabmarket.node.envelope import Envelope
from fabmarket.node.inbox import (
    Apart,
    Arrived,
    CaughtUp,
    Concluded,
    Failed,
    Followed,
    Found,
    Full,
    Inbox,
    Item,
    Lost,
    Mined,
    Noticed,
    Renewed,
    Still,
    waiting,
)
from fabmarket.node.journal import Journal, JournalFull, Placed
from fabmarket.node.lines import LINES, Say, line_of, line_of_product, place_of
from fabmarket.node.links import Links
from fabmarket.node.locking import locked
from fabmarket.node.mailbox import LASTS, Mailbox
from fabmarket.node.outbox import HeldUp
from fabmarket.node.participant import (
    AGAIN,
    Announce,
    Answer,
    Heard,
    Outcome,
    Participant,
    move_of,
)
from fabmarket.node.peers import Delivery, ForBoard
from fabmarket.node.placed import names_by, names_in, verb_of
from fabmarket.node.roles import STEPS, initial_state, policy_of, resource_of, with_secrets
from fabmarket.node.settings import JOURNAL, Settings
from fabmarket.node.starting import node_of, patiently
from fabmarket.node.tls import Tls
from fabmarket.node.watch import Watch

CARD_LIFE = 30 * 86_400
"""Seconds for which a card counts; it is announced anew when a third of them is left."""
COUNT_EVERY = 60.0
"""Seconds between lines about the door, if anything came to it."""
ANNOUNCE_AGAIN = 300
"""Seconds of chain time after which a card that was announced and did not appear is so again."""
LOOK_EVERY = 0.25
"""Seconds between looks for new orders of the owner."""
_FULL = "the journal takes no more just now"
_DISAGREE = "our nodes do not tell one chain just now"
_UNSAID = (AGAIN, _FULL, _DISAGREE)
_PAUSE = 5.0
"""Seconds between attempts to write to a full disk."""
_END = 3.0
"""Seconds that each thread is given to end."""


class DirectoryGone(Refused):
    """The directory was removed while its agent ran: nothing that is written down stays."""


class OtherSettings(Refused):
    """The settings are not those that the journal was begun with."""


def run_agent(folder: Path, settings: Settings, key: Key, say: Say) -> None:
    """Run a participant from its directory until a signal or an error ends it."""
    with locked(folder):
        tls = Tls(folder, settings.door, settings.peers)
        engine = patiently(lambda: node_of(settings, key), say)
        watch = Watch(folder, key, engine, settings.chain, settings.market)
        domain = market_domain(engine.chain_id, settings.market.exchange)
        board = Board(domain, settings.market.founder)
        while True:
            announcements = patiently(watch.caught_up, say)
            for _, announced in announcements:
                board.take(announced)
            if board.rhythm is not None:
                break
            say("waiting", {"founder": settings.market.founder})
            time.sleep(1.0)
        agent = _Agent(folder, settings, key, domain, board, watch, tls, say)
        agent.run(board.rhythm, announcements)


class _Agent:
    def __init__(
        self,
        folder: Path,
        settings: Settings,
        key: Key,
        domain: Domain,
        board: Board,
        watch: Watch,
        tls: Tls,
        say: Say,
    ) -> None:
        self._settings, self._key, self._domain = settings, key, domain
        self._board, self._watch, self._tls, self._say = board, watch, tls, say
        self._folder = folder
        self._journal = Journal(folder / JOURNAL)
        self._file = (folder / JOURNAL).stat().st_ino
        self._sealing = SealingKey(key)
        self._names = names_in(self._journal, settings, key.address)
        self._inbox: Inbox = SimpleQueue()
        self._collected = 0
        self._now = 0
        self._announce_from = 0
        self._counted: dict[str, int] = {}
        self._count_due = time.monotonic() + COUNT_EVERY
        self._look_due = 0.0
        self._has_caught_up = False
        self._apart = ""  # why nothing is signed

    def run(self, rhythm: Rhythm, announcements: Sequence[tuple[int, Announced]]) -> None:
        """Until a signal or an error. `announcements`: all there were, with their blocks."""
        settings, address = self._settings, self._key.address
        _, step = STEPS[settings.role]
        initial = initial_state(settings, self._key, self._domain, rhythm)
        self._require_same(initial)
        initial = with_secrets(initial, token_bytes(32))
        self._catching_up(is_over=False)
        self._note_waits("")
        patiently(self._note_currency, self._say)
        self._participant: Participant[Any] = Participant(
            self._key, self._domain, step, initial, self._journal, self._told
        )
        self._adopt()
        self._mailbox = Mailbox(self._domain, self._sealing, rhythm.period)
        self._now = patiently(self._watch.time_of, self._say)
        since = self._now - LASTS * rhythm.period
        patiently(lambda: self._read_again(announcements, since), self._say)
        us = self._domain, address, self._sealing
        self._links = Links(settings.door, *us, self._inbox, self._tls)
        try:
            self._links.begin()
            url = place_of(settings.door.url)
            facts = {"role": settings.role, "address": address, "url": url}
            chain = {"chain_id": settings.chain.chain_id, "period": rhythm.period}
            self._say("begun", facts | chain)
            self._links.tick(self._now)  # so that no letter is sent that is out of date
            for card in self._board.cards.values():
                self._links.know(card)
            self._collect()
            self._watch.begin(self._inbox)
            while True:
                self._next()
        finally:
            self._end()

    def _read_again(self, announcements: Sequence[tuple[int, Announced]], since: int) -> None:
        """Look for letters on the board that were perhaps not answered before we were ended."""
        time_of = lru_cache(maxsize=1)(self._watch.time_of)
        for block, announced in reversed(announcements):
            if time_of(block) < since:
                break
            self._mailbox.take(announced, block, time_of(block))

    def _require_same(self, initial: Any) -> None:
        """Refuse settings that would be without effect: the state in the journal is what counts."""
        begun, now = self._journal.about("begun"), keccak(encode(initial))
        if begun is None:
            with self._journal.writing():
                self._journal.note("begun", now)
        elif begun != now:
            raise OtherSettings(
                "market, net, calendar, prices, wants or products are other than when this agent"
                " was begun, and stand fast since; undo the change, or begin another in a directory"
                " of its own"
            )

    def _adopt(self) -> None:
        """Take the policy that is in the settings now, before anything is signed."""
        policy = policy_of(self._settings)
        state = self._participant.state
        if not isinstance(state, OperatorState) and state.policy != policy:
            self._participant.order(Adopt(policy))

    def _catching_up(self, *, is_over: bool) -> None:
        """Note whether orders are taken: only what we know of the chain says if they can be."""
        with self._journal.writing():
            self._journal.note("catching up", b"" if is_over else b"1")
        self._has_caught_up = is_over

    def _note_waits(self, reason: str) -> None:
        """Note what we wait for at the chain, for those who read what we know of it."""
        with self._journal.writing():
            self._journal.note("waits", reason.encode())

    def _note_currency(self) -> None:
        """Note what the token calls itself, for those who read amounts."""
        currency = self._watch.currency()
        if currency is not None:
            with self._journal.writing():
                self._journal.note("currency", encode(currency))

    def _next(self) -> None:
        """Take what comes next through the queue; now and then look for orders of the owner."""
        left = self._look_due - time.monotonic()
        if left > 0:
            return self._take(waiting(self._inbox, left))
        self._require_directory()
        can_act = self._has_caught_up and not self._apart
        for placed in self._journal.untaken() if can_act else ():
            self._insist(partial(self._obey, placed))
        self._look_due = time.monotonic() + LOOK_EVERY

    def _require_directory(self) -> None:
        """Act on nothing that would be forgotten: the file we write to must be the one there."""
        try:
            found = (self._folder / JOURNAL).stat().st_ino
        except FileNotFoundError:
            found = None
        if found != self._file:
            problem = f"{self._folder}: the journal was removed or replaced while the agent ran"
            raise DirectoryGone(f"{problem}; what it knew is lost unless you have a copy")

    def _obey(self, placed: Placed) -> None:
        try:
            order = decode(Ordered, placed.body).order
        except BadText as error:
            outcome: Outcome | None = Outcome("refused", f"no order of this version: {error}")
            with self._journal.writing():
                self._journal.conclude(placed.number, encode(outcome))
            name = "which cannot be read"
        else:
            outcome = self._participant.order(order, placed.number, self._now)
            name = verb_of(order)
            self._names |= names_by(order)
        self._say("ordered", {"number": placed.number, "order": name})
        if outcome is not None:
            self._concluded(placed.number, outcome)
        self._collect()

    def _concluded(self, number: int, outcome: Outcome) -> None:
        said = f"{outcome.state}: {outcome.reason}" if outcome.reason else outcome.state
        self._say("order", {"number": number, "outcome": said})

    def _take(self, items: Sequence[Item]) -> None:
        """Take what has come, letters together; that of each thread in its order."""
        arrived = [item for item in items if isinstance(item, Arrived)]
        delivered = [item for item in items if isinstance(item, Delivery)]
        if arrived or delivered:
            self._carried(arrived, delivered)
        for item in items:
            self._take_one(item)
        self._collect()
        self._count()

    def _take_one(self, item: Item) -> None:
        match item:
            case Followed():
                self._followed(item)
            case Noticed(block, taken):
                for entry in block.entries:
                    self._noticed(entry.event)
                    self._mailbox.take(entry.event, block.number, block.time)
                taken.set()
            case ForBoard():
                self._to_board(item)
            case Mined(outgoing, receipt):
                mined = "done" if receipt.status == 1 else "failed"
                action = {"action": outgoing.transaction.action, "block": receipt.block}
                self._say("mined", action | {"outcome": mined})
            case Concluded(number, outcome):
                self._concluded(number, outcome)
            case Lost() | Apart() | Still() | Found():
                self._chain_is(item)
            case Full(reason):
                self._say("full", {"reason": reason})
            case HeldUp(action, most, bound):
                self._say("held up", {"action": action, "most": most, "bound": bound})
            case CaughtUp():
                self._insist(partial(self._catching_up, is_over=True))
            case Renewed(outcome):
                self._say("certificate", {"outcome": outcome})
            case Failed(error):
                raise error

    def _chain_is(self, item: Lost | Apart | Still | Found) -> None:
        """Say and note how it stands with the chain; where the nodes disagree nothing is signed."""
        facts: dict[str, Any]
        match item:
            case Apart(reason):
                if reason == self._apart:
                    return
                self._apart, line, facts = reason, "apart", {"reason": reason}
            case Lost(reason):
                line, facts = "lost", {"reason": reason}
            case Still(since, seconds):
                line, facts = "still", {"since": since, "seconds": seconds}
            case Found():
                self._apart, line, facts = "", "found", {}
        self._say(line, facts)
        waits = "" if line == "found" else LINES[line].format(**facts)
        self._insist(partial(self._note_waits, waits))

    def _followed(self, item: Followed) -> None:
        block = item.block
        self._insist(lambda: self._participant.follow(block, is_past=item.is_past))
        item.taken.set()
        for entry in block.entries:
            if isinstance(entry.event, Settled):
                self._settled(entry.event)
        if not item.is_past:
            self._carried(self._mailbox.due(block.number, block.time), ())
        self._ticked(block.time)

    def _insist(self, act: Callable[[], None]) -> None:
        """Do what must be written down; where the disk is full, once it takes it."""
        while True:
            try:
                return act()
            except JournalFull as error:
                self._say("full", {"reason": str(error)})
                time.sleep(_PAUSE)

    def _carried(self, arrived: Sequence[Arrived], delivered: Sequence[Delivery]) -> None:
        """Take letters of others, which are answered once they are on disk, and tick off ours."""
        letters = [(item.text, item.sender) for item in arrived]
        answers = self._heard(letters, [item.number for item in delivered])
        for item, heard in zip(arrived, answers, strict=True):
            item.answer(heard)
            # What is refused, came before or was not looked at is only counted: a stranger could
            # fill the log with it.
            is_new = heard.answer is Answer.TAKEN or not item.is_again
            if is_new and heard.answer is not Answer.REFUSED and heard.reason not in _UNSAID:
                kind, peer = type(decode(Envelope, item.text).message).__name__, item.sender
                self._say("heard", {"kind": kind, "peer": peer, "answer": heard.answer.value})
        for each in delivered:
            outcome = f"{each.outcome}: {each.reason}" if each.reason else each.outcome
            self._say("sent", {"kind": each.kind, "peer": each.recipient, "outcome": outcome})

    def _heard(self, letters: Sequence[tuple[bytes, str]], numbers: Sequence[int]) -> list[Heard]:
        """What the participant says of letters; they are to come again where it may sign nothing.

        Letters of ours of these `numbers` are ticked off.
        """
        put_off = _DISAGREE
        if not self._apart:
            try:
                return self._participant.receive_all(letters, numbers)
            except JournalFull as error:  # nothing was signed
                self._say("full", {"reason": str(error)})
                put_off = _FULL
        if numbers:
            self._insist(lambda: self._journal.delivered(*numbers))
        return [Heard(Answer.POSTPONED, put_off)] * len(letters)

    def _to_board(self, item: ForBoard) -> None:
        """Announce a letter, unless that would be more in a day than the owner will pay for."""
        day, most = self._now // 86_400, self._settings.door.announced_a_day
        if self._participant.announced_on(day) >= most:
            reason = f"more than {most} letters over the board in a day"
            about = (item.number, item.recipient, item.kind)
            self._carried((), (Delivery(*about, "refused", reason),))
            return
        self._insist(lambda: self._participant.announce_letter(item.number, item.payload, day))
        self._say("sent", {"kind": item.kind, "peer": item.recipient, "outcome": "announced"})

    def _noticed(self, announced: Announced) -> None:
        card = self._board.take(announced)
        if card is not None:
            self._links.know(card)
            self._say("card", {"peer": card.author, "url": place_of(card.url)})

    def _settled(self, event: Settled) -> None:
        """Of what we sold; what we bought the participant tells itself."""
        state = self._participant.state
        if isinstance(state, SupplierState) and event.listing in state.shelves:
            trade = {"trade": f"0x{event.trade.hex()}", "quantity": event.quantity}
            self._say("settled", trade | {"unit_price": event.unit_price})

    def _told(self, told: Tell) -> None:
        news = told.news
        if isinstance(news, Want):
            return self._decided(news)
        if isinstance(news, News):
            return self._say(news.line, dict(news.facts))
        if isinstance(news, Purchase):
            return self._say(*line_of_product(news, self._names))
        line, facts = line_of(news)
        self._say(line, {"trade": f"0x{news.trade.hex()}", **facts})

    def _decided(self, want: Want) -> None:
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
        self._say("announcing", {"url": place_of(card.url)})

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
        """Whether a card is on its way; letters may be at any time."""
        moves = (move_of(each.body) for each in self._journal.moves())
        return any(isinstance(each, Announce) and is_notice(each.payload) for each in moves)

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
        counted = {**self._links.counted(), **self._mailbox.counted()}
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
        self._count_due = 0.0
        self._count()
        if self._watch.is_alive():
            self._watch.join(max(0.1, end - time.monotonic()))
        self._journal.close()
        self._say("ended", {})
