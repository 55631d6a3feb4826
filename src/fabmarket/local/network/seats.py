"""A network's validators by vote: one more, and one less."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fabmarket.chain import Engine, NobodyAnswers, NotMined, look_at
from fabmarket.chain.consortium import ConsortiumContract, Right
from fabmarket.errors import Refused, TryAgain
from fabmarket.identity.keystore import address_of_keystore
from fabmarket.local.founding import Progress, unheard
from fabmarket.local.network import namespaces
from fabmarket.local.network.comet import Comet, NoAnswer
from fabmarket.local.network.files import (
    NAME,
    Facts,
    Place,
    Validator,
    command,
    worked_on,
    write_facts,
)
from fabmarket.local.network.founding import addresses, make_owner
from fabmarket.local.network.program import configure, draw_keys, validator_binary
from fabmarket.local.network.running import settled, start, stop
from fabmarket.local.network.standing import require_blocks_of
from fabmarket.local.network.votes import NotAgreed, Vote, agree_all, owners_of
from fabmarket.local.ports import is_free

HOUR = 3600
"""Seconds for which an owner's word holds here."""
_ADDING = "Seat"
_PATIENCE = 120.0
"""Seconds in which the chain does what was agreed: a block or two."""
_LOOK = 0.2


class BadName(Refused):
    """What a validator cannot be called."""


class NotInTime(TryAgain):
    """The chain has not done yet what was agreed."""


@dataclass(frozen=True)
class Changed:
    """A validator that is more or less, and the vote on its seat; None where there was nothing to
    vote on.
    """

    facts: Facts
    validator: Validator
    vote: Vote | None


def add_validator(root: Path, name: str, progress: Progress = unheard) -> Changed:
    """Make a validator, let it fetch the chain, and have the owners here give it a seat.

    Cut short it goes on when it is called again. Where the owners here are too few the validator
    runs, and waits for the others' words. Raises BadName, NotStarted, NotInTime, NotMined, and
    Standing before anything is made.
    """
    if not NAME.fullmatch(name):
        raise BadName(f"{name!r} is no name; give small letters, digits and hyphens, 32 at most")
    with worked_on(root) as (place, before):
        engine = engine_of(place, before)
        is_there = any(each.name == name for each in before.validators)
        contract = ConsortiumContract(engine)
        if not is_there or before.named(name).key not in _seated(contract):
            require_blocks_of(engine, place, before)
        facts = before if is_there else _made(place, before, name)
        new = facts.named(name)
        progress(_ADDING, 0, 3)
        settled(place, facts, start(place, facts, [new]))
        progress(_ADDING, 1, 3)
        vote = None
        if new.key not in _seated(contract):
            call = contract.admit_data(new.owner, bytes.fromhex(new.key[2:]))
            try:
                vote = agree_all(engine, owners_of(place, facts), call, HOUR)
            except NotMined as error:
                goes_on = f"{command('add-validator', name, root)} goes on once blocks come"
                raise NotMined(f"{error}; {name} runs without a seat, and {goes_on}") from error
        progress(_ADDING, 2, 3)
        if vote is None or vote.is_done:
            _await(place, facts, lambda voters: new.key in voters, f"{name} does not vote yet")
        progress(_ADDING, 3, 3)
        return Changed(facts, new, vote)


def remove_validator(root: Path, name: str, progress: Progress = unheard) -> Changed:
    """Have the owners here take a validator's seat, and end it once it votes no more.

    Its home and its owner's keystore stay. Where the owners here are too few it runs on, and waits
    for the others' words. Raises NoNetwork, NotInTime, NotMined, and Standing before anything is
    sent.
    """
    with worked_on(root) as (place, facts):
        old = facts.named(name)
        engine = engine_of(place, facts)
        contract = ConsortiumContract(engine)
        vote = None
        progress(_ADDING, 0, 2)
        if old.key in _seated(contract):
            require_blocks_of(engine, place, facts)
            call = contract.remove_data(old.owner)
            vote = agree_all(engine, owners_of(place, facts), call, HOUR)
            if not vote.is_done:
                return Changed(facts, old, vote)
        progress(_ADDING, 1, 2)
        _await(place, facts, lambda voters: old.key not in voters, f"{name} votes still")
        stop(place, [old])
        if facts.subnet:
            namespaces.take_away(facts, old)
        rest = facts.without(name)
        write_facts(place, rest)
        _configure(place, rest)
        progress(_ADDING, 2, 2)
        return Changed(rest, old, vote)


def let_deploy(root: Path, account: str) -> None:
    """Have the owners here give an account the right to deploy, if it has none.

    Raises NoNetwork, NotAgreed where they are too few, Standing where no block comes to found in.
    """
    with worked_on(root) as (place, facts):
        engine = engine_of(place, facts)
        require_blocks_of(engine, place, facts)
        contract = ConsortiumContract(engine)
        rights = contract.state().deploy
        if rights.everybody or account in rights.accounts:
            return
        call = contract.allow_data(Right.DEPLOY, account, allowed=True)
        vote = agree_all(engine, owners_of(place, facts), call, HOUR)
        if not vote.is_done:
            raise NotAgreed(
                f"of the {vote.needed} owners that are needed {len(vote.wanting)} let {account}"
                f" deploy; have others agree to allow deploy {account}, and start again"
            )


def engine_of(place: Place, facts: Facts) -> Engine:
    """Return the chain of a network, to be read and voted at. EngineUnavailable if it is down."""
    try:
        return look_at([each.url for each in facts.validators], facts.chain_id)
    except NobodyAnswers as error:
        start = command("up", place.root)
        raise type(error)(f"{error}; start the network with {start}") from error


def _made(place: Place, facts: Facts, name: str) -> Facts:
    """Give a new validator keys, an owner, and places; what is there of it already is kept."""
    passphrase = place.passphrase.read_text("ascii").strip()
    keystore = place.keystore(name)
    node_id, key = draw_keys(validator_binary(), place.home(name))
    owner = address_of_keystore(keystore) if keystore.exists() else None
    owner = owner or make_owner(place, name, passphrase)
    peer, http, rpc = _places(facts, name)
    facts = facts.having(Validator(name, owner, key, node_id, peer, http, rpc))
    write_facts(place, facts)
    _configure(place, facts)
    return facts


def _places(facts: Facts, name: str) -> tuple[str, str, str]:
    """Where a new validator is reached: where it was, if it was removed and that is free."""
    taken = {where for each in facts.validators for where in (each.peer, each.http, each.rpc)}
    for old in facts.gone:
        own = old.peer, old.http, old.rpc
        ports = [] if facts.subnet else [int(where.rpartition(":")[2]) for where in own]
        if old.name == name and taken.isdisjoint(own) and all(map(is_free, ports)):
            return own
    number = namespaces.next_number(facts) if facts.subnet else 0
    (places,) = addresses(facts.subnet, number, 1)
    return places


def _configure(place: Place, facts: Facts) -> None:
    """Tell all of each other: they let each other in at once, and seek whom they are told of when
    they start again.
    """
    binary = validator_binary()
    genesis = place.home(facts.validators[0].name) / "config" / "genesis.json"
    for each in facts.validators:
        others = facts.others(each.name)
        configure(binary, place, each, others, facts.block_time, genesis)


def _seated(contract: ConsortiumContract) -> set[str]:
    return {f"0x{seat.key.hex()}" for seat in contract.state().seats}


def _await(
    place: Place, facts: Facts, holds: Callable[[frozenset[str]], bool], problem: str
) -> None:
    """Return once what holds of the keys that vote holds at whoever answers."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for each in facts.validators:
            with suppress(NoAnswer):
                if holds(Comet(each.rpc).voters()):
                    return
                break
        time.sleep(_LOOK)
    raise NotInTime(f"{problem}, though it is agreed; see {command('status', place.root)}")
