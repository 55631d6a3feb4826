"""A call that an account signs for somebody else to submit, and the file that it goes in.

Whoever submits it pays for gas and nothing else: the contract runs it as the account. So what a
relayer must see to is that the gas is bounded, and that it knows what it pays for.
"""

from fabmarket.chain.calls import gas_limit
from fabmarket.chain.contracts import BadMove, ExchangeContract
from fabmarket.errors import Refused
from fabmarket.identity import BadSignature, BadValue, Domain, Key, digest, recover
from fabmarket.identity.codec import BadText, decode, encode
from fabmarket.market.exchange import (
    Cancel,
    Deliver,
    Dispute,
    List,
    Move,
    Open,
    RaiseEpoch,
    RaiseListingEpoch,
    Refund,
    RefundUncovered,
    RegisterResource,
    Relay,
    Release,
    Unlist,
    VoidSplits,
    Withdraw,
)
from fabmarket.market.trade import Intent
from fabmarket.node.moments import moment
from fabmarket.node.placed import verb_of

RELAYED = (
    Withdraw,
    Cancel,
    RaiseEpoch,
    RegisterResource,
    List,
    Open,
    Unlist,
    RaiseListingEpoch,
    Deliver,
    Release,
    Dispute,
    Refund,
    RefundUncovered,
    VoidSplits,
)
"""What is submitted for another account: what only that account can do. The rest is anybody's."""
MOST_GAS = 1_000_000
"""What a call may use that is submitted for another: far less than a block has."""
LARGEST = 1 << 14
"""The most bytes of a file with a signed call."""


class BadIntent(Refused):
    """What was signed cannot be submitted for its account; says what to do."""


def signed_intent(key: Key, domain: Domain, move: Move, nonce: int, deadline: int) -> Relay:
    """Return a move as its account signs it for others to submit, before `deadline`."""
    intent = Intent(key.address, ExchangeContract.move_data(move), nonce, deadline)
    return Relay(intent, move, key.sign(digest(domain, intent)))


def about(relay: Relay) -> str:
    """Return what a signed call is, in words."""
    call, it = verb_of(relay.move), relay.intent
    return f"{call} of {it.account}, intent {it.nonce}, until {moment(it.deadline)}"


def written(relay: Relay) -> bytes:
    """Return the text of a file with a signed call."""
    return encode(relay) + b"\n"


def read_intent(domain: Domain, text: bytes, name: str) -> Relay:
    """Return what a file says, if paying for it costs bounded gas. BadIntent otherwise, by name."""
    again = "have it signed anew with --intent"
    if len(text) > LARGEST:
        raise BadIntent(f"{name}: more than {LARGEST} bytes are no signed call; {again}")
    try:
        relay = decode(Relay, text.removesuffix(b"\n"))
        if not isinstance(relay.move, RELAYED):
            problem = f"a {type(relay.move).__name__} is nothing that is submitted for another"
            raise BadIntent(f"{name}: {problem}; {again}")
        gas = gas_limit(relay)
        if gas > MOST_GAS:
            raise BadIntent(f"{name}: may use {gas} gas, {MOST_GAS} at most are paid for; {again}")
        if ExchangeContract.move_data(relay.move) != relay.intent.call:
            raise BadIntent(f"{name}: what it says is another call than what is signed; {again}")
        signature = relay.signature if isinstance(relay.signature, bytes) else b""
        signer = recover(digest(domain, relay.intent), signature)
    except (BadText, BadValue, BadSignature, BadMove) as error:
        raise BadIntent(f"{name}: holds no signed call ({error}); {again}") from error
    if signer != relay.intent.account:
        problem = f"it is not signed by {relay.intent.account} for this market"
        raise BadIntent(f"{name}: {problem}; {again}")
    return relay
