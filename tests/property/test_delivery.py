"""Terms of delivery: both sides make one escrow of them, which the exchange takes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabmarket.identity import Key, digest
from fabmarket.market.delivery import Delivery, escrow_of
from fabmarket.market.events import (
    Deployed,
    Deposited,
    Escrowed,
    Listed,
    OperatorsSet,
    ResourceRegistered,
    SlotAttested,
    TokenSet,
)
from fabmarket.market.exchange import (
    Exchange,
    Reverted,
    SettleEscrow,
    SignedTrade,
    record,
    step,
)
from fabmarket.market.parameters import DAYS, HOURS
from fabmarket.market.trade import Trade, listing_id, market_domain
from fabmarket.market.units import LARGEST_AMOUNT, name_to_bytes32
from fabmarket.negotiation.accepting import can_settle
from fabmarket.negotiation.purse import Purse

EXCHANGE, TOKEN, OPERATOR, MODULE = (
    Key.derive("delivery", name).address for name in ("exchange", "token", "operator", "module")
)
SELLER, BUYER = Key.derive("delivery", "seller"), Key.derive("delivery", "buyer")
DOMAIN = market_domain(31337, EXCHANGE)
MILL, HOUR = name_to_bytes32("mill"), name_to_bytes32("hour")
NOW = 10**9
MONEY = LARGEST_AMOUNT // 2
shares = st.integers(0, 10_000)


def listed(parameters, origin, length, slot):
    """An exchange where the seller has 100 units in a slot, and everybody money."""
    state, past = Exchange(DOMAIN), []
    end = origin + (slot + 1) * length
    listing = listing_id(SELLER.address, MILL, slot, end)
    for event in (
        OperatorsSet(1, (OPERATOR,), 1, NOW),
        TokenSet(TOKEN, True),
        Deployed(parameters, MODULE, MODULE),
        Deposited(SELLER.address, TOKEN, MONEY),
        Deposited(BUYER.address, TOKEN, MONEY),
        ResourceRegistered(SELLER.address, MILL, HOUR, origin, length),
        SlotAttested(SELLER.address, MILL, slot, 100, 1, 2**39),
        Listed(listing, SELLER.address, MILL, slot, 100, 100),
    ):
        state = record(state, event)
        past.append(event)
    return state, past, listing, end


def windows(least):
    """A window of about the least that there may be, so that both sides of the bound are met."""
    return st.one_of(st.integers(least, 2 * least), st.integers(least - 2, least + 2))


@pytest.mark.parametrize("parameters", [HOURS, DAYS], ids=["hours", "days"])
@given(data=st.data())
def test_the_exchange_takes_what_can_settle_and_nothing_else(parameters, data):
    """Whenever it settles: at any second from signing to the end of the slot."""
    draw = data.draw
    length = draw(st.one_of(st.integers(1, 100_000), st.sampled_from((60, 3_600, 86_400))))
    slot, ahead = draw(st.integers(0, 50)), draw(st.integers(1, 200 * 86_400))
    end = NOW + ahead
    origin = end - (slot + 1) * length
    delivery = Delivery(
        deliver_within=draw(windows(parameters.delivery_window)),
        dispute_within=draw(windows(parameters.dispute_window)),
        decide_within=draw(windows(parameters.hearing + parameters.decision_window)),
        late_share=draw(shares),
        silence_share=draw(shares),
        undecided_share=draw(shares),
        bond_share=draw(shares),
        late_penalty=draw(shares),
        exit_penalty=draw(shares),
    )
    state, past, listing, _ = listed(parameters, origin, length, slot)
    quantity, price = draw(st.integers(1, 100)), draw(st.integers(1, 10**9))
    payment = quantity * price
    trade = Trade(listing, BUYER.address, TOKEN, quantity, price, valid_until=end, nonce=0)
    escrow = escrow_of(delivery, payment, MILL, slot, end - length, end)
    trade = replace(trade, escrow=escrow)
    key = digest(DOMAIN, trade)
    move = SettleEscrow(SignedTrade(trade, BUYER.sign(key), SELLER.sign(key)))

    def settles(now):
        try:
            return step(state, OPERATOR, move, now)
        except Reverted as refusal:
            if refusal.error != "BadTerm":
                raise
            return None

    times = (NOW, end - 1, draw(st.integers(NOW, end - 1)))
    if not can_settle(delivery, end - length, end, parameters, NOW):
        assert not all(map(settles, times))
        return
    for now in times:
        after, events = settles(now)
        assert events[-1] == Escrowed(key, trade, 1, now)
        for party in (SELLER, BUYER):
            purse = Purse()
            for event in (*past, *events):
                purse = purse.after(event, party.address, TOKEN)
            assert purse.balance == after.account_of(party.address, TOKEN).balance
            assert dict(purse.escrows.items()) == {key: party is SELLER}
