"""A participant answers for what it took, once, and writes nothing down of what it refused."""

from dataclasses import replace

import pytest

from fabmarket.identity import digest, keccak
from fabmarket.identity.codec import encode
from fabmarket.market.delivery import INSTANT
from fabmarket.market.events import Escrowed
from fabmarket.market.exchange import Deposit
from fabmarket.market.messages import Close, Opening, Quote, Selection
from fabmarket.negotiation import supplier
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Want
from fabmarket.node import Answer, Journal, evidence_of, forks
from fabmarket.node.envelope import LARGEST, Envelope, open_envelope, seal
from fabmarket.node.journal import BadJournal, JournalFull
from fabmarket.node.outbox import move_of
from fabmarket.node.participant import SNAPSHOT_EVERY, folded, folded_on
from fabmarket.node.planned import under_way
from tests.unit.node.town import DOMAIN, HELD, TOKEN, Town, settled


def written(participant):
    """All that the participant's journal holds."""
    return participant.journal.dump()


def said(letter):
    return open_envelope(DOMAIN, letter.body).message


def test_news_of_an_escrow_are_told_once_and_outlive_a_crash():
    """After a restart what each account holds is known as before."""
    town = Town(delivery=HELD).settled()
    told = [each.news for each in town.told]
    assert [type(each) for each in told].count(Escrowed) == 4  # two trades, each to both parties
    assert [each.state for each in told if isinstance(each, Want)] == ["served", "served"]
    before = {name: each.state.purse for name, each in town.people.items()}
    for name, purse in before.items():
        assert 0 < len(purse.escrows) <= 2
        assert town.restart(name).state.purse == purse
    assert len(town.told) == len(told)


def test_all_is_agreed_and_settled_once(town):
    town.settled()
    assert {each.answer for each in town.answers} == {Answer.TAKEN}
    priced, *wants = [told.news for told in town.told]
    assert priced.line == "priced"
    assert [want.state for want in wants] == ["served", "served"]


# Faults 16 and 17: replayed, tampered, misdirected, oversized


def test_a_message_that_comes_again_is_taken_and_has_no_second_effect(town):
    """Whatever came, at every stage: the sender hears TAKEN as before, nothing is written."""
    town.opened()
    seen = []
    for now in (1_045, 1_060):
        moved = True
        while moved:
            moved = False
            for name in town.people:
                for letter in town.letters(name):
                    receiver = town.by_address[letter.recipient]
                    assert receiver.receive(letter.body).answer is Answer.TAKEN
                    seen.append((receiver, letter.body))
                    before = written(receiver)
                    assert receiver.receive(letter.body).answer is Answer.TAKEN
                    assert written(receiver) == before
                    town.people[name].journal.delivered(letter.number)
                    moved = True
        town.block(now)
    town.carry(least=4)
    assert len(town.people["cleo"].journal.moves()) == 2
    everything = {name: written(each) for name, each in town.people.items()}
    assert len(seen) >= 6
    for receiver, body in seen:
        assert receiver.receive(body).answer is Answer.TAKEN
    assert {name: written(each) for name, each in town.people.items()} == everything


def test_no_changed_byte_of_an_envelope_is_taken(town):
    town.opened()
    (letter, *_) = town.letters("anne")
    cleo = town.people["cleo"]
    before = written(cleo)
    for at in range(len(letter.body)):
        for bit in (1, 32, 128):
            body = bytearray(letter.body)
            body[at] ^= bit
            heard = cleo.receive(bytes(body))
            assert heard.answer is Answer.REFUSED, at
            assert heard.reason
    assert written(cleo) == before
    assert cleo.receive(letter.body).answer is Answer.TAKEN


def test_a_message_signed_by_another_is_refused(town):
    town.opened()
    (letter, *_) = town.letters("anne")
    message = said(letter)
    _, signature = seal(town.keys["bert"], DOMAIN, message)
    cleo = town.people["cleo"]
    before = written(cleo)
    heard = cleo.receive(encode(Envelope(message, signature)))
    assert (heard.answer, heard.reason) == (Answer.REFUSED, "bad signature")
    assert written(cleo) == before


def test_a_message_of_another_than_the_letter_s_sender_is_refused(town):
    """Whoever has it from Anne cannot send it on as a letter of its own."""
    town.opened()
    (letter, *_) = town.letters("anne")
    cleo, bert = town.people["cleo"], town.people["bert"]
    before = written(cleo)
    heard = cleo.receive(letter.body, bert.address)
    reason = "message of another author than the letter's sender"
    assert (heard.answer, heard.reason) == (Answer.REFUSED, reason)
    assert written(cleo) == before
    assert cleo.receive(letter.body, town.people["anne"].address).answer is Answer.TAKEN


def test_a_message_for_another_market_is_refused(town):
    town.opened()
    (letter, *_) = town.letters("anne")
    elsewhere = replace(DOMAIN, chain_id=DOMAIN.chain_id + 1)
    _, signature = seal(town.keys["anne"], elsewhere, said(letter))
    heard = town.people["cleo"].receive(encode(Envelope(said(letter), signature)))
    assert (heard.answer, heard.reason) == (Answer.REFUSED, "bad signature")


def test_a_misdirected_message_is_refused_and_not_kept(town):
    """Every kind of message, at everybody it is not for."""
    town.agreed()
    kinds = set()
    for owner in town.people.values():
        session = evidence_of(owner.journal, town.session())
        for envelope in session.envelopes:
            message = envelope.message
            kinds.add(type(message).__name__)
            key = digest(DOMAIN, message)
            for name, stranger in town.people.items():
                if stranger.journal.message(key) is not None:
                    continue
                before = written(stranger)
                heard = stranger.receive(encode(envelope))
                assert heard.answer is not Answer.TAKEN, (name, message)
                assert written(stranger) == before
    assert kinds == {"Selection", "Opening", "Quote", "Reply", "Close", "Trade"}


@pytest.mark.parametrize("size", [0, 1, LARGEST, LARGEST + 1, 20 * LARGEST])
def test_bytes_of_any_size_are_refused_and_not_kept(size, town):
    cleo = town.people["cleo"]
    before = written(cleo)
    for filling in (b"[", b"1", b"\xff", b'"'):
        heard = cleo.receive(filling * size)
        assert heard.answer is Answer.REFUSED
        assert len(heard.reason) < 300
    assert written(cleo) == before
    if size > LARGEST:
        assert heard.reason == f"{size} bytes where {LARGEST} are the most"


def test_an_envelope_larger_than_the_largest_is_refused_however_well_it_is_signed(town):
    message = Selection(town.people["anne"].address, bytes(32), bytes(32), bytes(32), 1, False)
    _, signature = seal(town.keys["anne"], DOMAIN, message)
    body = encode(Envelope(message, signature)) + b" " * LARGEST
    assert "are the most" in town.people["cleo"].receive(body).reason


# Ahead of its turn


def test_what_is_ahead_of_its_turn_is_postponed_and_taken_later(town):
    town.opened()
    town.carry(least=4)
    town.block(1_045)
    town.carry(least=2)
    town.block(1_060)
    anne = town.people["anne"]
    mine = [each for each in town.letters("cleo") if each.recipient == anne.address]
    opening, quote = mine
    assert (type(said(opening)), type(said(quote))) == (Opening, Quote)
    before = written(anne)
    assert anne.receive(quote.body).answer is Answer.POSTPONED
    assert written(anne) == before
    assert anne.receive(opening.body).answer is Answer.TAKEN
    assert anne.receive(quote.body).answer is Answer.TAKEN
    town.carry(least=4)
    assert len(town.people["cleo"].journal.moves()) == 2


def test_a_want_says_in_which_session_it_is_negotiated(town):
    assert under_way(town.people["anne"].state) == {}
    town.opened()
    town.carry()
    town.block(1_045)
    town.carry()
    town.block(1_060)
    town.carry(of=("cleo",))
    anne = town.people["anne"].state
    assert under_way(anne) == {anne.order[0]: town.session()}


# What contradicts itself


def second(town, quote):
    """Another quote that Cleo signs for the same round, as an envelope."""
    other = replace(quote.message, price=quote.message.price + 1)
    _, signature = seal(town.keys["cleo"], DOMAIN, other)
    return other, encode(Envelope(other, signature, quote.places))


def test_a_second_quote_for_a_round_is_refused_and_kept_as_proof(town):
    town.agreed()
    anne = town.people["anne"]
    held = evidence_of(anne.journal, town.session())
    quote = next(each for each in held.envelopes if isinstance(each.message, Quote))
    other, body = second(town, quote)
    state = anne.journal.about("state"), list(anne.journal.inputs())
    heard = anne.receive(body)
    assert heard.answer is Answer.REFUSED
    assert anne.journal.message(digest(DOMAIN, other)) == body
    assert (anne.journal.about("state"), list(anne.journal.inputs())) == state
    anne = town.restart("anne")
    assert anne.journal.message(digest(DOMAIN, other)) == body


def test_one_proof_is_enough(town):
    """A supplier that signs one quote after the other for a place must not fill a member's disk."""
    town.agreed()
    anne = town.people["anne"]
    held = evidence_of(anne.journal, town.session())
    words = [each for each in held.envelopes if isinstance(each.message, Quote | Close)]
    for each in words:
        for price in range(20):
            other = replace(each.message, price=1_000 + price)
            _, signature = seal(town.keys["cleo"], DOMAIN, other)
            body = encode(Envelope(other, signature, each.places))
            assert anne.receive(body).answer is Answer.REFUSED
            assert (anne.journal.message(digest(DOMAIN, other)) is not None) == (price == 0)
    found = evidence_of(anne.journal, town.session())
    assert len(found.envelopes) == len(held.envelopes) + len(words)
    assert len(forks([found])) == len(words)


def test_a_quote_after_the_close_proves_nothing_and_is_not_kept(town):
    town.agreed()
    anne = town.people["anne"]
    held = evidence_of(anne.journal, town.session())
    last = [each for each in held.envelopes if isinstance(each.message, Quote)][-1]
    before = written(anne)
    for more in range(1, 9):
        later = replace(last.message, round=last.message.round + more)
        _, signature = seal(town.keys["cleo"], DOMAIN, later)
        heard = anne.receive(encode(Envelope(later, signature, last.places)))
        assert heard.answer is Answer.REFUSED
    assert written(anne) == before


# After a restart


@pytest.mark.parametrize("delivery", [INSTANT, HELD], ids=["at once", "in escrow"])
def test_a_participant_goes_on_from_its_journal_as_if_nothing_had_been(delivery):
    """Everybody is restarted before every block and every letter."""
    town = Town(delivery=delivery)
    for name in town.people:
        town.restart(name)
    town.opened()
    for now in (1_045, 1_060):
        moved = True
        while moved:
            moved = False
            for name in town.people:
                for letter in town.restart(name).journal.letters():
                    heard = town.by_address[letter.recipient].receive(letter.body)
                    assert heard.answer is Answer.TAKEN
                    town.people[name].journal.delivered(letter.number)
                    moved = True
        for name in town.people:
            town.restart(name)
        town.block(now)
    town.carry(least=4)
    other = Town(delivery=delivery).agreed()
    trades = [[each.body for each in t.people["cleo"].journal.moves()] for t in (town, other)]
    assert trades[0] == trades[1]
    assert len(trades[0]) == 2


def test_a_block_that_is_given_again_has_no_effect_even_if_nothing_came_of_it(town):
    """It is written down with what comes next; its time must not be stepped again after that.

    A tick is more than a time: what a message brought in since is done at the next block, not at
    the one before it.
    """
    town.opened()
    town.block(1_044)
    town.carry(least=4)
    cleo = town.restart("cleo")
    assert cleo.followed == len(town.blocks)
    before = written(cleo)
    for block in town.blocks:
        cleo.follow(block)
    assert written(cleo) == before


def test_a_journal_keeps_a_bounded_number_of_inputs(town):
    cleo = town.people["cleo"]
    for number in range(SNAPSHOT_EVERY + 5):
        cleo.order(Deposit(TOKEN, number))
        assert len(list(cleo.journal.inputs())) < SNAPSHOT_EVERY
    assert len(cleo.journal.moves()) == SNAPSHOT_EVERY + 5
    assert len(list(town.restart("cleo").journal.inputs())) == 5


def test_a_journal_is_folded_on_from_what_was_folded_before_and_anew_after_a_snapshot(town):
    cleo, known, steps = town.people["cleo"], None, []

    def step(state, entry):
        steps.append(entry)
        return supplier.step(state, entry)

    known = folded_on(cleo.journal, step, SupplierState, known)
    for number in range(6):
        if number == 3:  # inputs are numbered from 1 again
            with cleo.journal.writing():
                cleo.journal.snapshot(encode(cleo.state))
        steps.clear()
        cleo.order(Deposit(TOKEN, 9))
        known = folded_on(cleo.journal, step, SupplierState, known)
        assert encode(known.state) == encode(cleo.state)
        assert len(steps) == 1


def test_a_journal_of_somebody_else_is_refused(town):
    town.opened()
    journal = Journal.restored(town.people["anne"].journal.dump())
    bert = town.people["bert"].address
    with pytest.raises(BadJournal, match=f"is {town.people['anne'].address}'s, not {bert}'s"):
        town.start("bert", journal)


@pytest.mark.parametrize("kept", ["state", "input"])
def test_a_journal_whose_text_is_damaged_is_said_to_be_so(kept, town):
    participant = town.people["anne"]
    journal = participant.journal
    with journal.writing():
        if kept == "state":
            journal.note("state", b'{"address":\xff')
        else:
            journal.add_input(b"\xff")
    with pytest.raises(BadJournal, match=r"the journal is damaged \(.*\); restore a copy of it"):
        folded(journal, participant._step, type(participant.state))


def test_the_owner_hears_after_a_crash_what_it_was_not_told(town):
    """News lie in the journal until the owner was told, or a crash between the two loses them."""

    town.agreed()
    town.told.clear()
    told, town.hear = town.hear, gone
    trades = [move_of(each.body).signed.trade for each in town.people["cleo"].journal.moves()]
    with pytest.raises(Gone):
        town.block(1_061, *map(settled, trades))
    assert town.told == []
    town.hear = told
    town.restart("anne")
    (news,) = town.told
    assert (news.news.id, news.news.state) == (keccak(b"anne"), "served")
    town.restart("anne")
    assert len(town.told) == 1


class Gone(BaseException):
    """The process is gone."""


def gone(_):
    raise Gone


# Several at once


def test_letters_that_are_taken_together_leave_what_they_leave_one_by_one(town):
    """Among them one that comes twice, one that is none, and one that is ahead of its turn."""
    other = type(town)()
    for each in (town, other):
        each.opened()
        each.carry(least=4)
        each.block(1_045)
        each.carry(least=2)
        each.block(1_060)
    anne, twin = town.people["anne"], other.people["anne"]
    opening, quote = (each for each in town.letters("cleo") if each.recipient == anne.address)
    bodies = [quote.body, opening.body, b"[" * 9, opening.body, quote.body, quote.body]
    together = anne.receive_all((body, None) for body in bodies)
    assert together == [twin.receive(body) for body in bodies]
    refused, postponed = Answer.REFUSED, Answer.POSTPONED
    taken = [each.answer for each in together]
    assert taken == [postponed, Answer.TAKEN, refused, *[Answer.TAKEN] * 3]
    assert (anne.state, anne.sent) == (twin.state, twin.sent)
    assert contents(anne) == contents(twin)
    town.carry(least=4)
    assert len(town.people["cleo"].journal.moves()) == 2


def contents(participant):
    """Every row of the journal, in order."""
    database = participant.journal._db
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    names = [row[0] for row in tables.fetchall()]
    return {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608


def test_letters_taken_together_are_written_in_one_transaction(town):
    """So they wait for the disk once, and a crash in between leaves none of them."""
    town.opened()
    cleo, statements = town.people["cleo"], []
    cleo.journal._db.set_trace_callback(statements.append)
    bodies = [town.letters(name)[0].body for name in ("anne", "bert")]
    heard = cleo.receive_all((body, None) for body in bodies)
    assert [each.answer for each in heard] == [Answer.TAKEN] * 2
    assert [each for each in statements if each in ("BEGIN IMMEDIATE", "COMMIT")] == [
        "BEGIN IMMEDIATE",
        "COMMIT",
    ]
    statements.clear()
    cleo.receive_all((body, None) for body in bodies)
    assert not {"BEGIN IMMEDIATE", "COMMIT"} & set(statements)


# A full disk


def order_without_end(participant):
    while True:
        participant.order(Deposit(TOKEN, 1))


def test_a_full_disk_refuses_before_anything_is_signed_and_loses_nothing(town):
    """Fault 14: the sender gets no answer, and may send again once there is room."""
    town.opened()
    (letter, *_) = town.letters("anne")
    cleo = town.people["cleo"]
    (pages,) = cleo.journal._db.execute("PRAGMA page_count").fetchone()
    cleo.journal._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalFull):
        order_without_end(cleo)
    before, moves = written(cleo), len(cleo.journal.moves())
    with pytest.raises(JournalFull):
        cleo.receive_all([(b"no letter", None), (letter.body, None)])
    assert written(cleo) == before
    assert cleo.sent == {}
    cleo.journal._db.execute("PRAGMA max_page_count = 1000000")
    assert cleo.receive(letter.body).answer is Answer.TAKEN
    assert cleo.sent == {"Offer": 1}
    assert len(cleo.journal.moves()) == moves
    assert town.restart("cleo").receive(letter.body).answer is Answer.TAKEN
