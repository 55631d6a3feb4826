"""A Merkle tree whose nodes carry sums: its root commits to every leaf and to what they add up to.

Whoever holds a leaf and its path can check, without the other leaves, that it is counted, once, at
its place, in the sums of the root. The tree has the shape of RFC 6962: of n leaves the left part
holds the largest power of two below n, so that place and number fix the path. A leaf is hashed with
its place and apart from inner nodes, so that no node passes for a leaf.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fabmarket.errors import Refused
from fabmarket.identity import Bytes32, TypedStruct, Uint256, keccak

_LEAF, _INNER = b"\x00", b"\x01"


class BadPath(Refused):
    """The path does not lead from this leaf to a root of that many leaves."""


@dataclass(frozen=True)
class Node(TypedStruct):
    """A node: the hash of what is below it, and the sums over its leaves."""

    hash: Bytes32
    sums: tuple[Uint256, ...]


def leaf(place: int, content: bytes, *sums: int) -> Node:
    """Return the leaf at `place`, from 0, that commits to 32 bytes and adds these numbers."""
    return Node(keccak(_LEAF + place.to_bytes(32, "big") + content + _words(sums)), sums)


Numbers = tuple[int, ...]
Added = Callable[[Numbers, Numbers], Numbers]
"""What two nodes' sums come to in the node above them."""


def added(left: Numbers, right: Numbers) -> Numbers:
    """Return sums of whole numbers, place by place."""
    return tuple(a + b for a, b in zip(left, right, strict=True))


def tree_of(
    leaves: Sequence[Node], add: Added = added
) -> tuple[Node, tuple[tuple[Node, ...], ...]]:
    """Return the root over at least one leaf, and each leaf's path: its siblings from below."""
    paths: list[list[Node]] = [[] for _ in leaves]

    def build(start: int, end: int) -> Node:
        if end - start == 1:
            return leaves[start]
        middle = start + _left(end - start)
        left, right = build(start, middle), build(middle, end)
        for place in range(start, middle):
            paths[place].append(right)
        for place in range(middle, end):
            paths[place].append(left)
        return _parent(left, right, add)

    root = build(0, len(leaves))
    return root, tuple(map(tuple, paths))


def beside(place: int, count: int) -> tuple[range, ...]:
    """Return which leaves each node on the path of the leaf at `place` stands for, from below.

    BadPath if there is no such place among so many.
    """
    if not 0 <= place < count:
        raise BadPath(f"there is no place {place} among {count}")
    siblings = []
    start, end = 0, count
    while end - start > 1:
        middle = start + _left(end - start)
        siblings.append(range(start, middle) if place >= middle else range(middle, end))
        start, end = (middle, end) if place >= middle else (start, middle)
    return tuple(reversed(siblings))


def climb(node: Node, place: int, count: int, path: Sequence[Node], add: Added = added) -> Node:
    """Return the root over `count` leaves to which a path leads from the leaf at `place`."""
    siblings = beside(place, count)
    if len(path) != len(siblings):
        raise BadPath(f"a path of {len(path)} nodes where {len(siblings)} lead to place {place}")
    for leaves, sibling in zip(siblings, path, strict=True):
        if len(sibling.sums) != len(node.sums):
            raise BadPath(f"a node of {len(sibling.sums)} sums where {len(node.sums)} are due")
        pair = (sibling, node) if leaves.start < place else (node, sibling)
        node = _parent(*pair, add)
    return node


def _left(count: int) -> int:
    """The largest power of two below `count`, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def _parent(left: Node, right: Node, add: Added) -> Node:
    below = left.hash + _words(left.sums) + right.hash + _words(right.sums)
    return Node(keccak(_INNER + below), add(left.sums, right.sums))


def _words(numbers: Sequence[int]) -> bytes:
    try:
        return b"".join(number.to_bytes(32, "big") for number in numbers)
    except OverflowError as error:
        raise BadPath("a sum below 0 or of more than 256 bits") from error
