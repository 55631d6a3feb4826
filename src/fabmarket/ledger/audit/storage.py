"""The contract's storage at one block, beside what the twin holds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from fabmarket.chain import ChainError, ExchangeContract, TokenContract
from fabmarket.chain.places import Part, is_operator, number_of_sets, unit_of
from fabmarket.identity import keccak
from fabmarket.ledger.audit.checks import Check, Surplus
from fabmarket.ledger.audit.digests import Digests
from fabmarket.market.exchange import Exchange, Held, Posted
from fabmarket.market.trade import TIME_LIMIT, listing_id

_AT_ONCE = 500
"""Values that are asked for, and held, together."""
_MODULES = ("settleEscrow", "settleNet")
"""A function of each module."""

Item = tuple[str, tuple[Any, ...], Any]
"""What is compared, its key in the contract, and what the twin holds."""
Progress = Callable[[str, int, int], None]
"""Called with what is counted, how far it is, and of how many."""


class Storage:
    """What an exchange stores after `block`, beside a twin's state after the same events."""

    def __init__(
        self, state: Exchange, exchange: ExchangeContract, block: int, progress: Progress
    ) -> None:
        self._state, self._exchange, self._block = state, exchange, block
        self._progress = progress
        self._done, self._of = 0, 0

    def compare(self, trades: Digests, tokens: Iterable[str]) -> tuple[Check, ...]:
        """Return what was compared: all that the contract stores under keys that the log names.

        `trades` are all that settled, `tokens` all that were ever accepted. Raises ChainError.
        """
        state = self._state
        self._of = trades.number + sum(
            len(each)
            for each in (
                *(state.accounts, state.calendars, state.slots, state.listings, state.held),
                state.rulings,
            )
        )
        return (
            self._code(),
            self._rules(sorted({*tokens, *state.owed})),
            self._accounts(),
            self._slots(),
            self._listings(),
            self._escrows(trades),
            self._totals(),
            self._untold(),
        )

    def solvency(self) -> tuple[Check, tuple[Surplus, ...]]:
        """Return whether the exchange holds all it owes of each token, and what it has beyond."""
        check = Check("the exchange holds all that it owes", "held are")
        surpluses = []
        for token, owed in sorted(self._state.owed.items()):
            check.compared += 1
            try:
                contract = TokenContract(self._exchange.engine, token)
                held = contract.balance_of(self._exchange.address, self._block)
            except (ChainError, ValueError) as error:  # a token may answer anything
                check.differs(f"{token} does not say what is held of it", "", owed, error)
                continue
            if held < owed:
                check.differs(f"money is missing of {token}", "", f"{owed} owed", held)
            surpluses.append(Surplus(token, max(0, held - owed)))
        return check, tuple(surpluses)

    def _code(self) -> Check:
        """The code of the exchange, and of the modules that run in its storage."""
        # Whoever only reads a market's log has no use for an EVM.
        from fabmarket.chain.code import market_code  # noqa: PLC0415

        check = Check("the market's code is that of this version", "the chain has")
        exchange, (escrow, net) = self._exchange, self._state.modules
        engine, parameters = exchange.engine, self._state.parameters
        made = market_code(engine.chain_id, exchange.address, parameters, escrow, net)
        names = {
            escrow: "the escrow module",
            net: "the net module",
            exchange.address: "the exchange",
        }
        for address, code in made.items():
            found = engine.code(address, self._block)
            what = f"the code of {names[address]}, {address}"
            check.equal(what, _told(code, found), _told(found, code))
        return check

    def _rules(self, tokens: Sequence[str]) -> Check:
        state = self._state
        check = Check("operators, pause and tokens equal the contract's")
        one: list[tuple[str, tuple[Any, ...], str, Any]] = [
            ("parameters", (), "parameters", state.parameters)
        ]
        one.append(("decisions", (), "decisionNonce", state.decision_nonce))
        one.append(("paused until", (), "pausedUntil", state.paused_until))
        for function, module in zip(_MODULES, state.modules, strict=True):
            selector = self._exchange.selector(function)
            one.append((f"module of {function}", (selector,), "moduleOf", module))
        for what, key, view, replayed in one:
            self._all(check, view, [(what, key, replayed)])
        sets = sorted(state.operator_sets.items())
        self._all(
            check,
            "operatorsOf",
            [(f"operators of set {n}", (n,), (of.members, of.threshold)) for n, of in sets],
        )
        self._following(check)
        accepted = [(f"accepts {token}", (token,), token in state.tokens) for token in tokens]
        self._all(check, "accepts", accepted)
        return check

    def _following(self, check: Check) -> None:
        """Whose turn it is the contract tells by the time: a set that is due is the current one."""
        state, exchange = self._state, self._exchange
        (following,) = exchange.stored("nextOperatorSet", [()], self._block)
        current = state.next_set or state.current_set
        if following != (0, 0):
            check.equal("next operators", (state.next_set, state.next_since), following)
            current = state.current_set
        (stored,) = exchange.stored("operatorSet", [()], self._block)
        check.equal("set of operators", current, stored)

    def _accounts(self) -> Check:
        state, check = self._state, Check("balances and used nonces equal the contract's")
        self._all(
            check,
            "accountOf",
            (
                (f"account {account} in {token}", (account, token), value)
                for (account, token), value in sorted(state.accounts.items(), key=_by_key)
            ),
        )
        everyone = sorted({*state.intent_nonces, *(account for account, _ in state.accounts)})
        self._all(
            check,
            "intentNonce",
            (
                (f"intents of {each}", (each,), state.intent_nonces.get(each, 0))
                for each in everyone
            ),
        )
        return check

    def _slots(self) -> Check:
        state = self._state
        check = Check("attested and committed quantities equal the contract's")
        places = sorted(state.slots.items(), key=_by_key)
        told = ((f"slot {at[2]} of {at[0]}", at, value) for at, value in places)
        self._all(check, "slotOf", told)
        keys = sorted({*state.seals, *state.slots})
        seals = ((f"seal {at[2]} of {at[0]}", at, state.seals.get(at, bytes(32))) for at in keys)
        self._all(check, "sealOf", seals)
        self._all(check, "listingId", self._calendars())
        return check

    def _calendars(self) -> Iterator[Item]:
        """The ends of a calendar's first two slots, as ids of listings tell them."""
        for (supplier, resource), calendar in sorted(self._state.calendars.items(), key=_by_key):
            for slot in (0, 1):
                if (end := calendar.end(slot)) < TIME_LIMIT:
                    key = (supplier, resource, slot)
                    yield f"end of slot {slot} of {supplier}", key, listing_id(*key, end)

    def _listings(self) -> Check:
        check = Check("listings equal the contract's")
        known = sorted(self._state.listings.items(), key=_by_key)
        told = ((f"listing 0x{listing.hex()}", (listing,), value) for listing, value in known)
        self._all(check, "listingOf", told)
        return check

    def _escrows(self, trades: Digests) -> Check:
        state = self._state
        check = Check("every trade holds in escrow what the contract holds for it")
        settled = chain.from_iterable(trades.pages(_AT_ONCE))
        held = ((f"trade 0x{e.hex()}", (e,), state.held.get(e, Held())) for e in settled)
        self._all(check, "heldOf", held)
        ruled = (
            (f"ruling on 0x{trade.hex()}", (trade,), state.rulings.get(trade, Posted()))
            for trade in sorted(state.held)
        )
        self._all(check, "rulingOf", ruled)
        return check

    def _totals(self) -> Check:
        check = Check("balances and escrows add up to the contract's totals")
        owed = sorted(self._state.owed.items())
        self._all(check, "totalOf", [(f"total of {each}", (each,), value) for each, value in owed])
        return check

    def _untold(self) -> Check:
        """What is stored and no view tells."""
        check = Check("what no view tells equals the contract's storage")
        self._each(check, self._words, self._parts())
        return check

    def _parts(self) -> Iterator[Item]:
        state = self._state
        for place in sorted(state.calendars):
            supplier, resource = place
            what = f"unit of 0x{resource.hex()} of {supplier}"
            yield what, unit_of(*place), state.calendars[place].unit
        yield "number of sets of operators", number_of_sets(), len(state.operator_sets)
        for number, known in sorted(state.operator_sets.items()):
            for member in known.members:
                yield f"operator {member} is of set {number}", is_operator(number, member), True

    def _words(self, parts: Sequence[Part]) -> list[Any]:
        places = [part.place for part in parts]
        exchange = self._exchange
        words = exchange.engine.words(exchange.address, places, self._block)
        return [part.read(word) for part, word in zip(parts, words, strict=True)]

    def _all(self, check: Check, view: str, items: Iterable[Item]) -> None:
        """Compare what the view says of each item."""
        self._each(check, lambda keys: self._exchange.stored(view, keys, self._block), items)

    def _each(
        self, check: Check, stored: Callable[[list[Any]], list[Any]], items: Iterable[Item]
    ) -> None:
        """Compare what is stored under the key of each item."""
        left = iter(items)
        while some := list(islice(left, _AT_ONCE)):
            keys = [key for _, key, _ in some]
            for (what, _, replayed), found in zip(some, stored(keys), strict=True):
                check.equal(what, replayed, found)
            self._done += len(some)
            self._progress("values", self._done, max(self._done, self._of))


def _told(code: bytes, other: bytes) -> str:
    """Code in words: how long it is, its hash, and where it differs from another."""
    if code == other:
        return ""
    at = next((n for n, (a, b) in enumerate(zip(code, other, strict=False)) if a != b), None)
    at = min(len(code), len(other)) if at is None else at
    name = keccak(code).hex()
    return f"{len(code)} bytes of hash 0x{name} (0x{code[at : at + 8].hex()} from byte {at} on)"


def _by_key(item: tuple[Any, Any]) -> Any:
    return item[0]
