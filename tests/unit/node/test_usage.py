"""What is said of a delivery by real participants: answered, kept, proved, and shown as a fork."""

from dataclasses import replace

import pytest

from fabmarket.identity import Key, digest
from fabmarket.identity.codec import decode, encode
from fabmarket.market.usage import Receipt, Usage
from fabmarket.negotiation.moves import News
from fabmarket.negotiation.orders import Adopt, AnswerUsage, ReportUsage
from fabmarket.negotiation.policy import Policy
from fabmarket.node import Answer, BadEvidence, Evidence, Journal, evidence_of, forks, replay
from fabmarket.node.envelope import Envelope, seal
from fabmarket.node.reports import reports_of
from tests.unit.node.town import DOMAIN, HELD, ORIGIN, Town


class Works:
    """Cleo delivers to Anne, in escrow, and the slot has begun."""

    def __init__(self):
        self.town = Town(delivery=HELD).settled()
        self.anne, self.cleo = (self.town.people[name] for name in ("anne", "cleo"))
        self.name, self.trade = next(
            (name, each.trade)
            for name, each in self.cleo.state.escrows.items()
            if each.other == self.anne.address
        )
        self.town.block(ORIGIN + 10)

    def reports(self, units, note=""):
        assert self.cleo.order(ReportUsage(self.name, units, None, note)).state == "done"
        self.town.carry()

    def answers(self, accepted=True, note=""):
        assert self.anne.order(AnswerUsage(self.name, accepted, note)).state == "done"
        self.town.carry()

    def tell(self, whom, message, key):
        """Somebody signs a message and brings it."""
        heard = whom.receive(encode(Envelope(message, seal(key, DOMAIN, message)[1])))
        return heard.answer, heard.reason

    def progress(self, person):
        return person.state.escrows[self.name].progress

    def files(self):
        journals = (self.anne.journal, self.cleo.journal)
        return [evidence_of(journal, self.name) for journal in journals]

    def told(self, line):
        news = [each.news for each in self.town.told]
        return [dict(n.facts) for n in news if isinstance(n, News) and n.line == line]


@pytest.fixture
def works():
    return Works()


def test_both_files_prove_what_was_said_and_what_both_signed_for(works):
    works.reports(2, "first pallet")
    works.answers()
    works.reports(5)
    works.answers(accepted=False, note="two are cracked")
    works.reports(6)
    assert [each["units"] for each in works.told("usage")] == ["2", "5", "6"]
    assert [each["answer"] for each in works.told("answer")] == ["accepted", "objected to"]
    assert works.progress(works.anne) == works.progress(works.cleo)
    for file in works.files():
        again = decode(Evidence, encode(file))
        progress = replay(again).progress[works.name]
        assert progress == works.progress(works.anne)
        assert (progress.newest.units, progress.newest.accepted) == (6, None)
        assert (progress.accepted.units, progress.accepted.sequence) == (2, 0)
    assert forks(works.files()) == []


def test_after_a_crash_both_know_what_was_said(works):
    works.reports(2)
    works.answers()
    before = works.progress(works.cleo)
    for name in ("anne", "cleo"):
        assert works.progress(works.town.restart(name)) == before


def test_an_owner_may_leave_the_answer_to_its_agent(works):
    works.anne.order(Adopt(Policy(acknowledge=True)))
    works.reports(3)
    assert works.progress(works.cleo).accepted.units == 3


def test_an_order_of_another_role_is_refused(works):
    assert "only a supplier" in works.anne.order(ReportUsage(works.name, 1)).reason
    assert "only a demander" in works.cleo.order(AnswerUsage(works.name, accepted=True)).reason


def test_a_report_that_overtakes_the_chain_waits():
    town = Town(delivery=HELD).agreed()
    cleo = town.people["cleo"].address
    trade = next(iter(town.people["anne"].state.trades))
    usage = Usage(cleo, trade, 0, 1, ORIGIN, "")
    text = encode(Envelope(usage, seal(town.keys["cleo"], DOMAIN, usage)[1]))
    heard = town.people["anne"].receive(text)
    assert (heard.answer, heard.reason) == (
        Answer.POSTPONED,
        "report on a trade that we do not know to be in escrow",
    )


def test_strangers_are_not_heard_and_leave_nothing(works):
    eve = Key.derive("usage tests", "eve")
    usage = Usage(eve.address, works.name, 0, 1, ORIGIN, "")
    receipt = Receipt(eve.address, works.name, bytes(32), accepted=True, note="")
    before = works.anne.journal.dump(), works.cleo.journal.dump()
    assert works.tell(works.anne, usage, eve)[0] is Answer.REFUSED
    assert works.tell(works.cleo, receipt, eve)[0] is Answer.REFUSED
    assert works.tell(works.anne, receipt, eve)[1] == "a Receipt is not for a demander"
    assert works.tell(works.cleo, usage, eve)[1] == "a Usage is not for a supplier"
    assert (works.anne.journal.dump(), works.cleo.journal.dump()) == before


def test_a_second_report_of_one_number_is_kept_as_a_proof_once(works):
    works.reports(2)
    key, address = works.town.keys["cleo"], works.cleo.address
    others = [Usage(address, works.name, 0, units, ORIGIN + 10, "") for units in (3, 4)]
    for other in others:
        assert works.tell(works.anne, other, key) == (
            Answer.REFUSED,
            "second report of one number",
        )
    file, _ = works.files()
    assert replay(file).progress[works.name] == works.progress(works.anne)
    (fork,) = forks([file])
    assert (fork.author, fork.place) == (address, "report 0")
    assert fork.second == digest(DOMAIN, others[0])


def test_a_second_answer_to_one_report_is_kept_as_a_proof_once(works, tmp_path):
    works.reports(2)
    works.answers()
    key, address = works.town.keys["anne"], works.anne.address
    of = works.progress(works.cleo).last
    for note in ("no", "not at all"):
        other = Receipt(address, works.name, of, accepted=False, note=note)
        assert works.tell(works.cleo, other, key) == (
            Answer.REFUSED,
            "second answer to one report",
        )
    (tmp_path / "journal.sqlite").write_bytes(works.cleo.journal.dump())
    (report,) = reports_of(tmp_path)
    assert report.receipt.accepted  # the first answer is the one that counts
    _, file = works.files()
    assert replay(file).progress[works.name].accepted.units == 2
    (fork,) = forks([file])
    assert (fork.author, fork.place) == (address, f"the answer to report 0x{of.hex()}")


def with_word(file, message, key):
    """A file with one more message, signed by whoever."""
    envelope = Envelope(message, seal(key, DOMAIN, message)[1])
    return replace(file, envelopes=(*file.envelopes, envelope))


def test_a_file_that_tells_of_what_cannot_have_been_said_is_refused(works):
    works.reports(2)
    keys, cleo, anne = works.town.keys, works.cleo.address, works.anne.address
    sold = works.trade.quantity
    of = works.progress(works.cleo).last
    false = [
        (Usage(cleo, works.name, 1, 1, ORIGIN + 10, ""), "cleo", "fewer units"),
        (Usage(cleo, works.name, 1, sold + 1, ORIGIN + 10, ""), "cleo", "more units"),
        (Usage(cleo, works.name, 1, 3, ORIGIN - 1, ""), "cleo", "a time before"),
        (Usage(cleo, bytes(32), 1, 3, ORIGIN + 10, ""), "cleo", "not of a party"),
        (Usage(anne, works.name, 1, 3, ORIGIN + 10, ""), "anne", "not of a party"),
        (Usage(cleo, works.name, 1, 3, ORIGIN + 10, ""), "bert", "not by its author"),
        (Receipt(cleo, works.name, of, True, ""), "cleo", "not of a party"),
        (Receipt(anne, works.name, bytes(32), True, ""), "anne", "answer to no report"),
        (Receipt(anne, works.name, of, True, ""), "bert", "not by its author"),
    ]
    for file in works.files():
        for message, name, reason in false:
            with pytest.raises(BadEvidence, match=reason):
                replay(with_word(file, message, keys[name]))
        report = next(each for each in file.envelopes if isinstance(each.message, Usage))
        with pytest.raises(BadEvidence, match="twice"):
            replay(replace(file, envelopes=(*file.envelopes, report)))


def test_reports_come_from_the_journal_with_their_answers(works, tmp_path):
    works.reports(2, "first pallet")
    works.answers(note="seen")
    works.reports(3)
    (tmp_path / "journal.sqlite").write_bytes(works.anne.journal.dump())
    found = reports_of(tmp_path)
    assert [(each.usage.units, each.usage.note) for each in found] == [(2, "first pallet"), (3, "")]
    assert [each.receipt and each.receipt.note for each in found] == ["seen", None]
    assert Journal.reading(tmp_path / "journal.sqlite").said("Nothing") == []
