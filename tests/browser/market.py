"""A market to look at: rows of every table, filled by hand in the sizes that a test asks for."""

import random
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, func, select

from fabmarket.identity import Key, keccak
from fabmarket.identity.codec import encode
from fabmarket.ledger import schema
from fabmarket.market.events import (
    Cause,
    Delivered,
    Disputed,
    Event,
    Released,
    RulingPosted,
    Settled,
    pack_terms,
)
from fabmarket.market.units import name_from_bytes32, name_to_bytes32

HOUR, DAY = 3_600, 86_400
NOW = 1_790_000_000 // DAY * DAY + 10 * HOUR
"""Chain time of the last block."""
TOKEN, EXCHANGE = Key.derive("token").address, Key.derive("exchange").address
SUPPLIERS = tuple(Key.derive(f"supplier {n}").address for n in range(3))
DEMANDERS = tuple(Key.derive(f"demander {n}").address for n in range(5))
OPERATORS = tuple(Key.derive(f"operator {n}").address for n in range(3))
USUAL = ("milling", "turning", "grinding", "drilling", "welding", "inspection")
HOSTILE = (
    b"<script>alert(1)</script>",
    b"<img src=x onerror=alert(1)>",
    "\u202etxt.exe\u2066".encode(),
    bytes(range(0xE0, 0x100)),
    b"'\"><svg onload=alert(1)>&{{7*7}}",
    b"W" * 32,
    b"mill\n\x1b[2J\x00\x07ing",
)
"""What strangers may call a machine: 32 bytes are theirs."""
_SLOTS = 24
_BLOCK = 12


def digest(*about: object) -> str:
    """Return 32 bytes of their own for whatever it is."""
    return "0x" + keccak(repr(about).encode()).hex()


def fill(
    engine: Engine,
    trades: int = 240,
    names: Sequence[str | bytes] = USUAL,
    products: int = 4,
    seed: int = 1,
) -> None:
    """Fill the tables of a ledger with a market of so many trades over ten days."""
    Market(trades, names, products, random.Random(seed)).write(engine)


def trade_more(engine: Engine) -> str:
    """Settle one more trade in a block of its own, like the newest; return its digest."""
    with engine.begin() as connection:
        last = connection.execute(
            select(schema.trade).order_by(schema.trade.c.block.desc()).limit(1)
        ).one()
        block = connection.execute(select(func.max(schema.block.c.number))).scalar_one() + 1
        new = {
            "number": block,
            "hash": digest("b", block),
            "parent": digest("b", block - 1),
            "time": NOW + _BLOCK * (block - last.block),
        }
        connection.execute(schema.block.insert(), new)
        trade = digest("more", block)
        row = {**last._mapping, "trade": trade, "block": block, "time": new["time"]}
        connection.execute(schema.trade.insert(), row)
    return trade


class Market:
    """The rows of a market, table by table."""

    def __init__(
        self, trades: int, names: Sequence[str | bytes], products: int, chance: random.Random
    ) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in schema.METADATA.tables}
        self.chance = chance
        self.blocks: dict[int, int] = {}
        self.machines = [
            (supplier, each if isinstance(each, bytes) else each.encode())
            for place, each in enumerate(names)
            for supplier in SUPPLIERS[: 1 + place % 3]
        ]
        self._market(trades)
        self._slots()
        for number in range(trades):
            self._trade(number, trades)
        for number in range(products):
            self._product(number)
        self._cycle()
        self._accounts()
        self._volumes()

    def write(self, engine: Engine) -> None:
        """Put all rows into a database."""
        self.rows["block"] = [
            {"number": n, "hash": digest("b", n), "parent": digest("b", n - 1), "time": time}
            for n, time in sorted(self.blocks.items())
        ]
        with engine.begin() as connection:
            for table in schema.METADATA.sorted_tables:
                if self.rows[table.name]:
                    connection.execute(table.insert(), self.rows[table.name])

    def _market(self, trades: int) -> None:
        self.rows["market"].append(
            {
                "one": 1,
                "chain_id": 31337,
                "exchange": EXCHANGE,
                "final": 0,
                "operator_set": 1,
                "paused_until": 0,
                "parameters": {"grace_time": 60, "deposit_share": 500},
                "tokens": [TOKEN],
                "trades": trades,
            }
        )
        for number, members in ((0, OPERATORS[:2]), (1, OPERATORS)):
            since = NOW - (20 - number) * DAY
            self.rows["operators"].append(
                {
                    "set": number,
                    "members": list(members),
                    "threshold": 2,
                    "since": since,
                    "block": number,
                }
            )
        self._place(NOW)

    def _place(self, time: int) -> dict[str, Any]:
        """The next place on the chain at a time."""
        block = (time - NOW + 20 * DAY) // _BLOCK
        self.blocks[block] = time
        self.count = getattr(self, "count", 0) + 1
        return {
            "block": block,
            "log_index": self.count,
            "transaction_hash": digest("t", self.count),
        }

    def _slots(self) -> None:
        origin = NOW - _SLOTS // 3 * HOUR
        self.slots: list[dict[str, Any]] = []
        for supplier, raw in self.machines:
            resource = raw.ljust(32, b"\0")
            unit = name_to_bytes32("hour") if raw.isascii() else raw.ljust(32, b"\0")
            name = name_from_bytes32(resource)
            self.rows["resource"].append(
                {
                    "supplier": supplier,
                    "id": "0x" + resource.hex(),
                    "name": name,
                    "unit": name_from_bytes32(unit),
                    "origin": origin,
                    "slot_length": HOUR,
                }
            )
            for number in range(_SLOTS):
                if self.chance.random() < 0.15:
                    continue
                attested = self.chance.randrange(6, 20)
                is_sealed, is_listed = self.chance.random() < 0.05, self.chance.random() < 0.85
                begins = origin + number * HOUR
                slot = {
                    "supplier": supplier,
                    "resource": "0x" + resource.hex(),
                    "slot": number,
                    "name": name,
                    "begins": begins,
                    "ends": begins + HOUR,
                    "attested": 0 if is_sealed else attested,
                    "committed": attested if is_listed else 0,
                    "version": 1 + number % 3,
                    "expiry": begins,
                    "commitment": digest("seal", number) if is_sealed else "",
                    "listing": digest(supplier, raw, number),
                    "available": attested if is_listed else 0,
                    "sold": 0,
                    "epoch": 0,
                    "price": None,
                    "trades": 0,
                }
                self.rows["slot"].append(slot)
                if is_listed:
                    self.slots.append(slot)

    def _trade(self, number: int, of: int) -> None:
        time = NOW - (of - number) * 10 * DAY // max(of, 1)
        slot = self.chance.choice(self.slots)
        buyer = self.chance.choice(DEMANDERS)
        self._settled(digest("trade", number), time, slot, buyer, is_escrow=number % 5 == 0)
        if number % 5 == 0:
            state = ("closed", "delivered", "disputed", "funded")[number // 5 % 4]
            self._escrow(self.rows["trade"][-1], state, "")

    def _product(self, number: int) -> None:
        time = NOW - (number + 1) * 1_800
        buyer = DEMANDERS[number % len(DEMANDERS)]
        for step in range(3 + number % 2):
            wanted = (6 + number + 3 * step) % _SLOTS
            near = sorted(self.slots, key=lambda each: abs(each["slot"] - wanted))
            slot = near[self.chance.randrange(min(6, len(near)))]
            self._settled(digest("op", number, step), time, slot, buyer, is_escrow=True)
            state = "delivered" if slot["ends"] < NOW - HOUR else "funded"
            self.rows["trade"][-1]["transaction_hash"] = digest("product", number)
            self._escrow(self.rows["trade"][-1], state, digest("bundle", number))

    def _settled(
        self, trade: str, time: int, slot: dict[str, Any], buyer: str, *, is_escrow: bool
    ) -> None:
        quantity = self.chance.randrange(1, 4)
        price = 1_000 + 50 * (len(slot["name"]) % 7) + self.chance.randrange(-80, 80)
        slot["sold"] += quantity
        slot["available"] = max(0, slot["available"] - quantity)
        slot["attested"] = max(slot["attested"], slot["sold"]) if slot["attested"] else 0
        slot["price"], slot["trades"] = price, slot["trades"] + 1
        place = self._place(time)
        row = dict(
            trade=trade,
            **place,
            time=time,
            listing=slot["listing"],
            supplier=slot["supplier"],
            resource=slot["resource"],
            name=slot["name"],
            slot=slot["slot"],
            demander=buyer,
            token=TOKEN,
            quantity=quantity,
            unit_price=price,
            payment=quantity * price,
            nonce=len(self.rows["trade"]),
            is_escrow=is_escrow,
        )
        self.rows["trade"].append(row)
        event = Settled(
            _raw(slot["listing"]), buyer, _raw(trade), TOKEN, pack_terms(quantity, price, 0)
        )
        self._event(place, event, None)

    def _escrow(self, trade: dict[str, Any], state: str, bundle: str) -> None:
        digest_of, raw = trade["trade"], _raw(trade["trade"])
        slot = next(
            each
            for each in self.rows["slot"]
            if (each["supplier"], each["resource"], each["slot"])
            == (trade["supplier"], trade["resource"], trade["slot"])
        )
        stated = 0 if state == "funded" else trade["quantity"]
        paid = trade["payment"] if state == "closed" else 0
        ruling = {"number": 1, "payment_share": 7_500, "bond_share": 10_000, "deposit_share": 0}
        self.rows["escrow"].append(
            {
                "trade": digest_of,
                "block": trade["block"],
                "log_index": trade["log_index"],
                "bundle": bundle,
                "state": state,
                "since": trade["time"],
                "operator_set": 1,
                "delivered": stated,
                "evidence": digest("evidence", digest_of) if state == "disputed" else "",
                "is_uncovered": False,
                "grace_until": 0,
                "deliver_by": slot["ends"] + HOUR,
                "held": trade["payment"] - paid,
                "to_supplier": paid,
                "to_demander": 0,
                "cause": "accepted" if state == "closed" else "",
                "ruling": ruling if state == "disputed" else None,
            }
        )
        later: list[Event] = []
        if state != "funded":
            later.append(Delivered(raw, stated, trade["time"]))
        if state == "disputed":
            later.append(Disputed(raw, b"\7" * 32, trade["time"]))
            later.append(RulingPosted(raw, 1, 7_500, 10_000, 0, NOW + HOUR, 10))
        if state == "closed":
            later.append(Released(raw, Cause.ACCEPTED, paid, 0, closed=True))
        for each in later:
            self._event(self._place(trade["time"] + 60), each, digest_of)

    def _event(self, place: dict[str, Any], event: Event, subject: str | None) -> None:
        body = encode(event).decode()
        self.rows["event"].append(
            dict(**place, kind=type(event).__name__, subject=subject, body=body)
        )

    def _cycle(self) -> None:
        changes = [[DEMANDERS[0], "-4200"], [DEMANDERS[1], "1700"], [SUPPLIERS[0], "2500"]]
        sales = [[slot["listing"], "2"] for slot in self.slots[:3]]
        self.rows["cycle"].append(
            dict(
                batch=digest("cycle"),
                **self._place(NOW - 2 * HOUR),
                time=NOW - 2 * HOUR,
                token=TOKEN,
                trades=digest("root"),
                rows=changes,
                sales=sales,
            )
        )

    def _accounts(self) -> None:
        for place, address in enumerate((*SUPPLIERS, *DEMANDERS)):
            of = [
                row for row in self.rows["trade"] if address in (row["supplier"], row["demander"])
            ]
            self.rows["account"].append(
                {
                    "address": address,
                    "token": TOKEN,
                    "balance": 50_000 + 12_345 * place,
                    "epoch": 0,
                    "trades": len(of),
                }
            )

    def _volumes(self) -> None:
        sums: dict[tuple[int, str], list[int]] = {}
        for row in self.rows["trade"]:
            each = sums.setdefault((row["time"] // DAY, row["name"]), [0, 0, 0])
            for at, amount in enumerate((1, row["quantity"], row["payment"])):
                each[at] += amount
        for (day, name), (trades, quantity, payment) in sums.items():
            self.rows["volume"].append(
                {
                    "day": day,
                    "name": name,
                    "token": TOKEN,
                    "trades": trades,
                    "quantity": quantity,
                    "payment": payment,
                }
            )


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])
