"""Anne and Bert, who buy, and Cleo, who sells: real participants, their letters carried by hand."""

from rpds import HashTrieMap

from fabmarket.identity import Key, digest, keccak
from fabmarket.ledger.store import Block, Entry
from fabmarket.market.delivery import INSTANT, Delivery
from fabmarket.market.events import (
    Deployed,
    Deposited,
    Escrowed,
    Listed,
    ResourceRegistered,
    Settled,
)
from fabmarket.market.exchange import Settle, SettleEscrow
from fabmarket.market.messages import PriceTerms
from fabmarket.market.parameters import HOURS
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import listing_id, market_domain
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.wants import Choice, Want
from fabmarket.node import Answer, Journal, Participant
from fabmarket.node.outbox import move_of

DOMAIN = market_domain(31337, Key.derive("exchange contract").address)
TOKEN = Key.derive("token").address
RHYTHM = Rhythm(1_000, 60)
ORIGIN, LENGTH = 100_000, 1_000
HELD = Delivery(900, 43_200, 216_000, 0, 10_000, 5_000, 1_000, 10_000, 5_000)
"""Terms of delivery that the exchange takes."""
MILL = name_to_bytes32("mill")


class Town:
    """Everybody, the blocks so far, and the letters that lie still instead of being carried."""

    def __init__(self, concept="balanced", delivery=INSTANT):
        self.keys = {name: Key.derive(name) for name in ("anne", "bert", "cleo")}
        self.told, self.blocks, self.answers = [], [], []
        self.hear = self.told.append
        self.states = {
            "anne": self._demander("anne", 150, 40),
            "bert": self._demander("bert", 120, 30),
            "cleo": self._supplier(concept, delivery),
        }
        self.people = {name: self.start(name, Journal()) for name in self.keys}
        self.by_address = {each.address: each for each in self.people.values()}
        self.listing = listing_id(self.people["cleo"].address, MILL, 0, ORIGIN + LENGTH)

    def start(self, name, journal):
        """A participant from its journal, as a new process would."""
        step = supplier.step if name == "cleo" else demander.step

        def tell(told):
            self.hear(told)

        return Participant(self.keys[name], DOMAIN, step, self.states[name], journal, tell)

    def restart(self, name):
        """The same after a crash: only what was committed is left."""
        journal = Journal.restored(self.people[name].journal.dump())
        found = self.people[name] = self.start(name, journal)
        self.by_address[found.address] = found
        return found

    def _demander(self, name, worth, quantity):
        ways = (Choice(MILL, quantity, worth),)
        want = Want(keccak(name.encode()), ORIGIN, ORIGIN + LENGTH, True, ways)
        return DemanderState(
            address=self.keys[name].address,
            token=TOKEN,
            domain=DOMAIN,
            rhythm=RHYTHM,
            wants=HashTrieMap({want.id: want}),
            rounds_left=2,
            order=(want.id,),
        )

    def _supplier(self, concept, delivery):
        return SupplierState(
            address=self.keys["cleo"].address,
            domain=DOMAIN,
            rhythm=RHYTHM,
            resource=MILL,
            origin=ORIGIN,
            slot_length=LENGTH,
            terms=PriceTerms(concept, 2_000_000, 500_000, 10, 0, TOKEN),
            delivery=delivery,
        )

    def block(self, now, *events):
        """A block that all hear of."""
        entries = tuple(
            Entry(at, keccak(bytes([at, len(self.blocks)])), e) for at, e in enumerate(events)
        )
        number = len(self.blocks) + 1
        block = Block(number, keccak(bytes([number])), bytes(32), now, entries)
        self.blocks.append(block)
        for each in self.people.values():
            each.follow(block)

    def opened(self):
        """The market up to where its demands lie in the outboxes."""
        cleo = self.people["cleo"].address
        registered = ResourceRegistered(cleo, MILL, name_to_bytes32("hour"), ORIGIN, LENGTH)
        deposits = (Deposited(each, TOKEN, 10**6) for each in self.by_address)
        listed = Listed(self.listing, cleo, MILL, 0, 100, 100)
        self.block(1_001, Deployed(HOURS, cleo, cleo), registered, listed, *deposits)
        self.block(1_030)
        return self

    def letters(self, name):
        return self.people[name].journal.letters()

    def carry(self, *, of=("anne", "bert", "cleo"), least=0):
        """Deliver letters until nothing more follows; return how many."""
        count, moved = 0, True
        while moved:
            moved = False
            for name in of:
                for letter in self.letters(name):
                    heard = self.by_address[letter.recipient].receive(letter.body)
                    self.answers.append(heard)
                    if heard.answer is not Answer.POSTPONED:
                        self.people[name].journal.delivered(letter.number)
                        count, moved = count + 1, True
        assert count >= least
        return count

    def agreed(self):
        """The market up to where its trades are countersigned."""
        self.opened()
        self.carry(least=4)
        self.block(1_045)
        self.carry(least=2)
        self.block(1_060)
        self.carry(least=4)
        return self

    def settled(self):
        """The market up to where its trades are on the chain."""
        self.agreed()
        events = []
        for ordered in self.people["cleo"].journal.moves():
            move = move_of(ordered.body)
            assert isinstance(move, Settle | SettleEscrow)
            trade = move.signed.trade
            events.append(settled(trade))
            if isinstance(move, SettleEscrow):
                events.append(Escrowed(digest(DOMAIN, trade), trade, 1, 1_061))
        self.block(1_061, *events)
        return self

    def session(self):
        (session,) = self.people["cleo"].journal.sessions()
        return session


def settled(trade):
    """The event of a trade."""
    terms = trade.quantity << 192 | trade.unit_price << 64 | trade.nonce
    return Settled(trade.listing, trade.demander, digest(DOMAIN, trade), trade.token, terms)
