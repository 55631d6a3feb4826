"""What links and chain tell of markets of 3, 30 and 200 firms, with walls and without."""

from dataclasses import replace

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity.codec import decode
from fabmarket.market.masked import MaskedReply
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.netting import checking, party
from fabmarket.negotiation.netting.baskets import LEAST
from fabmarket.node.envelope import Envelope
from fabmarket.scenario import paper_market
from fabmarket.simulation import run_market
from fabmarket.simulation.leakage import answers, measured, settlement, walled, wires
from fabmarket.simulation.links import PERFECT, Fate
from tests.crowd import both, crowd, of

SIZES = (3, 30, pytest.param(200, marks=pytest.mark.slow))
LARGE = SIZES[1:]


@pytest.mark.parametrize("firms", SIZES)
def test_sealed_letters_are_read_by_nobody_and_clear_ones_by_all(firms):
    leak = wires.letters(*both(firms))
    assert (leak.success, leak.control) == (0, 1)


@pytest.mark.parametrize("firms", SIZES)
def test_seats_are_matched_to_accounts_no_better_than_by_guessing(firms):
    leak = wires.seats(*both(firms))
    spread = (leak.guessing * (1 - leak.guessing) / leak.tries) ** 0.5
    assert leak.success <= leak.guessing + 4 * spread
    assert leak.control == 1


@pytest.mark.parametrize("firms", SIZES)
def test_who_meets_whom_and_who_bought_is_not_hidden_from_the_links(firms):
    leak = wires.meetings(*both(firms))
    assert (leak.success, leak.control) == (1, 1)
    assert "not hidden" in leak.note


def test_regression_with_clear_letters_all_that_is_bought_is_read():
    """Who bought twice in a session was counted once, and the control came to two thirds."""
    protected, plain = both(30)
    buyers = {(each.event.demander, each.session) for each in plain.trades}
    assert len(buyers) < len(plain.trades)
    assert wires.winners(protected, plain).control == 1


def test_the_papers_market_is_too_small_to_net_and_says_so():
    protected, plain = of(paper_market(1))
    leak = settlement.alone(protected, plain)
    assert (leak.success, leak.control) == (1, 1)
    assert "too little would have been hidden" in leak.note
    assert settlement.laid_out(protected, plain) is None


@pytest.mark.parametrize("firms", LARGE)
def test_netted_trades_do_not_stand_on_the_chain_and_single_ones_do(firms):
    leak = settlement.alone(*both(firms))
    assert leak.success < 0.2
    assert leak.control == 1


@pytest.mark.parametrize("firms", LARGE)
def test_baskets_are_found_no_better_than_by_drawing_from_those_that_fit(firms):
    leak = settlement.laid_out(*both(firms))
    drawn = 1 / LEAST
    spread = (drawn * (1 - drawn) / leak.tries) ** 0.5
    assert leak.success <= drawn + 4 * spread
    assert (leak.guessing, leak.control) == (0, 1)


@pytest.mark.parametrize("firms", LARGE)
def test_salted_leaves_are_found_in_no_list_of_trades_and_unsalted_ones_in_each(firms):
    leak = settlement.leaves(*both(firms))
    assert (leak.success, leak.control) == (0, 1)


GAME = crowd(30, "balanced", wants=1)


@pytest.fixture(scope="module")
def game():
    """A game in which everybody signs as soon as ten baskets fit, whatever one price would tell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking.pricing, "supposed", lambda *_: frozenset())
        return of(GAME)


def test_who_knows_the_one_price_of_every_listing_reads_baskets_off_the_sums(game):
    """Sums of a few prices seldom have two ways to be paid."""
    assert settlement.one_price(*game).success > 0.5


def test_who_supposes_one_price_a_listing_reads_baskets_off_the_chain_alone(game):
    """Of these batches ten baskets or more fitted for everybody."""
    assert settlement.supposed_prices(*game).success > 0.5


def test_a_buyer_whose_basket_one_price_a_listing_tells_does_not_sign():
    protected, plain = of(GAME)
    assert settlement.supposed_prices(protected, plain) is None
    assert settlement.alone(protected, plain).success == 1


def with_room(scenario):
    """A clock in which each workshop's second slot does not sell out."""
    suppliers = []
    for each in scenario.suppliers:
        hours = each.listed[0], 2 * each.listed[1]
        suppliers.append(replace(each, attested=hours, listed=hours))
    return replace(scenario, suppliers=tuple(suppliers))


ROOM = with_room(crowd(24, "clock"))


def test_who_knows_the_least_price_reads_baskets_of_what_did_not_sell_out():
    """Ten baskets or more fit for everybody there, where nobody looks at least prices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking.pricing, "unsold", lambda *_: ())
        patch.setattr(party, "bared_anyway", lambda *_: "")
        leak = settlement.least_prices(*of(ROOM))
    assert leak.success > 0.2


def test_regression_who_pays_the_least_price_alone_stays_away_and_the_others_net():
    """They signed, as ten baskets fitted: but what did not sell out sold at its least price."""
    protected, plain = of(ROOM)
    assert settlement.least_prices(protected, plain).success == 0
    assert 0.3 < settlement.alone(protected, plain).success < 0.7
    assert protected.exposed


@pytest.mark.parametrize("workshops", [1, 3])
def test_a_batch_with_one_seller_tells_from_whom_all_bought(workshops):
    leak = settlement.only_seller(*both(8 * workshops + 7))
    assert leak.success == (workshops == 1)
    assert ("certain" in leak.note) == (workshops == 1)


@pytest.mark.parametrize("firms", SIZES)
def test_a_row_holds_shares_and_the_words_fit_a_table(firms):
    rows = list(measured(*both(firms)))
    assert len({(each.viewer, each.attack) for each in rows}) == len(rows) > 5
    for each in rows:
        assert min(each.success, each.guessing, each.control) >= 0
        assert max(each.success, each.guessing, each.control) <= 1
        assert max(map(len, (each.viewer, each.attack, each.sought))) <= 70


def test_a_rival_that_falls_silent_makes_the_others_answer_openly():
    """Named as open in the docs: from then on the listing is offered open, to who takes that."""
    silent = set()

    def mute(sender, letter):
        message = decode(Envelope, letter.body).message
        if isinstance(message, MaskedReply) and (not silent or sender in silent):
            silent.add(sender)
            return Fate(delays=())
        return PERFECT

    with open_engine("embedded", Settings()) as engine:
        scenario = walled(crowd(6, "balanced"))
        outcome = run_market(scenario, engine, 1, lambda *_: None, settle="net", schedule=mute)
    kinds = {type(shown.talk) for shown in outcome.talks}
    assert kinds == {MaskedHosted, Hosted}
    leak = answers.rival_answers(outcome, outcome)
    assert leak.success == 1
    assert "were open" in leak.note
