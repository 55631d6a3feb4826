"""The audit of a real run: quiet when the log is whole, loud when any of it was touched."""

from dataclasses import fields, is_dataclass, replace

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.ledger import Surplus, audit
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
from fabmarket.market.parameters import HOURS
from fabmarket.report.facts import facts_of
from fabmarket.report.reading import audit_words
from tests.pasts import SALT, Run, lived


@pytest.fixture(scope="module")
def run():
    with open_engine("embedded", Settings()) as engine:
        made = lived(engine)
        yield made
        made.outcome.store.close()


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
