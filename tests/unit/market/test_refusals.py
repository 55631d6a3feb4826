"""What the twin refuses of operators, suppliers and accounts: each error, its values, no change."""

from dataclasses import replace

import pytest

from fabmarket.market import trade as signed
from fabmarket.market.exchange import (
    Attest,
    Deposit,
    Open,
    Pause,
    RaiseListingEpoch,
    RegisterResource,
    SetOperators,
    Unlist,
    Withdraw,
)

NOW, END, U64 = 1_000, 5_600, 2**64 - 1
MONTH = 30 * 86_400


def set_operators(m, operators, threshold):
    decision = signed.Operators(operators, threshold, 0)
    return SetOperators(operators, threshold, m.by(decision))


def pause(m, until, nonce=0, keys=None):
    return Pause(until, m.by(signed.Pause(until, nonce), keys))


def opening(m, quantity=10, salt=None):
    return Open(m.seller.address, m.m1, 0, quantity, m.salt if salt is None else salt)


# Each: the state, who moves, the move, and the error with its values. All at second 1,000.
OPERATORS = {
    "threshold of zero": lambda m: (
        m.new,
        m.stranger,
        set_operators(m, (m.buyer.address,), 0),
        ("BadThreshold", 0, 1),
    ),
    "threshold above the number": lambda m: (
        m.new,
        m.stranger,
        set_operators(m, (m.buyer.address,), 2),
        ("BadThreshold", 2, 1),
    ),
    "operator named twice": lambda m: (
        m.new,
        m.stranger,
        set_operators(m, (m.buyer.address,) * 2, 1),
        ("BadOperator", m.buyer.address),
    ),
    "operator zero": lambda m: (
        m.new,
        m.stranger,
        set_operators(m, (m.nobody,), 1),
        ("BadOperator", m.nobody),
    ),
    "one signature of two": lambda m: (
        m.new,
        m.stranger,
        pause(m, NOW, keys=m.operators[:1]),
        ("TooFewSignatures", 1, 2),
    ),
    "one operator twice": lambda m: (
        m.new,
        m.stranger,
        pause(m, NOW, keys=m.operators[:1] * 2),
        ("BadOperatorSignature", 1, m.operators[0].address),
    ),
    "operators in the wrong order": lambda m: (
        m.new,
        m.stranger,
        pause(m, NOW, keys=m.operators[1::-1]),
        ("BadOperatorSignature", 1, m.operators[0].address),
    ),
    "no operator": lambda m: (
        m.registered,
        m.stranger,
        m.attest(keys=[m.stranger] * 2),
        ("BadOperatorSignature", 0, m.stranger.address),
    ),
    "cut signature": lambda m: (
        m.registered,
        m.stranger,
        Attest(m.attest().attestation, (b"", b"")),
        ("BadOperatorSignature", 0, m.nobody),
    ),
    "too long a pause": lambda m: (
        m.new,
        m.stranger,
        pause(m, NOW + MONTH + 1),
        ("PauseTooLong", NOW + MONTH + 1, NOW + MONTH),
    ),
}
VERIFICATION = {
    "slot of no length": lambda m: (
        m.new,
        m.seller,
        RegisterResource(m.m1, m.hour, 0, 0),
        ("BadSlotLength", 0),
    ),
    "first slot past the end of time": lambda m: (
        m.new,
        m.seller,
        RegisterResource(m.m1, m.hour, 1, 2**40 - 1),
        ("BadSlotLength", 2**40 - 1),
    ),
    "registered twice": lambda m: (
        m.registered,
        m.seller,
        m.register,
        ("AlreadyRegistered", m.seller.address, m.m1),
    ),
    "nothing registered": lambda m: (
        m.new,
        m.seller,
        m.attest(),
        ("NotRegistered", m.seller.address, m.m1),
    ),
    "other unit": lambda m: (
        m.registered,
        m.seller,
        m.attest(unit=m.m2),
        ("WrongUnit", m.m1, m.m2, m.hour),
    ),
    "attested too late": lambda m: (
        m.registered,
        m.seller,
        m.attest(expiry=NOW, first_slot=4),
        ("AttestationExpired", m.m1, 4, NOW),
    ),
    "sealed too late": lambda m: (
        m.registered,
        m.seller,
        m.seal(expiry=NOW),
        ("AttestationExpired", m.m1, 0, NOW),
    ),
    "slot after the end of time": lambda m: (
        m.registered,
        m.seller,
        m.attest(first_slot=U64),
        ("SlotOutOfRange", m.m1, U64),
    ),
    "second slot after the end of time": lambda m: (
        m.registered,
        m.seller,
        m.attest(first_slot=(2**40 - 2_000) // 3_600 - 1),
        ("SlotOutOfRange", m.m1, (2**40 - 2_000) // 3_600),
    ),
    "version seen": lambda m: (
        m.attested,
        m.seller,
        m.attest(first_slot=1),
        ("StaleVersion", m.m1, 1, 1, 1),
    ),
    "sealed version seen": lambda m: (
        m.sealed,
        m.seller,
        m.seal(),
        ("StaleVersion", m.m1, 0, 1, 1),
    ),
    "opened without salt": lambda m: (
        m.sealed,
        m.seller,
        opening(m, salt=bytes(32)),
        ("Unsalted",),
    ),
    "opened to another quantity": lambda m: (
        m.sealed,
        m.seller,
        opening(m, 11),
        ("WrongOpening", m.m1, 0, m.seal().attestation.commitment),
    ),
    "opened what is not sealed": lambda m: (
        m.attested,
        m.seller,
        opening(m),
        ("WrongOpening", m.m1, 0, bytes(32)),
    ),
    "listed while sealed": lambda m: (
        m.sealed,
        m.seller,
        m.reports((m.m1, 0, 1)),
        ("OverReported", m.m1, 0, 1, 0, 0),
    ),
    "list nothing": lambda m: (m.attested, m.seller, m.reports((m.m1, 0, 0)), ("ZeroQuantity",)),
    "false type": lambda m: (
        m.attested,
        m.seller,
        m.reports((m.m2, 0, 7)),
        ("NotAttested", m.m2, 0, 7, 0),
    ),
    "another's capacity": lambda m: (
        m.attested,
        m.buyer,
        m.reports((m.m1, 0, 7)),
        ("NotAttested", m.m1, 0, 7, 0),
    ),
    "slot has ended": lambda m: (
        m.played(m.new, (m.seller, RegisterResource(m.m1, m.hour, 0, 500)), (m.seller, m.attest())),
        m.seller,
        m.reports((m.m1, 1, 7)),
        ("SlotEnded", m.m1, 1, 1_000),
    ),
    "exaggerated": lambda m: (
        m.listed,
        m.seller,
        m.reports((m.m1, 0, 1), (m.m1, 0, 2)),
        ("OverReported", m.m1, 0, 2, 10, 9),
    ),
    "unlist nothing": lambda m: (m.listed, m.seller, Unlist(m.m1, 0, 0), ("ZeroQuantity",)),
    "unlist what was never registered": lambda m: (
        m.listed,
        m.buyer,
        Unlist(m.m1, 0, 1),
        ("NotRegistered", m.buyer.address, m.m1),
    ),
    "unlist after the end of time": lambda m: (
        m.listed,
        m.seller,
        Unlist(m.m1, U64, 1),
        ("SlotOutOfRange", m.m1, U64),
    ),
    "unlist what was sold": lambda m: (
        m.settled,
        m.seller,
        Unlist(m.m1, 0, 6),
        ("InsufficientListing", m.listing, 5, 6),
    ),
    "another's listing epoch": lambda m: (
        m.listed,
        m.buyer,
        RaiseListingEpoch(m.listing),
        ("UnknownListing", m.listing),
    ),
}
ACCOUNTS = {
    "other token": lambda m: (
        m.new,
        m.buyer,
        Deposit(m.other_token, 5),
        ("TokenNotAccepted", m.other_token),
    ),
    "deposit nothing": lambda m: (m.new, m.buyer, Deposit(m.token, 0), ("ZeroAmount",)),
    "deposit too much": lambda m: (
        m.funded,
        m.buyer,
        Deposit(m.token, 2**128),
        ("AmountTooLarge", 2**128),
    ),
    "deposit too much with what is held for others": lambda m: (
        m.escrowed,
        m.stranger,
        Deposit(m.token, 2**128 - 1_000),
        ("AmountTooLarge", 2**128),
    ),
    "withdraw nothing": lambda m: (m.funded, m.buyer, Withdraw(m.token, 0), ("ZeroAmount",)),
    "withdraw too much": lambda m: (
        m.funded,
        m.buyer,
        Withdraw(m.token, 1_001),
        ("InsufficientBalance", m.buyer.address, m.token, 1_000, 1_001),
    ),
    "withdraw another's": lambda m: (
        m.funded,
        m.stranger,
        Withdraw(m.token, 1),
        ("InsufficientBalance", m.stranger.address, m.token, 0, 1),
    ),
    "intent out of date": lambda m: (
        m.funded,
        m.stranger,
        m.relay(Withdraw(m.token, 1), deadline=NOW),
        ("IntentExpired", NOW, NOW),
    ),
    "intent out of turn": lambda m: (
        m.funded,
        m.stranger,
        m.relay(Withdraw(m.token, 1), nonce=1),
        ("WrongIntentNonce", m.buyer.address, 1, 0),
    ),
    "another's intent": lambda m: (
        m.funded,
        m.stranger,
        m.relay(Withdraw(m.token, 1), signer=m.stranger),
        ("BadSignature", m.buyer.address, m.stranger.address),
    ),
    "intent changed on the way": lambda m: (
        m.funded,
        m.stranger,
        replace(m.relay(Withdraw(m.token, 1)), signature=b""),
        ("BadSignature", m.buyer.address, m.nobody),
    ),
    "what the intent calls is refused": lambda m: (
        m.funded,
        m.stranger,
        m.relay(Withdraw(m.token, 0)),
        ("ZeroAmount",),
    ),
}
REFUSED = {**OPERATORS, **VERIFICATION, **ACCOUNTS}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_names_its_values_and_changes_nothing(market, case):
    state, key, move, expected = case(market)
    assert market.refused(state, key, move) == expected
