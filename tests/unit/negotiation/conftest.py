"""A market without nodes: real keys and steps, messages carried by hand, the twin as the chain.

Time passes by the market's rhythm: demands, selections, the beat, the end of its sessions.
"""

from collections import deque
from dataclasses import replace

import pytest
from rpds import HashTrieMap

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
from fabmarket.market.exchange import (
    Exchange,
    Reverted,
    Settle,
    SettleBatch,
    record,
    step,
)
from fabmarket.market.messages import Claim, Member, Opening, PriceTerms, Reply
from fabmarket.market.parameters import HOURS
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import listing_id, market_domain, nonce_of
from fabmarket.market.units import MICRO, NO_LIMIT, name_to_bytes32
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.course import member_of
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.hosting import (
    addressed,
    hear,
    host,
    next_word,
    roster_of,
    said,
    seated,
)
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
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Choice, Want

ORIGIN, LENGTH = 100_000, 1_000
RESOURCE, HOUR = name_to_bytes32("mill"), name_to_bytes32("hour")
RHYTHM = Rhythm(origin=50_000, period=60)
STRANGER = Key.derive("stranger")
OTHER_SEAT = Member(STRANGER.address, b"s" * 32, b"t" * 32, 5, True, 7)


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
        self.exchange = Exchange(self.domain)
        operator, escrow, net = (Key.derive(name).address for name in ("op", "escrow", "net"))
        self.tell(OperatorsSet(1, (operator,), 1, self.now))
        self.tell(TokenSet(self.token, True))
        self.tell(Deployed(HOURS, escrow, net))

    # Who takes part

    def supplier(self, name, room=100, *, resource=RESOURCE, slots=(0,), batch=False, **terms):
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
                usual["concept"], usual["a"], usual["b"], usual["maintenance"], 0, self.token
            ),
            batch=batch,
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
        state = self.buying(key.address, *wants, rounds=rounds)
        self._join(key, state, demander.step)
        self.tell(Deposited(key.address, self.token, money))
        return key.address

    def buying(self, address, *wants, rounds=2):
        """What a demander knows before anything happens."""
        return DemanderState(
            address=address,
            token=self.token,
            domain=self.domain,
            rhythm=RHYTHM,
            wants=HashTrieMap({want.id: want for want in wants}),
            order=tuple(want.id for want in wants),
            rounds_left=rounds,
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

    def round(self):
        """A whole cycle of the market, from demands to the end of its sessions."""
        self.until("open")
        self.settle()
        self.end()
        self.pump()

    def settle(self):
        """Settle what was submitted, countersigned where the supplier left that to the wire."""
        submits, self.submits = self.submits, []
        for address, move in submits:
            try:
                _, events = step(self.exchange, address, self._filled(address, move), self.now)
            except Reverted as error:
                self.refused.append(error.error)
                continue
            for event in events:
                self.settled.append(event)
                self.tell(event)

    def _filled(self, address, move):
        def countersigned(signed):
            assert signed.supplier == b""
            return replace(
                signed, supplier=self.keys[address].sign(digest(self.domain, signed.trade))
            )

        match move:
            case Settle(signed):
                return Settle(countersigned(signed))
            case SettleBatch(trades):
                return SettleBatch(tuple(map(countersigned, trades)))
            case _:
                return move

    # What came of it

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


class Trap(Wire):
    """One honest demander in front of one supplier that the test plays by hand.

    Seats of others in its sessions reply `greed` units at any price.
    """

    def __init__(self, *wants, **terms):
        super().__init__()
        self.greed = 0
        self.hosted = None
        self.seller = self.supplier("hostile", slots=(0, 1), **terms)
        self.honest = self.demander("honest", *(wants or [self.want("task", (RESOURCE, 10, 100))]))
        self.until("publish")
        self.choose()
        self.selections = [received.message for _, received in self.queue]
        self.queue.clear()
        # From here on the seller says only what the test says for it.
        self.steps[self.seller] = deaf
        self.open()

    def seat(self, index=0):
        selection = self.selections[index]
        return member_of(selection, digest(self.domain, selection), nonce_of(0, 95))

    def opening(self, *members, **changes):
        """The opening for these members, or the honest one alone, and the places it shows it."""
        members = members or tuple(self.seat(index) for index in range(len(self.selections)))
        offer = self.states[self.honest].wants[self.selections[0].sub_task].offer
        fields = {
            "supplier": self.seller,
            "listing": offer.listing,
            "slot_end": offer.slot_end,
            "terms": offer.terms,
            "seats": len(members),
            "roster": roster_of(members)[0].hash,
            "round_time": RHYTHM.quarter,
            "ends": RHYTHM.ends(self.beat),
            **changes,
        }
        mine = [digest(self.domain, selection) for selection in self.selections]
        places = [place for _, own in seated(members) for place in own if place.selection in mine]
        return Opening(**fields), *places

    def host(self, *members, **changes):
        """Open a session with these members and play its supplier."""
        members = members or tuple(self.seat(index) for index in range(len(self.selections)))
        opening, *places = self.opening(*members, **changes)
        assert self.tempt(opening, *places) is None
        self.hosted = host(opening, digest(self.domain, opening), members)

    def due(self, *, time_up=False):
        """What an honest supplier would say next to the honest demander, and its places."""
        word = next_word(self.hosted, time_up=time_up)
        return word.message, *dict(addressed(self.hosted, word))[self.honest]

    def advance(self, *, time_up=False):
        """Play the supplier honestly for one word, and hear what all answer to it."""
        word = next_word(self.hosted, time_up=time_up)
        message, *places = self.due(time_up=time_up)
        before = len(self.said)
        assert self.tempt(message, *places) is None
        self.hosted = said(self.hosted, word, digest(self.domain, message))
        if self.hosted.close is not None:
            return
        answers = [each for each in self.said[before:] if isinstance(each, Reply | Claim)]
        for answer in (*answers, *self._of_others(word)):
            self.hosted = hear(self.hosted, answer, digest(self.domain, answer))

    def _of_others(self, word):
        last = self.hosted.rounds[-1]
        for at, member in enumerate(self.hosted.members):
            if member.demander != self.honest and at not in self.hosted.dropped:
                about = (member.demander, self.hosted.id, at, last.digest)
                if word.message.final:
                    yield Claim(*about, min(self.greed, last.due[at]), 0)
                else:
                    yield Reply(*about, self.greed * MICRO)

    def to_the_close(self):
        """Play the supplier honestly until only its last word is due."""
        while not (self.hosted.rounds and self.hosted.rounds[-1].quote.final):
            self.advance()

    @property
    def talk(self):
        """The session or bargain as the honest demander follows it."""
        ((_, talk),) = self.states[self.honest].talks.items()
        return talk

    def tempt(self, message, *places):
        """Send the honest demander a message; return what it refuses it for, or None."""
        before = self.states[self.honest]
        ignored, postponed = len(self.ignored), len(self.postponed)
        self.say(message, self.honest, *places)
        self.pump()
        refused = [*self.ignored[ignored:], *self.postponed[postponed:]]
        if not refused:
            return None
        assert self.states[self.honest] == before
        return refused[-1][1]


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def trap():
    return Trap
