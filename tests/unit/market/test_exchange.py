"""What the twin's moves do; tests/differential holds it against the contract."""

import random
from dataclasses import replace

import pytest

from fabmarket.identity import BadValue, digest, keccak
from fabmarket.market import trade as signed
from fabmarket.market.events import (
    Deposited,
    EpochRaised,
    Escrowed,
    Listed,
    NoncesCancelled,
    OperatorsSet,
    Paused,
    Relayed,
    Released,
    ResourceRegistered,
    Settled,
    Skipped,
    SlotAttested,
    SlotSealed,
    TokenSet,
    Unlisted,
    Withdrawn,
    pack_terms,
)
from fabmarket.market.exchange import (
    Account,
    Cancel,
    Deliver,
    Deposit,
    EscrowState,
    Expire,
    Held,
    Listing,
    Open,
    Pause,
    RaiseEpoch,
    Refund,
    RegisterResource,
    Release,
    Reverted,
    Rule,
    SetOperators,
    SettleBatch,
    SetToken,
    Slot,
    Unlist,
    Withdraw,
    record,
    step,
)
from fabmarket.market.trade import NONCES, Escrow, listing_id
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
    terms = replace(instant.signed.trade, escrow=Escrow(1_100, 1_200, 1_300))
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
    absurd = replace(honest, trade=replace(honest.trade, nonce=2**256))
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
    sold = Settled(m.listing, m.buyer.address, trade_digest, m.token, pack_terms(3, 100, 0, 5))
    assert step(m.funded, m.stranger.address, m.settle(), NOW) == (m.settled, (sold,))
    assert (sold.quantity, sold.unit_price, sold.payment) == (3, 100, 300)
    assert (sold.epoch, sold.nonce) == (0, 5)
    assert purse(m, m.settled, m.buyer) == Account(700, 0, 1 << 5)
    assert purse(m, m.settled, m.seller) == Account(300)
    assert dict(m.settled.listings) == {m.listing: Listing(m.seller.address, 5)}
    assert m.settled.slots[m.seller.address, m.m1, 0] == Slot(10, 8, 1, 9_999)
    after, events = step(m.settled, m.seller.address, Withdraw(m.token, 300), NOW)
    assert events == (Withdrawn(m.seller.address, m.token, 300),)
    assert purse(m, after, m.seller) == Account()
    _, events = step(m.listed, m.seller.address, m.reports((m.m1, 0, 1), (m.m1, 0, 1)), NOW)
    assert [event.available for event in events] == [9, 10]
    assert step(m.listed, m.seller.address, m.reports(), NOW) == (m.listed, ())


def test_what_is_taken_off_the_market_can_be_listed_again(market):
    m = market
    after, events = step(m.settled, m.seller.address, Unlist(m.m1, 0, 5), NOW)
    assert events == (Unlisted(m.listing, m.seller.address, m.m1, 0, 5, 0),)
    assert after.slots[m.seller.address, m.m1, 0].committed == 3
    assert m.played(after, (m.seller, m.reports((m.m1, 0, 7)))).listings[m.listing].available == 7
    assert m.refused(after, m.seller, m.reports((m.m1, 0, 8)))[0] == "OverReported"


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
    state, events = step(m.sealed, m.stranger.address, move, NOW)
    assert events == (SlotAttested(*place, 10, 1, 9_999), Listed(m.listing, *place, 10, 10))
    assert dict(state.seals) == {}
    assert state.slots[place] == Slot(10, 10, 1, 9_999)
    over = m.played(m.settled, (m.seller, m.seal(version=2)))
    assert m.played(over, (m.buyer, move)).listings[m.listing].available == 7
    full = m.played(m.settled, (m.seller, m.seal(version=2, quantity=3)))
    refusal = m.refused(full, m.buyer, replace(move, quantity=3))
    assert refusal == ("ZeroQuantity",)


def test_a_new_attestation_replaces_a_seal(market):
    m = market
    state = m.played(m.sealed, (m.seller, m.attest(version=2)))
    assert dict(state.seals) == {}
    assert state.slots[m.seller.address, m.m1, 0].attested == 10


def test_the_operators_decide_each_thing_once(market):
    m = market
    assert m.new.decision_nonce == 0
    until = signed.Pause(NOW + 5, 0)
    pause = Pause(NOW + 5, m.by(until))
    paused, events = step(m.new, m.stranger.address, pause, NOW)
    assert events == (Paused(NOW + 5),)
    assert paused.decision_nonce == 1
    assert m.refused(paused, m.stranger, pause)[0] == "BadOperatorSignature"
    token = SetToken(m.other_token, True, m.by(signed.Token(m.other_token, True, 1)))
    both, events = step(paused, m.stranger.address, token, NOW)
    assert events == (TokenSet(m.other_token, True),)
    assert both.tokens == {m.token, m.other_token}
    new = (m.buyer.address,)
    change = SetOperators(new, 1, m.by(signed.Operators(new, 1, 2)))
    changed, events = step(both, m.stranger.address, change, NOW)
    assert events == (OperatorsSet(new, 1),)
    ended = Pause(0, m.by(signed.Pause(0, 3), [m.buyer]))
    assert m.played(changed, (m.seller, ended)).paused_until == 0
    assert m.refused(changed, m.seller, m.attest())[0] == "NotRegistered"
    known = m.played(changed, (m.seller, m.register))
    assert m.refused(known, m.seller, m.attest())[0] == "BadOperatorSignature"


def test_a_pause_ends_at_its_second_and_stops_no_withdrawal(market):
    m = market
    paused = m.played(m.funded, (m.stranger, Pause(NOW + 5, m.by(signed.Pause(NOW + 5, 0)))))
    assert m.refused(paused, m.buyer, m.settle(), NOW + 4) == ("TradingPaused", NOW + 5)
    step(paused, m.buyer.address, m.settle(), NOW + 5)
    step(paused, m.buyer.address, Withdraw(m.token, 1_000), NOW)


def test_a_delisted_token_is_traded_and_withdrawn_but_not_deposited(market):
    m = market
    gone = SetToken(m.token, False, m.by(signed.Token(m.token, False, 0)))
    state = m.played(m.funded, (m.stranger, gone), (m.buyer, m.settle()))
    assert m.played(state, (m.seller, Withdraw(m.token, 300)))
    refusal = m.refused(state, m.buyer, Deposit(m.token, 1))
    assert refusal == ("TokenNotAccepted", m.token)


def test_nonces_are_cancelled_by_mask_and_epochs_raised_by_two(market):
    m, who = market, market.buyer.address
    state, events = step(m.settled, who, Cancel(m.token, 0b11), NOW)
    assert events == (NoncesCancelled(who, m.token, 0, 0b11),)
    assert purse(m, state, m.buyer) == Account(700, 0, 0b100011)
    state, events = step(state, who, RaiseEpoch(m.token), NOW)
    assert events == (EpochRaised(who, m.token, 2),)
    assert purse(m, state, m.buyer) == Account(700, 2, 0)
    for epoch in (0, 1):
        refusal = m.refused(state, m.buyer, m.settle(demander_epoch=epoch))
        assert refusal == ("WrongDemanderEpoch", epoch, 2)
    step(state, who, m.settle(demander_epoch=2), NOW)


def test_the_97th_trade_opens_the_next_epoch(market):
    m, state = market, market.funded
    for nonce in range(NONCES):
        move = m.settle(nonce=nonce, quantity=1, unit_price=1)
        if nonce >= 8:  # the listing is sold out
            state = m.played(state, (m.buyer, Cancel(m.token, 1 << nonce)))
        else:
            state = m.played(state, (m.buyer, move))
    assert purse(m, state, m.buyer) == Account(992, 0, 2**96 - 1)
    state = m.played(state, (m.seller, m.reports((m.m1, 0, 2))))
    after = m.played(state, (m.buyer, m.settle(nonce=95, quantity=1, demander_epoch=1)))
    assert purse(m, after, m.buyer) == Account(892, 1, 1 << 95)


def test_a_relayed_move_is_the_account_s_own(market):
    m, who = market, market.buyer.address
    move = m.relay(Withdraw(m.token, 400))
    state, events = step(m.funded, m.stranger.address, move, NOW)
    assert events == (Relayed(who, 0), Withdrawn(who, m.token, 400))
    assert dict(state.intent_nonces) == {who: 1}
    assert m.refused(state, m.stranger, move) == ("WrongIntentNonce", who, 0, 1)
    inner = m.relay(Withdraw(m.token, 5), nonce=1)
    outer = m.relay(inner, key=m.seller)
    state, events = step(state, m.stranger.address, outer, NOW)
    withdrawn = Withdrawn(who, m.token, 5)
    assert events == (Relayed(m.seller.address, 0), Relayed(who, 1), withdrawn)


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
        "WrongDemanderEpoch(uint64,uint32)": m.settle(demander_epoch=1),
        "NonceUsed(address,uint256)": m.settle(nonce=1),
        "InsufficientBalance(address,address,uint256,uint256)": m.settle(unit_price=500),
        "Bundled(bytes32)": m.settle(bundle=m.m1),
    }
    trades = (good, *(move.signed for move in bad.values()), m.settle(quantity=2).signed)
    state, events = step(m.funded, m.stranger.address, SettleBatch(trades), NOW)
    first, *skipped, last = events
    assert [first.quantity, last.quantity] == [1, 2]
    assert skipped == [Skipped(i, selector(text)) for i, text in enumerate(bad, start=1)]
    assert purse(m, state, m.seller).balance == 300


def test_a_product_settles_whole_and_in_its_order(market):
    m = market
    product = m.product({}, {"quantity": 2}, {"unit_price": 50})
    state, events = step(m.funded, m.stranger.address, product, NOW)
    assert [event.payment for event in events] == [100, 200, 50]
    assert purse(m, state, m.seller).balance == 350
    for trades in (product.trades[:2], product.trades[::-1], product.trades * 2):
        move = replace(product, trades=trades)
        assert m.refused(m.funded, m.stranger, move)[0] == "WrongBundle"
    assert step(m.funded, m.stranger.address, replace(product, trades=()), NOW) == (m.funded, ())


def test_an_escrow_holds_the_payment_for_its_two_parties(market):
    m, held_digest = market, market.held_digest
    state, events = step(m.funded, m.stranger.address, m.escrow(), NOW)
    sold = Settled(m.listing, m.buyer.address, held_digest, m.token, pack_terms(3, 100, 0, 5))
    assert events == (sold, Escrowed(held_digest, 1_100, 1_200, 1_300, 0, 10_000, 3_333))
    assert (purse(m, state, m.buyer).balance, purse(m, state, m.seller).balance) == (700, 0)
    assert dict(state.held) == {held_digest: Held(300, EscrowState.FUNDED)}
    assert dict(state.owed) == {m.token: 1_000}


def endings(m):
    ruling = m.by(signed.Ruling(m.held_digest, 9_999))
    return {
        "accepted": (m.delivered, m.buyer, Release(m.held_trade, 300), NOW, 300),
        "paid before delivery": (m.escrowed, m.buyer, Release(m.held_trade, 300), NOW, 300),
        "given back": (m.disputed, m.seller, Refund(m.held_trade), NOW, 0),
        "split": (m.escrowed, m.stranger, m.split(5_017), NOW, 150),
        "ruled": (m.disputed, m.stranger, Rule(m.held_trade, 9_999, ruling), 1_299, 299),
        "late": (m.escrowed, m.stranger, Expire(m.held_trade), 1_100, 0),
        "silence": (m.delivered, m.stranger, Expire(m.held_trade), 1_200, 300),
        "undecided": (m.disputed, m.stranger, Expire(m.held_trade), 1_300, 99),
    }


@pytest.mark.parametrize(
    "how",
    [
        *("accepted", "paid before delivery", "given back", "split"),
        *("ruled", "late", "silence", "undecided"),
    ],
)
def test_an_escrow_ends_with_every_unit_paid_out(market, how):
    m = market
    state, key, move, now, to_supplier = endings(m)[how]
    after, events = step(state, key.address, move, now)
    assert events == (Released(m.held_digest, to_supplier, 300 - to_supplier),)
    assert dict(after.held) == {m.held_digest: Held(0, EscrowState.CLOSED)}
    assert purse(m, after, m.seller).balance == to_supplier
    assert purse(m, after, m.buyer).balance == 1_000 - to_supplier
    closed = ("WrongState", m.held_digest, 4)
    assert m.refused(after, m.stranger, Expire(m.held_trade), 9_999) == closed


def test_part_of_an_escrow_is_released_and_the_rest_goes_its_way(market):
    m = market
    state, events = step(m.escrowed, m.buyer.address, Release(m.held_trade, 120), NOW)
    assert events == (Released(m.held_digest, 120, 0),)
    assert dict(state.held) == {m.held_digest: Held(180, EscrowState.FUNDED)}
    after = m.played(state, (m.stranger, Expire(m.held_trade)), now=1_100)
    assert purse(m, after, m.seller).balance == 120
    assert purse(m, after, m.buyer).balance == 880


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


def random_move(m, rng, now):
    """A move of one of three traders, at an ever later time; about half of them are refused."""
    trade = m.trade(
        quantity=rng.randrange(3),
        unit_price=rng.randrange(90),
        nonce=rng.randrange(48),
        valid_until=END,
        escrow=Escrow(now + 10, now + 20, now + 30, 0, 10_000, 5_000),
    )
    both = m.both(trade)
    kinds = [
        (m.buyer, Deposit(m.token, rng.randrange(500))),
        (rng.choice((m.buyer, m.seller)), Withdraw(m.token, rng.randrange(300))),
        (m.seller, m.reports((m.m1, 0, rng.randrange(4)), (m.m1, 1, rng.randrange(4)))),
        (m.seller, Unlist(m.m1, 0, rng.randrange(3))),
        (m.seller, m.attest(quantities=(rng.randrange(12),), version=now)),
        (m.buyer, Cancel(m.token, 1 << rng.randrange(12))),
        (m.stranger, SettleBatch((both, m.settle(nonce=rng.randrange(48), quantity=1).signed))),
        *[(m.stranger, replace(m.escrow(), signed=both))] * 4,
    ]
    return rng.choice(kinds)


def escrow_moves(m, rng, state, trades):
    """What may become of a trade in escrow."""
    held = [trade for trade in trades if digest(m.domain, trade) in state.held]
    if not held:
        return []
    trade = rng.choice(held)
    return [
        (m.seller, Deliver(trade)),
        (m.buyer, Release(trade, rng.randrange(1, 60))),
        (m.seller, Refund(trade)),
        (m.stranger, Expire(trade)),
    ]


@pytest.mark.parametrize("seed", range(10))
def test_money_and_capacity_are_conserved_and_the_state_is_the_fold_of_its_events(market, seed):
    m, rng = market, random.Random(seed)
    state, folded, inside, met, trades = m.funded, m.funded, 1_000, set(), []
    for now in range(NOW, NOW + 200):
        moves = [random_move(m, rng, now), *escrow_moves(m, rng, state, trades)]
        key, move = rng.choice(moves)
        if hasattr(move, "signed"):
            trades.append(move.signed.trade)
        committed = {where: slot.committed for where, slot in state.slots.items()}
        try:
            state, events = step(state, key.address, move, now)
        except Reverted:
            continue
        for event in events:
            folded = record(folded, event)
            inside += event.amount if isinstance(event, Deposited) else 0
            inside -= event.amount if isinstance(event, Withdrawn) else 0
            met.add(type(event))
        assert state == folded
        assert state.owed[m.token] == inside
        balances = sum(each.balance for each in state.accounts.values())
        assert balances + sum(each.amount for each in state.held.values()) == inside
        assert all(each.balance >= 0 for each in state.accounts.values())
        for where, slot in state.slots.items():
            end = state.calendars[where[:2]].end(where[2])
            listing = state.listings.get(listing_id(*where, end), Listing(m.nobody))
            assert 0 <= listing.available <= slot.committed
            assert slot.committed <= max(slot.attested, committed.get(where, 0))
    assert {Settled, Escrowed, Released, Skipped} <= met
