"""The audit of a node's word: a wrong twin, forged calls, logs tampered with on the way."""

import os
import sys
from dataclasses import replace

import pytest

from fabmarket.chain import ChainError, ExchangeContract, Settings, move_of, open_engine
from fabmarket.identity import Key, digest
from fabmarket.ledger import NoMarket, audit, audit_log
from fabmarket.ledger.audit import Reorganised
from fabmarket.ledger.audit.capacity import Capacity
from fabmarket.ledger.audit.digests import Digests
from fabmarket.ledger.audit.signatures import signed_by
from fabmarket.market.events import (
    EVENTS,
    CommitmentReduced,
    Deposited,
    Escrowed,
    Listed,
    NetSettled,
    Released,
    Settled,
    Skipped,
    SlotAttested,
    SlotSealed,
    Uncovered,
    Unlisted,
    Withdrawn,
    pack_terms,
)
from tests.pasts import ALWAYS, lived

FOLLOWS = "events follow from one another"
CALLS = "every call has the signatures and makes the events"
CAPACITY = "no slot is sold beyond what is attested"
BALANCES = "balances and used nonces equal the contract's"
ONCE = "no trade settles twice"
STRIDE = 1 if os.environ.get("FABMARKET_FUZZ") == "long" else 9
"""Every one of many, or every ninth."""
STRANGER = Key.derive("audit", "stranger")


@pytest.fixture(scope="module")
def run():
    with open_engine("embedded", Settings()) as engine:
        made = lived(engine)
        yield made
        made.outcome.store.close()


class Between:
    """What stands between an auditor and a chain, and may alter what it says."""

    def __init__(self, engine):
        self.engine = engine
        self.of_log = lambda log: [log]
        self.of_sent = lambda sent: sent
        self.of_header = lambda header: header

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def logs(self, *asked):
        return [each for log in self.engine.logs(*asked) for each in self.of_log(log)]

    def sent(self, asked):
        return [self.of_sent(each) for each in self.engine.sent(asked)]

    def headers(self, numbers):
        return [self.of_header(each) for each in self.engine.headers(numbers)]


@pytest.fixture
def between(run):
    return Between(run.outcome.market.engine)


@pytest.fixture
def market(run, between):
    """The market as it is seen through what stands between."""
    return ExchangeContract(between, run.outcome.market.exchange.address)


@pytest.fixture
def logs(run):
    market = run.outcome.market
    return market.engine.logs(0, market.engine.block_number(), market.exchange.address)


def wrong(found) -> dict[str, list[str]]:
    """What differs, in words, by the check that found it."""
    return {
        check.name: [check.told(each) for each in check.wrong]
        for check in found.checks
        if not check.ok
    }


# A wrong twin


def mistaken(monkeypatch, mistake):
    """Let the twin make of each event what `mistake` makes of what it was and rightly becomes."""
    module = sys.modules["fabmarket.market.exchange.record"]
    rightly = module._recorded
    monkeypatch.setattr(
        module, "_recorded", lambda state, event: mistake(state, rightly(state, event), event)
    )


@pytest.mark.parametrize("kind", [kind for kind in EVENTS if kind is not Skipped])
def test_a_twin_that_forgets_a_kind_of_event_is_found(run, monkeypatch, kind):
    mistaken(monkeypatch, lambda old, new, event: old if isinstance(event, kind) else new)
    assert wrong(audit(run.outcome.market.exchange))


@pytest.mark.parametrize("kind", [Deposited, Withdrawn, Settled, Escrowed, Released, NetSettled])
def test_a_twin_whose_money_is_off_by_one_is_found_at_the_balance(run, monkeypatch, kind):
    richest = []

    def off_by_one(old, new, event):
        if not isinstance(event, kind) or richest:
            return new
        at = max(new.accounts, key=lambda each: new.accounts[each].balance)
        richest.append(at)
        more = replace(new.accounts[at], balance=new.accounts[at].balance + 1)
        return replace(new, accounts=new.accounts.insert(at, more))

    mistaken(monkeypatch, off_by_one)
    (told,) = wrong(audit(run.outcome.market.exchange))[
        "balances and used nonces equal the contract's"
    ]
    assert f"account {richest[0][0]}" in told


def test_a_twin_that_does_not_reduce_a_listing_is_found_at_the_listing(run, monkeypatch):
    first = next(event for event in run.events if isinstance(event, Settled))

    def unreduced(old, new, event):
        return replace(new, listings=old.listings) if event == first else new

    mistaken(monkeypatch, unreduced)
    found = wrong(audit(run.outcome.market.exchange))
    (told,) = found["listings equal the contract's"]
    assert told.startswith(f"listing 0x{first.listing.hex()}")


# Capacity sold twice, and a trade settled twice, with a twin that sees neither


def test_capacity_that_is_sold_twice_is_found_without_the_twin(run, monkeypatch):
    mistaken(monkeypatch, lambda old, new, event: old if isinstance(event, Settled) else new)
    first = next(event for event in run.events if isinstance(event, Settled))
    place = run.events.index(first)
    left = next(e for e in run.events if isinstance(e, Listed) and e.listing == first.listing)
    again = replace(first, trade=bytes(32), terms=pack_terms(left.available, 1, 77))
    told = wrong(audit_log([*run.events[: place + 1], again], run.outcome.market.exchange))
    assert f"slot {left.slot} of {left.supplier}" in told[CAPACITY][0]
    assert f"event {place + 1}" in told[CAPACITY][0]
    assert CAPACITY not in wrong(audit_log(run.events[: place + 1], run.outcome.market.exchange))


def test_a_trade_that_settles_twice_is_found_without_the_twin(run, monkeypatch):
    mistaken(monkeypatch, lambda old, new, event: old if isinstance(event, Settled) else new)
    first = next(event for event in run.events if isinstance(event, Settled))
    place = run.events.index(first)
    told = wrong(audit_log([*run.events[: place + 1], first], run.outcome.market.exchange))
    assert told[ONCE] == [
        f"trade 0x{first.trade.hex()}: the logs give Settled, it has been settled before"
    ]


def test_what_is_given_back_may_be_sold_again_and_no_more_than_that():
    supplier, resource, listing = STRANGER.address, b"r" * 32, b"l" * 32
    where = (supplier, resource, 0)

    def sale(units):
        return Settled(listing, supplier, bytes(32), supplier, pack_terms(units, 1, 0))

    def found(*events):
        capacity = Capacity()
        for event in events:
            capacity.note(event, "")
        return capacity.check.differing

    offered = (SlotAttested(*where, 5, 1, ALWAYS), Listed(listing, *where, 5, 5))
    assert found(*offered, sale(5)) == 0
    assert found(*offered, sale(5), sale(1)) == 1
    back = CommitmentReduced(*where, 2)
    assert found(*offered, sale(5), back, sale(2)) == 0
    assert found(*offered, sale(5), back, sale(3)) == 1
    assert found(*offered, sale(3), SlotAttested(*where, 2, 2, ALWAYS), sale(1)) == 1
    assert found(*offered, SlotSealed(*where, b"c" * 32, 2, ALWAYS), sale(1)) == 1
    assert found(sale(1)) == 1
    lowered = (SlotAttested(*where, 3, 2, ALWAYS), back, Uncovered(bytes(32), 1))
    assert found(*offered, sale(4), *lowered, Unlisted(listing, *where, 1, 0), sale(1)) == 0
    uncovered = (SlotAttested(*where, 3, 2, ALWAYS), CommitmentReduced(*where, 4))
    assert found(*offered, sale(5), *uncovered, Uncovered(bytes(32), 1), sale(1)) == 1


def test_digests_that_come_again_are_found_however_many_there_are(monkeypatch):
    monkeypatch.setattr(sys.modules[Digests.__module__], "_AT_ONCE", 16)
    with Digests() as digests:
        names = [bytes([n]) * 32 for n in range(100)]
        for name in [*names, names[3], names[99], names[3]]:
            digests.add(name)
        assert sorted(digests.twice()) == sorted([names[3], names[3], names[99]])
        assert [each for page in digests.pages(7) for each in page][:100] == names


# Forged calls


def test_each_signature_by_a_stranger_is_found_and_its_call_named(run, between, market):
    exchange, domain = run.outcome.market.exchange, run.outcome.market.domain
    names = list(dict.fromkeys(receipt.transaction for _, receipt in run.outcome.sent))
    state, kinds, number = replayed(run), set(), 0
    for sent in run.outcome.market.engine.sent(names):
        move = move_of(sent.data) if sent.to == exchange.address else None
        hands = [] if move is None else signatures_of(state, sent.sender, move)
        for place, kind in enumerate(hands):
            number += 1
            if kind in kinds and number % STRIDE:
                continue
            kinds.add(kind)
            forged = with_stranger(state, domain, sent.sender, move, place)
            between.of_sent = altering(sent.hash, exchange.move_data(forged))
            found = wrong(audit(market))
            assert f"transaction 0x{sent.hash.hex()}" in found[CALLS][0], (move, place)
    assert kinds == {"trades", "cycles", "operators", "intents"}
    assert number >= 60


def replayed(run):
    """The twin at the end: enough to know whose signatures a move has."""
    from fabmarket.ledger.audit.replay import Replay  # noqa: PLC0415

    with Digests() as digests:
        replay = Replay(run.outcome.market.exchange, digests)
        replay.fold(tuple(run.events), "")
        return replay.state


def signatures_of(state, sender, move) -> list[str]:
    """What each signature of a move is of."""
    kinds = []
    signed_by(state, sender, move, 0, lambda kind, *asked: kinds.append(kind) or asked[-1])
    return kinds


def with_stranger(state, domain, sender, move, place):
    """The move with one of its signatures replaced by a stranger's of the same thing."""
    seen = []

    def hand(kind, _, of, signature):
        seen.append(kind)
        return STRANGER.sign(digest(domain, of)) if len(seen) - 1 == place else signature

    return signed_by(state, sender, move, 0, hand)


def altering(name, data):
    return lambda sent: replace(sent, data=data) if sent.hash == name else sent


def test_a_call_of_another_sender_or_with_other_data_is_found(run, between, market):
    first = next(e for e in run.events if isinstance(e, Withdrawn))
    receipts = [receipt for _, receipt in run.outcome.sent]
    events = run.outcome.market.exchange.event
    name = next(r.transaction for r in receipts if first in map(events, r.logs))
    for changed in (
        lambda sent: replace(sent, sender=STRANGER.address),
        lambda sent: replace(sent, data=sent.data[:-1] + bytes([sent.data[-1] ^ 1])),
        lambda sent: replace(sent, data=b"none"),
        lambda sent: replace(sent, data=sent.data[:40]),
    ):
        between.of_sent = lambda sent, changed=changed: changed(sent) if sent.hash == name else sent
        assert f"transaction 0x{name.hex()}" in wrong(audit(market))[CALLS][0]


# Logs that were tampered with


def test_a_log_that_is_left_out_is_found_where_its_call_has_others(between, market, logs):
    calls = [log.transaction for log in logs]
    of_several = [log for log in logs[1:] if calls.count(log.transaction) > 1]
    for lost in of_several[::STRIDE]:
        between.of_log = lambda log, lost=lost: [] if log == lost else [log]
        assert wrong(audit(market)), lost


def test_a_call_that_is_left_out_is_found_unless_no_stored_number_hangs_on_it(
    run, between, market, logs
):
    events = run.outcome.market.exchange.event
    for lost in [log for log in logs if log.transaction != logs[0].transaction][::STRIDE]:
        between.of_log = lambda log, lost=lost: [] if log.transaction == lost.transaction else [log]
        of_call = [events(log) for log in logs if log.transaction == lost.transaction]
        bare = all(isinstance(each, SlotSealed | SlotAttested) for each in of_call)
        assert wrong(audit(market)) or bare, of_call


def test_a_market_whose_making_is_left_out_is_no_verdict(between, market, logs):
    between.of_log = lambda log: [] if log == logs[0] else [log]
    with pytest.raises(NoMarket, match="the market was made before"):
        audit(market)
    between.of_log = lambda log: []
    with pytest.raises(NoMarket, match="keeps all logs"):
        audit(market)


def test_a_log_that_comes_twice_is_named_and_is_no_verdict(between, market, logs):
    for doubled in logs[::30]:
        between.of_log = lambda log, doubled=doubled: [log, log] if log == doubled else [log]
        with pytest.raises(ChainError, match=f"log {doubled.index} of block {doubled.block} twice"):
            audit(market)


def test_a_log_that_comes_again_as_another_is_found(between, market, logs):
    for doubled in logs[1 :: 2 * STRIDE]:
        again = doubled._replace(index=1_000)
        between.of_log = lambda log, doubled=doubled, again=again: (
            [log, again] if log == doubled else [log]
        )
        assert wrong(audit(market)), doubled


def test_an_altered_log_is_found_and_its_transaction_named(between, market, logs):
    for altered in [log for log in logs if log.data][::STRIDE]:
        data = altered.data[:-1] + bytes([altered.data[-1] ^ 1])
        between.of_log = lambda log, altered=altered, data=data: [
            log._replace(data=data) if log == altered else log
        ]
        found = audit(market)
        (check, difference) = found.first
        told = check.told(difference)
        assert f"transaction 0x{altered.transaction.hex()}" in told, told


def test_what_is_no_event_of_a_market_is_found(between, market, logs):
    strange = logs[9]._replace(topics=(b"t" * 32,))
    between.of_log = lambda log: [strange] if log == logs[9] else [log]
    assert "no event of a market" in wrong(audit(market))[FOLLOWS][0]


# A node that contradicts itself is no verdict


def test_logs_that_nobody_asked_for_are_refused(between, market, logs):
    between.of_log = lambda log: [log._replace(address=STRANGER.address)]
    with pytest.raises(ChainError, match="use another node"):
        audit(market)


def test_a_block_that_changes_meanwhile_is_no_verdict(between, market, logs):
    other = b"h" * 32
    for of_log, of_sent, of_header in (
        (lambda log: [log._replace(block_hash=other)], None, None),
        (None, lambda sent: replace(sent, block_hash=other), None),
        (None, None, lambda header: replace(header, hash=other)),
        (None, None, lambda header: replace(header, parent=other)),
    ):
        changed = Between(between.engine)
        changed.of_log = of_log or changed.of_log
        changed.of_sent = of_sent or changed.of_sent
        changed.of_header = of_header or changed.of_header
        with pytest.raises(Reorganised, match="start again"):
            audit(ExchangeContract(changed, market.address))
