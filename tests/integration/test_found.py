"""`fabmarket found`: a market for operators that each keep their own key, on a chain that runs."""

import pytest

from fabmarket.chain import BoardContract, ExchangeContract, look_at
from fabmarket.identity import Key
from fabmarket.identity.keystore import create
from fabmarket.market.cards import Founding, notice_of
from fabmarket.market.trade import market_domain
from tests.integration.conftest import refused, run_command
from tests.nodes import DEV_CHAIN_ID, Anvil, binary_of_anvil

OPERATORS = tuple(Key.derive("found", str(at)).address for at in range(3))
PERIOD = 40


@pytest.fixture(scope="module")
def node(needs_anvil, tmp_path_factory):
    anvil = Anvil(binary_of_anvil(), tmp_path_factory.mktemp("found") / "chain.json")
    try:
        yield look_at([anvil.url], DEV_CHAIN_ID)
    finally:
        anvil.end()


@pytest.fixture
def found(node, tmp_path):
    """Found a market at the node, as the account that it funds."""
    keystore, said = tmp_path / "keystore.json", tmp_path / "passphrase"
    create(keystore, node.funder, "correct horse")
    said.write_text("correct horse\n", "utf-8")
    at = ("found", node.url, "--chain-id", str(node.chain_id))
    key = ("--keystore", str(keystore), "--passphrase-file", str(said))

    def run(*more, operators=OPERATORS):
        named = [part for each in operators for part in ("--operator", each)]
        return run_command(*at, *key, *named, *more)

    return run


def test_a_market_is_founded_for_operators_whose_keys_are_elsewhere(node, found):
    made = found("--period", str(PERIOD), "--json").facts
    exchange = ExchangeContract(node, made["exchange"])
    assert made["founder"] == node.funder.address
    assert (made["threshold"], made["operators"]) == (2, list(OPERATORS))
    assert exchange.operator_set() == 1
    audit = ("audit", "--rpc", node.url, "--market", made["exchange"], "--json")
    assert run_command(*audit).code == 0
    board = BoardContract(node, made["board"])
    (log,) = node.logs(1, node.block_number(), board.address)
    notice = notice_of(market_domain(node.chain_id, made["exchange"]), board.event(log))
    assert isinstance(notice, Founding)
    assert (notice.author, notice.rhythm.period) == (made["founder"], PERIOD)


def test_it_prints_what_goes_into_the_settings_and_takes_a_currency_that_is_there(node, found):
    token = found("--json").facts["token"]
    said = found("--token", token, "--threshold", "3")
    assert "3 of whom must sign" in said.stdout
    assert f'token = "{token}"' in said.stdout
    assert "[market]" in said.stdout


def test_what_is_no_market_is_refused_before_anything_is_sent(node, found):
    before = node.nonce(node.funder.address)
    nobody = Key.derive("found", "nobody").address
    refused(found("--token", nobody), "no contract stands there")
    refused(found("--threshold", "1"), "give 2 to 3, a majority")
    refused(found(operators=(nobody, nobody)), "each once")
    refused(found("--chain-id", "1"), "chain")
    assert node.nonce(node.funder.address) == before
