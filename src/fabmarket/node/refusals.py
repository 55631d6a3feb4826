"""What the exchange's refusals mean to an owner: its errors in words, and what helps.

The contract's name of the error stands behind, to be looked up in the reference of the contracts.
"""

from typing import Any

from fabmarket.market.exchange import EscrowState, Reverted
from fabmarket.market.units import name_from_bytes32
from fabmarket.node.moments import moment

_WORDS: dict[str, str] = {
    "AlreadyRegistered": "{1:name} is registered already, for good",
    "AmountTooLarge": "{0} base units are more than the exchange can hold",
    "AttestationExpired": "what was attested of slot {1} of {0:name} could be listed until"
    " {2:time}; ask for it anew",
    "BadQuantity": "{0} units where 1 to {1} can be stated",
    "BadRecipient": "money cannot be sent to {0}",
    "BadShare": "a share of {0} basis points where 10000 are all",
    "BadSlotLength": "slots of {0} s: calendar.slot_length must be above 0, and fit the contract",
    "BadTerm": "the term {0:name} is {1} where the exchange's bound is {2}",
    "Covered": "{0} units are attested, which is all that are sold and listed ({1}), so there is"
    " nothing to refund for want of cover",
    "DeadlineAhead": "it can be ended from {0:time} on, and it is {1:time}",
    "DeadlinePassed": "the time for it was over at {0:time}, and it is {1:time}",
    "GraceRunning": "whoever was to act still may until {0:time}, and until block {1}; order it"
    " again after that",
    "InsufficientBalance": "the account has {2} base units free in the exchange where {3} base"
    " units are needed; deposit more, or take less",
    "InsufficientEscrow": "the trade holds {1} base units of payment where {2} base units"
    " are to be paid",
    "InsufficientListing": "{1} units are for sale where {2} are needed",
    "IntentExpired": "it could be submitted until {0:time}, and it is {1:time}",
    "NoRuling": "no ruling on the trade is posted yet; see when in `fabmarket disputes` of an"
    " operator: after the hearing one of their agents posts what enough of them signed",
    "NonceUsed": "the nonce {1} of {0} is used up",
    "NotAttested": "nothing of slot {1} of {0:name} is attested, so that its {2} units cannot be"
    " listed; have them attested first: fabmarket ask",
    "NotParty": "{0} is no party to the trade that may do this",
    "NotRegistered": "{1:name} of {0} is not registered; fabmarket register does it",
    "OverReported": "{2} units more of slot {1} of {0:name} cannot be listed: {3} are attested, of"
    " which {4} are listed or sold already",
    "RulingStands": "ruling {1} on the trade is posted; it can be executed after its window",
    "SlotEnded": "slot {1} of {0:name} ended at {2:time}",
    "SlotOutOfRange": "slot {1} of {0:name} lies beyond the contract's time",
    "StaleRuling": "ruling {2} on the trade is posted already, and this is {1}",
    "StaleVersion": "version {3} of slot {1} of {0:name} is attested already, and this is {2}",
    "TokenNotAccepted": "the exchange takes no deposits of {0}",
    "TooEarly": "it can be done from {0:time} on, and it is {1:time}",
    "TradeExpired": "the trade could settle until {0:time}, and it is {1:time}",
    "TradingPaused": "the operators have paused trading until {0:time}",
    "UnknownListing": "there is no listing {0:digest}",
    "WrongCalendar": "{0:name} is registered with another calendar than that of origin {1} and"
    " slots of {2} s",
    "WrongEpoch": "it was signed for epoch {1} of {0}, which is in epoch {2}",
    "WrongIntentNonce": "it is intent {1} of {0}, whose next is {2}: it was submitted already,"
    " or one before it was not",
    "WrongListingEpoch": "it was signed for epoch {0} of the listing, which is in epoch {1}",
    "WrongOperatorSet": "operators of set {0} signed where set {1} is in force",
    "WrongSplit": "the trade holds {1} base units, and {2} base units are divided",
    "WrongState": "the trade is {1:state}, in which this cannot be done",
    "WrongUnit": "{0:name} is counted in {2:name}, and {1:name} are attested",
    "ZeroAmount": "an amount of 0 moves nothing",
    "ZeroQuantity": "a quantity of 0 changes nothing",
}


class _Told:
    """A value of an error, and how a text shows it."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __format__(self, form: str) -> str:
        value = self._value
        match form:
            case "name":
                return name_from_bytes32(value)
            case "time":
                return moment(value)
            case "digest":
                return f"0x{value.hex()}"
            case "state":
                return EscrowState(value).name.lower()
            case _:
                return f"{value:,}" if isinstance(value, int) else str(value)


def in_words(refusal: Reverted) -> str:
    """Return why the exchange refuses a move, for its owner.

    >>> in_words(Reverted("InsufficientListing", bytes(32), 5, 10))
    '5 units are for sale where 10 are needed (InsufficientListing)'
    """
    words = _WORDS.get(refusal.error)
    if words is None:
        return str(refusal)
    return f"{words.format(*map(_Told, refusal.values))} ({refusal.error})"
