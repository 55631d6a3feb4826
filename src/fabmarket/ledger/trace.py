"""One trade from its attestation to its end: every event that it rests on, and who signed for it.

From a node the calls are read too, and each signature in them is recovered; a ledger has events
alone. A trade that a net cycle settled has no event of its own, and so no trace.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from fabmarket.chain import ChainError, ExchangeContract, Header, Sent, move_of
from fabmarket.errors import Refused
from fabmarket.identity import Domain, TypedStruct, digest
from fabmarket.ledger.audit.reading import Call, Reading
from fabmarket.ledger.audit.signatures import is_confirmed, signed_by
from fabmarket.ledger.ledger import Ledger
from fabmarket.ledger.store import Entry
from fabmarket.market.events import (
    CommitmentReduced,
    Delivered,
    Disputed,
    Escrowed,
    Event,
    GraceOpened,
    Listed,
    Released,
    ResourceRegistered,
    RulingPosted,
    Settled,
    SlotAttested,
    SlotSealed,
    SplitsVoided,
    Uncovered,
)
from fabmarket.market.exchange import (
    Exchange,
    Inconsistent,
    Move,
    Proof,
    Relay,
    Settle,
    SettleBatch,
    SettleBundle,
    SettleEscrow,
    SettleEscrowBatch,
    SettleEscrowBundle,
    SettleLate,
    Signature,
    record,
)
from fabmarket.market.exchange.signatures import is_by
from fabmarket.market.trade import Trade, market_domain

OF_TRADES = (
    Settled,
    Escrowed,
    Delivered,
    Disputed,
    Uncovered,
    GraceOpened,
    SplitsVoided,
    RulingPosted,
    Released,
)
Entries = Iterator[tuple[int, bytes, Entry[Event]]]
Progress = Callable[[int, int], None]
"""Called with how many blocks are read, and of how many."""


class NoTrade(Refused):
    """No trade, or more than one, begins with these digits."""


@dataclass(frozen=True)
class Signer:
    """Who signed a step, of which kind, and whether the signature is that account's."""

    of: str
    account: str
    holds: bool


@dataclass(frozen=True)
class Step:
    """An event of a trade and where it stands; `time` in seconds. From a node also the call, with
    its sender and data, and who signed it: None where it came through another contract.
    """

    block: int
    block_hash: bytes
    time: int
    log_index: int
    transaction: bytes
    event: Event
    sender: str | None = None
    data: bytes | None = None
    signers: tuple[Signer, ...] = ()


@dataclass(frozen=True)
class AsOf:
    """The last block that was read."""

    block: int
    block_hash: bytes


@dataclass(frozen=True)
class Trace:
    """The steps of a trade up to a block, in order; `terms` are those that both signed, where the
    chain has them in full. `from_node`: the calls were read, too.
    """

    domain: Domain
    trade: bytes
    as_of: AsOf
    from_node: bool
    steps: tuple[Step, ...]
    terms: Trade | None

    @property
    def settled(self) -> Step:
        """Where it was settled."""
        return next(each for each in self.steps if isinstance(each.event, Settled))

    @property
    def ok(self) -> bool:
        """Whether every signature that is seen is its signer's."""
        return all(signer.holds for step in self.steps for signer in step.signers)


def entries(exchange: ExchangeContract, first: int, progress: Progress) -> Entries:
    """Yield all events of a market as its node has them, each with its block's number and hash."""
    last = exchange.engine.block_number()
    reading = Reading(exchange, first)
    for block in reading.until(last):
        for call in block.calls:
            for log in call.logs:
                if (event := exchange.event(log)) is not None:
                    yield log.block, log.block_hash, Entry(log.index, log.transaction, event)
        progress(block.header.number - first, last - first)


@dataclass
class _Gathered:
    """What may belong to the trade that begins with some digits, as the log goes by."""

    digits: str
    registered: dict[tuple[str, bytes], Step] = field(default_factory=dict)
    attested: dict[tuple[str, bytes, int], list[Step]] = field(default_factory=dict)
    listed: dict[bytes, list[Step]] = field(default_factory=dict)
    steps: dict[bytes, list[Step]] = field(default_factory=dict)
    before: Step | None = None

    def note(self, step: Step) -> bool:
        """Keep an event if it may be needed; return whether it is kept."""
        event, before = step.event, self.before
        self.before = step
        match event:
            case ResourceRegistered():
                self.registered[event.supplier, event.resource] = step
            case SlotAttested() | SlotSealed():
                where = (event.supplier, event.resource, event.slot)
                self.attested.setdefault(where, []).append(step)
            case Listed():
                self.listed.setdefault(event.listing, []).append(step)
            case _ if isinstance(event, OF_TRADES) and event.trade.hex().startswith(self.digits):
                own = self.steps.setdefault(event.trade, [])
                if before is not None and isinstance(before.event, CommitmentReduced):
                    own.append(before)  # it names no trade, and its reason follows it at once
                own.append(step)
            case _:
                return isinstance(event, CommitmentReduced)
        return True

    def found(self, last: int) -> tuple[bytes, tuple[Step, ...]]:
        """Return the trade and its steps up to a block. NoTrade if there is none, or several."""
        shown = f"0x{self.digits}"
        known = {
            trade: of
            for trade, steps in self.steps.items()
            if (of := [each for each in steps if each.block <= last])
        }
        if not known:
            raise NoTrade(
                f"no trade {shown} was settled by itself; give the digits of one that was. A trade"
                " of a net cycle has no event of its own: --evidence shows what its parties can"
                " prove of it"
            )
        if len(known) > 1:
            raise NoTrade(f"{shown} begins {len(known)} trades; give more digits")
        ((trade, own),) = known.items()
        settled, listing = next(
            (each, each.event.listing) for each in own if isinstance(each.event, Settled)
        )
        offered = self.listed.get(listing, ())
        listed = [each for each in offered if _is_before(each, settled)]
        rests = [*listed, *self._attested(listed, own)]
        steps = {(each.block, each.log_index): each for each in (*rests, *own)}
        return trade, tuple(step for _, step in sorted(steps.items()))

    def _attested(self, listed: list[Step], own: list[Step]) -> list[Step]:
        """The calendar; the last attestation before each listing, and those while it was open."""
        if not listed or not isinstance(listed[0].event, Listed):
            return []
        first = listed[0].event
        place = (first.supplier, first.resource, first.slot)
        attested = self.attested.get(place, [])
        settled = next(each for each in own if isinstance(each.event, Settled))
        before = [each for each in attested if _is_before(each, settled)]
        since = [e for e in attested if _is_before(settled, e) and _is_before(e, own[-1])]
        calendar = self.registered.get(place[:2])
        return [*([calendar] if calendar else []), *before[-1:], *since]


def _is_before(one: Step, other: Step) -> bool:
    return (one.block, one.log_index) < (other.block, other.log_index)


def trace_ledger(ledger: Ledger, digits: str) -> Trace:
    """Return the trace of the trade that begins with these digits, as a ledger has it.

    Nothing of it is checked. Raises NoTrade, LedgerError.
    """
    followed = ledger.followed()
    as_of = AsOf(-1, bytes(32)) if followed is None else AsOf(*followed)
    gathered = _Gathered(digits)
    for number, block_hash, entry in ledger.entries():
        step = Step(number, block_hash, 0, entry.index, entry.transaction, entry.event)
        gathered.note(step)
    trade, steps = gathered.found(as_of.block)
    times = ledger.times([each.block for each in steps])
    timed = tuple(replace(each, time=times[each.block]) for each in steps)
    domain = market_domain(*ledger.market())
    return Trace(domain, trade, as_of, False, timed, _terms(domain, trade, timed))


def trace(exchange: ExchangeContract, digits: str, first: int, progress: Progress) -> Trace:
    """Return the trace of the trade that begins with these digits, as a node has it.

    The market's log is replayed from block `first` on, and the calls of the steps are read. Raises
    NoTrade, ChainError, Reorganised.
    """
    read = ReadTrace(exchange, digits, first, progress)
    return read.up_to(read.last)


class ReadTrace:
    """What a node says, from block `first` on, of the trade that begins with some digits."""

    def __init__(
        self, exchange: ExchangeContract, digits: str, first: int, progress: Progress
    ) -> None:
        self._engine = exchange.engine
        self._gathered, self._calls = _Gathered(digits), _Calls(exchange)
        self._signed: dict[tuple[int, int], Step] = {}
        last = exchange.engine.block_number()
        reading = Reading(exchange, first)
        for block in reading.until(last):
            for call in block.calls:
                before = self._calls.state
                for step in self._calls.steps(call, block.header):
                    if self._gathered.note(step):
                        self._calls.keep(call.sent, before, block.header)
            progress(block.header.number - first, last - first)
        reading.require_same()
        if reading.known is None:
            raise NoTrade(f"block {first} is not there yet: the latest is {last}")
        self.last = AsOf(reading.known.number, reading.known.hash)

    def hash_of(self, number: int) -> bytes:
        """Return a block's hash. Raises ChainError."""
        (header,) = self._engine.headers([number])
        return header.hash

    def up_to(self, as_of: AsOf) -> Trace:
        """Return the trace as it was after a block. Raises NoTrade."""
        trade, steps = self._gathered.found(as_of.block)
        signed = tuple(self._signed_step(each, trade) for each in steps)
        domain = self._calls.state.domain
        return Trace(domain, trade, as_of, True, signed, _terms(domain, trade, signed))

    def _signed_step(self, step: Step, trade: bytes) -> Step:
        place = (step.block, step.log_index)
        if place not in self._signed:
            self._signed[place] = self._calls.signed(step, trade)
        return self._signed[place]


class _Calls:
    """The twin as the log goes by, and the calls that may be needed with the state before them."""

    def __init__(self, exchange: ExchangeContract) -> None:
        self._exchange = exchange
        domain = market_domain(exchange.engine.chain_id, exchange.address)
        self.state = Exchange.undeployed(domain)
        self._kept: dict[bytes, tuple[Sent, Exchange, Header]] = {}

    def steps(self, call: Call, header: Header) -> Iterator[Step]:
        """Yield the events of a call, each when the twin has it."""
        for log in call.logs:
            event = self._exchange.event(log)
            if event is None:
                raise ChainError(
                    f"log {log.index} of block {log.block} is no event of a market; `fabmarket"
                    " audit` tells what is wrong"
                )
            try:
                self.state = record(self.state, event)
            except Inconsistent as error:
                raise ChainError(
                    f"log {log.index} of block {log.block}, {type(event).__name__}, cannot follow"
                    " the events before it; `fabmarket audit` tells what is wrong"
                ) from error
            place = (header.number, header.hash, header.time, log.index, log.transaction)
            yield Step(*place, event)

    def keep(self, sent: Sent, before: Exchange, header: Header) -> None:
        """Keep a call for `signed`."""
        self._kept.setdefault(sent.hash, (sent, before, header))

    def signed(self, step: Step, trade: bytes) -> Step:
        """Return a step with its call and whoever signed what concerns the trade in it."""
        sent, before, header = self._kept[step.transaction]
        if sent.to != self._exchange.address:
            return step
        move = move_of(sent.data)
        signers = () if move is None else self._signers(sent, before, move, header, trade)
        return replace(step, sender=sent.sender, data=sent.data, signers=signers)

    def _signers(
        self, sent: Sent, before: Exchange, move: Move, header: Header, trade: bytes
    ) -> tuple[Signer, ...]:
        found: list[Signer] = []
        domain = before.domain

        def hand(of: str, signer: str, what: TypedStruct, signature: Signature) -> Signature:
            if isinstance(what, Trade) and digest(domain, what) != trade:
                return signature  # another of the same batch
            holds = not isinstance(signature, Proof) and is_by(
                signer, digest(domain, what), signature
            )
            proof = signature.proof if isinstance(signature, Proof) else signature
            # A contract may have changed its mind later in this block.
            holds = holds or any(
                is_confirmed(self._exchange, domain, of, signer, what, proof, block)
                for block in (header.number, header.number - 1)
            )
            found.append(Signer(of, signer, holds))
            return signature

        signed_by(before, sent.sender, move, header.time, hand)
        return tuple(found)


def told_by_a_ledger(found: Trace) -> Trace:
    """Return what of a node's trace a ledger would tell, too."""
    bare = tuple(replace(each, sender=None, data=None, signers=()) for each in found.steps)
    terms = _terms(found.domain, found.trade, bare)
    return replace(found, from_node=False, steps=bare, terms=terms)


def _terms(domain: Domain, trade: bytes, steps: tuple[Step, ...]) -> Trade | None:
    """The terms that both signed: an escrow's event has them, else the call that settled it."""
    for step in steps:
        if isinstance(step.event, Escrowed):
            return step.event.terms
        if isinstance(step.event, Settled) and step.data is not None:
            move = move_of(step.data)
            found = [] if move is None else _trades_in(move)
            return next((each for each in found if digest(domain, each) == trade), None)
    return None


def _trades_in(move: Move) -> list[Trade]:
    """All trades that a call settles."""
    match move:
        case Relay():
            return _trades_in(move.move)
        case Settle() | SettleEscrow():
            return [move.signed.trade]
        case (
            SettleBatch()
            | SettleBundle()
            | SettleLate()
            | SettleEscrowBatch()
            | SettleEscrowBundle()
        ):
            return [each.trade for each in move.trades]
        case _:
            return []
