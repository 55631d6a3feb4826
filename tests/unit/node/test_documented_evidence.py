"""docs/reference/evidence.md against the code: a checker written from it hashes what we hash."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from fabmarket.identity import type_string
from fabmarket.identity.proofs import RANGE_BITS
from fabmarket.market.masked import (
    AnswersProved,
    Dispute,
    Inquiry,
    MaskedAbort,
    MaskedAnswer,
    MaskedClose,
    MaskedQuote,
    MaskedReply,
    Pads,
    PadsShown,
    Pair,
    PairShown,
    SeatText,
    Unmasking,
)
from fabmarket.market.messages import (
    Close,
    Counter,
    MaskedOpening,
    Member,
    Opening,
    Quote,
    Reply,
    Selection,
    Trade,
)
from fabmarket.market.products import (
    Answer,
    Bid,
    Booked,
    Confirm,
    Countersigned,
    Release,
    SealedBid,
)
from fabmarket.market.usage import LONGEST_NOTE, MOST_REPORTS, Receipt, Usage
from fabmarket.negotiation.course import ROUND_LIMIT
from fabmarket.negotiation.masked.cards import FEW_ROUNDS
from fabmarket.node import Evidence, Settlement
from fabmarket.node.netted import NettedTrade

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "evidence.md").read_text()


@pytest.mark.parametrize(
    "kind",
    [
        *(Selection, Member, Opening, Quote, Reply, Close, Counter, Trade, Usage, Receipt),
        *(SeatText, MaskedOpening, MaskedQuote, MaskedAnswer, MaskedReply, Unmasking, MaskedClose),
        *(Inquiry, Pads, PadsShown, Dispute, Pair, PairShown, AnswersProved, MaskedAbort),
        *(SealedBid, Bid, Answer, Confirm, Booked, Countersigned, Release),
    ],
)
def test_every_type_is_on_the_page(kind):
    assert f"\n{type_string(kind)}\n" in PAGE


def test_every_field_of_a_file_has_a_row():
    rows = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert rows[: len(fields(Evidence))] == [each.name for each in fields(Evidence)]
    assert all(f"`{each.name}`" in PAGE for each in fields(Settlement) if each.name != "event")
    assert f"{ROUND_LIMIT} quotes have been made" in PAGE
    assert f"at most {FEW_ROUNDS}, of a clock {ROUND_LIMIT}" in " ".join(PAGE.split())
    assert f"{RANGE_BITS} bits" in PAGE


def test_every_field_of_a_netted_trade_has_a_row():
    section = PAGE.partition("\n## One netted trade\n")[2].partition("\n## ")[0]
    first = [row.split(" | ")[0] for row in re.findall(r"^\| (`.*)$", section, re.MULTILINE)]
    named = {name for cell in first for name in re.findall(r"`(\w+)`", cell)}
    assert named == {each.name for each in fields(NettedTrade)}


def test_the_bounds_of_reports_are_on_the_page():
    text = " ".join(PAGE.split())
    assert f"`sequence` rises and is below {MOST_REPORTS:,}" in text
    assert f"a `note` has at most {LONGEST_NOTE} characters" in text
