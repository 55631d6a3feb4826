"""The twin without its contract: random moves in blocks, which can be taken back."""

from types import SimpleNamespace

from fabmarket.chain import ExchangeContract
from fabmarket.identity import Key, keccak
from fabmarket.ledger import Block, Entry
from fabmarket.market.events import Deployed, OperatorsSet, TokenSet
from fabmarket.market.exchange import Exchange, Reverted, record, step
from fabmarket.market.trade import market_domain
from tests.differential.conftest import PARAMETERS, People, Wallet

START = 1_767_225_600


class Alone:
    """As `conftest.Both` to those who draw moves; each move is a block of its own."""

    people = People

    def __init__(self):
        addresses = [Key.derive("alone", name).address for name in ("T", "U", "wallet", "market")]
        one, two, wallet, exchange = addresses
        self.tokens = (SimpleNamespace(address=one), SimpleNamespace(address=two))
        self.wallet, self.contract = Wallet(wallet), ExchangeContract(None, exchange)
        self.state = Exchange.undeployed(market_domain(31337, exchange))
        self.met, self.branch = set(), 0
        self.time, self.blocks, self.states = START, [], []
        operators = tuple(key.address for key in People.operators)
        since = START + 1 + PARAMETERS.operator_delay
        made = Deployed(PARAMETERS, one, two)
        first = OperatorsSet(1, operators, 2, since=since - PARAMETERS.operator_delay)
        events = (first, TokenSet(one, accepted=True), made)
        for event in events:
            self.state = record(self.state, event)
        self.mined(events, START + 1)

    @property
    def token(self):
        return self.tokens[0].address

    @property
    def now(self):
        return self.time + 1

    def mined(self, events, time):
        """A block with these events; its hash is that of all its past."""
        number, parent = len(self.blocks), self.blocks[-1].hash if self.blocks else bytes(32)
        name = keccak(parent + b"%d %d %d" % (number, time, self.branch))
        entries = tuple(Entry(2 * at, keccak(name), event) for at, event in enumerate(events))
        self.time = time
        self.blocks.append(Block(number, name, parent, time, entries))
        self.states.append(self.state)

    def skip(self, blocks):
        for _ in range(blocks):
            self.mined((), self.now)

    def play(self, key, move, at=None):
        """Make a move; one that is refused leaves an empty block."""
        now = self.now if at is None else at
        try:
            self.state, events = step(self.state, key.address, move, now, len(self.blocks))
        except Reverted:
            events = ()
        self.met.update(type(event).__name__ for event in events)
        self.mined(events, now)

    def fork(self, number):
        """Forget the blocks above one; what is played from now on is another branch."""
        del self.blocks[number + 1 :], self.states[number + 1 :]
        self.state, self.time = self.states[-1], self.blocks[-1].time
        self.branch += 1

    def copy(self):
        """Another that goes on from here."""
        twin = object.__new__(Alone)
        twin.__dict__.update(self.__dict__)
        twin.blocks, twin.states, twin.met = [*self.blocks], [*self.states], {*self.met}
        return twin
