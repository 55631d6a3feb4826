"""What each call of the contract does, in the contract's order of checks."""

from fabmarket.identity import digest
from fabmarket.market import trade as signed
from fabmarket.market.events import (
    Deposited,
    EpochRaised,
    Event,
    IntentsVoided,
    NoncesCancelled,
    OperatorsSet,
    Paused,
    Relayed,
    TokenSet,
    Withdrawn,
)
from fabmarket.market.exchange.escrow import escrow_events
from fabmarket.market.exchange.listing import listing_events
from fabmarket.market.exchange.moves import (
    AccountMove,
    Attest,
    AttestSealed,
    Cancel,
    Decision,
    Deposit,
    DepositWithPermit,
    List,
    Move,
    Open,
    Pause,
    RaiseEpoch,
    RaiseListingEpoch,
    RegisterResource,
    Relay,
    SetOperators,
    Settle,
    SettleBatch,
    SettleBundle,
    SettleLate,
    SettleNet,
    SetToken,
    Unlist,
    VoidIntents,
    Withdraw,
)
from fabmarket.market.exchange.record import record
from fabmarket.market.exchange.settlement import instant_events
from fabmarket.market.exchange.signatures import require_operators, require_signer, whole
from fabmarket.market.exchange.state import (
    ALL_USED,
    LAST_EPOCH,
    NOBODY,
    Exchange,
    Reverted,
    later,
)
from fabmarket.market.units import LARGEST_AMOUNT

MAX_PAUSE = 30 * 86_400
_LAST_INTENT = 2**256 - 1
_OVERFLOW = 0x11
"""Solidity's code of an arithmetic overflow."""


def step(
    state: Exchange, caller: str, move: Move, now: int, block: int = 0
) -> tuple[Exchange, tuple[Event, ...]]:
    """Return the state after `caller`'s move, and its events.

    `now` is the chain time in seconds, `block` the number of the block, by which alone grace
    periods of escrows count beside the time. Raises Reverted, and then nothing has changed.
    """
    events = _events(state, caller, move, now, block)
    for event in events:
        state = record(state, event)
    return state, events


def _events(state: Exchange, caller: str, move: Move, now: int, block: int) -> tuple[Event, ...]:
    match move:
        case SetOperators() | Pause() | SetToken():
            return _decision(state, move, now)
        case (
            RegisterResource()
            | Attest()
            | AttestSealed()
            | Open()
            | List()
            | Unlist()
            | RaiseListingEpoch()
        ):
            return listing_events(state, caller, move, now)
        case Settle() | SettleBatch() | SettleBundle() | SettleNet() | SettleLate():
            return instant_events(state, move, now)
        case Relay():
            return _relay(state, move, now, block)
        case Deposit() | DepositWithPermit() | Withdraw() | Cancel() | RaiseEpoch() | VoidIntents():
            return _account_events(state, caller, move, now)
        case _:
            return escrow_events(state, caller, move, now, block)


def _decision(state: Exchange, move: Decision, now: int) -> tuple[Event, ...]:
    current, nonce = state.operator_set(now), state.decision_nonce
    decision: signed.Operators | signed.Pause | signed.Token
    event: OperatorsSet | Paused | TokenSet
    match move:
        case SetOperators():
            rest = (move.operators, move.threshold)
            decision = signed.Operators(*rest, current, nonce, move.deadline)
            since = now + state.parameters.operator_delay
            event = OperatorsSet(len(state.operator_sets) + 1, *rest, since)
        case Pause():
            if move.until > now + MAX_PAUSE:
                raise Reverted("PauseTooLong", move.until, now + MAX_PAUSE)
            decision = signed.Pause(move.until, current, nonce, move.deadline)
            event = Paused(move.until)
        case SetToken():
            token, accepted = move.token, move.accepted
            decision = signed.Token(token, accepted, current, nonce, move.deadline)
            event = TokenSet(token, accepted)
    if now >= move.deadline:
        raise Reverted("DecisionExpired", move.deadline, now)
    require_operators(state, current, decision, move.signatures)
    if isinstance(move, SetOperators):
        _check_operators(move)
    return (event,)


def _check_operators(move: SetOperators) -> None:
    count = len(move.operators)
    # A majority, so that any two decisions have an operator in common.
    if not count // 2 < move.threshold <= count:
        raise Reverted("BadThreshold", move.threshold, count)
    seen: set[str] = set()
    for operator in move.operators:
        if operator == NOBODY or operator in seen:
            raise Reverted("BadOperator", operator)
        seen.add(operator)


def _account_events(state: Exchange, caller: str, move: AccountMove, now: int) -> tuple[Event, ...]:
    match move:
        case Deposit() | DepositWithPermit():
            return (_deposited(state, caller, move),)
        case Withdraw():
            return (_withdrawn(state, caller, move),)
        case Cancel():
            old = state.account_of(caller, move.token)
            cancelled = NoncesCancelled(caller, move.token, old.epoch, move.mask)
            if old.used | move.mask != ALL_USED or old.epoch == LAST_EPOCH:
                return (cancelled,)
            # With no nonce left, what was signed ahead for the next epoch would come into force.
            return cancelled, EpochRaised(caller, move.token, later(old.epoch, now))
        case RaiseEpoch():
            epoch = later(state.account_of(caller, move.token).epoch, now)
            return (EpochRaised(caller, move.token, epoch),)
        case VoidIntents():
            current = state.intent_nonces.get(caller, 0)
            if move.nonce <= current:
                raise Reverted("WrongIntentNonce", caller, move.nonce, current)
            return (IntentsVoided(caller, move.nonce),)


def _deposited(state: Exchange, caller: str, move: Deposit | DepositWithPermit) -> Deposited:
    if move.token not in state.tokens:
        raise Reverted("TokenNotAccepted", move.token)
    if move.amount == 0:
        raise Reverted("ZeroAmount")
    # All balances and escrows of a token together fit 128 bits: no later credit can overflow.
    if state.owed.get(move.token, 0) + move.amount > LARGEST_AMOUNT:
        raise Reverted("AmountTooLarge", move.amount)
    return Deposited(caller, move.token, move.amount)


def _withdrawn(state: Exchange, caller: str, move: Withdraw) -> Withdrawn:
    if move.amount == 0:
        raise Reverted("ZeroAmount")
    if move.to in (NOBODY, state.domain.verifying_contract):
        raise Reverted("BadRecipient", move.to)
    balance = state.account_of(caller, move.token).balance
    if balance < move.amount:
        raise Reverted("InsufficientBalance", caller, move.token, balance, move.amount)
    return Withdrawn(caller, move.token, move.amount, move.to)


def _relay(state: Exchange, move: Relay, now: int, block: int) -> tuple[Event, ...]:
    intent = move.intent
    if now >= intent.deadline:
        raise Reverted("IntentExpired", intent.deadline, now)
    current = state.intent_nonces.get(intent.account, 0)
    if intent.nonce != current:
        raise Reverted("WrongIntentNonce", intent.account, intent.nonce, current)
    require_signer(intent.account, digest(state.domain, intent), whole(move.signature))
    if current == _LAST_INTENT:
        raise Reverted("Panic", _OVERFLOW)
    used = Relayed(intent.account, intent.nonce)
    return used, *_events(record(state, used), intent.account, move.move, now, block)
