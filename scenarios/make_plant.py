"""Writes plant.toml: `python scenarios/make_plant.py > scenarios/plant.toml`.

Five machines for two working weeks of two shifts a day, and 40 orders of 3 to 8 steps. Everything
is made up: each number is drawn by hashing, from the ranges below, so that the file is the same
wherever it is written.
"""

from fabmarket.scenario import draw

SEED = 2
ORDERS = 40
WEEKDAYS = (0, 1, 2, 3, 4, 7, 8, 9, 10, 11)
"""Two weeks from a Monday, of 14 days."""
A_DAY = 6
"""Slots of four hours: four half-shifts, and the night."""
SHIFTS = 4
MINUTES = 240
LAST = WEEKDAYS[-1] * A_DAY + SHIFTS - 1

MACHINES = {
    "lathe-1": "0.70",
    "lathe-2": "0.95",
    "mill": "1.10",
    "grinder": "0.90",
    "furnace": "0.55",
}
"""The least price of a minute, EUR."""

STEPS = (
    ("turn", {"lathe-1": (80, 230), "lathe-2": (60, 180)}),
    ("mill", {"mill": (80, 220)}),
    ("drill", {"mill": (40, 110), "lathe-2": (50, 140)}),
    ("harden", {"furnace": (80, 180)}),
    ("temper", {"furnace": (50, 110)}),
    ("hard-turn", {"lathe-2": (60, 150)}),
    ("grind", {"grinder": (80, 220)}),
    ("hone", {"grinder": (40, 120)}),
)
"""What may be done, in this order, and the minutes that each machine takes for it."""

HEAD = """# A plant for two weeks: five machines, 40 orders of 3 to 8 steps with due dates, and a
# mill that breaks down on day four. Trades go into escrow: what is not delivered is refunded.
# Written by make_plant.py, which says how; docs/tutorial/plan-a-plant.md explains it.

title = "Two weeks of a plant"
description = "40 orders on five machines, two shifts a day; the mill breaks down on day four."
source = "Made up for this project by scenarios/make_plant.py."

slot_length = 14400  # four hours: half a shift; slots 0 to 3 are Monday's, 4 and 5 its night

[currency]
symbol = "EUR"
decimals = 2

[delivery]  # seconds, and basis points of the payment or of the bond
deliver_within = 14400
dispute_within = 43200
decide_within = 216000
late_share = 0
silence_share = 10000
undecided_share = 5000
bond_share = 1000
late_penalty = 10000
exit_penalty = 5000

# The mill stands from Thursday's second half-shift to Friday's last, and says so when it stops.
[[breakdowns]]
supplier = "owner of mill"
first = 19
last = 27
"""


def calendar() -> str:
    """The minutes of a machine by slot, a day a line."""
    days = (day * A_DAY for day in WEEKDAYS)
    open_slots = {start + shift for start in days for shift in range(SHIFTS)}
    units = [str(MINUTES if slot in open_slots else 0) for slot in range(LAST + 1)]
    lines = (", ".join(units[start : start + A_DAY]) for start in range(0, LAST + 1, A_DAY))
    return "\n".join(f"  {line}," for line in lines)


def machine(name: str, price: str) -> str:
    """A machine and its owner."""
    return f"""
[[suppliers]]
name = "owner of {name}"
resource = "{name}"
unit = "minute"
maintenance = {price}
attested = [  # a day a line
{calendar()}
]
"""


def order(number: int) -> str:
    """An order: some of the steps, a window, and what it is worth."""
    label = f"order {number}"

    def drawn(what: str, low: int, high: int) -> int:
        return draw(SEED, f"{label}|{what}", low, high)

    by_rank = sorted(STEPS, key=lambda step: drawn(f"rank of {step[0]}", 0, 10**9))
    chosen = by_rank[: drawn("steps", 3, 8)]
    lines, minutes = [], 0
    for step, ways in STEPS:
        if (step, ways) not in chosen:
            continue
        took = {way: drawn(f"{step} on {way}", *bounds) for way, bounds in ways.items()}
        minutes += min(took.values())
        texts = (f'{{ resource = "{way}", quantity = {each} }}' for way, each in took.items())
        lines.append(f'  {{ name = "{step}", alternatives = [{", ".join(texts)}] }},')
    release = WEEKDAYS[drawn("release", 0, 6)] * A_DAY
    days = drawn("days", 1, 4)
    due = min(LAST, WEEKDAYS[min(9, WEEKDAYS.index(release // A_DAY) + days)] * A_DAY + SHIFTS - 1)
    value = minutes * drawn("cents a minute", 75, 400) // 100
    return f"""
[[demanders]]
name = "{label}"
value = {value}
release = {release}
due = {due}
last = {min(LAST, due + 4 * A_DAY)}
lateness = {value // 100}
operations = [
{chr(10).join(lines)}
]
"""


def main() -> None:
    """Print the file."""
    print(HEAD, end="")
    for name, price in MACHINES.items():
        print(machine(name, price), end="")
    for number in range(1, ORDERS + 1):
        print(order(number), end="")


if __name__ == "__main__":
    main()
