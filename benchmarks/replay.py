"""Replaying a market's events: what one costs, early in the log and late.

    python benchmarks/replay.py [--quick] [--json]

Folds a made-up log with `record`, event by event, as the audit does. The market grows with its log:
each wave of 112 events brings a supplier with eight listed slots and a sealed one, ten demanders
with deposits, 60 trades, six of them in escrow until delivery, and some withdrawals. As slots end,
a trade is with one of the latest 40 suppliers; nine of ten demanders are of the latest 500, the
tenth is any. `us_per_event` is the cost of the 1,000 events before that many were replayed, and
`seconds` that of all from the first on: time of the processor, the least of seven replays (three
with --quick). The last row is 100,000 trades, `growth` the cost at 100,000 events over that at
2,000.
"""

import argparse
import gc
import json
import os
import platform
import random
import sys
import time
from dataclasses import dataclass
from itertools import islice

from eth_utils.address import to_checksum_address
from rich.console import Console
from rich.table import Table

from fabmarket.identity import digest, keccak
from fabmarket.market.events import (
    Cause,
    Delivered,
    Deployed,
    Deposited,
    Escrowed,
    Event,
    Listed,
    OperatorsSet,
    Relayed,
    Released,
    ResourceRegistered,
    Settled,
    SlotAttested,
    SlotSealed,
    TokenSet,
    Unlisted,
    Withdrawn,
    pack_terms,
)
from fabmarket.market.exchange import Exchange, record
from fabmarket.market.parameters import HOURS
from fabmarket.market.trade import NONCES, Escrow, Trade, listing_id, market_domain, nonce_of
from fabmarket.market.units import name_to_bytes32

COUNTS = (2_000, 10_000, 50_000, 100_000)
TRADES = 100_000
WINDOW = 1_000
START = 1_800_000_000
SLOT = 10**9
"""Seconds: every supplier's first slot has begun and does not end within the log."""
PRICE, DEPOSIT = 100, 10**9
LATE = 1 << 39


def address(label: str) -> str:
    return to_checksum_address(keccak(label.encode())[:20])


EXCHANGE, TOKEN = address("exchange"), address("token")
DOMAIN = market_domain(31337, EXCHANGE)
MILL, HOUR = name_to_bytes32("mill"), name_to_bytes32("hour")


@dataclass
class Place:
    """A listing and the units left of it."""

    supplier: str
    slot: int
    room: int

    @property
    def listing(self) -> bytes:
        return listing_id(self.supplier, MILL, self.slot, START + (self.slot + 1) * SLOT)


class Log:
    """The events of a market, wave by wave; the same ones every time."""

    def __init__(self) -> None:
        self.random = random.Random(1)  # noqa: S311 (a made-up market, no secret)
        self.events: list[Event] = [
            OperatorsSet(1, (address("operator"),), 1, START),
            TokenSet(TOKEN, accepted=True),
            Deployed(HOURS, address("escrow"), address("net")),
        ]
        self.now = START
        self.suppliers = self.trades = 0
        self.demanders: list[str] = []
        self.places: list[Place] = []
        self.used: dict[str, int] = {}

    def grow(self) -> None:
        """Add a wave."""
        self._supplier(address(f"supplier {self.suppliers}"))
        for _ in range(10):
            demander = address(f"demander {len(self.demanders)}")
            self.demanders.append(demander)
            self.events.append(Deposited(demander, TOKEN, DEPOSIT))
        for number in range(60):
            self._trade(held=number % 10 == 0)
        for account in self.demanders[-2:]:
            self.events += (Relayed(account, 0), Withdrawn(account, TOKEN, 7, account))

    def _supplier(self, supplier: str) -> None:
        self.suppliers += 1
        self.events.append(Deposited(supplier, TOKEN, DEPOSIT))
        self.events.append(ResourceRegistered(supplier, MILL, HOUR, START, SLOT))
        for slot in range(8):
            place = Place(supplier, slot, 40)
            self.events.append(SlotAttested(supplier, MILL, slot, 40, 1, LATE))
            self.events.append(Listed(place.listing, supplier, MILL, slot, 40, 40))
            self.places.append(place)
        self.events.append(Unlisted(place.listing, supplier, MILL, 7, 8, 32))
        place.room = 32
        self.events.append(SlotSealed(supplier, MILL, 8, bytes(32), 1, LATE))
        self.places = self.places[-320:]

    def _trade(self, *, held: bool) -> None:
        begun = [place for place in self.places if place.slot == 0] if held else self.places
        place = self.random.choice(begun)
        quantity = min(place.room, self.random.randrange(1, 5))
        place.room -= quantity
        if place.room == 0:
            self.places.remove(place)
        known = self.demanders if self.random.random() < 0.1 else self.demanders[-500:]
        demander = self.random.choice(known)
        used = self.used.get(demander, 0)
        self.used[demander] = used + 1
        nonce = nonce_of(*divmod(used, NONCES))
        self.trades += 1
        self.now += 1
        if held:
            self._escrow(place, demander, quantity, nonce)
            return
        trade, terms = keccak(self.trades.to_bytes(32, "big")), pack_terms(quantity, PRICE, nonce)
        self.events.append(Settled(place.listing, demander, trade, TOKEN, terms))

    def _escrow(self, place: Place, demander: str, quantity: int, nonce: int) -> None:
        by = self.now + HOURS.delivery_window
        dispute = by + HOURS.dispute_window
        decide = dispute + HOURS.hearing + HOURS.decision_window
        escrow = Escrow(MILL, place.slot, START, by, dispute, decide, 0, 10_000, 5_000)
        trade = Trade(place.listing, demander, TOKEN, quantity, PRICE, by, nonce, escrow=escrow)
        agreed, payment = digest(DOMAIN, trade), quantity * PRICE
        deposit = payment * HOURS.deposit_share // 10_000
        terms = pack_terms(quantity, PRICE, nonce)
        self.events += (
            Settled(place.listing, demander, agreed, TOKEN, terms),
            Escrowed(agreed, trade, 1, self.now),
            Delivered(agreed, quantity, self.now),
            Released(agreed, Cause.ACCEPTED, payment + deposit, deposit, closed=True),
        )


def replay(events: list[Event], marks: list[int]) -> tuple[list[dict[str, int]], list[list[float]]]:
    """Return what there is at each mark, and the seconds of the window before it and of all."""
    state, rest, done = Exchange.undeployed(DOMAIN), iter(events), 0
    sizes, seconds = [], []
    gc.collect()
    started = time.process_time()
    for mark in marks:
        for event in islice(rest, mark - WINDOW - done):
            state = record(state, event)
        before = time.process_time()
        for event in islice(rest, WINDOW):
            state = record(state, event)
        now = time.process_time()
        seconds.append([now - before, now - started])
        sizes.append(
            {
                "accounts": len(state.accounts),
                "listings": len(state.listings),
                "slots": len(state.slots),
                "escrows": len(state.escrows),
            }
        )
        done = mark
    return sizes, seconds


def measure(repeats: int) -> dict[str, object]:
    log = Log()
    while log.trades < TRADES:
        log.grow()
    marks = [*COUNTS, len(log.events)]
    runs = []
    for number in range(repeats):
        print(f"replay {number + 1} of {repeats}", file=sys.stderr)
        sizes, seconds = replay(log.events, marks)
        runs.append(seconds)
    rows = []
    for place, (mark, size) in enumerate(zip(marks, sizes, strict=True)):
        window, total = (min(run[place][column] for run in runs) for column in (0, 1))
        rows.append(
            {
                "events": mark,
                "trades": sum(isinstance(event, Settled) for event in log.events[:mark]),
                **size,
                "us_per_event": round(1e6 * window / WINDOW, 1),
                "seconds": round(total, 2),
            }
        )
    return {
        "us_per_event": {str(row["events"]): row["us_per_event"] for row in rows},
        "growth": round(rows[len(COUNTS) - 1]["us_per_event"] / rows[0]["us_per_event"], 2),
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three replays instead of seven")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    about = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
    }
    result = {**about, **measure(3 if args.quick else 7)}
    if args.json:
        print(json.dumps(result, indent=2))
        return
    rows = result["rows"]
    title = f"{about['machine']}, Python {about['python']}, growth {result['growth']}"
    table = Table(*(name.replace("_", "\n") for name in rows[0]), title=title)
    for row in rows:
        table.add_row(*(f"{value:,}" for value in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
