"""A market that nets, on a wire: its parties have a part in cycles, and an operator coordinates."""

from dataclasses import replace

from fabmarket.identity import Key
from fabmarket.market.cycles import Cycles
from fabmarket.market.events import Settled
from fabmarket.market.net import unpack_rows
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation import operator
from fabmarket.negotiation.netting.coordinating import Coordinator
from fabmarket.negotiation.netting.state import NetParty
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.supplier import SupplierState
from tests.unit.negotiation.wire import RHYTHM, Wire

CYCLES = Cycles(RHYTHM)


class Nets(Wire):
    """`least`: the baskets below which parties do not sign; 0 signs whatever adds up."""

    def __init__(self, least=0):
        super().__init__()
        self.least = least
        self.lost = lambda sent: False
        key = Key.derive("coordinator")
        self.coordinator = key.address
        net = Coordinator(key.address, self.domain, self.token, CYCLES)
        self._join(key, OperatorState(key.address, self.domain, self.now, net=net), operator.step)

    def _join(self, key, state, taking):
        if not isinstance(state, OperatorState):
            net = NetParty(
                address=key.address,
                domain=self.domain,
                token=self.token,
                cycles=CYCLES,
                coordinator=self.coordinator,
                source=key.address.encode(),
                sells=isinstance(state, SupplierState),
                least=self.least,
            )
            state = replace(state, net=net)
        super()._join(key, state, taking)

    def say(self, message, to, *places):
        if not self.lost((message, to)):
            super().say(message, to, *places)

    def trading(self, sellers=2, buyers=3):
        """A market in which every buyer buys of every seller, by bargaining."""
        kinds = [name_to_bytes32(f"machine {at}") for at in range(sellers)]
        self.sellers = [
            self.supplier(f"s{at}", 100, resource=kind, slots=(0,), concept="bargaining")
            for at, kind in enumerate(kinds)
        ]
        self.buyers = [
            self.demander(
                f"b{at}",
                *(
                    self.want(f"b{at} s{to}", (kind, 2 + at + to, 40 + 7 * at + 3 * to))
                    for to, kind in enumerate(kinds)
                ),
            )
            for at in range(buyers)
        ]
        return self

    def agree(self):
        """Trades are agreed in one beat, and the cycle in which they are closes."""
        self.until("open")
        self.settle()
        self.end()
        self.pump()
        self.closed = CYCLES.closing(self.now)
        self.before = {each: self.held(each) for each in self.keys}
        return self

    def quarters(self, *which):
        """Quarters after the cycle closed come, and all that is said and settled in each."""
        for quarter in which:
            self.tick(self.closed + quarter * RHYTHM.quarter)
            self.pump()
            self.settle()
        return self

    def net(self, address):
        return self.states[address].net

    @property
    def batches(self):
        return [each for each in self.settled if hasattr(each, "rows")]

    @property
    def singles(self):
        return [each for each in self.settled if isinstance(each, Settled)]

    def agreed(self):
        """All trades agreed for cycles, by digest, as their buyers know them."""
        return {
            name: signed.trade
            for address in self.buyers
            for deal in self.net(address).deals.values()
            for name, signed in zip(deal.names, deal.signed, strict=True)
        }

    def rows(self):
        """The rows of all batches that settled, by account."""
        return {row.account: row for each in self.batches for row in unpack_rows(each.rows)}

    def changes(self):
        changes = {each: self.held(each) - held for each, held in self.before.items()}
        return {each: change for each, change in changes.items() if change}
