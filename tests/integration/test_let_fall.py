"""The first of several nodes takes transactions and lets them fall: they are mined all the same."""

import json
from contextlib import nullcontext, suppress

import pytest

from fabmarket.chain import ChainError, Sender, Settings, Transaction, open_engine, posting
from fabmarket.identity import Key, keccak
from tests.integration.test_pushing import firm_at
from tests.nodes import Relay, relay
from tests.street import PATIENCE, wait_until

SOMEBODY = Key.derive("let fall", "somebody").address


class LetsFall(Relay):
    """Says that it takes each transaction, or refuses it; it passes none on."""

    refuses = False

    def answered(self, asked):
        if asked["method"] != "eth_sendRawTransaction":
            return super().answered(asked)
        if self.refuses:
            error = {"code": -32000, "message": "no"}
            return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode()
        return self._result(asked, "0x" + keccak(bytes.fromhex(asked["params"][0][2:])).hex())


@pytest.fixture
def engine(node, monkeypatch):
    """Over three: one that lets all fall, one that is silent after the start, and a good one."""
    monkeypatch.setattr(posting, "TIMEOUT", 3600.0)
    with relay(node.url, LetsFall) as first, relay(node.url) as silent:
        made = open_engine(f"{first.url},{silent.url},{node.url}", Settings())
        silent.fault = "stall"
        made.first = first
        yield made


def test_what_is_waited_for_is_mined(engine):
    """It was sent to the first one again and again for a minute, and then given up."""
    sender = Sender(engine)
    for amount in (1, 20, 300):
        sender.queue(Transaction(engine.funder, "pay", SOMEBODY, b"", 21_000, amount))
    assert len(sender.must_succeed()) == 3
    assert engine.native_balance(SOMEBODY) == 321


@pytest.mark.parametrize("refuses", [False, True])
def test_what_an_agent_sends_is_mined(node, engine, refuses):
    """The outbox went on to send it there, for ever."""
    firm = firm_at(open_engine(node.url, Settings()))
    journal = firm.ordered(1, 20, 300)
    outbox = firm.outbox(journal, engine=engine)
    engine.first.refuses = refuses

    def is_empty():
        with suppress(ChainError) if refuses else nullcontext():
            outbox.push()
        return not journal.moves()

    wait_until(is_empty, PATIENCE, "something waits for ever")
    assert firm.balance() == 321
    assert engine.first.asked["eth_sendRawTransaction"] > 3
