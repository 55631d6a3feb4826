"""An audit of a market with a long past, by its node alone.

    python benchmarks/audit.py [--quick] [--json]

For 10,000 and 100,000 trades (with --quick 2,000) a chain is made on an anvil of its own, as
benchmarks/long_chain.py makes it, and `fabmarket audit --json` is run on it as a process of its
own. `seconds` is how long that takes by the clock, its start and imports among it, `cpu_seconds`
its own time of the processor, `trades_per_s` trades by `seconds`, `memory_mb` the most memory it
ever had, in MiB. The audit is one thread; the node has a process and cores of its own beside it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from typing import Any

from long_chain import make
from rich.console import Console
from rich.table import Table

from fabmarket.chain import Settings, open_engine

COUNTS, QUICK = (10_000, 100_000), (2_000,)
_PROGRAM = "from fabmarket.cli.main import main; main()"


def measured(trades: int) -> dict[str, Any]:
    with open_engine("anvil", Settings()) as engine:
        chain = make(engine, trades)
        url = str(getattr(engine, "url"))  # noqa: B009 (only a node has one)
        command = [sys.executable, "-c", _PROGRAM, "audit", "--rpc", url, "--json"]
        command += ["--market", chain.exchange.address]
        began = time.monotonic()
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, stdout=said)  # noqa: S603
            _, _, used = os.wait4(process.pid, 0)
            seconds = time.monotonic() - began
            said.seek(0)
            facts = json.load(said)
    if not facts["ok"]:
        raise SystemExit(f"the audit found what it should not: {facts['first_difference']}")
    return {
        "trades": chain.trades,
        "events": facts["scope"]["events"],
        "signatures": sum(facts["scope"]["signatures"].values()),
        "compared": sum(check["compared"] for check in facts["checks"]),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "trades_per_s": round(chain.trades / seconds),
        "memory_mb": round(used.ru_maxrss / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 trades only")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = [measured(trades) for trades in (QUICK if args.quick else COUNTS)]
    facts = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "runs": 1,
        "rows": rows,
        **{name: rows[-1][name] for name in ("trades_per_s", "seconds", "memory_mb")},
    }
    if args.json:
        print(json.dumps(facts, indent=2))
        return
    table = Table(title=f"An audit by a node alone ({facts['machine']})")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*(f"{value:,}" for value in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
