"""The summary printed when a run is done."""

import shlex
from pathlib import Path

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from fabmarket.report.leakage import COLUMNS, MEANING, leakage_groups, leakage_in_words
from fabmarket.report.reading import (
    Facts,
    People,
    by_place,
    clocks,
    done_with,
    exposed_in_words,
    gain_left,
    key_figures,
    least_cost,
    lie_left,
    lies_in_words,
    mean_price,
    not_all_sold,
    off_equilibrium,
    outcome,
    unbought,
    unserved_reasons,
    why,
)
from fabmarket.report.wording import (
    ALONE,
    COVERED,
    NOT_ALL_SOLD,
    escaped,
    money,
    number,
    plural,
    readable,
    share,
    short,
)

_ROWS = 12
_WIDEST = 10_000


def print_summary(facts: Facts, console: Console, out: Path | None = None) -> None:
    """Print the summary tables, and where the report lies if it was written to `out`."""
    for table in summary_tables(readable(facts)):
        show(console, table)
        console.print()
    notes = [*facts["scenario"]["notes"]]
    if facts["off_equilibrium"] and not facts["equilibria"]:
        notes.append(off_equilibrium(facts))
    if lies := lies_in_words(facts):
        notes.append(lies)
    if exposed := exposed_in_words(facts):
        notes.append(exposed)
    for note in (*notes, *leakage_in_words(facts)):
        console.print(Text(escaped(f"Note:   {note}")), soft_wrap=True)
    if out is not None:
        console.print(Text(escaped(f"Report: {out / 'report.html'}")), soft_wrap=True)
        browse = f"Browse: fabmarket serve {shlex.quote(str(out))}"
        console.print(Text(escaped(browse)), soft_wrap=True)


def show(console: Console, table: Table) -> None:
    """Print a table no narrower than its longest words: a narrow terminal would cut them."""
    options, width = console.options.update(width=_WIDEST), console.width
    longest = []
    for column in table.columns:
        found = [Measurement.get(console, options, text) for text in (column.header, *column.cells)]
        longest.append(max(each.maximum for each in found))
        column.width = longest[-1] if column.no_wrap else max(each.minimum for each in found)
    least = Measurement.get(console, options, table).maximum
    room = max(0, width - least)
    for column, most in zip(table.columns, longest, strict=True):
        own = column.width or 0
        column.width = min(most, own + room)
        room -= column.width - own
    console.width = max(width, least)
    console.print(table)
    console.width = width


def summary_tables(facts: Facts) -> list[Table]:
    """Headline, then verification tests, equilibria, clocks, products, machines, trades, accounts,
    reasons of the unserved, and what each viewer of a private run learned.

    What there is none of is left out. Long tables stop after 12 rows and say how many more the page
    has. Names are shown as text, never as markup.
    """
    tables = [_headline(facts)]
    if facts["verification_tests"]:
        tables.append(_verification(facts))
    if facts["equilibria"]:
        tables.append(_equilibria(facts))
    if clocks(facts):
        tables.append(_clocks(facts))
    if facts["products"]:
        tables += [_products(facts), _utilisation(facts)]
    if facts["trades"]:
        tables.append(_trades(facts))
    if facts["accounts"]:
        tables.append(_accounts(facts))
    if facts["unserved"]:
        tables.append(_unserved(facts))
    if facts["leakage"]:
        tables.append(_leakage(facts))
    return tables


def _table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Table:
    table = Table(title=Text(title, "bold"), title_justify="left", box=box.SIMPLE_HEAD)
    for column in columns:
        right = column in numbers
        table.add_column(column, justify="right" if right else "left", no_wrap=right)
    return table


def _fill(table: Table, rows: list[tuple[str | Text, ...]], *below: str) -> Table:
    """Add the rows, as many as there is room for, and what is to be said below them."""
    for row in rows[:_ROWS]:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    if len(rows) > _ROWS:
        below = (f"... and {len(rows) - _ROWS} more in report.html", *below)
    if below:
        table.caption = Text("\n".join(below), "dim")
        table.caption_justify = "left"
    return table


def _headline(facts: Facts) -> Table:
    table = Table(
        title=Text(facts["scenario"]["title"], "bold"),
        title_justify="left",
        box=None,
        show_header=False,
    )
    table.add_column()
    table.add_column()
    for what, value in key_figures(facts):
        style = ("green" if facts["audit"]["ok"] else "bold red") if what == "Audit" else ""
        table.add_row(Text(what, "dim"), Text(value, style))
    return table


def _verification(facts: Facts) -> Table:
    table = _table("Verification tests (the paper's Table 1)", "Test", "Outcome", "Why", "Sent as")
    for column in (1, 3):
        table.columns[column].no_wrap = True
    rows: list[tuple[str | Text, ...]] = []
    for test in facts["verification_tests"]:
        outcome = Text(f"{test['outcome']} ✓" if test["passed"] else f"{test['outcome']} ✗")
        outcome.stylize("green" if test["passed"] else "bold red")
        rows.append((str(test["test"]), outcome, why(test), short(test["transaction"])))
    return _fill(table, rows)


def _equilibria(facts: Facts) -> Table:
    currency = facts["scenario"]["currency"]
    numbers = (
        "Slot",
        "Price",
        "Negotiated",
        "Demand",
        "Supply",
        "Rounds",
        "Gain left",
        "Best lie",
    )
    table = _table(
        f"Equilibria: {facts['scenario']['concept']}, prices in {currency['symbol']} per unit",
        "Resource",
        *numbers,
        numbers=numbers,
    )
    rows: list[tuple[str | Text, ...]] = []
    for one in by_place(facts, "equilibria"):
        rows.append(
            (
                one["resource"],
                str(one["slot"]),
                money(one["price"], currency, symbol=False),
                money(one["negotiated_price"], currency, symbol=False),
                number(float(sum(one["demand"]))),
                number(one["supply"]),
                str(one["rounds"]),
                gain_left(one, facts),
                lie_left(one, facts),
            )
        )
    below = [off_equilibrium(facts), NOT_ALL_SOLD if not_all_sold(facts) else ""]
    return _fill(table, rows, *filter(None, below), f"Gain left: {COVERED}")


def _clocks(facts: Facts) -> Table:
    currency = facts["scenario"]["currency"]
    numbers = ("Slot", "Seats", "Wanted", "Room", "Sold", "Stopped at", "Paid", "Best lie")
    title = f"Clocks ({currency['symbol']}, prices per unit)"
    table = _table(title, "Resource", *numbers, numbers=numbers)
    rows: list[tuple[str | Text, ...]] = [
        (
            one["resource"],
            str(one["slot"]),
            number(len(one["members"])),
            number(one["rounds"][0]["sum"]),
            number(one["clock"]["room"]),
            number(sum(member["units"] for member in one["members"])),
            money(one["price"], currency, symbol=False),
            money(sum(each["payment"] for each in one["members"]), currency, symbol=False),
            lie_left(one, facts),
        )
        for one in clocks(facts)
    ]
    return _fill(table, rows)


def _products(facts: Facts) -> Table:
    currency = facts["scenario"]["currency"]
    numbers = ("Done", "Due", "Price", "Alone", "Worth")
    table = _table(
        f"Products ({currency['symbol']})",
        "Product",
        "Outcome",
        *numbers,
        numbers=numbers,
    )
    rows: list[tuple[str | Text, ...]] = []
    for one in facts["products"]:
        rows.append(
            (
                one["name"],
                Text(outcome(one), "green" if one["on_time"] else "yellow"),
                number(done_with(one)),
                str(one["due"]),
                money(one["price"], currency, symbol=False),
                least_cost(one, facts),
                money(one["value"], currency, symbol=False),
            )
        )
    reasons = (f"{who}: {reason}" for reason, who in unbought(facts).items())
    return _fill(table, rows, *reasons, ALONE)


def _utilisation(facts: Facts) -> Table:
    currency = facts["scenario"]["currency"]
    people = People(facts)
    numbers = ("Listed", "Sold", "Used", "Mean price")
    table = _table("Machines", "Resource", "Supplier", *numbers, numbers=numbers)
    rows: list[tuple[str | Text, ...]] = [
        (
            one["resource"],
            people.name(one["supplier"]),
            plural(sum(one["listed"]), one["unit"]),
            number(sum(one["sold"])),
            share(one["share"]),
            money(mean_price(one), currency),
        )
        for one in facts["utilisation"]
    ]
    return _fill(table, rows)


def _trades(facts: Facts) -> Table:
    currency = facts["scenario"]["currency"]
    people = People(facts)
    numbers = ("Slot", "Quantity", "Unit price", "Payment")
    table = _table(
        f"Trades ({currency['symbol']})",
        "Slot",
        "Resource",
        "Demander",
        "Quantity",
        "Unit price",
        "Payment",
        numbers=numbers,
    )
    rows: list[tuple[str | Text, ...]] = [
        (
            str(one["slot"]),
            one["resource"],
            people.name(one["demander"]),
            plural(one["quantity"], one["unit"]),
            money(one["unit_price"], currency, symbol=False),
            money(one["payment"], currency, symbol=False),
        )
        for one in by_place(facts, "trades")
    ]
    return _fill(table, rows)


def _accounts(facts: Facts) -> Table:
    currency = facts["scenario"]["currency"]
    people = People(facts)
    table = _table(
        f"Accounts ({currency['symbol']})",
        "Who",
        "Role",
        "Address",
        "Before",
        "After",
        "Change",
        numbers=("Before", "After", "Change"),
    )
    rows: list[tuple[str | Text, ...]] = []
    for one in facts["accounts"]:
        change = one["after"] - one["before"]
        rows.append(
            (
                people.name(one["address"]),
                one["role"],
                short(one["address"]),
                money(one["before"], currency, symbol=False),
                money(one["after"], currency, symbol=False),
                money(change, currency, symbol=False, signed=True),
            )
        )
    return _fill(table, rows)


def _unserved(facts: Facts) -> Table:
    table = _table("Unserved sub-tasks", "Reason", "Count", numbers=("Count",))
    return _fill(table, [(reason, number(count)) for reason, count in unserved_reasons(facts)])


def _leakage(facts: Facts) -> Table:
    table = _table("Who learned what in this run", *COLUMNS, numbers=COLUMNS[3:])
    for viewer, rows in leakage_groups(facts):
        table.add_row(Text(viewer, "bold"))
        for attack, sought, hidden, *numbers in rows:
            style = {"yes": "green", "no": "bold red"}.get(hidden, "yellow")
            cells = Text(f"  {attack}"), Text(sought), Text(hidden, style)
            table.add_row(*cells, *map(Text, numbers))
    table.caption, table.caption_justify = Text(MEANING, "dim"), "left"
    return table
