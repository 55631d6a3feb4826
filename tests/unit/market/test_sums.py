"""The Merkle sum tree against a straightforward one, and what does not pass for a leaf of it."""

import pytest

from fabmarket.identity import Key, keccak
from fabmarket.market.sums import BadPath, Node, beside, climb, leaf, tree_of


def leaves_of(count):
    return [leaf(at, keccak(bytes([at])), at * at, at % 2) for at in range(count)]


def word(number):
    return number.to_bytes(32, "big")


def plain_root(entries):
    """(hash, sums) over (content, sums) with their places, as RFC 6962 says: split at 2^k < n."""

    def root(start, end):
        if end - start == 1:
            content, sums = entries[start]
            return keccak(b"\x00" + word(start) + content + b"".join(map(word, sums))), sums
        size = 1
        while 2 * size < end - start:
            size *= 2
        (left, a), (right, b) = root(start, start + size), root(start + size, end)
        below = left + b"".join(map(word, a)) + right + b"".join(map(word, b))
        return keccak(b"\x01" + below), tuple(x + y for x, y in zip(a, b, strict=True))

    return root(0, len(entries))


@pytest.mark.parametrize("count", range(1, 71))
def test_the_root_is_the_plain_one_and_every_leaf_s_path_leads_to_it(count):
    root, paths = tree_of(leaves_of(count))
    entries = [(keccak(bytes([at])), (at * at, at % 2)) for at in range(count)]
    assert (root.hash, root.sums) == plain_root(entries)
    assert root.sums == (sum(at * at for at in range(count)), count // 2)
    for at, (node, path) in enumerate(zip(leaves_of(count), paths, strict=True)):
        assert climb(node, at, count, path) == root
        assert len(path) <= (count - 1).bit_length()


def leads(node, place, count, path, root):
    try:
        return climb(node, place, count, path) == root
    except BadPath:
        return False


@pytest.mark.parametrize("count", [*range(1, 20), 31, 32, 33, 64, 65, 70])
def test_no_other_leaf_place_or_path_leads_to_the_root(count):
    leaves = leaves_of(count)
    root, paths = tree_of(leaves)
    for at, path in enumerate(paths):
        for place in range(-1, count + 2):
            assert leads(leaves[at], place, count, path, root) == (place == at)
        for other in range(count):
            assert leads(leaves[other], at, count, path, root) == (other == at)
            same = paths[other] == path
            assert leads(leaves[at], at, count, paths[other], root) == same
        forged = leaf(at, keccak(bytes([at])), at * at + 1, at % 2)
        assert not leads(forged, at, count, path, root)
        assert not leads(leaf(at, keccak(b"other"), at * at, at % 2), at, count, path, root)
        assert not leads(leaves[at], at, count, (*path, root), root)
        assert not leads(leaves[at], at, count, path[1:], root) or not path


@pytest.mark.parametrize("count", [2, 3, 5, 8, 13])
def test_a_path_changed_in_one_hash_or_one_sum_leads_elsewhere(count):
    leaves = leaves_of(count)
    root, paths = tree_of(leaves)
    for at, path in enumerate(paths):
        for step, node in enumerate(path):
            for wrong in (
                Node(keccak(node.hash), node.sums),
                Node(node.hash, (node.sums[0] + 1, node.sums[1])),
                Node(node.hash, (node.sums[1] + 7, node.sums[0])),
            ):
                changed = (*path[:step], wrong, *path[step + 1 :])
                assert climb(leaves[at], at, count, changed) != root


def test_sums_moved_between_two_leaves_give_another_root():
    """The total is the same; what each leaf adds to it is committed to as well."""
    moved = (
        [leaf(0, bytes(32), 3), leaf(1, bytes(32), 5)],
        [
            leaf(0, bytes(32), 5),
            leaf(1, bytes(32), 3),
        ],
    )
    first, second = (tree_of(leaves)[0] for leaves in moved)
    assert first.sums == second.sums == (8,)
    assert first.hash != second.hash


def test_an_inner_node_passes_for_no_leaf():
    """What is below a node is hashed apart from a leaf, and the number of leaves fixes the path."""
    root, paths = tree_of(leaves_of(4))
    inner = climb(leaves_of(2)[0], 0, 2, paths[0][:1])
    for place in range(4):
        with pytest.raises(BadPath):
            climb(inner, place, 4, paths[0][1:])
    below = [each.hash + b"".join(map(word, each.sums)) for each in (inner, paths[0][1])]
    assert root.hash == keccak(b"\x01" + b"".join(below))
    assert leaf(0, b"".join(below)).hash != root.hash


@pytest.mark.parametrize("count", range(1, 18))
def test_each_node_of_a_path_stands_for_the_leaves_that_it_adds_up(count):
    _, paths = tree_of([leaf(at, bytes(32), 1 << at) for at in range(count)])
    for at, path in enumerate(paths):
        stood_for = [sum(1 << each for each in leaves) for leaves in beside(at, count)]
        assert [node.sums for node in path] == [(each,) for each in stood_for]
        assert sum(stood_for) + (1 << at) == (1 << count) - 1


def test_a_place_outside_the_tree_and_a_path_of_another_length_are_named():
    node = leaf(0, bytes(32), 1)
    with pytest.raises(BadPath, match="there is no place 3 among 3"):
        climb(node, 3, 3, ())
    with pytest.raises(BadPath, match="a path of 0 nodes where 2 lead to place 0"):
        climb(node, 0, 3, ())
    with pytest.raises(BadPath, match="a node of 2 sums where 1 are due"):
        climb(node, 0, 2, (leaf(1, bytes(32), 1, 1),))


def test_sums_beyond_256_bits_or_below_0_are_refused():
    most = 2**256 - 1
    a, b = leaf(0, bytes(32), most), leaf(1, bytes(32), 1)
    root, _ = tree_of([a, b])  # its sum is not hashed as long as nothing stands above it
    assert root.sums == (2**256,)
    with pytest.raises(BadPath, match="more than 256 bits"):
        tree_of([a, b, leaf(2, bytes(32), 0)])
    with pytest.raises(BadPath, match="more than 256 bits"):
        climb(a, 0, 3, (b, leaf(2, bytes(32), 0)))
    with pytest.raises(BadPath, match="below 0"):
        leaf(0, bytes(32), -1)


def test_a_node_of_no_sums_commits_to_its_leaves_alone():
    """The roster of an opening is such a tree."""
    names = [keccak(Key.derive(str(at)).address.encode()) for at in range(5)]
    root, paths = tree_of([leaf(at, name) for at, name in enumerate(names)])
    assert root.sums == ()
    assert all(climb(leaf(at, names[at]), at, 5, paths[at]) == root for at in range(5))
    assert climb(leaf(0, names[1]), 0, 5, paths[0]) != root
