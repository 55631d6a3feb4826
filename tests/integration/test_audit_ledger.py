"""`fabmarket audit --ledger`: a ledger that somebody else has written, beside a fresh one."""

import json
import sqlite3
from contextlib import closing

import pytest

from fabmarket.chain import Transaction
from fabmarket.identity import Key
from fabmarket.ledger import Follower, Ledger
from fabmarket.market.exchange import Withdraw
from tests.databases import a_server
from tests.integration.conftest import refused
from tests.nodes import rpc

CHECK = "the ledger's rows are those of a fresh one"


def follow(market, place, finality=0):
    with closing(Ledger(place)) as ledger:
        Follower(market.engine, market.exchange, ledger, finality).follow()
    return place


@pytest.fixture
def ledger(market, tmp_path):
    return follow(market, tmp_path / "market.sqlite", finality=12)


def write(place, statement, *values):
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute(statement, values)


def test_a_ledger_is_compared_row_by_row_and_only_read(ledger, audited):
    before = ledger.read_bytes()
    facts = audited("--ledger", ledger, "--json").facts
    assert facts["ok"]
    assert facts["ledger"]["name"] == str(ledger)
    (check,) = [each for each in facts["checks"] if each["name"] == CHECK]
    assert check["compared"] > 1_000
    with closing(Ledger.reading(ledger)) as opened:
        number, block_hash = opened.followed()
    assert (facts["ledger"]["block"], facts["ledger"]["block_hash"]) == (
        number,
        f"0x{block_hash.hex()}",
    )
    shown = audited("--ledger", ledger)
    assert shown.code == 0
    assert f"Compared with a fresh ledger: {ledger}, as of block {number} (0x" in shown.stdout
    assert ledger.read_bytes() == before
    assert audited("--json").facts["ledger"] is None


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE account SET balance = balance + 1", "balance in account of address 0x"),
        ("UPDATE trade SET payment = '7'", "payment in trade of block "),
        ("DELETE FROM escrow", "escrow of trade 0x"),
    ],
)
def test_regression_a_ledger_that_was_changed_fails_the_audit(ledger, audited, statement, named):
    """No command looked at a ledger's tables, and every page showed them."""
    write(ledger, statement)
    ran = audited("--ledger", ledger, "--json")
    assert ran.code == 1
    facts = json.loads(ran.stdout)
    first = facts["first_difference"]
    assert not facts["ok"]
    assert first["check"] == CHECK
    assert first["what"].startswith(named)
    assert first["logs"] != first["found"]
    shown = audited("--ledger", ledger)
    assert shown.code == 1
    assert f"{CHECK}: {named}" in shown.stdout
    assert "the ledger has" in shown.stdout


def test_the_ledger_of_a_run_and_one_in_postgresql_are_compared_too(
    past, market, audited, tmp_path
):
    (tmp_path / "ledger.sqlite").write_bytes(past.outcome.store.dump())
    assert audited("--ledger", tmp_path, "--json").facts["ok"]
    with a_server() as server:
        url = follow(market, server.database(), finality=3)
        assert audited("--ledger", url, "--json").facts["ok"]


def test_a_ledger_of_another_market_or_none_is_refused(market, ledger, audited, tmp_path):
    refused(audited("--ledger", tmp_path / "none.sqlite"), "there is no ledger")
    write(ledger, "UPDATE market SET exchange = '0x0000000000000000000000000000000000000001'")
    refused(audited("--ledger", ledger), "is of the market 0x0000", market.exchange.address)
    (tmp_path / "text.sqlite").write_text("no database")
    refused(audited("--ledger", tmp_path / "text.sqlite"), "is no event log")


def test_a_log_that_cannot_be_has_no_ledger_to_compare_with(market, ledger, audited):
    """The audit says what is wrong with the log, and goes on to its verdict."""
    engine, exchange, token = market.engine, market.exchange, market.token.address
    stranger, saved = Key.derive("audit", "hidden"), rpc(market.engine, "evm_snapshot")
    call = {"to": exchange.address}
    call["data"] = f"0x{exchange.data('accountOf', stranger.address, token).hex()}"
    read = rpc(engine, "eth_createAccessList", call, "latest")["accessList"]
    ((address, slot),) = [(each["address"], slot) for each in read for slot in each["storageKeys"]]
    rpc(engine, "anvil_setStorageAt", address, slot, f"0x{5:064x}")
    rpc(engine, "anvil_setBalance", stranger.address, hex(10**18))
    withdrawal = exchange.move_data(Withdraw(token, 5, stranger.address))
    market.sender.queue(Transaction(stranger, "withdraw", exchange.address, withdrawal, 200_000))
    market.sender.must_succeed()
    number = engine.block_number()
    write(ledger, "UPDATE market SET final = ?", number)
    last = "UPDATE block SET number = ? WHERE number = (SELECT max(number) FROM block)"
    write(ledger, last, number)
    ran = audited("--ledger", ledger, "--json")
    shown = audited("--ledger", ledger)
    rpc(engine, "evm_revert", saved)
    assert ran.code == shown.code == 1
    facts = json.loads(ran.stdout)
    assert "Withdraw of " + stranger.address in facts["first_difference"]["what"]
    assert facts["ledger"] == {"name": str(ledger), "block": None, "block_hash": None}
    assert f"Not compared: {ledger}" in shown.stdout
