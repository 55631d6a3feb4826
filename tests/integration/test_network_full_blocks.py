"""More is sent to a consortium chain than a block holds: it goes on, and takes all of it."""

import pytest

from fabmarket.chain import Settings, Transaction, open_engine, signed
from fabmarket.local.network.founding import Plan, init
from fabmarket.local.network.running import down, up


@pytest.fixture
def urls(needs_validator, tmp_path):
    root = tmp_path / "network"
    facts = init(root, Plan(validators=1))  # who proposes to itself refuses what others would
    try:
        up(root)
        yield facts.engine
    finally:
        down(root, is_removed=True)


def test_what_does_not_fit_is_waited_for_by_its_senders_next_transactions(urls):
    """Two of the large ones fit into a block; the small one after a third would leave a gap."""
    with open_engine(urls, Settings()) as engine:
        key, nonce = engine.funder, engine.nonce(engine.funder.address)
        line = [
            signed(engine, Transaction(key, "pay", key.address, b"", gas), nonce + at)
            for at, gas in enumerate((14_000_000, 21_000) * 8)
        ]
        receipts = engine.mine(line)
    assert [each.status for each in receipts] == [1] * len(line)
    blocks = [each.block for each in receipts]
    assert blocks == sorted(blocks)
    assert max(map(blocks[::2].count, blocks)) <= 2
