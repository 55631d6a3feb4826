"""What a run leaves behind adds up."""

from dataclasses import replace

import pytest

from fabmarket.chain import TRANSACTION_GAS, Settings, open_engine
from fabmarket.ledger import Surplus
from fabmarket.market.events import Deposited, Listed, Settled
from fabmarket.market.exchange import Exchange, record
from fabmarket.node import certify_sessions, market, run_market
from fabmarket.node.transport import BAD_SIGNATURE
from fabmarket.scenario import paper_market


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
    sessions = {session.id: session for session in outcome.sessions}
    named = {trade: want for each in outcome.demanders for trade, want in each.trades.items()}
    for trade in outcome.trades:
        session = sessions[trade.session]
        assert trade.event.listing == session.opening.listing
        assert named[trade.event.trade] == trade.want
        assert trade.want in outcome.names
        assert trade.event in map(outcome.market.exchange.event, trade.receipt.logs)
        assert trade.event.unit_price == session.close.price


def test_every_want_ends_served_or_unserved(paper):
    states = [want.state for state in paper[0].demanders for want in state.wants.values()]
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
    assert audit.surplus == Surplus(paper[0].market.token.address, 0)


def test_the_session_ends_at_the_certified_equilibrium(paper):
    (certified,) = certify_sessions(paper[0])
    solved = certified.equilibrium
    assert solved.concept == "demanders-lead"
    assert (solved.price, solved.supply) == (115, 525)
    demand = {
        paper[0].names[member.sub_task]: quantity
        for member, quantity in zip(certified.session.opening.members, solved.demand, strict=True)
    }
    assert demand == {"MRD1 / Task_1": 0, "MRD2 / Task_1": 100, "MRD3 / Task_1": 175}
    assert solved.certificate.max_unilateral_gain == pytest.approx(0, abs=1e-9)
    assert certified.session.rounds[-1].quote.price == 115


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


def test_tampered_copies_are_ignored_by_all_and_change_nothing(paper, tampered):
    copies, outcome = tampered
    others = len(outcome.parties.demanders) + len(outcome.parties.suppliers) - 1
    expected = {BAD_SIGNATURE: copies * others} if copies else {}
    assert outcome.tally.ignored == expected
    assert outcome.tally.sent["Demand"] == paper[0].tally.sent["Demand"] - 1 + copies
    assert list(outcome.store.events()) == list(paper[0].store.events())
    assert outcome.after == paper[0].after


def test_messages_are_counted_by_type(paper):
    tally = paper[0].tally
    members, published_again, tampered = 3, 1, 1  # MRD1, which gets nothing, asks once more
    assert tally.sent["Demand"] == members + published_again + tampered
    assert tally.sent["Offer"] == members + published_again
    assert tally.sent["Selection"] == tally.sent["Claim"] == members
    assert tally.sent["Opening"] == tally.sent["Close"] == 1
    assert tally.sent["Reply"] == members * (tally.sent["Quote"] - 1)
    assert tally.sent["Trade"] == len(paper[0].trades)


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
            patch.setattr(market, "BATCH", request.param)
        outcome = run_market(paper_market(1), engine, 1, lambda *_: None, batch=True)
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
