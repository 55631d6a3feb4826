"""The settings of the market for trying out: what its agents are started with."""

from fabmarket.identity import Key
from fabmarket.local.filling import Places, demander_settings, supplier_settings
from fabmarket.local.sample import PERIOD, SLOT_LENGTH, newcomer_demander, sample_market
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.rounds import Rounds
from fabmarket.market.trade import market_domain
from fabmarket.node.roles import initial_state
from fabmarket.node.settings import parse_settings

ADDRESS = Key.derive("sample tests", "contract").address
PLACES = Places("http://127.0.0.1:1", 31337, ADDRESS, ADDRESS, ADDRESS, ADDRESS, 1_000, SLOT_LENGTH)


def settings(demander):
    return parse_settings(demander_settings(PLACES, 9_100, demander, 5), demander.name)


def test_the_last_demander_buys_a_product_of_what_is_sold():
    market = sample_market(2, 2)
    first, last = map(settings, market.demanders)
    assert first.products == []
    assert [want.name for want in last.wants] == ["milling", "turning"]
    (product,) = last.products
    sold = {supplier.resource for supplier in market.suppliers}
    ways = [way for operation in product.operations for way in operation.alternatives]
    assert [operation.name for operation in product.operations] == ["milling", "turning"]
    assert {way.resource for way in ways} == sold
    least = sum(way.quantity for way in ways) * market.suppliers[0].maintenance
    assert least < product.value <= last.policy.approve_above


def test_it_is_bought_in_the_first_cycle_and_in_time():
    """The slots after the first cycle of rounds, which begins when the market is founded, do."""
    state_of = settings(sample_market(2, 1).demanders[0])
    rhythm = Rhythm(1_000, PERIOD)
    state = initial_state(state_of, Key.derive("me"), market_domain(31337, ADDRESS), rhythm)
    (purchase,) = state.purchases.values()
    product, cycle = purchase.product, Rounds(rhythm)
    begins = max(product.release, rhythm.origin + cycle.length)
    whole = -(-(begins - 1_000) // SLOT_LENGTH) + len(product.steps)
    assert 1_000 + whole * SLOT_LENGTH <= product.due


def test_sessions_are_masked_from_five_members_on_and_what_is_held_does_not_net():
    """Trades are paid on delivery, so that a cycle would have nothing to net."""
    market = sample_market(1, 1)
    text = supplier_settings(PLACES, 9_100, market.suppliers[0], market.concept)
    supplier, demander = parse_settings(text, "supplier"), settings(market.demanders[0])
    assert supplier.sells.masked_from == demander.policy.least == 5
    assert demander.policy.open
    assert supplier.sells.delivery is not None
    assert supplier.net.coordinator == demander.net.coordinator == ""


def test_a_newcomer_finds_the_product_as_a_comment():
    text = demander_settings(PLACES, 9_100, newcomer_demander(3), 5)
    assert settings(newcomer_demander(3)).products == []
    assert "\n# [[products]]" in text
    assert text.count("# A product") == 1
