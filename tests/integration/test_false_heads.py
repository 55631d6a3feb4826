"""One of several nodes says that its latest block is one that there is not: the others are read."""

import json
import time

import pytest

from fabmarket.chain import Settings, endpoints, open_engine
from tests.nodes import Relay, relay, rpc
from tests.street import PATIENCE, wait_until

FAR = 1 << 60


class Boastful(Relay):
    """Says, as often as `boasts`, that its latest block is `number`, made so many seconds later
    than the last one is.
    """

    number = FAR
    boasts = 0
    later = 0

    def answered(self, asked):
        method, params = asked["method"], asked["params"]
        said = super().answered(asked)
        is_latest = method == "eth_getBlockByNumber" and params[0] == "latest"
        if self.boasts == 0 or not (is_latest or method == "eth_blockNumber"):
            return said
        self.boasts -= 1
        if not is_latest:
            return self._result(asked, hex(self.number))
        block = json.loads(said)["result"]
        made = hex(int(block["timestamp"], 16) + self.later)
        return self._result(asked, block | {"number": hex(self.number), "timestamp": made})


@pytest.fixture
def liar(node):
    with relay(node.url, Boastful) as made:
        yield made


@pytest.fixture
def honest(node):
    with relay(node.url) as made:
        yield made


@pytest.fixture(params=["first", "last"])
def engine(request, liar, honest):
    urls = [liar.url, honest.url] if request.param == "first" else [honest.url, liar.url]
    return open_engine(",".join(urls), Settings())


def mined(node, after):
    """Make a block, so many seconds after the last one."""
    last = int(rpc(node, "eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    rpc(node, "evm_setNextBlockTimestamp", last + after)
    rpc(node, "evm_mine")
    return node.header()


def test_one_block_that_there_is_not_is_forgotten_with_the_next_one_that_there_is(
    node, engine, liar, honest
):
    """All who are honest were behind from then on, and its time was the chain's for ever."""
    honest.fault, liar.boasts = "drop", 1 << 30
    assert engine.block_number() == FAR
    honest.fault, liar.boasts = None, 0
    for _ in range(2):
        real = mined(node, 1)
        assert engine.header() == real
        assert engine.now() == real.time
    assert engine.nonce(engine.funder.address, real.number) == 0
    before = honest.asked.total() + liar.asked.total()
    engine.native_balance(engine.funder.address)
    assert honest.asked.total() + liar.asked.total() == before + 1  # nobody is behind


def test_a_time_to_come_is_believed_for_no_longer_than_a_clock_may_be_wrong(
    node, engine, liar, honest, monkeypatch
):
    monkeypatch.setattr(endpoints, "AHEAD", 2.0)
    now = int(time.time())
    rpc(node, "evm_setNextBlockTimestamp", now)
    rpc(node, "evm_mine")
    honest.fault, liar.boasts, liar.later = "drop", 1 << 30, FAR
    assert engine.now() >= FAR
    honest.fault, liar.boasts = None, 0
    seen = mined(node, 1)
    assert engine.header().number == FAR  # a clock may be so wrong
    rpc(node, "evm_setIntervalMining", 1)
    wait_until(lambda: engine.header().number < FAR, PATIENCE, "it is believed still")
    assert engine.header().number > seen.number
    assert engine.now() <= time.time() + endpoints.AHEAD


@pytest.mark.parametrize("number", [None, FAR])
def test_who_says_that_it_is_later_than_it_is_is_passed_over(node, engine, liar, honest, number):
    """However often it says so, and of the right block too: no deadline comes by that."""
    for after in range(1, 4):
        real = mined(node, after)
        liar.boasts, liar.later = 1 << 30, 3600 + int(time.time())
        liar.number = real.number if number is None else number
        assert engine.header() == real
        assert engine.now() == real.time


def test_where_the_whole_chain_is_ahead_of_our_clock_it_is_read(node, engine, liar, honest):
    real = mined(node, 10 * 366 * 86_400)
    assert engine.header() == real
    liar.behind = honest.behind = 1
    assert engine.header() == real
    liar.behind = honest.behind = 0
    assert engine.header() == real
    assert mined(node, 5) == engine.header()


def test_however_long_one_lags_it_takes_nothing_back(node, engine, liar, honest):
    """Its latest block is older than the mark, whatever our clock says by then."""
    for _ in range(3):
        real = mined(node, 1000)
    assert engine.header() == real
    liar.behind = honest.behind = 2
    for _ in range(3):
        assert engine.header() == real
        assert engine.now() == real.time
