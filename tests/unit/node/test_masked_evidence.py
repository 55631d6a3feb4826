"""Evidence of masked sessions: what each party's file shows, and that no lie in one holds."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity import digest
from fabmarket.identity.codec import decode, encode
from fabmarket.market.masked import (
    Dispute,
    Inquiry,
    MaskedAbort,
    MaskedClose,
    MaskedQuote,
    MaskedReply,
    PadsShown,
    Unmasking,
)
from fabmarket.market.messages import Close, MaskedOpening, Quote, Selection, Trade
from fabmarket.negotiation import demander
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.hosted import LIED, MaskedHosted
from fabmarket.negotiation.masked.seat import MaskedSeated
from fabmarket.node import BadEvidence, Evidence, evidence_of, forks, replay
from fabmarket.node.envelope import Envelope, seal
from fabmarket.scenario import paper_market
from fabmarket.simulation import run, run_market
from tests.unit.node.test_crashes import clock_market

MARKETS = {"paper": lambda: paper_market(1), "clock": clock_market}


def held(scenario):
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(replace(scenario, least=3), engine, 1, lambda *_: None)
        outcome.store.close()
    return outcome


@cache
def outcome_of(name):
    return held(MARKETS[name]())


def files(outcome):
    """Every party's file of the masked session: the supplier's first."""
    parties = (*outcome.parties.suppliers, *outcome.parties.demanders)
    first = outcome.journals[parties[0].address]
    (session,) = (each for each in first.sessions() if b"MaskedOpening" in first.message(each)[:40])
    return [
        evidence_of(outcome.journals[party.address], session)
        for party in parties
        if outcome.journals[party.address].message(session) is not None
    ]


@pytest.mark.parametrize("name", MARKETS)
def test_each_party_s_file_shows_what_it_knows(name):
    outcome = outcome_of(name)
    supplier, *members = files(outcome)
    assert len(members) == 3
    shown = replay(decode(Evidence, encode(supplier)))
    assert isinstance(shown.talk, MaskedHosted)
    assert shown.outcome == "agreed"
    assert len(shown.settlements) == len(outcome.trades)
    for file in members:
        own = replay(decode(Evidence, encode(file)))
        assert isinstance(own.talk, MaskedSeated)
        (seat,) = own.talk.seats
        at = seat.index
        given = (seat.awarded, seat.payment)
        assert given == (shown.talk.awards[at], shown.talk.payments[at])
        assert own.unheard == ()
        assert own.outcome == ("agreed" if seat.awarded else "no trade")
    assert forks([supplier, *members]) == []


@pytest.mark.parametrize("name", MARKETS)
def test_a_member_s_file_names_no_other_account(name):
    outcome = outcome_of(name)
    _, *members = files(outcome)
    everyone = {party.address for party in outcome.parties.demanders}
    for file in members:
        text = encode(file).decode().lower()
        assert [each for each in everyone - {file.holder} if each[2:].lower() in text] == []


@pytest.mark.parametrize("name", MARKETS)
def test_no_message_can_be_missing_before_the_end(name):
    for file in files(outcome_of(name)):
        kinds = [type(each.message) for each in file.envelopes]
        last = max(at for at, kind in enumerate(kinds) if kind not in (Trade, MaskedClose))
        for at in range(last):
            rest = file.envelopes[:at] + file.envelopes[at + 1 :]
            with pytest.raises(BadEvidence):
                replay(replace(file, envelopes=rest))


def signed(outcome, file, message):
    everyone = {party.address: party.key for party in outcome.parties.everyone}
    return seal(everyone[message.author], file.domain, message)[1]


def with_lie(outcome, file, kind, **changes):
    """The file with its last message of a kind changed and signed by its author."""
    envelopes = list(file.envelopes)
    at = max(at for at, each in enumerate(envelopes) if isinstance(each.message, kind))
    message = replace(envelopes[at].message, **changes)
    envelopes[at] = replace(
        envelopes[at], message=message, signature=signed(outcome, file, message)
    )
    return replace(file, envelopes=tuple(envelopes))


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (MaskedClose, {"awarded": 1}),
        (MaskedClose, {"price": 1}),
        (MaskedClose, {"dropped": (0, 1, 2)}),
        (MaskedQuote, {"first": 1}),
        (MaskedQuote, {"blind": 1}),
        (MaskedQuote, {"price": 1}),
        (MaskedQuote, {"final": False}),
        (Unmasking, {"award_blind": 1}),
        (Unmasking, {"answers": ()}),
        (Unmasking, {"seat": 7}),
        (Selection, {"masked": ()}),
    ],
)
def test_a_lie_that_its_author_signs_does_not_hold_either(name, kind, changes):
    outcome = outcome_of(name)
    for file in files(outcome):
        with pytest.raises(BadEvidence):
            replay(with_lie(outcome, file, kind, **changes))


def test_a_close_that_drops_who_has_opened_is_shown_beside_its_opening():
    outcome = outcome_of("paper")
    supplier, *members = files(outcome)
    shown = replay(supplier).talk
    for file in members:
        (seat,) = replay(file).talk.seats
        (unmasking,) = (
            each.message for each in file.envelopes if isinstance(each.message, Unmasking)
        )
        close = replace(shown.close, dropped=(seat.index,))
        kept = [each for each in file.envelopes if not isinstance(each.message, Trade)]
        kept[-1] = Envelope(close, signed(outcome, file, close))
        told = replay(replace(file, envelopes=tuple(kept), settlements=()))
        (unheard,) = told.unheard
        assert unheard.seat == seat.index
        assert unheard.answer == digest(file.domain, unmasking)
        assert unheard.word == digest(file.domain, close)
        assert told.talk.seats[0].awarded == 0


def test_what_belongs_to_an_open_session_is_refused():
    outcome = outcome_of("paper")
    supplier, *_ = files(outcome)
    opening = next(
        each.message for each in supplier.envelopes if isinstance(each.message, MaskedOpening)
    )
    quote = Quote(opening.supplier, supplier.session, 0, bytes(32), bytes(32), 0, 0, (), 1, 0)
    for message in (quote, Close(*_fields_of_close(opening, supplier))):
        more = Envelope(message, signed(outcome, supplier, message))
        with pytest.raises(BadEvidence, match="in another kind of session"):
            replay(replace(supplier, envelopes=(*supplier.envelopes, more)))


def _fields_of_close(opening, file):
    return (opening.supplier, file.session, bytes(32), bytes(32), 0, 0, 0, 0, (), 1)


def test_a_liar_s_session_shows_who_lied(monkeypatch):
    """The abort follows from signed words, for whoever checks the supplier's file."""
    scenario = replace(paper_market(1), release_rounds=2)
    liars = []

    def lies(state, given):
        after, outputs = demander.step(state, given)
        if liars and state.address != liars[0]:
            return after, outputs
        return after, tuple(lied(state.address, each) for each in outputs)

    def lied(address, output):
        message = getattr(output, "message", None)
        if not isinstance(message, MaskedReply):
            return output
        liars.append(address)
        answer = replace(message.answer, second=message.answer.second ^ 1)
        return replace(output, message=replace(message, answer=answer))

    monkeypatch.setattr(run, "demander", SimpleNamespace(step=lies))
    outcome = held(scenario)
    supplier, *members = files(outcome)
    kinds = {type(each.message) for each in supplier.envelopes}
    assert {Inquiry, PadsShown, MaskedAbort} <= kinds
    assert Dispute not in kinds
    shown = replay(supplier).talk
    assert shown.abort.reason == LIED
    assert [shown.members[at].demander for at in shown.abort.seats] == [liars[0]]
    assert all(replay(file).talk.abort == shown.abort for file in members)
    honest = tuple(at for at in range(3) if at not in shown.abort.seats)
    with pytest.raises(BadEvidence, match="does not follow"):
        replay(with_lie(outcome, supplier, MaskedAbort, seats=honest[:1]))
    journal = outcome.journals[supplier.holder]
    clear = [evidence_of(journal, each) for each in journal.sessions() if each != supplier.session]
    assert [type(replay(each).talk) for each in clear] == [Hosted]  # the next one was open
    assert outcome.trades
