"""What `fabmarket serve` answers over 100,000 trades, beside a bare FastAPI route, in one run.

    python benchmarks/api.py [--quick] [--json] [--ledger FILE]

The chain of benchmarks/long_chain.py is followed into a ledger in SQLite, which a process of its
own serves, as anybody would start it, but for the rate of one client. One client on the same cores
asks for the MIX at random places over eight connections, on each for the next once it has the last
answer; nobody sends an ETag. `requests_per_s` and `p95_ms` are of all of them, `by_kind` of each
kind alone. `hello_per_s` is a route of the same FastAPI on the same uvicorn that answers
{"hello": "world"}, asked by the same client; both take turns, and `ratio` is the median of the
rounds' ratios. `cpu_ms` and `hello_cpu_ms` are the processor's time of a request in the server,
which other work on the machine does not change. `memory_mb` is the most that the server held.
--ledger takes a ledger that is there instead of making a chain, which takes minutes.
"""

import argparse
import asyncio
import json
import math
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from long_chain import make

from fabmarket.chain import Settings, open_engine
from fabmarket.ledger import Follower, Ledger
from fabmarket.local.ports import free_ports

CONNECTIONS = 8
ROUNDS, SECONDS = 5, 8.0
QUICK_ROUNDS, QUICK_SECONDS = 3, 2.0
TRADES, QUICK_TRADES = 100_000, 5_000
PROGRAM = "from fabmarket.cli.main import main; main()"
MIX = {
    "trades, newest": 20,
    "trades, a page deep inside": 15,
    "trades of an account": 15,
    "one trade": 15,
    "listings for sale": 10,
    "calendar of a day": 5,
    "escrows by state": 5,
    "one account": 5,
    "products": 2,
    "volume": 3,
    "status": 5,
}
"""Of 100 requests so many are of each kind; pages have 50 rows but for the calendar's 10."""
HELLO = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/hello")
def hello() -> dict[str, str]:
    return {"hello": "world"}
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5,000 trades and short rounds")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--ledger", type=Path, help="serve this ledger")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = args.ledger or _indexed(Path(folder), QUICK_TRADES if args.quick else TRADES)
        figures = _measured(place, args.quick)
    if args.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        if name != "by_kind":
            print(f"{name:<16} {value}")
    for name, (per_s, p95) in figures["by_kind"].items():
        print(f"  {name:<28} {per_s:>8} a second   p95 {p95:>7} ms")


def _indexed(folder: Path, trades: int) -> Path:
    """A ledger of a long chain."""
    place = folder / "ledger.sqlite"
    with open_engine("anvil", Settings()) as engine:
        chain = make(engine, trades)
        with closing(Ledger(place)) as ledger:
            Follower(engine, chain.exchange, ledger).follow()
    return place


def _measured(place: Path, quick: bool) -> dict[str, Any]:
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    serve = "-c", PROGRAM, "serve", str(place), "--port", "PORT", "--rate", "1e9", "--json"
    with _started(serve) as (port, server), _started(("-c", HELLO, "PORT")) as (plain, bare):
        asked = asyncio.run(_paths(port))
        rng = random.Random(1)  # noqa: S311
        kinds = rng.choices(list(MIX), list(MIX.values()), k=20_000)
        mix = [(kind, rng.choice(asked[kind])) for kind in kinds]
        hello = [("hello", "/hello")] * 1_000
        times: list[tuple[str, float]] = []
        ours, hellos = [], []
        cpu = [_cpu_seconds(server), _cpu_seconds(bare)]
        for _ in range(rounds):
            found = asyncio.run(_load(port, mix, seconds))
            times += found
            ours.append(len(found) / seconds)
            hellos.append(len(asyncio.run(_load(plain, hello, seconds))) / seconds)
        cpu = [_cpu_seconds(server) - cpu[0], _cpu_seconds(bare) - cpu[1]]
        trades = asyncio.run(_once(port, "/v1/market"))["trades"]
        by_kind = {kind: asyncio.run(_alone(port, kind, asked[kind], seconds / 4)) for kind in MIX}
        memory = _most_memory(server)
    return {
        "requests_per_s": round(statistics.median(ours)),
        "p95_ms": _p95([took for _, took in times]),
        "memory_mb": memory,
        "hello_per_s": round(statistics.median(hellos)),
        "ratio": round(statistics.median(a / b for a, b in zip(ours, hellos, strict=True)), 3),
        "cpu_ms": round(1000 * cpu[0] / len(times), 2),
        "hello_cpu_ms": round(1000 * cpu[1] / (sum(hellos) * seconds), 2),
        "slowest_round": round(min(ours)),
        "trades": trades,
        "requests": len(times),
        "connections": CONNECTIONS,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "by_kind": by_kind,
    }


async def _alone(port: int, kind: str, paths: Sequence[str], seconds: float) -> tuple[int, float]:
    found = await _load(port, [(kind, path) for path in paths], seconds)
    return round(len(found) / seconds), _p95([took for _, took in found])


def _p95(times: Sequence[float]) -> float:
    return round(1000 * sorted(times)[int(0.95 * len(times))], 2)


async def _paths(port: int) -> dict[str, list[str]]:
    """What is asked for of each kind."""
    deep, rows, cursor = [], [], ""
    for _ in range(40):
        page = await _once(port, f"/v1/trades?limit=500{cursor}")
        rows += page["rows"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    page = await _once(port, "/v1/trades")
    while page["next"] and len(deep) < 100:
        deep.append(f"/v1/trades?cursor={page['next']}")
        page = await _once(port, deep[-1])
    accounts = sorted({row["demander"] for row in rows} | {row["supplier"] for row in rows})
    begins = sorted({row["begins"] for row in rows})
    return {
        "trades, newest": ["/v1/trades"],
        "trades, a page deep inside": deep or ["/v1/trades"],
        "trades of an account": [f"/v1/trades?account={account}" for account in accounts],
        "one trade": [f"/v1/trades/{row['trade']}" for row in rows],
        "listings for sale": ["/v1/listings?is_open=true"],
        "calendar of a day": [
            f"/v1/calendar?since={time}&until={time + 86_400}&limit=10" for time in begins
        ],
        "escrows by state": [f"/v1/escrows?state={state}" for state in ("funded", "closed")],
        "one account": [f"/v1/accounts/{account}" for account in accounts],
        "products": ["/v1/products"],
        "volume": ["/v1/statistics/volume"],
        "status": ["/v1/status"],
    }


async def _once(port: int, path: str) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = await _ask(reader, writer, path)
    writer.close()
    return json.loads(body)


async def _load(
    port: int, asked: Sequence[tuple[str, str]], seconds: float
) -> list[tuple[str, float]]:
    """Kind and time of each request that was answered within so many seconds."""
    ahead, done = iter(_cycled(asked)), []
    until = time.perf_counter() + seconds

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < until:
            kind, path = next(ahead)
            await _ask(reader, writer, path)
            done.append((kind, time.perf_counter() - began))
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return done


def _cycled(asked: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    while True:
        yield from asked


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> bytes:
    """The body of an answer, which must be 200 and of a stated length."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"{path}: {head.decode()}")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return await reader.readexactly(int(length))


@contextmanager
def _started(command: Sequence[str]) -> Iterator[tuple[int, int]]:
    """A server as a process: its port and its number. It is waited for."""
    (port,) = free_ports(1)
    whole = [sys.executable, *(str(port) if part == "PORT" else part for part in command)]
    process = subprocess.Popen(whole, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        while True:  # however busy the machine is
            try:
                asyncio.run(asyncio.wait_for(_knock(port), 1))
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit("a server did not start") from None
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


async def _knock(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


def _cpu_seconds(process: int) -> float:
    """The processor's time that a process has had; NaN where the system does not say."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return math.nan
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _most_memory(process: int) -> float | None:
    """The most that a process held, MB; None where the system does not say."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)


if __name__ == "__main__":
    main()
