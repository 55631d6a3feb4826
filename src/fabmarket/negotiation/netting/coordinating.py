"""Whoever coordinates net cycles: it names who takes part, proposes a batch, submits it.

It is trusted with nothing: it learns what the chain will show, and a batch that is not what each
party entered, or not the same for all, is signed by nobody.
"""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rpds import HashTrieMap, HashTrieSet

from fabmarket.identity import Domain, digest, is_by
from fabmarket.market.cycles import (
    ATTEMPTS,
    Consent,
    Counted,
    Cycles,
    Entry,
    Joining,
    Proposal,
    Roll,
)
from fabmarket.market.events import Deposited, Event, Listed
from fabmarket.market.exchange import SettleNet
from fabmarket.market.net import Cycle, path, root
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.moves import Output, Received, Send, Submit

MOST_ACCOUNTS = 256
"""Accounts of a cycle, so that a batch fits a transaction and a letter."""
MOST_SALES = 128
"""Listings of a batch likewise."""


@dataclass(frozen=True)
class Gathering:
    """An attempt of a cycle that `closed`: who is on the roll, and what each has said.

    `cycle` is what was proposed, `batch` its digest; `checked` are those that found it right.
    """

    closed: int
    number: int
    roll: tuple[str, ...]
    entries: HashTrieMap[str, Entry] = field(default_factory=HashTrieMap)
    cycle: Cycle | None = None
    batch: bytes = b""
    checked: HashTrieSet[str] = field(default_factory=HashTrieSet)
    signatures: HashTrieMap[str, bytes] = field(default_factory=HashTrieMap)
    submitted: bool = False

    @property
    def missing(self) -> frozenset[str]:
        """Who keeps the attempt from being settled, as far as that shows."""
        rows = () if self.cycle is None else self.cycle.rows
        for said in (self.checked, self.signatures):
            silent = frozenset(row.account for row in rows if row.account not in said)
            if silent:
                return silent
        return frozenset(each for each in self.roll if each not in self.entries)


@dataclass(frozen=True)
class Coordinator:
    """All that a coordinator knows. `known` are accounts that the chain has seen pay in or list,
    `owners` those of the listings.

    `joined` are those that would take part in the cycle that closed last, at `closed`; `early` are
    those in the next, which by their blocks has closed already.
    """

    address: str
    domain: Domain
    token: str
    cycles: Cycles
    known: HashTrieSet[str] = field(default_factory=HashTrieSet)
    owners: HashTrieMap[bytes, str] = field(default_factory=HashTrieMap)
    closed: int = -1
    joined: HashTrieSet[str] = field(default_factory=HashTrieSet)
    early: HashTrieSet[str] = field(default_factory=HashTrieSet)
    attempt: Gathering | None = None


Coordinated: TypeAlias = "tuple[Coordinator, tuple[Output, ...]]"


def after(state: Coordinator, event: Event) -> Coordinator:
    """Return what an event tells of accounts; this if nothing."""
    match event:
        case Deposited() if event.token == state.token and event.account not in state.known:
            return replace(state, known=state.known.insert(event.account))
        case Listed() if event.listing not in state.owners:
            owners = state.owners.insert(event.listing, event.supplier)
            return replace(state, known=state.known.insert(event.supplier), owners=owners)
        case _:
            return state


def hear(state: Coordinator, given: Received, now: int) -> Coordinated:
    """Follow a party's word. Unacceptable: nothing has changed."""
    match given.message:
        case Joining() as word:
            return _take_joining(state, word, now), ()
        case Entry() as entry:
            return _take_entry(state, entry, now)
        case Counted() as word:
            return _take_checked(state, word), ()
        case Consent() as consent:
            return _take_consent(state, consent, now)
        case _:
            raise Unacceptable(f"a {type(given.message).__name__} is not for a coordinator")


def tick(state: Coordinator, now: int) -> Coordinated:
    """Call the roll when an attempt begins; propose when all have entered that will."""
    if now < state.cycles.rhythm.origin:
        return state, ()
    closed = state.cycles.closed(now)
    if closed != state.closed:
        is_next = closed == state.closed + state.cycles.length or state.closed < 0
        joined: HashTrieSet[str] = state.early if is_next else HashTrieSet()
        state = replace(state, closed=closed, joined=joined, early=HashTrieSet(), attempt=None)
    number = -1 if state.attempt is None else state.attempt.number
    following = number + 1
    if following < ATTEMPTS and now >= state.cycles.begins(closed, following):
        if now >= state.cycles.begins(closed, following, 1):
            return state, ()  # too late for it, as after a crash
        return _call(state, following)
    return state, ()


def _take_joining(state: Coordinator, word: Joining, now: int) -> Coordinator:
    is_early = word.closed != state.closed
    if is_early and not _is_about_to_close(state, word.closed, now):
        raise Unacceptable("joining of a cycle that is not about to close, and has not just")
    if not is_early and state.attempt is not None:
        raise Unacceptable("joining after the roll was called")
    if word.party not in state.known:
        raise Unacceptable("joining of an account that has nothing in the exchange")
    taking = state.early if is_early else state.joined
    if len(taking) >= MOST_ACCOUNTS:
        raise Unacceptable(f"joining of a cycle that has {MOST_ACCOUNTS} accounts")
    taking = taking.insert(word.party)
    return replace(state, early=taking) if is_early else replace(state, joined=taking)


def _is_about_to_close(state: Coordinator, closed: int, now: int) -> bool:
    """Whether others may hold the cycle for closed already: their blocks are later than ours."""
    return now < closed <= now + state.cycles.rhythm.quarter and (
        state.cycles.closing(closed) == closed
    )


def _call(state: Coordinator, number: int) -> Coordinated:
    """Begin an attempt: the second without those who were missing in the first."""
    before = state.attempt
    if before is None:
        taking = set(state.joined)
    elif before.submitted:
        return state, ()
    else:
        taking = set(before.roll) - before.missing
    roll = tuple(sorted(taking, key=lambda each: int(each, 16)))
    state = replace(state, attempt=Gathering(state.closed, number, roll))
    word = Roll(state.address, state.closed, number, roll)
    until = state.cycles.late_from(state.closed)
    return state, tuple(Send(word, each, until) for each in roll)


def _take_entry(state: Coordinator, entry: Entry, now: int) -> Coordinated:
    attempt = state.attempt
    if attempt is None or (entry.closed, entry.attempt) != (attempt.closed, attempt.number):
        raise Unacceptable("entry of another attempt than the one under way")
    if entry.author not in attempt.roll or entry.author in attempt.entries:
        raise Unacceptable("second entry, or one of somebody who is not on the roll")
    if now >= state.cycles.begins(attempt.closed, attempt.number, 2):
        raise Unacceptable("entry that comes too late")
    if entry.row.sales != len(entry.sales) or (entry.sales and not entry.row.mask):
        raise Unacceptable("entry of other sales than its row says")
    listings = [sale.listing for sale in entry.sales]
    owners = {state.owners.get(each) for each in listings}
    if listings != sorted(set(listings)) or owners - {entry.author}:
        raise Unacceptable("entry of a sale that is not the party's, or of one twice")
    attempt = replace(attempt, entries=attempt.entries.insert(entry.author, entry))
    state = replace(state, attempt=attempt)
    return _propose(state, attempt) if len(attempt.entries) == len(attempt.roll) else (state, ())


def _propose(state: Coordinator, attempt: Gathering) -> Coordinated:
    """Show all that entered something the batch that follows, if it adds up."""
    entries = [attempt.entries[each] for each in attempt.roll if attempt.entries[each].row.mask]
    rows = tuple(each.row for each in entries)
    sales = tuple(
        sorted(
            (replace(sale, row=at) for at, each in enumerate(entries) for sale in each.sales),
            key=lambda sale: sale.listing,
        )
    )
    if not rows or sum(each.change for each in rows) != 0 or len(sales) > MOST_SALES:
        return state, ()
    parts = [each.trades for each in entries if each.sales]
    until = state.cycles.late_from(attempt.closed)
    cycle = Cycle(state.token, root(parts), until, rows, sales)
    batch = digest(state.domain, cycle.batch)
    state = replace(state, attempt=replace(attempt, cycle=cycle, batch=batch))
    return state, tuple(
        Send(_proposal(state, attempt, cycle, parts, each), each.author, until) for each in entries
    )


def _proposal(
    state: Coordinator, attempt: Gathering, cycle: Cycle, parts: list[bytes], entry: Entry
) -> Proposal:
    """The batch as one of its parties is shown it: a supplier with the path of its part."""
    at = parts.index(entry.trades) if entry.sales else 0
    steps = path(parts, at) if entry.sales else ()
    return Proposal(
        coordinator=state.address,
        closed=attempt.closed,
        attempt=attempt.number,
        token=cycle.token,
        trades=cycle.trades,
        valid_until=cycle.valid_until,
        rows=cycle.rows,
        sales=cycle.sales,
        index=at,
        path=steps,
    )


def _of(state: Coordinator, party: str, batch: bytes) -> tuple[Gathering, Cycle]:
    """The batch that a party's word is of."""
    attempt = state.attempt
    if attempt is None or attempt.cycle is None or batch != attempt.batch:
        raise Unacceptable("word of another batch than the one proposed")
    if all(row.account != party for row in attempt.cycle.rows):
        raise Unacceptable("word of somebody who is not in the batch")
    return attempt, attempt.cycle


def _take_checked(state: Coordinator, word: Counted) -> Coordinator:
    attempt, _ = _of(state, word.party, word.batch)
    checked = attempt.checked.insert(word.party)
    return replace(state, attempt=replace(attempt, checked=checked))


def _take_consent(state: Coordinator, word: Consent, now: int) -> Coordinated:
    """Keep a signature; with the last one submit the batch."""
    attempt, cycle = _of(state, word.party, word.batch)
    if word.party in attempt.signatures:
        raise Unacceptable("second signature of one batch")
    if not is_by(word.party, word.batch, word.consent):
        raise Unacceptable("signature of a batch that is not the party's")
    signatures = attempt.signatures.insert(word.party, word.consent)
    is_whole = len(signatures) == len(cycle.rows) and now < cycle.valid_until
    attempt = replace(attempt, signatures=signatures, submitted=is_whole)
    state = replace(state, attempt=attempt)
    if not is_whole:
        return state, ()
    ordered = tuple(signatures[row.account] for row in cycle.rows)
    return state, (Submit(SettleNet(cycle, ordered)),)
