"""Who the operators are, as the chain says, and whether k of them signed something."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rpds import HashTrieMap

from fabmarket.identity import BadSignature, recover
from fabmarket.market.events import Deployed, Event, OperatorsSet
from fabmarket.market.exchange import OperatorSet, OperatorSignature
from fabmarket.negotiation.course import Unacceptable


@dataclass(frozen=True)
class OperatorSets:
    """All sets by number. From `since` on the `following` one is in force, before it `current`.

    `delay`, seconds, is how long after its decision a set takes over.
    """

    known: HashTrieMap[int, OperatorSet] = field(default_factory=HashTrieMap)
    current: int = 0
    following: int = 0
    since: int = 0
    delay: int = 0

    def after(self, event: Event) -> OperatorSets:
        """Return what is known after an event, in the order of the chain."""
        match event:
            case Deployed():
                return replace(self, delay=event.parameters.operator_delay)
            case OperatorsSet():
                made = OperatorSet(event.operators, event.threshold)
                known = self.known.insert(event.set, made)
                if event.set == 1:
                    return replace(self, known=known, current=1)
                # One that was decided before and is not in force yet never will be.
                current = self.in_force(event.since - self.delay)
                return replace(
                    self, known=known, current=current, following=event.set, since=event.since
                )
            case _:
                return self

    def in_force(self, now: int) -> int:
        """Return the number of the set at a time, 0 while none is known."""
        return self.following if self.following and now >= self.since else self.current

    def members(self, number: int) -> tuple[str, ...]:
        """Return who is in a set; nobody where there is none."""
        known = self.known.get(number)
        return () if known is None else known.members

    def threshold(self, number: int) -> int:
        """Return how many of a known set must sign."""
        return self.known[number].threshold


def require_operator(
    sets: OperatorSets, number: int, operator: str, signed: bytes, signature: bytes
) -> None:
    """Raise Unacceptable unless a signature over a digest is that of an operator of the set."""
    if operator not in sets.members(number):
        raise Unacceptable("word of somebody who is no operator of this set")
    try:
        signer = recover(signed, signature)
    except BadSignature as error:
        raise Unacceptable("word without the operator's signature") from error
    if signer != operator:
        raise Unacceptable("word without the operator's signature")


def least(signatures: Mapping[str, bytes], threshold: int) -> tuple[OperatorSignature, ...]:
    """Return as many signatures as are needed, ascending by operator as the contract wants them."""
    ascending = sorted(signatures, key=lambda operator: int(operator, 16))
    return tuple(OperatorSignature(each, signatures[each]) for each in ascending[:threshold])
