"""Products bought in rounds: the cheapest chain, and what holds whatever the links do."""

from itertools import product as every

from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.market.rhythm import Rhythm
from fabmarket.market.rounds import Rounds
from fabmarket.negotiation.products.plan import (
    Chosen,
    Product,
    Slot,
    Way,
    chain_of,
    cheapest,
    spare,
)
from fabmarket.negotiation.products.seller import rooms
from fabmarket.scenario import slotted
from fabmarket.scenario.fjsp import FjspInstance, Operation
from fabmarket.simulation.products import Street

ROUNDS = Rounds(Rhythm(0, 60), prices=3, holds=4, room=4)
RESOURCES = (b"a" * 32, b"b" * 32)


@st.composite
def plans(draw):
    """A product of up to three steps, and slots of two resources."""
    slots = [
        Slot(f"0x{number}", bytes([number]) * 32, start, start + draw(st.integers(1, 3)), *found)
        for number, (start, *found) in enumerate(
            draw(
                st.lists(
                    st.tuples(st.integers(0, 8), st.integers(0, 5), st.integers(0, 6)),
                    max_size=6,
                )
            )
        )
    ]
    where = {
        resource: [slot for at, slot in enumerate(slots) if at % 2 == side]
        for side, resource in enumerate(RESOURCES)
    }
    way = st.builds(Way, st.sampled_from(RESOURCES), st.integers(1, 5))
    steps = draw(st.lists(st.lists(way, min_size=1, max_size=2), min_size=1, max_size=3))
    release = draw(st.integers(0, 3))
    wanted = Product(
        id=b"p" * 32,
        steps=tuple(map(tuple, steps)),
        release=release,
        due=draw(st.integers(0, 10)),
        last=draw(st.integers(release, 12)),
        value=100,
        lateness=draw(st.integers(0, 4)),
        late_every=draw(st.integers(1, 3)),
    )
    avoid = draw(st.frozensets(st.sampled_from([slot.listing for slot in slots]))) if slots else ()
    return wanted, where, avoid


def all_chains(wanted, where):
    """Every chain there is, one after the other."""
    choices = [
        [
            Chosen(slot, way.quantity)
            for way in ways
            for slot in where[way.resource]
            if slot.room >= way.quantity
        ]
        for ways in wanted.steps
    ]
    for steps in every(*choices):
        ends = [wanted.release, *(step.slot.end for step in steps)]
        starts = [step.slot.start for step in steps]
        if ends[-1] <= wanted.last and all(a <= b for a, b in zip(ends, starts, strict=False)):
            yield steps


@given(plans(), st.data())
def test_a_step_is_spare_if_some_chain_does_it_elsewhere_for_no_more(found, data):
    wanted, where, _ = found
    chains = list(all_chains(wanted, where))
    if not chains:
        return
    steps = data.draw(st.sampled_from(chains))
    most = chain_of(wanted, steps).cost + data.draw(st.integers(-5, 5))
    expected = tuple(
        step
        for at, step in enumerate(steps)
        if any(
            chain[at].slot.listing != step.slot.listing and chain_of(wanted, chain).cost <= most
            for chain in chains
        )
    )
    assert spare(wanted, where, steps, most) == expected


@given(plans())
@settings(max_examples=300, deadline=None)
def test_a_chain_is_the_cheapest_then_the_least_shunned_then_the_earliest(case):
    wanted, where, avoid = case
    found = cheapest(wanted, where, avoid)
    chains = [chain_of(wanted, steps, avoid) for steps in all_chains(wanted, where)]
    keys = [(each.cost, each.shunned, each.steps[-1].slot.end) for each in chains]

    assert (found is None) == (not chains)
    if found is not None:
        assert found.steps in [each.steps for each in chains]
        assert found == chain_of(wanted, found.steps, avoid)
        assert (found.cost, found.shunned, found.steps[-1].slot.end) == min(keys)


operations = st.dictionaries(st.integers(0, 2), st.integers(1, 6), min_size=1, max_size=2).map(
    lambda ways: Operation(tuple(sorted(ways.items())))
)
shops = st.lists(st.lists(operations, min_size=1, max_size=3).map(tuple), min_size=2, max_size=5)


def check(street):
    """What must hold however little arrived: nothing incomplete, no room twice, all at an end."""
    assert street.paid_for_incomplete() == 0
    for name, buyer in street.bought():
        chain, spec = buyer.held.chain, street.products[name]
        assert len(chain.steps) == len(spec.operations)
        assert chain.cost < spec.value
        ends = [buyer.product.release, *(step.slot.end for step in chain.steps)]
        starts = [step.slot.start for step in chain.steps]
        assert all(end <= start for end, start in zip(ends, starts, strict=False))
        assert ends[-1] <= buyer.product.last
    for seller in street.sellers.values():
        assert not seller.holds
        for listing, stock in seller.stock.items():
            sold = sum(
                step.quantity
                for _, buyer in street.bought()
                for step in buyer.held.chain.steps
                if step.slot.listing == listing
            )
            assert sold <= stock.available - rooms(seller)[listing]


@given(shops, st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_over_perfect_links_nobody_keeps_room_that_is_not_bought(jobs, seed):
    street = Street(slotted(FjspInstance(tuple(jobs), 3), seed, "drawn"), rounds=ROUNDS)
    street.run()

    check(street)
    assert not street.tally.refused
    held = {buyer.held.terms.id for _, buyer in street.bought()}
    assert {bid for seller in street.sellers.values() for bid in seller.booked} == held


@given(shops, st.integers(0, 9), st.randoms(use_true_random=False), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_lost_late_and_doubled_words_never_pay_for_an_incomplete_product(
    jobs, seed, chance, longest
):
    def carry(_, __):
        fate = chance.random()
        if fate < 0.1:
            return ()
        delays = 2 if fate < 0.2 else 1
        slow = fate > 0.7
        return tuple(chance.randint(0, longest) if slow else 0 for _ in range(delays))

    street = Street(slotted(FjspInstance(tuple(jobs), 3), seed, "drawn"), carry, ROUNDS)
    street.run()

    check(street)


@given(shops, st.integers(0, 9), st.integers(0, 2))
@settings(max_examples=25, deadline=None)
def test_a_dead_supplier_costs_only_what_needs_it(jobs, seed, dead):
    market = slotted(FjspInstance(tuple(jobs), 3), seed, "drawn")
    street = Street(market, rounds=ROUNDS)
    silent = list(street.sellers)[dead]
    street.carry = lambda send, _: () if silent in (send.to, send.message.author) else (0,)
    street.run()

    check(street)
    assert not street.sellers[silent].booked
