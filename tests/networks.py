"""Chains of several validators for the tests."""

import os
import signal
import time
from contextlib import suppress

from web3.exceptions import Web3RPCError

from fabmarket.local.network.comet import Comet, NoAnswer
from fabmarket.local.network.files import Place, facts_of
from fabmarket.local.network.founding import Plan, init
from fabmarket.local.network.running import down, up
from fabmarket.local.network.state import status
from tests.street import wait_until

LONG = 300
"""Seconds in which a chain on a busy machine does anything."""
NAMES = ["validator-1", "validator-2", "validator-3", "validator-4"]
CODE = bytes.fromhex("600160005360016000f3")
"""Of a contract that does nothing."""


def kill(root, *names):
    """End validators as a power cut does."""
    for name in names:
        process = Place(root).process(name)
        os.kill(process.number(), signal.SIGKILL)
        wait_until(lambda process=process: not process.runs(), LONG, f"{name} runs on")


def stands(root):
    """Wait until no block comes any more."""
    wait_until(lambda: status(root).still_since is not None, LONG, "it goes on")


def hashes(root, number):
    """What those who run say is the hash of a block."""
    said = set()
    for each in facts_of(Place(root)).validators:
        with suppress(NoAnswer):
            said.add(Comet(each.rpc).commit(number).hash)
    return said


def reached(root, number):
    """How it is once it has a block."""
    wait_until(lambda: (status(root).head or 0) >= number, LONG, f"block {number} does not come")
    return status(root)


def may_deploy(node, account):
    """Whether a node lets an account deploy."""
    try:
        node.w3.eth.estimate_gas({"from": account, "data": CODE})
    except Web3RPCError:
        return False
    return True


class FourValidators:
    """A chain that goes on without one of them, and stands still without two."""

    def __init__(self, folder):
        self.root = folder / "network"
        self.facts = init(self.root, Plan())
        self.url = self.facts.engine
        self.urls = [each.url for each in self.facts.validators]
        up(self.root)

    @property
    def names(self):
        return [each.name for each in self.facts.validators]

    def goes_by_itself(self, engine):
        """It always does."""

    def is_lost(self, engine, draw):
        """For a while, one or two of its validators."""
        victims = draw.sample(self.names, draw.choice((1, 2)))
        kill(self.root, *victims)
        time.sleep(draw.uniform(1, 6))
        up(self.root)

    def passes(self, engine, until):
        left = max(0, until - engine.now())
        wait_until(lambda: engine.now() >= until, left + LONG, "time stands still")

    def close(self):
        down(self.root, is_removed=True)
