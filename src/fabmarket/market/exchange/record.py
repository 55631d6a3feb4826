"""Folding events into the state: what an auditor does with nothing but the logs."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from dataclasses import replace

from fabmarket.identity import ZERO_BYTES32
from fabmarket.market.events import (
    Cause,
    CommitmentReduced,
    Deployed,
    Deposited,
    EpochRaised,
    Event,
    IntentsVoided,
    Listed,
    ListingEpochRaised,
    ListingEvent,
    NetSettled,
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
    Uncovered,
    Unlisted,
    Withdrawn,
)
from fabmarket.market.exchange.escrow_record import escrow_record
from fabmarket.market.exchange.netting import applied
from fabmarket.market.exchange.state import (
    ALL_USED,
    LAST_EPOCH,
    NOBODY,
    UNDEPLOYED,
    WHOLE,
    Account,
    Calendar,
    Exchange,
    Held,
    Inconsistent,
    Listing,
    OperatorSet,
    Reverted,
    Slot,
    at_time,
    credited,
    not_before,
    require_before,
    slot_end,
)
from fabmarket.market.net import unpack_rows, unpack_sales
from fabmarket.market.telling import told
from fabmarket.market.trade import TIME_LIMIT, listing_id


def record(state: Exchange, event: Event) -> Exchange:
    """Return the state after `event`. Raises Inconsistent if it cannot have happened."""
    demanded = _require_following(state, event)
    after = _recorded(state, event)
    last = event if _binds(after, event, demanded) else None
    return after if after.last is last else replace(after, last=last)


def _binds(state: Exchange, event: Event, demanded: bool) -> bool:
    """Return whether the next event may have to fit to this one, which has been recorded."""
    match event:
        case Settled() | SlotAttested() | SlotSealed() | CommitmentReduced() | Uncovered():
            return True
        case Unlisted():
            # What an attestation takes off the market leaves the listing's epoch.
            return not demanded
        case NoncesCancelled():
            left = state.account_of(event.account, event.token)
            return left.used == ALL_USED and left.epoch != LAST_EPOCH
        case _:
            return False


def _require_following(state: Exchange, event: Event) -> bool:
    """Raise Inconsistent if the event before demands another one; return whether it demands one."""
    match state.last:
        case SlotAttested() | SlotSealed():
            demanded: tuple[Event, ...] = fitted(state, state.last)
            demands, met = bool(demanded), event in demanded
        case Unlisted(available=0):
            demands = True
            met = isinstance(event, ListingEpochRaised) and event.listing == state.last.listing
        case CommitmentReduced():
            demands, met = True, isinstance(event, Released | Uncovered)
        case NoncesCancelled():
            owner = (state.last.account, state.last.token)
            raised = isinstance(event, EpochRaised) and (event.account, event.token) == owner
            demands, met = True, raised
        case Uncovered():
            payment = state.held.get(state.last.trade, Held()).payment
            refund = Released(state.last.trade, Cause.UNCOVERED, 0, payment, closed=False)
            demands, met = True, event == refund
        case _:
            return False
    if demands and not met:
        raise Inconsistent(f"{told(event)} cannot follow {told(state.last)}")
    return demands


def fitted(state: Exchange, stored: SlotAttested | SlotSealed) -> tuple[Unlisted, ...]:
    """Return what takes off the market, as far as it is unsold, what is no longer attested."""
    where = (stored.supplier, stored.resource, stored.slot)
    attested = stored.quantity if isinstance(stored, SlotAttested) else 0
    listing = listing_id(*where, state.calendars[where[:2]].end(stored.slot))
    available = state.listings.get(listing, Listing(stored.supplier)).available
    excess = min(available, state.slots.get(where, Slot()).committed - attested)
    return (Unlisted(listing, *where, excess, available - excess),) if excess > 0 else ()


def _recorded(state: Exchange, event: Event) -> Exchange:
    if state.parameters == UNDEPLOYED and not isinstance(event, OperatorsSet | TokenSet | Deployed):
        raise Inconsistent(f"{told(event)} comes before the exchange was made")
    match event:
        case Deployed():
            return _deployed(state, event)
        case OperatorsSet():
            return _operators_set(state, event)
        case Paused():
            return _decided(replace(state, paused_until=event.until))
        case TokenSet():
            rest = state.tokens - {event.token}
            tokens = rest | {event.token} if event.accepted else rest
            return _decided(replace(state, tokens=tokens))
        case ResourceRegistered() | SlotAttested() | SlotSealed():
            return _capacity(state, event)
        case Listed() | Unlisted():
            return _listed(state, event)
        case ListingEpochRaised():
            return _listing_epoch(state, event)
        case Deposited() | Withdrawn():
            return _moved(state, event)
        case NoncesCancelled() | EpochRaised():
            return _epoch(state, event)
        case Relayed() | IntentsVoided():
            return _intents(state, event)
        case Settled():
            return _settled(state, event)
        case NetSettled():
            return _net_settled(state, event)
        case Skipped():
            return state
        case _:
            return escrow_record(state, event)


def _deployed(state: Exchange, event: Deployed) -> Exchange:
    it = event.parameters
    windows = it.delivery_window + it.dispute_window + it.hearing + it.decision_window
    values = tuple(getattr(it, name) for name in it.__dataclass_fields__)
    timed = min(values[:-1]) > 0 and it.longest_life >= windows
    if not timed or not 0 <= it.deposit_share <= WHOLE:
        raise Inconsistent(f"{told(event)} has parameters that the exchange refuses")
    if state.parameters != UNDEPLOYED or not state.operator_sets:
        raise Inconsistent(f"{told(event)} makes an exchange twice, or one without operators")
    return replace(state, parameters=it, modules=(event.escrow, event.net))


def _decided(state: Exchange) -> Exchange:
    """Count a decision of the operators; what the constructor says is none."""
    if state.parameters == UNDEPLOYED:
        return state
    return replace(state, decision_nonce=state.decision_nonce + 1)


def _operators_set(state: Exchange, event: OperatorsSet) -> Exchange:
    members, count = event.operators, len(event.operators)
    distinct = len({*members, NOBODY}) == count + 1
    if not distinct or not count // 2 < event.threshold <= count:
        raise Inconsistent(f"{told(event)} is no majority of distinct operators")
    if event.set != len(state.operator_sets) + 1:
        raise Inconsistent(f"{told(event)} follows {len(state.operator_sets)} sets")
    now = event.since - state.parameters.operator_delay
    state = at_time(state, event, now)
    known = state.operator_sets.insert(event.set, OperatorSet(members, event.threshold))
    if event.set == 1:
        return replace(state, operator_sets=known, current_set=1)
    if state.parameters == UNDEPLOYED:
        raise Inconsistent(f"{told(event)} comes before the exchange was made")
    new = replace(
        state,
        operator_sets=known,
        current_set=state.operator_set(now),
        next_set=event.set,
        next_since=event.since,
    )
    return _decided(new)


def _moved(state: Exchange, event: Deposited | Withdrawn) -> Exchange:
    if isinstance(event, Deposited):
        change, fitting = event.amount, event.token in state.tokens
    else:
        change = -event.amount
        fitting = event.to not in (NOBODY, state.domain.verifying_contract)
    if not fitting or event.amount <= 0:
        raise Inconsistent(f"{told(event)} moves nothing, or what the exchange does not move")
    state = credited(state, event.token, (event.account, change))
    owed = state.owed.get(event.token, 0) + change
    return replace(state, owed=state.owed.insert(event.token, owed))


def _capacity(state: Exchange, event: ResourceRegistered | SlotAttested | SlotSealed) -> Exchange:
    owned = (event.supplier, event.resource)
    if isinstance(event, ResourceRegistered):
        if owned in state.calendars:
            raise Inconsistent(f"{told(event)} registers a resource twice")
        if event.slot_length == 0 or event.origin + event.slot_length >= TIME_LIMIT:
            raise Inconsistent(f"{told(event)} has no slot within {TIME_LIMIT} seconds")
        calendar = Calendar(event.unit, event.origin, event.slot_length)
        return replace(state, calendars=state.calendars.insert(owned, calendar))
    if owned not in state.calendars or state.calendars[owned].end(event.slot) >= TIME_LIMIT:
        raise Inconsistent(f"{told(event)} is of no slot that is registered")
    where = (*owned, event.slot)
    old = state.slots.get(where, Slot())
    if isinstance(event, SlotSealed):
        opened, attested, seals = False, 0, state.seals.discard(where)
        if event.commitment != ZERO_BYTES32:  # zero stands for no seal
            seals = seals.insert(where, event.commitment)
    else:
        sealed_as = (old.version, old.expiry)
        opened = where in state.seals and (event.version, event.expiry) == sealed_as
        attested, seals = event.quantity, state.seals.discard(where)
    if not opened:
        require_before(state, event, event.expiry)
        if event.version <= old.version:
            raise Inconsistent(f"{told(event)} follows version {old.version}")
    new = Slot(attested, old.committed, event.version, event.expiry)
    return replace(state, slots=state.slots.insert(where, new), seals=seals)


def _listed(state: Exchange, event: ListingEvent) -> Exchange:
    where = (event.supplier, event.resource, event.slot)
    calendar = state.calendars.get((event.supplier, event.resource))
    slot = state.slots.get(where, Slot())
    old = state.listings.get(event.listing, Listing(event.supplier))
    change = event.quantity if isinstance(event, Listed) else -event.quantity
    committed, available = slot.committed + change, old.available + change
    end = calendar.end(event.slot) if calendar else TIME_LIMIT
    named = end < TIME_LIMIT and event.listing == listing_id(*where, end)
    if not named or old.supplier != event.supplier or event.quantity == 0:
        raise Inconsistent(f"{told(event)} names another slot's listing, or no units")
    if change > 0:
        require_before(state, event, min(end, slot.expiry))
    over = change > 0 and committed > slot.attested
    if available != event.available or available < 0 or over:
        raise Inconsistent(
            f"{told(event)} leaves {committed} committed of {slot.attested} attested,"
            f" {available} available"
        )
    return replace(
        state,
        slots=state.slots.insert(where, replace(slot, committed=committed)),
        listings=state.listings.insert(event.listing, replace(old, available=available)),
    )


def _raised(state: Exchange, event: EpochRaised | ListingEpochRaised, old: int) -> Exchange:
    """Require that an epoch jumped as it must: two more than it was, or to the time if later."""
    if event.epoch > old + 2 and event.epoch <= LAST_EPOCH:
        return at_time(state, event, event.epoch)
    if event.epoch != old + 2 or old + 2 < state.time <= LAST_EPOCH:
        raise Inconsistent(f"{told(event)} does not follow epoch {told(old)}")
    return state


def _listing_epoch(state: Exchange, event: ListingEpochRaised) -> Exchange:
    old = state.listings.get(event.listing, Listing(event.supplier))
    if old.supplier != event.supplier or event.supplier == NOBODY:
        raise Inconsistent(f"{told(event)} is not of {told(old)}")
    state = _raised(state, event, old.epoch)
    new = replace(old, epoch=event.epoch)
    return replace(state, listings=state.listings.insert(event.listing, new))


def _epoch(state: Exchange, event: NoncesCancelled | EpochRaised) -> Exchange:
    old = state.account_of(event.account, event.token)
    if isinstance(event, EpochRaised):
        state = _raised(state, event, old.epoch)
        new = Account(old.balance, event.epoch)
    else:
        if event.epoch != old.epoch:
            raise Inconsistent(f"{told(event)} does not follow epoch {old.epoch}")
        new = replace(old, used=old.used | event.mask)
    return replace(state, accounts=state.accounts.insert((event.account, event.token), new))


def _intents(state: Exchange, event: Relayed | IntentsVoided) -> Exchange:
    current = state.intent_nonces.get(event.account, 0)
    if isinstance(event, Relayed):
        fitting, following = event.nonce == current, current + 1
    else:
        fitting, following = event.nonce > current, event.nonce
    if not fitting:
        raise Inconsistent(f"{told(event)} does not follow nonce {current}")
    return replace(state, intent_nonces=state.intent_nonces.insert(event.account, following))


def _settled(state: Exchange, event: Settled) -> Exchange:
    listing = state.listings.get(event.listing)
    if listing is None or not 0 < event.quantity <= listing.available:
        raise Inconsistent(f"{told(event)} sells what is not there")
    if event.demander == listing.supplier or event.unit_price == 0:
        raise Inconsistent(f"{told(event)} sells to the seller, or for nothing")
    state = not_before(state, state.paused_until)
    require_before(state, event, slot_end(event.listing))
    buyer = state.account_of(event.demander, event.token)
    epoch, bit = event.nonce >> 8, event.nonce & 0xFF
    fresh = buyer.in_epoch(epoch)
    if fresh is None or fresh.is_used(bit):
        raise Inconsistent(
            f"{told(event)} uses a nonce twice, or of another epoch than {buyer.epoch}"
        )
    if buyer.balance < event.payment:
        raise Inconsistent(f"{told(event)} is paid from a balance of {buyer.balance}")
    paid = Account(buyer.balance - event.payment, fresh.epoch, fresh.used | 1 << bit)
    left = replace(listing, available=listing.available - event.quantity)
    state = replace(
        state,
        accounts=state.accounts.insert((event.demander, event.token), paid),
        listings=state.listings.insert(event.listing, left),
    )
    return credited(state, event.token, (listing.supplier, event.payment))


def _net_settled(state: Exchange, event: NetSettled) -> Exchange:
    if not event.rows or len(event.rows) % 2 or len(event.sales) % 2:
        raise Inconsistent(f"{told(event)} has no rows, or lacks a word")
    rows, sales = unpack_rows(event.rows), unpack_sales(event.sales)
    accounts = [int(row.account, 16) for row in rows]
    if sorted({0, *accounts}) != [0, *accounts]:
        raise Inconsistent(f"{told(event)} has rows out of order")
    state = not_before(state, state.paused_until)
    for sale in sales:
        require_before(state, event, slot_end(sale.listing))
    try:
        return applied(state, event.token, rows, sales, valid_until=0)
    except Reverted as refusal:
        raise Inconsistent(f"{told(event)} cannot follow: {refusal}") from refusal
