"""What the market costs in gas, beside a plain token and item swap, measured in one run.

    python benchmarks/gas.py [--json]

Every figure is the gas of a whole transaction (base fee of 21,000 and call data included) on the
embedded engine, with all checks of the market on and two signatures a trade. Accounts are warm:
they have deposited, sold and used a nonce before, as in a market that has been running. Batches
hold 100 trades; per trade is the batch's gas over 100. Trades are paid from balances that earlier
deposits funded: read the trade's gas together with the deposit's. `list` is a later listing of a
slot, judged from the stored attestation; `list_first` the first, after `attest`. `escrow_cycle` is
three transactions: into escrow, delivery, acceptance. `yardstick` is an ERC-20 transferFrom plus an
ERC-1155 safeTransferFrom between warm accounts: two transactions, no signature, no market check.
"""

import argparse
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from rich.console import Console
from rich.table import Table

from fabmarket.chain import Receipt, Sender, Settings, TokenContract, Transaction, open_engine
from fabmarket.chain.contracts import Contract, exchange_code, token_code
from fabmarket.identity import Key, digest, keccak
from fabmarket.market.trade import Attestation, Escrow, Trade, market_domain
from fabmarket.market.units import name_to_bytes32

TARGETS = {
    "settle_single": 56_000,
    "batch_distinct_per_trade": 36_000,
    "batch_same_per_trade": 18_000,
    "cancel_one": 32_000,
}
SIZE = 100
ITEMS = Path(__file__).parents[1] / "contracts" / "out" / "TestItems.sol" / "TestItems.json"
RESOURCE = name_to_bytes32("m1")
UNIT = name_to_bytes32("hour")
PRICE = 12_345_678


def plain(struct: Any) -> tuple[Any, ...]:
    return tuple(getattr(struct, field.name) for field in fields(struct))


class Bench:
    def __init__(self) -> None:
        self.engine = open_engine("embedded", Settings())
        self.sender = Sender(self.engine)
        self.deployer = Key.derive("gas", "deployer")
        self.operators = sorted(
            (Key.derive("gas", "operator", str(i)) for i in range(3)),
            key=lambda key: int(key.address, 16),
        )
        self.demanders = [Key.derive("gas", "demander", str(i)) for i in range(SIZE)]
        self.suppliers = [Key.derive("gas", "supplier", str(i)) for i in range(SIZE)]
        self.nonces: dict[str, int] = {}
        self.fund()
        self.deploy()

    def send(
        self, key: Key, action: str, to: str | None, data: bytes, gas: int = 2_000_000
    ) -> Receipt:
        self.sender.queue(Transaction(key, action, to, data, gas))
        return self.sender.must_succeed()[-1]

    def call(self, key: Key, function: str, *values: Any, gas: int = 2_000_000) -> int:
        data = self.exchange.data(function, *values)
        return self.send(key, function, self.exchange.address, data, gas).gas_used

    def fund(self) -> None:
        for key in (self.deployer, *self.operators, *self.demanders, *self.suppliers):
            self.sender.queue(
                Transaction(self.engine.funder, "fund", key.address, b"", 21_000, 10**19)
            )
        self.sender.must_succeed()

    def deploy(self) -> None:
        token = self.send(self.deployer, "deploy", None, token_code("Test", "T", 6), 5_000_000)
        self.token = TokenContract(self.engine, str(token.contract))
        names = tuple(key.address for key in self.operators)
        code = exchange_code(names, 2, (self.token.address,))
        made = self.send(self.deployer, "deploy", None, code, 8_000_000)
        self.exchange = Contract("CapacityExchange", self.engine, str(made.contract))
        self.domain = market_domain(self.engine.chain_id, self.exchange.address)
        self.origin = self.engine.now()

    def deposit(self, key: Key) -> int:
        for action, *values in (
            ("mint", key.address, 10**15),
            ("approve", self.exchange.address, 10**15),
        ):
            self.send(key, action, self.token.address, self.token.data(action, *values))
        self.call(key, "deposit", self.token.address, 10**13)
        return self.call(key, "deposit", self.token.address, 10**13)

    def supply(self, key: Key) -> dict[str, int]:
        self.call(key, "registerResource", RESOURCE, UNIT, self.origin, 10**6)
        attestation = Attestation(key.address, RESOURCE, UNIT, 0, (10**9,), 1, self.origin + 10**6)
        attestation_digest = digest(self.domain, attestation)
        signatures = [each.sign(attestation_digest) for each in self.operators[:2]]
        attest = self.call(key, "attest", plain(attestation), signatures)
        first = self.call(key, "list", [(RESOURCE, 0, 10**6)])
        later = self.call(key, "list", [(RESOURCE, 0, 10**6)])
        return {"attest": attest, "list_first": first, "list": later}

    def trade(self, demander: Key, supplier: Key, escrow: Escrow = Escrow()) -> tuple[Any, ...]:  # noqa: B008
        nonce = self.nonces.get(demander.address, 0)
        self.nonces[demander.address] = nonce + 1
        trade = Trade(
            listing=self.exchange.read("listingId", supplier.address, RESOURCE, 0),
            demander=demander.address,
            token=self.token.address,
            quantity=17,
            unit_price=PRICE,
            valid_until=self.origin + 10**6,
            nonce=nonce % 96,
            demander_epoch=nonce // 96,
            transcript=bytes(range(32)),
            escrow=escrow,
        )
        trade_digest = digest(self.domain, trade)
        return (
            plain(trade)[:-1],
            compact(demander.sign(trade_digest)),
            compact(supplier.sign(trade_digest)),
        )


def compact(signature: bytes) -> tuple[bytes, bytes]:
    """Return the 64-byte form of a signature (ERC-2098)."""
    s = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    return signature[:32], s.to_bytes(32, "big")


def measure() -> dict[str, int]:
    bench = Bench()
    demander, supplier = bench.demanders[0], bench.suppliers[0]
    result: dict[str, int] = {}
    for key in bench.demanders:
        result["deposit"] = bench.deposit(key)
    for key in bench.suppliers:
        result |= bench.supply(key)
    pairs = list(zip(bench.demanders, bench.suppliers, strict=True))
    for pair in pairs:
        bench.call(bench.deployer, "settle", bench.trade(*pair), [])
    result["settle_single"] = bench.call(
        bench.deployer, "settle", bench.trade(demander, supplier), []
    )
    for name, sides in (("distinct", pairs), ("same", [(demander, supplier)] * SIZE)):
        trades = [bench.trade(*pair) for pair in sides]
        used = bench.call(bench.deployer, "settleBatch", trades, [], gas=15_000_000)
        result[f"batch_{name}_per_trade"] = round(used / SIZE)
    result["withdraw"] = bench.call(demander, "withdraw", bench.token.address, 10**6)
    spare = bench.demanders[1]
    bench.call(spare, "cancel", bench.token.address, 1 << 90)
    result["cancel_one"] = bench.call(spare, "cancel", bench.token.address, 1 << 91)
    result["cancel_all"] = bench.call(spare, "raiseEpoch", bench.token.address)
    result["escrow_cycle"] = escrow_cycle(bench, bench.demanders[2], bench.suppliers[2])
    result["yardstick"] = yardstick(bench)
    bench.engine.close()
    return result


def escrow_cycle(bench: Bench, demander: Key, supplier: Key) -> int:
    """Return the gas of settling into escrow, stating delivery and accepting it."""
    end = bench.origin + 10**6
    escrow = Escrow(end, end + 10, end + 20, 0, 10_000, 5_000)
    terms, *signatures = bench.trade(demander, supplier, escrow)
    total = bench.call(bench.deployer, "settleEscrow", (terms, *signatures), plain(escrow), [])
    total += bench.call(supplier, "deliver", terms, plain(escrow))
    return total + bench.call(demander, "release", terms, plain(escrow), 17 * PRICE)


def yardstick(bench: Bench) -> int:
    """Return the gas of a bare swap: ERC-20 transferFrom and ERC-1155 safeTransferFrom."""
    if not ITEMS.exists():
        raise SystemExit(f"{ITEMS} is missing; run `make contracts` first")
    code = json.loads(ITEMS.read_text())["bytecode"]["object"]
    made = bench.send(
        bench.deployer, "deploy", None, bytes.fromhex(code.removeprefix("0x")), 5_000_000
    )
    items = str(made.contract)
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
    for name, gas in result.items():
        table.add_row(name, f"{gas:,}", f"{TARGETS[name]:,}" if name in TARGETS else "")
    Console().print(table)


if __name__ == "__main__":
    main()
