"""Net cycles through the code of participants: gas a trade, messages, and what a party computes.

    python benchmarks/net.py [--quick] [--json]

A market of so many buyers and suppliers with one listing each bargains so many trades in one beat,
on the embedded chain, and nets them. `net` is with the count of baskets, `late` where nobody
coordinates, `first` as `net` where the accounts of suppliers are new: in the others all have paid
in before, as after a first cycle. `gas_per_trade` is that of the transactions in which they
settled. `member_cpu_ms` is what one party takes to check a batch and count its baskets, a median;
`coordinator_cpu_ms` what it takes to propose one. `messages` and `bytes` are those of the cycle,
letters that are sent again included in the bytes. The target, at 100 accounts, 50 listings and 500
trades, is 3,300 gas a trade.
"""

import argparse
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from typing import Any

from fabmarket.chain import Settings, open_engine
from fabmarket.market.cycles import Consent, Counted, Entering, Entry, Joining, Proposal, Roll
from fabmarket.negotiation.moves import Received
from fabmarket.negotiation.netting import coordinating, party
from fabmarket.node.journal import Letter
from fabmarket.scenario import Alternative, Demander, Scenario, SubTask, Supplier
from fabmarket.scenario.model import DEFAULT_CURRENCY
from fabmarket.simulation import Fate, Outcome, run, run_market, setup
from fabmarket.simulation.setup import Parties, Party, parties_of

KINDS = (Joining, Roll, Entering, Entry, Proposal, Counted, Consent)
TARGET = 3_300
SIZES = ((10, 5, 5, 25), (30, 15, 15, 100), (100, 50, 50, 500))
"""Accounts, buyers, suppliers, trades."""


def market(buyers: int, suppliers: int, trades: int, seed: int = 1) -> Scenario:
    """Return a market in which each buyer bargains with suppliers in turn for as many trades."""
    chance = random.Random(seed)  # noqa: S311 (a made-up market, no secret)
    tasks: list[list[SubTask]] = [[] for _ in range(buyers)]
    for number in range(trades):
        buyer = number % buyers
        seller = (buyer + number // buyers) % suppliers
        benefit = chance.randint(1_500, 4_000)
        way = Alternative(f"machine {seller}", chance.randint(2, 40), benefit, 0)
        tasks[buyer].append(SubTask(f"task {number}", 0, True, (way,)))
    return Scenario(
        name="net",
        title="A market that nets",
        description="",
        source="",
        draws="",
        currency=DEFAULT_CURRENCY,
        concept="balanced",
        negotiation="bargaining",
        release_rounds=1,
        operators=1,
        threshold=1,
        slot_length=3_600,
        tampered_copies=0,
        demanders=tuple(Demander(f"buyer {at}", tuple(own)) for at, own in enumerate(tasks)),
        suppliers=tuple(
            Supplier(
                f"supplier {at}",
                f"machine {at}",
                "hour",
                chance.randint(500, 1_000),
                Fraction(4, 5),
                Fraction(1, 5),
                (10_000,),
                (10_000,),
            )
            for at in range(suppliers)
        ),
    )


class Clock:
    """Times what the steps of a cycle take, by the message heard."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}
        self._hears = party.hear, coordinating.hear

    def __enter__(self) -> "Clock":
        party.hear, coordinating.hear = map(self._timed, self._hears)
        return self

    def __exit__(self, *_: object) -> None:
        party.hear, coordinating.hear = self._hears

    def _timed(self, hear: Any) -> Any:
        def timed(state: Any, given: Received, *more: Any) -> Any:
            start = time.process_time()
            try:
                return hear(state, given, *more)
            finally:
                name = type(given.message).__name__
                self.taken.setdefault(name, []).append(1e3 * (time.process_time() - start))

        return timed


@contextmanager
def paid_in() -> Iterator[None]:
    """Within, suppliers pay in beside demanders, so that no account of the cycle is new."""

    def everybody(_: Scenario, parties: Parties) -> tuple[Party, ...]:
        return (*parties.demanders, *parties.suppliers)

    usual = setup.payers
    setup.payers = run.payers = everybody
    try:
        yield
    finally:
        setup.payers = run.payers = usual


def played(scenario: Scenario, *, late: bool) -> tuple[Outcome, Clock, Counter[str]]:
    """Return what a run comes to; `late`: its coordinator hears and says nothing."""
    silent = {parties_of(scenario, 1).operators[0].address} if late else set()

    sizes: Counter[str] = Counter()

    def schedule(sender: str, letter: Letter) -> Fate:
        sizes[letter.kind] += len(letter.body)
        return Fate(() if {sender, letter.recipient} & silent else (0,))

    with open_engine("embedded", Settings()) as engine, Clock() as clock:
        outcome = run_market(scenario, engine, 1, lambda *_: None, settle="net", schedule=schedule)
    return outcome, clock, sizes


def row(size: tuple[int, int, int, int], mode: str) -> dict[str, Any]:
    """Return the figures of one run."""
    accounts, buyers, suppliers, trades = size
    with nullcontext() if mode == "first" else paid_in():
        outcome, clock, sizes = played(market(buyers, suppliers, trades), late=mode == "late")
    ways = Counter(trade.way for trade in outcome.trades)
    receipts = {each.receipt.transaction: each.receipt for each in outcome.trades}
    gas = sum(each.gas_used for each in receipts.values())
    names = [kind.__name__ for kind in KINDS]
    checking, entering = (clock.taken.get(name, []) for name in ("Proposal", "Entry"))
    return {
        "mode": mode,
        "accounts": accounts,
        "listings": suppliers,
        "trades": len(outcome.trades),
        "ways": dict(ways),
        "audit": outcome.audit.ok,
        "gas": gas,
        "gas_per_trade": round(gas / max(1, len(outcome.trades))),
        "messages": sum(outcome.tally.sent[name] for name in names),
        "bytes": sum(sizes[name] for name in names),
        "member_cpu_ms": round(statistics.median(checking), 1) if checking else None,
        "coordinator_cpu_ms": round(max(entering), 1) if entering else None,
    }


def main() -> None:
    """Print a row for each market and mode."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small markets only")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    sizes = SIZES[:2] if args.quick else SIZES
    rows = [row(size, mode) for size in sizes for mode in ("net", "first", "late")]
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    for each in rows:
        print(", ".join(f"{name} {value}" for name, value in each.items()))
    largest = next(each for each in rows[::-1] if each["mode"] == "net")
    if not args.quick:
        met = "met" if largest["gas_per_trade"] <= TARGET else "missed"
        print(f"target {TARGET} gas a trade at 500 trades: {met}")


if __name__ == "__main__":
    main()
