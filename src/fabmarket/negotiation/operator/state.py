"""All that an operator knows."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rpds import HashTrieMap

from fabmarket.identity import Domain
from fabmarket.market.exchange import Calendar, EscrowState, Held, Posted
from fabmarket.market.oversight import Request
from fabmarket.market.parameters import Parameters
from fabmarket.market.trade import Ruling, Trade, listing_id
from fabmarket.negotiation.moves import Output
from fabmarket.negotiation.netting.coordinating import Coordinator
from fabmarket.negotiation.quorum import OperatorSets


@dataclass(frozen=True)
class Requested:
    """An attestation that a supplier asks for, and when it did.

    `words` are the operators': empty for a signature, otherwise why there is none.
    """

    request: Request
    since: int
    words: HashTrieMap[str, str] = field(default_factory=HashTrieMap)


@dataclass(frozen=True)
class Shown:
    """Evidence that a party showed: the hash of a file of `size` bytes, or, of size 0, its place.

    The file itself stands in the message with this `digest`, which the journal keeps.
    """

    party: str
    hash: bytes
    size: int
    place: str
    digest: bytes


def shares_of(ruling: Ruling | Posted) -> tuple[int, int, int]:
    """Return what a ruling gives the supplier, basis points of payment, bond and deposits."""
    return ruling.payment_share, ruling.bond_share, ruling.deposit_share


@dataclass(frozen=True)
class Proposal:
    """A ruling and who signed it, ourselves with an empty signature.

    `since` is when there were enough to post it, 0 before; `submitted`: we did.
    """

    ruling: Ruling
    signatures: HashTrieMap[str, bytes]
    since: int = 0
    submitted: bool = False

    @property
    def rank(self) -> tuple[int, int]:
        """By which later words of one operator replace earlier ones."""
        return self.ruling.number, self.ruling.deadline


@dataclass(frozen=True)
class Case:
    """A trade in escrow that a set of ours rules on, until all that it holds is paid.

    `evidence` is the hash that the dispute named, `shown` what the parties showed us; `proposals`
    by digest are rulings above the one that is posted. The owner was `warned` that the time to rule
    is nearly over, and that it is.
    """

    trade: Trade
    held: Held
    posted: Posted = field(default=Posted())
    evidence: bytes = b""
    shown: tuple[Shown, ...] = ()
    proposals: HashTrieMap[bytes, Proposal] = field(default_factory=HashTrieMap)
    warned: int = 0

    @property
    def is_disputed(self) -> bool:
        """Whether a ruling can be posted, or will be able to once the hearing is over."""
        return self.held.state == EscrowState.DISPUTED


@dataclass(frozen=True)
class OperatorState:
    """All that an operator knows. `parameters` are None until the chain has told them.

    `calendars` are by supplier and resource, `versions` the highest attested of each; `requests` by
    the digest of the attestation, `cases` by that of the trade. `net`: it coordinates net cycles.
    """

    address: str
    domain: Domain
    now: int = 0
    parameters: Parameters | None = None
    sets: OperatorSets = field(default=OperatorSets())
    calendars: HashTrieMap[tuple[str, bytes], Calendar] = field(default_factory=HashTrieMap)
    versions: HashTrieMap[tuple[str, bytes], int] = field(default_factory=HashTrieMap)
    requests: HashTrieMap[bytes, Requested] = field(default_factory=HashTrieMap)
    cases: HashTrieMap[bytes, Case] = field(default_factory=HashTrieMap)
    net: Coordinator | None = None


Step: TypeAlias = tuple[OperatorState, tuple[Output, ...]]


def with_request(state: OperatorState, key: bytes, requested: Requested) -> OperatorState:
    """Return the state with a request changed."""
    return replace(state, requests=state.requests.insert(key, requested))


def with_case(state: OperatorState, key: bytes, case: Case) -> OperatorState:
    """Return the state with a case changed."""
    return replace(state, cases=state.cases.insert(key, case))


def is_party(trade: Trade, account: str) -> bool:
    """Return whether an account is the demander or the supplier of an escrowed trade.

    Its terms name the place that the listing's id was made of, so that the id says whose it is.
    """
    end = int.from_bytes(trade.listing[27:], "big")
    place = (trade.escrow.resource, trade.escrow.slot, end)
    return account == trade.demander or listing_id(account, *place) == trade.listing
