"""What privacy costs: a session open and masked, a cycle that nets, and what sums still tell.

    python benchmarks/private.py [--quick] [--json]

One supplier and m demanders run as they would alone: each by its step, from a journal in memory,
over links that deliver at once; the chain is a clock and the events of one listing. Of m members
each would buy 1 to 40 units of the 10·m that there are, for 100 to 1,000 base units each, and the
price is that of a balanced market. Counted is what follows from the beat at which the session opens
until nobody has anything to say: `messages`, one for each receiver, trades left out, and the
`bytes` of their envelopes. `rounds` are the quotes.

All times are of the processor, medians. `member_cpu_ms` is an answer's: a quote is read, its
signature, path and price are checked, what is said to it is worked out, signed and written down.
`supplier_cpu_ms` is a round's, of the session alone: all answers are heard, and the quotes that
follow are made. `supplier_all_cpu_ms` is a round's with what every letter costs: it is read, its
signature checked, written down, and the quotes are signed and put into the outbox. `opening_cpu_ms`
is what the opening takes a member.

The rows `net` are `net.py`'s of the same name: accounts instead of members, the messages of a
cycle, and what checking a batch takes one of them. `gas_per_trade` is there that of the cycle, else
that of a trade that settles by itself. The second table is `isolated.py`'s. The targets at 200
members are 2 ms for an answer and 25 ms for a round, and 3,300 gas for a trade of 500 that net.
"""

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import isolated
import net
from gas import Bench, prepare
from rich.console import Console
from rich.table import Table
from rpds import HashTrieMap

from fabmarket.identity import Key
from fabmarket.identity.codec import decode
from fabmarket.ledger import Block
from fabmarket.ledger.store import Entry
from fabmarket.market.events import Deposited, Event, Listed, ResourceRegistered
from fabmarket.market.exchange import Settle
from fabmarket.market.masked import MaskedQuote, MaskedReply
from fabmarket.market.messages import MaskedOpening, Message, Opening, PriceTerms, Quote, Reply
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import Trade, listing_id, market_domain
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Choice, Want
from fabmarket.node import Journal, Participant
from fabmarket.node.envelope import Envelope
from fabmarket.node.journal import Letter
from fabmarket.node.participant import Heard
from fabmarket.simulation import Fate, Links

SIZES = (3, 30, 200)
QUICK = SIZES[:2]
MODES = {"open": 0, "masked": 3}
"""By name, from how many members on sessions are masked."""
ORIGIN, LENGTH = 1_000_000, 3_600
"""The slot that is traded, seconds."""
ROOM = 10
"""Units that there are for each member."""
MILL, HOUR = name_to_bytes32("mill"), name_to_bytes32("hour")
RHYTHM = Rhythm(0, 60)
PERFECT = Fate()
EXCHANGE, TOKEN = (Key.derive("private benchmark", name).address for name in ("exchange", "token"))
DOMAIN = market_domain(31337, EXCHANGE)


class Timed(Participant[Any]):
    """A participant that notes what each message took it, milliseconds of the processor."""

    took: list[tuple[Message, float, float]]
    """Each message, with what it took in all and what the step did."""
    stepped: float = 0.0
    """Milliseconds of the processor that its steps took so far."""

    def receive_all(
        self, letters: Iterable[tuple[bytes, str | None]], delivered: Sequence[int] = ()
    ) -> list[Heard]:
        letters = list(letters)
        started, stepped = time.process_time(), self.stepped
        answers = super().receive_all(letters, delivered)
        share = (time.process_time() - started) * 1_000 / max(1, len(letters))
        step = (self.stepped - stepped) / max(1, len(letters))
        self.took += [(decode(Envelope, text).message, share, step) for text, _ in letters]
        return answers


def timed(step: Any, of: list[Timed]) -> Any:
    """The step of the participant that will be in the list, which notes its time there."""

    def step_timed(state: Any, given: Any) -> Any:
        started = time.process_time()
        done = step(state, given)
        for participant in of:
            participant.stepped += (time.process_time() - started) * 1_000
        return done

    return step_timed


class Market:
    """A supplier and so many demanders, and what goes over the links between them."""

    def __init__(self, members: int, least: int) -> None:
        draw = random.Random(f"{members} members")  # noqa: S311 (a made-up market, no secret)
        seller = Key.derive("private benchmark", "supplier")
        state = SupplierState(
            address=seller.address,
            domain=DOMAIN,
            rhythm=RHYTHM,
            resource=MILL,
            origin=ORIGIN,
            slot_length=LENGTH,
            terms=PriceTerms("balanced", 20_000, 10_000, 50, 0, TOKEN, least=least),
        )
        us: list[Timed] = []
        self.seller = Timed(seller, DOMAIN, timed(supplier.step, us), state, Journal())
        us.append(self.seller)
        self.buyers = [
            self._demander(number, draw.randrange(1, 41), draw.randrange(100, 1_001))
            for number in range(members)
        ]
        self.everyone = [self.seller, *self.buyers]
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

    def _demander(self, number: int, units: int, margin: int) -> Timed:
        key = Key.derive("private benchmark", str(number))
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
            source=key.reveal(),
        )
        return Timed(key, DOMAIN, demander.step, state, Journal())

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
            participant.took, participant.stepped = [], 0.0
            participant.follow(block)
            self.links.collect(participant, now)
        self.links.deliver(now)


def measure(mode: str, members: int, gas: int) -> dict[str, Any]:
    """Run one session; returns its row, with the gas of a single trade."""
    market = Market(members, MODES[mode])
    for now in (RHYTHM.period // 2, RHYTHM.offers_until(RHYTHM.period)):
        market.pass_time(now)
    market.carried.clear()
    market.pass_time(RHYTHM.period)
    said = [(decode(Envelope, body).message, len(body)) for body in market.carried]
    sizes = [length for message, length in said if not isinstance(message, Trade)]
    took = [each for buyer in market.buyers for each in buyer.took]
    quoted = [ms for message, ms, _ in took if isinstance(message, Quote | MaskedQuote)]
    opened = [ms for message, ms, _ in took if isinstance(message, Opening | MaskedOpening)]
    rounds: dict[bytes, list[tuple[float, float]]] = {}
    for message, *both in market.seller.took:
        match message:
            case Reply() as reply:
                rounds.setdefault(reply.quote, []).append((both[0], both[1]))
            case MaskedReply(answer=answer):
                rounds.setdefault(answer.quote, []).append((both[0], both[1]))
    return {
        "mode": mode,
        "members": members,
        "listings": 1,
        "trades": len(said) - len(sizes),
        "messages": len(sizes),
        "bytes": sum(sizes),
        "member_cpu_ms": round(median(quoted), 2),
        "supplier_cpu_ms": round(
            median(sum(step for _, step in its) for its in rounds.values()), 2
        ),
        "supplier_all_cpu_ms": round(
            median(sum(ms for ms, _ in its) for its in rounds.values()), 2
        ),
        "opening_cpu_ms": round(median(opened), 2),
        "rounds": len(rounds),
        "gas_per_trade": gas,
    }


def single_gas() -> int:
    """Return the gas of settling one trade, of accounts that have traded before."""
    bench = Bench(places=range(1))
    (pair,) = bench.pairs()
    prepare(bench, [pair])
    gas = bench.anyone(Settle(bench.trade(*pair)))
    bench.engine.close()
    return gas


def measure_net(size: tuple[int, int, int, int]) -> dict[str, Any]:
    """Run one net cycle; returns its row, of the same fields, None where one means nothing."""
    found = net.row(size, "net")
    own = ("listings", "trades", "messages", "bytes", "member_cpu_ms")
    return {
        "mode": "net",
        "members": found["accounts"],
        **{name: found[name] for name in own},
        **dict.fromkeys(("supplier_cpu_ms", "supplier_all_cpu_ms", "opening_cpu_ms", "rounds")),
        "gas_per_trade": found["gas_per_trade"],
    }


def measure_all(sizes: Sequence[int], net_size: tuple[int, int, int, int]) -> list[dict[str, Any]]:
    rows = []
    gas = single_gas()
    for members in sizes:
        for mode in MODES:
            print(f"{members} members, {mode}", file=sys.stderr)
            rows.append(measure(mode, members, gas))
    print(f"{net_size[0]} accounts, net", file=sys.stderr)
    return [*rows, measure_net(net_size)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small markets, few of them")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    about = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
    }
    rows = measure_all(*((QUICK, net.SIZES[0]) if args.quick else (SIZES, net.SIZES[-1])))
    few = (isolated.SIZES[:2], isolated.FEW)
    told = list(isolated.rows(*(few if args.quick else (isolated.SIZES, isolated.SESSIONS))))
    if args.json:
        print(json.dumps({**about, "rows": rows, "isolated": told}, indent=2))
        return
    show(f"{about['machine']}, Python {about['python']}", rows)
    show("Margins that the sums of a session tell exactly", told)


def show(title: str, rows: Sequence[dict[str, Any]]) -> None:
    table = Table(*(name.replace("_", "\n") for name in rows[0]), title=title)
    for row in rows:
        table.add_row(*map(written, row.values()))
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def written(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:,}"


if __name__ == "__main__":
    main()
