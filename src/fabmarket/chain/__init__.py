"""The only room that speaks to an EVM: engines, bindings, sending, decoding logs."""

from fabmarket.chain.contracts import (
    BoardContract,
    ExchangeContract,
    TokenContract,
    board_code,
    escrow_code,
    exchange_code,
    net_code,
    token_code,
)
from fabmarket.chain.endpoints import NodeLost, public
from fabmarket.chain.engine import (
    TRANSACTION_GAS,
    ChainError,
    Engine,
    EngineUnavailable,
    FailedCall,
    Header,
    Log,
    NobodyAnswers,
    Receipt,
    Settings,
)
from fabmarket.chain.open import anvil_binary, look_at, open_engine, open_node
from fabmarket.chain.sender import (
    CallFailed,
    Fees,
    Sender,
    Transaction,
    raised_fees,
    signed,
    usual_fees,
)

__all__ = [
    "TRANSACTION_GAS",
    "BoardContract",
    "CallFailed",
    "ChainError",
    "Engine",
    "EngineUnavailable",
    "ExchangeContract",
    "FailedCall",
    "Fees",
    "Header",
    "Log",
    "NobodyAnswers",
    "NodeLost",
    "Receipt",
    "Sender",
    "Settings",
    "TokenContract",
    "Transaction",
    "anvil_binary",
    "board_code",
    "escrow_code",
    "exchange_code",
    "look_at",
    "net_code",
    "open_engine",
    "open_node",
    "public",
    "raised_fees",
    "signed",
    "token_code",
    "usual_fees",
]
