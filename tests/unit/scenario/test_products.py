"""Products, terms of delivery and breakdowns in scenario files."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fabmarket.market.delivery import INSTANT, Delivery
from fabmarket.scenario import (
    Breakdown,
    InvalidScenario,
    Operation,
    Product,
    Scenario,
    Work,
    check_scenario,
    deposit_of,
    parse_scenario,
)
from fabmarket.scenario.checks import MOST_SUB_TASKS

MARKET = """
slot_length = 14400

[[demanders]]
name = "order 1"
value = 900.50
release = 1
due = 2
last = 3
lateness = 20
partial = true

[[demanders.operations]]
name = "mill"
alternatives = [{ resource = "mill", quantity = 90 }, { resource = "lathe", quantity = 120 }]

[[demanders.operations]]
name = "grind"
alternatives = [{ resource = "mill", quantity = 30 }]

[[suppliers]]
name = "mill shop"
resource = "mill"
unit = "minute"
maintenance = 0.50
attested = [240, 240, 240, 240, 240]

[[suppliers]]
name = "lathe shop"
resource = "lathe"
unit = "minute"
maintenance = 0.40
attested = [240, 240, 240]

[delivery]
deliver_within = 86400
dispute_within = 43200
decide_within = 216000
late_share = 0
silence_share = 10000
undecided_share = 5000
bond_share = 1000
late_penalty = 10000
exit_penalty = 5000

[[breakdowns]]
supplier = "mill shop"
first = 2
last = 3
left = 60
"""


def read(text: str) -> Scenario:
    return parse_scenario(text, "market.toml", 1, str)


def changed(old: str, new: str) -> str:
    assert old in MARKET
    return MARKET.replace(old, new, 1)


def refused(run: Callable[[], object]) -> str:
    with pytest.raises(InvalidScenario) as caught:
        run()
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix("market.toml: ")


def test_a_product_a_delivery_and_a_breakdown_are_read_exactly() -> None:
    market = read(MARKET)
    assert market.demanders[0].sub_tasks == ()
    assert market.demanders[0].product == Product(
        operations=(
            Operation("mill", (Work("mill", 90), Work("lathe", 120))),
            Operation("grind", (Work("mill", 30),)),
        ),
        release=1,
        due=2,
        last=3,
        value=900_50,
        lateness=20_00,
        partial=True,
    )
    assert market.delivery == Delivery(86400, 43200, 216000, 0, 10000, 5000, 1000, 10000, 5000)
    assert market.breakdowns == (Breakdown("mill shop", 2, 3, 60, 2),)


def test_what_a_product_leaves_out_is_as_wide_as_the_calendars_and_costs_nothing() -> None:
    text = changed("release = 1\ndue = 2\nlast = 3\nlateness = 20\npartial = true\n", "")
    product = read(text).demanders[0].product
    assert product is not None
    assert (product.release, product.due, product.last) == (0, 4, 4)
    assert (product.lateness, product.partial) == (0, False)


def test_without_terms_of_delivery_payment_is_at_once() -> None:
    assert read(MARKET.split("[delivery]", maxsplit=1)[0]).delivery == INSTANT


def test_json_holds_products_too() -> None:
    delivery = json.dumps(tomllib.loads(MARKET)["delivery"])
    text = """{"demanders": [{"name": "order", "value": "2.5", "operations":
        [{"name": "cut", "alternatives": [{"resource": "saw", "quantity": 3}]}]}],
        "suppliers": [{"name": "saws", "resource": "saw", "unit": "hour", "maintenance": 1,
        "attested": [5]}], "breakdowns": [{"supplier": "saws", "first": 0, "last": 0}],
        "delivery": """
    market = parse_scenario(f"{text}{delivery}}}", "m.json", 1, str)
    assert market.demanders[0].product == Product(
        (Operation("cut", (Work("saw", 3),)),), 0, 0, 0, 250, 0
    )
    assert market.breakdowns == (Breakdown("saws", 0, 0, 0, 0),)


def test_a_demander_deposits_no_less_than_its_product_is_worth() -> None:
    rich = read(changed("900.50", "5000000"))
    assert deposit_of(read(MARKET)) == 10**6 * 100
    assert deposit_of(rich) >= 5_000_000_00


SUB_TASK = """[[demanders.sub_tasks]]
name = "stamp"
divisible = true
alternatives = [{ resource = "mill", quantity = 8, benefit = 40, cost = 5 }]
"""
OPERATIONS = MARKET.split("[[demanders.operations]]", 1)[1].split("[[suppliers]]", 1)[0]
NO_OPERATIONS = MARKET.replace("[[demanders.operations]]" + OPERATIONS, "")
BOTH = changed("[[suppliers]]", SUB_TASK + "[[suppliers]]")
ORDER, MILL = "demanders.0", "demanders.0.operations.0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NO_OPERATIONS, f"{ORDER}.due: is of a product; add operations, or leave it out"),
        (changed("value = 900.50\n", ""), f"{ORDER}.value: the key is missing; add it"),
        (changed("value = 900.50", "value = 900.505"), f"{ORDER}.value: 900.505 has more than 2"),
        (changed("lateness = 20", "lateness = -1"), f"{ORDER}.lateness: -1 is negative; amounts"),
        (changed("lateness = 20", "lateness = 1e40"), f"{ORDER}.lateness: {10**42}"[:60]),
        (BOTH, f"{ORDER}.operations: a demander has sub-tasks or one product; make two"),
        (changed("due = 2", "due = 0"), f"{ORDER}.due: 0 is not from release to last; give 1 to 3"),
        (changed("due = 2", "due = 4"), f"{ORDER}.due: 4 is not from release to last; give 1 to 3"),
        (changed("last = 3", "last = 5"), f"{ORDER}.last: 5 is too large; slots of these calend"),
        (changed("release = 1", "release = -1"), f"{ORDER}.release: -1 is negative; slots of th"),
        (
            changed("release = 1", "release = 3"),
            f"{ORDER}.last: 3 leaves 1 slot from release 3 on for 2 operations; raise it to 4, or",
        ),
        (
            changed('name = "grind"', 'name = "mill"'),
            f"{ORDER}.operations.1.name: 'mill' is already an operation of this product; rename",
        ),
        (changed("quantity = 90", "quantity = 0"), f"{MILL}.alternatives.0.quantity: 0 is too sm"),
        (changed("quantity = 90", "quantity = 9.5"), f"{MILL}.alternatives.0.quantity: 9.5 is not"),
        (
            changed('resource = "lathe", quantity', 'resource = "mill", quantity'),
            f"{MILL}.alternatives.1.resource: 'mill' is named twice in one operation; keep one",
        ),
        (
            changed('resource = "lathe", quantity', 'resource = "saw", quantity'),
            f"{MILL}.alternatives.1.resource: nobody supplies 'saw'; add a supplier or name one of",
        ),
        (
            changed('alternatives = [{ resource = "mill", quantity = 30 }]', "alternatives = []"),
            f"{ORDER}.operations.1.alternatives: there are none; add at least one",
        ),
        (
            'negotiation = "bargaining"\n' + MARKET,
            "negotiation: 'bargaining' is over sub-tasks, and products are bought in rounds; use",
        ),
    ],
)
def test_a_product_that_cannot_be_is_refused_with_its_path_and_a_remedy(
    text: str, message: str
) -> None:
    assert refused(lambda: read(text)).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "deliver_within = 86400",
            "deliver_within = 60",
            "deliver_within: 60 is too small; seconds",
        ),
        ("dispute_within = 43200", "dispute_within = 0", "dispute_within: 0 is too small; seconds"),
        (
            "decide_within = 216000",
            "decide_within = 9",
            "decide_within: 9 is too small; seconds, f",
        ),
        ("bond_share = 1000", "bond_share = 10001", "bond_share: 10001 is too large; shares are a"),
        (
            "late_penalty = 10000",
            "late_penalty = -1",
            "late_penalty: -1 is negative; penalties are",
        ),
        ("deliver_within = 86400\n", "", "deliver_within: the key is missing; add it"),
    ],
)
def test_terms_that_the_contract_refuses_are_refused(old: str, new: str, message: str) -> None:
    assert refused(lambda: read(changed(old, new))).startswith(f"delivery.{message}")


def test_an_escrow_that_would_be_open_longer_than_the_contract_allows_is_refused() -> None:
    text = changed("decide_within = 216000", "decide_within = 15552000")
    message = refused(lambda: read(text))
    assert message.startswith("delivery: a trade for the last slot would be open for 15840000 s")
    assert "allows 15552000; shorten its times or the calendars" in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"supplier": "saws"}, "supplier: 'saws' is no supplier; name one of the file's"),
        ({"first": -1}, "first: -1 is negative; slots of its calendar are integers >= 0"),
        ({"last": 5}, "last: 5 is too large; slots of its calendar from first on are at most 4"),
        ({"last": 1}, "last: 1 is too small; slots of its calendar from first on are integers >="),
        ({"left": 240}, "left: 240 is too large; quantities left of what there is are at most 239"),
        ({"announced": 3}, "announced: 3 is too large; slots up to first are at most 2"),
    ],
)
def test_a_breakdown_that_breaks_nothing_is_refused(change: dict[str, Any], message: str) -> None:
    market = read(MARKET)
    broken = replace(market, breakdowns=(replace(market.breakdowns[0], **change),))
    found = refused(lambda: check_scenario(broken, "market.toml"))
    assert found.startswith(f"breakdowns.0.{message}")


def test_a_breakdown_when_nothing_is_attested_is_refused() -> None:
    text = changed("attested = [240, 240, 240, 240, 240]", "attested = [240, 240, 0, 0, 240]")
    assert refused(lambda: read(text)).startswith(
        "breakdowns.0.first: nothing is attested in slots 2 to 3; name slots in which something"
    )


def test_regression_a_breakdown_where_payment_is_at_once_is_refused() -> None:
    """It was told as complete, on time, and 0 paid for unfinished products."""
    terms = MARKET[MARKET.index("[delivery]") : MARKET.index("[[breakdowns]]")]
    message = refused(lambda: read(MARKET.replace(terms, "")))
    assert message == (
        "breakdowns: what is paid at once cannot be refunded when a supplier is down; add the "
        "terms of a [delivery] table, or leave it out"
    )


def test_operations_count_among_the_sub_tasks() -> None:
    market = read(MARKET)
    product = market.demanders[0].product
    assert product is not None
    many = MOST_SUB_TASKS // len(product.operations) + 1
    crowd = tuple(replace(market.demanders[0], name=f"order {i}") for i in range(many))
    message = refused(lambda: check_scenario(replace(market, demanders=crowd), "market.toml"))
    assert message.startswith(f"demanders: {2 * many} sub-tasks are too many; all demanders")
