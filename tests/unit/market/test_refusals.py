"""What the twin refuses of operators, suppliers and accounts: each error, its values, no change."""

from dataclasses import replace

import pytest

from fabmarket.market import trade as signed
from fabmarket.market.exchange import (
    Attest,
    Deposit,
    Open,
    OperatorSignature,
    Pause,
    RaiseListingEpoch,
    RegisterResource,
    SetOperators,
    Unlist,
    VoidIntents,
    Withdraw,
)

NOW, END, U64 = 1_000, 5_600, 2**64 - 1
MONTH = 30 * 86_400


def set_operators(m, operators, threshold):
    decision = signed.Operators(operators, threshold, 1, 0, m.forever)
    return SetOperators(operators, threshold, m.forever, m.by(decision))


def pause(m, until, keys=None, number=1, deadline=U64):
    return Pause(until, deadline, m.by(signed.Pause(until, number, 0, deadline), keys))


def opening(m, quantity=10, salt=None):
    return Open(m.seller.address, m.m1, 0, quantity, m.salt if salt is None else salt)


def take(m, amount, token=None, to=None):
    return Withdraw(token or m.token, amount, to or m.buyer.address)


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
    "no operators": lambda m: (
        m.new,
        m.stranger,
        set_operators(m, (), 0),
        ("BadThreshold", 0, 0),
    ),
    "half of the operators": lambda m: (
        m.new,
        m.stranger,
        set_operators(m, (m.buyer.address, m.seller.address), 1),
        ("BadThreshold", 1, 2),
    ),
    "operator named twice": lambda m: (
        m.new,
        m.stranger,
        set_operators(m, (m.buyer.address,) * 2, 2),
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
        Attest(m.attest().attestation, (OperatorSignature(m.operators[0].address, b""),) * 2),
        ("BadOperatorSignature", 0, m.operators[0].address),
    ),
    "another operator's signature": lambda m: (
        m.registered,
        m.stranger,
        Attest(
            m.attest().attestation,
            tuple(
                replace(each, operator=key.address)
                for each, key in zip(m.attest().signatures, m.operators[1:], strict=True)
            ),
        ),
        ("BadOperatorSignature", 0, m.operators[1].address),
    ),
    "nobody's signature": lambda m: (
        m.registered,
        m.stranger,
        Attest(m.attest().attestation, (OperatorSignature(m.nobody, b""),) * 2),
        ("BadOperatorSignature", 0, m.nobody),
    ),
    "signed for another set": lambda m: (
        m.new,
        m.stranger,
        pause(m, NOW, number=2),
        ("BadOperatorSignature", 0, m.operators[0].address),
    ),
    "decision out of date": lambda m: (
        m.new,
        m.stranger,
        pause(m, NOW, deadline=NOW),
        ("DecisionExpired", NOW, NOW),
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
    "attested for another set of operators": lambda m: (
        m.registered,
        m.seller,
        m.attest(operator_set=2),
        ("WrongOperatorSet", 2, 1),
    ),
    "other origin": lambda m: (
        m.registered,
        m.seller,
        m.attest(origin=2_001),
        ("WrongCalendar", m.m1, 2_001, 3_600),
    ),
    "other slot length": lambda m: (
        m.registered,
        m.seller,
        m.seal(slot_length=3_601),
        ("WrongCalendar", m.m1, 2_000, 3_601),
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
        m.played(
            m.new,
            (m.seller, RegisterResource(m.m1, m.hour, 0, 500)),
            (m.seller, m.attest(origin=0, slot_length=500)),
        ),
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
    "epoch of what was never registered": lambda m: (
        m.listed,
        m.buyer,
        RaiseListingEpoch(m.m1, 0),
        ("NotRegistered", m.buyer.address, m.m1),
    ),
    "epoch of a slot after the end of time": lambda m: (
        m.listed,
        m.seller,
        RaiseListingEpoch(m.m1, U64),
        ("SlotOutOfRange", m.m1, U64),
    ),
    "opened by another without consent": lambda m: (
        m.sealed,
        m.stranger,
        replace(opening(m), deadline=U64),
        ("BadSignature", m.seller.address, m.nobody),
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
        Deposit(m.token, 2**128 - 1_500),
        ("AmountTooLarge", 2**128 - 1_500),
    ),
    "withdraw nothing": lambda m: (m.funded, m.buyer, take(m, 0), ("ZeroAmount",)),
    "withdraw too much": lambda m: (
        m.funded,
        m.buyer,
        take(m, 1_001),
        ("InsufficientBalance", m.buyer.address, m.token, 1_000, 1_001),
    ),
    "withdraw another's": lambda m: (
        m.funded,
        m.stranger,
        take(m, 1),
        ("InsufficientBalance", m.stranger.address, m.token, 0, 1),
    ),
    "withdraw to nobody": lambda m: (
        m.funded,
        m.buyer,
        take(m, 1, to=m.nobody),
        ("BadRecipient", m.nobody),
    ),
    "withdraw to the exchange": lambda m: (
        m.funded,
        m.buyer,
        take(m, 1, to=m.domain.verifying_contract),
        ("BadRecipient", m.domain.verifying_contract),
    ),
    "void no intents": lambda m: (
        m.funded,
        m.buyer,
        VoidIntents(0),
        ("WrongIntentNonce", m.buyer.address, 0, 0),
    ),
    "intent out of date": lambda m: (
        m.funded,
        m.stranger,
        m.relay(take(m, 1), deadline=NOW),
        ("IntentExpired", NOW, NOW),
    ),
    "intent out of turn": lambda m: (
        m.funded,
        m.stranger,
        m.relay(take(m, 1), nonce=1),
        ("WrongIntentNonce", m.buyer.address, 1, 0),
    ),
    "another's intent": lambda m: (
        m.funded,
        m.stranger,
        m.relay(take(m, 1), signer=m.stranger),
        ("BadSignature", m.buyer.address, m.stranger.address),
    ),
    "intent changed on the way": lambda m: (
        m.funded,
        m.stranger,
        replace(m.relay(take(m, 1)), signature=b""),
        ("BadSignature", m.buyer.address, m.nobody),
    ),
    "what the intent calls is refused": lambda m: (
        m.funded,
        m.stranger,
        m.relay(take(m, 0)),
        ("ZeroAmount",),
    ),
}
REFUSED = {**OPERATORS, **VERIFICATION, **ACCOUNTS}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_names_its_values_and_changes_nothing(market, case):
    state, key, move, expected = case(market)
    assert market.refused(state, key, move) == expected
