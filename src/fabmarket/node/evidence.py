"""What a journal proves of a session or bid, in a file that anyone can check without chain or key.

A file holds the signed messages of a session as its holder sent and received them, and where the
chain settled its trades: a supplier's all answers, a member's its own and the supplier's words.
Of a bid for a product the demander's holds all, a supplier's what concerns it.
`replay` and `replay_bid` check a file, `forks` holds several against each other.
"""

from dataclasses import dataclass

from fabmarket.errors import Refused
from fabmarket.identity import Address, Bytes32, Domain, digest
from fabmarket.identity.codec import decode
from fabmarket.market.messages import MaskedOpening, Opening
from fabmarket.market.products import Bid
from fabmarket.market.trade import Trade
from fabmarket.node.envelope import Envelope
from fabmarket.node.journal import Journal
from fabmarket.node.settlements import Settlement

FORMAT = 1


class NoEvidence(Refused):
    """The journal holds nothing of that session or trade."""


@dataclass(frozen=True)
class Evidence:
    """The messages of one session or bid, in the order in which `holder` sent or received them."""

    format: int
    domain: Domain
    holder: Address
    session: Bytes32
    envelopes: tuple[Envelope, ...]
    settlements: tuple[Settlement, ...]

    @property
    def is_of_bid(self) -> bool:
        """Whether it is about a bid for a product."""
        return any(isinstance(each.message, Bid) for each in self.envelopes)


def evidence_of(journal: Journal, of: bytes) -> Evidence:
    """Return what a journal holds of a session or bid, or of that which a trade came from."""
    owner, about = journal.about("owner"), journal.about("domain")
    if owner is None or about is None:
        raise NoEvidence("the journal is nobody's")
    domain, holder = decode(Domain, about), owner.decode()
    session = journal.session_of(of) or of
    envelopes = [decode(Envelope, text) for text in journal.talk(session)]
    openings = (each for each in envelopes if isinstance(each.message, Opening | MaskedOpening))
    opening = next(openings, None)
    if opening is None and not any(isinstance(each.message, Bid) for each in envelopes):
        raise NoEvidence(f"the journal holds no session, bid or trade 0x{of.hex()}")
    places = () if opening is None else opening.places
    chosen = [journal.message(place.selection) for place in places]
    before = [decode(Envelope, text) for text in chosen if text is not None]
    trades = [each.message for each in envelopes if isinstance(each.message, Trade)]
    notes = [journal.about(f"settled 0x{digest(domain, trade).hex()}") for trade in trades]
    settlements = tuple(decode(Settlement, note) for note in notes if note is not None)
    return Evidence(FORMAT, domain, holder, session, (*before, *envelopes), settlements)
