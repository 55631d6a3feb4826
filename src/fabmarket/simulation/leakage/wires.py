"""What the links tell whoever watches them: who writes to whom, when, how much, and what is said.

What a link shows of a letter is a `Seen`; where letters are sealed its text is not in it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from fabmarket.errors import Refused
from fabmarket.identity.codec import decode
from fabmarket.market.messages import Member, Opening
from fabmarket.market.sums import beside
from fabmarket.market.trade import Trade
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.node.envelope import Envelope
from fabmarket.simulation.leakage.rows import Attack, Leak
from fabmarket.simulation.links import Seen
from fabmarket.simulation.outcome import Outcome

_WATCHER = "whoever watches the links"


@dataclass(frozen=True)
class _Sitting:
    """A session: who hosts it, its members in the order of their seats, its rounds and its beat.

    In a round each member writes one letter.
    """

    id: bytes
    supplier: str
    members: tuple[Member, ...]
    rounds: int
    opens: int
    ends: int

    @property
    def accounts(self) -> set[str]:
        """Who sits in it."""
        return {member.demander for member in self.members}


def _sittings(outcome: Outcome) -> list[_Sitting]:
    """The sessions of a run, from the beat at which each opened."""
    found = []
    for shown in outcome.talks:
        if isinstance(shown.talk, Hosted | MaskedHosted):
            opening = shown.talk.opening
            opens = opening.ends - outcome.rhythm.period
            who = shown.talk.id, opening.supplier, tuple(shown.members), len(shown.talk.rounds)
            found.append(_Sitting(*who, opens, opening.ends))
    return found


def letters(protected: Outcome, bare: Outcome) -> Leak | None:
    """Letters: does what goes over the link read as a message and its author?"""
    if not protected.wires:
        return None
    return Leak(
        _WATCHER,
        "reads the letters",
        "what is said, and by whom",
        len(protected.wires),
        _share_read(protected.wires),
        0.0,
        _share_read(bare.wires),
    )


def _share_read(wires: Sequence[Seen]) -> float:
    return sum(_read(each) is not None for each in wires) / len(wires) if wires else 0.0


def _read(seen: Seen) -> Envelope | None:
    """The message in bytes that went over a link, if they are one."""
    if seen.clear is None:
        return None
    try:
        return decode(Envelope, seen.clear)
    except Refused:
        return None


def seats(protected: Outcome, bare: Outcome) -> Leak | None:
    """Seats of masked sessions, by a member that watches the links and knows all cards.

    It takes the seats in the order in which letters came to the supplier before the session, in
    that in which the supplier sent them when it opened, and by the sizes of those, as a place in a
    tree has a path of its own length: three tries for each seat.
    """
    masked = {shown.talk.id for shown in protected.talks if isinstance(shown.talk, MaskedHosted)}
    there = [each for each in _sittings(protected) if each.id in masked]
    if not there:
        return None
    ways = (_as_they_came, _as_they_were_sent, _by_size)
    tries = len(ways) * sum(len(each.members) for each in there)
    right = sum(way(protected.wires, each) for each in there for way in ways)
    return Leak(
        "a member that watches the links",
        "takes seats by order and size of letters",
        "whose seat is whose",
        tries,
        right / tries,
        len(ways) * len(there) / tries,
        _share_of_seats_read(bare),
    )


def _as_they_came(wires: Sequence[Seen], sitting: _Sitting) -> int:
    """How many seats are right if hosts are seated as their last letters before it came."""
    begins = sitting.opens - (sitting.ends - sitting.opens) // 4
    hosts = (
        each.sender_host
        for each in wires
        if each.recipient_host == sitting.supplier and begins <= each.time < sitting.opens
    )
    return _right(sitting, list(dict.fromkeys(hosts)), range(len(sitting.members)))


def _as_they_were_sent(wires: Sequence[Seen], sitting: _Sitting) -> int:
    """How many are right if hosts are seated as the supplier's letters left."""
    hosts = (each.recipient_host for each in _sent(wires, sitting))
    return _right(sitting, list(dict.fromkeys(hosts)), range(len(sitting.members)))


def _by_size(wires: Sequence[Seen], sitting: _Sitting) -> int:
    """How many are right if who was sent most sits where the path to the root is longest."""
    sizes: Counter[str] = Counter()
    for each in _sent(wires, sitting):
        sizes[each.recipient_host] += each.size
    count = len(sitting.members)
    seats_by_path = sorted(range(count), key=lambda at: len(beside(at, count)))
    return _right(sitting, sorted(sizes, key=lambda host: sizes[host]), seats_by_path)


def _sent(wires: Sequence[Seen], sitting: _Sitting) -> Iterator[Seen]:
    """What the supplier sent while the session went on; later it has others to write."""
    until = (sitting.opens + sitting.ends) // 2
    for each in wires:
        if each.sender_host == sitting.supplier and sitting.opens <= each.time < until:
            yield each


def _right(sitting: _Sitting, hosts: Sequence[str], seats_so: Sequence[int]) -> int:
    """How many members of the session are where these hosts, one after the other, are seated."""
    there = [host for host in hosts if host in sitting.accounts]
    return sum(
        host == sitting.members[at].demander for host, at in zip(there, seats_so, strict=False)
    )


def _share_of_seats_read(outcome: Outcome) -> float:
    """In clear letters the opening shows each its seats, under the host that it is sent to."""
    read = set[tuple[str, int, str]]()
    for seen in outcome.wires:
        envelope = _read(seen)
        if envelope is not None and isinstance(envelope.message, Opening):
            supplier, ends = envelope.message.supplier, envelope.message.ends
            read.update((supplier, ends, place.selection.hex()) for place in envelope.places)
    everyone = [
        (each.supplier, each.ends, member.selection.hex())
        for each in _sittings(outcome)
        for member in each.members
    ]
    return sum(each in read for each in everyone) / len(everyone) if everyone else 0.0


def meetings(protected: Outcome, bare: Outcome) -> Leak | None:
    """Who negotiates with whom: letters between two hosts in both directions."""
    pairs = _pairs(protected)
    if not pairs or not protected.wires:
        return None
    return Leak(
        _WATCHER,
        "sees who writes to whom",
        "who negotiates with whom",
        len(pairs),
        _share_met(protected),
        0.0,
        _share_met(bare),
        "not hidden",
    )


def _pairs(outcome: Outcome) -> set[tuple[str, str]]:
    """Supplier and demander of every session, bargain and trade."""
    sat = {(each.supplier, who) for each in _sittings(outcome) for who in each.accounts}
    talks = [shown.talk for shown in outcome.talks]
    sat |= {(each.opening.supplier, each.demander) for each in talks if isinstance(each, Bargain)}
    events = [trade.event for trade in outcome.trades]
    return sat | {(outcome.listed[each.listing].supplier, each.demander) for each in events}


def told(protected: Outcome, bare: Outcome) -> Leak | None:
    """What a supplier is sent for itself: counters of a bargain, bids for a product."""
    heard = sum(
        len(journal.said("Counter", "Bid"))
        for address, journal in protected.journals.items()
        if any(party.address == address for party in protected.parties.suppliers)
    )
    if not heard:
        return None
    return Leak(
        "a supplier that is asked",
        "reads the bids and counters that it is sent",
        "what a demander would pay",
        heard,
        1.0,
        0.0,
        1.0,
        "not hidden",
    )


def _share_met(outcome: Outcome) -> float:
    seen = {(each.sender_host, each.recipient_host) for each in outcome.wires}
    pairs = _pairs(outcome)
    met = [(one, other) in seen and (other, one) in seen for one, other in pairs]
    return sum(met) / len(met) if met else 0.0


def winners(protected: Outcome, bare: Outcome) -> Leak | None:
    """Who bought of a supplier at a beat: a winner sends one letter more, its trade.

    In each session a supplier has the first word and the last, so that two letters more than come
    back tell of one session. Who knows how many rounds each had, as its members do, sees who wrote
    more.
    """
    tries, right, won = 0, 0, 0
    for sittings in _at_once(protected):
        bought = {who for each in sittings for who in _buyers(protected, each)}
        wrote, over = _counted(protected.wires, sittings)
        for who, count in wrote.items():
            some = combinations(sittings, min(over[who] // 2, len(sittings)))
            usual = {sum(each.rounds for each in its) for its in some}
            tries += 1
            won += who in bought
            right += (count not in usual) == (who in bought)
    if not tries:
        return None
    return Leak(
        "a member that watches the links",
        "counts the letters of each",
        "who bought",
        tries,
        right / tries,
        max(won, tries - won) / tries,
        _share_of_buyers_read(bare),
        "not hidden: a winner sends a letter more",
    )


def _at_once(outcome: Outcome) -> list[list[_Sitting]]:
    """The sessions that a supplier holds at one beat, together."""
    found: dict[tuple[str, int], list[_Sitting]] = defaultdict(list)
    for sitting in _sittings(outcome):
        found[sitting.supplier, sitting.ends].append(sitting)
    return list(found.values())


def _counted(
    wires: Sequence[Seen], sittings: Sequence[_Sitting]
) -> tuple[Counter[str], Counter[str]]:
    """How many letters each member wrote to its supplier, and how many more came than it wrote."""
    first = sittings[0]
    until = (first.opens + first.ends) // 2  # then the next beat's demands begin
    wrote = Counter(dict.fromkeys((who for each in sittings for who in each.accounts), 0))
    over = Counter(wrote)
    for seen in wires:
        if first.opens <= seen.time < until:
            if seen.recipient_host == first.supplier and seen.sender_host in wrote:
                wrote[seen.sender_host] += 1
                over[seen.sender_host] -= 1
            elif seen.sender_host == first.supplier and seen.recipient_host in wrote:
                over[seen.recipient_host] += 1
    return wrote, over


def _buyers(outcome: Outcome, sitting: _Sitting) -> set[str]:
    return {each.event.demander for each in outcome.trades if each.session == sitting.id}


def _share_of_buyers_read(outcome: Outcome) -> float:
    """In clear letters the trades stand in sight."""
    read = {
        (envelope.message.demander, envelope.message.listing, envelope.message.nonce)
        for envelope in map(_read, outcome.wires)
        if envelope is not None and isinstance(envelope.message, Trade)
    }
    events = [each.event for each in outcome.trades]
    bought = {(each.demander, each.listing, each.nonce) for each in events}
    return len(bought & read) / len(bought) if bought else 0.0


ATTACKS: tuple[Attack, ...] = (told, letters, seats, winners, meetings)
"""On what goes over the links."""
