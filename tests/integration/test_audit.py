"""`fabmarket audit` with nothing but a node: of a market that is as it should be, and of one whose
storage or code was changed.
"""

import json
import re
from dataclasses import fields

import pytest
from eth_utils.address import to_checksum_address

from fabmarket.chain import (
    ExchangeContract,
    Settings,
    Transaction,
    escrow_code,
    exchange_code,
    look_at,
    net_code,
    open_engine,
)
from fabmarket.chain.places import is_operator, number_of_sets, unit_of
from fabmarket.identity import Key, keccak
from fabmarket.ledger import audit
from fabmarket.market.events import Settled
from fabmarket.market.exchange import VoidIntents, Withdraw
from tests.integration.conftest import refused
from tests.nodes import rpc
from tests.pasts import PRESS, lived


def test_an_honest_market_passes_and_says_what_was_seen(past, market, audited):
    facts = audited("--json").facts
    assert facts["ok"]
    assert facts["first_difference"] is None
    assert (facts["market"], facts["chain_id"]) == (market.exchange.address, market.engine.chain_id)
    assert all(check["differing"] == 0 and check["compared"] for check in facts["checks"])
    scope = facts["scope"]
    assert scope["events"] == len(past.events)
    assert scope["is_ours"]
    trades = sum(isinstance(event, Settled) for event in past.events)
    assert scope["signatures"]["trades"] == 2 * trades
    assert audited("--json", "--from", scope["first"]).facts["scope"]["events"] == scope["events"]
    shown = audited()
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


def require_no_repr_of_bytes(shown: str) -> None:
    """A seal that differed was printed as Python writes bytes, where all else shows 0x."""
    assert re.search(r"\bb(\\?['\"])", shown) is None, shown


BITS = {"totalOf": 9, "operatorSet": 1, "pausedUntil": 161}
"""A bit of each value in its word, if it is not the first."""


@pytest.mark.parametrize("view", NAMED)
def test_a_corrupted_row_is_found_and_named(past, market, audited, view):
    engine, exchange = market.engine, market.exchange
    slots = touched(engine, exchange.address, exchange.data(view, *views(past)[view]))
    assert slots
    address, slot = slots[-1]
    right = rpc(engine, "eth_getStorageAt", address, slot, "latest")
    wrong = f"0x{int(right, 16) ^ 1 << BITS.get(view, 0):064x}"
    try:
        rpc(engine, "anvil_setStorageAt", address, slot, wrong)
        ran = audited("--json")
    finally:
        rpc(engine, "anvil_setStorageAt", address, slot, right)
    assert ran.code == 1, ran.stderr
    facts = json.loads(ran.stdout)
    told = [each for check in facts["checks"] for each in check["wrong"]]
    assert any(NAMED[view] in each["what"] for each in told), told
    assert all(each["logs"] != each["found"] for each in told)
    first = next(check for check in facts["checks"] if check["wrong"])
    # One shape for both: the first of all had no sentence.
    assert facts["first_difference"] == {"check": first["name"], **told[0]}
    require_no_repr_of_bytes(ran.stdout)


UNTOLD = {
    "unit of 0x": lambda supplier, _: unit_of(supplier, PRESS),
    "operator ": lambda _, operator: is_operator(1, operator),
    "number of sets of operators": lambda *_: number_of_sets(),
}


@pytest.mark.parametrize("what", UNTOLD)
def test_regression_what_no_view_tells_is_compared_too(past, market, audited, what):
    """The unit is what a buyer pays for, and a flipped bit of it passed."""
    engine, exchange, parties = market.engine, market.exchange, past.outcome.parties
    part = UNTOLD[what](parties.suppliers[0].address, parties.operators[0].address)
    place = (exchange.address, f"0x{part.place:064x}")
    right = rpc(engine, "eth_getStorageAt", *place, "latest")
    bit = 64 if what.startswith("number") else 0  # the other parts of that word have their views
    try:
        rpc(engine, "anvil_setStorageAt", *place, f"0x{int(right, 16) ^ 1 << bit:064x}")
        ran = audited("--json")
    finally:
        rpc(engine, "anvil_setStorageAt", *place, right)
    assert ran.code == 1, ran.stderr
    told = [each for check in json.loads(ran.stdout)["checks"] for each in check["wrong"]]
    assert [each["what"].startswith(what) for each in told] == [True], told
    require_no_repr_of_bytes(ran.stdout)


def test_a_calendar_lies_where_the_audit_looks_for_it(past, market):
    """Its second word is what a view of it reads."""
    exchange, supplier = market.exchange, past.outcome.parties.suppliers[0].address
    read = touched(market.engine, exchange.address, exchange.data("listingId", supplier, PRESS, 0))
    assert unit_of(supplier, PRESS).place + 1 in [int(slot, 16) for _, slot in read]


def test_what_a_stranger_was_given_past_all_calls_is_seen_once_a_log_names_it(
    past, market, audited
):
    """An audit cannot list accounts: the docs say so, and when such a balance is found."""
    engine, exchange, token = market.engine, market.exchange, market.token.address
    stranger = Key.derive("audit", "hidden")
    address, slot = touched(
        engine, exchange.address, exchange.data("accountOf", stranger.address, token)
    )[-1]
    rpc(engine, "anvil_setStorageAt", address, slot, f"0x{5:064x}")
    try:
        assert exchange.balance_of(stranger.address, token) == 5
        assert audited("--json").facts["ok"]
        rpc(engine, "anvil_setBalance", stranger.address, hex(10**18))
        saved = rpc(engine, "evm_snapshot")
        call = exchange.move_data(Withdraw(token, 5, stranger.address))
        market.sender.queue(Transaction(stranger, "withdraw", exchange.address, call, 200_000))
        market.sender.must_succeed()
        ran = audited("--json")
        rpc(engine, "evm_revert", saved)
    finally:
        rpc(engine, "anvil_setStorageAt", address, slot, f"0x{0:064x}")
    assert ran.code == 1
    told = json.loads(ran.stdout)["first_difference"]
    assert "Withdraw of " + stranger.address in told["what"]


def test_money_that_the_token_took_from_the_market_is_missed(past, market, audited):
    engine, token = market.engine, market.token
    (place,) = touched(engine, token.address, token.data("balanceOf", market.exchange.address))
    right = rpc(engine, "eth_getStorageAt", *place, "latest")
    try:
        rpc(engine, "anvil_setStorageAt", *place, f"0x{int(right, 16) - 1:064x}")
        ran = audited()
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


def test_what_is_no_market_is_refused(market, audited):
    refused(audited(address=market.token.address), "no market answers at")
    refused(audited(address="0x" + "0" * 40), "no market answers at")
    refused(audited(address="0x12"), "'0x12' is no address")
    mistyped = market.exchange.address[:-1] + market.exchange.address[-1].swapcase()
    if mistyped != market.exchange.address:
        refused(audited(address=mistyped), "mistyped")
    refused(audited("--chain-id", 1), "chain id", "where 1 is expected")
    refused(audited("--from", 10**9), "block 1000000000 is not there yet")
    first = json.loads(audited("--json").stdout)["scope"]["first"]
    refused(audited("--from", first + 1), "the market was made before", "earlier block")
    refused(audited(rpc="127.0.0.1:1"), "is no URL of a node")
    refused(audited(rpc="http://127.0.0.1:1"), "no Ethereum node answers")


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
def test_code_that_was_replaced_is_found_and_named(market, audited, part, change):
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
        ran = audited("--json")
    finally:
        rpc(engine, "anvil_setCode", address, f"0x{right.hex()}")
    assert ran.code == 1, ran.stderr
    told = json.loads(ran.stdout)["first_difference"]
    assert told["check"] == "the market's code is that of this version"
    assert told["what"] == f"the code of {part}, {address}"
    assert f"{len(wrong)} bytes of hash 0x{keccak(wrong).hex()}" in told["found"]


def deployed(market, code: bytes) -> str:
    market.sender.queue(Transaction(market.engine.funder, "deploy", None, code, 12_000_000))
    (made,) = market.sender.must_succeed()
    return made.contract


def test_a_market_on_another_module_s_code_is_found_and_named(past, market, fabmarket):
    """The exchange is this version's, and so says its making: the escrow module is another's."""
    rules, operators = market.exchange.parameters(), market.exchange.operators()
    code = escrow_code(rules)
    at = len(code) - 32 * len(fields(rules)) - 40  # in the code, before the arguments
    other = code[:at] + bytes([code[at] ^ 1]) + code[at + 1 :]
    net = deployed(market, net_code(rules))
    for escrow, wrong in ((deployed(market, code), 0), (deployed(market, other), 1)):
        making = exchange_code(*operators, (market.token.address,), rules, escrow, net)
        address = deployed(market, making)
        ran = fabmarket("audit", "--rpc", market.engine.url, "--market", address, "--json")
        assert ran.code == wrong, ran.stderr
        facts = json.loads(ran.stdout)
        assert facts["scope"]["is_ours"]
        told = [each["what"] for check in facts["checks"] for each in check["wrong"]]
        assert told == [f"the code of the escrow module, {escrow}"] * wrong
