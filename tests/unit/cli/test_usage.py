"""How far deliveries have come: what owners order, what they are shown, and what is refused."""

import json

import pytest

from fabmarket.cli.main import main
from fabmarket.market.exchange import Deliver, EscrowState, record
from fabmarket.negotiation.orders import AnswerUsage, ReportUsage
from fabmarket.node import escrows
from fabmarket.node.owner import Owner
from tests.unit.node.council import ORIGIN, Council
from tests.unit.node.office import Office


class Works:
    """Three units in escrow whose slot has begun, and the directories of both parties."""

    def __init__(self, folder, capsys):
        self.council, self.capsys, self.folder = Council(), capsys, folder
        self.trade = self.council.escrowed()
        self.council.wait(ORIGIN + 10 - self.council.now)
        self.sam, self.bea = (Office(self.council, folder / name, name) for name in ("sam", "bea"))

    def run(self, command, office, *arguments):
        """The exit code, and what was printed."""
        with pytest.raises(SystemExit) as ended:
            main([command, str(office.folder), *map(str, arguments)])
        out, err = self.capsys.readouterr()
        return ended.value.code, out, err

    def ordered(self, command, office, *arguments):
        code, _, err = self.run(command, office, self.digits, *arguments, "--no-wait")
        assert code == 0, err
        return office.orders()[-1]

    @property
    def digits(self):
        return f"0x{self.trade.hex()[:8]}"

    def said(self, name, order):
        """An order is taken, and its letters are carried."""
        assert self.council.people[name].order(order).state == "done"
        self.council.carry()

    def told(self):
        """Two reports, one of them answered; both directories are as the agents leave them."""
        self.said("sam", ReportUsage(self.trade, 1, None, "first [pallet]"))
        self.said("bea", AnswerUsage(self.trade, accepted=False, note="none came"))
        self.said("sam", ReportUsage(self.trade, 2))
        self.sam.bring()
        self.bea.bring()
        return self


@pytest.fixture
def works(tmp_path, capsys):
    return Works(tmp_path, capsys)


def test_what_owners_say_is_what_their_agents_are_ordered(works, tmp_path):
    assert works.ordered("report", works.sam, 2) == ReportUsage(works.trade, 2)
    noted = works.ordered("report", works.sam, 0, "--note", "set up")
    assert noted == ReportUsage(works.trade, 0, None, "set up")
    counter = tmp_path / "counter.csv"
    counter.write_text("at,units\n100001,1\n100005,2\n")
    counted = works.ordered("report", works.sam, "--csv", counter)
    assert counted == ReportUsage(works.trade, 2, 100_005)
    assert works.ordered("acknowledge", works.bea) == AnswerUsage(works.trade, accepted=True)
    objection = works.ordered("object", works.bea, "--reason", "cracked")
    assert objection == AnswerUsage(works.trade, accepted=False, note="cracked")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "say what is used in one way"),
        ((1, "--feed", "http://127.0.0.1:1/"), "say what is used in one way"),
        (("--csv", "no.csv", "--feed", "http://127.0.0.1:1/"), "say what is used in one way"),
        (("-1",), "No such option"),
        (("1.5",), "is not a whole number"),
        ((2**64,), "is not in the range"),
        ((1, "--note", "x" * 201), "has 201 characters; 200 are the most"),
        (("--csv", "/no.csv"), "cannot be read"),
        (("--feed", "ftp://mill/units"), "is no URL"),
    ],
)
def test_a_wrong_report_is_named_and_not_placed(works, arguments, problem):
    code, _, err = works.run("report", works.sam, works.digits, *arguments)
    assert code == 2
    assert problem in err
    assert works.sam.orders() == []


def test_of_a_trade_that_is_not_in_escrow_nothing_is_ordered(works):
    for command, arguments in (
        ("report", (1,)),
        ("acknowledge", ()),
        ("object", ("--reason", "no")),
    ):
        code, _, err = works.run(command, works.sam, "0x00ff", *arguments)
        assert code == 2
        assert "there is no trade 0x00ff" in err
    assert works.sam.orders() == []


def test_what_was_read_once_is_not_read_again(works, monkeypatch):
    """A feed is asked for days, and the chain's events only grow."""
    owner, read = Owner(works.sam.folder), []
    name = works.trade
    assert owner.exchange.held[name].state == EscrowState.FUNDED
    monkeypatch.setattr(
        escrows, "record", lambda state, event: read.append(event) or record(state, event)
    )
    owner.read_on()
    assert read == []
    assert works.council.does("sam", Deliver(works.council.trade(), 3)) is None
    works.sam.bring()
    owner.read_on()
    assert [type(each).__name__ for each in read] == ["Delivered"]
    assert owner.exchange.held[name].state == EscrowState.DELIVERED
    assert owner.exchange == Owner(works.sam.folder).exchange


def test_a_feed_is_not_asked_once_delivery_is_stated(works):
    assert works.council.does("sam", Deliver(works.council.trade(), 3)) is None
    works.sam.bring()
    feed = ("--feed", "http://127.0.0.1:1/")
    code, out, err = works.run("report", works.sam, works.digits, *feed)
    assert (code, out) == (0, "")
    assert "the feed is asked no more" in err
    assert works.sam.orders() == []


def test_both_sides_see_who_said_what_and_what_was_answered(works):
    works.told()
    listed = []
    for office in (works.sam, works.bea):
        code, out, err = works.run("usage", office, works.digits, "--json")
        assert code == 0, err
        listed.append(json.loads(out))
        code, out, _ = works.run("usage", office)
        assert code == 0
        for said in (works.digits, "first", "[pallet]", "objected", "none", "came"):
            assert said in out
    assert listed[0] == listed[1]
    first, second = listed[0]
    bea, sam = (works.council.keys[name].address for name in ("bea", "sam"))
    assert first["answer"] == {"demander": bea, "accepted": False, "note": "none came"}
    assert (first["supplier"], first["number"], first["units"], first["at"]) == (
        sam,
        0,
        1,
        ORIGIN + 10,
    )
    assert second["answer"] == {"demander": "", "accepted": None, "note": ""}
    code, _, err = works.run("usage", works.sam, "0x00ff")
    assert code == 2
    assert "there is no trade with reports 0x00ff" in err


def test_where_nothing_was_reported_that_is_said(works):
    code, out, _ = works.run("usage", works.bea)
    assert (code, out) == (0, "Nothing was reported so far.\n")
