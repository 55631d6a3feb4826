"""A bid for a product followed again from its evidence: sealed, granted, booked, signed, settled.

The demander's file holds the words of all its suppliers; a supplier's its own lines and words, and
the grants of all. What anyone pays beyond the price bid follows from the grants and is worked out
anew.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from fabmarket.identity import ZERO_BYTES32, Domain, digest, is_by, struct_hash
from fabmarket.market.messages import Message
from fabmarket.market.net import is_for_cycle
from fabmarket.market.products import (
    Answer,
    Bid,
    BidTerms,
    Booked,
    Confirm,
    Countersigned,
    Grant,
    Line,
    Part,
    Release,
    Rival,
    SealedBid,
    SignedGrant,
    Sold,
    premium_of,
    sold_for,
)
from fabmarket.market.trade import Trade, bundle_of
from fabmarket.market.usage import Receipt, Usage
from fabmarket.negotiation.progress import Progress
from fabmarket.node.checking import (
    BadEvidence,
    Outcome,
    progress_of,
    require_settled,
    signed_in,
)
from fabmarket.node.evidence import Evidence
from fabmarket.node.settlements import Settlement


@dataclass(frozen=True)
class ShownBid:
    """What a file shows of a bid: its terms, what each supplier booked, its trades by digest.

    Where all have granted it, `rival` is the best bid that failed behind it, zero if none did, and
    `premium` that one's rate, base units a unit. `denials` are the suppliers that did not hold it,
    and whether signed bids that went before it show why.
    """

    terms: BidTerms
    booked: Mapping[str, tuple[Sold, ...]]
    denials: Mapping[str, bool]
    rival: bytes
    premium: int
    outcome: Outcome
    trades: Mapping[bytes, Trade]
    settlements: tuple[Settlement, ...]
    progress: Mapping[bytes, Progress]


def replay_bid(evidence: Evidence) -> ShownBid:
    """Check a file: signatures, the seal, grants, prices, trades, the bundle. BadEvidence."""
    followed = _Followed(evidence.domain, evidence.session)
    seen = set()
    signed = signed_in(evidence)
    for envelope, key in signed:
        name = f"{type(envelope.message).__name__} 0x{key.hex()}"
        if key in seen:
            raise BadEvidence(f"{name} stands in the file twice")
        seen.add(key)
        problem = followed.hear(envelope.message, key)
        if problem:
            raise BadEvidence(f"{name} {problem}")
    terms = followed.terms
    if terms is None:
        raise BadEvidence(f"there is no bid 0x{evidence.session.hex()}")
    _require_party(evidence.holder, terms, followed)
    _require_whole(terms, followed)
    trades = followed.trades
    require_settled(evidence.settlements, trades)
    if len({each.transaction for each in evidence.settlements}) > 1:
        raise BadEvidence("one bundle settled by two transactions")
    best = _best(followed)
    return ShownBid(
        terms,
        {supplier: each.lines for supplier, each in followed.booked.items()},
        followed.denials,
        ZERO_BYTES32 if best is None else best.rival,
        0 if best is None else best.rate,
        _outcome(followed),
        trades,
        evidence.settlements,
        progress_of(followed.sellers, trades, signed),
    )


def _best(followed: "_Followed") -> Grant | None:
    best = premium_of(followed.confirmed)
    return next((each.grant for each in followed.confirmed if each.grant.rival == best), None)


def _require_party(holder: str, terms: BidTerms, followed: "_Followed") -> None:
    """The demander's file has all lines, a supplier's its own; a mix is nobody's."""
    suppliers = {part.supplier for part in terms.parts}
    if holder != terms.demander and holder not in suppliers:
        raise BadEvidence(f"{holder}, who holds the file, has no part in the bid")
    if set(followed.lines) != (suppliers if holder == terms.demander else {holder}):
        raise BadEvidence(f"the lines of the bid are not those that {holder} knows")


def _require_whole(terms: BidTerms, followed: "_Followed") -> None:
    """The trades are one bundle: where the file has all of them, of that hash."""
    bundles = {trade.bundle for trade in followed.trades.values()}
    if len(bundles) > 1 or ZERO_BYTES32 in bundles:
        raise BadEvidence("the trades of the bid are not one bundle")
    if len(followed.trades) == len(terms.parts):
        in_order = [followed.trades[followed.sold[each]] for each in followed.in_order()]
        if bundle_of(in_order) not in bundles and not is_for_cycle(in_order):
            raise BadEvidence("the bundle's hash is not that of its trades")


def _outcome(followed: "_Followed") -> Outcome:
    if followed.booked and set(followed.booked) == set(followed.lines) and not followed.released:
        return "agreed"
    return "no trade" if followed.denials or followed.released else "under way"


@dataclass
class _Followed:
    """A bid as far as a file has told of it; `hear` returns why a word does not follow, or ""."""

    domain: Domain
    id: bytes
    seal: SealedBid | None = None
    terms: BidTerms | None = None
    lines: dict[str, tuple[Line, ...]] = field(default_factory=dict)
    grants: dict[str, SignedGrant] = field(default_factory=dict)
    met: dict[str, frozenset[bytes]] = field(default_factory=dict)
    denials: dict[str, bool] = field(default_factory=dict)
    confirmed: tuple[SignedGrant, ...] = ()
    booked: dict[str, Booked] = field(default_factory=dict)
    trades: dict[bytes, Trade] = field(default_factory=dict)
    sellers: dict[bytes, str] = field(default_factory=dict)
    sold: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    countersigned: set[bytes] = field(default_factory=set)
    released: bool = False

    def hear(self, word: Message, key: bytes) -> str:
        """Follow one word."""
        match word:
            case SealedBid() if word.bid == self.id and self.seal is None:
                self.seal = word
                return ""
            case Bid():
                return self._opened(word)
            case Answer():
                return self._answered(word)
            case Confirm():
                return self._confirmed(word)
            case Booked():
                return self._booked(word)
            case Trade():
                return self._traded(word, key)
            case Countersigned():
                return self._countersigned(word)
            case Release() if word.bid == self.id and self._is_ours(word.demander):
                self.released = True
                return ""
            case Usage() | Receipt():
                return ""  # if it is of a trade of the bid: see `progress_of`
            case _:
                return "is not of this bid"

    def _is_ours(self, demander: str) -> bool:
        return self.terms is not None and self.terms.demander == demander

    def _opened(self, bid: Bid) -> str:
        terms, seal = bid.terms, self.seal
        if terms.id != self.id or (self.terms is not None and self.terms != terms):
            return "is not of this bid"
        if seal is None or (seal.demander, seal.beat) != (terms.demander, terms.beat):
            return "opens a bid that was not sealed before"
        if not is_by(terms.demander, digest(self.domain, terms), bid.consent):
            return "has terms that its demander has not signed"
        shown = Counter(struct_hash(line) for line in bid.lines)
        parts: dict[str, Counter[bytes]] = {}
        for part in terms.parts:
            parts.setdefault(part.supplier, Counter())[part.line] += 1
        open_to = (each for each in parts if each not in self.lines)
        supplier = next((each for each in open_to if parts[each] == shown), None)
        if supplier is None:
            return "has other lines than were sealed"
        if len({part.line for part in terms.parts}) < len(terms.parts):
            return "has one line under two names"
        if len({line.listing for line in bid.lines}) < len(bid.lines):
            return "has two lines of one listing"
        self.terms, self.lines[supplier] = terms, bid.lines
        return ""

    def _answered(self, answer: Answer) -> str:
        grant, terms = answer.signed.grant, self.terms
        supplier = grant.supplier
        has_answered = supplier in self.grants or supplier in self.denials
        if terms is None or supplier not in self.lines or has_answered:
            return "answers no bid of this file"
        if (grant.bid, grant.beat) != (self.id, terms.beat):
            return "answers another bid"
        if not is_by(supplier, digest(self.domain, grant), answer.signed.consent):
            return "has a grant that its supplier has not signed"
        if not grant.held:
            ahead = [self._proves(supplier, each, behind=False) for each in answer.rivals]
            self.denials[supplier] = bool(ahead) and all(ahead)
            return ""
        met = frozenset[bytes]()
        if grant.rival != ZERO_BYTES32:
            if len(answer.rivals) != 1 or not self._is_rival(grant, answer.rivals[0]):
                return "grants with another rival than it shows"
            met = frozenset(line.listing for line in answer.rivals[0].lines)
        self.grants[supplier], self.met[supplier] = answer.signed, met
        return ""

    def _is_rival(self, grant: Grant, rival: Rival) -> bool:
        said = (rival.terms.id, rival.terms.rate) == (grant.rival, grant.rate)
        return said and self._proves(grant.supplier, rival, behind=True)

    def _proves(self, supplier: str, rival: Rival, *, behind: bool) -> bool:
        """Whether a bid was signed for the same beat, goes behind or before ours, and met it."""
        terms, own = rival.terms, self.terms
        if own is None or terms.beat != own.beat or (terms.rank > own.rank) != behind:
            return False
        ours = {line.listing for line in self.lines[supplier]}
        shown = {Part(supplier, struct_hash(line)) for line in rival.lines}
        has_met = bool(shown) and {line.listing for line in rival.lines} <= ours
        is_whole = shown <= set(terms.parts)
        signed = is_by(terms.demander, digest(self.domain, terms), rival.consent)
        return has_met and is_whole and signed

    def _confirmed(self, confirm: Confirm) -> str:
        terms = self.terms
        if terms is None or confirm.bid != self.id or not self._is_ours(confirm.demander):
            return "is not of this bid"
        if self.confirmed:
            return "confirms a second time"
        given = {each.grant.supplier: each for each in confirm.grants}
        suppliers = {part.supplier for part in terms.parts}
        if set(given) != suppliers or len(confirm.grants) != len(suppliers):
            return "has not the grants of all suppliers"
        for supplier, each in given.items():
            grant = each.grant
            if not grant.held or (grant.bid, grant.beat) != (self.id, terms.beat):
                return "has a grant of something else"
            if not is_by(supplier, digest(self.domain, grant), each.consent):
                return "has a grant that its supplier has not signed"
        if any(given[supplier].grant != each.grant for supplier, each in self.grants.items()):
            return "has another grant than was given"
        self.confirmed = confirm.grants
        return ""

    def _booked(self, booked: Booked) -> str:
        supplier = booked.supplier
        if booked.bid != self.id or supplier not in self.grants or supplier in self.booked:
            return "books no bid of this file"
        if not self.confirmed:
            return "books what is not confirmed"
        grant, met = self.grants[supplier].grant, self.met[supplier]
        due = sold_for(self.lines[supplier], grant, met, self.confirmed)
        if booked.lines != due:
            return "books at other prices than follow from the grants"
        self.booked[supplier] = booked
        return ""

    def _traded(self, trade: Trade, key: bytes) -> str:
        if trade.transcript != self.id or not self._is_ours(trade.demander):
            return "is not of this bid"
        for supplier, booked in self.booked.items():
            line = Sold(trade.listing, trade.quantity, trade.unit_price)
            if line in booked.lines and trade.supplier_nonce == booked.nonce:
                place = supplier, trade.listing
                if place in self.sold:
                    return "is a second trade of one line"
                self.trades[key], self.sellers[key], self.sold[place] = trade, supplier, key
                return ""
        return "is on other terms than were booked"

    def _countersigned(self, word: Countersigned) -> str:
        trade = self.trades.get(word.trade)
        if trade is None or word.trade in self.countersigned:
            return "is of no trade of the bid"
        supplier = self.sellers[word.trade]
        is_its = word.supplier == supplier
        if not is_its or not is_by(supplier, digest(self.domain, trade), word.consent):
            return "has a signature that is not the supplier's"
        self.countersigned.add(word.trade)
        return ""

    def in_order(self) -> list[tuple[str, bytes]]:
        """Return whose lines the bid has, with their listings, in its order."""
        terms = self.terms
        places = {
            (supplier, struct_hash(line)): (supplier, line.listing)
            for supplier, lines in self.lines.items()
            for line in lines
        }
        parts = () if terms is None else terms.parts
        return [places[part.supplier, part.line] for part in parts]
