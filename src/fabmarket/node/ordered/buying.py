"""What an agent is to buy, and what no longer."""

from fabmarket.identity import digest
from fabmarket.market.exchange import Cancel, RaiseEpoch, RaiseListingEpoch
from fabmarket.negotiation.orders import AddProduct, AddWant, Approve, DropProduct, DropWant
from fabmarket.negotiation.policy import most_of
from fabmarket.node.owner import BadOrder, Owner
from fabmarket.node.roles import policy_of, product_of, want_id, want_of
from fabmarket.node.settings import ProductTable, WantTable, check_product, check_want


def wanted(owner: Owner, table: WantTable) -> AddWant:
    """Buy something more, published as often as `releases` says. BadSettings names what is wrong.

    Amounts in base units per unit of the resource.
    """
    check_want("want", table)
    return AddWant(
        table.name, want_of(owner.calendar, table, owner.address), owner.settings.releases
    )


def product(owner: Owner, table: ProductTable) -> AddProduct:
    """Buy a whole product, or nothing of it. BadSettings names what is wrong with it."""
    check_product("product", table)
    operations = tuple(each.name for each in table.operations)
    made = product_of(owner.calendar, table, owner.address)
    return AddProduct(table.name, operations, made, table.cycles)


def needs_approval(owner: Owner, order: AddWant | AddProduct) -> bool:
    """Whether it may cost more than the policy lets pass, and so waits for approval."""
    most = most_of(order.want) if isinstance(order, AddWant) else order.product.value
    return most > policy_of(owner.settings).approve_above


def no_want(owner: Owner, name: str) -> DropWant:
    """Give up a want for which nothing is signed yet."""
    return DropWant(want_id(name, owner.address))


def no_product(owner: Owner, name: str) -> DropProduct:
    """Give up a product that is not signed yet."""
    return DropProduct(want_id(name, owner.address))


def no_trade(owner: Owner, digits: str) -> Cancel:
    """Void the nonce that a trade was signed under, which has not settled."""
    trade = owner.signed(digits)
    is_buyer = trade.demander == owner.address
    nonce = trade.nonce if is_buyer else trade.supplier_nonce
    account = owner.exchange.account_of(owner.address, owner.token)
    epoch, bit = nonce >> 8, nonce & 0xFF
    if epoch > account.epoch:
        problem = f"trade {digits} is signed for epoch {epoch} and the account is in"
        raise BadOrder(f"{problem} {account.epoch}; cancel all to void both")
    if epoch < account.epoch or account.is_used(bit):
        raise BadOrder(f"trade {digits} has settled, or is void already; nothing is left to cancel")
    return Cancel(owner.token, 1 << bit)


def nothing_of(owner: Owner, slot: int) -> RaiseListingEpoch:
    """Void all that was signed for a slot of ours and has not settled."""
    owner.listing(slot)
    return RaiseListingEpoch(owner.resource, slot)


def nothing(owner: Owner) -> RaiseEpoch:
    """Void all that was signed in the token and has not settled."""
    return RaiseEpoch(owner.token)


def approved(owner: Owner, name: str) -> Approve:
    """Go beyond the policy for a want or product of this name."""
    return Approve(want_id(name, owner.address))


def approved_trade(owner: Owner, digits: str) -> Approve:
    """Go beyond the policy for a trade that we are to sell under."""
    return Approve(digest(owner.domain, owner.signed(digits)))
