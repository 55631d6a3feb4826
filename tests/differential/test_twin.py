"""The readable twin against the contract: random moves, the same events or the same named error.

FABMARKET_FUZZ=long plays 2,000 sequences instead of 60.
"""

import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabmarket.chain import (
    ExchangeContract,
    Sender,
    Settings,
    TokenContract,
    Transaction,
    exchange_code,
    open_engine,
    token_code,
)
from fabmarket.identity import Key, digest
from fabmarket.market.exchange import (
    Attest,
    Deposit,
    Exchange,
    ListCapacity,
    Listing,
    RegisterResource,
    Report,
    Reverted,
    Settle,
    Slot,
    Withdraw,
    record,
    step,
)
from fabmarket.market.trade import Attestation, Escrow, Trade, listing_id, market_domain
from fabmarket.market.units import name_to_bytes32

SEQUENCES = 2_000 if os.environ.get("FABMARKET_FUZZ") == "long" else 60
SEQUENCES_PER_CHAIN = 50
MOVES = 14
GAS = 1_500_000
U64, U128, U256 = 2**64 - 1, 2**128 - 1, 2**256 - 1
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
NOBODY = "0x" + "0" * 40

TRADERS = tuple(Key.derive("twin", "trader", str(i)) for i in range(3))
OPERATORS = tuple(Key.derive("twin", "operator", str(i)) for i in range(3))
STRANGER = Key.derive("twin", "stranger")
RESOURCES = (name_to_bytes32("m1"), name_to_bytes32("m2"))
UNITS = (name_to_bytes32("hour"), name_to_bytes32("piece"))
NONCES = (0, 1, 255, 256, U256)


class Ground:
    """A chain with funded traders and a token; every sequence gets its own exchange on it."""

    def __init__(self):
        self.engine = open_engine("embedded", Settings())
        sender = Sender(self.engine)
        for key in TRADERS:
            sender.queue(Transaction(self.engine.funder, "fund", key.address, b"", 21_000, 10**21))
        sender.queue(
            Transaction(self.engine.funder, "deploy", None, token_code("T", "T", 0), 3 * 10**6)
        )
        self.token = TokenContract(self.engine, sender.must_succeed()[-1].contract)
        for key in TRADERS:
            data = self.token.data("mint", key.address, 2**250)
            sender.queue(Transaction(key, "mint", self.token.address, data, 200_000))
        sender.must_succeed()
        self.played = 0

    def exchange(self):
        """Deploy an exchange; return its contract, a sender and the state its own logs give."""
        self.played += 1
        sender = Sender(self.engine)
        code = exchange_code(tuple(key.address for key in OPERATORS), 2, (self.token.address,))
        sender.queue(Transaction(self.engine.funder, "deploy", None, code, 5 * 10**6))
        (receipt,) = sender.must_succeed()
        contract = ExchangeContract(self.engine, receipt.contract)
        for key in TRADERS:
            data = self.token.data("approve", contract.address, U256)
            sender.queue(Transaction(key, "approve", self.token.address, data, 100_000))
        sender.must_succeed()
        state = Exchange(market_domain(self.engine.chain_id, contract.address))
        for event in map(contract.event, receipt.logs):
            state = record(state, event)
        return contract, sender, state


@pytest.fixture(scope="module")
def chains():
    """Short chains: the embedded engine slows down as its chain grows."""
    opened = []

    def ground():
        if not opened or opened[-1].played == SEQUENCES_PER_CHAIN:
            while opened:
                opened.pop().engine.close()
            opened.append(Ground())
        return opened[-1]

    yield ground
    while opened:
        opened.pop().engine.close()


def high_s(signature):
    s = int.from_bytes(signature[32:64], "big")
    return signature[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - signature[64]])


SPOILED = (
    high_s,
    lambda signature: signature[:64],
    lambda signature: signature + b"\0",
    lambda signature: b"",
    lambda signature: signature[:64] + bytes([signature[64] - 27]),
    lambda signature: signature[:64] + b"\x1d",
    lambda signature: bytes(64) + b"\x1b",
    lambda signature: ORDER.to_bytes(32, "big") + signature[32:],
    lambda signature: b"\x01" + signature[1:],
)


class Moves:
    """Draws moves that are likely to mean something in the state they meet."""

    def __init__(self, draw, token):
        self.draw = draw
        self.token = token
        self.settled = []

    def one(self, *values):
        return self.draw(st.sampled_from(values))

    def rarely(self, usual, *others):
        """`usual` nineteen times out of twenty."""
        return usual if self.draw(st.integers(0, 19)) else self.one(*others)

    def next(self, state, now, turn):
        # Without a listing and money nothing can settle; a sequence begins by trying for both.
        if turn < 4:
            return (self.register, self.attest, self.list, self.deposit)[turn](state, now)
        kinds = [self.register, self.attest, self.list, self.deposit, self.withdraw]
        if state.calendars:
            kinds += [self.attest] * 4
        if state.slots:
            kinds += [self.list] * 5
        if state.listings:
            kinds += [self.settle] * 12 + [self.deposit] * 2
        if self.settled:
            kinds.append(self.replay)
        return self.draw(st.sampled_from(kinds))(state, now)

    def register(self, state, now):
        origin = self.rarely(now - self.one(0, 4), now - 30, U64 - 3, 0)
        length = self.rarely(self.one(40, 12), 0, 1, U64, U64 - origin, U64 - origin + 1)
        resource, unit = self.one(*RESOURCES), UNITS[0]
        return self.one(*TRADERS), RegisterResource(resource, unit, origin, min(length, U64))

    def attest(self, state, now):
        owner, resource = self.one(*(state.calendars or {(TRADERS[0].address, RESOURCES[0]): None}))
        calendar = state.calendars.get((owner, resource))
        known = calendar.unit if calendar else UNITS[0]
        first = self.rarely(self.one(0, 0, 1), U64, U64 - 1)
        stored = [
            s.version for (who, of, _), s in state.slots.items() if (who, of) == (owner, resource)
        ]
        latest = max(stored, default=0)
        attestation = Attestation(
            supplier=owner,
            resource=resource,
            unit=self.rarely(known, UNITS[1]),
            first_slot=first,
            quantities=tuple(self.one(10, 10, 3, 0, U64) for _ in range(self.one(1, 2, 3, 0))),
            version=self.rarely(min(latest + 1, U64), 0, 1, latest, U64),
            expiry=self.rarely(now + 100, now - 1, now, now + 1, now + 3, U64),
        )
        return self.one(*TRADERS), Attest(attestation, self.operators(state.domain, attestation))

    def operators(self, domain, attestation):
        keys = self.rarely(
            self.one(OPERATORS[:2], OPERATORS[1:], OPERATORS),
            OPERATORS[:1],
            (),
            (OPERATORS[0], OPERATORS[0]),
            (OPERATORS[0], STRANGER),
            (*OPERATORS, STRANGER),
        )
        keys = sorted(keys, key=lambda key: int(key.address, 16))
        if self.rarely(False, True):
            keys.reverse()
        signed = digest(domain, self.rarely(attestation, replace(attestation, expiry=U64 - 1)))
        signatures = [key.sign(signed) for key in keys]
        if signatures and self.rarely(False, True):
            index = self.one(0, -1)
            signatures[index] = self.one(*SPOILED)(signatures[index])
        return tuple(signatures)

    def list(self, state, now):
        known = list(state.slots) or [(TRADERS[0].address, RESOURCES[0], 0)]
        caller, resource, slot = self.one(*known)
        reports = []
        for _ in range(self.rarely(self.one(1, 1, 2), 0, 3)):
            held = state.slots.get((caller, resource, slot), Slot())
            room = max(0, held.attested - held.committed)
            quantity = self.one(1, 5, room, min(room + 1, U64))
            reports.append(Report(resource, slot, self.rarely(quantity, 0, U64)))
            resource = self.rarely(resource, *RESOURCES, name_to_bytes32("m3"))
            slot = self.rarely(slot, 0, 1, U64)
        key = next(key for key in TRADERS if key.address == caller)
        return self.rarely(key, *TRADERS), ListCapacity(tuple(reports))

    def deposit(self, state, now):
        token = self.rarely(self.token, NOBODY, STRANGER.address)
        return self.one(*TRADERS), Deposit(token, self.rarely(self.one(100, 2**200), 0, 1))

    def withdraw(self, state, now):
        key = self.one(*TRADERS)
        held = state.balances.get((key.address, self.token), 0)
        amount = self.one(1, held // 2, held, held + 1, 0, U256)
        return key, Withdraw(self.rarely(self.token, STRANGER.address), amount)

    def settle(self, state, now):
        listing = self.one(*state.listings)
        at = state.listings[listing]
        seller = next(key for key in TRADERS if key.address == at.supplier)
        buyer = self.rarely(self.one(*(key for key in TRADERS if key is not seller)), seller)
        quantity = self.one(1, 2, at.available, min(at.available + 1, U64))
        trade = Trade(
            listing=self.rarely(listing, bytes(32)),
            demander=self.rarely(buyer.address, NOBODY),
            token=self.rarely(self.token, STRANGER.address),
            quantity=self.rarely(quantity, 0, U64),
            unit_price=self.rarely(self.one(1, 7, 2**100), 0, U128),
            valid_until=self.rarely(
                min(now + 5, at.slot_end),
                now - 1,
                now,
                now + 1,
                at.slot_end,
                min(at.slot_end + 1, U64),
            ),
            nonce=self.one(*NONCES),
            demander_epoch=self.rarely(0, 0, 1, U64),
            listing_epoch=self.rarely(0, 0, 1, U64),
            transcript=self.one(bytes(32), b"t" * 32),
            bundle=self.one(bytes(32), b"b" * 32),
            escrow=self.rarely(Escrow(), Escrow(), Escrow(deliver_by=1, undecided_share=5)),
        )
        signed = digest(state.domain, trade)
        signatures = [buyer.sign(signed), seller.sign(signed)]
        if self.rarely(False, True):
            signatures.reverse()
        if self.rarely(False, True):
            index = self.one(0, 1)
            signatures[index] = self.one(*SPOILED)(signatures[index])
        if self.rarely(False, True):
            trade = self.tampered(trade)
        self.settled.append(Settle(trade, *signatures))
        return self.one(*TRADERS), self.settled[-1]

    def tampered(self, trade):
        name = self.one("quantity", "unit_price", "nonce", "transcript", "bundle", "demander")
        value = {
            "transcript": b"x" * 32,
            "bundle": b"x" * 32,
            "demander": self.one(*TRADERS).address,
        }.get(name, 3)
        return replace(trade, **{name: value})

    def replay(self, state, now):
        return self.one(*TRADERS), self.one(*self.settled)


class Both:
    """One exchange twice: the twin's state and the contract. Every move must agree."""

    def __init__(self, ground):
        self.engine, self.token = ground.engine, ground.token
        self.contract, self.sender, self.state = ground.exchange()
        self.folded = self.state
        self.met = set()

    @property
    def now(self):
        """The chain time at which the next move is made."""
        return self.engine.now() + 1

    def play(self, key, move):
        """Make a move on both; return the events' names or the error's."""
        now = self.now
        try:
            self.state, said = step(self.state, key.address, move, now)
            refused = None
        except Reverted as error:
            said, refused = (), (error.error, error.values)
        events, why = self.on_chain(key, move)
        assert self.engine.now() == now
        assert (events, why) == (said, refused), f"{move} at {now}"
        for event in events:
            self.folded = record(self.folded, event)
        names = [refused[0]] if refused else [type(event).__name__ for event in events]
        self.met.update(names)
        return names

    def on_chain(self, key, move):
        data = self.contract.move_data(move)
        self.sender.queue(Transaction(key, "move", self.contract.address, data, GAS))
        ((_, receipt),) = self.sender.flush()
        if receipt.status == 1:
            events = (self.contract.event(log) for log in receipt.logs)
            return tuple(event for event in events if event is not None), None
        # Nothing has changed, so the call meets there what the transaction met, time included.
        error = self.contract.why(key.address, data, receipt.block)
        assert error is not None, f"{move} failed on chain but not when called again"
        return (), (error.error, error.values)

    def same_storage(self):
        """Compare every number of the twin with the contract's storage, and some absent ones."""
        state, contract, token = self.state, self.contract, self.token
        assert state == self.folded
        held = dict.fromkeys(((key.address, token.address) for key in TRADERS), 0)
        for (account, of), amount in {**held, **state.balances}.items():
            assert contract.balance_of(account, of) == amount
        for account, nonce in state.used_nonces | {(key.address, 1) for key in TRADERS}:
            assert contract.nonce_used(account, nonce) == ((account, nonce) in state.used_nonces)
        for where, slot in {(TRADERS[0].address, RESOURCES[1], 7): Slot(), **state.slots}.items():
            assert contract.slot_of(*where) == slot
            stored = contract.listing_of(listing_id(*where))
            none = Listing(NOBODY, 0, 0, bytes(32), 0)
            assert stored == state.listings.get(listing_id(*where), none)
        owed = sum(amount for (_, of), amount in state.balances.items() if of == token.address)
        assert token.balance_of(contract.address) == owed


@settings(
    max_examples=SEQUENCES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_the_twin_and_the_contract_agree_on_every_move(chains, data):
    both = Both(chains())
    moves = Moves(data.draw, both.token.address)
    for turn in range(MOVES):
        both.play(*moves.next(both.state, both.now, turn))
    both.same_storage()


def test_every_error_and_every_event_is_met(chains):
    both = Both(chains())
    seller, buyer, third = TRADERS
    mill, unit, token = RESOURCES[0], UNITS[0], both.token.address
    origin = both.now - 5

    def attest(**terms):
        usual = Attestation(seller.address, mill, unit, 0, (10, 20), 1, U64)
        signers = terms.pop("signers", sorted(OPERATORS[:2], key=lambda k: int(k.address, 16)))
        attestation = replace(usual, **terms)
        signed = digest(both.state.domain, attestation)
        return both.play(third, Attest(attestation, tuple(k.sign(signed) for k in signers)))

    def listed(*reports):
        return both.play(seller, ListCapacity(tuple(Report(*report) for report in reports)))

    def settle(by=None, **terms):
        end = both.state.listings[listing_id(seller.address, mill, 1)].slot_end
        usual = Trade(
            listing_id(seller.address, mill, 1), buyer.address, token, 2, 7, end, nonce=256
        )
        trade = replace(usual, **terms)
        signed = digest(both.state.domain, trade)
        return both.play(third, Settle(trade, (by or buyer).sign(signed), seller.sign(signed)))

    assert attest() == ["NotRegistered"]
    assert both.play(seller, RegisterResource(mill, unit, 0, 0)) == ["BadSlotLength"]
    assert both.play(seller, RegisterResource(mill, unit, 1, U64)) == ["BadSlotLength"]
    register = RegisterResource(mill, unit, origin, 30)
    assert both.play(seller, register) == ["ResourceRegistered"]
    assert both.play(seller, register) == ["AlreadyRegistered"]
    assert listed((mill, 0, 1)) == ["NotAttested"]
    assert attest(unit=UNITS[1]) == ["WrongUnit"]
    assert attest(expiry=both.now) == ["AttestationExpired"]
    assert attest(signers=OPERATORS[:1]) == ["TooFewSignatures"]
    assert attest(signers=(OPERATORS[0], OPERATORS[0])) == ["BadOperatorSignature"]
    assert attest(signers=(STRANGER, OPERATORS[0])) == ["BadOperatorSignature"]
    assert attest(first_slot=U64) == ["SlotOutOfRange"]
    assert attest(version=0) == ["StaleVersion"]
    assert attest() == ["SlotAttested", "SlotAttested"]
    assert attest(first_slot=1) == ["StaleVersion"]
    assert listed((mill, 0, 0)) == ["ZeroQuantity"]
    assert listed((mill, 1, 20), (mill, 0, 11)) == ["OverReported"]
    assert listed((mill, 1, 15), (mill, 0, 10), (mill, 1, 5)) == ["Listed"] * 3
    while both.now < origin + 30:
        both.play(seller, ListCapacity(()))
    assert listed((mill, 0, 1)) == ["SlotEnded"]
    assert both.play(buyer, Deposit(third.address, 1)) == ["TokenNotAccepted"]
    assert both.play(buyer, Deposit(token, 0)) == ["ZeroAmount"]
    assert settle() == ["InsufficientBalance"]
    assert both.play(buyer, Deposit(token, 20)) == ["Deposited"]
    assert both.play(buyer, Withdraw(token, 0)) == ["ZeroAmount"]
    assert both.play(buyer, Withdraw(token, 21)) == ["InsufficientBalance"]
    assert settle(quantity=0) == ["ZeroQuantity"]
    assert settle(unit_price=0) == ["ZeroPrice"]
    assert settle(listing=bytes(32)) == ["UnknownListing"]
    assert settle(valid_until=both.now) == ["TradeExpired"]
    assert settle(valid_until=origin + 61) == ["ValidPastSlot"]
    assert settle(demander_epoch=1) == ["WrongEpoch"]
    assert settle(listing_epoch=U64) == ["WrongEpoch"]
    assert settle(demander=seller.address) == ["SelfTrade"]
    assert settle(by=third) == ["BadSignature"]
    assert settle(demander=NOBODY) == ["BadSignature"]
    assert settle(escrow=Escrow(accept_by=1)) == ["BadSignature"]
    assert settle(quantity=21, unit_price=1) == ["InsufficientListing"]
    assert settle(unit_price=11) == ["InsufficientBalance"]
    assert settle() == ["Settled"]
    assert settle() == ["NonceUsed"]
    assert settle(nonce=257, quantity=18, unit_price=1) == ["InsufficientBalance"]
    assert both.play(seller, Withdraw(token, 14)) == ["Withdrawn"]
    both.same_storage()
    assert both.met == {
        *("ResourceRegistered", "SlotAttested", "Listed", "Deposited", "Withdrawn", "Settled"),
        *("NotRegistered", "AlreadyRegistered", "BadSlotLength", "SlotOutOfRange", "WrongUnit"),
        *("StaleVersion", "AttestationExpired", "TooFewSignatures", "BadOperatorSignature"),
        *("NotAttested", "OverReported", "ZeroQuantity", "SlotEnded", "TokenNotAccepted"),
        *("ZeroAmount", "InsufficientBalance", "UnknownListing", "InsufficientListing"),
        *("ZeroPrice", "TradeExpired", "ValidPastSlot", "NonceUsed", "WrongEpoch", "SelfTrade"),
        "BadSignature",
    }
