"""A played-through story in which the contract shows every event and every error it has."""

import json
from dataclasses import dataclass, replace
from importlib.resources import files

import pytest

from fabmarket.chain import Transaction
from fabmarket.identity import Address, Domain, TypedStruct, Uint256, digest
from fabmarket.market import trade as signed
from fabmarket.market.events import EVENTS
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Cancel,
    Deliver,
    Deposit,
    DepositWithPermit,
    Dispute,
    Expire,
    List,
    Open,
    Pause,
    Proof,
    RaiseEpoch,
    RaiseListingEpoch,
    Refund,
    RegisterResource,
    Relay,
    Release,
    Report,
    Rule,
    SetOperators,
    Settle,
    SettleBatch,
    SettleBundle,
    SettleEscrow,
    SetToken,
    SignedTrade,
    Split,
    Unlist,
    Withdraw,
)
from fabmarket.market.trade import (
    NONCES,
    Attestation,
    Escrow,
    Intent,
    SealedAttestation,
    Trade,
    bundle_of,
    commitment_of,
    listing_id,
)

U64 = 2**64 - 1
SALT = b"\x51" * 32
LENGTH = 300
NOBODY = "0x" + "0" * 40
NOT_MODELLED = {
    *("ReentrancyGuardReentrantCall", "SafeERC20FailedOperation", "WrongAmountReceived"),
    *("SignatureCheckStarved", "InvalidShortString", "StringTooLong"),
}


class Story:
    """Short names for what happens on a new exchange."""

    def __init__(self, both):
        self.both, self.token, self.other = both, both.token, both.tokens[1].address
        self.seller, self.buyer, self.third = both.people.traders
        self.mill, self.hour = both.people.mill, both.people.hour
        self.operators = sorted(both.people.operators, key=lambda key: int(key.address, 16))
        self.origin, self.terms = both.now, {}
        self.listing = listing_id(self.seller.address, self.mill, 0, self.origin + LENGTH)

    def by(self, struct, keys=None):
        struct_digest = digest(self.both.state.domain, struct)
        return tuple(
            key.sign(struct_digest) for key in (self.operators[:2] if keys is None else keys)
        )

    def attest(self, keys=None, **changes):
        usual = Attestation(self.seller.address, self.mill, self.hour, 0, (10, 20), 1, U64)
        attestation = replace(usual, **changes)
        return self.both.play(self.third, Attest(attestation, self.by(attestation, keys)))

    def seal(self, slot, quantity, version=1):
        place = (self.seller.address, self.mill)
        hidden = commitment_of(*place, slot, quantity, SALT)
        it = SealedAttestation(*place, self.hour, slot, hidden, version, U64)
        return self.both.play(self.third, AttestSealed(it, self.by(it)))

    def open(self, slot, quantity, salt=SALT):
        move = Open(self.seller.address, self.mill, slot, quantity, salt)
        return self.both.play(self.third, move)

    def list(self, *reports):
        return self.both.play(self.seller, List(tuple(Report(*each) for each in reports)))

    def trade(self, **changes):
        usual = Trade(self.listing, self.buyer.address, self.token, 1, 7, self.origin + LENGTH, 0)
        return replace(usual, **{**self.terms, **changes})

    def both_sign(self, trade, buyer=None):
        trade_digest = digest(self.both.state.domain, trade)
        return SignedTrade(
            trade, (buyer or self.buyer).sign(trade_digest), self.seller.sign(trade_digest)
        )

    def settle(self, buyer=None, **changes):
        return self.both.play(self.third, Settle(self.both_sign(self.trade(**changes), buyer)))

    def escrow(self, nonce, **terms):
        now = self.both.now
        usual = Escrow(now + 4, now + 8, now + 12, 2_500, 9_999, 3_333)
        trade = self.trade(nonce=nonce, unit_price=101, escrow=replace(usual, **terms))
        return trade, self.both.play(self.third, SettleEscrow(self.both_sign(trade)))

    def relay(self, key, move, nonce=0, deadline=U64, signer=None, signature=None):
        call = self.both.contract.move_data(move)
        intent = Intent(key.address, call, nonce, deadline)
        signature = signature or (signer or key).sign(digest(self.both.state.domain, intent))
        return self.both.play(self.third, Relay(intent, move, signature))

    def rule(self, trade, share):
        ruling = signed.Ruling(digest(self.both.state.domain, trade), share)
        return self.both.play(self.third, Rule(trade, share, self.by(ruling)))

    def split(self, trade, share, buyer=None):
        agreed = digest(self.both.state.domain, signed.Split(self.digest_of(trade), share))
        hands = (buyer or self.buyer, self.seller)
        return self.both.play(self.third, Split(trade, share, *(key.sign(agreed) for key in hands)))

    def digest_of(self, trade):
        return digest(self.both.state.domain, trade)


def verification(s):
    both = s.both
    assert s.attest() == ["NotRegistered"]
    assert both.play(s.seller, RegisterResource(s.mill, s.hour, 0, 0)) == ["BadSlotLength"]
    past = RegisterResource(s.mill, s.hour, 1, 2**40 - 1)
    assert both.play(s.seller, past) == ["BadSlotLength"]
    register = RegisterResource(s.mill, s.hour, s.origin, LENGTH)
    assert both.play(s.seller, register) == ["ResourceRegistered"]
    assert both.play(s.seller, register) == ["AlreadyRegistered"]
    assert s.list((s.mill, 0, 1)) == ["NotAttested"]
    assert s.attest(unit=s.mill) == ["WrongUnit"]
    assert s.attest(expiry=both.now) == ["AttestationExpired"]
    assert s.attest(keys=s.operators[:1]) == ["TooFewSignatures"]
    assert s.attest(keys=s.operators[:1] * 2) == ["BadOperatorSignature"]
    assert s.attest(first_slot=U64) == ["SlotOutOfRange"]
    assert s.attest(version=0) == ["StaleVersion"]
    assert s.attest() == ["SlotAttested"] * 2
    assert s.attest(first_slot=1) == ["StaleVersion"]
    assert s.list((s.mill, 0, 0)) == ["ZeroQuantity"]
    assert s.list((s.mill, 1, 20), (s.mill, 0, 11)) == ["OverReported"]
    assert s.list((s.mill, 0, 9), (s.mill, 1, 20), (s.mill, 0, 1)) == ["Listed"] * 3
    assert both.play(s.seller, Unlist(s.mill, 0, 2)) == ["Unlisted"]
    assert both.play(s.seller, Unlist(s.mill, 0, 9)) == ["InsufficientListing"]
    assert both.play(s.seller, Unlist(s.mill, 2**40, 1)) == ["SlotOutOfRange"]
    assert both.play(s.buyer, Unlist(s.mill, 0, 1)) == ["NotRegistered"]
    assert s.seal(3, 6) == ["SlotSealed"]
    assert s.open(3, 6, bytes(32)) == ["Unsalted"]
    assert s.open(3, 7) == ["WrongOpening"]
    assert s.open(4, 6) == ["WrongOpening"]
    assert s.list((s.mill, 3, 1)) == ["OverReported"]
    assert s.open(3, 6) == ["SlotAttested", "Listed"]
    assert s.seal(3, 0, version=2) == ["SlotSealed", "Unlisted"]
    assert s.open(3, 0) == ["ZeroQuantity"]
    assert both.play(s.seller, RaiseListingEpoch(s.listing)) == ["ListingEpochRaised"]
    assert both.play(s.buyer, RaiseListingEpoch(s.listing)) == ["UnknownListing"]


def accounts(s):
    both = s.both
    assert both.play(s.buyer, Deposit(s.other, 1)) == ["TokenNotAccepted"]
    assert both.play(s.buyer, Deposit(s.token, 0)) == ["ZeroAmount"]
    assert both.play(s.buyer, Deposit(s.token, 2**128)) == ["AmountTooLarge"]
    assert both.play(s.buyer, Deposit(s.token, 1_000)) == ["Deposited"]
    assert both.play(s.third, Deposit(s.token, 2**128 - 1_000)) == ["AmountTooLarge"]
    assert both.play(s.third, Deposit(s.token, 2**128 - 1_001)) == ["Deposited"]
    assert both.play(s.third, Withdraw(s.token, 0)) == ["ZeroAmount"]
    assert both.play(s.buyer, Withdraw(s.token, 1_001)) == ["InsufficientBalance"]
    assert both.play(s.third, Withdraw(s.token, 2**128 - 1_001)) == ["Withdrawn"]
    assert s.relay(s.buyer, Withdraw(s.token, 1), deadline=both.now) == ["IntentExpired"]
    assert s.relay(s.buyer, Withdraw(s.token, 1), nonce=1) == ["WrongIntentNonce"]
    assert s.relay(s.buyer, Withdraw(s.token, 1), signer=s.third) == ["BadSignature"]
    assert s.relay(s.buyer, Withdraw(s.token, 0)) == ["ZeroAmount"]
    assert s.relay(s.buyer, Withdraw(s.token, 1)) == ["Relayed", "Withdrawn"]
    assert s.relay(s.buyer, Deposit(s.token, 1), 1) == ["Relayed", "Deposited"]


def operators(s):
    both, state = s.both, s.both.state

    def pause(until, keys=None):
        decision = signed.Pause(until, both.state.decision_nonce)
        return both.play(s.third, Pause(until, s.by(decision, keys)))

    def operators_are(who, threshold, keys=None):
        decision = signed.Operators(who, threshold, both.state.decision_nonce)
        return both.play(s.third, SetOperators(who, threshold, s.by(decision, keys)))

    def token_is(accepted):
        decision = signed.Token(s.other, accepted, both.state.decision_nonce)
        return both.play(s.third, SetToken(s.other, accepted, s.by(decision)))

    assert state.decision_nonce == both.contract.decision_nonce() == 0
    assert pause(both.now + 30 * 86_400 + 1) == ["PauseTooLong"]
    assert pause(both.now + 3) == ["Paused"]
    assert s.settle() == ["TradingPaused"]
    assert pause(0) == ["Paused"]
    assert token_is(True) == ["TokenSet"]
    assert both.play(s.buyer, Deposit(s.other, 5)) == ["Deposited"]
    assert token_is(False) == ["TokenSet"]
    assert both.play(s.buyer, Withdraw(s.other, 5)) == ["Withdrawn"]
    old = both.state.operators
    assert operators_are(old, 0) == operators_are(old, 4) == ["BadThreshold"]
    assert operators_are((NOBODY,), 1) == operators_are(old[:1] * 2, 1) == ["BadOperator"]
    assert operators_are((s.third.address,), 1) == ["OperatorsSet"]
    assert pause(0) == ["BadOperatorSignature"]
    assert operators_are(old, 2, [s.third]) == ["OperatorsSet"]


def trades(s):
    both, epoch = s.both, {"listing_epoch": 1}
    assert s.settle(bundle=SALT) == ["Bundled"]
    assert s.settle(quantity=0) == ["ZeroQuantity"]
    assert s.settle(unit_price=0) == ["ZeroPrice"]
    assert s.settle(listing=bytes(32)) == ["UnknownListing"]
    assert s.settle(valid_until=both.now) == ["TradeExpired"]
    assert s.settle(valid_until=s.origin + LENGTH + 1) == ["ValidPastSlot"]
    assert s.settle() == ["WrongListingEpoch"]
    assert s.settle(**epoch, demander=s.seller.address) == ["SelfTrade"]
    assert s.settle(**epoch, buyer=s.third) == ["BadSignature"]
    assert s.settle(**epoch, demander=NOBODY) == ["BadSignature"]
    assert s.settle(**epoch, quantity=9) == ["InsufficientListing"]
    assert s.settle(**epoch, demander_epoch=1) == ["WrongDemanderEpoch"]
    assert s.settle(**epoch, nonce=NONCES) == ["NonceUsed"]
    assert s.settle(**epoch, unit_price=1_001) == ["InsufficientBalance"]
    assert s.settle(**epoch) == ["Settled"]
    assert s.settle(**epoch) == ["NonceUsed"]
    assert both.play(s.seller, List((Report(s.mill, 0, 2),))) == ["Listed"]
    parts = [s.trade(**epoch, nonce=nonce) for nonce in (1, 2)]
    bundle = bundle_of(parts)
    whole = tuple(s.both_sign(replace(part, bundle=bundle)) for part in parts)
    assert both.play(s.third, SettleBundle(whole[:1])) == ["WrongBundle"]
    assert both.play(s.third, SettleBundle(whole[::-1])) == ["WrongBundle"]
    assert both.play(s.third, SettleBundle(whole)) == ["Settled"] * 2
    batch = tuple(s.both_sign(s.trade(**epoch, nonce=nonce)) for nonce in (2, 3))
    assert both.play(s.third, SettleBatch((*batch, *whole))) == [
        *("Skipped", "Settled", "Skipped", "Skipped")
    ]
    assert both.play(s.buyer, Cancel(s.token, 1 << 4)) == ["NoncesCancelled"]
    assert s.settle(**epoch, nonce=4) == ["NonceUsed"]
    assert both.play(s.buyer, RaiseEpoch(s.token)) == ["EpochRaised"]
    assert s.settle(**epoch, demander_epoch=1) == ["WrongDemanderEpoch"]
    assert s.settle(**epoch, demander_epoch=2) == ["Settled"]
    assert both.play(s.seller, RaiseListingEpoch(s.listing)) == ["ListingEpochRaised"]


def escrows(s):
    both = s.both
    end = s.origin + 2 * LENGTH
    listing = listing_id(s.seller.address, s.mill, 1, end)
    s.terms = {"listing": listing, "valid_until": end, "demander_epoch": 2}
    assert s.escrow(1, deliver_by=0)[1] == ["BadEscrow"]
    assert s.escrow(1, late_share=10_001)[1] == ["BadEscrow"]
    late, said = s.escrow(1)
    assert said == ["Settled", "Escrowed"]
    assert both.play(s.buyer, Deliver(late)) == ["NotParty"]
    assert both.play(s.third, Expire(late)) == ["DeadlineAhead"]
    by = late.escrow.deliver_by
    assert both.play(s.seller, Deliver(late), by) == ["DeadlinePassed"]
    assert both.play(s.third, Expire(late)) == ["Released"]
    assert both.play(s.third, Expire(late)) == ["WrongState"]
    silent, _ = s.escrow(2)
    assert both.play(s.seller, Deliver(silent)) == ["Delivered"]
    assert both.play(s.seller, Deliver(silent)) == ["WrongState"]
    assert both.play(s.buyer, Release(silent, 0)) == ["ZeroAmount"]
    assert both.play(s.buyer, Release(silent, 102)) == ["InsufficientEscrow"]
    assert both.play(s.buyer, Release(silent, 50)) == ["Released"]
    by = silent.escrow.accept_by
    assert both.play(s.buyer, Dispute(silent, SALT), by) == ["DeadlinePassed"]
    assert both.play(s.third, Expire(silent)) == ["Released"]
    for nonce, ending in enumerate(("rule", "undecided", "split", "refund"), start=3):
        trade, _ = s.escrow(nonce)
        assert s.rule(trade, 5_000) == ["WrongState"]
        assert s.relay(s.seller, Deliver(trade), nonce - 3) == ["Relayed", "Delivered"]
        assert both.play(s.buyer, Dispute(trade, SALT)) == ["Disputed"]
        assert s.rule(trade, 10_001) == s.split(trade, 10_001) == ["BadShare"]
        match ending:
            case "rule":
                assert s.rule(trade, 3_333) == ["Released"]
            case "undecided":
                assert both.play(s.third, Expire(trade), trade.escrow.decide_by) == ["Released"]
                assert s.rule(trade, 3_333) == ["WrongState"]
            case "split":
                assert s.split(trade, 5_000, buyer=s.third) == ["BadSignature"]
                assert s.split(trade, 5_000) == ["Released"]
            case "refund":
                assert both.play(s.buyer, Refund(trade)) == ["NotParty"]
                assert both.play(s.seller, Refund(trade)) == ["Released"]
    assert both.play(s.seller, Withdraw(s.token, 1)) == ["Withdrawn"]


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
    s.terms = {"listing": listing_id(wallet.address, s.mill, 0, s.origin + LENGTH)}
    good = [s.both_sign(s.trade(nonce=nonce)) for nonce in range(3)]
    refused = replace(good[0], supplier=no)
    no_code = replace(good[0], demander=Proof(wallet.YES, confirmed=False))
    assert both.play(s.third, Settle(refused)) == ["BadSignature"]
    assert both.play(s.third, Settle(no_code)) == ["BadSignature"]
    batch = (refused, good[0], no_code, good[1])
    assert both.play(s.third, SettleBatch(batch)) == ["Skipped", "Settled", "Skipped", "Settled"]
    assert both.play(s.third, Settle(good[2])) == ["Settled"]
    trade, said = s.escrow(3)
    assert said == ["Settled", "Escrowed"]
    agreed = digest(both.state.domain, signed.Split(s.digest_of(trade), 5_000))
    mine = s.buyer.sign(agreed)
    assert both.play(s.third, Split(trade, 5_000, mine, no)) == ["BadSignature"]
    assert both.play(s.third, Split(trade, 5_000, mine, wallet.sign(agreed))) == ["Released"]
    both.same_storage()


def test_every_error_and_every_event_of_the_contract_is_met(stage):
    both = stage(lambda both: ()).enter()
    s = Story(both)
    for chapter in (verification, accounts, operators, trades, escrows):
        chapter(s)
        both.same_storage()
    ended = List((Report(s.mill, 0, 1),))
    assert both.play(s.seller, ended, max(both.now, s.origin + LENGTH)) == ["SlotEnded"]
    text = files("fabmarket.chain").joinpath("artifacts/CapacityExchange.json").read_text()
    errors = {each["name"] for each in json.loads(text)["abi"] if each["type"] == "error"}
    assert both.met == errors - NOT_MODELLED | {event.__name__ for event in EVENTS}


@pytest.mark.parametrize("nonce", [0, 95])
def test_the_97th_trade_opens_the_next_epoch(stage, nonce):
    both = stage(lambda both: ()).enter()
    s = Story(both)
    both.play(s.seller, RegisterResource(s.mill, s.hour, s.origin, 100_000))
    s.listing = listing_id(s.seller.address, s.mill, 0, s.origin + 100_000)
    s.attest(quantities=(200,))
    s.list((s.mill, 0, 200))
    both.play(s.buyer, Deposit(s.token, 10_000))
    ahead = s.both_sign(s.trade(nonce=nonce, demander_epoch=1))
    assert both.play(s.third, Settle(ahead)) == ["WrongDemanderEpoch"]
    for start in range(0, NONCES, 16):
        batch = tuple(s.both_sign(s.trade(nonce=start + i)) for i in range(16))
        assert both.play(s.third, SettleBatch(batch)) == ["Settled"] * 16
    assert s.settle(nonce=0) == ["NonceUsed"]
    assert s.settle(nonce=nonce, demander_epoch=2) == ["WrongDemanderEpoch"]
    assert both.play(s.third, Settle(ahead)) == ["Settled"]
    assert both.state.account_of(s.buyer.address, s.token).used == 1 << nonce
    both.same_storage()
