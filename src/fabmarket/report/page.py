"""The facts as one page that needs nothing but a browser."""

import shlex
from collections import Counter
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from fabmarket.report.canvas import inline
from fabmarket.report.leakage import (
    COLUMNS,
    MEANING,
    controls_in_words,
    leakage_groups,
    leakage_in_words,
)
from fabmarket.report.plots import MOST_BARS
from fabmarket.report.reading import (
    Facts,
    People,
    audit_words,
    by_place,
    done_with,
    equilibrium_of,
    exposed_in_words,
    featured_equilibrium,
    featured_session,
    gain_left,
    key_figures,
    least_cost,
    lie_left,
    lies_in_words,
    mean_price,
    member_labels,
    not_all_sold,
    off_equilibrium,
    outcome,
    price_errors,
    products_told,
    sold,
    uncertified,
    unserved_reasons,
    why,
    worst_gain,
)
from fabmarket.report.wording import (
    ALONE,
    CONCEPTS,
    IN_THE_GAME,
    NOT_ALL_SOLD,
    NOT_IN_THE_NEGOTIATION,
    READ_MORE,
    duration,
    gain,
    money,
    natural,
    number,
    plural,
    residual,
    seconds,
    share,
    short,
    span,
)

_FATES = {
    "refunded": "not delivered, refunded",
    "lost": "not delivered",
    "left": "of no use since it was planned anew",
}
_ROLES = ("demander", "supplier", "operator", "deployer")


def page(facts: Facts, figures: dict[str, bytes]) -> str:
    """report.html: `facts` told to a reader, with `figures` (name to SVG file) drawn in place."""
    currency = facts["scenario"]["currency"]
    people = People(facts)
    session = featured_session(facts)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "money": lambda amount, **how: money(amount, currency, **how),
        "number": number,
        "short": short,
        "plural": plural,
        "duration": duration,
        "residual": residual,
        "seconds": seconds,
        "share": share,
        "span": span,
        "gain": lambda amount: gain(amount, currency),
        "gain_left": lambda one: gain_left(one, facts),
        "least_cost": lambda one: least_cost(one, facts),
        "lie_left": lambda one: lie_left(one, facts),
        "mean_price": mean_price,
        "named": people.name,
        "why": why,
        "outcome": outcome,
        "done_with": done_with,
    }
    source = files("fabmarket.report").joinpath("template.html").read_text("utf-8")
    return environment.from_string(source).render(
        facts=facts,
        currency=currency,
        verdict=_verdict(facts),
        key_figures=key_figures(facts),
        audit_words=audit_words(facts["audit"]),
        roster=_roster(facts),
        session=session,
        seats=member_labels(session, people) if session else [],
        sessions=by_place(facts, "sessions"),
        has_sessions=bool(facts["sessions"] or not facts["products"]),
        products_told=products_told(facts),
        alone=ALONE,
        equilibria=by_place(facts, "equilibria"),
        trades=by_place(facts, "trades"),
        in_the_game=IN_THE_GAME,
        not_in_the_negotiation=NOT_IN_THE_NEGOTIATION,
        exposed_in_words=exposed_in_words(facts),
        leakage_columns=COLUMNS,
        leakage_groups=leakage_groups(facts),
        controls_in_words=controls_in_words(facts),
        leakage_meaning=MEANING,
        leakage_in_words=leakage_in_words(facts),
        lies_in_words=lies_in_words(facts),
        read_more=READ_MORE,
        off_equilibrium=off_equilibrium(facts),
        uncertified=uncertified(facts),
        not_all_sold=NOT_ALL_SOLD if not_all_sold(facts) else "",
        equilibrium=featured_equilibrium(facts),
        concepts=CONCEPTS,
        worst_gain=worst_gain(facts),
        approached=len(price_errors(facts)),
        fates=_FATES,
        many_places=len(sold(facts)) > 1,
        most_bars=MOST_BARS,
        settled_by=Counter(trade["transaction"] for trade in facts["trades"]),
        flows=_flows(facts),
        reasons=unserved_reasons(facts),
        command=shlex.join(facts["command"]),
        plot=_plots(facts, figures, people),
    )


def _verdict(facts: Facts) -> dict[str, Any]:
    """Whether all is well, and the sentences that open the page."""
    failed = [test["test"] for test in facts["verification_tests"] if not test["passed"]]
    units = {trade["unit"] for trade in facts["trades"]}
    unit = units.pop() if len(units) == 1 else "unit"
    currency = facts["scenario"]["currency"]
    refunded = sum(trade["refunded"] for trade in facts["trades"])
    trades = len(facts["trades"]) - refunded
    told = (
        f"{plural(trades, 'trade')} moved {plural(facts['units_traded'], unit)} "
        f"for {money(facts['paid_total'], currency)}."
        if trades
        else "Nothing was traded."
    )
    if refunded:
        told += f" {plural(refunded, 'trade')} came to nothing, and the payment came back."
    if facts["products"]:
        wasted = money(facts["paid_for_incomplete"], currency)
        told += f" {products_told(facts)}; {wasted} paid for unfinished ones."
    unserved = len(facts["unserved"])
    if unserved:
        told += (
            f" {number(unserved)} of {plural(facts['subtasks'], 'sub-task')} stayed unserved, "
            "each with its reason below."
        )
    elif facts["subtasks"]:
        told += f" All {plural(facts['subtasks'], 'sub-task')} were served."
    audited = (
        "Every balance, listing and trade on the chain equals an independent recalculation."
        if facts["audit"]["ok"]
        else "The chain and an independent recalculation disagree: do not rely on these figures "
        "until the failed checks below are explained."
    )
    if failed:
        audited += f" Verification test {', '.join(map(str, failed))} did not behave as expected."
    return {"ok": facts["audit"]["ok"] and not failed, "told": told, "audited": audited}


def _roster(facts: Facts) -> list[dict[str, Any]]:
    """Participants by role, each with what it asked or offered and what came of it."""
    rows = []
    for one in facts["participants"]:
        address = one["address"]
        bought = [trade for trade in facts["trades"] if trade["demander"] == address]
        gave = [trade for trade in facts["trades"] if trade["supplier"] == address]
        kept = [trade for trade in bought + gave if not trade["refunded"]]
        served = {trade["subtask"] for trade in kept if trade["demander"] == address}
        waiting = {row["subtask"] for row in facts["unserved"] if row["demander"] == address}
        offers = {trade["resource"] for trade in gave} | {
            session["resource"] for session in facts["sessions"] if session["supplier"] == address
        }
        rows.append(
            one
            | {
                "served": len(served),
                "asked": len(served | waiting),
                "resources": sorted(offers, key=natural),
                "trades": len(bought) + len(gave),
                "units": sum(trade["quantity"] for trade in kept),
                "money": sum(trade["payment"] for trade in kept),
            }
        )
    return sorted(rows, key=lambda row: _ROLES.index(row["role"]))


def _flows(facts: Facts) -> dict[str, int]:
    """What each side gained or lost, to be read beside the sum of the payments."""
    change = dict.fromkeys(_ROLES, 0)
    for account in facts["accounts"]:
        change[account["role"]] += account["after"] - account["before"]
    return change


def _plots(facts: Facts, figures: dict[str, bytes], people: People) -> dict[str, Markup]:
    said = {
        "rounds": _rounds_in_words(facts),
        "equilibrium": _equilibrium_in_words(facts, people),
        "convergence": "Distance between announced and equilibrium price for each round, "
        f"{plural(len(price_errors(facts)), 'session')}, on a logarithmic axis.",
        "capacity": "Quantity sold of each resource in each slot, as a grid; darker is more.",
        "balances": "Balance of each account before and after the run, as bars; "
        "the table below has the numbers.",
    }
    plots = {name: inline(figures[name], name, words) for name, words in said.items()}
    chart = "Machines down, slots across, a bar for each operation; the table below has the same."
    return plots | {"gantt": inline(figures["gantt"], "gantt", chart, keeps_size=True)}


def _rounds_in_words(facts: Facts) -> str:
    session = featured_session(facts)
    if session is None:
        return "No negotiation took place."
    currency = facts["scenario"]["currency"]
    first, last = session["rounds"][0]["price"], session["rounds"][-1]["price"]
    words = (
        f"Negotiation for {session['resource']}, slot {session['slot']}: the price went from "
        f"{money(first, currency)} to {money(last, currency)} per unit in "
        f"{plural(len(session['rounds']), 'round')}"
    )
    if session["clock"]:
        bought = sum(member["units"] for member in session["members"])
        paid = sum(member["payment"] for member in session["members"])
        room = number(session["clock"]["room"])
        return f"{words}; {number(bought)} of {room} units sold for {money(paid, currency)} in all."
    target = equilibrium_of(facts, session)
    return f"{words}; equilibrium {money(target['price'], currency)}." if target else f"{words}."


def _equilibrium_in_words(facts: Facts, people: People) -> str:
    found = featured_equilibrium(facts)
    if found is None:
        return "No equilibrium was computed."
    parts = [
        f"{people.name(who)} {number(value)}"
        for who, value in zip(found["demanders"], found["demand"], strict=True)
    ]
    return (
        f"Demand at the equilibrium for {found['resource']}, slot {found['slot']}: "
        f"{', '.join(parts)}; supply offered {number(found['supply'])}."
    )
