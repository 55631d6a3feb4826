"""From what benchmarks/chain.py measured to a thousand consortia and a million demanders.

    python benchmarks/scale.py [--figures FILE] [--json]

Arithmetic and a queue over measured figures: those of a network in FILE, which
`benchmarks/chain.py --json` wrote, or else those that stand below. Everything that nobody has
measured is among the assumptions, which are printed. The rest is extrapolated. What rests on a
figure that a run could not measure is unknown, in JSON null.

`limits`: what one chain, supplier, ledger or audit carries, and how many demanders that makes.
`netting`: gas of a trade by how long a cycle is. `layouts`: how the market may be split, with the
load of the largest part in the busiest hour; by mode how busy its chain is, what 99 % of trades
wait for their block at most (nothing where the queue only grows), and gigabytes that a validator
keeps of a year; and `whole`, the share of products that find all of their operations on one chain,
without which they cannot be bought as a whole.
"""

import argparse
import json
import math
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng

HOUR, DAY, YEAR = 3_600, 86_400, 365 * 86_400
CYCLES = 1, 4, 8, 24  # hours; then a supplier's nonces would not last
SEED = 1
MODES = ("one by one", "batches of distinct pairs", "batches of one pair", "net")


@dataclass(frozen=True)
class Measured:
    """Figures of a chain of four validators and of agents, and the benchmarks they come from."""

    trades_per_s: tuple[float, ...] = (225, 870, 1_157, 8_607)  # chain.py, by mode
    gas_a_trade: tuple[float, ...] = (55_758, 31_931, 17_689, 3_269)  # chain.py, by mode
    bytes_a_trade: tuple[float | None, ...] = (4_789, 1_747, 843, 34)  # the most of three runs
    bytes_an_empty_block: float | None = 5_878  # chain.py
    block_s: float = 0.49  # chain.py, of an empty block
    memory_mib: float = 347  # chain.py, of a validator
    reads_per_s: float = 437  # chain.py, newest blocks told by one validator
    gas_an_account: float = 16_310  # gas.py, in a net cycle
    events_per_s: float = 13_321  # ledger.py, followed into SQLite
    audited_per_s: float = 1_861  # audit.py, trades
    letters_per_s: float = 715  # messages.py, the least of thirteen runs
    letters_a_trade: float = 29  # session.py, 14 rounds of 2.07, both ways
    member_cpu_s: float = 0.019  # session.py, of 200 members, each checking keys


@dataclass(frozen=True)
class Assumed:
    """What nobody has measured."""

    demanders: int = 1_000_000
    regions: int = 20
    resources: int = 50
    zipf: float = 1.0  # the k-th region or resource is 1/k^zipf as large as the first
    trades_a_day: float = 4.0  # of a demander
    busiest_hour: float = 0.2  # of a day's trades
    demanders_a_supplier: int = 20
    operations: int = 4  # of a product
    at_home: float = 0.95  # of operations are bought in the product's own region
    poll_s: float = 1.0  # between an agent's looks at the chain, as agents are set up
    block_gas: int = 30_000_000
    disk: float = 1e12  # bytes of a validator
    validators: int = 4


def measured(file: Path | None) -> Measured:
    """Return the figures of a run of chain.py, or those that stand here."""
    if file is None:
        return Measured()
    facts = json.loads(file.read_text("utf-8"))
    rows = {row["mode"]: row for row in facts["rows"] if row["engine"] == "network"}
    if not rows:
        raise SystemExit(f"{file} has no rows of a network; see its line `skipped`")
    network = facts["network"]
    found: dict[str, Any] = {
        name: tuple(rows[mode][name] for mode in MODES) for name in ("trades_per_s", "gas_a_trade")
    }
    found |= {name: network[name] for name in ("block_s", "bytes_an_empty_block", "reads_per_s")}
    found["bytes_a_trade"] = tuple(network["bytes_a_trade"][mode] for mode in MODES)
    found["memory_mib"] = max(network["memory_mib"])
    for name, value in found.items():
        for each in value if isinstance(value, tuple) else (value,):
            _require_figure(file, name, each)
    return Measured(**found)


def _require_figure(file: Path, name: str, value: Any) -> None:
    """End with a line that names the figure unless it can be one; bytes may be unknown."""
    if value is None and name.startswith("bytes"):
        return
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise SystemExit(
            f"{file}: {name} is {value}, which no chain has; measure again with benchmarks/chain.py"
        )


def _free(figures: Measured, given: Assumed) -> float | None:
    """Return what a year of empty blocks leaves of a disk."""
    blocks = _blocks(figures)
    return None if blocks is None else max(0.0, given.disk - blocks)


def _blocks(figures: Measured) -> float | None:
    """Return the bytes of a year of empty blocks."""
    each = figures.bytes_an_empty_block
    return None if each is None else YEAR / figures.block_s * each


def limits(figures: Measured, given: Assumed) -> list[dict[str, Any]]:
    """Return what saturates: of the chain, the first first, then what is unknown; then the rest."""
    peak = given.trades_a_day * given.busiest_hour / HOUR
    free = _free(figures, given)
    rows: list[tuple[str, str, float | None, float | None]] = [
        ("supplier", "processor: members in sessions", 1 / figures.member_cpu_s, peak),
        ("supplier", "door: letters", figures.letters_per_s, peak * figures.letters_a_trade / 2),
        ("chain", "doors: heads", figures.reads_per_s * given.validators, 1 / given.poll_s),
        ("ledger", "events", figures.events_per_s, peak),
        ("audit", "trades of a day in a day", figures.audited_per_s, given.trades_a_day / DAY),
    ]
    for at, mode in enumerate(MODES):
        gas = given.block_gas / figures.block_s / figures.gas_a_trade[at]
        size = figures.bytes_a_trade[at]
        a_year = None if size is None else given.trades_a_day * 365 * size
        rows += [
            ("chain", f"processor: trades, {mode}", figures.trades_per_s[at], peak),
            ("chain", f"block gas: trades, {mode}", gas, peak),
            ("chain", f"disk: bytes of a year, {mode}", free, a_year),
        ]
    made = [
        {"of": who, "limit": name, "carries": rate, "demanders": _carried(rate, load)}
        for who, name, rate, load in rows
    ]
    last = math.inf
    return sorted(
        made,
        key=lambda row: (
            row["of"] != "chain",
            last if row["demanders"] is None else row["demanders"],
        ),
    )


def _carried(rate: float | None, load: float | None) -> int | None:
    """Return for how many demanders that is enough."""
    if rate == 0:
        return 0
    return None if rate is None or load is None else int(rate / load)


def netting(figures: Measured, given: Assumed) -> list[dict[str, Any]]:
    """Return what a trade of a net cycle costs, by the cycle's length."""
    rows = []
    for hours in CYCLES:
        trades = given.trades_a_day * hours / 24
        accounts = 1 - math.exp(-trades) + 1 / given.demanders_a_supplier  # for each demander
        gas = figures.gas_an_account * accounts / trades
        share = round(gas / figures.gas_a_trade[0], 2)
        row = {"hours": hours, "trades_an_account": round(trades / accounts, 2)}
        rows.append(row | {"gas_a_trade": round(gas), "of_one_by_one": share})
    return rows


def layouts(figures: Measured, given: Assumed, chance: Generator) -> list[dict[str, Any]]:
    """Return how splits of the market do in the busiest hour."""
    sizes = (1 / np.arange(1, each + 1) ** given.zipf for each in (given.regions, given.resources))
    regions, resources = ((each / each.sum()).tolist() for each in sizes)
    total = given.demanders * given.trades_a_day * given.busiest_hour / HOUR
    splits = {
        "one chain": (1, 1.0),
        "region": (given.regions, max(regions)),
        "resource": (given.resources, max(resources)),
        "region and resource": (given.regions * given.resources, max(regions) * max(resources)),
    }
    blocks = _blocks(figures)
    rows = []
    for name, (chains, largest) in splits.items():
        trades = given.demanders * largest * given.trades_a_day * 365
        row: dict[str, Any] = {
            "split_by": name,
            "chains": chains,
            "whole": round(_whole(given, regions, resources, name), 4),
            "trades_per_s": round(total * largest, 1),
            "validators_gib": round(chains * given.validators * figures.memory_mib / 1024, 1),
        }
        for mode, rate, size in zip(
            MODES, figures.trades_per_s, figures.bytes_a_trade, strict=True
        ):
            row[mode] = {
                "busy": round(total * largest / rate, 3),
                "wait_99_s": _wait(total * largest, rate, figures.block_s, chance),
                "disk_gb_a_year": None
                if size is None or blocks is None
                else round((trades * size + blocks) / 1e9),
            }
        rows.append(row)
    return rows


def _wait(load: float, rate: float, block_s: float, chance: Generator) -> float | None:
    """Return what 99 % of the hour's trades wait at most for their block, in order of arrival.

    None where more comes than goes.
    """
    if load >= rate:
        return None
    waiting, waits = 0.0, []
    for arrived in chance.poisson(load * block_s, int(HOUR / block_s)):
        waiting = max(0.0, waiting + arrived - rate * block_s)
        waits.append(block_s + waiting / rate)
    return round(float(np.quantile(waits, 0.99)), 2)


def _whole(given: Assumed, regions: Any, resources: Any, split: str) -> float:
    """Return the chance that all operations of a product lie on one chain."""
    away = (1 - np.eye(given.regions)) * np.array(regions)  # a column for each other region
    elsewhere = away / away.sum(axis=1, keepdims=True)
    lands = given.at_home * np.eye(given.regions) + (1 - given.at_home) * elsewhere
    near = float(np.dot(regions, (lands**given.operations).sum(axis=1)))
    alike = sum(each**given.operations for each in resources)
    return (near if "region" in split else 1.0) * (alike if "resource" in split else 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figures", type=Path, help="what chain.py --json wrote")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # who reads may have enough, as `head` has
    figures, given = measured(args.figures), Assumed()
    about = {"measured": asdict(figures), "assumed": asdict(given)}
    tables = {"limits": limits(figures, given), "netting": netting(figures, given)}
    tables["layouts"] = layouts(figures, given, default_rng(SEED))
    if args.json:
        print(json.dumps(about | tables, indent=2))
        return
    for name, values in about.items():
        print(f"{name}: {_said(values)}")
    for made in (limit_table, netting_table, layout_table):
        print()
        for line in made(tables):
            print(line)


def limit_table(tables: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a Markdown table of `limits`."""
    yield from _head("of", "limit", "carries", "demanders")
    for row in tables["limits"]:
        carries, demanders = _or_unknown(row["carries"]), _or_unknown(row["demanders"])
        shown = "nothing: empty blocks fill it" if row["carries"] == 0 else carries
        yield f"| {row['of']} | {row['limit']} | {shown} | {demanders} |"


def netting_table(tables: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a Markdown table of `netting`."""
    yield from _head("hours", "trades an account", "gas a trade", "of one by one")
    for row in tables["netting"]:
        share = f"{100 * row['of_one_by_one']:.0f} %"
        yield f"| {row['hours']} | {row['trades_an_account']} | {row['gas_a_trade']:,} | {share} |"


def layout_table(tables: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a Markdown table of `layouts`, without the batches of one pair."""
    names = ("split by", "chains", "products whole", "trades/s", "memory, GiB")
    yield from _head(*names, "one by one", "batches", "net")
    for row in tables["layouts"]:
        cells = [row["split_by"], f"{row['chains']:,}", f"{100 * row['whole']:.1f} %"]
        cells += [str(row["trades_per_s"]), f"{row['validators_gib']:,}"]
        for mode in (MODES[0], MODES[1], MODES[3]):
            part = row[mode]
            wait = "never" if part["wait_99_s"] is None else f"{part['wait_99_s']} s"
            disk = part["disk_gb_a_year"]
            kept = "disk unknown" if disk is None else f"{disk:,} GB"
            cells.append(f"{100 * part['busy']:,.0f} %, {wait}, {kept}")
        yield f"| {' | '.join(cells)} |"


def _head(*names: str) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"| {' | '.join('---' for _ in names)} |"


def _said(values: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in values.items())


def _or_unknown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}"


def _number(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, tuple):
        return " / ".join(map(_number, value))
    return f"{value:,.0f}" if value >= 1000 else str(value)


if __name__ == "__main__":
    main()
