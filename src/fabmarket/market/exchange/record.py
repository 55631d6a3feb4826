"""Folding events into the state: what an auditor does with nothing but the logs."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from dataclasses import replace
from typing import TypeAlias

from rpds import HashTrieMap

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
    ListingEvent,
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

Accounts: TypeAlias = "HashTrieMap[tuple[str, str], Account]"


class Inconsistent(Refused):
    """An event cannot follow from the state: the log is not this exchange's."""


def record(state: Exchange, event: Event) -> Exchange:
    """Return the state after `event`. Raises Inconsistent if it cannot have happened."""
    match event:
        case OperatorsSet():
            return replace(
                state,
                operators=event.operators,
                threshold=event.threshold,
                decision_nonce=state.decision_nonce + 1,
            )
        case Paused():
            return replace(state, paused_until=event.until, decision_nonce=state.decision_nonce + 1)
        case TokenSet():
            rest = state.tokens - {event.token}
            tokens = rest | {event.token} if event.accepted else rest
            return replace(state, tokens=tokens, decision_nonce=state.decision_nonce + 1)
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
            return _moved(state, event, event.amount)
        case Withdrawn():
            return _moved(state, event, -event.amount)
        case NoncesCancelled() | EpochRaised():
            return _epoch(state, event)
        case Relayed():
            if state.intent_nonces.get(event.account, 0) != event.nonce:
                raise Inconsistent(f"{event} is out of order")
            return replace(
                state, intent_nonces=state.intent_nonces.insert(event.account, event.nonce + 1)
            )
        case Settled():
            return _settled(state, event)
        case Skipped():
            return state
        case Escrowed():
            return _escrowed(state, event)
        case Delivered() | Disputed():
            return _stated(state, event)
        case Released():
            return _released(state, event)


def _credited(state: Exchange, token: str, *changes: tuple[str, int]) -> Accounts:
    """Return the accounts with balances changed. Raises Inconsistent below zero."""
    accounts = state.accounts
    for address, change in changes:
        old = accounts.get((address, token), Account())
        balance = old.balance + change
        if balance < 0:
            raise Inconsistent(f"{address} would hold {balance} base units of {token}")
        accounts = accounts.insert((address, token), Account(balance, old.epoch, old.used))
    return accounts


def _moved(state: Exchange, event: Deposited | Withdrawn, change: int) -> Exchange:
    return replace(
        state,
        accounts=_credited(state, event.token, (event.account, change)),
        owed=state.owed.insert(event.token, state.owed.get(event.token, 0) + change),
    )


def _registered(state: Exchange, event: ResourceRegistered) -> Exchange:
    owned = (event.supplier, event.resource)
    if owned in state.calendars:
        raise Inconsistent(f"{event} registers a resource twice")
    calendar = Calendar(event.unit, event.origin, event.slot_length)
    return replace(state, calendars=state.calendars.insert(owned, calendar))


def _attested(state: Exchange, event: SlotAttested) -> Exchange:
    where = (event.supplier, event.resource, event.slot)
    old = state.slots.get(where, Slot())
    opened = where in state.seals and event.version == old.version
    if (event.supplier, event.resource) not in state.calendars:
        raise Inconsistent(f"{event} attests a resource that is not registered")
    if event.version <= old.version and not opened:
        raise Inconsistent(f"{event} follows version {old.version}")
    new = Slot(event.quantity, old.committed, event.version, event.expiry)
    return replace(state, slots=state.slots.insert(where, new), seals=state.seals.discard(where))


def _sealed(state: Exchange, event: SlotSealed) -> Exchange:
    where = (event.supplier, event.resource, event.slot)
    old = state.slots.get(where, Slot())
    if event.version <= old.version or (event.supplier, event.resource) not in state.calendars:
        raise Inconsistent(f"{event} follows version {old.version}, or no registration")
    new = Slot(0, old.committed, event.version, event.expiry)
    seals = state.seals.insert(where, event.commitment)
    return replace(state, slots=state.slots.insert(where, new), seals=seals)


def _listed(state: Exchange, event: ListingEvent) -> Exchange:
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
        slots=state.slots.insert(where, replace(slot, committed=committed)),
        listings=state.listings.insert(event.listing, replace(old, available=available)),
    )


def _listing_epoch(state: Exchange, event: ListingEpochRaised) -> Exchange:
    old = state.listings.get(event.listing)
    if old is None or event.epoch != old.epoch + 1:
        raise Inconsistent(f"{event} does not follow {old}")
    new = replace(old, epoch=event.epoch)
    return replace(state, listings=state.listings.insert(event.listing, new))


def _epoch(state: Exchange, event: NoncesCancelled | EpochRaised) -> Exchange:
    old = state.account_of(event.account, event.token)
    if isinstance(event, EpochRaised):
        new = replace(old, epoch=old.epoch + 2, used=0)
    else:
        new = replace(old, used=old.used | event.mask)
    if new.epoch != event.epoch:
        raise Inconsistent(f"{event} does not follow epoch {old.epoch}")
    return replace(state, accounts=state.accounts.insert((event.account, event.token), new))


def _settled(state: Exchange, event: Settled) -> Exchange:
    listing = state.listings.get(event.listing)
    if listing is None or listing.available < event.quantity:
        raise Inconsistent(f"{event} sells what is not there")
    if event.demander == listing.supplier:
        raise Inconsistent(f"{event} sells to the seller")
    buyer = state.account_of(event.demander, event.token)
    epoch, used = buyer.epoch, buyer.used
    if event.epoch == epoch + 1 and used == ALL_USED:
        epoch, used = event.epoch, 0
    if event.epoch != epoch or event.nonce >= NONCES or used >> event.nonce & 1:
        raise Inconsistent(f"{event} uses a nonce twice, or of another epoch than {buyer.epoch}")
    payment = event.payment
    if buyer.balance < payment:
        raise Inconsistent(f"{event} is paid from a balance of {buyer.balance}")
    accounts = _credited(state, event.token, (listing.supplier, payment)).insert(
        (event.demander, event.token),
        Account(buyer.balance - payment, epoch, used | 1 << event.nonce),
    )
    left = Listing(listing.supplier, listing.available - event.quantity, listing.epoch)
    parties = Parties(listing.supplier, event.demander, event.token, payment)
    return replace(
        state,
        accounts=accounts,
        listings=state.listings.insert(event.listing, left),
        last_settled=(event.trade, parties),
    )


def _escrowed(state: Exchange, event: Escrowed) -> Exchange:
    if state.last_settled is None or state.last_settled[0] != event.trade:
        raise Inconsistent(f"{event} does not follow the settlement of its trade")
    if event.trade in state.held:
        raise Inconsistent(f"{event} holds a payment twice")
    _, parties = state.last_settled
    # `Settled` credited the supplier; an escrowed payment is held instead.
    return replace(
        state,
        accounts=_credited(state, parties.token, (parties.supplier, -parties.payment)),
        escrows=state.escrows.insert(event.trade, parties),
        held=state.held.insert(event.trade, Held(parties.payment, EscrowState.FUNDED)),
    )


_STATED: dict[type[Event], tuple[EscrowState, EscrowState]] = {
    Delivered: (EscrowState.FUNDED, EscrowState.DELIVERED),
    Disputed: (EscrowState.DELIVERED, EscrowState.DISPUTED),
}


def _stated(state: Exchange, event: Delivered | Disputed) -> Exchange:
    wanted, stated = _STATED[type(event)]
    old = state.held.get(event.trade, Held())
    if old.state != wanted:
        raise Inconsistent(f"{event} does not follow {old}")
    return replace(state, held=state.held.insert(event.trade, Held(old.amount, stated)))


def _released(state: Exchange, event: Released) -> Exchange:
    old = state.held.get(event.trade, Held())
    left = old.amount - event.to_supplier - event.to_demander
    if left < 0 or old.state in (EscrowState.NONE, EscrowState.CLOSED):
        raise Inconsistent(f"{event} pays out more than {old}")
    parties = state.escrows[event.trade]
    new = Held(left, old.state if left else EscrowState.CLOSED)
    return replace(
        state,
        accounts=_credited(
            state,
            parties.token,
            (parties.supplier, event.to_supplier),
            (parties.demander, event.to_demander),
        ),
        held=state.held.insert(event.trade, new),
    )
