"""A ledger filled by hand: rows of every table, as many trades as one likes, no chain."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from fabmarket.identity import Key, keccak
from fabmarket.identity.codec import encode
from fabmarket.ledger import Ledger, schema
from fabmarket.market.events import Delivered, Settled, pack_terms
from fabmarket.market.units import name_to_bytes32

ANNE, BERT, CARA = (Key.derive(name).address for name in ("anne", "bert", "cara"))
TOKEN, EXCHANGE = Key.derive("token").address, Key.derive("exchange").address
NAMES = ("milling", "turning")
SLOTS, LENGTH, ORIGIN = 5, 3_600, 1_790_000_000
HUGE = 10**30
"""A payment beyond 2^53, as most are in a token of 18 decimals."""


def digest(*about: object) -> str:
    """Return 32 bytes of their own for whatever it is."""
    return "0x" + keccak(repr(about).encode()).hex()


def empty(place: Path | str | None = None) -> Engine:
    """Return the database of a new ledger; by default in memory."""
    return Ledger(place).engine


def fill(engine: Engine, trades: int = 40) -> None:
    """Fill a database: two suppliers of two resources each, five slots of each, and trades.

    Trade i settles in block 10 + i // 2. Of four blocks the first holds a product in escrow, the
    third one that is paid at once, the others two trades each.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in schema.METADATA.tables}
    rows["market"].append(
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
    for number in (0, 1):
        rows["operators"].append(
            {
                "set": number,
                "members": [ANNE, CARA],
                "threshold": 2,
                "since": ORIGIN,
                "block": number,
            }
        )
    _resources(rows)
    for i in range(trades):
        _trade(rows, i)
    for number in sorted({1, *(row["block"] for row in rows["trade"]), 10 + trades}):
        rows["block"].append(
            {
                "number": number,
                "hash": digest("block", number),
                "parent": digest("block", number - 1),
                "time": ORIGIN + 12 * number,
            }
        )
    for account, share in ((ANNE, 3), (BERT, 2), (CARA, 1)):
        rows["account"].append(
            {
                "address": account,
                "token": TOKEN,
                "balance": share * HUGE,
                "epoch": 0,
                "trades": share,
            }
        )
    rows["cycle"].append(
        {
            "batch": digest("cycle"),
            "block": 10,
            "log_index": 99,
            "transaction_hash": digest("net"),
            "time": ORIGIN + 120,
            "token": TOKEN,
            "trades": digest("root"),
            "rows": [[ANNE, str(HUGE)], [CARA, str(-HUGE)]],
            "sales": [[digest("listing", 0), "3"]],
        }
    )
    for day in (20_700, 20_701):
        rows["volume"] += [
            {"day": day, "name": name, "token": TOKEN, "trades": 2, "quantity": 6, "payment": HUGE}
            for name in NAMES
        ]
    with engine.begin() as connection:
        for table in schema.METADATA.sorted_tables:
            if rows[table.name]:
                connection.execute(table.insert(), rows[table.name])


def _resources(rows: dict[str, list[dict[str, Any]]]) -> None:
    for supplier in (ANNE, BERT):
        for name in NAMES:
            resource = "0x" + name_to_bytes32(name).hex()
            rows["resource"].append(
                {
                    "supplier": supplier,
                    "id": resource,
                    "name": name,
                    "unit": "hour",
                    "origin": ORIGIN,
                    "slot_length": LENGTH,
                }
            )
            for slot in range(SLOTS):
                begins = ORIGIN + slot * LENGTH
                is_listed = slot > 0
                rows["slot"].append(
                    {
                        "supplier": supplier,
                        "resource": resource,
                        "slot": slot,
                        "name": name,
                        "begins": begins,
                        "ends": begins + LENGTH,
                        "attested": 100,
                        "committed": 60,
                        "version": 1,
                        "expiry": begins,
                        "commitment": "0x" + 64 * "0",
                        "listing": digest(supplier, name, slot),
                        "available": 20 if slot > 1 else 0,
                        "sold": 40 if is_listed else 0,
                        "epoch": 0,
                        "price": HUGE if is_listed else None,
                        "trades": 4 if is_listed else 0,
                    }
                )


def _trade(rows: dict[str, list[dict[str, Any]]], i: int) -> None:
    supplier, demander = ((ANNE, CARA), (BERT, CARA), (BERT, ANNE))[i % 3]
    is_escrow, is_product = i // 2 % 4 == 0, i // 2 % 2 == 0
    name, slot = NAMES[i % 2], 1 + i % (SLOTS - 1)
    block, index = 10 + i // 2, i % 2
    place = {"block": block, "log_index": index}
    mined = digest("transaction", i // 2 if is_product else i, is_product)
    seen = {"transaction_hash": mined, "time": ORIGIN + 12 * block}
    demander = CARA if is_product else demander
    trade, listing = digest("trade", i), digest(supplier, name, slot)
    rows["trade"].append(
        dict(
            trade=trade,
            **place,
            **seen,
            listing=listing,
            supplier=supplier,
            resource="0x" + name_to_bytes32(name).hex(),
            name=name,
            slot=slot,
            demander=demander,
            token=TOKEN,
            quantity=3,
            unit_price=HUGE,
            payment=3 * HUGE,
            nonce=i,
            is_escrow=is_escrow,
        )
    )
    terms = pack_terms(3, HUGE, i)
    settled = Settled(bytes.fromhex(listing[2:]), demander, bytes.fromhex(trade[2:]), TOKEN, terms)
    _event(rows, dict(**place, transaction_hash=seen["transaction_hash"]), settled, None)
    if not is_escrow:
        return
    state = ("funded", "delivered", "disputed", "closed")[i // 8 % 4]
    rows["escrow"].append(
        dict(
            trade=trade,
            **place,
            bundle=digest("bundle", i // 8),
            state=state,
            since=seen["time"],
            operator_set=1,
            delivered=3,
            evidence=digest("evidence") if state == "disputed" else "",
            is_uncovered=False,
            grace_until=0,
            deliver_by=ORIGIN + 10 * LENGTH,
            held=0 if state == "closed" else 3 * HUGE,
            to_supplier=3 * HUGE,
            to_demander=0,
            cause="ACCEPTED" if state == "closed" else "",
            ruling={"number": 1, "payment_share": 10_000} if state == "closed" else None,
        )
    )
    stated = Delivered(bytes.fromhex(trade[2:]), 3, seen["time"])
    later = {"block": block, "log_index": 10 + index, "transaction_hash": digest("delivered", i)}
    _event(rows, later, stated, trade)


def new_trade(block: int, index: int) -> dict[str, Any]:
    """Return the row of one more trade."""
    rows: dict[str, list[dict[str, Any]]] = {"trade": [], "event": []}
    _trade(rows, 2)
    place = {"block": block, "log_index": index}
    return rows["trade"][0] | place | {"trade": digest("new", block, index)}


def _event(
    rows: dict[str, list[dict[str, Any]]],
    place: dict[str, Any],
    event: Settled | Delivered,
    subject: str | None,
) -> None:
    body = encode(event).decode()
    rows["event"].append(dict(**place, kind=type(event).__name__, subject=subject, body=body))
