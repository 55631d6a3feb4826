"""What each viewer of a run learned, in words; there is something to say of private runs alone."""

from collections.abc import Iterator
from typing import Any

from fabmarket.report.reading import Facts
from fabmarket.report.wording import number, plural, share

COLUMNS = ("Who does what", "To learn", "Tries", "Found", "Guessing", "Bare", "Hidden")
"""Headings of the table; those from the third to the sixth are of numbers."""
MEANING = (
    "Found: the share of the tries in which it names the truth exactly. Guessing: who has nothing "
    "but what all know. Bare: the same attack without the wall that stands against it. Hidden: it "
    "finds no more than by guessing, but for luck."
)
_LUCK = 3
"""Standard deviations by which what is found by guessing alone may be above its mean."""


def leakage_groups(facts: Facts) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Return each viewer with a row for each of its attacks, in the order of `COLUMNS`."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for each in facts["leakage"]:
        shares = (_part(each[key]) for key in ("success", "guessing", "control"))
        row = (each["attack"], each["sought"], number(each["tries"]), *shares, hidden(each))
        groups.setdefault(each["viewer"], []).append(row)
    return list(groups.items())


def hidden(leak: dict[str, Any]) -> str:
    """Return "yes" where an attack finds no more than guessing does, "no" where almost all."""
    guessed, tries = leak["guessing"], leak["tries"]
    luck = _LUCK * (guessed * (1 - guessed) / tries) ** 0.5
    if leak["success"] <= guessed + luck and leak["success"] < 1:
        return "yes"
    return "no" if leak["success"] >= 0.9 else "partly"


def leakage_in_words(facts: Facts) -> list[str]:
    """Return what the table does not say: where the market is too small to hide in, and notes."""
    return [*_too_small(facts), *_notes(facts["leakage"])] if facts["leakage"] else []


def controls_in_words(facts: Facts) -> list[str]:
    """Return what is otherwise in the controls that are not simply the market without walls."""
    return [
        f"{each['viewer']}, {each['attack']}: {each['unlike']}"
        for each in facts["leakage"]
        if each["unlike"]
    ]


def _part(share_of: float) -> str:
    """A share; one that is small but there is not shown as none, nor one that is not quite all."""
    if 0 < share_of < 0.005:
        return "< 1 %"
    return "> 99 %" if 0.995 <= share_of < 1 else share(share_of)


def _too_small(facts: Facts) -> Iterator[str]:
    """Why there were no walls where there were none."""
    sessions = [each for each in facts["sessions"] if each["kind"] == "session"]
    few = [each for each in sessions if not each["masked"]]
    if few:
        yield (
            f"{number(len(few))} of {plural(len(sessions), 'session')} had too few seats to be "
            "masked, or came after a masked one of that listing: who sat there saw answers."
        )
    least = min((len(each["members"]) for each in sessions if each["masked"]), default=0)
    if least:
        yield (
            f"The smallest masked session had {plural(least, 'seat')}: all others of it together, "
            "or its supplier at the end, know most of what one of them wanted."
        )
    bargains = len(facts["sessions"]) - len(sessions)
    if bargains:
        yield f"{plural(bargains, 'bargain')} of two: there is nobody to hide among."
    if facts["products"]:
        yield "Products are bought in rounds, which are not masked: suppliers see the bids."
    alone = sum(each["trades"] for way, each in facts["settlement"].items() if way != "net")
    if alone:
        yield (
            f"{number(alone)} of {plural(len(facts['trades']), 'trade')} settled by themselves, for"
            " all to read: too few others, escrow, or a cycle that failed."
        )


def _notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    for each in rows:
        if each["note"] and not each["note"].startswith("not hidden"):
            yield f"{each['viewer'].capitalize()}, {each['attack']}: {each['note']}."
