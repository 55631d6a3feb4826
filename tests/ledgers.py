"""A ledger's tables beside the twin's state: what the one must say of the other."""

from typing import Any

from sqlalchemy import select

from fabmarket.ledger import Ledger
from fabmarket.ledger import schema as tables
from fabmarket.ledger.comparing import differences
from fabmarket.ledger.rows import hexed
from fabmarket.market.events import NetSettled, Settled
from fabmarket.market.exchange import Exchange, Listing, Posted, record
from fabmarket.market.exchange.terms import all_held
from fabmarket.market.net import unpack_rows
from fabmarket.market.trade import listing_id
from fabmarket.market.units import name_from_bytes32

NAMES = ("NONE", "funded", "delivered", "disputed", "closed")


def rows_of(ledger: Ledger, name: str) -> list[dict[str, Any]]:
    """All rows of a table, by its key."""
    table = tables.METADATA.tables[name]
    with ledger.engine.connect() as connection:
        found = connection.execute(select(table).order_by(*table.primary_key)).mappings()
        return [dict(row) for row in found]


def everything(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """All that a ledger holds."""
    return {name: rows_of(ledger, name) for name in tables.METADATA.tables}


def require_fresh(ledger: Ledger, fresh: Ledger) -> None:
    """Compare every row with a ledger that has seen nothing but the chain as it is now."""
    with ledger.at_once() as given, fresh.at_once() as beside:
        check = differences(given, beside, lambda *_: None)
    assert check.ok, check.wrong
    assert check.compared


def twin_of(ledger: Ledger, domain: Any) -> Exchange:
    """The twin after the ledger's events."""
    state = Exchange.undeployed(domain)
    for event in ledger.events():
        state = record(state, event)
    return state


def require_same(ledger: Ledger, state: Exchange) -> None:
    """Compare every table with the twin's state after the ledger's events."""
    _same_market(ledger, state)
    _same_capacity(ledger, state)
    _same_accounts(ledger, state)
    _same_escrows(ledger, state)
    _same_trades(ledger)


def _same_market(ledger: Ledger, state: Exchange) -> None:
    (row,) = rows_of(ledger, "market")
    assert row["tokens"] == sorted(state.tokens)
    assert row["paused_until"] == state.paused_until
    assert row["operator_set"] == state.operator_set(ledger.time())
    assert row["parameters"] == {
        name: getattr(state.parameters, name) for name in state.parameters.__dataclass_fields__
    }
    sets = {each["set"]: (tuple(each["members"]), each["threshold"]) for each in operators(ledger)}
    assert sets == {
        number: (known.members, known.threshold) for number, known in state.operator_sets.items()
    }
    if state.next_set:
        assert operators(ledger)[-1]["since"] == state.next_since


def operators(ledger: Ledger) -> list[dict[str, Any]]:
    return rows_of(ledger, "operators")


def _same_capacity(ledger: Ledger, state: Exchange) -> None:
    resources = {
        (each["supplier"], each["id"]): (
            each["name"],
            each["unit"],
            each["origin"],
            each["slot_length"],
        )
        for each in rows_of(ledger, "resource")
    }
    assert resources == {
        (supplier, hexed(resource)): (
            name_from_bytes32(resource),
            name_from_bytes32(known.unit),
            known.origin,
            known.slot_length,
        )
        for (supplier, resource), known in state.calendars.items()
    }
    slots = {
        (each["supplier"], each["resource"], each["slot"]): each for each in rows_of(ledger, "slot")
    }
    assert len(slots) == len(state.slots)
    for (supplier, resource, slot), known in state.slots.items():
        row, calendar = slots[supplier, hexed(resource), slot], state.calendars[supplier, resource]
        listing = listing_id(supplier, resource, slot, calendar.end(slot))
        listed = state.listings.get(listing, Listing(supplier))
        seal = state.seals.get((supplier, resource, slot))
        assert row == {
            **row,
            "name": name_from_bytes32(resource),
            "begins": calendar.origin + slot * calendar.slot_length,
            "ends": calendar.end(slot),
            "attested": known.attested,
            "committed": known.committed,
            "version": known.version,
            "expiry": known.expiry,
            "commitment": "" if seal is None else hexed(seal),
            "listing": hexed(listing),
            "available": listed.available,
            "sold": known.committed - listed.available,
            "epoch": listed.epoch,
        }


def _same_accounts(ledger: Ledger, state: Exchange) -> None:
    found = {
        (each["address"], each["token"]): (each["balance"], each["epoch"])
        for each in rows_of(ledger, "account")
    }
    assert found == {key: (known.balance, known.epoch) for key, known in state.accounts.items()}


def _same_escrows(ledger: Ledger, state: Exchange) -> None:
    escrows = {each["trade"]: each for each in rows_of(ledger, "escrow")}
    assert set(escrows) == set(map(hexed, state.held))
    for trade, held in state.held.items():
        row, terms = escrows[hexed(trade)], state.escrows[trade]
        assert row["state"] == NAMES[held.state]
        assert row["held"] == all_held(terms, held, state.parameters)
        assert row["bundle"] == (hexed(terms.bundle) if any(terms.bundle) else "")
        assert row["deliver_by"] == terms.escrow.deliver_by
        if not held.is_open:
            continue
        assert row["since"] == held.since
        assert row["operator_set"] == held.operator_set
        assert row["delivered"] == held.delivered
        assert row["is_uncovered"] == held.uncovered
        assert row["grace_until"] == held.grace_until
        posted = state.rulings.get(trade, Posted())
        if posted.number:
            assert row["ruling"] == {
                name: getattr(posted, name) for name in posted.__dataclass_fields__
            }
        else:
            assert row["ruling"] is None


def _same_trades(ledger: Ledger) -> None:
    events = list(ledger.entries())
    settled = {hexed(e.event.trade): (n, e) for n, _, e in events if isinstance(e.event, Settled)}
    trades = rows_of(ledger, "trade")
    assert {row["trade"] for row in trades} == set(settled)
    escrows = {row["trade"] for row in rows_of(ledger, "escrow")}
    slots = {row["listing"]: row for row in rows_of(ledger, "slot")}
    for row in trades:
        number, entry = settled[row["trade"]]
        event, slot = entry.event, slots[row["listing"]]
        assert row == {
            **row,
            "block": number,
            "log_index": entry.index,
            "transaction_hash": hexed(entry.transaction),
            "listing": hexed(event.listing),
            "supplier": slot["supplier"],
            "resource": slot["resource"],
            "name": slot["name"],
            "slot": slot["slot"],
            "demander": event.demander,
            "token": event.token,
            "quantity": event.quantity,
            "unit_price": event.unit_price,
            "payment": event.payment,
            "nonce": event.nonce,
            "is_escrow": row["trade"] in escrows,
        }
    (market,) = rows_of(ledger, "market")
    assert market["trades"] == len(trades)
    for what, rows in (("listing", slots.values()), ("name", rows_of(ledger, "volume"))):
        assert sum(row["trades"] for row in rows) == len(trades), what
    for slot in slots.values():
        of_slot = [row for row in trades if row["listing"] == slot["listing"]]
        last = max(of_slot, key=lambda row: (row["block"], row["log_index"]), default=None)
        assert (slot["trades"], slot["price"]) == (len(of_slot), last and last["unit_price"])
    for volume in rows_of(ledger, "volume"):
        of_day = [
            row
            for row in trades
            if (row["time"] // 86_400, row["name"], row["token"])
            == (volume["day"], volume["name"], volume["token"])
        ]
        assert volume["trades"] == len(of_day)
        assert volume["quantity"] == sum(row["quantity"] for row in of_day)
        assert volume["payment"] == sum(row["payment"] for row in of_day)
    for account in rows_of(ledger, "account"):
        sides = [
            row
            for row in trades
            if row["token"] == account["token"]
            and account["address"] in (row["demander"], row["supplier"])
        ]
        assert account["trades"] == len(sides)
    cycles = {row["batch"]: row for row in rows_of(ledger, "cycle")}
    for _, _, entry in events:
        if isinstance(entry.event, NetSettled):
            row = cycles.pop(hexed(entry.event.batch))
            changes = [[each.account, each.change] for each in unpack_rows(entry.event.rows)]
            assert row["rows"] == changes
    assert not cycles
