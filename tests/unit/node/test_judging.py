"""A dispute before three operators, two of whom must agree: rulings, evidence, false words."""

from dataclasses import replace

import pytest

from fabmarket.identity import digest, keccak
from fabmarket.identity.codec import decode, encode
from fabmarket.market.events import Cause
from fabmarket.market.exchange import Execute, Release
from fabmarket.market.oversight import LARGEST_EXHIBIT, Exhibit, Verdict
from fabmarket.market.parameters import HOURS
from fabmarket.market.trade import Ruling
from fabmarket.negotiation.duties import Judge, Show
from fabmarket.negotiation.operator import OperatorState
from fabmarket.negotiation.operator.judging import MOST_AHEAD, MOST_SHOWN, TURN
from fabmarket.node import Answer
from tests.unit.node.council import DOMAIN, STRANGER, Council

FAIR = (10_000, 10_000, 5_000)


@pytest.fixture
def council():
    return Council()


def case_of(council, name, trade):
    return council.people[name].state.cases[trade]


def rule(council, name, trade, shares=FAIR):
    """An operator's owner rules, and its letters are carried."""
    council.people[name].order(Judge(trade, *shares))
    return council.carry(name)


def posted(council, trade):
    return council.exchange.rulings.get(trade)


def first_of(council, *names):
    """Whose turn it is first among these operators."""
    return min(names, key=lambda name: int(council.keys[name].address, 16))


def verdict(council, name, of, number=1, shares=FAIR, **changes):
    """What an operator says, by default as an honest one does."""
    key, case = council.keys[name], case_of(council, "ada", of)
    deadline = case.trade.escrow.decide_by + HOURS.ruling_window
    ruling = replace(Ruling(of, number, *shares, deadline), **changes)
    return Verdict(key.address, ruling, key.sign(digest(DOMAIN, ruling)))


def test_what_two_of_three_say_is_posted_by_one_of_them_and_executed(council):
    trade = council.disputed()
    council.hearing_over()
    for name in ("ben", "cyd"):
        assert {heard.answer for heard in rule(council, name, trade)} == {Answer.TAKEN}
    council.carry()
    council.wait()
    assert council.mine() == [(first_of(council, "ben", "cyd"), "Rule", None)]
    assert posted(council, trade).payment_share == 10_000
    council.wait(TURN + 1)
    assert council.mine() == []
    council.blocks += HOURS.grace_blocks
    council.wait(HOURS.ruling_window)
    assert council.does("stranger", Execute(council.trade())) is None
    for name in council.judges:
        assert not council.people[name].state.cases
        (said,) = council.lines(name, "closed")
        assert said["cause"] == Cause.RULED.name.lower()


def test_before_the_hearing_is_over_nothing_is_posted(council):
    trade = council.disputed()
    for name in ("ada", "ben"):
        rule(council, name, trade)
    council.wait(HOURS.hearing - 10)
    assert council.mine() == []
    council.wait(TURN)
    assert ("Rule", None) in [each[1:] for each in council.mine()]


def test_where_the_first_is_silent_the_next_posts(council):
    trade = council.disputed()
    council.hearing_over()
    for name in ("ada", "ben"):
        rule(council, name, trade)
    first = first_of(council, "ada", "ben")
    moves = council.people[first].journal
    for each in moves.moves():  # it is down: what it would send never comes
        with moves.writing():
            moves.mined(each.number)
    assert council.mine() == []
    council.wait(TURN)
    (second,) = {"ada", "ben"} - {first}
    assert council.mine() == [(second, "Rule", None)]


def test_two_that_differ_are_posted_only_once_they_agree(council):
    trade = council.disputed()
    council.hearing_over()
    rule(council, "ada", trade, (10_000, 10_000, 10_000))
    rule(council, "ben", trade, (0, 0, 0))
    council.wait(3 * TURN)
    assert council.mine() == []
    rule(council, "ben", trade, (10_000, 10_000, 10_000))
    council.carry()
    council.wait(3 * TURN)
    assert ("Rule", None) in [each[1:] for each in council.mine()]
    assert posted(council, trade).deposit_share == 10_000


def test_who_comes_round_to_another_s_shares_carries_that_one_along(council):
    """Ben's second word has a higher number than Ada's: she signs it, as she said the same."""
    trade = council.disputed()
    council.hearing_over()
    rule(council, "ben", trade, (0, 0, 0))
    rule(council, "ada", trade)
    assert {heard.answer for heard in rule(council, "ben", trade)} == {Answer.TAKEN}
    (proposal,) = [each for each in case_of(council, "ada", trade).proposals.values() if each.since]
    assert proposal.ruling.number == 2
    council.carry()
    council.wait(3 * TURN)
    assert ("Rule", None) in [each[1:] for each in council.mine()]
    assert posted(council, trade).number == 2


def test_who_changes_its_mind_before_the_hearing_is_over_takes_its_word_back(council):
    trade = council.disputed()
    for name in ("ada", "ben"):
        rule(council, name, trade)
    rule(council, "ben", trade, (0, 0, 0))
    council.hearing_over()
    council.wait(3 * TURN)
    assert council.mine() == []
    rule(council, "cyd", trade, (0, 0, 0))
    council.carry()
    council.wait(3 * TURN)
    assert ("Rule", None) in [each[1:] for each in council.mine()]
    assert posted(council, trade).payment_share == 0


def test_all_that_is_known_of_a_dispute_is_written_down(council):
    trade = council.disputed()
    rule(council, "ben", trade)
    rule(council, "cyd", trade, (0, 0, 0))
    assert council.tempt("ada", exhibit(council, trade), council.keys["bea"]) is None
    state = council.people["ada"].state
    assert len(state.cases[trade].proposals) == 2
    assert decode(OperatorState, encode(state)) == state


def test_a_later_ruling_replaces_the_one_that_is_posted(council):
    trade = council.disputed()
    council.hearing_over()
    for shares in (FAIR, (0, 0, 0)):
        for name in ("ada", "ben"):
            rule(council, name, trade, shares)
        council.carry()
        council.wait(2 * TURN)
        council.mine()
    assert (posted(council, trade).number, posted(council, trade).payment_share) == (2, 0)
    again = council.people["cyd"].order(Judge(trade, 0, 0, 0))
    assert again.reason == "a ruling with these shares is posted already"


def test_late_operators_still_find_one_deadline(council):
    trade = council.disputed()
    council.wait(30 * 86_400)
    for name in ("ada", "ben"):
        rule(council, name, trade)
    council.wait(2 * TURN)
    assert ("Rule", None) in [each[1:] for each in council.mine()]


def test_a_party_that_is_an_operator_neither_rules_nor_is_heard():
    council = Council(judges=("ada", "ben", "bea"))
    trade = council.disputed()
    council.hearing_over()
    assert rule(council, "bea", trade) == []
    assert case_of(council, "bea", trade).proposals == case_of(council, "ada", trade).proposals
    said = council.tempt("ada", verdict(council, "bea", trade), council.keys["bea"])
    assert said == "ruling by a party"
    assert len(rule(council, "ada", trade)) == 1  # the party is not told
    assert len(rule(council, "ben", trade)) == 1
    council.wait(2 * TURN)
    assert ("Rule", None) in [each[1:] for each in council.mine()]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"payment_share": 10_001}, "ruling of a share above the whole"),
        ({"number": 0}, "ruling of a number that is not above the posted one's"),
        (
            {"number": MOST_AHEAD + 1},
            "ruling of a number so high that it could hardly be replaced",
        ),
        (
            {"number": 2**32 - 1},
            "ruling of a number so high that it could hardly be replaced",
        ),
        ({"deadline": 1}, "ruling with a deadline that does not follow from the trade"),
        ({"deadline": 2**64 - 1}, "ruling with a deadline that does not follow from the trade"),
        ({"trade": bytes(32)}, "ruling on a trade that we do not know to be in dispute"),
    ],
)
def test_a_ruling_that_could_not_be_posted_or_replaced_is_refused(council, changes, reason):
    trade = council.disputed()
    word = verdict(council, "ben", trade, **changes)
    assert council.tempt("ada", word, council.keys["ben"]) == reason
    council.wait()
    assert not case_of(council, "ada", trade).proposals


def test_whose_word_does_not_count(council):
    trade = council.disputed()
    ben, true = council.keys["ben"], verdict(council, "ben", trade)
    forged = Verdict(STRANGER.address, true.ruling, STRANGER.sign(digest(DOMAIN, true.ruling)))
    not_his = replace(true, signature=council.keys["cyd"].sign(digest(DOMAIN, true.ruling)))
    assert council.tempt("ada", forged, STRANGER).startswith("word of somebody who is no operator")
    assert council.tempt("ada", not_his, ben) == "word without the operator's signature"
    assert council.tempt("ada", verdict(council, "ben", trade, 2), ben) is None
    late = "ruling that does not come after the operator's last"
    assert council.tempt("ada", true, ben) == late
    same_number = verdict(council, "ben", trade, 2, (0, 0, 0))
    assert council.tempt("ada", same_number, ben) == late
    (only,) = case_of(council, "ada", trade).proposals.values()
    assert len(only.signatures) == 1


def test_one_operator_s_words_are_kept_once(council):
    trade = council.disputed()
    for number in range(1, MOST_AHEAD + 1):
        word = verdict(council, "ben", trade, number, (number, 0, 0))
        assert council.tempt("ada", word, council.keys["ben"]) is None
    (only,) = case_of(council, "ada", trade).proposals.values()
    assert only.ruling.number == MOST_AHEAD


def test_a_set_rules_on_the_trades_of_its_time_and_no_other():
    council = Council()
    trade = council.disputed()
    council.next_set("dan", "eve", "fay")
    council.wait(3 * 86_400)
    for name in ("ada", "ben"):
        rule(council, name, trade)
    council.wait(2 * TURN)
    assert ("Rule", None) in [each[1:] for each in council.mine()]


def test_what_is_paid_leaves_no_case(council):
    trade = council.disputed()
    assert council.does("bea", Release(council.trade(), 100)) is None
    assert case_of(council, "ada", trade).held.payment == 200
    assert council.does("bea", Release(council.trade(), 200)) is None
    assert trade not in council.people["ada"].state.cases


def exhibit(council, of, file=b"photo", place="", **changes):
    party = council.keys["bea"].address
    return replace(Exhibit(party, of, keccak(file), file, place), **changes)


def test_evidence_reaches_those_whom_it_is_shown(council):
    trade = council.disputed()
    operators = tuple(council.keys[name].address for name in council.judges)
    council.people["bea"].order(Show(exhibit(council, trade), operators, council.now + 1_000))
    assert len(council.carry("bea")) == 3
    for name in council.judges:
        (shown,) = case_of(council, name, trade).shown
        assert (shown.hash, shown.size) == (case_of(council, name, trade).evidence, 5)
        assert council.people[name].journal.message(shown.digest) is not None
        assert council.lines(name, "evidence")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hash": bytes(32)}, "evidence whose hash is another"),
        ({"file": b""}, "evidence is a file or a place where one is"),
        ({"place": "here"}, "evidence is a file or a place where one is"),
        (
            {"file": b"x" * (LARGEST_EXHIBIT + 1)},
            "evidence that is too large; show its hash and where it is",
        ),
        (
            {"file": b"", "place": "x" * 201},
            "evidence that is too large; show its hash and where it is",
        ),
        ({"trade": bytes(32)}, "evidence of a trade that we do not know to be in dispute"),
        ({"party": STRANGER.address}, "evidence of somebody who is no party"),
    ],
)
def test_what_is_no_evidence_is_refused(council, changes, reason):
    trade = council.disputed()
    made = exhibit(council, trade, **changes)
    key = STRANGER if "party" in changes else council.keys["bea"]
    assert council.tempt("ada", made, key) == reason


def test_a_party_shows_no_more_than_there_is_room_for(council):
    trade = council.disputed()
    said = [
        council.tempt("ada", exhibit(council, trade, bytes([n])), council.keys["bea"])
        for n in range(MOST_SHOWN + 1)
    ]
    assert said == [None] * MOST_SHOWN + ["more evidence than one party can show"]


def test_the_largest_evidence_fits_an_envelope(council):
    trade = council.disputed()
    made = exhibit(council, trade, b"x" * LARGEST_EXHIBIT)
    assert council.tempt("ada", made, council.keys["bea"]) is None
