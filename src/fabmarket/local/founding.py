"""Founding a market at a development node for agents that are processes of their own.

Contracts and board, stock and money, and for each participant a directory as `fabmarket init` makes
it, filled in.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_bytes

from fabmarket.chain.endpoints import urls_of
from fabmarket.chain.rpc import RpcEngine
from fabmarket.identity import Key
from fabmarket.identity.keystore import create
from fabmarket.local.filling import (
    Places,
    demander_settings,
    operator_settings,
    supplier_settings,
)
from fabmarket.market.rhythm import Rhythm
from fabmarket.node.settings import FILE, KEYSTORE
from fabmarket.scenario import Scenario
from fabmarket.simulation.setup import (
    Market,
    Parties,
    Party,
    deploy,
    fill_purses,
    offers_of,
    open_board,
    parties_of,
)

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much of it is done, and how much there is of it."""

FOUNDING = "Contracts, stock and money"
_STEPS = 6


def unheard(_phase: str, _done: int, _total: int) -> None:
    """A progress that nobody looks at."""


@dataclass(frozen=True)
class Founded:
    """The market, and what stands in the settings of whoever trades in it."""

    engine: RpcEngine
    market: Market
    board: str
    rhythm: Rhythm
    parties: Parties
    scenario: Scenario

    @property
    def places(self) -> Places:
        """Where it is."""
        market = self.market
        return Places(
            url=self.engine.url,
            chain_id=self.engine.chain_id,
            exchange=market.exchange.address,
            token=market.token.address,
            board=self.board,
            founder=self.parties.deployer.address,
            origin=market.origin,
            slot_length=market.slot_length,
        )

    def settings(self, party: Party, port: int) -> str:
        """Return the settings of a supplier, demander or operator, its door at a port.

        Where there are several nodes, each participant asks another one first.
        """
        parties, scenario = self.parties, self.scenario
        urls = urls_of(self.places.url)
        first = parties.everyone.index(party) % len(urls)
        places = replace(self.places, url=",".join(urls[first:] + urls[:first]))
        if party.role == "operator":
            return operator_settings(places, port)
        if party.role == "supplier":
            supplier = scenario.suppliers[parties.suppliers.index(party)]
            return supplier_settings(places, port, supplier, scenario.concept)
        demander = scenario.demanders[parties.demanders.index(party)]
        return demander_settings(places, port, demander, scenario.release_rounds)


def found(
    engine: RpcEngine,
    scenario: Scenario,
    period: int,
    lead: int,
    progress: Progress = unheard,
    deployer: Key | None = None,
) -> Founded:
    """Found a market at a node: everyone has coin and money on the exchange, suppliers stock.

    All keys are drawn anew, but for the `deployer`'s if one is given. Beats come every `period`
    seconds; slot 0 begins `lead` seconds after the contracts are there.
    """
    progress(FOUNDING, 0, _STEPS)
    parties = _with_fresh_keys(parties_of(scenario, 0))
    if deployer is not None:
        parties = replace(parties, deployer=replace(parties.deployer, key=deployer))
    market = deploy(engine, scenario, parties, lead)
    progress(FOUNDING, 1, _STEPS)
    for at in range(3):
        for party, spec in zip(parties.suppliers, scenario.suppliers, strict=True):
            for move in offers_of(market, party, spec)[at]:
                market.queue(party.key, move)
        market.sender.must_succeed(market.exchange)
        progress(FOUNDING, 2 + at, _STEPS)
    traders = (*parties.suppliers, *parties.demanders)  # for bonds and deposits, and to pay
    deposit = fill_purses(market, scenario, replace(parties, demanders=traders))
    for party in traders:
        market.queue(party.key, deposit)
    market.sender.must_succeed(market.exchange)
    progress(FOUNDING, 5, _STEPS)
    rhythm = Rhythm(engine.now(), period)
    board = open_board(market, parties.deployer, rhythm)
    progress(FOUNDING, _STEPS, _STEPS)
    return Founded(engine, market, board.address, rhythm, parties, scenario)


def _with_fresh_keys(parties: Parties) -> Parties:
    def fresh(named: tuple[Party, ...]) -> tuple[Party, ...]:
        return tuple(replace(each, key=Key(token_bytes(32))) for each in named)

    (deployer,) = fresh((parties.deployer,))
    return Parties(
        deployer=deployer,
        operators=fresh(parties.operators),
        demanders=fresh(parties.demanders),
        suppliers=fresh(parties.suppliers),
        auditees=fresh(parties.auditees),
    )


def make_directory(folder: Path, key: Key, passphrase: str, settings: str) -> None:
    """Make a participant's directory, for its owner's eyes only."""
    folder.mkdir(mode=0o700)
    create(folder / KEYSTORE, key, passphrase)
    (folder / FILE).write_text(settings, "utf-8")
