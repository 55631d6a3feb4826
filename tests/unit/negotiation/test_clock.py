"""Sessions of the clock between a supplier and demanders, down to their trades."""

from dataclasses import replace

import pytest

from fabmarket.identity import digest
from fabmarket.market.exchange import SettleBundle, SettleEscrowBundle
from fabmarket.market.messages import Close, Exit, Opening, Quote, Reply
from fabmarket.market.trade import Trade
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation import seat
from fabmarket.negotiation.moves import News, Ordered
from fabmarket.negotiation.orders import Adopt, Approve
from fabmarket.negotiation.policy import Policy
from fabmarket.negotiation.supplier.state import MOST_UNSIGNED, Unsigned, left_unsigned
from fabmarket.negotiation.wants import NO_ROOM, TOO_DEAR
from tests.unit.negotiation.wire import HELD, RHYTHM, deaf

MILL = name_to_bytes32("mill")
UNITS = {"concept": "clock", "step": 4}
LOTS = {**UNITS, "lots": True}


def bidders(wire, *wishes, divisible=True, rounds=1):
    """Demanders of (units, margin), each with one want."""
    return [
        wire.demander(
            f"d{at}", wire.want("task", (MILL, units, margin), divisible=divisible), rounds=rounds
        )
        for at, (units, margin) in enumerate(wishes)
    ]


def paid(wire, buyer):
    return 10**12 - wire.held(buyer)


def test_units_are_clinched_and_paid_exactly_in_one_bundle(wire):
    """The third locks in 2 units at 55 and 1 at 155: 265 in all, which is 2 at 88 and 1 at 89."""
    seller = wire.supplier("s", 4, **UNITS)
    low, middle, high = bidders(wire, (3, 55), (2, 155), (3, 185))
    wire.until("open")
    wire.settle()
    (close,) = wire.heard(Close)
    assert close.price == 155
    bought = dict.fromkeys((low, middle, high), 0)
    for sale in wire.settled:
        bought[sale.demander] += sale.quantity
    assert (bought[low], bought[middle], bought[high]) == (0, 1, 3)
    assert paid(wire, middle) == 55
    assert paid(wire, high) == 2 * 55 + 155
    assert wire.held(seller) == close.paid == paid(wire, middle) + paid(wire, high)
    assert wire.states_of(high) == wire.states_of(middle) == ["served"]
    assert wire.attempts(low) == [TOO_DEAR]
    assert wire.refused == wire.ignored == []
    said = {"units": "4", "room": "4", "payment": str(close.paid), "price": "155"}
    quotes = str(len(wire.heard(Quote)))
    assert (seller, News.of("priced", slot="0", **said, quotes=quotes)) in wire.told


def test_a_session_that_finds_no_price_says_so(wire):
    """It goes up by 1 at a time, and 200 quotes do not get to where one gives up."""
    seller = wire.supplier("s", 1, concept="clock", step=2**31)
    bidders(wire, (1, 1_000), (1, 1_000))
    wire.round()
    (news,) = (news for to, news in wire.told if to == seller and isinstance(news, News))
    assert dict(news.facts) == {
        **dict.fromkeys(("slot", "units", "payment"), "0"),
        **{"room": "1", "price": "no price", "quotes": "200"},
    }


def test_the_halves_of_a_payment_differ_by_one_and_settle_together(wire):
    wire.supplier("s", 4, **UNITS)
    *_, high = bidders(wire, (3, 55), (2, 155), (3, 185))
    wire.until("open")
    halves = [trade for trade in wire.heard(Trade) if trade.demander == high]
    assert [(each.quantity, each.unit_price) for each in halves] == [(2, 88), (1, 89)]
    assert halves[0].bundle == halves[1].bundle != bytes(32)
    assert halves[0].nonce != halves[1].nonce
    assert sum(isinstance(move, SettleBundle) for _, move in wire.submits) == 1


def test_a_payment_goes_into_escrow_in_one_bundle(wire):
    wire.supplier("s", 4, delivery=HELD, money=10**6, **UNITS)
    *_, high = bidders(wire, (3, 55), (2, 155), (3, 185))
    wire.until("open")
    assert sum(isinstance(move, SettleEscrowBundle) for _, move in wire.submits) == 1
    wire.settle()
    assert wire.refused == []
    assert wire.states_of(high) == ["served"]


def test_half_a_bundle_waits_and_a_wrong_other_half_is_refused(wire):
    seller = wire.supplier("s", 4, **UNITS)
    bidders(wire, (3, 55), (2, 155), (3, 185))
    wire.until("choose")
    wire.open()
    halves = []
    while wire.queue:
        to, received = wire.queue.popleft()
        if isinstance(received.message, Trade) and received.message.bundle != bytes(32):
            halves.append(received.message)
        else:
            wire.give(to, received)
    first, second = halves
    settled = len(wire.submits)
    for half in (first, replace(second, nonce=7), second):
        wire.say(half, seller)
        wire.pump()
    assert wire.reasons(seller) == ["two halves that are no bundle"]
    assert len(wire.submits) == settled + 1


def test_a_half_that_stays_alone_is_forgotten_and_its_units_are_for_sale_again(wire):
    seller = wire.supplier("s", 4, **UNITS)
    bidders(wire, (3, 55), (2, 155), (3, 185))
    wire.until("choose")
    wire.open()
    dropped = []
    while wire.queue:
        to, received = wire.queue.popleft()
        word = received.message
        if isinstance(word, Trade) and word.bundle != bytes(32) and not dropped:
            dropped.append(word)
        else:
            wire.give(to, received)
    wire.settle()
    assert len(wire.states[seller].halves) == 1
    wire.tick(dropped[0].valid_until)
    assert len(wire.states[seller].halves) == 0
    assert wire.states[seller].shelves[wire.listing(seller, 0)].room == 3


def test_lots_are_won_whole_at_one_price(wire):
    wire.supplier("s", 5, **LOTS)
    small, large, last = bidders(wire, (2, 90), (3, 70), (2, 60), divisible=False)
    wire.round()
    (close,) = wire.heard(Close)
    assert close.price == 60
    assert paid(wire, small) == 2 * 60
    assert paid(wire, large) == 3 * 60
    assert wire.attempts(last) == [TOO_DEAR]


def test_a_listing_of_units_is_not_offered_to_who_wants_all_or_nothing(wire):
    wire.supplier("s", 5, **UNITS)
    (buyer,) = bidders(wire, (2, 90), divisible=False)
    wire.round()
    assert wire.states_of(buyer) == ["unserved"]
    assert wire.attempts(buyer) == []


def test_with_room_for_all_a_clock_sells_at_the_least_price(wire):
    wire.supplier("s", 50, maintenance=7, **UNITS)
    buyers = bidders(wire, (20, 90), (30, 70))
    wire.round()
    assert [paid(wire, buyer) for buyer in buyers] == [140, 210]
    assert len(wire.heard(Quote)) == 1


def test_of_equal_margins_the_leftovers_go_by_the_hash(wire):
    wire.supplier("s", 3, **UNITS)
    buyers = bidders(wire, (2, 60), (2, 60))
    wire.round()
    assert sorted(paid(wire, buyer) for buyer in buyers) == [10, 10 + 60]


@pytest.mark.parametrize(("budget", "bought"), [(80, 0), (2 * 90, 2), (10**6, 2)])
def test_nobody_asks_for_more_than_its_budget_pays(wire, budget, bought):
    wire.supplier("s", 3, **LOTS)
    buyer, rival = bidders(wire, (2, 90), (2, 50), divisible=False)
    state = wire.states[buyer]
    wire.states[buyer] = replace(state, policy=Policy(budget=budget))
    wire.round()
    assert sum(sale.quantity for sale in wire.settled if sale.demander == buyer) == bought
    assert paid(wire, buyer) <= budget
    if not bought:
        assert wire.attempts(buyer) == [NO_ROOM]  # at 40, where it left
        assert wire.states_of(rival) == ["served"]


def test_who_leaves_an_award_unsigned_gets_no_offer_for_a_while(wire):
    seller = wire.supplier("s", 5, **LOTS)
    (buyer,) = bidders(wire, (2, 90), divisible=False, rounds=4)
    wire.give(seller, Ordered(Adopt(Policy(refuse_unsigned=2 * RHYTHM.period))))
    without_trades(wire, buyer)
    assert wire.states[seller].unsigned[buyer].count == 1
    assert wire.states[seller].shelves[wire.listing(seller, 0)].room == 5
    until = str(wire.now + 2 * RHYTHM.period)
    news = News.of("unsigned", demander=buyer, awards="1", until=until)
    assert (seller, news) in wire.told
    words = "demand of somebody who left an award of ours unsigned"
    wire.tick(max(want.signed_until for want in wire.wants(buyer)), buyer)
    wire.publish(buyer)
    wire.pump()
    assert words in wire.reasons(seller)


def without_trades(wire, buyer, most=0):
    """The market up to its end, where no more trades of a buyer than these arrive."""
    wire.until("choose")
    wire.open()
    arrived = 0
    while wire.queue:
        to, received = wire.queue.popleft()
        if isinstance(received.message, Trade) and received.message.demander == buyer:
            arrived += 1
            if arrived > most:
                continue
        wire.give(to, received)
    wire.end()


@pytest.mark.parametrize("arrived", [0, 1])
def test_two_halves_are_one_award_left_unsigned(wire, arrived):
    seller = wire.supplier("s", 4, **UNITS)
    *_, high = bidders(wire, (3, 55), (2, 155), (3, 185))
    without_trades(wire, high, arrived)
    assert {key: left.count for key, left in wire.states[seller].unsigned.items()} == {high: 1}


def test_what_our_account_may_be_too_small_for_is_left_unsigned_by_nobody(wire):
    seller = wire.supplier("s", 5, delivery=HELD, money=10**6, **LOTS)
    bidders(wire, (2, 90), divisible=False)
    wire.until("choose")
    state = wire.states[seller]
    wire.open()
    trades = []
    while wire.queue:
        to, received = wire.queue.popleft()
        if isinstance(received.message, Trade):
            trades.append(received)
            purse = replace(state.purse, balance=0)
            wire.states[seller] = replace(wire.states[seller], purse=purse)
        wire.give(to, received)
    assert len(trades) == 1
    assert "trade that our account has too little to bond" in wire.reasons(seller)
    wire.end()
    assert not wire.states[seller].unsigned
    assert wire.states[seller].shelves[wire.listing(seller, 0)].room == 5


def test_of_those_who_left_awards_unsigned_the_last_ones_are_known(wire):
    state = wire.states[wire.supplier("s", 5, **LOTS)]
    for at in range(MOST_UNSIGNED + 1):
        state, _ = left_unsigned(state, {(f"0x{at:040x}", 1_000 + at): 1})
    assert len(state.unsigned) == MOST_UNSIGNED
    assert f"0x{0:040x}" not in state.unsigned
    again, _ = left_unsigned(state, {(f"0x{1:040x}", 9_999): 2})
    assert again.unsigned[f"0x{1:040x}"] == Unsigned(3, 9_999)


def test_a_bundle_above_the_limit_waits_for_approval_as_one(wire):
    seller = wire.supplier("s", 4, **UNITS)
    *_, high = bidders(wire, (3, 55), (2, 155), (3, 185))
    wire.give(seller, Ordered(Adopt(Policy(approve_above=200))))
    wire.until("open")
    ((name, held),) = wire.states[seller].held.items()
    assert [each.trade.demander for each in held] == [high, high]
    wire.give(seller, Ordered(Approve(name)))
    assert isinstance(wire.submits[-1][1], SettleBundle)


def test_replies_are_whole_units_with_the_prices_of_what_is_given_up(wire):
    wire.supplier("s", 4, **UNITS)
    low, *_ = bidders(wire, (3, 55), (2, 155), (3, 185))
    wire.round()
    replies = [reply for reply in wire.heard(Reply) if reply.demander == low]
    given_up = [(each.price, each.units) for reply in replies for each in reply.exits]
    assert given_up == [(55, 3)]
    assert replies[0].quantity == 3


def test_a_seat_states_no_more_exits_than_a_close_can_list(wire):
    seller = wire.supplier("s", 100, maintenance=1_000, **UNITS)
    enemy, _ = bidders(wire, (200, 5_000), (100, 5_000))
    wire.publish()
    wire.pump()
    wire.choose()
    wire.pump()
    wire.steps[enemy] = deaf
    wire.open()
    wire.pump()
    opened = (sent for sent in wire.sent if isinstance(sent[0], Opening) and sent[1] == enemy)
    ((_, _, (place,)),) = opened

    def refused(quantity, *exits):
        quote = wire.heard(Quote)[-1]
        before = len(wire.ignored)
        last = digest(wire.domain, quote)
        wire.say(Reply(enemy, quote.session, place.seat, last, quantity, exits), seller)
        wire.pump()
        return [reason for _, reason in wire.ignored[before:]]

    assert refused(100) == []
    many = [Exit(price, 1) for price in range(1_000, 1_065)]
    assert refused(35, *many) == ["more than 64 exits of one seat"]
    assert refused(36, *many[:64]) == []
    assert refused(35, Exit(1_300, 1)) == ["more than 64 exits of one seat"]
    assert refused(36) == []


def test_who_has_stated_all_exits_but_one_leaves_whole(wire, monkeypatch):
    """Its budget pays for fewer units at each price; it never pays more than that."""
    monkeypatch.setattr(seat, "most_exits", lambda _: 3)
    wire.supplier("s", 100, maintenance=10, **UNITS)
    poor, rich = bidders(wire, (100, 1_000), (100, 1_000))
    wire.states[poor] = replace(wire.states[poor], policy=Policy(budget=1_500))
    wire.until("open")
    wire.settle()
    replies = [reply for reply in wire.heard(Reply) if reply.demander == poor]
    assert sum(len(reply.exits) for reply in replies) <= 3
    assert replies[-1].quantity == 0
    assert {sale.demander for sale in wire.settled} == {rich}
