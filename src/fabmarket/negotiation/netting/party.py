"""A party in a net cycle: it joins, enters its trades, checks a proposal, signs, or settles late.

Nothing is lost where anybody is silent or lies: a batch that is not signed by all settles nothing,
and what is not settled when the cycle is over settles late. Nothing settles twice: a buyer's row
uses up the nonces of its trades, and whoever signs in both attempts of a cycle uses up the same.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rpds import HashTrieMap

from fabmarket.identity import digest
from fabmarket.market.cycles import (
    ATTEMPTS,
    Consent,
    Counted,
    Entering,
    Entry,
    Joining,
    Leaf,
    Proposal,
    Roll,
)
from fabmarket.market.exchange import SettleLate
from fabmarket.market.net import PAID, PAYS, Row, Sale, leads, path, root, trade_leaf
from fabmarket.market.trade import Trade
from fabmarket.negotiation.course import TooEarly, Unacceptable
from fabmarket.negotiation.drawing import drawn
from fabmarket.negotiation.moves import News, Output, Received, Send, Submit, Tell
from fabmarket.negotiation.netting.baskets import Basket
from fabmarket.negotiation.netting.checking import bared_anyway, bared_by, can_settle, fault_of
from fabmarket.negotiation.netting.state import (
    FOR_ROWS,
    Account,
    Attempt,
    Deal,
    NetParty,
    Netted,
    blocks_of,
    mask_of,
    without,
)

_SALT, _SALE_SALT = 1 << 72, 1 << 128
_PATIENCE = 2
"""Quarters for which a demander lets the supplier settle late before it does so itself."""


def hear(party: NetParty, given: Received, account: Account) -> Netted:
    """Follow a word of a cycle. Unacceptable, TooEarly: nothing has changed."""
    match given.message:
        case Roll() as roll:
            return _take_roll(party, roll, account)
        case Entering() as word:
            return _take_entering(party, word, account)
        case Proposal() as proposal:
            return _take_proposal(party, proposal, account)
        case Counted() as word:
            return _take_counted(party, word, account)
        case _:
            raise Unacceptable(f"a {type(given.message).__name__} is not for a party of a cycle")


def tick(party: NetParty, account: Account) -> Netted:
    """Do what is due: join, enter with what has come, settle late; forget what is over."""
    if account.now < party.cycles.rhythm.origin:
        return party, ()
    outputs: list[Output] = []
    for act in (_forget, _join, _enter_late, _settle_late):
        party, done = act(party, account)
        outputs.extend(done)
    return party, tuple(outputs)


def _forget(party: NetParty, account: Account) -> Netted:
    """Forget the cycle that is over, and products whose trades are."""
    attempt, over = party.attempt, party.cycles.closed(account.now)
    if attempt is not None and attempt.closed < over:
        party = replace(party, attempt=None, signed=HashTrieMap(), burning=frozenset())
    gone = [
        name
        for deal in party.deals.values()
        if deal.signed[0].trade.valid_until <= account.now
        for name in deal.names
    ]
    return (without(party, gone) if gone else party), ()


def _join(party: NetParty, account: Account) -> Netted:
    """Say that we have trades in the cycle that has just closed."""
    stage = party.cycles.at(account.now)
    if stage.phase != "joining" or max(party.joined, party.away) >= stage.closed:
        return party, ()
    deals = [deal for _, deal in party.deals_of(stage.closed) if deal.is_agreed(party.address)]
    if not deals or (party.sells and _bit_for_row(account) is None):
        return party, ()
    if not party.sells:
        trades = [each.trade for deal in deals for each in deal.signed]
        row = _row(party, trades, [], (), account)
        reason = bared_anyway(party, row, _basket(party, trades))
        if reason:
            party = replace(party, away=stage.closed, reason=reason)
            return party, (_unnetted(stage.closed, reason),)
    joining = Joining(party.address, stage.closed)
    return replace(party, joined=stage.closed, reason=""), (_sent(party, joining, stage.closed),)


def _unnetted(closed: int, reason: str) -> Tell:
    return Tell(News.of("unnetted", closed=str(closed), reason=reason))


def _bit_for_row(account: Account) -> int | None:
    """The nonce that a supplier's row uses up: the lowest that is free and that no sale names."""
    free = account.nonces.free()
    if len(free) <= FOR_ROWS or free[0] in account.kept:
        return None
    return free[0]


def _sent(party: NetParty, word: Joining | Entry | Counted | Consent, closed: int) -> Send:
    return Send(word, party.coordinator, party.cycles.late_from(closed))


def _take_roll(party: NetParty, roll: Roll, account: Account) -> Netted:
    """Enter what can settle without those that are missing."""
    if roll.coordinator != party.coordinator:
        raise Unacceptable("roll of somebody who does not coordinate")
    if roll.closed != party.joined or account.now >= party.cycles.late_from(roll.closed):
        raise Unacceptable("roll of a cycle that we are not in")
    before = -1 if party.attempt is None else party.attempt.number
    if not before < roll.attempt < ATTEMPTS:
        raise Unacceptable("second roll of an attempt, or one too many")
    accounts = list(roll.accounts)
    if accounts != sorted(set(accounts), key=_number) or party.address not in accounts:
        raise Unacceptable("roll that is out of order, or without us")
    secret, source = drawn(party.source)
    attempt = Attempt(roll.closed, roll.attempt, frozenset(accounts), secret)
    party = replace(party, attempt=attempt, source=source)
    if party.sells:
        return _enter_when_heard(party, attempt, account)
    names, sent = _claims(party, attempt, account)
    party, entry = _enter(party, attempt, names, account)
    return party, (*sent, *entry)


def _number(address: str) -> int:
    return int(address, 16)


def _claims(
    party: NetParty, attempt: Attempt, account: Account
) -> tuple[list[bytes], tuple[Send, ...]]:
    """What a demander enters, whole products, and what it tells each supplier of it."""
    entered: dict[str, list[bytes]] = {}
    for _, deal in party.deals_of(attempt.closed):
        for other in attempt.accounts.intersection(deal.others):
            entered.setdefault(other, [])
        is_in = deal.is_agreed(party.address) and attempt.accounts.issuperset(deal.others)
        if is_in and not any(is_void(party, each.trade, account) for each in deal.signed):
            for name, other in zip(deal.names, deal.others, strict=True):
                entered[other].append(name)
    until = party.cycles.late_from(attempt.closed)
    about = (party.address, attempt.closed, attempt.number)
    sends = [
        Send(Entering(*about, tuple(names)), other, until)
        for other, names in sorted(entered.items())
    ]
    return [name for names in entered.values() for name in names], tuple(sends)


def _take_entering(party: NetParty, word: Entering, account: Account) -> Netted:
    """A supplier's: note what a demander enters; enter it once all have said what they do."""
    attempt = _current(party, word.closed, word.attempt)
    if not party.sells or word.demander not in attempt.accounts:
        raise Unacceptable("entry of somebody who is not in the cycle with us")
    if word.demander in attempt.claimed or attempt.row is not None:
        raise Unacceptable("entry that we have, or that comes too late")
    _require_ours(party, attempt, word)
    claimed = attempt.claimed.insert(word.demander, word.trades)
    attempt = replace(attempt, claimed=claimed)
    return _enter_when_heard(replace(party, attempt=attempt), attempt, account)


def _current(party: NetParty, closed: int, number: int) -> Attempt:
    """The attempt that a word is of. TooEarly before we know of it."""
    attempt = party.attempt
    if closed != party.joined:
        raise Unacceptable("word of a cycle that we are not in")
    if attempt is None or number > attempt.number:
        raise TooEarly("word of an attempt that we have no roll of")
    if number < attempt.number:
        raise Unacceptable("word of an attempt that is over")
    return attempt


def _require_ours(party: NetParty, attempt: Attempt, word: Entering) -> None:
    """A demander enters trades that we have agreed with it, each once, and whole products."""
    named = set(word.trades)
    known = set[bytes]()
    for _, deal in party.deals_of(attempt.closed):
        if word.demander in deal.others:
            known.update(deal.names)
            if named.intersection(deal.names) and not named.issuperset(deal.names):
                raise Unacceptable("entry of part of a product")
    if len(named) < len(word.trades) or not named <= known:
        raise Unacceptable("entry of a trade that we have not agreed")


def _enter_when_heard(party: NetParty, attempt: Attempt, account: Account) -> Netted:
    """A supplier's: enter once every demander of ours that takes part has said what it enters."""
    ours = {other for _, deal in party.deals_of(attempt.closed) for other in deal.others}
    if any(each not in attempt.claimed for each in attempt.accounts.intersection(ours)):
        return party, ()
    return _enter(party, attempt, _claimed(attempt), account)


def _claimed(attempt: Attempt) -> list[bytes]:
    return [name for names in attempt.claimed.values() for name in names]


def _enter_late(party: NetParty, account: Account) -> Netted:
    """A supplier's: enter without those of whom nothing has come in time."""
    attempt = party.attempt
    if attempt is None or attempt.row is not None:
        return party, ()
    if account.now < party.cycles.begins(attempt.closed, attempt.number, 1):
        return party, ()
    return _enter(party, attempt, _claimed(attempt), account)


def trades_of(party: NetParty, names: Sequence[bytes]) -> dict[bytes, tuple[Trade, str]]:
    """Return trades of ours that are agreed for a cycle, by digest, each with its other party."""
    wanted = set(names)
    return {
        name: (signed.trade, other)
        for deal in party.deals.values()
        for name, signed, other in zip(deal.names, deal.signed, deal.others, strict=True)
        if name in wanted
    }


def _enter(party: NetParty, attempt: Attempt, names: Sequence[bytes], account: Account) -> Netted:
    """Send the coordinator our row, our sales and the root of the trades that we sell."""
    names = sorted(names)
    trades = [trade for trade, _ in trades_of(party, names).values()]
    if any(is_void(party, trade, account) for trade in trades):
        return party, ()  # who is silent is left out with its trades, and stops nobody else's
    nonces = _used_up(party, trades, account)
    if not nonces:
        names, trades = [], []
    units: dict[bytes, int] = {}
    for trade in trades if party.sells else ():
        units[trade.listing] = units.get(trade.listing, 0) + trade.quantity
    sales = tuple(
        Sale(each, units[each], account.epochs.get(each, 0), 0, _sale_salt(attempt, each))
        for each in sorted(units)
    )
    salt = int.from_bytes(attempt.salt(b"row"), "big") % _SALT
    row = replace(_row(party, trades, nonces, sales, account), salt=salt)
    sold = root(_leaves(attempt, names)) if party.sells else bytes(32)
    entered = replace(attempt, entered=tuple(names), row=row, sales=sales)
    party = replace(party, attempt=entered, burning=party.burning.union(nonces))
    entry = Entry(attempt.closed, attempt.number, row, sales, sold)
    return party, (_sent(party, entry, attempt.closed),)


def _row(
    party: NetParty,
    trades: Sequence[Trade],
    nonces: Sequence[int],
    sales: Sequence[Sale],
    account: Account,
) -> Row:
    """What some trades come to for us, without a salt yet."""
    return Row(
        account=party.address,
        mask=mask_of(nonces),
        amount=sum(each.payment for each in trades),
        direction=PAID if party.sells else PAYS,
        epoch=account.nonces.epoch,
        sales=len(sales),
        salt=0,
    )


def is_void(party: NetParty, trade: Trade, account: Account) -> bool:
    """Return whether a trade can settle no more, as far as our account and the listing show."""
    nonce = trade.supplier_nonce if party.sells else trade.nonce
    is_current = trade.listing_epoch == account.epochs.get(trade.listing, 0)
    return not is_current or not account.nonces.is_free(nonce)


def _used_up(party: NetParty, trades: Sequence[Trade], account: Account) -> list[int]:
    """The nonces that our row uses up: a buyer's trades' with their blocks, a seller's one."""
    if not trades:
        return []
    if party.sells:
        bit = _bit_for_row(account)
        return [] if bit is None else [bit]
    own = {trade.nonce for trade in trades}
    blocks = (each for each in blocks_of(sorted(own)) if account.nonces.is_free(each))
    return sorted(each for each in blocks if each in own or each not in account.kept)


def _sale_salt(attempt: Attempt, listing: bytes) -> int:
    return int.from_bytes(attempt.salt(listing), "big") % _SALE_SALT


def _leaves(attempt: Attempt, names: Sequence[bytes]) -> list[bytes]:
    return [trade_leaf(name, attempt.salt(name)) for name in names]


def _take_proposal(party: NetParty, proposal: Proposal, account: Account) -> Netted:
    """Check a batch; tell our other parties, and the coordinator, that our trades count in it."""
    if proposal.coordinator != party.coordinator:
        raise Unacceptable("batch of somebody who does not coordinate")
    attempt = _current(party, proposal.closed, proposal.attempt)
    if attempt.row is None or not attempt.entered:
        raise Unacceptable("batch that we have entered nothing in")
    if attempt.batch:
        raise Unacceptable("second batch in one attempt")
    fault = fault_of(party, attempt, attempt.row, proposal, account)
    if fault:
        raise Unacceptable(fault)
    reason = bared_by(party, attempt.row, _bought(party, attempt), proposal)
    if reason:
        return replace(party, reason=reason), (_unnetted(attempt.closed, reason),)
    batch = digest(party.domain, proposal.cycle.batch)
    attempt = replace(attempt, batch=batch, root=proposal.trades, valid_until=proposal.valid_until)
    leaves = _placed(party, attempt, proposal)
    others: dict[str, list[Leaf]] = {}
    for name, (_, other) in sorted(trades_of(party, attempt.entered).items()):
        others.setdefault(other, []).append(leaves[name])
    until = party.cycles.late_from(attempt.closed)
    sends = [
        Send(Counted(party.address, batch, tuple(own)), other, until)
        for other, own in sorted(others.items())
    ]
    checked = _sent(party, Counted(party.address, batch, ()), attempt.closed)
    return replace(party, attempt=attempt), (*sends, checked)


def _bought(party: NetParty, attempt: Attempt) -> Basket:
    """What a demander enters, by listing; nothing for a supplier."""
    entered = () if party.sells else trades_of(party, attempt.entered).values()
    return _basket(party, [trade for trade, _ in entered])


def _basket(party: NetParty, trades: Sequence[Trade]) -> Basket:
    units = Counter[bytes]()
    for trade in trades:
        units[trade.listing] += trade.quantity
    return tuple((party.address, listing, units[listing]) for listing in sorted(units))


def _placed(party: NetParty, attempt: Attempt, proposal: Proposal) -> Mapping[bytes, Leaf]:
    """Our trades as we tell of them: a supplier with their paths to the root of the batch."""
    if not party.sells:
        return {name: Leaf(name, bytes(32), 0, ()) for name in attempt.entered}
    leaves, found = _leaves(attempt, attempt.entered), {}
    for at, name in enumerate(attempt.entered):
        inner = path(leaves, at)
        index, steps = proposal.index << len(inner) | at, (*inner, *proposal.path)
        found[name] = Leaf(name, attempt.salt(name), index, steps)
    return found


def _take_counted(party: NetParty, word: Counted, account: Account) -> Netted:
    """Note which trades their other party counts in the same batch; sign it when all are."""
    attempt = party.attempt
    if attempt is None or not attempt.entered:
        raise Unacceptable("trades counted in a batch, and we have entered none")
    if not attempt.batch:
        raise TooEarly("trades counted in a batch before we were shown ours")
    if word.batch != attempt.batch:
        raise Unacceptable("trades counted in another batch than we were shown")
    ours = trades_of(party, attempt.entered)
    for each in word.trades:
        if each.trade not in ours or ours[each.trade][1] != word.party:
            raise Unacceptable("trade counted that is not between us in this batch")
        if not party.sells:
            start = trade_leaf(each.trade, each.salt)
            if not leads(start, each.index, each.path, attempt.root):
                raise Unacceptable("trade counted that does not lead to the batch's root")
    counted = attempt.counted.update(each.trade for each in word.trades)
    attempt = replace(attempt, counted=counted)
    party = replace(party, attempt=attempt)
    if attempt.is_signed or len(attempt.counted) < len(attempt.entered):
        return party, ()
    return _sign(party, attempt, account)


def _sign(party: NetParty, attempt: Attempt, account: Account) -> Netted:
    """Sign a batch, unless what we know of the chain makes it fail by now."""
    row = attempt.row
    is_late = account.now >= attempt.valid_until
    if row is None or is_late or not can_settle(row, attempt.sales, account):
        return party, ()
    signed = party.signed.insert(attempt.batch, attempt.entered)
    party = replace(party, attempt=replace(attempt, is_signed=True), signed=signed)
    consent = Consent(party.address, attempt.batch, b"")
    return party, (_sent(party, consent, attempt.closed),)


def _settle_late(party: NetParty, account: Account) -> Netted:
    """Settle what the cycle has not: the supplier first, where it has all trades of a product."""
    outputs: list[Output] = []
    for bundle, deal in sorted(party.deals.items()):
        if deal.late or not deal.whole or not deal.is_agreed(party.address):
            continue
        late_from = party.cycles.late_from(deal.closes)
        if account.now >= late_from + _patience(party, deal) * party.cycles.rhythm.quarter:
            outputs.append(Submit(SettleLate(deal.signed, late_from)))
            party = party.with_deal(bundle, replace(deal, late=True))
    return party, tuple(outputs)


def _patience(party: NetParty, deal: Deal) -> int:
    """How many quarters we wait for somebody else to settle a product."""
    return 0 if party.sells or len(set(deal.others)) > 1 else _PATIENCE
