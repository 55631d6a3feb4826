"""What benchmarks/chain.py has a chain settle: a market founded there, and signed transactions.

All of it is signed before a clock starts. Transactions of one account stand in a line, in the order
of their nonces; lines may be settled in any order. Gas limits are tight, as blocks are filled by
limits on some engines. Everybody has traded and been paid before: no balance is zero.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from fabmarket.chain import (
    Engine,
    ExchangeContract,
    Fees,
    Log,
    TokenContract,
    Transaction,
    escrow_code,
    exchange_code,
    net_code,
    signed,
    token_code,
    usual_fees,
)
from fabmarket.identity import Key, digest
from fabmarket.market.events import NetSettled, Settled
from fabmarket.market.exchange import (
    Attest,
    Deposit,
    List,
    Move,
    OperatorSignature,
    RegisterResource,
    Report,
    Settle,
    SettleBatch,
    SettleNet,
    SignedTrade,
)
from fabmarket.market.net import PAID, PAYS, Cycle, Row, Sale, root, trade_leaf
from fabmarket.market.parameters import HOURS
from fabmarket.market.trade import (
    NONCES,
    Attestation,
    Trade,
    listing_id,
    market_domain,
    nonce_of,
)
from fabmarket.market.units import name_to_bytes32

TRANSFERS, SINGLE, DISTINCT, SAME, NET = (
    "transfers",
    "one by one",
    "batches of distinct pairs",
    "batches of one pair",
    "net",
)
MODES = (SINGLE, DISTINCT, SAME, NET)
_GAS = {TRANSFERS: (35_000, 0), SINGLE: (57_000, 0), DISTINCT: (40_000, 32_300)} | {
    SAME: (40_000, 17_600),
    NET: (40_000, 16_600),
}
"""Limits: of a transaction, and more for each trade of a batch or account of a cycle."""
_TRADES_AN_ACCOUNT = 5
"""Of a net cycle, on either side twice as many."""
SLOT = 10**6
RESOURCE, UNIT = name_to_bytes32("m1"), name_to_bytes32("hour")
PRICE, PURSE, STOCK = 12_345_678, 10**18, 10**9
COIN = 10**19
NONCES_A_CYCLE = 16
"""Two blocks of nonces, as an account uses up that has ten trades."""


class Signed(NamedTuple):
    """A transaction's bytes and its gas limit."""

    raw: bytes
    gas: int


Lines = list[list[Signed]]
Settling = Callable[[Lines], str | None]
"""Has lines settled, and returns the contract that the last transaction made."""


def keys(role: str, count: int) -> list[Key]:
    return [Key.derive("chain benchmark", role, str(number)) for number in range(count)]


class Market:
    """An exchange with accounts that can trade, on a chain that settles lines.

    So many pairs trade, and as many accounts settle net, half of them suppliers with a listing.
    """

    def __init__(self, engine: Engine, settle: Settling, pairs: int) -> None:
        self.engine, self.settle, self.pairs = engine, settle, pairs
        self.fees: Fees = usual_fees(engine)
        self.nonces = Counter({engine.funder.address: engine.nonce(engine.funder.address)})
        self.chance = random.Random(1)  # noqa: S311 (a made-up market, no secret)
        self.senders = keys("sender", pairs)
        self.demanders, self.suppliers = keys("demander", pairs), keys("supplier", pairs)
        self.buyers, self.sellers = keys("buyer", pairs // 2), keys("seller", pairs // 2)
        self.operators = sorted(keys("operator", 2), key=_number)
        self.bought: Counter[str] = Counter()
        self.sold: Counter[str] = Counter()
        self.cycles = 0
        self._deploy()
        self._fund()
        self._offer()

    def trades(self, mode: str) -> int:
        """Return how many trades, or transfers, a transaction of a mode is."""
        if mode == NET:
            return _TRADES_AN_ACCOUNT * self.pairs
        return self.pairs if mode in (DISTINCT, SAME) else 1

    def settled(self, mode: str, logs: Iterable[Log]) -> int:
        """Return how many trades, or transfers, of a mode have settled by their logs."""
        if mode == TRANSFERS:
            return sum(log.address == self.token.address for log in logs)
        kinds = [type(self.exchange.event(log)) for log in logs]
        if mode == NET:
            return self.trades(mode) * kinds.count(NetSettled)
        return kinds.count(Settled)

    def limit(self, mode: str) -> int:
        """Return the gas limit of a transaction of a mode."""
        once, each = _GAS[mode]
        return once + each * self.pairs

    def load(self, mode: str, count: int) -> Lines:
        """Return so many transactions of a mode."""
        if mode in (DISTINCT, NET):  # each has everybody's next nonces, so that they have an order
            return [[self._one(mode, 0) for _ in range(count)]]
        places = range(min(self.pairs, count))
        return [
            [self._one(mode, place) for _ in range(place, count, self.pairs)] for place in places
        ]

    def _one(self, mode: str, place: int) -> Signed:
        sender, limit = self.senders[place], self.limit(mode)
        if mode == TRANSFERS:
            to = self.senders[place - 1].address
            data = self.token.data("transfer", to, self.chance.randint(1, PRICE))
            return self._signed(sender, self.token.address, data, limit)
        return self._moved(sender, self._settling(mode, place), limit)

    def _settling(self, mode: str, place: int) -> Move:
        pair = self.demanders[place], self.suppliers[place]
        if mode == SINGLE:
            return Settle(self._trade(*pair))
        if mode == NET:
            return self._cycle()
        pairs = zip(self.demanders, self.suppliers, strict=True)
        sides = [pair] * self.pairs if mode == SAME else pairs
        return SettleBatch(tuple(self._trade(*each) for each in sides))

    def _signed(self, key: Key, to: str | None, data: bytes, gas: int, value: int = 0) -> Signed:
        nonce = self.nonces[key.address]
        self.nonces[key.address] += 1
        item = Transaction(key, "", to, data, gas, value)
        return Signed(signed(self.engine, item, nonce, self.fees), gas)

    def _moved(self, key: Key, move: Move, gas: int) -> Signed:
        return self._signed(key, self.exchange.address, self.exchange.move_data(move), gas)

    def _deploy(self) -> None:
        token = self._made(token_code("Test", "T", 6), 2_000_000)
        escrow, net = (self._made(code(HOURS), 6_500_000) for code in (escrow_code, net_code))
        names = tuple(key.address for key in self.operators)
        code = exchange_code(names, 2, (token,), HOURS, escrow, net)
        self.token = TokenContract(self.engine, token)
        self.exchange = ExchangeContract(self.engine, self._made(code, 7_000_000))
        self.domain = market_domain(self.engine.chain_id, self.exchange.address)
        self.origin = self.engine.now()

    def _made(self, code: bytes, gas: int) -> str:
        return str(self.settle([[self._signed(self.engine.funder, None, code, gas)]]))

    def _fund(self) -> None:
        funder, token = self.engine.funder, self.token
        line = []
        for key in (*self.senders, *self._owners()):
            line.append(self._signed(funder, key.address, b"", 21_000, COIN))
            money = token.data("mint", key.address, 2 * PURSE)
            line.append(self._signed(funder, token.address, money, 70_000))
        self.settle([line])

    def _owners(self) -> list[Key]:
        return [*self.demanders, *self.suppliers, *self.buyers, *self.sellers]

    def _offer(self) -> None:
        """Let everybody pay in and every supplier list."""
        lines = {key.address: [*self._deposits(key)] for key in self._owners()}
        for key in (*self.suppliers, *self.sellers):
            lines[key.address] += self._listings(key)
        self.settle(list(lines.values()))

    def _deposits(self, key: Key) -> Iterable[Signed]:
        yield self._signed(
            key, self.token.address, self.token.approval(self.exchange.address, PURSE), 60_000
        )
        yield self._moved(key, Deposit(self.token.address, PURSE), 130_000)

    def _listings(self, key: Key) -> Iterable[Signed]:
        counted = Attestation(
            key.address, RESOURCE, UNIT, self.origin, SLOT, 0, (STOCK,), 1, self.origin + SLOT, 1
        )
        word = digest(self.domain, counted)
        proofs = tuple(OperatorSignature(each.address, each.sign(word)) for each in self.operators)
        yield self._moved(key, RegisterResource(RESOURCE, UNIT, self.origin, SLOT), 150_000)
        yield self._moved(key, Attest(counted, proofs), 200_000)
        yield self._moved(key, List((Report(RESOURCE, 0, STOCK),)), 150_000)

    def _listing(self, supplier: Key) -> bytes:
        return listing_id(supplier.address, RESOURCE, 0, self.origin + SLOT)

    def _trade(self, demander: Key, supplier: Key) -> SignedTrade:
        bought, sold = self.bought[demander.address], self.sold[supplier.address]
        self.bought[demander.address] += 1
        self.sold[supplier.address] += 1
        trade = Trade(
            listing=self._listing(supplier),
            demander=demander.address,
            token=self.token.address,
            quantity=17,
            unit_price=PRICE,
            valid_until=self.origin + SLOT,
            nonce=nonce_of(*divmod(bought, NONCES)),
            supplier_nonce=nonce_of(0, NONCES - 1 - sold % NONCES),
            transcript=self.chance.randbytes(32),
        )
        word = digest(self.domain, trade)
        return SignedTrade(trade, demander.sign(word), supplier.sign(word))

    def _cycle(self) -> SettleNet:
        """Return a cycle of all buyers and sellers, with trades at random."""
        count = self.trades(NET)
        change: Counter[str] = Counter()
        units: Counter[str] = Counter()
        for _ in range(count):
            buyer, seller = self.chance.choice(self.buyers), self.chance.choice(self.sellers)
            quantity = self.chance.randint(1, 40)
            payment = quantity * self.chance.randint(PRICE // 2, 2 * PRICE)
            change[buyer.address] -= payment
            change[seller.address] += payment
            units[seller.address] += quantity
        everyone = sorted((*self.buyers, *self.sellers), key=_number)
        epoch, first = divmod(self.cycles, NONCES // NONCES_A_CYCLE)
        self.cycles += 1
        rows = tuple(
            Row(
                account=key.address,
                mask=((1 << NONCES_A_CYCLE) - 1) << first * NONCES_A_CYCLE,
                amount=abs(change[key.address]),
                direction=PAYS if change[key.address] < 0 else PAID,
                epoch=epoch,
                sales=int(units[key.address] > 0),
                salt=self.chance.getrandbits(72),
            )
            for key in everyone
        )
        leaves = [trade_leaf(*(self.chance.randbytes(32) for _ in "..")) for _ in range(count)]
        sales = self._sales(units, everyone)
        cycle = Cycle(self.token.address, root(leaves), self.origin + SLOT, rows, sales)
        word = digest(self.domain, cycle.batch)
        return SettleNet(cycle, tuple(key.sign(word) for key in everyone))

    def _sales(self, units: Counter[str], everyone: Sequence[Key]) -> tuple[Sale, ...]:
        places = {key.address: place for place, key in enumerate(everyone)}
        selling = [key for key in self.sellers if units[key.address]]
        return tuple(
            Sale(
                self._listing(key),
                units[key.address],
                0,
                places[key.address],
                self.chance.getrandbits(128),
            )
            for key in sorted(selling, key=self._listing)
        )


def _number(key: Key) -> int:
    return int(key.address, 16)
