"""What cosmos/evm does otherwise: no block 0, hashes of headers that it does not show, gas of one
price or none, transactions that it knows and does not show, blocks that it shows unread.
"""

import json
import re

import pytest

from fabmarket.chain import ChainError, Fees, NodeLost, Settings, open_engine, raised_fees, signed
from fabmarket.identity import Key, keccak
from fabmarket.ledger import Follower, Ledger
from tests.integration.test_endpoints import pay
from tests.nodes import Anvil, Relay, binary_of_anvil, relay


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


def test_bytes_that_it_says_it_knows_are_no_error_though_it_does_not_show_them(node):
    """Agents called the chain lost whenever they sent a transaction again."""

    class Knowing(Relay):
        def answered(self, asked):
            if asked["method"] == "eth_getTransactionByHash":
                return self._result(asked, None)
            if asked["method"] == "eth_sendRawTransaction":
                error = {"code": -32000, "message": "already known"}
                return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode()
            return super().answered(asked)

    with relay(node.url, Knowing) as only:
        engine = open_engine(only.url, Settings())
        raw = signed(engine, pay(engine), 0)
        assert engine.send(raw) == keccak(raw)


class Unread(Relay):
    """Shows a block before it has read the transactions in it."""

    unread = 0

    def answered(self, asked):
        if asked["method"] != "eth_getBlockByNumber" or self.unread == 0:
            return super().answered(asked)
        self.unread -= 1
        said = "failed to get rpc block from comet block: failed to get receipts from comet block"
        error = {"code": -32000, "message": f"{said}: tx not found: hash=0x{64 * '1'}"}
        return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode()


def test_a_block_that_it_has_not_read_yet_is_asked_for_again_or_elsewhere(node):
    """A market could not be set up: its first block was asked for within the same moment."""
    with relay(node.url, Unread) as only:
        engine = open_engine(only.url, Settings())
        for ask in (lambda: [engine.header(0)], lambda: engine.headers([0]), engine.header):
            only.unread = 3
            assert ask()
            assert only.unread == 0
        both = open_engine(f"{only.url},{node.url}", Settings())
        only.unread = 1 << 60
        assert both.headers([0]) == [both.header(0)]
        with pytest.raises(NodeLost, match="failed to get rpc block from comet block"):
            engine.header(0)


class Priced(Relay):
    """Gas has a fixed price, as where the consortium says one."""

    price = 5 * 10**9

    def answered(self, asked: dict) -> bytes:
        if asked["method"] == "eth_gasPrice":
            return self._result(asked, hex(self.price))
        said = json.loads(super().answered(asked))
        if asked["method"] == "eth_getBlockByNumber":
            said["result"]["baseFeePerGas"] = "0x0"
        return json.dumps(said).encode()


def test_a_fixed_price_is_paid_to_the_maker_of_the_block(node):
    with relay(node.url, Priced) as only:
        engine = open_engine(only.url, Settings())
        assert engine.fees() == Fees(only.price, only.price)
        assert raised_fees(engine, Fees(0, 0), 10**12) == engine.fees()
        only.price = 0
        assert engine.fees() == Fees(0, 0)
        assert raised_fees(engine, Fees(0, 0), 10**12) is None


def test_where_gas_costs_nothing_nobody_needs_coin(needs_anvil, fabmarket, monkeypatch, tmp_path):
    monkeypatch.setenv("FABMARKET_FUNDER_KEY", Key.derive("manners", "poor").reveal().hex())
    free = ("--base-fee", "0", "--gas-price", "0", "--disable-min-priority-fee")
    node = Anvil(binary_of_anvil(), tmp_path / "state.json", *free)
    try:
        facts = fabmarket("demo", "--engine", node.url, "--json").facts
    finally:
        node.kill()
    assert facts["audit"]["ok"]
    assert facts["paid_total"] == 31_625


def test_regression_a_refusal_is_told_in_the_nodes_words(node):
    """It was a dictionary of Python with a code; and who might let one deploy was not said."""
    said = "0x12 may not deploy on this chain\nnow"

    class Refusing(Relay):
        def answered(self, asked):
            if asked["method"] in ("eth_sendRawTransaction", "eth_call", "eth_getLogs"):
                error = {"code": -32000, "message": said}
                return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode()
            return super().answered(asked)

    with relay(node.url, Refusing) as only:
        engine = open_engine(only.url, Settings())
        raw = signed(engine, pay(engine), 0)
        for ask, rest in (
            (lambda: engine.send(raw), "; .*fabmarket network agree allow deploy ACCOUNT"),
            (lambda: engine.call(engine.funder.address, b""), ""),
            (lambda: engine.calls(engine.funder.address, [b""]), ""),
            (lambda: engine.logs(0, 1, engine.funder.address), r"\); use another"),
        ):
            with pytest.raises(ChainError) as caught:
                ask()
            told = str(caught.value)
            assert "{" not in told
            assert re.search(rf"0x12 may not deploy on this chain\\nnow{rest}$", told), told
