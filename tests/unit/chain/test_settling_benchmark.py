"""What benchmarks/chain.py times are trades that settle, and where it cannot it says so."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAIRS = 4


@pytest.fixture(scope="module")
def market():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        loads, settling = map(importlib.import_module, ("loads", "settling"))
    chain = settling.Embedded()
    founded = loads.Market(chain.engine, lambda lines: chain.settle(lines).contract, PAIRS)
    return loads, settling, chain, founded


@pytest.mark.parametrize(
    ("mode", "each"),
    [
        ("transfers", 1),
        ("one by one", 1),
        ("batches of distinct pairs", PAIRS),
        ("batches of one pair", PAIRS),
        ("net", 5 * PAIRS),
    ],
)
def test_every_trade_of_a_load_settles(market, mode, each):
    _, _, chain, founded = market
    count = 13  # by then an epoch of nonces is over in net cycles
    took = chain.settle(founded.load(mode, count))
    assert founded.trades(mode) == each
    assert founded.settled(mode, took.logs) == count * each
    assert sum(sent for sent, _ in took.blocks) == count


def test_what_a_batch_skips_does_not_count_as_settled(market):
    loads, _, chain, founded = market
    load = founded.load("batches of one pair", 1)
    pair = founded.demanders[0], founded.suppliers[0]
    founded.bought[pair[0].address] -= 1  # the nonce of its last trade once more
    again = founded._moved(founded.senders[0], loads.SettleBatch((founded._trade(*pair),)), 200_000)
    took = chain.settle([[*load[0], again]])
    assert founded.settled("batches of one pair", took.logs) == PAIRS


def test_a_transaction_that_reverts_ends_the_benchmark(market):
    _, settling, chain, founded = market
    token, sender = founded.token, founded.senders[1]
    everything = token.data("transfer", founded.senders[0].address, 1 << 255)
    line = [founded._signed(sender, token.address, everything, 60_000)]
    with pytest.raises(settling.Failed, match="1 of 1 transactions reverted"):
        chain.settle([line])


def test_without_a_validator_the_network_is_skipped_with_a_line_that_says_so():
    command = [sys.executable, str(ROOT / "benchmarks" / "chain.py"), "--engine", "network"]
    ran = subprocess.run(  # noqa: S603
        [*command, "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={"FABMARKET_VALIDATOR": "/nowhere", "PYTHONPATH": str(ROOT / "src")},
    )
    said = json.loads(ran.stdout)
    assert said["rows"] == []
    assert "/nowhere" in said["skipped"]


@pytest.mark.parametrize(
    ("sizes", "said"), [((4, 900, 2), 4), ((5.4, -9), None), ((-900,), None), ((0.2,), None)]
)
def test_regression_a_disk_that_has_shrunk_says_nothing_of_a_trade(monkeypatch, sizes, said):
    """A run kept 0 bytes of a trade, or fewer than none."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    assert importlib.import_module("chain").grown(sizes) == said
