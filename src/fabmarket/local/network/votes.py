"""Owners of seats agree: one owner's word at any node, and all owners' of a network at once."""

from collections.abc import Iterable
from dataclasses import dataclass

from fabmarket.chain import Engine, NotMined, Transaction, signed
from fabmarket.chain.consortium import AGREE_GAS, CONSORTIUM, ConsortiumContract, quorum
from fabmarket.errors import Refused
from fabmarket.identity import Key, keccak
from fabmarket.identity.keystore import unlock
from fabmarket.local.network.files import Facts, Place

DAYS = 30
"""Days for which an owner may say what it wants, at most."""
_DONE = keccak(b"Done(bytes32,bytes)")


class NoSeat(Refused):
    """Only owners of seats have a vote."""


class NotAgreed(Refused):
    """The contract refuses what is to be done, or an owner's word for it."""


@dataclass(frozen=True)
class Vote:
    """What came of words: whether what they are for `is_done`; if not, who wants it by now, and
    how many owners `needed` in all.
    """

    is_done: bool
    wanting: tuple[str, ...]
    needed: int


def agree(engine: Engine, key: Key, call: bytes, seconds: int) -> Vote:
    """Say for an owner that the consortium is to call itself with `call`.

    The word ends after so many seconds of chain time; 0 takes back what it has said. Raises NoSeat,
    NotAgreed, and NotMined, though the word may count yet.
    """
    contract = ConsortiumContract(engine)
    state = contract.state()
    owners = [each.owner for each in state.seats]
    if key.address not in owners:
        raise NoSeat(f"{key.address} has no seat; the owners are {', '.join(owners)}")
    data = contract.agree_data(call, engine.now() + seconds if seconds else 0)
    # The contract does the call with the last word: an owner who is not the last would not hear.
    refusal = (seconds and contract.why(CONSORTIUM, call)) or contract.why(key.address, data)
    if refusal is not None:
        raise NotAgreed(f"the consortium refuses it: {refusal}")
    sent = Transaction(key, "agree", CONSORTIUM, data, AGREE_GAS)
    try:
        (receipt,) = engine.mine([signed(engine, sent, engine.nonce(key.address))])
    except NotMined as error:
        back = "once blocks come, fabmarket network agree with all of the same and --take-back"
        raise NotMined(f"{error}; {back} takes the word back") from error
    if receipt.status != 1:
        raise NotAgreed(
            f"the vote 0x{receipt.transaction.hex()} failed: {contract.why(key.address, data)};"
            " others were faster, so look and vote again"
        )
    if any(log.address == CONSORTIUM and log.topics[0] == _DONE for log in receipt.logs):
        return Vote(True, (), quorum(len(owners)))
    words = tuple(each.owner for each in contract.agreed(call))
    return Vote(False, words, quorum(len(owners)))


def agree_all(engine: Engine, keys: Iterable[Key], call: bytes, seconds: int) -> Vote:
    """Say it for one owner after the other, until it is done. Raises NoSeat where none has a seat.

    Who has no seat is passed over.
    """
    owners = {each.owner for each in ConsortiumContract(engine).state().seats}
    vote, last = None, ""
    for key in keys:
        last = key.address
        if last in owners:
            vote = agree(engine, key, call, seconds)
            if vote.is_done:
                return vote
    if vote is None:
        raise NoSeat(f"{last or 'nobody here'} has no seat; the owners are {', '.join(owners)}")
    return vote


def owners_of(place: Place, facts: Facts) -> Iterable[Key]:
    """Yield the owners' keys of a network, each opened when it is asked for."""
    passphrase = place.passphrase.read_text("ascii").strip()
    for each in facts.validators:
        if place.keystore(each.name).exists():
            yield unlock(place.keystore(each.name), passphrase)
