"""Agents as real processes buy a whole product, at doors and over the board; one is killed."""

from contextlib import closing

import pytest

from fabmarket.negotiation.products import reasons
from fabmarket.node import Journal, evidence_of, replay_bid
from fabmarket.node.settings import JOURNAL
from tests.street import locked, run, settled
from tests.workshop import RESOURCES, Workshop

HOLDS, ROOM, SIGNING, CYCLE = 10, 20, 27, 28
"""The first beats of their kind, and those of a cycle."""
PRICE = 10
UNITS = 4


def require_bought_once(shop):
    """The product, as all parties and the chain tell it."""
    product = shop.product()
    assert (product.name, product.state, product.reason) == ("bracket", "bought", "")
    (line,) = shop.lines("buyer", "bought")
    assert (line["product"], line["payment"]) == ("bracket", 2 * UNITS * PRICE)
    assert line["bundle"] == product.bundle
    events = settled(shop.street)
    assert [f"0x{each.trade.hex()}" for each in events] == [each.trade for each in product.chain]
    steps = [(each.operation, each.supplier, each.slot, each.units) for each in product.chain]
    assert steps == [
        ("mill", shop.addresses["mill"], 0, UNITS),
        ("lathe", shop.addresses["lathe"], 1, UNITS),
    ]
    require_proved(shop, [each.trade for each in events])
    balances = {name: shop.status(name).balance for name in shop.addresses}
    paid, deposit = 2 * UNITS * PRICE, 2 * (UNITS * PRICE // 20)
    assert balances["buyer"].payments == paid
    assert balances["buyer"].deposits == deposit
    for name, step in zip(RESOURCES, product.chain, strict=True):
        bond_and_deposit = locked(UNITS * PRICE)[1]
        assert balances[name].bonds + balances[name].deposits == bond_and_deposit
        stock = {each.slot: (each.available, each.promised) for each in shop.status(name).stock}
        assert stock.pop(step.slot) == (10 - UNITS, 0)
        assert set(stock.values()) == {(10, 0)}


def test_a_product_is_bought_by_agents_and_one_that_was_killed_goes_on(node, tmp_path):
    """The lathe's supplier dies when it has booked, and misses whole rounds."""
    with Workshop(node, tmp_path) as shop:
        shop.start("mill", "lathe", "buyer")
        shop.pass_beats(1, 2)
        shop.pass_beats(HOLDS, HOLDS + 1)
        product = shop.product()
        assert (product.state, product.phase, product.beat) == ("booked", "holds", HOLDS + 1)
        require_readable(run("status", shop.folders["buyer"]).stdout)
        shop.kill("lathe")
        shop.pass_beats(HOLDS + 1, HOLDS + 2)
        shop.start("lathe")
        booked = {each.slot: each.promised for each in shop.status("lathe").stock}
        assert booked[1] == UNITS
        shop.pass_beats(ROOM, ROOM + 1)
        shop.pass_beats(SIGNING, SIGNING + 1)
        require_bought_once(shop)


def require_readable(shown):
    """What is said of products fits a terminal of 80 columns, a line each."""
    _, products = shown.split("\nProducts ", 1)
    lines = products.partition("\nCards ")[0].splitlines()
    assert max(map(len, lines)) <= 80, shown
    about = [" ".join(each.split()) for each in lines if each.startswith(" bracket ")]
    assert len(about) == 1 + len(RESOURCES)
    assert about[0].startswith("bracket booked holds, beat 11 of 28; signed in ")


def require_proved(shop, trades):
    """Each party's journal proves what it sold or bought, with the blocks that settled it."""
    sold = dict(zip(RESOURCES, ([each] for each in trades), strict=True))
    for name, own in {"buyer": trades, **sold}.items():
        with closing(Journal.reading(shop.folders[name] / JOURNAL)) as journal:
            bid = journal.session_of(own[0])
            shown = replay_bid(evidence_of(journal, bid))
        assert list(shown.trades) == own
        assert {each.event.trade for each in shown.settlements} == set(own)


@pytest.mark.slow
def test_a_bid_that_a_supplier_cannot_answer_binds_nobody_and_is_made_in_the_next_cycle(
    node, tmp_path
):
    """The lathe's supplier dies when it has a sealed bid; who is silent is left out of a cycle."""
    with Workshop(node, tmp_path) as shop:
        shop.start("mill", "lathe", "buyer")
        shop.pass_beats(1, 2)
        shop.come_to(HOLDS, 0)
        shop.come_to(HOLDS, 1)
        assert shop.product().state == "bid for"
        shop.kill("lathe")
        shop.come_to(HOLDS, 2)
        shop.come_to(HOLDS, 3)
        assert shop.product().state == "bid for"
        shop.come_to(HOLDS + 1, 0)
        shop.start("lathe")
        shop.pass_beats(SIGNING, SIGNING + 1)
        product = shop.product()
        assert (product.state, product.reason) == ("open", reasons.NOT_HELD)
        for name in RESOURCES:
            assert {each.promised for each in shop.status(name).stock} == {0}
        for beat in (1, HOLDS, ROOM, SIGNING):
            shop.pass_beats(CYCLE + beat, CYCLE + beat + 1)
        require_bought_once(shop)


@pytest.mark.slow
def test_what_is_signed_while_a_supplier_is_down_is_settled_once_it_is_back(node, tmp_path):
    """It has the trade's time, 15 minutes after the cycle; the buyer is killed meanwhile, too."""
    with Workshop(node, tmp_path) as shop:
        shop.start("mill", "lathe", "buyer")
        shop.pass_beats(HOLDS, HOLDS + 1)
        assert shop.product().state == "booked"
        shop.come_to(SIGNING, 0)
        shop.kill("mill")
        shop.come_to(SIGNING, 1)
        assert shop.product().state == "signed"
        shop.kill("buyer")
        shop.come_to(SIGNING, 2)
        shop.start("mill", "buyer")
        require_bought_once(shop)


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [("lathe",), ("mill", "lathe", "buyer")], ids="-".join)
def test_a_product_is_bought_over_the_board_by_those_who_have_no_door(node, tmp_path, hidden):
    """Each letter to one of them is a transaction: so many where nobody competes."""
    with Workshop(node, tmp_path, hidden) as shop:
        shop.start("mill", "lathe", "buyer")
        shop.pass_beats(1, 2)
        shop.pass_beats(HOLDS, HOLDS + 1)
        assert shop.product().state == "booked"
        shop.pass_beats(ROOM, ROOM + 1)
        shop.pass_beats(SIGNING, SIGNING + 1)
        require_bought_once(shop)
        said = ["Need", "Plan", "SealedBid", "Bid", "Confirm", "Plan", "Trade"]
        assert announced(shop, "buyer", "lathe") == said
        answered = ["PriceList", "Answer", "Booked", "PriceList", "Countersigned"]
        assert announced(shop, "lathe", "buyer") == (answered if "buyer" in hidden else [])


def announced(shop, sender, recipient):
    """What went from one to the other over the board."""
    sent = shop.lines(sender, "sent")
    peer = shop.addresses[recipient]
    return [e["kind"] for e in sent if (e["outcome"], e["peer"]) == ("announced", peer)]
