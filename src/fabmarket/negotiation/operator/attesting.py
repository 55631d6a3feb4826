"""Requests for attestation: kept for the owner, answered by its word, shown to the other operators.

Nothing is signed but by an order. What the chain already says of a request is checked when it
comes; that the quantities are there, nobody but the owner can know.
"""

from dataclasses import replace

from fabmarket.identity import digest
from fabmarket.market.events import SlotAttested, SlotSealed
from fabmarket.market.oversight import (
    Endorsement,
    Objection,
    Request,
    SealedRequest,
    counted,
    slots_of,
)
from fabmarket.market.trade import TIME_LIMIT, commitment_of
from fabmarket.market.units import name_from_bytes32
from fabmarket.negotiation.course import TooEarly, Unacceptable
from fabmarket.negotiation.duties import LONGEST_REASON, MOST_SLOTS, Decline, Endorse
from fabmarket.negotiation.moves import News, Output, Send, Tell
from fabmarket.negotiation.operator.state import OperatorState, Requested, Step, with_request
from fabmarket.negotiation.quorum import require_operator

MOST_REQUESTS = 64
"""Requests of one supplier that are kept at a time."""


def take_request(state: OperatorState, request: Request) -> Step:
    """Keep what a supplier asks for, for the owner to decide."""
    it, count = request.attestation, len(request.quantities)
    _require_current(state, it.operator_set)
    calendar = state.calendars.get((it.supplier, it.resource))
    if calendar is None:
        raise TooEarly("request for a resource that we do not know to be registered")
    if (it.unit, it.origin, it.slot_length) != (
        calendar.unit,
        calendar.origin,
        calendar.slot_length,
    ):
        raise Unacceptable("request in another unit or calendar than the resource's")
    if not 0 < count <= MOST_SLOTS:
        raise Unacceptable(f"request of {count} slots where 1 to {MOST_SLOTS} can be")
    if calendar.end(request.first_slot + count - 1) >= TIME_LIMIT:
        raise Unacceptable("request of slots beyond the contract's time")
    if isinstance(request, SealedRequest):
        _require_true(request)
    if it.expiry <= state.now:
        raise Unacceptable("request out of date")
    if it.version == 0:
        raise Unacceptable("request of version 0, below all that can be stored")
    if it.version > 1 + state.versions.get((it.supplier, it.resource), 0):
        raise TooEarly("request of a version that is ahead of what we know to be attested")
    kept = (each.request.attestation.supplier == it.supplier for each in state.requests.values())
    if sum(kept) >= MOST_REQUESTS:
        raise Unacceptable("request of a supplier of which too many wait")
    key = digest(state.domain, it)
    told = News.of(
        "request",
        supplier=it.supplier,
        resource=name_from_bytes32(it.resource),
        first_slot=str(request.first_slot),
        quantities=counted(request),
        request=f"0x{key.hex()}",
    )
    return with_request(state, key, Requested(request, state.now)), (Tell(told),)


def _require_true(request: SealedRequest) -> None:
    """What is signed must be what was counted, and must be possible to open."""
    it = request.attestation
    committed = (it.supplier, it.resource, it.slot, request.quantity, request.salt)
    if commitment_of(*committed) != it.commitment:
        raise Unacceptable("request whose commitment is to another quantity or salt")
    if request.salt == bytes(32):
        raise Unacceptable("request without a salt, which could not be opened")


def _require_current(state: OperatorState, number: int) -> None:
    """Only the set in force attests, and only its members are asked."""
    current = state.sets.in_force(state.now)
    if number > current:
        raise TooEarly("request to a set of operators that we do not know to be in force")
    if number < current or state.address not in state.sets.members(current):
        raise Unacceptable("request to operators that are not in force")


def take_word(state: OperatorState, word: Endorsement | Objection) -> Step:
    """Note what another operator says to a request."""
    requested = state.requests.get(word.attestation)
    if requested is None:
        raise Unacceptable("word on a request that we do not have")
    number = requested.request.attestation.operator_set
    if isinstance(word, Endorsement):
        signed = (word.attestation, word.signature)
        require_operator(state.sets, number, word.operator, *signed)
        said = ""
    else:
        if word.operator not in state.sets.members(number):
            raise Unacceptable("word of somebody who is no operator of this set")
        said = word.reason[:LONGEST_REASON] or "no reason given"
    before = requested.words.get(word.operator)
    if before is not None and (before == "" or said != ""):  # a signature outlasts an objection
        raise Unacceptable("word that the operator has given already")
    words = requested.words.insert(word.operator, said)
    return with_request(state, word.attestation, replace(requested, words=words)), ()


def endorse(state: OperatorState, order: Endorse) -> Step:
    """Sign attestations, for their suppliers and for the other operators to see."""
    outputs: list[Output] = []
    for key in order.attestations:
        requested = _requested(state, key)
        if requested.words.get(state.address) == "":
            raise Unacceptable("the attestation is signed already")
        word = Endorsement(state.address, key, b"")
        state, sent = _answered(state, requested, word, "")
        outputs.extend(sent)
    return state, tuple(outputs)


def decline(state: OperatorState, order: Decline) -> Step:
    """Say why an attestation is not signed."""
    requested = _requested(state, order.attestation)
    if state.address in requested.words:
        raise Unacceptable("the request is answered already")
    if not 0 < len(order.reason) <= LONGEST_REASON:
        raise Unacceptable(f"a reason has 1 to {LONGEST_REASON} characters")
    word = Objection(state.address, order.attestation, order.reason)
    return _answered(state, requested, word, order.reason)


def _requested(state: OperatorState, key: bytes) -> Requested:
    requested = state.requests.get(key)
    if requested is None:
        raise Unacceptable("there is no such request, or it is over")
    _require_current(state, requested.request.attestation.operator_set)
    return requested


def _answered(
    state: OperatorState, requested: Requested, word: Endorsement | Objection, said: str
) -> Step:
    it = requested.request.attestation
    others = (each for each in state.sets.members(it.operator_set) if each != state.address)
    sends = tuple(Send(word, to, it.expiry) for to in (it.supplier, *others))
    words = requested.words.insert(state.address, said)
    return with_request(state, word.attestation, replace(requested, words=words)), sends


def stored(state: OperatorState, event: SlotAttested | SlotSealed) -> OperatorState:
    """A version is stored for a slot; what was asked of it up to that is over."""
    owned = (event.supplier, event.resource)
    if event.version > state.versions.get(owned, 0):
        state = replace(state, versions=state.versions.insert(owned, event.version))
    left = state.requests
    for key, requested in state.requests.items():
        it = requested.request.attestation
        covers = event.slot in slots_of(requested.request)
        if (it.supplier, it.resource) == owned and covers and it.version <= event.version:
            left = left.remove(key)
    return replace(state, requests=left) if len(left) < len(state.requests) else state


def forget_requests(state: OperatorState) -> OperatorState:
    """Drop what can no longer be stored."""
    current = state.sets.in_force(state.now)
    left = state.requests
    for key, requested in state.requests.items():
        it = requested.request.attestation
        if it.expiry <= state.now or it.operator_set < current:
            left = left.remove(key)
    return replace(state, requests=left) if len(left) < len(state.requests) else state
