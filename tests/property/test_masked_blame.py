"""Each lie of a member of a masked session has a name, and nobody's answer is opened to find it."""

from dataclasses import dataclass, replace

import pytest

from fabmarket.identity import Key, digest
from fabmarket.identity.masks import ORDER, G, commitment, pads, product
from fabmarket.market.masked import Dispute, Inquiry, MaskedAbort, MaskedReply, PairShown
from fabmarket.market.messages import Member, PriceTerms
from fabmarket.market.units import MICRO
from fabmarket.negotiation.course import CLOCK, InvalidMove
from fabmarket.negotiation.masked.asked import to_dispute, to_inquiry
from fabmarket.negotiation.masked.blame import pads_of, pair_of
from fabmarket.negotiation.masked.cards import key_of
from fabmarket.negotiation.masked.hosted import LIED, SILENT
from fabmarket.negotiation.masked.hosting import heard
from fabmarket.negotiation.masked.seat import follow
from tests.property.masked_sessions import (
    DOMAIN,
    MaskedRoom,
    offer_of,
    opened,
    secret_of,
)
from tests.property.sessions import DEMANDERS, TOKEN

GAME = PriceTerms("simultaneous", 1_000_000, 500_000, 10, 10**6, TOKEN, least=3)
TICKS = PriceTerms(CLOCK, 0, 0, 10, 6, TOKEN, step=4, least=3)
MARGINS = (80, 60, 100, 90)


def members(quantity=50):
    return tuple(
        Member(DEMANDERS[at], bytes([at]) * 32, bytes([at]) * 32, quantity, True, at)
        for at in range(4)
    )


@dataclass
class Lies:
    """A room in which one seat says what it likes."""

    room: MaskedRoom
    liar: int = 2
    margins: tuple[int, ...] = MARGINS

    def answer_truly(self, but=()):
        for at, margin in enumerate(self.margins):
            if at not in but:
                self.room.take(at, margin)

    def say(self, **numbers):
        """The liar's answer with other numbers than its own; its commitment is to them."""
        seated, reply = self.room.answer_of(self.liar, self.margins[self.liar])
        mask, seat = seated.masks[0], seated.seats[0]
        quote = seated.last_digest
        hidden = pads(mask.pair_keys, self.liar, quote)
        own = seat.answers[-1]
        blind = (reply.answer.blind - hidden[2]) % ORDER
        given = {"first": own.quantity, "second": own.moving, **numbers}
        wanted = (given["first"] % ORDER, given["second"] % ORDER, blind)
        answer = replace(
            reply.answer,
            first=(wanted[0] + hidden[0]) % ORDER,
            second=(wanted[1] + hidden[1]) % ORDER,
            commitment=commitment(*wanted),
        )
        seat = replace(seat, answers=(*seat.answers[:-1], replace(own, quantity=wanted[0])))
        self.room.seats[self.liar] = replace(seated, seats=(seat,))
        self.hear_answer(answer)

    def hear_answer(self, answer):
        """The supplier hears this answer of the liar, signed by its account."""
        seated = self.room.seats[self.liar]
        its = digest(DOMAIN, answer)
        own = replace(seated.seats[0].answers[-1], digest=its)
        seat = replace(seated.seats[0], answers=(*seated.seats[0].answers[:-1], own))
        mask = replace(seated.masks[0], said=(*seated.masks[0].said[:-1], answer))
        self.room.seats[self.liar] = replace(seated, seats=(seat,), masks=(mask,))
        self.room.hear(MaskedReply(DEMANDERS[self.liar], answer))

    @property
    def key(self):
        return key_of(secret_of(self.liar), offer_of(self.liar))

    def ask(self, rounds=None):
        """The supplier's inquiry, which all follow."""
        inquiry = self.room.say()
        assert isinstance(inquiry, Inquiry)
        assert rounds is None or inquiry.rounds == rounds
        return inquiry

    def hear(self, word):
        self.room.sent.append((None, word, ()))
        self.room.hosted = heard(self.room.hosted, word, DOMAIN)

    def tell_truly(self, but=()):
        for at in range(len(self.margins)):
            if at not in but:
                self.hear(to_inquiry(self.room.seats[at], 0, DOMAIN, secret_of(at)))

    def own_word(self):
        return to_inquiry(self.room.seats[self.liar], 0, DOMAIN, secret_of(self.liar))

    def named(self):
        abort = self.room.say()
        assert isinstance(abort, MaskedAbort)
        assert abort.reason == LIED
        assert self.room.hosted.over
        return abort.seats


def lies(terms=GAME, quantity=50):
    room = opened(terms, members(quantity))
    room.say()
    return Lies(room)


@pytest.mark.parametrize("field", ["first", "second", "blind"])
def test_who_answers_something_else_than_it_committed_to_is_named(field):
    it = lies()
    it.answer_truly(but=[it.liar])
    it.room.seats[it.liar], reply = it.room.answer_of(it.liar, 100)
    wrong = (getattr(reply.answer, field) + 12_345) % ORDER
    it.hear_answer(replace(reply.answer, **{field: wrong}))
    it.ask(rounds=())
    it.tell_truly()
    assert it.named() == (it.liar,)


def test_a_commitment_to_something_else_is_named_too():
    it = lies()
    it.answer_truly(but=[it.liar])
    it.room.seats[it.liar], reply = it.room.answer_of(it.liar, 100)
    it.hear_answer(replace(reply.answer, commitment=product([reply.answer.commitment, G])))
    it.ask(rounds=())
    it.tell_truly()
    assert it.named() == (it.liar,)


def framed(it, victim):
    """The liar's wrong answer, made up for by a wrong commitment to its pad with a victim."""
    it.answer_truly(but=[it.liar])
    it.room.seats[it.liar], reply = it.room.answer_of(it.liar, 100)
    shift = 1 if it.liar < victim else -1
    wrong = (reply.answer.first + shift) % ORDER
    it.hear_answer(replace(reply.answer, first=wrong))
    it.ask(rounds=())
    it.tell_truly(but=[it.liar])
    word = it.own_word()
    commitments = list(word.pads.commitments)
    commitments[victim] = product([commitments[victim], G])
    pads_ = replace(word.pads, commitments=tuple(commitments))
    it.hear(replace(word, pads=pads_, consent=it.key.sign(digest(DOMAIN, pads_))))


@pytest.mark.parametrize("victim", [0, 3])
@pytest.mark.parametrize("who_opens", ["both", "victim", "liar"])
def test_who_says_something_else_of_a_shared_pad_is_named_and_its_victim_is_not(victim, who_opens):
    it = lies()
    framed(it, victim)
    before = list(it.room.seats)
    dispute = it.room.say()
    assert isinstance(dispute, Dispute)
    disputed = {"both": (victim, it.liar), "victim": (victim,), "liar": (it.liar,)}[who_opens]
    for at in range(4):
        if at in disputed and at != it.liar:
            it.hear(to_dispute(before[at], 0, dispute, DOMAIN, secret_of(at)))
        elif at == it.liar and at in disputed:
            # It would not open by itself what proves its lie; the point is the two keys' all the
            # same, so that nothing else can be opened.
            it.hear(forced_pair(it, before[at], victim))
        elif at not in (victim, it.liar):
            assert to_dispute(before[at], 0, dispute, DOMAIN, secret_of(at)) is None
    abort = it.room.say(time_up=True)
    assert (abort.reason, abort.seats) == (LIED, (it.liar,))


def forced_pair(it, seated, victim):
    mask = seated.masks[0]
    mine = pads_of(mask.pair_keys, seated.id, it.liar, seated.last_digest)
    other = seated.opening.cards[victim].mask_key
    theirs = replace(mine, seat=victim, commitments=tuple(b"x" for _ in mine.commitments))
    pair = pair_of(it.key, mine, theirs, other, secret_of(it.liar))
    return PairShown(DEMANDERS[it.liar], pair, it.key.sign(digest(DOMAIN, pair)))


def test_a_false_point_is_named():
    it = lies()
    framed(it, 0)
    dispute = it.room.say()
    shown = to_dispute(it.room.seats[0], 0, dispute, DOMAIN, secret_of(0))
    it.hear(shown)
    false = forced_pair(it, it.room.seats[it.liar], 0)
    pair = replace(false.pair, point=product([false.pair.point, G]))
    it.hear(replace(false, pair=pair, consent=it.key.sign(digest(DOMAIN, pair))))
    assert it.named() == (it.liar,)


def test_nothing_is_opened_in_a_dispute_that_is_none():
    """A supplier that shows two seats' true words, or a forged one, is not told what they share."""
    it = lies()
    framed(it, 0)
    dispute = it.room.due()[0].message
    it.room.say()
    true = {at: to_inquiry(it.room.seats[at], 0, DOMAIN, secret_of(at)) for at in (0, 1)}
    none = replace(
        dispute,
        pads=tuple(each.pads for each in true.values()),
        consents=tuple(each.consent for each in true.values()),
    )
    eve = Key.derive("eve")
    forged = replace(none.pads[1], commitments=(G, b"", *none.pads[1].commitments[2:]))
    lies_ = [
        none,
        replace(none, pads=(none.pads[0], forged)),
        replace(
            none,
            pads=(none.pads[0], forged),
            consents=(none.consents[0], eve.sign(digest(DOMAIN, forged))),
        ),
        replace(none, pads=none.pads[:1], consents=none.consents[:1]),
        replace(none, pads=(none.pads[0], none.pads[0])),
    ]
    for lie in lies_:
        with pytest.raises(InvalidMove):
            to_dispute(it.room.seats[0], 0, lie, DOMAIN, secret_of(0))


@pytest.mark.parametrize(
    ("wanted", "moving"),
    [(-(10**9), 1), (50 * MICRO * 40, 1), (10 * MICRO, 7), (10 * MICRO, -3)],
    ids=["less than nothing", "more than all", "moves seven times", "moves less than never"],
)
def test_who_answers_what_nobody_can_is_named(wanted, moving):
    it = lies()
    it.answer_truly(but=[it.liar])
    it.say(first=wanted, second=moving)
    it.ask(rounds=(0,))
    it.tell_truly()
    assert it.named() == (it.liar,)


def test_who_wants_more_at_a_higher_price_is_named():
    it = lies()
    it.margins = (10_000,) * 4  # so that the others want all that they can at both prices
    it.answer_truly(but=[it.liar])
    it.say(first=1 * MICRO)
    price = it.room.say().price
    assert price > it.room.hosted.heard[0].price
    it.answer_truly(but=[it.liar])
    it.say(first=49 * MICRO)
    it.ask(rounds=(0, 1))
    it.tell_truly()
    assert it.named() == (it.liar,)


def test_a_clock_s_units_that_come_back_are_named():
    it = lies(TICKS, quantity=5)
    it.answer_truly(but=[it.liar])
    it.say(first=1)
    assert not it.room.say().final
    it.answer_truly(but=[it.liar])
    it.say(first=5)
    it.ask(rounds=(0, 1))
    it.tell_truly()
    assert it.named() == (it.liar,)


def test_a_clock_s_answer_that_counts_movers_is_named():
    it = lies(TICKS, quantity=5)
    it.answer_truly(but=[it.liar])
    it.say(second=1)
    it.ask(rounds=(0,))
    it.tell_truly()
    assert it.named() == (it.liar,)


def test_who_is_silent_in_an_inquiry_is_named_as_that():
    it = lies()
    it.answer_truly(but=[it.liar])
    it.say(first=-5 * MICRO * 100)
    it.ask()
    it.tell_truly(but=[1])
    abort = it.room.say(time_up=True)
    assert (abort.reason, abort.seats) == (SILENT, (1,))


def test_proofs_and_pads_are_heard_once_and_of_their_seat_alone():
    it = lies()
    it.answer_truly(but=[it.liar])
    it.say(first=-5 * MICRO * 100)
    it.ask()
    word = to_inquiry(it.room.seats[0], 0, DOMAIN, secret_of(0))
    for lie in (
        replace(word, seat=1),
        replace(word, seat=9),
        replace(word, quote=bytes(32)),
        replace(word, proofs=()),
    ):
        with pytest.raises(InvalidMove):
            it.hear(lie)
    it.hear(word)
    with pytest.raises(InvalidMove):
        it.hear(word)
    answer = it.room.seats[1].masks[0].said[-1]
    with pytest.raises(InvalidMove, match="the session is closed"):
        it.hear(MaskedReply(DEMANDERS[1], answer))


def test_a_supplier_asks_once_about_what_was_answered():
    it = lies()
    it.answer_truly(but=[it.liar])
    it.say(first=-5 * MICRO * 100)
    before = it.room.seats[0]
    inquiry = it.ask()
    key = digest(DOMAIN, inquiry)
    with pytest.raises(InvalidMove, match="a second inquiry"):
        follow(it.room.seats[0], replace(inquiry, rounds=()), key, ())
    for rounds in ((1,), (0, 0), (0, 1, 2)):
        with pytest.raises(InvalidMove, match="other rounds"):
            follow(before, replace(inquiry, rounds=rounds), key, ())
    fresh = opened(GAME, members())
    fresh.say()
    asked = replace(inquiry, session=fresh.hosted.id, previous=fresh.seats[0].last_digest)
    with pytest.raises(InvalidMove, match="not answered"):
        follow(fresh.seats[0], asked, key, ())
    dispute = Dispute(inquiry.supplier, before.id, before.last_digest, (), ())
    with pytest.raises(InvalidMove, match="after no inquiry"):
        follow(before, dispute, key, ())
