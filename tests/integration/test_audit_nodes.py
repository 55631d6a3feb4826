"""`fabmarket audit` at nodes that refuse, forget, limit, go, change and lie: no verdict."""

import json

import pytest

from tests.integration.conftest import refused
from tests.nodes import Relay, relay, rpc


class Stubborn(Relay):
    """A node that refuses so many blocks or requests at once, or has forgotten something."""

    blocks = 10**9
    together = 10**9
    forgotten = ""

    def answer(self, body: bytes) -> bytes:
        asked = json.loads(body)
        if isinstance(asked, list) and len(asked) > self.together:
            return self._failed({"id": None}, "batch too large")
        return super().answer(body)

    def answered(self, asked: dict) -> bytes:
        method, params = asked["method"], asked["params"]
        if method == "eth_getLogs":
            first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
            if last - first >= self.blocks:
                return self._failed(asked, "block range too large")
        if method == self.forgotten:
            if method == "eth_getTransactionByHash":
                return self._result(asked, None)
            return self._failed(asked, "missing trie node")
        return super().answered(asked)

    def _failed(self, asked: dict, why: str) -> bytes:
        error = {"code": -32000, "message": why}
        return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode()


@pytest.fixture
def stubborn(market):
    with relay(market.engine.url, Stubborn) as made:
        yield made


@pytest.mark.parametrize(("blocks", "together"), [(7, 10**9), (10**9, 3), (1, 1)])
def test_a_node_that_refuses_much_at_once_is_asked_for_less(
    past, stubborn, audited, blocks, together
):
    stubborn.blocks, stubborn.together = blocks, together
    assert audited("--json", rpc=stubborn.url).facts["scope"]["events"] == len(past.events)


def test_a_node_that_has_forgotten_is_no_verdict(stubborn, audited):
    stubborn.forgotten = "eth_getTransactionByHash"
    refused(audited(rpc=stubborn.url), "keeps all transactions")
    stubborn.forgotten = "eth_getStorageAt"
    refused(audited(rpc=stubborn.url), "refused eth_getStorageAt", "missing trie node")


def test_a_node_that_limits_is_waited_for(past, stubborn, audited):
    answer = stubborn.answer

    def limits(body):
        if b"eth_getTransactionByHash" in body and stubborn.few is None:
            stubborn.fault, stubborn.few = 429, 4
        return answer(body)

    stubborn.answer = limits
    assert audited("--json", rpc=stubborn.url).facts["scope"]["events"] == len(past.events)


@pytest.mark.parametrize("fault", ["drop", 429, 503])
def test_a_node_that_goes_midway_is_no_verdict(stubborn, audited, monkeypatch, fault):
    monkeypatch.setattr("fabmarket.chain.rpc.RpcEngine.patience", 0.2)
    answer = stubborn.answer

    def goes(body):
        if b"eth_getTransactionByHash" in body:
            stubborn.fault = fault
        return answer(body)

    stubborn.answer = goes
    refused(audited(rpc=stubborn.url), "does not answer", code=75)


def test_a_reorganisation_meanwhile_is_no_verdict(market, stubborn, audited):
    engine, answered = market.engine, stubborn.answered
    changed = []

    def changes(asked):
        if asked["method"] == "eth_call" and stubborn.asked["eth_getLogs"] and not changed:
            changed.append(rpc(engine, "anvil_reorg", 1, []))
        return answered(asked)

    stubborn.answered = changes
    refused(audited(rpc=stubborn.url), "reorganised", "start again", code=75)
    assert changed
    assert audited(rpc=stubborn.url).code == 0


# A node that contradicts itself is no verdict


class Liar(Relay):
    """A node whose answers to one method are changed on their way."""

    method = ""

    def change(self, result: dict | list) -> None:
        """Change it in its place."""

    def answered(self, asked: dict) -> bytes:
        said = json.loads(super().answered(asked))
        if asked["method"] == self.method and said.get("result"):
            self.change(said["result"])
        return json.dumps(said).encode()


@pytest.fixture
def liar(market):
    with relay(market.engine.url, Liar) as made:
        yield made


def another(text: str) -> str:
    return text[:-1] + ("1" if text[-1] != "1" else "2")


def changed_input(sent):
    sent["input"] = another(sent["input"])


def changed_sender(sent):
    sent["from"] = "0x" + "0" * 39 + "1"


def changed_nonce(sent):
    sent["nonce"] = hex(int(sent["nonce"], 16) + 1)


def raised_time(block):
    block["timestamp"] = hex(int(block["timestamp"], 16) + 1_000)


def changed_root(block):
    block["receiptsRoot"] = another(block["receiptsRoot"])


@pytest.mark.parametrize(
    ("method", "change", "words"),
    [
        ("eth_getTransactionByHash", changed_input, "other fields than those of its hash"),
        ("eth_getTransactionByHash", changed_nonce, "other fields than those of its hash"),
        ("eth_getTransactionByHash", changed_sender, "signed it"),
        ("eth_getBlockByNumber", raised_time, "other fields than those of its hash"),
        ("eth_getBlockByNumber", changed_root, "other fields than those of its hash"),
    ],
)
def test_what_contradicts_its_hash_is_no_verdict(liar, audited, method, change, words):
    liar.method, liar.change = method, change
    refused(audited(rpc=liar.url), words, "use another")


def test_a_log_that_its_block_s_receipts_do_not_have_is_no_verdict(liar, market, audited):
    """A byte of one log is another, or it is kept back: the receipts tell."""
    first = market.exchange.address.lower()

    def of_market(logs):
        return [log for log in logs if log["address"].lower() == first]

    def changed(logs):
        for log in of_market(logs):
            if log["data"] != "0x":
                log["data"] = another(log["data"])

    def kept_back(logs):
        calls = [log["transactionHash"] for log in of_market(logs)[1:]]
        several = [each for each in calls if calls.count(each) > 1]
        if several:
            logs.remove(next(log for log in logs if log["transactionHash"] == several[-1]))

    liar.method = "eth_getLogs"
    for liar.change in (changed, kept_back):
        refused(
            audited(rpc=liar.url), "other logs than are in the receipts of block", "use another"
        )


def test_receipts_that_are_not_of_their_block_are_no_verdict(liar, market, audited):
    """Logs and receipts agree, the root in the header says otherwise."""
    answered = liar.answered

    def changed(asked):
        said = json.loads(answered(asked))
        logs = {"eth_getLogs": said.get("result")}.get(asked["method"])
        if asked["method"] == "eth_getTransactionReceipt":
            logs = said["result"]["logs"]
        for log in logs or ():
            if log["address"].lower() == market.exchange.address.lower() and log["data"] != "0x":
                log["data"] = another(log["data"])
        return json.dumps(said).encode()

    liar.answered = changed
    refused(audited(rpc=liar.url), "receipts of root", "use another")


def test_a_chain_with_fields_of_its_own_is_believed_and_that_is_said(past, liar, audited):
    liar.method = "eth_getBlockByNumber"

    def other(block):
        block["extDataHash"] = block["parentHash"]
        block["gasUsed"] = hex(int(block["gasUsed"], 16) + 1)

    liar.change = other
    facts = audited("--json", rpc=liar.url).facts
    assert facts["ok"]
    assert facts["scope"]["believed"] > 10
    assert "their kinds are not known here" in audited(rpc=liar.url).stdout
    assert audited("--json").facts["scope"]["believed"] == 0
