"""Following a long chain into a ledger, beside `eth_getLogs` of the same blocks.

    python benchmarks/ledger.py [--quick] [--json] [--postgresql URL]

A market of 100,000 trades is made on an anvil of its own (`long_chain`; 5,000 with --quick). In
each of three rounds its logs are asked for three times, in pages of the size that the follower
comes to. By web3.py's `w3.eth.get_logs`, with which a program in Python would ask (`raw_per_s`); by
a bare request whose answer is read as JSON, nothing else (`bare_per_s`); and by a new ledger that
follows the chain from its beginning to its head: logs and headers, decoded, checked, stored in
SQLite with all tables that follow from them (`ours_per_s`). `ratio` is ours to web3.py's, and
`bare_ratio` ours to the bare request's; of each the middle one of the rounds. The same into
PostgreSQL if the URL of an empty database is given (`postgresql_per_s`; one round). Events a
second, wall clock; `cpu_us_per_event` is our process alone.
"""

import argparse
import http.client
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eth_typing import BlockNumber
from long_chain import LongChain, make
from web3 import HTTPProvider, Web3

from fabmarket.chain import Settings, look_at, open_engine
from fabmarket.ledger import Follower, Ledger

FINALITY = 64
ROUNDS = 3
LOGS = 8_000
"""In an answer, about; the follower's measure."""


def pages(blocks: int, page: int) -> Iterator[tuple[int, int]]:
    """First and last block of each page."""
    for first in range(0, blocks, page):
        yield first, min(blocks, first + page) - 1


def raw(url: str, address: str, blocks: int, page: int) -> tuple[int, float]:
    """Ask for all logs with web3.py; return how many there were and how long it took."""
    w3, place = Web3(HTTPProvider(url)), Web3.to_checksum_address(address)
    found, began = 0, time.perf_counter()
    for first, last in pages(blocks, page):
        begin, end = BlockNumber(first), BlockNumber(last)
        found += len(w3.eth.get_logs({"fromBlock": begin, "toBlock": end, "address": place}))
    return found, time.perf_counter() - began


def bare(url: str, address: str, blocks: int, page: int) -> tuple[int, float]:
    """Ask for all logs and read only the JSON; return the same."""
    place = urlsplit(url)
    link = http.client.HTTPConnection(str(place.hostname), place.port)
    found, began = 0, time.perf_counter()
    for first, last in pages(blocks, page):
        wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": address}
        asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [wanted]}
        link.request("POST", "/", json.dumps(asked), {"Content-Type": "application/json"})
        found += len(json.loads(link.getresponse().read())["result"])
    seconds = time.perf_counter() - began
    link.close()
    return found, seconds


def ours(chain: LongChain, url: str, place: Path | str) -> tuple[int, float, float]:
    """Follow it all; return how many events are stored, the seconds, and those of the processor."""
    engine = look_at([url], chain.engine.chain_id)
    with closing(Ledger(place)) as ledger:
        follower = Follower(engine, chain.exchange, ledger, FINALITY)
        began, worked = time.perf_counter(), time.process_time()
        last = follower.follow()
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        with ledger.engine.connect() as connection:
            count = connection.exec_driver_sql("SELECT count(*) FROM event").scalar()
            trades = connection.exec_driver_sql("SELECT count(*) FROM trade").scalar()
    if (last, trades) != (chain.blocks - 1, chain.trades):
        raise SystemExit(f"{trades} trades up to block {last} are stored, not {chain.trades}")
    return int(count or 0), seconds, worked


def measure(trades: int, postgresql: str | None) -> dict[str, Any]:
    with open_engine("anvil", Settings()) as engine, tempfile.TemporaryDirectory() as folder:
        chain, url = make(engine, trades), str(getattr(engine, "url", ""))
        asked = url, chain.exchange.address, chain.blocks
        events, _ = bare(*asked, 10)
        page = max(1, chain.blocks * LOGS // events)
        rounds = []
        for number in range(ROUNDS):
            (found, by_web3), (again, by_hand) = raw(*asked, page), bare(*asked, page)
            place = Path(folder) / f"{number}.sqlite"
            stored, seconds, worked = ours(chain, url, place)
            if not stored == found == again == events:
                raise SystemExit(f"{stored} of {events} events are stored")
            rounds.append((by_web3, by_hand, seconds, worked))
        ratios = [by_web3 / seconds for by_web3, _, seconds, _ in rounds]
        bare_ratios = [by_hand / seconds for _, by_hand, seconds, _ in rounds]
        web3s, bares, seconds_of, worked_of = map(statistics.median, zip(*rounds, strict=True))
        result = {
            "trades": chain.trades,
            "events": events,
            "blocks": chain.blocks,
            "blocks_a_page": page,
            "raw_per_s": round(events / web3s),
            "bare_per_s": round(events / bares),
            "ours_per_s": round(events / seconds_of),
            "ratio": round(statistics.median(ratios), 3),
            "ratios": [round(each, 3) for each in ratios],
            "bare_ratio": round(statistics.median(bare_ratios), 3),
            "bare_ratios": [round(each, 3) for each in bare_ratios],
            "cpu_us_per_event": round(10**6 * worked_of / events, 1),
            "sqlite_mb": round(place.stat().st_size / 10**6, 1),
            "postgresql_per_s": None,
            "load": os.getloadavg()[0],
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python"
            f" {platform.python_version()}",
        }
        if postgresql is not None:
            stored, seconds, _ = ours(chain, url, postgresql)
            result["postgresql_per_s"] = round(stored / seconds)
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--postgresql")
    args = parser.parse_args()
    result = measure(5_000 if args.quick else 100_000, args.postgresql)
    if args.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
