"""The audit: rebuild the exchange from its logs alone, compare it with the contract's storage."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fabmarket.chain import ExchangeContract, TokenContract
from fabmarket.identity import Domain
from fabmarket.market.events import Event, Settled
from fabmarket.market.exchange import Exchange, Held, Inconsistent, Posted, record


@dataclass(frozen=True)
class Surplus:
    """What the exchange holds of a token beyond what it owes, base units."""

    token: str
    amount: int


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


@dataclass(frozen=True)
class Audit:
    """The checks, and the surplus (None if the log could not be replayed)."""

    checks: tuple[Check, ...]
    surplus: Surplus | None

    @property
    def ok(self) -> bool:
        """Whether the logs explain every number that the contract holds."""
        return all(check.ok for check in self.checks)


def audit(
    events: Iterable[Event], domain: Domain, exchange: ExchangeContract, token: TokenContract
) -> Audit:
    """Return what was checked; all ok means the logs explain every number the contract holds.

    Replayed are the events, from those of the exchange's making on (`record` refuses any that
    cannot follow: over-listing, overselling, spending more than held, settling twice, a cycle that
    does not sum to zero, an escrow that pays at another time or otherwise than its terms say).
    Compared with storage are the parameters, all sets of operators and the number of their
    decisions, the pause, the tokens and what is owed in each, all accounts (balance, epoch, used
    nonces), slots, seals, listings, escrows, rulings and intents, and with `token` what the
    exchange holds of it. Unseen stays what no stored number hangs on: a lost attestation under
    which nothing was ever listed, a lost commitment, nonces cancelled that were used already,
    skipped trades, and the salts, the root of the trades and the digest of a cycle.

    More tokens than are owed are no fault of the exchange: anyone can send it some past `deposit`,
    and nobody can claim them. They are returned as the surplus. A lost deposit of an account that
    the rest of the log never names looks the same.
    """
    replay = Check("events follow from one another")
    state = Exchange.undeployed(domain)
    trades: list[bytes] = []
    for event in events:
        replay.compared += 1
        try:
            state = record(state, event)
        except Inconsistent as error:
            replay.wrong.append(str(error))
            return Audit((replay,), None)
        if isinstance(event, Settled):
            trades.append(event.trade)
    owed = state.owed.get(token.address, 0)
    held = token.balance_of(exchange.address)
    checks = (
        replay,
        _rules(state, exchange, token),
        _accounts(state, exchange),
        _slots(state, exchange),
        _listings(state, exchange),
        _escrows(state, trades, exchange),
        _totals(state, exchange),
        _solvency(owed, held),
    )
    return Audit(checks, Surplus(token.address, max(0, held - owed)))


def _rules(state: Exchange, exchange: ExchangeContract, token: TokenContract) -> Check:
    check = Check("operators, pause and token equal the contract's")
    check.equal("parameters", state.parameters, exchange.parameters())
    for number, known in sorted(state.operator_sets.items(), key=_by_key):
        stored = exchange.operators_of(number)
        check.equal(f"operators of set {number}", (known.members, known.threshold), stored)
    following, current = exchange.next_operator_set(), state.next_set or state.current_set
    if following != (0, 0):
        check.equal("next operators", (state.next_set, state.next_since), following)
        current = state.current_set
    check.equal("set of operators", current, exchange.operator_set())
    check.equal("decisions", state.decision_nonce, exchange.decision_nonce())
    check.equal("paused until", state.paused_until, exchange.paused_until())
    for each in sorted({token.address, *state.tokens}):
        check.equal(f"accepts {each}", each in state.tokens, exchange.accepts(each))
    return check


def _accounts(state: Exchange, exchange: ExchangeContract) -> Check:
    check = Check("balances and used nonces equal the contract's")
    for (account, token), value in sorted(state.accounts.items(), key=_by_key):
        check.equal(f"account {account}", value, exchange.account_of(account, token))
    for account in sorted({*state.intent_nonces, *(account for account, _ in state.accounts)}):
        used = state.intent_nonces.get(account, 0)
        check.equal(f"intents of {account}", used, exchange.intent_nonce(account))
    return check


def _slots(state: Exchange, exchange: ExchangeContract) -> Check:
    check = Check("attested and committed quantities equal the contract's")
    for (supplier, resource, slot), value in sorted(state.slots.items(), key=_by_key):
        check.equal(f"slot {slot} of {supplier}", value, exchange.slot_of(supplier, resource, slot))
    for (supplier, resource, slot), seal in sorted(state.seals.items(), key=_by_key):
        check.equal(f"seal {slot} of {supplier}", seal, exchange.seal_of(supplier, resource, slot))
    return check


def _listings(state: Exchange, exchange: ExchangeContract) -> Check:
    check = Check("listings equal the contract's")
    for listing, value in sorted(state.listings.items(), key=_by_key):
        check.equal(f"listing 0x{listing.hex()}", value, exchange.listing_of(listing))
    return check


def _escrows(state: Exchange, trades: Sequence[bytes], exchange: ExchangeContract) -> Check:
    check = Check("every trade holds in escrow what the contract holds for it")
    for trade in trades:
        held = state.held.get(trade, Held())
        check.equal(f"trade 0x{trade.hex()}", held, exchange.held_of(trade))
        if trade in state.held:
            ruling = state.rulings.get(trade, Posted())
            check.equal(f"ruling on 0x{trade.hex()}", ruling, exchange.ruling_of(trade))
    return check


def _totals(state: Exchange, exchange: ExchangeContract) -> Check:
    check = Check("balances and escrows add up to the contract's totals")
    for token, owed in sorted(state.owed.items(), key=_by_key):
        check.equal(f"total of {token}", owed, exchange.total_of(token))
    return check


def _solvency(owed: int, held: int) -> Check:
    check = Check("the exchange holds all that it owes", compared=1)
    if held < owed:
        check.wrong.append(f"{owed} base units are owed, {held} are held: money is missing")
    return check


def _by_key(item: tuple[Any, Any]) -> Any:
    return item[0]
