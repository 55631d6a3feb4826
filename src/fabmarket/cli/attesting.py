"""`fabmarket ask`, `requests`, `attest`, `refuse`: capacity is counted before it is listed."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from fabmarket.cli.inputs import InputError, Whole, read_input
from fabmarket.cli.ordering import ordering
from fabmarket.cli.terminal import table
from fabmarket.market.trade import TIME_LIMIT
from fabmarket.market.units import LARGEST_QUANTITY, name_from_bytes32
from fabmarket.negotiation.orders import Order
from fabmarket.node.cases import requests_of
from fabmarket.node.counts import LARGEST, Count, read_counts
from fabmarket.node.ordered import capacity, judging
from fabmarket.node.owner import Owner
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
    if (file is None) == (slot is None or not quantities):
        raise InputError("give --slot and quantities, or --csv, and not both")
    first, counted = (slot or 0, quantities) if file is None else _run(owner, file)
    return capacity.asked(owner, first, counted, expires, sealed=sealed)


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
    facts = [asdict(each) for each in requests_of(owner)]
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
    if file is None:
        if request is None:
            raise InputError("give a request, or --csv with what was counted")
        return judging.attested(owner, request)
    order, wrong = judging.attested_as_counted(owner, request, _counts(file))
    for key, lines in wrong.items():
        for line in lines:
            click.echo(escaped(f"0x{key.hex()[:12]}: {line}"), err=True)
    if order is None:
        raise InputError(f"{file}: equals no request that waits; nothing is signed")
    return order


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
    return judging.refused(owner, request, reason)
