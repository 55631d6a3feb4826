"""What the report says of a product of which something is lost and bought anew."""

from fabmarket.chain import Settings, open_engine
from fabmarket.report.facts import facts_of
from fabmarket.report.gantt import gantt
from fabmarket.scenario import parse_scenario
from fabmarket.simulation import run_market
from tests.integration.test_breakdowns import DOWN, SHOP


def told(text):
    scenario = parse_scenario(text, "shop.toml", 1, str)
    with open_engine("embedded", Settings()) as engine:
        return facts_of(run_market(scenario, engine, 1, lambda *_: None), ["fabmarket"])


def test_what_is_lost_is_refunded_and_what_is_bought_anew_counts():
    facts = told(SHOP + DOWN.format(last=1))
    (product,) = facts["products"]
    assert (product["complete"], product["on_time"], product["reason"]) == (True, True, "")
    kept = [step for step in product["steps"] if step["state"] == "sold"]
    assert [step["operation"] for step in kept] == ["mill", "grind", "pack"]
    refunded = [step for step in product["steps"] if step["state"] == "refunded"]
    assert [(each["operation"], each["slot"]) for each in refunded] == [("grind", 1), ("pack", 2)]
    assert kept[1]["slot"] > 1
    assert facts["paid_for_incomplete"] == 0
    assert product["price"] == sum(
        step["payment"] for step in product["steps"] if step["state"] != "refunded"
    )
    assert [trade["slot"] for trade in facts["trades"] if trade["refunded"]] == [1, 2]
    assert facts["paid_total"] == product["price"]
    grinder = facts["utilisation"][1]
    assert (grinder["sold"][1], sum(grinder["sold"])) == (0, 20)
    assert b"striped: does not count any more" in gantt(facts)


def test_a_product_that_cannot_be_finished_any_more_is_named_with_what_it_cost_in_vain():
    facts = told(SHOP + DOWN.format(last=9))
    (product,) = facts["products"]
    assert not product["complete"]
    assert product["reason"]
    states = {step["operation"]: step["state"] for step in product["steps"]}
    assert states == {"mill": "sold", "grind": "refunded", "pack": "refunded"}
    assert facts["paid_for_incomplete"] == product["price"] == 30_00
    unserved = [each["subtask"] for each in facts["unserved"]]
    assert unserved == ["brackets / grind", "brackets / pack"]


def test_what_may_be_had_in_part_is_not_paid_in_vain():
    text = SHOP.replace("lateness = 10", "lateness = 10\npartial = true")
    facts = told(text + DOWN.format(last=9))
    assert facts["paid_for_incomplete"] == 0
