"""What is checked of every evidence file: its signatures, what was settled, what was reported."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from fabmarket.errors import Refused
from fabmarket.identity import BadSignature, BadValue, Domain, digest
from fabmarket.market.events import Settled
from fabmarket.market.messages import Place
from fabmarket.market.trade import Trade, market_domain
from fabmarket.market.usage import Receipt, Usage
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.progress import Progress, answered, reported
from fabmarket.negotiation.seat import SecondWord
from fabmarket.node.envelope import Envelope, Undeliverable, require_tree, signer_of
from fabmarket.node.evidence import FORMAT, Evidence
from fabmarket.node.settlements import Settlement


class BadEvidence(Refused):
    """The file does not hold together; says where."""


Outcome: TypeAlias = Literal["agreed", "no trade", "under way"]
Signed: TypeAlias = tuple[Envelope, bytes]
"""A message of a file, and its digest."""


def signed_in(evidence: Evidence) -> list[Signed]:
    """Return the messages of a file, all signed by their authors. BadEvidence otherwise."""
    if evidence.format != FORMAT:
        raise BadEvidence(f"format {evidence.format} where this version reads {FORMAT}")
    domain = evidence.domain
    if domain != market_domain(domain.chain_id, domain.verifying_contract):
        raise BadEvidence(f"signed for {domain.name!r} {domain.version!r}, not for this market")
    return [(each, checked(domain, each)) for each in evidence.envelopes]


def checked(domain: Domain, envelope: Envelope) -> bytes:
    """Return the digest of a message whose signature is its author's. BadEvidence otherwise."""
    kind = type(envelope.message).__name__
    try:
        require_tree(envelope)
        key = digest(domain, envelope.message)
        signer = signer_of(key, envelope.signature)
    except (Undeliverable, BadSignature, BadValue) as error:
        raise BadEvidence(f"{kind}: {error}") from error
    if signer != envelope.message.author:
        raise BadEvidence(f"{kind} 0x{key.hex()} is signed by {signer}, not by its author")
    return key


def require_places(word: Envelope, sent: Iterable[tuple[str, tuple[Place, ...]]]) -> None:
    """Raise BadEvidence unless a supplier's word has the places of all to whom it was sent.

    It keeps them without their paths.
    """
    if word.places != tuple(replace(place, path=()) for _, own in sent for place in own):
        kind = type(word.message).__name__
        raise BadEvidence(f"the places of a {kind} are others than follow from the session")


def progress_of(
    suppliers: Mapping[bytes, str], trades: Mapping[bytes, Trade], signed: Sequence[Signed]
) -> dict[bytes, Progress]:
    """Follow what the parties of each trade said of its delivery, as they did themselves.

    `suppliers` are those of the trades.
    """
    found: dict[bytes, Progress] = {}
    for envelope, key in signed:
        word = envelope.message
        if not isinstance(word, Usage | Receipt):
            continue
        trade = trades.get(word.trade)
        name = f"{type(word).__name__} 0x{key.hex()}"
        if trade is None or word.author != (
            suppliers[word.trade] if isinstance(word, Usage) else trade.demander
        ):
            raise BadEvidence(f"{name} is not of a party to a trade of the session")
        before = found.get(word.trade, Progress())
        try:
            match word:
                case Usage():
                    found[word.trade] = reported(before, trade, word, key)
                case Receipt():
                    found[word.trade] = answered(before, word)
        except SecondWord:
            continue  # see `forks`
        except Unacceptable as error:
            raise BadEvidence(f"{name}: {error}") from error
    return found


def require_settled(settlements: Sequence[Settlement], trades: Mapping[bytes, Trade]) -> None:
    """Each settlement is of a trade of the session, as it was signed, and no two are of one."""
    settled, places = set(), set()
    for settlement in settlements:
        event = settlement.event
        agreed = trades.get(event.trade)
        if agreed is None or _terms(event) != _terms(agreed):
            raise BadEvidence(f"0x{event.trade.hex()} settled otherwise than it was signed")
        place = (settlement.block, settlement.log_index)
        if event.trade in settled or place in places:
            raise BadEvidence(f"0x{event.trade.hex()} settled twice, or where another did")
        settled.add(event.trade)
        places.add(place)


def _terms(said: Settled | Trade) -> tuple[object, ...]:
    return said.listing, said.demander, said.token, said.quantity, said.unit_price, said.nonce
