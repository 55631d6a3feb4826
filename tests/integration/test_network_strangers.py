"""What strangers who reach a validator can do: little."""

import pytest
import requests

from fabmarket.chain import Settings, Transaction, open_engine, signed
from fabmarket.chain.open import DEV_CHAIN_ID
from fabmarket.identity import Key
from fabmarket.local.network.comet import Comet, NoAnswer
from fabmarket.local.network.files import Place, Validator, facts_of
from fabmarket.local.network.founding import Plan, addresses, init
from fabmarket.local.network.program import configure, draw_keys, validator_binary
from fabmarket.local.network.running import down, start, up
from fabmarket.local.processes import end
from tests.integration.conftest import run_command
from tests.networks import LONG
from tests.street import wait_until

CROWD = 5000
MOST = 1 << 24
"""Gas: one such transaction fits into a block, so that all others wait."""


@pytest.fixture
def root(needs_validator, tmp_path):
    root = tmp_path / "network"
    init(root, Plan(validators=1))
    try:
        up(root)
        yield root
    finally:
        down(root, is_removed=True)


@pytest.fixture
def url(root):
    return facts_of(Place(root)).engine


def head(rpc):
    try:
        return Comet(rpc).head().number
    except NoAnswer:
        return None


def asked(url, method, params):
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return requests.post(url, json=request, timeout=60).json()


def test_a_request_that_needs_a_machines_memory_is_refused(url):
    """One of 5 MB, of the price of gas at 2.5 million percentiles, ended a validator."""
    many = asked(url, "eth_feeHistory", ["0x64", "latest", [0] * 101])
    assert many["error"]["message"] == "101 percentiles where 100 are the most"
    assert asked(url, "eth_feeHistory", ["0x2", "latest", [0] * 100])["result"]
    assert asked(url, "eth_accounts", []) == {"jsonrpc": "2.0", "id": 1, "result": []}


def filled(url, count):
    """Send one transaction of each of so many new accounts, and return what was refused."""

    def raw(at):
        key = Key((1000 + at).to_bytes(32))
        sent = Transaction(key, "fill", key.address, b"", MOST)
        return f"0x{signed(engine, sent, 0).hex()}"

    with open_engine(url, Settings(chain_id=DEV_CHAIN_ID)) as engine:
        raws = [raw(at) for at in range(count)]
    said = []
    for at in range(0, count, 500):
        batch = [
            {"jsonrpc": "2.0", "id": at, "method": "eth_sendRawTransaction", "params": [each]}
            for at, each in enumerate(raws[at : at + 500])
        ]
        answers = requests.post(url, json=batch, timeout=LONG).json()
        said += [each["error"]["message"] for each in answers if "error" in each]
    return said


def test_a_full_pool_has_room_for_votes(root, url):
    """Whoever may send filled it for nothing, and a vote was refused for its price."""
    refused = filled(url, CROWD + 200)
    assert refused
    assert all("so many transactions wait" in each for each in refused)
    voted = run_command("network", "agree", "close", "send", "--network", root)
    assert voted.stdout == "It is done.\n", voted.stderr


def test_who_is_not_named_is_no_peer_and_who_is_named_is_at_once(root):
    """Strangers who said that the chain is far ahead kept who had come back from voting."""
    place, binary = Place(root), validator_binary()
    facts = facts_of(place)
    node_id, key = draw_keys(binary, place.home("stranger"))
    ((peer, http, rpc),) = addresses("", 0, 1)
    stranger = Validator("stranger", facts.validators[0].owner, key, node_id, peer, http, rpc)
    configure(binary, place, stranger, facts.validators, facts.block_time)
    start(place, facts, [stranger])
    try:
        log = place.log("stranger")
        wait_until(lambda: "ERR" in log.read_text("utf-8"), LONG, "nobody refuses it")
        wait_until(lambda: head(rpc) is not None, LONG, "it does not answer")
        assert (head(rpc), Comet(rpc).peers()) == (0, 0)
        for each in facts.validators:
            configure(binary, place, each, [stranger], facts.block_time)
        wait_until(lambda: (head(rpc) or 0) > 2, LONG, "it is not let in")
    finally:
        end([place.process("stranger")], 60)
