"""What shill bids, false orders and boasts gain in the products' rounds; see `incentives.py`.

Buyers and sellers play by themselves (`fabmarket.simulation.products.Street`), honest but for the
one that is looked at. What a seller earns is what true buyers pay it above its true reserve; orders
of a false buyer are not paid.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from fabmarket.identity import Key, keccak
from fabmarket.negotiation.products.buyer import Buyer
from fabmarket.negotiation.products.plan import Slot, cheapest
from fabmarket.scenario.fjsp import parse_fjsp
from fabmarket.scenario.slotted import slotted
from fabmarket.simulation.products import Street

FOLDER = Path(__file__).parents[1] / "scenarios" / "fjsp"
BELOW, ABOVE = Fraction(95, 100), Fraction(105, 100)
"""The rate of a false buyer, of that of the buyer it copies."""


@dataclass(frozen=True)
class Order:
    """What somebody gains by something in all runs together, and earns honestly; base units."""

    instance: str
    what: str
    runs: int
    gain: int
    honest: int


class Market:
    """An instance, and what everybody earns in it if all are honest."""

    def __init__(self, name: str) -> None:
        self.scenario = slotted(parse_fjsp((FOLDER / f"{name}.txt").read_text(), name), 1, name)
        self.name, self.street = name, self.opened()
        self.reserves = {each.address: each.reserve for each in self.street.sellers.values()}
        self.true = dict(self.street.buyers)
        self.street.run()
        self.bought = [at for at, buyer in self.street.buyers.items() if buyer.held is not None]

    def opened(self) -> Street:
        return Street(self.scenario)

    def receipts(self, street: Street, seller: str) -> int:
        """What a seller is paid by true buyers above its true reserve."""
        return sum(
            step.quantity * (step.slot.price - self.reserves[seller])
            for at in self.true
            for step in _steps(street.buyers[at])
            if step.slot.supplier == seller
        )

    def surplus(self, street: Street, buyer: str) -> int:
        """What a buyer gains by its product's true value."""
        held = street.buyers[buyer].held
        return 0 if held is None else self.true[buyer].product.value - held.chain.cost

    def welfare(self, street: Street, *, without: str = "") -> int:
        """What products are worth above reserves and lateness, but for one's that is not paid."""
        buyers = sum(self.surplus(street, at) for at in self.true if at != without)
        sellers = sum(
            step.quantity * (step.slot.price - self.reserves[step.slot.supplier])
            for at in self.true
            if at != without
            for step in _steps(street.buyers[at])
        )
        return buyers + sellers

    def at_rate(self, buyer: Buyer, times: Fraction) -> Buyer:
        """A buyer that plays as if worth so much that its rate is so many times its own."""
        slots: dict[bytes, list[Slot]] = {}
        for seller in self.street.sellers.values():
            slots[seller.resource] = [
                Slot(
                    seller.address, listing, stock.start, stock.end, seller.reserve, stock.available
                )
                for listing, stock in seller.stock.items()
            ]
        chain = cheapest(buyer.product, slots)
        if chain is None:
            return buyer
        value = chain.cost + int(times * (buyer.product.value - chain.cost))
        return replace(buyer, product=replace(buyer.product, value=max(0, value)))


def _steps(buyer: Buyer) -> tuple:
    return () if buyer.held is None else buyer.held.chain.steps


def shilled(market: Market, times: Fraction, most: int) -> Iterator[tuple[int, int]]:
    """For each product bought, its largest seller adds a false buyer of it at another rate."""
    for target in market.bought[:most]:
        bills: dict[str, int] = {}
        for step in _steps(market.street.buyers[target]):
            bill = step.quantity * step.slot.price
            bills[step.slot.supplier] = bills.get(step.slot.supplier, 0) + bill
        seller = max(sorted(bills), key=lambda each: bills[each])
        street = market.opened()
        key = Key.derive("incentives", market.name, target)
        false = market.at_rate(street.buyers[target], times)
        product = replace(false.product, id=keccak(key.address.encode()))
        street.keys[key.address] = key
        street.buyers[key.address] = replace(
            false, address=key.address, product=product, secret=keccak(b"false")
        )
        street.run()
        honest = market.receipts(market.street, seller)
        yield market.receipts(street, seller) - honest, honest


def raised(market: Market, most: int) -> Iterator[tuple[int, int]]:
    """Each seller in turn asks one and a half times its reserve."""
    for at in list(market.street.sellers)[:most]:
        street = market.opened()
        street.sellers[at] = replace(street.sellers[at], reserve=market.reserves[at] * 3 // 2)
        street.run()
        honest = market.receipts(market.street, at)
        yield market.receipts(street, at) - honest, honest


def boasted(market: Market, most: int) -> Iterator[tuple[int, int]]:
    """Each buyer in turn boasts three times its rate."""
    for at in list(market.true)[:most]:
        street = market.opened()
        street.buyers[at] = market.at_rate(street.buyers[at], Fraction(3))
        street.run()
        honest = market.surplus(market.street, at)
        yield market.surplus(street, at) - honest, honest


def haunted(market: Market, most: int) -> Iterator[tuple[int, int]]:
    """Each buyer of a product in turn confirms it and does not buy: what the market loses."""
    for at in market.bought[:most]:
        honest = market.welfare(market.street)
        yield market.welfare(market.street, without=at) - honest, honest


def offered_again(market: Market, most: int) -> Iterator[tuple[int, int]]:
    """As `haunted`, the room that is left being offered in a second cycle to who has nothing."""
    for ghost in market.bought[:most]:
        honest = market.welfare(market.street)
        street = market.opened()
        for at in market.bought:
            del street.buyers[at]
            for step in () if at == ghost else _steps(market.street.buyers[at]):
                seller, listing = street.sellers[step.slot.supplier], step.slot.listing
                stock = seller.stock[listing]
                left = replace(stock, available=stock.available - step.quantity)
                kept = seller.stock.insert(listing, left)
                street.sellers[seller.address] = replace(seller, stock=kept)
        street.run()
        for at in market.bought:
            street.buyers[at] = market.true[at]
        lost = market.welfare(market.street, without=ghost) - honest
        yield lost + market.welfare(street), honest


def orders(*, quick: bool, told: Callable[[str], None]) -> Iterator[Order]:
    """What each of them comes to."""
    most = 2 if quick else 99
    ways: dict[str, Callable[[Market], Iterator[tuple[int, int]]]] = {
        "a shill just below": lambda market: shilled(market, BELOW, most),
        "a shill just above, which does not buy": lambda market: shilled(market, ABOVE, most),
        "a reserve of 1.5 times the cost": lambda market: raised(market, most),
        "a rate boasted three times": lambda market: boasted(market, most),
        "welfare, with a ghost": lambda market: haunted(market, most),
        "welfare, with a ghost, its room offered again": lambda market: offered_again(market, most),
    }
    for name in ("mk01",) if quick else ("mk01", "mk04"):
        told(name)
        market = Market(name)
        for what, tried in ways.items():
            told(f"{name}: {what}")
            found = list(tried(market))
            gain, honest = sum(each for each, _ in found), sum(each for _, each in found)
            yield Order(name, what, len(found), gain, honest)
