"""The facts of products: what was bought of each and when, and how machines were used."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from fabmarket.negotiation.products.purchase import Purchase, operation_id
from fabmarket.scenario import Product
from fabmarket.simulation import Outcome, SettledTrade

BEGUN_ONLY = "only a beginning of it was worth its price, which its owner wanted as well"
"""Of a product that may be partial and is bought in part."""

Traded = list[tuple[SettledTrade, dict[str, Any]]]
"""Every settled trade and its facts, in order."""


def product_facts(outcome: Outcome, traded: Traded) -> dict[str, Any]:
    """Return the keys of report.json that are about products and machines."""
    wanted = {each.name: each.product for each in outcome.scenario.demanders}
    products = []
    for product, (demander, purchase) in outcome.purchases.items():
        name = outcome.names[product]
        spec = wanted[name]
        if spec is not None:
            steps = _steps(purchase, spec, traded)
            products.append(_product(purchase, spec, name, demander, steps))
    return {
        "products": products,
        "paid_for_incomplete": sum(
            each["price"] for each in products if not each["complete"] and not each["partial"]
        ),
        "makespan": _makespan(products, outcome.scenario.slot_length),
        "utilisation": _utilisation(outcome, traded),
    }


def unserved_operations(outcome: Outcome, products: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the operations that are not bought, as sub-tasks that stayed unserved."""
    found = []
    for product, facts in zip(outcome.purchases, products, strict=True):
        _, purchase = outcome.purchases[product]
        sold = {step["operation"] for step in facts["steps"] if step["state"] == "sold"}
        for at in range(len(purchase.product.steps)):
            name = outcome.names[operation_id(product, at)]
            if name.removeprefix(f"{facts['name']} / ") not in sold:
                found.append(
                    {
                        "subtask": name,
                        "demander": facts["demander"],
                        "slot": facts["release"] + at,
                        "reason": facts["reason"],
                        "attempts": [],
                    }
                )
    return found


def _steps(purchase: Purchase, spec: Product, traded: Traded) -> list[dict[str, Any]]:
    """What was bought, by operation; of one that was bought anew, what counts comes last."""
    places = {
        operation_id(purchase.product.id, at): at for at in range(len(purchase.product.steps))
    }
    fates = {
        "refunded": {settled.event.trade for settled, _ in traded if settled.refunded},
        "lost": {trade for at, trade in enumerate(purchase.trades) if at in purchase.lost},
        "left": {trade for _, trade in purchase.left},
    }
    found = []
    for settled, facts in traded:
        at = places.get(settled.want)
        if at is None:
            continue
        trade = settled.event.trade
        state = next((name for name, those in fates.items() if trade in those), "sold")
        keys = ("resource", "supplier", "slot", "quantity", "unit", "unit_price", "payment")
        step = {
            "operation": spec.operations[at].name,
            **{key: facts[key] for key in keys},
            "trade": facts["id"],
            "state": state,
        }
        found.append((at, state == "sold", step))
    return [step for *_, step in sorted(found, key=lambda each: each[:2])]


def _product(
    purchase: Purchase, spec: Product, name: str, demander: str, steps: list[dict[str, Any]]
) -> dict[str, Any]:
    sold = [step for step in steps if step["state"] == "sold"]
    complete = purchase.state == "bought" and len(sold) == len(spec.operations)
    late = max(0, sold[-1]["slot"] - spec.due) if complete else 0
    return {
        "id": "0x" + purchase.product.id.hex(),
        "name": name,
        "demander": demander,
        "value": spec.value,
        "release": spec.release,
        "due": spec.due,
        "last": spec.last,
        "partial": spec.partial,
        "complete": complete,
        "on_time": complete and not late,
        "lateness": {"slots": late, "cost": late * spec.lateness},
        "price": sum(step["payment"] for step in steps if step["state"] != "refunded"),
        "least": purchase.least or None,
        "bundle": "0x" + purchase.bundle.hex() if purchase.bundle else None,
        "steps": steps,
        "reason": "" if complete else purchase.reason or BEGUN_ONLY,
    }


def _makespan(products: list[dict[str, Any]], slot_length: int) -> int | float:
    """Minutes from the beginning of slot 0 to the end of the last slot that is bought."""
    slots = max((step["slot"] + 1 for step in _sold(products)), default=0)
    minutes = Fraction(slots * slot_length, 60)
    return int(minutes) if minutes.denominator == 1 else float(minutes)


def _sold(products: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (step for each in products for step in each["steps"] if step["state"] == "sold")


def _utilisation(outcome: Outcome, traded: Traded) -> list[dict[str, Any]]:
    kept = [facts for _, facts in traded if not facts["refunded"]]
    rows = []
    for party, spec in zip(outcome.parties.suppliers, outcome.scenario.suppliers, strict=True):
        own = [facts for facts in kept if facts["supplier"] == party.address]
        sold = [0] * len(spec.listed)
        for facts in own:
            sold[facts["slot"]] += facts["quantity"]
        earned, listed = sum(facts["payment"] for facts in own), sum(spec.listed)
        rows.append(
            {
                "resource": spec.resource,
                "supplier": party.address,
                "unit": spec.unit,
                "listed": list(spec.listed),
                "sold": sold,
                "share": sum(sold) / listed if listed else 0.0,
                "price": earned / sum(sold) if own else None,
                "earned": earned,
            }
        )
    return rows
