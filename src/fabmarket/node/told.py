"""What others see of an agent: on the chain, for all to read, and in the letters that it sent.

The journal keeps what was signed, not to whom each copy went; who heard it is worked out from what
a message is about. A message of which that cannot be told stands under no address.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from fabmarket.identity import Domain
from fabmarket.identity.codec import decode
from fabmarket.ledger import EventLog, Ledger
from fabmarket.market import messages, products
from fabmarket.market.cycles import CycleMessage, Proposal, Roll
from fabmarket.market.events import Announced, NetSettled
from fabmarket.market.exchange import Exchange
from fabmarket.market.exchange.state import NOBODY
from fabmarket.market.masked import MaskedMessage
from fabmarket.market.messages import (
    Close,
    Demand,
    MaskedOpening,
    Message,
    Offer,
    Opening,
    Quote,
    Refusal,
    Reply,
    Selection,
    SplitOffer,
)
from fabmarket.market.net import unpack_rows
from fabmarket.market.oversight import AttestationRequest, Exhibit, SealedRequest
from fabmarket.market.products import (
    Bid,
    Booked,
    Confirm,
    Countersigned,
    Plan,
    Release,
    SealedBid,
)
from fabmarket.market.trade import Trade
from fabmarket.market.usage import Receipt, Usage
from fabmarket.node.envelope import Envelope
from fabmarket.node.escrows import Seen
from fabmarket.node.journal import Journal
from fabmarket.node.owner import Owner
from fabmarket.node.settings import BOARD, EVENTS, JOURNAL

MESSAGES: dict[str, str] = {
    "Demand": "which resources we want, how much, when; not what it is worth to us",
    "Offer": "what we have for sale in a slot, and our least price",
    "Selection": "that we take an offer up, for how many units",
    "Refusal": "why we do not negotiate",
    "Opening": "that a session begins, its terms, how many sit in it",
    "Quote": "a price, and the sum of all answers to the last one",
    "Reply": "how much we want at a price",
    "Close": "the price, what was awarded in all, and the hearer's own award",
    "Counter": "the price that we propose, accept or refuse",
    "Trade": "a trade that we signed: units, price, terms",
    "MaskedOpening": "that a masked session begins, its terms, all seats' one-time keys",
    "MaskedQuote": "a price, and the sum of all answers to the last one",
    "MaskedReply": "how much we want at a price, under pads that hide it",
    "Unmasking": "what our award hangs on, once the price is found",
    "MaskedClose": "the price, what was awarded in all, and the hearer's own award",
    "Inquiry": "that sums were none which seats can have",
    "PadsShown": "commitments to our pads; not the pads",
    "Dispute": "what two seats said of the pad that they share",
    "PairShown": "the point that we share with a seat that said otherwise",
    "AnswersProved": "that an answer of ours was possible; not the answer",
    "MaskedAbort": "that a masked session ended without a price, and why",
    "Need": "that a product of ours needs some of a resource, and when",
    "PriceList": "our prices, what is free, what is asked for",
    "Plan": "what a product would buy of the hearer at its prices",
    "SealedBid": "that we bid; not for what",
    "Bid": "our lines with the hearer, whom else we buy from, what a unit would still bring us",
    "Answer": "whether we hold a bid, and which bid stood in its way",
    "Confirm": "that all suppliers hold our bid",
    "Booked": "what the hearer's bid booked, at which prices",
    "Release": "that we give a booking back",
    "Countersigned": "our signature of the hearer's trade",
    "Joining": "that we take part in a net cycle",
    "Roll": "who takes part in a net cycle",
    "Entering": "which trades we would have in a net cycle",
    "Entry": "what a net cycle changes of our account, what our listings sell in it",
    "Proposal": "the rows of a net cycle",
    "Counted": "that the hearer's trade is in a net batch",
    "Consent": "our signature of a net batch",
    "SplitOffer": "how we would divide what a trade holds",
    "Usage": "how much of a trade is used, and our note",
    "Receipt": "whether we accept a report of use, and our note",
    "AttestationRequest": "how much we have, slot by slot",
    "SealedRequest": "how much we have, of a slot that all others see sealed",
    "Endorsement": "that we attest what was asked",
    "Objection": "why we do not attest what was asked",
    "Verdict": "how we would rule on a dispute",
    "Exhibit": "evidence of a disputed trade",
}
"""What is learned of us from each message of ours."""
EVENTS_OF_US: dict[str, str] = {
    "Deployed": "that we founded the market",
    "OperatorsSet": "that we are an operator",
    "Paused": "that trading was stopped",
    "TokenSet": "which currency is taken",
    "ResourceRegistered": "what we make, its unit, our calendar",
    "SlotAttested": "how much we have in a slot",
    "SlotSealed": "that something of a slot is attested; not how much",
    "Listed": "how much of a slot is for sale",
    "Unlisted": "how much of a slot we took off the market",
    "ListingEpochRaised": "that we took back what was signed for a slot",
    "CommitmentReduced": "how much less of a slot is bound",
    "Deposited": "how much we paid in",
    "Withdrawn": "how much we took out, and into which wallet",
    "NoncesCancelled": "that we took back something signed",
    "EpochRaised": "that we took back all that was signed",
    "Relayed": "that another submitted a call of ours",
    "IntentsVoided": "that we took back calls signed for others",
    "Settled": "a trade: with whom, how many units, at which price",
    "Skipped": "a trade that could not settle, and why",
    "Escrowed": "a trade in escrow: with whom, units, price, terms",
    "Delivered": "how much of a trade was delivered",
    "Disputed": "that a delivery is disputed; of the evidence its hash",
    "Uncovered": "that less was attested than sold",
    "GraceOpened": "that a deadline of a trade passed",
    "SplitsVoided": "that consent to splits was taken back",
    "RulingPosted": "how operators ruled on a trade",
    "Released": "what a trade paid to whom, and why",
    "NetSettled": "what a net cycle changed of our account, and sold of our listings",
    "Card": "our card: address, where our door is, what we sell",
    "Letter": "that we put something on the board; letters on it are sealed",
}
"""What anybody reads of us off each event that concerns us, and off our words on the board."""
STAYS: tuple[str, ...] = (
    "what a unit is worth to us and costs us, what a product is worth, and the budget",
    "the policy: whom we deal with, and above what we ask our owner",
    "the orders of our owner, and the keys",
    "of masked sessions the answers, until the price is found; the pads for good",
    "evidence files, until we show them to operators",
)
"""What no message and no transaction tells."""


@dataclass(frozen=True)
class Learned:
    """What is learned from messages or events of a kind, and how many there were."""

    kind: str
    what: str
    count: int


@dataclass(frozen=True)
class Hearer:
    """Who heard something of us: a demander, supplier, operator or coordinator; "" is unknown."""

    address: str
    learned: tuple[Learned, ...]


@dataclass(frozen=True)
class Exposure:
    """What `anybody` reads of us on chain and board, what each hearer was told, what `stays`."""

    address: str
    anybody: tuple[Learned, ...]
    hearers: tuple[Hearer, ...]
    stays: tuple[str, ...]


def exposure_of(owner: Owner) -> Exposure:
    """Return what others see of an agent, as far as chain and journal were read and are kept."""
    public = Counter(_public(owner))
    told: dict[str, Counter[str]] = {}
    with closing(Journal.reading(owner.folder / JOURNAL)) as journal:
        for who, kind in _Journal(journal, owner.address, owner.domain, owner.seen).told():
            told.setdefault(who, Counter())[kind] += 1
    hearers = (Hearer(who, _learned(said, MESSAGES)) for who, said in sorted(told.items()))
    return Exposure(owner.address, _learned(public, EVENTS_OF_US), tuple(hearers), STAYS)


def _learned(kinds: Counter[str], words: dict[str, str]) -> tuple[Learned, ...]:
    return tuple(Learned(kind, words[kind], count) for kind, count in sorted(kinds.items()))


def _public(owner: Owner) -> Iterator[str]:
    """The kinds of all events that concern us, and of what we announced."""
    trades, listings = set[bytes](), set[bytes]()
    if (owner.folder / EVENTS).exists():
        with closing(Ledger.reading(owner.folder / EVENTS, is_kept=True)) as store:
            for event in store.events():
                trade, listing = getattr(event, "trade", None), getattr(event, "listing", None)
                if trade in trades or listing in listings or _names(event, owner.address):
                    trades |= {trade} if isinstance(trade, bytes) else set()
                    is_ours = getattr(event, "supplier", "") == owner.address
                    listings |= {listing} if is_ours and isinstance(listing, bytes) else set()
                    yield type(event).__name__
    if (owner.folder / BOARD).exists():
        with closing(EventLog[Announced].reading(owner.folder / BOARD, is_kept=True)) as store:
            for said in store.events():
                if said.author == owner.address:
                    yield "Card" if b"ContactCard" in said.payload else "Letter"


def _names(value: Any, address: str) -> bool:
    """Whether an address stands anywhere in an event."""
    if isinstance(value, NetSettled):
        return any(row.account == address for row in unpack_rows(value.rows))
    if is_dataclass(value):
        return any(_names(getattr(value, each.name), address) for each in fields(value))
    if isinstance(value, tuple):
        return any(_names(each, address) for each in value)
    return bool(value == address)


class _Journal:
    """All that a journal keeps, and who heard what of it we said."""

    def __init__(self, journal: Journal, address: str, domain: Domain, seen: Seen) -> None:
        self._address, self._domain = address, domain
        self._exchange: Exchange = seen.exchange
        self._words: list[tuple[Message, bytes]] = []
        self._by_digest: dict[bytes, Message] = {}
        self._seats: dict[bytes, set[str]] = {}
        self._bids: dict[bytes, products.BidTerms] = {}
        self._offered: dict[bytes, set[str]] = {}
        self._coordinators: set[str] = set()
        for key, _, text in journal.messages():
            envelope = decode(Envelope, text)
            self._words.append((envelope.message, key))
            self._by_digest[key] = envelope.message
            self._note(envelope, key)

    def _note(self, envelope: Envelope, key: bytes) -> None:
        match envelope.message:
            case Opening() | MaskedOpening():
                chosen = (self._by_digest.get(each.selection) for each in envelope.places)
                members = {each.demander for each in chosen if isinstance(each, Selection)}
                self._seats[key] = members - {self._address}
            case Bid(terms=terms):
                self._bids[terms.id] = terms
            case Offer(supplier=supplier, demand=demand):
                self._offered.setdefault(demand, set()).add(supplier)
            case Roll(coordinator=who) | Proposal(coordinator=who):
                self._coordinators.add(who)
            case _:
                pass

    def told(self) -> Iterator[tuple[str, str]]:
        """Yield each hearer of each message of ours, and the message's kind."""
        for message, key in self._words:
            if message.author == self._address:
                heard = self._heard(message, key) - {self._address, NOBODY}
                for who in sorted(heard) or [""]:
                    yield who, type(message).__name__

    def _heard(self, message: Message, key: bytes) -> set[str]:
        match message:
            case Demand():
                return self._offered.get(key, set())
            case Offer(demand=about) | Refusal(selection=about):
                return self._author(about)
            case Selection(offer=offer):
                return self._author(offer)
            case Trade(listing=listing):
                return {self._exchange.supplier_of(listing)}
            case Usage(trade=trade) | Countersigned(trade=trade) | Receipt(trade=trade):
                return self._parties(trade)
            case SplitOffer(split=split):
                return self._parties(split.trade)
            case AttestationRequest() | SealedRequest() as asked:
                return self._operators(asked.attestation.operator_set)
            case Exhibit(trade=trade):
                held = self._exchange.held.get(trade)
                return set() if held is None else self._operators(held.operator_set)
            case _:
                return self._in_talk(message, key)

    def _in_talk(self, message: Message, key: bytes) -> set[str]:
        """Who heard a word of a session, a bid or a cycle."""
        match message:
            case Opening() | MaskedOpening():
                return self._seats[key]
            case Quote() | Reply() | Close() | messages.Counter():
                return self._in_session(message.session)
            case SealedBid(bid=bid) | Confirm(bid=bid) | Release(bid=bid):
                terms = self._bids.get(bid)
                return set() if terms is None else {each.supplier for each in terms.parts}
            case Bid(lines=lines) | Plan(lines=lines):
                return {self._exchange.supplier_of(each.listing) for each in lines}
            case products.Answer(signed=signed):
                terms = self._bids.get(signed.grant.bid)
                return set() if terms is None else {terms.demander}
            case Booked(bid=bid):
                terms = self._bids.get(bid)
                return set() if terms is None else {terms.demander}
            case _ if isinstance(message, MaskedMessage):
                return self._in_session(message.session)
            case _ if isinstance(message, CycleMessage):
                return self._coordinators
            case _:
                return set()

    def _in_session(self, session: bytes) -> set[str]:
        """Its supplier, or if that is us its members."""
        return self._seats.get(session, set()) | self._author(session)

    def _author(self, about: bytes) -> set[str]:
        found = self._by_digest.get(about)
        return set() if found is None else {found.author}

    def _parties(self, trade: bytes) -> set[str]:
        found = self._by_digest.get(trade) or self._exchange.escrows.get(trade)
        if not isinstance(found, Trade):
            return set()
        return {found.demander, self._exchange.supplier_of(found.listing)}

    def _operators(self, number: int) -> set[str]:
        found = self._exchange.operator_sets.get(number)
        return set() if found is None else set(found.members)
