"""A `fabmarket sweep` in its own process that gets a signal after some rows, however fast it is."""

import sys

_PROGRAM = """
import os, sys
from fabmarket.cli import sweep
put, lines = sweep._put, iter(range(10**9))
def counting(*row):
    if next(lines) == 1 + {rows}:
        os.kill(os.getpid(), {number})
    put(*row)
sweep._put = counting
sys.argv[0] = "fabmarket"
from fabmarket.cli.main import main
main()
"""


def stopped_sweep(number: int, rows: int, *arguments: str) -> list[str]:
    """The command line of a sweep of game.csv; the signal comes once so many rows are on disk."""
    program = _PROGRAM.format(rows=rows, number=int(number))
    return [sys.executable, "-c", program, "sweep", "game.csv", *arguments]
