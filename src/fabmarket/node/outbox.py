"""A participant's moves on their way to the chain.

A move is signed once, with the account's next nonce, and written down before it is sent; from then
on only these bytes are sent for it, again and again until they are mined: a nonce is used once, so
all sendings have one effect. What became of it shows on the chain: its receipt, or a nonce that
something else has used, whereupon it is signed anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fabmarket.chain import Engine, ExchangeContract, Receipt, Transaction, signed
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
    nonce: int
    raw: bytes


class Outbox:
    """Signs what a participant's journal holds to be sent, and forgets what is mined."""

    def __init__(
        self,
        key: Key,
        journal: Journal,
        engine: Engine,
        exchange: ExchangeContract,
        finality: int = 0,
    ) -> None:
        """`finality`: how many blocks below the head nothing is reorganised any more."""
        self._key, self._journal = key, journal
        self._engine, self._exchange = engine, exchange
        self._finality = finality

    def outgoing(self) -> list[Outgoing]:
        """Return what is to be mined, in order, all of it signed and written down."""
        moves = self._journal.moves()
        if not moves:
            return []
        nonce = self._next_nonce(moves)
        found = []
        for each in moves:
            transaction = self._transaction(move_of(each.body))
            at, raw = each.nonce, each.raw
            if at is None or raw is None:
                at, raw = nonce, self._signed(each.number, transaction, nonce)
                nonce += 1
            found.append(Outgoing(each.number, transaction, at, raw))
        return found

    def unmined(self) -> list[Outgoing]:
        """Return what is to be mined, by nonce; what a crash kept from being ticked off is so now.

        For whoever makes the blocks itself; a process of its own calls `push`.
        """
        before = {each.number for each in self._journal.moves() if each.raw is not None}
        found = []
        for each in sorted(self.outgoing(), key=lambda each: each.nonce):
            if each.number in before and self._engine.receipt(keccak(each.raw)) is not None:
                self.mined(each)
            else:
                found.append(each)
        return found

    def push(self) -> list[tuple[Outgoing, Receipt]]:
        """Bring on what is not on the chain for good yet; return what now is, with its receipt.

        Does not wait: a participant that is a process of its own calls it again and again, after
        a crash, a lost node or a reorganisation just so. A move whose nonce something else has used
        for good is signed anew, behind those that are signed already. Raises ChainError where the
        node refuses a transaction, NodeLost where none answers; the next call goes on.
        """
        # In this order: whatever used a nonce up to this block has its receipt by now.
        head = self._engine.header().number
        outgoing = sorted(self.outgoing(), key=lambda each: each.nonce)
        if not outgoing:
            return []
        used = self._engine.nonce(self._key.address, head)
        final = self._engine.nonce(self._key.address, max(0, head - self._finality))
        done, lost = [], []
        for each in outgoing:
            receipt = self._engine.receipt(keccak(each.raw))
            if receipt is not None:
                if receipt.block <= head - self._finality:
                    self.mined(each)
                    done.append((each, receipt))
            elif each.nonce >= used:
                self._engine.send(each.raw)
            elif each.nonce < final:
                lost.append(each)
        for each in lost:  # last, as a node may refuse a nonce whose predecessors it has not got
            self._sign_anew(each)
        return done

    def mined(self, outgoing: Outgoing) -> None:
        """It is on the chain, for better or worse."""
        self._forget(outgoing.number)

    def _forget(self, number: int) -> None:
        with self._journal.writing():
            self._journal.mined(number)

    def _sign_anew(self, outgoing: Outgoing) -> None:
        nonce = self._next_nonce(self._journal.moves())
        self._engine.send(self._signed(outgoing.number, outgoing.transaction, nonce))

    def _next_nonce(self, moves: Sequence[Ordered]) -> int:
        """The nonce after those that the node knows of and those that were signed."""
        taken = [each.nonce + 1 for each in moves if each.nonce is not None]
        return max([self._engine.nonce(self._key.address), *taken])

    def _signed(self, number: int, transaction: Transaction, nonce: int) -> bytes:
        raw = signed(self._engine, transaction, nonce)
        with self._journal.writing():
            self._journal.signed(number, nonce, raw)
        return raw

    def _transaction(self, move: Move) -> Transaction:
        data = self._exchange.move_data(move)
        to = self._exchange.address
        return Transaction(self._key, function_of(move), to, data, gas_limit(move))
