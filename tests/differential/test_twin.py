"""The readable twin against the contract: random moves, the same events or the same named error.

FABMARKET_FUZZ=long plays 10,000 sequences instead of 500.
"""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabmarket.identity import digest
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Cancel,
    Deliver,
    Deposit,
    List,
    RegisterResource,
    Relay,
    Report,
    Settle,
    SettleEscrow,
    SignedTrade,
)
from fabmarket.market.trade import (
    Attestation,
    Escrow,
    Intent,
    SealedAttestation,
    Trade,
    commitment_of,
    listing_id,
)
from tests.differential.random_moves import ALL_USED, SALT, U64, Moves

SEQUENCES = 10_000 if os.environ.get("FABMARKET_FUZZ") == "long" else 500
MOVES = 10


def prepare(both):
    """Bring a market into use, nonces nearly used up; return the trades that are in escrow."""
    seller, buyer, third = both.people.traders
    mill, hour, token = both.people.mill, both.people.hour, both.token
    keys = sorted(both.people.operators, key=lambda key: int(key.address, 16))

    def by(struct):
        return tuple(key.sign(digest(both.state.domain, struct)) for key in keys[:2])

    def signed(trade):
        trade_digest = digest(both.state.domain, trade)
        return SignedTrade(trade, buyer.sign(trade_digest), seller.sign(trade_digest))

    def first(owner, resource):
        calendar = both.state.calendars[owner.address, resource]
        return listing_id(owner.address, resource, 0, calendar.end(0))

    both.play(seller, RegisterResource(mill, hour, both.now, 50))
    counted = Attestation(seller.address, mill, hour, 0, (10, 10, 3), 1, U64)
    both.play(third, Attest(counted, by(counted)))
    hidden = commitment_of(seller.address, mill, 3, 6, SALT)
    sealed = SealedAttestation(seller.address, mill, hour, 3, hidden, 1, U64)
    both.play(third, AttestSealed(sealed, by(sealed)))
    both.play(seller, List((Report(mill, 0, 8), Report(mill, 1, 9))))
    both.play(buyer, Deposit(token, 10_000))
    both.play(third, Deposit(token, 5_000))
    both.play(third, Cancel(token, ALL_USED - (1 << 95)))
    listing = first(seller, mill)
    # The wallet sells, so that it has something to buy with.
    wallet, lathe = both.wallet, both.people.lathe

    def relay(nonce, move):
        call = both.contract.move_data(move)
        intent = Intent(wallet.address, call, nonce, U64)
        signature = wallet.sign(digest(both.state.domain, intent))
        both.play(third, Relay(intent, move, signature))

    relay(0, RegisterResource(lathe, hour, both.now, 60))
    counted = Attestation(wallet.address, lathe, hour, 0, (10, 10), 1, U64)
    both.play(third, Attest(counted, by(counted)))
    relay(1, List((Report(lathe, 0, 7),)))
    of_wallet = first(wallet, lathe)
    sale = Trade(of_wallet, buyer.address, token, 2, 1_000, both.now + 30, 10)
    sale_digest = digest(both.state.domain, sale)
    both.play(third, Settle(SignedTrade(sale, buyer.sign(sale_digest), wallet.sign(sale_digest))))
    assert both.state.account_of(wallet.address, token).balance == 2_000
    trades = []
    for nonce in (8, 9):
        escrow = Escrow(both.now + 12, both.now + 18, both.now + 24, 1_000, 9_000, 3_333)
        trade = Trade(listing, buyer.address, token, 1, 101, both.now + 30, nonce, escrow=escrow)
        both.play(third, SettleEscrow(signed(trade)))
        trades.append(trade)
    both.play(seller, Deliver(trade))
    assert {"Escrowed", "Delivered", "SlotSealed", "NoncesCancelled"} <= both.met
    return trades


@pytest.fixture(scope="module")
def scenes(stage):
    """An exchange just deployed, and, mostly, one in use."""
    fresh, busy = stage(lambda both: ()), stage(prepare)
    return fresh, busy, busy, busy


@settings(
    max_examples=SEQUENCES,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_the_twin_and_the_contract_agree_on_every_move(scenes, data):
    place = data.draw(st.sampled_from(scenes))
    both = place.enter()
    moves = Moves(data.draw, both, place.prepared)
    for _ in range(MOVES):
        both.play(*moves.next())
    both.same_storage()
