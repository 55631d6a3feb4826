"""A crash at any boundary of the runtime changes nothing that the market does.

The same trades, events, balances and signed messages as without it, and nothing twice. A few
boundaries are drawn; FABMARKET_FUZZ=long crashes at every single one.
"""

import os
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.chain import Settings, open_engine
from fabmarket.market.events import Deposited, Listed, NetSettled, Settled
from fabmarket.scenario import Operation, Product, Work, paper_market
from fabmarket.simulation import run, run_market
from tests.unit.node.mortal import Fuse, MortalJournal, MortalOutbox, MortalParticipant

LONG = os.environ.get("FABMARKET_FUZZ") == "long"


def bargaining_market():
    """The paper's three demanders, who bargain for 200 units each where 600 are listed."""
    return replace(for_200_each(paper_market(1)), negotiation="bargaining")


def clock_market():
    """The same by the clock where 301 are listed: the third pays in two trades of one bundle."""
    market = for_200_each(paper_market(1))
    (seller,) = market.suppliers
    return replace(market, concept="clock", suppliers=(replace(seller, listed=(301,)),))


def for_200_each(market):
    """The market with demands of 200 units each."""
    demanders = []
    for each in market.demanders:
        (task,) = each.sub_tasks
        ways = tuple(replace(way, quantity=200) for way in task.alternatives)
        demanders.append(replace(each, sub_tasks=(replace(task, alternatives=ways),)))
    return replace(market, demanders=tuple(demanders))


def product_market():
    """Two products of two steps each, of which the mill has room for one at a time."""
    paper = paper_market(1)
    (demander, other, *_), (supplier, *_) = paper.demanders, paper.suppliers

    def buying(named, value):
        steps = ((name, (Work(name, 4),)) for name in ("mill", "lathe"))
        operations = tuple(Operation(*each) for each in steps)
        product = Product(operations, release=0, due=1, last=3, value=value, lateness=10)
        return replace(named, sub_tasks=(), product=product)

    def selling(name):
        four = (4,) * 4
        return replace(supplier, name=name, resource=name, attested=four, listed=four)

    return replace(
        paper,
        demanders=(buying(demander, 1_000), buying(other, 900)),
        suppliers=(selling("mill"), selling("lathe")),
        release_rounds=1,
        verification_tests=(),
    )


MARKETS = {
    "paper": (paper_market(1), "single"),
    "batched": (paper_market(1), "batch"),
    "bargaining": (bargaining_market(), "single"),
    "clock": (clock_market(), "single"),
    "masked": (replace(paper_market(1), least=3), "single"),
    "products": (product_market(), "single"),
    "netted": (clock_market(), "net"),
}


def played(name, at=()):
    """What a market comes to with crashes at these boundaries, and the burnt fuse."""
    scenario, settle = MARKETS[name]
    fuse = Fuse(at)
    with pytest.MonkeyPatch.context() as patch, open_engine("embedded", Settings()) as engine:
        patch.setattr(MortalJournal, "fuse", fuse, raising=False)
        patch.setattr(run, "Journal", MortalJournal)
        patch.setattr(run, "Participant", MortalParticipant)
        patch.setattr(run, "Outbox", MortalOutbox)
        outcome = run_market(scenario, engine, 1, lambda *_: None, settle=settle)
        facts = {
            "events": list(outcome.store.events()),
            "trades": [(trade.event, trade.want, trade.session) for trade in outcome.trades],
            "balances": outcome.after,
            "wants": outcome.wants,
            "purchases": outcome.purchases,
            "audit": outcome.audit.ok,
            "messages": {address: kept(each) for address, each in outcome.journals.items()},
            "sent": Counter(transaction.action for transaction, _ in outcome.sent),
        }
        outcome.store.close()
    return facts, fuse


def kept(journal):
    """Every message of a journal; how often one is kept shows too."""
    return Counter(bytes(row[0]) for row in journal._db.execute("SELECT digest FROM message"))


@cache
def undisturbed(name):
    return played(name)


@pytest.mark.parametrize("name", MARKETS)
def test_without_a_crash_there_is_something_to_lose(name):
    facts, fuse = undisturbed(name)
    kinds = Counter(type(event) for event in facts["events"])
    netted = len(facts["trades"]) * kinds[NetSettled]
    assert kinds[Settled] + netted == len(facts["trades"]) >= 2
    assert kinds[Deposited] == len(MARKETS[name][0].demanders)
    assert kinds[Listed] >= 1
    assert facts["audit"]
    assert len(fuse.passed) > 1_000
    assert len(fuse.seen) > 30
    assert fuse.crashes == 0


def check(name, at):
    expected, _ = undisturbed(name)
    found, fuse = played(name, at)
    assert fuse.crashes > 0
    for what, value in expected.items():
        assert found[what] == value, what


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("part", range(6))
def test_a_crash_before_and_after_each_kind_of_statement_changes_nothing(name, part):
    """Kinds that are rare, like the one that ticks off a mined move, are not left to chance."""
    seen = undisturbed(name)[1].seen
    kinds = sorted(seen)[part::6]
    check(name, [(*kind, seen[kind] * 2 // 3) for kind in kinds])


@pytest.mark.skipif(LONG, reason="every boundary is crashed at below")
@pytest.mark.parametrize("name", MARKETS)
@settings(max_examples=5)
@given(data=st.data())
def test_crashes_change_nothing(name, data):
    boundaries = st.sampled_from(undisturbed(name)[1].passed)
    check(name, data.draw(st.sets(boundaries, min_size=1, max_size=4)))


@pytest.mark.skipif(not LONG, reason="hours of it: FABMARKET_FUZZ=long")
@pytest.mark.parametrize("name", MARKETS)
def test_a_crash_at_every_boundary_changes_nothing(name):
    for boundary in undisturbed(name)[1].passed:
        check(name, [boundary])
