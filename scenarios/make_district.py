"""Writes district.toml: `python scenarios/make_district.py > scenarios/district.toml`.

Four workshops sell two half-weeks by the clock, and 30 firms want hours of two or three of these:
a market in which there is somebody to hide among. Everything is made up: each number is drawn by
hashing, from the ranges below, so that the file is the same wherever it is written.
"""

from fabmarket.scenario import draw

SEED = 1
FIRMS = 30
SLOTS = 2
WORKSHOPS = {"turning": 10, "milling": 14, "grinding": 12, "welding": 9}
"""The least price of an hour, EUR."""
HOURS = 260
"""Of a workshop in a slot: about two thirds of what is wanted."""

HEAD = """# A district: 30 firms want hours of four workshops in two half-weeks; there are too few.
# Prices are found by the clock, in units. Run it with --private to see who learns what.
# Written by make_district.py, which says how.

title = "A district of workshops"
description = "30 firms want hours of four workshops in two half-weeks, sold by the clock."
source = "Made up for this project by scenarios/make_district.py."

concept = "clock"
negotiation = "session"
slot_length = 302400

[currency]
symbol = "EUR"
decimals = 2
"""


def workshop(name: str, price: int) -> str:
    """A workshop and its hours."""
    return f"""
[[suppliers]]
name = "workshop for {name}"
resource = "{name}"
unit = "hour"
lots = false
maintenance = {price}
attested = [{", ".join([str(HOURS)] * SLOTS)}]
"""


def firm(number: int) -> str:
    """A firm: two or three sub-tasks, each in one slot on one kind of machine."""
    label = f"firm {number}"

    def drawn(what: str, low: int, high: int) -> int:
        return draw(SEED, f"{label}|{what}", low, high)

    places = [(name, slot) for name in WORKSHOPS for slot in range(SLOTS)]
    by_rank = sorted(places, key=lambda place: drawn(f"rank of {place}", 0, 10**9))
    tasks = []
    for name, slot in by_rank[: drawn("tasks", 2, 3)]:
        hours = drawn(f"hours of {name} in {slot}", 15, 60)
        cents = 100 * WORKSHOPS[name] + drawn(f"worth of {name} in {slot}", 200, 6_000)
        way = f'resource = "{name}", quantity = {hours}, benefit = {cents / 100:.2f}, cost = 0'
        tasks.append(f"""
[[demanders.sub_tasks]]
name = "{name}, half-week {slot + 1}"
slot = {slot}
divisible = true
alternatives = [{{ {way} }}]
""")
    return f"""
[[demanders]]
name = "{label}"
{"".join(tasks)}"""


def main() -> None:
    """Print the file."""
    print(HEAD, end="")
    for name, price in WORKSHOPS.items():
        print(workshop(name, price), end="")
    for number in range(1, FIRMS + 1):
        print(firm(number), end="")


if __name__ == "__main__":
    main()
