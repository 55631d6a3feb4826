from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from fabmarket.market.units import LARGEST_AMOUNT
from fabmarket.scenario import (
    Alternative,
    Currency,
    Demander,
    InvalidScenario,
    Scenario,
    SubTask,
    Supplier,
    check_scenario,
    deposit_of,
)
from fabmarket.scenario.checks import FINEST_WEIGHT, LARGEST_WEIGHT, LONGEST_CALENDAR
from fabmarket.scenario.deposits import largest_listed, most_payable

ALTERNATIVE = Alternative("press", 8, 4000, 500)
TASK = SubTask("stamp", 0, False, (ALTERNATIVE,))
DEMANDER = Demander("press shop", (TASK,))
SUPPLIER = Supplier(
    "press owner", "press", "hour", 700, Fraction(80), Fraction(20), (10, 4), (10, 0)
)
MARKET = Scenario(
    name="market",
    title="A market",
    description="",
    source="",
    draws="",
    currency=Currency("CR", 2),
    concept="balanced",
    negotiation="session",
    release_rounds=1,
    operators=3,
    threshold=2,
    slot_length=3600,
    tampered_copies=0,
    demanders=(DEMANDER,),
    suppliers=(SUPPLIER,),
)


def with_supplier(**change: Any) -> Scenario:
    return replace(MARKET, suppliers=(replace(SUPPLIER, **change),))


def with_task(**change: Any) -> Scenario:
    return replace(MARKET, demanders=(replace(DEMANDER, sub_tasks=(replace(TASK, **change),)),))


def with_alternative(**change: Any) -> Scenario:
    return with_task(alternatives=(replace(ALTERNATIVE, **change),))


def led(scenario: Scenario) -> Scenario:
    return replace(scenario, concept="demanders-lead")


def bargained(scenario: Scenario) -> Scenario:
    return replace(scenario, negotiation="bargaining")


FREE = with_task(divisible=True, alternatives=(replace(ALTERNATIVE, quantity=None),))
FLAT = with_supplier(a=Fraction(20))
LONG = replace(SUPPLIER, attested=(1,) * 10_000, listed=(1,) * 10_000)
AT = "demanders.0.sub_tasks.0"
RIVAL = replace(SUPPLIER, name="other owner", resource="press", unit="minute")


@pytest.mark.parametrize(
    "scenario",
    [
        MARKET,
        FREE,
        led(FREE),
        bargained(MARKET),
        bargained(FLAT),
        replace(FLAT, concept="simultaneous"),
        replace(MARKET, concept="simultaneous"),
        replace(MARKET, operators=2),
        with_task(slot=1),
        replace(
            MARKET, suppliers=(SUPPLIER, replace(RIVAL, unit="hour", attested=(1,), listed=(1,)))
        ),
    ],
)
def test_markets_that_can_run_pass(scenario: Scenario) -> None:
    check_scenario(scenario, "m.toml")


(RICH,) = with_alternative(quantity=1, benefit=2**127, cost=0).demanders


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        (replace(MARKET, concept="supplier-anticipates"), "concept: a session cannot run 'supp"),
        (replace(MARKET, concept="nash"), "concept: a session cannot run 'nash'; use clock"),
        (replace(MARKET, negotiation="auction"), "negotiation: 'auction' is not known; use ses"),
        (replace(MARKET, release_rounds=0), "release_rounds: 0 is too small; release rounds are"),
        (replace(MARKET, operators=0), "operators: 0 is too small"),
        (replace(MARKET, operators=251), "operators: 251 is too large"),
        (replace(MARKET, release_rounds=10_001), "release_rounds: 10001 is too large"),
        (replace(MARKET, tampered_copies=1001), "tampered_copies: 1001 is too large"),
        (replace(MARKET, least=1001), "least: 1001 is too large"),
        (replace(MARKET, least=2), "least: 2 members hide nothing from each other; give 3 or more"),
        (replace(MARKET, least=3, negotiation="bargaining"), "least: a bargain has two parties"),
        (replace(MARKET, threshold=0), "threshold: 0 is too small; thresholds are integers >= 1"),
        (replace(MARKET, threshold=4), "threshold: 4 signatures cannot come from 3 operators"),
        (
            replace(MARKET, operators=4),
            "threshold: 2 of 4 operators are no majority, which the contract wants; raise it to 3",
        ),
        (replace(MARKET, slot_length=0), "slot_length: 0 is too small"),
        (replace(MARKET, slot_length=2**40 - 1), f"slot_length: {2**40 - 1} is too large"),
        (
            replace(MARKET, slot_length=LONGEST_CALENDAR // 2 + 1),
            f"slot_length: 2 slots of {LONGEST_CALENDAR // 2 + 1} s end after the contract's time",
        ),
        (
            replace(MARKET, title="\x1b]0;x\x07"),
            r"title: '\x1b]0;x\x07' holds U+001B",
        ),
        (
            replace(MARKET, title="a\ud800"),
            r"title: 'a\ud800' holds U+D800",
        ),
        (replace(MARKET, title="a\nb"), r"title: 'a\nb' holds U+000A"),
        (replace(MARKET, title="\u202egnp"), r"title: '\u202egnp' holds U+202E"),
        (
            replace(MARKET, name="\udcff"),
            r"name: '\udcff' holds U+DCFF",
        ),
        (replace(MARKET, description="a\x9b"), r"description: 'a\x9b' holds U+009B"),
        (replace(MARKET, source="\x00"), r"source: '\x00' holds U+0000"),
        (replace(MARKET, tampered_copies=-1), "tampered_copies: -1 is negative"),
        (replace(MARKET, currency=Currency("€", 2)), "currency.symbol: '€' does not fit"),
        (replace(MARKET, currency=Currency("CR", 19)), "currency.decimals: 19 is too large"),
        (replace(MARKET, demanders=()), "demanders: there are none; add at least one"),
        (replace(MARKET, suppliers=()), "suppliers: there are none; add at least one"),
        (with_supplier(name="press shop"), "suppliers.0.name: 'press shop' is already the name at"),
        (with_supplier(name=""), "suppliers.0.name: '' is not a name"),
        (with_supplier(name="a\nb"), r"suppliers.0.name: 'a\nb' is not a name"),
        (with_supplier(name=" a"), "suppliers.0.name: ' a' is not a name"),
        (with_supplier(name="a  b"), "suppliers.0.name: 'a  b' is not a name"),
        (with_supplier(name="a" * 65), "suppliers.0.name: "),
        (with_supplier(resource="r" * 32), "suppliers.0.resource: "),
        (with_supplier(resource=""), "suppliers.0.resource: '' does not fit"),
        (with_supplier(unit="m²"), "suppliers.0.unit: 'm²' does not fit; write 1 to 31 letters"),
        (with_supplier(unit="hour "), "suppliers.0.unit: 'hour ' does not fit"),
        (with_supplier(maintenance=-5), "suppliers.0.maintenance: -5 is negative; amounts are"),
        (with_supplier(maintenance=2**128), f"suppliers.0.maintenance: {2**128} is too large"),
        (bargained(with_supplier(maintenance=2**127)), f"suppliers.0.maintenance: {2**127} is too"),
        (
            with_supplier(attested=(1,) * 10_001, listed=(1,) * 10_001),
            "suppliers.0.attested: 10001 slots are too many; calendars have at most 10000",
        ),
        (
            replace(MARKET, suppliers=tuple(replace(LONG, name=f"s{i}") for i in range(6))),
            "suppliers: 60000 slots are too many; all suppliers together have at most 50000",
        ),
        (
            replace(
                MARKET,
                demanders=tuple(replace(DEMANDER, name=f"d{i}") for i in range(5_001)),
            ),
            "demanders: 5001 sub-tasks are too many; all demanders together have at most 5000",
        ),
        (
            with_supplier(a=LARGEST_WEIGHT + FINEST_WEIGHT),
            "suppliers.0.a: 3.40282e+30 is too large; price coefficients are at most 3.40282e+30",
        ),
        (
            with_supplier(a=Fraction(2**100), attested=(2**29,), listed=(2**29,)),
            "suppliers.0.a: the price (a - b) * S of all that is listed is above 2^128",
        ),
        (
            with_alternative(quantity=2**63, benefit=2**65, cost=0),
            f"{AT}.alternatives.0: its quantity times (benefit - cost) is above 2^128 base units",
        ),
        (
            replace(MARKET, demanders=(DEMANDER, replace(RICH, name="rich"))),
            "demanders.1: may come to pay 1.701e+36, and 2 deposits of that are more than the 3.4",
        ),
        (with_supplier(a=Fraction(0)), "suppliers.0.a: 0 is not above 0"),
        (with_supplier(b=Fraction(-10)), "suppliers.0.b: -0.1 is not above 0"),
        (FLAT, "suppliers.0.a: 0.2 is not above b = 0.2"),
        (with_supplier(attested=()), "suppliers.0.attested: the calendar is empty"),
        (
            with_supplier(attested=(10, -5)),
            "suppliers.0.attested.1: -5 is negative; quantities are ",
        ),
        (with_supplier(a=Fraction(1, 3)), "suppliers.0.a: 0.00333333 is no multiple of 1e-08"),
        (with_supplier(attested=(2**64 - 1, 0)), "suppliers.0.attested.0: 18446744073709551615 is"),
        (with_supplier(attested=(2**64, 0)), "suppliers.0.attested.0: 18446744073709551616 is too"),
        (with_supplier(listed=(10, -1)), "suppliers.0.listed.1: -1 is negative"),
        (with_supplier(listed=(10,)), "suppliers.0.listed: 1 slots are not the 2 of attested"),
        (with_supplier(listed=(11, 4)), "suppliers.0.listed.0: 11 is above the 10 attested"),
        (
            replace(MARKET, suppliers=(SUPPLIER, RIVAL)),
            "suppliers.1.unit: 'minute' is not the 'hour'",
        ),
        (
            replace(MARKET, demanders=(DEMANDER, DEMANDER)),
            "demanders.1.name: 'press shop' is already",
        ),
        (replace(MARKET, demanders=(Demander("d", ()),)), "demanders.0.sub_tasks: there are none"),
        (
            replace(MARKET, demanders=(Demander("d", (TASK, TASK)),)),
            "demanders.0.sub_tasks.1.name: 'stamp' is already a sub-task of 'd'; rename one",
        ),
        (with_task(name=""), f"{AT}.name: '' is not a name"),
        (with_task(slot=-1), f"{AT}.slot: -1 is negative; slots are integers >= 0"),
        (with_task(slot=2), f"{AT}.alternatives.0.resource: 'press' has no slot 2"),
        (with_task(alternatives=()), f"{AT}.alternatives: there are none"),
        (
            with_task(alternatives=(ALTERNATIVE, ALTERNATIVE)),
            f"{AT}.alternatives.1.resource: 'press' is named twice in one sub-task",
        ),
        (
            with_alternative(resource="lathe"),
            f"{AT}.alternatives.0.resource: nobody supplies 'lathe'",
        ),
        (with_alternative(quantity=0), f"{AT}.alternatives.0.quantity: 0 is too small"),
        (with_alternative(quantity=-5), f"{AT}.alternatives.0.quantity: -5 is negative"),
        (
            with_alternative(quantity=None),
            f"{AT}.alternatives.0.quantity: is missing, and an indiv",
        ),
        (bargained(FREE), f"{AT}.alternatives.0.quantity: is missing, and bargaining"),
        (with_alternative(benefit=-1), f"{AT}.alternatives.0.benefit: -1 is negative"),
        (with_alternative(cost=-1), f"{AT}.alternatives.0.cost: -1 is negative"),
        (led(MARKET), f"{AT}.divisible: false is not defined for demanders-lead; use balanced"),
        (
            led(with_task(divisible=True)),
            f"{AT}.alternatives.0.quantity: 8: a limit is not defined for demanders-lead",
        ),
    ],
)
def test_markets_that_cannot_run_are_refused(scenario: Scenario, message: str) -> None:
    with pytest.raises(InvalidScenario) as caught:
        check_scenario(scenario, "m.toml")
    assert str(caught.value).startswith(f"m.toml: {message}")


def test_a_number_of_thousands_of_digits_is_shown_short() -> None:
    with pytest.raises(InvalidScenario) as caught:
        check_scenario(with_task(slot=10**4000), "m.toml")
    assert len(str(caught.value)) < 200


def test_texts_for_people_may_hold_what_people_write() -> None:
    for title in ("Prix : 5 €", "می‌خواهم", "👩‍🏭 shop", "a\xad b"):
        check_scenario(replace(MARKET, title=title, description="a\n\tb", source="a\nb"), "m.toml")


def test_every_demander_deposits_the_same_whatever_it_would_pay() -> None:
    usual = 10**6 * 100
    assert deposit_of(MARKET) == usual
    assert deposit_of(with_alternative(benefit=0)) == usual
    rich = with_alternative(benefit=2**120)
    check_scenario(rich, "m.toml")
    assert deposit_of(rich) == LARGEST_AMOUNT
    two = (*rich.demanders, replace(DEMANDER, name="second"))
    assert deposit_of(replace(rich, demanders=two)) == LARGEST_AMOUNT // 2
    assert deposit_of(rich) >= most_payable(rich.demanders[0], largest_listed(rich))
