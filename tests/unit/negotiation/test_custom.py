"""Of what is asked for a beat a supplier answers so much, and first of those who can buy."""

from dataclasses import replace

import pytest

from fabmarket.identity import Key, digest
from fabmarket.market.events import Deposited, Settled, Withdrawn, pack_terms
from fabmarket.market.messages import MOST_ASKED, Alternative, Demand, Offer, SubTask
from fabmarket.negotiation import supplier
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.moves import Ignored, Received
from fabmarket.negotiation.policy import Policy
from fabmarket.negotiation.supplier import custom
from fabmarket.negotiation.supplier.custom import Custom
from tests.unit.negotiation.wire import RESOURCE, RHYTHM, Wire

TOKEN, OTHER = Key.derive("token").address, Key.derive("another token").address
ANNE, BOB, EVE = (Key.derive("custom", name).address for name in ("anne", "bob", "eve"))
BEAT = 1_000
OURS = b"r" * 32
ONE = (Alternative(OURS, 1),)
ENOUGH = "demand for a beat for which others ask for enough"


def demand(demander, *ways, opens=BEAT):
    """A demand of sub-tasks with so many alternatives each."""
    tasks = (SubTask(bytes(32), 1, 2, False, ONE * count) for count in ways)
    return Demand(demander, 1, opens - 15, opens, tuple(tasks))


def asked(known, *demands, policy=Policy()):  # noqa: B008
    for each in demands:
        text = b"%d %d" % (len(known.asked), sum(map(len, known.asked.values())))
        known = known.asking(each, text, OURS, policy)
    return known


def paid_in(known, account, amount=5, token=TOKEN):
    return known.after(Deposited(account, token, amount), TOKEN)


@pytest.fixture
def narrow(monkeypatch):
    """A beat that bears little: 4 of the poor, 8 of strangers, 12 of all."""
    monkeypatch.setattr(custom, "MOST_OF_THE_POOR", 4)
    monkeypatch.setattr(custom, "MOST_OF_STRANGERS", 8)
    monkeypatch.setattr(custom, "MOST_OF_ALL", 12)


@pytest.mark.parametrize(("ways", "count"), [([], 1), ([0, 0, 0], 3), ([1, 1], 2), ([3, 0, 2], 6)])
def test_a_demand_counts_for_what_has_to_be_looked_at(ways, count):
    assert demand(ANNE, *ways).asked == count


@pytest.mark.parametrize("pieces", [[MOST_ASKED], [1] * MOST_ASKED, [100, 100, 56]])
def test_of_one_demander_so_much_is_taken_in_however_many_demands(pieces):
    known = paid_in(Custom(), ANNE)
    known = asked(known, *(demand(ANNE, count) for count in pieces))
    with pytest.raises(Unacceptable, match=f"more than {MOST_ASKED} alternatives asked for one"):
        asked(known, demand(ANNE))
    asked(known, demand(ANNE, opens=BEAT + 60))  # for another beat


def test_regression_what_others_sell_counts_little():
    """Demands of a hundred jobs of twelve operations on other machines too were not all heard."""
    ways = tuple(Alternative(resource, 1) for resource in (OURS, b"s" * 32, b"t" * 32))
    known = Custom()
    for number in range(100):
        jobs = demand(Key.derive("job", str(number)).address)
        tasks = (SubTask(bytes(32), 1, 2, False, ways),) * 12
        known = paid_in(known, jobs.demander)
        known = asked(known, replace(jobs, sub_tasks=tasks))
    assert known.in_all[BEAT] == 100 * 12


def test_a_demand_that_comes_twice_is_one():
    known = Custom().asking(demand(ANNE, 200), b"first", OURS, Policy())
    assert known.asking(demand(ANNE, 200), b"first", OURS, Policy()) is known


def test_whoever_holds_nothing_is_heard_first_only_and_others_after_it(narrow):
    known = paid_in(Custom(), BOB)
    known = asked(known, *(demand(Key.derive("sybil", str(n)).address, 1) for n in range(4)))
    with pytest.raises(Unacceptable, match=ENOUGH):
        asked(known, demand(EVE, 1))
    asked(known, demand(BOB, 4))


def test_strangers_with_money_leave_room_for_partners_and_earlier_buyers(narrow):
    known = paid_in(Custom(), EVE)
    sold = Settled(bytes(32), BOB, bytes(32), TOKEN, pack_terms(5, 9, 1))
    known = asked(known.after(sold, TOKEN), demand(EVE, 8))
    with pytest.raises(Unacceptable, match=ENOUGH):
        asked(known, demand(EVE, 1))
    asked(known, demand(BOB, 4))
    partners = Policy(partners=frozenset({ANNE}))
    known = asked(known, demand(ANNE, 4), policy=partners)
    with pytest.raises(Unacceptable, match=ENOUGH):
        asked(known, demand(BOB, 1), policy=partners)


def test_money_that_was_taken_out_or_is_of_another_token_does_not_count():
    known = paid_in(paid_in(Custom(), ANNE, 5), ANNE, 5, OTHER)
    assert known.paid_in[ANNE] == 5
    left = known.after(Withdrawn(ANNE, TOKEN, 4, ANNE), TOKEN)
    assert left.paid_in[ANNE] == 1
    for amount in (1, 9):  # what was earned is taken out too
        assert ANNE not in left.after(Withdrawn(ANNE, TOKEN, amount, ANNE), TOKEN).paid_in


def test_what_was_asked_for_a_beat_is_forgotten_once_it_has_come():
    known = paid_in(Custom(), ANNE)
    both = asked(known, demand(ANNE, 5), demand(ANNE, 7, opens=BEAT + 60))
    assert both.forgetting(BEAT - 1) is both
    later = both.forgetting(BEAT)
    assert (list(later.asked), dict(later.in_all)) == ([(ANNE, BEAT + 60)], {BEAT + 60: 7})
    assert later.paid_in == known.paid_in


def test_an_honest_demander_is_served_through_a_flood_of_keys_without_money(monkeypatch):
    monkeypatch.setattr(custom, "MOST_OF_THE_POOR", 20)
    wire = Wire()
    seller = wire.supplier("bob")
    honest = wire.demander("ada", wire.want("part", (RESOURCE, 5, 90)))
    opens = RHYTHM.opens_after(wire.now)
    reasons = []
    for number in range(40):
        eve = Key.derive("sybil", str(number))
        text = replace(demand(eve.address, 1, opens=opens), offers_until=RHYTHM.offers_until(opens))
        said = Received(text, digest(wire.domain, text), b"")
        wire.states[seller], outputs = supplier.step(wire.states[seller], said)
        reasons += [each.reason for each in outputs if isinstance(each, Ignored)]
    assert reasons == [ENOUGH] * 20
    wire.publish(honest)
    (_, said), *_ = wire.queue
    _, outputs = supplier.step(wire.states[seller], said)
    assert [type(each.message) for each in outputs] == [Offer]


def test_whoever_wants_more_than_can_be_asked_for_asks_in_turns():
    wire = Wire()
    wire.supplier("bob")
    count = MOST_ASKED + 100
    wants = [wire.want(f"part {number}", (RESOURCE, 5, 90)) for number in range(count)]
    ada = wire.demander("ada", *wants)
    seen = set()
    for _ in range(2):
        wire.queue.clear()
        wire.publish(ada)
        (_, said), *_ = wire.queue
        assert said.message.asked == MOST_ASKED
        seen |= {task.id for task in said.message.sub_tasks}
        wire.states[ada] = replace(wire.states[ada], opens=0, chosen=True)
    assert len(seen) == count
