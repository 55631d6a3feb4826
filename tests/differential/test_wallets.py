"""Accounts that sign otherwise than by a transaction: permits, and contracts that confirm."""

from dataclasses import dataclass, replace

from fabmarket.chain import Transaction
from fabmarket.identity import Address, Domain, TypedStruct, Uint256, digest
from fabmarket.ledger import audit, trace
from fabmarket.market import trade as signed
from fabmarket.market.exchange import (
    Deposit,
    DepositWithPermit,
    List,
    Proof,
    RegisterResource,
    Report,
    SetOperators,
    Settle,
    SettleBatch,
    Split,
)
from tests.differential.conftest import Wallet
from tests.differential.story import LENGTH, NOBODY, U64, Story


@dataclass(frozen=True)
class Permit(TypedStruct):
    """ERC-2612: what a token's owner signs to let `spender` take `value`."""

    owner: Address
    spender: Address
    value: Uint256
    nonce: Uint256
    deadline: Uint256


def test_an_account_without_coin_or_approval_deposits_by_a_relayed_permit(stage):
    both = stage(lambda both: ()).enter()
    s, poor, token = Story(both), both.people.stranger, both.tokens[0]
    mint = token.data("mint", poor.address, 50)
    both.sender.queue(Transaction(s.third, "mint", token.address, mint, 200_000))
    both.sender.must_succeed()
    permit = Permit(poor.address, both.contract.address, 50, 0, U64)
    domain = Domain("T", "1", both.engine.chain_id, token.address)
    signature = poor.sign(digest(domain, permit))
    parts = (signature[64], signature[:32], signature[32:64])
    assert s.relay(poor, DepositWithPermit(s.other, 50, U64, *parts)) == ["TokenNotAccepted"]
    deposit = DepositWithPermit(s.token, 50, U64, *parts)
    assert s.relay(poor, deposit) == ["Relayed", "Deposited"]
    both.same_storage()


def test_contracts_buy_sell_and_settle_disputes_by_what_their_code_confirms(stage):
    both = stage(lambda both: ()).enter()
    s, wallet, no = Story(both), both.wallet, Proof(b"no", confirmed=False)
    s.seller = wallet
    register = RegisterResource(s.mill, s.hour, s.origin, LENGTH)
    assert s.relay(wallet, register, signature=no) == ["BadSignature"]
    assert s.relay(wallet, register, signature=s.third.sign(bytes(32))) == ["BadSignature"]
    assert s.relay(wallet, register) == ["Relayed", "ResourceRegistered"]
    assert s.attest() == ["SlotAttested"] * 2
    assert s.relay(wallet, List((Report(s.mill, 0, 10),)), 1) == ["Relayed", "Listed"]
    assert both.play(s.buyer, Deposit(s.token, 1_000)) == ["Deposited"]
    good = [s.both_sign(s.trade(bit, unit_price=101)) for bit in range(3)]
    refused = replace(good[0], supplier=no)
    no_code = replace(good[0], demander=Proof(wallet.YES, confirmed=False))
    assert both.play(s.third, Settle(refused)) == ["BadSignature"]
    assert both.play(s.third, Settle(no_code)) == ["BadSignature"]
    batch = (refused, good[0], no_code, good[1])
    assert both.play(s.third, SettleBatch(batch)) == ["Skipped", "Settled", "Skipped", "Settled"]
    dear = replace(good[2], supplier=replace(good[2].supplier, gas=600_000))
    assert both.play(s.third, Settle(dear)) == ["Settled"]
    trade, said = s.escrow(3)
    assert said == ["Settled", "Escrowed"]
    agreed = digest(both.state.domain, signed.Split(s.digest_of(trade), 100, 162, U64, 0))
    mine = s.buyer.sign(agreed)
    split = Split(trade, 100, 162, U64, mine, no)
    assert both.play(s.third, split) == ["BadSignature"]
    split = replace(split, supplier=wallet.sign(agreed))
    assert both.play(s.third, split) == ["CommitmentReduced", "Released"]
    both.same_storage()
    found = audit(both.contract)
    assert found.ok, found.first
    assert found.scope.by_code == 2 + 2 + 1 + 1 + 1  # calls, a batch, a trade, an escrow, a split


class Exacting(Wallet):
    """A wallet that confirms what the second word of the proof names, and nothing else."""

    CODE = bytes.fromhex("600435608435146064350260005260206000f3")

    def sign(self, asked):
        return Proof(self.YES + asked, confirmed=True)


class Misled(Exacting):
    """The same with a key's signature instead: of the digest, which does not name the wallet."""

    def confirm(self, domain, agreed):
        return replace(self.sign(agreed), confirmed=False)


class Mistaken(Exacting):
    """The same with what another wallet confirms."""

    def confirm(self, domain, agreed):
        asked = digest(domain, signed.Confirmation(NOBODY, agreed))
        return replace(self.sign(asked), confirmed=False)


def deployed(both, code):
    """Where a contract of this code is."""
    length = bytes([len(code)])
    making = b"\x60" + length + b"\x60\x0c\x60\0\x39\x60" + length + b"\x60\0\xf3" + code
    both.sender.queue(Transaction(both.engine.funder, "deploy", None, making, 200_000))
    (created,) = both.sender.must_succeed()
    return created.contract


def test_a_contract_confirms_what_names_it_as_operator_seller_and_netted_account(stage):
    both = stage(lambda both: ()).enter()
    s, wallet = Story(both), Exacting(deployed(both, Exacting.CODE))
    members = (s.operators[0], wallet)
    names = tuple(key.address for key in members)
    decision = signed.Operators(names, 2, 1, 0, U64)
    assert both.play(s.third, SetOperators(names, 2, U64, s.by(decision))) == ["OperatorsSet"]
    s.seller = wallet
    register = RegisterResource(s.mill, s.hour, s.origin, LENGTH)
    assert s.relay(wallet, register) == ["Relayed", "ResourceRegistered"]
    both.skip(both.state.parameters.operator_delay)
    keys = sorted(members, key=lambda key: int(key.address, 16))
    assert s.attest(s.operators[:2]) == ["BadOperatorSignature"]
    assert s.attest(keys[::-1]) == ["BadOperatorSignature"]
    unbound = (Misled(wallet.address), Mistaken(wallet.address))
    for other in unbound:
        swapped = [other if key is wallet else key for key in keys]
        assert s.attest(swapped) == ["BadOperatorSignature"]
    assert s.attest(keys) == ["SlotAttested"] * 2
    assert s.relay(wallet, List((Report(s.mill, 0, 10),)), 1) == ["Relayed", "Listed"]
    assert both.play(s.buyer, Deposit(s.token, 1_000)) == ["Deposited"]
    for hand in (*unbound, wallet):
        s.seller = hand
        sale = s.both_sign(s.trade(3, unit_price=9))
        assert both.play(s.third, Settle(sale)) == ["Settled" if hand is wallet else "BadSignature"]
    cycle = s.cycle(0, quantity=2)
    for hand in (*unbound, wallet):
        hands = [s.buyer if row.account == s.buyer.address else hand for row in cycle.rows]
        assert s.net(cycle, hands) == ["NetSettled" if hand is wallet else "BadSignature"]
    both.same_storage()
    found = audit(both.contract)
    assert found.ok, found.first
    assert found.scope.by_code == 1 + 1 + 1 + 1 + 1  # two calls, an attestation, a trade, a cycle


def sold_by(both, wallet):
    """A story in which a contract sells to a buyer, and their trade, which both sign."""
    s = Story(both)
    s.seller = wallet
    register = RegisterResource(s.mill, s.hour, s.origin, LENGTH)
    assert s.relay(wallet, register) == ["Relayed", "ResourceRegistered"]
    assert s.attest() == ["SlotAttested"] * 2
    assert s.relay(wallet, List((Report(s.mill, 0, 10),)), 1) == ["Relayed", "Listed"]
    assert both.play(s.buyer, Deposit(s.token, 1_000)) == ["Deposited"]
    trade = s.trade(3, unit_price=9)
    return s, trade, s.both_sign(trade)


def test_a_contract_that_confirms_to_the_market_alone_is_asked_in_its_name(stage):
    """It was asked in nobody's name, and an honest market failed its audit."""
    both = stage(lambda both: ()).enter()
    only = f"3373{both.contract.address[2:]}14601f5760006000fd5b"
    wallet = Wallet(deployed(both, bytes.fromhex(only) + Wallet.CODE))
    s, trade, sale = sold_by(both, wallet)
    assert both.play(s.third, Settle(sale)) == ["Settled"]
    found = audit(both.contract)
    assert found.ok, found.first
    assert traced(both, trade).ok


def test_a_contract_that_changed_its_mind_within_the_block_had_signed(stage):
    """A trace asked it as of after the block alone, and said that its signature does not hold."""
    both = stage(lambda both: ()).enter()
    # Called with no data it confirms nothing from then on.
    until = bytes.fromhex("36600a576001600055005b6000541560175760006000fd5b")
    wallet = Wallet(deployed(both, until + Wallet.CODE))
    s, trade, sale = sold_by(both, wallet)
    settle = both.contract.move_data(Settle(sale))
    both.sender.queue(Transaction(s.third, "settle", both.contract.address, settle, 500_000))
    both.sender.queue(Transaction(s.third, "turn", wallet.address, b"", 100_000))
    one, other = both.sender.must_succeed()
    assert one.block == other.block
    found = audit(both.contract)
    assert found.ok, found.first
    told = traced(both, trade)
    assert told.ok
    assert [each.account for each in told.settled.signers] == [s.buyer.address, wallet.address]


def traced(both, trade):
    return trace(both.contract, digest(both.state.domain, trade).hex(), 0, lambda *_: None)
