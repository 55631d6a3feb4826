"""A small market for the twin alone: who is in it, what they sign, the states it goes through."""

from dataclasses import replace

import pytest

from fabmarket.identity import ZERO_BYTES32, Key, digest
from fabmarket.market.events import OperatorsSet, TokenSet
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Deliver,
    Deposit,
    Dispute,
    Exchange,
    List,
    RegisterResource,
    Relay,
    Report,
    Reverted,
    Settle,
    SettleBundle,
    SettleEscrow,
    SignedTrade,
    Split,
    record,
    step,
)
from fabmarket.market.trade import (
    Attestation,
    Escrow,
    Intent,
    SealedAttestation,
    Trade,
    bundle_of,
    commitment_of,
    listing_id,
    market_domain,
)
from fabmarket.market.trade import Split as SplitTerms
from fabmarket.market.units import name_to_bytes32


class Market:
    """Slot 0 of resource m1 runs from second 2,000 to 5,600; it is now second 1,000."""

    now, end = 1_000, 5_600
    domain = market_domain(31337, "0x00000000000000000000000000000000FaB0CafE")
    nobody = "0x" + "0" * 40
    token, other_token = (Key.derive("exchange", "token", str(i)).address for i in range(2))
    seller, buyer, stranger = (Key.derive("exchange", name) for name in ("seller", "buyer", "x"))
    operators = sorted(
        (Key.derive("exchange", "operator", str(i)) for i in range(3)),
        key=lambda key: int(key.address, 16),
    )
    m1, m2, hour = map(name_to_bytes32, ("m1", "m2", "hour"))
    salt = b"\x05" * 32
    listing = listing_id(seller.address, m1, 0, end)
    terms = Escrow(1_100, 1_200, 1_300, late_share=0, silence_share=10_000, undecided_share=3_333)

    def __init__(self):
        seller, buyer = self.seller, self.buyer
        self.new = Exchange.undeployed(self.domain)
        for event in (
            OperatorsSet(tuple(key.address for key in self.operators), 2),
            TokenSet(self.token, True),
        ):
            self.new = record(self.new, event)
        self.register = RegisterResource(self.m1, self.hour, 2_000, 3_600)
        self.registered = self.played(self.new, (seller, self.register))
        self.attested = self.played(self.registered, (self.stranger, self.attest()))
        self.sealed = self.played(self.registered, (self.stranger, self.seal()))
        self.listed = self.played(self.attested, (seller, self.reports((self.m1, 0, 8))))
        self.funded = self.played(self.listed, (buyer, Deposit(self.token, 1_000)))
        self.settled = self.played(self.funded, (self.stranger, self.settle()))
        self.escrowed = self.played(self.funded, (self.stranger, self.escrow()))
        self.delivered = self.played(self.escrowed, (seller, Deliver(self.held_trade)))
        dispute = Dispute(self.held_trade, self.salt)
        self.disputed = self.played(self.delivered, (buyer, dispute))

    def played(self, state, *moves, now=now):
        for key, move in moves:
            state, _ = step(state, key.address, move, now)
        return state

    def refused(self, state, key, move, now=now):
        """Make a move that must be refused and change nothing; return the error and its values."""
        before = repr(state)
        with pytest.raises(Reverted) as caught:
            step(state, key.address, move, now)
        assert repr(state) == before
        assert str(caught.value).startswith(f"{caught.value.error}(")
        return (caught.value.error, *caught.value.values)

    # What the operators sign

    def by(self, struct, keys=None):
        """Two operators' signatures, in order, or those of `keys`."""
        struct_digest = digest(self.domain, struct)
        return tuple(
            key.sign(struct_digest) for key in (self.operators[:2] if keys is None else keys)
        )

    def attest(self, keys=None, **terms):
        usual = Attestation(self.seller.address, self.m1, self.hour, 0, (10, 20), 1, 9_999)
        attestation = replace(usual, **terms)
        return Attest(attestation, self.by(attestation, keys))

    def seal(self, keys=None, quantity=10, **terms):
        place = (self.seller.address, self.m1)
        hidden = commitment_of(*place, 0, quantity, self.salt)
        usual = SealedAttestation(*place, self.hour, 0, hidden, 1, 9_999)
        attestation = replace(usual, **terms)
        return AttestSealed(attestation, self.by(attestation, keys))

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

    def product(self, *changes):
        """A bundle of one trade for each dict of changes, nonces 0, 1, ..."""
        parts = [
            self.trade(**{"nonce": i, "quantity": 1, **each}) for i, each in enumerate(changes)
        ]
        bundle = bundle_of(parts)
        return SettleBundle(tuple(self.both(replace(part, bundle=bundle)) for part in parts))

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

    def split(self, share, buyer=None, seller=None):
        agreed = digest(self.domain, SplitTerms(self.held_digest, share))
        hands = (buyer or self.buyer, seller or self.seller)
        return Split(self.held_trade, share, *(key.sign(agreed) for key in hands))

    def relay(self, move, key=None, signer=None, nonce=0, deadline=now + 60, call=ZERO_BYTES32):
        key = key or self.buyer
        intent = Intent(key.address, call, nonce, deadline)
        signature = (signer or key).sign(digest(self.domain, intent))
        return Relay(intent, move, signature)


@pytest.fixture(scope="session")
def market():
    return Market()
