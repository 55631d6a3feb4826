"""The readable twin of the exchange contract.

`step` says what a call does: the events it emits and the state after, or the named error it reverts
with. `record` folds one event into the state; the state after a step is the fold of its events, so
an auditor who has only the chain's logs rebuilds exactly the same state.

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
    Expire,
    ListCapacity,
    Move,
    OpenSeal,
    Pause,
    Proof,
    RaiseEpoch,
    RaiseListingEpoch,
    Refund,
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
    SetToken,
    Signature,
    SignedTrade,
    Split,
    Unlist,
    Withdraw,
)
from fabmarket.market.exchange.record import Inconsistent, record
from fabmarket.market.exchange.state import (
    Account,
    Calendar,
    EscrowState,
    Exchange,
    Held,
    Listing,
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
    "Expire",
    "Held",
    "Inconsistent",
    "ListCapacity",
    "Listing",
    "Move",
    "OpenSeal",
    "Pause",
    "Proof",
    "RaiseEpoch",
    "RaiseListingEpoch",
    "Refund",
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
    "Signature",
    "SignedTrade",
    "Slot",
    "Split",
    "Unlist",
    "Withdraw",
    "record",
    "step",
]
