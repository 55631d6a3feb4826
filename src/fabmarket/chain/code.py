"""The code that a market has, made by an EVM of our own at the market's addresses.

Immutables hold addresses, the chain's id and what follows from them: only a making at the very
place gives the bytes that the chain has there.
"""

import sys

_DEPTH = sys.getrecursionlimit()

from eth.constants import BLANK_ROOT_HASH, CREATE_CONTRACT_ADDRESS, ZERO_HASH32  # noqa: E402
from eth.db.atomic import AtomicDB  # noqa: E402
from eth.vm.execution_context import ExecutionContext  # noqa: E402
from eth.vm.forks.cancun.state import CancunState  # noqa: E402
from eth.vm.message import Message  # noqa: E402
from eth_typing import Address, BlockNumber, Hash32  # noqa: E402

from fabmarket.chain.contracts import escrow_code, exchange_code, net_code  # noqa: E402
from fabmarket.identity.keys import canonical  # noqa: E402
from fabmarket.market.parameters import Parameters  # noqa: E402

# py-evm raises the limit for good; nothing here calls deep.
sys.setrecursionlimit(_DEPTH)

_NOBODY = "0x" + "0" * 39 + "1"
_GAS = 1 << 30


def market_code(
    chain_id: int, exchange: str, parameters: Parameters, escrow: str, net: str
) -> dict[str, bytes]:
    """Return the code of an exchange and its two modules at these addresses of a chain.

    Of each address; with no code for what cannot be made with these parameters.
    """
    evm = _Evm(chain_id)
    rules = (parameters, escrow, net)
    return {
        escrow: evm.made(escrow, escrow_code(parameters)),
        net: evm.made(net, net_code(parameters)),
        # Neither its operators nor its tokens are in its code.
        exchange: evm.made(exchange, exchange_code((_NOBODY,), 1, (), *rules)),
    }


class _Evm:
    """An empty state on which contracts can be made anywhere."""

    def __init__(self, chain_id: int) -> None:
        nobody = Address(canonical(_NOBODY))
        context = ExecutionContext(
            coinbase=nobody,
            timestamp=1,
            block_number=BlockNumber(1),
            difficulty=0,
            mix_hash=Hash32(ZERO_HASH32),
            gas_limit=_GAS,
            prev_hashes=(),
            chain_id=chain_id,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        )
        self._state = CancunState(AtomicDB(), context, BLANK_ROOT_HASH)
        self._sender = nobody

    def made(self, address: str, creation: bytes) -> bytes:
        """Return the code that is at an address after its making."""
        place = Address(canonical(address))
        message = Message(
            gas=_GAS,
            to=CREATE_CONTRACT_ADDRESS,
            sender=self._sender,
            value=0,
            data=b"",
            code=creation,
            create_address=place,
        )
        of = self._state.get_transaction_context_class()(gas_price=0, origin=self._sender)
        self._state.computation_class.apply_create_message(self._state, message, of)
        return bytes(self._state.get_code(place))
