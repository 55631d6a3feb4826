"""`fabmarket audit` with nothing but a node: one that is honest, one whose storage was changed, and
nodes that refuse, forget, limit and go.
"""

import json

import pytest
from eth_utils.address import to_checksum_address

from fabmarket.chain import ExchangeContract, Settings, Transaction, look_at, open_engine
from fabmarket.identity import Key, keccak
from fabmarket.ledger import audit
from fabmarket.market.events import Settled
from fabmarket.market.exchange import VoidIntents, Withdraw
from tests.nodes import Relay, relay, rpc
from tests.pasts import PRESS, lived

NOBODY = "0x" + "0" * 40


@pytest.fixture(scope="module")
def past(needs_anvil):
    """A market with a past of everything, on a node."""
    with open_engine("anvil", Settings()) as engine:
        made = lived(engine)
        yield made
        made.outcome.store.close()


@pytest.fixture
def market(past):
    return past.outcome.market


@pytest.fixture
def run(market, fabmarket):
    def run(*options, rpc=market.engine.url, address=market.exchange.address):
        return fabmarket("audit", "--rpc", rpc, "--market", address, *options)

    return run


def refused(ran, *words, code=2):
    assert ran.code == code, ran.stdout + ran.stderr
    assert all(word in ran.stderr for word in words), ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_honest_market_passes_and_says_what_was_seen(past, market, run):
    facts = run("--json").facts
    assert facts["ok"]
    assert facts["first_difference"] is None
    assert (facts["market"], facts["chain_id"]) == (market.exchange.address, market.engine.chain_id)
    assert all(check["differing"] == 0 and check["compared"] for check in facts["checks"])
    scope = facts["scope"]
    assert scope["events"] == len(past.events)
    assert scope["is_ours"]
    trades = sum(isinstance(event, Settled) for event in past.events)
    assert scope["signatures"]["trades"] == 2 * trades
    assert run("--json", "--from", scope["first"]).facts["scope"]["events"] == scope["events"]
    shown = run()
    assert shown.code == 0
    assert "The audit passed" in shown.stdout


def touched(engine, to: str, data: bytes) -> list[tuple[str, str]]:
    """What a call reads of storage: contract and slot."""
    call = {"to": to, "data": f"0x{data.hex()}"}
    answer = rpc(engine, "eth_createAccessList", call, "latest")
    return [
        (each["address"], slot) for each in answer["accessList"] for slot in each["storageKeys"]
    ]


def views(past) -> dict[str, tuple]:
    """A call of each view, with what the market holds much of."""
    outcome = past.outcome
    market, parties = outcome.market, outcome.parties
    token, supplier = market.token.address, parties.suppliers[0].address
    trades = [event.trade for event in past.events if isinstance(event, Settled)]
    held = {trade: market.exchange.held_of(trade) for trade in trades}
    disputed = next(
        trade for trade, each in held.items() if market.exchange.ruling_of(trade).number
    )
    listing = next(e.listing for e in past.events if isinstance(e, Settled))
    return {
        "accountOf": (supplier, token),
        "intentNonce": (parties.demanders[2].address,),
        "slotOf": (supplier, PRESS, 0),
        "sealOf": (supplier, PRESS, 3),
        "listingId": (supplier, PRESS, 0),
        "listingOf": (listing,),
        "heldOf": (disputed,),
        "rulingOf": (disputed,),
        "totalOf": (token,),
        "accepts": (token,),
        "operatorSet": (),
        "operatorsOf": (1,),
        "pausedUntil": (),
        "decisionNonce": (),
    }


NAMED = {
    "accountOf": "account",
    "intentNonce": "intents of",
    "slotOf": "slot 0",
    "sealOf": "seal 3",
    "listingId": "end of slot",
    "listingOf": "listing 0x",
    "heldOf": "trade 0x",
    "rulingOf": "ruling on 0x",
    "totalOf": "total of",
    "accepts": "accepts",
    "operatorSet": "operators",
    "operatorsOf": "operators of set 1",
    "pausedUntil": "paused until",
    "decisionNonce": "decisions",
}


BITS = {"totalOf": 9, "operatorSet": 1, "pausedUntil": 161}
"""A bit of each value in its word, if it is not the first."""


@pytest.mark.parametrize("view", NAMED)
def test_a_corrupted_row_is_found_and_named(past, market, run, view):
    engine, exchange = market.engine, market.exchange
    slots = touched(engine, exchange.address, exchange.data(view, *views(past)[view]))
    assert slots
    address, slot = slots[-1]
    right = rpc(engine, "eth_getStorageAt", address, slot, "latest")
    wrong = f"0x{int(right, 16) ^ 1 << BITS.get(view, 0):064x}"
    try:
        rpc(engine, "anvil_setStorageAt", address, slot, wrong)
        ran = run("--json")
    finally:
        rpc(engine, "anvil_setStorageAt", address, slot, right)
    assert ran.code == 1, ran.stderr
    facts = json.loads(ran.stdout)
    told = [each for check in facts["checks"] for each in check["wrong"]]
    assert any(NAMED[view] in each["what"] for each in told), told
    assert all(each["logs"] != each["found"] for each in told)
    assert facts["first_difference"]["what"] == told[0]["what"]


def test_what_a_stranger_was_given_past_all_calls_is_seen_once_a_log_names_it(past, market, run):
    """An audit cannot list accounts: the docs say so, and when such a balance is found."""
    engine, exchange, token = market.engine, market.exchange, market.token.address
    stranger = Key.derive("audit", "hidden")
    address, slot = touched(
        engine, exchange.address, exchange.data("accountOf", stranger.address, token)
    )[-1]
    rpc(engine, "anvil_setStorageAt", address, slot, f"0x{5:064x}")
    try:
        assert exchange.balance_of(stranger.address, token) == 5
        assert run("--json").facts["ok"]
        rpc(engine, "anvil_setBalance", stranger.address, hex(10**18))
        saved = rpc(engine, "evm_snapshot")
        call = exchange.move_data(Withdraw(token, 5, stranger.address))
        market.sender.queue(Transaction(stranger, "withdraw", exchange.address, call, 200_000))
        market.sender.must_succeed()
        ran = run("--json")
        rpc(engine, "evm_revert", saved)
    finally:
        rpc(engine, "anvil_setStorageAt", address, slot, f"0x{0:064x}")
    assert ran.code == 1
    told = json.loads(ran.stdout)["first_difference"]
    assert "Withdraw of " + stranger.address in told["what"]


def test_money_that_the_token_took_from_the_market_is_missed(past, market, run):
    engine, token = market.engine, market.token
    (place,) = touched(engine, token.address, token.data("balanceOf", market.exchange.address))
    right = rpc(engine, "eth_getStorageAt", *place, "latest")
    try:
        rpc(engine, "anvil_setStorageAt", *place, f"0x{int(right, 16) - 1:064x}")
        ran = run()
    finally:
        rpc(engine, "anvil_setStorageAt", *place, right)
    assert ran.code == 1
    assert "money is missing" in ran.stdout
    assert "The audit FAILED" in ran.stdout


def test_calls_through_another_contract_are_counted_and_not_claimed(needs_anvil, fabmarket):
    with open_engine("anvil", Settings()) as engine:
        past = lived(engine)
        market, stranger = past.outcome.market, engine.funder
        # calldatacopy(0, 0, calldatasize); call(gas, MARKET, 0, 0, calldatasize, 0, 0); stop
        body = "365f5f375f5f365f5f73" + market.exchange.address[2:] + "5af100"
        code = bytes.fromhex(f"60{len(body) // 2:02x}600c60003960{len(body) // 2:02x}6000f3{body}")
        market.sender.queue(Transaction(stranger, "deploy", None, code, 200_000))
        (made,) = market.sender.must_succeed()
        call = market.exchange.move_data(VoidIntents(5))
        market.sender.queue(Transaction(stranger, "forward", made.contract, call, 300_000))
        market.sender.must_succeed()
        found = audit(market.exchange)
        assert found.ok, found.first
        assert (found.scope.unseen_calls, found.scope.unseen_events) == (1, 1)
        ran = fabmarket("audit", "--rpc", engine.url, "--market", market.exchange.address)
        assert "Not seen: what was signed for 1 event" in ran.stdout


# What is no verdict


def test_what_is_no_market_is_refused(market, run):
    refused(run(address=market.token.address), "no market answers at")
    refused(run(address=NOBODY), "no market answers at")
    refused(run(address="0x12"), "'0x12' is no address")
    mistyped = market.exchange.address[:-1] + market.exchange.address[-1].swapcase()
    if mistyped != market.exchange.address:
        refused(run(address=mistyped), "mistyped")
    refused(run("--chain-id", 1), "chain id", "where 1 is expected")
    refused(run("--from", 10**9), "block 1000000000 is not there yet")
    first = json.loads(run("--json").stdout)["scope"]["first"]
    refused(run("--from", first + 1), "the market was made before", "earlier block")
    refused(run(rpc="127.0.0.1:1"), "is no URL of a node")
    refused(run(rpc="http://127.0.0.1:1"), "no Ethereum node answers")


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
def test_a_node_that_refuses_much_at_once_is_asked_for_less(past, stubborn, run, blocks, together):
    stubborn.blocks, stubborn.together = blocks, together
    assert run("--json", rpc=stubborn.url).facts["scope"]["events"] == len(past.events)


def test_a_node_that_has_forgotten_is_no_verdict(stubborn, run):
    stubborn.forgotten = "eth_getTransactionByHash"
    refused(run(rpc=stubborn.url), "keeps all transactions")


def test_a_node_that_limits_is_waited_for(past, stubborn, run):
    answer = stubborn.answer

    def limits(body):
        if b"eth_getTransactionByHash" in body and stubborn.few is None:
            stubborn.fault, stubborn.few = 429, 4
        return answer(body)

    stubborn.answer = limits
    assert run("--json", rpc=stubborn.url).facts["scope"]["events"] == len(past.events)


@pytest.mark.parametrize("fault", ["drop", 429, 503])
def test_a_node_that_goes_midway_is_no_verdict(stubborn, run, monkeypatch, fault):
    monkeypatch.setattr("fabmarket.chain.rpc.RpcEngine.patience", 0.2)
    answer = stubborn.answer

    def goes(body):
        if b"eth_getTransactionByHash" in body:
            stubborn.fault = fault
        return answer(body)

    stubborn.answer = goes
    refused(run(rpc=stubborn.url), "does not answer", code=75)


def test_a_reorganisation_meanwhile_is_no_verdict(market, stubborn, run):
    engine, answered = market.engine, stubborn.answered
    changed = []

    def changes(asked):
        if asked["method"] == "eth_call" and stubborn.asked["eth_getLogs"] and not changed:
            changed.append(rpc(engine, "anvil_reorg", 1, []))
        return answered(asked)

    stubborn.answered = changes
    refused(run(rpc=stubborn.url), "reorganised", "start again", code=75)
    assert changed
    assert run(rpc=stubborn.url).code == 0


def test_a_node_that_is_only_read_needs_no_account(market):
    with look_at([market.engine.url], None) as engine:
        assert audit(ExchangeContract(engine, market.exchange.address)).ok


# The code

NAMES_OF_CODE = ("the exchange", "the escrow module", "the net module")


def forwarding(address: str) -> bytes:
    """The 45 bytes of a proxy that lets another's code run in its storage (ERC-1167)."""
    return bytes.fromhex(f"363d3d373d3d3d363d73{address[2:]}5af43d82803e903d91602b57fd5bf3")


@pytest.mark.parametrize("part", NAMES_OF_CODE)
@pytest.mark.parametrize("change", ["last byte", "a byte in the middle", "proxy"])
def test_code_that_was_replaced_is_found_and_named(market, run, part, change):
    engine, exchange = market.engine, market.exchange
    modules = [
        exchange.read("moduleOf", exchange.selector(name)) for name in ("settleEscrow", "settleNet")
    ]
    places = dict(zip(NAMES_OF_CODE, [exchange.address, *modules], strict=True))
    address = to_checksum_address(places[part])
    right = engine.code(address)
    at = len(right) - 1 if change == "last byte" else len(right) - 600
    wrong = right[:at] + bytes([right[at] ^ 1]) + right[at + 1 :]
    if change == "proxy":
        elsewhere = "0x" + "7" * 40
        wrong = forwarding(elsewhere)
        rpc(engine, "anvil_setCode", elsewhere, f"0x{right.hex()}")
    try:
        rpc(engine, "anvil_setCode", address, f"0x{wrong.hex()}")
        ran = run("--json")
    finally:
        rpc(engine, "anvil_setCode", address, f"0x{right.hex()}")
    assert ran.code == 1, ran.stderr
    told = json.loads(ran.stdout)["first_difference"]
    assert told["check"] == "the market's code is that of this version"
    assert told["what"] == f"the code of {part}, {address}"
    assert f"{len(wrong)} bytes of hash 0x{keccak(wrong).hex()}" in told["found"]


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
    sent["from"] = NOBODY[:-1] + "1"


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
def test_what_contradicts_its_hash_is_no_verdict(liar, run, method, change, words):
    liar.method, liar.change = method, change
    refused(run(rpc=liar.url), words, "use another")


def test_a_log_that_its_block_s_receipts_do_not_have_is_no_verdict(liar, market, run):
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
        refused(run(rpc=liar.url), "other logs than are in the receipts of block", "use another")


def test_receipts_that_are_not_of_their_block_are_no_verdict(liar, market, run):
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
    refused(run(rpc=liar.url), "receipts of root", "use another")


def test_a_chain_with_fields_of_its_own_is_believed_and_that_is_said(past, liar, run):
    liar.method = "eth_getBlockByNumber"

    def other(block):
        block["extDataHash"] = block["parentHash"]
        block["gasUsed"] = hex(int(block["gasUsed"], 16) + 1)

    liar.change = other
    facts = run("--json", rpc=liar.url).facts
    assert facts["ok"]
    assert facts["scope"]["believed"] > 10
    assert "their kinds are not known here" in run(rpc=liar.url).stdout
    assert run("--json").facts["scope"]["believed"] == 0
