"""What happens to trades in escrow as their slots pass: delivered and accepted, or broken down."""

from collections.abc import Iterator, Mapping
from typing import Any

from fabmarket.market.exchange import Deliver, Move, Release
from fabmarket.market.trade import Trade
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.splitting import OpenEscrow
from fabmarket.node import Participant
from fabmarket.scenario import Breakdown, Scenario
from fabmarket.simulation.setup import Market, Parties, Party

Orders = tuple[Party, list[Move]]
"""What an owner orders."""


class Deliveries:
    """What owners and operators do as slots pass. Nobody cheats, nobody is late."""

    def __init__(
        self,
        market: Market,
        scenario: Scenario,
        parties: Parties,
        participants: Mapping[str, Participant[Any]],
    ) -> None:
        self._market, self._scenario, self._parties = market, scenario, parties
        self._participants = participants
        self._down = sorted(scenario.breakdowns, key=lambda each: each.announced)
        self._versions: dict[str, int] = {}

    def next_due(self) -> int | None:
        """Return when something happens next, chain time; None when all is over."""
        ends = [_slot_end(self._market, each) for each in self._open()]
        breakdowns = [self._time(each.announced) for each in self._down[:1]]
        return min((*ends, *breakdowns), default=None)

    def orders(self, now: int) -> Iterator[Orders]:
        """Yield what is ordered at a time that is due, one after the other."""
        while self._down and self._time(self._down[0].announced) <= now:
            yield self._breakdown(self._down.pop(0))
        ended = [each for each in self._open() if _slot_end(self._market, each) <= now]
        for supplier in self._parties.suppliers:
            own = [each for each in ended if self._seller(each) == supplier.address]
            if own:
                yield supplier, [Deliver(each, each.quantity) for each in own]
        for demander in self._parties.demanders:
            own = [each for each in ended if each.demander == demander.address]
            if own:
                yield demander, [Release(each, each.payment) for each in own]

    def _time(self, slot: int) -> int:
        return self._market.origin + slot * self._market.slot_length

    def _open(self) -> list[Trade]:
        """The trades that are in escrow, as their demanders know them."""
        found: list[Trade] = []
        for party in self._parties.demanders:
            escrows = self._participants[party.address].state.escrows
            found.extend(each.trade for _, each in sorted(escrows.items()))
        return found

    def _seller(self, trade: Trade) -> str:
        demander = self._participants[trade.demander].state
        escrow: OpenEscrow = next(each for each in demander.escrows.values() if each.trade == trade)
        return escrow.other

    def _breakdown(self, breakdown: Breakdown) -> Orders:
        """The operators count anew what a supplier has in the slots in which it is down."""
        pairs = zip(self._parties.suppliers, self._scenario.suppliers, strict=True)
        party, spec = next(each for each in pairs if each[1].name == breakdown.supplier)
        version = self._versions.get(party.address, 1) + 1
        self._versions[party.address] = version
        attested = spec.attested[breakdown.first : breakdown.last + 1]
        terms = (party.address, name_to_bytes32(spec.resource), name_to_bytes32(spec.unit))
        left = tuple(min(breakdown.left, units) for units in attested)
        return party, [self._market.attestation(*terms, left, breakdown.first, version=version)]


def _slot_end(market: Market, trade: Trade) -> int:
    return trade.escrow.deliver_from + market.slot_length
