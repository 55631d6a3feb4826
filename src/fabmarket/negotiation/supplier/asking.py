"""A supplier has its capacity attested: it asks the operators, and submits what k of them sign."""

from dataclasses import replace

from rpds import HashTrieMap

from fabmarket.identity import digest
from fabmarket.market.events import Event, ResourceRegistered, SlotAttested, SlotSealed
from fabmarket.market.exchange import Attest, AttestSealed, Calendar
from fabmarket.market.oversight import (
    AttestationRequest,
    Endorsement,
    Objection,
    Request,
    SealedRequest,
    counted,
    slots_of,
)
from fabmarket.market.trade import (
    TIME_LIMIT,
    Attestation,
    SealedAttestation,
    commitment_of,
)
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.duties import LONGEST_REASON, MOST_SLOTS, Ask, Seal
from fabmarket.negotiation.moves import News, Output, Send, Submit, Tell
from fabmarket.negotiation.quorum import least, require_operator
from fabmarket.negotiation.supplier.state import Asked, Asking, Step, SupplierState


def noted(state: SupplierState, event: Event) -> Step:
    """Note what the chain says of operators and of what they attest of our resource."""
    sets = state.asking.sets.after(event)
    if sets is not state.asking.sets:
        return _with(state, replace(state.asking, sets=sets)), ()
    match event:
        case ResourceRegistered() if _is_ours(state, event):
            calendar = Calendar(event.unit, event.origin, event.slot_length)
            return _with(state, replace(state.asking, calendar=calendar)), ()
        case SlotAttested() | SlotSealed() if _is_ours(state, event):
            return _stored(state, event)
        case _:
            return state, ()


def _with(state: SupplierState, asking: Asking) -> SupplierState:
    return replace(state, asking=asking)


def _is_ours(state: SupplierState, event: ResourceRegistered | SlotAttested | SlotSealed) -> bool:
    return (event.supplier, event.resource) == (state.address, state.resource)


def _stored(state: SupplierState, event: SlotAttested | SlotSealed) -> Step:
    """A version is stored for a slot; what was asked for up to it is over."""
    asking, told = state.asking, []
    asked = asking.asked
    for key, each in asked.items():
        it = each.request
        if event.slot in slots_of(it) and it.attestation.version <= event.version:
            asked = asked.remove(key)
            told.append(_news("attested" if _is_it(it, event) else "unattested", it))
    versions = asking.versions.insert(event.slot, event.version)
    return _with(state, replace(asking, versions=versions, asked=asked)), tuple(told)


def _is_it(request: Request, event: SlotAttested | SlotSealed) -> bool:
    """Whether an event stores what was asked for, and nothing else."""
    if request.attestation.version != event.version:
        return False
    match request, event:
        case AttestationRequest(), SlotAttested():
            return request.quantities[event.slot - request.first_slot] == event.quantity
        case SealedRequest(attestation), SlotSealed():
            return attestation.commitment == event.commitment
        case _:
            return False


def _news(line: str, request: Request, **facts: str) -> Tell:
    named = {"first_slot": str(request.first_slot), "quantities": counted(request)}
    return Tell(News.of(line, **named, **facts))


def ask(state: SupplierState, order: Ask | Seal) -> Step:
    """Ask all operators in force for an attestation; what was asked of its slots before is void."""
    request = _request(state, order)
    attestation, slots = request.attestation, slots_of(request)
    key = digest(state.domain, attestation)
    if key in state.asking.asked:
        raise Unacceptable("this is asked for already; the operators have to say something")
    others = ((at, each, slots_of(each.request)) for at, each in state.asking.asked.items())
    kept = {
        at: each
        for at, each, theirs in others
        if slots.stop <= theirs.start or theirs.stop <= slots.start
    }
    kept[key] = Asked(request)
    operators = state.asking.sets.members(attestation.operator_set)
    sends = tuple(Send(request, operator, order.expiry) for operator in operators)
    return _with(state, replace(state.asking, asked=HashTrieMap(kept))), sends


def _request(state: SupplierState, order: Ask | Seal) -> Request:
    """What to ask for, of a version above all that the slots have."""
    match order:
        case Ask(first, quantities):
            count = len(quantities)
        case Seal(first):
            count = 1
    asking = state.asking
    calendar, number = asking.calendar, asking.sets.in_force(state.now)
    if calendar is None or number == 0:
        raise Unacceptable("our resource is not registered on the chain; register it first")
    if not 0 < count <= MOST_SLOTS:
        raise Unacceptable(f"{count} slots at once where 1 to {MOST_SLOTS} can be asked for")
    if calendar.end(first + count - 1) >= TIME_LIMIT:
        raise Unacceptable("slots that end beyond the contract's time")
    if order.expiry <= state.now:
        raise Unacceptable("an attestation that expires before it can be given")
    version = 1 + max(asking.versions.get(slot, 0) for slot in range(first, first + count))
    owned = (state.address, state.resource)
    place = (*owned, calendar.unit, calendar.origin, calendar.slot_length, first)
    end = (version, order.expiry, number)
    if isinstance(order, Ask):
        return AttestationRequest(Attestation(*place, order.quantities, *end))
    commitment = commitment_of(*owned, first, order.quantity, order.salt)
    return SealedRequest(SealedAttestation(*place, commitment, *end), order.quantity, order.salt)


def _asked(state: SupplierState, key: bytes, operator: str) -> Asked:
    """What an operator's word is about."""
    asked = state.asking.asked.get(key)
    if asked is None:
        raise Unacceptable("word on an attestation that we do not ask for")
    sets, number = state.asking.sets, asked.request.attestation.operator_set
    if number != sets.in_force(state.now):
        raise Unacceptable("word of operators that are no longer in force")
    if operator not in sets.members(number):
        raise Unacceptable("word of somebody who is no operator of this set")
    if operator in asked.endorsed:
        raise Unacceptable("word that the operator has given already")
    return asked


def take_endorsement(state: SupplierState, word: Endorsement) -> Step:
    """Keep an operator's signature; with enough of them submit the attestation."""
    asked = _asked(state, word.attestation, word.operator)
    sets, number = state.asking.sets, asked.request.attestation.operator_set
    require_operator(sets, number, word.operator, word.attestation, word.signature)
    asked = replace(asked, endorsed=asked.endorsed.insert(word.operator, word.signature))
    threshold = sets.threshold(number)
    outputs: list[Output] = [_news("endorsed", asked.request, operator=word.operator)]
    if len(asked.endorsed) >= threshold and not asked.submitted:
        asked = replace(asked, submitted=True)
        outputs.append(Submit(_signed(asked, threshold)))
    return _with_asked(state, word.attestation, asked), tuple(outputs)


def _signed(asked: Asked, threshold: int) -> Attest | AttestSealed:
    signatures = least(asked.endorsed, threshold)
    match asked.request:
        case AttestationRequest(attestation):
            return Attest(attestation, signatures)
        case SealedRequest(attestation):
            return AttestSealed(attestation, signatures)


def take_objection(state: SupplierState, word: Objection) -> Step:
    """Note that an operator will not sign, and tell why."""
    asked = _asked(state, word.attestation, word.operator)
    if word.operator in asked.declined:
        raise Unacceptable("word that the operator has given already")
    reason = word.reason[:LONGEST_REASON]
    asked = replace(asked, declined=asked.declined.insert(word.operator, reason))
    told = _news("declined", asked.request, operator=word.operator, reason=reason)
    return _with_asked(state, word.attestation, asked), (told,)


def _with_asked(state: SupplierState, key: bytes, asked: Asked) -> SupplierState:
    return _with(state, replace(state.asking, asked=state.asking.asked.insert(key, asked)))


def give_up(state: SupplierState) -> Step:
    """Drop what can no longer be stored: it expired, or its operators are not in force any more."""
    current, asked = state.asking.sets.in_force(state.now), state.asking.asked
    told: list[Output] = []
    for key, each in asked.items():
        it = each.request.attestation
        if it.expiry <= state.now or it.operator_set != current:
            asked = asked.remove(key)
            told.append(_news("unattested", each.request))
    return (_with(state, replace(state.asking, asked=asked)), tuple(told)) if told else (state, ())
