"""The log folded into the twin, and each call held against the events that it made."""

from collections import Counter

from eth_abi.exceptions import DecodingError

from fabmarket.chain import ExchangeContract, Header, Sent, intent_of, made_of, move_of
from fabmarket.identity import digest
from fabmarket.ledger.audit.capacity import Capacity
from fabmarket.ledger.audit.checks import Check
from fabmarket.ledger.audit.digests import Digests
from fabmarket.ledger.audit.signatures import asked, in_effect
from fabmarket.market.events import (
    Deployed,
    Event,
    OperatorsSet,
    Relayed,
    Settled,
    TokenSet,
)
from fabmarket.market.exchange import (
    Deposit,
    DepositWithPermit,
    Exchange,
    Inconsistent,
    Move,
    Relay,
    Reverted,
    Withdraw,
    record,
    step,
)
from fabmarket.market.exchange.signatures import is_by
from fabmarket.market.telling import told
from fabmarket.market.trade import Intent, market_domain

Events = tuple[Event, ...]


class Replay:
    """The twin's state after the events so far, and what was found of them.

    `tokens` are all that were ever accepted.
    """

    def __init__(self, exchange: ExchangeContract, trades: Digests) -> None:
        self._exchange = exchange
        self.trades = trades
        self.capacity = Capacity()
        self.follows = Check("events follow from one another", "the rules say")
        self.calls = Check("every call has the signatures and makes the events", "the call gives")
        domain = market_domain(exchange.engine.chain_id, exchange.address)
        self.state = Exchange.undeployed(domain)
        self.tokens = set[str]()
        self.is_ours = False
        self.signatures, self.by_code = Counter[str](), 0
        self.unseen_calls, self.unseen_events = 0, 0

    @property
    def has_ended(self) -> bool:
        """Whether an event cannot follow: nothing after it can be replayed."""
        return not self.follows.ok

    @property
    def differing(self) -> int:
        """How many events and calls are wrong so far."""
        return self.follows.differing + self.calls.differing

    def ends(self, where: str, logs: object, why: object) -> None:
        """Note what cannot be replayed."""
        self.follows.compared += 1
        self.follows.differs("an event that cannot be", where, logs, why)

    def fold(self, events: Events, where: str) -> None:
        """Go on by events, by the log alone."""
        for event in events:
            self.follows.compared += 1
            try:
                self.state = record(self.state, event)
            except Inconsistent as error:
                name = type(event).__name__
                self.follows.differs(f"{name} cannot follow", where, event, error)
                return
            self._note(event, where)

    def _note(self, event: Event, where: str) -> None:
        self.capacity.note(event, where)
        if isinstance(event, Settled):
            self.trades.add(event.trade)
        elif isinstance(event, TokenSet):
            self.tokens.add(event.token)

    def making(self, sent: Sent, events: Events, where: str) -> None:
        """Go on by the events of the contract's making, which its code and arguments must make.

        Of another code than this package has, or one made through a contract, nobody can say that.
        """
        made = made_of(sent.data) if sent.to is None else None
        self.is_ours = made is not None
        if made is not None:
            self.calls.compared += 1
            members, threshold, tokens, parameters, *modules = made
            first = OperatorsSet(1, members, threshold, _since(events))
            accepted = (TokenSet(token, accepted=True) for token in tokens)
            given: Events = (first, *accepted, Deployed(parameters, *modules))
            if set(given) != set(events) or len(given) != len(events):
                self.calls.differs("the making", where, _shown(events), _shown(given))
        self.fold(events, where)

    def through_another(self, events: Events, where: str) -> None:
        """Go on by the events of a call that another contract made: its data are not seen."""
        self.unseen_calls += 1
        self.unseen_events += len(events)
        self.fold(events, where)

    def call(self, sent: Sent, events: Events, header: Header, where: str) -> None:
        """Go on by the events of a call, which must be those that it makes by the rules."""
        self.calls.compared += 1
        why = self._explained(sent, events, header, where)
        if why is None:
            return
        name = type(_move(sent.data)).__name__
        self.calls.differs(f"{name} of {sent.sender}", where, _shown(events), why)
        self.fold(events, where)

    def _explained(self, sent: Sent, events: Events, header: Header, where: str) -> str | None:
        """Take the state after a call if it makes these events; else return why it does not."""
        move = _move(sent.data)
        if move is None:
            return self._only_relayed(sent.data, events, where)
        why = ""
        # A contract may have changed its mind in this block. What it says to a question that may
        # take all gas, it may not have said within a limit: then it confirmed nothing.
        for block in (header.number, header.number - 1, None):
            try:
                it = asked(self._exchange, self.state, sent.sender, move, header.time, block)
                now, number = header.time, header.number
                after, made = step(self.state, sent.sender, it.move, now, number)
            except (Reverted, Inconsistent, ValueError) as refusal:
                why = why or f"{type(refusal).__name__}: {refusal}"
                continue
            if made == events:
                kinds, by_code = in_effect(it, events)
                self.signatures += kinds
                self.by_code += by_code
                self.follows.compared += len(events)
                self.state = after
                for event in events:
                    self._note(event, where)
                return None
            if _calls_a_token(move) and _are_among(made, events):
                # A token may call the exchange itself while it is moved.
                self.unseen_events += len(events) - len(made)
                self.fold(events, where)
                return None
            why = why or _shown(made)
        return why

    def _only_relayed(self, data: bytes, events: Events, where: str) -> str | None:
        """The same of call data that change nothing, or only use up an intent."""
        found = _intent(data)
        if found is None:
            return "no call of a market"
        intent, signature = found
        if not is_by(intent.account, digest(self.state.domain, intent), signature):
            return f"an intent that {intent.account} has not signed with its key"
        if events != (Relayed(intent.account, intent.nonce),):
            return "nothing but an intent that is used up"
        self.signatures["intents"] += 1
        self.fold(events, where)
        return None


def _move(data: bytes) -> Move | None:
    try:
        return move_of(data)
    except (DecodingError, ValueError):
        return None


def _intent(data: bytes) -> tuple[Intent, bytes] | None:
    try:
        return intent_of(data)
    except (DecodingError, ValueError):
        return None


def _since(events: Events) -> int:
    """From when on the first operators are: the time of the block, which the rules check."""
    return next((each.since for each in events if isinstance(each, OperatorsSet)), 0)


def _calls_a_token(move: Move) -> bool:
    while isinstance(move, Relay):
        move = move.move
    return isinstance(move, Deposit | DepositWithPermit | Withdraw)


def _are_among(some: Events, events: Events) -> bool:
    left = iter(events)
    return all(each in left for each in some)


def _shown(events: Events) -> str:
    return ", ".join(map(told, events)) or "no event"
