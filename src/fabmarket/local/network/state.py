"""How a network is: who runs, how far each is, whether they agree, and whether they are enough."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fabmarket.chain.consortium import quorum
from fabmarket.local.network.comet import Comet, Head, NoAnswer, serves, validator_address
from fabmarket.local.network.files import Facts, Place, Validator, facts_of

_STILL = 10.0
"""Seconds without a block after which a chain stands still: a round without a proposer takes 2."""
_PAUSES = 20
"""Of its usual pauses it may take as many in that time, where they are long."""
_BEHIND = 10
"""Blocks that a validator may be short of the newest."""
_LATE = 1
"""Blocks below the newest that all signatures have come for."""


@dataclass(frozen=True)
class ValidatorState:
    """A validator of this machine. What it does not answer is None.

    It `serves` where it answers those who use the chain. `hash` is that of the block
    `NetworkState.common`; `has_signed` whether its signature is among those of the last blocks,
    and `is_seated` whether it votes on the next.
    """

    name: str
    url: str
    process: int | None
    serves: bool
    head: int | None
    is_behind: bool | None
    peers: int | None
    hash: str | None
    has_signed: bool | None
    is_seated: bool | None

    @property
    def is_well(self) -> bool:
        """Whether it answers, and has what others have."""
        return self.head is not None and not self.is_behind


@dataclass(frozen=True)
class NetworkState:
    """A network: its validators here, and of all `seats` how many are `present`.

    A seat is present whose validator here is well, or elsewhere has signed the last blocks.
    `common` is the newest block that all who answer have. `still_since` is the time of the last
    block where none has come for a while, seconds. Where nobody answers all of it is None.
    """

    validators: tuple[ValidatorState, ...]
    seats: int | None
    present: int | None
    head: int | None
    common: int | None
    still_since: float | None

    @property
    def needed(self) -> int | None:
        """How many seats make blocks: more than two thirds."""
        return None if self.seats is None else quorum(self.seats)

    @property
    def has_quorum(self) -> bool | None:
        """Whether as many seats as are needed are present."""
        if self.present is None or self.needed is None:
            return None
        return self.present >= self.needed

    @property
    def is_agreed(self) -> bool | None:
        """Whether all who answer have the same block `common`."""
        hashes = {each.hash for each in self.validators} - {None}
        return len(hashes) == 1 if hashes else None

    @property
    def missing(self) -> list[str]:
        """The validators of this machine that should vote, and do not answer or are behind."""
        return [
            each.name
            for each in self.validators
            if each.is_seated is not False and not each.is_well
        ]

    def facts(self) -> dict[str, Any]:
        """Return it for JSON."""
        said = {"needed": self.needed, "quorum": self.has_quorum, "agreed": self.is_agreed}
        return {**asdict(self), **said, "missing": self.missing}


def status(root: Path) -> NetworkState:
    """Return how the network of a directory is. Raises NoNetwork."""
    place = Place(root)
    return state_of(place, facts_of(place))


def state_of(place: Place, facts: Facts) -> NetworkState:
    """Return how a network is, as its validators say at the moment."""
    with ThreadPoolExecutor(len(facts.validators)) as pool:  # one that hangs holds up no other
        looks = list(pool.map(_look, facts.validators))
        common = min((look.head.number for look in looks if look.head), default=0)
        hashes = list(pool.map(lambda look: _hash(look, common), looks))
    newest, voters, signers = _consensus(looks)
    still = newest is not None and time.time() - newest.time > max(
        _STILL, _PAUSES * facts.block_time / 1000
    )
    states = {}
    for each, look, digest in zip(facts.validators, looks, hashes, strict=True):
        head, process = look.head, place.process(each.name).number()
        states[each.key] = ValidatorState(
            each.name,
            each.url,
            process,
            look.serves,
            head.number if head else None,
            head.is_behind or newest.number - head.number > _BEHIND if head and newest else None,
            look.peers,
            digest,
            has_signed=validator_address(each.key) in signers if newest else None,
            is_seated=each.key in voters if newest else None,
        )
    here = voters & set(states)
    elsewhere = {key for key in voters - here if validator_address(key) in signers}
    present = sum(states[key].is_well for key in here) + (0 if still else len(elsewhere))
    return NetworkState(
        tuple(states.values()),
        seats=len(voters) if newest else None,
        present=present if newest else None,
        head=newest.number if newest else None,
        common=common or None,
        still_since=newest.time if newest and still else None,
    )


@dataclass(frozen=True)
class _Look:
    """What a validator says of itself; its head is None where it does not answer, or has none."""

    node: Comet
    head: Head | None
    peers: int | None
    serves: bool


def _look(validator: Validator) -> _Look:
    node = Comet(validator.rpc)
    try:
        head, peers = node.head(), node.peers()
    except NoAnswer:
        return _Look(node, None, None, serves=False)
    return _Look(node, head if head.number else None, peers, serves(validator.url))


def _consensus(looks: list[_Look]) -> tuple[Head | None, frozenset[str], frozenset[str]]:
    """The newest head, whose keys vote, and who signed the last blocks, by who has that head."""
    pairs = [(look.head, look.node) for look in looks if look.head]
    for head, node in sorted(pairs, key=lambda pair: -pair[0].number):
        with suppress(NoAnswer):  # it ended just now; the next one knows
            numbers = range(max(1, head.number - _LATE), head.number + 1)
            signers = [node.commit(number).signers for number in numbers]
            return head, node.voters(), frozenset().union(*signers)
    return None, frozenset(), frozenset()


def _hash(look: _Look, number: int) -> str | None:
    """The hash of a block at a validator, None where it does not say."""
    if look.head is None:
        return None
    try:
        return look.node.commit(number).hash
    except NoAnswer:
        return None
