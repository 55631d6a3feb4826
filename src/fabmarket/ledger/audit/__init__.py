"""The audit: what a node says of a market, held against the rules and against itself.

Replayed are the events, from those of the exchange's making on: `record` refuses any that cannot
follow (over-listing, overselling, spending more than held, settling twice, a cycle that does not
sum to zero, an escrow that pays at another time or otherwise than its terms say). Each call is read
from its transaction and made again on the twin, which recovers every signature and must come to
the events in the log. Compared with the chain at one block are the code of the exchange and of the
modules that run in its storage, and what it stores: the parameters, all sets of operators and the
number of their decisions, the pause, the tokens and what is owed in each, all accounts (balance,
epoch, used nonces), calendars, slots, seals, listings, escrows, rulings and intents that the log
names, and with the tokens what the exchange holds of them. Beside that stands a count of what is
sold of each slot that knows nothing of the twin.

Unseen stay the data of calls that came through another contract, which are counted, and in a log
that lacks all events of a call what no stored number hangs on: an attestation of a slot of which
nothing else is known, a commitment that was replaced, nonces cancelled that were used already,
skipped trades. That a node keeps all of a call back from log and storage alike nobody sees who asks
that node alone.

More tokens than are owed are no fault of the exchange: anyone can send it some past `deposit`, and
nobody can claim them. They are returned as the surplus. A lost deposit of an account that the rest
of the log never names looks the same.
"""

from collections.abc import Iterable

from fabmarket.chain import FIRST_BLOCK, BadLog, ChainError, ExchangeContract, Header, Log
from fabmarket.errors import Refused
from fabmarket.ledger.audit.checks import (
    Audit,
    Check,
    Difference,
    Reorganised,
    Scope,
    Surplus,
)
from fabmarket.ledger.audit.digests import Digests
from fabmarket.ledger.audit.reading import Call, Reading
from fabmarket.ledger.audit.replay import Replay
from fabmarket.ledger.audit.signatures import KINDS
from fabmarket.ledger.audit.storage import Progress, Storage
from fabmarket.market.events import Event, OperatorsSet
from fabmarket.market.exchange.state import UNDEPLOYED

__all__ = [
    "Audit",
    "Check",
    "Difference",
    "NoMarket",
    "Progress",
    "Reorganised",
    "Scope",
    "Surplus",
    "audit",
    "audit_log",
]

_TRIES = 3
"""A node that keeps few states may lose that of the block before all of it is compared."""


class NoMarket(Refused):
    """There is no market at the address, or its making is not among the blocks that are read."""


def _silent(_: str, __: int, ___: int) -> None:
    """Tell nobody."""


def audit(
    exchange: ExchangeContract, first: int = FIRST_BLOCK, progress: Progress = _silent
) -> Audit:
    """Return what was checked of a market with nothing but its node, from block `first` on.

    All ok means that the calls explain the logs, and the logs every number that the contract holds.
    Memory grows with what the market holds, not with its past. Raises NoMarket, ChainError where
    the node does not answer as one does, Reorganised and NodeLost where it may do so later.
    """
    head = exchange.engine.header()
    if first > head.number:
        raise NoMarket(f"block {first} is not there yet: the latest is {head.number}")
    if not exchange.is_there():
        raise NoMarket(
            f"no market answers at {exchange.address} on chain {exchange.engine.chain_id}; give the"
            " address of one, and a node of its chain"
        )
    with Digests() as trades:
        it = _Audit(exchange, trades, first, progress)
        for last_try in (False,) * (_TRIES - 1) + (True,):
            it.read()
            if it.replay.has_ended:
                return it.found((), ())
            try:
                return it.compared()
            except ChainError:
                if last_try:
                    raise
    raise AssertionError  # the last try returns or raises


def audit_log(events: Iterable[Event], exchange: ExchangeContract) -> Audit:
    """Return whether a log alone explains what the contract holds now, without the calls.

    For a log that somebody else has kept.
    """
    with Digests() as trades:
        replay = Replay(exchange, trades)
        for number, event in enumerate(events):
            replay.fold((event,), f"event {number}")
            if replay.has_ended:
                return Audit((replay.follows, replay.capacity.check), ())
        storage = Storage(replay.state, exchange, exchange.engine.block_number(), _silent)
        solvency, surpluses = storage.solvency()
        checks = storage.compare(trades, replay.tokens)
        once = _once(trades)
        return Audit((replay.follows, replay.capacity.check, once, *checks, solvency), surpluses)


class _Audit:
    def __init__(
        self, exchange: ExchangeContract, trades: Digests, first: int, progress: Progress
    ) -> None:
        self._exchange, self._engine, self._progress = exchange, exchange.engine, progress
        self._first = first
        self._made: int | None = None
        self._believed = 0
        self._trades = trades
        self._reading = Reading(exchange, first)
        self.replay = Replay(exchange, trades)

    def read(self) -> None:
        """Replay all up to the head, or to where it ends."""
        last = self._engine.block_number()
        for block in self._reading.until(last):
            self._believed += block.header.is_believed
            before = self.replay.differing
            for call in block.calls:
                self._believed += call.sent.is_believed
                self._replay(call, block.header)
                if self.replay.has_ended:
                    break
            if self.replay.differing > before:
                # Is it the market that is wrong, or what the node says of it?
                logs = [log for call in block.calls for log in call.logs]
                self._engine.require_logs(block.header, self._exchange.address, logs)
            if self.replay.has_ended:
                return
            self._progress("blocks", block.header.number - self._first, last - self._first)
        if self._made is None:
            raise NoMarket(
                f"the node gives no event of {self._exchange.address} from block {self._first} on;"
                " give an earlier block, or use a node that keeps all logs"
            )

    def _events(self, logs: tuple[Log, ...], where: str) -> tuple[Event, ...] | None:
        events = []
        for log in logs:
            try:
                event = self._exchange.event(log)
            except BadLog as error:
                event, why = None, str(error)
            else:
                why = "no event of a market"
            if event is None:
                self.replay.ends(where, f"log {log.index}, 0x{log.data.hex()}", why)
                return None
            events.append(event)
        return tuple(events)

    def _replay(self, call: Call, header: Header) -> None:
        where = f"block {header.number}, transaction 0x{call.sent.hash.hex()}"
        events = self._events(call.logs, where)
        if events is None:
            return
        if self._made is None:
            self._require_making(events, header.number)
        if self.replay.state.parameters == UNDEPLOYED:
            self.replay.making(call.sent, events, where)
        elif call.sent.to == self._exchange.address:
            self.replay.call(call.sent, events, header, where)
        else:
            self.replay.through_another(events, where)

    def _require_making(self, events: tuple[Event, ...], number: int) -> None:
        if not isinstance(events[0], OperatorsSet) or events[0].set != 1:
            raise NoMarket(
                f"the first event from block {self._first} on is {type(events[0]).__name__} in"
                f" block {number}: the market was made before; give an earlier block, or use a node"
                " that keeps all logs"
            )
        self._made = number

    def compared(self) -> Audit:
        """Compare all storage as of the last block that was read."""
        known = self._reading.known
        if known is None:
            raise AssertionError
        storage = Storage(self.replay.state, self._exchange, known.number, self._progress)
        checks = storage.compare(self._trades, self.replay.tokens)
        solvency, surpluses = storage.solvency()
        self._reading.require_same()
        return self.found((*checks, solvency), surpluses)

    def found(self, checks: tuple[Check, ...], surpluses: tuple[Surplus, ...]) -> Audit:
        """Return the result."""
        replay, known = self.replay, self._reading.known
        last = self._engine.header(self._made) if known is None else known
        scope = Scope(
            first=self._made or 0,
            last=last.number,
            block_hash=last.hash,
            time=last.time,
            is_ours=replay.is_ours,
            events=replay.follows.compared,
            calls=replay.calls.compared,
            signatures={kind: replay.signatures[kind] for kind in KINDS},
            by_code=replay.by_code,
            unseen_calls=replay.unseen_calls,
            unseen_events=replay.unseen_events,
            believed=self._believed,
        )
        of_log = (replay.calls, replay.follows, replay.capacity.check, _once(self._trades))
        return Audit((*of_log, *checks), surpluses, scope)


def _once(trades: Digests) -> Check:
    check = Check("no trade settles twice", "it has been settled")
    check.compared = trades.number
    for trade in trades.twice():
        check.differs(f"trade 0x{trade.hex()}", "", "Settled", "before")
    return check
