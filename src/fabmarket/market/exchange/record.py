"""Folding events into the state: what an auditor does with nothing but the logs."""

from dataclasses import replace

from fabmarket.errors import Refused
from fabmarket.market.events import (
    Delivered,
    Deposited,
    Disputed,
    EpochRaised,
    Escrowed,
    Event,
    Listed,
    ListingEpochRaised,
    NoncesCancelled,
    OperatorsSet,
    Paused,
    Relayed,
    Released,
    ResourceRegistered,
    Settled,
    Skipped,
    SlotAttested,
    SlotSealed,
    TokenSet,
    Unlisted,
    Withdrawn,
)
from fabmarket.market.exchange.state import (
    ALL_USED,
    Account,
    Calendar,
    EscrowState,
    Exchange,
    Held,
    Listing,
    Parties,
    Slot,
)
from fabmarket.market.trade import NONCES, TIME_LIMIT, listing_id


class Inconsistent(Refused):
    """An event cannot follow from the state: the log is not this exchange's."""


def record(state: Exchange, event: Event) -> Exchange:
    """Return the state after `event`. Raises Inconsistent if it cannot have happened."""
    match event:
        case OperatorsSet():
            state = replace(state, operators=event.operators, threshold=event.threshold)
            return replace(state, decisions=state.decisions + 1)
        case Paused():
            return replace(state, paused_until=event.until, decisions=state.decisions + 1)
        case TokenSet():
            rest = state.tokens - {event.token}
            tokens = rest | {event.token} if event.accepted else rest
            return replace(state, tokens=tokens, decisions=state.decisions + 1)
        case ResourceRegistered():
            return _registered(state, event)
        case SlotAttested():
            return _attested(state, event)
        case SlotSealed():
            return _sealed(state, event)
        case Listed() | Unlisted():
            return _listed(state, event)
        case ListingEpochRaised():
            return _listing_epoch(state, event)
        case Deposited():
            if event.token not in state.tokens:
                raise Inconsistent(f"{event} pays in a token that is not accepted")
            return credit(state, event.account, event.token, event.amount)
        case Withdrawn():
            return credit(state, event.account, event.token, -event.amount)
        case NoncesCancelled() | EpochRaised():
            return _epoch(state, event)
        case Relayed():
            if state.intents.get(event.account, 0) != event.nonce:
                raise Inconsistent(f"{event} is out of order")
            return replace(state, intents={**state.intents, event.account: event.nonce + 1})
        case Settled():
            return _settled(state, event)
        case Skipped():
            return state
        case Escrowed() | Delivered() | Disputed() | Released():
            return _escrow(state, event)


def credit(state: Exchange, account: str, token: str, change: int) -> Exchange:
    """Return the state with a balance changed. Raises Inconsistent below zero."""
    held = state.account(account, token)
    balance = held.balance + change
    if balance < 0:
        raise Inconsistent(f"{account} would hold {balance} base units of {token}")
    return _put(state, account, token, replace(held, balance=balance))


def _put(state: Exchange, account: str, token: str, value: Account) -> Exchange:
    return replace(state, accounts={**state.accounts, (account, token): value})


def _registered(state: Exchange, event: ResourceRegistered) -> Exchange:
    owned = (event.supplier, event.resource)
    if owned in state.calendars:
        raise Inconsistent(f"{event} registers a resource twice")
    calendar = Calendar(event.unit, event.origin, event.slot_length)
    return replace(state, calendars={**state.calendars, owned: calendar})


def _attested(state: Exchange, event: SlotAttested) -> Exchange:
    where = (event.supplier, event.resource, event.slot)
    old = state.slots.get(where, Slot())
    opened = where in state.seals and event.version == old.version
    if (event.supplier, event.resource) not in state.calendars:
        raise Inconsistent(f"{event} attests a resource that is not registered")
    if event.version <= old.version and not opened:
        raise Inconsistent(f"{event} follows version {old.version}")
    new = Slot(event.quantity, old.committed, event.version, event.expiry)
    seals = {key: value for key, value in state.seals.items() if key != where}
    return replace(state, slots={**state.slots, where: new}, seals=seals)


def _sealed(state: Exchange, event: SlotSealed) -> Exchange:
    where = (event.supplier, event.resource, event.slot)
    old = state.slots.get(where, Slot())
    if event.version <= old.version or (event.supplier, event.resource) not in state.calendars:
        raise Inconsistent(f"{event} follows version {old.version}, or no registration")
    new = Slot(0, old.committed, event.version, event.expiry)
    seals = {**state.seals, where: event.commitment}
    return replace(state, slots={**state.slots, where: new}, seals=seals)


def _listed(state: Exchange, event: Listed | Unlisted) -> Exchange:
    where = (event.supplier, event.resource, event.slot)
    calendar = state.calendars.get((event.supplier, event.resource))
    slot = state.slots.get(where, Slot())
    old = state.listings.get(event.listing, Listing(event.supplier))
    change = event.quantity if isinstance(event, Listed) else -event.quantity
    committed, available = slot.committed + change, old.available + change
    end = calendar.end(event.slot) if calendar else TIME_LIMIT
    if end >= TIME_LIMIT or event.listing != listing_id(*where, end):
        raise Inconsistent(f"{event} names another slot's listing")
    over = change > 0 and committed > slot.attested
    if available != event.available or available < 0 or over:
        raise Inconsistent(
            f"{event} leaves {committed} committed of {slot.attested} attested,"
            f" {available} available"
        )
    return replace(
        state,
        slots={**state.slots, where: replace(slot, committed=committed)},
        listings={**state.listings, event.listing: replace(old, available=available)},
    )


def _listing_epoch(state: Exchange, event: ListingEpochRaised) -> Exchange:
    old = state.listings.get(event.listing)
    if old is None or event.epoch != old.epoch + 1:
        raise Inconsistent(f"{event} does not follow {old}")
    new = replace(old, epoch=event.epoch)
    return replace(state, listings={**state.listings, event.listing: new})


def _epoch(state: Exchange, event: NoncesCancelled | EpochRaised) -> Exchange:
    old = state.account(event.account, event.token)
    if isinstance(event, EpochRaised):
        new = replace(old, epoch=old.epoch + 2, used=0)
    else:
        new = replace(old, used=old.used | event.mask)
    if new.epoch != event.epoch:
        raise Inconsistent(f"{event} does not follow epoch {old.epoch}")
    return _put(state, event.account, event.token, new)


def _settled(state: Exchange, event: Settled) -> Exchange:
    listing = state.listings.get(event.listing)
    if listing is None or listing.available < event.quantity:
        raise Inconsistent(f"{event} sells what is not there")
    buyer = state.account(event.demander, event.token)
    if event.epoch == buyer.epoch + 1 and buyer.used == ALL_USED:
        buyer = replace(buyer, epoch=event.epoch, used=0)
    if event.epoch != buyer.epoch or event.nonce >= NONCES or buyer.used >> event.nonce & 1:
        raise Inconsistent(f"{event} uses a nonce twice, or of another epoch than {buyer.epoch}")
    buyer = replace(buyer, used=buyer.used | 1 << event.nonce)
    state = _put(state, event.demander, event.token, buyer)
    state = credit(state, event.demander, event.token, -event.payment)
    state = credit(state, listing.supplier, event.token, event.payment)
    left = replace(listing, available=listing.available - event.quantity)
    parties = Parties(listing.supplier, event.demander, event.token, event.payment)
    return replace(
        state,
        listings={**state.listings, event.listing: left},
        trades={**state.trades, event.trade: parties},
    )


def _escrow(state: Exchange, event: Escrowed | Delivered | Disputed | Released) -> Exchange:
    parties = state.trades.get(event.trade)
    old = state.held.get(event.trade, Held())
    if parties is None:
        raise Inconsistent(f"{event} concerns no settled trade")
    match event:
        case Escrowed():
            wanted, new = EscrowState.NONE, Held(parties.payment, EscrowState.FUNDED)
            # `Settled` credited the supplier; an escrowed payment is held instead.
            state = credit(state, parties.supplier, parties.token, -parties.payment)
        case Delivered():
            wanted, new = EscrowState.FUNDED, replace(old, state=EscrowState.DELIVERED)
        case Disputed():
            wanted, new = EscrowState.DELIVERED, replace(old, state=EscrowState.DISPUTED)
        case Released():
            left = old.amount - event.to_supplier - event.to_demander
            wanted = old.state
            new = Held(left, old.state if left else EscrowState.CLOSED)
            if left < 0 or old.state in (EscrowState.NONE, EscrowState.CLOSED):
                raise Inconsistent(f"{event} pays out more than {old}")
            state = credit(state, parties.supplier, parties.token, event.to_supplier)
            state = credit(state, parties.demander, parties.token, event.to_demander)
    if old.state != wanted:
        raise Inconsistent(f"{event} does not follow {old}")
    return replace(state, held={**state.held, event.trade: new})
