"""The only room that speaks to an EVM: engines, bindings, sending, decoding logs."""

from fabmarket.chain.contracts import ExchangeContract, TokenContract, exchange_code, token_code
from fabmarket.chain.engine import (
    TRANSACTION_GAS,
    ChainError,
    Engine,
    EngineUnavailable,
    Log,
    Receipt,
    Settings,
)
from fabmarket.chain.open import open_engine
from fabmarket.chain.rpc import public
from fabmarket.chain.sender import CallFailed, Sender, Transaction

__all__ = [
    "TRANSACTION_GAS",
    "CallFailed",
    "ChainError",
    "Engine",
    "EngineUnavailable",
    "ExchangeContract",
    "Log",
    "Receipt",
    "Sender",
    "Settings",
    "TokenContract",
    "Transaction",
    "exchange_code",
    "open_engine",
    "public",
    "token_code",
]
