"""A participant's moves on their way to the chain.

A move is signed once, with the account's next nonce, and written down before it is sent; from then
on only these bytes are sent for it, again and again until they are mined: a nonce is used once, so
all sendings have one effect. What became of it shows on the chain: its receipt, or a nonce that
something else has used, whereupon it is signed anew. Where it could be mined next, and blocks go by
without it, it offers too little for its gas: it is signed for more, with the same nonce, so that
whichever of these bytes is mined, it has one effect still.

What the owner orders is tried on the chain's state first, and not sent where it would fail. So that
this state is the one it meets, one such move is under way at a time. So is a net batch: one that is
mined as failed would show what it holds for nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fabmarket.chain import (
    FIRST_BLOCK,
    BoardContract,
    ChainError,
    Engine,
    ExchangeContract,
    Fees,
    NotYet,
    Receipt,
    TokenContract,
    Transaction,
    raised_fees,
    signed,
    usual_fees,
)
from fabmarket.chain.calls import function_of, gas_limit
from fabmarket.errors import Bug
from fabmarket.identity import Key, keccak
from fabmarket.identity.codec import encode
from fabmarket.market.exchange import Move, SettleNet
from fabmarket.negotiation.orders import Allow
from fabmarket.node.journal import Journal, PendingMove
from fabmarket.node.participant import Announce, Outcome, move_of
from fabmarket.node.refusals import in_words
from fabmarket.node.settings import MOST_GAS_PRICE

STUCK_AFTER = 10
"""Blocks after which a transaction that could have been mined in each of them offers more."""
_ALLOWANCE_GAS = 120_000
_ANNOUNCEMENT_GAS = 100_000
_GAS_A_BYTE = 60
"""Of an announcement: above what its call data and its log take."""


@dataclass(frozen=True)
class Outgoing:
    """A signed transaction of the outbox, what it does, the owner's order that it is for, and
    what it offers for its gas.
    """

    number: int
    transaction: Transaction
    nonce: int
    raw: bytes
    placed: int | None
    fees: Fees


@dataclass(frozen=True)
class HeldUp:
    """A transaction is stuck and offers so many wei for a unit of gas; `bound` lets it no more."""

    action: str
    most: int
    bound: str


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
        tell: Callable[[int, Outcome], None] = lambda *_: None,
        most_gas_price: int = MOST_GAS_PRICE,
        held_up: Callable[[HeldUp], None] = lambda _: None,
    ) -> None:
        """`finality`: how many blocks below the head nothing is reorganised any more.

        `board` is where announcements go, if the participant makes any. `tell` hears how an order
        of the owner ended, by its number, once that is written down. `most_gas_price`: the most
        that a unit of gas may cost, wei. `held_up` hears once of each that may offer no more.
        """
        self._board, self._tell = board, tell
        self._key, self._journal = key, journal
        self._engine, self._exchange = engine, exchange
        self._finality, self._most_gas_price = finality, most_gas_price
        self._held_up, self._told = held_up, b""
        self._next: tuple[bytes, int] | None = None  # what is mined next, and since which block

    def outgoing(self) -> list[Outgoing]:
        """Return what is to be sent, by nonce, all of it signed and written down.

        What is mined for good, and a crash kept from being ticked off, is so before. For whoever
        makes the blocks itself; a process of its own calls `push`.
        """
        outgoing, done = self._sorted_out()
        for each, receipt in done:
            self.mined(each, receipt)
        return outgoing

    def push(self) -> list[tuple[Outgoing, Receipt]]:
        """Send what is to be sent; return, and tick off, what is mined for good, with its receipt.

        Does not wait: a participant that is a process of its own calls it again and again, after a
        crash, a lost node or a reorganisation just so. Where the node holds one transaction of the
        account at a time the rest goes with later calls. Raises ChainError where the node refuses a
        transaction and nothing is mined, NodeLost where none answers; the next call goes on.
        """
        outgoing, done = self._sorted_out()
        refused = None
        for each in outgoing:
            try:
                self._engine.send(each.raw)
            except NotYet:  # nor does the node hold what is behind it
                break
            except ChainError as error:  # what is behind it waits for it
                refused = error
                break
        for mined, receipt in done:
            self.mined(mined, receipt)
        if refused is not None and not done:
            raise refused
        return done

    def mined(self, outgoing: Outgoing, receipt: Receipt) -> None:
        """It is on the chain, for better or worse."""
        number = outgoing.placed
        outcome = None if number is None else self._outcome(outgoing, receipt)
        with self._journal.writing():
            self._journal.mined(outgoing.number)
            if outcome is not None and outcome.state == "done":
                rest = any(each.placed == number for each in self._journal.moves())
                outcome = None if rest else outcome
            if number is not None and outcome is not None:
                self._journal.conclude(number, encode(outcome))
        if number is not None and outcome is not None:
            self._tell(number, outcome)

    def _outcome(self, outgoing: Outgoing, receipt: Receipt) -> Outcome:
        """What a transaction's receipt says of the order that it was for."""
        mined = (receipt.transaction, receipt.block)
        if receipt.status == 1:
            return Outcome("done", "", *mined)
        transaction = outgoing.transaction
        try:
            sender, before = self._key.address, receipt.block - 1
            why = self._exchange.why(sender, transaction.data, before)
        except ChainError:  # many nodes forget the states of old blocks
            why = None
        reason = (
            f"used {receipt.gas_used} of {transaction.gas} gas" if why is None else in_words(why)
        )
        return Outcome("failed", reason, *mined)

    def _sorted_out(self) -> tuple[list[Outgoing], list[tuple[Outgoing, Receipt]]]:
        """Of the moves, by nonce: those to be sent, and those that are mined for good.

        A move whose nonce something else has used for good is signed anew, behind those that are
        signed already. One that is mined, or whose nonce is used, but not for good, waits: signed
        anew it could be mined twice after a reorganisation.
        """
        waiting, done, unsigned = [], [], []
        following, under_way = 0, set()
        used, final, last, head = self._nonces()
        for each in self._journal.moves():
            transaction = self._transaction(move_of(each.body))
            outgoing = _outgoing(each, transaction)
            if outgoing is None:
                unsigned.append((each, transaction))
                continue
            receipt = self._receipt(each) if outgoing.nonce < used else None
            if receipt is None and outgoing.nonce < final:
                unsigned.append((each, transaction))
                continue
            following = max(following, outgoing.nonce + 1)
            under_way.add(each.placed)
            if receipt is not None and receipt.block <= last:
                done.append((outgoing, receipt))
            elif outgoing.nonce >= used:
                waiting.append(outgoing)
        waiting.sort(key=lambda each: each.nonce)
        self._let_pass(waiting, used, head)
        is_free = not any(each.placed is not None for each in waiting)
        due = self._due(unsigned, under_way, is_free=is_free)
        if due:
            following = max(following, self._engine.nonce(self._key.address))
        for nonce, (number, transaction, placed) in enumerate(due, following):
            fees = usual_fees(self._engine, self._most_gas_price)
            waiting.append(self._signed(number, transaction, nonce, placed, fees))
        done.sort(key=lambda pair: pair[0].nonce)
        return waiting, done

    def _receipt(self, move: PendingMove) -> Receipt | None:
        """The receipt of whichever of its bytes is mined."""
        for raw in (move.raw, *move.earlier):
            receipt = None if raw is None else self._engine.receipt(keccak(raw))
            if receipt is not None:
                return receipt
        return None

    def _let_pass(self, waiting: list[Outgoing], used: int, head: int) -> None:
        """Let the first by nonce offer more where it is stuck; those behind it wait for it."""
        if not waiting or waiting[0].nonce != used:
            self._next = None
            return
        first = waiting[0]
        if self._next is None or self._next[0] != first.raw:
            self._next = first.raw, head
        if head - self._next[1] < STUCK_AFTER:
            return
        affordable = self._engine.native_balance(self._key.address) // first.transaction.gas
        limit = min(self._most_gas_price, affordable)
        fees = raised_fees(self._engine, first.fees, limit)
        if fees is not None:
            about = (first.number, first.transaction, first.nonce, first.placed)
            waiting[0] = self._signed(*about, fees)
        elif self._told != first.raw:
            self._told = first.raw
            is_poor = affordable < self._most_gas_price
            why = "the account's coin" if is_poor else "chain.most_gas_price"
            self._held_up(HeldUp(first.transaction.action, first.fees.most, why))

    def _due(
        self,
        unsigned: list[tuple[PendingMove, Transaction]],
        under_way: set[int | None],
        *,
        is_free: bool,
    ) -> list[tuple[int, Transaction, int | None]]:
        """Of the moves that are not signed yet those whose turn it is.

        Of the owner's one at a time, the next of an order when the one before is mined for good, of
        another order when that is mined. One that would fail now ends its order here.
        """
        due, refused = [], set()
        for each, transaction in unsigned:
            if each.placed is not None:
                if each.placed in refused:
                    continue
                if not is_free or each.placed in under_way:
                    is_free = False
                    continue
                reason = self._refusal(move_of(each.body), transaction)
                if reason is not None:
                    refused.add(each.placed)
                    self._refuse(each.placed, reason)
                    continue
                is_free = False
            elif self._shows_for_nothing(each, transaction):
                with self._journal.writing():
                    self._journal.mined(each.number)
                continue
            due.append((each.number, transaction, each.placed))
        return due

    def _shows_for_nothing(self, move: PendingMove, transaction: Transaction) -> bool:
        """Whether it is a net batch that would fail now."""
        if not isinstance(move_of(move.body), SettleNet):
            return False
        return self._exchange.why(self._key.address, transaction.data) is not None

    def _refusal(self, move: Move | Allow | Announce, transaction: Transaction) -> str | None:
        """Why a move of the owner would fail on the chain's state as it is, None if it would do."""
        engine, address = self._engine, self._key.address
        price = usual_fees(engine, self._most_gas_price).most
        coin, most = engine.native_balance(address), transaction.gas * price
        if coin < most:
            return f"the account has {coin} wei of coin, and gas may cost {most}; send it some"
        if not isinstance(move, Allow):
            why = self._exchange.why(address, transaction.data)
            return None if why is None else in_words(why)
        if not self._exchange.accepts(move.token):
            return f"the exchange takes no deposits of {move.token}"
        wallet = TokenContract(engine, move.token).balance_of(address)
        if wallet < move.amount:
            return f"the wallet holds {wallet} base units, which is less than {move.amount}"
        return None

    def _refuse(self, placed: int, reason: str) -> None:
        outcome = Outcome("refused", reason)
        with self._journal.writing():
            self._journal.conclude(placed, encode(outcome))
        self._tell(placed, outcome)

    def _nonces(self) -> tuple[int, int, int, int]:
        """How many nonces are used up to the head, how many for good, the last block so, the head.

        Asked before any receipt: what used a nonce up to this block has its receipt by then.
        """
        if all(each.raw is None for each in self._journal.moves()):
            return 0, 0, 0, 0
        head = self._engine.header().number
        last = head - self._finality
        address = self._key.address
        used = self._engine.nonce(address, head)
        final = used if last == head else 0
        if FIRST_BLOCK <= last < head:
            final = self._engine.nonce(address, last)
        return used, final, last, head

    def _signed(
        self, number: int, transaction: Transaction, nonce: int, placed: int | None, fees: Fees
    ) -> Outgoing:
        raw = signed(self._engine, transaction, nonce, fees)
        with self._journal.writing():
            self._journal.signed(number, nonce, raw, fees.most, fees.tip)
        return Outgoing(number, transaction, nonce, raw, placed, fees)

    def _transaction(self, move: Move | Allow | Announce) -> Transaction:
        if isinstance(move, Allow):
            data = TokenContract(self._engine, move.token).approval(
                self._exchange.address, move.amount
            )
            return Transaction(self._key, "approve", move.token, data, _ALLOWANCE_GAS)
        if isinstance(move, Announce):
            if self._board is None:
                raise Bug("an announcement, and no board to make it on")
            return announcement(self._key, self._board, move.payload)
        data = self._exchange.move_data(move)
        to = self._exchange.address
        return Transaction(self._key, function_of(move), to, data, gas_limit(move))


def _outgoing(move: PendingMove, transaction: Transaction) -> Outgoing | None:
    """The move as it is sent, None if it is not signed yet."""
    if move.nonce is None or move.raw is None or move.most is None or move.tip is None:
        return None
    fees = Fees(move.most, move.tip)
    return Outgoing(move.number, transaction, move.nonce, move.raw, move.placed, fees)


def announcement(key: Key, board: BoardContract, payload: bytes) -> Transaction:
    """Return the transaction that announces a payload on the board."""
    data = board.announcement(payload)
    gas = _ANNOUNCEMENT_GAS + _GAS_A_BYTE * len(data)
    return Transaction(key, "announce", board.address, data, gas)
