"""What an operator's owner looks at: requests, disputes, and what is unusual on the chain."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from fabmarket.identity.codec import BadText, decode
from fabmarket.ledger import Ledger
from fabmarket.market.events import (
    Cause,
    Event,
    OperatorsSet,
    Paused,
    Released,
    RulingPosted,
    SlotAttested,
    SlotSealed,
    TokenSet,
    Uncovered,
)
from fabmarket.market.exchange import Exchange, Listing, record, terms
from fabmarket.market.exchange.state import UNDEPLOYED
from fabmarket.market.oversight import Exhibit
from fabmarket.market.parameters import Parameters
from fabmarket.market.trade import listing_id
from fabmarket.market.units import name_from_bytes32
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.operator.state import Case, Requested
from fabmarket.node.envelope import Envelope
from fabmarket.node.evidence import Evidence
from fabmarket.node.forks import forks
from fabmarket.node.journal import Journal
from fabmarket.node.owner import BadOrder, Owner
from fabmarket.node.settings import EVENTS, JOURNAL


@dataclass(frozen=True)
class Unusual:
    """Something that an operator should look at; `block` is None for what time brings."""

    kind: str
    what: str
    block: int | None = None


KINDS: dict[str, str] = {
    "refused": "a report of capacity was refused by the exchange",
    "lowered": "an attestation was lowered below what is sold already",
    "uncovered": "a buyer took its payment back because less was attested than sold",
    "replaced": "a ruling took the place of one that was posted",
    "undecided": "the operators did not rule in time, and the terms decided",
    "operators": "another set of operators takes over",
    "paused": "trading was stopped, or goes on",
    "token": "deposits in a currency are accepted, or no longer",
    "deadline": "a dispute is undecided and its time is nearly over, or over",
    "forked": "evidence shows that somebody signed two different things in one place",
}
"""What `fabmarket watch` lists."""


def operator_state(owner: Owner) -> OperatorState:
    """Return what an operator's journal says. BadOrder if the directory is of another role."""
    if owner.settings.role != "operator":
        problem = f"{owner.folder}: the agent is a {owner.settings.role}"
        raise BadOrder(f"{problem}; this is for an operator's directory")
    state: OperatorState = owner.state
    return state


def in_order(state: OperatorState) -> list[tuple[bytes, Requested]]:
    """Return the requests for attestation, the oldest first."""
    return sorted(state.requests.items(), key=lambda each: (each[1].since, each[0]))


def in_dispute(state: OperatorState) -> dict[bytes, Case]:
    """Return the disputes, those first whose time to rule ends first."""
    open_ones = {key: case for key, case in state.cases.items() if case.is_disputed}
    return dict(sorted(open_ones.items(), key=lambda each: (decide_by(state, each[1]), each[0])))


def parameters_of(state: OperatorState) -> Parameters:
    """Return the deployment's parameters, which the chain tells before any trade."""
    return state.parameters or UNDEPLOYED


def decide_by(state: OperatorState, case: Case) -> int:
    """Return the first second from which on somebody may end a dispute without a ruling."""
    return terms.deadline_of(case.trade, case.held, parameters_of(state))


def exhibits_of(owner: Owner, case: Case) -> list[Exhibit]:
    """Return the evidence of a dispute that the parties sent as files."""
    found: list[Exhibit] = []
    with closing(Journal.reading(owner.folder / JOURNAL)) as journal:
        for shown in case.shown:
            text = journal.message(shown.digest) if shown.size else None
            message = None if text is None else decode(Envelope, text).message
            if isinstance(message, Exhibit):
                found.append(message)
    return found


class Watcher:
    """Reads on in what an operator's agent wrote down, and says each unusual thing once."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._exchange = Exchange.undeployed(owner.domain)
        self._block = -1
        self._said: set[Unusual] = set()
        self._shown: dict[bytes, int] = {}

    def news(self) -> list[Unusual]:
        """Return what was not said before, in the order of the chain, then what time brings."""
        found = [*self._of_chain(), *self._of_cases()]
        new = [each for each in dict.fromkeys(found) if each not in self._said]
        self._said.update(new)
        return new

    def _of_chain(self) -> Iterator[Unusual]:
        path = self._owner.folder / EVENTS
        if not path.exists():
            return
        with closing(Ledger.reading(path, is_kept=True)) as store:
            for block, _, entry in store.entries(self._block):
                yield from _of_event(self._exchange, entry.event, block)
                self._exchange = record(self._exchange, entry.event)
                self._block = block

    def _of_cases(self) -> Iterator[Unusual]:
        state = operator_state(self._owner)
        for key, case in in_dispute(state).items():
            if case.warned and not case.posted.number:
                over = "is over" if case.warned > 1 else f"ends at {decide_by(state, case)}"
                yield Unusual("deadline", f"trade 0x{key.hex()}: the time to rule {over}")
            if self._shown.get(key) == len(case.shown):
                continue
            self._shown[key] = len(case.shown)
            for fork in forks(_evidence(self._owner, case)):
                first, second = f"0x{fork.first.hex()}", f"0x{fork.second.hex()}"
                said = f"{fork.author} signed two words for {fork.place}: {first} and {second}"
                yield Unusual("forked", f"trade 0x{key.hex()}: {said}")


def _evidence(owner: Owner, case: Case) -> Iterator[Evidence]:
    """The sessions among what the parties showed; whatever else it is, is for people to judge."""
    for exhibit in exhibits_of(owner, case):
        try:
            evidence = decode(Evidence, exhibit.file)
        except BadText:
            continue
        if evidence.domain == owner.domain:
            yield evidence


def _of_event(state: Exchange, event: Event, block: int) -> Iterator[Unusual]:
    """What is unusual about an event that follows on a state."""
    match event:
        case SlotAttested() | SlotSealed():
            sold = _sold(state, event)
            attested = event.quantity if isinstance(event, SlotAttested) else 0  # till it is opened
            if attested < sold:
                place = f"{name_from_bytes32(event.resource)} of {event.supplier}"
                what = f"slot {event.slot} of {place}: {attested} units, {sold} are sold"
                yield Unusual("lowered", what, block)
        case Uncovered():
            yield Unusual("uncovered", f"trade 0x{event.trade.hex()}", block)
        case RulingPosted() if event.trade in state.rulings:
            what = f"trade 0x{event.trade.hex()}: ruling {event.number}"
            yield Unusual("replaced", what, block)
        case Released(cause=Cause.UNDECIDED):
            yield Unusual("undecided", f"trade 0x{event.trade.hex()}", block)
        case OperatorsSet() if event.set > 1:
            members = ", ".join(event.operators)
            what = f"set {event.set} from {event.since} on, {event.threshold} of {members}"
            yield Unusual("operators", what, block)
        case Paused():
            what = f"until {event.until}" if event.until else "no longer"
            yield Unusual("paused", what, block)
        case TokenSet() if state.parameters != UNDEPLOYED:
            what = f"{event.token}: {'accepted' if event.accepted else 'no longer accepted'}"
            yield Unusual("token", what, block)


def _sold(state: Exchange, event: SlotAttested | SlotSealed) -> int:
    """Units of a slot that are reserved or delivered, and not merely listed."""
    where = (event.supplier, event.resource, event.slot)
    slot, calendar = state.slots.get(where), state.calendars.get(where[:2])
    if slot is None or calendar is None:
        return 0
    listing = state.listings.get(listing_id(*where, calendar.end(event.slot)), Listing(""))
    return slot.committed - listing.available
