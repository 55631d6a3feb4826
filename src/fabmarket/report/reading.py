"""Questions the page, the figures and the terminal all ask of the facts."""

from collections import Counter
from typing import Any

from fabmarket.report.wording import gain, money, natural, number, plural, short

Facts = dict[str, Any]


class People:
    """Who stands behind an address."""

    def __init__(self, facts: Facts) -> None:
        self._known = {one["address"]: one for one in facts["participants"]}

    def name(self, address: str) -> str:
        """The participant's name; the short address for a stranger or someone without a name."""
        return (self._known.get(address) or {}).get("name") or short(address)


def featured_session(facts: Facts) -> dict[str, Any] | None:
    """The negotiation worth a picture: most members, then agreed, then most rounds, then first."""
    with_rounds: list[dict[str, Any]] = [
        session for session in facts["sessions"] if session["rounds"]
    ]
    if not with_rounds:
        return None
    return max(
        with_rounds,
        key=lambda one: (len(one["members"]), one["outcome"] == "agreed", len(one["rounds"])),
    )


def member_labels(session: dict[str, Any], people: People) -> list[str]:
    """What to call each member: its name, or its sub-tasks where one demander sits twice."""
    seats = Counter(member["demander"] for member in session["members"])
    return [
        people.name(member["demander"]) if seats[member["demander"]] == 1 else member["subtask"]
        for member in session["members"]
    ]


def equilibrium_of(facts: Facts, session: dict[str, Any]) -> dict[str, Any] | None:
    """The equilibrium that a session negotiated towards, if one was computed."""
    return next((one for one in facts["equilibria"] if one["session"] == session["id"]), None)


def featured_equilibrium(facts: Facts) -> dict[str, Any] | None:
    """That of the featured session, else the one with most demanders."""
    session = featured_session(facts)
    found = equilibrium_of(facts, session) if session else None
    if found is None and facts["equilibria"]:
        found = max(facts["equilibria"], key=lambda one: len(one["demanders"]))
    return found


def price_errors(facts: Facts) -> list[list[tuple[int, float]]]:
    """For every session with an equilibrium: (round, |announced price - equilibrium price|).

    Prices stay in base units per unit.
    """
    paths = []
    for session in facts["sessions"]:
        target = equilibrium_of(facts, session)
        if target is not None and session["kind"] == "session" and session["rounds"]:
            paths.append(
                [(one["round"], abs(one["price"] - target["price"])) for one in session["rounds"]]
            )
    return paths


def sold(facts: Facts) -> dict[tuple[str, int], int]:
    """Quantity sold per (resource, slot)."""
    total: Counter[tuple[str, int]] = Counter()
    for trade in facts["trades"]:
        total[trade["resource"], trade["slot"]] += trade["quantity"]
    return dict(total)


def by_place(facts: Facts, key: str) -> list[dict[str, Any]]:
    """The trades, sessions or equilibria of a run by slot, resource and demander."""
    people = People(facts)

    def place(one: dict[str, Any]) -> tuple[int, list[tuple[int, str]], list[tuple[int, str]]]:
        who = people.name(one["demander"]) if "demander" in one else ""
        return one["slot"], natural(one["resource"]), natural(who)

    return sorted(facts[key], key=place)


def not_all_sold(facts: Facts) -> bool:
    """Whether some supply of the game is more, or less, than what is demanded there."""
    return any(
        abs(one["supply"] - sum(one["demand"])) > 1e-6 * abs(one["supply"])
        for one in facts["equilibria"]
    )


def off_equilibrium(facts: Facts) -> str:
    """What must be said of prices that were agreed and are no equilibrium's; "" if nothing."""
    off = facts["off_equilibrium"]
    if not off:
        return ""
    first = off[0]
    return (
        f"In {plural(len(off), 'session')} the agreed price is no equilibrium's, and no gain is"
        f" stated for it. {first['resource']}, slot {first['slot']}: {first['reason']}."
    )


def uncertified(facts: Facts) -> set[str]:
    """Sessions whose agreed price is no equilibrium's."""
    return {one["session"] for one in facts["off_equilibrium"]}


def gain_left(equilibrium: dict[str, Any], facts: Facts) -> str:
    """The bound that an equilibrium's certificate puts on a gain, for a cell; a dash where another
    price was agreed.
    """
    if equilibrium["session"] in uncertified(facts):
        return number(None)
    currency = facts["scenario"]["currency"]
    left = equilibrium["certificate"]["max_unilateral_gain"]
    return f"≤ {gain(left, currency)}" if left > 0 else "0"


def unserved_reasons(facts: Facts) -> list[tuple[str, int]]:
    """How many sub-tasks stayed unserved for each reason, most frequent first."""
    counted = Counter(one["reason"] for one in facts["unserved"])
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def worst_gain(facts: Facts) -> float:
    """The largest gain any certificate leaves to a lone deviation, in base units."""
    return max(
        (
            one["certificate"]["max_unilateral_gain"]
            for one in facts["equilibria"]
            if one["session"] not in uncertified(facts)
        ),
        default=0.0,
    )


def key_figures(facts: Facts) -> list[tuple[str, str]]:
    """The run in eight numbers, as (what, how much), for the head of every summary."""
    audit = facts["audit"]
    messages = facts["messages"]
    return [
        ("Sub-tasks", number(facts["subtasks"])),
        ("Trades", number(len(facts["trades"]))),
        ("Unserved", number(len(facts["unserved"]))),
        ("Units traded", number(facts["units_traded"])),
        ("Paid", money(facts["paid_total"], facts["scenario"]["currency"])),
        ("Gas", number(facts["gas_total"])),
        ("Messages ignored", _ignored(messages)),
        ("Audit", audit_words(audit)),
    ]


def _ignored(messages: dict[str, Any]) -> str:
    # A message goes to several receivers, and each ignores it or not.
    return f"{number(messages['ignored'])} of {plural(messages['delivered'], 'delivery')}"


def audit_words(audit: dict[str, Any]) -> str:
    """`passed, 143 values`, with the surplus if there is one, or how many checks failed."""
    if audit["ok"]:
        compared = sum(check["compared"] for check in audit["checks"])
        surplus = audit["surplus"]["amount"]
        more = f"; {number(surplus)} base units more held than owed" if surplus else ""
        return f"passed, {plural(compared, 'value')}{more}"
    failed = sum(not check["ok"] for check in audit["checks"])
    return f"FAILED, {failed} of {plural(len(audit['checks']), 'check')}"


def why(test: dict[str, Any]) -> str:
    """What is wrong with a capacity report, resource by resource, from its own numbers."""
    faults = []
    for resource, reported in test["reported"].items():
        attested = test["attested"].get(resource)
        if attested is None:
            faults.append(f"{resource} was never attested")
        elif reported > attested:
            faults.append(f"{resource}: {number(reported)} reported, {number(attested)} attested")
    return "; ".join(faults) or "nothing is above what the operators attested"
