"""Three operators and a supplier as real processes: capacity is attested, a dispute is ruled on."""

import signal
from contextlib import ExitStack

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity import digest, keccak
from fabmarket.market.exchange import (
    Deliver,
    Deposit,
    Dispute,
    Execute,
    List,
    Report,
    SettleEscrow,
    SignedTrade,
)
from fabmarket.market.trade import Escrow, Trade, listing_id
from fabmarket.market.units import name_to_bytes32
from tests.nodes import rpc
from tests.street import ended, found, free_port, logged, start, wait_until

DAY = 86_400
SLOT = 1
PHOTO = b"photo: 9.8 mm where 10.0 were ordered"


class Quarter:
    """A market whose three operators and supplier run; their directories and logs."""

    def __init__(self, node, folder, run) -> None:
        """`run` runs a command of the owner's."""
        self.run = run
        self.engine = open_engine(node.url, Settings())
        self.street = found(self.engine, 40)
        self.market = self.street.market
        rpc(self.engine, "evm_setAutomine", False)
        rpc(self.engine, "evm_setIntervalMining", 1)
        self.supplier, self.buyer = (
            self.street.parties.suppliers[0],
            self.street.parties.demanders[0],
        )
        self.operators = self.street.parties.operators
        people = (*self.operators, self.supplier)
        self.folders = {
            each: self.street.directory(folder / str(at), each, free_port())
            for at, each in enumerate(people)
        }
        self.logs = {each: folder / f"{at}.log" for at, each in enumerate(people)}
        self.stack, self.processes = ExitStack(), {}

    def start(self, party):
        process = start(self.folders[party], self.logs[party], "--json-log")
        self.processes[party] = process
        self.stack.enter_context(ended(process))

    def lines(self, party, name):
        return logged(self.logs[party], name)

    def wait_for(self, party, name, count=1):
        problem = f"no line {name}: {self.logs[party]}"
        return wait_until(lambda: len(self.lines(party, name)) >= count, 400, problem)

    def listed(self, command, party):
        return self.run(command, self.folders[party], "--json").facts

    def order(self, command, party, *arguments):
        """Order something of a running agent, and wait until it is done."""
        ended = self.run(command, self.folders[party], *arguments, "--json").facts["state"]
        assert ended in ("done", "taken")

    def does(self, party, move):
        """A move that its owner makes with the key itself, mined."""
        self.market.queue(party.key, move)
        self.market.sender.must_succeed(self.market.exchange)

    def jump(self, seconds, blocks=0):
        rpc(self.engine, "evm_setNextBlockTimestamp", self.engine.now() + seconds)
        rpc(self.engine, "anvil_mine", hex(1 + blocks))

    def held(self):
        """In what states the supplier's trades in escrow are, as far as it has read."""
        return [each["state"] for each in self.listed("status", self.supplier)["escrows"]]

    def requested(self, party):
        """The one request that an operator has, once it has come."""
        (request,) = wait_until(lambda: self.listed("requests", party), 240, "no request")
        return request

    def stock(self, slot, holds):
        """What the supplier's status says of a slot, once that holds."""

        def found():
            slots = {each["slot"]: each for each in self.listed("status", self.supplier)["stock"]}
            return slots[slot] if slot in slots and holds(slots[slot]) else None

        return wait_until(found, 240, f"it does not hold of slot {slot}")

    def attested(self, *quantities):
        """The supplier asks, and two operators sign."""
        before = len(self.lines(self.supplier, "attested"))
        self.order("ask", self.supplier, "--slot", SLOT, *quantities, "--expires", 10**10)
        for party in self.operators[:2]:
            self.order("attest", party, self.requested(party)["request"])
        self.wait_for(self.supplier, "attested", before + 1)

    def trade(self):
        """Three units in escrow, settled by both keys; returns it and its digest."""
        market, resource = self.market, name_to_bytes32("S")
        start = market.origin + SLOT * market.slot_length
        end = start + market.slot_length
        terms = Escrow(
            resource=resource,
            slot=SLOT,
            deliver_from=start,
            deliver_by=end,
            dispute_by=end + 3 * DAY,
            decide_by=end + 14 * DAY,
            silence_share=10_000,
            bond=40,
        )
        listing = listing_id(self.supplier.address, resource, SLOT, end)
        token, until = market.token.address, self.engine.now() + 900
        trade = Trade(listing, self.buyer.address, token, 3, 100, until, 0, escrow=terms)
        signed = digest(market.domain, trade)
        hands = (self.buyer.key.sign(signed), self.supplier.key.sign(signed))
        self.does(self.supplier, SettleEscrow(SignedTrade(trade, *hands)))
        return trade, signed

    def money(self):
        token = self.market.token.address
        return [
            self.market.exchange.balance_of(party.address, token)
            for party in (self.supplier, self.buyer)
        ]


@pytest.fixture
def quarter(node, tmp_path, fabmarket):
    made = Quarter(node, tmp_path, fabmarket)
    with made.stack:
        for party in made.folders:
            made.start(party)
        for party in made.folders:
            made.wait_for(party, "begun")
        # An order rests on what the agent has read: that its resource is registered.
        wait_until(lambda: made.listed("status", made.supplier)["stock"], 240, "nothing is read")
        yield made


def test_operators_attest_what_they_counted_and_nothing_else(quarter, tmp_path):
    first, second, third = quarter.operators
    counted = tmp_path / "counted.csv"
    counted.write_text("slot,quantity\n1,10\n2,12\n")
    quarter.order("ask", quarter.supplier, "--csv", counted)
    for party in quarter.operators:
        request = quarter.requested(party)
    assert (request["first_slot"], request["quantities"], request["needed"]) == (1, [10, 12], 2)
    assert (request["signed"], request["own"], request["problem"]) == ([], "", "")

    # All are killed; one signs while the others are away, who hear of it when they are back.
    quarter.stack.pop_all().close()
    quarter.start(second)
    quarter.wait_for(second, "begun", 2)
    counted.write_text(f"supplier,slot,quantity\n{quarter.supplier.address},1,10\n,2,12\n")
    quarter.order("attest", second, "--csv", counted)
    for party in (first, third, quarter.supplier):
        quarter.start(party)
        quarter.wait_for(party, "begun", 2)
    quarter.wait_for(quarter.supplier, "endorsed")

    counted.write_text("slot,quantity\n1,10\n2,11\n")
    differs = quarter.run("attest", quarter.folders[first], "--csv", counted)
    assert differs.code == 2
    assert "slot 2: 12 asked for, 11 counted" in differs.stderr
    reason = "eleven machines on Tuesday"
    quarter.order("refuse", first, request["request"], "--reason", reason)
    quarter.wait_for(quarter.supplier, "declined")
    assert quarter.lines(quarter.supplier, "attested") == []
    assert quarter.lines(quarter.supplier, "declined")[0]["reason"] == reason

    quarter.order("attest", third, request["request"][:12])
    quarter.wait_for(quarter.supplier, "attested")
    resource = name_to_bytes32("S")
    slot = quarter.market.exchange.slot_of(quarter.supplier.address, resource, 2)
    assert (slot.attested, slot.version) == (12, 1)
    for party in (first, third):
        problem = f"the request stays: {quarter.logs[party]}"
        wait_until(lambda party=party: quarter.listed("requests", party) == [], 240, problem)
    quarter.does(quarter.supplier, List((Report(resource, 1, 10), Report(resource, 2, 12))))
    again = quarter.run("attest", quarter.folders[third], request["request"])
    assert "there is no request" in again.stderr
    quarter.processes[first].send_signal(signal.SIGTERM)
    assert quarter.processes[first].wait(60) == 0


def test_a_sealed_quantity_is_seen_by_operators_alone_until_it_is_opened(quarter, tmp_path):
    first, second, _ = quarter.operators
    supplier, resource, exchange = quarter.supplier, name_to_bytes32("S"), quarter.market.exchange
    quarter.order("ask", supplier, "--slot", SLOT, 12, "--sealed")
    counted = tmp_path / "counted.csv"
    counted.write_text("slot,quantity\n1,12\n")
    for party in (first, second):
        request = quarter.requested(party)
        assert (request["quantities"], request["sealed"]) == ([12], True)

    # All are killed, before and after the first signature; the journal keeps what opens the seal.
    quarter.stack.pop_all().close()
    quarter.start(second)
    quarter.wait_for(second, "begun", 2)
    quarter.order("attest", second, "--csv", counted)
    quarter.stack.pop_all().close()
    for party in (first, second, supplier):
        quarter.start(party)
        quarter.wait_for(party, "begun", 3 if party is second else 2)
    quarter.order("attest", first, request["request"])
    quarter.wait_for(supplier, "attested")
    assert quarter.lines(supplier, "attested")[0]["quantities"] == "12 sealed"
    assert exchange.slot_of(supplier.address, resource, SLOT).attested == 0
    assert exchange.seal_of(supplier.address, resource, SLOT) != bytes(32)
    stock = quarter.stock(SLOT, lambda stock: stock["sealed"] is not None)
    assert (stock["attested"], stock["available"], stock["sealed"]) == (0, 0, 12)

    early = quarter.run("list", quarter.folders[supplier], SLOT, 1)
    assert "(OverReported)" in early.stderr
    quarter.order("open", supplier, SLOT)
    assert exchange.slot_of(supplier.address, resource, SLOT).attested == 12
    stock = quarter.stock(SLOT, lambda stock: stock["available"])
    assert (stock["available"], stock["sealed"]) == (12, None)
    again = quarter.run("open", quarter.folders[supplier], SLOT)
    assert "nothing of slot 1 is sealed" in again.stderr
    listed = quarter.run("ask", quarter.folders[supplier], "--slot", SLOT, 15, "--sealed")
    assert "slot 1 is listed or sold in part" in listed.stderr


def test_a_dispute_is_shown_ruled_on_and_executed(quarter, tmp_path):
    first, second, third = quarter.operators
    market, token = quarter.market, quarter.market.token
    quarter.attested(10)
    quarter.does(quarter.supplier, List((Report(name_to_bytes32("S"), SLOT, 10),)))
    deployer = quarter.street.parties.deployer
    market.queue_token(deployer.key, "mint", quarter.supplier.address, 1_000)
    market.queue_token(quarter.supplier.key, "approve", market.exchange.address, 1_000)
    market.sender.must_succeed()
    quarter.does(quarter.supplier, Deposit(token.address, 1_000))
    before = quarter.money()
    trade, key = quarter.trade()
    quarter.jump(trade.escrow.deliver_from - quarter.engine.now() + 60)
    quarter.does(quarter.supplier, Deliver(trade, 3))
    quarter.does(quarter.buyer, Dispute(trade, keccak(PHOTO)))

    for party in quarter.operators:
        quarter.wait_for(party, "dispute")
    wait_until(lambda: quarter.held() == ["disputed"], 240, "the supplier has not read of it")
    photo = tmp_path / "photo"
    photo.write_bytes(PHOTO)
    quarter.order("show", quarter.supplier, key.hex()[:10], photo)
    quarter.wait_for(first, "evidence")
    (dispute,) = quarter.listed("disputes", first)
    assert (dispute["trade"], dispute["payment"], dispute["delivered"]) == (
        f"0x{key.hex()}",
        300,
        3,
    )
    assert [each["as_disputed"] for each in dispute["shown"]] == [True]
    listed = quarter.run("disputes", quarter.folders[first], "--out", tmp_path / "files")
    assert listed.code == 0, listed.stderr
    assert [path.read_bytes() for path in (tmp_path / "files").iterdir()] == [PHOTO]

    quarter.jump(dispute["hearing_until"] - quarter.engine.now() + 60)
    shares = ("--payment-share", "50%", "--bond-share", "10000bp", "--deposit-share", "0%")
    for party in (first, third):
        quarter.order("rule", party, key.hex()[:10], *shares)
    quarter.wait_for(second, "ruled")
    assert market.exchange.ruling_of(key).payment_share == 5_000
    (dispute,) = quarter.listed("disputes", second)
    assert dispute["posted"]["shares"] == [5_000, 10_000, 0]
    quarter.jump(dispute["posted"]["executable_at"] - quarter.engine.now() + 60, blocks=100)
    quarter.does(second, Execute(trade))
    quarter.wait_for(second, "closed")
    assert quarter.money() == [before[0] + 150 - 15, before[1] - 150 + 15]

    quarter.attested(0)
    watched = wait_until(lambda: quarter.listed("watch", second), 240, "nothing is unusual")
    assert [each["kind"] for each in watched] == ["lowered"]
    assert "0 units, 3 are sold" in watched[0]["what"]
