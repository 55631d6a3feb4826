"""What is said in a masked session: rivals see sums, and nobody's answer.

A seat joins under a one-time key (`identity.masks.MaskKey`), shown to all on its `Card`; its
account is known to the supplier alone. What others may have to see, to find out who lied, is
signed by the one-time key too: it can be shown to all without the account.

Numbers are modulo the group's order, commitments points of 33 bytes. The opening of such a session
stands in `messages`.
"""

from dataclasses import dataclass

from fabmarket.identity import (
    Address,
    Bytes,
    Bytes32,
    Flag,
    Text,
    TypedStruct,
    Uint32,
    Uint64,
    Uint128,
    Uint256,
)


@dataclass(frozen=True)
class SeatText(TypedStruct):
    """What a one-time key signs to join the session of a listing that ends at `ends`.

    Nothing in it is known of one demander alone: not the offer, whose digest tells who has guessed
    the demand.
    """

    supplier: Address
    listing: Bytes32
    ends: Uint64
    mask_key: Bytes


@dataclass(frozen=True)
class Card(TypedStruct):
    """A seat as all see it: its one-time key, and that key's signature of its `SeatText`."""

    mask_key: Bytes
    consent: Bytes


@dataclass(frozen=True)
class SeatRequest(TypedStruct):
    """How a demander would sit in a masked session: under this card, among `least` seats or more.

    `open`: in an open session, if so many do not come together.
    """

    card: Card
    least: Uint32
    open: Flag


@dataclass(frozen=True)
class MaskedQuote(TypedStruct):
    """The supplier announces the sums of the last answers, and the price that follows from them.

    `tree` is the root over the last answers; `first` (what is wanted: micro-units, in a clock
    units) and `second` (how many answers move with the price, in a clock 0) are their sums, `blind`
    is that of the commitments; all are 0 in the first quote. `final`: the search is over; `price`
    was found, and each seat opens what its award hangs on to the supplier, or none was, 0.
    `previous` is the quote before it, or the session.
    """

    supplier: Address
    session: Bytes32
    round: Uint32
    previous: Bytes32
    tree: Bytes32
    first: Uint256
    second: Uint256
    blind: Uint256
    price: Uint128
    final: Flag

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class MaskedAnswer(TypedStruct):
    """What a seat would hold at the price quoted, under its pads, with its commitment.

    The leaf of the sum tree is of its digest, which does not hang on the account.
    """

    session: Bytes32
    seat: Uint32
    quote: Bytes32
    first: Uint256
    second: Uint256
    blind: Uint256
    commitment: Bytes


@dataclass(frozen=True)
class MaskedReply(TypedStruct):
    """An answer on its way to the supplier."""

    demander: Address
    answer: MaskedAnswer

    @property
    def session(self) -> bytes:
        """The session that it belongs to."""
        return self.answer.session

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Opened(TypedStruct):
    """What a seat committed to when it answered the quote of a round."""

    round: Uint32
    first: Uint256
    second: Uint256
    blind: Uint256


@dataclass(frozen=True)
class Unmasking(TypedStruct):
    """A seat opens to the supplier what its award hangs on, once the price is found.

    `quote` is the final one. `award_blind` is to hide the seat's award in the close.
    """

    demander: Address
    session: Bytes32
    seat: Uint32
    quote: Bytes32
    answers: tuple[Opened, ...]
    award_blind: Uint256

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class MaskedClose(TypedStruct):
    """The outcome: `awarded` units in all, for `paid` base units. Its digest is the transcript.

    `tree` is the root over commitments to each seat's units and payment, and `blind` that of their
    product. `dropped` are the seats that did not open their answers, and get nothing; `previous` is
    the final quote, `price` what was found, that at which a clock stopped.
    """

    supplier: Address
    session: Bytes32
    previous: Bytes32
    tree: Bytes32
    awarded: Uint64
    paid: Uint256
    blind: Uint256
    dropped: tuple[Uint32, ...]
    price: Uint128

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Inquiry(TypedStruct):
    """The sums of the last answers do not open the commitments, or are none that seats can have.

    Without `rounds` each seat shows the commitments of its pads; else it proves that what it
    answered in these rounds, one or two, was possible. `previous` is the last quote.
    """

    supplier: Address
    session: Bytes32
    previous: Bytes32
    rounds: tuple[Uint32, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Pads(TypedStruct):
    """A seat's commitments to its pads with each other seat for a quote, by seat, empty for itself.

    Signed by the seat's one-time key. They hide the pads, which are as good as random.
    """

    session: Bytes32
    seat: Uint32
    quote: Bytes32
    commitments: tuple[Bytes, ...]


@dataclass(frozen=True)
class PadsShown(TypedStruct):
    """Commitments to pads on their way to the supplier, with the one-time key's `consent`."""

    demander: Address
    pads: Pads
    consent: Bytes

    @property
    def session(self) -> bytes:
        """The session that it belongs to."""
        return self.pads.session

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Dispute(TypedStruct):
    """Two seats say different things of the pad that they share: their two words, both signed.

    Each of the two then opens the point that makes this pad; one of them lies, so that nothing is
    told that the other did not know.
    """

    supplier: Address
    session: Bytes32
    previous: Bytes32
    pads: tuple[Pads, ...]
    consents: tuple[Bytes, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Pair(TypedStruct):
    """The point that two seats share, with the proof that it is (`proofs.prove_equal`).

    Signed by the one-time key of `seat`.
    """

    session: Bytes32
    quote: Bytes32
    seat: Uint32
    other: Uint32
    point: Bytes
    proof: Bytes


@dataclass(frozen=True)
class PairShown(TypedStruct):
    """A shared point on its way to the supplier, with the one-time key's `consent`."""

    demander: Address
    pair: Pair
    consent: Bytes

    @property
    def session(self) -> bytes:
        """The session that it belongs to."""
        return self.pair.session

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class AnswerProof(TypedStruct):
    """That an answer was possible: its commitment is the product of `wanted` and of the rest.

    `wanted` hides what was wanted alone; `least` and `most` prove that this is from 0 up to the
    seat's limit. `rest` proves that the rest hides a bit; in a clock, where it hides nothing, it is
    the rest's blind.
    """

    round: Uint32
    wanted: Bytes
    rest: Bytes
    least: Bytes
    most: Bytes


@dataclass(frozen=True)
class AnswersProved(TypedStruct):
    """What a seat says to an inquiry about rounds. Of two, `falling` proves that no more was wanted
    at the higher price; else it is empty.
    """

    demander: Address
    session: Bytes32
    seat: Uint32
    quote: Bytes32
    proofs: tuple[AnswerProof, ...]
    falling: Bytes

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class MaskedAbort(TypedStruct):
    """The session ends without a price: `seats` were silent or lied, as `reason` says."""

    supplier: Address
    session: Bytes32
    previous: Bytes32
    reason: Text
    seats: tuple[Uint32, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


MaskedWord = MaskedQuote | MaskedClose | Inquiry | Dispute | MaskedAbort
"""What the supplier says in a masked session once it is open."""
SeatWord = MaskedReply | Unmasking | PadsShown | PairShown | AnswersProved
"""What a member says there."""
MaskedMessage = MaskedWord | SeatWord
