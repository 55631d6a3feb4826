"""Words, roots and proofs of net cycles; the contract's own roots are met by the differential."""

from dataclasses import replace

import pytest

from fabmarket.identity import digest, keccak
from fabmarket.market.cycles import Leaf
from fabmarket.market.net import (
    PAID,
    PAYS,
    Row,
    Sale,
    leads,
    leaf,
    net_bundle,
    pack,
    path,
    root,
    trade_leaf,
    unpack_rows,
    unpack_sales,
)
from fabmarket.market.trade import NetBatch
from fabmarket.node import BadEvidence
from fabmarket.node.netted import NettedTrade, check_netted
from fabmarket.node.settlements import NetSettlement

SIZES = range(1, 10)


def words(*values):
    return b"".join(each.to_bytes(32, "big") for each in values)


def test_a_row_lies_in_its_two_words_as_the_contract_reads_them(market):
    account = market.buyer.address
    row = Row(account, 0xABC, 7, PAYS, 5, sales=9, salt=3)
    assert row.words == (
        0xABC * 2**160 + int(account, 16),
        3 * 2**184 + 1 * 2**176 + 9 * 2**160 + 5 * 2**128 + 7,
    )
    assert (row.change, replace(row, direction=PAID).change) == (-7, 7)


def test_a_sale_lies_in_its_two_words_as_the_contract_reads_them(market):
    sale = Sale(market.listing, 7, 5, 9, salt=3)
    listing = int.from_bytes(market.listing, "big")
    assert sale.words == (listing, 3 * 2**128 + 9 * 2**96 + 5 * 2**64 + 7)


def test_rows_and_sales_come_back_from_their_words(market):
    full = Row(market.buyer.address, 2**96 - 1, 2**128 - 1, 255, 2**32 - 1, 2**16 - 1, 2**72 - 1)
    rows = (full, Row(market.nobody, 0, 0, 0, 0))
    assert unpack_rows(pack(rows)) == rows
    most = Sale(b"\xff" * 32, 2**64 - 1, 2**32 - 1, 2**32 - 1, 2**128 - 1)
    sales = (most, Sale(bytes(32), 0, 0, 0))
    assert unpack_sales(pack(sales)) == sales
    for unpack in (unpack_rows, unpack_sales):
        with pytest.raises(ValueError, match="shorter"):
            unpack((1, 2, 3))


def test_leaves_have_96_bytes_and_nodes_64():
    row = Row("0x" + "11" * 20, 1, 2, 0, 0)
    assert leaf(row) == keccak(words(1, *row.words))
    a, b, c = (bytes([i]) * 32 for i in range(3))
    assert root([]) == bytes(32)
    assert root([a]) == a
    assert root([a, b]) == keccak(a + b)
    assert root([a, b, c]) == keccak(keccak(a + b) + c)
    assert root([a, b, c, a, b]) == keccak(keccak(keccak(a + b) + keccak(c + a)) + b)


@pytest.mark.parametrize("size", SIZES)
def test_a_path_leads_from_each_leaf_to_the_root_and_from_no_other(size):
    leaves = [keccak(bytes([i])) for i in range(size)]
    for index, each in enumerate(leaves):
        steps = path(leaves, index)
        assert leads(each, index, steps, root(leaves))
        assert not leads(keccak(each), index, steps, root(leaves))
        assert not leads(each, index, steps, keccak(root(leaves)))
        for other in range(2 * size):
            assert leads(each, other, steps, root(leaves)) == (other == index)


def test_a_path_with_a_step_of_another_length_leads_nowhere(market):
    # A step of 64 bytes would let a node of three hashes pass for a leaf.
    trade, salt = b"t" * 32, keccak(b"salt")
    forged = trade_leaf(trade, salt)
    assert forged == keccak(words(1) + trade + salt)
    assert not leads(salt, 1, (words(1) + trade,), forged)
    assert not leads(salt, 1, (b"",), salt)


def cycle_of(m, count=5):
    """Trades of a cycle, their salts, and the root of their leaves."""
    trades = [m.trade(nonce=i, bundle=net_bundle(m.now, bytes([i]) * 32)) for i in range(count)]
    salts = [keccak(bytes([i])) for i in range(count)]
    leaves = [
        trade_leaf(digest(m.domain, trade), salt) for trade, salt in zip(trades, salts, strict=True)
    ]
    return trades, salts, leaves


def proof_of(m, index):
    """What is shown of one trade of a cycle that settled."""
    trades, salts, leaves = cycle_of(m)
    trade, signed = trades[index], m.both(trades[index])
    batch = NetBatch(trade.token, root(leaves), bytes(32), bytes(32), m.now)
    place = NetSettlement(digest(m.domain, batch), 1, bytes(32), 0, bytes(32))
    leaf = Leaf(digest(m.domain, trade), salts[index], index, path(leaves, index))
    parties = signed.demander, m.seller.address, signed.supplier
    return NettedTrade(1, m.domain, trade, *parties, leaf, batch, place)


@pytest.mark.parametrize("index", range(5))
def test_a_leaf_its_path_and_two_signatures_prove_a_trade(market, index):
    proof = proof_of(market, index)
    assert check_netted(proof) == proof.leaf.trade


def forged_leaf(proof, **changes):
    return replace(proof, leaf=replace(proof.leaf, **changes))


FORGED = {
    "another price": lambda it: replace(it, trade=replace(it.trade, unit_price=99)),
    "another salt": lambda it: forged_leaf(it, salt=keccak(it.leaf.salt)),
    "another place": lambda it: forged_leaf(it, index=it.leaf.index ^ 1),
    "a shorter path": lambda it: forged_leaf(it, path=it.leaf.path[:-1]),
    "one signature for both": lambda it: replace(it, consent=it.demander),
    "the supplier's for the demander's": lambda it: replace(it, demander=it.consent),
    "a cut signature": lambda it: replace(it, demander=it.demander[:64]),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_proof_proves_nothing(market, forge):
    with pytest.raises(BadEvidence):
        check_netted(forge(proof_of(market, 2)))


def test_a_trade_signed_and_not_in_the_cycle_is_not_proved(market):
    outside = market.both(market.trade(nonce=90))
    name = digest(market.domain, outside.trade)
    proof = forged_leaf(proof_of(market, 2), trade=name)
    parties = {"demander": outside.demander, "consent": outside.supplier}
    with pytest.raises(BadEvidence, match="does not lead to the root"):
        check_netted(replace(proof, trade=outside.trade, **parties))


def test_the_bundle_of_a_cycle_names_its_time_and_product():
    product = b"p" * 32
    tag = keccak(b"fabmarket/net/1")
    assert net_bundle(7, product) == keccak(tag + words(7) + product)
