"""More is sent to a consortium chain than a block holds: it goes on, and takes all of it."""

import pytest

from fabmarket.chain import ChainError, Settings, Transaction, open_engine, signed
from fabmarket.identity import Key
from fabmarket.local.network.founding import BLOCK_GAS, Plan, init
from fabmarket.local.network.running import down, up
from tests.integration.conftest import run_command

MOST = 1 << 24


@pytest.fixture
def root(needs_validator, tmp_path):
    return tmp_path / "network"


@pytest.fixture
def urls(root):
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


def test_one_who_fills_blocks_keeps_off_no_vote_and_no_other_sender(root, urls):
    """Of free gas one account could ask for whole blocks, long before others sent."""
    with open_engine(urls, Settings()) as engine:
        key, count = engine.funder, 120
        nonce = engine.nonce(key.address)
        for at in range(count):  # two after each other leave a block no room at all
            gas = BLOCK_GAS - MOST if at % 2 else MOST
            sent = Transaction(key, "fill", key.address, b"", gas)
            engine.send(signed(engine, sent, nonce + at))
        other = Key(b"\x07" * 32)
        paid = Transaction(other, "pay", other.address, b"", 21_000)
        (receipt,) = engine.mine([signed(engine, paid, 0)])
        assert engine.nonce(key.address, receipt.block) < nonce + count
        voted = run_command("network", "agree", "close", "deploy", "--network", root)
        assert voted.stdout == "It is done.\n", voted.stderr
        assert engine.nonce(key.address, engine.header().number) < nonce + count


def test_more_gas_than_a_transaction_may_have_is_refused_at_once(urls):
    with open_engine(urls, Settings()) as engine:
        key, nonce = engine.funder, engine.nonce(engine.funder.address)
        for gas in (MOST + 1, 30_000_000):
            sent = Transaction(key, "much", key.address, b"", gas)
            with pytest.raises(
                ChainError, match=f"{gas} gas where a transaction may ask for {MOST}"
            ):
                engine.send(signed(engine, sent, nonce))
        sent = Transaction(key, "enough", key.address, b"", MOST)
        assert engine.mine([signed(engine, sent, nonce)])[0].status == 1
