"""What each viewer of a run learned, in words; there is something to say of private runs alone."""

from collections.abc import Iterator
from typing import Any

from fabmarket.report.reading import Facts
from fabmarket.report.wording import number, plural, share

COLUMNS = ("Who does what", "To learn", "Hidden", "Tries", "Found", "Guessing", "Bare")
"""Headings of the table; those from the fourth on are of numbers."""
MEANING = (
    "Found: the share of the tries in which it names the truth exactly. Guessing: who has nothing "
    "but what all know. Bare: the same attack without the wall that stands against it. Hidden: yes "
    "where it finds no more than guessing, but for luck (three standard deviations); guessed where "
    "guessing is right every other time or more, so that there is little to hide; no where it "
    "finds nine of ten, or is told; few tries where there are fewer than ten to judge by, unless "
    "it is no; partly where it finds more than guessing."
)
_LUCK = 3
"""Standard deviations by which what is found by guessing alone may be above its mean."""
_FEW = 10
TOLD = "not hidden"
"""How the note of an attack begins that finds what it is told anyway."""


def leakage_groups(facts: Facts) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Return each viewer with a row for each of its attacks, in the order of `COLUMNS`."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for each in facts["leakage"]:
        shares = (_part(each[key]) for key in ("success", "guessing", "control"))
        row = (each["attack"], each["sought"], hidden(each), number(each["tries"]), *shares)
        groups.setdefault(each["viewer"], []).append(row)
    return list(groups.items())


def hidden(leak: dict[str, Any]) -> str:
    """Return whether something was hidden from an attack, in a word (`MEANING`)."""
    found, guessed, tries = leak["success"], leak["guessing"], leak["tries"]
    luck = _LUCK * (guessed * (1 - guessed) / tries) ** 0.5
    if leak["note"].startswith(TOLD) or (found >= 0.9 and found > guessed + luck):
        return "no"
    if tries < _FEW:
        return "few tries"
    if guessed >= 0.5 and found <= guessed + luck:
        return "guessed"
    return "yes" if found <= guessed + luck else "partly"


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
            " all to read."
        )


def _notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    for each in rows:
        if each["note"] and each["note"] != TOLD:
            yield f"{each['viewer'].capitalize()}, {each['attack']}: {each['note']}."
