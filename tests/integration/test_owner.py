"""An owner orders something of an agent that runs as a process, does not run, or is killed."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from fabmarket.chain import Settings, open_engine
from tests.nodes import rpc
from tests.street import (
    PATIENCE,
    PROGRAM,
    ended,
    found,
    free_port,
    logged,
    run,
    said,
    start,
    wait_until,
)


class House:
    """A demander's directory, with 1,000 base units in the wallet beside its deposit."""

    def __init__(self, node, folder) -> None:
        self.street = found(open_engine(node.url, Settings()), 40)
        self.market, self.engine = self.street.market, self.street.engine
        self.party = self.street.parties.demanders[0]
        deployer = self.street.parties.deployer.key
        self.market.queue_token(deployer, "mint", self.party.address, 1_000)
        self.market.sender.must_succeed()
        rpc(self.engine, "evm_setAutomine", False)
        rpc(self.engine, "evm_setIntervalMining", 1)
        self.folder = self.street.directory(folder / "agent", self.party, free_port())
        self.log = folder / "agent.log"

    def start(self):
        return start(self.folder, self.log, "--json-log")

    def lines(self, name: str) -> list[dict]:
        return logged(self.log, name)

    def wait_for(self, name: str) -> list[dict]:
        return wait_until(lambda: self.lines(name), PATIENCE, f"no line {name}")

    def approved(self) -> bool:
        return any(each["action"] == "approve" for each in self.lines("mined"))

    def balance(self) -> int:
        return self.market.exchange.balance_of(self.party.address, self.market.token.address)

    def wallet(self) -> int:
        return self.market.token.balance_of(self.party.address)


@pytest.fixture
def house(node, tmp_path) -> House:
    return House(node, tmp_path)


def test_money_goes_in_and_out_by_order(house):
    before = house.balance()
    with ended(house.start()):
        house.wait_for("begun")
        done = said("deposit", house.folder, 700)
        assert (done["order"], done["state"], done["reason"]) == (1, "done", "")
        assert house.engine.receipt(bytes.fromhex(done["transaction"][2:])).block == done["block"]
        assert (house.balance(), house.wallet()) == (before + 700, 300)
        told = run("withdraw", house.folder, 50)
        assert told.returncode == 0
        assert told.stdout.startswith("Order 2 is done: transaction 0x")
        assert (house.balance(), house.wallet()) == (before + 650, 350)
        refused = run("withdraw", house.folder, before + 651)
        assert refused.returncode == 2
        assert (
            f"order 3 refused: the account has {before + 650:,} base units free" in refused.stderr
        )
        refused = run("deposit", house.folder, 351)
        assert "the wallet holds 350 base units, which is less than 351" in refused.stderr
        outcomes = [each["outcome"] for each in house.lines("order")]
        assert outcomes[:2] == ["done", "done"]
        assert [each.partition(":")[0] for each in outcomes[2:]] == ["refused", "refused"]


def test_two_commands_at_once_are_two_orders(house):
    before = house.balance()
    with ended(house.start()):
        house.wait_for("begun")
        with ThreadPoolExecutor(2) as pool:
            results = pool.map(lambda each: said("deposit", house.folder, each), (70, 5))
        assert sorted(each["order"] for each in results) == [1, 2]
        assert house.balance() == before + 75


def test_an_order_waits_for_an_agent_that_does_not_run(house):
    refused = run("deposit", house.folder, 70)
    assert refused.returncode == 2
    assert "the agent has not been started yet" in refused.stderr
    with ended(house.start()):
        house.wait_for("begun")
    before = house.balance()
    told = run("deposit", house.folder, 70)
    assert told.returncode == 0
    assert "no agent runs here; it is done once one does" in told.stdout
    assert said("deposit", house.folder, 5)["state"] == "waiting"
    with ended(house.start()):
        wait_until(lambda: len(house.lines("order")) == 2, PATIENCE, "they are not done")
    assert house.balance() == before + 75


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["taken", "approved"])
def test_killed_between_order_and_outcome_it_is_done_once(house, stage):
    before = house.balance()
    first = house.start()
    with ended(first):
        house.wait_for("begun")
        rpc(house.engine, "evm_setIntervalMining", 5)
        assert said("deposit", house.folder, 70, "--no-wait")["state"] == "waiting"
        house.wait_for("ordered")
        if stage == "approved":
            wait_until(house.approved, PATIENCE, "nothing is allowed")
        first.send_signal(signal.SIGKILL)
        first.wait()
    rpc(house.engine, "evm_setIntervalMining", 1)
    with ended(house.start()):
        (outcome,) = house.wait_for("order")
        assert outcome["outcome"] == "done"
        after = said("deposit", house.folder, 5)
        assert after["state"] == "done"
    assert house.balance() == before + 75
    assert house.wallet() == 1_000 - 75


def test_an_agent_that_ends_leaves_the_order_for_later(house):
    process = house.start()
    with ended(process):
        house.wait_for("begun")
        rpc(house.engine, "evm_setIntervalMining", 0)
        command = [sys.executable, "-c", PROGRAM, "deposit", str(house.folder), "70"]
        waiting = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603
        with ended(waiting):
            house.wait_for("ordered")
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
            assert waiting.wait(PATIENCE) == 75
            assert "the agent has ended before order 1; start it again" in waiting.stderr.read()
            waiting.stderr.close()
