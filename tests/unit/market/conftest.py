"""A small market for the twin alone: who is in it, what they sign, the states it goes through."""

from dataclasses import replace

import pytest

from fabmarket.identity import ZERO_BYTES32, Key, digest
from fabmarket.market import trade as signed
from fabmarket.market.events import Deployed, OperatorsSet, TokenSet
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Deliver,
    Deposit,
    Dispute,
    Exchange,
    List,
    OperatorSignature,
    RegisterResource,
    Relay,
    Report,
    Reverted,
    Rule,
    Settle,
    SettleBundle,
    SettleEscrow,
    SettleNet,
    SignedTrade,
    Split,
    record,
    step,
)
from fabmarket.market.net import PAYS, Cycle, Row, Sale
from fabmarket.market.parameters import Parameters
from fabmarket.market.trade import (
    Attestation,
    Escrow,
    Intent,
    Ruling,
    SealedAttestation,
    Trade,
    bundle_of,
    commitment_of,
    listing_id,
    market_domain,
)
from fabmarket.market.units import name_to_bytes32


def ascending(keys):
    return sorted(keys, key=lambda key: int(key.address, 16))


class Market:
    """Slot 0 of resource m1 runs from second 2,000 to 5,600; it is now second 1,000."""

    now, start, end, forever = 1_000, 2_000, 5_600, 2**64 - 1
    domain = market_domain(31337, "0x00000000000000000000000000000000FaB0CafE")
    nobody = "0x" + "0" * 40
    token, other_token = (Key.derive("exchange", "token", str(i)).address for i in range(2))
    seller, buyer, stranger = (Key.derive("exchange", name) for name in ("seller", "buyer", "x"))
    operators = ascending(Key.derive("exchange", "operator", str(i)) for i in range(3))
    m1, m2, hour = map(name_to_bytes32, ("m1", "m2", "hour"))
    salt = b"\x05" * 32
    listing = listing_id(seller.address, m1, 0, end)
    parameters = Parameters(
        operator_delay=100,
        delivery_window=50,
        dispute_window=60,
        hearing=40,
        decision_window=70,
        ruling_window=30,
        grace_time=20,
        grace_blocks=3,
        longest_life=2_000,
        deposit_share=500,
    )
    terms = Escrow(
        resource=m1,
        slot=0,
        deliver_from=2_000,
        deliver_by=2_100,
        dispute_by=2_200,
        decide_by=2_400,
        late_share=1_000,
        silence_share=9_000,
        undecided_share=3_333,
        bond=40,
        late_penalty=2_500,
        exit_penalty=5_000,
    )

    def __init__(self):
        seller, buyer = self.seller, self.buyer
        made = Deployed(self.parameters, self.nobody, self.nobody)
        operators = tuple(key.address for key in self.operators)
        first = (OperatorsSet(1, operators, 2, 900), TokenSet(self.token, True), made)
        self.new = self.folded(Exchange.undeployed(self.domain), *first)
        self.register = RegisterResource(self.m1, self.hour, 2_000, 3_600)
        self.registered = self.played(self.new, (seller, self.register))
        self.attested = self.played(self.registered, (self.stranger, self.attest()))
        self.sealed = self.played(self.registered, (self.stranger, self.seal()))
        self.listed = self.played(self.attested, (seller, self.reports((self.m1, 0, 8))))
        deposits = (buyer, Deposit(self.token, 1_000)), (seller, Deposit(self.token, 500))
        self.funded = self.played(self.listed, *deposits)
        self.settled = self.played(self.funded, (self.stranger, self.settle()))
        self.escrowed = self.played(self.funded, (self.stranger, self.escrow()))
        deliver = Deliver(self.held_trade, 3)
        self.delivered = self.played(self.escrowed, (seller, deliver), now=2_000)
        dispute = Dispute(self.held_trade, self.salt)
        self.disputed = self.played(self.delivered, (buyer, dispute), now=2_010)
        self.ruled = self.played(self.disputed, (self.stranger, self.rule()), now=2_050)

    def played(self, state, *moves, now=now, block=0):
        for key, move in moves:
            state, _ = step(state, key.address, move, now, block)
        return state

    def folded(self, state, *events):
        for event in events:
            state = record(state, event)
        return state

    def refused(self, state, key, move, now=now, block=0):
        """Make a move that must be refused and change nothing; return the error and its values."""
        before = repr(state)
        with pytest.raises(Reverted) as caught:
            step(state, key.address, move, now, block)
        assert repr(state) == before
        assert str(caught.value).startswith(f"{caught.value.error}(")
        return (caught.value.error, *caught.value.values)

    # What the operators sign

    def by(self, struct, keys=None):
        """Two operators' signatures, in order, or those of `keys`."""
        struct_digest = digest(self.domain, struct)
        return tuple(
            OperatorSignature(key.address, key.sign(struct_digest))
            for key in (self.operators[:2] if keys is None else keys)
        )

    def attest(self, keys=None, **terms):
        place = (self.seller.address, self.m1, self.hour, 2_000, 3_600)
        attestation = replace(Attestation(*place, 0, (10, 20), 1, 9_999, 1), **terms)
        return Attest(attestation, self.by(attestation, keys))

    def seal(self, keys=None, quantity=10, **terms):
        hidden = commitment_of(self.seller.address, self.m1, 0, quantity, self.salt)
        place = (self.seller.address, self.m1, self.hour, 2_000, 3_600)
        attestation = replace(SealedAttestation(*place, 0, hidden, 1, 9_999, 1), **terms)
        return AttestSealed(attestation, self.by(attestation, keys))

    def rule(self, number=1, shares=(9_999, 10_000, 5_000), deadline=forever, keys=None):
        """A ruling on the trade of `held_trade`, by default for its supplier."""
        ruling = Ruling(self.held_digest, number, *shares, deadline)
        return Rule(self.held_trade, ruling, self.by(ruling, keys))

    # What the parties say and sign

    def reports(self, *each):
        return List(tuple(Report(*report) for report in each))

    def trade(self, **terms):
        usual = Trade(self.listing, self.buyer.address, self.token, 3, 100, self.now + 60, nonce=5)
        return replace(usual, **terms)

    def both(self, trade, buyer=None, seller=None):
        trade_digest = digest(self.domain, trade)
        hands = (buyer or self.buyer, seller or self.seller)
        return SignedTrade(trade, *(key.sign(trade_digest) for key in hands))

    def settle(self, buyer=None, seller=None, **terms):
        return Settle(self.both(self.trade(**terms), buyer, seller))

    def product(self, *changes, kind=SettleBundle, **common):
        """A bundle of one trade for each dict of changes, nonces 0, 1, ..."""
        parts = [
            self.trade(**{"nonce": i, "quantity": 1, **common, **each})
            for i, each in enumerate(changes)
        ]
        bundle = bundle_of(parts)
        return kind(tuple(self.both(replace(part, bundle=bundle)) for part in parts))

    @property
    def held_trade(self):
        return self.trade(escrow=self.terms)

    @property
    def held_digest(self):
        return digest(self.domain, self.held_trade)

    def escrow(self, **terms):
        """An escrow of `self.terms` with some of them, or the trade's own, changed."""
        held = {name: terms.pop(name) for name in tuple(terms) if hasattr(Escrow, name)}
        return SettleEscrow(self.both(self.trade(escrow=replace(self.terms, **held), **terms)))

    def split(self, to_supplier, rest=None, deadline=forever, nonce=0, buyer=None, seller=None):
        """A split of all that is held of `held_trade`: 300, a bond of 40 and deposits of 15."""
        parts = (to_supplier, 370 - to_supplier if rest is None else rest)
        agreed = digest(self.domain, signed.Split(self.held_digest, *parts, deadline, nonce))
        hands = (buyer or self.buyer, seller or self.seller)
        signatures = (key.sign(agreed) for key in hands)
        return Split(self.held_trade, *parts, deadline, *signatures)

    def cycle(self, **changes):
        """The buyer buys 3 units at 100 each, the seller's row sells them."""
        rows = [
            Row(self.buyer.address, 0b11, 300, PAYS, 0),
            Row(self.seller.address, 0b1, 300, 0, 0, sales=1),
        ]
        rows.sort(key=lambda row: int(row.account, 16))
        place = [row.account for row in rows].index(self.seller.address)
        sale = Sale(self.listing, 3, 0, place)
        usual = Cycle(self.token, b"r" * 32, self.now + 60, tuple(rows), (sale,))
        return replace(usual, **changes)

    def net(self, cycle=None, hands=None):
        """That cycle, or another, with its accounts' signatures or those of `hands`."""
        cycle = cycle or self.cycle()
        known = {key.address: key for key in (self.buyer, self.seller, self.stranger)}
        agreed = digest(self.domain, cycle.batch)
        hands = hands or [known.get(row.account, self.stranger) for row in cycle.rows]
        return SettleNet(cycle, tuple(key.sign(agreed) for key in hands))

    def relay(self, move, key=None, signer=None, nonce=0, deadline=now + 60, call=ZERO_BYTES32):
        key = key or self.buyer
        intent = Intent(key.address, call, nonce, deadline)
        signature = (signer or key).sign(digest(self.domain, intent))
        return Relay(intent, move, signature)


@pytest.fixture(scope="session")
def market():
    return Market()
