"""Products in escrow on a real chain: delivered and paid, or lost to a breakdown, bought anew."""

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.market.events import Cause
from fabmarket.negotiation.products.reasons import NO_CHAIN, TAKEN_BACK
from fabmarket.report.facts import facts_of
from fabmarket.report.products import BEGUN_ONLY
from fabmarket.scenario.files import parse_scenario
from fabmarket.simulation import run_market

SHOP = """
slot_length = 3600
release_rounds = 2

[delivery]
deliver_within = 900
dispute_within = 43200
decide_within = 216000
late_share = 0
silence_share = 10000
undecided_share = 5000
bond_share = 1000
late_penalty = 10000
exit_penalty = 5000

[[demanders]]
name = "brackets"
release = 0
due = 9
last = 9
value = 900
lateness = 10
operations = [
  { name = "mill", alternatives = [{ resource = "mill", quantity = 30 }] },
  { name = "grind", alternatives = [{ resource = "grinder", quantity = 20 }] },
  { name = "pack", alternatives = [{ resource = "mill", quantity = 10 }] },
]

[[suppliers]]
name = "mill shop"
resource = "mill"
unit = "minute"
maintenance = 1
attested = [60, 60, 60, 60, 60, 60, 60, 60, 60, 60]

[[suppliers]]
name = "grinder shop"
resource = "grinder"
unit = "minute"
maintenance = 2
attested = [60, 60, 60, 60, 60, 60, 60, 60, 60, 60]
"""
DOWN = """
[[breakdowns]]
supplier = "grinder shop"
first = 1
last = {last}
announced = 0
"""


def ran(text):
    scenario = parse_scenario(text, "shop.toml", 1, lambda _: "")
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(scenario, engine, 1, lambda *_: None)
    assert outcome.audit.ok
    ((_, purchase),) = outcome.purchases.values()
    changes = {
        party.name: outcome.after[party.address] - outcome.before[party.address]
        for party in (*outcome.parties.demanders, *outcome.parties.suppliers)
    }
    assert sum(changes.values()) == 0
    return outcome, purchase, changes


def steps(outcome):
    return [
        (outcome.names[each.want], outcome.listed[each.event.listing].slot, each.cause)
        for each in outcome.trades
    ]


def test_what_is_delivered_is_accepted_and_paid():
    outcome, purchase, changes = ran(SHOP)
    assert purchase.state == "bought"
    assert steps(outcome) == [
        ("brackets / mill", 0, Cause.ACCEPTED),
        ("brackets / grind", 1, Cause.ACCEPTED),
        ("brackets / pack", 2, Cause.ACCEPTED),
    ]
    assert changes == {"brackets": -80_00, "mill shop": 40_00, "grinder shop": 40_00}
    assert purchase.paid == 80_00


@pytest.mark.parametrize(("last", "slot", "packed"), [(1, 2, 3), (3, 4, 5)])
def test_a_supplier_that_breaks_down_pays_its_penalty_and_the_product_is_finished(
    last, slot, packed
):
    """The step that is lost finds a later place; the one behind it follows, and its old place goes
    back to its supplier.
    """
    outcome, purchase, changes = ran(SHOP + DOWN.format(last=last))
    assert (purchase.state, purchase.lost) == ("bought", frozenset())
    penalty = 2_00  # half of the bond, a tenth of 40.00
    assert steps(outcome)[1] == ("brackets / grind", 1, Cause.REFUNDED)
    assert ("brackets / grind", slot, Cause.ACCEPTED) in steps(outcome)
    assert ("brackets / pack", packed, Cause.ACCEPTED) in steps(outcome)
    assert ("brackets / pack", 2, Cause.SPLIT) in steps(outcome)
    assert changes["grinder shop"] == 40_00 - penalty
    assert changes["brackets"] == -80_00 + penalty


def test_what_is_down_for_good_is_said_and_paid_back():
    _, purchase, changes = ran(SHOP + DOWN.format(last=9))
    assert (purchase.state, purchase.lost) == ("unbought", {1, 2})
    assert changes == {"brackets": -28_00, "mill shop": 30_00, "grinder shop": -2_00}
    assert purchase.reason == f"{TAKEN_BACK}; {NO_CHAIN}"
    assert purchase.least == 0


def test_a_product_of_which_a_beginning_is_bought_says_so():
    """The grinder has no room for its second step."""
    text = SHOP.replace("lateness = 10", "lateness = 10\npartial = true")
    text = text.replace("quantity = 20", "quantity = 61")
    outcome, purchase, _ = ran(text)
    assert (purchase.state, len(purchase.trades)) == ("bought", 1)
    facts = facts_of(outcome, [])
    (product,) = facts["products"]
    assert (product["complete"], product["reason"]) == (False, BEGUN_ONLY)
    assert facts["paid_for_incomplete"] == 0
    assert {each["reason"] for each in facts["unserved"]} == {BEGUN_ONLY}
