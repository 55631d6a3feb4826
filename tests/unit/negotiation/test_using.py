"""A supplier reports what is used, its demander answers, and whatever does not fit is refused."""

import pytest
from rpds import HashTrieMap

from fabmarket.identity import Key, digest, keccak
from fabmarket.market.events import Cause, Escrowed, Released
from fabmarket.market.trade import Escrow, Trade, market_domain
from fabmarket.market.usage import LONGEST_NOTE, MOST_REPORTS, Receipt, Usage
from fabmarket.negotiation.course import TooEarly, Unacceptable
from fabmarket.negotiation.moves import News, Send, Tell
from fabmarket.negotiation.orders import AnswerUsage, ReportUsage
from fabmarket.negotiation.progress import Said
from fabmarket.negotiation.seat import SecondWord
from fabmarket.negotiation.splitting import followed
from fabmarket.negotiation.using import answer, hear_answer, hear_report, report

DOMAIN = market_domain(31337, Key.derive("using tests", "contract").address)
ANNE, CLEO, EVE = (Key.derive("using tests", name).address for name in ("anne", "cleo", "eve"))
BEGINS, NOW, ENDS = 1_000, 1_500, 9_000
ESCROW = Escrow(deliver_from=BEGINS, deliver_by=5_000, dispute_by=7_000, decide_by=ENDS)
TRADE = Trade(keccak(b"listing"), ANNE, EVE, 10, 100, 900, 0, escrow=ESCROW)
NAME = digest(DOMAIN, TRADE)


def opened(account):
    """What one of the two knows once the chain has said that the trade is in escrow."""
    return followed(HashTrieMap(), Escrowed(NAME, TRADE, 1, 950), account, CLEO)


def usage(sequence=0, units=4, at=NOW, note="", trade=NAME, supplier=CLEO):
    return Usage(supplier, trade, sequence, units, at, note)


def heard(*said):
    """What the demander knows after these reports."""
    escrows = opened(ANNE)
    for each in said:
        escrows, _ = hear_report(escrows, each, digest(DOMAIN, each), NOW)
    return escrows


def reported(*units):
    """What the supplier knows after reports of so many units, and what it sent."""
    escrows, sent = opened(CLEO), []
    for each in units:
        escrows, (send,) = report(escrows, DOMAIN, CLEO, ReportUsage(NAME, each), NOW)
        sent.append(send)
    return escrows, sent


def receipt(of, accepted=True, note="", demander=ANNE, trade=NAME):
    return Receipt(demander, trade, digest(DOMAIN, of), accepted, note)


def test_what_is_reported_is_heard_and_what_is_answered_too():
    supplier, sent = reported(4, 4, 7)
    assert sent == [Send(usage(at, n), ANNE, ENDS) for at, n in enumerate((4, 4, 7))]
    demander = opened(ANNE)
    for send in sent:
        word = send.message
        demander, (told,) = hear_report(demander, word, digest(DOMAIN, word), NOW)
        assert isinstance(told, Tell)
        assert dict(told.news.facts)["units"] == str(word.units)
    demander, (answered,) = answer(demander, ANNE, AnswerUsage(NAME, accepted=True, note="ok"))
    assert answered == Send(receipt(sent[2].message, note="ok"), CLEO, ENDS)
    supplier, (told,) = hear_answer(supplier, answered.message)
    assert told.news == News.of(
        "answer", trade=f"0x{NAME.hex()}", number="2", units="7", answer="accepted", note="ok"
    )
    assert supplier[NAME].progress == demander[NAME].progress
    assert supplier[NAME].progress.accepted == Said(2, 7, NOW, accepted=True)


def test_numbers_need_not_follow_each_other():
    assert heard(usage(3), usage(7, 5))[NAME].progress.newest == Said(7, 5, NOW)


def test_a_time_that_was_read_elsewhere_is_reported():
    _, (sent,) = report(opened(CLEO), DOMAIN, CLEO, ReportUsage(NAME, 2, 1_200, "pallet"), NOW)
    assert sent.message == usage(0, 2, 1_200, "pallet")


@pytest.mark.parametrize(
    ("said", "reason", "kind"),
    [
        (usage(5, supplier=EVE), "not in escrow with its author", Unacceptable),
        (usage(5, supplier=ANNE), "not in escrow with its author", Unacceptable),
        (usage(5, trade=bytes(32)), "not in escrow with its author", Unacceptable),
        (usage(5, 3), "fewer units than before", Unacceptable),
        (usage(5, 11), "more units than were sold", Unacceptable),
        (usage(5, at=NOW - 101), "a time before the last", Unacceptable),
        (usage(5, at=NOW + 1), "has not come yet", TooEarly),
        (usage(5, note="x" * (LONGEST_NOTE + 1)), "a note has at most", Unacceptable),
        (usage(MOST_REPORTS), "more than 1000 reports", Unacceptable),
        (usage(2**32 - 1), "more than 1000 reports", Unacceptable),
        (usage(4, 5), "second report of one number", SecondWord),
        (usage(4, 4, note="other"), "second report of one number", SecondWord),
        (usage(3, 4), "comes after a later one", Unacceptable),
    ],
)
def test_no_other_report_is_heard(said, reason, kind):
    known = heard(usage(4, 4, NOW - 100))
    with pytest.raises(kind, match=reason) as refused:
        hear_report(known, said, digest(DOMAIN, said), NOW)
    assert type(refused.value) is kind


def test_nothing_is_used_before_the_slot_or_after_the_last_deadline():
    for at in (BEGINS - 1, ENDS):
        with pytest.raises(Unacceptable, match="outside the trade's life"):
            hear_report(opened(ANNE), usage(at=at), b"", ENDS)
        with pytest.raises(Unacceptable, match="outside the trade's life"):
            report(opened(CLEO), DOMAIN, CLEO, ReportUsage(NAME, 1), at)
    hear_report(opened(ANNE), usage(at=BEGINS), b"", NOW)


@pytest.mark.parametrize(
    ("said", "reason", "kind"),
    [
        (receipt(usage(1, 7), demander=EVE), "not in escrow with its author", Unacceptable),
        (receipt(usage(1, 7), demander=CLEO), "not in escrow with its author", Unacceptable),
        (receipt(usage(1, 7), trade=bytes(32)), "not in escrow with its author", Unacceptable),
        (receipt(usage(1, 8)), "answer to no report", Unacceptable),
        (receipt(usage(1, 7), note="x" * 201), "a note has at most 200", Unacceptable),
        (receipt(usage(0, 4), accepted=False), "second answer to one report", SecondWord),
        (receipt(usage(0, 4), note="other"), "second answer to one report", SecondWord),
    ],
)
def test_no_other_answer_is_heard(said, reason, kind):
    known, _ = reported(4, 7)
    known, _ = hear_answer(known, receipt(usage(0, 4)))
    with pytest.raises(kind, match=reason) as refused:
        hear_answer(known, said)
    assert type(refused.value) is kind


def test_each_says_only_what_is_its_own_to_say():
    with pytest.raises(Unacceptable, match="not in escrow with its author"):
        hear_report(opened(CLEO), usage(supplier=ANNE), b"", NOW)
    with pytest.raises(Unacceptable, match="not in escrow with its author"):
        hear_answer(heard(usage()), receipt(usage(), demander=CLEO))


def test_answers_may_come_in_any_order_and_the_latest_report_that_was_accepted_counts():
    known, sent = reported(4, 6, 7)
    first, second, third = (each.message for each in sent)
    for said, agreed in (
        (receipt(second), 6),
        (receipt(first), 6),
        (receipt(third, accepted=False, note="cracked"), 6),
    ):
        known, _ = hear_answer(known, said)
        assert known[NAME].progress.accepted.units == agreed


def test_an_owner_answers_once_and_only_what_was_said():
    with pytest.raises(Unacceptable, match="no report to answer"):
        answer(opened(ANNE), ANNE, AnswerUsage(NAME, accepted=True))
    known, _ = answer(heard(usage()), ANNE, AnswerUsage(NAME, accepted=False, note="no"))
    with pytest.raises(Unacceptable, match="answered already"):
        answer(known, ANNE, AnswerUsage(NAME, accepted=True))


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (ReportUsage(NAME, 3), "fewer units than before"),
        (ReportUsage(NAME, 11), "more units than were sold"),
        (ReportUsage(NAME, 5, NOW + 1), "a time that has not come yet"),
        (ReportUsage(NAME, 5, NOW - 1), "a time before the last"),
        (ReportUsage(NAME, 5, None, "x" * 201), "a note has at most"),
        (ReportUsage(bytes(32), 5), "no such trade of ours"),
    ],
)
def test_an_owner_reports_nothing_that_the_other_would_refuse(order, reason):
    known, _ = reported(4)
    with pytest.raises(Unacceptable, match=reason):
        report(known, DOMAIN, CLEO, order, NOW)


def test_there_are_only_so_many_reports():
    known, _ = reported(*([1] * MOST_REPORTS))
    with pytest.raises(Unacceptable, match="more than 1000 reports"):
        report(known, DOMAIN, CLEO, ReportUsage(NAME, 1), NOW)


def test_of_a_trade_that_is_closed_nothing_is_said():
    closed = Released(NAME, Cause.ACCEPTED, 1, 0, closed=True)
    supplier = followed(reported(4)[0], closed, CLEO, None)
    demander = followed(heard(usage()), closed, ANNE, None)
    with pytest.raises(Unacceptable, match="not in escrow"):
        hear_report(demander, usage(1), digest(DOMAIN, usage(1)), NOW)
    with pytest.raises(Unacceptable, match="not in escrow"):
        hear_answer(supplier, receipt(usage()))
    with pytest.raises(Unacceptable, match="no such trade"):
        answer(demander, ANNE, AnswerUsage(NAME, accepted=True))
    assert NAME not in demander
