"""An account without coin signs what another's agent submits: real processes on a real node."""

import json
import signal

import pytest

from fabmarket.chain import Settings, open_engine
from tests.nodes import rpc
from tests.street import PATIENCE, ended, found, free_port, logged, run, said, start, wait_until


class Pair:
    """The directories of a demander without coin, begun once, and of one that pays for it."""

    def __init__(self, node, folder) -> None:
        self.street = found(open_engine(node.url, Settings()), 40, demanders=2)
        self.engine, self.market = self.street.engine, self.street.market
        self.poor, self.rich = self.street.parties.demanders
        rpc(self.engine, "evm_setAutomine", False)
        rpc(self.engine, "evm_setIntervalMining", 1)
        self.folders = {
            name: self.street.directory(folder / name, party, free_port())
            for name, party in (("poor", self.poor), ("rich", self.rich))
        }
        self.logs = {name: folder / f"{name}.log" for name in self.folders}

    def start(self, name):
        return start(self.folders[name], self.logs[name], "--json-log")

    def wait_for(self, name, line, count=1):
        problem = f"no line {line}: {self.logs[name]}"
        lines = self.logs[name]
        return wait_until(lambda: len(logged(lines, line)) >= count, PATIENCE, problem)

    def has_read_its_balance(self, name):
        def read():
            return said("status", self.folders[name])["balance"]["free"] > 0

        wait_until(read, PATIENCE, f"{name} has not read of its deposit")

    def impoverished(self):
        """The one has started once, has read the chain, and has no coin any more."""
        with ended(self.start("poor")):
            self.has_read_its_balance("poor")
        rpc(self.engine, "anvil_setBalance", self.poor.address, "0x0")

    def signed(self, file, *order):
        return said(order[0], self.folders["poor"], *order[1:], "--intent", file)

    def nonce(self):
        return self.market.exchange.intent_nonce(self.poor.address)

    def balance(self, party):
        return self.market.exchange.balance_of(party.address, self.market.token.address)


@pytest.fixture
def pair(node, tmp_path) -> Pair:
    made = Pair(node, tmp_path)
    made.impoverished()
    return made


def test_it_withdraws_and_another_pays_for_the_gas(pair, tmp_path):
    before, paid = pair.balance(pair.poor), pair.balance(pair.rich)
    file = tmp_path / "take.json"
    facts = pair.signed(file, "withdraw", 70)
    assert (facts["account"], facts["call"], facts["nonce"]) == (pair.poor.address, "Withdraw", 0)
    assert json.loads(file.read_text())["intent"]["nonce"] == "0"
    assert said("status", pair.folders["poor"])["orders"] == []
    with ended(pair.start("rich")):
        pair.has_read_its_balance("rich")
        done = said("relay", pair.folders["rich"], file)
        assert done["state"] == "done"
        assert (pair.balance(pair.poor), pair.nonce()) == (before - 70, 1)
        assert pair.market.token.balance_of(pair.poor.address) == 70
        again = run("relay", pair.folders["rich"], file)
        assert again.returncode == 2
        assert (
            "it was submitted already, or one before it was not (WrongIntentNonce)" in again.stderr
        )

        # What it cannot pay for, and what has run out, costs the relayer nothing.
        with ended(pair.start("poor")):
            wait_until(
                lambda: said("status", pair.folders["poor"])["balance"]["free"] == before - 70,
                PATIENCE,
                "the account has not read of its withdrawal",
            )
            assert said("status", pair.folders["poor"])["next_intent"] == 1
            assert "those below intent 1" in run("status", pair.folders["poor"]).stdout
        coin = pair.engine.native_balance(pair.rich.address)
        pair.signed(file, "withdraw", before)
        poor = run("relay", pair.folders["rich"], file)
        assert "deposit more, or take less (InsufficientBalance)" in poor.stderr
        facts = pair.signed(file, "withdraw", 5, "--hours", 1)
        assert facts["nonce"] == 1
        rpc(pair.engine, "evm_setNextBlockTimestamp", facts["deadline"] + 1)
        wait_until(lambda: pair.engine.now() > facts["deadline"], PATIENCE, "time does not go on")
        late = run("relay", pair.folders["rich"], file)
        assert "order 4 refused: it could be submitted until" in late.stderr
        assert pair.engine.native_balance(pair.rich.address) == coin
        assert (pair.balance(pair.poor), pair.nonce()) == (before - 70, 1)
        assert pair.balance(pair.rich) == paid


def test_a_relayer_that_is_killed_does_it_once(pair, tmp_path):
    before, file = pair.balance(pair.poor), tmp_path / "take.json"
    pair.signed(file, "withdraw", 70)
    first = pair.start("rich")
    with ended(first):
        pair.has_read_its_balance("rich")
        rpc(pair.engine, "evm_setIntervalMining", 0)
        said("relay", pair.folders["rich"], file, "--no-wait")
        pair.wait_for("rich", "ordered")
        first.send_signal(signal.SIGKILL)
        first.wait()
    rpc(pair.engine, "evm_setIntervalMining", 1)
    with ended(pair.start("rich")):
        pair.wait_for("rich", "order")
        (outcome,) = logged(pair.logs["rich"], "order")
        assert outcome["outcome"] == "done"
    assert (pair.balance(pair.poor), pair.nonce()) == (before - 70, 1)
