"""The products' rounds alone: buyers and sellers with keys, the links between them, and time.

There is no chain here: who sells what, and how much of it, is known when the rounds begin.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from rpds import HashTrieMap

from fabmarket.identity import Key, digest, keccak
from fabmarket.market.messages import Message
from fabmarket.market.products import Sold
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.rounds import Rounds
from fabmarket.market.trade import listing_id, market_domain
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.course import TooEarly, Unacceptable
from fabmarket.negotiation.moves import Output, Received, Send
from fabmarket.negotiation.products import buying, selling
from fabmarket.negotiation.products.buyer import Buyer
from fabmarket.negotiation.products.plan import Product as Wanted
from fabmarket.negotiation.products.plan import Way
from fabmarket.negotiation.products.seller import Seller, Stock
from fabmarket.node.signing import signed_word
from fabmarket.scenario import Product, Scenario, Supplier

ROUNDS = Rounds(Rhythm(0, 60))
DOMAIN = market_domain(31337, Key.derive("products", "exchange").address)
TOKEN = Key.derive("products", "token").address
Owners = dict[bytes, tuple[str, ...]]
Carry = Callable[[Send, int], tuple[int, ...]]
"""What becomes of a sending at a second: the delay of each copy that arrives, seconds."""


def at_once(_: Send, __: int) -> tuple[int, ...]:
    """Perfect links."""
    return (0,)


@dataclass
class Tally:
    """What was sent, by kind; in which beats; what was refused, by reason."""

    sent: Counter[str] = field(default_factory=Counter)
    beats: set[int] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)


class Street:
    """Everybody of a market in one cycle of rounds."""

    def __init__(self, market: Scenario, carry: Carry = at_once, rounds: Rounds = ROUNDS) -> None:
        self.market, self.carry, self.rounds = market, carry, rounds
        self.tally = Tally()
        self.keys: dict[str, Key] = {}
        self.origin = rounds.length  # slot 0 begins when the rounds are over
        self._queue: list[tuple[int, int, str, Received]] = []
        self._count = 0
        self.sellers = {each.address: each for each in map(self._seller, market.suppliers)}
        owners: Owners = {}
        for seller in self.sellers.values():
            owners[seller.resource] = (*owners.get(seller.resource, ()), seller.address)
        self.products = {each.name: each.product for each in market.demanders if each.product}
        self.buyers = {
            each.address: each
            for each in (self._buyer(*named, owners) for named in self.products.items())
        }

    def _key(self, name: str) -> Key:
        key = Key.derive("products", self.market.name, name)
        self.keys[key.address] = key
        return key

    def _time(self, slot: int) -> int:
        return self.origin + slot * self.market.slot_length

    def _seller(self, supplier: Supplier) -> Seller:
        rivals = [each for each in self.market.suppliers if each.resource == supplier.resource]
        address = self._key(supplier.resource if len(rivals) == 1 else supplier.name).address
        resource = name_to_bytes32(supplier.resource)
        stock = {
            listing_id(address, resource, slot, self._time(slot + 1)): Stock(
                self._time(slot), self._time(slot + 1), units
            )
            for slot, units in enumerate(supplier.listed)
            if units
        }
        return Seller(
            address,
            DOMAIN,
            self.rounds,
            resource,
            TOKEN,
            supplier.maintenance,
            stock=HashTrieMap(stock),
        )

    def _buyer(self, name: str, spec: Product, owners: Owners) -> Buyer:
        address = self._key(name).address
        product = Wanted(
            id=keccak(f"{address}|{name}".encode()),
            steps=tuple(
                tuple(Way(name_to_bytes32(way.resource), way.quantity) for way in each.alternatives)
                for each in spec.operations
            ),
            release=self._time(spec.release),
            due=self._time(spec.due + 1),
            last=self._time(spec.last + 1),
            value=spec.value,
            lateness=spec.lateness,
            late_every=self.market.slot_length,
        )
        secret = keccak(address.encode())
        return Buyer(address, DOMAIN, self.rounds, product, secret, sellers=HashTrieMap(owners))

    def run(self) -> None:
        """Let a whole cycle pass, all that arrives late included."""
        quarter, start = self.rounds.rhythm.quarter, self.rounds.rhythm.origin
        for now in range(start, start + self.rounds.length, quarter):
            self._deliver(now)
            for address in (*self.sellers, *self.buyers):
                self._tick(address, now)
            self._deliver(now)

    def _tick(self, address: str, now: int) -> None:
        if address in self.sellers:
            self.sellers[address], outputs = selling.tick(self.sellers[address], now)
        else:
            self.buyers[address], outputs = buying.tick(self.buyers[address], now)
        self._send(address, outputs, now)

    def _deliver(self, now: int) -> None:
        """Deliver what has arrived by now, each at its second, and what follows from it."""
        while self._queue and self._queue[0][0] <= now:
            at, _, address, given = heappop(self._queue)
            try:
                if address in self.sellers:
                    seller = replace(self.sellers[address], now=at)
                    self.sellers[address], outputs = selling.hear(seller, given)
                else:
                    buyer = replace(self.buyers[address], now=at)
                    self.buyers[address], outputs = buying.hear(buyer, given)
            except TooEarly as error:
                self.tally.refused[str(error)] += 1
                heappush(self._queue, (at + 1, self._next(), address, given))
            except Unacceptable as error:
                self.tally.refused[str(error)] += 1
            else:
                self._send(address, outputs, at)

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _send(self, sender: str, outputs: tuple[Output, ...], now: int) -> None:
        signed: dict[int, Received] = {}
        for output in outputs:
            if isinstance(output, Send):
                self.tally.sent[type(output.message).__name__] += 1
                self.tally.beats.add(self.rounds.at(now).beat)
                known = id(output.message)
                if known not in signed:
                    signed[known] = self._signed(sender, output.message)
                for delay in self.carry(output, now):
                    heappush(self._queue, (now + delay, self._next(), output.to, signed[known]))

    def _signed(self, sender: str, message: Message) -> Received:
        key = self.keys[sender]
        whole = signed_word(key, DOMAIN, message)
        message_digest = digest(DOMAIN, whole)
        return Received(whole, message_digest, key.sign(message_digest))

    # What came of it

    def bought(self) -> Iterator[tuple[str, Buyer]]:
        """Yield the names and buyers of the products that are booked whole."""
        for name, buyer in zip(self.products, self.buyers.values(), strict=True):
            if buyer.held is not None:
                yield name, buyer

    def paid_for_incomplete(self) -> int:
        """Return what buyers would pay for lines of products that are not booked whole, base units.

        A buyer pays for what it has booked with all, and only where each seller has booked the
        same; whatever a seller has booked beyond that is room kept in vain, and paid by nobody.
        """
        paid = 0
        for buyer in self.buyers.values():
            if buyer.held is None:
                continue
            steps = buyer.held.chain.steps
            kept = [
                Sold(step.slot.listing, step.quantity, step.slot.price)
                in self.booked(step.slot.supplier, buyer.held.terms.id)
                for step in steps
            ]
            if not all(kept) or len(steps) != len(buyer.product.steps):
                paid += sum(step.quantity * step.slot.price for step in steps)
        return paid

    def booked(self, supplier: str, bid: bytes) -> tuple[Sold, ...]:
        """Return what a seller has booked of a bid."""
        hold = self.sellers[supplier].booked.get(bid)
        return () if hold is None else hold.lines
