"""A market without nodes: real keys and steps, messages carried by hand, the twin as the chain.

Time passes by the market's rhythm: demands, selections, the beat, the end of its sessions.
"""

from collections import deque
from dataclasses import replace

from rpds import HashTrieMap

from fabmarket.identity import Key, digest, recover
from fabmarket.market.delivery import INSTANT, Delivery
from fabmarket.market.events import (
    Deployed,
    Deposited,
    Listed,
    OperatorsSet,
    ResourceRegistered,
    SlotAttested,
    TokenSet,
)
from fabmarket.market.exchange import (
    Attest,
    Exchange,
    OperatorSignature,
    Reverted,
    record,
    step,
)
from fabmarket.market.messages import PriceTerms
from fabmarket.market.parameters import HOURS
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.rounds import Rounds
from fabmarket.market.trade import Attestation, listing_id, market_domain
from fabmarket.market.units import NO_LIMIT, name_to_bytes32
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.accepting import Accepts
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.moves import (
    Ignored,
    Postponed,
    Received,
    Recorded,
    Send,
    Submit,
    Tell,
    Ticked,
)
from fabmarket.negotiation.policy import Policy
from fabmarket.negotiation.products.plan import Product, Way
from fabmarket.negotiation.products.purchase import Purchase
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Choice, Want
from fabmarket.node.signing import signed_move, signed_word

ORIGIN, LENGTH = 100_000, 1_000
MILL, LATHE, HOUR = map(name_to_bytes32, ("mill", "lathe", "hour"))
RESOURCE = MILL
RHYTHM = Rhythm(origin=50_000, period=60)
EVERYTHING = Accepts()
HELD = Delivery(
    deliver_within=HOURS.delivery_window,
    dispute_within=HOURS.dispute_window,
    decide_within=HOURS.hearing + HOURS.decision_window,
    silence_share=10_000,
    undecided_share=5_000,
    bond_share=1_000,
    late_penalty=10_000,
    exit_penalty=5_000,
)
"""Terms of delivery, each window the least that the exchange takes."""


def deaf(state, given):
    """The step of who does nothing, whatever it hears: it is silent, or played by the test."""
    return state, ()


class Wire:
    """Everybody's state, the messages between them, and the exchange they settle on.

    `beat` is the one that time passes to.
    """

    def __init__(self):
        self.domain = market_domain(31337, Key.derive("exchange contract").address)
        self.token = Key.derive("token").address
        self.now = RHYTHM.origin
        self.beat = RHYTHM.opens_after(self.now)
        self.keys, self.states, self.steps = {}, {}, {}
        self.queue, self.said, self.sent, self.told = deque(), [], [], []
        self.ignored, self.proofs, self.postponed = [], [], []
        self.submits, self.settled, self.refused, self.past = [], [], [], []
        self.consents = {}
        self.exchange = Exchange(self.domain)
        operator, escrow, net = (Key.derive(name).address for name in ("op", "escrow", "net"))
        self.tell(OperatorsSet(1, (operator,), 1, self.now))
        self.tell(TokenSet(self.token, True))
        self.tell(Deployed(HOURS, escrow, net))

    # Who takes part

    def supplier(
        self,
        name,
        room=100,
        *,
        resource=RESOURCE,
        slots=(0,),
        batch=False,
        delivery=INSTANT,
        money=0,
        **terms,
    ):
        """Register, attest and list `room` units in each slot; return the supplier's address."""
        usual = {"concept": "balanced", "a": 1_000_000, "b": 500_000, "maintenance": 10, **terms}
        key = Key.derive("supplier", name)
        state = SupplierState(
            address=key.address,
            domain=self.domain,
            rhythm=RHYTHM,
            resource=resource,
            origin=ORIGIN,
            slot_length=LENGTH,
            terms=PriceTerms(
                usual["concept"],
                usual["a"],
                usual["b"],
                usual["maintenance"],
                0,
                self.token,
                usual.get("lots", False),
                usual.get("step", 0),
                usual.get("least", 0),
            ),
            delivery=delivery,
            batch=batch,
            now=self.now,
        )
        self._join(key, state, supplier.step)
        if money:
            self.tell(Deposited(key.address, self.token, money))
        self.tell(ResourceRegistered(key.address, resource, HOUR, ORIGIN, LENGTH))
        for slot in slots:
            self.tell(SlotAttested(key.address, resource, slot, room, 1, 10**9))
            listing = self.listing(key.address, slot, resource)
            self.tell(Listed(listing, key.address, resource, slot, room, room))
        return key.address

    def demander(self, name, *wants, rounds=2, money=10**12, accepts=EVERYTHING, **policy):
        """Add a demander with `money` deposited; return its address."""
        key = Key.derive("demander", name)
        state = self.buying(key.address, *wants, rounds=rounds, accepts=accepts)
        state = replace(state, source=name.encode(), policy=Policy(**policy))
        self._join(key, state, demander.step)
        self.tell(Deposited(key.address, self.token, money))
        return key.address

    def buying(self, address, *wants, rounds=2, accepts=EVERYTHING):
        """What a demander knows before anything happens."""
        return DemanderState(
            address=address,
            token=self.token,
            domain=self.domain,
            rhythm=RHYTHM,
            wants=HashTrieMap({want.id: want for want in wants}),
            order=tuple(want.id for want in wants),
            rounds_left=rounds,
            accepts=accepts,
            now=self.now,
        )

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

    @staticmethod
    def product(name, *steps, value, slots=(0, 5), due=5, lateness=0, partial=False):
        """A product for the slots from the first up to the second, worth less after slot `due`.

        Each step is its alternatives, (resource, units).
        """
        return Product(
            name.encode().ljust(32, b"\0"),
            tuple(tuple(Way(*way) for way in ways) for ways in steps),
            release=ORIGIN + slots[0] * LENGTH,
            due=ORIGIN + due * LENGTH,
            last=ORIGIN + slots[1] * LENGTH,
            value=value,
            lateness=lateness,
            late_every=LENGTH,
            partial=partial,
        )

    def buyer(self, name, *products, cycles=1, money=10**12, accepts=EVERYTHING, **changes):
        """Add a demander of products; return its address."""
        key = Key.derive("demander", name)
        purchases = {each.id: Purchase(each, cycles) for each in products}
        state = self.buying(key.address, accepts=accepts)
        state = replace(state, purchases=HashTrieMap(purchases), source=name.encode(), **changes)
        self._join(key, state, demander.step)
        if money:
            self.tell(Deposited(key.address, self.token, money))
        return key.address

    def _join(self, key, state, taking):
        self.keys[key.address], self.states[key.address] = key, state
        self.steps[key.address] = taking
        for event in self.past:
            self.give(key.address, Recorded(event))

    def does(self, address, move):
        """A participant's own move on the exchange, heard by all."""
        _, events = step(self.exchange, address, move, self.now)
        for event in events:
            self.tell(event)

    def attests(self, supplier, resource, slot, quantity):
        """The operator counts a slot anew."""
        known = self.exchange.slots[supplier, resource, slot]
        terms = (supplier, resource, HOUR, ORIGIN, LENGTH, slot, (quantity,))
        attestation = Attestation(*terms, known.version + 1, 10**9, 1)
        operator = Key.derive("op")
        signature = operator.sign(digest(self.domain, attestation))
        self.does(supplier, Attest(attestation, (OperatorSignature(operator.address, signature),)))

    # What happens

    def tell(self, event):
        """An event of the exchange, heard by all."""
        self.exchange = record(self.exchange, event)
        self.past.append(event)
        for address in self.states:
            self.give(address, Recorded(event))

    def give(self, address, given):
        """One step of one participant; nothing but a state and outputs may come of it."""
        self.states[address], outputs = self.steps[address](self.states[address], given)
        for output in outputs:
            match output:
                case Send():
                    assert output.until > self.now, "sent when it is of no more use"
                    self.say(output.message, output.to, *output.places)
                case Submit():
                    self.submits.append((address, output.move))
                    self.consents[id(output.move)] = output.consent
                case Tell():
                    self.told.append((address, output.news))
                case Postponed():
                    self.postponed.append((address, output.reason))
                case Ignored():
                    self.ignored.append((address, output.reason))
                    if output.is_proof:
                        self.proofs.append((address, given.message))

    def say(self, message, to, *places):
        """Sign a message with its author's key and put it on the wire."""
        message = signed_word(self.keys[message.author], self.domain, message)
        self.sent.append((message, to, places))
        if message not in self.said[-1:]:  # one message to many is said once
            self.said.append(message)
        message_digest = digest(self.domain, message)
        signature = self.keys[message.author].sign(message_digest)
        self.queue.append((to, Received(message, message_digest, signature, places)))

    def pump(self):
        while self.queue:
            address, received = self.queue.popleft()
            assert recover(received.digest, received.signature) == received.message.author
            if address in self.states:
                self.give(address, received)

    # Time

    def tick(self, now, *addresses):
        """Chain time comes to `now`, and these hear of it, or all."""
        self.now = max(self.now, now)
        for address in addresses or tuple(self.states):
            self.give(address, Ticked(self.now))

    def publish(self, *addresses):
        """Time passes to the half period before the next beat: demands are published."""
        self.beat = RHYTHM.opens_after(self.now)
        self.tick(max(self.now, self.beat - 2 * RHYTHM.quarter), *addresses)

    def choose(self, *addresses):
        """Offers are taken no longer: selections are made."""
        self.tick(RHYTHM.offers_until(self.beat), *addresses)

    def open(self, *addresses):
        """The beat: sessions open."""
        self.tick(self.beat, *addresses)

    def time_up(self, *addresses):
        """A round's time passes: whoever was silent is dropped."""
        self.tick(self.now + RHYTHM.quarter, *addresses)

    def end(self, *addresses):
        """The sessions of the beat are over."""
        self.tick(RHYTHM.ends(self.beat), *addresses)

    def until(self, last):
        """From demands to `last`, one of "publish", "choose", "open", and what is said then."""
        phases = ("publish", "choose", "open")
        for phase in phases[: phases.index(last) + 1]:
            getattr(self, phase)()
            self.pump()

    def rounds(self, cycles=1):
        """Cycles of the products' rounds pass, a quarter of a beat at a time."""
        length = Rounds(RHYTHM).length
        begun = self.now + -(self.now - RHYTHM.origin) % length
        for now in range(begun, begun + cycles * length, RHYTHM.quarter):
            self.tick(now)
            self.pump()
            self.settle()

    def round(self):
        """A whole cycle of the market, from demands to the end of its sessions."""
        self.until("open")
        self.settle()
        self.end()
        self.pump()

    def settle(self):
        """Settle what was submitted, signed where its author left that to the wire."""
        submits, self.submits = self.submits, []
        for address, move in submits:
            try:
                submit = Submit(move, self.consents.get(id(move)))
                whole = signed_move(self.keys[address], self.domain, submit)
                _, events = step(self.exchange, address, whole, self.now)
            except Reverted as error:
                self.refused.append(error.error)
                continue
            for event in events:
                self.settled.append(event)
                self.tell(event)

    # What came of it

    def purchases(self, *addresses):
        """By name, what became of the products of these demanders."""
        found = (each for at in addresses for each in self.states[at].purchases.values())
        return {each.product.id.rstrip(b"\0").decode(): each for each in found}

    def wants(self, address):
        state = self.states[address]
        assert set(state.order) == set(state.wants)
        return state.in_order()

    def states_of(self, address):
        return [want.state for want in self.wants(address)]

    def attempts(self, address):
        return [attempt.reason for want in self.wants(address) for attempt in want.attempts]

    def reasons(self, address):
        return [reason for who, reason in self.ignored if who == address]

    def heard(self, kind):
        """The messages of a kind that were said, each once, in order."""
        return list(dict.fromkeys(each for each in self.said if isinstance(each, kind)))

    def places(self, message):
        """All places that went with a message, by seat."""
        told = [place for said, _, places in self.sent if said == message for place in places]
        return {place.seat: place for place in sorted(told, key=lambda place: place.seat)}

    def awards(self, close):
        """What a close awards to each seat, units."""
        return tuple(place.value for place in self.places(close).values())

    def trades(self):
        """The trades that were submitted and not yet settled."""
        return [move.signed.trade for _, move in self.submits]

    def held(self, address):
        return self.exchange.account_of(address, self.token).balance


def turned(name="part", value=1_000, **other):
    """A product that is milled and then turned, five units each."""
    return Wire.product(name, [(MILL, 5)], [(LATHE, 5)], value=value, **other)
