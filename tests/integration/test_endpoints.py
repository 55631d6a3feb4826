"""Several nodes as one: the run goes on where one of them fails, and nothing seen is unseen."""

import json
from contextlib import ExitStack

import pytest

from fabmarket.chain import (
    ChainError,
    EngineUnavailable,
    NodeLost,
    Sender,
    Settings,
    Transaction,
    open_engine,
    posting,
    public,
)
from fabmarket.chain.endpoints import secrets, urls_of
from fabmarket.identity import Key, keccak
from fabmarket.ledger import Follower, Ledger
from fabmarket.market.exchange import RaiseEpoch
from tests.nodes import DEV_CHAIN_ID, relay, rpc
from tests.unit.chain.conftest import deploy_on

SOMEBODY = Key.derive("endpoints", "somebody").address


@pytest.fixture
def relays(node):
    """Two relays before one node."""
    with relay(node.url) as first, relay(node.url) as second:
        yield first, second


@pytest.fixture
def both(relays):
    first, second = relays
    return open_engine(f"{first.url},{second.url}", Settings())


@pytest.fixture
def hasty(monkeypatch):
    """Nothing here waits for long: a silent endpoint is left and patience ends at once."""
    monkeypatch.setattr(posting, "TIMEOUT", 1.0)
    monkeypatch.setattr("fabmarket.chain.rpc.RpcEngine.patience", 0.5)


def pay(engine, amount=1):
    return Transaction(engine.funder, "pay", SOMEBODY, b"", 21_000, amount)


def paid(engine, amount=1):
    sender = Sender(engine)
    sender.queue(pay(engine, amount))
    (receipt,) = sender.must_succeed()
    return receipt


def signed_payment(engine, nonce, amount=1):
    fields = {
        "type": 2,
        "chainId": engine.chain_id,
        "nonce": nonce,
        "maxFeePerGas": engine.fees().most,
        "maxPriorityFeePerGas": 10**9,
        "gas": 21_000,
        "to": SOMEBODY,
        "value": amount,
        "data": b"",
    }
    return engine.funder.sign_transaction(fields)[0]


@pytest.mark.parametrize("fault", ["drop", "stall", 429, 500, 503, 404])
def test_what_one_endpoint_does_not_answer_the_next_does(hasty, relays, fault):
    first, second = relays
    engine = open_engine(f"{first.url},{second.url}", Settings())
    paid(engine)
    assert (second.asked["eth_sendRawTransaction"], first.asked["eth_sendRawTransaction"]) == (0, 1)
    first.fault = fault
    before = first.asked.total()
    assert paid(engine).status == 1
    assert engine.native_balance(SOMEBODY) == 2
    assert second.asked["eth_sendRawTransaction"] == 1
    assert first.asked.total() == before + 1  # left for good while the other answers


def test_the_run_comes_back_to_the_first_when_the_second_fails(both, relays):
    first, second = relays
    first.fault = "drop"
    paid(both)
    first.fault, second.fault = None, 503
    paid(both)
    assert both.native_balance(SOMEBODY) == 2


def test_a_demo_goes_on_at_the_other_node(node, fabmarket, relays):
    first, second = relays

    def dies_after(count, answer=first.answer):
        def answered(body):
            if first.asked.total() > count:
                raise ConnectionError
            return answer(body)

        return answered

    first.answer = dies_after(60)
    ran = fabmarket("demo", "--engine", f"{first.url},{second.url}", "--json")
    assert ran.facts["audit"]["ok"]
    assert ran.facts["paid_total"] == 31_625
    assert second.asked["eth_sendRawTransaction"] > 0
    assert first.asked["eth_sendRawTransaction"] > 0


@pytest.mark.parametrize("fault", [429, 502, "drop"])
def test_what_passes_is_waited_for(node, fault):
    with relay(node.url) as only:
        engine = open_engine(only.url, Settings())
        only.fault, only.few = fault, 2
        assert paid(engine).status == 1


def test_what_does_not_pass_is_not_asked_for_again(node):
    with relay(node.url) as only:
        engine = open_engine(only.url, Settings())
        only.fault = 401
        before = only.asked.total()
        with pytest.raises(NodeLost, match="HTTP status 401"):
            engine.now()
        assert only.asked.total() == before + 1


def changed(only, method, **numbers):
    """The relay answers a method with numbers in it, where the node has others."""
    answer = only.answer

    def answered(body):
        asked = json.loads(body)
        said = json.loads(answer(body))
        if asked["method"] == method:
            result = said["result"]
            for each in result if isinstance(result, list) else [result]:
                each.update(numbers)
        return json.dumps(said).encode()

    only.answer = answered


def test_of_an_answer_without_end_so_much_is_read(node, monkeypatch):
    monkeypatch.setattr(posting, "LARGEST_ANSWER", 1 << 20)
    with relay(node.url) as only:
        engine = open_engine(only.url, Settings())
        only.fault = "endless"
        with pytest.raises(ChainError, match="BadAnswer: more than 1048576 bytes"):
            engine.now()
        only.fault = None
        assert engine.now() > 0
    assert only.said < 64 << 20  # with what lies between us


@pytest.mark.parametrize("fault", ["drips", "drips headers", "drips chunks"])
def test_an_answer_that_drips_is_left(relays, monkeypatch, fault):
    """A header that never ended was waited for without end, and the next node was not asked."""
    monkeypatch.setattr(posting, "DEADLINE", 0.3)
    first, second = relays
    alone = open_engine(first.url, Settings())
    engine = open_engine(f"{first.url},{second.url}", Settings())
    first.fault = fault
    with pytest.raises(NodeLost, match="not at its end in"):
        alone.now()
    assert engine.now() > 0
    assert second.asked["eth_getBlockByNumber"] > 0


def replied(only, reply: bytes | None = None, **changes):
    """The relay answers with these bytes, or with these keys changed."""
    answer = only.answer

    def answered(body):
        return json.dumps(json.loads(answer(body)) | changes).encode() if reply is None else reply

    only.answer = answered


NOTHING_OF_A_NODE = {
    "a page": (b"<html>Too many requests</html>", "<html>Too many requests</html>"),
    "nothing": (b"", "nothing, which is no JSON"),
    "brackets": (b"[" * 200_000, "which is no JSON"),
    "null": (b'{"jsonrpc":"2.0","id":0,"result":null}', "None is no number"),
    "an error": (b'{"jsonrpc":"2.0","id":0,"error":{"message":"no such key"}}', "no such key"),
}


@pytest.mark.parametrize("what", NOTHING_OF_A_NODE)
def test_what_came_instead_of_an_answer_is_said(node, fabmarket, what):
    """It was said that nobody answers, with a class of Python and an option that audit has not."""
    reply, words = NOTHING_OF_A_NODE[what]
    with relay(node.url) as only:
        replied(only, reply)
        ran = fabmarket("audit", "--rpc", only.url, "--market", SOMEBODY)
    assert ran.code == 2, ran.stderr
    assert words in ran.stderr
    assert "--engine" not in ran.stderr
    assert len(ran.stderr) < 400


def test_a_node_that_limits_from_the_start_may_answer_later(node, fabmarket):
    with relay(node.url) as only:
        only.fault, only.headers = 429, {"Retry-After": "75"}
        ran = fabmarket("audit", "--rpc", only.url, "--market", SOMEBODY)
        assert ran.code == 75, ran.stderr
        assert "HTTP status 429, which asks to wait 75 s" in ran.stderr
        assert "try again later" in ran.stderr
        only.fault, only.headers = 302, {"Location": "file:///etc/passwd"}
        ran = fabmarket("audit", "--rpc", only.url, "--market", SOMEBODY)
        assert ran.code == 2
        assert "302, which leads to another place" in ran.stderr


def test_of_what_a_node_says_no_secret_is_shown(node):
    """A key that the node says after us, and the cut that a part of it could survive."""
    key = "0123456789abcdef" * 2
    with relay(node.url) as only:
        replied(only, b"x" * 85 + key.encode())
        with pytest.raises(EngineUnavailable) as caught:
            open_engine(f"{only.url}/v3/{key}", Settings())
    assert "xxx…" in str(caught.value)
    assert "0123" not in str(caught.value)


def test_an_answer_to_another_request_is_none(relays):
    first, second = relays
    engine = open_engine(f"{first.url},{second.url}", Settings())
    replied(first, id=99)
    assert engine.now() > 0
    assert second.asked["eth_getBlockByNumber"] == 1
    second.fault = "drop"
    with pytest.raises(NodeLost, match="an answer to request 99, which is another"):
        engine.now()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_an_answer_that_leads_to_another_place_is_not_followed(relays, status):
    first, second = relays
    engine = open_engine(first.url, Settings())
    first.fault, first.headers = status, {"Location": second.url}
    with pytest.raises(ChainError, match=f"BadAnswer: {status}, which leads to another place"):
        engine.now()
    assert second.asked.total() == 0


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**256 - 1])
@pytest.mark.parametrize("name", ["number", "timestamp"])
def test_a_block_of_numbers_that_no_chain_has_is_no_answer(node, name, number):
    with relay(node.url) as only:
        engine = open_engine(only.url, Settings())
        changed(only, "eth_getBlockByNumber", **{name: hex(number)})
        with pytest.raises(ChainError, match=r"does not answer as a node does .* is no"):
            engine.header()


@pytest.mark.parametrize("name", ["blockNumber", "logIndex"])
def test_a_log_of_numbers_that_no_chain_has_is_no_answer(node, name):
    deployed = deploy_on(open_engine(node.url, Settings()))
    with relay(node.url) as only:
        engine = open_engine(only.url, Settings())
        end, place = engine.block_number(), deployed.exchange.address
        assert engine.logs(0, end, place)
        changed(only, "eth_getLogs", **{name: hex(2**63)})
        with pytest.raises(ChainError, match=r"does not answer as a node does .* is no count"):
            engine.logs(0, end, place)


def test_all_lost_is_said_of_each_without_secrets(hasty, relays):
    first, second = relays
    places = f"{first.url}/v3/0123456789abcdef", f"{second.url}/?key=fedcba9876543210"
    engine = open_engine(",".join(places), Settings())
    first.fault, second.fault = "drop", 503
    with pytest.raises(NodeLost) as caught:
        engine.now()
    said = str(caught.value)
    assert f"{first.url}/… (ConnectionError)" in said
    assert f"{second.url}/… (HTTP status 503)" in said
    assert "abcdef" not in said
    assert "fedcba" not in said
    first.fault = None
    assert engine.now() > 0


def test_nodes_of_two_chains_are_refused(relays):
    first, second = relays
    second.chain_id = 5
    with pytest.raises(EngineUnavailable) as caught:
        open_engine(f"{first.url},{second.url}", Settings())
    assert f"({DEV_CHAIN_ID} at {first.url}, 5 at {second.url}); give nodes of one" in str(
        caught.value
    )


def test_one_that_is_down_at_first_must_be_of_the_chain_when_it_comes(hasty, relays):
    first, second = relays
    first.fault = "drop"
    engine = open_engine(f"{first.url},{second.url}", Settings())
    paid(engine)
    first.fault, first.chain_id, second.fault = None, 5, "drop"
    with pytest.raises(NodeLost, match=rf"{first.url} \(chain id 5\)"):
        engine.now()
    first.chain_id = None
    assert engine.native_balance(SOMEBODY) == 1


def test_one_that_comes_back_must_be_of_the_chain_that_it_was_of(hasty, relays):
    first, second = relays
    engine = open_engine(f"{first.url},{second.url}", Settings())
    first.fault = "drop"
    paid(engine)
    first.fault, first.chain_id, second.fault = None, 5, "drop"
    with pytest.raises(NodeLost, match=rf"{first.url} \(chain id 5\)"):
        engine.now()


def test_an_endpoint_that_is_behind_is_passed_over(both, relays):
    first, second = relays
    paid(both)
    seen = both.header()
    first.behind = 1
    assert both.header() == seen
    assert second.asked["eth_getBlockByNumber"] == 1
    paid(both)
    assert both.block_number() == seen.number + 1


def test_nothing_seen_is_unseen_when_all_are_behind(hasty, relays):
    first, second = relays
    engine = open_engine(f"{first.url},{second.url}", Settings())
    paid(engine)
    paid(engine)
    seen = engine.header()
    first.behind = second.behind = 2
    assert engine.header() == seen
    assert engine.now() == seen.time
    assert engine.native_balance(SOMEBODY) == 2
    with pytest.raises(NodeLost, match=f"at block {seen.number - 2}"):
        engine.nonce(engine.funder.address, seen.number)


def test_no_log_is_missed_at_an_endpoint_that_has_not_the_block(hasty, relays):
    first, second = relays
    engine = open_engine(f"{first.url},{second.url}", Settings())
    token = deploy_on(engine).token
    sender = Sender(engine)
    mint = token.data("mint", SOMEBODY, 5)
    sender.queue(Transaction(engine.funder, "mint", token.address, mint, 100_000))
    sender.must_succeed()
    head = engine.block_number()
    first.behind = second.behind = 1
    with pytest.raises(NodeLost, match=f"at block {head - 1}"):
        engine.logs(head, head, token.address)
    second.behind = 0
    assert len(engine.logs(head, head, token.address)) == 1


def test_a_follower_takes_a_lower_head_as_nothing_new(hasty, relays):
    first, second = relays
    engine = open_engine(f"{first.url},{second.url}", Settings())
    deployed = deploy_on(engine)
    follower = Follower(engine, deployed.exchange, Ledger())
    blocks = list(follower.poll())
    first.behind = second.behind = 3
    assert list(follower.poll()) == []
    deployed.queue(deployed.exchange.move_data(RaiseEpoch(deployed.token.address)))
    deployed.sender.must_succeed()
    assert list(follower.poll()) == []
    second.behind = 0
    blocks += follower.poll()
    fresh = Follower(engine, deployed.exchange, Ledger()).poll()
    assert [each for each in blocks if each.entries] == [each for each in fresh if each.entries]
    assert len(blocks[-1].entries) == 1


def test_a_receipt_is_asked_for_only_when_there_is_one(node):
    """cosmos/evm lets the question for a pending transaction's receipt wait up to 51 seconds."""
    rpc(node, "evm_setAutomine", False)
    with relay(node.url) as only:
        engine = open_engine(only.url, Settings())
        raw = signed_payment(engine, 0)
        place = engine.send(raw)
        assert place == keccak(raw)
        assert engine.receipt(place) is None
        assert engine.receipt(bytes(32)) is None
        assert only.asked["eth_getTransactionReceipt"] == 0
        rpc(node, "evm_mine")
        receipt = engine.receipt(place)
        assert (receipt.transaction, receipt.status, receipt.block) == (place, 1, 1)
        assert only.asked["eth_getTransactionReceipt"] == 1


def test_an_interrupted_run_s_waiting_transactions_keep_their_nonces(node):
    rpc(node, "evm_setAutomine", False)
    engine = open_engine(node.url, Settings())
    engine.send(signed_payment(engine, 0))
    engine.send(signed_payment(engine, 1))
    me = engine.funder.address
    assert (engine.nonce(me), engine.nonce(me, engine.block_number())) == (2, 0)
    rpc(node, "evm_setAutomine", True)
    assert paid(open_engine(node.url, Settings())).status == 1
    assert engine.nonce(me, engine.block_number()) == 3


def test_bytes_that_the_node_knows_are_no_error(node):
    rpc(node, "evm_setAutomine", False)
    engine = open_engine(node.url, Settings())
    raw = signed_payment(engine, 0)
    assert engine.send(raw) == engine.send(raw)
    rpc(node, "evm_mine")
    assert engine.send(raw) == keccak(raw)
    assert engine.native_balance(SOMEBODY) == 1
    with pytest.raises(ChainError, match=r"refused a transaction: .*nonce too low"):
        engine.send(signed_payment(engine, 0, amount=2))


def test_bytes_are_sent_again_when_the_answer_was_lost(both, relays):
    first, second = relays
    passed = first.answer

    def lost(body):
        said = passed(body)
        if b"eth_sendRawTransaction" in body:
            raise ConnectionError
        return said

    first.answer = lost
    assert paid(both).status == 1
    assert both.native_balance(SOMEBODY) == 1
    assert second.asked["eth_sendRawTransaction"] == 1


def test_bytes_that_a_node_lost_are_sent_again(node, monkeypatch):
    rpc(node, "evm_setAutomine", False)
    engine = open_engine(node.url, Settings())
    sent = []
    send = engine.send

    def forgotten(raw):
        place = send(raw)
        sent.append(place)
        if len(sent) == 1:
            rpc(node, "anvil_dropTransaction", "0x" + place.hex())
        else:
            rpc(node, "evm_mine")
        return place

    monkeypatch.setattr(engine, "send", forgotten)
    assert engine.mine([signed_payment(engine, 0)])[0].status == 1
    assert len(sent) == 2


@pytest.mark.parametrize("name", ["embedded", "anvil"])
def test_every_engine_sends_and_finds_receipts(request, name):
    if name == "anvil":
        request.getfixturevalue("needs_anvil")
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(name, Settings()))
        raw = signed_payment(engine, 0)
        place = engine.send(raw)
        if name == "anvil":
            assert engine.receipt(place) is None
            rpc(engine, "evm_mine")
        assert engine.send(raw) == place == keccak(raw)
        receipt = engine.receipt(place)
        assert (receipt.transaction, receipt.status, receipt.block) == (place, 1, 1)
        me = engine.funder.address
        assert [engine.nonce(me, 0), engine.nonce(me, 1), engine.nonce(me)] == [0, 1, 1]
        with pytest.raises(ChainError, match="refused a transaction"):
            engine.send(signed_payment(engine, 0, amount=2))
        assert engine.receipt(bytes(32)) is None
        assert engine.native_balance(SOMEBODY) == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("http://a:1,https://b", "http://a:1,https://b"),
        ("http://a, http://b", "http://a,http://b"),
        ("https://u:pass,word@h/key,http://x/v3/secret", "https://h/…,http://x/…"),
        ("http://a,https://u:p/w@h/", "http://a,https://…"),
        ("anvil,http://u:p@h", "anvil,http://h/…"),
    ],
)
def test_of_every_url_scheme_host_and_port_are_public(name, shown):
    assert public(name) == shown


def test_a_comma_in_a_password_parts_no_url():
    name = "https://user:pass,word@h/0123456789,http://h2/v3/abcdefgh"
    assert urls_of(name) == ["https://user:pass,word@h/0123456789", "http://h2/v3/abcdefgh"]
    assert {"pass,word", "0123456789", "abcdefgh"} <= set(secrets(name))
