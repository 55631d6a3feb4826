"""The twin by itself; tests/differential holds it against the contract."""

import random
from dataclasses import replace

import pytest

from fabmarket.identity import BadValue, Key, digest
from fabmarket.market.events import (
    Deposited,
    Listed,
    OperatorsSet,
    ResourceRegistered,
    Settled,
    SlotAttested,
    TokensSet,
    Withdrawn,
)
from fabmarket.market.exchange import (
    Attest,
    Calendar,
    Deposit,
    Exchange,
    Inconsistent,
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
from fabmarket.scenario import TABLE_1

TOKEN, OTHER_TOKEN = (Key.derive("exchange", "token", str(i)).address for i in range(2))
NOBODY = "0x" + "0" * 40
DOMAIN = market_domain(31337, "0x00000000000000000000000000000000FaB0CafE")
SELLER, BUYER, STRANGER = (Key.derive("exchange", name) for name in ("seller", "buyer", "x"))
OPERATORS = sorted(
    (Key.derive("exchange", "operator", str(i)) for i in range(3)),
    key=lambda key: int(key.address, 16),
)
M1, M2, HOUR = map(name_to_bytes32, ("m1", "m2", "hour"))
NOW = 1_000
END = 2_000 + 3_600  # of slot 0
LISTING = listing_id(SELLER.address, M1, 0)

NEW = record(
    record(Exchange(DOMAIN), OperatorsSet(tuple(key.address for key in OPERATORS), 2)),
    TokensSet((TOKEN,)),
)


def attest(signers=OPERATORS[:2], **terms):
    usual = Attestation(SELLER.address, M1, HOUR, 0, (10, 20), 1, 9_999)
    attestation = replace(usual, **terms)
    signed = digest(DOMAIN, attestation)
    return Attest(attestation, tuple(key.sign(signed) for key in signers))


def settle(buyer=BUYER, seller=SELLER, **terms):
    usual = Trade(LISTING, BUYER.address, TOKEN, 3, 100, NOW + 60, nonce=5)
    trade = replace(usual, **terms)
    signed = digest(DOMAIN, trade)
    return Settle(trade, buyer.sign(signed), seller.sign(signed))


def reports(*each):
    return ListCapacity(tuple(Report(*report) for report in each))


def played(state, *moves, now=NOW):
    for key, move in moves:
        state, _ = step(state, key.address, move, now)
    return state


REGISTER = RegisterResource(M1, HOUR, 2_000, 3_600)
REGISTERED = played(NEW, (SELLER, REGISTER))
ATTESTED = played(REGISTERED, (STRANGER, attest()))
LISTED = played(ATTESTED, (SELLER, reports((M1, 0, 8))))
FUNDED = played(LISTED, (BUYER, Deposit(TOKEN, 1_000)))
SETTLED = played(FUNDED, (STRANGER, settle()))
SHORT = attest().signatures[:1]
SAME = SHORT * 2

REFUSED = {
    "slot of no length": (NEW, SELLER, RegisterResource(M1, HOUR, 0, 0), ("BadSlotLength", 0)),
    "registered twice": (REGISTERED, SELLER, REGISTER, ("AlreadyRegistered", SELLER.address, M1)),
    "nothing registered": (NEW, SELLER, attest(), ("NotRegistered", SELLER.address, M1)),
    "other unit": (REGISTERED, SELLER, attest(unit=M2), ("WrongUnit", M1, M2, HOUR)),
    "attested too late": (
        REGISTERED,
        SELLER,
        attest(expiry=NOW, first_slot=4),
        ("AttestationExpired", M1, 4, NOW),
    ),
    "one signature of two": (
        REGISTERED,
        SELLER,
        Attest(attest().attestation, SHORT),
        ("TooFewSignatures", 1, 2),
    ),
    "one operator twice": (
        REGISTERED,
        SELLER,
        Attest(attest().attestation, SAME),
        ("BadOperatorSignature", 1, OPERATORS[0].address),
    ),
    "operators in the wrong order": (
        REGISTERED,
        SELLER,
        attest(signers=OPERATORS[1::-1]),
        ("BadOperatorSignature", 1, OPERATORS[0].address),
    ),
    "no operator": (
        REGISTERED,
        SELLER,
        attest(signers=[STRANGER, STRANGER]),
        ("BadOperatorSignature", 0, STRANGER.address),
    ),
    "cut signature": (
        REGISTERED,
        SELLER,
        Attest(attest().attestation, (b"", b"")),
        ("BadOperatorSignature", 0, NOBODY),
    ),
    "slot after the end of time": (
        REGISTERED,
        SELLER,
        attest(first_slot=2**64 - 1),
        ("SlotOutOfRange", M1, 2**64 - 1),
    ),
    "version seen": (ATTESTED, SELLER, attest(first_slot=1), ("StaleVersion", M1, 1, 1, 1)),
    "list nothing": (ATTESTED, SELLER, reports((M1, 0, 0)), ("ZeroQuantity",)),
    "false type": (ATTESTED, SELLER, reports((M2, 0, 7)), ("NotAttested", M2, 0, 7, 0)),
    "another's capacity": (ATTESTED, BUYER, reports((M1, 0, 7)), ("NotAttested", M1, 0, 7, 0)),
    "exaggerated": (
        LISTED,
        SELLER,
        reports((M1, 0, 1), (M1, 0, 2)),
        ("OverReported", M1, 0, 2, 10, 9),
    ),
    "other token": (NEW, BUYER, Deposit(OTHER_TOKEN, 5), ("TokenNotAccepted", OTHER_TOKEN)),
    "deposit nothing": (NEW, BUYER, Deposit(TOKEN, 0), ("ZeroAmount",)),
    "withdraw nothing": (FUNDED, BUYER, Withdraw(TOKEN, 0), ("ZeroAmount",)),
    "withdraw too much": (
        FUNDED,
        BUYER,
        Withdraw(TOKEN, 1_001),
        ("InsufficientBalance", BUYER.address, TOKEN, 1_000, 1_001),
    ),
    "withdraw another's": (
        FUNDED,
        STRANGER,
        Withdraw(TOKEN, 1),
        ("InsufficientBalance", STRANGER.address, TOKEN, 0, 1),
    ),
    "buy nothing": (FUNDED, BUYER, settle(quantity=0), ("ZeroQuantity",)),
    "pay nothing": (FUNDED, BUYER, settle(unit_price=0), ("ZeroPrice",)),
    "no such listing": (FUNDED, BUYER, settle(listing=M1), ("UnknownListing", M1)),
    "trade out of date": (FUNDED, BUYER, settle(valid_until=NOW), ("TradeExpired", NOW, NOW)),
    "valid past the slot": (
        FUNDED,
        BUYER,
        settle(valid_until=END + 1),
        ("ValidPastSlot", END + 1, END),
    ),
    "demander's epoch": (FUNDED, BUYER, settle(demander_epoch=2), ("WrongEpoch", 2, 0)),
    "listing's epoch": (FUNDED, BUYER, settle(listing_epoch=3), ("WrongEpoch", 0, 3)),
    "self-trade": (
        FUNDED,
        BUYER,
        settle(buyer=SELLER, demander=SELLER.address),
        ("SelfTrade", SELLER.address),
    ),
    "not the demander's hand": (
        FUNDED,
        BUYER,
        settle(buyer=STRANGER),
        ("BadSignature", BUYER.address, STRANGER.address),
    ),
    "not the supplier's hand": (
        FUNDED,
        BUYER,
        settle(seller=BUYER),
        ("BadSignature", SELLER.address, BUYER.address),
    ),
    "replay": (SETTLED, STRANGER, settle(), ("NonceUsed", BUYER.address, 5)),
    "more than listed": (
        FUNDED,
        BUYER,
        settle(quantity=9, unit_price=1),
        ("InsufficientListing", LISTING, 8, 9),
    ),
    "more than held": (
        FUNDED,
        BUYER,
        settle(unit_price=334),
        ("InsufficientBalance", BUYER.address, TOKEN, 1_000, 1_002),
    ),
    "other token than deposited": (
        FUNDED,
        BUYER,
        settle(token=OTHER_TOKEN),
        ("InsufficientBalance", BUYER.address, OTHER_TOKEN, 0, 300),
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_names_its_values_and_changes_nothing(case):
    state, key, move, (error, *values) = case
    before = repr(state)
    with pytest.raises(Reverted) as caught:
        step(state, key.address, move, NOW)
    assert (caught.value.error, caught.value.values) == (error, tuple(values))
    assert str(caught.value).startswith(f"{error}(")
    assert repr(state) == before


@pytest.mark.parametrize(
    ("origin", "length", "fits"),
    [(0, 2**64 - 1, True), (1, 2**64 - 1, False), (2**64 - 2, 1, True), (2**64 - 1, 1, False)],
)
def test_regression_a_first_slot_that_ends_after_64_bits_is_refused(origin, length, fits):
    move = RegisterResource(M1, HOUR, origin, length)
    if fits:
        _, (event,) = step(NEW, SELLER.address, move, NOW)
        assert event == ResourceRegistered(SELLER.address, M1, HOUR, origin, length)
    else:
        with pytest.raises(Reverted, match=rf"BadSlotLength\({length}\)"):
            step(NEW, SELLER.address, move, NOW)


def test_regression_nobody_signs_for_the_zero_address():
    move = settle(demander=NOBODY)
    with pytest.raises(Reverted) as caught:
        step(FUNDED, BUYER.address, replace(move, demander_signature=b""), NOW)
    assert (caught.value.error, caught.value.values) == ("BadSignature", (NOBODY, NOBODY))


def test_regression_a_trade_signed_with_an_escrow_does_not_settle_at_once():
    with pytest.raises(Reverted, match="BadSignature"):
        step(FUNDED, BUYER.address, settle(escrow=Escrow(deliver_by=NOW + 5)), NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 4},
        {"unit_price": 99},
        {"nonce": 6},
        {"valid_until": NOW + 61},
        {"transcript": M1},
        {"bundle": M1},
    ],
    ids=str,
)
def test_a_relayer_can_change_no_term(change):
    honest = settle()
    forged = replace(honest, trade=replace(honest.trade, **change))
    with pytest.raises(Reverted, match=f"BadSignature\\({BUYER.address}"):
        step(FUNDED, STRANGER.address, forged, NOW)


def test_a_trade_that_cannot_exist_on_chain_is_refused_as_a_bad_value():
    honest = settle()
    with pytest.raises(BadValue):
        step(FUNDED, BUYER.address, replace(honest, trade=replace(honest.trade, nonce=2**256)), NOW)


def test_expiry_and_slot_end_stop_listing_at_their_first_second():
    move = reports((M1, 1, 1))
    with pytest.raises(Reverted, match=r"SlotEnded"):
        step(ATTESTED, SELLER.address, move, END + 3_600)
    step(ATTESTED, SELLER.address, move, END + 3_599)
    brief = played(REGISTERED, (SELLER, attest(expiry=NOW + 1)))
    step(brief, SELLER.address, move, NOW)
    with pytest.raises(Reverted) as caught:
        step(brief, SELLER.address, move, NOW + 1)
    assert caught.value.values == (M1, 1, NOW + 1)


def test_a_trade_settles_until_the_last_second_before_its_end():
    move = settle(valid_until=END)
    step(FUNDED, BUYER.address, move, END - 1)
    with pytest.raises(Reverted, match="TradeExpired"):
        step(FUNDED, BUYER.address, move, END)


def test_each_move_has_its_events_and_its_effect():
    signed = digest(DOMAIN, settle().trade)
    sold = Settled(
        signed, LISTING, BUYER.address, SELLER.address, TOKEN, 3, 100, 5, bytes(32), bytes(32)
    )
    assert step(FUNDED, STRANGER.address, settle(), NOW) == (SETTLED, (sold,))
    assert SETTLED.balances == {(BUYER.address, TOKEN): 700, (SELLER.address, TOKEN): 300}
    assert SETTLED.listings == {LISTING: Listing(SELLER.address, 5, END, M1, 0)}
    assert SETTLED.slots[SELLER.address, M1, 0] == Slot(10, 8, 1, 9_999)
    assert SETTLED.slots[SELLER.address, M1, 1] == Slot(20, 0, 1, 9_999)
    assert SETTLED.used_nonces == {(BUYER.address, 5)}
    assert SETTLED.calendars == {(SELLER.address, M1): Calendar(HOUR, 2_000, 3_600)}
    after, events = step(SETTLED, SELLER.address, Withdraw(TOKEN, 300), NOW)
    assert events == (Withdrawn(SELLER.address, TOKEN, 300),)
    assert after.balances[SELLER.address, TOKEN] == 0
    _, events = step(LISTED, SELLER.address, reports((M1, 0, 1), (M1, 0, 1)), NOW)
    assert [event.available for event in events] == [9, 10]
    assert step(LISTED, SELLER.address, reports(), NOW) == (LISTED, ())


def test_a_lowered_attestation_stops_new_listings_and_spares_old_ones():
    lowered = played(FUNDED, (SELLER, attest(quantities=(5,), version=2)))
    with pytest.raises(Reverted) as caught:
        step(lowered, SELLER.address, reports((M1, 0, 1)), NOW)
    assert caught.value.values == (M1, 0, 1, 5, 8)
    assert played(lowered, (BUYER, settle())).listings[LISTING].available == 5


@pytest.mark.parametrize("test", TABLE_1, ids=lambda test: f"test {test.number}")
def test_the_paper_s_verification_tests(test):
    state = NEW
    for name, quantity in test.attested:
        resource = name_to_bytes32(name)
        state = played(
            state,
            (SELLER, RegisterResource(resource, HOUR, 2_000, 3_600)),
            (SELLER, attest(resource=resource, quantities=(quantity,))),
        )
    move = reports(*((name_to_bytes32(name), 0, quantity) for name, quantity in test.reported))
    if test.expected == "accepted":
        _, events = step(state, SELLER.address, move, NOW)
        said = [(event.resource, event.quantity) for event in events]
        assert said == [(name_to_bytes32(name), quantity) for name, quantity in test.reported]
    else:
        with pytest.raises(Reverted) as caught:
            step(state, SELLER.address, move, NOW)
        assert caught.value.error == test.expected
        assert caught.value.values[0] == name_to_bytes32(test.offender)
        assert caught.value.values[2] == dict(test.reported)[test.offender]
        assert caught.value.values[3] == dict(test.attested).get(test.offender, 0)


IMPOSSIBLE = {
    "registered twice": (REGISTERED, ResourceRegistered(SELLER.address, M1, HOUR, 0, 1)),
    "attested unregistered": (NEW, SlotAttested(SELLER.address, M1, 0, 1, 1, 1)),
    "older version": (ATTESTED, SlotAttested(SELLER.address, M1, 0, 1, 1, 1)),
    "over-listed": (ATTESTED, Listed(LISTING, SELLER.address, M1, 0, 11, 11)),
    "wrong room": (LISTED, Listed(LISTING, SELLER.address, M1, 0, 1, 10)),
    "another's listing id": (LISTED, Listed(M1, SELLER.address, M1, 0, 1, 1)),
    "foreign money": (NEW, Deposited(BUYER.address, OTHER_TOKEN, 1)),
    "overdrawn": (FUNDED, Withdrawn(BUYER.address, TOKEN, 1_001)),
}


def sale(**terms):
    _, (event,) = step(FUNDED, BUYER.address, settle(), NOW)
    return replace(event, **terms)


IMPOSSIBLE |= {
    "sold what is not listed": (FUNDED, sale(listing=M1)),
    "paid to another": (FUNDED, sale(supplier=STRANGER.address)),
    "oversold": (FUNDED, sale(quantity=9, unit_price=1)),
    "paid from nothing": (FUNDED, sale(unit_price=500)),
    "settled twice": (SETTLED, sale()),
}


@pytest.mark.parametrize(("state", "event"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_an_event_that_cannot_follow_is_no_history(state, event):
    before = repr(state)
    with pytest.raises(Inconsistent):
        record(state, event)
    assert repr(state) == before


def random_move(rng, state):
    kind = rng.randrange(4)
    if kind == 0:
        return BUYER, Deposit(TOKEN, rng.randrange(500))
    if kind == 1:
        return rng.choice((BUYER, SELLER)), Withdraw(TOKEN, rng.randrange(300))
    if kind == 2:
        return SELLER, reports((M1, 0, rng.randrange(4)), (M1, 1, rng.randrange(4)))
    terms = {"quantity": rng.randrange(4), "unit_price": rng.randrange(90)}
    return STRANGER, settle(nonce=rng.randrange(40), **terms)


@pytest.mark.parametrize("seed", range(10))
def test_money_and_capacity_are_conserved_and_the_state_is_the_fold_of_its_events(seed):
    rng = random.Random(seed)
    state, folded, inside, settled = ATTESTED, ATTESTED, 0, 0
    for _ in range(80):
        key, move = random_move(rng, state)
        try:
            state, events = step(state, key.address, move, NOW)
        except Reverted:
            continue
        for event in events:
            folded = record(folded, event)
            inside += event.amount if isinstance(event, Deposited) else 0
            inside -= event.amount if isinstance(event, Withdrawn) else 0
            settled += isinstance(event, Settled)
        assert state == folded
        assert sum(state.balances.values()) == inside
        assert min(state.balances.values(), default=0) >= 0
        for (owner, resource, slot), held in state.slots.items():
            listing = state.listings.get(listing_id(owner, resource, slot))
            assert 0 <= (listing.available if listing else 0) <= held.committed <= held.attested
    assert settled > 0
