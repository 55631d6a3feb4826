"""One's own account in the exchange, as the chain's events leave it."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from dataclasses import dataclass, field, replace

from rpds import HashTrieMap, HashTrieSet

from fabmarket.market.events import (
    Deployed,
    Deposited,
    Escrowed,
    Event,
    Listed,
    NetSettled,
    Released,
    Settled,
    Withdrawn,
)
from fabmarket.market.exchange.state import UNDEPLOYED
from fabmarket.market.exchange.terms import share
from fabmarket.market.net import unpack_rows
from fabmarket.market.parameters import Parameters
from fabmarket.negotiation.moves import EscrowNews, Tell


@dataclass(frozen=True)
class Purse:
    """What an account holds in one token, base units, and what holds more that may come back.

    `listings` are its own, by which it knows what is paid to it. `escrows` are its trades in escrow
    that are not closed: whether it sells in them. `parameters` are the exchange's.
    """

    balance: int = 0
    parameters: Parameters = UNDEPLOYED
    listings: HashTrieSet[bytes] = field(default_factory=HashTrieSet)
    escrows: HashTrieMap[bytes, bool] = field(default_factory=HashTrieMap)

    def deposit(self, payment: int) -> int:
        """Return what each side of an escrow deposits, base units, rounded down."""
        return share(payment, self.parameters.deposit_share)

    def after(self, event: Event, account: str, token: str) -> Purse:
        """Return what an event leaves of the account, in the order of the chain; this if nothing.

        What is paid at once, and what goes into escrow, is `Settled` first.
        """
        match event:
            case Deployed():
                return replace(self, parameters=event.parameters)
            case Listed() if event.supplier == account and event.listing not in self.listings:
                return replace(self, listings=self.listings.insert(event.listing))
            case Deposited() if (event.account, event.token) == (account, token):
                return self._gaining(event.amount)
            case Withdrawn() if (event.account, event.token) == (account, token):
                return self._gaining(-event.amount)
            case Settled() if (event.demander, event.token) == (account, token):
                return self._gaining(-event.payment)
            case Settled() if event.token == token and event.listing in self.listings:
                return self._gaining(event.payment)
            case NetSettled() if event.token == token:
                rows = (row for row in unpack_rows(event.rows) if row.account == account)
                return next((self._gaining(row.change) for row in rows), self)
            case Escrowed() if event.terms.token == token:
                return self._escrowed(event, account)
            case Released() if event.trade in self.escrows:
                return self._released(event)
            case _:
                return self

    def told(self, event: Event, account: str, token: str) -> tuple[Purse, tuple[Tell, ...]]:
        """Return the same, and what the owner should hear of its trades in escrow."""
        after = self.after(event, account, token)
        if not isinstance(event, EscrowNews):
            return after, ()
        is_ours = event.trade in self.escrows or event.trade in after.escrows
        return after, (Tell(event),) if is_ours else ()

    def _gaining(self, change: int) -> Purse:
        return replace(self, balance=self.balance + change)

    def _escrowed(self, event: Escrowed, account: str) -> Purse:
        trade = event.terms
        payment = trade.quantity * trade.unit_price
        sells, buys = trade.listing in self.listings, trade.demander == account
        if not sells and not buys:
            return self
        locked = self.deposit(payment) + (payment + trade.escrow.bond if sells else 0)
        held = replace(self, escrows=self.escrows.insert(event.trade, sells))
        return held._gaining(-locked)

    def _released(self, event: Released) -> Purse:
        paid = self._gaining(event.to_supplier if self.escrows[event.trade] else event.to_demander)
        return replace(paid, escrows=self.escrows.remove(event.trade)) if event.closed else paid
