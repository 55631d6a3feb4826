"""The sum trees of a masked session (`sums`): numbers modulo the group's order, and commitments.

A node over answers carries three masked sums and the product of the commitments, one over awards
the product alone; a point stands in a node as two numbers, its first byte and its x. Whoever climbs
to a root sees that its own commitment is in the product, and whether the sums open that.
"""

from fabmarket.identity.masks import ORDER, BadPoint, commitment, product
from fabmarket.market.sums import BadPath, Node, Numbers, leaf

_POINT = 33


def answer_leaf(seat: int, digest: bytes, numbers: tuple[int, int, int], committed: bytes) -> Node:
    """Return the leaf of a masked answer: its digest, numbers and commitment."""
    return leaf(seat, digest, *numbers, *_as_numbers(committed))


def award_leaf(seat: int, digest: bytes, committed: bytes) -> Node:
    """Return the leaf of an award under its commitment; `digest` is the seat's last answer's."""
    return leaf(seat, digest, *_as_numbers(committed))


def masked_added(left: Numbers, right: Numbers) -> Numbers:
    """Return what two nodes come to: numbers added, commitments multiplied. BadPath for no point.

    Nodes that carry nothing hold no point either, so a tree of them is refused.
    """
    if len(left) != len(right) or len(left) < 2:
        raise BadPath("nodes that carry no commitment")
    sums = tuple((a + b) % ORDER for a, b in zip(left[:-2], right[:-2], strict=True))
    try:
        return *sums, *_as_numbers(product([committed_in(left), committed_in(right)]))
    except (BadPoint, ValueError, OverflowError) as error:
        raise BadPath("a node whose commitment is no point") from error


def committed_in(sums: Numbers) -> bytes:
    """Return the product of commitments that a node carries."""
    return bytes([sums[-2]]) + sums[-1].to_bytes(_POINT - 1, "big")


def is_opened(root: Node, first: int, second: int, blind: int) -> bool:
    """Return whether these numbers open a root's product."""
    try:
        return committed_in(root.sums) == commitment(first, second, blind)
    except (ValueError, OverflowError):
        return False


def _as_numbers(point: bytes) -> Numbers:
    return point[0], int.from_bytes(point[1:], "big")
