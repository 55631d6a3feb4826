"""Whole products: the market's rounds beside CP-SAT, which knows everything.

    python benchmarks/products.py [--quick] [--json] [--seconds 60] [--seed 1] [instance ...]

Instances are the job shops of scenarios/fjsp in slots (`fabmarket.scenario.slotted`), and three
families of our own making, on which nothing was tuned: `flow-N` (every product visits the machines
in the same order, one way each), `plant-N` (five machines, orders of 3 to 8 steps) and `tight-N`
(three machines that do everything, for twice the products that fit). `welfare_share` is value less
lateness and reserve prices, over CP-SAT's within `--seconds`, by the same sum; both are null where
OR-tools is not installed. `rounds` are the beats in which anything was said, `messages` what was
sent, one for each receiver; `seconds` are those of all participants together, signatures included.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fabmarket.market.units import name_from_bytes32
from fabmarket.negotiation.products.plan import Slot, cheapest
from fabmarket.scenario.fjsp import FjspInstance, parse_fjsp
from fabmarket.scenario.fjsp import Operation as Step
from fabmarket.scenario.model import Operation, Product, Scenario
from fabmarket.scenario.slotted import best_known, slotted
from fabmarket.simulation.products import Street

try:
    from ortools.sat.python import cp_model
except ImportError:
    cp_model = None

FOLDER = Path(__file__).parents[1] / "scenarios" / "fjsp"
SHIPPED = (*(f"mk{number:02}" for number in range(1, 11)), "k1", "k2", "k3", "k4")
OWN = tuple(f"{family}-{number}" for family in ("flow", "plant", "tight") for number in (1, 2, 3))
QUICK = ("mk01", "k1", "flow-1")

Chain = list[tuple[str, int]]
"""Of each operation, the resource and the slot."""


@dataclass
class Row:
    instance: str
    jobs: int
    complete: int
    on_time: int
    welfare: int
    welfare_share: float | None
    paid_for_incomplete: int
    rounds: int
    messages: int
    seconds: float
    cpsat_complete: int | None
    cpsat_welfare: int | None
    makespan: int
    best_known: int
    utilisation: float
    outdone: int
    """Complete ones that would have cost less, lateness included, in what stayed unsold."""


def own(name: str) -> FjspInstance:
    """An instance of our own making."""
    family = name.rsplit("-", 1)[0]
    draw = random.Random(name)  # noqa: S311 (a made-up market, no secret)
    count, machines = {"flow": (12, 6), "plant": (40, 5), "tight": (20, 3)}[family]

    def step(at: int) -> Step:
        ways = {"flow": [at], "plant": [draw.randrange(5)], "tight": [0, 1, 2]}[family]
        if family == "plant":
            ways = draw.sample(range(machines), draw.randint(1, 3))
        return Step(tuple((machine, draw.randint(10, 60)) for machine in ways))

    lengths = {"flow": (6, 6), "plant": (3, 8), "tight": (2, 5)}[family]
    jobs = tuple(tuple(step(at) for at in range(draw.randint(*lengths))) for _ in range(count))
    return FjspInstance(jobs, machines)


def instance_of(name: str) -> FjspInstance:
    return own(name) if name in OWN else parse_fjsp((FOLDER / f"{name}.txt").read_text(), name)


def products_of(market: Scenario) -> dict[str, Product]:
    return {each.name: each.product for each in market.demanders if each.product is not None}


def units(operation: Operation, resource: str) -> int:
    """What an operation needs of a resource."""
    return next(way.quantity for way in operation.alternatives if way.resource == resource)


def welfare(market: Scenario, chains: dict[str, Chain]) -> int:
    """The model's own sum, base units; AssertionError for chains that no market could have."""
    used: Counter[tuple[str, int]] = Counter()
    total = 0
    products, sellers = products_of(market), {each.resource: each for each in market.suppliers}
    for name, chain in chains.items():
        spec = products[name]
        assert len(chain) == len(spec.operations)  # noqa: S101
        before = spec.release - 1
        for operation, (resource, slot) in zip(spec.operations, chain, strict=True):
            assert before < slot <= spec.last  # noqa: S101
            minutes, before = units(operation, resource), slot
            used[resource, slot] += minutes
            total -= minutes * sellers[resource].maintenance
        total += spec.value - spec.lateness * max(0, before - spec.due)
    assert all(  # noqa: S101
        minutes <= sellers[resource].listed[slot] for (resource, slot), minutes in used.items()
    )
    return total


def sold(street: Street) -> dict[str, Chain]:
    """What was booked whole, as resources and slots."""
    return {
        name: [
            (
                name_from_bytes32(street.sellers[step.slot.supplier].resource),
                (step.slot.start - street.origin) // street.market.slot_length,
            )
            for step in buyer.held.chain.steps
        ]
        for name, buyer in street.bought()
        if buyer.held is not None
    }


def outdone(street: Street) -> int:
    """How many pay more than a chain would cost in their own room and what is unsold."""
    chains = {name: buyer.held.chain for name, buyer in street.bought() if buyer.held is not None}
    sold = Counter[bytes]()
    for chain in chains.values():
        for step in chain.steps:
            sold[step.slot.listing] += step.quantity
    count = 0
    for name, buyer in street.bought():
        own = {step.slot.listing: step for step in chains[name].steps}
        slots: dict[bytes, list[Slot]] = {}
        for seller in street.sellers.values():
            for listing, stock in seller.stock.items():
                price, room = seller.reserve, stock.available - sold[listing]
                if listing in own:
                    price, room = own[listing].slot.price, room + own[listing].quantity
                slot = Slot(seller.address, listing, stock.start, stock.end, price, room)
                slots.setdefault(seller.resource, []).append(slot)
        found = cheapest(buyer.product, slots)
        count += found is not None and found.cost < chains[name].cost
    return count


def best(market: Scenario, seconds: float) -> dict[str, Chain] | None:
    """The chains of most welfare that CP-SAT finds; None without OR-tools."""
    if cp_model is None:
        return None
    model = cp_model.CpModel()
    worth, uses = [], {}
    choices: dict[tuple[str, int], list[tuple[str, int, object]]] = {}
    sellers = {each.resource: each for each in market.suppliers}
    for name, spec in products_of(market).items():
        is_made = model.new_bool_var("")
        worth.append(spec.value * is_made)
        earlier: list[tuple[str, int, object]] = []
        last = len(spec.operations) - 1
        for at, operation in enumerate(spec.operations):
            here = []
            for slot in range(spec.release + at, spec.last - (last - at) + 1):
                for way in operation.alternatives:
                    it = model.new_bool_var("")
                    here.append((way.resource, slot, it))
                    uses.setdefault((way.resource, slot), []).append(way.quantity * it)
                    late = spec.lateness * max(0, slot - spec.due) if at == last else 0
                    cost = way.quantity * sellers[way.resource].maintenance
                    worth.append(-(cost + late) * it)
                if at:
                    model.add(
                        sum(it for _, s, it in here) <= sum(it for _, s, it in earlier if s < slot)
                    )
            model.add(sum(it for _, _, it in here) == is_made)
            choices[name, at] = earlier = here
    for (resource, slot), parts in uses.items():
        model.add(sum(parts) <= sellers[resource].listed[slot])
    model.maximize(sum(worth))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 2
    solver.solve(model)
    found: dict[str, Chain] = {}
    for (name, _), here in choices.items():
        taken = [(resource, slot) for resource, slot, it in here if solver.value(it)]
        found.setdefault(name, []).extend(taken)
    return {name: chain for name, chain in found.items() if chain}


def measure(name: str, seed: int, seconds: float) -> Row:
    instance = instance_of(name)
    market = slotted(instance, seed, name)
    start = time.perf_counter()
    street = Street(market)
    street.run()
    took = time.perf_counter() - start
    chains = sold(street)
    gained = welfare(market, chains)
    peer = best(market, seconds)
    most = None if peer is None else welfare(market, peer)
    ends = [1 + chain[-1][1] for chain in chains.values()]
    products = products_of(market)
    busy = sum(
        units(operation, resource)
        for each, chain in chains.items()
        for operation, (resource, _) in zip(products[each].operations, chain, strict=True)
    )
    return Row(
        instance=name,
        jobs=len(products),
        complete=len(chains),
        on_time=sum(chain[-1][1] <= products[each].due for each, chain in chains.items()),
        welfare=gained,
        welfare_share=gained / most if most else None,
        paid_for_incomplete=street.paid_for_incomplete(),
        rounds=len(street.tally.beats),
        messages=sum(street.tally.sent.values()),
        seconds=round(took, 2),
        cpsat_complete=None if peer is None else len(peer),
        cpsat_welfare=most,
        makespan=max(ends, default=0) * market.slot_length // 60,
        best_known=best_known(instance, name),
        utilisation=busy / sum(sum(each.listed) for each in market.suppliers),
        outdone=outdone(street),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("instances", nargs="*", help="of the shipped ones and our own; all")
    parser.add_argument("--quick", action="store_true", help="three instances only")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=60, help="what CP-SAT may take of each")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    names = given.instances or (QUICK if given.quick else (*SHIPPED, *OWN))
    unknown = [name for name in names if name not in (*SHIPPED, *OWN)]
    if unknown:
        parser.error(f"there is no instance {unknown[0]}; known are {', '.join((*SHIPPED, *OWN))}")
    rows = [measure(name, given.seed, given.seconds) for name in names]
    if given.json:
        json.dump([asdict(row) for row in rows], sys.stdout, indent=2)
        print()
        return
    table = Table(*asdict(rows[0]))
    for row in rows:
        values = asdict(row).values()
        table.add_row(*(f"{each:.3f}" if isinstance(each, float) else str(each) for each in values))
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
