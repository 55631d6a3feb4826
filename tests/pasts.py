"""A market with a past that has every event of the exchange in it."""

from dataclasses import dataclass, replace

from fabmarket.identity import digest
from fabmarket.ledger import audit_log
from fabmarket.market import trade as signed
from fabmarket.market.events import (
    Event,
)
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Cancel,
    Deliver,
    Dispute,
    Execute,
    Expire,
    List,
    Open,
    OperatorSignature,
    Pause,
    RaiseEpoch,
    RaiseListingEpoch,
    Refund,
    RefundUncovered,
    Relay,
    Release,
    Report,
    Rule,
    SetOperators,
    SettleBatch,
    SettleEscrow,
    SettleNet,
    SetToken,
    SignedTrade,
    Unlist,
    VoidIntents,
    VoidSplits,
    Withdraw,
)
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
)
from fabmarket.market.units import name_to_bytes32
from fabmarket.scenario import paper_market
from fabmarket.simulation import Outcome, run_market

PRESS, HOUR, SALT = name_to_bytes32("press"), name_to_bytes32("hour"), b"s" * 32
ALWAYS = 2**40


@dataclass
class Run:
    outcome: Outcome
    events: list[Event]

    def audit(self, events: list[Event]):
        return audit_log(events, self.outcome.market.exchange)


class Afterwards:
    """What happens in the paper's market after the paper's run."""

    def __init__(self, outcome: Outcome):
        self.outcome, self.market, parties = outcome, outcome.market, outcome.parties
        (self.supplier,), demanders = parties.suppliers, parties.demanders
        self.unserved, self.buyer, self.other = demanders
        self.anyone = parties.deployer
        operators = sorted(parties.operators, key=lambda party: int(party.address, 16))
        self.named = tuple(party.address for party in operators)
        self.operators = [party.key for party in operators[:2]]
        self.windows = self.market.exchange.parameters()

    def play(self, party, *moves):
        for move in moves:
            self.market.queue(party.key, move)
        self.market.sender.must_succeed(self.market.exchange)

    def wait_until(self, time):
        """Let the next block come at a time, or as soon after it as it can."""
        self.market.engine.pass_time(time - 1)

    @property
    def now(self):
        return self.market.engine.now()

    def by(self, struct):
        struct_digest = digest(self.market.domain, struct)
        return tuple(
            OperatorSignature(key.address, key.sign(struct_digest)) for key in self.operators
        )

    def counted(self, *quantities, version=1, first_slot=0):
        market = self.market
        place = (self.supplier.address, PRESS, HOUR, market.origin, market.slot_length)
        it = Attestation(*place, first_slot, quantities, version, ALWAYS, 1)
        self.play(self.anyone, Attest(it, self.by(it)))

    def listing(self, slot):
        end = self.market.origin + (slot + 1) * self.market.slot_length
        return listing_id(self.supplier.address, PRESS, slot, end)

    def verification(self):
        """A resource of five slots, two of them sealed."""
        supplier, market = self.supplier, self.market
        market.queue(supplier.key, market.registration(PRESS, HOUR))
        self.counted(9, 5)
        self.counted(3, first_slot=4)
        self.play(supplier, List((Report(PRESS, 0, 9), Report(PRESS, 4, 3))), Unlist(PRESS, 0, 2))
        hidden = commitment_of(supplier.address, PRESS, 2, 4, SALT)
        place = (supplier.address, PRESS, HOUR, market.origin, market.slot_length)
        seals = [SealedAttestation(*place, 2, hidden, 1, ALWAYS, 1)]
        seals.append(replace(seals[0], slot=3))
        self.play(self.anyone, *(AttestSealed(each, self.by(each)) for each in seals))
        self.play(supplier, Open(supplier.address, PRESS, 2, 4, SALT))
        self.play(supplier, RaiseListingEpoch(PRESS, 0))

    def trade(self, nonce, slot=0, **terms):
        market = self.market
        listing = self.listing(slot)
        trade = Trade(
            *(listing, self.buyer.address, market.token.address, 1, 50),
            valid_until=market.origin + (slot + 1) * market.slot_length,
            nonce=nonce,
            supplier_nonce=80,
            listing_epoch=market.exchange.listing_of(listing).epoch,
            **terms,
        )
        trade_digest = digest(market.domain, trade)
        hands = (self.buyer.key.sign(trade_digest), self.supplier.key.sign(trade_digest))
        return SignedTrade(trade, *hands)

    def terms(self, slot=0, bond=11):
        start = self.market.origin + slot * self.market.slot_length
        by = max(start, self.now) + self.windows.delivery_window + 600
        dispute_by = by + self.windows.dispute_window
        decide_by = dispute_by + self.windows.hearing + self.windows.decision_window
        times = (start, by, dispute_by, decide_by)
        return Escrow(PRESS, slot, *times, 0, 10_000, 5_000, bond, 2_000, 3_000)

    def escrow(self, nonce, slot=0):
        signed_trade = self.trade(nonce, slot, escrow=self.terms(slot))
        self.play(self.anyone, SettleEscrow(signed_trade))
        return signed_trade.trade

    def trading(self):
        """A batch of which one trade is skipped, and a cycle."""
        settled = self.trade(24)
        self.play(self.anyone, SettleBatch((settled, settled)))
        buyer, supplier = self.buyer.address, self.supplier.address
        rows = [Row(buyer, 1 << 30, 35, PAYS, 0), Row(supplier, 1 << 30, 35, 0, 0, 1, salt=4)]
        rows.sort(key=lambda row: int(row.account, 16))
        place = [row.account for row in rows].index(supplier)
        epoch = self.market.exchange.listing_of(self.listing(0)).epoch
        sale = Sale(self.listing(0), 1, epoch, place)
        token, end = self.market.token.address, self.market.origin + self.market.slot_length
        cycle = Cycle(token, SALT, end, tuple(rows), (sale,))
        agreed = digest(self.market.domain, cycle.batch)
        keys = {party.address: party.key for party in (self.buyer, self.supplier)}
        hands = tuple(keys[row.account].sign(agreed) for row in rows)
        self.play(self.anyone, SettleNet(cycle, hands))

    def escrows(self):
        """Escrows in every state, and closed for several causes."""
        buyer, supplier, anyone = self.buyer, self.supplier, self.anyone
        ruled, ended, uncovered = self.escrow(20), self.escrow(21), self.escrow(22, slot=4)
        disputed, delivered = self.escrow(23), self.escrow(25)
        late, last = self.escrow(26, slot=4), self.escrow(27, slot=4)
        self.play(supplier, Refund(ended))
        self.wait_until(self.market.origin + 1)
        self.play(supplier, *(Deliver(each, 1) for each in (ruled, disputed, delivered)))
        self.play(buyer, *(Dispute(each, SALT) for each in (ruled, disputed)))
        self.play(supplier, VoidSplits(delivered))
        self.counted(2, version=2, first_slot=4)
        self.play(buyer, RefundUncovered(uncovered))
        self.wait_until(self.now + self.windows.hearing)
        for trade in (ruled, disputed):
            shares = (5_000, 9_000, 10)
            ruling = Ruling(digest(self.market.domain, trade), 3, *shares, ALWAYS)
            self.play(anyone, Rule(trade, ruling, self.by(ruling)))
        for _ in range(self.windows.grace_blocks):
            self.market.engine.mine([])
        self.wait_until(max(self.now + self.windows.ruling_window, late.escrow.deliver_by))
        self.play(anyone, Execute(ruled), Expire(late))
        self.play(buyer, Release(last, 4))

    def accounts(self):
        """Nonces cancelled, an epoch raised, withdrawals by oneself and through another."""
        token, other = self.market.token.address, self.other
        self.play(self.unserved, Cancel(token, 0b1100))
        self.play(other, RaiseEpoch(token))
        self.play(self.supplier, Withdraw(token, 20, self.anyone.address))
        for nonce in range(2):
            move = Withdraw(token, 7, other.address)
            call = self.market.exchange.move_data(move)
            intent = Intent(other.address, call, nonce, ALWAYS)
            signature = other.key.sign(digest(self.market.domain, intent))
            self.play(self.anyone, Relay(intent, move, signature))
        self.play(self.unserved, VoidIntents(7))

    def decisions(self):
        """Decisions of each kind; the last makes one operator enough, when its delay is over."""
        foreign = self.other.address
        self.play(self.anyone, Pause(5, ALWAYS, self.by(signed.Pause(5, 1, 0, ALWAYS))))
        decided = self.by(signed.Token(foreign, False, 1, 1, ALWAYS))
        self.play(self.anyone, SetToken(foreign, False, ALWAYS, decided))
        one = self.named[:1]
        new = signed.Operators(one, 1, 1, 2, ALWAYS)
        self.play(self.anyone, SetOperators(one, 1, ALWAYS, self.by(new)))


def lived(engine) -> Run:
    """The paper's market, after which everything else that the exchange can do was done."""
    outcome = run_market(paper_market(1), engine, 1, lambda *_: None)
    events, done = list(outcome.store.events()), len(outcome.sent)
    after = Afterwards(outcome)
    for phase in (after.verification, after.trading, after.escrows, after.accounts):
        phase()
    after.decisions()
    logs = [log for _, receipt in outcome.sent[done:] for log in receipt.logs]
    events += [e for e in map(outcome.market.exchange.event, logs) if e]
    return Run(outcome, events)
