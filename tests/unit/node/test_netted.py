"""A trade shown alone beside the chain: what rows and sales of its batch leave room for."""

import json
from contextlib import closing
from dataclasses import replace

import pytest
from click.testing import CliRunner

from fabmarket.cli.commands import cli
from fabmarket.identity import Key, digest
from fabmarket.identity.codec import encode
from fabmarket.ledger import Block, Entry, EventLog
from fabmarket.market.cycles import Leaf
from fabmarket.market.events import Listed, NetSettled
from fabmarket.market.net import PAYS, Cycle, Row, Sale, pack, path, root, trade_leaf
from fabmarket.market.trade import Trade, nonce_of
from fabmarket.node.netted import NettedTrade, check_netted
from fabmarket.node.settlements import NetSettlement
from tests.unit.node.town import DOMAIN

SUPPLIER, BUYER, HUB, PUPPET = map(Key.derive, ("supplier", "buyer", "hub", "puppet"))
TOKEN = Key.derive("token").address
LISTING, OTHER = bytes([1]) * 32, bytes([2]) * 32
TRADE = Trade(LISTING, BUYER.address, TOKEN, 40, 7, 2_000, nonce_of(3, 5), listing_epoch=2)
"""A true one: the buyer paid 280 of its 420 for it. The hub bought the rest, and sells, too."""


def settled(folder, trade):
    """The chain after a batch under whose root this trade's leaf hangs, and the file of it."""
    name, true = digest(DOMAIN, trade), digest(DOMAIN, TRADE)
    leaves = [trade_leaf(true, bytes([9]) * 32), trade_leaf(name, bytes(32))]
    masks = {SUPPLIER: 1 << 95, BUYER: 1 << 5 | 1 << 6, HUB: 1}
    changes = {SUPPLIER: 410, BUYER: -420, HUB: 10}
    parties = sorted(masks, key=lambda each: int(each.address, 16))
    rows = tuple(
        Row(
            each.address,
            masks[each],
            abs(changes[each]),
            PAYS if changes[each] < 0 else 0,
            epoch=3,
            sales=int(each is not BUYER),
        )
        for each in parties
    )
    sales = (
        Sale(LISTING, 60, 2, parties.index(SUPPLIER)),
        Sale(OTHER, 1_000_000, 2, parties.index(HUB)),
    )
    cycle = Cycle(TOKEN, root(leaves), 1_100, rows, sales)
    batch = digest(DOMAIN, cycle.batch)
    events = (
        Listed(LISTING, SUPPLIER.address, bytes(32), 0, 100, 100),
        Listed(OTHER, HUB.address, bytes(32), 0, 1_000_000, 1_000_000),
        NetSettled(batch, TOKEN, cycle.trades, pack(rows), pack(sales)),
    )
    entries = tuple(Entry(at, bytes([at]) * 32, event) for at, event in enumerate(events))
    ledger = folder / "ledger.sqlite"
    with closing(EventLog(ledger)) as store:
        store.append(Block(1, bytes([7]) * 32, bytes(32), 1_000, entries))
    demander = next(each for each in (BUYER, HUB, PUPPET) if each.address == trade.demander)
    seller = HUB if trade.listing == OTHER else SUPPLIER
    return ledger, NettedTrade(
        netted=1,
        domain=DOMAIN,
        trade=trade,
        demander=demander.sign(name),
        supplier=seller.address,
        consent=seller.sign(name),
        leaf=Leaf(name, bytes(32), 1, path(leaves, 1)),
        batch=cycle.batch,
        settlement=NetSettlement(batch, 1, bytes([7]) * 32, 2, bytes([2]) * 32),
    )


def verified(folder, trade):
    """What `verify --ledger` says of the file: whether it holds, and what the chain does not."""
    ledger, file = settled(folder, trade)
    check_netted(file)
    shown = folder / "alone.json"
    shown.write_bytes(encode(file))
    arguments = ["verify", str(shown), "--ledger", str(ledger), "--json"]
    facts = json.loads(CliRunner().invoke(cli, arguments).stdout)
    assert facts["files"][0]["ok"]
    assert facts["not_in_ledger"] in ([], [f"0x{digest(DOMAIN, trade).hex()}"])
    return facts["ok"]


POSSIBLE = {
    "the true one": TRADE,
    "another nonce that the row used up": replace(TRADE, nonce=nonce_of(3, 6)),
    "all that was sold, for all that was paid": replace(TRADE, quantity=60),
    "by who sells, too, for more than its row says": replace(
        TRADE, demander=HUB.address, nonce=nonce_of(3, 0), unit_price=10**12
    ),
}


@pytest.mark.parametrize("name", POSSIBLE)
def test_what_the_batch_has_room_for_holds(tmp_path, name):
    assert verified(tmp_path, POSSIBLE[name])


IMPOSSIBLE = {
    "a demander without a row": replace(TRADE, demander=PUPPET.address),
    "a nonce that the row left": replace(TRADE, nonce=nonce_of(3, 7)),
    "a nonce of another epoch": replace(TRADE, nonce=nonce_of(2, 5)),
    "a nonce that none is": replace(TRADE, nonce=nonce_of(3, 200)),
    "a listing that sold nothing": replace(TRADE, listing=bytes([3]) * 32),
    "another epoch of the listing": replace(TRADE, listing_epoch=1),
    "more than was sold": replace(TRADE, quantity=61, unit_price=1),
    "more than was paid": replace(TRADE, unit_price=11),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_the_batch_has_no_room_for_is_named(tmp_path, name):
    assert not verified(tmp_path, IMPOSSIBLE[name])


def test_regression_a_false_leaf_of_a_key_without_a_row_proves_no_trade(tmp_path):
    """A supplier hung it under the root that it brought: a million units of a listing of 60."""
    puppet = replace(TRADE, demander=PUPPET.address, nonce=0, quantity=10**6, unit_price=10**12)
    assert not verified(tmp_path, puppet)
