"""The readable twin against the contract: random moves, the same events or the same named error.

FABMARKET_FUZZ=long plays 10,000 sequences instead of 500.
"""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabmarket.identity import digest
from fabmarket.market import trade as terms
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Cancel,
    Deliver,
    Deposit,
    List,
    OperatorSignature,
    RegisterResource,
    Relay,
    Report,
    SetOperators,
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
from tests.differential.random_basics import ALL_USED, SALT, U64, ascending
from tests.differential.random_moves import Moves

SEQUENCES = 10_000 if os.environ.get("FABMARKET_FUZZ") == "long" else 500
MOVES = 10


class Opening:
    """Brings a market into use: who sells, who buys, and how they and the operators sign."""

    def __init__(self, both):
        self.both = both
        self.seller, self.buyer, self.third = both.people.traders
        self.wallet, self.nonce = both.wallet, 0
        people = (*both.people.operators, *both.people.traders, both.wallet)
        self.keys = {key.address: key for key in people}

    @property
    def number(self):
        return self.both.state.operator_set(self.both.now)

    def by(self, struct):
        operators = self.both.state.operator_sets[self.number]
        members = ascending(self.keys[each] for each in operators.members)
        struct_digest = digest(self.both.state.domain, struct)
        return tuple(
            OperatorSignature(key.address, key.sign(struct_digest))
            for key in members[: operators.threshold]
        )

    def new_operators(self):
        """Five from now on, of which one is a contract and one buys."""
        both = self.both
        named = (*both.people.operators, self.wallet, self.buyer)
        members = tuple(key.address for key in named)
        decision = terms.Operators(members, 3, self.number, both.state.decision_nonce, U64)
        both.play(self.third, SetOperators(members, 3, U64, self.by(decision)))
        both.skip(both.state.parameters.operator_delay)
        assert self.number == 2

    def attest(self, owner, resource, *quantities):
        place = (owner.address, resource, *self.calendar(owner, resource))
        counted = Attestation(*place, 0, quantities, 1, U64, self.number)
        self.both.play(self.third, Attest(counted, self.by(counted)))

    def seal(self, owner, resource, slot, quantity):
        hidden = commitment_of(owner.address, resource, slot, quantity, SALT)
        place = (owner.address, resource, *self.calendar(owner, resource))
        sealed = SealedAttestation(*place, slot, hidden, 1, U64, self.number)
        self.both.play(self.third, AttestSealed(sealed, self.by(sealed)))

    def calendar(self, owner, resource):
        known = self.both.state.calendars[owner.address, resource]
        return known.unit, known.origin, known.slot_length

    def first(self, owner, resource):
        calendar = self.both.state.calendars[owner.address, resource]
        return listing_id(owner.address, resource, 0, calendar.end(0))

    def relay(self, move):
        """A move of the wallet."""
        call = self.both.contract.move_data(move)
        intent = Intent(self.wallet.address, call, self.nonce, U64)
        self.nonce += 1
        signature = self.wallet.sign(digest(self.both.state.domain, intent))
        self.both.play(self.third, Relay(intent, move, signature))

    def signed(self, trade, seller):
        trade_digest = digest(self.both.state.domain, trade)
        return SignedTrade(trade, self.buyer.sign(trade_digest), seller.sign(trade_digest))

    def escrow(self, nonce):
        """A trade that waits, of slot 0 of the mill."""
        both, windows = self.both, self.both.state.parameters
        now = both.now
        by = now + windows.delivery_window + 9
        dispute_by = by + windows.dispute_window + 2
        decide_by = dispute_by + windows.hearing + windows.decision_window + 1
        times = (now, by, dispute_by, decide_by)
        mill, shares = both.people.mill, (1_000, 9_000, 3_333)
        agreed = Escrow(mill, 0, *times, *shares, bond=40, late_penalty=2_500, exit_penalty=5_000)
        place = (self.first(self.seller, mill), self.buyer.address, both.token)
        trade = Trade(*place, 2, 101, now + 30, nonce, 60, escrow=agreed)
        both.play(self.third, SettleEscrow(self.signed(trade, self.seller)))
        return trade


def prepare(both):
    """Bring a market into use, nonces nearly used up; return the trades that are in escrow."""
    it = Opening(both)
    seller, buyer, third, wallet = it.seller, it.buyer, it.third, it.wallet
    mill, lathe, hour, token = both.people.mill, both.people.lathe, both.people.hour, both.token
    it.new_operators()
    both.play(seller, RegisterResource(mill, hour, both.now, 70))
    it.attest(seller, mill, 10, 10, 3)
    it.seal(seller, mill, 3, 6)
    both.play(seller, List((Report(mill, 0, 8), Report(mill, 1, 9))))
    both.play(seller, Deposit(token, 3_000))
    both.play(buyer, Deposit(token, 10_000))
    both.play(third, Deposit(token, 5_000))
    both.play(third, Cancel(token, ALL_USED - (1 << 95)))
    # The wallet sells, so that it has something to buy with.
    it.relay(RegisterResource(lathe, hour, both.now, 60))
    it.attest(wallet, lathe, 10, 10)
    it.relay(List((Report(lathe, 0, 7),)))
    of_wallet = it.first(wallet, lathe)
    sale = Trade(of_wallet, buyer.address, token, 2, 1_000, both.now + 30, 10)
    both.play(third, Settle(it.signed(sale, wallet)))
    assert both.state.account_of(wallet.address, token).balance == 2_000
    trades = [it.escrow(8), it.escrow(9)]
    both.play(seller, Deliver(trades[1], 1))
    assert {"Escrowed", "Delivered", "SlotSealed", "NoncesCancelled", "OperatorsSet"} <= both.met
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
