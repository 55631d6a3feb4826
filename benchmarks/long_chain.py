"""A market with a long past, on an anvil of its own: what the other benchmarks read.

    python benchmarks/long_chain.py [--trades 100000] [--seed 1]

Prints where the node and the market are, as JSON, and stays until it is stopped (Ctrl-C).

40 demanders buy of 24 suppliers, each with two resources of 24 hourly slots, all at random, in
`settleBatch` of 100 trades. The trades come over 30 days before the first slot begins; in each
block two more go into escrow, and in every tenth of the first 240 a net cycle of eight accounts is
settled. Then the first slots pass: of five escrows one is late, two are delivered and accepted, one
is half paid, one disputed, and every second dispute is ruled on.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from fabmarket.chain import (
    Engine,
    ExchangeContract,
    Settings,
    TokenContract,
    Transaction,
    open_engine,
)
from fabmarket.identity import Key, digest, keccak
from fabmarket.market.exchange import (
    Deliver,
    Deposit,
    Dispute,
    Execute,
    Expire,
    List,
    Move,
    OperatorSignature,
    Release,
    Report,
    Rule,
    SettleBatch,
    SettleEscrowBatch,
    SettleNet,
    SignedTrade,
)
from fabmarket.market.net import PAID, PAYS, Cycle, Row, Sale, root, trade_leaf
from fabmarket.market.parameters import HOURS
from fabmarket.market.trade import NONCES, Escrow, Ruling, Trade, listing_id, nonce_of
from fabmarket.market.units import name_to_bytes32
from fabmarket.scenario import paper_market
from fabmarket.simulation.setup import Market, Parties, deploy, parties_of

HOUR, DAY = 3600, 86_400
DEMANDERS, SUPPLIERS, SLOTS = 40, 24, 24
RESOURCES = ("milling", "turning", "laser cutting", "welding")
NETTED = 4
"""Demanders that buy in net cycles alone, and the suppliers of whom they do."""
CYCLES = 24
IN_ESCROW = 2
"""A block."""
BATCH, MOST_BATCHES = 100, 4
TRADING = 30 * DAY
EARLY = 4
"""Slots whose capacity may be bought in escrow: those that pass before the chain ends."""
BATCH_GAS, ESCROW_GAS = 5_000_000, 2_000_000
STOCK, PURSE = 10**9, 10**15


@dataclass(frozen=True)
class LongChain:
    """A market that was traded on; trades are those settled one by one, escrows among them."""

    engine: Engine
    exchange: ExchangeContract
    token: TokenContract
    trades: int
    blocks: int
    seconds: float


class _Maker:
    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine = engine
        self.draw = random.Random(seed)  # noqa: S311 (a made-up market, no secret)
        self.market, self.parties = _deployed(engine, seed)
        self.demanders = [party.key for party in self.parties.demanders[:DEMANDERS]]
        self.netted = [party.key for party in self.parties.demanders[DEMANDERS:]]
        self.suppliers = [party.key for party in self.parties.suppliers]
        self.bought: Counter[str] = Counter()
        self.held: list[Trade] = []
        self.cycles = 0
        self._prepare()

    def _prepare(self) -> None:
        market, owner = self.market, self.parties.deployer.key
        for place, key in enumerate(self.suppliers):
            for name in self.resources_of(place):
                slots = range(SLOTS)
                reports = tuple(Report(name, slot, STOCK) for slot in slots)
                unit, counted = name_to_bytes32("hour"), (2 * STOCK,) * SLOTS
                market.queue(key, market.registration(name, unit))
                market.queue(key, market.attestation(key.address, name, unit, counted))
                market.queue(key, List(reports))
        market.sender.must_succeed(market.exchange)
        for key in (*self.demanders, *self.netted, *self.suppliers):
            market.queue_token(owner, "mint", key.address, PURSE)
            market.queue_token(key, "approve", market.exchange.address, PURSE)
        market.sender.must_succeed()
        for key in (*self.demanders, *self.netted, *self.suppliers):
            market.queue(key, Deposit(market.token.address, PURSE))
        market.sender.must_succeed(market.exchange)

    def resources_of(self, place: int) -> tuple[bytes, bytes]:
        """The two resources of the supplier at a place."""
        first = place % len(RESOURCES)
        names = (RESOURCES[first], RESOURCES[(first + 1) % len(RESOURCES)])
        return name_to_bytes32(names[0]), name_to_bytes32(names[1])

    def submit(self, move: Move, gas: int) -> None:
        """Queue what anyone may submit."""
        data, funder = self.market.exchange.move_data(move), self.engine.funder
        self.market.sender.queue(
            Transaction(funder, "submit", self.market.exchange.address, data, gas)
        )

    def mined(self) -> None:
        self.market.sender.must_succeed(self.market.exchange)
        self.market.sender.sent.clear()  # or a long chain would be kept here whole

    def trade(self, *, is_escrow: bool) -> SignedTrade:
        """A trade of a pair, listing, quantity and price at random, signed by both."""
        place = self.draw.randrange(SUPPLIERS)
        demander, supplier = self.draw.choice(self.demanders), self.suppliers[place]
        which = self.draw.randrange(2)
        resource = self.resources_of(place)[which]
        slot = self.draw.randrange(EARLY if is_escrow else SLOTS)
        bought = self.bought[demander.address]
        self.bought[demander.address] += 1
        trade = Trade(
            listing=self.listing(supplier, resource, slot),
            demander=demander.address,
            token=self.market.token.address,
            quantity=self.draw.randint(1, 40),
            unit_price=1_000 * (place + 1) + 100 * slot + self.draw.randint(0, 99),
            valid_until=self.market.origin,
            nonce=nonce_of(*divmod(bought, NONCES)),
            transcript=keccak(self.draw.randbytes(8)),
        )
        if is_escrow:
            trade = replace(trade, escrow=self.escrow(resource, slot, trade.payment // 10))
            self.held.append(trade)
        signed = digest(self.market.domain, trade)
        return SignedTrade(trade, demander.sign(signed), supplier.sign(signed))

    def listing(self, supplier: Key, resource: bytes, slot: int) -> bytes:
        return listing_id(supplier.address, resource, slot, self.market.origin + (slot + 1) * HOUR)

    def escrow(self, resource: bytes, slot: int, bond: int) -> Escrow:
        begins = self.market.origin + slot * HOUR
        by = self.market.origin + 2 * EARLY * HOUR
        dispute, decide = by + HOURS.dispute_window, by + 10 * DAY
        late, silent, undecided = 2_000, 10_000, 5_000
        shares, penalties = (late, silent, undecided), (5_000, 2_500)
        return Escrow(resource, slot, begins, by, dispute, decide, *shares, bond, *penalties)

    def block(self, batches: int) -> None:
        """One block of trades."""
        for _ in range(batches):
            batch = tuple(self.trade(is_escrow=False) for _ in range(BATCH))
            self.submit(SettleBatch(batch), BATCH_GAS)
        held = tuple(self.trade(is_escrow=True) for _ in range(IN_ESCROW))
        self.submit(SettleEscrowBatch(held), ESCROW_GAS)
        self.mined()

    def cycle(self) -> None:
        """A net cycle: each of four demanders bought of each of four suppliers."""
        sellers = self.suppliers[:NETTED]
        change: Counter[str] = Counter()
        units: Counter[str] = Counter()
        for buyer in self.netted:
            for seller in sellers:
                quantity, price = self.draw.randint(1, 9), self.draw.randint(900, 1_100)
                change[buyer.address] -= quantity * price
                change[seller.address] += quantity * price
                units[seller.address] += quantity
        everyone = sorted((*self.netted, *sellers), key=lambda key: int(key.address, 16))
        mask = 2 << self.cycles  # a trade's supplier signs with its first nonce, left unused
        rows = tuple(
            Row(
                account=key.address,
                mask=mask,
                amount=abs(change[key.address]),
                direction=PAYS if change[key.address] < 0 else PAID,
                epoch=0,
                sales=int(key.address in units),
                salt=self.draw.getrandbits(72),
            )
            for key in everyone
        )
        at = {key.address: place for place, key in enumerate(everyone)}
        sales = [
            Sale(
                self.listing(key, self.resources_of(place)[0], 0),
                units[key.address],
                0,
                at[key.address],
                self.draw.getrandbits(128),
            )
            for place, key in enumerate(sellers)
        ]
        sales.sort(key=lambda sale: sale.listing)
        leaves = [trade_leaf(self.draw.randbytes(32), self.draw.randbytes(32)) for _ in range(16)]
        token, until = self.market.token.address, self.engine.now() + 600
        cycle = Cycle(token, root(leaves), until, rows, tuple(sales))
        signed = digest(self.market.domain, cycle.batch)
        self.submit(SettleNet(cycle, tuple(key.sign(signed) for key in everyone)), ESCROW_GAS)
        self.cycles += 1

    def deliveries(self) -> None:
        """What becomes of the escrows once their slots pass."""
        market, owners = self.market, {key.address: key for key in self.demanders}
        sellers = {
            self.listing(key, name, slot): key
            for place, key in enumerate(self.suppliers)
            for name in self.resources_of(place)
            for slot in range(EARLY)
        }
        kinds = [self.held[kind::5] for kind in range(5)]
        late, disputed = kinds[0], kinds[4]
        self.engine.pass_time(market.origin + EARLY * HOUR)
        for trade in self.held:
            if trade not in late:
                market.queue(sellers[trade.listing], Deliver(trade, trade.quantity))
        self.mined()
        for trade in (*kinds[1], *kinds[2]):
            market.queue(owners[trade.demander], Release(trade, trade.payment))
        for trade in kinds[3]:
            half = trade.quantity // 2 * trade.unit_price
            if half:
                market.queue(owners[trade.demander], Release(trade, half))
        for trade in disputed:
            market.queue(owners[trade.demander], Dispute(trade, keccak(trade.transcript)))
        self.mined()
        self.engine.pass_time(market.origin + DAY)
        for trade in late:
            self.submit(Expire(trade), ESCROW_GAS // 4)
        for trade in disputed[::2]:
            self.submit(self.ruling(trade), ESCROW_GAS // 4)
        self.mined()
        for _ in range(HOURS.grace_blocks):
            self.engine.mine([])
        self.engine.pass_time(market.origin + 2 * DAY)
        for trade in late:
            self.submit(Expire(trade), ESCROW_GAS // 4)
        for trade in disputed[::2]:
            self.submit(Execute(trade), ESCROW_GAS // 4)
        self.mined()

    def ruling(self, trade: Trade) -> Rule:
        word = digest(self.market.domain, trade)
        ruling = Ruling(word, 1, 7_000, 10_000, 5_000, self.engine.now() + DAY)
        signed = digest(self.market.domain, ruling)
        keys = sorted((each.key for each in self.parties.operators[:2]), key=_by_number)
        signatures = tuple(OperatorSignature(key.address, key.sign(signed)) for key in keys)
        return Rule(trade, ruling, signatures)


def _by_number(key: Key) -> int:
    return int(key.address, 16)


def _deployed(engine: Engine, seed: int) -> tuple[Market, Parties]:
    paper = paper_market(seed)
    scenario = replace(
        paper,
        operators=3,
        threshold=2,
        slot_length=HOUR,
        demanders=tuple(
            replace(paper.demanders[0], name=f"d{place}") for place in range(DEMANDERS + NETTED)
        ),
        suppliers=tuple(
            replace(paper.suppliers[0], name=f"s{place}") for place in range(SUPPLIERS)
        ),
        verification_tests=(),
    )
    parties = parties_of(scenario, seed)
    return deploy(engine, scenario, parties, TRADING + DAY), parties


def make(engine: Engine, trades: int = 100_000, seed: int = 1) -> LongChain:
    """Found a market at a node whose time passes at will, and trade on it; the same each time.

    `trades` is rounded up to whole blocks.
    """
    began = time.monotonic()
    maker = _Maker(engine, seed)
    start, batches = engine.now(), -(-trades // BATCH)
    at_once = max(1, min(MOST_BATCHES, batches // 50))
    blocks = -(-batches // at_once)
    for block in _told(blocks, blocks * at_once * BATCH):
        engine.pass_time(start + TRADING * (block + 1) // (blocks + 1))
        if block % 10 == 0 and maker.cycles < CYCLES:
            maker.cycle()
        maker.block(at_once)
    maker.deliveries()
    made = blocks * (at_once * BATCH + IN_ESCROW)
    market, seconds = maker.market, time.monotonic() - began
    height = engine.block_number() + 1
    return LongChain(engine, market.exchange, market.token, made, height, seconds)


def _told(blocks: int, trades: int) -> Iterator[int]:
    """The numbers of the blocks; how far it is is told where somebody sees it."""
    for block in range(blocks):
        if sys.stderr.isatty():
            done = f"\rmaking a chain: {trades * block // blocks:,} of {trades:,} trades"
            print(done, end="", file=sys.stderr, flush=True)
        yield block
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with open_engine("anvil", Settings()) as engine:
        chain = make(engine, args.trades, args.seed)
        facts = {
            "rpc": getattr(engine, "url", ""),
            "chain_id": engine.chain_id,
            "market": chain.exchange.address,
            "token": chain.token.address,
            "trades": chain.trades,
            "blocks": chain.blocks,
            "seconds": round(chain.seconds, 1),
        }
        print(json.dumps(facts), flush=True)
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)


if __name__ == "__main__":
    main()
