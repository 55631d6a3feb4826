"""A participant's moves on their way to the chain.

A move is signed once, with the account's next nonce, and written down before it is sent; from then
on only these bytes are sent for it, again and again until they are mined: a nonce is used once, so
all sendings have one effect. What became of it shows on the chain: its receipt, or a nonce that
something else has used, whereupon it is signed anew.
"""

from dataclasses import dataclass

from fabmarket.chain import (
    BoardContract,
    Engine,
    ExchangeContract,
    Receipt,
    Transaction,
    signed,
)
from fabmarket.chain.calls import function_of, gas_limit
from fabmarket.errors import Bug
from fabmarket.identity import Key, keccak
from fabmarket.market.exchange import Move
from fabmarket.node.journal import Journal
from fabmarket.node.participant import Announce, move_of

_ANNOUNCEMENT_GAS = 100_000
_GAS_A_BYTE = 60
"""Of an announcement: above what its call data and its log take."""


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
        board: BoardContract | None = None,
    ) -> None:
        """`finality`: how many blocks below the head nothing is reorganised any more.

        `board` is where announcements go, if the participant makes any.
        """
        self._board = board
        self._key, self._journal = key, journal
        self._engine, self._exchange = engine, exchange
        self._finality = finality

    def outgoing(self) -> list[Outgoing]:
        """Return what is to be sent, by nonce, all of it signed and written down.

        What is mined for good, and a crash kept from being ticked off, is so before. For whoever
        makes the blocks itself; a process of its own calls `push`.
        """
        outgoing, done = self._sorted_out()
        for each, _ in done:
            self.mined(each)
        return outgoing

    def push(self) -> list[tuple[Outgoing, Receipt]]:
        """Send what is to be sent; return, and tick off, what is mined for good, with its receipt.

        Does not wait: a participant that is a process of its own calls it again and again, after a
        crash, a lost node or a reorganisation just so. Raises ChainError where the node refuses a
        transaction, NodeLost where none answers; the next call goes on.
        """
        outgoing, done = self._sorted_out()
        for each in outgoing:
            self._engine.send(each.raw)
        for each, _ in done:
            self.mined(each)
        return done

    def mined(self, outgoing: Outgoing) -> None:
        """It is on the chain, for better or worse."""
        with self._journal.writing():
            self._journal.mined(outgoing.number)

    def _sorted_out(self) -> tuple[list[Outgoing], list[tuple[Outgoing, Receipt]]]:
        """Of the moves, by nonce: those to be sent, and those that are mined for good.

        A move whose nonce something else has used for good is signed anew, behind those that are
        signed already. One that is mined, or whose nonce is used, but not for good, waits: signed
        anew it could be mined twice after a reorganisation.
        """
        waiting, done, unsigned = [], [], []
        following = 0
        used, final, last = self._nonces()
        for each in self._journal.moves():
            transaction = self._transaction(move_of(each.body))
            if each.nonce is None or each.raw is None:
                unsigned.append((each.number, transaction))
                continue
            outgoing = Outgoing(each.number, transaction, each.nonce, each.raw)
            receipt = self._engine.receipt(keccak(each.raw)) if each.nonce < used else None
            if receipt is None and each.nonce < final:
                unsigned.append((each.number, transaction))
                continue
            following = max(following, each.nonce + 1)
            if receipt is not None and receipt.block <= last:
                done.append((outgoing, receipt))
            elif each.nonce >= used:
                waiting.append(outgoing)
        if unsigned:
            following = max(following, self._engine.nonce(self._key.address))
        for nonce, (number, transaction) in enumerate(unsigned, following):
            waiting.append(self._signed(number, transaction, nonce))
        waiting.sort(key=lambda each: each.nonce)
        done.sort(key=lambda pair: pair[0].nonce)
        return waiting, done

    def _nonces(self) -> tuple[int, int, int]:
        """How many nonces are used up to the head, and for good, and the last block that is so.

        Asked before any receipt: what used a nonce up to this block has its receipt by then.
        """
        if all(each.raw is None for each in self._journal.moves()):
            return 0, 0, 0
        head = self._engine.header().number
        last = max(0, head - self._finality)
        address = self._key.address
        used = self._engine.nonce(address, head)
        return used, self._engine.nonce(address, last) if last < head else used, last

    def _signed(self, number: int, transaction: Transaction, nonce: int) -> Outgoing:
        raw = signed(self._engine, transaction, nonce)
        with self._journal.writing():
            self._journal.signed(number, nonce, raw)
        return Outgoing(number, transaction, nonce, raw)

    def _transaction(self, move: Move | Announce) -> Transaction:
        if isinstance(move, Announce):
            if self._board is None:
                raise Bug("an announcement, and no board to make it on")
            return announcement(self._key, self._board, move.payload)
        data = self._exchange.move_data(move)
        to = self._exchange.address
        return Transaction(self._key, function_of(move), to, data, gas_limit(move))


def announcement(key: Key, board: BoardContract, payload: bytes) -> Transaction:
    """Return the transaction that announces a payload on the board."""
    data = board.announcement(payload)
    gas = _ANNOUNCEMENT_GAS + _GAS_A_BYTE * len(data)
    return Transaction(key, "announce", board.address, data, gas)
