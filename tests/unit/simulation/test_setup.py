"""From a scenario to a deployed, funded, listed market."""

from dataclasses import replace

import pytest

from fabmarket.chain import TRANSACTION_GAS, Settings, Transaction, open_engine
from fabmarket.chain.sender import Sender
from fabmarket.errors import Refused
from fabmarket.market.events import Listed, SlotAttested
from fabmarket.market.parameters import DAYS, HOURS, MINUTES
from fabmarket.market.trade import listing_id
from fabmarket.market.units import name_to_bytes32
from fabmarket.scenario import LATEST_ORIGIN, InvalidScenario, check_scenario, paper_market
from fabmarket.scenario.checks import LONGEST_CALENDAR, MOST_OPERATORS
from fabmarket.simulation.setup import (
    LEAD_TIME,
    CannotDeploy,
    deploy,
    fill_purses,
    offers_of,
    parties_of,
)

SEED = 5


@pytest.fixture
def engine():
    with open_engine("embedded", Settings()) as opened:
        yield opened


def set_up(engine, scenario):
    parties = parties_of(scenario, SEED)
    return deploy(engine, scenario, parties), parties


def list_suppliers(market, scenario, parties):
    """Send what suppliers order before the market opens."""
    for party, spec in zip(parties.suppliers, scenario.suppliers, strict=True):
        for moves in offers_of(market, party, spec):
            for move in moves:
                market.queue(party.key, move)
            market.sender.must_succeed(market.exchange)


def deposit(market, scenario, parties):
    move = fill_purses(market, scenario, parties)
    for party in parties.demanders:
        market.queue(party.key, move)
    market.sender.must_succeed(market.exchange)


def with_calendar(quantities):
    scenario = paper_market(SEED)
    (supplier,) = scenario.suppliers
    supplier = replace(supplier, attested=quantities, listed=quantities)
    return replace(scenario, suppliers=(supplier,))


def test_keys_follow_from_seed_role_and_name():
    scenario = paper_market(SEED)
    parties = parties_of(scenario, SEED)
    addresses = [party.address for party in parties.everyone]
    assert len(set(addresses)) == len(addresses) == 1 + 3 + 3 + 1 + 4
    again = parties_of(scenario, SEED)
    assert [party.address for party in again.everyone] == addresses
    other = parties_of(scenario, SEED + 1)
    assert not {party.address for party in other.everyone} & set(addresses)


def test_everyone_has_coin_before_anyone_sends(engine):
    market, parties = set_up(engine, paper_market(SEED))
    sent = [(transaction.action, receipt.block) for transaction, receipt in market.sender.sent]
    funded = max(block for action, block in sent if action == "fund")
    assert funded < min(block for action, block in sent if action == "deploy")
    poorest = min(engine.native_balance(party.address) for party in parties.everyone)
    assert poorest > TRANSACTION_GAS * engine.fees().most


def test_operators_and_token_are_the_scenarios(engine):
    scenario = paper_market(SEED)
    market, parties = set_up(engine, scenario)
    operators = tuple(party.address for party in parties.operators)
    assert market.exchange.operators() == (operators, scenario.threshold)
    assert market.exchange.accepts(market.token.address)
    assert market.token.read("symbol") == scenario.currency.symbol
    assert market.token.read("decimals") == scenario.currency.decimals


@pytest.mark.parametrize(
    ("length", "windows"),
    [(3_599, MINUTES), (3_600, HOURS), (86_399, HOURS), (86_400, DAYS)],
)
def test_the_windows_of_escrow_go_by_the_length_of_a_slot(engine, length, windows):
    market, _ = set_up(engine, replace(paper_market(SEED), slot_length=length))
    assert market.exchange.parameters() == windows


def test_a_calendar_longer_than_a_block_has_gas_for_is_attested_in_parts(engine):
    quantities = tuple(1 + slot % 7 for slot in range(340))
    scenario = with_calendar(quantities)
    market, parties = set_up(engine, scenario)
    list_suppliers(market, scenario, parties)
    supplier, resource = parties.suppliers[0].address, name_to_bytes32("S")
    events = [market.exchange.event(log) for _, r in market.sender.sent for log in r.logs]
    attested = {e.slot: e.quantity for e in events if isinstance(e, SlotAttested)}
    listed = {e.slot: e.quantity for e in events if isinstance(e, Listed)}
    assert attested == listed == dict(enumerate(quantities))
    end = market.origin + 340 * scenario.slot_length
    last = market.exchange.listing_of(listing_id(supplier, resource, 339, end))
    assert last.available == quantities[339]


def test_empty_slots_are_attested_but_not_listed(engine):
    scenario = with_calendar((0, 5, 0))
    market, parties = set_up(engine, scenario)
    list_suppliers(market, scenario, parties)
    supplier, resource = parties.suppliers[0].address, name_to_bytes32("S")
    ends = [market.origin + (slot + 1) * scenario.slot_length for slot in range(3)]
    available = [
        market.exchange.listing_of(listing_id(supplier, resource, slot, end)).available
        for slot, end in enumerate(ends)
    ]
    assert available == [0, 5, 0]


def test_a_deposit_says_nothing_of_what_its_demander_would_pay(engine):
    scenario = paper_market(SEED)
    first, *others = scenario.demanders
    (task,) = first.sub_tasks
    (way,) = task.alternatives
    worthless = replace(task, alternatives=(replace(way, benefit=way.cost),))
    scenario = replace(scenario, demanders=(replace(first, sub_tasks=(worthless,)), *others))
    market, parties = set_up(engine, scenario)
    list_suppliers(market, scenario, parties)
    deposit(market, scenario, parties)
    balances = [
        market.exchange.balance_of(party.address, market.token.address)
        for party in parties.demanders
    ]
    assert balances == [10**6] * 3
    assert 10**6 > 185 * 600  # the most that the third of them may come to pay


def test_a_set_up_the_contract_refuses_says_which_error(engine):
    scenario = with_calendar((5,))
    (supplier,) = scenario.suppliers
    scenario = replace(scenario, suppliers=(replace(supplier, listed=(6,)),))
    market, parties = set_up(engine, scenario)
    with pytest.raises(Refused, match=r"list 0x[0-9a-f]{64} failed: OverReported\("):
        list_suppliers(market, scenario, parties)


def test_as_many_operators_as_may_be_asked_for_deploy_and_attest(engine):
    scenario = replace(paper_market(SEED), operators=MOST_OPERATORS, threshold=MOST_OPERATORS)
    check_scenario(scenario, "x")
    market, parties = set_up(engine, scenario)
    list_suppliers(market, scenario, parties)
    assert len(market.exchange.operators()[0]) == MOST_OPERATORS
    spent = {sent.action: (receipt.gas_used, sent.gas) for sent, receipt in market.sender.sent}
    assert all(used < limit <= TRANSACTION_GAS for used, limit in spent.values() if used != 21_000)
    # Not many more would: what one of them takes is left to spare some ten times at most.
    each = 45_000
    assert (TRANSACTION_GAS - spent["deploy"][0]) // each < 12


def test_the_longest_calendar_is_taken_from_the_latest_time_on(engine):
    """And is the longest: the contract refuses a second more."""
    latest = LATEST_ORIGIN - 2 * LEAD_TIME
    scenario = replace(with_calendar((1, 2, 3)), slot_length=LONGEST_CALENDAR // 3)
    check_scenario(scenario, "x")
    with pytest.raises(InvalidScenario, match=r"^x: slot_length: 3 slots of .* lower it to "):
        check_scenario(replace(scenario, slot_length=LONGEST_CALENDAR // 3 + 1), "x")
    with open_engine("embedded", Settings(genesis_time=latest)) as late:
        market, parties = set_up(late, scenario)
        assert market.origin <= LATEST_ORIGIN
        list_suppliers(market, scenario, parties)
        party, resource = parties.demanders[0], name_to_bytes32("S")
        market.origin, market.slot_length = LATEST_ORIGIN, LONGEST_CALENDAR + 1
        market.queue(party.key, market.registration(resource, resource))
        with pytest.raises(Refused, match="BadSlotLength"):
            market.sender.must_succeed(market.exchange)
        market.slot_length -= 1
        market.queue(party.key, market.registration(resource, resource))
        market.sender.must_succeed(market.exchange)


def test_a_chain_too_late_for_a_calendar_is_refused_before_anything_is_sent():
    with open_engine("embedded", Settings(genesis_time=LATEST_ORIGIN)) as engine:
        with pytest.raises(CannotDeploy, match=r"too late for a calendar .*start a chain at"):
            set_up(engine, paper_market(SEED))
        assert engine.block_number() == 0


def test_an_account_without_coin_for_everyone_is_refused_before_anything_is_sent(engine):
    parties = parties_of(paper_market(SEED), SEED)
    poor = parties.deployer.key
    sender = Sender(engine)
    sender.queue(Transaction(engine.funder, "fund", poor.address, b"", 21_000, 10**18))
    sender.must_succeed()
    engine.funder, before = poor, engine.block_number()
    with pytest.raises(CannotDeploy, match=rf"^{poor.address} has 1 coins and \d+ are needed"):
        deploy(engine, paper_market(SEED), parties)
    assert engine.block_number() == before
