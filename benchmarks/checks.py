"""What each check costs that the third version of the contracts makes and the second did not.

    python benchmarks/checks.py [--only WORDS] [--json]
    python benchmarks/checks.py --only "supplier's nonce"

Leaves one check at a time out of a copy of the sources, compiles them as the deployed contracts are
compiled, and runs the measurements of benchmarks/gas.py, which explains its actions. The price is
the gas with the check less the gas without it, of whole transactions. Beside those actions: the
parts of the escrow cycle (`escrow_settle`, `escrow_deliver`, `escrow_accept`), `escrow_refund`
before delivery, `escrow_expire` (all transactions that a missed delivery takes), `unlist_all` and
`set_operators`. What no text can leave out is made twice instead, and its price is the second
time's. The compiler lays the rest of the code out anew each time: a price below 30 gas may be that,
and is marked. Call data stays as it is. Takes a quarter of an hour on a free machine; needs Node
and `npm ci` in contracts/.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from gas import (
    RESOURCE,
    SIZE,
    Bench,
    account_calls,
    batch,
    escrow_cycle,
    net_figures,
    prepare,
)
from rich.console import Console
from rich.table import Table

from fabmarket.chain.embedded import EmbeddedEngine
from fabmarket.identity import Key, digest
from fabmarket.market.exchange import (
    Expire,
    OperatorSignature,
    Refund,
    SetOperators,
    Settle,
    SettleEscrow,
    Unlist,
)
from fabmarket.market.parameters import HOURS
from fabmarket.market.trade import Operators, Trade

CONTRACTS = Path(__file__).parents[1] / "contracts"
RUNS = {"CapacityExchange": "", "ResourceEscrow": "escrow_", "NetSettlement": "net_"}
"""The deployed contracts, and how the actions begin that each has a part in."""
IMPORT = re.compile(r'^import\s[^"]*"(\.[^"]+)";', re.MULTILINE)
NOISE = 30
ESCROW = ("escrow_settle", "escrow_deliver", "escrow_accept")


class Check(NamedTuple):
    """A check of checks.toml: what stands in a file, and what does without the check."""

    name: str
    actions: Sequence[str]
    edits: Sequence[dict[str, str]]
    twice: bool = False


def read() -> list[Check]:
    listed = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["check"]
    return [Check(**each) for each in listed]


def without(check: Check, sources: Path) -> dict[str, str]:
    """Return the text of each file that the check stands in, with the check left out."""
    texts: dict[str, str] = {}
    for edit in check.edits:
        file, snippet = edit["file"], edit["snippet"]
        text = texts.get(file) or (sources / file).read_text()
        places = list(re.finditer(r"\s+".join(map(re.escape, snippet.split())), text))
        if len(places) != 1:
            raise SystemExit(
                f"{check.name}: {snippet!r} stands {len(places)} times in contracts/src/{file};"
                " it must stand there once: bring benchmarks/checks.toml up to date"
            )
        start, end = places[0].span()
        texts[file] = text[:start] + edit.get("neutral", "") + text[end:]
    return texts


def contains(path: Path, file: Path) -> bool:
    """Return whether a source is, or imports, a file."""
    parts = (path.parent / name for name in IMPORT.findall(path.read_text()))
    return path.resolve() == file.resolve() or any(contains(each, file) for each in parts)


def compiled(check: Check) -> dict[str, bytes]:
    """Return the bytecode of the deployed contracts that the check is in, without it."""
    with TemporaryDirectory(prefix="fabmarket-checks-") as folder:
        copy = Path(folder)
        for name in ("src", "script"):
            shutil.copytree(CONTRACTS / name, copy / name)
        shutil.copy(CONTRACTS / "foundry.toml", copy)
        (copy / "node_modules").symlink_to((CONTRACTS / "node_modules").resolve())
        changed = without(check, copy / "src")
        for file, text in changed.items():
            (copy / "src" / file).write_text(text)
        files = [copy / "src" / file for file in changed]
        names = [name for name in RUNS if _is_in(check, copy / "src" / f"{name}.sol", files)]
        entries = [f"src/{name}.sol" for name in names]
        done = subprocess.run(  # noqa: S603 (our own script)
            ["node", "script/forge.mjs", "build", *entries, "--quiet"],  # noqa: S607
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(
                f"{check.name}: does not compile without it:\n{done.stdout}{done.stderr}"
            )
        built = (copy / "out" / f"{name}.sol" / f"{name}.json" for name in names)
        codes = [json.loads(path.read_text())["bytecode"]["object"] for path in built]
    return {
        name: bytes.fromhex(code.removeprefix("0x"))
        for name, code in zip(names, codes, strict=True)
    }


def _is_in(check: Check, contract: Path, files: list[Path]) -> bool:
    """Return whether a contract is another without the check, and its actions run it."""
    runs = any(action.startswith(RUNS[contract.stem]) for action in check.actions)
    return not files or (runs and any(contains(contract, file) for file in files))


def few(bench: Bench) -> dict[str, int]:
    """Return the gas of the calls that take an account or two."""
    pairs = bench.pairs()
    result = prepare(bench, pairs)
    result["settle_single"] = bench.anyone(Settle(bench.trade(*pairs[0])))
    result |= account_calls(bench, bench.demanders[0], bench.demanders[1])
    escrow_cycle(bench, *pairs[2])
    for name, move in zip(ESCROW, ("SettleEscrow", "Deliver", "Release"), strict=True):
        result[name] = bench.last[move]
    supplier = bench.suppliers[3]
    result["escrow_refund"] = bench.call(supplier, Refund(held(bench, *pairs[3])))
    result["escrow_expire"] = expire(bench, held(bench, *pairs[4]))
    available = bench.exchange.listing_of(bench.listing(supplier)).available
    result["unlist_all"] = bench.call(supplier, Unlist(RESOURCE, 0, available))
    return result | {"set_operators": set_operators(bench)}


def batches(bench: Bench) -> dict[str, int]:
    pairs = bench.pairs()
    prepare(bench, pairs)
    sides = {"distinct": pairs, "same": pairs[:1] * SIZE}
    return {f"batch_{name}_per_trade": batch(bench, each) for name, each in sides.items()}


def cycle(bench: Bench) -> dict[str, int]:
    prepare(bench, bench.pairs())
    return net_figures(bench, bench.pairs())


def measured(actions: Iterable[str], bytecode: dict[str, bytes]) -> dict[str, int]:
    """Return the gas of these actions, and of what is measured with them."""
    result: dict[str, int] = {}
    for part, places in {_part(action) for action in actions}:
        bench = Bench(bytecode, places)
        result |= part(bench)
        bench.engine.close()
    return result


def _part(action: str) -> tuple[Callable[[Bench], dict[str, int]], range]:
    """Return what measures an action, and which accounts of gas.py it takes."""
    if action.startswith("net_"):
        return cycle, range(SIZE // 2, SIZE)
    return (batches, range(SIZE)) if action.startswith("batch_") else (few, range(5))


def held(bench: Bench, demander: Key, supplier: Key) -> Trade:
    """Return a trade that was just settled into escrow."""
    signed = bench.trade(demander, supplier, bench.escrow())
    bench.anyone(SettleEscrow(signed))
    return signed.trade


def expire(bench: Bench, trade: Trade) -> int:
    """Return the gas of ending an escrow that nobody delivered."""
    jump(bench, trade.escrow.deliver_by)
    total = bench.anyone(Expire(trade))
    if bench.exchange.held_of(digest(bench.domain, trade)).is_open:
        for _ in range(HOURS.grace_blocks):
            bench.engine.mine([])
        jump(bench, bench.engine.now() + HOURS.grace_time)
        total += bench.anyone(Expire(trade))
    return total


def jump(bench: Bench, seconds: int) -> None:
    """Let the next block come at this time."""
    assert isinstance(bench.engine, EmbeddedEngine)  # noqa: S101 (for the type checker)
    bench.engine._backend.chain.set_header_timestamp(seconds)


def set_operators(bench: Bench) -> int:
    names, deadline = tuple(key.address for key in bench.operators), bench.engine.now() + 600
    decision = digest(bench.domain, Operators(names, 2, 1, 0, deadline))
    signatures = tuple(
        OperatorSignature(each.address, each.sign(decision)) for each in bench.operators[:2]
    )
    return bench.anyone(SetOperators(names, 2, deadline, signatures))


def prices(chosen: Sequence[Check]) -> Iterator[dict[str, Any]]:
    """Yield a row for each action of each check; compiles the next one while it measures."""
    for each in chosen:
        without(each, CONTRACTS / "src")
    pool = ThreadPoolExecutor(1)
    try:
        codes = pool.map(compiled, (Check("nothing", (), ()), *chosen))
        tell("all checks on")
        full = measured((action for each in chosen for action in each.actions), next(codes))
        for number, (each, bytecode) in enumerate(zip(chosen, codes, strict=True), 1):
            tell(f"{number} of {len(chosen)}: {each.name}")
            changed = measured(each.actions, bytecode)
            for action in each.actions:
                price = full[action] - changed[action]
                yield {
                    "check": each.name,
                    "action": action,
                    "with": full[action],
                    "without": changed[action],
                    "price": -price if each.twice else price,
                    "twice": each.twice,
                }
    finally:
        pool.shutdown(cancel_futures=True)


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--only", default="", metavar="WORDS", help="checks with this in the name")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if shutil.which("node") is None:
        raise SystemExit("node is not on the path; install Node >= 20")
    chosen = [each for each in read() if args.only in each.name]
    if not chosen:
        parser.error(f"--only {args.only!r}: no check has this in its name")
    rows = list(prices(chosen))
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    table = Table("check", "action", "with", "without", "price", "")
    for row in rows:
        note = "twice" if row["twice"] else "noise?" if abs(row["price"]) < NOISE else ""
        figures = (f"{row[each]:,}" for each in ("with", "without", "price"))
        table.add_row(row["check"], row["action"], *figures, note)
    Console().print(table)


if __name__ == "__main__":
    main()
