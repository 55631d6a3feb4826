"""Questions the page, the figures and the terminal all ask of the facts."""

from collections import Counter
from typing import Any

from fabmarket.negotiation.netting.baskets import LEAST
from fabmarket.report.wording import LIES, gain, money, natural, number, plural, short

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


def clocks(facts: Facts) -> list[dict[str, Any]]:
    """The sessions that sold by a clock, in which somebody was asked something, by place."""
    return [one for one in by_place(facts, "sessions") if one["clock"] and one["rounds"]]


def clock_path(session: dict[str, Any]) -> list[tuple[float, int]]:
    """The units wanted of a clock and the price, from the first quote to the last: its corners.

    A unit is wanted up to the price at which it was given up.
    """
    rounds = session["rounds"]
    wanted, floor = rounds[0]["sum"], rounds[0]["price"]
    path = [(wanted, floor)]
    for gone in session["clock"]["exits"]:
        path.append((wanted, gone["price"]))
        wanted -= gone["units"]
        path.append((wanted, gone["price"]))
    return [*path, (wanted, rounds[-1]["price"])]


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


def is_late(product: dict[str, Any]) -> bool:
    """Whether a product was bought whole and ends after it is due."""
    return bool(product["complete"] and not product["on_time"])


def products_told(facts: Facts) -> str:
    """How many products are complete, and how many of them on time."""
    products = facts["products"]
    complete = number(sum(one["complete"] for one in products))
    on_time = number(sum(one["on_time"] for one in products))
    return f"{complete} of {plural(len(products), 'product')} complete, {on_time} on time"


def done_with(product: dict[str, Any]) -> int | None:
    """The slot of a product's last operation; None if it is not complete."""
    return product["steps"][-1]["slot"] if product["complete"] else None


def outcome(product: dict[str, Any]) -> str:
    """What became of a product, in a few words: "paid back" where nothing of it is held."""
    if not product["complete"]:
        held = any(step["state"] != "refunded" for step in product["steps"])
        given_up = "paid back" if product["steps"] else "not bought"
        return "bought in part" if held else given_up
    return f"{plural(product['lateness']['slots'], 'slot')} late" if is_late(product) else "on time"


def least_cost(product: dict[str, Any], facts: Facts) -> str:
    """What a product would have cost with nobody else there, for a cell; a dash if not to be had.

    After a loss it is that of what was still to be bought, and "rest" stands before it.
    """
    if product["least"] is None:
        return number(None)
    is_rest = any(step["state"] != "sold" for step in product["steps"])
    text = money(product["least"], facts["scenario"]["currency"], symbol=False)
    return f"rest {text}" if is_rest else text


def mean_price(machine: dict[str, Any]) -> int | None:
    """What a unit of a machine cost in the mean, rounded to a base unit; None if none was sold."""
    return None if machine["price"] is None else round(machine["price"])


def unbought(facts: Facts) -> dict[str, str]:
    """By reason, the names of the products that were not bought whole."""
    names: dict[str, list[str]] = {}
    for one in facts["products"]:
        if not one["complete"]:
            names.setdefault(one["reason"], []).append(one["name"])
    return {reason: ", ".join(each) for reason, each in names.items()}


def lie_left(one: dict[str, Any], facts: Facts) -> str:
    """The best lie of a session or an equilibrium's session, for a cell; a dash where none is
    known.
    """
    lie = one["certificate"]["best_lie_in_this_session"]
    if lie is None:
        return number(None)
    if not lie["gain"]:
        return "0" if lie["bound"] == "exact" else "0 found"
    least = "" if lie["bound"] == "exact" else "≥ "
    return f"{least}{money(lie['gain'], facts['scenario']['currency'])}"


def lies_in_words(facts: Facts) -> str:
    """What the best lies of all sessions come to; "" where none is known."""
    known = [
        one
        for one in facts["sessions"]
        if one["certificate"]["best_lie_in_this_session"] is not None
    ]
    if not known:
        return ""
    found = {one["id"]: one["certificate"]["best_lie_in_this_session"] for one in known}
    gaining = [one for one in known if found[one["id"]]["gain"]]
    sessions = plural(len(known), "session")
    if not gaining:
        is_sure = all(lie["bound"] == "exact" for lie in found.values())
        how = "exactly" if is_sure else "as far as was tried"
        return f"Best lie: 0 in {sessions}, {how}. {LIES}"
    worst = max(gaining, key=lambda one: int(found[one["id"]]["gain"]))
    return (
        f"Best lie: in {number(len(gaining))} of {sessions} one pays, most in"
        f" {worst['resource']}, slot {worst['slot']}: {lie_left(worst, facts)}. {LIES}"
    )


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
    """The run in a few numbers, as (what, how much), for the head of every summary."""
    audit = facts["audit"]
    messages = facts["messages"]
    currency = facts["scenario"]["currency"]
    wasted = money(facts["paid_for_incomplete"], currency)
    products = [("Products", products_told(facts)), ("Paid for unfinished products", wasted)]
    return [
        *(products if facts["products"] else []),
        ("Sub-tasks", number(facts["subtasks"])),
        ("Trades", number(len(facts["trades"]))),
        ("Settled", settled_in_words(facts)),
        ("Unserved", number(len(facts["unserved"]))),
        ("Units traded", number(facts["units_traded"])),
        ("Paid", money(facts["paid_total"], currency)),
        ("Gas", number(facts["gas_total"])),
        ("Messages ignored", _ignored(messages)),
        ("Audit", audit_words(audit)),
    ]


def settled_in_words(facts: Facts) -> str:
    """`3 net at 32,951 gas a trade`, and so on for each way in which trades settled."""
    ways = (
        f"{number(each['trades'])} {way} at {number(round(each['gas_per_trade']))} gas a trade"
        for way, each in facts["settlement"].items()
    )
    return "; ".join(ways) or "none"


def exposed_in_words(facts: Facts) -> str:
    """Return why trades settled late although all were there; "" if none did."""
    if not facts["exposed"]:
        return ""
    return (
        f"{plural(facts['exposed'], 'party')} stayed out of a net batch in which fewer than {LEAST}"
        " baskets of its own fit: the sums would have told what it bought or sold. What is not"
        " netted settles late."
    )


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
