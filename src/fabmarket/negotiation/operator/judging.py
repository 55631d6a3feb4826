"""Disputes: what the chain says of them, what the parties show, what the operators propose.

A ruling is posted once k operators signed one and the same. So it names what all can work out: its
number is one above that which is posted or which we signed ourselves, its deadline stands on a grid
of windows of the deployment. Whoever said the same shares under a lower number signs the higher
one, too: the owner's word is about shares.
"""

from dataclasses import replace

from rpds import HashTrieMap

from fabmarket.errors import Bug
from fabmarket.identity import digest, keccak
from fabmarket.market.events import (
    Delivered,
    Disputed,
    Escrowed,
    Event,
    GraceOpened,
    Released,
    RulingPosted,
    Uncovered,
)
from fabmarket.market.exchange import EscrowState, Held, Posted, Rule, terms
from fabmarket.market.oversight import LARGEST_EXHIBIT, Exhibit, Verdict
from fabmarket.market.parameters import Parameters
from fabmarket.market.trade import Ruling
from fabmarket.negotiation.course import TooEarly, Unacceptable
from fabmarket.negotiation.duties import Judge
from fabmarket.negotiation.moves import News, Output, Send, Submit, Tell
from fabmarket.negotiation.operator.state import (
    Case,
    OperatorState,
    Proposal,
    Shown,
    Step,
    is_party,
    shares_of,
    with_case,
)
from fabmarket.negotiation.quorum import least, require_operator

WHOLE = 10_000
MOST_AHEAD = 16
"""How far above the posted ruling's a number may be: the highest of all cannot be replaced."""
MOST_SHOWN = 16
"""Pieces of evidence that one party can show of one trade."""
LONGEST_PLACE = 200
"""Characters of where a piece of evidence is."""
TURN = 60
"""Seconds that each operator leaves to the one before it to post what enough have signed."""


def followed(state: OperatorState, event: Event) -> Step:
    """Note what the chain says of a trade in escrow, if it is ours to rule on."""
    match event:
        case Escrowed() if state.address in state.sets.members(event.operator_set):
            it = event.terms
            held = Held(
                payment=it.quantity * it.unit_price,
                operator_set=event.operator_set,
                state=EscrowState.FUNDED,
                since=event.since,
            )
            return with_case(state, event.trade, Case(it, held)), ()
        case (
            Delivered() | Disputed() | Uncovered() | GraceOpened() | RulingPosted() | Released()
        ) if event.trade in state.cases:
            return _gone_on(state, event)
        case _:
            return state, ()


def _gone_on(
    state: OperatorState,
    event: Delivered | Disputed | Uncovered | GraceOpened | RulingPosted | Released,
) -> Step:
    key, case = event.trade, state.cases[event.trade]
    held = case.held
    match event:
        case Delivered():
            held = _entered(held, EscrowState.DELIVERED, event.since)
            held = replace(held, delivered=event.quantity)
            return with_case(state, key, replace(case, held=held)), ()
        case Disputed():
            held = _entered(held, EscrowState.DISPUTED, event.since)
            case = replace(case, held=held, evidence=event.evidence)
            return with_case(state, key, case), (_told("dispute", key, evidence=event.evidence),)
        case Uncovered():
            held = _entered(held, EscrowState.DISPUTED, event.since)
            case = replace(case, held=replace(held, uncovered=True))
            return with_case(state, key, case), (_told("dispute", key, evidence=b""),)
        case GraceOpened():
            held = replace(held, grace_until=event.until, grace_block=event.until_block)
            return with_case(state, key, replace(case, held=held)), ()
        case RulingPosted():
            return with_case(state, key, _posted(case, event)), (
                _told("ruled", key, number=event.number),
            )
        case Released():
            if event.closed:
                return replace(state, cases=state.cases.remove(key)), (
                    _told("closed", key, cause=event.cause.name.lower()),
                )
            held = replace(held, payment=held.payment - event.to_supplier - event.to_demander)
            return with_case(state, key, replace(case, held=held)), ()


def _entered(held: Held, into: EscrowState, since: int) -> Held:
    return replace(held, state=into, since=since, grace_until=0, grace_block=0)


def _posted(case: Case, event: RulingPosted) -> Case:
    """A ruling is posted; what was proposed up to its number is void."""
    shares = (event.payment_share, event.bond_share, event.deposit_share)
    left = {key: each for key, each in case.proposals.items() if each.ruling.number > event.number}
    return replace(
        case,
        held=replace(case.held, grace_until=event.executable_at, grace_block=event.until_block),
        posted=Posted(event.number, *shares, event.executable_at),
        proposals=HashTrieMap(left),
    )


def _told(line: str, trade: bytes, **facts: object) -> Tell:
    shown = {
        name: f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
        for name, value in facts.items()
    }
    return Tell(News.of(line, trade=f"0x{trade.hex()}", **shown))


def ruling_deadline(case: Case, parameters: Parameters, now: int) -> int:
    """Return until when a ruling that is signed at `now` is to be good: the next of a grid."""
    last, window = terms.last_window(case.trade, case.held, parameters), parameters.ruling_window
    return last if now < last else last + (1 + (now - last) // window) * window


def _is_deadline(case: Case, parameters: Parameters, now: int, deadline: int) -> bool:
    """Whether a deadline is one of the grid, and no later than somebody a little ahead says."""
    last, window = terms.last_window(case.trade, case.held, parameters), parameters.ruling_window
    latest = ruling_deadline(case, parameters, now) + window
    return now < deadline <= latest and deadline >= last and (deadline - last) % window == 0


def _parameters(state: OperatorState) -> Parameters:
    if state.parameters is None:
        raise Bug("a trade in escrow, and no parameters of the deployment")
    return state.parameters


def judge(state: OperatorState, order: Judge) -> Step:
    """Sign a ruling, and show it to the others; one that they proposed is signed with them."""
    case = state.cases.get(order.trade)
    if case is None or not case.is_disputed:
        raise Unacceptable("there is no dispute over this trade that a set of ours rules on")
    if is_party(case.trade, state.address):
        raise Unacceptable("a party does not rule its own case")
    if not all(0 <= share <= WHOLE for share in order.shares):
        raise Unacceptable(f"a share is from 0 to {WHOLE} basis points")
    if case.posted.number and shares_of(case.posted) == order.shares:
        raise Unacceptable("a ruling with these shares is posted already")
    own = _last_word(case, state.address)
    in_time = (each for each in case.proposals.values() if each.ruling.deadline > state.now)
    same = [each for each in in_time if shares_of(each.ruling) == order.shares]
    if own in same:
        raise Unacceptable("we have said this already")
    last = (case.posted.number, 0) if own is None else own.rank
    later = [each for each in same if each.rank > last]
    if later:
        return _sign(state, order.trade, max(later, key=lambda each: each.rank).ruling)
    number = last[0] + 1
    if number > case.posted.number + MOST_AHEAD:
        raise Unacceptable("too many words on one trade; wait until one of them is posted")
    deadline = ruling_deadline(case, _parameters(state), state.now)
    return _sign(state, order.trade, Ruling(order.trade, number, *order.shares, deadline))


def _last_word(case: Case, operator: str) -> Proposal | None:
    """What an operator said last, if that can still be posted."""
    said = [each for each in case.proposals.values() if operator in each.signatures]
    return said[0] if said else None


def _with_word(
    state: OperatorState, key: bytes, ruling: Ruling, operator: str, signature: bytes
) -> OperatorState:
    """Add a signature to a ruling, in place of the operator's earlier one."""
    case, ruling_digest = state.cases[key], digest(state.domain, ruling)
    proposals = {ruling_digest: Proposal(ruling, HashTrieMap()), **dict(case.proposals.items())}
    threshold = state.sets.threshold(case.held.operator_set)
    changed = {}
    for at, each in proposals.items():
        signatures = each.signatures.discard(operator)
        if at == ruling_digest:
            signatures = signatures.insert(operator, signature)
        since = (each.since or state.now) if len(signatures) >= threshold else 0
        if len(signatures):
            changed[at] = replace(each, signatures=signatures, since=since)
    return with_case(state, key, replace(case, proposals=HashTrieMap(changed)))


def _sign(state: OperatorState, key: bytes, ruling: Ruling) -> Step:
    case = state.cases[key]
    state = _with_word(state, key, ruling, state.address, b"")
    word = Verdict(state.address, ruling, b"")
    sends = tuple(
        Send(word, each, ruling.deadline)
        for each in state.sets.members(case.held.operator_set)
        if each != state.address and not is_party(case.trade, each)
    )
    state, submits = post(state, key)
    return state, (*sends, *submits)


def take_verdict(state: OperatorState, word: Verdict) -> Step:
    """Note what another operator would rule; where we said the same before, sign it with it."""
    ruling, key = word.ruling, word.ruling.trade
    case = state.cases.get(key)
    if case is None or not case.is_disputed:
        raise TooEarly("ruling on a trade that we do not know to be in dispute")
    if is_party(case.trade, word.operator):
        raise Unacceptable("ruling by a party")
    if is_party(case.trade, state.address):
        raise Unacceptable("ruling for a party to see")
    signed = (digest(state.domain, ruling), word.signature)
    require_operator(state.sets, case.held.operator_set, word.operator, *signed)
    _check(state, case, ruling)
    before = _last_word(case, word.operator)
    if before is not None and before.rank >= (ruling.number, ruling.deadline):
        raise Unacceptable("ruling that does not come after the operator's last")
    state = _with_word(state, key, ruling, word.operator, word.signature)
    shares = ", ".join(f"{each / 100:g} %" for each in shares_of(ruling))
    told = _told("proposed", key, operator=word.operator, number=ruling.number, shares=shares)
    own = _last_word(state.cases[key], state.address)
    rank = (ruling.number, ruling.deadline)
    if own is not None and shares_of(own.ruling) == shares_of(ruling) and own.rank < rank:
        state, sent = _sign(state, key, ruling)
    else:
        state, sent = post(state, key)
    return state, (told, *sent)


def _check(state: OperatorState, case: Case, ruling: Ruling) -> None:
    if max(shares_of(ruling)) > WHOLE:
        raise Unacceptable("ruling of a share above the whole")
    if ruling.number <= case.posted.number:
        raise Unacceptable("ruling of a number that is not above the posted one's")
    if ruling.number > case.posted.number + MOST_AHEAD:
        raise Unacceptable("ruling of a number so high that it could hardly be replaced")
    if not _is_deadline(case, _parameters(state), state.now, ruling.deadline):
        raise Unacceptable("ruling with a deadline that does not follow from the trade")


def post(state: OperatorState, key: bytes) -> tuple[OperatorState, tuple[Output, ...]]:
    """Submit the highest ruling that enough have signed, if it is our turn among its signers."""
    case = state.cases[key]
    if not case.is_disputed or not len(case.proposals):
        return state, ()
    hearing = case.held.since + _parameters(state).hearing
    ready = [
        each
        for each in case.proposals.items()
        if each[1].since and state.address in each[1].signatures
    ]
    if not ready or state.now < hearing:
        return state, ()
    at, proposal = max(ready, key=lambda each: each[1].rank)
    turn = sorted(proposal.signatures, key=lambda each: int(each, 16)).index(state.address)
    is_due = state.now >= max(proposal.since, hearing) + turn * TURN
    if proposal.submitted or not is_due or proposal.ruling.deadline <= state.now:
        return state, ()
    threshold = state.sets.threshold(case.held.operator_set)
    rule = Rule(case.trade, proposal.ruling, least(proposal.signatures, threshold))
    proposals = case.proposals.insert(at, replace(proposal, submitted=True))
    return with_case(state, key, replace(case, proposals=proposals)), (Submit(rule),)


def warn(state: OperatorState, key: bytes) -> Step:
    """Tell the owner, once each, that a quarter of the time to rule is left, and that none is."""
    case, parameters = state.cases[key], _parameters(state)
    by = terms.deadline_of(case.trade, case.held, parameters)
    passed = (by - parameters.decision_window // 4 <= state.now) + (by <= state.now)
    if case.posted.number or passed <= case.warned:
        return state, ()
    when = "is over" if state.now >= by else f"ends at {by}"
    state = with_case(state, key, replace(case, warned=passed))
    return state, (_told("deadline", key, when=when),)


def take_exhibit(state: OperatorState, exhibit: Exhibit, exhibit_digest: bytes) -> Step:
    """Keep what a party shows of a dispute."""
    case = state.cases.get(exhibit.trade)
    if case is None or not case.is_disputed:
        raise TooEarly("evidence of a trade that we do not know to be in dispute")
    if not is_party(case.trade, exhibit.party):
        raise Unacceptable("evidence of somebody who is no party")
    if bool(exhibit.file) == bool(exhibit.place):
        raise Unacceptable("evidence is a file or a place where one is")
    if len(exhibit.file) > LARGEST_EXHIBIT or len(exhibit.place) > LONGEST_PLACE:
        raise Unacceptable("evidence that is too large; show its hash and where it is")
    if exhibit.file and keccak(exhibit.file) != exhibit.hash:
        raise Unacceptable("evidence whose hash is another")
    if sum(each.party == exhibit.party for each in case.shown) >= MOST_SHOWN:
        raise Unacceptable("more evidence than one party can show")
    size, place = len(exhibit.file), exhibit.place
    shown = Shown(exhibit.party, exhibit.hash, size, place, exhibit_digest)
    case = replace(case, shown=(*case.shown, shown))
    told = _told("evidence", exhibit.trade, party=exhibit.party, hash=exhibit.hash)
    return with_case(state, exhibit.trade, case), (told,)
