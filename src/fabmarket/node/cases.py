"""What waits for an operator's word: requests for attestation, and disputes to rule on."""

from dataclasses import dataclass

from fabmarket.ledger.queries.forms import Digits
from fabmarket.market.exchange import Slot, terms
from fabmarket.market.oversight import SealedRequest, slots_of
from fabmarket.market.units import name_from_bytes32
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.operator.state import Case, Proposal, Requested, is_party, shares_of
from fabmarket.node.oversight import (
    decide_by,
    in_dispute,
    in_order,
    operator_state,
    parameters_of,
)
from fabmarket.node.owner import Owner


@dataclass(frozen=True)
class RequestStatus:
    """What a supplier asks to be attested: units of `first_slot` and those that follow.

    `begins` is the second at which the first slot does, each lasts `slot_length`; of each,
    `attested` are counted now. `expiry`: until then it can be listed. `declined`: why, by operator.
    `own` is signed, declined or "", `problem` why the contract would
    not store it, as far as the chain is read.
    """

    request: str
    supplier: str
    resource: str
    unit: str
    first_slot: int
    begins: int
    slot_length: int
    quantities: tuple[Digits, ...]
    attested: tuple[Digits, ...]
    sealed: bool
    version: int
    expiry: int
    signed: tuple[str, ...]
    declined: dict[str, str]
    needed: int
    own: str
    problem: str


@dataclass(frozen=True)
class ShownStatus:
    """Evidence that a party showed: a file of so many `bytes`, or of 0 and at a `place`."""

    party: str
    hash: str
    bytes: int
    place: str
    as_disputed: bool


@dataclass(frozen=True)
class ProposedStatus:
    """A ruling that operators signed: the supplier's shares, basis points (see `Judge`)."""

    number: int
    shares: tuple[int, int, int]
    deadline: int
    signed: tuple[str, ...]
    own: bool


@dataclass(frozen=True)
class PostedStatus:
    """The ruling that stands on the chain; `number` is 0 where there is none."""

    number: int
    shares: tuple[int, int, int]
    executable_at: int


@dataclass(frozen=True)
class DisputeStatus:
    """A disputed trade: amounts in base units, times in seconds of chain time.

    Of `sold` units of a `resource` in a slot that begins at `begins`. `deposit` is each side's.

    `party`: whether the operator itself is one. `needed`: signatures of a ruling.
    """

    trade: str
    demander: str
    supplier: str
    resource: str
    slot: int
    begins: int
    sold: Digits
    delivered: Digits
    unit_price: Digits
    payment: Digits
    bond: Digits
    deposit: Digits
    uncovered: bool
    evidence: str
    shown: tuple[ShownStatus, ...]
    hearing_until: int
    decide_by: int
    grace_until: int
    needed: int
    party: bool
    proposed: tuple[ProposedStatus, ...]
    posted: PostedStatus


def requests_of(owner: Owner) -> list[RequestStatus]:
    """Return what an operator is asked to attest, the oldest first. BadOrder of another role."""
    state = operator_state(owner)
    return [_request(owner, state, key, each) for key, each in in_order(state)]


def disputes_of(owner: Owner) -> list[DisputeStatus]:
    """Return what an operator rules on, the most urgent first. BadOrder of another role."""
    state = operator_state(owner)
    return [_dispute(owner, state, key, case) for key, case in in_dispute(state).items()]


def _request(owner: Owner, state: OperatorState, key: bytes, request: Requested) -> RequestStatus:
    asked, own = request.request, request.words.get(state.address)
    it = asked.attestation
    return RequestStatus(
        request=f"0x{key.hex()}",
        supplier=it.supplier,
        resource=name_from_bytes32(it.resource),
        unit=name_from_bytes32(it.unit),
        first_slot=asked.first_slot,
        begins=it.origin + asked.first_slot * it.slot_length,
        slot_length=it.slot_length,
        quantities=tuple(asked.quantities),
        attested=tuple(
            owner.exchange.slots.get((it.supplier, it.resource, slot), Slot()).attested
            for slot in slots_of(asked)
        ),
        sealed=isinstance(asked, SealedRequest),
        version=it.version,
        expiry=it.expiry,
        signed=tuple(sorted(who for who, said in request.words.items() if not said)),
        declined={who: said for who, said in sorted(request.words.items()) if said},
        needed=state.sets.threshold(it.operator_set),
        own="" if own is None else "declined" if own else "signed",
        problem=_problem(owner, request),
    )


def _problem(owner: Owner, request: Requested) -> str:
    it = request.request.attestation
    for slot in slots_of(request.request):
        stored = owner.exchange.slots.get((it.supplier, it.resource, slot))
        if stored is not None and stored.version >= it.version:
            return f"slot {slot} has version {stored.version} already"
    return ""


def _dispute(owner: Owner, state: OperatorState, key: bytes, case: Case) -> DisputeStatus:
    trade, held, posted = case.trade, case.held, case.posted
    supplier, place = owner.exchange.supplier_of(trade.listing), trade.escrow
    calendar = owner.exchange.calendars[supplier, place.resource]
    proposals = sorted(case.proposals.values(), key=lambda each: each.rank, reverse=True)
    return DisputeStatus(
        trade=f"0x{key.hex()}",
        demander=trade.demander,
        supplier=supplier,
        resource=name_from_bytes32(place.resource),
        slot=place.slot,
        begins=calendar.origin + place.slot * calendar.slot_length,
        sold=trade.quantity,
        delivered=held.delivered,
        unit_price=trade.unit_price,
        payment=held.payment,
        bond=place.bond,
        deposit=terms.deposit_of(trade, owner.exchange.parameters),
        uncovered=held.uncovered,
        evidence=f"0x{case.evidence.hex()}",
        shown=tuple(
            ShownStatus(
                party=each.party,
                hash=f"0x{each.hash.hex()}",
                bytes=each.size,
                place=each.place,
                as_disputed=each.hash == case.evidence,
            )
            for each in case.shown
        ),
        hearing_until=held.since + parameters_of(state).hearing,
        decide_by=decide_by(state, case),
        grace_until=held.grace_until,
        needed=state.sets.threshold(held.operator_set),
        party=is_party(trade, state.address),
        proposed=tuple(_proposed(state, each) for each in proposals),
        posted=PostedStatus(
            posted.number,
            (posted.payment_share, posted.bond_share, posted.deposit_share),
            posted.executable_at,
        ),
    )


def _proposed(state: OperatorState, proposal: Proposal) -> ProposedStatus:
    return ProposedStatus(
        number=proposal.ruling.number,
        shares=shares_of(proposal.ruling),
        deadline=proposal.ruling.deadline,
        signed=tuple(sorted(proposal.signatures)),
        own=state.address in proposal.signatures,
    )
