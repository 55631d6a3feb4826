"""How long the demo takes, and how its time grows with the number of operations.

    python benchmarks/demo.py [--quick] [--large] [--json] [--engine ENGINE] [FILE ...]

Runs `fabmarket demo --fjsp FILE --json` as a whole process, once for each job-shop instance (all of
scenarios/fjsp by default, three of them with --quick), one after the other. Seconds are wall-clock
of the whole process, interpreter start included, and `cpu_seconds` what it used of the processor,
which depends less on what else the machine does. --large adds made-up instances of 480, 960 and
1,920 operations (12 a job, half as many machines as jobs, 1 to 4 alternatives of 5 to 20 minutes).
The exponent is the slope of log(cpu_seconds) over log(operations), by least squares, over the
instances with at least 50 operations.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from fabmarket.scenario import draw

ROOT = Path(__file__).parents[1]
PROGRAM = str(Path(sys.executable).with_name("fabmarket"))
QUICK = ("k1", "mk01", "mk03")


def made_up(jobs: int, folder: Path) -> Path:
    """Write a job-shop instance with 12 operations a job; the same one every time."""
    machines = jobs // 2
    lines = [f"{jobs} {machines}"]
    for job in range(jobs):
        words = ["12"]
        for operation in range(12):
            label = f"{jobs} {job} {operation}"
            count = draw(1, f"{label} count", 1, 4)
            first = draw(1, f"{label} first", 0, machines - 1)
            words.append(str(count))
            for way in range(count):
                words.append(str((first + 7 * way) % machines))
                words.append(str(draw(1, f"{label} time {way}", 5, 20)))
        lines.append(" ".join(words))
    path = folder / f"made-up-{12 * jobs}.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def measure(path: Path, engine: str) -> dict[str, object]:
    started, used = time.perf_counter(), processor()
    command = [PROGRAM, "demo", "--fjsp", str(path), "--json"]
    done = subprocess.run([*command, "--engine", engine], capture_output=True, check=True)  # noqa: S603
    seconds = time.perf_counter() - started
    facts = json.loads(done.stdout)
    return {
        "instance": path.stem,
        "operations": facts["subtasks"],
        "products": len(facts["products"]),
        "complete": sum(each["complete"] for each in facts["products"]),
        "trades": len(facts["trades"]),
        "messages": facts["messages"]["delivered"],
        "transactions": sum(kind["count"] for kind in facts["gas"].values()),
        "audit": facts["audit"]["ok"],
        "seconds": round(seconds, 2),
        "cpu_seconds": round(processor() - used, 2),
    }


def processor() -> float:
    """Return the seconds of a processor that ended processes of ours have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def exponent(rows: list[dict[str, object]]) -> float | None:
    """Return how time grows: cpu_seconds ~ operations ** exponent."""
    large = [row for row in rows if float(str(row["operations"])) >= 50]
    if len(large) < 2:
        return None
    x = np.log([float(str(row["operations"])) for row in large])
    y = np.log([float(str(row["cpu_seconds"])) for row in large])
    return round(float(np.polyfit(x, y, 1)[0]), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--quick", action="store_true", help="only k1, mk01 and mk03")
    parser.add_argument("--large", action="store_true", help="add made-up larger ones")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--engine", default="embedded")
    args = parser.parse_args()
    files = args.files or sorted((ROOT / "scenarios" / "fjsp").glob("*.txt"))
    if args.quick:
        files = [path for path in files if path.stem in QUICK]
    with tempfile.TemporaryDirectory() as folder:
        if args.large:
            files = [*files, *(made_up(jobs, Path(folder)) for jobs in (40, 80, 160))]
        report(args, measure_all(files, args.engine))


def measure_all(files: list[Path], engine: str) -> list[dict[str, object]]:
    rows = []
    for number, path in enumerate(files, start=1):
        print(f"{number}/{len(files)} {path.stem}", file=sys.stderr)
        rows.append(measure(path, engine))
    return sorted(rows, key=lambda row: int(str(row["operations"])))


def report(args: argparse.Namespace, rows: list[dict[str, object]]) -> None:
    about = {
        "engine": args.engine,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        "exponent": exponent(rows),
    }
    if args.json:
        print(json.dumps({**about, "rows": rows}, indent=2))
        return
    table = Table(*rows[0].keys(), title=", ".join(f"{k}: {v}" for k, v in about.items()))
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
