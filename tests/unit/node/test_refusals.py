"""What the exchange refuses, in words."""

import pytest

from fabmarket.chain.abi import artifact
from fabmarket.market.exchange import Reverted
from fabmarket.market.units import name_to_bytes32
from fabmarket.node.refusals import _WORDS, in_words

MILL, TRADE = name_to_bytes32("mill"), bytes(31) + b"\x07"
NOT_BY_ORDER = {
    *("BadModule", "BadOperator", "BadOperatorSignature", "BadParameters", "BadThreshold"),
    *("Bundled", "DecisionExpired", "InvalidShortString", "PauseTooLong"),
    *("OpeningExpired", "PartyRules", "ReentrancyGuardReentrantCall", "SafeERC20FailedOperation"),
    *("SelfTrade", "SignatureCheckStarved", "StringTooLong", "TooFewSignatures", "Unsalted"),
    *("UnknownFunction", "ValidPastSlot", "WrongAmountReceived", "WrongBundle", "ZeroPrice"),
    *(
        "WrongOpening",
        "NotTheExchange",
        "WrongPlace",
        "BadDirection",
        "LateOnly",
    ),
    *("MalformedBatch", "NoNonce", "NotTheSupplier", "Unbalanced", "UnsortedRow", "UnsortedSale"),
    *("WrongSales", "BadSignature"),
}
"""What no order leads to: what others sign, tokens that cheat, decisions, net cycles."""
VALUES = {"bytes32": MILL, "address": "0xAb", "uint8": 3, "string": "s"}


def errors():
    for each in artifact("CapacityExchange")["abi"]:
        if each["type"] == "error":
            yield each["name"], [given["type"] for given in each["inputs"]]


def test_every_refusal_that_an_order_can_meet_has_words():
    assert {name for name, _ in errors()} - NOT_BY_ORDER == set(_WORDS)


@pytest.mark.parametrize(("name", "types"), [each for each in errors() if each[0] in _WORDS])
def test_words_fit_the_values_of_the_error(name, types):
    said = in_words(Reverted(name, *(VALUES.get(each, 1_795_683_068) for each in types)))
    assert said.endswith(f" ({name})")
    assert "{" not in said


def test_times_names_and_states_are_readable():
    assert in_words(Reverted("GraceRunning", 1_795_683_068, 2_260)) == (
        "whoever was to act still may until 2026-11-26 08:51:08 UTC, and until block 2,260; order"
        " it again after that (GraceRunning)"
    )
    assert in_words(Reverted("OverReported", MILL, 2, 60, 50, 0)) == (
        "60 units more of slot 2 of mill cannot be listed: 50 are attested, of which 0 are listed"
        " or sold already (OverReported)"
    )
    assert in_words(Reverted("WrongState", TRADE, 2)) == (
        "the trade is delivered, in which this cannot be done (WrongState)"
    )
    assert in_words(Reverted("BadParameters")) == "BadParameters()"
