"""What one session costs, by the number of its members.

    python benchmarks/session.py [--quick] [--json]

One supplier and m demanders run as they would alone: each by its step, from a journal in memory,
over links that deliver at once; the chain is a clock and the events of one listing. Of m members
each would buy 1 to 40 units of the 10·m that there are, for 100 to 1,000 base units each. Counted
is what follows from the beat at which the session opens until nobody has anything to say:
`messages` are the quotes, replies and the close, one for each receiver, `bytes` those of
their envelopes; `rounds` are the quotes. `cpu_s` is time of the processor, of all m + 1 together,
openings and trades included: the whole of it, signing, checking and writing down, is theirs.
"""

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Sequence
from math import log2
from typing import Any

from rich.console import Console
from rich.table import Table
from rpds import HashTrieMap

from fabmarket.identity import Key
from fabmarket.identity.codec import decode
from fabmarket.ledger import Block
from fabmarket.ledger.store import Entry
from fabmarket.market.events import Deposited, Event, Listed, ResourceRegistered
from fabmarket.market.messages import Close, PriceTerms, Quote, Reply
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import Trade, listing_id, market_domain
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Choice, Want
from fabmarket.node import Journal, Participant, evidence_of, replay
from fabmarket.node.envelope import Envelope
from fabmarket.node.journal import Letter
from fabmarket.simulation import Fate, Links

SIZES = (25, 50, 100, 200, 400)
QUICK = SIZES[:2]
ORIGIN, LENGTH = 1_000_000, 3_600
"""The slot that is traded, seconds."""
ROOM = 10
"""Units that there are for each member."""
MILL, HOUR = name_to_bytes32("mill"), name_to_bytes32("hour")
RHYTHM = Rhythm(0, 60)
SESSION = (Quote, Reply, Close)
PERFECT = Fate()
EXCHANGE, TOKEN = (Key.derive("session benchmark", name).address for name in ("exchange", "token"))
DOMAIN = market_domain(31337, EXCHANGE)


class Market:
    """A supplier and so many demanders, and what goes over the links between them."""

    def __init__(self, members: int) -> None:
        draw = random.Random(members)  # noqa: S311 (a made-up market, no secret)
        seller = Key.derive("session benchmark", "supplier")
        self.everyone: list[Participant[Any]] = [self._supplier(seller)]
        for number in range(members):
            units, margin = draw.randrange(1, 41), draw.randrange(100, 1_001)
            self.everyone.append(self._demander(number, units, margin))
        self.carried: list[bytes] = []
        self.links = Links(self.everyone, self._carry)
        self.number, room = 0, ROOM * members
        listing = listing_id(seller.address, MILL, 0, ORIGIN + LENGTH)
        self.pass_time(
            1,
            ResourceRegistered(seller.address, MILL, HOUR, ORIGIN, LENGTH),
            Listed(listing, seller.address, MILL, 0, room, room),
            *(Deposited(each.address, TOKEN, 10**9) for each in self.everyone),
        )

    def _supplier(self, key: Key) -> Participant[SupplierState]:
        state = SupplierState(
            address=key.address,
            domain=DOMAIN,
            rhythm=RHYTHM,
            resource=MILL,
            origin=ORIGIN,
            slot_length=LENGTH,
            terms=PriceTerms("balanced", 20_000, 10_000, 50, 0, TOKEN),
        )
        return Participant(key, DOMAIN, supplier.step, state, Journal())

    def _demander(self, number: int, units: int, margin: int) -> Participant[DemanderState]:
        key = Key.derive("session benchmark", str(number))
        name = number.to_bytes(32, "big")
        want = Want(name, ORIGIN, ORIGIN + LENGTH, True, (Choice(MILL, units, margin),))
        state = DemanderState(
            address=key.address,
            token=TOKEN,
            domain=DOMAIN,
            rhythm=RHYTHM,
            wants=HashTrieMap({name: want}),
            rounds_left=1,
            order=(name,),
        )
        return Participant(key, DOMAIN, demander.step, state, Journal())

    def _carry(self, _: str, letter: Letter) -> Fate:
        self.carried.append(letter.body)
        return PERFECT

    def pass_time(self, now: int, *events: Event) -> None:
        """Bring a block, and carry what follows from it."""
        self.number += 1
        entries = tuple(Entry(at, bytes(32), event) for at, event in enumerate(events))
        place = self.number.to_bytes(32, "big")
        block = Block(self.number, place, bytes(32), now, entries)
        for participant in self.everyone:
            participant.follow(block)
            self.links.collect(participant, now)
        self.links.deliver(now)


def measure(members: int) -> dict[str, Any]:
    """Run one session; returns its row."""
    market = Market(members)
    for now in (RHYTHM.period // 2, RHYTHM.offers_until(RHYTHM.period)):
        market.pass_time(now)
    market.carried.clear()
    started = time.process_time()
    market.pass_time(RHYTHM.period)
    seconds = time.process_time() - started
    seller = market.everyone[0]
    (session,) = seller.journal.sessions()
    shown = replay(evidence_of(seller.journal, session))
    rounds = len(shown.talk.rounds)
    said = [(type(decode(Envelope, body).message), len(body)) for body in market.carried]
    sizes = [length for kind, length in said if kind in SESSION]
    messages, size = len(sizes), sum(sizes)
    seats = members * rounds
    return {
        "members": members,
        "rounds": rounds,
        "price": shown.talk.price,
        "trades": sum(kind is Trade for kind, _ in said),
        "messages": messages,
        "messages_a_member_and_round": round(messages / seats, 3),
        "bytes": size,
        "bytes_a_member_and_round": round(size / seats),
        "bytes_by_log_m": round(size / seats / log2(members)),
        "cpu_s": round(seconds, 2),
    }


def measure_all(sizes: Sequence[int]) -> list[dict[str, Any]]:
    rows = []
    for members in sizes:
        print(f"{members} members", file=sys.stderr)
        rows.append(measure(members))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="25 and 50 members only")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    about = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
    }
    rows = measure_all(QUICK if args.quick else SIZES)
    if args.json:
        print(json.dumps({**about, "rows": rows}, indent=2))
        return
    title = f"{about['machine']}, Python {about['python']}"
    table = Table(*(name.replace("_", "\n") for name in rows[0]), title=title)
    for row in rows:
        table.add_row(*(f"{value:,}" for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    main()
