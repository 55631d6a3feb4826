"""What an owner orders is checked before it is placed: a wrong value is named, and not written."""

import io
import json
import re
from contextlib import ExitStack, closing, redirect_stderr, redirect_stdout
from dataclasses import replace

import pytest

from fabmarket.cli import ordering
from fabmarket.cli.main import main
from fabmarket.identity import Key
from fabmarket.identity.codec import decode, encode
from fabmarket.identity.keystore import create
from fabmarket.market.exchange import Cancel, Exchange, RaiseEpoch, Withdraw
from fabmarket.market.exchange.state import Slot
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import Trade, market_domain
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.orders import (
    AddProduct,
    AddWant,
    Approve,
    DropProduct,
    DropWant,
    PayIn,
)
from fabmarket.node import Journal, Participant
from fabmarket.node.envelope import Envelope
from fabmarket.node.escrows import Seen
from fabmarket.node.locking import locked
from fabmarket.node.ordered import capacity
from fabmarket.node.owner import BadOrder, Owner
from fabmarket.node.roles import STEPS, initial_state, want_id
from fabmarket.node.settings import FILE, JOURNAL, KEYSTORE, read_settings, template

CONTRACT = Key.derive("order tests", "contract").address
KEY = Key.derive("order tests", "owner")


@pytest.fixture(scope="module")
def keystore(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / KEYSTORE
    create(path, KEY, "correct horse")
    return path.read_bytes()


def directory(folder, keystore, role, more=""):
    """Of an agent that was started once and does not run."""
    folder.mkdir()
    (folder / KEYSTORE).write_bytes(keystore)
    (folder / KEYSTORE).chmod(0o600)
    (folder / FILE).write_text(template(role).replace('"0x"', f'"{CONTRACT}"') + more)
    settings = read_settings(folder)
    domain = market_domain(31337, CONTRACT)
    initial = initial_state(settings, KEY, domain, Rhythm(0, 60))
    with closing(Journal(folder / JOURNAL)) as journal:
        Participant(KEY, domain, STEPS[role][1], initial, journal)
    return folder


@pytest.fixture
def demander(tmp_path, keystore):
    return directory(tmp_path / "demander", keystore, "demander")


@pytest.fixture
def supplier(tmp_path, keystore):
    return directory(tmp_path / "supplier", keystore, "supplier")


def ran(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    return ended.value.code, out.getvalue(), err.getvalue()


def placed(folder):
    with closing(Journal.reading(folder / JOURNAL)) as journal:
        return [decode(Ordered, each.body).order for each in journal.placed()]


WANT = ("--slot", "1", "--resource", "S", "--benefit", "90")
TRADE_VERBS = ("deliver", "accept", "refund", "expire", "execute", "void")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("deposit",), "Missing argument 'AMOUNT'"),
        (("deposit", "0"), "0 is not in the range"),
        (("deposit", "1.5"), "'1.5' is not a whole number"),
        (("deposit", "-4"), "No such option '-4'"),
        (("deposit", "ten"), "'ten' is not a whole number"),
        (("deposit", str(2**128)), "is not in the range"),
        (("deposit", "5", "6"), "unexpected extra argument"),
        (("withdraw", "5", "--to", "0x12"), "'0x12' is no address"),
        (("withdraw", "5", "--to", CONTRACT.lower()), "in checksummed case"),
        (("register", "hour"), "only a supplier has capacity"),
        (("list", "0", "5"), "only a supplier has capacity"),
        (("unlist", "0"), "only a supplier has capacity"),
        (("cancel", "--listing", "0"), "only a supplier has capacity"),
        (("want", "more", *WANT[2:]), "Missing option '--slot'"),
        (("want", "more", *WANT, "--cost", "91"), "benefit: 90 is not from 91"),
        (("want", "more", *WANT, "--quantity", "0"), "0 is not in the range"),
        (("want", "more", *WANT[:3], "x" * 32, *WANT[4:]), "is no resource or unit name"),
        (("cancel",), "give one of --want, --product, --trade, --listing and"),
        (("cancel", "--all", "--want", "a"), "give one of"),
        (("cancel", "--product", "b", "--want", "a"), "give one of"),
        (("approve", "--product", "b", "--want", "a"), "give one of --want, --product and --trade"),
        (("product",), "Missing argument 'FILE'"),
        (("product", "no-such.toml"), "no-such.toml: cannot be read"),
        (("cancel", "--trade", "0x12"), "there is no trade 0x12"),
        (("cancel", "--trade", "12 "), "'12 ' is no trade"),
        *(((verb, "0x"), "'0x' is no trade; give 0x and its first digits") for verb in TRADE_VERBS),
        *(((verb, "0xg"), "'0xg' is no trade") for verb in TRADE_VERBS),
        *(((verb, "0x3f"), "there is no trade 0x3f") for verb in TRADE_VERBS),
        (("dispute", "0x3f"), "Missing option '--evidence'"),
        (("split", "0x3f", "--to-supplier", "-1"), "-1"),
        (("split", "0x3f", "--to-supplier", "1", "--days", "0"), "0 is not in the range"),
    ],
)
def test_a_demander_s_order_that_is_wrong_is_named_and_not_placed(demander, arguments, problem):
    verb, *rest = arguments
    code, out, err = ran(verb, demander, *rest)
    assert (code, out) == (2, "")
    assert problem in err
    assert err.count("\n") == 1
    assert placed(demander) == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("register", "x" * 32), "is no resource or unit name"),
        (("register", "Stück"), "is no resource or unit name"),
        (("list", "0", "0"), "0 is not in the range"),
        (("list", str(2**40), "1"), "ends too late for the contract"),
        (("list",), "give SLOT and QUANTITY, or --from FILE"),
        (("list", "3"), "give SLOT and QUANTITY, or --from FILE"),
        (("list", "3", "4", "--from", "a.csv"), "give SLOT and QUANTITY, or --from FILE"),
        (("list", "--from", "no-such.csv"), "no-such.csv: cannot be read"),
        (("unlist", "0"), "nothing of slot 0 is for sale"),
    ],
)
def test_a_supplier_s_order_that_is_wrong_is_named_and_not_placed(supplier, arguments, problem):
    verb, *rest = arguments
    code, _, err = ran(verb, supplier, *rest)
    assert code == 2
    assert problem in err
    assert placed(supplier) == []


@pytest.mark.parametrize("verb", ["deposit", "withdraw"])
def test_a_directory_that_is_no_agent_s_is_refused(tmp_path, verb):
    code, _, err = ran(verb, tmp_path, 5)
    assert code == 2
    assert "run `fabmarket init` first" in err


def test_what_is_right_is_placed_for_the_agent_to_take(demander):
    for arguments in (
        ("deposit", demander, 70),
        ("withdraw", demander, 5, "--to", CONTRACT),
        ("want", demander, "more", *WANT),
        ("cancel", demander, "--want", "more"),
        ("cancel", demander, "--all"),
    ):
        code, out, _ = ran(*arguments)
        assert code == 0
        assert out.endswith("no agent runs here; it is done once one does.\n")
    deposit, withdrawal, added, dropped, raised = placed(demander)
    assert deposit == PayIn(CONTRACT, 70)
    assert withdrawal == Withdraw(CONTRACT, 5, CONTRACT)
    assert isinstance(added, AddWant)
    assert (added.name, added.releases, added.want.id) == ("more", 20, want_id("more", KEY.address))
    assert dropped == DropWant(added.want.id)
    assert raised == RaiseEpoch(CONTRACT)


PRODUCT = """
[[products]]
name = "bracket"
value = {value}
due = 3
last = 4
cycles = 2
[[products.operations]]
name = "milling"
[[products.operations.alternatives]]
resource = "S"
quantity = 7
"""


def test_a_product_is_ordered_by_a_file_and_cancelled_by_its_name(demander, tmp_path):
    file = tmp_path / "bracket.toml"
    file.write_text(PRODUCT.format(value=900))
    assert ran("product", demander, file)[::2] == (0, "")
    assert ran("cancel", demander, "--product", "bracket")[0] == 0
    added, dropped = placed(demander)
    named = want_id("bracket", KEY.address)
    assert isinstance(added, AddProduct)
    assert (added.name, added.operations, added.cycles) == ("bracket", ("milling",), 2)
    assert (added.product.id, added.product.value) == (named, 900)
    assert dropped == DropProduct(named)


def test_a_product_that_waits_for_approval_says_so_and_is_approved_by_its_name(demander, tmp_path):
    file = tmp_path / "bracket.toml"
    file.write_text(PRODUCT.format(value=1_000_001))
    code, _, err = ran("product", demander, file)
    assert code == 0
    assert err.endswith(f"waits: fabmarket approve {demander} --product bracket\n")
    assert ran("approve", demander, "--product", "bracket")[0] == 0
    assert placed(demander)[-1] == Approve(want_id("bracket", KEY.address))


def test_status_shows_a_product_and_what_it_waits_for(tmp_path, keystore):
    folder = directory(tmp_path / "d", keystore, "demander", PRODUCT.format(value=900))
    code, out, _ = ran("status", folder)
    assert code == 0
    assert "To do: bracket / milling: nobody sells S: wait, or correct and order it anew\n" in out
    assert re.search(r"^ bracket +open", out, re.MULTILINE)
    (product,) = json.loads(ran("status", folder, "--json")[1])["products"]
    assert (product["name"], product["state"], product["cycles"]) == ("bracket", "open", 2)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (PRODUCT.format(value=-1), "bracket.toml: products.0.value: -1 is not from 0"),
        (PRODUCT.format(value="x"), "bracket.toml:4:"),
        ("", "bracket.toml: products: the key is missing; add it"),
        (PRODUCT.format(value=1).replace("last = 4", f"last = {2**32}"), "too late for the contr"),
    ],
)
def test_a_file_without_a_good_product_is_named_and_not_placed(demander, tmp_path, text, problem):
    file = tmp_path / "bracket.toml"
    file.write_text(text)
    code, out, err = ran("product", demander, file)
    assert (code, out) == (2, "")
    assert problem in err
    assert placed(demander) == []


def test_a_trade_that_is_signed_is_cancelled_by_its_nonce(demander):
    trade = Trade(bytes(32), KEY.address, CONTRACT, 1, 1, 9, nonce=5)
    later = Trade(bytes(32), KEY.address, CONTRACT, 1, 1, 9, nonce=1 << 8)
    with closing(Journal(demander / JOURNAL)) as journal, journal.writing():
        for name, each in ((b"\x3f" * 32, trade), (b"\x3a" * 32, later)):
            journal.keep(name, "Trade", None, encoded(each))
    assert ran("cancel", demander, "--trade", "0x3f3f")[0] == 0
    assert placed(demander) == [Cancel(CONTRACT, 1 << 5)]
    code, _, err = ran("cancel", demander, "--trade", "0x3a")
    assert code == 2
    assert "is signed for epoch 1 and the account is in 0; cancel all to void both" in err
    code, _, err = ran("cancel", demander, "--trade", "0x3")
    assert code == 2
    assert "0x3 begins more than one trade; give more of its digits" in err


def encoded(trade):
    return encode(Envelope(trade, bytes(65)))


def test_a_full_disk_takes_no_order_and_says_so(demander, monkeypatch):
    """A journal that may grow no more, as SQLite says it."""
    real = Journal.__init__

    def full(self, path=None):
        real(self, path)
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        self._db.execute(f"PRAGMA max_page_count = {pages}")

    monkeypatch.setattr(Journal, "__init__", full)
    codes = [0]
    while codes[-1] == 0 and len(codes) < 500:  # until its last page is full
        codes.append(ran("want", demander, "m" * 64, *WANT)[0])
    assert codes.pop() == 75
    monkeypatch.undo()
    assert len(placed(demander)) == len(codes) - 1


def test_an_order_waits_until_the_agent_knows_what_it_is_checked_against(demander, monkeypatch):
    runs = ExitStack()
    runs.enter_context(locked(demander))
    waited = []

    def note(said):
        with closing(Journal(demander / JOURNAL)) as journal, journal.writing():
            journal.note("catching up", said)

    def sleep(_):
        waited.append(placed(demander))
        note(b"")
        runs.close()  # else the order itself would be waited for

    note(b"1")
    monkeypatch.setattr(ordering.time, "sleep", sleep)
    code, _, err = ran("deposit", demander, 40)
    assert (code, waited) == (0, [[]])
    assert err.startswith("The agent is catching up with the chain; waiting for it.")
    assert len(placed(demander)) == 1
    note(b"1")  # of an agent that was killed
    assert ran("deposit", demander, 40)[0] == 0
    assert (len(waited), len(placed(demander))) == (1, 2)


CALENDAR = "machine,slot,begins,attested,listed\n"


def test_a_calendar_is_listed_in_one_order(supplier, tmp_path):
    table = tmp_path / "calendar.csv"
    table.write_text(CALENDAR + "mill,3,,10,\nmill,,2026-01-05,8,6\nmill,7,,5,0\n")
    code, _, err = ran("list", supplier, "--from", table)
    assert (code, err) == (0, "")
    (order,) = placed(supplier)
    assert [(each.slot, each.quantity) for each in order.reports] == [(3, 10), (4, 6)]


def test_a_long_calendar_is_listed_bit_by_bit(supplier, tmp_path):
    table = tmp_path / "calendar.csv"
    table.write_text(CALENDAR + "".join(f"mill,{slot},,10,\n" for slot in range(60)))
    _, _, err = ran("list", supplier, "--from", table)
    assert "10 more slots are left; once this is done, give the same command again" in err
    (order,) = placed(supplier)
    assert [each.slot for each in order.reports] == list(range(50))


def test_a_calendar_that_is_wrong_is_told_of_and_nothing_is_ordered(supplier, tmp_path):
    table = tmp_path / "c.csv"
    rows = ("mill,3,,10,11", "saw,4,,10,", "mill,3,,1,", "mill,,2026-01-05 06:00,8,", "mill,,,1,")
    table.write_text(CALENDAR + "\n".join(rows))
    code, out, err = ran("list", supplier, "--from", table)
    assert (code, out) == (2, "")
    problems = (
        "row 2, listed: '11' is above the 10 attested",
        "row 3, machine: 'saw' is not 'mill', and one agent has one machine",
        "row 4, slot: '3' is there twice",
        "row 5, begins: '1767592800' is no beginning of a slot",
        "row 6, slot, begins: neither is given",
    )
    assert all(problem in line for problem, line in zip(problems, err.splitlines(), strict=False))
    assert placed(supplier) == []
    table.write_text(CALENDAR + "mill,3,,10,0\n")
    code, _, err = ran("list", supplier, "--from", table)
    assert "all of it is listed already, or over" in err


def test_what_is_listed_already_counts_and_what_is_over_is_passed_over(supplier):
    owner = Owner(supplier)
    nothing = Exchange.undeployed(owner.domain)
    key = (owner.address, owner.resource, 3)
    slots = nothing.slots.insert(key, Slot(attested=10, committed=4))
    calendar = owner.calendar
    owner.seen = Seen(replace(nothing, slots=slots), 1, calendar.origin + 2 * calendar.slot_length)
    order, left = capacity.listed_up_to(owner, {1: 5, 2: 6, 3: 10})
    assert [(each.slot, each.quantity) for each in order.reports] == [(2, 6), (3, 6)]
    assert left == 0
    with pytest.raises(BadOrder, match="listed already, or over"):
        capacity.listed_up_to(owner, {1: 5, 3: 4})
