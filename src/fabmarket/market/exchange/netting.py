"""What a net cycle changes, and why it may not (contracts/src/NetSettlement.sol)."""

from collections.abc import Sequence
from dataclasses import replace

from fabmarket.market.exchange.state import NOBODY, Account, Exchange, Listing, Reverted, slot_end
from fabmarket.market.net import PAID, PAYS, Row, Sale
from fabmarket.market.units import LARGEST_AMOUNT


def applied(
    state: Exchange, token: str, rows: Sequence[Row], sales: Sequence[Sale], valid_until: int
) -> Exchange:
    """Return the state after a cycle's rows and sales. Reverts where the contract does."""
    for row, each in enumerate(rows):
        state = _changed(state, token, row, each)
    total = sum(each.change for each in rows)
    if total != 0:
        raise Reverted("Unbalanced", total)
    previous, left = 0, [each.sales for each in rows]
    for number, sale in enumerate(sales):
        if int.from_bytes(sale.listing, "big") <= previous:
            raise Reverted("UnsortedSale", number)
        previous = int.from_bytes(sale.listing, "big")
        if sale.row >= len(rows):
            raise Reverted("NotTheSupplier", number)
        if left[sale.row] == 0:
            raise Reverted("WrongSales", sale.row)
        left[sale.row] -= 1
        state = _sold(state, sale, valid_until)
        if state.supplier_of(sale.listing) != rows[sale.row].account:
            raise Reverted("NotTheSupplier", number)
    for row, missing in enumerate(left):
        if missing:
            raise Reverted("WrongSales", row)
    return state


def _changed(state: Exchange, token: str, row: int, it: Row) -> Exchange:
    old = state.account_of(it.account, token)
    fresh = old.in_epoch(it.epoch)
    if fresh is None:
        raise Reverted("WrongEpoch", it.account, it.epoch, old.epoch)
    if it.mask == 0:
        raise Reverted("NoNonce", row)
    if fresh.used & it.mask:
        raise Reverted("NonceUsed", it.account, it.mask)
    if it.direction == PAID and it.amount > LARGEST_AMOUNT - old.balance:
        raise Reverted("AmountTooLarge", it.amount)
    if it.direction not in (PAID, PAYS):
        raise Reverted("BadDirection", row)
    if it.direction == PAYS and old.balance < it.amount:
        raise Reverted("InsufficientBalance", it.account, token, old.balance, it.amount)
    new = Account(old.balance + it.change, fresh.epoch, fresh.used | it.mask)
    return replace(state, accounts=state.accounts.insert((it.account, token), new))


def _sold(state: Exchange, sale: Sale, valid_until: int) -> Exchange:
    old = state.listings.get(sale.listing, Listing(NOBODY))
    if sale.epoch != old.epoch:
        raise Reverted("WrongListingEpoch", sale.epoch, old.epoch)
    end = slot_end(sale.listing)
    if valid_until > end:
        raise Reverted("ValidPastSlot", valid_until, end)
    if sale.quantity == 0:
        raise Reverted("ZeroQuantity")
    if old.available < sale.quantity:
        raise Reverted("InsufficientListing", sale.listing, old.available, sale.quantity)
    new = replace(old, available=old.available - sale.quantity)
    return replace(state, listings=state.listings.insert(sale.listing, new))
