"""An operator's step: what each input does."""

from dataclasses import replace

from fabmarket.market.cycles import Consent, Counted, Entry, Joining
from fabmarket.market.events import (
    Deployed,
    Event,
    OperatorsSet,
    ResourceRegistered,
    SlotAttested,
    SlotSealed,
)
from fabmarket.market.exchange import Calendar
from fabmarket.market.oversight import (
    AttestationRequest,
    Endorsement,
    Exhibit,
    Objection,
    SealedRequest,
    Verdict,
)
from fabmarket.negotiation.course import TooEarly, Unacceptable
from fabmarket.negotiation.duties import Decline, Endorse, Judge
from fabmarket.negotiation.moves import (
    Ignored,
    Input,
    Ordered,
    Output,
    Postponed,
    Received,
    Recorded,
    Ticked,
    submitted,
)
from fabmarket.negotiation.netting import coordinating
from fabmarket.negotiation.operator.attesting import (
    decline,
    endorse,
    forget_requests,
    stored,
    take_request,
    take_word,
)
from fabmarket.negotiation.operator.judging import (
    followed,
    judge,
    post,
    take_exhibit,
    take_verdict,
    warn,
)
from fabmarket.negotiation.operator.state import OperatorState, Step
from fabmarket.negotiation.orders import Order


def step(state: OperatorState, given: Input) -> Step:
    """Return the state after one input, and what to do. Bad messages change nothing."""
    try:
        match given:
            case Received():
                return _receive(state, given)
            case Recorded():
                return _record(state, given.event)
            case Ticked():
                return _tick(replace(state, now=max(state.now, given.now)))
            case Ordered():
                return _obey(state, given.order)
    except TooEarly as early:
        return state, (Postponed(str(early)),)
    except Unacceptable as refusal:
        return state, (Ignored(str(refusal)),)


def _receive(state: OperatorState, given: Received) -> Step:
    match given.message:
        case AttestationRequest() | SealedRequest() as request:
            return take_request(state, request)
        case Endorsement() | Objection() as word:
            return take_word(state, word)
        case Joining() | Entry() | Counted() | Consent():
            if state.net is None:
                raise Unacceptable("word of a net cycle that we do not coordinate")
            net, outputs = coordinating.hear(state.net, given, state.now)
            return replace(state, net=net), outputs
        case Verdict() as verdict:
            return take_verdict(state, verdict)
        case Exhibit() as exhibit:
            return take_exhibit(state, exhibit, given.digest)
        case _:
            raise Unacceptable(f"a {type(given.message).__name__} is not for an operator")


def _obey(state: OperatorState, order: Order) -> Step:
    match order:
        case Endorse():
            return endorse(state, order)
        case Decline():
            return decline(state, order)
        case Judge():
            return judge(state, order)
        case _:
            return state, submitted(order)


def _record(state: OperatorState, event: Event) -> Step:
    net = None if state.net is None else coordinating.after(state.net, event)
    if net is not state.net:
        state = replace(state, net=net)
    sets = state.sets.after(event)
    if sets is not state.sets:
        state = replace(state, sets=sets)
    match event:
        case Deployed():
            return replace(state, parameters=event.parameters), ()
        case OperatorsSet():
            return state, ()
        case ResourceRegistered():
            calendar = Calendar(event.unit, event.origin, event.slot_length)
            owned = (event.supplier, event.resource)
            return replace(state, calendars=state.calendars.insert(owned, calendar)), ()
        case SlotAttested() | SlotSealed():
            return stored(state, event), ()
        case _:
            return followed(state, event)


def _tick(state: OperatorState) -> Step:
    """Forget what is over, and post the rulings whose time has come."""
    state = forget_requests(state)
    outputs: list[Output] = []
    in_dispute = (key for key, case in state.cases.items() if case.is_disputed)
    for key in sorted(in_dispute):
        for act in (warn, post):
            state, done = act(state, key)
            outputs.extend(done)
    if state.net is not None:
        net, done = coordinating.tick(state.net, state.now)
        state = replace(state, net=net)
        outputs.extend(done)
    return state, tuple(outputs)
