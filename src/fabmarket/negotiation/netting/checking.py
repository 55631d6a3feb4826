"""What a signer checks of a batch before it counts its trades in it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from fabmarket.market.cycles import Proposal
from fabmarket.market.net import PAID, Row, Sale, leads, root, trade_leaf
from fabmarket.negotiation.netting import baskets, pricing
from fabmarket.negotiation.netting.baskets import Basket
from fabmarket.negotiation.netting.pricing import Priced, Prices
from fabmarket.negotiation.netting.state import Account, Attempt, NetParty


def fault_of(
    party: NetParty, attempt: Attempt, row: Row, proposal: Proposal, account: Account
) -> str:
    """Return what is wrong with a batch; empty if it is nothing that we can see."""
    rows, sales = proposal.rows, proposal.sales
    latest = party.cycles.late_from(attempt.closed)
    if proposal.token != party.token:
        return "batch in another currency"
    if not account.now < proposal.valid_until <= latest:
        return "batch that is over, or could settle when its trades do"
    if not _is_ordered(rows, sales):
        return "batch out of order"
    if not attempt.accounts.issuperset(each.account for each in rows):
        return "batch with somebody who does not take part"
    if row not in rows:
        return "batch without our row as we entered it"
    ours = (replace(each, row=0) for each in sales if each.row == rows.index(row))
    if tuple(ours) != attempt.sales:
        return "batch without our sales as we entered them"
    if any(not each.mask for each in rows) or sum(each.change for each in rows) != 0:
        return "batch that does not add up"
    if party.sells and not _is_rooted(attempt, proposal):
        return "batch whose root our trades do not lead to"
    return (
        "" if can_settle(row, sales=attempt.sales, account=account) else "batch that cannot settle"
    )


def _is_ordered(rows: Sequence[Row], sales: Sequence[Sale]) -> bool:
    """Whether rows and sales ascend, and every sale has a row that counts it."""
    accounts = [int(each.account, 16) for each in rows]
    listings = [each.listing for each in sales]
    counted = [0] * len(rows)
    for each in sales:
        if each.row >= len(rows) or not each.quantity:
            return False
        counted[each.row] += 1
    ascend = accounts == sorted(set(accounts)) and listings == sorted(set(listings))
    return ascend and counted == [each.sales for each in rows]


def _is_rooted(attempt: Attempt, proposal: Proposal) -> bool:
    own = root([trade_leaf(name, attempt.salt(name)) for name in attempt.entered])
    return leads(own, proposal.index, proposal.path, proposal.trades)


def can_settle(row: Row, sales: Sequence[Sale], account: Account) -> bool:
    """Return whether our own part of a batch would settle, as far as we know the chain."""
    has_nonces = row.epoch == account.nonces.epoch and not row.mask & account.nonces.used
    can_pay = row.direction == PAID or row.amount <= account.balance
    current = all(each.epoch == account.epochs.get(each.listing, 0) for each in sales)
    return has_nonces and can_pay and current


def bared_by(party: NetParty, row: Row, bought: Basket, proposal: Proposal) -> str:
    """Return why a batch hides too little of what we `bought` in it; empty if it hides enough.

    `bought` is empty for a supplier, which counts what fits alone.
    """
    told = _reserves(party, [each.listing for each in proposal.sales])
    sellers = baskets.sellers_of(proposal.rows, proposal.sales, told)
    found = len(baskets.fitting(proposal.rows, sellers, party.address, party.least))
    if found < party.least:
        return f"{found} baskets of ours fit it, and {party.least} are the least"
    if not bought:
        return ""
    prices = pricing.likeliest(proposal.rows, sellers, {})
    least = ((pricing.unsold(proposal.sales, told, party.left),),)
    tried = (prices, least, (*prices, *least))
    return next(filter(None, (_supposed(party, row, bought, each) for each in tried)), "")


def bared_anyway(party: NetParty, row: Row, bought: Basket) -> str:
    """Return why our row would tell what we bought in any batch; empty where it need not.

    So it is where all of it cost the least price told, as what does not sell out does. Who stays
    away then costs the others no attempt.
    """
    told = _reserves(party, [listing for _, listing, _ in bought])
    least = (Priced(each, price, party.left.get(each, 0)) for each, price in told.items())
    return _supposed(party, row, bought, ((tuple(least),),))


def _reserves(party: NetParty, listings: Iterable[bytes]) -> dict[bytes, int]:
    """The least prices that we were told, by listing."""
    kinds = {each: party.kinds.get(each, b"") for each in listings}
    return {each: party.reserves[kind] for each, kind in kinds.items() if kind in party.reserves}


def _supposed(party: NetParty, row: Row, bought: Basket, prices: Sequence[Sequence[Prices]]) -> str:
    """Why somebody who knows these prices finds what we bought; empty where it does not."""
    found = pricing.supposed(row, prices)
    if bought not in found or len(found) >= party.least:
        return ""
    fit = f"{len(found)} baskets of ours fit it at one price a listing"
    return f"{fit}, and {party.least} are the least"
