"""The same exchange twice, as twin and as contract on the embedded chain, and people to use it."""

import pytest

from fabmarket.chain import (
    TRANSACTION_GAS,
    ExchangeContract,
    Sender,
    Settings,
    TokenContract,
    Transaction,
    escrow_code,
    exchange_code,
    move_of,
    net_code,
    token_code,
)
from fabmarket.chain.calls import gas_limit
from fabmarket.chain.embedded import EmbeddedEngine
from fabmarket.identity import Key, digest
from fabmarket.market.events import Settled
from fabmarket.market.exchange import (
    Account,
    Exchange,
    Held,
    Listing,
    Posted,
    Proof,
    Reverted,
    Slot,
    record,
    step,
)
from fabmarket.market.exchange.terms import all_held
from fabmarket.market.parameters import Parameters
from fabmarket.market.trade import TIME_LIMIT, Confirmation, listing_id, market_domain
from fabmarket.market.units import name_to_bytes32

GAS = 1_500_000
NOBODY = "0x" + "0" * 40
# Short windows, of different lengths, so that a few moves meet every deadline.
PARAMETERS = Parameters(
    operator_delay=11,
    delivery_window=3,
    dispute_window=4,
    hearing=2,
    decision_window=5,
    ruling_window=6,
    grace_time=7,
    grace_blocks=3,
    longest_life=400,
    deposit_share=500,
)


def holds_forged_proof(move):
    """Whether a batch holds, beside what settles, a signature whose r of 0 reads as a proof."""
    trades = getattr(move, "trades", ())
    hands = [hand for each in trades for hand in (each.demander, each.supplier)]
    return any(isinstance(hand, bytes) and hand[:32] == bytes(32) for hand in hands)


class People:
    """Everyone who takes part; `traders` have coin for gas and tokens."""

    traders = tuple(Key.derive("twin", "trader", str(i)) for i in range(3))
    operators = tuple(Key.derive("twin", "operator", str(i)) for i in range(3))
    stranger = Key.derive("twin", "stranger")
    mill, lathe = name_to_bytes32("m1"), name_to_bytes32("m2")
    hour, piece = name_to_bytes32("hour"), name_to_bytes32("piece")


class Wallet:
    """An account that is a contract; it answers a question with the first word of the proof."""

    YES = bytes.fromhex("1626ba7e").ljust(32, b"\0")  # what ERC-1271 wants to hear
    CODE = bytes.fromhex("6020606460003760206000f3")

    def __init__(self, address):
        self.address = address

    def sign(self, asked):
        return Proof(self.YES, confirmed=True)

    def confirm(self, domain, agreed):
        """Sign the digest of what others sign too."""
        return self.sign(digest(domain, Confirmation(self.address, agreed)))


class Rewindable(EmbeddedEngine):
    """The embedded chain, whose time can jump ahead and which can forget its latest blocks."""

    def set_next_time(self, seconds):
        """Let the next block come at a time after the latest block's; later ones follow on it."""
        assert seconds > self.now()
        self._backend.chain.set_header_timestamp(seconds)

    def snapshot(self):
        """Return what `restore` needs to come back to the latest block."""
        return self._backend.take_snapshot()

    def restore(self, snapshot):
        """Forget every block after the one of the snapshot, as if none had been mined."""
        self._backend.revert_to_snapshot(snapshot)
        self._logs = {at: logs for at, logs in self._logs.items() if at <= self.block_number()}
        self._pin_next_time()


class Ground:
    """A chain with funded traders, two tokens and a new exchange that takes the first of them."""

    def __init__(self):
        self.engine = Rewindable(Settings())
        sender, funder = Sender(self.engine), self.engine.funder
        for key in People.traders:
            sender.queue(Transaction(funder, "fund", key.address, b"", 21_000, 10**21))
        for name in ("T", "U"):
            code = token_code(name, name, 0)
            sender.queue(Transaction(funder, "deploy", None, code, 3 * 10**6))
        *_, one, two = sender.must_succeed()
        self.tokens = tuple(TokenContract(self.engine, each.contract) for each in (one, two))
        for code in (escrow_code(PARAMETERS), net_code(PARAMETERS)):
            sender.queue(Transaction(funder, "deploy", None, code, 8 * 10**6))
        modules = [module.contract for module in sender.must_succeed()]
        operators, tokens = [key.address for key in People.operators], [self.tokens[0].address]
        code = exchange_code(tuple(operators), 2, tuple(tokens), PARAMETERS, *modules)
        sender.queue(Transaction(funder, "deploy", None, code, 8 * 10**6))
        (receipt,) = sender.must_succeed()
        self.contract = ExchangeContract(self.engine, receipt.contract)
        length = bytes([len(Wallet.CODE)])
        copied = b"\x60" + length + b"\x60\x0c\x60\0\x39\x60" + length + b"\x60\0\xf3"
        sender.queue(Transaction(funder, "deploy", None, copied + Wallet.CODE, 200_000))
        (created,) = sender.must_succeed()
        self.wallet = Wallet(created.contract)
        for key in People.traders:
            for token in self.tokens:
                for data in (
                    token.data("mint", key.address, 2**250),
                    token.data("approve", self.contract.address, 2**256 - 1),
                ):
                    sender.queue(Transaction(key, "prepare", token.address, data, 200_000))
        sender.must_succeed()
        state = Exchange.undeployed(market_domain(self.engine.chain_id, self.contract.address))
        for event in map(self.contract.event, receipt.logs):
            state = record(state, event)
        self.state = state


class Both:
    """One exchange twice: the twin's state and the contract. Every move must agree."""

    people = People

    def __init__(self, ground):
        self.engine, self.contract, self.tokens = ground.engine, ground.contract, ground.tokens
        self.state = self.folded = ground.state
        self.wallet = ground.wallet
        self.sender = Sender(self.engine)
        self.met, self.settled = set(), set()

    @property
    def token(self):
        return self.tokens[0].address

    @property
    def now(self):
        """The chain time at which the next move is made, unless it is played at a later one."""
        return self.engine.now() + 1

    def skip(self, blocks):
        """Let empty blocks pass, a second each."""
        for _ in range(blocks):
            self.engine.mine([])

    def play(self, key, move, at=None):
        """Make a move on both; return the events' names or the error's."""
        now = self.now if at is None else at
        self.engine.set_next_time(now)
        block = self.engine.block_number() + 1
        try:
            self.state, said = step(self.state, key.address, move, now, block)
            refused = None
        except Reverted as error:
            said, refused = (), (error.error, error.values)
        events, why = self.on_chain(key, move)
        assert self.engine.now() == now
        assert (events, why) == (said, refused), f"{move} at {now}"
        for event in events:
            self.folded = record(self.folded, event)
            if isinstance(event, Settled):
                self.settled.add(event.trade)
        names = [refused[0]] if refused else [type(event).__name__ for event in events]
        self.met.update(names)
        return names

    def on_chain(self, key, move):
        data = self.contract.move_data(move)
        self.sender.queue(Transaction(key, "move", self.contract.address, data, GAS))
        ((_, receipt),) = self.sender.flush()
        if receipt.status == 1:
            # What an audit reads is what was sent.
            assert holds_forged_proof(move) or self.contract.move_data(move_of(data)) == data
            assert receipt.gas_used < gas_limit(move) <= TRANSACTION_GAS, move
            events = (self.contract.event(log) for log in receipt.logs)
            return tuple(event for event in events if event is not None), None
        # Nothing has changed, so the call meets there what the transaction met, time included.
        error = self.contract.why(key.address, data, receipt.block)
        assert error is not None, f"{move} failed on chain but not when called again"
        return (), (error.error, error.values)

    def same_storage(self):
        """Compare every number of the twin with the contract's storage, and some absent ones."""
        state, contract, (token, _) = self.state, self.contract, self.tokens
        assert state == self.folded
        now = self.engine.now()
        assert contract.parameters() == state.parameters
        assert contract.operator_set() == state.operator_set(now)
        pending = (state.next_set, state.next_since) if now < state.next_since else (0, 0)
        assert contract.next_operator_set() == pending
        for number, operators in state.operator_sets.items():
            assert contract.operators_of(number) == (operators.members, operators.threshold)
        assert contract.decision_nonce() == state.decision_nonce
        assert contract.paused_until() == state.paused_until
        assert {each.address for each in self.tokens if contract.accepts(each.address)} == (
            state.tokens
        )
        absent = {(key.address, token.address): Account() for key in People.traders}
        for (account, of), value in {**absent, **state.accounts}.items():
            assert contract.account_of(account, of) == value
        for key in (*People.traders, self.wallet):
            assert contract.intent_nonce(key.address) == state.intent_nonces.get(key.address, 0)
        seller = People.traders[0].address
        for where, slot in {(seller, People.lathe, 7): Slot(), **state.slots}.items():
            assert contract.slot_of(*where) == slot
            assert contract.seal_of(*where) == state.seals.get(where, bytes(32))
            calendar = state.calendars.get(where[:2])
            if calendar is not None and calendar.end(where[2]) < TIME_LIMIT:
                listing = listing_id(*where, calendar.end(where[2]))
                stored = state.listings.get(listing, Listing(NOBODY))
                assert contract.listing_of(listing) == stored
        for listing, stored in state.listings.items():
            assert contract.listing_of(listing) == stored
        for trade in {*state.held, *self.settled}:
            assert contract.held_of(trade) == state.held.get(trade, Held())
            assert contract.ruling_of(trade) == state.rulings.get(trade, Posted())
        for each in self.tokens:
            owed = state.owed.get(each.address, 0)
            assert contract.total_of(each.address) == owed
            assert each.balance_of(contract.address) == owed == self.balances(each.address)

    def balances(self, token):
        """All that the twin's accounts and escrows hold of a token."""
        state = self.state
        free = sum(each.balance for (_, of), each in state.accounts.items() if of == token)
        return free + sum(
            all_held(state.escrows[trade], held, state.parameters)
            for trade, held in state.held.items()
            if state.escrows[trade].token == token
        )


class Stage:
    """A scene that many sequences start from; the chain forgets each sequence before the next."""

    def __init__(self, ground, prepare):
        self.ground = ground
        both = Both(ground)
        self.prepared = prepare(both)
        self.ground.state = both.state
        self.snapshot = ground.engine.snapshot()

    def enter(self):
        self.ground.engine.restore(self.snapshot)
        return Both(self.ground)


@pytest.fixture(scope="module")
def stage():
    """Open a stage: a new chain on which `prepare` has played."""
    opened = []

    def open_stage(prepare):
        ground = Ground()
        opened.append(ground.engine)
        return Stage(ground, prepare)

    yield open_stage
    for engine in opened:
        engine.close()
