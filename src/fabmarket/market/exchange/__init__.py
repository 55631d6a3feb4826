"""The readable twin of the exchange contract.

`step` says what a call does: the events it emits and the state after, or the named error it reverts
with. `record` folds one event into the state; the state after a step is the fold of its events, so
an auditor who has only the chain's logs rebuilds exactly the same state. Moves, events, errors and
their fields bear the contract's names, in Python's case.

>>> from fabmarket.market.events import Deployed, OperatorsSet, TokenSet
>>> from fabmarket.market.parameters import HOURS
>>> from fabmarket.market.trade import market_domain
>>> token, buyer = "0x" + "11" * 20, "0x" + "22" * 20
>>> state = Exchange.undeployed(market_domain(31337, "0x" + "33" * 20))
>>> operators, made = OperatorsSet(1, (buyer,), 1, since=900), Deployed(HOURS, "", "")
>>> for event in (operators, TokenSet(token, accepted=True), made):
...     state = record(state, event)
>>> after, events = step(state, buyer, Deposit(token, 500), now=1_000)
>>> events[0].amount, after.account_of(buyer, token).balance, state.account_of(buyer, token).balance
(500, 500, 0)
>>> step(after, buyer, Withdraw(token, 501, buyer), now=1_001)
Traceback (most recent call last):
fabmarket.market.exchange.state.Reverted: InsufficientBalance(0x222...222, 0x111...111, 500, 501)

Not modelled: ERC-20 allowances and wallets (a deposit that the token refuses never gets here) and
tokens sent past `deposit`, whether there is a contract at a token's address, gas. What a contract
answers when it is asked for its signature (ERC-1271) comes with the move.
"""

from fabmarket.market.exchange.moves import (
    Attest,
    AttestSealed,
    Cancel,
    Deliver,
    Deposit,
    DepositWithPermit,
    Dispute,
    Execute,
    Expire,
    List,
    Move,
    Open,
    OperatorSignature,
    Pause,
    Proof,
    RaiseEpoch,
    RaiseListingEpoch,
    Refund,
    RefundUncovered,
    RegisterResource,
    Relay,
    Release,
    Report,
    Rule,
    SetOperators,
    Settle,
    SettleBatch,
    SettleBundle,
    SettleEscrow,
    SettleEscrowBatch,
    SettleEscrowBundle,
    SettleLate,
    SettleNet,
    SetToken,
    Signature,
    SignedTrade,
    Split,
    Unlist,
    VoidIntents,
    VoidSplits,
    Withdraw,
)
from fabmarket.market.exchange.record import record
from fabmarket.market.exchange.state import (
    Account,
    Calendar,
    EscrowState,
    Exchange,
    Held,
    Inconsistent,
    Listing,
    OperatorSet,
    Posted,
    Reverted,
    Slot,
)
from fabmarket.market.exchange.step import step

__all__ = [
    "Account",
    "Attest",
    "AttestSealed",
    "Calendar",
    "Cancel",
    "Deliver",
    "Deposit",
    "DepositWithPermit",
    "Dispute",
    "EscrowState",
    "Exchange",
    "Execute",
    "Expire",
    "Held",
    "Inconsistent",
    "List",
    "Listing",
    "Move",
    "Open",
    "OperatorSet",
    "OperatorSignature",
    "Pause",
    "Posted",
    "Proof",
    "RaiseEpoch",
    "RaiseListingEpoch",
    "Refund",
    "RefundUncovered",
    "RegisterResource",
    "Relay",
    "Release",
    "Report",
    "Reverted",
    "Rule",
    "SetOperators",
    "SetToken",
    "Settle",
    "SettleBatch",
    "SettleBundle",
    "SettleEscrow",
    "SettleEscrowBatch",
    "SettleEscrowBundle",
    "SettleLate",
    "SettleNet",
    "Signature",
    "SignedTrade",
    "Slot",
    "Split",
    "Unlist",
    "VoidIntents",
    "VoidSplits",
    "Withdraw",
    "record",
    "step",
]
