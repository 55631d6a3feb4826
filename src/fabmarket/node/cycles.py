"""What an agent's journal says of net cycles, for its owner."""

from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fabmarket.market.cycles import Cycles, Stage
from fabmarket.market.trade import market_domain
from fabmarket.negotiation.netting.coordinating import Coordinator
from fabmarket.negotiation.netting.party import trades_of
from fabmarket.negotiation.netting.state import Attempt, NetParty
from fabmarket.node.escrows import seen_of
from fabmarket.node.journal import Journal
from fabmarket.node.participant import folded
from fabmarket.node.roles import STEPS
from fabmarket.node.settings import JOURNAL, Settings
from fabmarket.node.status import has_begun


@dataclass(frozen=True)
class RowStatus:
    """What we have entered: base units gained, or paid if below 0; nonces; listings; trades."""

    change: int
    nonces: int
    listings: int
    trades: int


@dataclass(frozen=True)
class NetStatus:
    """How far an agent is in the cycle that closed last; times in seconds of chain time.

    `role` is "party", "coordinator" or "" for none. `phase` is the part of the cycle that `time` is
    in, until `ends`, of attempt 0 or 1 that we know of; the next cycle closes at `closes`.
    `products` are agreed for cycles and not settled, for `payment` base units. `accounts` are those
    on the roll, `missing` those that something waits for, `row` what we have entered; `batch` what
    was found right, "" for none, which we have `signed` or not; `reason` is why not.
    """

    role: str = ""
    time: int = 0
    coordinator: str = ""
    closed: int = 0
    phase: str = ""
    ends: int = 0
    closes: int = 0
    attempt: int | None = None
    accounts: int = 0
    products: int = 0
    payment: int = 0
    row: RowStatus | None = None
    batch: str = ""
    signed: bool = False
    missing: tuple[str, ...] = ()
    reason: str = ""

    def facts(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self)


def net_status(folder: Path, settings: Settings) -> NetStatus:
    """Return what an agent's journal says of net cycles."""
    if not has_begun(folder):
        return NetStatus()
    now = seen_of(folder, market_domain(settings.chain.chain_id, settings.market.exchange)).time
    with closing(Journal.reading(folder / JOURNAL)) as journal:
        kind, step = STEPS[settings.role]
        net = folded(journal, step, kind).net
    if net is None or now < net.cycles.rhythm.origin:
        return NetStatus(time=now)
    stage = net.cycles.at(now)
    if isinstance(net, Coordinator):
        return _of_coordinator(net, stage, now)
    return _of_party(net, stage, now)


def _closes(cycles: Cycles, stage: Stage) -> int:
    return stage.closed + cycles.length


def _of_coordinator(net: Coordinator, stage: Stage, now: int) -> NetStatus:
    attempt = net.attempt if net.closed == stage.closed else None
    about = (now, net.address, stage.closed, stage.phase, stage.ends, _closes(net.cycles, stage))
    if attempt is None:
        return NetStatus("coordinator", *about, accounts=len(net.joined))
    return NetStatus(
        "coordinator",
        *about,
        attempt=attempt.number,
        accounts=len(attempt.roll),
        batch=f"0x{attempt.batch.hex()}" if attempt.batch else "",
        signed=attempt.submitted,
        missing=() if attempt.submitted else tuple(sorted(attempt.missing)),
    )


def _of_party(net: NetParty, stage: Stage, now: int) -> NetStatus:
    attempt = net.attempt
    if attempt is not None and attempt.closed != stage.closed:
        attempt = None
    about = (now, net.coordinator, stage.closed, stage.phase, stage.ends)
    products = net.deals.values()
    return NetStatus(
        "party",
        *about,
        closes=_closes(net.cycles, stage),
        attempt=None if attempt is None else attempt.number,
        accounts=0 if attempt is None else len(attempt.accounts),
        products=len(list(products)),
        payment=sum(deal.payment for deal in products),
        row=None if attempt is None else _row(attempt),
        batch=f"0x{attempt.batch.hex()}" if attempt is not None and attempt.batch else "",
        signed=attempt is not None and attempt.is_signed,
        missing=() if attempt is None else _missing(net, attempt),
        reason=net.reason,
    )


def _row(attempt: Attempt) -> RowStatus | None:
    row = attempt.row
    if row is None or not row.mask:
        return None
    return RowStatus(row.change, row.mask.bit_count(), row.sales, len(attempt.entered))


def _missing(net: NetParty, attempt: Attempt) -> tuple[str, ...]:
    """Whose word we wait for: what they enter, then that they count what is between us."""
    if attempt.row is None:
        others = {other for _, deal in net.deals_of(attempt.closed) for other in deal.others}
        return tuple(sorted(attempt.accounts.intersection(others).difference(attempt.claimed)))
    waiting = [name for name in attempt.entered if name not in attempt.counted]
    return tuple(sorted({other for _, other in trades_of(net, waiting).values()}))
