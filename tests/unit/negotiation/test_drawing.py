"""Secrets that can be forgotten: what is known once they were used does not tell them."""

from itertools import accumulate, repeat

import pytest

from fabmarket.errors import Bug
from fabmarket.identity import keccak
from fabmarket.identity.codec import encode
from fabmarket.market.cycles import Counted
from fabmarket.market.masked import MaskedReply
from fabmarket.negotiation.drawing import drawn
from fabmarket.negotiation.masked.cards import key_of
from tests.unit.negotiation.nets import Nets
from tests.unit.negotiation.test_masked import market
from tests.unit.negotiation.wire import Wire


def drawn_from(source, draws=20):
    """All that follows from a source: sources and secrets of the draws to come."""
    found = accumulate(repeat(None, draws), lambda at, _: drawn(at[1]), initial=(source, source))
    return {each for pair in found for each in pair}


def test_each_draw_gives_another_secret_and_another_source():
    found = drawn_from(b"s" * 32, 100)
    assert len(found) == 201
    assert {len(each) for each in found} == {32}


def test_nothing_is_drawn_from_nothing():
    with pytest.raises(Bug):
        drawn(b"")


def test_once_a_cycle_is_over_its_salts_follow_from_nothing_that_is_known():
    nets = Nets().trading().agree()
    before = nets.net(nets.sellers[0]).source
    nets.quarters(0, 1)
    words = [each for each in nets.heard(Counted) if each.party == nets.sellers[0]]
    leaves = {leaf.trade: leaf.salt for each in words for leaf in each.trades}
    assert len(leaves) == 3

    def found(sources):
        secrets = {each for source in sources for each in drawn_from(source)}
        return {name for name in leaves for each in secrets if keccak(each + name) == leaves[name]}

    assert found([before]) == set(leaves)
    nets.quarters(*range(2, 13))
    net = nets.net(nets.sellers[0])
    assert found([net.source]) == set()
    assert net.attempt is None
    assert not any(salt.hex() in encode(net).decode() for salt in leaves.values())


def test_once_a_masked_session_is_over_its_one_time_keys_follow_from_nothing_that_is_known():
    wire = market(Wire())
    who = wire.buyers[0]
    before = wire.states[who].source
    wire.until("open")
    wire.settle()
    assert wire.heard(MaskedReply)
    ((key, talk),) = wire.states[who].talks.items()
    card, offer = talk.opening.cards[talk.seats[0].index], talk.masks[0].offer

    def found(source):
        return {each for each in drawn_from(source) if key_of(each, offer).public == card.mask_key}

    assert len(found(before)) == 1
    wire.end()
    state = wire.states[who]
    assert key not in state.talks
    assert not state.secrets
    assert found(state.source) == set()
