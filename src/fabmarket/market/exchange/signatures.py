"""Who signed what, as the contract sees it."""

from collections.abc import Sequence

from fabmarket.identity import BadSignature, TypedStruct, digest, recover
from fabmarket.market.exchange.moves import OperatorSignature, Proof, Signature
from fabmarket.market.exchange.state import NOBODY, Exchange, Reverted


def signer_of(signed_digest: bytes, signature: Signature) -> str:
    """Return the signer's address, or the zero address for a malformed signature or a proof."""
    if isinstance(signature, Proof):
        return NOBODY
    try:
        return recover(signed_digest, signature)
    except BadSignature:
        return NOBODY


def is_by(signer: str, signed_digest: bytes, signature: Signature) -> bool:
    """Return whether the signature over the digest is the signer's, or its code confirms it."""
    if isinstance(signature, Proof):
        return signature.confirmed
    return signer != NOBODY and signer_of(signed_digest, signature) == signer


def require_signer(signer: str, signed_digest: bytes, signature: Signature) -> None:
    """Revert unless `is_by`."""
    if not is_by(signer, signed_digest, signature):
        raise Reverted("BadSignature", signer, signer_of(signed_digest, signature))


def whole(signature: Signature) -> Signature:
    """Return what the contract sees where it gets bytes: a key's signature is tried first."""
    if isinstance(signature, Proof) and not signature.confirmed:
        return signature.proof
    return signature


def require_operators(
    state: Exchange, number: int, decision: TypedStruct, signatures: Sequence[OperatorSignature]
) -> None:
    """Revert unless enough distinct operators of a set signed, ascending by address."""
    operators = state.operator_sets[number]
    if len(signatures) < operators.threshold:
        raise Reverted("TooFewSignatures", len(signatures), operators.threshold)
    decision_digest = digest(state.domain, decision)
    last = 0
    for index, (operator, signature) in enumerate((s.operator, s.signature) for s in signatures):
        ascends = int(operator, 16) > last and operator in operators.members
        if not ascends or not is_by(operator, decision_digest, whole(signature)):
            raise Reverted("BadOperatorSignature", index, operator)
        last = int(operator, 16)
