"""A market without nodes: real keys and steps, messages carried by hand, the twin as the chain."""

from collections import deque

import pytest

from fabmarket.identity import Key, digest, recover
from fabmarket.market.events import (
    Deployed,
    Deposited,
    Listed,
    OperatorsSet,
    ResourceRegistered,
    SlotAttested,
    TokenSet,
)
from fabmarket.market.exchange import Exchange, Reverted, Settle, SignedTrade, record, step
from fabmarket.market.messages import Opening, PriceTerms
from fabmarket.market.parameters import HOURS
from fabmarket.market.trade import listing_id, market_domain, nonce_of
from fabmarket.market.units import NO_LIMIT, name_to_bytes32
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.moves import Deadline, Happened, Ignored, Received, Send, Submit
from fabmarket.negotiation.session import member_of
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Choice, Want

ORIGIN, LENGTH = 100_000, 1_000
RESOURCE, HOUR = name_to_bytes32("mill"), name_to_bytes32("hour")


class Wire:
    """Everybody's state, the messages between them, and the exchange they settle on."""

    def __init__(self):
        self.domain = market_domain(31337, Key.derive("exchange contract").address)
        self.token = Key.derive("token").address
        self.now = 50_000
        self.keys, self.states, self.steps = {}, {}, {}
        self.queue, self.said, self.ignored = deque(), [], []
        self.submits, self.settled, self.refused, self.past = [], [], [], []
        self.exchange = Exchange(self.domain)
        operator, escrow, net = (Key.derive(name).address for name in ("op", "escrow", "net"))
        self.tell(OperatorsSet(1, (operator,), 1, self.now))
        self.tell(TokenSet(self.token, True))
        self.tell(Deployed(HOURS, escrow, net))

    # Who takes part

    def supplier(self, name, room=100, *, resource=RESOURCE, slots=(0,), **terms):
        """Register, attest and list `room` units in each slot; return the supplier's address."""
        usual = {"concept": "balanced", "a": 1_000_000, "b": 500_000, "maintenance": 10, **terms}
        key = Key.derive("supplier", name)
        state = SupplierState(
            address=key.address,
            token=self.token,
            domain=self.domain,
            resource=resource,
            origin=ORIGIN,
            slot_length=LENGTH,
            terms=PriceTerms(
                usual["concept"], usual["a"], usual["b"], usual["maintenance"], capacity=0
            ),
            now=self.now,
        )
        self._join(key, state, supplier.step)
        self.tell(ResourceRegistered(key.address, resource, HOUR, ORIGIN, LENGTH))
        for slot in slots:
            self.tell(SlotAttested(key.address, resource, slot, room, 1, 10**9))
            listing = self.listing(key.address, slot, resource)
            self.tell(Listed(listing, key.address, resource, slot, room, room))
        return key.address

    def demander(self, name, *wants, rounds=2, money=10**12):
        """Add a demander with `money` deposited; return its address."""
        key = Key.derive("demander", name)
        state = DemanderState(
            address=key.address,
            token=self.token,
            domain=self.domain,
            wants={want.id: want for want in wants},
            rounds_left=rounds,
        )
        self._join(key, state, demander.step)
        self.tell(Deposited(key.address, self.token, money))
        return key.address

    def seller_of(self, sale):
        return self.exchange.listings[sale.listing].supplier

    @staticmethod
    def listing(supplier, slot, resource=RESOURCE):
        return listing_id(supplier, resource, slot, ORIGIN + (slot + 1) * LENGTH)

    @staticmethod
    def want(name, *choices, slot=0, divisible=True):
        """A sub-task; each choice is (resource, units or None for what pays, margin)."""
        start = ORIGIN + slot * LENGTH
        ways = (Choice(kind, NO_LIMIT if units is None else units, c) for kind, units, c in choices)
        return Want(name.encode().ljust(32, b"\0"), start, start + LENGTH, divisible, tuple(ways))

    def _join(self, key, state, taking):
        self.keys[key.address], self.states[key.address] = key, state
        self.steps[key.address] = taking
        for event in self.past:
            self.give(key.address, Happened(event))

    def does(self, address, move):
        """A participant's own move on the exchange, heard by all."""
        _, events = step(self.exchange, address, move, self.now)
        for event in events:
            self.tell(event)

    # What happens

    def tell(self, event):
        """An event of the exchange, heard by all."""
        self.exchange = record(self.exchange, event)
        self.past.append(event)
        for address in self.states:
            self.give(address, Happened(event))

    def give(self, address, given):
        """One step of one participant; nothing but a state and outputs may come of it."""
        self.states[address], outputs = self.steps[address](self.states[address], given)
        for output in outputs:
            match output:
                case Send():
                    self.say(output.message, *output.to)
                case Submit():
                    self.submits.append((address, output))
                case Ignored():
                    self.ignored.append((address, output.reason))

    def say(self, message, *to):
        """Sign a message with its author's key and put it on the wire."""
        message_digest = digest(self.domain, message)
        signature = self.keys[message.author].sign(message_digest)
        self.said.append(message)
        others = (address for address in self.states if address != message.author)
        self.queue.extend(
            (each, Received(message, message_digest, signature)) for each in to or others
        )

    def pump(self):
        while self.queue:
            address, received = self.queue.popleft()
            assert recover(received.digest, received.signature) == received.message.author
            if address in self.states:
                self.give(address, received)

    def deadline(self, phase, *addresses):
        for address in addresses or tuple(self.states):
            self.give(address, Deadline(phase, self.now))

    def settle(self):
        """Countersign and settle what was submitted."""
        submits, self.submits = self.submits, []
        for address, submit in submits:
            signature = self.keys[address].sign(digest(self.domain, submit.trade))
            both = SignedTrade(submit.trade, submit.demander_signature, signature)
            try:
                _, events = step(self.exchange, address, Settle(both), self.now)
            except Reverted as error:
                self.refused.append(error.error)
                continue
            for event in events:
                self.settled.append(event)
                self.tell(event)

    def until(self, last):
        """Run the phases of a release round up to and with `last`."""
        phases = ("publish", "offers", "selections")
        for phase in phases[: phases.index(last) + 1]:
            self.deadline(phase)
            self.pump()

    def round(self):
        self.until("selections")
        self.settle()
        self.deadline("round")

    # What came of it

    def wants(self, address):
        return list(self.states[address].wants.values())

    def reasons(self, address):
        return [reason for who, reason in self.ignored if who == address]

    def heard(self, kind):
        return [message for message in self.said if isinstance(message, kind)]

    def held(self, address):
        return self.exchange.account_of(address, self.token).balance


class Trap(Wire):
    """One honest demander in front of one supplier that the test plays by hand."""

    def __init__(self, *wants, **terms):
        super().__init__()
        self.seller = self.supplier("hostile", slots=(0, 1), **terms)
        self.honest = self.demander("honest", *(wants or [self.want("task", (RESOURCE, 10, 100))]))
        self.until("publish")
        self.deadline("offers")
        self.selections = [each.message for _, each in self.queue]
        self.queue.clear()
        # From here on the seller says only what the test says for it.
        self.steps[self.seller] = lambda state, given: (state, ())

    def seat(self, index=0):
        selection = self.selections[index]
        return member_of(selection, digest(self.domain, selection), nonce_of(0, 95))

    def opening(self, *members, **changes):
        offer = self.states[self.honest].wants[self.selections[0].sub_task].offer
        fields = {
            "supplier": self.seller,
            "listing": offer.listing,
            "slot_end": offer.slot_end,
            "terms": offer.terms,
            "members": members or (self.seat(),),
            **changes,
        }
        return Opening(**fields)

    @property
    def talk(self):
        """The session or bargain as the honest demander follows it."""
        ((seat,),) = self.states[self.honest].seats.values()
        return seat.talk

    def tempt(self, message):
        """Send the honest demander a message; return what it refuses it for, or None."""
        before, count = self.states[self.honest], len(self.ignored)
        self.say(message, self.honest)
        self.pump()
        if len(self.ignored) == count:
            return None
        assert self.states[self.honest] == before
        return self.ignored[-1][1]


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def trap():
    return Trap
