"""Short names for what happens on a new exchange."""

from dataclasses import replace

from fabmarket.identity import digest
from fabmarket.market import trade as signed
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Execute,
    Expire,
    List,
    Open,
    OperatorSignature,
    Relay,
    Report,
    Rule,
    Settle,
    SettleEscrow,
    SettleNet,
    SignedTrade,
    Split,
)
from fabmarket.market.exchange.terms import all_held
from fabmarket.market.net import PAYS, Cycle, Row, Sale
from fabmarket.market.trade import (
    Attestation,
    Escrow,
    Intent,
    Ruling,
    SealedAttestation,
    Trade,
    commitment_of,
    listing_id,
    nonce_of,
)
from tests.differential.conftest import Wallet
from tests.differential.random_basics import ascending

U64 = 2**64 - 1
SALT = b"\x51" * 32
LENGTH = 300
NOBODY = "0x" + "0" * 40


class Story:
    """A seller of "m1" by the hour, a buyer, a third party; slots begin with the story."""

    def __init__(self, both):
        self.both, self.token, self.other = both, both.token, both.tokens[1].address
        self.seller, self.buyer, self.third = both.people.traders
        self.mill, self.hour = both.people.mill, both.people.hour
        self.operators = ascending(both.people.operators)
        self.origin, self.slot = both.now, 0

    def signature(self, key, agreed):
        """Of the digest of what others sign too."""
        if isinstance(key, Wallet):
            return key.confirm(self.both.state.domain, agreed)
        return key.sign(agreed)

    # What operators sign

    def by(self, struct, keys=None):
        struct_digest = digest(self.both.state.domain, struct)
        return tuple(
            OperatorSignature(key.address, self.signature(key, struct_digest))
            for key in (self.operators[:2] if keys is None else keys)
        )

    def attest(self, keys=None, **changes):
        place = (self.seller.address, self.mill, self.hour, self.origin, LENGTH)
        number = self.both.state.operator_set(self.both.now)
        attestation = replace(Attestation(*place, 0, (10, 20), 1, U64, number), **changes)
        return self.both.play(self.third, Attest(attestation, self.by(attestation, keys)))

    def seal(self, slot, quantity, version=1):
        hidden = commitment_of(self.seller.address, self.mill, slot, quantity, SALT)
        place = (self.seller.address, self.mill, self.hour, self.origin, LENGTH)
        it = SealedAttestation(*place, slot, hidden, version, U64, 1)
        return self.both.play(self.third, AttestSealed(it, self.by(it)))

    def rule(self, trade, share=3_333, number=1, keys=None):
        ruling = Ruling(self.digest_of(trade), number, share, share, share, U64)
        return self.both.play(self.third, Rule(trade, ruling, self.by(ruling, keys)))

    # What the parties say and sign

    def open(self, slot, quantity, salt=SALT, key=None, deadline=0, signature=b""):
        place = (self.seller.address, self.mill, slot)
        move = Open(*place, quantity, salt, deadline, signature)
        return self.both.play(key or self.seller, move)

    def list(self, *reports):
        return self.both.play(self.seller, List(tuple(Report(*each) for each in reports)))

    def listing(self, slot=None):
        slot = self.slot if slot is None else slot
        end = self.origin + (slot + 1) * LENGTH
        return listing_id(self.seller.address, self.mill, slot, end)

    def trade(self, bit=0, **changes):
        """A trade of the current epochs, with a nonce of this bit."""
        state, listing = self.both.state, self.listing()
        known = state.listings.get(listing)
        buyer, seller = (state.account_of(key.address, self.token).epoch for key in self.sides)
        usual = Trade(
            *(listing, self.buyer.address, self.token, 1, 7),
            valid_until=int.from_bytes(listing[27:], "big"),
            nonce=nonce_of(buyer, bit),
            supplier_nonce=nonce_of(seller, 80),
            listing_epoch=known.epoch if known else 0,
        )
        return replace(usual, **changes)

    @property
    def sides(self):
        return self.buyer, self.seller

    def both_sign(self, trade, buyer=None):
        trade_digest = self.digest_of(trade)
        hands = (buyer or self.buyer, self.seller)
        return SignedTrade(trade, *(self.signature(key, trade_digest) for key in hands))

    def settle(self, buyer=None, **changes):
        return self.both.play(self.third, Settle(self.both_sign(self.trade(**changes), buyer)))

    def terms(self, **changes):
        windows, now = self.both.state.parameters, self.both.now
        by = max(now, self.origin + self.slot * LENGTH) + windows.delivery_window + 1
        dispute_by = by + windows.dispute_window
        decide_by = dispute_by + windows.hearing + windows.decision_window
        times = (self.origin + self.slot * LENGTH, by, dispute_by, decide_by)
        shares = (2_500, 9_999, 3_333, 40, 2_500, 5_000)
        return replace(Escrow(self.mill, self.slot, *times, *shares), **changes)

    def waiting(self, bit, **changes):
        """Two units for 202, a bond of 40 and deposits of 10 each."""
        return self.trade(bit, quantity=2, unit_price=101, escrow=self.terms(**changes))

    def escrow(self, bit, **changes):
        trade = self.waiting(bit, **changes)
        return trade, self.both.play(self.third, SettleEscrow(self.both_sign(trade)))

    def split(self, trade, to_supplier, rest=None, buyer=None, deadline=U64):
        state, trade_digest = self.both.state, self.digest_of(trade)
        held = state.held[trade_digest]
        left = all_held(trade, held, state.parameters) - to_supplier
        parts = (to_supplier, left if rest is None else rest)
        agreed = signed.Split(trade_digest, *parts, deadline, held.split_nonce)
        agreed_digest = digest(state.domain, agreed)
        hands = (buyer or self.buyer, self.seller)
        signatures = (key.sign(agreed_digest) for key in hands)
        return self.both.play(self.third, Split(trade, *parts, deadline, *signatures))

    def expire(self, trade, at=None):
        return self.both.play(self.third, Expire(trade), at)

    def execute(self, trade, at=None):
        return self.both.play(self.third, Execute(trade), at)

    def cycle(self, bit, quantity=1, **changes):
        """The buyer buys some units at 7 each of the current listing."""
        state, listing = self.both.state, self.listing()
        accounts = [state.account_of(key.address, self.token) for key in self.sides]
        due = 7 * quantity
        rows = [
            Row(self.buyer.address, 1 << bit, due, PAYS, accounts[0].epoch),
            Row(self.seller.address, 1 << bit, due, 0, accounts[1].epoch, sales=1, salt=9),
        ]
        rows.sort(key=lambda row: int(row.account, 16))
        place = [row.account for row in rows].index(self.seller.address)
        sale = Sale(listing, quantity, state.listings[listing].epoch, place, salt=7)
        end = int.from_bytes(listing[27:], "big")
        return replace(Cycle(self.token, SALT, end, tuple(rows), (sale,)), **changes)

    def net(self, cycle, hands=None):
        keys = {key.address: key for key in (*self.sides, self.third)}
        agreed = digest(self.both.state.domain, cycle.batch)
        hands = hands or [keys.get(row.account, self.third) for row in cycle.rows]
        signatures = tuple(self.signature(key, agreed) for key in hands)
        return self.both.play(self.third, SettleNet(cycle, signatures))

    def relay(self, key, move, nonce=0, deadline=U64, signer=None, signature=None):
        call = self.both.contract.move_data(move)
        intent = Intent(key.address, call, nonce, deadline)
        signature = signature or (signer or key).sign(digest(self.both.state.domain, intent))
        return self.both.play(self.third, Relay(intent, move, signature))

    def digest_of(self, trade):
        return digest(self.both.state.domain, trade)
