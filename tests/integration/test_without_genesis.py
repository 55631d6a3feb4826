"""A chain whose first block is 1, and whose hashes are of headers that it does not show."""

import json

import pytest

from fabmarket.chain import ChainError, Settings, open_engine
from fabmarket.ledger import Follower, Ledger
from tests.nodes import Relay, relay


class Consortium(Relay):
    """Answers as cosmos/evm does: of block 0 it takes the number for that of the latest."""

    def answered(self, asked: dict) -> bytes:
        method, params = asked["method"], asked["params"]
        if method == "eth_getBlockByNumber" and params[0] == "0x0":
            params[0] = "latest"
        if method == "eth_getLogs" and params[0]["fromBlock"] == "0x0":
            params[0]["fromBlock"] = params[0]["toBlock"] = "latest"
        said = json.loads(super().answered(asked))
        if method == "eth_getBlockByNumber" and said["result"] is not None:
            said["result"] |= {"mixHash": "0x" + 64 * "0", "receiptsRoot": "0x" + 64 * "7"}
        return json.dumps(said).encode()


@pytest.fixture
def consortium(market):
    with relay(market.engine.url, Consortium) as made:
        yield made


def test_it_is_followed_from_its_first_block(past, market, consortium):
    """The demo ended with a log of the latest block among those of 0 to 9."""
    engine = open_engine(consortium.url, Settings(chain_id=market.engine.chain_id))
    log = Ledger()
    Follower(engine, market.exchange, log).follow()
    assert list(log.events()) == list(past.events)
    polled = Follower(engine, market.exchange, Ledger()).poll()
    assert [each.event for block in polled for each in block.entries] == list(past.events)


def test_it_is_audited_from_its_first_block(past, consortium, audited):
    facts = audited("--json", rpc=consortium.url).facts
    assert facts["ok"]
    assert facts["scope"]["events"] == len(past.events)
    assert facts["scope"]["believed"] > 10


def test_a_block_that_was_not_asked_for_is_no_answer(market, consortium):
    engine = open_engine(consortium.url, Settings(chain_id=market.engine.chain_id))
    for ask in (engine.header, lambda number: engine.headers([number])):
        with pytest.raises(ChainError, match="where 0 is asked for"):
            ask(0)
