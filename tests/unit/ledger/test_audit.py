"""The audit of a real run: quiet when the log is whole, loud when any of it was touched."""

from dataclasses import dataclass, fields, is_dataclass, replace

import pytest

from fabmarket.chain import Settings
from fabmarket.identity import digest
from fabmarket.ledger import Surplus, audit, audit_log
from fabmarket.market import trade as signed
from fabmarket.market.events import (
    EVENTS,
    CommitmentReduced,
    Delivered,
    Deployed,
    Deposited,
    Disputed,
    Escrowed,
    Event,
    Listed,
    NetSettled,
    NoncesCancelled,
    Relayed,
    Released,
    ResourceRegistered,
    RulingPosted,
    Settled,
    Skipped,
    SlotAttested,
    SlotSealed,
    TokenSet,
    Uncovered,
    Withdrawn,
    pack_terms,
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
from fabmarket.market.parameters import HOURS
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
from fabmarket.report.facts import facts_of
from fabmarket.report.reading import audit_words
from fabmarket.scenario import paper_market
from fabmarket.simulation import Outcome, run_market
from tests.differential.conftest import Rewindable

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
        self.market.engine.set_next_time(time)

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


@pytest.fixture(scope="module")
def run():
    """The paper's market, after which everything else that the exchange can do was done."""
    engine = Rewindable(Settings())
    outcome = run_market(paper_market(1), engine, 1, lambda *_: None)
    events, done = list(outcome.store.events()), len(outcome.sent)
    after = Afterwards(outcome)
    for phase in (after.verification, after.trading, after.escrows, after.accounts):
        phase()
    after.decisions()
    logs = [log for _, receipt in outcome.sent[done:] for log in receipt.logs]
    events += [e for e in map(outcome.market.exchange.event, logs) if e]
    yield Run(outcome, events)
    outcome.store.close()
    engine.close()


def differs(run: Run, events: list[Event]) -> bool:
    assert events != run.events
    return not run.audit(events).ok


def bare(run: Run, event: Event) -> bool:
    """Whether an attestation has no listing under it, or a calendar no listing at all."""
    listed = [e for e in run.events if isinstance(e, Listed)]
    if isinstance(event, SlotAttested):
        slots = {(e.supplier, e.resource, e.slot) for e in listed}
        return (event.supplier, event.resource, event.slot) not in slots
    calendars = {(e.supplier, e.resource) for e in listed}
    return (
        isinstance(event, ResourceRegistered) and (event.supplier, event.resource) not in calendars
    )


def test_the_run_has_every_kind_of_event(run):
    assert {type(event) for event in run.events} == set(EVENTS)


def test_an_honest_run_passes_and_says_what_was_compared(run):
    checks = {check.name: check for check in run.audit(run.events).checks}
    assert all(check.ok and check.compared > 0 for check in checks.values())
    assert checks["events follow from one another"].compared == len(run.events)
    assert checks["operators, pause and tokens equal the contract's"].compared == 11
    assert checks["balances and used nonces equal the contract's"].compared == 4 + 4
    assert checks["attested and committed quantities equal the contract's"].compared == 48
    assert (
        checks["every trade holds in escrow what the contract holds for it"].compared == 3 + 2 * 7
    )
    assert checks["balances and escrows add up to the contract's totals"].compared == 1
    assert checks["the exchange holds all that it owes"].compared == 1


def test_an_honest_run_passes_with_nothing_but_its_node(run):
    found = audit(run.outcome.market.exchange)
    assert found.ok, found.first
    scope = found.scope
    assert (scope.events, scope.unseen_calls, scope.by_code) == (len(run.events), 0, 0)
    trades = [event for event in run.events if isinstance(event, Settled)]
    (net,) = [event for event in run.events if isinstance(event, NetSettled)]
    intents = [event for event in run.events if isinstance(event, Relayed)]
    assert scope.signatures["trades"] == 2 * len(trades)
    assert scope.signatures["cycles"] == len(net.rows) // 2
    assert scope.signatures["intents"] == len(intents)
    assert scope.signatures["operators"] > 0
    assert next(c for c in found.checks if c.name.startswith("no slot")).compared == len(trades) + 1


def changes(value) -> tuple:
    """Every value that differs from this one in one number."""
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return tuple(each for each in (value + 1, value - 1) if each >= 0)
    if isinstance(value, tuple):
        parts = [(i, each) for i, part in enumerate(value) for each in changes(part)]
        return tuple((*value[:i], each, *value[i + 1 :]) for i, each in parts)
    if is_dataclass(value):
        named = [(each.name, changes(getattr(value, each.name))) for each in fields(value)]
        return tuple(replace(value, **{name: each}) for name, new in named for each in new)
    return ()


def test_changes_reach_the_numbers_within():
    assert changes((0, 5)) == ((1, 5), (0, 6), (0, 4))
    assert len(changes(HOURS)) == 2 * 10
    assert changes(SALT) == changes("address") == ()


UNSEEN = {Skipped: {"index"}}


@pytest.mark.parametrize("kind", EVENTS)
def test_every_changed_number_is_found(run, kind):
    place, event = [
        (i, event)
        for i, event in enumerate(run.events)
        if isinstance(event, kind) and not bare(run, event)
    ][-1]
    for name, value in vars(event).items():
        if name not in UNSEEN.get(kind, ()):
            for changed in changes(value):
                tampered = list(run.events)
                tampered[place] = replace(event, **{name: changed})
                assert differs(run, tampered), (name, changed)


def test_every_lost_event_is_found(run):
    for place, event in enumerate(run.events):
        tampered = run.events[:place] + run.events[place + 1 :]
        nothing_hangs_on_it = isinstance(event, SlotSealed | Skipped) or (
            isinstance(event, SlotAttested) and bare(run, event)
        )
        assert differs(run, tampered) or nothing_hangs_on_it, event


def test_every_event_that_comes_twice_is_found(run):
    (made,) = [i for i, event in enumerate(run.events) if isinstance(event, Deployed)]
    for place, event in enumerate(run.events):
        tampered = [*run.events[: place + 1], *run.events[place:]]
        same_again = isinstance(event, NoncesCancelled | Skipped)  # changes nothing
        same_again |= isinstance(event, TokenSet) and place < made
        assert differs(run, tampered) or same_again, event


ORDER = [
    (ResourceRegistered, Listed, lambda e: (e.supplier, e.resource)),
    (SlotAttested, Listed, lambda e: (e.supplier, e.resource, e.slot)),
    (SlotSealed, SlotAttested, lambda e: (e.supplier, e.resource, e.slot)),
    (Listed, Settled, lambda e: e.listing),
    (Deposited, Settled, lambda e: getattr(e, "account", None) or e.demander),
    (Deposited, Withdrawn, lambda e: e.account),
    (Settled, Escrowed, lambda e: e.trade),
    (Escrowed, Released, lambda e: e.trade),
    (Delivered, Disputed, lambda e: e.trade),
    (Disputed, RulingPosted, lambda e: e.trade),
    (RulingPosted, Released, lambda e: e.trade),
    (Uncovered, Released, lambda e: e.trade),
    (CommitmentReduced, Uncovered, lambda _: 0),
    (Deployed, Deposited, lambda _: 0),
    (Listed, NetSettled, lambda _: 0),
    (Relayed, Relayed, lambda e: e.account),
]


@pytest.mark.parametrize(("first", "second", "of"), ORDER)
def test_a_consequence_before_its_cause_is_found(run, first, second, of):
    """A cause and the first consequence of it change places."""
    one, other = next(
        (i, j)
        for i, cause in enumerate(run.events)
        for j, event in enumerate(run.events)
        if i < j and isinstance(cause, first) and isinstance(event, second)
        if of(cause) == of(event)
    )
    tampered = list(run.events)
    tampered[one], tampered[other] = tampered[other], tampered[one]
    assert differs(run, tampered)


def test_a_trade_that_never_settled_is_found(run):
    trade = next(event for event in run.events if isinstance(event, Settled))
    place = run.events.index(trade) + 1
    invented = replace(trade, terms=pack_terms(1, 1, 77), trade=bytes(32))
    checks = run.audit([*run.events[:place], invented, *run.events[place:]]).checks
    (check,) = [each for each in checks if "in escrow" in each.name]
    assert check.ok  # an instant trade holds nothing; its nonce and payment are missed
    wrong = [each.name for each in checks if not each.ok]
    assert "balances and used nonces equal the contract's" in wrong
    assert "listings equal the contract's" in wrong


def test_a_log_that_cannot_follow_ends_the_audit_with_its_reason(run):
    trade = next(event for event in run.events if isinstance(event, Settled))
    found = run.audit([*run.events, replace(trade, terms=pack_terms(10**6, 1, 77))])
    assert [check.name for check in found.checks if not check.ok] == [
        "events follow from one another"
    ]
    assert found.surpluses == ()
    check, difference = found.first
    assert "sells what is not there" in check.told(difference)
    assert difference.where == f"event {len(run.events)}"


def test_an_empty_log_does_not_explain_a_contract_that_is_in_use(run):
    assert differs(run, [])


def test_a_gift_of_one_base_unit_leaves_the_audit_green_and_is_a_surplus(run):
    outcome = run.outcome
    market, giver = outcome.market, outcome.parties.deployer
    token, exchange = market.token.address, market.exchange.address
    assert run.audit(run.events).surpluses == (Surplus(token, 0),)
    market.queue_token(giver.key, "mint", giver.address, 1)
    market.queue_token(giver.key, "transfer", exchange, 1)
    market.sender.must_succeed()
    audited = audit(market.exchange)
    assert audited.ok
    assert audited.surpluses == (Surplus(token, 1),)
    outcome.audit = audited
    facts = facts_of(outcome, ["fabmarket", "demo"])
    assert facts["audit"]["surplus"] == {"token": token, "amount": 1}
    assert "; 1 base units more held than owed" in audit_words(facts["audit"])


def test_an_exchange_that_owes_more_than_it_holds_fails(run):
    account = run.outcome.parties.demanders[0].address
    token = run.outcome.market.token.address
    checks = run.audit([*run.events, Deposited(account, token, 10**12)]).checks
    wrong = {check.name: check.wrong for check in checks if not check.ok}
    assert "money is missing" in wrong["the exchange holds all that it owes"][0].what
