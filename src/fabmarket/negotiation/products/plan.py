"""A product's cheapest whole chain at given prices and rooms, its lateness included.

Dynamic programming over the listings' times: after each step only those ends count that are cheaper
than every earlier one. Exact in integers. Of several cheapest chains the one that ends first is
taken, and of its steps those that end first; then the way that is named first.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

_FINE = 1 << 80
"""Money weighs more than all units that are bought where others wait, which decide its ties."""


@dataclass(frozen=True)
class Way:
    """One way to do a step: so many units of a resource, in one listing."""

    resource: bytes
    quantity: int


@dataclass(frozen=True)
class Product:
    """What is bought whole or not at all; private to its demander.

    `steps` in their order, each a choice of ways; a step begins when the one before has ended, and
    none begins before `release` or ends after `last`, seconds of chain time. `value` is what the
    product is worth, and `lateness` what each `late_every` seconds, begun, after `due` take from
    that; base units. If it may be `partial`, its first steps alone are worth their share.
    """

    id: bytes
    steps: tuple[tuple[Way, ...], ...]
    release: int
    due: int
    last: int
    value: int
    lateness: int
    late_every: int
    partial: bool = False

    def worth(self, steps: int) -> int:
        """Return what so many first steps are worth, base units, rounded down.

        By their share of the units, each step done in its way of fewest.
        """
        if steps == len(self.steps):
            return self.value
        least = [min(way.quantity for way in ways) for ways in self.steps]
        return self.value * sum(least[:steps]) // sum(least) if self.partial else 0

    def late(self, end: int) -> int:
        """Return what ending then costs, base units."""
        return self.lateness * -(-max(0, end - self.due) // self.late_every)


@dataclass(frozen=True)
class Slot:
    """A listing as a planner sees it: whose, when, base units a unit, units that can be had.

    What is bought there already for a step has its `trade`, and costs nothing more.
    """

    supplier: str
    listing: bytes
    start: int
    end: int
    price: int
    room: int
    trade: bytes = b""

    @property
    def owned(self) -> bool:
        """Whether it is bought already."""
        return self.trade != b""


@dataclass(frozen=True)
class Chosen:
    """A step done with so many units of a slot."""

    slot: Slot
    quantity: int


@dataclass(frozen=True)
class Chain:
    """A product's steps in order. `cost` is what is paid and what lateness costs, base units.

    `shunned` are its units in listings that were to be avoided.
    """

    steps: tuple[Chosen, ...]
    cost: int
    shunned: int = 0

    @property
    def fresh(self) -> tuple[Chosen, ...]:
        """The steps that are still to be bought."""
        return tuple(step for step in self.steps if not step.slot.owned)

    @property
    def units(self) -> int:
        """All units that are still to be bought."""
        return sum(step.quantity for step in self.fresh)

    @property
    def price(self) -> int:
        """What these cost, base units."""
        return sum(step.quantity * step.slot.price for step in self.fresh)


_Node: TypeAlias = "tuple[Chosen, _Node] | None"
"""A step and those before it, the last first."""


def cheapest(
    product: Product,
    slots: Mapping[bytes, Sequence[Slot]],
    avoid: Collection[bytes] = (),
    steps: int | None = None,
) -> Chain | None:
    """Return the cheapest chain in the slots of each resource, None if there is none.

    Between chains that cost the same, the one with fewer units in the listings to `avoid`. Of the
    whole product, or of so many first steps.
    """
    ends, costs, nodes = [product.release], [0], [None]  # type: list[int], list[int], list[_Node]
    for ways in product.steps[:steps]:
        found: dict[int, tuple[int, _Node]] = {}
        for way, slot in _fitting(product, ways, slots):
            before = bisect_right(ends, slot.start) - 1
            if before < 0:
                continue
            weight = slot.price * _FINE + (slot.listing in avoid)
            cost = costs[before] + way.quantity * weight
            if slot.end not in found or cost < found[slot.end][0]:
                found[slot.end] = cost, (Chosen(slot, way.quantity), nodes[before])
        ends, costs, nodes = _stairs(found)
    return _best(product, ends, costs, nodes)


def spare(
    product: Product, slots: Mapping[bytes, Sequence[Slot]], steps: Sequence[Chosen], most: int
) -> tuple[Chosen, ...]:
    """Return which of a chain's steps could each be done in another listing for `most` in all.

    In time that grows with steps times slots: the cheapest way up to a step and from there on are
    worked out once for all of them.
    """
    before = [([product.release], [0])]
    for ways in product.steps[: len(steps) - 1]:
        before.append(_onward(product, ways, slots, *before[-1]))
    after: tuple[list[int], list[int]] | None = None
    found = []
    for at in range(len(steps) - 1, -1, -1):
        ends, costs = before[at]
        rest: dict[int, int] = {}
        is_spare = False
        for way, slot in _fitting(product, product.steps[at], slots):
            onward = product.late(slot.end) if after is None else _from(slot.end, *after)
            place = bisect_right(ends, slot.start) - 1
            if onward is None:
                continue
            cost = way.quantity * slot.price + onward
            rest[slot.start] = min(cost, rest.get(slot.start, cost))
            is_other = slot.listing != steps[at].slot.listing
            is_spare = is_spare or (is_other and place >= 0 and costs[place] + cost <= most)
        if is_spare and not steps[at].slot.owned:
            found.append(steps[at])
        after = _least_from(rest)
    return tuple(reversed(found))


def best(product: Product, slots: Mapping[bytes, Sequence[Slot]]) -> Chain | None:
    """Return the chain that leaves most of what it is worth; the whole product unless `partial`."""
    lengths = range(len(product.steps), 0, -1) if product.partial else [len(product.steps)]
    chains = (cheapest(product, slots, steps=length) for length in lengths)
    return max(
        (chain for chain in chains if chain is not None),
        key=lambda chain: product.worth(len(chain.steps)) - chain.cost,
        default=None,
    )


def chain_of(product: Product, steps: tuple[Chosen, ...], avoid: Collection[bytes] = ()) -> Chain:
    """Return what a chain costs that is given."""
    paid = sum(step.quantity * step.slot.price for step in steps)
    shunned = sum(step.quantity for step in steps if step.slot.listing in avoid)
    return Chain(steps, paid + product.late(steps[-1].slot.end), shunned)


def _fitting(
    product: Product, ways: tuple[Way, ...], slots: Mapping[bytes, Sequence[Slot]]
) -> Iterator[tuple[Way, Slot]]:
    """Each way to do a step in each slot that has room for it and is not too late."""
    for way in ways:
        for slot in slots.get(way.resource, ()):
            if slot.room >= way.quantity and slot.end <= product.last:
                yield way, slot


def _onward(
    product: Product,
    ways: tuple[Way, ...],
    slots: Mapping[bytes, Sequence[Slot]],
    ends: list[int],
    costs: list[int],
) -> tuple[list[int], list[int]]:
    """The ends of one step more that are cheaper than every earlier one, and what they cost."""
    least: dict[int, int] = {}
    for way, slot in _fitting(product, ways, slots):
        before = bisect_right(ends, slot.start) - 1
        if before >= 0:
            cost = costs[before] + way.quantity * slot.price
            least[slot.end] = min(cost, least.get(slot.end, cost))
    later, cheaper, _ = _stairs({end: (cost, None) for end, cost in least.items()})
    return later, cheaper


def _least_from(rest: Mapping[int, int]) -> tuple[list[int], list[int]]:
    """Starts in order, and the least that it costs to begin at each or later."""
    starts, costs = sorted(rest), list[int]()
    for start in reversed(starts):
        costs.append(min(rest[start], costs[-1]) if costs else rest[start])
    return starts, costs[::-1]


def _from(time: int, starts: list[int], costs: list[int]) -> int | None:
    at = bisect_left(starts, time)
    return costs[at] if at < len(starts) else None


def _stairs(
    found: Mapping[int, tuple[int, _Node]],
) -> tuple[list[int], list[int], list[_Node]]:
    """The ends that are cheaper than every earlier one, their costs and chains."""
    ends: list[int] = []
    costs: list[int] = []
    nodes: list[_Node] = []
    for end in sorted(found):
        cost, node = found[end]
        if not costs or cost < costs[-1]:
            ends.append(end)
            costs.append(cost)
            nodes.append(node)
    return ends, costs, nodes


def _best(
    product: Product, ends: Sequence[int], costs: Sequence[int], nodes: Sequence[_Node]
) -> Chain | None:
    totals = [cost + product.late(end) * _FINE for end, cost in zip(ends, costs, strict=True)]
    if not totals:
        return None
    at = min(range(len(totals)), key=lambda each: (totals[each], ends[each]))
    steps: list[Chosen] = []
    node = nodes[at]
    while node is not None:
        step, node = node
        steps.append(step)
    cost, shunned = divmod(totals[at], _FINE)
    return Chain(tuple(reversed(steps)), cost, shunned)
