"""Blocks and transactions of every kind against their hashes, as a real node tells them."""

import pytest
from eth_account import Account

from fabmarket.chain import Settings, open_engine
from fabmarket.chain.hashes import (
    is_block_of_hash,
    is_transaction_of_hash,
    receipts_have_root,
)
from fabmarket.chain.raw import octets
from tests.nodes import rpc

TO = "0x" + "7" * 40
FEES = {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
LISTED = [{"address": TO, "storageKeys": ["0x" + "0" * 64, "0x" + "0" * 63 + "1"]}]


@pytest.fixture(scope="module")
def engine(needs_anvil):
    with open_engine("anvil", Settings()) as made:
        yield made


def kinds(engine) -> dict[str, dict]:
    """A transaction of each kind that one can send here, without its nonce."""
    other = Account.from_key(b"k" * 32)
    chain = engine.chain_id
    common = {"to": TO, "value": 5, "gas": 200_000, "data": b"data"}
    allowed = other.sign_authorization({"chainId": chain, "address": TO, "nonce": 0})
    return {
        "legacy": {**common, "gasPrice": 10**11, "chainId": chain},
        "legacy of any chain": {**common, "gasPrice": 10**11},
        "access list": {**common, "gasPrice": 10**11, "chainId": chain, "accessList": LISTED},
        "making": {**common, **FEES, "chainId": chain, "to": "", "value": 0, "data": b"\0"},
        "fees": {**common, **FEES, "chainId": chain, "accessList": LISTED},
        "authorization": {
            **common,
            **FEES,
            "chainId": chain,
            "authorizationList": [allowed],
            "type": 4,
        },
    }


NAMES = ("legacy", "legacy of any chain", "access list", "making", "fees", "authorization")


@pytest.mark.parametrize("kind", NAMES)
def test_a_transaction_of_each_kind_is_of_its_hash_and_its_sender_s(engine, kind):
    account = Account.from_key(engine.funder.reveal())
    call = {**kinds(engine)[kind], "nonce": engine.nonce(account.address)}
    (receipt,) = engine.mine([bytes(account.sign_transaction(call).raw_transaction)])
    raw = rpc(engine, "eth_getTransactionByHash", f"0x{receipt.transaction.hex()}")
    assert is_transaction_of_hash(raw)
    for name in ("nonce", "gas", "value"):
        with pytest.raises(ValueError, match="other fields than those of its hash"):
            is_transaction_of_hash({**raw, name: hex(int(raw[name], 16) + 1)})
    with pytest.raises(ValueError, match="signed it"):
        is_transaction_of_hash({**raw, "from": TO})
    assert not is_transaction_of_hash({**raw, "gas": "0x1", "feeCurrency": TO})
    assert not is_transaction_of_hash({**raw, "type": "0x7e"})
    block = rpc(engine, "eth_getBlockByNumber", hex(receipt.block), False)
    assert is_block_of_hash(block)
    got = rpc(engine, "eth_getTransactionReceipt", raw["hash"])
    assert receipts_have_root([got], octets(block["receiptsRoot"]))
    with pytest.raises(ValueError, match="receipts of root"):
        receipts_have_root([{**got, "status": "0x0"}], octets(block["receiptsRoot"]))
    assert not receipts_have_root([{**got, "l1Fee": "0x0", "status": "0x0"}], bytes(32))
    assert not receipts_have_root([{**got, "type": "0x7e"}], bytes(32))


def test_a_block_that_validators_seal_cannot_be_checked(engine):
    """IBFT and QBFT leave seals out of the hash; cosmos/evm gives CometBFT's for its own."""
    block = {**rpc(engine, "eth_getBlockByNumber", "latest", False), "extraData": "0x12"}
    with pytest.raises(ValueError, match="other fields than those of its hash"):
        is_block_of_hash(block)
    voted = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"
    assert not is_block_of_hash({**block, "mixHash": voted})
    assert not is_block_of_hash({**block, "mixHash": "0x" + 64 * "0"})
