"""Sorted kinks on shelves, with running sums: the root after one change, without a full solve.

A(q) = sum_j clip(c_j - q, 0, u_j) is a sum over the kinks above q, of weight times (kink - q), with
weight +1 where a demander starts to buy (c) and -1 where it becomes full (c - u). Equal kinks share
one place, with their weights added. The places lie sorted on shelves: shelf s holds kinks from
edges[s] up to below edges[s + 1]. A Fenwick tree over the shelves ("A new data structure for
cumulative frequency tables", 1994) holds the sums of weight and of weight times kink, so that a
descent of the tree and a walk along one shelf find the root. Sums of kinks are kept as unevaluated
pairs of floats (TwoSum: Knuth, "Seminumerical algorithms", 4.2.2): any number of changes adds no
drift. Compiled by numba where it is installed; sums are not re-associated here.

State, changed in place; "place p of shelf s" is row places[s, 0], of which places[s, 1] are used:
    kinks, weights: float64 (rows, SHELF), rising along a shelf.
    places: int64 (rows, 2).
    edges: float64 (rows + 1,), edges[0] = -inf.
    sums: float64 (rows, 3), by shelf: weight, and weight times kink in two parts.
    tree: float64 (rows + 1, 3), the same, by node of the tree.
    used: int64 (1,), the number of shelves.
"""

from math import inf

import numpy as np
from numpy.typing import NDArray

from fabmarket.game.closed_forms import root
from fabmarket.game.kernels import exactly
from fabmarket.game.model import Vector

SHELF = 256
Integers = NDArray[np.int64]

meet = exactly(root.meet)
required = exactly(root.required)


@exactly
def add_pair(sums: Vector, row: int, weight: float, high: float, low: float) -> None:
    """Add to one row of sums, keeping what rounding cuts off in its last place."""
    before = sums[row, 1]
    total = before + high
    part = total - before
    lost = (before - (total - part)) + (high - part) + sums[row, 2] + low
    sums[row, 0] += weight
    sums[row, 1] = total + lost
    sums[row, 2] = lost - (sums[row, 1] - total)


@exactly
def plant(sums: Vector, tree: Vector, shelves: int) -> None:
    """Grow the tree anew from the sums of the shelves."""
    tree[: shelves + 1] = 0.0
    for node in range(1, shelves + 1):
        add_pair(tree, node, sums[node - 1, 0], sums[node - 1, 1], sums[node - 1, 2])
        parent = node + (node & -node)
        if parent <= shelves:
            add_pair(tree, parent, tree[node, 0], tree[node, 1], tree[node, 2])


@exactly
def total(
    kinks: Vector, weights: Vector, places: Integers, sums: Vector, whole: Vector, shelves: int
) -> None:
    """Sum every shelf anew, and all of them."""
    for shelf in range(shelves):
        row = places[shelf, 0]
        for i in range(places[shelf, 1]):
            add_pair(sums, shelf, weights[row, i], weights[row, i] * kinks[row, i], 0.0)
        add_pair(whole, 0, sums[shelf, 0], sums[shelf, 1], sums[shelf, 2])


@exactly
def split(
    kinks: Vector,
    weights: Vector,
    places: Integers,
    edges: Vector,
    sums: Vector,
    tree: Vector,
    used: Integers,
    shelf: int,
) -> None:
    """Move the upper half of a full shelf to a new one next to it."""
    shelves = used[0]
    for s in range(shelves, shelf + 1, -1):
        places[s, 0], places[s, 1] = places[s - 1, 0], places[s - 1, 1]
        edges[s] = edges[s - 1]
        for part in range(3):
            sums[s, part] = sums[s - 1, part]
    half = SHELF // 2
    old, new = places[shelf, 0], shelves
    kinks[new, :half] = kinks[old, half:]
    weights[new, :half] = weights[old, half:]
    places[shelf, 1] = half
    places[shelf + 1, 0], places[shelf + 1, 1] = new, SHELF - half
    edges[shelf + 1] = kinks[new, 0]
    for s in range(shelf, shelf + 2):
        sums[s] = 0.0
        row = places[s, 0]
        for i in range(places[s, 1]):
            add_pair(sums, s, weights[row, i], weights[row, i] * kinks[row, i], 0.0)
    used[0] = shelves + 1
    plant(sums, tree, shelves + 1)


@exactly
def shelf_of(edges: Vector, shelves: int, kink: float) -> int:
    """The last shelf whose edge is not above the kink."""
    low, high = 0, shelves - 1
    while low < high:
        middle = (low + high + 1) // 2
        if edges[middle] <= kink:
            low = middle
        else:
            high = middle - 1
    return low


@exactly
def add(
    kinks: Vector,
    weights: Vector,
    places: Integers,
    edges: Vector,
    sums: Vector,
    tree: Vector,
    used: Integers,
    kink: float,
    weight: float,
) -> None:
    """Add a weight at a kink; there must be a free row, in case a shelf is full."""
    shelf = shelf_of(edges, used[0], kink)
    if places[shelf, 1] == SHELF:
        split(kinks, weights, places, edges, sums, tree, used, shelf)
        shelf = shelf_of(edges, used[0], kink)
    row, size = places[shelf, 0], places[shelf, 1]
    i, end = 0, size
    while i < end:
        middle = (i + end) // 2
        if kinks[row, middle] < kink:
            i = middle + 1
        else:
            end = middle
    if i < size and kinks[row, i] == kink:
        weights[row, i] += weight
        if weights[row, i] == 0:
            for place in range(i, size - 1):
                kinks[row, place] = kinks[row, place + 1]
                weights[row, place] = weights[row, place + 1]
            places[shelf, 1] = size - 1
    else:
        for place in range(size, i, -1):
            kinks[row, place] = kinks[row, place - 1]
            weights[row, place] = weights[row, place - 1]
        kinks[row, i], weights[row, i] = kink, weight
        places[shelf, 1] = size + 1
    add_pair(sums, shelf, weight, weight * kink, 0.0)
    node = shelf + 1
    while node <= used[0]:
        add_pair(tree, node, weight, weight * kink, 0.0)
        node += node & -node


@exactly
def lowest_root(
    kinks: Vector,
    weights: Vector,
    places: Integers,
    edges: Vector,
    tree: Vector,
    whole: Vector,
    used: Integers,
    offset: float,
    slope: float,
    start: float,
    full: float,
    steep: float,
) -> float:
    """The lowest q with A(q) <= R(q), as `closed_forms.root.lowest_root`.

    whole: float64 (2, 3); row 0 holds the sums over all shelves, row 1 is scratch.
    """
    # (1) Down the tree: the last shelf at whose edge too much is asked for. What is left in the
    #     scratch row are the sums from that shelf up.
    for part in range(3):
        whole[1, part] = whole[0, part]
    shelf, step = 0, 1
    while 2 * step <= used[0]:
        step *= 2
    while step > 0:
        further = shelf + step
        if further < used[0]:
            count = whole[1, 0] - tree[further, 0]
            level = (whole[1, 1] - tree[further, 1]) + (whole[1, 2] - tree[further, 2])
            edge = edges[further]
            if level - count * edge > required(edge, offset, slope, start, full, steep):
                shelf = further
                add_pair(whole, 1, -tree[further, 0], -tree[further, 1], -tree[further, 2])
        step //= 2
    # (2) Along the shelf: the first kink at which not too much is asked for ends the piece.
    row, size = places[shelf, 0], places[shelf, 1]
    low = edges[shelf]
    high = edges[shelf + 1] if shelf + 1 < used[0] else inf
    count, level, rest = whole[1, 0], whole[1, 1], whole[1, 2]
    for i in range(size):
        kink = kinks[row, i]
        if level + rest - count * kink <= required(kink, offset, slope, start, full, steep):
            high = kink
            break
        low = kink
        count -= weights[row, i]
        rest -= weights[row, i] * kink
    found: float = min(max(meet(level + rest, count, offset, slope, start, full, steep), low), high)
    return found


@exactly
def move(
    kinks: Vector,
    weights: Vector,
    places: Integers,
    edges: Vector,
    sums: Vector,
    tree: Vector,
    whole: Vector,
    used: Integers,
    before: float,
    before_full: float,
    after: float,
    after_full: float,
    offset: float,
    slope: float,
    start: float,
    full: float,
    steep: float,
) -> float:
    """The root after one demander's kinks have moved; -inf for none."""
    for kink, weight in ((before, -1.0), (before_full, 1.0), (after, 1.0), (after_full, -1.0)):
        if kink > -inf:
            add(kinks, weights, places, edges, sums, tree, used, kink, weight)
            add_pair(whole, 0, weight, weight * kink, 0.0)
    found: float = lowest_root(
        kinks, weights, places, edges, tree, whole, used, offset, slope, start, full, steep
    )
    return found
