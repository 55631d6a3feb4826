"""What a supplier's sealed attestations hide: only its own journal knows."""

from fabmarket.errors import Bug
from fabmarket.identity.codec import decode
from fabmarket.market.oversight import SealedRequest
from fabmarket.node.envelope import Envelope
from fabmarket.node.journal import Journal


def seals_of(journal: Journal) -> dict[bytes, SealedRequest]:
    """Return all that was ever asked to be sealed, by commitment.

    What was asked for and given up since may be on its way to the chain still.
    """
    found = {}
    for _, text in journal.said(SealedRequest.__name__):
        request = decode(Envelope, text).message
        if not isinstance(request, SealedRequest):
            raise Bug("the journal keeps something else as a request for a seal")
        found[request.attestation.commitment] = request
    return found
