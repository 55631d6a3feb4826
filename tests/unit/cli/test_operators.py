"""The verbs of operators and of who asks them: what they list, order and refuse."""

import json
from contextlib import closing

import pytest

from fabmarket.cli.main import main
from fabmarket.identity import keccak
from fabmarket.market.exchange import Open
from fabmarket.market.oversight import LARGEST_EXHIBIT
from fabmarket.negotiation.duties import Ask, Decline, Endorse, Judge, Seal
from fabmarket.node import Journal
from fabmarket.node.settings import JOURNAL, read_settings
from fabmarket.node.status import status_of
from tests.unit.node.council import LENGTH, MILL, ORIGIN, Council
from tests.unit.node.office import Office


class Desk:
    """Offices of an operator and of a supplier in one council, and commands given there."""

    def __init__(self, folder, capsys):
        self.council, self.capsys, self.folder = Council(), capsys, folder
        self.ada = self.sam = None

    def open(self):
        self.ada = Office(self.council, self.folder / "ada", "ada")
        self.sam = Office(self.council, self.folder / "sam", "sam")
        return self

    def run(self, command, office, *arguments):
        """The exit code, and what was printed."""
        with pytest.raises(SystemExit) as ended:
            main([command, str(office.folder), *map(str, arguments)])
        out, err = self.capsys.readouterr()
        return ended.value.code, out, err

    def listed(self, command, office):
        code, out, err = self.run(command, office, "--json")
        assert code == 0, err
        return json.loads(out)

    def ordered(self, command, office, *arguments):
        code, _, err = self.run(command, office, *arguments, "--no-wait")
        assert code == 0, err
        return office.orders()[-1]

    def file(self, name, content):
        path = self.folder / name
        path.write_text(content)
        return path


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


@pytest.fixture
def asked(desk):
    """A desk at which a request for slots 1 and 2 waits; and the request."""
    desk.council.registered()
    key = desk.council.asked(10, 12, first_slot=1)
    return desk.open(), key


def test_a_supplier_asks_for_a_run_of_slots(desk):
    desk.council.registered()
    desk.open()
    end = ORIGIN + 5 * LENGTH
    assert desk.ordered("ask", desk.sam, "--slot", 3, 10, 0) == Ask(3, (10, 0), end)
    counted = desk.file("counted.csv", "slot,quantity\n4,7\n3,10\n")
    assert desk.ordered("ask", desk.sam, "--csv", counted) == Ask(3, (10, 7), end)
    assert desk.ordered("ask", desk.sam, "--slot", 3, 1, "--expires", 9_000).expiry == 9_000


def test_a_supplier_asks_for_a_sealed_quantity(desk):
    desk.council.registered()
    desk.open()
    first = desk.ordered("ask", desk.sam, "--slot", 3, 12, "--sealed")
    second = desk.ordered("ask", desk.sam, "--slot", 3, 12, "--sealed", "--expires", 9_000)
    assert (first.slot, first.quantity, first.expiry) == (3, 12, ORIGIN + 4 * LENGTH)
    assert (second.slot, second.quantity, second.expiry) == (3, 12, 9_000)
    assert len(first.salt) == len(second.salt) == 32
    assert first.salt != second.salt


def test_a_sealed_request_is_listed_with_its_quantity_and_signed_where_it_was_counted(desk):
    desk.council.registered()
    desk.council.people["sam"].order(Seal(3, 12, bytes(range(32)), 10**9))
    desk.council.carry()
    desk.open()
    (request,) = desk.listed("requests", desk.ada)
    assert (request["first_slot"], request["quantities"], request["sealed"]) == (3, [12], True)
    code, out, _ = desk.run("requests", desk.ada)
    assert (code, "sealed" in out) == (0, True)
    key = bytes.fromhex(request["request"][2:])
    counted = desk.file("a", "slot,quantity\n3,12\n")
    assert desk.ordered("attest", desk.ada, "--csv", counted) == Endorse((key,))
    code, _, err = desk.run("attest", desk.ada, "--csv", desk.file("b", "slot,quantity\n3,11\n"))
    assert (code, "slot 3: 12 asked for, 11 counted" in err) == (2, True)
    said = desk.ordered("refuse", desk.ada, request["request"], "--reason", "not seen")
    assert said == Decline(key, "not seen")


def test_a_seal_is_opened_by_who_has_the_journal(desk):
    desk.council.registered()
    salt, sam = bytes(range(32)), desk.council.people["sam"]
    sam.order(Seal(3, 12, salt, 10**9))
    desk.council.carry()
    (key,) = (each for each, _ in sam.state.asking.asked.items())
    for name in ("ada", "ben"):
        desk.council.people[name].order(Endorse((key,)))
        desk.council.carry()
    desk.council.mine()
    desk.open()
    (stock,) = desk.listed("status", desk.sam)["stock"]
    assert (stock["slot"], stock["attested"], stock["sealed"]) == (3, 0, 12)
    assert desk.ordered("open", desk.sam, 3) == Open(sam.address, MILL, 3, 12, salt)
    with closing(Journal(desk.sam.folder / JOURNAL)) as journal, journal.writing():
        journal._db.execute("DELETE FROM message WHERE kind = 'SealedRequest'")
    code, _, err = desk.run("open", desk.sam, 3)
    assert (code, "the journal does not know what is sealed of slot 3" in err) == (2, True)
    assert desk.listed("status", desk.sam)["stock"][0]["sealed"] is None


def test_what_is_sold_is_not_sealed(desk):
    desk.council.escrowed()
    desk.open()
    code, _, err = desk.run("ask", desk.sam, "--slot", 0, 12, "--sealed")
    assert (code, "slot 0 is listed or sold in part" in err) == (2, True)
    assert desk.sam.orders() == []


def test_an_operator_watches_what_a_seal_takes_from_what_is_sold(desk):
    desk.council.escrowed()
    sam = desk.council.people["sam"]
    sam.order(Seal(0, 12, bytes(range(32)), 10**9))
    desk.council.carry()
    (key,) = (each for each, _ in sam.state.asking.asked.items())
    for name in ("ada", "ben"):
        desk.council.people[name].order(Endorse((key,)))
        desk.council.carry()
    desk.council.mine()
    desk.open()
    watched = desk.listed("watch", desk.ada)
    assert [each["kind"] for each in watched] == ["lowered"]
    assert "0 units, 3 are sold" in watched[0]["what"]


def test_requests_say_who_said_what(asked):
    desk, key = asked
    council = desk.council
    council.people["ben"].order(Endorse((key,)))
    council.people["cyd"].order(Decline(key, "not seen"))
    council.carry()
    desk.ada.bring()
    (request,) = desk.listed("requests", desk.ada)
    assert request["request"] == f"0x{key.hex()}"
    assert (request["resource"], request["unit"], request["version"]) == ("mill", "hour", 1)
    assert request["signed"] == [council.keys["ben"].address]
    assert request["declined"] == {council.keys["cyd"].address: "not seen"}
    assert (request["own"], request["needed"], request["problem"]) == ("", 2, "")
    code, out, _ = desk.run("requests", desk.ada)
    assert code == 0
    assert "10 12" in out


def test_an_operator_signs_what_is_named_or_what_the_file_counts(asked):
    desk, key = asked
    assert desk.ordered("attest", desk.ada, key.hex()[:6]) == Endorse((key,))
    sam = desk.council.keys["sam"].address
    whole = f"supplier,resource,slot,quantity\n{sam},mill,1,10\n{sam},mill,2,12\n"
    assert desk.ordered("attest", desk.ada, "--csv", desk.file("a", whole)) == Endorse((key,))
    more = "slot,quantity\n1,10\n2,12\n3,9\n"
    assert desk.ordered("attest", desk.ada, "--csv", desk.file("b", more)) == Endorse((key,))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slot,quantity\n1,10\n2,11\n", "slot 2: 12 asked for, 11 counted"),
        ("slot,quantity\n1,10\n", "slot 2: 12 asked for, none counted"),
        ("slot,resource,quantity\n1,mill,10\n2,lathe,12\n", "slot 2: 12 asked for, none counted"),
    ],
)
def test_what_differs_from_the_file_is_shown_and_not_signed(asked, text, said):
    desk, _ = asked
    code, _, err = desk.run("attest", desk.ada, "--csv", desk.file("counted.csv", text))
    assert code == 2
    assert said in err
    assert "equals no request that waits; nothing is signed" in err
    assert desk.ada.orders() == []


def test_of_two_requests_only_the_one_that_was_counted_is_signed(asked):
    desk, key = asked
    other = desk.council.people["sam"].order(Ask(7, (5,), 10**9))
    assert other.state == "done"
    desk.council.carry()
    desk.ada.bring()
    counted = desk.file("counted.csv", "slot,quantity\n1,10\n2,12\n7,4\n")
    assert desk.ordered("attest", desk.ada, "--csv", counted) == Endorse((key,))


def test_an_operator_says_why_it_does_not_sign(asked):
    desk, key = asked
    said = desk.ordered("refuse", desk.ada, f"0x{key.hex()}", "--reason", "not seen")
    assert said == Decline(key, "not seen")


@pytest.fixture
def disputed(desk):
    trade = desk.council.disputed()
    return desk.open(), trade


def test_a_dispute_is_listed_with_what_is_at_stake(disputed, tmp_path):
    desk, trade = disputed
    council = desk.council
    council.people["ben"].order(Judge(trade, 5_000, 10_000, 0))
    council.carry()
    council.people["sam"].order(
        desk.ordered("show", desk.sam, trade.hex(), desk.file("f", "photo"))
    )
    council.carry()
    desk.ada.bring()
    (dispute,) = desk.listed("disputes", desk.ada)
    assert dispute["trade"] == f"0x{trade.hex()}"
    assert (dispute["demander"], dispute["supplier"]) == tuple(
        council.keys[name].address for name in ("bea", "sam")
    )
    assert (dispute["sold"], dispute["delivered"], dispute["payment"]) == (3, 3, 300)
    assert dispute["evidence"] == f"0x{keccak(b'photo').hex()}"
    assert [(each["bytes"], each["as_disputed"]) for each in dispute["shown"]] == [(5, True)]
    (proposed,) = dispute["proposed"]
    assert (proposed["number"], proposed["shares"], proposed["own"]) == (
        1,
        [5_000, 10_000, 0],
        False,
    )
    assert proposed["signed"] == [council.keys["ben"].address]
    assert (dispute["posted"]["number"], dispute["party"]) == (0, False)
    code, out, _ = desk.run("disputes", desk.ada, "--out", tmp_path / "files")
    assert code == 0
    assert "as 1: 50% of the payment, 100% of the bond, 0% of deposits, signed by 1 of 2" in out
    assert "5 bytes, which the dispute names" in out
    assert [path.read_text() for path in (tmp_path / "files").iterdir()] == ["photo"]


def test_status_counts_what_waits(asked):
    desk, _ = asked
    seen = status_of(desk.ada.folder, read_settings(desk.ada.folder))
    assert (seen.requests, seen.disputes, seen.escrows) == (1, 0, ())


def test_status_counts_disputes(disputed):
    desk, _ = disputed
    seen = status_of(desk.ada.folder, read_settings(desk.ada.folder))
    assert (seen.requests, seen.disputes, seen.escrows) == (0, 1, ())


def test_shares_are_basis_points_or_per_cent_and_say_which(disputed):
    desk, trade = disputed
    shares = ("--payment-share", "12.5%", "--bond-share", "10000bp", "--deposit-share", "0%")
    assert desk.ordered("rule", desk.ada, trade.hex()[:8], *shares) == Judge(
        trade, 1_250, 10_000, 0
    )


def test_a_large_file_is_shown_by_its_hash_and_place(disputed):
    desk, trade = disputed
    film = desk.file("film", "x" * (LARGEST_EXHIBIT + 1))
    code, _, err = desk.run("show", desk.sam, trade.hex(), film)
    assert code == 2
    assert "400001 bytes and 400000 can be sent; say the place" in err
    shown = desk.ordered("show", desk.sam, trade.hex(), film, "--place", "https://a.example/film")
    assert (shown.exhibit.file, shown.exhibit.place) == (b"", "https://a.example/film")
    assert shown.exhibit.hash == keccak(film.read_bytes())
    assert set(shown.operators) == {desk.council.keys[name].address for name in desk.council.judges}


def shares(share):
    return ("--payment-share", share, "--bond-share", "0%", "--deposit-share", "0%")


@pytest.mark.parametrize(
    ("who", "arguments", "said"),
    [
        ("sam", ("requests",), "the agent is a supplier; this is for an operator's directory"),
        ("sam", ("disputes",), "the agent is a supplier"),
        ("sam", ("watch", "--json"), "the agent is a supplier"),
        ("sam", ("attest", "0x12"), "the agent is a supplier"),
        ("sam", ("refuse", "0x12", "--reason", "x"), "the agent is a supplier"),
        ("sam", ("rule", "0x12", *shares("1%")), "the agent is a supplier"),
        ("ada", ("ask", "--slot", "0", "1"), "only a supplier has something to attest"),
        ("sam", ("ask",), "give --slot and quantities, or --csv, and not both"),
        ("sam", ("ask", "1"), "give --slot and quantities, or --csv, and not both"),
        ("sam", ("ask", "--slot", "0", "1", "--csv", "EMPTY"), "and not both"),
        ("sam", ("ask", "--csv", "EMPTY"), "there is no line below the header"),
        ("sam", ("ask", "--csv", "GAP"), "slot 1 is missing between others"),
        ("sam", ("ask", "--csv", "MANY"), "leave only your own lines"),
        ("sam", ("ask", "--csv", "NOWHERE"), "cannot be read"),
        ("ada", ("attest",), "give a request, or --csv with what was counted"),
        ("ada", ("attest", "0x12"), "there is no request 0x12"),
        ("sam", ("ask", "--slot", "0", "1", "2", "--sealed"), "2 slots cannot be sealed as one"),
        ("sam", ("open", "3"), "nothing of slot 3 is sealed"),
        ("ada", ("open", "3"), "only a supplier has capacity"),
        ("ada", ("attest", "all"), "'all' is no request; give 0x and its first digits"),
        ("ada", ("refuse", "0x12", "--reason", "x"), "there is no request 0x12"),
        ("sam", ("show", "0x12", "EMPTY"), "there is no dispute 0x12"),
        ("ada", ("rule", "0x12", *shares("1%")), "there is no dispute 0x12"),
        ("ada", ("rule", "0x12", *shares("100.01%")), "give at most 100%"),
        ("ada", ("rule", "0x12", *shares("half")), "'half' is no share; write it in per cent"),
        ("ada", ("rule", "0x12", *shares("50")), "without its unit; write it as 50% or as 50bp"),
        ("ada", ("rule", "0x12", *shares("0")), "without its unit"),
        ("ada", ("rule", "0x12", *shares("33.333%")), "at most two decimals, as 33.33%"),
        ("ada", ("rule", "0x12", *shares("0.5bp")), "'0.5bp' is no share"),
        ("ada", ("rule", "0x12", *shares("-1%")), "'-1%' is no share"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_ordered(desk, who, arguments, said):
    desk.council.registered()
    desk.open()
    files = {
        "EMPTY": desk.file("empty.csv", "slot,quantity\n"),
        "GAP": desk.file("gap.csv", "slot,quantity\n0,1\n2,1\n"),
        "MANY": desk.file("many.csv", "resource,slot,quantity\nmill,0,1\nlathe,1,1\n"),
    }
    office = {"ada": desk.ada, "sam": desk.sam}[who]
    command, *rest = arguments
    code, _, err = desk.run(command, office, *(files.get(each, each) for each in rest))
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert office.orders() == []
