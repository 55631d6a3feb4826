"""What goes over a link: a message, a signature that claims to be its author's, and our places."""

from dataclasses import dataclass
from functools import lru_cache

from fabmarket.identity import BadSignature, BadValue, Domain, Key, digest, recover
from fabmarket.identity.codec import BadText, decode
from fabmarket.market.masked import MaskedClose, MaskedQuote
from fabmarket.market.messages import Close, MaskedOpening, Message, Opening, Place, Quote
from fabmarket.negotiation.moves import Received

LARGEST = 1 << 20
"""The most bytes of an envelope."""
LARGEST_DEMAND = 1 << 17
"""Of a demand's: more than as many alternatives take as one may ask for."""
_WITH_PLACES = Opening | Quote | Close | MaskedOpening | MaskedQuote | MaskedClose
_OF_A_DEMAND = b'{"message":{"Demand":'


class Undeliverable(BadText):
    """The bytes are no envelope, or its signature is not its author's."""


@dataclass(frozen=True)
class Envelope:
    """A message, a 65-byte signature, and the receiver's places in the message's tree."""

    message: Message
    signature: bytes
    places: tuple[Place, ...] = ()


def require_tree(envelope: Envelope) -> None:
    """Raise Undeliverable for places in a message that has no tree."""
    if envelope.places and not isinstance(envelope.message, _WITH_PLACES):
        raise Undeliverable(f"places in a {type(envelope.message).__name__}, which has no tree")


def seal(key: Key, domain: Domain, message: Message) -> tuple[bytes, bytes]:
    """Return the digest and signature of a message of one's own."""
    message_digest = digest(domain, message)
    return message_digest, key.sign(message_digest)


def open_envelope(domain: Domain, text: bytes) -> Received:
    """Return what an envelope says, its signature checked. Undeliverable otherwise."""
    most = LARGEST_DEMAND if text.startswith(_OF_A_DEMAND) else LARGEST
    if len(text) > most:
        raise Undeliverable(f"{len(text)} bytes where {most} are the most")
    try:
        envelope = decode(Envelope, text)
        require_tree(envelope)
        message_digest = digest(domain, envelope.message)
        signer = signer_of(message_digest, envelope.signature)
    except (BadText, BadSignature, BadValue) as error:
        raise Undeliverable(str(error)) from error
    if signer != envelope.message.author:
        raise Undeliverable("bad signature")
    return Received(envelope.message, message_digest, envelope.signature, envelope.places)


@lru_cache(maxsize=1 << 14)
def signer_of(message_digest: bytes, signature: bytes) -> str:
    """Return who signed a digest, as `recover` does; remembered for a while."""
    return recover(message_digest, signature)
