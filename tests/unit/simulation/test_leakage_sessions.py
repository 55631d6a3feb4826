"""The attacks inside a session, each measured on runs with and without the wall against it."""

import random
from dataclasses import replace
from fractions import Fraction
from functools import cache

import pytest
from rpds import HashTrieMap

from fabmarket.chain import Settings, open_engine
from fabmarket.errors import Bug
from fabmarket.identity.masks import G, commitment, inverse, pad, product, times
from fabmarket.market.messages import Member, PriceTerms
from fabmarket.market.units import MICRO
from fabmarket.negotiation.course import CLOCK, best_reply, moves
from fabmarket.negotiation.masked.sums import Heard
from fabmarket.scenario import paper_market
from fabmarket.simulation import run_market
from fabmarket.simulation.leakage import blame, deposits
from fabmarket.simulation.leakage.answers import (
    forwarded,
    opened,
    rival_answers,
    rival_margins,
)
from fabmarket.simulation.leakage.blame import accused
from fabmarket.simulation.leakage.deposits import deposited
from fabmarket.simulation.leakage.inferring import (
    Inferred,
    fitted,
    margins_worked_back,
    worked_back,
)
from fabmarket.simulation.leakage.rosters import two_quotes, two_rosters
from fabmarket.simulation.leakage.seats import margin_at, rooms_of
from fabmarket.simulation.leakage.sessions import ATTACKS
from fabmarket.simulation.leakage.sums import (
    all_rivals_but_one,
    isolated,
    isolated_margins,
    supplier_and_all_but_two,
    supplier_and_limits,
)
from tests.property.sessions import DEMANDERS, TOKEN

GAMES = ("demanders-lead", "simultaneous", "balanced")
CONCEPTS = (*GAMES, CLOCK)
HIDDEN = (rival_answers, forwarded, supplier_and_all_but_two, two_rosters, two_quotes, accused)
"""What masks hide from whoever does not have the others on its side, in every session."""


def seats(quantities):
    """Seats that want up to so many units each."""
    return tuple(
        Member(DEMANDERS[at], bytes([at]) * 32, bytes([at]) * 32, units, True, at)
        for at, units in enumerate(quantities)
    )


def market(concept, members):
    """One listing, and demanders of whom none is like another."""
    draw = random.Random(f"{concept} {members}")
    paper = paper_market(1)
    named, (seller,) = paper.demanders[0], paper.suppliers
    (task,) = named.sub_tasks
    demanders = []
    for at in range(members):
        units = None if concept == "demanders-lead" else draw.randint(1, 40)
        worth = draw.randint(100, 1000)
        way = replace(task.alternatives[0], quantity=units, benefit=worth + 7, cost=7)
        own = replace(task, alternatives=(way,))
        demanders.append(replace(named, name=f"shop {at}", sub_tasks=(own,)))
    room = (600 if concept == "demanders-lead" else 10 * members,)
    weights = {"a": Fraction(20), "b": Fraction(5), "maintenance": 50}
    return replace(
        paper,
        concept=concept,
        demanders=tuple(demanders),
        suppliers=(replace(seller, attested=room, listed=room, **weights),),
        verification_tests=(),
        tampered_copies=0,
    )


def held(scenario):
    with open_engine("embedded", Settings()) as engine:
        return run_market(scenario, engine, 1, lambda *_: None)


@cache
def both(concept, members):
    """The same market with masked sessions and with open ones."""
    scenario = market(concept, members)
    return held(replace(scenario, least=3)), held(scenario)


@pytest.fixture(params=[(it, count) for it in CONCEPTS for count in (3, 30)], ids=str)
def runs(request):
    return both(*request.param)


def test_masks_hide_each_answer_and_without_them_all_is_read(runs):
    for attack in HIDDEN:
        leak = attack(*runs)
        assert (leak.success, leak.control) == (0, 1), attack.__name__
        assert leak.tries > 0
    margins = rival_margins(*runs)
    assert (margins.success, margins.control) == (0, 1)


def test_a_row_is_short_and_its_shares_are_shares(runs):
    rows = [leak for attack in ATTACKS if (leak := attack(*runs)) is not None]
    assert len(rows) >= len(ATTACKS) - 2
    for leak in rows:
        assert max(map(len, (leak.viewer, leak.attack, leak.sought))) <= 60
        assert all(0 <= each <= 1 for each in (leak.success, leak.guessing, leak.control))
        assert leak.success <= leak.control
    assert len({(leak.viewer, leak.attack, leak.sought) for leak in rows}) == len(rows)


def test_a_second_roster_is_refused_by_its_reason(runs):
    note = two_rosters(*runs).note
    assert note == "refused: second masked session of one listing"


def test_all_together_know_the_last_one_s_answer(runs):
    for attack in (all_rivals_but_one, supplier_and_limits):
        leak = attack(*runs)
        assert leak.control == 1
        assert leak.success < 1 or runs[0].scenario.concept == CLOCK  # of which limits say all


def test_what_the_supplier_works_back_is_true(runs):
    (room,) = rooms_of(runs[0])
    for unmasked in (room.hosted.unmasked, HashTrieMap()):
        inferred = Inferred(replace(room.hosted, unmasked=unmasked))
        known = inferred.all()
        for seat, sat in enumerate(room.seats):
            for at, own in enumerate(sat.answers):
                assert known[at][seat] in (None, own.quantity)
            assert inferred.margins.get(seat, sat.margin) == sat.margin


def test_before_the_end_limits_tell_in_a_clock_of_three_and_not_among_many():
    assert fitted(*both(CLOCK, 3)).success > 0.9
    assert fitted(*both(CLOCK, 30)).success < 0.1
    assert fitted(*both("balanced", 30)).success < 0.1


@pytest.mark.parametrize("concept", GAMES)
def test_of_three_the_supplier_works_every_answer_back(concept):
    """No wall stands against it: of three in a game one is left over, or its limit tells."""
    assert worked_back(*both(concept, 3)).success == 1
    assert margins_worked_back(*both(concept, 3)).success > 0


def test_what_is_opened_tells_margins_where_they_move():
    few, many = (opened(*both("demanders-lead", count)) for count in (3, 30))
    assert 0 < many.success < few.success < few.control == many.control == 1


def test_the_papers_loser_is_known_to_its_supplier():
    """Three demanders, of whom two buy: what the third answered at first is what is left over."""
    paper = replace(paper_market(1), verification_tests=())
    runs = held(replace(paper, least=3)), held(paper)
    assert opened(*runs).success == pytest.approx(2 / 3)
    assert margins_worked_back(*runs).success == 1
    assert rival_margins(*runs).success == 0
    named = all_rivals_but_one(*runs)
    assert named.control == 1


def test_without_a_masked_session_there_is_nothing_to_attack():
    bare = both("balanced", 3)[1]
    masked_only = set(ATTACKS) - {rival_answers, rival_margins, forwarded, opened, deposited}
    assert all(attack(bare, bare) is None for attack in masked_only)
    assert rival_answers(bare, bare).success == 1
    assert rival_answers(bare, bare).note == "1 of 1 sessions were open"


def heard_at(terms, members, margins, price):
    said = [best_reply(terms, *each, price) for each in zip(members, margins, strict=True)]
    moving = sum(moves(*each) for each in zip(members, said, strict=True))
    return Heard(price, sum(said), moving)


def test_a_margin_is_isolated_where_one_seat_alone_stops_moving():
    terms = PriceTerms("simultaneous", MICRO, MICRO // 2, 10, 10**6, TOKEN, least=3)
    margins = (137, 90, 60)
    members = seats([1000] * 3)
    sums = {at: heard_at(terms, members, margins, at) for at in (50, 70, 80, 100, 140)}
    assert list(isolated_margins(terms, [sums[50], sums[70]])) == [60]
    assert list(isolated_margins(terms, [sums[70], sums[80]])) == []
    assert list(isolated_margins(terms, [sums[50], sums[100]])) == []  # two stopped
    assert set(isolated_margins(terms, list(sums.values()))) == set(margins)


def test_sums_that_mix_several_seats_name_nobody_s_margin():
    terms = PriceTerms("simultaneous", MICRO, MICRO // 2, 10, 10**6, TOKEN, least=3)
    # From 30 to 85 one begins to move (at 80) and two stop (at 60 and 70): K falls by one.
    members, margins = seats([20, 1000, 1000]), (100, 60, 70)
    sums = [heard_at(terms, members, margins, at) for at in (30, 85)]
    assert sums[0].second - sums[1].second == 1
    assert set(isolated_margins(terms, sums)).isdisjoint(margins)


def test_isolated_margins_are_counted_among_all_members():
    leak = isolated(*both("balanced", 30))
    assert leak.tries == 30 * 29  # each member looks at all others
    assert 0 < leak.success < 0.5
    assert leak.control == 1


@pytest.mark.parametrize("quantity", [0, 1, 12_345_678])
def test_a_margin_solved_answers_just_so(quantity):
    terms = PriceTerms("balanced", 2 * MICRO, MICRO, 10, 100, TOKEN)
    (member,) = seats([1000])
    margin = margin_at(terms, 50, quantity)
    if quantity == 12_345_678:
        assert margin is None  # no whole margin answers so
    else:
        assert margin is None or best_reply(terms, member, margin, 50) == quantity
    assert margin_at(terms, 50, best_reply(terms, member, 77, 50)) == 77


def test_answers_that_nothing_blinds_are_guessed():
    """The attack is one: where commitments hide no blind it finds the answer among the likely."""
    (room,) = rooms_of(both("balanced", 3)[0])
    shown, at = blame.shown_by(room, 1), len(room.hosted.heard) - 1
    said, true = room.number(at, 1), room.seats[1].answers[at].quantity
    others = [each for each in range(3) if each != 1]
    guess = (said, room.most(1), [true + 1, true])

    def guessed(what):
        return blame.guessed(guess[0], what, guess[1], guess[2])

    assert guessed(shown) is None
    bare = [b"", b"", b""]
    for other in others:
        bare[other] = commitment(pad(room.seats[1].pair_keys[other], said.quote)[0], 0, 0)
    pads = replace(shown.pads.pads, commitments=tuple(bare))
    assert guessed(replace(shown, pads=replace(shown.pads, pads=pads))) == true
    (proof,) = shown.proofs.proofs
    proofs = replace(shown.proofs, proofs=(replace(proof, wanted=times(G, true)),))
    assert guessed(replace(shown, proofs=proofs)) == true
    shares = [bare[each] if each > 1 else inverse(bare[each]) for each in others]
    assert product(shares) == times(G, said.first - true)


def test_deposits_that_differ_give_ranks_away_and_equal_ones_do_not():
    reserved = {"a": 5, "b": 9, "c": 7}
    share = deposits.share
    assert share(deposits.ranked(reserved, reserved)) == 1
    assert share(deposits.ranked(dict.fromkeys(reserved, 3), reserved)) == 0
    assert share(deposits.ranked({"a": 5, "b": 7, "c": 9}, reserved)) == pytest.approx(1 / 3)
    leak = deposited(*both("balanced", 3))
    assert (leak.tries, leak.success, leak.control) == (3, 0, 1)
    assert leak.guessing == pytest.approx(1 / 3)


def test_a_seat_that_is_built_anew_answers_as_it_did(monkeypatch):
    protected, _ = both("clock", 3)
    (room,) = rooms_of(protected)
    for seat, sat in enumerate(room.seats):
        said = [each.answers[seat].answer for each in room.hosted.rounds[: room.hosted.quotes]]
        assert list(sat.answered[-1].masks[0].said) == said
    changed = {
        name: (owner, replace(want, choices=tuple(replace(it, margin=1) for it in want.choices)))
        for name, (owner, want) in protected.wants.items()
    }
    monkeypatch.setattr(protected, "wants", changed)
    rooms_of.cache_clear()
    with pytest.raises(Bug, match="answers something else"):
        rooms_of(protected)


@pytest.mark.slow
def test_two_hundred_members():
    runs = both("balanced", 200)
    for attack in HIDDEN:
        leak = attack(*runs)
        assert (leak.success, leak.control) == (0, 1), attack.__name__
    assert isolated(*runs).success < 0.1
    assert all_rivals_but_one(*runs).control == 1
    assert deposited(*runs).tries == 200
