"""A participant's moves on their way to the chain.

A move is signed once, with the account's next nonce, and written down before it is sent; from then
on only these bytes are sent for it. What became of it shows on the chain: its receipt, or a nonce
that something else has used, whereupon it is signed anew.
"""

from dataclasses import dataclass

from fabmarket.chain import Engine, ExchangeContract, Transaction, signed
from fabmarket.chain.calls import function_of, gas_limit
from fabmarket.identity import Key, keccak
from fabmarket.market.exchange import Move
from fabmarket.node.journal import Journal, Ordered
from fabmarket.node.participant import move_of


@dataclass(frozen=True)
class Outgoing:
    """A signed transaction of the outbox, and what it does."""

    number: int
    transaction: Transaction
    raw: bytes


class Outbox:
    """Signs what a participant's journal holds to be sent, and forgets what is mined."""

    def __init__(
        self, key: Key, journal: Journal, engine: Engine, exchange: ExchangeContract
    ) -> None:
        self._key, self._journal = key, journal
        self._engine, self._exchange = engine, exchange

    def outgoing(self) -> list[Outgoing]:
        """Return what is to be mined, in order, all of it signed and written down."""
        moves = self._journal.moves()
        if not moves:
            return []
        count = self._engine.nonce(self._key.address)
        signed_ones: list[tuple[int, Ordered, bytes]] = []
        unsigned: list[Ordered] = []
        for each in moves:
            if each.nonce is None or each.raw is None:
                unsigned.append(each)
            elif each.nonce >= count:
                signed_ones.append((each.nonce, each, each.raw))
            elif self._engine.receipt(keccak(each.raw)) is not None:
                self._forget(each.number)  # mined before a crash
            else:
                unsigned.append(each)  # its nonce was used by something else
        following = max([count, *(nonce + 1 for nonce, _, _ in signed_ones)])
        for nonce, each in enumerate(unsigned, following):
            raw = signed(self._engine, self._transaction(move_of(each.body)), nonce)
            with self._journal.writing():
                self._journal.signed(each.number, nonce, raw)
            signed_ones.append((nonce, each, raw))
        signed_ones.sort(key=lambda found: found[0])
        return [
            Outgoing(each.number, self._transaction(move_of(each.body)), raw)
            for _, each, raw in signed_ones
        ]

    def mined(self, outgoing: Outgoing) -> None:
        """It is on the chain, for better or worse."""
        self._forget(outgoing.number)

    def _forget(self, number: int) -> None:
        with self._journal.writing():
            self._journal.mined(number)

    def _transaction(self, move: Move) -> Transaction:
        data = self._exchange.move_data(move)
        to = self._exchange.address
        return Transaction(self._key, function_of(move), to, data, gas_limit(move))
