"""Tables on a narrow terminal."""

import io

import pytest
from rich import box
from rich.console import Console
from rich.table import Table

from fabmarket.cli.terminal import table
from fabmarket.report.terminal import show

COLUMNS = ("Trade", "As", "State", "Units used", "Payment", "Next deadline", "You can", "Split")
ROW = ("0x198c012345", "supplier", "delivered", "0 of 10", "9,000", "in 11 min", "deliver", "")


@pytest.mark.parametrize("width", [20, 60, 80, 100, 200])
def test_regression_no_word_of_a_table_is_cut(width):
    """At 80 columns "deliver", the command to type, became "delive…"."""
    console = Console(file=io.StringIO(), width=width)
    show(console, table("Escrows", COLUMNS, [ROW]))
    said = console.file.getvalue()
    assert "…" not in said
    assert all(word in said for cell in (*COLUMNS, *ROW) for word in cell.split())
    assert console.width == width


@pytest.mark.parametrize("width", [20, 80, 200])
def test_regression_no_column_that_may_not_wrap_is_cut(width):
    console = Console(file=io.StringIO(), width=width)
    both = Table(box=box.SIMPLE_HEAD)
    both.add_column("Why", no_wrap=True)
    both.add_column("What the operators attested", no_wrap=True)
    both.add_column("Sent as")
    both.add_row("OverReported ✓", "nothing is above what the operators attested", "0x42f1…ae12")
    show(console, both)
    said = console.file.getvalue()
    assert all(cell in said for cell in ("OverReported ✓", "operators attested", "0x42f1…ae12"))


def test_a_wide_terminal_breaks_nothing():
    console = Console(file=io.StringIO(), width=200)
    show(console, table("Escrows", COLUMNS, [ROW]))
    lines = console.file.getvalue().splitlines()
    assert any(all(cell in line for cell in ROW) for line in lines)
