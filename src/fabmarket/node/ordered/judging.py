"""What operators sign, refuse and rule, and what they are shown."""

import re
from collections.abc import Iterable

from fabmarket.identity import keccak
from fabmarket.market.exchange import EscrowState
from fabmarket.market.exchange.state import WHOLE
from fabmarket.market.oversight import LARGEST_EXHIBIT, Exhibit, slots_of
from fabmarket.market.units import name_from_bytes32
from fabmarket.negotiation.duties import Decline, Endorse, Judge, Show
from fabmarket.negotiation.operator.state import Requested, is_party
from fabmarket.node.counts import Count
from fabmarket.node.oversight import in_dispute, in_order, operator_state
from fabmarket.node.owner import BadOrder, Owner
from fabmarket.node.prefix import one_of

LARGEST_SHOWN = 1 << 30
"""Bytes of a file of which a hash is shown."""


def attested(owner: Owner, digits: str) -> Endorse:
    """Sign a request for attestation, after the units have been counted."""
    return Endorse((one_of(digits, operator_state(owner).requests, "request"),))


def attested_as_counted(
    owner: Owner, digits: str | None, counts: Iterable[Count]
) -> tuple[Endorse | None, dict[bytes, list[str]]]:
    """Sign what equals a count, of the requests that wait or of the one that is named.

    Returns the order, None if nothing is alike, and what each other request says otherwise.
    """
    state = operator_state(owner)
    waiting = [key for key, each in in_order(state) if each.words.get(state.address) != ""]
    chosen = waiting if digits is None else [one_of(digits, state.requests, "request")]
    counted = {(each.supplier, each.resource, each.slot): each for each in counts}
    wrong = {key: _differences(state.requests[key], counted) for key in chosen}
    alike = tuple(key for key in chosen if not wrong[key])
    return Endorse(alike) if alike else None, {key: said for key, said in wrong.items() if said}


def _differences(request: Requested, counted: dict[tuple[str, str, int], Count]) -> list[str]:
    """What a request says otherwise than a count, slot by slot."""
    it, found = request.request.attestation, []
    resource = name_from_bytes32(it.resource)
    for slot, asked in zip(slots_of(request.request), request.request.quantities, strict=True):
        names = ((who, what, slot) for who in (it.supplier, "") for what in (resource, ""))
        count = next((counted[name] for name in names if name in counted), None)
        if count is None:
            found.append(f"slot {slot}: {asked} asked for, none counted")
        elif count.quantity != asked:
            found.append(f"slot {slot}: {asked} asked for, {count.quantity} counted")
    return found


def refused(owner: Owner, digits: str, reason: str) -> Decline:
    """Tell a supplier why its request is not signed."""
    return Decline(one_of(digits, operator_state(owner).requests, "request"), reason)


def basis_points(text: str) -> int:
    """Return a share as an operator writes it, in basis points, 0 to 10000. BadOrder.

    A number without its unit is refused: 50 may be meant as per cent or as basis points.

    >>> basis_points("62.5%"), basis_points("5000bp")
    (6250, 5000)
    """
    problem = f"{text[:40]!r} is no share"
    found = re.fullmatch(r"([0-9]+)(?:\.([0-9]+))? ?(%|bp|)", text, re.ASCII)
    if found is None or (found[2] and found[3] == "bp"):
        raise BadOrder(f"{problem}; write it in per cent, as 50% or 62.5%, or as 5000bp")
    whole, decimals = found[1], found[2] or ""
    if not found[3]:
        or_else = "" if decimals else f" or as {whole[:9]}bp"
        raise BadOrder(f"{problem} without its unit; write it as {whole[:9]}%{or_else}")
    if len(decimals) > 2:
        raise BadOrder(f"{problem}: per cent with at most two decimals, as 33.33%")
    points = int(whole[:9] if found[3] == "bp" else whole[:9] + decimals.ljust(2, "0"))
    if points > WHOLE:
        raise BadOrder(f"{problem}: it is more than all; give at most 100%")
    return points


def ruled(
    owner: Owner, digits: str, payment_share: int, bond_share: int, deposit_share: int
) -> Judge:
    """Say which shares of a disputed trade the supplier is to get, basis points."""
    key = one_of(digits, in_dispute(operator_state(owner)), "dispute")
    return Judge(key, payment_share, bond_share, deposit_share)


def shown(owner: Owner, digits: str, content: bytes, name: str, place: str | None) -> Show:
    """Show the operators evidence of a disputed trade of ours: a file called `name`.

    The file is sent, or with a `place` its hash and where it is.
    """
    disputed = [
        key
        for key, held in owner.exchange.held.items()
        if held.state == EscrowState.DISPUTED
        and is_party(owner.exchange.escrows[key], owner.address)
    ]
    key = one_of(digits, disputed, "dispute")
    if len(content) > LARGEST_SHOWN or not content:
        raise BadOrder(f"{name}: has none or more than {LARGEST_SHOWN} bytes; give another file")
    if len(content) > LARGEST_EXHIBIT and place is None:
        problem = f"{name}: has {len(content)} bytes and {LARGEST_EXHIBIT} can be sent"
        raise BadOrder(f"{problem}; say the place where the operators find it")
    sent = b"" if place is not None else content
    exhibit = Exhibit(owner.address, key, keccak(content), sent, place or "")
    operators = owner.exchange.operator_sets[owner.exchange.held[key].operator_set].members
    return Show(exhibit, operators, _until(owner, key))


def _until(owner: Owner, key: bytes) -> int:
    """Until when evidence is of use: the latest that the trade can be waited on."""
    return owner.exchange.held[key].since + owner.exchange.parameters.longest_life
