"""The audit of a real run: quiet when the log is whole, loud when any of it was touched."""

from dataclasses import dataclass, replace

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.ledger import audit
from fabmarket.market.events import (
    EVENTS,
    Deposited,
    Event,
    Listed,
    OperatorsSet,
    ResourceRegistered,
    Settled,
    SlotAttested,
    TokensSet,
    Withdrawn,
)
from fabmarket.market.exchange import Withdraw
from fabmarket.node import Outcome, run_market
from fabmarket.scenario import paper_market


@dataclass
class Run:
    outcome: Outcome
    events: list[Event]

    def audit(self, events: list[Event]):
        market = self.outcome.market
        return audit(events, market.domain, market.exchange, market.token)


@pytest.fixture(scope="module")
def run():
    """The paper's market, after which the supplier has taken out what it earned."""
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(paper_market(1), engine, 1, lambda *_: None)
        market, (supplier,) = outcome.market, outcome.parties.suppliers
        move = Withdraw(market.token.address, outcome.after[supplier.address])
        market.queue(supplier.key, "withdraw", move, 150_000)
        (receipt,) = market.sender.must_succeed(market.exchange)
        events = list(outcome.store.events())
        events += [e for e in map(market.exchange.event, receipt.logs) if e]
        yield Run(outcome, events)
        outcome.store.close()


def differs(run: Run, events: list[Event]) -> bool:
    assert events != run.events
    return not all(check.ok for check in run.audit(events))


def bare(run: Run, event: Event) -> bool:
    """Whether a calendar or an attestation has no listing under it."""
    listed = {(e.supplier, e.resource) for e in run.events if isinstance(e, Listed)}
    return (
        isinstance(event, ResourceRegistered | SlotAttested)
        and (event.supplier, event.resource) not in listed
    )


def texts(event: Event) -> list[str]:
    return [value for value in vars(event).values() if isinstance(value, str)]


def test_the_run_has_every_kind_of_event(run):
    assert {type(event) for event in run.events} == set(EVENTS)


def test_an_honest_run_passes_and_says_what_was_compared(run):
    checks = {check.name: check for check in run.audit(run.events)}
    assert all(check.ok and check.compared > 0 for check in checks.values())
    assert checks["events follow from one another"].compared == len(run.events)
    assert checks["balances equal the contract's"].compared == 4
    assert checks["every recorded trade is settled in the contract"].compared == 2
    assert checks["the exchange holds exactly what it owes"].compared == 1


@pytest.mark.parametrize("kind", EVENTS)
def test_every_changed_number_is_found(run, kind):
    place, event = next(
        (i, event)
        for i, event in enumerate(run.events)
        if isinstance(event, kind) and not bare(run, event)
    )
    for name, value in vars(event).items():
        for changed in (value + 1, value - 1) if isinstance(value, int) else ():
            if changed >= 0:
                tampered = list(run.events)
                tampered[place] = replace(event, **{name: changed})
                assert differs(run, tampered), (name, changed)


def test_every_lost_event_is_found(run):
    for place, event in enumerate(run.events):
        tampered = run.events[:place] + run.events[place + 1 :]
        nothing_hangs_on_it = isinstance(event, SlotAttested) and bare(run, event)
        assert differs(run, tampered) or nothing_hangs_on_it, event


def test_every_event_that_comes_twice_is_found(run):
    for place, event in enumerate(run.events):
        tampered = [*run.events[: place + 1], *run.events[place:]]
        same_again = isinstance(event, OperatorsSet | TokensSet)  # sets what is set already
        assert differs(run, tampered) or same_again, event


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (SlotAttested, Listed),
        (ResourceRegistered, Listed),
        (Listed, Settled),
        (Deposited, Settled),
        (Settled, Withdrawn),
    ],
)
def test_a_consequence_before_its_cause_is_found(run, first, second):
    """The last of the one kind and the first of the other after it change places."""
    parties = run.outcome.parties
    traders = {parties.suppliers[0].address, parties.demanders[2].address}
    places = [i for i, event in enumerate(run.events) if traders & set(texts(event))]
    one = max(i for i in places if isinstance(run.events[i], first))
    other = min(i for i in places if isinstance(run.events[i], second) and i > one)
    tampered = list(run.events)
    tampered[one], tampered[other] = tampered[other], tampered[one]
    assert differs(run, tampered)


def test_a_trade_that_never_settled_is_found(run):
    trade = next(event for event in run.events if isinstance(event, Settled))
    invented = replace(trade, quantity=1, unit_price=1, nonce=77, trade=bytes(32))
    checks = run.audit([*run.events, invented])
    (check,) = [each for each in checks if "trade" in each.name]
    assert check.wrong == [f"trade 0x{'00' * 32}: the logs give True, the contract holds False"]


def test_a_log_that_cannot_follow_ends_the_audit_with_its_reason(run):
    trade = next(event for event in run.events if isinstance(event, Settled))
    (check,) = run.audit([*run.events, replace(trade, quantity=10**6, nonce=77)])
    assert not check.ok
    assert "sells what is gone" in check.wrong[0]


def test_an_empty_log_does_not_explain_a_contract_that_is_in_use(run):
    assert differs(run, [])


def test_tokens_sent_past_the_exchange_are_pointed_out(run):
    outcome = run.outcome
    market, deployer = outcome.market, outcome.parties.deployer
    market.queue_token(deployer.key, "mint", market.exchange.address, 3)
    market.sender.must_succeed()
    (wrong,) = [check for check in run.audit(run.events) if not check.ok]
    assert "somebody sent tokens without depositing them" in wrong.wrong[0]


def test_an_exchange_that_owes_more_than_it_holds_fails(run):
    account = run.outcome.parties.demanders[0].address
    token = run.outcome.market.token.address
    checks = run.audit([*run.events, Deposited(account, token, 10**12)])
    wrong = {check.name: check.wrong for check in checks if not check.ok}
    assert "money is missing" in wrong["the exchange holds exactly what it owes"][0]
