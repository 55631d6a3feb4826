"""The only room that speaks to an EVM: engines, bindings, sending, decoding logs."""

import sys

_DEPTH = sys.getrecursionlimit()

from fabmarket.chain.contracts import (  # noqa: E402
    BoardContract,
    ExchangeContract,
    TokenContract,
    board_code,
    escrow_code,
    exchange_code,
    net_code,
    token_code,
)
from fabmarket.chain.endpoints import NodeLost, public  # noqa: E402
from fabmarket.chain.engine import (  # noqa: E402
    TRANSACTION_GAS,
    ChainError,
    Engine,
    EngineUnavailable,
    Header,
    Log,
    Receipt,
    Settings,
)
from fabmarket.chain.open import open_engine, open_node  # noqa: E402
from fabmarket.chain.sender import CallFailed, Sender, Transaction, signed  # noqa: E402

# py-evm raises the limit too; `embedded` does so again where that is needed.
sys.setrecursionlimit(_DEPTH)

__all__ = [
    "TRANSACTION_GAS",
    "BoardContract",
    "CallFailed",
    "ChainError",
    "Engine",
    "EngineUnavailable",
    "ExchangeContract",
    "Header",
    "Log",
    "NodeLost",
    "Receipt",
    "Sender",
    "Settings",
    "TokenContract",
    "Transaction",
    "board_code",
    "escrow_code",
    "exchange_code",
    "net_code",
    "open_engine",
    "open_node",
    "public",
    "signed",
    "token_code",
]
