"""A market's contracts, deployed by one account, and its rhythm, said on its board."""

from collections.abc import Sequence

from fabmarket.chain import (
    TRANSACTION_GAS,
    BoardContract,
    Engine,
    Sender,
    Transaction,
    board_code,
    escrow_code,
    exchange_code,
    net_code,
    token_code,
)
from fabmarket.errors import Bug
from fabmarket.identity import Key, digest
from fabmarket.identity.codec import encode
from fabmarket.market.cards import Founding, SignedNotice
from fabmarket.market.parameters import parameters_for
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import market_domain
from fabmarket.node.outbox import announcement

_TOKEN_GAS = 2_000_000
_MODULE_GAS = 6_500_000
_EXCHANGE_GAS = 7_000_000
_OPERATOR_GAS = 50_000


def deploy_currency(sender: Sender, key: Key, symbol: str, decimals: int) -> str:
    """Deploy a currency for tests, which anybody may mint, and return its address."""
    return _deployed(sender, key, token_code("Test currency", symbol, decimals), _TOKEN_GAS)


def deploy_exchange(
    sender: Sender,
    key: Key,
    operators: Sequence[str],
    threshold: int,
    token: str,
    slot_length: int,
) -> str:
    """Deploy an exchange with its modules, and return its address.

    Its windows go by the length of the slots (see `parameters_for`). Raises ChainError.
    """
    parameters = parameters_for(slot_length)
    escrow = _deployed(sender, key, escrow_code(parameters), _MODULE_GAS)
    net = _deployed(sender, key, net_code(parameters), _MODULE_GAS)
    code = exchange_code(tuple(operators), threshold, (token,), parameters, escrow, net)
    gas = min(TRANSACTION_GAS, _EXCHANGE_GAS + _OPERATOR_GAS * len(operators))
    return _deployed(sender, key, code, gas)


def open_board(
    engine: Engine, sender: Sender, key: Key, exchange: str, rhythm: Rhythm
) -> BoardContract:
    """Deploy the board of a market whose participants are elsewhere, and say its rhythm there."""
    board = BoardContract(engine, _deployed(sender, key, board_code(), _TOKEN_GAS))
    notice = Founding(key.address, rhythm)
    signature = key.sign(digest(market_domain(engine.chain_id, exchange), notice))
    sender.queue(announcement(key, board, encode(SignedNotice(notice, signature))))
    sender.must_succeed()
    return board


def _deployed(sender: Sender, key: Key, code: bytes, gas: int) -> str:
    """Deploy a contract and return its address."""
    sender.queue(Transaction(key, "deploy", None, code, gas))
    address = sender.must_succeed()[-1].contract
    if address is None:
        raise Bug("a deployment's receipt names no contract")
    return address
