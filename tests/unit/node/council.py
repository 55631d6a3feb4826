"""Three operators, a supplier and a buyer: real participants, letters carried by hand, the twin.

The chain is the readable twin; what participants submit is mined when the test says so.
"""

from rpds import HashTrieMap

from fabmarket.identity import Key, digest, keccak
from fabmarket.identity.codec import encode
from fabmarket.ledger.store import Block, Entry
from fabmarket.market.events import Deployed, OperatorsSet, TokenSet
from fabmarket.market.exchange import (
    Attest,
    Deliver,
    Deposit,
    Dispute,
    Exchange,
    List,
    OperatorSignature,
    RegisterResource,
    Report,
    Reverted,
    SetOperators,
    SettleEscrow,
    SignedTrade,
    record,
    step,
)
from fabmarket.market.messages import PriceTerms
from fabmarket.market.parameters import HOURS
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import Attestation, Escrow, Operators, Trade, listing_id, market_domain
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation import demander, operator, supplier
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.duties import Ask, Endorse
from fabmarket.negotiation.moves import News
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.node import Answer, Journal, Participant
from fabmarket.node.envelope import Envelope
from fabmarket.node.outbox import move_of

DOMAIN = market_domain(31337, Key.derive("exchange contract").address)
TOKEN = Key.derive("token").address
RHYTHM = Rhythm(1_000, 60)
ORIGIN, LENGTH = 100_000, 3_600
MILL, HOUR = name_to_bytes32("mill"), name_to_bytes32("hour")
FOREVER = 10**9
STRANGER = Key.derive("council", "stranger")


class Council:
    """Everybody, and the chain. `judges` sign as operators; a party may be among them."""

    def __init__(self, judges=("ada", "ben", "cyd"), threshold=2):
        names = dict.fromkeys((*judges, "sam", "bea"))
        self.keys = {name: Key.derive("council", name) for name in names}
        self.now, self.blocks, self.told = 1_000, 0, []
        self.log = []  # of each block its number, events and time
        self.exchange = Exchange.undeployed(DOMAIN)
        self.judges = judges
        self.people = {name: self._start(name) for name in self.keys}
        self.by_address = {each.address: each for each in self.people.values()}
        operators = tuple(self.keys[name].address for name in judges)
        self._record(
            OperatorsSet(1, operators, threshold, self.now),
            TokenSet(TOKEN, True),
            Deployed(HOURS, STRANGER.address, STRANGER.address),
        )

    def _start(self, name):
        key = self.keys[name]
        if name == "sam":
            terms = PriceTerms("balanced", 2_000_000, 500_000, 10, 0, TOKEN)
            place = (MILL, ORIGIN, LENGTH)
            state = SupplierState(key.address, DOMAIN, RHYTHM, *place, terms)
            does = supplier.step
        elif name == "bea" and name not in self.judges:
            state = DemanderState(key.address, TOKEN, DOMAIN, RHYTHM, HashTrieMap(), 0)
            does = demander.step
        else:
            state, does = OperatorState(key.address, DOMAIN), operator.step

        def tell(told):
            if isinstance(told.news, News):
                self.told.append((name, told.news.line, dict(told.news.facts)))

        return Participant(key, DOMAIN, does, state, Journal(), tell)

    # The chain

    def _record(self, *events):
        for event in events:
            self.exchange = record(self.exchange, event)
        self._follow(events)

    def _follow(self, events):
        self.blocks += 1
        self.log.append((self.blocks, tuple(events), self.now))
        number = keccak(self.blocks.to_bytes(4, "big"))
        entries = tuple(Entry(at, keccak(number + bytes([at])), e) for at, e in enumerate(events))
        block = Block(self.blocks, number, bytes(32), self.now, entries)
        for each in self.people.values():
            each.follow(block)

    def does(self, name, move):
        """A move, mined and heard of by all; returns the contract's error, if it refuses."""
        address = self.keys[name].address if name in self.keys else STRANGER.address
        try:
            self.exchange, events = step(self.exchange, address, move, self.now, self.blocks)
        except Reverted as error:
            return error.error
        self._follow(events)
        return None

    def wait(self, seconds=1):
        """Time passes, and everybody hears of it."""
        self.now += seconds
        self._follow(())

    def mine(self):
        """Mine what is in the outboxes; returns what was mined, and the error where it failed."""
        mined = []
        for name, person in self.people.items():
            for each in person.journal.moves():
                move = move_of(each.body)
                with person.journal.writing():
                    person.journal.mined(each.number)
                mined.append((name, type(move).__name__, self.does(name, move)))
        return mined

    # Letters

    def carry(self, *names):
        """Deliver the letters of these, or of all; what is postponed lies still."""
        answers = []
        for name in names or self.people:
            person = self.people[name]
            for letter in person.journal.letters():
                heard = self.by_address[letter.recipient].receive(letter.body)
                answers.append(heard)
                if heard.answer is not Answer.POSTPONED:
                    person.journal.delivered(letter.number)
        return answers

    def tempt(self, name, message, key):
        """Somebody sends a participant a message; its reason where it is not taken, else None."""
        text = encode(Envelope(message, key.sign(digest(DOMAIN, message))))
        person = self.people[name]
        heard = person.receive(text, key.address)
        return None if heard.answer is Answer.TAKEN else heard.reason

    def lines(self, name, line):
        return [facts for who, said, facts in self.told if (who, said) == (name, line)]

    # What happens often

    def registered(self):
        assert self.does("sam", RegisterResource(MILL, HOUR, ORIGIN, LENGTH)) is None
        return self

    def asked(self, *quantities, first_slot=0, expiry=FOREVER):
        """The supplier asks; returns the digest of what it asks for."""
        self.people["sam"].order(Ask(first_slot, quantities or (10, 20), expiry))
        self.carry("sam")
        ((key, _),) = self.people["sam"].state.asking.asked.items()
        return key

    def all_sign(self, struct):
        """The signatures of all operators over a struct, in the contract's order."""
        keys = sorted((self.keys[name] for name in self.judges), key=lambda k: int(k.address, 16))
        signed = digest(DOMAIN, struct)
        return tuple(OperatorSignature(key.address, key.sign(signed)) for key in keys)

    def attest(self, *quantities, version):
        """The operators count anew, whoever asked them to."""
        sam, until = self.keys["sam"].address, FOREVER
        place = (sam, MILL, HOUR, ORIGIN, LENGTH, 0)
        counted = Attestation(*place, quantities, version, until, 1)
        assert self.does("stranger", Attest(counted, self.all_sign(counted))) is None

    def next_set(self, *judges, threshold=2):
        """The operators decide who follows them; it is so once their delay is over."""
        members = tuple(Key.derive("council", name).address for name in judges)
        deadline = self.now + 100
        decision = Operators(members, threshold, 1, self.exchange.decision_nonce, deadline)
        move = SetOperators(members, threshold, deadline, self.all_sign(decision))
        assert self.does("stranger", move) is None

    def escrowed(self, listed=10):
        """A trade of 3 units at 100 in escrow; returns its digest."""
        self.registered()
        key = self.asked(listed)
        for name in self.judges[:2]:
            self.people[name].order(Endorse((key,)))
            self.carry(name)
        assert self.mine() == [("sam", "Attest", None)]
        assert self.does("sam", List((Report(MILL, 0, listed),))) is None
        for name in ("sam", "bea"):
            assert self.does(name, Deposit(TOKEN, 10_000)) is None
        trade = self.trade()
        signed = digest(DOMAIN, trade)
        hands = (self.keys["bea"].sign(signed), self.keys["sam"].sign(signed))
        assert self.does("bea", SettleEscrow(SignedTrade(trade, *hands))) is None
        return signed

    def disputed(self, listed=10):
        """The same, delivered and disputed."""
        signed = self.escrowed(listed)
        trade = self.trade()
        self.now = ORIGIN + 10
        assert self.does("sam", Deliver(trade, 3)) is None
        self.now += 10
        assert self.does("bea", Dispute(trade, keccak(b"photo"))) is None
        self.told.clear()
        return signed

    def trade(self):
        end, day = ORIGIN + LENGTH, 86_400
        terms = Escrow(
            resource=MILL,
            slot=0,
            deliver_from=ORIGIN,
            deliver_by=end,
            dispute_by=end + day,
            decide_by=end + 5 * day,
            silence_share=10_000,
            undecided_share=5_000,
            bond=40,
        )
        listing = listing_id(self.keys["sam"].address, MILL, 0, end)
        buyer = self.keys["bea"].address
        return Trade(listing, buyer, TOKEN, 3, 100, end, nonce=0, escrow=terms)

    def hearing_over(self):
        self.wait(HOURS.hearing)
