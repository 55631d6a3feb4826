"""Accounts: what each holds in each token."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from fabmarket.ledger import schema
from fabmarket.ledger.queries.forms import DESCRIBED, Address, Digits
from fabmarket.ledger.queries.paging import (
    FIRST,
    Asked,
    Order,
    Page,
    columns_of,
    read_page,
)


@dataclass(frozen=True)
class AccountRow:
    """What the exchange holds for an account in one token."""

    __pydantic_config__ = DESCRIBED

    address: Address
    token: Address
    balance: Digits
    """Free to trade with or withdraw, token base units; what escrows hold is not in it."""
    epoch: int
    """Of its nonces: what was signed with those of an earlier one is void."""
    trades: int
    """Trades it took part in, without what net cycles settled."""


_ACCOUNT = schema.account
_ROWS = select(*columns_of(AccountRow, _ACCOUNT))


def accounts(
    connection: Connection, token: str | None = None, asked: Asked = FIRST
) -> Page[AccountRow]:
    """Accounts by address and token. BadQuery as `read_page`."""
    query = _ROWS if token is None else _ROWS.where(_ACCOUNT.c.token == token)
    order = Order([_ACCOUNT.c.address, _ACCOUNT.c.token], ("address", "token"))
    return read_page(connection, query, order, AccountRow, asked, ("accounts", token))


def account(connection: Connection, address: str) -> tuple[AccountRow, ...]:
    """What one account holds, by token; empty if the exchange never saw it."""
    query = _ROWS.where(_ACCOUNT.c.address == address).order_by(_ACCOUNT.c.token)
    return tuple(AccountRow(*row) for row in connection.execute(query))
