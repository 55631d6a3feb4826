"""What becomes of trades in escrow, by the twin; payment 300, bond 40, deposits of 15 each."""

from dataclasses import replace

import pytest

from fabmarket.market.events import (
    Cause,
    CommitmentReduced,
    Delivered,
    Disputed,
    Escrowed,
    GraceOpened,
    Released,
    RulingPosted,
    Settled,
    Skipped,
    SplitsVoided,
    Uncovered,
    pack_terms,
)
from fabmarket.market.exchange import (
    Account,
    Deliver,
    Deposit,
    Dispute,
    EscrowState,
    Execute,
    Expire,
    Held,
    List,
    Posted,
    Refund,
    RefundUncovered,
    Release,
    Report,
    SettleEscrowBatch,
    SettleEscrowBundle,
    Slot,
    VoidSplits,
    step,
)

NOW, END = 1_000, 5_600
ALL = 370


def purse(m, state, key):
    return state.account_of(key.address, m.token).balance


def place(m):
    return m.seller.address, m.m1, 0


def test_an_escrow_locks_payment_bond_and_both_deposits(market):
    m, held = market, market.held_digest
    state, events = step(m.funded, m.stranger.address, m.escrow(), NOW)
    sold = Settled(m.listing, m.buyer.address, held, m.token, pack_terms(3, 100, 5))
    assert events == (sold, Escrowed(held, m.held_trade, 1, NOW))
    assert (purse(m, state, m.buyer), purse(m, state, m.seller)) == (1_000 - 315, 500 - 55)
    waits = Held(payment=300, operator_set=1, state=EscrowState.FUNDED, since=NOW)
    assert dict(state.held) == {held: waits}
    assert dict(state.owed) == {m.token: 1_500}


def test_statements_name_their_times(market):
    m, held = market, market.held_digest
    _, events = step(m.escrowed, m.seller.address, Deliver(m.held_trade, 2), 2_099)
    assert events == (Delivered(held, 2, 2_099),)
    _, events = step(m.delivered, m.buyer.address, Dispute(m.held_trade, m.salt), 2_099)
    assert events == (Disputed(held, m.salt, 2_099),)
    _, events = step(m.disputed, m.stranger.address, m.rule(), 2_050)
    assert events == (RulingPosted(held, 1, 9_999, 10_000, 5_000, 2_080, 3),)
    assert m.ruled.rulings[held] == Posted(1, 9_999, 10_000, 5_000, 2_080)


def partly(m):
    return m.played(m.escrowed, (m.seller, Deliver(m.held_trade, 2)), now=2_000)


# Each: the state, who moves, the move, at which second; why it closes, and what the seller gets.
ENDINGS = {
    "accepted": lambda m: (
        *(m.delivered, m.buyer, Release(m.held_trade, 300), 2_001),
        *(Cause.ACCEPTED, 355),
    ),
    "accepted before delivery": lambda m: (
        *(m.escrowed, m.buyer, Release(m.held_trade, 300), NOW),
        *(Cause.ACCEPTED, 355),
    ),
    "accepted what was disputed": lambda m: (
        *(m.disputed, m.buyer, Release(m.held_trade, 300), 2_011),
        *(Cause.ACCEPTED, 370),
    ),
    "given back": lambda m: (
        *(m.escrowed, m.seller, Refund(m.held_trade), NOW),
        *(Cause.REFUNDED, 35),
    ),
    "given back what was delivered": lambda m: (
        *(m.delivered, m.seller, Refund(m.held_trade), 2_001),
        *(Cause.REFUNDED, 35),
    ),
    "given back in a dispute": lambda m: (
        *(m.disputed, m.seller, Refund(m.held_trade), 2_011),
        *(Cause.REFUNDED, 20),
    ),
    "split": lambda m: (m.disputed, m.stranger, m.split(150), 2_011, Cause.SPLIT, 150),
    "split after a ruling": lambda m: (m.ruled, m.stranger, m.split(370), 2_051, Cause.SPLIT, 370),
    "ruled": lambda m: (
        *(m.ruled, m.stranger, Execute(m.held_trade), 2_080),
        *(Cause.RULED, 299 + 40 + 15),
    ),
}


@pytest.mark.parametrize("case", ENDINGS.values(), ids=ENDINGS.keys())
def test_an_escrow_ends_with_every_unit_paid_out(market, case):
    m = market
    state, key, move, now, cause, to_supplier = case(m)
    after, events = step(state, key.address, move, now, 3)
    held = m.held_digest
    assert events[-1] == Released(held, cause, to_supplier, ALL - to_supplier, closed=True)
    assert dict(after.held) == {held: Held(state=EscrowState.CLOSED)}
    assert held not in after.rulings
    assert purse(m, after, m.seller) == 500 - 55 + to_supplier
    assert purse(m, after, m.buyer) == 1_000 - 315 + ALL - to_supplier
    assert m.refused(after, m.stranger, Expire(m.held_trade), 9_999) == ("WrongState", held, 4)


# Each: the state, when it may be ended, why it closes, and what the seller gets.
EXPIRIES = {
    "late": lambda m: (m.escrowed, 2_100, Cause.LATE, 30 + 30 + 15),
    "silence": lambda m: (m.delivered, 2_200, Cause.SILENT, 270 + 40 + 15),
    "silence about a part": lambda m: (partly(m), 2_200, Cause.SILENT, 190 + 37 + 15),
    "silence about what was paid for": lambda m: (
        m.played(partly(m), (m.buyer, Release(m.held_trade, 250)), now=2_000),
        *(2_200, Cause.SILENT, 5 + 37 + 15),
    ),
    "undecided": lambda m: (m.disputed, 2_400, Cause.UNDECIDED, 99 + 40 + 15),
}


@pytest.mark.parametrize("case", EXPIRIES.values(), ids=EXPIRIES.keys())
def test_a_deadline_decides_in_two_steps(market, case):
    m, held, move = market, market.held_digest, Expire(market.held_trade)
    state, deadline, cause, to_supplier = case(m)
    everything = state.held[held].payment + 70
    refusal = m.refused(state, m.stranger, move, deadline - 1)
    assert refusal == ("DeadlineAhead", deadline, deadline - 1)
    state, events = step(state, m.stranger.address, move, deadline, 10)
    until = (deadline + 20, 13)
    assert events == (GraceOpened(held, state.held[held].state, *until),)
    for now, block in ((deadline + 19, 13), (deadline + 20, 12)):
        assert m.refused(state, m.stranger, move, now, block) == ("GraceRunning", *until)
    _, events = step(state, m.stranger.address, move, *until)
    assert events[-1] == Released(held, cause, to_supplier, everything - to_supplier, closed=True)


ACTS_IN_GRACE = {
    "deliver": lambda m: (m.escrowed, 2_100, m.seller, Deliver(m.held_trade, 3)),
    "refund for want of capacity": lambda m: (
        *(lowered(m), 2_100, m.buyer),
        RefundUncovered(m.held_trade),
    ),
    "dispute": lambda m: (m.delivered, 2_200, m.buyer, Dispute(m.held_trade, m.salt)),
    "rule": lambda m: (m.disputed, 2_400, m.stranger, m.rule()),
}


@pytest.mark.parametrize("case", ACTS_IN_GRACE.values(), ids=ACTS_IN_GRACE.keys())
def test_whoever_had_the_word_may_act_until_the_grace_period_ends(market, case):
    m = market
    state, deadline, key, move = case(m)
    step(state, key.address, move, deadline + 99)  # nobody has ended the state
    state = m.played(state, (m.stranger, Expire(m.held_trade)), now=deadline, block=10)
    until = deadline + 20
    for now, block in ((until - 1, 13), (until + 9, 12)):
        step(state, key.address, move, now, block)
    assert m.refused(state, key, move, until, 13) == ("DeadlinePassed", until, until)


def test_acting_in_a_grace_period_ends_it(market):
    m, held = market, market.held_digest
    state = m.played(m.escrowed, (m.stranger, Expire(m.held_trade)), now=2_100, block=10)
    state = m.played(state, (m.seller, Deliver(m.held_trade, 3)), now=2_119, block=12)
    waits = state.held[held]
    assert (waits.since, waits.grace_until, waits.grace_block) == (2_119, 0, 0)
    ahead = ("DeadlineAhead", 2_200, 2_140)
    assert m.refused(state, m.stranger, Expire(m.held_trade), 2_140, 20) == ahead


def test_a_late_statement_leaves_whole_windows_after_it(market):
    m = market
    late = m.played(m.escrowed, (m.seller, Deliver(m.held_trade, 3)), now=2_190)
    ahead = ("DeadlineAhead", 2_250, 2_249)
    assert m.refused(late, m.stranger, Expire(m.held_trade), 2_249) == ahead
    state = m.played(late, (m.buyer, Dispute(m.held_trade, m.salt)), now=2_350)
    ahead = ("DeadlineAhead", 2_460, 2_459)
    assert m.refused(state, m.stranger, Expire(m.held_trade), 2_459) == ahead


def test_part_of_an_escrow_is_released_and_the_rest_goes_its_way(market):
    m, held = market, market.held_digest
    state, events = step(m.escrowed, m.buyer.address, Release(m.held_trade, 120), NOW)
    assert events == (Released(held, Cause.ACCEPTED, 120, 0, closed=False),)
    assert state.held[held].payment == 180
    assert purse(m, state, m.seller) == 500 - 55 + 120
    state, events = step(state, m.seller.address, Refund(m.held_trade), NOW)
    assert events[0] == CommitmentReduced(*place(m), 1)  # 180 are less than two units
    assert events[1] == Released(held, Cause.REFUNDED, 35, 215, closed=True)


def test_what_ends_undelivered_before_its_slot_s_end_gives_the_capacity_back(market):
    m = market
    for move, key, now in (
        (Refund(m.held_trade), m.seller, END - 1),
        (m.split(55), m.stranger, END - 1),
    ):
        state, events = step(m.escrowed, key.address, move, now)
        assert events[0] == CommitmentReduced(*place(m), 3)
        assert state.slots[place(m)] == Slot(10, 5, 1, 9_999)
        _, (event,) = step(m.escrowed, key.address, move, END)
        assert isinstance(event, Released)
    late = m.played(m.escrowed, (m.stranger, Expire(m.held_trade)), now=2_100)
    _, events = step(late, m.stranger.address, Expire(m.held_trade), 2_120, 3)
    assert events[0] == CommitmentReduced(*place(m), 2)  # a tenth is paid for: 270 for 2 and a part
    _, (event,) = step(m.delivered, m.seller.address, Refund(m.held_trade), 2_001)
    assert isinstance(event, Released)


@pytest.mark.parametrize(
    ("to_supplier", "units"),
    [(0, 3), (55, 3), (56, 2), (155, 2), (156, 1), (255, 1), (256, 0), (355, 0), (370, 0)],
)
def test_a_split_gives_back_the_capacity_that_it_does_not_pay_for(market, to_supplier, units):
    m = market  # 300 for three units, a bond of 40 and a deposit of 15 are the supplier's own
    _, events = step(m.escrowed, m.stranger.address, m.split(to_supplier), 1_001)
    reduced = (CommitmentReduced(*place(m), units),) if units else ()
    split = Released(m.held_digest, Cause.SPLIT, to_supplier, ALL - to_supplier, closed=True)
    assert events == (*reduced, split)


# Three units wait and one is sold for good.
@pytest.mark.parametrize("attested", [0, 1, 2, 3])
def test_nothing_is_listed_of_what_an_uncovered_refund_took_off(market, attested):
    m, left = market, min(attested, 1)
    state = m.played(m.escrowed, (m.stranger, m.settle(nonce=6, quantity=1)))
    state = m.played(state, (m.seller, m.attest(quantities=(attested,), version=2)))
    state = m.played(state, (m.buyer, RefundUncovered(m.held_trade)), now=1_500)
    assert state.slots[place(m)] == Slot(left, 1, 2, 9_999)
    more = List((Report(m.m1, 0, 1),))
    assert m.refused(state, m.seller, more, 1_500)[0] == "OverReported"
    anew = m.played(state, (m.seller, m.attest(quantities=(2,), version=3)), now=1_500)
    assert m.played(anew, (m.seller, more), now=1_500).slots[place(m)].committed == 2


def lowered(m, quantity=1):
    """The attestation lowered to one unit, three being sold."""
    return m.played(m.escrowed, (m.seller, m.attest(quantities=(quantity,), version=2)))


def test_what_is_no_longer_covered_is_refunded_at_once_and_the_penalty_waits(market):
    m, held = market, market.held_digest
    state, events = step(lowered(m), m.buyer.address, RefundUncovered(m.held_trade), 1_500)
    assert events == (
        CommitmentReduced(*place(m), 3),  # two were missing; the third may not be sold again
        Uncovered(held, 1_500),
        Released(held, Cause.UNCOVERED, 0, 300, closed=False),
    )
    waits = state.held[held]
    assert (waits.payment, waits.state, waits.uncovered) == (0, EscrowState.DISPUTED, True)
    assert state.slots[place(m)] == Slot(0, 0, 2, 9_999)
    assert purse(m, state, m.buyer) == 985
    refusal = m.refused(state, m.stranger, Expire(m.held_trade), 1_609)
    assert refusal == ("DeadlineAhead", 1_610, 1_609)  # hearing and decision, no agreed time
    opened = m.played(state, (m.stranger, Expire(m.held_trade)), now=1_610, block=1)
    _, events = step(opened, m.stranger.address, Expire(m.held_trade), 1_630, 4)
    assert events == (Released(held, Cause.UNDECIDED, 35, 35, closed=True),)
    _, events = step(state, m.seller.address, Refund(m.held_trade), 1_501)
    assert events == (Released(held, Cause.REFUNDED, 35, 35, closed=True),)
    ruled = m.played(state, (m.stranger, m.rule(shares=(10_000, 0, 0))), now=1_540)
    _, events = step(ruled, m.stranger.address, Execute(m.held_trade), 1_570, 3)
    assert events == (Released(held, Cause.RULED, 0, 70, closed=True),)


def test_regression_a_commitment_of_zero_seals_nothing(market):
    m = market
    sealed = m.played(m.escrowed, (m.seller, m.seal(version=2)))
    move = RefundUncovered(m.held_trade)
    assert m.refused(sealed, m.buyer, move)[0] == "Covered"
    nothing = m.played(m.escrowed, (m.seller, m.seal(version=2, commitment=bytes(32))))
    assert place(m) not in nothing.seals
    _, events = step(nothing, m.buyer.address, move, NOW)
    assert events[0] == CommitmentReduced(*place(m), 3)


@pytest.mark.parametrize(("exit_penalty", "kept"), [(5_000, 20), (1_000, 30)])
def test_going_late_costs_no_less_than_being_late(market, exit_penalty, kept):
    m = market
    move = m.escrow(exit_penalty=exit_penalty)
    trade = move.signed.trade
    state = m.played(m.funded, (m.stranger, move))
    for now, left in ((2_099, max(kept, 40 - exit_penalty // 250)), (2_100, kept)):
        _, events = step(state, m.seller.address, Refund(trade), now)
        assert events[-1].to_supplier == left + 15
    delivered = m.played(state, (m.seller, Deliver(trade, 3)), now=2_000)
    disputed = m.played(delivered, (m.buyer, Dispute(trade, m.salt)), now=2_001)
    for stated, deposit in ((delivered, 15), (disputed, 0)):
        for now, left in ((2_099, 40 - exit_penalty // 250), (2_100, kept)):
            _, events = step(stated, m.seller.address, Refund(trade), now)
            assert events[-1].to_supplier == left + deposit


def test_an_uncovered_exit_is_late_if_the_payment_went_back_late(market):
    m = market
    for at, kept in ((2_099, 36), (2_100, 30)):
        move = m.escrow(exit_penalty=1_000)
        trade = move.signed.trade
        funded = m.played(m.funded, (m.stranger, move))
        short = m.played(funded, (m.seller, m.attest(quantities=(1,), version=2)))
        state = m.played(short, (m.buyer, RefundUncovered(trade)), now=at)
        for now in (at, 2_100):
            _, events = step(state, m.seller.address, Refund(trade), now)
            assert events[-1].to_supplier == kept + 15
        opened = m.played(state, (m.stranger, Expire(trade)), now=2_300, block=1)
        _, events = step(opened, m.stranger.address, Expire(trade), 2_400, 4)
        assert (events[-1].cause, events[-1].to_supplier) == (Cause.UNDECIDED, kept + 15)


def test_a_posted_ruling_is_replaced_by_a_higher_number_until_its_window_ends(market):
    m, held = market, market.held_digest
    second = m.rule(number=3, shares=(0, 0, 0))
    state = m.played(m.ruled, (m.stranger, second), now=2_079, block=2)
    assert state.rulings[held] == Posted(3, 0, 0, 0, 2_109)
    assert (state.held[held].grace_until, state.held[held].grace_block) == (2_109, 5)
    passed = ("DeadlinePassed", 2_080, 2_080)
    assert m.refused(m.ruled, m.stranger, second, 2_080, 3) == passed
    step(m.ruled, m.stranger.address, second, 2_080, 2)  # the chain stood still
    for number in (1, 3):
        refusal = m.refused(state, m.stranger, m.rule(number), 2_090)
        assert refusal == ("StaleRuling", held, number, 3)
    for now, block in ((2_108, 5), (2_109, 4)):
        running = m.refused(state, m.stranger, Execute(m.held_trade), now, block)
        assert running == ("GraceRunning", 2_109, 5)
    _, events = step(state, m.stranger.address, Execute(m.held_trade), 2_109, 5)
    assert events == (Released(held, Cause.RULED, 0, ALL, closed=True),)


def test_one_window_after_the_time_for_deciding_a_replacement_opens_none_of_its_own(market):
    m, held = market, market.held_digest
    state = m.played(m.disputed, (m.stranger, m.rule()), now=2_390, block=1)
    state = m.played(state, (m.stranger, m.rule(2)), now=2_419, block=1)
    state, events = step(state, m.stranger.address, m.rule(3), 2_429, 2)
    assert events == (RulingPosted(held, 3, 9_999, 10_000, 5_000, 2_459, 5),)
    for number, now in ((4, 2_430), (5, 2_458)):
        state, events = step(state, m.stranger.address, m.rule(number), now, 3)
        assert events == (RulingPosted(held, number, 9_999, 10_000, 5_000, 2_459, 5),)
    refusal = m.refused(state, m.stranger, m.rule(6), 2_459, 5)
    assert refusal == ("DeadlinePassed", 2_459, 2_459)


def test_while_a_ruling_stands_nothing_else_ends_the_trade_but_a_split(market):
    m, stands = market, ("RulingStands", market.held_digest, 1)
    for key, move in (
        (m.buyer, Release(m.held_trade, 300)),
        (m.seller, Refund(m.held_trade)),
        (m.stranger, Expire(m.held_trade)),
    ):
        assert m.refused(m.ruled, key, move, 9_999) == stands
    step(m.ruled, m.buyer.address, Release(m.held_trade, 299), 2_051)


def test_a_split_is_void_after_its_deadline_and_after_its_nonce(market):
    m = market
    move = m.split(100, deadline=2_100)
    assert m.refused(m.disputed, m.stranger, move, 2_100) == ("DeadlinePassed", 2_100, 2_100)
    step(m.disputed, m.stranger.address, move, 2_099)
    for party in (m.buyer, m.seller):
        state, events = step(m.disputed, party.address, VoidSplits(m.held_trade), 2_011)
        assert events == (SplitsVoided(m.held_digest, 1),)
        assert m.refused(state, m.stranger, move, 2_012)[0] == "BadSignature"
        step(state, m.stranger.address, m.split(100, nonce=1), 2_012)


def test_operators_of_the_settlement_rule_to_the_end(market):
    m, held = market, market.disputed.held[market.held_digest]
    assert held.operator_set == 1
    later = replace(m.disputed, current_set=2)
    step(later, m.stranger.address, m.rule(), 2_050)


def test_a_batch_of_escrows_settles_what_it_can(market):
    m = market
    good, wrong = m.escrow(quantity=1, nonce=1).signed, m.escrow(nonce=2, deliver_by=1).signed
    parts = (good, wrong, good, m.escrow(bundle=m.m1).signed)
    state, events = step(m.funded, m.stranger.address, SettleEscrowBatch(parts), NOW)
    assert [type(event) for event in events] == [Settled, Escrowed, Skipped, Skipped, Skipped]
    assert events[2].demander == m.buyer.address
    assert len(state.held) == 1


def test_a_product_goes_into_escrow_whole(market):
    m = market
    state = m.played(m.funded, (m.buyer, Deposit(m.token, 1_000)))
    product = m.product({}, {"quantity": 2}, kind=SettleEscrowBundle, escrow=m.terms)
    after, events = step(state, m.stranger.address, product, NOW)
    assert [type(event) for event in events] == [Settled, Escrowed] * 2
    assert sum(each.payment for each in after.held.values()) == 300
    short = replace(product, trades=product.trades[:1])
    assert m.refused(state, m.stranger, short)[0] == "WrongBundle"
    assert m.refused(m.settled, m.stranger, replace(product, trades=product.trades * 2))
    dear = m.product({}, {"unit_price": 900}, kind=SettleEscrowBundle, escrow=m.terms)
    refusal = m.refused(m.funded, m.stranger, dear)
    assert refusal == ("InsufficientBalance", m.buyer.address, m.token, 895, 945)


def test_the_supplier_must_have_what_it_locks(market):
    m, needs = market, ("InsufficientBalance", market.seller.address, market.token)
    poor = replace(
        m.funded, accounts=m.funded.accounts.insert((m.seller.address, m.token), Account(54))
    )
    assert m.refused(poor, m.stranger, m.escrow()) == (*needs, 54, 55)
