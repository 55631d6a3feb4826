"""What each event changes in the rows of tables: the fold of `market.exchange.record`, for queries.

The twin checks every rule of the exchange and keeps all of its state; here only that is kept which
is asked for, and only that is checked without which a row would be nonsense. The property tests
hold the one against the other.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, select

from fabmarket.errors import Bug
from fabmarket.identity import ZERO_BYTES32
from fabmarket.ledger import schema
from fabmarket.ledger.database import LedgerError
from fabmarket.ledger.rows import Key, Row, Statements, Working, hexed
from fabmarket.ledger.store import Block, Entry
from fabmarket.market.events import (
    CommitmentReduced,
    Delivered,
    Deployed,
    Deposited,
    Disputed,
    EpochRaised,
    Escrowed,
    Event,
    GraceOpened,
    Listed,
    ListingEpochRaised,
    NetSettled,
    NoncesCancelled,
    OperatorsSet,
    Paused,
    Released,
    ResourceRegistered,
    RulingPosted,
    Settled,
    SlotAttested,
    SlotSealed,
    TokenSet,
    Uncovered,
    Unlisted,
    Withdrawn,
)
from fabmarket.market.exchange.terms import share
from fabmarket.market.net import unpack_rows, unpack_sales
from fabmarket.market.trade import listing_id
from fabmarket.market.units import name_from_bytes32

_DAY = 86_400


class _Odd(Exception):
    """An event does not fit to what came before."""


class Folds:
    """Changes rows as events say, block by block.

    `working` has the tables whose rows change; `trade` reads those that were written before.
    """

    def __init__(self, working: Mapping[str, Working], trade: Statements) -> None:
        self._market, self._resources = working["market"], working["resource"]
        self._slots, self._accounts = working["slot"], working["account"]
        self._escrows, self._volumes = working["escrow"], working["volume"]
        self._trade_rows = trade
        self._places: dict[bytes, Key] = {}
        self._last_set: tuple[int, int] | None = None

    def begin(self, connection: Connection, first: int) -> None:
        """Begin a page of blocks, the first of this number: nothing is written of it yet."""
        self._connection, self._first = connection, first
        self._raised: dict[bytes, int] = {}
        self._trades: dict[bytes, Row] = {}
        self._cycles: list[tuple[Any, ...]] = []
        self._operators: list[tuple[Any, ...]] = []

    def once(self) -> dict[str, Iterable[Iterable[Any]]]:
        """Return the rows of the page that are written once, by table."""
        trades = (row.values() for row in self._trades.values())
        return {"trade": trades, "cycle": self._cycles, "operators": self._operators}

    def block(self, block: Block[Event]) -> None:
        """Change what a block changes. LedgerError for an event that cannot follow."""
        settled = 0
        for entry in block.entries:
            event = entry.event
            fold = _FOLDS.get(type(event))
            if fold is None:
                continue
            settled += isinstance(event, Settled)
            try:
                fold(self, block, entry, event)
            except _Odd as error:
                raise LedgerError(
                    f"block {block.number}, log {entry.index}: {type(event).__name__} does not"
                    f" follow from what came before ({error}): a node left out logs, or the"
                    " contract is no exchange of Fabmarket; index it again from another node"
                ) from error
        if settled:
            self._of_market()["trades"] += settled
        self._operators_in_force(block.time)

    # The market

    def _of_market(self) -> Row:
        row = self._market.get((1,))
        if row is None:
            raise Bug("a ledger without its row `market`")
        return row

    def _operators_in_force(self, now: int) -> None:
        """The set that was decided on last takes over once its time has come."""
        if self._last_set is None:
            table = schema.operators
            query = select(table.c.set, table.c.since).order_by(table.c.set.desc()).limit(1)
            row = self._connection.execute(query).one_or_none()
            self._last_set = (0, 0) if row is None else (row.set, row.since)
        number, since = self._last_set
        if now >= since and self._current_set() != number:
            self._of_market()["operator_set"] = number

    def _current_set(self) -> int:
        row = self._market.look((1,))
        return 0 if row is None else int(row["operator_set"])

    def _deployed(self, _: Block[Event], __: Entry[Event], event: Deployed) -> None:
        rules = event.parameters
        self._of_market()["parameters"] = {
            each.name: getattr(rules, each.name) for each in fields(rules)
        }

    def _operators_set(self, block: Block[Event], _: Entry[Event], event: OperatorsSet) -> None:
        self._operators_in_force(block.time)  # the set before may never come into force after it
        members, number = list(event.operators), event.set
        row = (number, members, event.threshold, event.since, block.number)
        self._operators.append(row)
        self._last_set = (number, event.since)

    def _paused(self, _: Block[Event], __: Entry[Event], event: Paused) -> None:
        self._of_market()["paused_until"] = event.until

    def _token_set(self, _: Block[Event], __: Entry[Event], event: TokenSet) -> None:
        row = self._of_market()
        rest = {*row["tokens"]} - {event.token}
        row["tokens"] = sorted(rest | {event.token} if event.accepted else rest)

    # Capacity

    def _registered(self, _: Block[Event], __: Entry[Event], event: ResourceRegistered) -> None:
        self._resources.put(
            {
                "supplier": event.supplier,
                "id": hexed(event.resource),
                "name": name_from_bytes32(event.resource),
                "unit": name_from_bytes32(event.unit),
                "origin": event.origin,
                "slot_length": event.slot_length,
            }
        )

    def _slot(self, supplier: str, resource: bytes, slot: int) -> Row:
        """A slot's row, a new one for a slot of which nothing was said."""
        key = (supplier, hexed(resource), slot)
        row = self._slots.get(key)
        if row is not None:
            return row
        calendar = self._resources.look(key[:2])
        if calendar is None:
            raise _Odd("the resource is not registered")
        begins = calendar["origin"] + slot * calendar["slot_length"]
        ends = begins + calendar["slot_length"]
        try:
            listing = listing_id(supplier, resource, slot, ends)
        except OverflowError as error:
            raise _Odd(f"slot {slot} ends at {ends}") from error
        self._places[listing] = key
        values = (*key, calendar["name"], begins, ends, 0, 0, 0, 0, "", hexed(listing), 0, 0)
        columns = self._slots.statements.columns
        rest = (self._epoch_of(listing), None, 0)
        return self._slots.put(dict(zip(columns, (*values, *rest), strict=True)))

    def _epoch_of(self, listing: bytes) -> int:
        """The epoch of a listing that was raised before anything was said of its slot."""
        if listing in self._raised:
            return self._raised[listing]
        table = schema.event
        query = (
            select(table)
            .where(
                table.c.subject == hexed(listing),
                table.c.kind == ListingEpochRaised.__name__,
                table.c.block < self._first,
            )
            .order_by(table.c.block.desc(), table.c.log_index.desc())
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        return 0 if row is None else int(json.loads(row.body)["epoch"])

    def _listing(self, listing: bytes) -> Row | None:
        """The slot of a listing, to be changed."""
        key = self._places.get(listing)
        if key is None:
            row = self._slots.find("listing", hexed(listing))
            if row is None:
                return None
            key = self._places[listing] = (row["supplier"], row["resource"], row["slot"])
        return self._slots.get(key)

    def _attested(
        self, _: Block[Event], __: Entry[Event], event: SlotAttested | SlotSealed
    ) -> None:
        row = self._slot(event.supplier, event.resource, event.slot)
        is_open = isinstance(event, SlotAttested)
        sealed = ZERO_BYTES32 if isinstance(event, SlotAttested) else event.commitment
        row["attested"] = event.quantity if isinstance(event, SlotAttested) else 0
        row["commitment"] = "" if is_open or sealed == ZERO_BYTES32 else hexed(sealed)
        row["version"], row["expiry"] = event.version, event.expiry

    def _listed(self, _: Block[Event], __: Entry[Event], event: Listed | Unlisted) -> None:
        row = self._slot(event.supplier, event.resource, event.slot)
        change = event.quantity if isinstance(event, Listed) else -event.quantity
        row["committed"] += change
        row["available"] += change
        if row["available"] != event.available or row["listing"] != hexed(event.listing):
            raise _Odd(f"{row['available']} units of {row['listing']} would be available")

    def _listing_raised(self, _: Block[Event], __: Entry[Event], event: ListingEpochRaised) -> None:
        row = self._listing(event.listing)
        if row is None:
            self._raised[event.listing] = event.epoch
        else:
            row["epoch"] = event.epoch

    def _reduced(self, _: Block[Event], __: Entry[Event], event: CommitmentReduced) -> None:
        row = self._slot(event.supplier, event.resource, event.slot)
        row["committed"] -= event.quantity
        row["sold"] -= event.quantity
        if row["sold"] < 0:
            raise _Odd("less is sold")

    def _sold(self, listing: bytes, quantity: int) -> Row:
        row = self._listing(listing)
        if row is None or not 0 < quantity <= row["available"]:
            raise _Odd(f"{hexed(listing)} does not sell {quantity} units")
        row["available"] -= quantity
        row["sold"] += quantity
        return row

    # Accounts and trades

    def _account(self, address: str, token: str) -> Row:
        row = self._accounts.get((address, token))
        if row is None:
            new = {"address": address, "token": token, "balance": 0, "epoch": 0, "trades": 0}
            return self._accounts.put(new)
        return row

    def _paid(self, address: str, token: str, change: int) -> Row:
        row = self._account(address, token)
        row["balance"] += change
        if row["balance"] < 0:
            raise _Odd(f"{address} would hold {row['balance']} base units of {token}")
        return row

    def _moved(self, _: Block[Event], __: Entry[Event], event: Deposited | Withdrawn) -> None:
        change = event.amount if isinstance(event, Deposited) else -event.amount
        self._paid(event.account, event.token, change)

    def _cancelled(self, _: Block[Event], __: Entry[Event], event: NoncesCancelled) -> None:
        self._account(event.account, event.token)

    def _epoch_raised(self, _: Block[Event], __: Entry[Event], event: EpochRaised) -> None:
        self._account(event.account, event.token)["epoch"] = event.epoch

    def _settled(self, block: Block[Event], entry: Entry[Event], event: Settled) -> None:
        token, quantity, price, nonce = event.token, event.quantity, event.unit_price, event.nonce
        payment = quantity * price
        slot = self._sold(event.listing, quantity)
        slot["price"] = price
        slot["trades"] += 1
        buyer = self._paid(event.demander, token, -payment)
        buyer["epoch"] = nonce >> 8
        buyer["trades"] += 1
        self._paid(slot["supplier"], token, payment)["trades"] += 1
        self._trades[event.trade] = {
            "block": block.number,
            "log_index": entry.index,
            "transaction_hash": hexed(entry.transaction),
            "time": block.time,
            "trade": hexed(event.trade),
            "listing": slot["listing"],
            "supplier": slot["supplier"],
            "resource": slot["resource"],
            "name": slot["name"],
            "slot": slot["slot"],
            "demander": event.demander,
            "token": token,
            "quantity": quantity,
            "unit_price": price,
            "payment": payment,
            "nonce": nonce,
            "is_escrow": False,
        }
        volume = self._volume(block.time // _DAY, slot["name"], token)
        volume["trades"] += 1
        volume["quantity"] += quantity
        volume["payment"] += payment

    def _volume(self, day: int, name: str, token: str) -> Row:
        row = self._volumes.get((day, name, token))
        if row is None:
            new = {"day": day, "name": name, "token": token, "trades": 0}
            return self._volumes.put({**new, "quantity": 0, "payment": 0})
        return row

    def _net_settled(self, block: Block[Event], entry: Entry[Event], event: NetSettled) -> None:
        rows, sales = unpack_rows(event.rows), unpack_sales(event.sales)
        for row in rows:
            self._paid(row.account, event.token, row.change)["epoch"] = row.epoch
        for sale in sales:
            self._sold(sale.listing, sale.quantity)
        self._cycles.append(
            (
                hexed(event.batch),
                block.number,
                entry.index,
                hexed(entry.transaction),
                block.time,
                event.token,
                hexed(event.trades),
                [[row.account, row.change] for row in rows],
                [[hexed(sale.listing), sale.quantity] for sale in sales],
            )
        )

    # Escrows

    def _escrowed(self, block: Block[Event], entry: Entry[Event], event: Escrowed) -> None:
        trade, row = event.terms, self._trades.get(event.trade)
        if row is None:
            raise _Odd("the trade was not settled just before")
        row["is_escrow"] = True
        rules = self._of_market()["parameters"]
        deposit = share(row["payment"], rules.get("deposit_share", 0))
        locked = row["payment"] + deposit + trade.escrow.bond
        self._paid(row["supplier"], row["token"], -locked)
        self._paid(row["demander"], row["token"], -deposit)
        self._escrows.put(
            {
                "trade": row["trade"],
                "block": block.number,
                "log_index": entry.index,
                "bundle": "" if trade.bundle == ZERO_BYTES32 else hexed(trade.bundle),
                "state": "funded",
                "since": event.since,
                "operator_set": event.operator_set,
                "delivered": 0,
                "evidence": "",
                "is_uncovered": False,
                "grace_until": 0,
                "deliver_by": trade.escrow.deliver_by,
                "held": locked + deposit,
                "to_supplier": 0,
                "to_demander": 0,
                "cause": "",
                "ruling": None,
            }
        )

    def _escrow(self, trade: bytes) -> Row:
        row = self._escrows.get((hexed(trade),))
        if row is None or row["state"] == "closed":
            raise _Odd("the trade holds nothing")
        return row

    def _stated(
        self, _: Block[Event], __: Entry[Event], event: Delivered | Disputed | Uncovered
    ) -> None:
        row = self._escrow(event.trade)
        row["since"], row["grace_until"] = event.since, 0
        row["state"] = "delivered" if isinstance(event, Delivered) else "disputed"
        if isinstance(event, Delivered):
            row["delivered"] = event.quantity
        elif isinstance(event, Disputed):
            row["evidence"] = hexed(event.evidence)
        else:
            row["is_uncovered"] = True
            trade = self._trade(event.trade)
            slot = self._slots.get((trade["supplier"], trade["resource"], trade["slot"]))
            if slot is not None:  # what is refunded may not be sold again
                slot["attested"] = min(slot["attested"], slot["committed"])

    def _trade(self, trade: bytes) -> Row:
        row = self._trades.get(trade)
        if row is None:
            row = self._trade_rows.find(self._connection, ("trade",), (hexed(trade),))
        if row is None:
            raise _Odd("the trade was never settled")
        return row

    def _grace_opened(self, _: Block[Event], __: Entry[Event], event: GraceOpened) -> None:
        self._escrow(event.trade)["grace_until"] = event.until

    def _ruled(self, _: Block[Event], __: Entry[Event], event: RulingPosted) -> None:
        row = self._escrow(event.trade)
        row["grace_until"] = event.executable_at
        row["ruling"] = {
            "number": event.number,
            "payment_share": event.payment_share,
            "bond_share": event.bond_share,
            "deposit_share": event.deposit_share,
            "executable_at": event.executable_at,
        }

    def _released(self, block: Block[Event], _: Entry[Event], event: Released) -> None:
        row, trade = self._escrow(event.trade), self._trade(event.trade)
        row["held"] -= event.to_supplier + event.to_demander
        row["to_supplier"] += event.to_supplier
        row["to_demander"] += event.to_demander
        row["cause"] = event.cause.name.lower()
        if row["held"] < 0 or (event.closed and row["held"]):
            raise _Odd(f"{row['held']} base units would be left")
        if event.closed:
            row["state"], row["since"], row["grace_until"] = "closed", block.time, 0
        self._paid(trade["supplier"], trade["token"], event.to_supplier)
        self._paid(trade["demander"], trade["token"], event.to_demander)


_FOLDS: dict[type[Event], Callable[[Folds, Block[Event], Entry[Event], Any], None]] = {
    Deployed: Folds._deployed,
    OperatorsSet: Folds._operators_set,
    Paused: Folds._paused,
    TokenSet: Folds._token_set,
    ResourceRegistered: Folds._registered,
    SlotAttested: Folds._attested,
    SlotSealed: Folds._attested,
    Listed: Folds._listed,
    Unlisted: Folds._listed,
    ListingEpochRaised: Folds._listing_raised,
    CommitmentReduced: Folds._reduced,
    Deposited: Folds._moved,
    Withdrawn: Folds._moved,
    NoncesCancelled: Folds._cancelled,
    EpochRaised: Folds._epoch_raised,
    Settled: Folds._settled,
    NetSettled: Folds._net_settled,
    Escrowed: Folds._escrowed,
    Delivered: Folds._stated,
    Disputed: Folds._stated,
    Uncovered: Folds._stated,
    GraceOpened: Folds._grace_opened,
    RulingPosted: Folds._ruled,
    Released: Folds._released,
}
"""The rest moves nothing that is shown: nonces of intents and splits, and what was skipped."""
