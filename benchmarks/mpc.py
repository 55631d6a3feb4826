"""What three servers take to find a price of which they open nothing but signs, by members.

    python benchmarks/mpc.py [--json]

Needs the extra `mpc`. Margins are 0 to 400 in steps of 0.01, every second member has a cap, and the
rule is that of a balanced market. `seconds` are from nothing to the price, the start of the three
processes and the members' sharing of their answers among it, and `cpu_seconds` what all processes
use of the processor meanwhile: medians of five runs. `bytes` are those that the three servers send
each other.
"""

import argparse
import json
import os
import platform
import random
import time
from fractions import Fraction
from math import inf
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from fabmarket.game import PriceRule
from fabmarket.secret.market import PROBES, Market
from fabmarket.secret.searching import find_price

SIZES = (3, 30, 200, 1000)
RUNS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    asked = parser.parse_args()
    rows = [row(members) for members in SIZES]
    if asked.json:
        print(json.dumps(rows, indent=2))
        return
    where = f"{platform.python_version()}, {os.cpu_count()} cores"
    table = Table(*rows[0], title=f"{PROBES} probes; Python {where}", title_justify="left")
    for one in rows:
        table.add_row(*map(str, one.values()))
    Console().print(table)


def row(members: int) -> dict[str, Any]:
    draw = random.Random(members)  # noqa: S311 (a made-up market, no secret)
    rule = PriceRule("balanced", Fraction(2), Fraction(1), 10, 10 * members)
    market = Market(rule, Fraction(1, 1000))
    lines = [
        market.line(
            Fraction(draw.randrange(40_000), 100),
            inf if at % 2 else Fraction(draw.randrange(1, 40)),
        )
        for at in range(members)
    ]
    seconds, cpu = [], []
    for _ in range(RUNS):
        began, used = time.perf_counter(), sum(os.times()[:4])
        found = find_price(market, lines)
        seconds.append(time.perf_counter() - began)
        cpu.append(sum(os.times()[:4]) - used)
        if found.index != market.index_of(market.open_price(lines)):
            raise SystemExit(f"{members} members: not the price of those who see all lines")
    return {
        "members": members,
        "price": float(market.price(found.index)),
        "seconds": round(median(seconds), 2),
        "cpu_seconds": round(median(cpu), 2),
        "bytes": sum(found.sent),
    }


if __name__ == "__main__":
    main()
