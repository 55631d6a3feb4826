"""A played-through story in which the contract shows every event and every error it has."""

import json
from dataclasses import replace
from importlib.resources import files

import pytest

from fabmarket.identity import digest
from fabmarket.market import trade as signed
from fabmarket.market.events import EVENTS
from fabmarket.market.exchange import (
    Cancel,
    Deliver,
    Deposit,
    Dispute,
    List,
    Pause,
    RaiseEpoch,
    RaiseListingEpoch,
    Refund,
    RefundUncovered,
    RegisterResource,
    Release,
    Report,
    SetOperators,
    Settle,
    SettleBatch,
    SettleBundle,
    SettleEscrow,
    SettleEscrowBatch,
    SettleEscrowBundle,
    SettleLate,
    SetToken,
    Unlist,
    VoidIntents,
    VoidSplits,
    Withdraw,
)
from fabmarket.market.net import net_bundle
from fabmarket.market.trade import NONCES, bundle_of, nonce_of
from tests.differential.story import LENGTH, NOBODY, SALT, U64, Story

NOT_MODELLED = {
    *("ReentrancyGuardReentrantCall", "SafeERC20FailedOperation", "WrongAmountReceived"),
    *("SignatureCheckStarved", "InvalidShortString", "StringTooLong"),
    *("BadParameters", "BadModule", "NotTheExchange", "UnknownFunction"),
}


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
    assert s.attest(origin=s.origin + 1) == s.attest(slot_length=1) == ["WrongCalendar"]
    assert s.attest(expiry=both.now) == ["AttestationExpired"]
    assert s.attest(operator_set=2) == ["WrongOperatorSet"]
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
    assert both.play(s.seller, Unlist(s.mill, 0, 8)) == ["Unlisted", "ListingEpochRaised"]
    assert s.list((s.mill, 0, 8)) == ["Listed"]
    sealed(s)


def sealed(s):
    both = s.both
    assert s.seal(3, 6) == ["SlotSealed"]
    assert s.open(3, 6, bytes(32)) == ["Unsalted"]
    assert s.open(3, 7) == s.open(4, 6) == ["WrongOpening"]
    assert s.list((s.mill, 3, 1)) == ["OverReported"]
    assert both.play(s.seller, RaiseListingEpoch(s.mill, 3)) == ["ListingEpochRaised"]
    assert s.open(3, 6, key=s.third, deadline=both.now) == ["OpeningExpired"]
    end, listing = both.now + 9, s.listing(3)
    commitment = both.state.seals[s.seller.address, s.mill, 3]
    at = both.state.listings[listing].epoch
    for version, epoch in ((1, 0), (2, at), (0, at), (1, at)):
        consent = signed.Open(listing, commitment, version, epoch, end)
        signature = s.seller.sign(digest(both.state.domain, consent))
        said = s.open(3, 6, key=s.third, deadline=end, signature=signature)
        good = (version, epoch) == (1, at)
        assert said == (["SlotAttested", "Listed"] if good else ["BadSignature"])
    assert s.seal(3, 0, version=2) == ["SlotSealed", "Unlisted"]
    assert s.open(3, 0) == ["SlotAttested"]
    for slot in (0, 2):
        raised = both.play(s.seller, RaiseListingEpoch(s.mill, slot))
        assert raised == ["ListingEpochRaised"]
    assert both.play(s.buyer, RaiseListingEpoch(s.mill, 0)) == ["NotRegistered"]
    assert both.play(s.seller, RaiseListingEpoch(s.mill, U64)) == ["SlotOutOfRange"]


def accounts(s):
    both, me = s.both, s.third.address

    def take(amount, to=me):
        return Withdraw(s.token, amount, to)

    assert both.play(s.buyer, Deposit(s.other, 1)) == ["TokenNotAccepted"]
    assert both.play(s.buyer, Deposit(s.token, 0)) == ["ZeroAmount"]
    assert both.play(s.buyer, Deposit(s.token, 2**128)) == ["AmountTooLarge"]
    assert both.play(s.buyer, Deposit(s.token, 1_000)) == ["Deposited"]
    assert both.play(s.third, Deposit(s.token, 2**128 - 1_000)) == ["AmountTooLarge"]
    assert both.play(s.third, Deposit(s.token, 2**128 - 1_001)) == ["Deposited"]
    assert both.play(s.third, take(0)) == ["ZeroAmount"]
    assert both.play(s.third, take(1, NOBODY)) == ["BadRecipient"]
    assert both.play(s.third, take(1, both.contract.address)) == ["BadRecipient"]
    assert both.play(s.buyer, take(1_001)) == ["InsufficientBalance"]
    assert both.play(s.third, take(2**128 - 1_001)) == ["Withdrawn"]
    assert s.relay(s.buyer, take(1), deadline=both.now) == ["IntentExpired"]
    assert s.relay(s.buyer, take(1), nonce=1) == ["WrongIntentNonce"]
    assert s.relay(s.buyer, take(1), signer=s.third) == ["BadSignature"]
    assert s.relay(s.buyer, take(0)) == ["ZeroAmount"]
    assert s.relay(s.buyer, take(1)) == ["Relayed", "Withdrawn"]
    assert s.relay(s.buyer, Deposit(s.token, 1), 1) == ["Relayed", "Deposited"]
    assert both.play(s.buyer, VoidIntents(2)) == ["WrongIntentNonce"]
    assert both.play(s.buyer, VoidIntents(4)) == ["IntentsVoided"]
    assert s.relay(s.buyer, take(1), 3) == ["WrongIntentNonce"]
    assert both.play(s.seller, Deposit(s.token, 500)) == ["Deposited"]


def operators(s):
    both, state = s.both, s.both.state

    def named(deadline):
        now = both.state
        return now.operator_set(both.now), now.decision_nonce, deadline

    def pause(until, keys=None, deadline=U64):
        by = s.by(signed.Pause(until, *named(deadline)), keys)
        return both.play(s.third, Pause(until, deadline, by))

    def operators_are(who, threshold, keys=None):
        by = s.by(signed.Operators(who, threshold, *named(U64)), keys)
        return both.play(s.third, SetOperators(who, threshold, U64, by))

    def token_is(accepted):
        by = s.by(signed.Token(s.other, accepted, *named(U64)))
        return both.play(s.third, SetToken(s.other, accepted, U64, by))

    assert state.decision_nonce == both.contract.decision_nonce() == 0
    assert pause(both.now + 30 * 86_400 + 1) == ["PauseTooLong"]
    assert pause(both.now + 3, deadline=both.now) == ["DecisionExpired"]
    assert pause(both.now + 3) == ["Paused"]
    assert s.settle() == ["TradingPaused"]
    assert pause(0) == ["Paused"]
    assert token_is(True) == ["TokenSet"]
    assert both.play(s.buyer, Deposit(s.other, 5)) == ["Deposited"]
    assert token_is(False) == ["TokenSet"]
    assert both.play(s.buyer, Withdraw(s.other, 5, s.buyer.address)) == ["Withdrawn"]
    old = both.state.operator_sets[1].members
    assert operators_are(old, 1) == operators_are(old, 4) == ["BadThreshold"]
    assert operators_are((NOBODY,), 1) == operators_are(old[:1] * 2, 2) == ["BadOperator"]
    assert operators_are((s.third.address,), 1) == ["OperatorsSet"]
    assert pause(0) == ["Paused"]  # the old ones, until the delay is over
    assert both.play(s.third, VoidIntents(1), both.state.next_since) == ["IntentsVoided"]
    assert pause(0) == ["BadOperatorSignature"]
    assert operators_are(old, 2, [s.third]) == ["OperatorsSet"]
    assert both.play(s.third, VoidIntents(2), both.state.next_since) == ["IntentsVoided"]
    assert both.contract.operator_set() == 3


def trades(s):
    both = s.both
    assert s.settle(bundle=SALT) == ["Bundled"]
    assert s.settle(quantity=0) == ["ZeroQuantity"]
    assert s.settle(unit_price=0) == ["ZeroPrice"]
    assert s.settle(listing=bytes(32)) == ["UnknownListing"]
    assert s.settle(valid_until=both.now) == ["TradeExpired"]
    assert s.settle(valid_until=s.origin + LENGTH + 1) == ["ValidPastSlot"]
    assert s.settle(listing_epoch=0) == ["WrongListingEpoch"]
    assert s.settle(demander=s.seller.address) == ["SelfTrade"]
    assert s.settle(buyer=s.third) == ["BadSignature"]
    assert s.settle(demander=NOBODY) == ["BadSignature"]
    assert s.settle(quantity=9) == ["InsufficientListing"]
    assert s.settle(supplier_nonce=256) == s.settle(nonce=256) == ["WrongEpoch"]
    assert s.settle(supplier_nonce=NONCES) == s.settle(nonce=NONCES) == ["NonceUsed"]
    assert s.settle(unit_price=1_001) == ["InsufficientBalance"]
    assert s.settle() == ["Settled"]
    assert s.settle() == ["NonceUsed"]
    parts = [s.trade(bit) for bit in (1, 2)]
    bundle = bundle_of(parts)
    whole = tuple(s.both_sign(replace(part, bundle=bundle)) for part in parts)
    assert both.play(s.third, SettleBundle(whole[:1])) == ["WrongBundle"]
    assert both.play(s.third, SettleBundle(whole[::-1])) == ["WrongBundle"]
    assert both.play(s.third, SettleBundle(whole)) == ["Settled"] * 2
    batch = tuple(s.both_sign(s.trade(bit)) for bit in (2, 3))
    assert both.play(s.third, SettleBatch((*batch, *whole))) == [
        *("Skipped", "Settled", "Skipped", "Skipped")
    ]
    for key in s.sides:
        assert both.play(key, Cancel(s.token, 1 << 4)) == ["NoncesCancelled"]
    everything = Cancel(s.token, 2**96 - 1)
    assert both.play(s.third, everything) == ["NoncesCancelled", "EpochRaised"]
    assert s.settle(bit=4) == s.settle(bit=5, supplier_nonce=4) == ["NonceUsed"]
    for key in s.sides:
        before = s.both_sign(s.trade(bit=5))
        assert both.play(key, RaiseEpoch(s.token)) == ["EpochRaised"]
        assert both.play(s.third, Settle(before)) == ["WrongEpoch"]
    assert s.settle(bit=5) == ["Settled"]


def cycles(s):
    both, s.slot = s.both, 1
    cycle = s.cycle(10, quantity=2)
    first, second = cycle.rows
    assert s.net(replace(cycle, rows=())) == ["MalformedBatch"]
    assert s.net(cycle, hands=[s.buyer]) == ["MalformedBatch"]
    assert s.net(replace(cycle, valid_until=both.now)) == ["TradeExpired"]
    assert s.net(replace(cycle, rows=(second, first))) == ["UnsortedRow"]
    assert s.net(cycle, hands=[s.third] * 2) == ["BadSignature"]

    def upset(**changes):
        return s.net(replace(cycle, rows=(replace(first, **changes), second)))

    def sold(**changes):
        return s.net(replace(cycle, sales=(replace(cycle.sales[0], **changes),)))

    assert upset(epoch=1) == ["WrongEpoch"]
    assert upset(mask=0) == ["NoNonce"]
    assert upset(direction=2) == ["BadDirection"]
    assert upset(amount=5) == ["Unbalanced"]
    assert upset(sales=2) == ["WrongSales"]
    paid = next(row for row in cycle.rows if row.sales)
    rich = tuple(replace(row, amount=2**128 - 1) if row is paid else row for row in cycle.rows)
    assert s.net(replace(cycle, rows=rich)) == ["AmountTooLarge"]
    assert sold(row=2) == ["NotTheSupplier"]
    assert sold(epoch=1) == ["WrongListingEpoch"]
    assert sold(quantity=0) == ["ZeroQuantity"]
    assert sold(quantity=21) == ["InsufficientListing"]
    assert s.net(replace(cycle, sales=cycle.sales * 2)) == ["UnsortedSale"]
    assert s.net(replace(cycle, valid_until=cycle.valid_until + 1)) == ["ValidPastSlot"]
    assert s.net(cycle) == ["NetSettled"]
    assert s.net(cycle) == ["NonceUsed"]
    late(s)


def late(s):
    both = s.both
    not_before = both.now + 9
    parts = [s.trade(bit) for bit in (11, 12)]
    bundle = net_bundle(not_before, bundle_of(parts))
    whole = tuple(s.both_sign(replace(part, bundle=bundle)) for part in parts)
    assert both.play(s.third, SettleBundle(whole)) == ["WrongBundle"]
    assert both.play(s.third, Settle(whole[0])) == ["Bundled"]
    assert both.play(s.third, SettleLate(whole, not_before)) == ["LateOnly"]
    assert both.play(s.third, SettleLate(whole, both.now)) == ["WrongBundle"]
    assert both.play(s.third, SettleLate(whole[:1], not_before), not_before) == ["WrongBundle"]
    assert both.play(s.third, SettleLate(whole, not_before)) == ["Settled"] * 2


def into_escrow(s):
    both = s.both
    assert s.escrow(20, slot=2)[1] == ["WrongPlace"]
    assert s.escrow(20, deliver_from=0)[1] == s.escrow(20, late_share=10_001)[1] == ["BadTerm"]
    assert s.escrow(20, bond=10_000)[1] == ["InsufficientBalance"]
    parts = [s.waiting(bit) for bit in (20, 21)]
    bundle = bundle_of(parts)
    whole = tuple(s.both_sign(replace(part, bundle=bundle)) for part in parts)
    assert both.play(s.third, SettleEscrow(whole[0])) == ["Bundled"]
    assert both.play(s.third, SettleEscrowBundle(whole[:1])) == ["WrongBundle"]
    assert both.play(s.third, SettleEscrowBundle(whole)) == ["Settled", "Escrowed"] * 2
    for signed_trade in whole:
        given_back = both.play(s.seller, Refund(signed_trade.trade))
        assert given_back == ["CommitmentReduced", "Released"]
    batch = (s.both_sign(s.waiting(22)), whole[0], s.both_sign(s.waiting(22, slot=5)))
    said = both.play(s.third, SettleEscrowBatch(batch))
    assert said == ["Settled", "Escrowed", "Skipped", "Skipped"]
    split = s.split(batch[0].trade, 100)
    assert split == ["CommitmentReduced", "Released"]


def escrows(s):
    both, s.slot = s.both, 1
    into_escrow(s)
    start = s.origin + LENGTH
    trade, said = s.escrow(23)
    assert said == ["Settled", "Escrowed"]
    assert both.play(s.buyer, Deliver(trade, 2)) == ["NotParty"]
    assert both.play(s.seller, Deliver(trade, 2)) == ["TooEarly"]
    assert both.play(s.buyer, RefundUncovered(trade)) == ["Covered"]
    assert s.expire(trade) == ["DeadlineAhead"]
    assert both.play(s.seller, Deliver(trade, 3), start) == ["BadQuantity"]
    assert s.expire(trade, trade.escrow.deliver_by) == ["GraceOpened"]
    assert s.expire(trade) == ["GraceRunning"]
    until = both.state.held[s.digest_of(trade)].grace_until
    both.skip(3)
    assert both.play(s.seller, Deliver(trade, 2), until) == ["DeadlinePassed"]
    assert s.expire(trade) == ["CommitmentReduced", "Released"]
    assert s.expire(trade) == ["WrongState"]
    trade, _ = s.escrow(24)
    assert s.relay(s.seller, Deliver(trade, 1), 0) == ["Relayed", "Delivered"]
    assert both.play(s.seller, Deliver(trade, 1)) == ["WrongState"]
    assert both.play(s.buyer, Release(trade, 0)) == ["ZeroAmount"]
    assert both.play(s.buyer, Release(trade, 203)) == ["InsufficientEscrow"]
    assert both.play(s.buyer, Release(trade, 50)) == ["Released"]
    silence(s, trade)
    disputes(s)


def silence(s, trade):
    both = s.both
    held = both.state.held[s.digest_of(trade)]
    deadline = max(trade.escrow.dispute_by, held.since + both.state.parameters.dispute_window)
    assert s.expire(trade, deadline) == ["GraceOpened"]
    until = both.state.held[s.digest_of(trade)].grace_until
    both.skip(3)
    assert both.play(s.buyer, Dispute(trade, SALT), until) == ["DeadlinePassed"]
    assert s.expire(trade) == ["Released"]


def disputed(s, bit):
    both = s.both
    trade, _ = s.escrow(bit)
    assert s.rule(trade) == ["WrongState"]
    assert both.play(s.seller, Deliver(trade, 2)) == ["Delivered"]
    assert both.play(s.buyer, Dispute(trade, SALT)) == ["Disputed"]
    return trade


def disputes(s):
    both = s.both
    trade = disputed(s, 30)
    assert s.rule(trade) == ["TooEarly"]
    both.skip(2)
    assert s.execute(trade) == ["NoRuling"]
    assert s.rule(trade, 10_001) == ["BadShare"]
    assert s.rule(trade, keys=[*s.operators[:2], s.buyer]) == ["PartyRules"]
    assert s.rule(trade) == ["RulingPosted"]
    assert s.rule(trade) == ["StaleRuling"]
    assert s.rule(trade, number=4) == ["RulingPosted"]
    assert both.play(s.seller, Refund(trade)) == s.expire(trade) == ["RulingStands"]
    assert s.execute(trade) == ["GraceRunning"]
    due = both.state.rulings[s.digest_of(trade)].executable_at
    both.skip(3)
    assert s.execute(trade, max(due, both.now)) == ["Released"]
    trade = disputed(s, 31)
    assert s.split(trade, 100, 1) == ["WrongSplit"]
    assert s.split(trade, 100, deadline=both.now) == ["DeadlinePassed"]
    assert s.split(trade, 100, buyer=s.third) == ["BadSignature"]
    assert both.play(s.third, VoidSplits(trade)) == ["NotParty"]
    assert both.play(s.buyer, VoidSplits(trade)) == ["SplitsVoided"]
    assert s.split(trade, 100) == ["Released"]
    trade = disputed(s, 32)
    assert s.expire(trade, trade.escrow.decide_by + 9) == ["GraceOpened"]
    until = both.state.held[s.digest_of(trade)].grace_until
    both.skip(3)
    assert both.play(s.third, VoidIntents(9), until) == ["IntentsVoided"]
    assert s.rule(trade) == ["DeadlinePassed"]
    assert s.expire(trade) == ["Released"]
    uncovered(s)


def uncovered(s):
    both, keys = s.both, s.operators[:2]
    assert s.list((s.mill, 1, 4)) == ["Listed"]  # capacity given back above
    trade, said = s.escrow(40)
    assert said == ["Settled", "Escrowed"]
    assert s.attest(keys, first_slot=1, quantities=(1,), version=2)[0] == "SlotAttested"
    assert both.play(s.buyer, RefundUncovered(trade)) == [
        *("CommitmentReduced", "Uncovered", "Released")
    ]
    both.skip(2)
    assert s.rule(trade) == ["RulingPosted"]
    both.skip(3)
    due = both.state.rulings[s.digest_of(trade)].executable_at
    assert s.execute(trade, max(due, both.now)) == ["Released"]
    assert both.play(s.seller, Withdraw(s.token, 1, s.seller.address)) == ["Withdrawn"]


def test_every_error_and_every_event_of_the_contract_is_met(stage):
    both = stage(lambda both: ()).enter()
    s = Story(both)
    for chapter in (verification, accounts, operators, trades, cycles, escrows):
        chapter(s)
        both.same_storage()
    ended = List((Report(s.mill, 0, 1),))
    assert both.play(s.seller, ended, max(both.now, s.origin + LENGTH)) == ["SlotEnded"]
    text = files("fabmarket.chain").joinpath("artifacts/CapacityExchange.json").read_text()
    errors = {each["name"] for each in json.loads(text)["abi"] if each["type"] == "error"}
    made = {"Deployed"}  # before the story
    assert both.met | made == errors - NOT_MODELLED | {event.__name__ for event in EVENTS}


@pytest.mark.parametrize("bit", [0, 95])
def test_the_97th_trade_opens_the_next_epoch(stage, bit):
    both = stage(lambda both: ()).enter()
    s = Story(both)
    both.play(s.seller, RegisterResource(s.mill, s.hour, s.origin, LENGTH))
    s.attest(quantities=(200,))
    s.list((s.mill, 0, 200))
    both.play(s.buyer, Deposit(s.token, 10_000))
    ahead = s.both_sign(s.trade(nonce=nonce_of(1, bit)))
    assert both.play(s.third, Settle(ahead)) == ["WrongEpoch"]
    for start in range(0, NONCES, 16):
        batch = tuple(s.both_sign(s.trade(start + i)) for i in range(16))
        assert both.play(s.third, SettleBatch(batch)) == ["Settled"] * 16
    assert s.settle() == ["NonceUsed"]
    assert s.settle(nonce=nonce_of(2, bit)) == ["WrongEpoch"]
    assert both.play(s.third, Settle(ahead)) == ["Settled"]
    assert both.state.account_of(s.buyer.address, s.token).used == 1 << bit
    both.same_storage()
