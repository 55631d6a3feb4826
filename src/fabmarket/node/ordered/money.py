"""The agent's money in the exchange, in base units of the market's token."""

from eth_utils.address import is_checksum_address

from fabmarket.market.exchange import Withdraw
from fabmarket.negotiation.orders import PayIn
from fabmarket.node.owner import BadOrder, Owner


def paid_in(owner: Owner, amount: int) -> PayIn:
    """Pay money out of the account's wallet into the exchange."""
    return PayIn(owner.token, amount)


def withdrawn(owner: Owner, amount: int, to: str | None) -> Withdraw:
    """Take money out of the exchange, into the wallet of `to`, None for the account's own."""
    wallet = owner.address if to is None else to
    if not is_checksum_address(wallet):
        problem = f"{wallet[:60]!r} is no address"
        raise BadOrder(f"{problem}; give 0x and 40 digits, in checksummed case")
    return Withdraw(owner.token, amount, wallet)
