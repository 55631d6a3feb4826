"""Trades that chains settle, beside plain ERC-20 transfers on the same chain in the same run.

    python benchmarks/chain.py [--quick] [--engine NAME ...] [--json]

Engines are the embedded chain, anvil, and a network of four validators on this machine, which is
made, started and removed again. Modes are one by one (`settle`), batches of 100 trades of distinct
pairs and of one pair (`settleBatch`), and net (`settleNet`: 100 accounts, 500 trades). Everything
is signed before the clock starts, transfers too; both are sent at once, in JSON-RPC batches and by
many accounts, and fill blocks. Each mode takes turns with transfers, several times: the rates are
medians, `ratio` is the median of the ratios of turns, and ranges are the least and the most.

`trades_per_s` and `transfers_per_s`: from the first sending until all stand in blocks.
`finality_s`: from the sending of one transaction on an idle chain until its receipt is there. On
the network a block that exists is final; the other two engines make blocks at once, and nobody else
vouches for them. `fill` is how much of a block's gas is used, of the blocks between the first and
the last; `bound` is "gas" where these are full and come as often as empty ones, else "processor".

Of the network also: seconds of an empty block, bytes that a validator keeps of one, and of a trade
or transfer (all of its data but the write-ahead log, which ends at a gigabyte; the median of turns,
null where the disk did not grow, as its databases tidy late), its memory before and after the load,
how often one client gets its newest block, and `finality_s` of a single trade while one of the four
is killed. Empty blocks are watched before anything is founded.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loads import DISTINCT, MODES, NET, SAME, SINGLE, TRANSFERS, Market
from rich.console import Console
from rich.table import Table
from settling import BLOCK_GAS, Chain, Embedded, Failed, Nodes, Took

from fabmarket.chain import Settings, open_engine
from fabmarket.local.network.files import Place
from fabmarket.local.network.founding import Plan, init
from fabmarket.local.network.program import NotBuilt
from fabmarket.local.network.running import down, up
from fabmarket.local.network.state import status

ENGINES = ("embedded", "anvil", "network")
TARGETS = {DISTINCT: 1.0, SAME: 2.0, NET: 5.0}
COUNTS = {
    "embedded": dict(zip((TRANSFERS, *MODES), (400, 150, 2, 2, 2), strict=True)),
    "anvil": dict(zip((TRANSFERS, *MODES), (3_400, 2_100, 36, 64, 68), strict=True)),
    "network": dict(zip((TRANSFERS, *MODES), (1_500, 900, 18, 32, 34), strict=True)),
}
"""Transactions of a turn."""
FULL, KEPT_UP = 0.9, 1.5
"""A block is full from this share on, and comes as often as empty ones up to this many times."""
FEW = 10
"""Blocks after a start that are not counted, and that are watched once one validator is killed."""
READING = 3.0
"""Seconds in which a validator is asked for its newest block."""


@dataclass(frozen=True)
class Size:
    """How much is measured; `share` of the counts, and so many `empty` blocks."""

    pairs: int
    turns: int
    alone: int
    share: float
    empty: int


WHOLE, QUICK = Size(100, 3, 5, 1.0, 200), Size(20, 1, 2, 0.25, 50)


class Measuring:
    """One engine's chain, and what is measured on it."""

    def __init__(self, name: str, chain: Chain, size: Size) -> None:
        self.name, self.chain, self.size = name, chain, size
        self.pace = 0.0
        """Seconds of an empty block where they come by themselves."""
        self.kept: Callable[[], int] = lambda: 0
        """How many bytes a validator keeps at the moment."""
        self.bytes: defaultdict[str, list[float]] = defaultdict(list)
        """How many a validator has kept of a trade, by kind and turn."""
        _tell(f"{name}: founding a market")
        self.market = Market(chain.engine, lambda lines: chain.settle(lines).contract, size.pairs)

    def rows(self) -> list[dict[str, Any]]:
        return [self._row(mode) for mode in MODES]

    def alone(self, mode: str) -> list[float]:
        """Return for single transactions of a mode how long their receipts take."""
        return [self._settled(mode, 1).until_receipts for _ in range(self.size.alone)]

    def _settled(self, kind: str, count: int) -> Took:
        lines, trades = self.market.load(kind, count), count * self.market.trades(kind)
        took = self.chain.settle(lines)
        if self.market.settled(kind, took.logs) != trades:
            raise Failed(f"{kind}: other than {trades} trades have settled")
        return took

    def _row(self, mode: str) -> dict[str, Any]:
        turns, rates = self.size.turns, defaultdict(list)
        took: list[Took] = []
        for turn in range(turns):
            _tell(f"{self.name}: {mode}, turn {turn + 1} of {turns}")
            for kind in (TRANSFERS, mode):
                took.append(self._turn(kind, rates[kind]))
        ratios = [ours / plain for ours, plain in zip(rates[mode], rates[TRANSFERS], strict=True)]
        ratio, target = statistics.median(ratios), TARGETS.get(mode)
        blocks = [block for each in took[1::2] for block in each.blocks[1:-1]]
        fill = statistics.mean(gas for _, gas in blocks) / BLOCK_GAS if blocks else None
        seconds = statistics.median(each.seconds / len(each.blocks) for each in took[1::2])
        is_full = fill is not None and fill >= FULL and seconds <= KEPT_UP * self.pace
        return {
            "engine": self.name,
            "mode": mode,
            "trades_per_s": round(statistics.median(rates[mode])),
            "trades_per_s_range": _range(rates[mode], 0),
            "transfers_per_s": round(statistics.median(rates[TRANSFERS])),
            "transfers_per_s_range": _range(rates[TRANSFERS], 0),
            "ratio": round(ratio, 2),
            "ratio_range": _range(ratios, 2),
            "target": target,
            "met": None if target is None else ratio >= target,
            "gas_a_trade": round(self._gas(mode, took[1])),
            "gas_a_transfer": round(self._gas(TRANSFERS, took[0])),
            "fill": fill and round(fill, 3),
            "block_s": round(seconds, 2),
            "bound": "gas" if is_full else "processor",
            **self._finality(mode),
        }

    def _turn(self, kind: str, rates: list[float]) -> Took:
        least = 1 if kind in (DISTINCT, SAME, NET) else self.size.pairs
        count = max(least, round(self.size.share * COUNTS[self.name][kind]))
        before = self.kept()
        took = self._settled(kind, count)
        self.bytes[kind].append((self.kept() - before) / count / self.market.trades(kind))
        rates.append(count * self.market.trades(kind) / took.seconds)
        return took

    def _gas(self, mode: str, took: Took) -> float:
        sent, gas = (sum(column) for column in zip(*took.blocks, strict=True))
        return gas / sent / self.market.trades(mode)

    def _finality(self, mode: str) -> dict[str, Any]:
        taken = self.alone(mode)
        return {
            "finality_s": round(statistics.median(taken), 3),
            "finality_s_range": _range(taken, 3),
        }


class Network:
    """Four validators on this machine, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder / "network")
        self.facts = init(self.place.root, Plan())
        self.urls = [each.url for each in self.facts.validators]

    def __enter__(self) -> "Network":
        up(self.place.root)
        return self

    def __exit__(self, *_: object) -> None:
        down(self.place.root)

    def kept(self) -> int:
        """Return the bytes that a validator keeps, a mean, without the write-ahead logs."""
        homes = [self.place.home(each.name) / "data" for each in self.facts.validators]
        files = [each for home in homes for each in home.rglob("*") if "cs.wal" not in each.parts]
        return sum(map(_size, files)) // len(homes)

    def memory(self) -> list[int]:
        """Return the resident memory of each validator, MiB."""
        found = []
        for each in status(self.place.root).validators:
            text = Path(f"/proc/{each.process}/status").read_text()
            (line,) = (one for one in text.splitlines() if one.startswith("VmRSS"))
            found.append(int(line.split()[1]) // 1024)
        return found

    def kill_last(self) -> None:
        """End the last validator as a power cut would."""
        process = status(self.place.root).validators[-1].process
        if process is not None:
            os.kill(process, signal.SIGKILL)


def on_network(size: Size) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Measure the network. Raises NotBuilt."""
    with tempfile.TemporaryDirectory() as folder:
        _tell("network: making and starting it")
        with Network(Path(folder)) as network, over(network.urls) as chain:
            chain.pace(FEW)
            _tell(f"network: {size.empty} empty blocks")
            memory, before, began = network.memory(), network.kept(), chain.head()
            pace = chain.pace(size.empty)
            empty = (network.kept() - before) / (chain.head() - began)
            measuring = Measuring("network", chain, size)
            measuring.kept, measuring.pace = network.kept, pace
            rows = measuring.rows()
            facts: dict[str, Any] = {
                "validators": len(network.urls),
                "block_s": round(pace, 2),
                "bytes_an_empty_block": grown([empty]),
                "reads_per_s": round(chain.reads(READING)),
                "bytes_a_trade": {kind: grown(each) for kind, each in measuring.bytes.items()},
                "memory_mib_before": memory,
                "memory_mib": network.memory(),
            }
            _tell("network: one of four is killed")
            network.kill_last()
            with over(network.urls[:-1]) as fewer:
                facts["block_s_one_killed"] = round(fewer.pace(FEW), 2)
                measuring.chain = fewer
                alone = measuring.alone(SINGLE)
            facts["finality_s_one_killed"] = round(statistics.median(alone), 3)
            facts["finality_s_one_killed_range"] = _range(alone, 3)
            return rows, facts


def grown(sizes: Sequence[float]) -> int | None:
    """Return the median of what a disk has grown by; None where it has not, as it was tidied."""
    size = round(statistics.median(sizes))
    return size if size > 0 else None


@contextmanager
def over(urls: Sequence[str]) -> Iterator[Nodes]:
    with open_engine(",".join(urls), Settings()) as engine:
        yield Nodes(engine, list(urls))


def measure(name: str, size: Size) -> list[dict[str, Any]]:
    """Measure an engine that makes blocks when it is asked to."""
    if name == "embedded":
        return Measuring(name, Embedded(), size).rows()
    with open_engine(name, Settings()) as engine:
        url = str(getattr(engine, "url"))  # noqa: B009 (only a node has one)
        return Measuring(name, Nodes(engine, [url], is_asked=True), size).rows()


def measure_all(engines: Sequence[str], size: Size) -> dict[str, Any]:
    began = time.monotonic()
    facts: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        "load": {},
        "turns": size.turns,
        "pairs": size.pairs,
    }
    rows: list[dict[str, Any]] = []
    for name in engines:
        before = os.getloadavg()[0]
        if name == "network":
            try:
                more, facts["network"] = on_network(size)
            except NotBuilt as error:
                facts["skipped"] = f"network: {error}"
                _tell(f"skipped: {facts['skipped']}")
                continue
        else:
            more = measure(name, size)
        rows += more
        facts["load"][name] = [round(before, 1), round(os.getloadavg()[0], 1)]
    return {**facts, "seconds": round(time.monotonic() - began), "rows": rows}


def _size(file: Path) -> int:
    try:
        return file.stat().st_size if file.is_file() else 0
    except FileNotFoundError:  # compacted away meanwhile
        return 0


def _range(values: Sequence[float], digits: int) -> list[float]:
    return [round(each, digits or None) for each in (min(values), max(values))]


def _tell(what: str) -> None:
    print(what, file=sys.stderr)


def show(facts: dict[str, Any]) -> None:
    names = ("engine", "mode", "trades/s", "transfers/s", "ratio", "target", "finality s", "bound")
    load = ", ".join(f"{name} {a} to {b}" for name, (a, b) in facts["load"].items())
    table = Table(*names, title=f"{facts['machine']}, Python {facts['python']}, load: {load}")
    for row in facts["rows"]:
        rates = (_with_range(row, name, ",") for name in ("trades_per_s", "transfers_per_s"))
        ratio = _with_range(row, "ratio", "")
        target = "" if row["target"] is None else f"{row['target']:g}"
        verdict = "" if row["met"] is None else (" met" if row["met"] else " missed")
        alone = _with_range(row, "finality_s", "")
        table.add_row(
            row["engine"], row["mode"], *rates, ratio, target + verdict, alone, row["bound"]
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    for name, value in facts.get("network", {}).items():
        print(f"{name:<28} {value}")
    if "skipped" in facts:
        print(f"skipped: {facts['skipped']}")


def _with_range(row: dict[str, Any], name: str, form: str) -> str:
    least, most = row[f"{name}_range"]
    return f"{row[name]:{form}} ({least:{form}}–{most:{form}})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one turn, small batches")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="only this one")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    facts = measure_all(args.engine or ENGINES, QUICK if args.quick else WHOLE)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # who reads may have enough, as `head` has
    if args.json:
        print(json.dumps(facts, indent=2))
        return
    show(facts)


if __name__ == "__main__":
    main()
