"""How the owner of an agent speaks to it: through its directory, whether it runs or not.

A command of the owner is a process of its own. It checks what it is given against what the agent
wrote down, places an order in the journal, and reads there what came of it. Whoever may write in
the directory is the owner.
"""

import os
import time
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

from fabmarket.errors import Bug, Refused, TryAgain
from fabmarket.identity import Domain, digest, keccak
from fabmarket.identity.codec import decode, encode
from fabmarket.market.exchange import Exchange, Held, Listing, Slot
from fabmarket.market.oversight import SealedRequest
from fabmarket.market.trade import TIME_LIMIT, Trade, listing_id, market_domain
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.orders import Order
from fabmarket.node.envelope import Envelope
from fabmarket.node.escrows import Seen, read_on, seen_of
from fabmarket.node.journal import Journal
from fabmarket.node.participant import Folded, Outcome, folded_on
from fabmarket.node.placed import outcome_of
from fabmarket.node.prefix import one_of
from fabmarket.node.roles import STEPS
from fabmarket.node.seals import seals_of
from fabmarket.node.settings import EVIDENCE, JOURNAL, CalendarTable, SellsTable, read_settings
from fabmarket.node.status import has_begun, is_running
from fabmarket.scenario import Currency

_LOOK = 0.1
"""Seconds between looks for what came of an order."""


class BadOrder(Refused):
    """An order that cannot be given; says what to do."""


class NotTaken(TryAgain):
    """The agent is not far enough to take orders, or ended before it had done one, which stays."""


class Owner:
    """What the commands of an agent's owner go by: its settings, its address, what it has read."""

    def __init__(
        self, folder: Path, seen: Seen | None = None, known: Folded[Any] | None = None
    ) -> None:
        """Raises Refused if the directory is no agent's, or the agent was never started.

        `seen` and `known` are what was read of its chain and journal before; else that is read when
        it is asked for.
        """
        self.folder, self._given, self.known = folder, seen, known
        self.settings = read_settings(folder)
        if not has_begun(folder):
            if self.is_running:
                problem = f"{folder}: the agent is just starting, and has reached no node yet"
                raise NotTaken(f"{problem}; see its log, and try again")
            problem = f"{folder}: the agent has not been started yet"
            raise BadOrder(f"{problem}; run `fabmarket agent` with it first")
        with closing(Journal.reading(folder / JOURNAL)) as journal:
            self.address = (journal.about("owner") or b"").decode()

    @property
    def token(self) -> str:
        """The address of the currency."""
        return self.settings.market.token

    @property
    def currency(self) -> Currency | None:
        """What the token calls itself, None where the agent was not told."""
        with closing(Journal.reading(self.folder / JOURNAL)) as journal:
            noted = journal.about("currency")
        return None if noted is None else decode(Currency, noted)

    @cached_property
    def domain(self) -> Domain:
        """The market's, in which all is signed."""
        return market_domain(self.settings.chain.chain_id, self.settings.market.exchange)

    @property
    def exchange(self) -> Exchange:
        """The exchange as the agent has read it so far."""
        return self.seen.exchange

    @property
    def time(self) -> int:
        """The time of the last block that the agent has read, seconds."""
        return self.seen.time

    @cached_property
    def seen(self) -> Seen:
        """What the agent has read of the exchange."""
        if self._given is None:
            return seen_of(self.folder, self.domain)
        return read_on(self.folder, self._given)

    def read_on(self) -> None:
        """Take in what the agent has read since."""
        self.seen = read_on(self.folder, self.seen)

    @property
    def state(self) -> Any:
        """What the agent's journal says by now: the state of its role."""
        kind, step = STEPS[self.settings.role]
        with closing(Journal.reading(self.folder / JOURNAL)) as journal:
            self.known = folded_on(journal, step, kind, self.known)
        return self.known.state

    @property
    def is_catching_up(self) -> bool:
        """Whether the agent runs and has not read yet what the chain held when it was started."""
        with closing(Journal.reading(self.folder / JOURNAL)) as journal:
            return bool(journal.about("catching up")) and self.is_running

    @property
    def intents(self) -> int:
        """The nonce of the account's next intent, as it was read so far."""
        return self.exchange.intent_nonces.get(self.address, 0)

    def place(self, order: Order, key: bytes = b"", asked: bytes = b"") -> int:
        """Place an order, once where it has a key; return its number (see `Journal.place`).

        JournalFull if it cannot be written.
        """
        with closing(Journal(self.folder / JOURNAL)) as journal:
            return journal.place(encode(Ordered(order)), key, asked)

    def placed_under(self, key: bytes, asked: bytes) -> int | None:
        """Return the number of the order that was placed with this key (see `Journal.place`)."""
        with closing(Journal.reading(self.folder / JOURNAL)) as journal:
            return journal.placed_under(key, asked)

    def outcome(self, number: int) -> Outcome:
        """Wait until an order has come to its end. NotTaken if the agent ends before."""
        with closing(Journal.reading(self.folder / JOURNAL)) as journal:
            while True:
                runs = self.is_running  # asked first: what it wrote before it ended is read below
                ended = outcome_of(journal.order(number))
                if ended is not None:
                    return ended
                if not runs:
                    problem = f"the agent has ended before order {number}"
                    raise NotTaken(f"{problem}; start it again, and it does it then")
                time.sleep(_LOOK)

    def escrow(self, digits: str) -> Trade:
        """Return the trade in escrow whose digest begins with 0x and these digits."""
        found = one_of(digits, self.exchange.escrows, "trade")
        return self.exchange.escrows[found]

    def held(self, trade: Trade) -> Held:
        """Return what a trade holds in escrow."""
        return self.exchange.held.get(digest(self.domain, trade), Held())

    def signed(self, digits: str) -> Trade:
        """Return the trade, settled or not, that we signed and whose digest begins like that."""
        with closing(Journal.reading(self.folder / JOURNAL)) as journal:
            found = one_of(digits, journal.trades(), "trade")
            text = journal.message(found)
        message = None if text is None else decode(Envelope, text).message
        if not isinstance(message, Trade):
            raise Bug("the journal lists a trade that it does not hold")
        return message

    @property
    def sells(self) -> SellsTable:
        """What the agent sells. BadOrder if it is no supplier."""
        if self.settings.sells is None:
            raise BadOrder("only a supplier has capacity to register, list or take off the market")
        return self.settings.sells

    @property
    def calendar(self) -> CalendarTable:
        """The slots of what the agent sells or wants. BadOrder if it is an operator."""
        if self.settings.calendar is None:
            raise BadOrder("an operator neither sells nor buys: it has no calendar")
        return self.settings.calendar

    @property
    def resource(self) -> bytes:
        """The name under which the agent's capacity is registered."""
        return name_to_bytes32(self.sells.resource)

    def listing(self, slot: int) -> Listing:
        """Return what is listed of a slot of ours, as it was read so far."""
        calendar = self.calendar
        end = calendar.origin + (slot + 1) * calendar.slot_length
        if end >= TIME_LIMIT:
            raise BadOrder(f"slot {slot} ends too late for the contract; give an earlier one")
        named = listing_id(self.address, self.resource, slot, end)
        return self.exchange.listings.get(named, Listing(self.address))

    def counted(self, slot: int) -> Slot:
        """Return what is attested of a slot of ours, as it was read so far."""
        return self.exchange.slots.get((self.address, self.resource, slot), Slot())

    def sealed(self, slot: int) -> SealedRequest:
        """Return what is sealed of a slot of ours. BadOrder if nothing is that we know of."""
        commitment = self.exchange.seals.get((self.address, self.resource, slot))
        if commitment is None:
            raise BadOrder(f"nothing of slot {slot} is sealed; see `fabmarket status`")
        with closing(Journal.reading(self.folder / JOURNAL)) as journal:
            found = seals_of(journal).get(commitment)
        if found is None:
            problem = f"the journal does not know what is sealed of slot {slot}"
            raise BadOrder(f"{problem}; have it attested anew with `fabmarket ask`")
        return found

    @property
    def is_running(self) -> bool:
        """Whether the agent runs."""
        return is_running(self.folder)


def keep_evidence(folder: Path, content: bytes) -> Path:
    """Keep what a dispute rests on in an agent's directory, under its hash; return where.

    On disk before it returns, whole or not at all, for the owner's eyes only.
    """
    path = folder / EVIDENCE / f"0x{keccak(content).hex()}"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise BadOrder(f"{path}: cannot be written ({error.strerror}); mend that") from error
    write_whole(path, content)
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file for the owner's eyes only, on disk before it returns, whole or not at all."""
    try:
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(file, "wb") as writing:
                writing.write(content)
                writing.flush()
                os.fsync(writing.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise BadOrder(f"{path}: cannot be written ({error.strerror}); mend that") from error
