"""What the chain's events say of an account: its balance, its trades in escrow, what it can do now.

What can be done is asked of the contract's twin: whatever it does not refuse.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fabmarket.identity import ZERO_BYTES32, Domain
from fabmarket.ledger import Ledger
from fabmarket.ledger.queries.forms import Digits
from fabmarket.market.events import GraceOpened, Released
from fabmarket.market.exchange import (
    Deliver,
    Dispute,
    Exchange,
    Execute,
    Expire,
    Held,
    Inconsistent,
    Move,
    Refund,
    RefundUncovered,
    Release,
    Reverted,
    record,
    step,
    terms,
)
from fabmarket.market.trade import Trade
from fabmarket.negotiation.progress import Progress
from fabmarket.negotiation.splitting import Escrows, OpenEscrow
from fabmarket.node.settings import EVENTS


@dataclass(frozen=True)
class Seen:
    """The exchange as an agent has read it: up to this block, -1 for none, its time in seconds."""

    exchange: Exchange
    block: int
    time: int


@dataclass(frozen=True)
class Balance:
    """An account's money in the exchange, base units.

    `free` can be spent and withdrawn. In escrow are held what it is to pay, its bonds as a
    supplier, and its deposits in case of disputes.
    """

    free: Digits = 0
    payments: Digits = 0
    bonds: Digits = 0
    deposits: Digits = 0


@dataclass(frozen=True)
class OfferedSplit:
    """A division that the other party has signed, base units, until this second of chain time."""

    to_supplier: Digits
    to_demander: Digits
    until: int


@dataclass(frozen=True)
class OutcomeStatus:
    """What a command would bring now: base units to each side, of all that is held if it `closes`.

    `grace_until` is 0 where it is done at once; else the command begins a grace period, and it is
    ordered once more after that second. The other party may act until then, so that it comes out
    otherwise.
    """

    command: str
    to_supplier: Digits
    to_demander: Digits
    closes: bool
    grace_until: int


@dataclass(frozen=True)
class EscrowStatus:
    """A trade in escrow that is open, as one of its parties sees it.

    `role` is ours; amounts in base units, `payment` what is still held of it. Before `deadline`,
    seconds of chain time, somebody may act; what then follows shows in `state`: funded, delivered,
    disputed, uncovered, ruled, each perhaps with a grace period. `can` names the commands that the
    contract would follow now, `outcomes` what those that move money bring, `split` what the other
    party offers. Of the units the supplier last said that `reported` are used; of `acknowledged`
    the demander last accepted it.
    """

    trade: str
    role: str
    other: str
    slot: int
    quantity: Digits
    delivered: Digits
    payment: Digits
    bond: Digits
    deposit: Digits
    state: str
    deadline: int
    can: tuple[str, ...]
    outcomes: tuple[OutcomeStatus, ...]
    split: OfferedSplit | None
    reported: Digits
    acknowledged: Digits


def seen_of(folder: Path, domain: Domain) -> Seen:
    """Return what an agent has read so far, from nothing but the chain's events."""
    return read_on(folder, Seen(Exchange.undeployed(domain), -1, 0))


def read_on(folder: Path, seen: Seen) -> Seen:
    """Return what an agent has read by now, from what was seen before and the events since."""
    if not (folder / EVENTS).exists():
        return seen
    state = seen.exchange
    with closing(Ledger.reading(folder / EVENTS, is_kept=True)) as store:
        block, _ = store.followed() or (-1, b"")  # before its events: more may come meanwhile
        time = store.time()
        for number, _, entry in store.entries(seen.block):
            if number <= block:
                state = record(state, entry.event)
        return Seen(state, block, time)


def balance_of(exchange: Exchange, address: str, token: str) -> Balance:
    """Return an account's money, free and held."""
    payments = bonds = deposits = 0
    for _, trade, held in _open(exchange, address):
        if trade.token == token:
            deposits += terms.deposit_of(trade, exchange.parameters)
            if trade.demander == address:
                payments += held.payment
            else:
                bonds += trade.escrow.bond
    free = exchange.account_of(address, token).balance
    return Balance(free, payments, bonds, deposits)


def escrows_of(seen: Seen, address: str, talked: Escrows) -> list[EscrowStatus]:
    """Return an account's open trades in escrow, the next deadline first.

    `talked` is what its participant has heard of them.
    """
    found = [_status(seen, address, *each, talked) for each in _open(seen.exchange, address)]
    return sorted(found, key=lambda each: (each.deadline, each.trade))


def _open(exchange: Exchange, address: str) -> list[tuple[bytes, Trade, Held]]:
    """The open trades of an account, with their digests."""
    found = []
    for trade_digest, held in exchange.held.items():
        trade = exchange.escrows[trade_digest]
        if held.is_open and address in (trade.demander, exchange.supplier_of(trade.listing)):
            found.append((trade_digest, trade, held))
    return found


def _status(
    seen: Seen, address: str, name: bytes, trade: Trade, held: Held, talked: Escrows
) -> EscrowStatus:
    exchange = seen.exchange
    is_buyer = trade.demander == address
    ruled = name in exchange.rulings
    state = "ruled" if ruled else "uncovered" if held.uncovered else held.state.name.lower()
    heard = talked.get(name)
    progress = Progress() if heard is None else heard.progress
    can, outcomes = _can(seen, address, trade, held)
    deadline = held.grace_until or terms.deadline_of(trade, held, exchange.parameters)
    return EscrowStatus(
        trade=f"0x{name.hex()}",
        role="demander" if is_buyer else "supplier",
        other=exchange.supplier_of(trade.listing) if is_buyer else trade.demander,
        slot=trade.escrow.slot,
        quantity=trade.quantity,
        delivered=held.delivered,
        payment=held.payment,
        bond=trade.escrow.bond,
        deposit=terms.deposit_of(trade, exchange.parameters),
        state=state if ruled or not held.grace_until else f"{state}, in grace",
        deadline=deadline,
        can=can,
        outcomes=outcomes,
        split=_offered(heard, seen.time),
        reported=0 if progress.newest is None else progress.newest.units,
        acknowledged=0 if progress.accepted is None else progress.accepted.units,
    )


def _offered(escrow: OpenEscrow | None, now: int) -> OfferedSplit | None:
    offer = None if escrow is None else escrow.theirs
    if offer is None or offer.split.deadline <= now:
        return None
    return OfferedSplit(offer.split.to_supplier, offer.split.to_demander, offer.split.deadline)


def _can(
    seen: Seen, address: str, trade: Trade, held: Held
) -> tuple[tuple[str, ...], tuple[OutcomeStatus, ...]]:
    """The commands that the contract would follow now, and what they bring."""
    moves: dict[str, Move] = {
        "deliver": Deliver(trade, trade.quantity),
        "accept": Release(trade, held.payment),
        "dispute": Dispute(trade, ZERO_BYTES32),
        "refund": RefundUncovered(trade) if trade.demander == address else Refund(trade),
        "expire": Expire(trade),
        "execute": Execute(trade),
    }
    exchange, found, outcomes = seen.exchange, list[str](), list[OutcomeStatus]()
    when = max(seen.time, exchange.time), max(seen.block, exchange.block)
    for name, move in moves.items():
        try:
            after, events = step(exchange, address, move, *when)
        except (Reverted, Inconsistent):
            continue
        found.append(name)
        until = 0
        for opened in [each for each in events if isinstance(each, GraceOpened)]:
            until = opened.until
            _, events = step(after, address, move, until, opened.until_block)
        outcomes += [_outcome(name, each, until) for each in events if isinstance(each, Released)]
    return (*found, "split"), tuple(outcomes)


def _outcome(command: str, paid: Released, until: int) -> OutcomeStatus:
    return OutcomeStatus(command, paid.to_supplier, paid.to_demander, paid.closed, until)
