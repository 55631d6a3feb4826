"""Words, roots and proofs of net cycles; the contract's own roots are met by the differential."""

from dataclasses import replace

import pytest

from fabmarket.identity import digest, keccak
from fabmarket.market.net import (
    PAID,
    PAYS,
    Row,
    Sale,
    TradeProof,
    leads,
    leaf,
    net_bundle,
    pack,
    path,
    proves,
    root,
    trade_leaf,
    unpack_rows,
    unpack_sales,
)

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
    trades, salts, leaves = cycle_of(m)
    signed = m.both(trades[index])
    steps = path(leaves, index)
    return TradeProof(trades[index], salts[index], index, steps, signed.demander, signed.supplier)


@pytest.mark.parametrize("index", range(5))
def test_a_leaf_its_path_and_two_signatures_prove_a_trade(market, index):
    m, proof = market, proof_of(market, index)
    *_, leaves = cycle_of(m)
    assert proves(proof, m.domain, root(leaves), m.seller.address)


FORGED = {
    "another price": lambda m, proof: replace(proof, trade=replace(proof.trade, unit_price=99)),
    "another salt": lambda m, proof: replace(proof, salt=keccak(proof.salt)),
    "another place": lambda m, proof: replace(proof, index=proof.index ^ 1),
    "a shorter path": lambda m, proof: replace(proof, path=proof.path[:-1]),
    "one signature for both": lambda m, proof: replace(proof, supplier=proof.demander),
    "the supplier's for the demander's": lambda m, proof: replace(proof, demander=proof.supplier),
    "a cut signature": lambda m, proof: replace(proof, demander=proof.demander[:64]),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_proof_proves_nothing(market, forge):
    m = market
    *_, leaves = cycle_of(m)
    forged = forge(m, proof_of(m, 2))
    assert not proves(forged, m.domain, root(leaves), m.seller.address)


def test_a_trade_signed_and_not_in_the_cycle_is_not_proved(market):
    m = market
    *_, leaves = cycle_of(m)
    outside = m.both(m.trade(nonce=90))
    proof = replace(
        proof_of(m, 2), trade=outside.trade, demander=outside.demander, supplier=outside.supplier
    )
    assert not proves(proof, m.domain, root(leaves), m.seller.address)


def test_the_bundle_of_a_cycle_names_its_time_and_product():
    product = b"p" * 32
    tag = keccak(b"fabmarket/net/1")
    assert net_bundle(7, product) == keccak(tag + words(7) + product)
