"""Rehearse docs/how-to/run-a-consortium.md: three firms, then four, on machines of their own.

The machines are network namespaces of this one, so it needs root, `ip` and `curl`, and the
validator built. Each step says what it found; the first that goes otherwise ends it with 1.

    sudo .venv/bin/python network/deploy/rehearse.py
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from machines import Machine, NotAsRehearsed, Street, run, wait_until

from fabmarket.errors import FabmarketError
from fabmarket.local.network.program import validator_binary
from fabmarket.simulation.setup import demo_deployer

NODE = "http://127.0.0.1:8545"
CHAIN = 771507
START = "validator start --home validator --log_level warn --log_no_color"
BACKUP = "tar czf backup.tgz validator/config owner"
QUIET = 10
"""Seconds in which a chain that stands still is looked at."""
_POSTGRES = Path("/usr/lib/postgresql")


def step(text: str) -> None:
    """Say what comes."""
    print(f"\n{text}", flush=True)


def found(text: str) -> None:
    """Say what was seen to be so."""
    print(f"  ok: {text}", flush=True)


def check(is_so: bool, text: str) -> None:
    """Say what was seen to be so. Raises NotAsRehearsed where it is not."""
    if not is_so:
        raise NotAsRehearsed(f"not so: {text}")
    found(text)


def keys_of(firm: Machine, binary: Path) -> dict[str, str]:
    """What a firm makes on its own machine, and what of it the others get to see."""
    firm.install(binary)
    public = firm.facts("validator keys --home validator")
    owner = address_in(firm.does("fabmarket init operator owner"))
    return {"name": firm.name, "owner": owner, **public, "address": f"{firm.host}:26656"}


def address_in(said: str) -> str:
    """The address that `fabmarket init` has printed."""
    return said.split()[1]


def describe(firms: Sequence[Machine], seats: list[dict[str, str]], deployers: list[str]) -> None:
    """Write the description, and give it to every firm."""
    said = {
        "chain_id": CHAIN,
        "genesis_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seats": seats,
        "deployers": deployers,
        "senders": None,
        "min_gas_price": 0,
        "block_gas": 30_000_000,
        "coins": {},
    }
    for each in firms:
        (each.folder / "consortium.json").write_text(json.dumps(said, indent=1), "utf-8")


def begin(firms: Sequence[Machine], binary: Path) -> list[str]:
    """Three firms make keys, compare the genesis, and start; return their owners."""
    step("Keys, each on its own machine")
    seats = [keys_of(each, binary) for each in firms]
    secret = firms[0].folder / "validator" / "config" / "priv_validator_key.json"
    check(secret.stat().st_mode & 0o77 == 0, "the validator's key is for its owner's eyes only")
    founder = address_in(firms[0].does("fabmarket init operator founder"))
    step("One description, and the same genesis at every firm")
    describe(firms, seats, [founder, demo_deployer(1).address])
    init = "validator init --home validator --consortium consortium.json"
    said = [each.facts(init) for each in firms]
    digests = {each["genesis_sha256"] for each in said}
    check(len(digests) == 1, f"all have the genesis {digests}")
    check([each["seat"] for each in said] == seats, "each is told its own seat")
    step("Start")
    for each in firms:
        each.starts(START, "validator")
    all_reach(firms, 3)
    check(firms[0].reaches(firms[1], 26656), "the others' peers are reached")
    closed = [firms[0].reaches(firms[1], port) for port in (8545, 26657, 26660, 8100)]
    check(not any(closed), "JSON-RPC and the consensus' RPC are reached on their machine alone")
    return [seat["owner"] for seat in seats]


def has(firm: Machine, block: int) -> bool:
    """Whether a firm's validator has a block."""
    return firm.head() >= block


def all_reach(firms: Sequence[Machine], block: int) -> None:
    """Wait until all have a block, and see that it is the same one."""
    for each in firms:
        wait_until(partial(has, each, block), f"{each.name} has block {block}")
    check(len({each.hash_of(block) for each in firms}) == 1, f"all have the same block {block}")


def goes_on(firms: Sequence[Machine]) -> None:
    """See that new blocks come, at all of them."""
    all_reach(firms, max(each.head() for each in firms) + 3)


def stands_still(firms: Sequence[Machine]) -> None:
    """See that no block comes: one may have been under way."""
    time.sleep(2)
    before = max(each.head() for each in firms)
    time.sleep(QUIET)
    after = max(each.head() for each in firms)
    check(after <= before + 1, f"the chain stands still at {after}")


def market_founded(firms: Sequence[Machine]) -> None:
    """The founder deploys a market whose operators are one at each firm."""
    step("A market, an operator at each firm")
    operators = [address_in(each.does("fabmarket init operator operator")) for each in firms]
    named = " ".join(f"--operator {each}" for each in operators)
    made = firms[0].facts(
        f"fabmarket found {NODE} --chain-id {CHAIN} --keystore founder/keystore.json"
        f" {named} --slot-length 3600 --json"
    )
    audited(firms[:1], made["exchange"])


def audited(firms: Sequence[Machine], market: str) -> None:
    """Audit a market at every firm's own validator."""
    for each in firms:
        each.does(f"fabmarket audit --rpc {NODE} --market {market}")
    found(f"{market} passes its audit at {len(firms)} of the validators")


def traded(firm: Machine, seed: int) -> tuple[str, int]:
    """Run a whole market on the chain; return its address and how many trades settled."""
    line = f"fabmarket demo --engine {NODE} --chain-id {CHAIN} --seed {seed} --json"
    facts = firm.facts(line)
    trades = len(facts["trades"])
    check(trades > 0, f"{trades} trades settled at {firm.name}")
    return facts["chain"]["exchange"], trades


@contextmanager
def database(firm: Machine) -> Iterator[str]:
    """A ledger's place at a firm: PostgreSQL where it is installed, else a file."""
    programs = sorted(_POSTGRES.glob("*/bin"))
    if not programs:
        found("PostgreSQL is not installed here: the ledger is a file")
        yield "ledger.sqlite"
        return
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-postgresql-"))
    shutil.chown(folder, "nobody")
    other = ["runuser", "-u", "nobody", "--"]  # root may not be it
    data = ["-D", str(folder / "data")]
    made = [str(programs[-1] / "initdb"), *data, "-U", "postgres", "--auth", "trust", "--no-sync"]
    run(*other, *made, cwd="/")
    options = f"-k {folder} -c fsync=off -c listen_addresses=127.0.0.1"
    server = f"{' '.join(other)} {programs[-1]}/postgres {' '.join(data)} {options}"
    firm.starts(server, "postgresql")
    create = f"createdb -h {folder} -U postgres fabmarket"

    def created() -> bool:
        ran = subprocess.run(create.split(), capture_output=True, check=False)  # noqa: S603
        return ran.returncode == 0

    try:
        wait_until(created, "PostgreSQL takes a database")
        yield "postgresql://postgres@127.0.0.1/fabmarket"
    finally:
        firm.ends("postgresql")
        shutil.rmtree(folder)


def ledger_kept(firm: Machine, market: str, trades: int) -> None:
    """A firm follows the market into its own database, and serves it."""
    step("A ledger of one's own")
    with database(firm) as place:
        firm.starts(
            f"fabmarket serve {place} --rpc {NODE} --market {market} --finality 0", "ledger"
        )
        wait_until(lambda: firm.served("/v1/market").get("trades") == trades, "the ledger has all")
        found(f"the ledger has the {trades} trades")
        firm.ends("ledger")


def one_of_three_lost(firms: Sequence[Machine]) -> None:
    """With three seats none may be missing."""
    step("One of three is lost: nothing goes on until it is back")
    firms[2].ends("validator", killed=True)
    stands_still(firms[:2])
    firms[2].starts(START, "validator")
    goes_on(firms)


def agreed(firms: Sequence[Machine], what: str) -> None:
    """Owner after owner says what it wants, at its own validator, until it is done."""
    said: dict[str, Any] = {"done": False}
    for each in firms:
        said = each.facts(
            f"fabmarket network agree {what} --engine {NODE} --chain-id {CHAIN}"
            " --keystore owner/keystore.json --json"
        )
    check(said["done"], f"{len(firms)} owners have agreed to {what.split(maxsplit=1)[0]}")


def knows(firm: Machine, voters: int) -> bool:
    """Whether so many validators vote, as a firm's own one knows."""
    return firm.voters() == voters


def fourth_admitted(firms: Sequence[Machine], fourth: Machine, binary: Path) -> str:
    """A fourth firm fetches the chain, then the three give it a seat; return its owner."""
    step("A fourth firm")
    seat = keys_of(fourth, binary)
    shutil.copy(firms[0].folder / "consortium.json", fourth.folder)
    for each in firms:
        name_peers(each, [*firms, fourth])
    fourth.does("validator init --home validator --consortium consortium.json")
    fourth.starts(START, "validator")
    wait_until(partial(has, fourth, firms[0].head()), "the fourth has the chain")
    agreed(firms, f"admit {seat['owner']} {seat['key']}")
    four = (*firms, fourth)
    for each in four:
        wait_until(partial(knows, each, 4), f"four vote, as {each.name} knows")
    goes_on(four)
    return seat["owner"]


def name_peers(firm: Machine, firms: Sequence[Machine]) -> None:
    """Tell a firm's validator of the others, and back up what it was told."""
    others = [each for each in firms if each is not firm]
    ids = [each.facts("validator keys --home validator")["node_id"] for each in others]
    peers = (f"{node_id}@{each.host}:26656" for node_id, each in zip(ids, others, strict=True))
    firm.does(
        f"validator init --home validator --consortium consortium.json --peers {','.join(peers)}"
    )
    firm.does(BACKUP)


def one_of_four_lost(firms: Sequence[Machine]) -> None:
    """With four seats one may be missing: trades settle, rights are voted on."""
    step("One of four is lost: the others trade on, and vote")
    firms[2].ends("validator", killed=True)
    rest = [*firms[:2], firms[3]]
    agreed(rest, f"allow deploy {demo_deployer(2).address}")
    market, _ = traded(firms[1], 2)
    audited(rest[2:], market)


def restored(firms: Sequence[Machine]) -> None:
    """The lost machine comes back with nothing but the backup of its keys."""
    step("Its disk is gone: the keys come from the backup, the chain from the others")
    lost = firms[2]
    shutil.rmtree(lost.folder / "validator")
    lost.does("tar xzf backup.tgz")
    lost.does(f"validator restore --home validator --above {firms[0].head() + 1}")
    lost.does("validator init --home validator --consortium consortium.json")
    lost.starts(START, "validator")
    is_back(lost, firms[0])
    goes_on(firms)
    check(firms[0].voters() == 4, "it has kept its seat")


def is_back(firm: Machine, witness: Machine) -> None:
    """Wait until a firm's validator has what a witness has now, and signs again."""
    wait_until(partial(has, firm, witness.head()), f"{firm.name} has caught up")
    wait_until(partial(signs, witness, firm), f"{firm.name} signs again")
    found(f"{firm.name} has caught up, and signs")


def signs(witness: Machine, firm: Machine) -> bool:
    """Whether a firm's validator has signed the newest block that a witness has."""
    me = firm.consensus("status")["validator_info"]["address"]
    commit = witness.consensus("commit")["signed_header"]["commit"]
    return any(each["validator_address"] == me for each in commit["signatures"])


def upgraded(firms: Sequence[Machine], newer: Path) -> None:
    """A new program, one machine after the other; the others go on meanwhile."""
    step("An upgrade, one machine after the other")
    for each in firms:
        others = [one for one in firms if one is not each]
        each.ends("validator")
        each.install(newer)
        goes_on(others)
        each.starts(START, "validator")
        is_back(each, others[0])
    goes_on(firms)


def halted(firms: Sequence[Machine]) -> None:
    """A program that old ones do not agree with begins at one block everywhere."""
    step("A breaking upgrade: all halt at one block, and begin again")
    for each in firms:
        each.ends("validator")
    block = 0
    for each in firms:
        block = block or read_head(each) + 15
        each.starts(f"{START} --halt-height {block}", "validator")
    words = f"halt per configuration height {block}"
    for each in firms:
        wait_until(partial(each.has_said, "validator", words), f"{each.name} halts")
        each.ends("validator")
    for each in firms:
        each.starts(START, "validator")
    all_reach(firms, block + 3)


def read_head(firm: Machine) -> int:
    """The block that a validator which does not run has signed last."""
    state = firm.folder / "validator" / "data" / "priv_validator_state.json"
    return int(json.loads(state.read_bytes())["height"])


def removed(firms: Sequence[Machine], owner: str) -> None:
    """Three owners of four take a seat; the chain needs all three that are left again."""
    step("A firm leaves")
    agreed(firms[:3], f"remove {owner}")
    wait_until(lambda: firms[0].voters() == 3, "three vote")
    firms[3].ends("validator")
    goes_on(firms[:3])
    seats = firms[0].facts(f"fabmarket network agreed --engine {NODE} --json")["seats"]
    check(owner not in [each["owner"] for each in seats], f"{len(seats)} seats are left")


def rehearse(root: Path, street: Street) -> None:
    """All of it, in the guide's order. Raises NotAsRehearsed."""
    binary = validator_binary()
    newer = root / "newer-validator"
    newer.symlink_to(binary)
    firms = [street.machine() for _ in range(3)]
    begin(firms, binary)
    step("A backup of what no other machine has")
    for each in firms:
        each.does(BACKUP)
    market_founded(firms)
    market, trades = traded(firms[0], 1)
    audited(firms, market)
    ledger_kept(firms[1], market, trades)
    one_of_three_lost(firms)
    fourth = street.machine()
    owner = fourth_admitted(firms, fourth, binary)
    four = [*firms, fourth]
    one_of_four_lost(four)
    restored(four)
    upgraded(four, newer)
    halted(four)
    removed(four, owner)
    step("All of it went as the guide says.")


def main() -> int:
    """Rehearse; return the exit code."""
    if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("curl")):
        print("network namespaces need root, and the programs ip and curl", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and take everything away
    root = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    street = Street(root)
    try:
        rehearse(root, street)
    except (NotAsRehearsed, FabmarketError) as error:
        print(f"\nNOT as the guide says: {error}", file=sys.stderr)
        return 1
    finally:
        street.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
