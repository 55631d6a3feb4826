"""What somebody with keys of the session may sign afterwards, and what a file must not hold."""

from contextlib import closing
from dataclasses import replace

import pytest

from fabmarket.errors import Refused
from fabmarket.identity import Key, digest
from fabmarket.market.delivery import INSTANT, escrow_of
from fabmarket.market.messages import Close, Counter, Opening, Quote, Reply, Selection, Trade
from fabmarket.market.trade import Escrow, market_domain
from fabmarket.node import (
    BadEvidence,
    Journal,
    Unheard,
    evidence_of,
    forks,
    reopened,
    replay,
)
from fabmarket.node.envelope import Envelope, seal
from tests.unit.node.town import DOMAIN, HELD, MILL, ORIGIN, Town
from tests.unit.node.town import settled as settled_event

NAMES = ("anne", "bert", "cleo")


@pytest.fixture(
    scope="module",
    params=[("balanced", INSTANT), ("bargaining", INSTANT), ("balanced", HELD)],
    ids=["balanced", "bargaining", "in escrow"],
)
def town(request):
    return Town(*request.param).settled()


@pytest.fixture
def files(town):
    """Each party's file of the first session."""
    session = town.people["cleo"].journal.sessions()[0]
    journals = {name: town.people[name].journal for name in NAMES}
    return {
        name: evidence_of(journal, session)
        for name, journal in journals.items()
        if journal.message(session) is not None
    }


def by(town, message):
    """An envelope of a message, signed by its author."""
    (key,) = (each for each in town.keys.values() if each.address == message.author)
    return Envelope(message, seal(key, DOMAIN, message)[1])


def trades_of(file):
    return [each.message for each in file.envelopes if isinstance(each.message, Trade)]


def with_trades(town, file, *trades):
    """The file with these trades instead of its own, all of them settled."""
    rest = [each for each in file.envelopes if not isinstance(each.message, Trade)]
    settlements = tuple(
        replace(file.settlements[0], event=settled_event(trade), log_index=at)
        for at, trade in enumerate(trades)
    )
    envelopes = (*rest, *(by(town, trade) for trade in trades))
    return replace(file, envelopes=envelopes, settlements=settlements)


OTHER_TERMS = {
    "another currency": {"token": Key.derive("another").address},
    "into escrow": {"escrow": Escrow(resource=b"r" * 32, bond=10**20, exit_penalty=10_000)},
    "never valid": {"valid_until": 0},
    "valid past its slot": {"valid_until": ORIGIN + 1_001},
    "of no session": {"transcript": b"t" * 32},
    "of another listing": {"listing": b"l" * 32},
}


@pytest.mark.parametrize("change", OTHER_TERMS.values(), ids=OTHER_TERMS.keys())
def test_regression_a_trade_on_terms_that_nobody_agreed_to_is_refused(town, files, change):
    """Its seat, quantity and price were right, and the file held."""
    for file in files.values():
        trade = trades_of(file)[0]
        replay(with_trades(town, file, trade))
        with pytest.raises(BadEvidence, match="on other terms than the session agreed"):
            replay(with_trades(town, file, replace(trade, **change)))
        with pytest.raises(BadEvidence, match="is not what the session agreed"):
            replay(with_trades(town, file, replace(trade, bundle=b"b" * 32)))


OTHER_ESCROWS = {
    "paid at once": lambda it: Escrow(),
    "another resource": lambda it: replace(it, resource=b"r" * 32),
    "another slot": lambda it: replace(it, slot=it.slot + 1),
    "delivered earlier": lambda it: replace(it, deliver_from=it.deliver_from - 1),
    "delivered later": lambda it: replace(it, deliver_by=it.deliver_by + 1),
    "no time to dispute": lambda it: replace(it, dispute_by=it.deliver_by),
    "no time to rule": lambda it: replace(it, decide_by=it.dispute_by),
    "paid for nothing": lambda it: replace(it, late_share=1),
    "without a bond": lambda it: replace(it, bond=0),
    "without a penalty": lambda it: replace(it, exit_penalty=0),
}


@pytest.mark.parametrize("altered", OTHER_ESCROWS.values(), ids=OTHER_ESCROWS.keys())
def test_a_trade_in_another_escrow_than_the_session_s_is_refused(altered):
    town = Town("balanced", HELD).settled()
    for name in ("anne", "cleo"):
        file = evidence_of(town.people[name].journal, town.session())
        trade = trades_of(file)[0]
        assert trade.escrow.bond > 0
        replay(with_trades(town, file, trade))
        other = replace(trade, escrow=altered(trade.escrow))
        with pytest.raises(BadEvidence, match="on other terms than the session agreed"):
            replay(with_trades(town, file, other))


def test_an_opening_for_the_end_of_time_is_refused():
    """No listing's id holds such an end, which is no error of ours."""
    town = Town("bargaining", HELD).settled()
    cleo = town.people["cleo"].journal
    file = evidence_of(cleo, cleo.sessions()[0])
    opening = next(each for each in file.envelopes if isinstance(each.message, Opening))
    selection = next(each for each in file.envelopes if isinstance(each.message, Selection))
    first = trades_of(file)[0]
    for end in (ORIGIN + 1_000, 2**40, 2**64 - 1):
        other = replace(opening.message, slot_end=end)
        key, seat = digest(DOMAIN, other), selection.message.quantity
        bid = Counter(first.demander, key, 0, key, 20, seat, "propose")
        taken = Counter(other.supplier, key, 1, digest(DOMAIN, bid), 20, seat, "accept")
        said = (replace(by(town, other), places=opening.places), by(town, bid), by(town, taken))
        made = replace(file, session=key, envelopes=(selection, *said))
        escrow = escrow_of(HELD, first.quantity * 20, MILL, 0, ORIGIN, min(end, 2**63))
        signed = {"unit_price": 20, "transcript": digest(DOMAIN, taken), "escrow": escrow}
        made = with_trades(town, made, replace(first, **signed))
        if end == ORIGIN + 1_000:
            assert replay(made).outcome == "agreed"
        else:
            with pytest.raises(BadEvidence, match="on other terms than the session agreed"):
                replay(made)


@pytest.mark.parametrize(
    "change",
    [{"quantity": 1}, {"unit_price": 7}, {"supplier_nonce": 99}],
    ids=lambda each: next(iter(each)),
)
def test_a_trade_of_no_award_is_refused(town, files, change):
    for file in files.values():
        trade = replace(trades_of(file)[0], **change)
        with pytest.raises(BadEvidence, match="is not what the session agreed"):
            replay(with_trades(town, file, trade))


def test_regression_an_award_has_one_trade(town, files):
    """Twenty of a hundred units each were settled for one award of a hundred."""
    for file in files.values():
        trade = trades_of(file)[0]
        more = [replace(trade, nonce=trade.nonce + extra) for extra in (1, 2)]
        with pytest.raises(BadEvidence, match="is not what the session agreed"):
            replay(with_trades(town, file, trade, *more))


def test_regression_a_trade_settles_once_and_at_a_place_of_its_own(files):
    for file in files.values():
        first = file.settlements[0]
        for second in (first, replace(first, block=first.block + 1)):
            with pytest.raises(BadEvidence, match="settled twice"):
                replay(replace(file, settlements=(*file.settlements, second)))


def test_regression_a_file_holds_nothing_but_its_session(town, files):
    for name, file in files.items():
        for each in file.envelopes:
            foreign = replace(file, envelopes=(*file.envelopes, each))
            with pytest.raises(BadEvidence):
                replay(foreign)
        opening = next(each for each in file.envelopes if isinstance(each.message, Opening))
        selection = next(each for each in file.envelopes if isinstance(each.message, Selection))
        others = (
            replace(opening.message, ends=opening.message.ends + 1),
            replace(selection.message, quantity=selection.message.quantity + 1),
        )
        for other in others:
            with pytest.raises(BadEvidence, match="is not of this session"):
                replay(replace(file, envelopes=(*file.envelopes, by(town, other))))
        twice = replace(opening, places=opening.places * 2)
        envelopes = tuple(twice if each is opening else each for each in file.envelopes)
        with pytest.raises(BadEvidence, match="has two places"):
            replay(replace(file, envelopes=envelopes))
        placed = tuple(
            replace(each, places=opening.places) if isinstance(each.message, Trade) else each
            for each in file.envelopes
        )
        with pytest.raises(BadEvidence, match="places in a Trade, which has no tree"):
            replay(replace(file, envelopes=placed))
        assert name in NAMES


def test_a_file_signed_for_something_else_than_this_market_is_refused(files):
    for file in files.values():
        other = replace(market_domain(DOMAIN.chain_id, DOMAIN.verifying_contract), name="Other")
        with pytest.raises(BadEvidence, match="signed for 'Other'"):
            replay(replace(file, domain=other))


def test_what_belongs_to_the_other_way_of_agreeing_is_refused(town, files):
    for name, file in files.items():
        opening = next(e.message for e in file.envelopes if isinstance(e.message, Opening))
        me = town.keys[name].address
        counter = Counter(me, file.session, 0, file.session, 10, 1, "propose")
        reply = Reply(me, file.session, 0, file.session, 1)
        bargained = opening.terms.concept == "bargaining"
        message, words = (
            (reply, "a session's message in a bargain")
            if bargained
            else (counter, "a counter where nobody bargains")
        )
        with pytest.raises(BadEvidence, match=words):
            replay(replace(file, envelopes=(*file.envelopes, by(town, message))))


# Two files


def test_regression_a_forked_bargain_shows_whoever_forked_it():
    """Two files of one bargain named two prices, and nothing was said."""
    town = Town("bargaining").settled()
    cleo = town.people["cleo"].journal
    file = evidence_of(cleo, cleo.sessions()[0])
    counters = [each.message for each in file.envelopes if isinstance(each.message, Counter)]
    for counter in counters:
        told = replace(counter, unit_price=counter.unit_price + 1)
        other = replace(file, envelopes=(by(town, told),))
        (fork,) = forks([file, other])
        assert fork.author == counter.sender
        assert fork.place == f"counter {counter.sequence}"
        assert (fork.first, fork.second) == (digest(DOMAIN, counter), digest(DOMAIN, told))


def test_regression_two_answers_of_a_seat_show_beside_each_other():
    town = Town().settled()
    cleo = town.people["cleo"].journal
    file = evidence_of(cleo, cleo.sessions()[0])
    for each in file.envelopes:
        if isinstance(each.message, Reply):
            told = replace(each.message, quantity=each.message.quantity + 1)
            (fork,) = forks([file, replace(file, envelopes=(by(town, told),))])
            assert fork.author == each.message.demander
            assert fork.place.startswith(f"the answer of seat {each.message.seat} to quote 0x")


def test_regression_a_selection_that_was_opened_twice_shows():
    """Each session held by itself, and a session's digest is its opening's."""
    town = Town("bargaining").settled()
    cleo = town.people["cleo"].journal
    file = evidence_of(cleo, cleo.sessions()[0])
    opening = next(each for each in file.envelopes if isinstance(each.message, Opening))
    again = replace(opening.message, ends=opening.message.ends + 1)
    selection = next(each for each in file.envelopes if isinstance(each.message, Selection))
    second = replace(
        file,
        session=digest(DOMAIN, again),
        envelopes=(selection, replace(by(town, again), places=opening.places)),
        settlements=(),
    )
    (fork,) = reopened([replay(file), replay(second)])
    assert fork.author == again.supplier
    chosen = digest(DOMAIN, selection.message)
    assert fork.place == f"the session of selection 0x{chosen.hex()}"
    assert (fork.first, fork.second) == (file.session, second.session)
    assert reopened([replay(file), replay(file)]) == []


def shown_words(town, name):
    """The quotes and closes in a member's file."""
    file = evidence_of(town.people[name].journal, town.session())
    return [each.message for each in file.envelopes if isinstance(each.message, Quote | Close)]


def test_that_a_seat_was_dropped_although_it_had_answered_is_said():
    town = Town().opened()
    town.carry(least=4)
    town.block(1_045)
    town.carry(least=2)
    town.block(1_060)
    town.carry(of=("cleo",), least=4)  # both answer, and neither answer arrives in time
    town.block(1_076)
    town.carry(of=("cleo",), least=1)
    supplier = replay(evidence_of(town.people["cleo"].journal, town.session()))
    assert supplier.unheard == ()
    for name in ("anne", "bert"):
        shown = replay(evidence_of(town.people[name].journal, town.session()))
        (seat,) = shown.talk.seats
        assert seat.dropped
        (own,) = seat.answers
        (word,) = (each for each in shown_words(town, name) if each.dropped)
        said = own.price, own.quantity, own.digest, digest(DOMAIN, word)
        assert shown.unheard == (Unheard(seat.index, 0, *said),)
        assert seat.index in word.dropped


def test_regression_a_damaged_journal_is_no_bug_of_ours(tmp_path):
    path = tmp_path / "journal.sqlite"
    whole = Town().settled().people["cleo"].journal.dump()
    refused = 0
    for at in range(4_096, len(whole), 512):
        path.write_bytes(whole[:at] + bytes(512) + whole[at + 512 :])
        try:
            with closing(Journal.reading(path)) as journal:
                for session in journal.sessions():
                    replay(evidence_of(journal, session))
        except Refused:
            refused += 1
    assert refused > 10
