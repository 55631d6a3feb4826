"""Attacks on the sums of masked sessions: by coalitions that subtract, by whoever compares two."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, product
from math import inf

from fabmarket.market.messages import Close, PriceTerms
from fabmarket.market.units import MICRO, floor_int
from fabmarket.negotiation.course import CLOCK, rule_of
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.cards import most_wanted
from fabmarket.negotiation.masked.sums import Heard, exits_between
from fabmarket.simulation.leakage.answers import Try, margins_in_open, share
from fabmarket.simulation.leakage.rows import Leak
from fabmarket.simulation.leakage.seats import (
    Room,
    blind_answer,
    blind_margin,
    rooms_of,
    sessions_of,
    unmasked,
)
from fabmarket.simulation.outcome import Outcome


def all_rivals_but_one(protected: Outcome, bare: Outcome) -> Leak | None:
    """All rivals of a seat but one take their own answers off the public sums.

    What is left are the sums of two, over which they go on as `isolated` does: where one of the two
    has stopped moving the other's answers follow, and with its margin the first one's. Which of
    the two is which the sums do not say; where both move and neither stops, they halve. Tried at
    each quote on two neighbouring seats that want something; where nobody wants anything, the sum
    says so of everybody. The control has the last rival with them: what is left is one answer.
    """
    tries: list[Try] = []
    alone: list[Try] = []
    truths: list[tuple[int, int]] = []
    for room in rooms_of(protected):
        most = most_wanted(room.terms, room.terms.capacity)
        for pair in _pairs(room):
            named = _parted(room.terms, _left(room, pair))
            lonely = [_left(room, (seat,)) for seat in pair]
            for at, both in enumerate(named):
                true = [room.seats[seat].answers[at].quantity for seat in pair]
                if any(true):
                    tries += zip(both, true, strict=True)
                    alone += zip((each[at].first for each in lonely), true, strict=True)
                    truths += [(most, each) for each in true]
    return _row(
        "all rivals but one, together",
        "take their own answers off the public sums",
        "what each of the two others wants at a price",
        "all rivals together, so that one answer is left",
        tries,
        alone,
        truths,
    )


def supplier_and_all_but_two(protected: Outcome, bare: Outcome) -> Leak | None:
    """The supplier takes the pads of m - 2 seats that help it off the other two's masked answers.

    The pad that the two share is left. The control has m - 1 seats that help: none is left.
    """
    tries: list[Try] = []
    alone: list[Try] = []
    truths: list[tuple[int, int]] = []
    for room in rooms_of(protected):
        everyone = range(len(room.seats))
        for pair in _pairs(room):
            for seat in pair:
                shared = {at: room.seats[at].pair_keys[seat] for at in everyone if at != seat}
                helped = {at: key for at, key in shared.items() if at not in pair}
                for at in range(len(room.hosted.heard)):
                    said, true = room.number(at, seat), room.seats[seat].answers[at].quantity
                    tries.append((unmasked(said, helped), true))
                    alone.append((unmasked(said, shared), true))
                    truths.append((room.most(seat), true))
    return _row(
        "the supplier, with all members but two",
        "takes the pads that they share off what it is sent",
        "what a member answers at a price",
        "all members but one",
        tries,
        alone,
        truths,
    )


def supplier_and_limits(protected: Outcome, bare: Outcome) -> Leak | None:
    """The supplier takes the answers of m - 2 seats that help it off the sums, and knows how much
    each of the other two can use.

    With that it tells whose answer is which in many rounds in which their rivals cannot: each wants
    nothing, all that it can use, or moves, and as many move as K says. The control has m - 1 seats
    that help.
    """
    tries: list[Try] = []
    alone: list[Try] = []
    truths: list[tuple[int, int]] = []
    for room in rooms_of(protected):
        for pair in _pairs(room):
            most = room.most(pair[0]), room.most(pair[1])
            named = _placed(_left(room, pair), most, _parted(room.terms, _left(room, pair)))
            lonely = [_left(room, (seat,)) for seat in pair]
            for at, both in enumerate(named):
                true = [room.seats[seat].answers[at].quantity for seat in pair]
                if any(true):
                    tries += zip(both, true, strict=True)
                    alone += zip((each[at].first for each in lonely), true, strict=True)
                    truths += zip(most, true, strict=True)
    return _row(
        "the supplier, with all members but two",
        "takes their answers off the sums, and knows limits",
        "what each of the two others wants at a price",
        "all members but one",
        tries,
        alone,
        truths,
    )


def _row(
    viewer: str,
    attack: str,
    sought: str,
    unlike: str,
    tries: Sequence[Try],
    alone: Sequence[Try],
    truths: Sequence[tuple[int, int]],
) -> Leak | None:
    """The row of what is named where two seats are left, beside where one `alone` is."""
    if not tries:
        return None
    shares = share(tries), blind_answer(truths), share(alone)
    return Leak(viewer, attack, sought, len(tries), *shares, unlike=unlike)


def isolated(protected: Outcome, bare: Outcome) -> Leak | None:
    """A member compares the public sums of two quotes, as they are and with its own answers off.

    At a price p the sums are the units Q that all want and how many answers move, K. An answer that
    moves is (c - p)/s, so s·Q + K·p is the sum of the margins c of those that move, and s times
    what the others want. If between two quotes K falls by one, and nothing else happens, one seat
    has stopped wanting anything, and this number has fallen by just its margin: exact, for all to
    read, though not whose it is. The margin must lie between the two prices, which shows most
    differences that mix several seats for what they are. So a margin is isolated where two quotes
    have just one seat's margin between them: the finer the search's steps near the price that is
    found, the more there are, and the more seats, the fewer of them. Of a clock's sums each fall
    gives the quote up to which units were wanted; the seat's margin is that or up to a step more.

    The control is a rival in an open session, which solves its neighbours' answers (a clock's: the
    prices of exits in its close).
    """
    control = _in_closes(bare) if bare.scenario.concept == CLOCK else margins_in_open(bare)
    found = pairs = known = members = 0
    for room in rooms_of(protected):
        named = [set(_named(room, viewer)) for viewer in range(len(room.seats))]
        for at, sat in enumerate(room.seats):
            by = sum(sat.margin in its for viewer, its in enumerate(named) if viewer != at)
            found, pairs = found + by, pairs + len(named) - 1
            known, members = known + bool(by), members + 1
    if not members or not control:
        return None
    return Leak(
        viewer="any member",
        attack="compares the public sums of two prices, less its own",
        sought="what a unit is worth to somebody, not to whom",
        tries=pairs,
        success=found / pairs,
        guessing=blind_margin(protected),
        control=control,
        note=f"of {members} margins {known} are known to some rival" if known else "",
    )


def isolated_margins(terms: PriceTerms, heard: Sequence[Heard]) -> Iterator[int]:
    """Yield the margins that the sums of two quotes of a game isolate, or seem to."""
    slope = Fraction(rule_of(terms).slope)
    for low, high in combinations(sorted(heard, key=lambda each: each.price), 2):
        if low.second - high.second == 1:
            fall = slope * Fraction(low.first - high.first, MICRO)
            margin = round(fall + low.second * low.price - high.second * high.price)
            if low.price < margin <= high.price:
                yield margin


def _named(room: Room, viewer: int) -> Iterator[int]:
    """The margins that the seat at this place can take for those of others."""
    others = [seat for seat in range(len(room.seats)) if seat != viewer]
    for heard in (room.hosted.heard, _left(room, others)):
        if room.terms.concept == CLOCK:
            yield from (each.price for each in exits_between(heard))
        else:
            yield from isolated_margins(room.terms, heard)


def _in_closes(outcome: Outcome) -> float:
    """How many margins stand in the closes of open clocks, of all members'."""
    found = members = 0
    for talk, margins in sessions_of(outcome):
        if isinstance(talk, Hosted) and isinstance(talk.close, Close):
            named = {each.price for each in talk.close.exits}
            found += sum(margin in named for margin in margins)
            members += len(margins)
    return found / max(1, members)


def _pairs(room: Room) -> list[tuple[int, int]]:
    """Each seat with the next one, round the roster."""
    count = len(room.seats)
    return [(at, (at + 1) % count) for at in range(count)]


def _left(room: Room, left: Sequence[int]) -> list[Heard]:
    """The sums of those left, once all others take their own answers off."""
    known = [sat.answers for seat, sat in enumerate(room.seats) if seat not in left]
    sums = []
    for at, heard in enumerate(room.hosted.heard):
        first = heard.first - sum(own[at].quantity for own in known)
        sums.append(Heard(heard.price, first, heard.second - sum(own[at].moving for own in known)))
    return sums


def _parted(terms: PriceTerms, left: Sequence[Heard]) -> list[tuple[int, int]]:
    """What a coalition says that two seats answered, from their sums alone; the first stays in
    longer.
    """
    standing = min((each.first for each in left if each.first and not each.second), default=0)
    stopped = () if terms.concept == CLOCK else tuple(isolated_margins(terms, left))
    named = []
    for each in left:
        if each.second == 1:
            named.append((each.first, 0))
        elif each.second == 0:
            named.append((standing, each.first - standing))
        else:
            margin = Fraction(max(stopped, default=0))
            one = floor_int(rule_of(terms).demand_at(margin, inf, Fraction(each.price)) * MICRO)
            one = one or each.first // 2
            named.append((each.first - one, one))
    return named


def _placed(
    left: Sequence[Heard], most: tuple[int, int], parted: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """What the supplier says that two seats answered, from their sums and the most of each."""
    named = []
    for heard, otherwise in zip(left, parted, strict=True):
        fitting = []
        for one, other in product((0, None, most[0]), (0, None, most[1])):
            rest = heard.first - (one or 0) - (other or 0)
            if heard.second == 0 and None not in (one, other) and rest == 0:
                fitting.append((one or 0, other or 0))
            if heard.second == 1 and one is None and other is not None and 0 < rest < most[0]:
                fitting.append((rest, other))
            if heard.second == 1 and other is None and one is not None and 0 < rest < most[1]:
                fitting.append((one, rest))
        named.append(fitting[0] if fitting else otherwise)
    return named
