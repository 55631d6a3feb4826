"""Who signed what, as the contract sees it."""

from collections.abc import Sequence

from fabmarket.identity import BadSignature, TypedStruct, digest, recover
from fabmarket.market.exchange.moves import Proof, Signature
from fabmarket.market.exchange.state import Exchange, Reverted

NOBODY = "0x" + "0" * 40


def signer_of(signed_digest: bytes, signature: bytes) -> str:
    """Return the signer's address, or the zero address for a malformed signature."""
    try:
        return recover(signed_digest, signature)
    except BadSignature:
        return NOBODY


def require_signer(signer: str, signed_digest: bytes, signature: Signature) -> None:
    """Revert unless the signature over the digest is the signer's, or its code confirms it."""
    if isinstance(signature, Proof):
        if signature.confirmed:
            return
        found = NOBODY
    else:
        found = signer_of(signed_digest, signature)
    if found != signer or found == NOBODY:
        raise Reverted("BadSignature", signer, found)


def require_operators(state: Exchange, decision: TypedStruct, signatures: Sequence[bytes]) -> None:
    """Revert unless `threshold` distinct current operators signed, ascending by address."""
    if len(signatures) < state.threshold:
        raise Reverted("TooFewSignatures", len(signatures), state.threshold)
    decision_digest = digest(state.domain, decision)
    last = 0
    for index, signature in enumerate(signatures):
        signer = signer_of(decision_digest, signature)
        if int(signer, 16) <= last or signer not in state.operators:
            raise Reverted("BadOperatorSignature", index, signer)
        last = int(signer, 16)
