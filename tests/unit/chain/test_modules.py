"""What the exchange's two modules do reaches us: their calls, events, views and errors."""

import pytest

from fabmarket.chain import Settings, Transaction, open_engine
from fabmarket.identity import Key, digest
from fabmarket.market.events import (
    Cause,
    Delivered,
    Disputed,
    Escrowed,
    NetSettled,
    Released,
    RulingPosted,
    Settled,
)
from fabmarket.market.exchange import (
    Attest,
    Deliver,
    Deposit,
    Dispute,
    EscrowState,
    Execute,
    Held,
    List,
    OperatorSignature,
    Posted,
    RegisterResource,
    Release,
    Report,
    Rule,
    SettleEscrow,
    SettleLate,
    SettleNet,
    SignedTrade,
)
from fabmarket.market.net import PAID, PAYS, Cycle, Row, Sale, pack
from fabmarket.market.parameters import Parameters
from fabmarket.market.trade import (
    Attestation,
    Escrow,
    Ruling,
    Trade,
    listing_id,
    market_domain,
    nonce_of,
)

PRESS, HOUR = (name.ljust(32, b"\0") for name in (b"press", b"hour"))
SHORTEST = Parameters(1, 1, 1, 1, 1, 1, 1, 1, 10**6, 500)
"""Windows of a second each: the next block is past them."""
LENGTH = 10**5


class Shop:
    """One listed slot, its supplier and a demander, both with money; one operator."""

    def __init__(self, deployed):
        self.deployed, self.exchange = deployed, deployed.exchange
        self.operator = deployed.key
        self.supplier, self.demander = (
            Key.derive("chain tests", name) for name in ("supplier", "demander")
        )
        self.token = deployed.token.address
        self.domain = market_domain(deployed.engine.chain_id, self.exchange.address)
        self.origin = deployed.engine.now()
        self.listing = listing_id(self.supplier.address, PRESS, 0, self.origin + LENGTH)
        for key in (self.supplier, self.demander):
            funder = deployed.engine.funder
            deployed.sender.queue(Transaction(funder, "fund", key.address, b"", 21_000, 10**18))
            deployed.sender.must_succeed()
            deployed.queue(deployed.token.data("mint", key.address, 1000), to=self.token)
            allow = deployed.token.data("approve", self.exchange.address, 1000)
            deployed.sender.queue(Transaction(key, "approve", self.token, allow, 300_000))
            self.sends(key, Deposit(self.token, 1000))
        self.sends(self.supplier, RegisterResource(PRESS, HOUR, self.origin, LENGTH))
        count = Attestation(
            self.supplier.address, PRESS, HOUR, self.origin, LENGTH, 0, (9,), 1, 2**40, 1
        )
        self.sends(self.supplier, Attest(count, self.decided(count)))
        self.sends(self.supplier, List((Report(PRESS, 0, 9),)))

    def sends(self, key, move):
        """Send a move; return its events of ours."""
        data = self.exchange.move_data(move)
        self.deployed.sender.queue(Transaction(key, "test", self.exchange.address, data, 1_000_000))
        receipt = self.deployed.sender.must_succeed(self.exchange)[-1]
        return [event for event in map(self.exchange.event, receipt.logs) if event is not None]

    def decided(self, struct):
        signed = self.operator.sign(digest(self.domain, struct))
        return (OperatorSignature(self.operator.address, signed),)

    def trade(self, **changes):
        terms = {
            "listing": self.listing,
            "demander": self.demander.address,
            "token": self.token,
            "quantity": 4,
            "unit_price": 25,
            "valid_until": self.origin + LENGTH,
            "nonce": nonce_of(0, 3),
            "supplier_nonce": nonce_of(0, 95),
            **changes,
        }
        return Trade(**terms)

    def signed(self, trade):
        agreed = digest(self.domain, trade)
        return SignedTrade(trade, self.demander.sign(agreed), self.supplier.sign(agreed))


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def shop(request, deploy):
    if request.param == "anvil":
        request.getfixturevalue("needs_anvil")
    with open_engine(request.param, Settings()) as engine:
        yield Shop(deploy(engine, SHORTEST))


def test_an_escrow_from_settlement_to_a_ruling(shop):
    now = shop.deployed.engine.now()
    by = now + 1000
    terms = Escrow(PRESS, 0, shop.origin, by, by + 9, by + 99, 1, 2, 3, 40, 5, 6)
    trade = shop.trade(escrow=terms)
    agreed = digest(shop.domain, trade)
    settled, escrowed = shop.sends(shop.demander, SettleEscrow(shop.signed(trade)))
    assert isinstance(settled, Settled)
    assert escrowed == Escrowed(agreed, trade, 1, now + 1)
    assert shop.exchange.held_of(agreed) == Held(100, 0, 1, EscrowState.FUNDED, False, now + 1)
    assert shop.sends(shop.supplier, Deliver(trade, 3)) == [Delivered(agreed, 3, now + 2)]
    part = shop.sends(shop.demander, Release(trade, 10))
    assert part == [Released(agreed, Cause.ACCEPTED, 10, 0, False)]
    assert isinstance(part[0].cause, Cause)
    assert shop.sends(shop.demander, Dispute(trade, b"e" * 32)) == [
        Disputed(agreed, b"e" * 32, now + 4)
    ]
    assert shop.exchange.held_of(agreed) == Held(90, 3, 1, EscrowState.DISPUTED, False, now + 4)
    assert shop.exchange.ruling_of(agreed) == Posted()
    ruling = Ruling(agreed, 1, 5000, 10_000, 0, 2**40)
    block = shop.deployed.engine.block_number() + 1
    (posted,) = shop.sends(shop.demander, Rule(trade, ruling, shop.decided(ruling)))
    assert posted == RulingPosted(agreed, 1, 5000, 10_000, 0, now + 6, block + 1)
    assert shop.exchange.ruling_of(agreed) == Posted(1, 5000, 10_000, 0, now + 6)
    # Of 90 held and deposits of 5 each; the bond of 40.
    (released,) = shop.sends(shop.demander, Execute(trade))
    assert released == Released(agreed, Cause.RULED, 45 + 40, 45 + 10, True)


def test_a_cycle_and_a_trade_that_waits_for_one(shop):
    now = shop.deployed.engine.now()
    rows = [
        Row(shop.demander.address, 1 << 9, 75, PAYS, 0, 0, 2**72 - 1),
        Row(shop.supplier.address, 1 << 90, 75, PAID, 0, 1, 7),
    ]
    rows.sort(key=lambda row: int(row.account, 16))
    place = [row.account for row in rows].index(shop.supplier.address)
    sales = (Sale(shop.listing, 3, 0, place, 2**128 - 1),)
    cycle = Cycle(shop.token, b"t" * 32, now + 60, tuple(rows), sales)
    batch = digest(shop.domain, cycle.batch)
    keys = {key.address: key for key in (shop.demander, shop.supplier)}
    before = {each: shop.exchange.account_of(each, shop.token) for each in keys}
    signatures = tuple(keys[row.account].sign(batch) for row in rows)
    total = shop.exchange.total_of(shop.token)
    assert shop.sends(shop.demander, SettleNet(cycle, signatures)) == [
        NetSettled(batch, shop.token, b"t" * 32, pack(rows), pack(sales))
    ]
    for row in rows:
        after = shop.exchange.account_of(row.account, shop.token)
        assert after.balance - before[row.account].balance == row.change
        assert after.used == before[row.account].used | row.mask
    assert shop.exchange.total_of(shop.token) == total
    late = SettleLate((shop.signed(shop.trade()),), 2**40)
    refusal = shop.exchange.why(shop.demander.address, shop.exchange.move_data(late))
    assert (refusal.error, refusal.values[0]) == ("LateOnly", 2**40)


def test_a_module_is_not_called_directly(shop):
    held = shop.exchange.data("heldOf", bytes(32))
    for module in shop.deployed.modules:
        with pytest.raises(Exception, match="call reverted with 0x"):
            shop.deployed.engine.call(module, held)
