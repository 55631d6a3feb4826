"""Net settlement's words, roots and proofs (contracts/src/NetSettlement.sol).

A cycle's rows and sales are sent in full and signed as Merkle roots, so that a signer need see its
own alone; of its trades the chain learns the root of their salted leaves. A leaf, its path and the
parties' signatures prove one trade of it to an arbiter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from fabmarket.identity import (
    Address,
    Bytes32,
    TypedStruct,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Uint128,
    keccak,
)
from fabmarket.market.rhythm import TRADE_VALIDITY
from fabmarket.market.trade import NetBatch, Trade, bundle_of

NET_TAG = keccak(b"fabmarket/net/1")
PAID, PAYS = 0, 1
"""Directions of a row: its account is paid the amount, or pays it."""


@dataclass(frozen=True)
class Row(TypedStruct):
    """What a cycle does to one account: `amount` base units in a direction, nonces used up.

    `mask` has a bit for each nonce of `epoch`, `sales` counts the sales that name this row, `salt`
    is 72 random bits.
    """

    account: Address
    mask: Uint128
    amount: Uint128
    direction: Uint8
    epoch: Uint32
    sales: Uint16 = 0
    salt: Uint128 = 0

    @property
    def change(self) -> int:
        """Base units that the balance gains."""
        return -self.amount if self.direction == PAYS else self.amount

    @property
    def words(self) -> tuple[int, int]:
        """The two words that the contract gets."""
        who = int(self.account, 16) | self.mask << 160
        what = self.amount | self.epoch << 128 | self.sales << 160 | self.direction << 176
        return who, what | self.salt << 184


@dataclass(frozen=True)
class Sale(TypedStruct):
    """What a cycle takes off one listing, in units; `row` is the place of its supplier's row.

    `epoch` is the listing's, `salt` 128 random bits.
    """

    listing: Bytes32
    quantity: Uint64
    epoch: Uint32
    row: Uint32
    salt: Uint128 = 0

    @property
    def words(self) -> tuple[int, int]:
        """The two words that the contract gets."""
        what = self.quantity | self.epoch << 64 | self.row << 96 | self.salt << 128
        return int.from_bytes(self.listing, "big"), what


@dataclass(frozen=True)
class Cycle:
    """A batch of `settleNet`: rows ascending by account, sales ascending by listing.

    `trades` is the root of the salted trades, `valid_until` the first second of chain time at which
    the batch can no longer settle.
    """

    token: str
    trades: bytes
    valid_until: int
    rows: tuple[Row, ...]
    sales: tuple[Sale, ...]

    @property
    def batch(self) -> NetBatch:
        """What everyone concerned signs."""
        rows, sales = (root(list(map(leaf, words))) for words in (self.rows, self.sales))
        return NetBatch(self.token, self.trades, rows, sales, self.valid_until)


def pack(parts: Sequence[Row] | Sequence[Sale]) -> tuple[int, ...]:
    """Return the words of rows or sales one after the other."""
    return tuple(word for part in parts for word in part.words)


def unpack_rows(words: Sequence[int]) -> tuple[Row, ...]:
    """Return the rows in pairs of words, such as those of a `NetSettled` event."""
    return tuple(
        Row(
            account=to_checksum_address((who & (1 << 160) - 1).to_bytes(20, "big")),
            mask=who >> 160,
            amount=what & (1 << 128) - 1,
            direction=what >> 176 & 0xFF,
            epoch=what >> 128 & 0xFFFFFFFF,
            sales=what >> 160 & 0xFFFF,
            salt=what >> 184,
        )
        for who, what in zip(words[::2], words[1::2], strict=True)
    )


def unpack_sales(words: Sequence[int]) -> tuple[Sale, ...]:
    """Return the sales in pairs of words, such as those of a `NetSettled` event."""
    return tuple(
        Sale(
            listing=listing.to_bytes(32, "big"),
            quantity=what & (1 << 64) - 1,
            epoch=what >> 64 & 0xFFFFFFFF,
            row=what >> 96 & 0xFFFFFFFF,
            salt=what >> 128,
        )
        for listing, what in zip(words[::2], words[1::2], strict=True)
    )


def leaf(part: Row | Sale) -> bytes:
    """Return the leaf of a row or sale: 96 bytes hashed, so that no node can pass for it."""
    return keccak(b"".join(word.to_bytes(32, "big") for word in (1, *part.words)))


def trade_leaf(trade: bytes, salt: bytes) -> bytes:
    """Return the leaf of a trade's digest under 32 random bytes, which hide it from guessing."""
    return keccak((1).to_bytes(32, "big") + trade + salt)


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle root: a node hashes its two children, an odd one goes up as it is."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else bytes(32)


def path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return what leads from one leaf to the root: its neighbours from below, empty for none."""
    steps: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        beside = index ^ 1
        steps.append(level[beside] if beside < len(level) else b"")
        level, index = _above(level), index // 2
    return tuple(steps)


def leads(start: bytes, index: int, steps: Sequence[bytes], end: bytes) -> bool:
    """Return whether the path leads from leaf number `index` to the root."""
    at = start
    for beside in steps:
        # Other lengths could make a node of what is a leaf.
        if len(beside) != 32 and (beside or index % 2):
            return False
        if beside:
            at = keccak(beside + at if index % 2 else at + beside)
        index //= 2
    return index == 0 and at == end


def net_bundle(not_before: int, product: bytes) -> bytes:
    """Return what each trade agreed for a cycle names in `bundle`.

    `product` is `bundle_of` all trades of the product; from `not_before` on they settle late.
    """
    return keccak(NET_TAG + not_before.to_bytes(32, "big") + product)


def late_from(trade: Trade) -> int:
    """Return from when on a trade agreed for a cycle settles late, seconds of chain time.

    Whoever agrees on one leaves it that long to settle late, so that its end tells the time.
    """
    return trade.valid_until - TRADE_VALIDITY


def is_for_cycle(trades: Sequence[Trade]) -> bool:
    """Return whether trades are a whole product, in order, that is agreed for one cycle."""
    until = trades[0].valid_until
    if until < TRADE_VALIDITY or any(each.valid_until != until for each in trades):
        return False
    bundle = net_bundle(late_from(trades[0]), bundle_of(trades))
    return all(each.bundle == bundle for each in trades)


def _above(level: Sequence[bytes]) -> list[bytes]:
    pairs = [level[i] + level[i + 1] for i in range(0, len(level) - 1, 2)]
    return [*map(keccak, pairs), *level[len(level) & ~1 :]]
