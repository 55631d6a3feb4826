"""The embedded chain and anvil behave alike: every test here runs on both."""

import sys

import pytest
from eth_utils.exceptions import ValidationError

from fabmarket.chain import (
    TRANSACTION_GAS,
    CallFailed,
    Header,
    Sender,
    Settings,
    Transaction,
    open_engine,
    signed,
)
from fabmarket.chain.engine import BLOCK_GAS, PINNED_CHAIN_ID, CallReverted
from fabmarket.identity import Key, digest, keccak
from fabmarket.market.events import (
    Deployed,
    Deposited,
    OperatorsSet,
    ResourceRegistered,
    TokenSet,
)
from fabmarket.market.exchange import (
    Account,
    Attest,
    Deposit,
    List,
    Listing,
    OperatorSignature,
    RegisterResource,
    Report,
    Settle,
    SignedTrade,
    Withdraw,
)
from fabmarket.market.parameters import HOURS
from fabmarket.market.trade import Attestation, Trade, listing_id, market_domain

GENESIS = Settings().genesis_time
PRESS = b"press".ljust(32, b"\0")
HOUR = b"hour".ljust(32, b"\0")
YEAR = 366 * 86_400


def pay(engine, to, value, gas=21_000):
    return Transaction(engine.funder, "pay", to, b"", gas, value)


def register(deployed, name: str) -> bytes:
    move = RegisterResource(name.encode().ljust(32, b"\0"), HOUR, GENESIS + YEAR, 3600)
    return deployed.exchange.move_data(move)


def test_block_times_count_from_the_genesis_not_from_the_computers_clock(engine):
    assert engine.chain_id == PINNED_CHAIN_ID
    assert (engine.block_number(), engine.now()) == (0, GENESIS)
    sender = Sender(engine)
    for block in (1, 2, 3):
        sender.queue(pay(engine, Key.derive("a").address, 1))
        assert [receipt.block for receipt in sender.must_succeed()] == [block]
        assert engine.now() == GENESIS + block


def test_another_genesis_time_is_taken(needs_anvil):
    for name in ("embedded", "anvil"):
        with open_engine(name, Settings(genesis_time=GENESIS + 5000)) as engine:
            sender = Sender(engine)
            sender.queue(pay(engine, Key.derive("a").address, 1))
            sender.must_succeed()
            assert engine.now() == GENESIS + 5001


def test_block_hashes_of_the_embedded_chain_repeat(deploy):
    hashes = set()
    for _ in range(2):
        with open_engine("embedded", Settings()) as engine:
            deployed = deploy(engine)
            hashes |= {log.block_hash for _, r in deployed.sender.sent for log in r.logs}
    assert len(hashes) == 1


def test_many_transactions_of_one_sender_share_a_block_in_order(engine):
    sender = Sender(engine)
    payees = [Key.derive("payee", str(i)).address for i in range(20)]
    for amount, payee in enumerate(payees, start=1):
        sender.queue(pay(engine, payee, amount))
    receipts = sender.must_succeed()
    assert {receipt.block for receipt in receipts} == {1}
    assert {receipt.gas_used for receipt in receipts} == {21_000}
    assert len({receipt.transaction for receipt in receipts}) == 20
    assert [engine.native_balance(payee) for payee in payees] == list(range(1, 21))
    assert engine.nonce(engine.funder.address) == 20
    assert sender.sent == list(zip([pair[0] for pair in sender.sent], receipts, strict=True))


def test_a_receipt_is_of_the_transaction_that_was_signed(deployed):
    engine, key = deployed.engine, deployed.key
    raw, hashed = key.sign_transaction(
        {
            "type": 2,
            "chainId": engine.chain_id,
            "nonce": engine.nonce(key.address),
            "maxFeePerGas": engine.fees().most,
            "maxPriorityFeePerGas": 1,
            "gas": 21_000,
            "to": engine.funder.address,
            "value": 5,
            "data": b"",
        }
    )
    assert [receipt.transaction for receipt in engine.mine([raw])] == [hashed]


def test_log_indices_run_through_the_block(deployed):
    deployed.queue(register(deployed, "a"))
    mint = deployed.token.data("mint", deployed.key.address, 70)
    deployed.queue(mint, to=deployed.token.address)
    approve = deployed.token.data("approve", deployed.exchange.address, 70)
    deployed.queue(approve, to=deployed.token.address)
    deployed.queue(deployed.exchange.move_data(Deposit(deployed.token.address, 70)))
    deployed.queue(register(deployed, "b"))
    receipts = deployed.sender.must_succeed()
    logs = [log for receipt in receipts for log in receipt.logs]
    assert [log.index for log in logs] == list(range(6))
    assert {log.block for log in logs} == {receipts[0].block}
    assert len({log.block_hash for log in logs}) == 1
    events = [deployed.exchange.event(log) for log in logs]
    assert [type(event) for event in events] == [
        ResourceRegistered,
        type(None),  # the token's Transfer of the mint, its Approval,
        type(None),
        type(None),  # and its Transfer into the exchange, which it makes before the deposit's event
        Deposited,
        ResourceRegistered,
    ]
    assert events[4] == Deposited(deployed.key.address, deployed.token.address, 70)


def test_a_contract_may_call_itself_as_deep_as_gas_goes(engine):
    sender = Sender(engine)
    body = bytes.fromhex("5f5f5f5f5f305af100")  # call(gas(), address(), 0, 0, 0, 0, 0)
    code = b"\x60" + bytes([len(body)]) + b"\x60\x0c\x60\0\x39\x60" + bytes([len(body)])
    sender.queue(Transaction(engine.funder, "deploy", None, code + b"\x60\0\xf3" + body, 200_000))
    (created,) = sender.must_succeed()
    sender.queue(Transaction(engine.funder, "call", created.contract, b"", TRANSACTION_GAS))
    (receipt,) = sender.must_succeed()
    assert receipt.gas_used > 60_000  # some 450 calls
    assert engine.call(created.contract, b"") == b""
    assert sys.getrecursionlimit() < 10_000


def test_headers_lead_from_the_newest_block_to_the_first(deployed):
    engine = deployed.engine
    head = engine.header()
    assert (head.number, head.time) == (engine.block_number(), engine.now())
    assert engine.header(head.number) == head
    for number in range(head.number, 0, -1):
        header, before = engine.header(number), engine.header(number - 1)
        assert (header.number, header.parent) == (number, before.hash)
        assert header.time > before.time
    assert engine.header(0) == Header(0, before.hash, bytes(32), GENESIS)


def test_logs_are_those_of_the_receipts_by_contract_and_block(deployed):
    engine, exchange = deployed.engine, deployed.exchange
    deployed.queue(register(deployed, "a"))
    deployed.queue(deployed.token.data("mint", deployed.key.address, 7), to=deployed.token.address)
    deployed.queue(register(deployed, "b"))
    deployed.sender.must_succeed()
    engine.mine([])
    deployed.queue(register(deployed, "c"))
    deployed.sender.must_succeed()
    logs = [log for _, receipt in deployed.sender.sent for log in receipt.logs]
    for address in (exchange.address, deployed.token.address):
        own = [log for log in logs if log.address == address]
        assert own
        assert engine.logs(0, engine.block_number(), address) == own
        for number in range(engine.block_number() + 1):
            there = [log for log in own if log.block == number]
            assert engine.logs(number, number, address) == there
    assert engine.logs(0, engine.block_number(), deployed.key.address) == []


def test_a_log_names_its_transaction_and_block(deployed):
    for _, receipt in deployed.sender.sent:
        for log in receipt.logs:
            assert log.transaction == receipt.transaction
            assert log.block_hash == deployed.engine.header(log.block).hash


def test_regression_a_block_of_nothing_is_mined(engine):
    """The embedded chain looked for the block's number in its first receipt."""
    assert engine.mine([]) == []
    assert (engine.block_number(), engine.now()) == (1, GENESIS + 1)


def test_a_block_with_a_bad_transaction_leaves_nothing_behind():
    with open_engine("embedded", Settings()) as engine:
        to = Key.derive("a").address
        first, skipping = (signed(engine, pay(engine, to, 1), nonce) for nonce in (0, 7))
        with pytest.raises(ValidationError):
            engine.mine([first, skipping])
        assert (engine.block_number(), engine.native_balance(to)) == (0, 0)
        assert engine.receipt(keccak(first)) is None
        assert [receipt.block for receipt in engine.mine([first])] == [1]


def test_virtual_time_passes_at_once_in_one_block(engine):
    assert engine.is_virtual
    engine.pass_time(GENESIS + YEAR)
    assert (engine.block_number(), engine.now()) == (1, GENESIS + YEAR)
    for past in (0, GENESIS, GENESIS + YEAR):
        engine.pass_time(past)
    assert engine.block_number() == 1
    sender = Sender(engine)
    sender.queue(pay(engine, Key.derive("a").address, 1))
    sender.must_succeed()
    assert (engine.block_number(), engine.now()) == (2, GENESIS + YEAR + 1)


def test_what_is_signed_already_goes_out_as_it_is_and_in_its_turn(engine):
    sender, payee = Sender(engine), Key.derive("payee").address
    other = Key.derive("somebody with coin")
    sender.queue(Transaction(engine.funder, "fund", other.address, b"", 21_000, 10**18))
    sender.must_succeed()
    ours = [Transaction(other, "pay", payee, b"", 21_000, amount) for amount in (5, 6)]
    raws = [signed(engine, each, nonce) for nonce, each in enumerate(ours)]
    sender.queue(ours[0], raws[0])
    sender.queue(pay(engine, payee, 7))
    sender.queue(ours[1], raws[1])
    receipts = sender.must_succeed()
    assert {receipt.block for receipt in receipts} == {2}
    assert [keccak(raw) for raw in raws] == [receipts[0].transaction, receipts[2].transaction]
    assert (engine.nonce(other.address), engine.native_balance(payee)) == (2, 18)


def test_regression_an_account_may_send_elsewhere_between_two_flushes(engine):
    """As a heartbeat does; the sender remembered nonces for good."""
    sender, payee = Sender(engine), Key.derive("payee").address
    for amount, send in ((1, sender), (2, Sender(engine)), (3, sender)):
        send.queue(pay(engine, payee, amount))
        send.must_succeed()
    assert engine.native_balance(payee) == 6


def test_deployment_says_its_rules(deployed):
    events = [
        deployed.exchange.event(log)
        for _, receipt in deployed.sender.sent
        for log in receipt.logs
        if log.address == deployed.exchange.address
    ]
    operators = (deployed.key.address,)
    first, second, third = events
    assert first == OperatorsSet(1, operators, 1, first.since)
    assert GENESIS < first.since <= deployed.engine.now()
    assert second == TokenSet(deployed.token.address, True)
    assert third == Deployed(HOURS, *deployed.modules)
    assert deployed.exchange.parameters() == HOURS
    assert deployed.exchange.operators() == (operators, 1)
    assert deployed.exchange.operator_set() == 1
    assert deployed.exchange.operators_of(2) == ((), 0)
    assert deployed.exchange.next_operator_set() == (0, 0)
    assert deployed.exchange.accepts(deployed.token.address)
    assert not deployed.exchange.accepts(deployed.key.address)


def test_a_refused_call_is_mined_as_failed_and_explained(deployed):
    resource = b"a".ljust(32, b"\0")
    deployed.queue(register(deployed, "a"))
    deployed.queue(register(deployed, "a"))
    deployed.queue(register(deployed, "b"))
    first, second, third = (receipt for _, receipt in deployed.sender.flush())
    assert (first.status, second.status, third.status) == (1, 0, 1)
    assert first.block == second.block == third.block
    assert second.logs == ()
    assert 21_000 < second.gas_used < 300_000
    error = deployed.exchange.why(deployed.key.address, register(deployed, "a"))
    assert (error.error, error.values) == ("AlreadyRegistered", (deployed.key.address, resource))


def test_why_looks_at_the_state_of_the_block_it_is_given(deployed):
    deployed.queue(register(deployed, "a"))
    (receipt,) = deployed.sender.must_succeed()
    data, caller = register(deployed, "a"), deployed.key.address
    assert deployed.exchange.why(caller, data, receipt.block - 1) is None
    assert deployed.exchange.why(caller, data, receipt.block).error == "AlreadyRegistered"


def test_errors_carry_their_values(deployed):
    account, token = deployed.key.address, deployed.token.address

    def refusal(move):
        found = deployed.exchange.why(account, deployed.exchange.move_data(move))
        return found.error, found.values

    assert refusal(Withdraw(token, 9, account)) == ("InsufficientBalance", (account, token, 0, 9))
    assert refusal(Deposit(account, 9)) == ("TokenNotAccepted", (account,))
    assert refusal(List((Report(PRESS, 3, 7),))) == ("NotAttested", (PRESS, 3, 7, 0))
    listing = listing_id(account, PRESS, 3, GENESIS + YEAR)
    trade = Trade(listing, account, token, 1, 1, GENESIS + YEAR, 0)
    unsigned = SignedTrade(trade, bytes(64) + b"\x1b", bytes(64) + b"\x1b")
    assert refusal(Settle(unsigned)) == ("UnknownListing", (listing,))


def test_a_call_that_reverts_without_data(deployed):
    with pytest.raises(CallReverted) as caught:
        deployed.engine.call(deployed.token.address, keccak(b"noSuchFunction()")[:4])
    assert caught.value.data == b""


def test_a_call_of_no_function_is_named(deployed):
    unknown = deployed.exchange.why(deployed.key.address, b"\x01\x02\x03\x04")
    assert (unknown.error, unknown.values) == ("UnknownFunction", (b"\x01\x02\x03\x04",))


def test_must_succeed_names_action_transaction_error_and_values(deployed):
    deployed.queue(register(deployed, "a"))
    deployed.sender.must_succeed(deployed.exchange)
    deployed.queue(register(deployed, "a"))
    with pytest.raises(CallFailed, match=r"^test 0x[0-9a-f]{64} failed: AlreadyRegistered\(0x"):
        deployed.sender.must_succeed(deployed.exchange)


def test_must_succeed_without_a_named_error_says_what_gas_was_used(deployed):
    deployed.queue(register(deployed, "a"), gas=30_000)
    with pytest.raises(CallFailed, match=r"failed: used 30000 of 30000 gas$"):
        deployed.sender.must_succeed()


def test_gas_limits_split_the_queue_into_blocks(engine):
    sender = Sender(engine)
    for i in range(12):
        sender.queue(pay(engine, Key.derive("a").address, i, gas=BLOCK_GAS * (1 + i % 4) // 10))
    filled: dict[int, int] = {}
    for transaction, receipt in sender.flush():
        filled[receipt.block] = filled.get(receipt.block, 0) + transaction.gas
    assert list(filled) == list(range(1, len(filled) + 1))
    assert max(filled.values()) <= BLOCK_GAS
    assert engine.native_balance(Key.derive("a").address) == sum(range(12))


def test_a_transaction_as_large_as_a_block_goes_alone(engine):
    sender = Sender(engine)
    for gas in (21_000, BLOCK_GAS, 21_000):
        sender.queue(pay(engine, Key.derive("a").address, 1, gas=gas))
    assert [receipt.block for receipt in sender.must_succeed()] == [1, 2, 3]


def test_flush_tells_of_every_receipt_as_it_comes(engine):
    sender, heard = Sender(engine), []
    for amount in (1, 2, 3):
        sender.queue(pay(engine, Key.derive("a").address, amount))
    done = sender.flush(lambda *pair: heard.append(pair))
    assert heard == done == sender.sent
    assert [transaction.value for transaction, _ in heard] == [1, 2, 3]
    assert sender.flush() == []


def test_what_is_attested_and_listed_can_be_read_back(deployed):
    me, exchange = deployed.key, deployed.exchange
    resource = b"a".ljust(32, b"\0")
    deployed.queue(register(deployed, "a"))
    calendar = (resource, HOUR, GENESIS + YEAR, 3600)
    attestation = Attestation(me.address, *calendar, 4, (9, 2**64 - 1), 3, 2**64 - 1, 1)
    attestation_digest = digest(
        market_domain(deployed.engine.chain_id, exchange.address), attestation
    )
    signature = OperatorSignature(me.address, me.sign(attestation_digest))
    deployed.queue(exchange.move_data(Attest(attestation, (signature,))))
    deployed.queue(exchange.move_data(List((Report(resource, 5, 2**64 - 1),))))
    deployed.sender.must_succeed(exchange)
    slot = exchange.slot_of(me.address, resource, 5)
    assert (slot.attested, slot.committed, slot.version) == (2**64 - 1, 2**64 - 1, 3)
    listing = listing_id(me.address, resource, 5, GENESIS + YEAR + 6 * 3600)
    assert exchange.listing_of(listing) == Listing(me.address, 2**64 - 1, 0)
    assert exchange.read("listingId", me.address, resource, 5) == listing
    assert exchange.slot_of(me.address, resource, 6).attested == 0
    assert exchange.account_of(me.address, deployed.token.address) == Account()
