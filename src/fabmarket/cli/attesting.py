"""`fabmarket ask`, `requests`, `attest`, `refuse`: capacity is counted before it is listed."""

import json
import secrets
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fabmarket.cli.inputs import InputError, Whole, read_input
from fabmarket.cli.ordering import ordering
from fabmarket.cli.terminal import table
from fabmarket.market.oversight import SealedRequest, slots_of
from fabmarket.market.trade import TIME_LIMIT
from fabmarket.market.units import LARGEST_QUANTITY, name_from_bytes32
from fabmarket.negotiation.duties import Ask, Decline, Endorse, Seal
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.operator.state import Requested
from fabmarket.negotiation.orders import Order
from fabmarket.node.counts import LARGEST, Count, read_counts
from fabmarket.node.oversight import operator_state
from fabmarket.node.owner import Owner
from fabmarket.node.prefix import one_of
from fabmarket.report.terminal import show
from fabmarket.report.wording import escaped
from fabmarket.scenario import decode


@click.command(
    "ask",
    epilog="""\b
Examples:
  fabmarket ask my-agent --slot 0 10 10 8      # slots 0, 1 and 2
  fabmarket ask my-agent --csv counted.csv     # slot,quantity: slots that follow each other
  fabmarket ask my-agent --slot 3 12 --sealed  # only the operators see how many
""",
)
@ordering
@click.argument("quantities", metavar="[QUANTITY]...", nargs=-1, type=Whole(0, LARGEST_QUANTITY))
@click.option("--slot", type=Whole(0, 2**40), help="The slot of the first quantity.")
@click.option("--csv", "file", type=click.Path(path_type=Path), metavar="FILE", help="Read them.")
@click.option(
    "--expires",
    type=Whole(1, TIME_LIMIT),
    help="From this second of chain time on nothing is listed by it; else the last slot's end.",
)
@click.option("--sealed", is_flag=True, help="Nobody but the operators sees the quantity.")
def ask_command(
    owner: Owner,
    quantities: tuple[int, ...],
    slot: int | None,
    file: Path | None,
    expires: int | None,
    sealed: bool,
) -> Order:
    """Ask the operators to attest what a supplier has.

    The request goes to all operators in force. Once enough have signed, the agent submits the
    attestation; then what is attested can be listed. 0 units take a slot off the market as far as
    it is unsold. A sealed quantity stands on the chain as a commitment, until `fabmarket open`
    lists it.
    """
    calendar = owner.settings.calendar
    if calendar is None or owner.settings.sells is None:
        raise InputError(f"{owner.folder}: only a supplier has something to attest")
    if (file is None) == (slot is None or not quantities):
        raise InputError("give --slot and quantities, or --csv, and not both")
    first, counted = (slot or 0, quantities) if file is None else _run(owner, file)
    end = calendar.origin + (first + len(counted)) * calendar.slot_length
    expiry = end if expires is None else expires
    return _sealed(owner, first, counted, expiry) if sealed else Ask(first, counted, expiry)


def _sealed(owner: Owner, slot: int, counted: tuple[int, ...], expiry: int) -> Seal:
    if len(counted) > 1:
        raise InputError(f"{len(counted)} slots cannot be sealed as one; ask for each by itself")
    if owner.counted(slot).committed:
        problem = f"slot {slot} is listed or sold in part, and a seal counts as 0 until opened"
        raise InputError(f"{problem}; unlist it first, or ask without --sealed")
    return Seal(slot, counted[0], secrets.token_bytes(32), expiry)


def _counts(file: Path) -> list[Count]:
    return read_counts(decode(read_input(file, LARGEST), str(file), LARGEST), str(file))


def _run(owner: Owner, file: Path) -> tuple[int, tuple[int, ...]]:
    """The slots of a file, which must follow each other."""
    counts = sorted(_counts(file), key=lambda each: each.slot)
    first = counts[0].slot
    own = owner.address, name_from_bytes32(owner.resource)
    for each in counts:
        if each.supplier not in ("", own[0]) or each.resource not in ("", own[1]):
            said = f"{file}: slot {each.slot} is of {each.resource} of {each.supplier}"
            raise InputError(f"{said}; leave only your own lines")
    for due, each in enumerate(counts, first):
        if each.slot != due:
            problem = f"{file}: slot {due} is missing between others"
            raise InputError(f"{problem}; ask for each run of slots by itself")
    return first, tuple(each.quantity for each in counts)


@click.command(
    "requests",
    epilog="""\b
Examples:
  fabmarket requests our-operator
  fabmarket requests our-operator --json
""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def requests_command(folder: Path, as_json: bool) -> None:
    """List what suppliers ask an operator to attest, and what the operators said.

    A request is listed until it is on the chain, out of date, or its operators are no longer in
    force.
    """
    owner = Owner(folder)
    state = operator_state(owner)
    facts = [_facts(owner, state, key, each) for key, each in _in_order(state)]
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
        return
    rows = [
        [
            each["request"][:14],
            each["resource"],
            each["supplier"][:8],
            str(each["first_slot"]),
            " ".join(map(str, each["quantities"])) + (" sealed" if each["sealed"] else ""),
            f"{len(each['signed'])} of {each['needed']}",
            each["own"] or "-",
            each["problem"] or "-",
        ]
        for each in facts
    ]
    columns = ("Request", "Resource", "Supplier", "From", "Units", "Signed", "You", "Problem")
    show(Console(), table("Requests for attestation", columns, rows))


def _in_order(state: OperatorState) -> list[tuple[bytes, Requested]]:
    return sorted(state.requests.items(), key=lambda each: (each[1].since, each[0]))


def _facts(owner: Owner, state: OperatorState, key: bytes, request: Requested) -> dict[str, Any]:
    asked, own = request.request, request.words.get(state.address)
    it = asked.attestation
    return {
        "request": f"0x{key.hex()}",
        "supplier": it.supplier,
        "resource": name_from_bytes32(it.resource),
        "unit": name_from_bytes32(it.unit),
        "first_slot": asked.first_slot,
        "quantities": list(asked.quantities),
        "sealed": isinstance(asked, SealedRequest),
        "version": it.version,
        "expiry": it.expiry,
        "signed": sorted(who for who, said in request.words.items() if not said),
        "declined": {who: said for who, said in sorted(request.words.items()) if said},
        "needed": state.sets.threshold(it.operator_set),
        "own": "" if own is None else "declined" if own else "signed",
        "problem": _problem(owner, request),
    }


def _problem(owner: Owner, request: Requested) -> str:
    """Why the contract would not store it, as far as the chain is read."""
    it = request.request.attestation
    for slot in slots_of(request.request):
        stored = owner.exchange.slots.get((it.supplier, it.resource, slot))
        if stored is not None and stored.version >= it.version:
            return f"slot {slot} has version {stored.version} already"
    return ""


@click.command(
    "attest",
    epilog="""\b
Examples:
  fabmarket attest our-operator 0x3f9a            # what `fabmarket requests` lists so
  fabmarket attest our-operator --csv counted.csv # supplier,resource,slot,quantity
""",
)
@ordering
@click.argument("request", required=False)
@click.option(
    "--csv",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Sign what equals this file's lines, and show what does not.",
)
def attest_command(owner: Owner, request: str | None, file: Path | None) -> Order:
    """Sign attestations that were asked for, after the units have been counted.

    With --csv the requests that wait, or the one that is named, are held against the file, whose
    columns are supplier, resource (both may be left out), slot and quantity. Only a request of
    which every slot is counted alike is signed; how others differ is shown.
    """
    state = operator_state(owner)
    if request is None and file is None:
        raise InputError("give a request, or --csv with what was counted")
    waiting = [key for key, each in _in_order(state) if each.words.get(state.address) != ""]
    chosen = waiting if request is None else [one_of(request, state.requests, "request")]
    if file is None:
        return Endorse(tuple(chosen))
    counted = {(each.supplier, each.resource, each.slot): each for each in _counts(file)}
    wrong = {key: _differences(state.requests[key], counted) for key in chosen}
    for key, lines in wrong.items():
        for line in lines:
            click.echo(escaped(f"0x{key.hex()[:12]}: {line}"), err=True)
    alike = tuple(key for key in chosen if not wrong[key])
    if not alike:
        raise InputError(f"{file}: equals no request that waits; nothing is signed")
    return Endorse(alike)


def _differences(request: Requested, counted: dict[tuple[str, str, int], Count]) -> list[str]:
    """What a request says otherwise than a file, slot by slot."""
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


@click.command(
    "refuse",
    epilog="""\b
Examples:
  fabmarket refuse our-operator 0x3f9a --reason "three machines, not ten"
""",
)
@ordering
@click.argument("request")
@click.option("--reason", required=True, help="What the supplier and the other operators hear.")
def refuse_command(owner: Owner, request: str, reason: str) -> Order:
    """Tell a supplier why an operator does not sign what it asks for."""
    return Decline(one_of(request, operator_state(owner).requests, "request"), reason)
