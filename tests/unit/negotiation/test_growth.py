"""No input makes a participant copy what grows with the market."""

import tracemalloc
from dataclasses import replace

from rpds import HashTrieMap

from fabmarket.identity import Key, digest
from fabmarket.market.events import Deposited, Listed, ResourceRegistered, Settled, pack_terms
from fabmarket.market.messages import Alternative, Demand, Selection, SubTask
from fabmarket.market.trade import NONCES, nonce_of
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.moves import Ignored, Received, Recorded, Ticked
from tests.unit.negotiation.wire import HOUR, LENGTH, ORIGIN, RESOURCE, RHYTHM, Wire

MANY = 1_500
SMALLEST_COPY = 8 * MANY
"""Bytes: a pointer for each."""


def taken(taking, state, inputs):
    """The state after all inputs, of which the last must allocate less than any copy would."""
    *before, last = inputs
    for given in before:
        state, outputs = taking(state, given)
        assert not any(isinstance(output, Ignored) for output in outputs), outputs
    tracemalloc.start()
    try:
        used, _ = tracemalloc.get_traced_memory()
        state, outputs = taking(state, last)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not any(isinstance(output, Ignored) for output in outputs), outputs
    assert peak - used < SMALLEST_COPY, last
    return state


def said(state, message):
    return Received(message, digest(state.domain, message), b"")


def demands(state, want):
    """A demand of each of many demanders, for the same."""
    alternatives = tuple(Alternative(each.resource, each.quantity) for each in want.choices)
    task = SubTask(want.id, want.start, want.end, want.divisible, alternatives)
    people = [Key.derive(str(number)).address for number in range(MANY)]
    opens = RHYTHM.opens_after(state.now)
    until = RHYTHM.offers_until(opens)
    return [said(state, Demand(each, 0, until, opens, (task,))) for each in people]


def test_what_all_suppliers_list_and_offer_is_not_copied():
    wire = Wire()
    want = wire.want("part", (RESOURCE, 5, 90))
    honest = wire.demander("ada", want)
    seller = wire.supplier("bob")
    wire.publish(honest)
    (_, demand), *_ = wire.queue
    _, (sent,) = supplier.step(wire.states[seller], demand)
    others = [Key.derive("seller", str(number)).address for number in range(MANY)]
    state = taken(
        demander.step,
        wire.states[honest],
        [Recorded(ResourceRegistered(each, RESOURCE, HOUR, ORIGIN, LENGTH)) for each in others],
    )
    listings = [wire.listing(each, 0) for each in others]
    state = taken(
        demander.step,
        state,
        [
            Recorded(Listed(listing, each, RESOURCE, 0, 9, 9))
            for listing, each in zip(listings, others, strict=True)
        ],
    )
    offers = [
        replace(sent.message, supplier=each, listing=listing)
        for listing, each in zip(listings, others, strict=True)
    ]
    state = taken(demander.step, state, [said(state, offer) for offer in offers])
    assert (len(state.listed), len(state.offers[want.id])) == (MANY + 1, MANY)


def test_what_a_demander_signed_before_is_not_copied():
    wire = Wire()
    want = wire.want("part", (RESOURCE, 5, 90))
    state = wire.states[wire.demander("ada", want)]
    nonces = [nonce_of(*divmod(number, NONCES)) for number in range(MANY)]
    state = replace(
        state,
        signed=HashTrieMap(dict.fromkeys(nonces, 2**63)),
        trades=HashTrieMap({number.to_bytes(32, "big"): want.id for number in range(MANY)}),
    )
    last = Settled(bytes(32), state.address, bytes(32), state.token, pack_terms(5, 9, nonces[3]))
    after = taken(demander.step, state, [Recorded(last)])
    assert after.nonces.used == 1 << 3
    assert len(after.signed) == MANY
    opens = replace(last, terms=pack_terms(5, 9, nonces[NONCES]))
    after, _ = demander.step(after, Recorded(opens))
    assert (after.nonces.epoch, after.nonces.used, len(after.signed)) == (1, 1, MANY - NONCES)


def test_what_all_demanders_ask_and_select_is_not_copied():
    wire = Wire()
    want = wire.want("part", (RESOURCE, 5, 90))
    asking = demands(wire, want)
    paying = [Recorded(Deposited(each.message.author, wire.token, 9)) for each in asking]
    state = taken(supplier.step, wire.states[wire.supplier("bob")], paying + asking)
    assert len(state.offers) == MANY
    state = taken(
        supplier.step,
        state,
        [
            said(state, Selection(who, key, want.id, offer.listing, 5, divisible=True))
            for key, (who, offer) in sorted(state.offers.items())
        ],
    )
    ((_, queue),) = state.pending.items()
    assert len(queue) == MANY


def test_what_a_supplier_lists_is_not_copied():
    wire = Wire()
    state = wire.states[wire.supplier("bob", slots=())]
    listed = [
        Listed(wire.listing(state.address, slot), state.address, RESOURCE, slot, 9, 9)
        for slot in range(MANY)
    ]
    state = taken(supplier.step, state, map(Recorded, listed))
    assert len(state.shelves) == MANY
    buyer = Key.derive("buyer").address
    sale = Settled(listed[0].listing, buyer, bytes(32), state.terms.token, pack_terms(5, 9, 0))
    state = taken(supplier.step, state, [Recorded(sale), Ticked(wire.now)])
    assert state.shelves[listed[0].listing].available == 4
