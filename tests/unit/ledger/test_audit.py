"""The audit of a real run: quiet when the log is whole, loud when any of it was touched."""

from dataclasses import dataclass, replace

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity import digest
from fabmarket.ledger import Surplus, audit
from fabmarket.market import trade as signed
from fabmarket.market.events import (
    EVENTS,
    Delivered,
    Deposited,
    Disputed,
    Escrowed,
    Event,
    Listed,
    NoncesCancelled,
    Relayed,
    Released,
    ResourceRegistered,
    Settled,
    Skipped,
    SlotAttested,
    SlotSealed,
    Withdrawn,
    pack_terms,
)
from fabmarket.market.exchange import (
    AttestSealed,
    Cancel,
    Deliver,
    Dispute,
    List,
    Open,
    Pause,
    RaiseEpoch,
    RaiseListingEpoch,
    Refund,
    Relay,
    Release,
    Report,
    SetOperators,
    SettleBatch,
    SettleEscrow,
    SetToken,
    SignedTrade,
    Unlist,
    Withdraw,
)
from fabmarket.market.trade import (
    Escrow,
    Intent,
    SealedAttestation,
    Trade,
    commitment_of,
    listing_id,
)
from fabmarket.market.units import name_to_bytes32
from fabmarket.node import Outcome, run_market
from fabmarket.report.facts import facts_of
from fabmarket.report.reading import audit_words
from fabmarket.scenario import paper_market

PRESS, HOUR, SALT = name_to_bytes32("press"), name_to_bytes32("hour"), b"s" * 32


@dataclass
class Run:
    outcome: Outcome
    events: list[Event]

    def audit(self, events: list[Event]):
        market = self.outcome.market
        return audit(events, market.domain, market.exchange, market.token)


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

    def play(self, party, *moves):
        for move in moves:
            self.market.queue(party.key, "afterwards", move, 600_000)
        self.market.sender.must_succeed(self.market.exchange)

    def by(self, struct):
        return tuple(key.sign(digest(self.market.domain, struct)) for key in self.operators)

    def verification(self):
        """A resource of three slots, the last of them sealed."""
        supplier, market = self.supplier, self.market
        market.queue_register(supplier, PRESS, HOUR)
        market.queue_attest(supplier, PRESS, HOUR, (9, 5))
        self.play(supplier, List((Report(PRESS, 0, 9),)), Unlist(PRESS, 0, 2))
        hidden = commitment_of(supplier.address, PRESS, 2, 4, SALT)
        seals = [SealedAttestation(supplier.address, PRESS, HOUR, 2, hidden, 1, 2**40)]
        seals.append(replace(seals[0], slot=3))
        self.play(self.anyone, *(AttestSealed(each, self.by(each)) for each in seals))
        self.play(self.other, Open(supplier.address, PRESS, 2, 4, SALT))
        self.listing = listing_id(supplier.address, PRESS, 0, market.origin + market.slot_length)
        self.play(supplier, RaiseListingEpoch(self.listing))

    def trade(self, nonce, escrow):
        now = self.market.engine.now()
        trade = Trade(
            self.listing,
            self.buyer.address,
            self.market.token.address,
            *(1, 11, now + 900, nonce),
            listing_epoch=1,
            escrow=escrow,
        )
        trade_digest = digest(self.market.domain, trade)
        hands = (self.buyer.key.sign(trade_digest), self.supplier.key.sign(trade_digest))
        return SignedTrade(trade, *hands)

    def trading(self):
        """Escrows in every state, and a batch of which one trade is skipped."""
        now = self.market.engine.now()
        terms = Escrow(now + 1_000, now + 2_000, now + 3_000, 0, 10_000, 5_000)
        both = [self.trade(nonce, terms) for nonce in (20, 21, 22, 23)]
        self.play(self.anyone, *map(SettleEscrow, both))
        part, delivered, disputed, ended = (each.trade for each in both)
        self.play(self.buyer, Release(part, 4))
        self.play(self.supplier, Deliver(delivered), Deliver(disputed), Refund(ended))
        self.play(self.buyer, Dispute(disputed, SALT))
        settled = self.trade(24, Escrow())
        self.play(self.anyone, SettleBatch((settled, settled)))

    def accounts(self):
        """Nonces cancelled, an epoch raised, withdrawals by oneself and through another."""
        token, earned = self.market.token.address, self.outcome.after[self.supplier.address]
        self.play(self.unserved, Cancel(token, 0b1100))
        self.play(self.other, RaiseEpoch(token))
        self.play(self.supplier, Withdraw(token, earned))
        for nonce in range(2):
            move = Withdraw(token, 7)
            call = self.market.exchange.move_data(move)
            intent = Intent(self.other.address, call, nonce, 2**40)
            signature = self.other.key.sign(digest(self.market.domain, intent))
            self.play(self.anyone, Relay(intent, move, signature))

    def decisions(self):
        """Decisions of each kind; the last leaves one operator enough."""
        foreign = self.other.address
        self.play(self.anyone, Pause(5, self.by(signed.Pause(5, 0))))
        decided = SetToken(foreign, False, self.by(signed.Token(foreign, False, 1)))
        self.play(self.anyone, decided)
        new = signed.Operators(self.named, 1, 2)
        self.play(self.anyone, SetOperators(self.named, 1, self.by(new)))


@pytest.fixture(scope="module")
def run():
    """The paper's market, after which everything else that the exchange can do was done."""
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(paper_market(1), engine, 1, lambda *_: None)
        events, done = list(outcome.store.events()), len(outcome.sent)
        after = Afterwards(outcome)
        for phase in (after.verification, after.trading, after.accounts, after.decisions):
            phase()
        logs = [log for _, receipt in outcome.sent[done:] for log in receipt.logs]
        events += [e for e in map(outcome.market.exchange.event, logs) if e]
        yield Run(outcome, events)
        outcome.store.close()


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
    assert checks["operators, pause and token equal the contract's"].compared == 4
    assert checks["balances and used nonces equal the contract's"].compared == 4 + 1
    assert checks["attested and committed quantities equal the contract's"].compared >= 5
    assert checks["every trade holds in escrow what the contract holds for it"].compared == 2 + 5
    assert checks["the exchange holds all that it owes"].compared == 1


def changes(value) -> tuple:
    if isinstance(value, bool):
        return (not value,)
    return tuple(each for each in (value + 1, value - 1) if each >= 0)


# The contract stores no terms of an escrow, only the hash of the trade that holds them.
UNSEEN = {Skipped: {"index"}, Escrowed: set(vars(Escrow()))}


@pytest.mark.parametrize("kind", EVENTS)
def test_every_changed_number_is_found(run, kind):
    place, event = [
        (i, event)
        for i, event in enumerate(run.events)
        if isinstance(event, kind) and not bare(run, event)
    ][-1]
    for name, value in vars(event).items():
        if isinstance(value, int) and name not in UNSEEN.get(kind, ()):
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
    for place, event in enumerate(run.events):
        tampered = [*run.events[: place + 1], *run.events[place:]]
        same_again = isinstance(event, NoncesCancelled | Skipped)  # changes nothing
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
    invented = replace(trade, terms=pack_terms(1, 1, trade.epoch, 77), trade=bytes(32))
    checks = run.audit([*run.events, invented]).checks
    (check,) = [each for each in checks if "trade" in each.name]
    assert check.ok  # an instant trade holds nothing; its nonce and payment are missed
    wrong = [each.name for each in checks if not each.ok]
    assert "balances and used nonces equal the contract's" in wrong
    assert "listings equal the contract's" in wrong


def test_a_log_that_cannot_follow_ends_the_audit_with_its_reason(run):
    trade = next(event for event in run.events if isinstance(event, Settled))
    found = run.audit([*run.events, replace(trade, terms=pack_terms(10**6, 1, 0, 77))])
    (check,) = found.checks
    assert not found.ok
    assert found.surplus is None
    assert "sells what is not there" in check.wrong[0]


def test_an_empty_log_does_not_explain_a_contract_that_is_in_use(run):
    assert differs(run, [])


def test_a_gift_of_one_base_unit_leaves_the_audit_green_and_is_a_surplus(run):
    outcome = run.outcome
    market, giver = outcome.market, outcome.parties.deployer
    token, exchange = market.token.address, market.exchange.address
    assert run.audit(run.events).surplus == Surplus(token, 0)
    market.queue_token(giver.key, "mint", giver.address, 1)
    market.queue_token(giver.key, "transfer", exchange, 1)
    market.sender.must_succeed()
    audited = run.audit(run.events)
    assert audited.ok
    assert audited.surplus == Surplus(token, 1)
    outcome.audit = audited
    facts = facts_of(outcome, ["fabmarket", "demo"])
    assert facts["audit"]["surplus"] == {"token": token, "amount": 1}
    assert "; 1 base units more held than owed" in audit_words(facts["audit"])


def test_an_exchange_that_owes_more_than_it_holds_fails(run):
    account = run.outcome.parties.demanders[0].address
    token = run.outcome.market.token.address
    checks = run.audit([*run.events, Deposited(account, token, 10**12)]).checks
    wrong = {check.name: check.wrong for check in checks if not check.ok}
    assert "money is missing" in wrong["the exchange holds all that it owes"][0]
