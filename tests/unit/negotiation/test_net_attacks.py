"""Coordinators that lie, and parties that do: nobody signs what is wrong, nothing settles twice."""

from dataclasses import replace

import pytest

from fabmarket.identity import Key, digest
from fabmarket.market.cycles import (
    Consent,
    Counted,
    Entering,
    Entry,
    Joining,
    Leaf,
    Proposal,
    Roll,
)
from fabmarket.market.events import Settled
from fabmarket.market.exchange import Cancel
from fabmarket.market.net import PAID, Row, path, root
from fabmarket.negotiation.netting import party
from tests.unit.negotiation.nets import Nets
from tests.unit.negotiation.test_net_cycles import ALL, settle_once
from tests.unit.negotiation.wire import deaf


class Played(Nets):
    """A market whose coordinator is played by the test."""

    def __init__(self, least=0):
        super().__init__(least)
        self.steps[self.coordinator] = deaf

    def called(self):
        """All have joined, the roll is called, all have entered."""
        self.quarters(0)
        joined = {each.party for each in self.heard(Joining)}
        self.roll(sorted(joined, key=lambda each: int(each, 16)))
        return self

    def roll(self, accounts, attempt=0, to=None):
        word = Roll(self.coordinator, self.closed, attempt, tuple(accounts))
        for each in to or accounts:
            self.say(word, each)
        self.pump()

    def cycle(self, attempt=0, rows=()):
        """The batch that follows from what was entered, with more rows if given."""
        found = [each for each in self.heard(Entry) if each.attempt == attempt and each.row.mask]
        self.entries = sorted(found, key=lambda each: int(each.author, 16))
        own = [each.row for each in self.entries]
        every = sorted((*own, *rows), key=lambda each: int(each.account, 16))
        places = {row.account: at for at, row in enumerate(every)}
        sales = [
            replace(sale, row=places[each.author]) for each in self.entries for sale in each.sales
        ]
        self.parts = [each.trades for each in self.entries if each.sales]
        until = self.closed + 180
        sales.sort(key=lambda sale: sale.listing)
        return Proposal(
            self.coordinator,
            self.closed,
            attempt,
            self.token,
            root(self.parts),
            until,
            tuple(every),
            tuple(sales),
            0,
            (),
        )

    def shown(self, proposal, to):
        """The batch as a party is shown it."""
        for each in self.entries:
            if each.author == to and each.trades in self.parts:
                at = self.parts.index(each.trades)
                proposal = replace(proposal, index=at, path=path(self.parts, at))
        self.say(proposal, to)

    def show(self, proposal, *to):
        for each in to or [each.author for each in self.entries]:
            self.shown(proposal, each)
        self.pump()

    def signers(self):
        return {each.party for each in self.heard(Consent)}


@pytest.fixture
def market():
    return Played().trading().agree().called()


def all_late(market, trades):
    assert market.signers() == set()
    market.quarters(*ALL)
    settle_once(market, trades, len(trades))


def test_an_honest_coordinator_played_by_hand_gets_all_signatures(market):
    market.show(market.cycle())
    assert market.signers() == {*market.buyers, *market.sellers}


def test_a_trade_that_is_in_for_the_buyer_and_out_for_the_seller_is_signed_by_neither(market):
    """An accomplice's row would take the payment, and the used nonce bar late settlement."""
    trades = market.agreed()
    accomplice = Key.derive("accomplice")
    honest = market.cycle()
    victim, seller = market.buyers[0], market.sellers[0]
    left = [row for row in honest.rows if row.account != seller]
    taken = sum(row.change for row in left)
    false = Row(accomplice.address, 1, -taken, PAID, 0)
    rows = tuple(sorted((*left, false), key=lambda row: int(row.account, 16)))
    others = [each for each in honest.sales if honest.rows[each.row].account != seller]
    places = {row.account: at for at, row in enumerate(rows)}
    sales = tuple(replace(each, row=places[honest.rows[each.row].account]) for each in others)
    batch = replace(honest, rows=rows, sales=sales)
    market.show(batch, victim)
    assert market.reasons(victim) == ["batch with somebody who does not take part"]
    all_late(market, trades)


def false_batch():
    """An accomplice is in the roll, and in the batch in the place of a seller that is left out."""
    market = Played().trading()
    accomplice = market.supplier("accomplice", 100)
    trades = market.agree().agreed()
    market.quarters(0)
    joined = {accomplice, *(each.party for each in market.heard(Joining))}
    market.roll(sorted(joined, key=lambda each: int(each, 16)))
    seller = market.sellers[0]
    honest = market.cycle()
    left = [row for row in honest.rows if row.account != seller]
    false = Row(accomplice, 1, -sum(row.change for row in left), PAID, 0)
    rows = tuple(sorted((*left, false), key=lambda row: int(row.account, 16)))
    places = {row.account: at for at, row in enumerate(rows)}
    sales = tuple(
        replace(each, row=places[honest.rows[each.row].account])
        for each in honest.sales
        if honest.rows[each.row].account != seller
    )
    batch = replace(honest, rows=rows, sales=sales)
    market.steps[accomplice] = deaf
    return market, trades, seller, honest, batch


def test_so_it_is_where_the_accomplice_takes_part():
    market, trades, seller, honest, batch = false_batch()
    market.show(honest, seller)
    market.show(batch, *market.buyers, market.sellers[1])
    assert "trades counted in another batch than we were shown" in market.reasons(seller)
    assert market.signers() == {market.sellers[1]}  # all its trades are counted, and settle late
    market.quarters(*ALL)
    settle_once(market, trades, len(trades))


def test_without_the_count_the_buyers_would_sign_it(monkeypatch):
    """The control: if a seller's word could be had for a batch that leaves its trades out."""
    monkeypatch.setattr(party, "leads", lambda *_: True)
    market, _, seller, _, batch = false_batch()
    market.show(batch, *market.buyers, market.sellers[1])
    name = digest(market.domain, batch.cycle.batch)
    for buyer in market.buyers:
        between = (
            trade
            for deal in market.net(buyer).deals.values()
            for trade, other in zip(deal.names, deal.others, strict=True)
            if other == seller
        )
        leaves = tuple(Leaf(trade, bytes(32), 0, ()) for trade in between)
        market.say(Counted(seller, name, leaves), buyer)
    market.pump()
    assert set(market.buyers) <= market.signers()


def test_two_batches_are_signed_by_nobody(market):
    """Each is right by itself; the parties of a trade are shown different ones."""
    trades, honest = market.agreed(), market.cycle()
    other = replace(honest, valid_until=honest.valid_until - 1)
    market.show(other, *market.sellers)
    market.show(honest, *market.buyers)
    assert "trades counted in another batch than we were shown" in market.reasons(market.sellers[0])
    all_late(market, trades)


FALSE = {
    "batch in another currency": lambda it: replace(it, token="0x" + "11" * 20),
    "batch that is over, or could settle when its trades do": lambda it: replace(
        it, valid_until=it.valid_until + 1
    ),
    "batch out of order": lambda it: replace(it, rows=it.rows[::-1]),
    "batch without our row as we entered it": lambda it: replace(
        it, rows=tuple(replace(row, amount=row.amount + 1) for row in it.rows)
    ),
    "batch without our sales as we entered them": lambda it: replace(
        it, sales=tuple(replace(sale, quantity=sale.quantity + 1) for sale in it.sales)
    ),
    "batch whose root our trades do not lead to": lambda it: replace(it, trades=b"\1" * 32),
}


@pytest.mark.parametrize("reason", FALSE)
def test_a_false_batch_is_refused(market, reason):
    trades = market.agreed()
    market.show(FALSE[reason](market.cycle()))
    assert reason in market.reasons(market.sellers[0])
    all_late(market, trades)


def test_a_batch_that_does_not_add_up_is_refused(market):
    trades, victim, rich = market.agreed(), market.buyers[0], market.sellers[0]
    honest = market.cycle()
    rows = tuple(
        replace(row, amount=row.amount + 1) if row.account == rich else row for row in honest.rows
    )
    market.show(replace(honest, rows=rows), victim)
    assert market.reasons(victim) == ["batch that does not add up"]
    all_late(market, trades)


def test_a_batch_of_somebody_else_is_refused(market):
    stranger = Key.derive("stranger")
    market.keys[stranger.address] = stranger
    batch = replace(market.cycle(), coordinator=stranger.address)
    market.say(batch, market.buyers[0])
    market.say(Roll(stranger.address, market.closed, 1, (market.buyers[0],)), market.buyers[0])
    market.pump()
    assert market.reasons(market.buyers[0]) == [
        "batch of somebody who does not coordinate",
        "roll of somebody who does not coordinate",
    ]


def test_a_second_batch_in_one_attempt_is_refused(market):
    honest, seller = market.cycle(), market.sellers[0]
    market.show(honest, seller)
    market.show(replace(honest, valid_until=honest.valid_until - 1), seller)
    assert market.reasons(seller)[-1] == "second batch in one attempt"


def test_what_was_counted_in_the_first_batch_counts_not_in_the_second(market):
    buyer = market.buyers[0]
    market.lost = lambda sent: isinstance(sent[0], Counted) and sent[1] == buyer
    market.show(market.cycle())
    old = next(each for each in market.heard(Counted) if each.party == buyer and each.trades)
    accounts = sorted((*market.buyers, *market.sellers), key=lambda each: int(each, 16))
    market.tick(market.closed + 6 * 15)
    market.roll(accounts, attempt=1)
    market.lost = lambda sent: isinstance(sent[0], Counted) and sent[0].party == buyer
    market.show(market.cycle(attempt=1))
    market.lost = lambda sent: False
    seller = market.sellers[0]
    market.ignored.clear()
    market.say(old, seller)
    market.pump()
    assert market.reasons(seller) == ["trades counted in another batch than we were shown"]
    assert not market.net(seller).attempt.is_signed


def test_a_word_of_the_first_attempt_is_none_of_the_second(market):
    first, buyer = market.cycle(), market.buyers[0]
    accounts = sorted((*market.buyers, *market.sellers), key=lambda each: int(each, 16))
    market.roll(accounts, attempt=1)
    market.ignored.clear()
    market.show(first, buyer)
    assert market.reasons(buyer) == ["word of an attempt that is over"]


def test_a_trade_counted_must_lead_to_the_root(market):
    buyer = market.buyers[0]
    name = next(
        name
        for name, trade in market.agreed().items()
        if trade.demander == buyer and trade.listing in market.states[market.sellers[0]].shelves
    )
    heard = []
    market.lost = lambda sent: (
        isinstance(sent[0], Counted) and sent[1] == buyer and not heard.append(sent[0])
    )
    market.show(market.cycle())
    market.lost = lambda sent: False
    word = next(each for each in heard if any(leaf.trade == name for leaf in each.trades))
    (leaf,) = word.trades
    market.ignored.clear()
    for false in (
        replace(leaf, salt=bytes(32)),
        replace(leaf, index=leaf.index + 1),
        replace(leaf, path=leaf.path[:-1]),
    ):
        market.say(replace(word, trades=(false,)), buyer)
    market.pump()
    assert market.reasons(buyer) == ["trade counted that does not lead to the batch's root"] * 3
    assert buyer not in market.signers()
    for each in heard:
        market.say(each, buyer)
    market.pump()
    assert buyer in market.signers()


def test_a_trade_is_counted_by_its_other_party_alone(market):
    buyer, seller, other = market.buyers[0], market.sellers[0], market.buyers[1]
    names = [name for name, trade in market.agreed().items() if trade.demander == buyer]
    market.lost = lambda sent: isinstance(sent[0], Counted) and sent[0].party == buyer
    market.show(market.cycle())
    market.lost = lambda sent: False
    batch = market.net(seller).attempt.batch
    market.ignored.clear()
    leaves = tuple(Leaf(name, bytes(32), 0, ()) for name in names)
    market.say(Counted(other, batch, leaves), seller)
    market.pump()
    assert market.reasons(seller) == ["trade counted that is not between us in this batch"]


def test_who_uses_up_a_nonce_after_it_entered_signs_nothing(market):
    buyer = market.buyers[0]
    trade = next(each for each in market.agreed().values() if each.demander == buyer)
    honest = market.cycle()
    market.does(buyer, Cancel(market.token, 1 << trade.nonce))
    market.show(honest)
    assert market.reasons(buyer) == ["batch that cannot settle"]
    assert market.signers() == set(market.buyers) - {buyer}  # and no seller, who waits for it


def test_a_buyer_cannot_enter_what_was_not_agreed_or_in_part(market):
    seller, buyer = market.sellers[0], market.buyers[0]
    accounts = sorted((*market.buyers, *market.sellers), key=lambda each: int(each, 16))
    market.lost = lambda sent: isinstance(sent[0], Entering)
    market.roll(accounts, attempt=1)
    market.lost = lambda sent: False
    market.ignored.clear()
    (own, *_) = (
        name
        for name, trade in market.agreed().items()
        if trade.demander == buyer and trade.listing in market.states[seller].shelves
    )
    others = [name for name, trade in market.agreed().items() if trade.demander != buyer]
    for trades in ((b"\1" * 32,), (own, own), tuple(others[:1])):
        market.say(Entering(buyer, market.closed, 1, trades), seller)
    market.pump()
    assert market.reasons(seller) == ["entry of a trade that we have not agreed"] * 3


def test_a_roll_is_called_in_order_and_once(market):
    buyer = market.buyers[0]
    market.roll([buyer, *market.sellers, buyer], attempt=1, to=[buyer])
    market.roll(sorted(market.sellers, key=lambda each: int(each, 16)), attempt=1, to=[buyer])
    market.roll([buyer], attempt=0)
    market.roll([buyer], attempt=2)
    assert market.reasons(buyer) == [
        *["roll that is out of order, or without us"] * 2,
        *["second roll of an attempt, or one too many"] * 2,
    ]


# The coordinator's own refusals


@pytest.fixture
def office():
    return Nets().trading().agree()


def refused(market, word):
    market.say(word, market.coordinator)
    market.pump()
    return market.reasons(market.coordinator)[-1:]


def test_strangers_cannot_join(office):
    stranger = Key.derive("stranger")
    office.keys[stranger.address] = stranger
    office.quarters(0)
    joining = Joining(stranger.address, office.closed)
    assert refused(office, joining) == ["joining of an account that has nothing in the exchange"]
    office.quarters(1)
    again = Joining(office.buyers[0], office.closed)
    assert refused(office, replace(again, closed=again.closed - 180)) == [
        "joining of a cycle that is not about to close, and has not just"
    ]
    assert refused(office, again) == ["joining after the roll was called"]


def test_an_entry_is_taken_once_and_of_own_listings(office):
    seller, other = office.sellers
    office.lost = lambda sent: isinstance(sent[0], Entry) and sent[0].author == seller
    office.quarters(0, 1)
    theirs = next(each for each in office.heard(Entry) if each.author == other)
    office.lost = lambda sent: False
    row = replace(theirs.row, account=seller)
    assert refused(office, replace(theirs, row=row)) == [
        "entry of a sale that is not the party's, or of one twice"
    ]
    assert refused(office, replace(theirs, row=replace(row, sales=2))) == [
        "entry of other sales than its row says"
    ]
    assert refused(office, theirs) == ["second entry, or one of somebody who is not on the roll"]
    assert refused(office, replace(theirs, attempt=1)) == [
        "entry of another attempt than the one under way"
    ]


def test_a_signature_must_be_the_partys(office):
    buyer = office.buyers[0]
    office.lost = lambda sent: isinstance(sent[0], Consent) and sent[0].party == buyer
    office.quarters(0, 1)
    attempt = office.states[office.coordinator].net.attempt
    office.lost = lambda sent: False
    assert refused(office, Consent(buyer, b"\1" * 32, b"")) == [
        "word of another batch than the one proposed"
    ]
    false = Key.derive("stranger").sign(attempt.batch)
    assert refused(office, Consent(buyer, attempt.batch, false)) == [
        "signature of a batch that is not the party's"
    ]
    stranger = Key.derive("stranger")
    office.keys[stranger.address] = stranger
    assert refused(office, Counted(stranger.address, attempt.batch, ())) == [
        "word of somebody who is not in the batch"
    ]
    assert office.submits == []
    office.say(Consent(buyer, attempt.batch, b""), office.coordinator)
    office.pump()
    office.settle()
    assert len(office.batches) == 1


@pytest.mark.parametrize("price", [1, 10**11])
def test_a_trade_with_oneself_at_any_price_keeps_nobody_from_netting(price):
    """One at 1 made every count of baskets fall below the least, so that all settled late."""
    market = Nets(least=10).trading(sellers=3, buyers=5)
    other_self = market.demander("another account of the seller's")
    trades = market.agree().agreed()
    for nonce, listing in enumerate(market.exchange.listings):
        terms = 1 << 192 | price << 64 | nonce
        market.tell(Settled(listing, other_self, bytes([nonce]) * 32, market.token, terms))
    market.settled.clear()
    market.before = {each: market.held(each) for each in market.keys}
    market.quarters(0, 1)
    settle_once(market, trades, 0)


def test_a_small_market_is_not_netted():
    """Two buyers and one seller at one price: what each bought is plain."""
    market = Nets(least=10).trading(sellers=1, buyers=2).agree()
    trades = market.agreed()
    market.quarters(*ALL)
    settle_once(market, trades, len(trades))
    assert all("baskets of ours fit it" in market.net(each).reason for each in market.buyers)
