"""What the twin's moves do; tests/differential holds it against the contract."""

from dataclasses import replace

import pytest

from fabmarket.identity import BadValue, digest, keccak
from fabmarket.market import trade as signed
from fabmarket.market.events import (
    EpochRaised,
    IntentsVoided,
    Listed,
    ListingEpochRaised,
    NetSettled,
    NoncesCancelled,
    Relayed,
    ResourceRegistered,
    Settled,
    Skipped,
    SlotAttested,
    SlotSealed,
    Unlisted,
    Withdrawn,
    pack_terms,
)
from fabmarket.market.exchange import (
    Account,
    Cancel,
    Deposit,
    Listing,
    Open,
    Proof,
    RaiseEpoch,
    RaiseListingEpoch,
    RegisterResource,
    SettleBatch,
    SettleLate,
    Slot,
    Unlist,
    VoidIntents,
    Withdraw,
    step,
)
from fabmarket.market.net import net_bundle
from fabmarket.market.trade import NONCES, bundle_of, nonce_of
from fabmarket.market.units import name_to_bytes32
from fabmarket.scenario import TABLE_1

NOW, END = 1_000, 5_600


def purse(m, state, key):
    return state.account_of(key.address, m.token)


@pytest.mark.parametrize(
    ("origin", "length", "fits"),
    [(0, 2**40 - 1, True), (1, 2**40 - 1, False), (2**40 - 2, 1, True), (2**40 - 1, 1, False)],
)
def test_a_first_slot_that_ends_after_40_bits_of_seconds_is_refused(market, origin, length, fits):
    move = RegisterResource(market.m1, market.hour, origin, length)
    if fits:
        _, (event,) = step(market.new, market.seller.address, move, NOW)
        registered = (market.seller.address, market.m1, market.hour, origin, length)
        assert event == ResourceRegistered(*registered)
    else:
        assert market.refused(market.new, market.seller, move) == ("BadSlotLength", length)


def test_regression_nobody_signs_for_the_zero_address(market):
    trade = market.settle(demander=market.nobody).signed
    for signature in (trade.demander, b"", bytes(64) + b"\x1b"):
        move = replace(market.settle(), signed=replace(trade, demander=signature))
        error, signer, _ = market.refused(market.funded, market.buyer, move)
        assert (error, signer) == ("BadSignature", market.nobody)


def test_a_trade_signed_for_escrow_does_not_settle_at_once_nor_the_other_way_round(market):
    instant, escrow = market.settle(), market.escrow()
    as_instant = replace(instant, signed=escrow.signed)
    assert market.refused(market.funded, market.buyer, as_instant)[0] == "BadSignature"
    terms = replace(instant.signed.trade, escrow=market.terms)
    as_escrow = replace(escrow, signed=replace(instant.signed, trade=terms))
    assert market.refused(market.funded, market.buyer, as_escrow)[0] == "BadSignature"


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 4},
        {"unit_price": 99},
        {"nonce": 6},
        {"valid_until": NOW + 61},
        {"transcript": b"x" * 32},
    ],
    ids=str,
)
def test_a_relayer_can_change_no_term(market, change):
    honest = market.settle().signed
    forged = replace(honest, trade=replace(honest.trade, **change))
    refusal = market.refused(
        market.funded, market.stranger, replace(market.settle(), signed=forged)
    )
    assert refusal[:2] == ("BadSignature", market.buyer.address)


def test_a_trade_that_cannot_exist_on_chain_is_refused_as_a_bad_value(market):
    honest = market.settle().signed
    absurd = replace(honest, trade=replace(honest.trade, supplier_nonce=2**256))
    with pytest.raises(BadValue):
        step(market.funded, market.buyer.address, replace(market.settle(), signed=absurd), NOW)


def test_expiry_and_slot_end_stop_listing_at_their_first_second(market):
    move = market.reports((market.m1, 1, 1))
    last = END + 3_600
    assert market.refused(market.attested, market.seller, move, last)[0] == "SlotEnded"
    step(market.attested, market.seller.address, move, last - 1)
    brief = market.played(market.registered, (market.seller, market.attest(expiry=NOW + 1)))
    step(brief, market.seller.address, move, NOW)
    expired = ("AttestationExpired", market.m1, 1, NOW + 1)
    assert market.refused(brief, market.seller, move, NOW + 1) == expired


def test_a_trade_settles_until_the_last_second_before_its_end(market):
    move = market.settle(valid_until=END)
    step(market.funded, market.buyer.address, move, END - 1)
    assert market.refused(market.funded, market.buyer, move, END) == ("TradeExpired", END, END)


def test_settlement_and_listing_have_their_events_and_their_effect(market):
    m, trade = market, market.trade()
    trade_digest = digest(m.domain, trade)
    sold = Settled(m.listing, m.buyer.address, trade_digest, m.token, pack_terms(3, 100, 5))
    assert step(m.funded, m.stranger.address, m.settle(), NOW) == (m.settled, (sold,))
    assert (sold.quantity, sold.unit_price, sold.payment) == (3, 100, 300)
    assert sold.nonce == 5
    assert purse(m, m.settled, m.buyer) == Account(700, 0, 1 << 5)
    assert purse(m, m.settled, m.seller) == Account(800)
    assert dict(m.settled.listings) == {m.listing: Listing(m.seller.address, 5)}
    assert m.settled.slots[m.seller.address, m.m1, 0] == Slot(10, 8, 1, 9_999)
    move = Withdraw(m.token, 800, m.stranger.address)
    after, events = step(m.settled, m.seller.address, move, NOW)
    assert events == (Withdrawn(m.seller.address, m.token, 800, m.stranger.address),)
    assert purse(m, after, m.seller) == Account()
    _, events = step(m.listed, m.seller.address, m.reports((m.m1, 0, 1), (m.m1, 0, 1)), NOW)
    assert [event.available for event in events] == [9, 10]
    assert step(m.listed, m.seller.address, m.reports(), NOW) == (m.listed, ())


def test_what_is_taken_off_the_market_can_be_listed_again(market):
    m = market
    after, events = step(m.settled, m.seller.address, Unlist(m.m1, 0, 4), NOW)
    assert events == (Unlisted(m.listing, m.seller.address, m.m1, 0, 4, 1),)
    assert after.slots[m.seller.address, m.m1, 0].committed == 4
    assert m.played(after, (m.seller, m.reports((m.m1, 0, 6)))).listings[m.listing].available == 7
    assert m.refused(after, m.seller, m.reports((m.m1, 0, 7)))[0] == "OverReported"


def test_a_listing_withdrawn_whole_voids_what_was_signed_for_it(market):
    m, who = market, market.seller.address
    after, events = step(m.settled, who, Unlist(m.m1, 0, 5), NOW)
    unlisted = Unlisted(m.listing, who, m.m1, 0, 5, 0)
    assert events == (unlisted, ListingEpochRaised(m.listing, who, NOW))
    again = m.played(after, (m.seller, m.reports((m.m1, 0, 5))))
    refusal = m.refused(again, m.buyer, m.settle(nonce=6))
    assert refusal == ("WrongListingEpoch", 0, NOW)
    step(again, m.buyer.address, m.settle(nonce=6, listing_epoch=NOW), NOW)


def test_what_is_signed_ahead_for_a_listing_is_void_before_it_is_listed(market):
    m, who = market, market.seller.address
    state, events = step(m.attested, who, RaiseListingEpoch(m.m1, 0), NOW)
    assert events == (ListingEpochRaised(m.listing, who, NOW),)
    state, events = step(state, who, RaiseListingEpoch(m.m1, 0), NOW)
    assert events == (ListingEpochRaised(m.listing, who, NOW + 2),)
    listed = m.played(state, (m.seller, m.reports((m.m1, 0, 8))))
    assert listed.listings[m.listing] == Listing(who, 8, NOW + 2)


@pytest.mark.parametrize(
    ("now", "epoch"), [(1, 2), (2, 2), (3, 3), (2**32 - 1, 2**32 - 1), (2**32, 2)]
)
def test_a_raised_epoch_is_the_time_unless_two_more_is_later(market, now, epoch):
    m = replace_time(market.funded)
    _, (event,) = step(m, market.buyer.address, RaiseEpoch(market.token), now)
    assert event == EpochRaised(market.buyer.address, market.token, epoch)


def replace_time(state):
    """The state as if no event had named its time."""
    return replace(state, time=0)


def test_a_lowered_attestation_takes_the_unsold_excess_off_the_market(market):
    m, place = market, (market.seller.address, market.m1, 0)
    lowered, events = step(m.settled, m.stranger.address, m.attest(quantities=(5,), version=2), NOW)
    assert events == (SlotAttested(*place, 5, 2, 9_999), Unlisted(m.listing, *place, 3, 2))
    assert lowered.slots[place] == Slot(5, 5, 2, 9_999)
    refusal = m.refused(lowered, m.seller, m.reports((m.m1, 0, 1)))
    assert refusal == ("OverReported", m.m1, 0, 1, 5, 5)
    sold_above = m.played(lowered, (m.seller, m.attest(quantities=(1,), version=3)))
    assert sold_above.slots[place] == Slot(1, 3, 3, 9_999)
    assert sold_above.listings[m.listing].available == 0


def test_a_seal_takes_everything_unsold_off_the_market(market):
    m, place = market, (market.seller.address, market.m1, 0)
    state, events = step(m.settled, m.stranger.address, m.seal(version=2), NOW)
    assert isinstance(events[0], SlotSealed)
    assert events[1:] == (Unlisted(m.listing, *place, 5, 0),)
    assert state.slots[place] == Slot(0, 3, 2, 9_999)


def test_an_opened_seal_lists_what_is_not_committed(market):
    m, place = market, (market.seller.address, market.m1, 0)
    move = Open(*place, 10, m.salt)
    state, events = step(m.sealed, m.seller.address, move, NOW)
    assert events == (SlotAttested(*place, 10, 1, 9_999), Listed(m.listing, *place, 10, 10))
    assert dict(state.seals) == {}
    assert state.slots[place] == Slot(10, 10, 1, 9_999)
    over = m.played(m.settled, (m.seller, m.seal(version=2)))
    assert m.played(over, (m.seller, move)).listings[m.listing].available == 7
    for quantity in (3, 2):  # no more than is sold: nothing is listed, whenever that is
        full = m.played(m.settled, (m.seller, m.seal(version=2, quantity=quantity)))
        opened, events = step(full, m.seller.address, replace(move, quantity=quantity), 99_999)
        assert events == (SlotAttested(*place, quantity, 2, 9_999),)
        assert opened.slots[place] == Slot(quantity, 3, 2, 9_999)


def test_others_open_a_seal_with_the_supplier_s_consent_until_its_end_or_an_epoch(market):
    m, place = market, (market.seller.address, market.m1, 0)
    commitment = m.seal().attestation.commitment
    consent = digest(m.domain, signed.Open(m.listing, commitment, 1, 0, NOW + 5))
    move = Open(*place, 10, m.salt, NOW + 5, m.seller.sign(consent))
    _, events = step(m.sealed, m.stranger.address, move, NOW + 4)
    assert events[1] == Listed(m.listing, *place, 10, 10)
    refusal = m.refused(m.sealed, m.stranger, move, NOW + 5)
    assert refusal == ("OpeningExpired", NOW + 5, NOW + 5)
    again = m.played(m.sealed, (m.stranger, m.seal(version=2)))  # the same quantity and salt
    assert m.refused(again, m.stranger, move)[:2] == ("BadSignature", m.seller.address)
    raised = m.played(m.sealed, (m.seller, RaiseListingEpoch(m.m1, 0)))
    assert m.refused(raised, m.stranger, move)[:2] == ("BadSignature", m.seller.address)
    step(raised, m.seller.address, replace(move, signature=b""), NOW + 5)
    confirmed = replace(move, signature=Proof(b"", confirmed=True))
    step(m.sealed, m.stranger.address, confirmed, NOW)


def test_a_new_attestation_replaces_a_seal(market):
    m = market
    state = m.played(m.sealed, (m.seller, m.attest(version=2)))
    assert dict(state.seals) == {}
    assert state.slots[m.seller.address, m.m1, 0].attested == 10


def test_nonces_are_cancelled_by_mask_and_epochs_raised_to_the_time(market):
    m, who = market, market.buyer.address
    state, events = step(m.settled, who, Cancel(m.token, 0b11), NOW)
    assert events == (NoncesCancelled(who, m.token, 0, 0b11),)
    assert purse(m, state, m.buyer) == Account(700, 0, 0b100011)
    state, events = step(state, who, RaiseEpoch(m.token), NOW)
    assert events == (EpochRaised(who, m.token, NOW),)
    assert purse(m, state, m.buyer) == Account(700, NOW, 0)
    for epoch in (0, 1, NOW - 1, NOW + 1):
        refusal = m.refused(state, m.buyer, m.settle(nonce=nonce_of(epoch, 5)))
        assert refusal == ("WrongEpoch", who, epoch, NOW)
    step(state, who, m.settle(nonce=nonce_of(NOW, 5)), NOW)


def test_whoever_cancels_its_last_nonce_begins_an_epoch_that_nothing_was_signed_for(market):
    m, who = market, market.buyer.address
    state, events = step(m.settled, who, Cancel(m.token, 2**96 - 1 - (1 << 5)), NOW)
    cancelled = NoncesCancelled(who, m.token, 0, 2**96 - 1 - (1 << 5))
    assert events == (cancelled, EpochRaised(who, m.token, NOW))
    assert purse(m, state, m.buyer) == Account(700, NOW, 0)
    ahead = m.settle(nonce=nonce_of(1, 5))
    assert m.refused(state, m.buyer, ahead) == ("WrongEpoch", who, 1, NOW)


def test_after_the_last_epoch_there_is_none(market):
    m, who = market, market.buyer.address
    last = Account(5, 2**32 - 1, 1)
    state = replace(m.funded, accounts=m.funded.accounts.insert((who, m.token), last))
    state, events = step(state, who, Cancel(m.token, 2**96 - 2), NOW)
    assert events == (NoncesCancelled(who, m.token, 2**32 - 1, 2**96 - 2),)
    step(state, who, Deposit(m.token, 1), NOW)


def test_a_supplier_cancels_one_trade_by_its_nonce_and_all_by_an_epoch(market):
    m, who = market, market.seller.address
    one = m.played(m.funded, (m.seller, Cancel(m.token, 1 << 7)))
    assert m.refused(one, m.buyer, m.settle(supplier_nonce=7)) == ("NonceUsed", who, 7)
    sold = m.played(one, (m.buyer, m.settle(supplier_nonce=8)))
    assert purse(m, sold, m.seller).used == 1 << 7  # its bit serves again
    m.played(sold, (m.buyer, m.settle(supplier_nonce=8, nonce=6)))
    every = m.played(m.funded, (m.seller, RaiseEpoch(m.token)))
    assert m.refused(every, m.buyer, m.settle()) == ("WrongEpoch", who, 0, NOW)


def test_the_97th_trade_opens_the_next_epoch(market):
    m, state = market, market.funded
    for nonce in range(NONCES - 1):
        move = m.settle(nonce=nonce, quantity=1, unit_price=1)
        if nonce >= 7:  # the listing is nearly sold out
            state = m.played(state, (m.buyer, Cancel(m.token, 1 << nonce)))
        else:
            state = m.played(state, (m.buyer, move))
    state = m.played(state, (m.buyer, m.settle(nonce=95, quantity=1, unit_price=1)))
    assert purse(m, state, m.buyer) == Account(992, 0, 2**96 - 1)
    state = m.played(state, (m.seller, m.reports((m.m1, 0, 2))))
    after = m.played(state, (m.buyer, m.settle(nonce=nonce_of(1, 95), quantity=1)))
    assert purse(m, after, m.buyer) == Account(892, 1, 1 << 95)


def test_a_relayed_move_is_the_account_s_own(market):
    m, who = market, market.buyer.address
    move = m.relay(Withdraw(m.token, 400, who))
    state, events = step(m.funded, m.stranger.address, move, NOW)
    assert events == (Relayed(who, 0), Withdrawn(who, m.token, 400, who))
    assert dict(state.intent_nonces) == {who: 1}
    assert m.refused(state, m.stranger, move) == ("WrongIntentNonce", who, 0, 1)
    inner = m.relay(Withdraw(m.token, 5, who), nonce=1)
    outer = m.relay(inner, key=m.seller)
    state, events = step(state, m.stranger.address, outer, NOW)
    withdrawn = Withdrawn(who, m.token, 5, who)
    assert events == (Relayed(m.seller.address, 0), Relayed(who, 1), withdrawn)


def test_intents_are_voided_up_to_a_nonce(market):
    m, who = market, market.buyer.address
    state, events = step(m.funded, who, VoidIntents(3), NOW)
    assert events == (IntentsVoided(who, 3),)
    for nonce in (0, 2):
        refusal = m.refused(state, m.stranger, m.relay(Withdraw(m.token, 1, who), nonce=nonce))
        assert refusal == ("WrongIntentNonce", who, nonce, 3)
    step(state, m.stranger.address, m.relay(Withdraw(m.token, 1, who), nonce=3), NOW)
    assert m.refused(state, m.buyer, VoidIntents(3)) == ("WrongIntentNonce", who, 3, 3)


def test_regression_an_account_that_voided_all_intents_relays_no_more(market):
    """The contract's next nonce overflows; the twin went on counting."""
    m, last = market, 2**256 - 1
    state, _ = step(m.funded, m.buyer.address, VoidIntents(last), NOW)
    relayed = m.relay(Withdraw(m.token, 1, m.buyer.address), nonce=last)
    assert m.refused(state, m.stranger, relayed) == ("Panic", 0x11)


def selector(text):
    return keccak(text.encode())[:4]


def test_a_batch_settles_what_it_can_and_says_why_not(market):
    m = market
    good = m.settle(quantity=1, nonce=1).signed
    bad = {
        "ZeroQuantity()": m.settle(quantity=0),
        "ZeroPrice()": m.settle(unit_price=0),
        "UnknownListing(bytes32)": m.settle(listing=m.m1),
        "TradeExpired(uint64,uint256)": m.settle(valid_until=NOW),
        "ValidPastSlot(uint64,uint64)": m.settle(valid_until=END + 1),
        "WrongListingEpoch(uint64,uint32)": m.settle(listing_epoch=1),
        "SelfTrade(address)": m.settle(demander=m.seller.address),
        "BadSignature(address,address)": m.settle(buyer=m.stranger),
        "InsufficientListing(bytes32,uint64,uint64)": m.settle(quantity=8),
        "WrongEpoch(address,uint256,uint32)": m.settle(nonce=nonce_of(1, 5)),
        "NonceUsed(address,uint256)": m.settle(nonce=1),
        "InsufficientBalance(address,address,uint256,uint256)": m.settle(unit_price=500),
        "Bundled(bytes32)": m.settle(bundle=m.m1),
    }
    trades = (good, *(move.signed for move in bad.values()), m.settle(quantity=2).signed)
    state, events = step(m.funded, m.stranger.address, SettleBatch(trades), NOW)
    first, *skipped, last = events
    assert [first.quantity, last.quantity] == [1, 2]
    said = [
        (selector(text), digest(m.domain, trade), trade.listing, trade.demander)
        for text, trade in zip(bad, (move.signed.trade for move in bad.values()), strict=True)
    ]
    assert skipped == [Skipped(i, *each) for i, each in enumerate(said, start=1)]
    assert purse(m, state, m.seller).balance == 800


def test_a_product_settles_whole_and_in_its_order(market):
    m = market
    product = m.product({}, {"quantity": 2}, {"unit_price": 50})
    state, events = step(m.funded, m.stranger.address, product, NOW)
    assert [event.payment for event in events] == [100, 200, 50]
    assert purse(m, state, m.seller).balance == 850
    for trades in (product.trades[:2], product.trades[::-1], product.trades * 2):
        move = replace(product, trades=trades)
        assert m.refused(m.funded, m.stranger, move)[0] == "WrongBundle"
    assert step(m.funded, m.stranger.address, replace(product, trades=()), NOW) == (m.funded, ())


def late(m, not_before, **fixed):
    parts = [m.trade(nonce=i, quantity=1, **fixed) for i in range(2)]
    bundle = net_bundle(not_before, bundle_of(parts))
    trades = tuple(m.both(replace(part, bundle=bundle)) for part in parts)
    return SettleLate(trades, not_before)


def test_what_no_cycle_took_settles_late_and_whole(market):
    m, move = market, late(market, NOW + 5)
    early = ("LateOnly", NOW + 5, NOW + 4)
    assert m.refused(m.funded, m.stranger, move, NOW + 4) == early
    _, events = step(m.funded, m.stranger.address, move, NOW + 5)
    assert [event.payment for event in events] == [100, 100]
    given, signed_for = replace(move, not_before=NOW + 4), move.trades[0].trade.bundle
    refusal = m.refused(m.funded, m.stranger, given, NOW + 5)
    assert refusal == ("WrongBundle", signed_for, late(m, NOW + 4).trades[0].trade.bundle)
    netted = m.played(m.funded, (m.stranger, m.net()))
    assert m.refused(netted, m.stranger, move, NOW + 5)[0] == "NonceUsed"


def test_a_cycle_moves_what_each_account_owes_net(market):
    m, cycle = market, market.cycle()
    state, (event,) = step(m.funded, m.stranger.address, m.net(), NOW)
    assert isinstance(event, NetSettled)
    assert (event.batch, event.trades) == (digest(m.domain, cycle.batch), b"r" * 32)
    assert purse(m, state, m.buyer) == Account(700, 0, 0b11)
    assert purse(m, state, m.seller) == Account(800, 0, 0b1)
    assert state.listings[m.listing].available == 5
    assert m.refused(state, m.stranger, m.net())[0] == "NonceUsed"


@pytest.mark.parametrize("test", TABLE_1, ids=lambda test: f"test {test.number}")
def test_the_paper_s_verification_tests(market, test):
    m, state = market, market.new
    for name, quantity in test.attested:
        resource = name_to_bytes32(name)
        state = m.played(
            state,
            (m.seller, RegisterResource(resource, m.hour, 2_000, 3_600)),
            (m.seller, m.attest(resource=resource, quantities=(quantity,))),
        )
    move = m.reports(*((name_to_bytes32(name), 0, quantity) for name, quantity in test.reported))
    if test.expected == "accepted":
        _, events = step(state, m.seller.address, move, NOW)
        said = [(event.resource, event.quantity) for event in events]
        assert said == [(name_to_bytes32(name), quantity) for name, quantity in test.reported]
    else:
        error, resource, _, reported, attested, *_ = m.refused(state, m.seller, move)
        assert (error, resource) == (test.expected, name_to_bytes32(test.offender))
        assert reported == dict(test.reported)[test.offender]
        assert attested == dict(test.attested).get(test.offender, 0)
