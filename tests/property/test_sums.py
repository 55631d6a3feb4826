"""Random sum trees: every leaf is counted once, and nothing else is."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.market.sums import BadPath, Node, climb, leaf, tree_of

contents = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**200)
entries = st.lists(st.tuples(contents, numbers, numbers), min_size=1, max_size=70)


@settings(max_examples=100)
@given(entries)
def test_the_root_s_sums_are_those_of_the_leaves_and_every_path_leads_to_it(given_entries):
    count = len(given_entries)
    leaves = [leaf(at, *entry) for at, entry in enumerate(given_entries)]
    root, paths = tree_of(leaves)
    assert root.sums == tuple(map(sum, zip(*(each.sums for each in leaves), strict=True)))
    for at, node in enumerate(leaves):
        assert climb(node, at, count, paths[at]) == root


@settings(max_examples=300)
@given(entries, st.data())
def test_whatever_differs_in_one_thing_does_not_lead_to_the_root(given_entries, data):
    count = len(given_entries)
    leaves = [leaf(at, *entry) for at, entry in enumerate(given_entries)]
    root, paths = tree_of(leaves)
    at = data.draw(st.integers(0, count - 1))
    place, path = at, list(paths[at])
    what = data.draw(st.sampled_from(("content", "sum", "place", "hash", "path sum", "length")))
    content, *sums = given_entries[at]
    if what == "content":
        content = data.draw(contents.filter(lambda other: other != content))
    elif what == "sum":
        which = data.draw(st.integers(0, 1))
        sums[which] = data.draw(numbers.filter(lambda other: other != sums[which]))
    elif what == "place":
        place = data.draw(st.integers(0, 2 * count).filter(lambda other: other != at))
    elif what == "length" or not path:
        path.insert(data.draw(st.integers(0, len(path))), leaves[at])
    else:
        step = data.draw(st.integers(0, len(path) - 1))
        node = path[step]
        if what == "hash":
            path[step] = Node(data.draw(contents.filter(lambda h: h != node.hash)), node.sums)
        else:
            path[step] = Node(node.hash, (node.sums[0], node.sums[1] + 1))
    try:
        reached = climb(leaf(at, content, *sums), place, count, path)
    except BadPath:
        return
    assert reached != root


@settings(max_examples=50)
@given(entries, entries)
def test_two_lists_of_leaves_have_one_root_only_if_they_are_one(first, second):
    roots = [
        tree_of([leaf(at, *entry) for at, entry in enumerate(each)])[0] for each in (first, second)
    ]
    assert (roots[0] == roots[1]) == (first == second)
