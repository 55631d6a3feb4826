"""What a run leaves behind adds up."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from fabmarket.chain import TRANSACTION_GAS, Settings, open_engine
from fabmarket.ledger import Surplus
from fabmarket.market.events import Deposited, Listed, Settled
from fabmarket.market.exchange import Exchange, record
from fabmarket.negotiation.lies import best_lie
from fabmarket.scenario import paper_market
from fabmarket.simulation import best_lies, certify_sessions, run, run_market

BAD_SIGNATURE = "bad signature"


def test_the_papers_trades(paper):
    outcome = paper[0]
    trades = [(t.event.demander, t.event.quantity, t.event.unit_price) for t in outcome.trades]
    _, second, third = (party.address for party in outcome.parties.demanders)
    assert sorted(trades) == sorted([(second, 100, 115), (third, 175, 115)])
    listings = {t.event.listing for t in outcome.trades}
    suppliers = {outcome.market.exchange.listing_of(each).supplier for each in listings}
    assert suppliers == {outcome.parties.suppliers[0].address}


def test_what_is_paid_is_what_is_earned(paper):
    outcome = paper[0]
    change = {address: after - outcome.before[address] for address, after in outcome.after.items()}
    expected = dict.fromkeys(change, 0)
    (supplier,) = (party.address for party in outcome.parties.suppliers)
    for trade in outcome.trades:
        expected[trade.event.demander] -= trade.event.payment
        expected[supplier] += trade.event.payment
    assert change == expected
    assert sum(change.values()) == 0
    assert sorted(change.values()) == [-20125, -11500, 0, 31625]


def test_what_was_deposited_is_what_is_held(paper):
    outcome = paper[0]
    deposits = [e for e in outcome.store.events() if isinstance(e, Deposited)]
    assert {e.account: e.amount for e in deposits} == {
        party.address: outcome.before[party.address] for party in outcome.parties.demanders
    }
    held = outcome.market.token.balance_of(outcome.market.exchange.address)
    assert held == sum(outcome.before.values()) == sum(outcome.after.values())


def test_units_sold_left_the_listing(paper):
    outcome = paper[0]
    address = outcome.parties.suppliers[0].address
    (listed,) = [
        e for e in outcome.store.events() if isinstance(e, Listed) and e.supplier == address
    ]
    sold = sum(trade.event.quantity for trade in outcome.trades)
    left = outcome.market.exchange.listing_of(listed.listing).available
    assert (listed.quantity, sold, left) == (600, 275, 325)


def test_every_trade_knows_its_transaction_sub_task_and_session(paper):
    outcome = paper[0]
    sessions = {shown.talk.id: shown.talk for shown in outcome.talks}
    for trade in outcome.trades:
        session = sessions[trade.session]
        assert trade.event.listing == session.opening.listing
        assert outcome.wants[trade.want][1].trade == trade.event.trade
        assert trade.want in outcome.names
        assert trade.event in map(outcome.market.exchange.event, trade.receipt.logs)
        assert trade.event.unit_price == session.close.price


def test_every_want_ends_served_or_unserved(paper):
    states = [want.state for _, want in paper[0].wants.values()]
    assert sorted(states) == ["served", "served", "unserved"]


def test_the_stored_events_are_the_logs_in_order(paper):
    outcome = paper[0]
    logs = [log for _, receipt in outcome.sent for log in receipt.logs]
    logged = [event for event in map(outcome.market.exchange.event, logs) if event is not None]
    assert list(outcome.store.events()) == logged
    assert [e for e in logged if isinstance(e, Settled)] == [t.event for t in outcome.trades]


def test_the_events_replay_to_the_balances_after(paper):
    outcome = paper[0]
    state = Exchange(outcome.market.domain)
    for event in outcome.store.events():
        state = record(state, event)
    token = outcome.market.token.address
    assert {account: state.account_of(account, token).balance for account in outcome.after} == (
        outcome.after
    )


def test_the_audit_passes(paper):
    audit = paper[0].audit
    assert audit.checks
    assert all(check.ok and check.compared for check in audit.checks)
    assert audit.surpluses == (Surplus(paper[0].market.token.address, 0),)


def test_the_session_ends_at_the_certified_equilibrium(paper):
    (certified,) = certify_sessions(paper[0])
    solved = certified.equilibrium
    assert solved.concept == "demanders-lead"
    assert (solved.price, solved.supply) == (115, 525)
    demand = {
        paper[0].names[member.sub_task]: quantity
        for member, quantity in zip(certified.session.members, solved.demand, strict=True)
    }
    assert demand == {"MRD1 / Task_1": 0, "MRD2 / Task_1": 100, "MRD3 / Task_1": 175}
    assert solved.certificate.max_unilateral_gain == pytest.approx(0, abs=1e-9)
    assert certified.session.rounds[-1].quote.price == 115


def test_the_best_lie_is_counted_with_the_margins_that_the_scenario_gives(paper):
    (session,) = (shown.talk for shown in paper[0].talks)
    (found,) = best_lies(paper[0]).items()
    assert found == (session.id, best_lie(session, margins_of(paper[0], session)))
    assert found[1].gain == 1_901


def margins_of(outcome, session):
    margins = {"MRD1 / Task_1": 55, "MRD2 / Task_1": 155, "MRD3 / Task_1": 185}
    return [margins[outcome.names[member.sub_task]] for member in session.members]


def test_progress_names_every_phase_and_ends_done(paper):
    heard = paper[1]
    phases = list(dict.fromkeys(phase for phase, _, _ in heard))
    assert phases == ["deploy", "verify", "deposit", "negotiate", "settle", "audit", "done"]
    assert all(0 <= done <= total for _, done, total in heard)
    assert [(done, total) for phase, done, total in heard if phase == "negotiate"][-1] == (3, 3)


@pytest.fixture(scope="module", params=[0, 7])
def tampered(request):
    scenario = replace(paper_market(1), tampered_copies=request.param)
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(scenario, engine, 1, lambda *_: None)
        yield request.param, outcome
        outcome.store.close()


def test_tampered_copies_are_refused_and_change_nothing(paper, tampered):
    """Seven are more than there are demands on the wire: some are copied twice."""
    copies, outcome = tampered
    assert outcome.tally.ignored == ({BAD_SIGNATURE: copies} if copies else {})
    assert paper[0].tally.ignored == {BAD_SIGNATURE: 1}
    assert outcome.tally.delivered == paper[0].tally.delivered - 1 + copies
    assert outcome.tally.sent == paper[0].tally.sent
    assert list(outcome.store.events()) == list(paper[0].store.events())
    assert outcome.after == paper[0].after
    journals = {address: journal.dump() for address, journal in outcome.journals.items()}
    assert journals == {address: kept.dump() for address, kept in paper[0].journals.items()}


def test_messages_are_counted_by_type_once_for_each_receiver(paper):
    tally = paper[0].tally
    members, published_again, tampered = 3, 1, 1  # MRD1, which gets nothing, asks once more
    assert tally.sent["Demand"] == tally.sent["Offer"] == members + published_again
    assert tally.sent["Selection"] == members
    assert tally.sent["Opening"] == tally.sent["Close"] == members
    assert tally.sent["Reply"] == tally.sent["Quote"]
    assert tally.sent["Trade"] == len(paper[0].trades)
    assert tally.delivered == tally.sent.total() + tampered


def test_the_same_seed_gives_the_same_journals_transactions_and_events(paper):
    with open_engine("embedded", Settings()) as engine:
        again = run_market(paper_market(1), engine, 1, lambda *_: None)
    first = paper[0]
    assert [receipt for _, receipt in again.sent] == [receipt for _, receipt in first.sent]
    assert again.store.dump() == first.store.dump()
    assert {address: journal.dump() for address, journal in again.journals.items()} == {
        address: journal.dump() for address, journal in first.journals.items()
    }
    assert again.wants == first.wants
    again.store.close()


def test_nothing_waits_in_a_journal_when_all_is_over(paper):
    for journal in paper[0].journals.values():
        assert journal.letters() == []
        assert journal.moves() == []


@pytest.mark.parametrize("period", [4, 8, 12, 24])
def test_regression_nobody_acts_at_times_that_are_over(paper, monkeypatch, period):
    """While the market was set up several beats went by, which all learned of afterwards.

    They published for them, to nobody or too late, until no publication was left to them.
    """
    monkeypatch.setattr(run, "VIRTUAL_PERIOD", period)
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(paper_market(1), engine, 1, lambda *_: None)
        outcome.store.close()
    assert outcome.tally == paper[0].tally
    assert outcome.after == paper[0].after


def test_another_seed_gives_other_keys_and_the_same_trade_terms(paper):
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(paper_market(2), engine, 2, lambda *_: None)
        outcome.store.close()
    assert not set(outcome.after) & set(paper[0].after)
    terms = {(trade.event.quantity, trade.event.unit_price) for trade in outcome.trades}
    assert terms == {(100, 115), (175, 115)}


@pytest.fixture(scope="module", params=[None, 1])
def batched(request):
    """The paper's market settled in batches: of whatever fits, and of one trade."""
    with pytest.MonkeyPatch.context() as patch, open_engine("embedded", Settings()) as engine:
        if request.param:
            patch.setattr(
                sys.modules["fabmarket.negotiation.supplier.step"], "BATCH", request.param
            )
        outcome = run_market(paper_market(1), engine, 1, lambda *_: None, settle="batch")
        yield request.param, outcome
        outcome.store.close()


def test_batches_settle_the_same_trades_in_fewer_transactions(paper, batched):
    size, outcome = batched

    def settling(run):
        return [sent for sent, _ in run.sent if sent.action.startswith("settle")]

    def terms(run):
        return {(trade.event.demander, trade.event.terms) for trade in run.trades}

    assert [sent.action for sent in settling(paper[0])] == ["settle"] * 2
    assert [sent.action for sent in settling(outcome)] == ["settleBatch"] * (2 if size else 1)
    assert all(sent.gas <= TRANSACTION_GAS for sent in settling(outcome))
    assert terms(outcome) == terms(paper[0])
    assert outcome.after == paper[0].after
    assert outcome.audit.ok


class Paced:
    """A chain with a time of its own, as far as the choice of a period looks at it."""

    is_virtual = False

    def __init__(self, times):
        self.times = times

    def block_number(self):
        return len(self.times) - 1

    def header(self, number):
        return SimpleNamespace(time=self.times[number])


@pytest.mark.parametrize(
    ("times", "period"),
    [
        ([100], 12),
        ([100, 100, 101, 101, 102], 12),
        ([0, 90_000, 90_001, 90_001, 90_002], 12),  # a node that had nothing to do for long
        ([0, 12, 24, 36, 48], 96),
        ([0, 2, 4, 6, 8, 10], 16),
    ],
)
def test_beats_leave_room_for_eight_blocks(times, period):
    assert run._period(Paced(times)) == period
