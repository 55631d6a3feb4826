"""What the market costs in gas, beside a plain token and item swap, measured in one run.

    python benchmarks/gas.py [--json]

It needs the yardstick's ERC-1155, compiled: `make contracts` leaves it in contracts/out, and so
does `node script/forge.mjs build test/base/TestItems.sol` in contracts/ after `npm ci`.

Every figure is the gas of a whole transaction (base fee of 21,000 and call data included) on the
embedded engine, with all checks of the market on and two signatures a trade. Accounts are warm:
they have deposited, sold and used a nonce before, as in a market that has been running. Batches
hold 100 trades; per trade is the batch's gas over 100. Trades are paid from balances that earlier
deposits funded: read the trade's gas together with the deposit's. `list` is a later listing of a
slot, judged from the stored attestation; `list_first` the first, after `attest`. `escrow_cycle` is
three transactions: into escrow, delivery, acceptance. `net_per_account` and `net_per_trade_at_10`
are one cycle of 100 accounts, 50 of them with a listing, between whom 500 trades were made at
random (10 an account on either side): its gas over 100 and over 500. `deposit_amortised` is a
single settlement with its share of one deposit that pays for 1, 10 or 100 of them. `yardstick` is
an ERC-20 transferFrom plus an ERC-1155 safeTransferFrom between warm accounts: two transactions,
no signature, no market check.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from rich.console import Console
from rich.table import Table

from fabmarket.chain import (
    ExchangeContract,
    Receipt,
    Sender,
    Settings,
    TokenContract,
    Transaction,
    escrow_code,
    exchange_code,
    net_code,
    open_engine,
    token_code,
)
from fabmarket.identity import Key, digest, keccak
from fabmarket.market.exchange import (
    Attest,
    Cancel,
    Deliver,
    Deposit,
    List,
    Move,
    OperatorSignature,
    RaiseEpoch,
    RegisterResource,
    Release,
    Report,
    Settle,
    SettleBatch,
    SettleEscrow,
    SettleEscrowBatch,
    SettleNet,
    SignedTrade,
    Withdraw,
)
from fabmarket.market.net import PAID, PAYS, Cycle, Row, Sale, root, trade_leaf
from fabmarket.market.parameters import HOURS
from fabmarket.market.trade import (
    NONCES,
    Attestation,
    Escrow,
    Trade,
    listing_id,
    market_domain,
    nonce_of,
)
from fabmarket.market.units import name_to_bytes32

TARGETS = {
    "settle_single": 56_000,
    "batch_distinct_per_trade": 32_000,
    "batch_same_per_trade": 17_800,
    "cancel_one": 32_000,
    "net_per_account": 16_500,
    "net_per_trade_at_10": 3_300,
}
SIZE = 100
NET_TRADES = 500
SLOT = 10**6
CYCLE_NONCES = 0xFFFF_FFFF << 64
"""Bits that every account keeps for cycles and uses up together, so that a mask hides a count."""
ITEMS = Path(__file__).parents[1] / "contracts" / "out" / "TestItems.sol" / "TestItems.json"
RESOURCE = name_to_bytes32("m1")
UNIT = name_to_bytes32("hour")
PRICE = 12_345_678


class Bench:
    """A market with its accounts; `bytecode` replaces what the package ships, by contract."""

    def __init__(
        self, bytecode: Mapping[str, bytes] | None = None, places: Iterable[int] = range(SIZE)
    ) -> None:
        self.bytecode = bytecode or {}
        self.last: dict[str, int] = {}
        self.engine = open_engine("embedded", Settings())
        self.sender = Sender(self.engine)
        self.deployer = Key.derive("gas", "deployer")
        self.operators = sorted(
            (Key.derive("gas", "operator", str(i)) for i in range(3)),
            key=lambda key: int(key.address, 16),
        )
        self.demanders = [Key.derive("gas", "demander", str(i)) for i in places]
        self.suppliers = [Key.derive("gas", "supplier", str(i)) for i in places]
        self.bought: Counter[str] = Counter()
        self.sold: Counter[str] = Counter()
        self.fund()
        self.deploy()

    def pairs(self) -> list[tuple[Key, Key]]:
        return list(zip(self.demanders, self.suppliers, strict=True))

    def send(
        self, key: Key, action: str, to: str | None, data: bytes, gas: int = 2_000_000
    ) -> Receipt:
        self.sender.queue(Transaction(key, action, to, data, gas))
        return self.sender.must_succeed()[-1]

    def call(self, key: Key, move: Move, gas: int = 2_000_000) -> int:
        data, name = self.exchange.move_data(move), type(move).__name__
        self.last[name] = self.send(key, name, self.exchange.address, data, gas).gas_used
        return self.last[name]

    def anyone(self, move: Move, gas: int = 2_000_000) -> int:
        return self.call(self.deployer, move, gas)

    def code(self, name: str, creation: bytes) -> bytes:
        """Return the code that deploys a contract, with the bytecode given for it, if any."""
        own = self.bytecode.get(name)
        return creation if own is None else own + creation[len(shipped(name)) :]

    def made(self, code: bytes) -> str:
        return str(self.send(self.deployer, "deploy", None, code, 12_000_000).contract)

    def fund(self) -> None:
        for key in (self.deployer, *self.operators, *self.demanders, *self.suppliers):
            self.sender.queue(
                Transaction(self.engine.funder, "fund", key.address, b"", 21_000, 10**19)
            )
        self.sender.must_succeed()

    def deploy(self) -> None:
        self.token = TokenContract(self.engine, self.made(token_code("Test", "T", 6)))
        names = tuple(key.address for key in self.operators)
        escrow = self.made(self.code("ResourceEscrow", escrow_code(HOURS)))
        net = self.made(self.code("NetSettlement", net_code(HOURS)))
        code = exchange_code(names, 2, (self.token.address,), HOURS, escrow, net)
        code = self.code("CapacityExchange", code)
        self.exchange = ExchangeContract(self.engine, self.made(code))
        self.domain = market_domain(self.engine.chain_id, self.exchange.address)
        self.origin = self.engine.now()

    def deposit(self, key: Key) -> int:
        for action, *values in (
            ("mint", key.address, 10**15),
            ("approve", self.exchange.address, 10**15),
        ):
            self.send(key, action, self.token.address, self.token.data(action, *values))
        self.call(key, Deposit(self.token.address, 10**13))
        return self.call(key, Deposit(self.token.address, 10**13))

    def supply(self, key: Key) -> dict[str, int]:
        end = self.origin + SLOT
        self.call(key, RegisterResource(RESOURCE, UNIT, self.origin, SLOT))
        attestation = Attestation(
            key.address, RESOURCE, UNIT, self.origin, SLOT, 0, (10**9,), 1, end, 1
        )
        attestation_digest = digest(self.domain, attestation)
        signatures = tuple(
            OperatorSignature(each.address, each.sign(attestation_digest))
            for each in self.operators[:2]
        )
        attest = self.call(key, Attest(attestation, signatures))
        first, later = (self.call(key, List((Report(RESOURCE, 0, 10**6),))) for _ in range(2))
        return {"attest": attest, "list_first": first, "list": later}

    def listing(self, supplier: Key) -> bytes:
        return listing_id(supplier.address, RESOURCE, 0, self.origin + SLOT)

    def trade(self, demander: Key, supplier: Key, escrow: Escrow = Escrow()) -> SignedTrade:  # noqa: B008
        bought, sold = self.bought[demander.address], self.sold[supplier.address]
        self.bought[demander.address] += 1
        self.sold[supplier.address] += 1
        trade = Trade(
            listing=self.listing(supplier),
            demander=demander.address,
            token=self.token.address,
            quantity=17,
            unit_price=PRICE,
            valid_until=self.origin + SLOT,
            nonce=nonce_of(*divmod(bought, NONCES)),
            supplier_nonce=nonce_of(0, NONCES - 1 - sold % NONCES),
            transcript=bytes(range(32)),
            escrow=escrow,
        )
        trade_digest = digest(self.domain, trade)
        return SignedTrade(trade, demander.sign(trade_digest), supplier.sign(trade_digest))

    def escrow(self) -> Escrow:
        """Terms of the least windows: pay on acceptance or silence, half if undecided."""
        start = self.engine.now()
        by = start + 3600
        dispute = by + HOURS.dispute_window
        decide = dispute + HOURS.hearing + HOURS.decision_window
        return Escrow(RESOURCE, 0, self.origin, by, dispute, decide, 0, 10_000, 5_000)


def shipped(name: str) -> bytes:
    """Return the bytecode of a contract as the package ships it."""
    text = files("fabmarket.chain").joinpath(f"artifacts/{name}.json").read_text()
    return bytes.fromhex(json.loads(text)["bytecode"].removeprefix("0x"))


def measure() -> dict[str, Any]:
    items = items_code()  # before the measuring, which takes a while
    bench = Bench()
    pairs = bench.pairs()
    demander, supplier = pairs[0]
    result: dict[str, Any] = prepare(bench, pairs)
    result["settle_single"] = bench.anyone(Settle(bench.trade(demander, supplier)))
    for name, sides in (("distinct", pairs), ("same", pairs[:1] * SIZE)):
        result[f"batch_{name}_per_trade"] = batch(bench, sides)
    result |= net_figures(bench, pairs[SIZE // 2 :])
    result |= account_calls(bench, demander, bench.demanders[1])
    result["escrow_cycle"] = escrow_cycle(bench, bench.demanders[2], bench.suppliers[2])
    result["escrow_batch_per_trade"] = escrow_batch(bench, [pairs[0], *pairs[2:]])
    result["deposit_amortised"] = {
        str(trades): result["settle_single"] + round(result["deposit"] / trades)
        for trades in (1, 10, 100)
    }
    result["yardstick"] = yardstick(bench, items)
    bench.engine.close()
    return result


def prepare(bench: Bench, pairs: list[tuple[Key, Key]]) -> dict[str, int]:
    """Fund and list, and settle a trade of each pair; return the gas of the last ones' calls."""
    result: dict[str, int] = {}
    for demander, _ in pairs:
        result["deposit"] = bench.deposit(demander)
    for _, supplier in pairs:
        result |= bench.supply(supplier)
    for pair in pairs:
        bench.anyone(Settle(bench.trade(*pair)))
    return result


def batch(bench: Bench, pairs: list[tuple[Key, Key]]) -> int:
    trades = tuple(bench.trade(*pair) for pair in pairs)
    return round(bench.anyone(SettleBatch(trades), gas=15_000_000) / len(trades))


def escrow_batch(bench: Bench, pairs: list[tuple[Key, Key]]) -> int:
    held = tuple(bench.trade(*pair, bench.escrow()) for pair in pairs)
    return round(bench.anyone(SettleEscrowBatch(held), gas=15_000_000) / len(held))


def net_figures(bench: Bench, pairs: list[tuple[Key, Key]]) -> dict[str, int]:
    net = net_cycle(bench, [demander for demander, _ in pairs], [supplier for _, supplier in pairs])
    return {"net_per_account": round(net / SIZE), "net_per_trade_at_10": round(net / NET_TRADES)}


def account_calls(bench: Bench, demander: Key, spare: Key) -> dict[str, int]:
    """Return the gas of withdrawing and cancelling; `spare` trades no more."""
    token = bench.token.address
    result = {"withdraw": bench.call(demander, Withdraw(token, 10**6, demander.address))}
    bench.call(spare, Cancel(token, 1 << 90))
    result["cancel_one"] = bench.call(spare, Cancel(token, 1 << 91))
    return result | {"cancel_all": bench.call(spare, RaiseEpoch(token))}


def escrow_cycle(bench: Bench, demander: Key, supplier: Key) -> int:
    """Return the gas of settling into escrow, stating delivery and accepting it."""
    signed = bench.trade(demander, supplier, bench.escrow())
    total = bench.anyone(SettleEscrow(signed))
    total += bench.call(supplier, Deliver(signed.trade, 17))
    return total + bench.call(demander, Release(signed.trade, 17 * PRICE))


def net_cycle(bench: Bench, demanders: list[Key], suppliers: list[Key]) -> int:
    """Return the gas of a cycle of all these accounts with NET_TRADES trades at random."""
    chance = random.Random(1)  # noqa: S311 (a made-up market, no secret)
    change: Counter[str] = Counter()
    units: Counter[str] = Counter()
    for _ in range(NET_TRADES):
        demander, supplier = chance.choice(demanders), chance.choice(suppliers)
        quantity = chance.randint(1, 40)
        payment = quantity * chance.randint(PRICE // 2, 2 * PRICE)
        change[demander.address] -= payment
        change[supplier.address] += payment
        units[supplier.address] += quantity
    everyone = sorted((*demanders, *suppliers), key=lambda key: int(key.address, 16))
    rows = tuple(
        Row(
            account=key.address,
            mask=CYCLE_NONCES,
            amount=abs(change[key.address]),
            direction=PAYS if change[key.address] < 0 else PAID,
            epoch=0,
            sales=int(units[key.address] > 0),
            salt=chance.getrandbits(72),
        )
        for key in everyone
    )
    places = {key.address: place for place, key in enumerate(everyone)}
    sales = tuple(
        Sale(
            bench.listing(key), units[key.address], 0, places[key.address], chance.getrandbits(128)
        )
        for key in sorted(suppliers, key=bench.listing)
    )
    leaves = [trade_leaf(chance.randbytes(32), chance.randbytes(32)) for _ in range(NET_TRADES)]
    cycle = Cycle(bench.token.address, root(leaves), bench.engine.now() + 600, rows, sales)
    signed = digest(bench.domain, cycle.batch)
    signatures = tuple(key.sign(signed) for key in everyone)
    return bench.anyone(SettleNet(cycle, signatures), gas=15_000_000)


def items_code() -> bytes:
    """Return the code that deploys the yardstick's ERC-1155; ends the program without it."""
    if not ITEMS.is_file():
        raise SystemExit(
            f"{ITEMS} is missing; run `make contracts`, or in contracts/ `npm ci` and then"
            " `node script/forge.mjs build test/base/TestItems.sol`"
        )
    code: str = json.loads(ITEMS.read_text())["bytecode"]["object"]
    return bytes.fromhex(code.removeprefix("0x"))


def yardstick(bench: Bench, code: bytes) -> int:
    """Return the gas of a bare swap: ERC-20 transferFrom and ERC-1155 safeTransferFrom."""
    items = bench.made(code)
    seller, buyer = bench.suppliers[0], bench.demanders[0]
    for key in (seller, buyer):
        given = _call("mint(address,uint256,uint256)", key.address, 1, 10**6)
        bench.send(bench.deployer, "mint", items, given)
        allow = _call("setApprovalForAll(address,bool)", bench.deployer.address, True)
        bench.send(key, "approve", items, allow)
        money = bench.token.data("mint", key.address, 10**9)
        bench.send(bench.deployer, "mint", bench.token.address, money)
    allow = bench.token.data("approve", bench.deployer.address, 2**255)
    bench.send(buyer, "approve", bench.token.address, allow)
    pay = bench.token.data("transferFrom", buyer.address, seller.address, 17 * PRICE)
    moved = "safeTransferFrom(address,address,uint256,uint256,bytes)"
    hand = _call(moved, seller.address, buyer.address, 1, 17, b"")
    total = bench.send(bench.deployer, "pay", bench.token.address, pay).gas_used
    return total + bench.send(bench.deployer, "hand", items, hand).gas_used


def _call(signature: str, *values: Any) -> bytes:
    kinds = signature[signature.index("(") + 1 : -1].split(",")
    return keccak(signature.encode())[:4] + encode(kinds, values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = measure()
    if args.json:
        print(json.dumps(result, indent=2))
        return
    table = Table("action", "gas", "target")
    shared = result.pop("deposit_amortised")
    result |= {f"deposit_amortised over {trades}": gas for trades, gas in shared.items()}
    for name, gas in result.items():
        table.add_row(name, f"{gas:,}", f"{TARGETS[name]:,}" if name in TARGETS else "")
    Console().print(table)


if __name__ == "__main__":
    main()
