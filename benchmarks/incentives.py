"""What the rules of a session reward: lies, false names, coalitions, and what a supplier can do.

    python benchmarks/incentives.py [--quick] [--json]

Every outcome is worked out by the code of the signed sessions (`fabmarket.negotiation.playing`),
and of the products' rounds by their buyers and sellers themselves. Markets:

- `paper`: the paper's three demanders, 600 units;
- `scarce`: the same, each with a use for 200 units, 300 for sale;
- `shop`: the operations of mk01 as lots. Operation k of a job is wanted in slot k on its first
  machine, what a minute is worth is drawn; half of the minutes that are wanted are for sale, and
  listings that two or more want count;
- `random`: ten demanders, each with a use for 20 to 200 units, half of all that for sale.

Of each session the one demander, pair or supplier that gains most by what is tried is taken; the
gains of all sessions are shown as a share of what these would have earned honestly. What is tried
is a grid: something better may exist, but for the clock, whose small markets the tests go through
by exhaustion. A clock of units in `shop` sells lots that pose as divisible, of which a part is
worth nothing. Seeds are fixed, nothing is timed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from random import Random

from false_orders import Order, orders
from rich.console import Console
from rich.table import Table

from fabmarket.errors import Refused
from fabmarket.market.messages import Exit, Member, PriceTerms
from fabmarket.market.units import NO_LIMIT
from fabmarket.negotiation.clinching import Curve
from fabmarket.negotiation.course import CLOCK, best_reply, check_terms
from fabmarket.negotiation.playing import Played, play, play_clock
from fabmarket.scenario import paper_market
from fabmarket.scenario.fjsp import parse_fjsp

FOLDER = Path(__file__).parents[1] / "scenarios" / "fjsp"
RULES = ("demanders-lead", "balanced", "simultaneous", "clock of units", "clock of lots")
NOBODY = "0x" + 40 * "0"
WEIGHTS = (800_000, 200_000)
FACTORS = (0.25, 0.5, 1, 1.5, 2, 3, 4)
GRID, COARSE = 200, 14
"""Steps between nothing and twice one's margin: of one who lies alone, of each of two."""


@dataclass(frozen=True)
class Bid:
    """What a unit is said to be worth, base units, up to so many units."""

    margin: int
    units: int


@dataclass(frozen=True)
class Case:
    """One listing: least price, units for sale, who wants them; `whole`: all or nothing each."""

    floor: int
    room: int
    bids: tuple[Bid, ...]
    whole: bool = False


@dataclass(frozen=True)
class Tried:
    """What is gained, and what those who gain it earn honestly, base units."""

    gain: int = 0
    honest: int = 0

    def __add__(self, other: "Tried") -> "Tried":
        return Tried(self.gain + other.gain, self.honest + other.honest)


@dataclass(frozen=True)
class Row:
    """A market under a rule; welfare and profit as shares of the most that it can be worth."""

    market: str
    rule: str
    sessions: int
    rounds: float
    welfare: float
    profit: float
    lie: Tried
    false_names: Tried
    coalition: Tried
    weights: Tried | None
    reserve: Tried
    shill: Tried


def sell(
    rule: str, case: Case, bids: Sequence[Bid], floor: int, weights: tuple[int, int] = WEIGHTS
) -> Played:
    """What a session under a rule sells if these are the answers. Refused if it takes them not."""
    is_clock, lots = rule.startswith(CLOCK), rule == "clock of lots"
    concept = CLOCK if is_clock else rule
    terms = PriceTerms(concept, *weights, floor, case.room, NOBODY, lots, 4 * is_clock)
    whole = case.whole and not is_clock
    members = []
    for at, bid in enumerate(bids):
        name = at.to_bytes(32, "big")
        units = min(bid.units, case.room) if is_clock else bid.units
        members.append(Member(NOBODY, name, name, units, not (whole or lots), at))
    check_terms(terms, [(each.quantity, each.divisible) for each in members])
    if not is_clock:
        return play(
            terms, members, lambda at, price: best_reply(terms, members[at], bids[at].margin, price)
        )
    return play_clock(terms, members, [_curve(bid, case.room, max(1, floor)) for bid in bids])


def _curve(bid: Bid, room: int, floor: int) -> Curve:
    units = min(bid.units, room)
    return Curve(0, (Exit(bid.margin, units),)) if units and bid.margin >= floor else Curve(0)


def earned(case: Case, bid: Bid, units: int, payment: int) -> int:
    """What somebody with this true worth earns with so many units."""
    useful = min(units, bid.units)
    return bid.margin * (0 if case.whole and useful < bid.units else useful) - payment


def best_welfare(case: Case) -> int:
    """The most that the units can be worth above the floor."""
    if not case.whole:
        left, total = case.room, 0
        for bid in sorted(case.bids, key=lambda bid: -bid.margin):
            taken = min(left, bid.units)
            total += taken * max(0, bid.margin - case.floor)
            left -= taken
        return total
    best = [0] * (case.room + 1)
    for bid in case.bids:
        gain = bid.units * (bid.margin - case.floor)
        for left in range(case.room, bid.units - 1, -1):
            best[left] = max(best[left], best[left - bid.units] + gain)
    return best[case.room]


class Session:
    """A case under a rule, what comes of it honestly, and what each way to cheat gains at most."""

    def __init__(self, rule: str, case: Case) -> None:
        self.rule, self.case = rule, case
        self.honest = sell(rule, case, case.bids, case.floor)
        self.profits = [self.profit(at, self.honest) for at in range(len(case.bids))]
        # Of two names and of two demanders together those are tried who earn most.
        self.rich = sorted(range(len(case.bids)), key=lambda at: -self.profits[at])[:3]

    def profit(self, at: int, sold: Played) -> int:
        awards = sold.awards
        return earned(self.case, self.case.bids[at], awards.units[at], awards.payments[at])

    def of_supplier(self, sold: Played) -> int:
        """What the supplier earns from those who really buy."""
        buyers = len(self.case.bids)
        awards = sold.awards
        return sum(awards.payments[:buyers]) - self.case.floor * sum(awards.units[:buyers])

    @property
    def welfare(self) -> int:
        bids = zip(self.case.bids, self.honest.awards.units, strict=True)
        return sum(
            earned(self.case, bid, units, 0) - self.case.floor * units for bid, units in bids
        )

    def with_bids(self, changed: dict[int, Bid], *more: Bid) -> Played:
        bids = [changed.get(at, bid) for at, bid in enumerate(self.case.bids)]
        return sell(self.rule, self.case, [*bids, *more], self.case.floor)

    def lie(self) -> Tried:
        """One demander says that a unit is worth something else, or that it has use for fewer."""

        def tried(at: int) -> Iterator[int]:
            own = self.case.bids[at]
            for margin in _grid(own.margin, GRID):
                yield self.profit(at, self.with_bids({at: Bid(margin, own.units)}))
            if not self.case.whole and own.units != NO_LIMIT:
                for part in range(1, 8):
                    less = Bid(own.margin, own.units * part // 8)
                    yield self.profit(at, self.with_bids({at: less}))

        return self._best(tried, [(at,) for at in range(len(self.profits))])

    def false_names(self) -> Tried:
        """One demander takes two seats."""

        def tried(at: int) -> Iterator[int]:
            own = self.case.bids[at]
            for one in _grid(own.margin, COARSE):
                for other in _grid(own.margin, COARSE):
                    for first, second in _parts(own.units):
                        names = {at: Bid(one, first)}, Bid(other, second)
                        sold = self.with_bids(*names).awards
                        units, payment = sold.units[at] + sold.units[-1], sold.payments[at]
                        yield earned(self.case, own, units, payment + sold.payments[-1])

        return self._best(tried, [(at,) for at in self.rich[:2]])

    def coalition(self) -> Tried:
        """Two demanders answer together, and share what they gain."""

        def tried(one: int, other: int) -> Iterator[int]:
            first, second = self.case.bids[one], self.case.bids[other]
            for left in _grid(first.margin, COARSE):
                for right in _grid(second.margin, COARSE):
                    changed = {one: Bid(left, first.units), other: Bid(right, second.units)}
                    sold = self.with_bids(changed)
                    yield self.profit(one, sold) + self.profit(other, sold)

        return self._best(tried, list(combinations(self.rich, 2)))

    def _best(
        self, tried: Callable[..., Iterator[int]], groups: Sequence[tuple[int, ...]]
    ) -> Tried:
        found = []
        for group in groups:
            honest = sum(self.profits[at] for at in group)
            found.append(Tried(max(0, max(tried(*group)) - honest), honest))
        return max(found, key=lambda each: each.gain, default=Tried())

    def weights(self) -> Tried | None:
        """The supplier states other weights a and b than those of the game."""
        if self.rule.startswith(CLOCK):
            return None
        a, b = WEIGHTS
        return self._of_supplier(
            sell(self.rule, self.case, self.case.bids, self.case.floor, stated)
            for stated in ((int(a * up), int(b * down)) for up in FACTORS for down in FACTORS)
            if stated[0] > stated[1]
        )

    def reserve(self) -> Tried:
        """The supplier states a higher least price than its cost."""
        top = max(bid.margin for bid in self.case.bids)
        floors = {bid.margin for bid in self.case.bids} | set(_grid(top // 2, GRID))
        return self._of_supplier(
            sell(self.rule, self.case, self.case.bids, floor)
            for floor in sorted(floors)
            if floor > self.case.floor
        )

    def shill(self) -> Tried:
        """The supplier takes a seat itself, knowing what all units are worth to all."""
        margins = {bid.margin + more for bid in self.case.bids for more in (-1, 0, 1)}
        sizes = {max(1, self.case.room // part) for part in (1, 2, 4)}
        if self.rule == "demanders-lead":
            sizes = {NO_LIMIT}
        return self._of_supplier(
            self.with_bids({}, Bid(margin, units))
            for margin in sorted(margins)
            for units in sorted(sizes)
            if margin > 0
        )

    def _of_supplier(self, tried: Iterator[Played]) -> Tried:
        honest = self.of_supplier(self.honest)
        best = max((self.of_supplier(sold) for sold in tried), default=honest)
        return Tried(max(0, best - honest), honest)


def _grid(own: int, steps: int) -> list[int]:
    """Whole margins from 0 to twice one's own, that among them."""
    return sorted({own * 2 * at // steps for at in range(steps + 1)} | {own})


def _parts(units: int) -> list[tuple[int, int]]:
    """How a demand may be divided between two names; or each asks for all."""
    if units == NO_LIMIT or units < 2:
        return [(units, units)]
    return [(units, units), (units - units // 2, units // 2), (units - units // 4, units // 4)]


def measure(market: str, rule: str, cases: Sequence[Case]) -> Row | None:
    """A market under a rule; None if the rule is not for such demands."""
    if rule == "clock of lots" and not all(case.whole for case in cases):
        return None  # who has use for less than a lot could ask for less
    try:
        sessions = [Session(rule, case) for case in cases]
    except Refused:
        return None
    most = sum(map(best_welfare, cases))
    weights = [session.weights() for session in sessions]
    stated = [each for each in weights if each is not None]
    return Row(
        market=market,
        rule=rule,
        sessions=len(sessions),
        rounds=sum(each.honest.rounds for each in sessions) / len(sessions),
        welfare=sum(each.welfare for each in sessions) / most,
        profit=sum(each.of_supplier(each.honest) for each in sessions) / most,
        lie=sum((each.lie() for each in sessions), Tried()),
        false_names=sum((each.false_names() for each in sessions), Tried()),
        coalition=sum((each.coalition() for each in sessions), Tried()),
        weights=sum(stated, Tried()) if stated else None,
        reserve=sum((each.reserve() for each in sessions), Tried()),
        shill=sum((each.shill() for each in sessions), Tried()),
    )


def markets(*, quick: bool) -> dict[str, list[Case]]:
    """The markets by name."""
    paper = paper_market(1)
    ways = [one.sub_tasks[0].alternatives[0] for one in paper.demanders]
    margins = [way.benefit - way.cost for way in ways]
    floor = paper.suppliers[0].maintenance
    return {
        "paper": [Case(floor, 600, tuple(Bid(margin, NO_LIMIT) for margin in margins))],
        "scarce": [Case(floor, 300, tuple(Bid(margin, 200) for margin in margins))],
        "shop": shop()[: 2 if quick else None],
        "random": [drawn(seed) for seed in range(1 if quick else 12)],
    }


def drawn(seed: int) -> Case:
    """Ten demanders with drawn margins and uses."""
    random = Random(seed)  # noqa: S311
    bids = tuple(Bid(random.randint(20, 300), random.randint(20, 200)) for _ in range(10))
    return Case(10, sum(bid.units for bid in bids) // 2, bids)


def shop() -> list[Case]:
    """The contested listings of mk01's operations."""
    random = Random(1)  # noqa: S311
    wanted: dict[tuple[int, int], list[Bid]] = {}
    for job in parse_fjsp((FOLDER / "mk01.txt").read_text(), "mk01").jobs:
        for slot, operation in enumerate(job):
            machine, minutes = operation.alternatives[0]
            bid = Bid(random.randint(40, 300), minutes)
            wanted.setdefault((machine, slot), []).append(bid)
    return [
        Case(
            10,
            max(*(bid.units for bid in bids), sum(bid.units for bid in bids) // 2),
            tuple(bids),
            whole=True,
        )
        for _, bids in sorted(wanted.items())
        if len(bids) > 1
    ]


def share(tried: Tried | None) -> str:
    """What is gained in per cent; in money where honesty earns nothing."""
    if tried is None:
        return "–"
    if not tried.gain:
        return "0"
    return f"{100 * tried.gain / tried.honest:+.1f} %" if tried.honest else f"+{tried.gain:,}"


def show(rows: Sequence[Row], sold: Sequence[Order]) -> None:
    table = Table(
        "market",
        "rule",
        "sessions",
        "rounds",
        "welfare",
        "profit",
        "lie",
        "two names",
        "two together",
        "weights",
        "least price",
        "shill",
    )
    for row in rows:
        tries = row.lie, row.false_names, row.coalition, row.weights, row.reserve, row.shill
        table.add_row(
            row.market,
            row.rule,
            str(row.sessions),
            f"{row.rounds:.1f}",
            f"{100 * row.welfare:.0f} %",
            f"{100 * row.profit:.0f} %",
            *map(share, tries),
        )
    other = Table("instance", "what", "runs", "gain", "honest", "share")
    for order in sold:
        other.add_row(
            order.instance,
            order.what,
            str(order.runs),
            f"{order.gain:,}",
            f"{order.honest:,}",
            share(Tried(order.gain, order.honest)),
        )
    Console(width=160).print(table, other)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer sessions; one small instance")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = []
    for market, cases in markets(quick=given.quick).items():
        for rule in RULES:
            print(f"{market}: {rule}", file=sys.stderr)
            row = measure(market, rule, cases)
            rows += [] if row is None else [row]
    told = lambda what: print(f"products: {what}", file=sys.stderr)  # noqa: E731
    sold = list(orders(quick=given.quick, told=told))
    if given.json:
        found = {"sessions": [asdict(row) for row in rows], "products": [asdict(o) for o in sold]}
        print(json.dumps(found, indent=2))
    else:
        show(rows, sold)


if __name__ == "__main__":
    main()
