"""The audit: rebuild the exchange from its logs alone, compare it with the contract's storage."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fabmarket.chain import ExchangeContract, TokenContract
from fabmarket.identity import Domain
from fabmarket.market.events import Event, Settled
from fabmarket.market.exchange import Exchange, Inconsistent, record


@dataclass
class Check:
    """One thing the audit looked at: how many items were compared, and those that differ."""

    name: str
    compared: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.wrong

    def equal(self, what: str, replayed: Any, stored: Any) -> None:
        """Compare one item."""
        self.compared += 1
        if replayed != stored:
            self.wrong.append(f"{what}: the logs give {replayed}, the contract holds {stored}")


def audit(
    events: Iterable[Event], domain: Domain, exchange: ExchangeContract, token: TokenContract
) -> list[Check]:
    """Return the checks; all ok means the logs explain every number the contract holds.

    Replayed are the events (`record` refuses any that cannot follow: over-listing, overselling,
    spending more than held, settling twice). Compared with storage are the operators, the token,
    all balances, slots, listings and trades, and with the token what the exchange holds of it.
    Unseen stays a lost attestation under which nothing was ever listed: no number hangs on it.
    """
    replay = Check("events follow from one another")
    state = Exchange(domain)
    trades: list[Settled] = []
    for event in events:
        replay.compared += 1
        try:
            state = record(state, event)
        except Inconsistent as error:
            replay.wrong.append(str(error))
            return [replay]
        if isinstance(event, Settled):
            trades.append(event)
    return [
        replay,
        _rules(state, exchange, token),
        _balances(state, exchange),
        _slots(state, exchange),
        _listings(state, exchange),
        _trades(trades, exchange),
        _solvency(state, exchange, token),
    ]


def _rules(state: Exchange, exchange: ExchangeContract, token: TokenContract) -> Check:
    check = Check("operators and token equal the contract's")
    check.equal("operators", (state.operators, state.threshold), exchange.operators())
    for each in sorted({token.address, *state.tokens}):
        check.equal(f"accepts {each}", each in state.tokens, exchange.accepts(each))
    return check


def _balances(state: Exchange, exchange: ExchangeContract) -> Check:
    check = Check("balances equal the contract's")
    for (account, token), held in state.balances.items():
        check.equal(f"balance of {account}", held, exchange.balance_of(account, token))
    return check


def _slots(state: Exchange, exchange: ExchangeContract) -> Check:
    check = Check("attested and committed quantities equal the contract's")
    for (supplier, resource, slot), value in state.slots.items():
        check.equal(f"slot {slot} of {supplier}", value, exchange.slot_of(supplier, resource, slot))
    return check


def _listings(state: Exchange, exchange: ExchangeContract) -> Check:
    check = Check("listings equal the contract's")
    for listing, value in state.listings.items():
        check.equal(f"listing 0x{listing.hex()}", value, exchange.listing_of(listing))
    return check


def _trades(trades: list[Settled], exchange: ExchangeContract) -> Check:
    check = Check("every recorded trade is settled in the contract")
    for trade in trades:
        used = exchange.nonce_used(trade.demander, trade.nonce)
        check.equal(f"trade 0x{trade.trade.hex()}", True, used)
    return check


def _solvency(state: Exchange, exchange: ExchangeContract, token: TokenContract) -> Check:
    owed = sum(held for (_, of), held in state.balances.items() if of == token.address)
    held = token.balance_of(exchange.address)
    check = Check("the exchange holds exactly what it owes", compared=1)
    if held < owed:
        check.wrong.append(f"{owed} base units are owed, {held} are held: money is missing")
    if held > owed:
        check.wrong.append(
            f"{owed} base units are owed, {held} are held: a deposit's event is missing,"
            " or somebody sent tokens without depositing them"
        )
    return check
