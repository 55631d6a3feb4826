"""What each call of the contract does, in the contract's order of checks."""

from fabmarket.identity import digest
from fabmarket.market.events import (
    Deposited,
    EpochRaised,
    Event,
    NoncesCancelled,
    OperatorsSet,
    Paused,
    Relayed,
    TokenSet,
    Withdrawn,
)
from fabmarket.market.exchange import escrow, listing, settlement
from fabmarket.market.exchange.moves import (
    Attest,
    AttestSealed,
    Cancel,
    Decision,
    Deliver,
    Deposit,
    DepositWithPermit,
    Dispute,
    EscrowMove,
    Expire,
    List,
    Move,
    Open,
    Pause,
    Proof,
    RaiseEpoch,
    RaiseListingEpoch,
    Refund,
    RegisterResource,
    Relay,
    Release,
    Rule,
    SetOperators,
    Settle,
    SettleBatch,
    SettleBundle,
    SettleEscrow,
    SetToken,
    Split,
    Transfer,
    Unlist,
    Withdraw,
)
from fabmarket.market.exchange.record import record
from fabmarket.market.exchange.signatures import NOBODY, require_operators, require_signer
from fabmarket.market.exchange.state import Exchange, Reverted
from fabmarket.market.trade import Operators, Token
from fabmarket.market.trade import Pause as PauseDecision
from fabmarket.market.units import LARGEST_AMOUNT

MAX_PAUSE = 30 * 86_400


def step(state: Exchange, caller: str, move: Move, now: int) -> tuple[Exchange, tuple[Event, ...]]:
    """Return the state after `caller`'s move at chain time `now`, and its events.

    Raises Reverted, and then nothing has changed.
    """
    events = _events(state, caller, move, now)
    for event in events:
        state = record(state, event)
    return state, events


def _events(state: Exchange, caller: str, move: Move, now: int) -> tuple[Event, ...]:
    match move:
        case SetOperators() | Pause() | SetToken():
            return _decision(state, move, now)
        case RegisterResource():
            return listing.register_resource(state, caller, move)
        case Attest():
            return listing.attest(state, move, now)
        case AttestSealed():
            return listing.attest_sealed(state, move, now)
        case Open():
            return listing.open_(state, move, now)
        case List():
            return listing.list_(state, caller, move, now)
        case Unlist():
            return listing.unlist(state, caller, move)
        case RaiseListingEpoch():
            return listing.raise_listing_epoch(state, caller, move)
        case Deposit() | DepositWithPermit() | Withdraw():
            return _transfer(state, caller, move)
        case Cancel():
            epoch = state.account_of(caller, move.token).epoch
            return (NoncesCancelled(caller, move.token, epoch, move.mask),)
        case RaiseEpoch():
            # Two: trades signed ahead for the next epoch are void as well.
            epoch = state.account_of(caller, move.token).epoch + 2
            return (EpochRaised(caller, move.token, epoch),)
        case Relay():
            return _relay(state, move, now)
        case Settle():
            return settlement.settle(state, move, now)
        case SettleBatch():
            return settlement.settle_batch(state, move, now)
        case SettleBundle():
            return settlement.settle_bundle(state, move, now)
        case _:
            return _escrow_events(state, caller, move, now)


def _escrow_events(state: Exchange, caller: str, move: EscrowMove, now: int) -> tuple[Event, ...]:
    match move:
        case SettleEscrow():
            return escrow.settle_escrow(state, move, now)
        case Deliver():
            return escrow.deliver(state, caller, move, now)
        case Release():
            return escrow.release(state, caller, move)
        case Refund():
            return escrow.refund(state, caller, move)
        case Dispute():
            return escrow.dispute(state, caller, move, now)
        case Split():
            return escrow.split(state, move)
        case Rule():
            return escrow.rule(state, move, now)
        case Expire():
            return escrow.expire(state, move, now)


def _decision(state: Exchange, move: Decision, now: int) -> tuple[Event, ...]:
    match move:
        case SetOperators():
            decision = Operators(move.operators, move.threshold, state.decision_nonce)
            require_operators(state, decision, move.signatures)
            _check_operators(move)
            return (OperatorsSet(move.operators, move.threshold),)
        case Pause():
            if move.until > now + MAX_PAUSE:
                raise Reverted("PauseTooLong", move.until, now + MAX_PAUSE)
            require_operators(
                state, PauseDecision(move.until, state.decision_nonce), move.signatures
            )
            return (Paused(move.until),)
        case SetToken():
            decided = Token(move.token, move.accepted, state.decision_nonce)
            require_operators(state, decided, move.signatures)
            return (TokenSet(move.token, move.accepted),)


def _check_operators(move: SetOperators) -> None:
    if not 0 < move.threshold <= len(move.operators):
        raise Reverted("BadThreshold", move.threshold, len(move.operators))
    seen: set[str] = set()
    for operator in move.operators:
        if operator == NOBODY or operator in seen:
            raise Reverted("BadOperator", operator)
        seen.add(operator)


def _transfer(state: Exchange, caller: str, move: Transfer) -> tuple[Event, ...]:
    if not isinstance(move, Withdraw):
        if move.token not in state.tokens:
            raise Reverted("TokenNotAccepted", move.token)
        if move.amount == 0:
            raise Reverted("ZeroAmount")
        # The amount by itself first, then with all that is held: no later credit can overflow.
        for total in (move.amount, state.owed.get(move.token, 0) + move.amount):
            if total > LARGEST_AMOUNT:
                raise Reverted("AmountTooLarge", total)
        return (Deposited(caller, move.token, move.amount),)
    if move.amount == 0:
        raise Reverted("ZeroAmount")
    held = state.account_of(caller, move.token).balance
    if held < move.amount:
        raise Reverted("InsufficientBalance", caller, move.token, held, move.amount)
    return (Withdrawn(caller, move.token, move.amount),)


def _relay(state: Exchange, move: Relay, now: int) -> tuple[Event, ...]:
    intent = move.intent
    if now >= intent.deadline:
        raise Reverted("IntentExpired", intent.deadline, now)
    current = state.intent_nonces.get(intent.account, 0)
    if intent.nonce != current:
        raise Reverted("WrongIntentNonce", intent.account, intent.nonce, current)
    signature = move.signature
    if isinstance(signature, Proof) and not signature.confirmed:
        signature = signature.proof  # an intent's bytes are tried as a key's signature as well
    require_signer(intent.account, digest(state.domain, intent), signature)
    used = Relayed(intent.account, intent.nonce)
    return used, *_events(record(state, used), intent.account, move.move, now)
