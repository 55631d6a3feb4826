"""What the owners of a network's seats decide, on real validators."""

from pathlib import Path

import pytest

from fabmarket.chain import Transaction, open_node, rpc, signed
from fabmarket.chain.consortium import ConsortiumContract
from fabmarket.identity import Key, keccak
from fabmarket.identity.keystore import address_of_keystore
from fabmarket.local.network import standing
from fabmarket.local.network.files import Place, facts_of
from fabmarket.local.network.running import down, up
from fabmarket.local.network.seats import engine_of
from fabmarket.local.network.state import status
from tests.integration.conftest import refused, run_command
from tests.networks import CODE, LONG, NAMES, kill, may_deploy, reached, stands
from tests.nodes import Relay, relay
from tests.street import wait_until

pytestmark = pytest.mark.usefixtures("needs_validator")

CHAIN = 31337


def one_owner(root: Path, at: int) -> tuple[object, ...]:
    """The options with which one owner votes, at some node."""
    place = Place(root)
    validator = facts_of(place).validators[at]
    keystore = place.keystore(validator.name)
    return (
        *("--engine", validator.url, "--chain-id", CHAIN, "--keystore", keystore),
        *("--passphrase-file", place.passphrase),
    )


def test_a_right_is_given_once_three_of_four_owners_want_it(network):
    key = Key(b"\x07" * 32)
    decision = ("network", "agree", "allow", "deploy", key.address)
    for at in (0, 1):
        vote = run_command(*decision, *one_owner(network, at), "--json").facts
        assert not vote["done"]
        assert len(vote["wanting"]) == at + 1
    shown = run_command("network", "agreed", "--network", network)
    assert f"Wanted  allow deploy {key.address}\n        by 2 owners; 3 are needed" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    owners = {each.owner: each.name for each in facts_of(Place(network)).validators}
    for owner, name in owners.items():
        assert f"Seat    {owner}  {name}\n        0x" in shown.stdout
    assert [line.split(",")[0].strip() for line in shown.stdout.splitlines()[-2:]] == NAMES[:2]
    there = run_command("network", "agreed", *one_owner(network, 1)[:2]).stdout
    assert "validator-" not in there
    assert set(owners) <= set(there.split())
    back = run_command(*decision, *one_owner(network, 1), "--take-back", "--json").facts
    assert len(back["wanting"]) == 1
    with open_node([facts_of(Place(network)).validators[0].url], CHAIN, key) as node:
        assert not may_deploy(node, key.address)
        assert run_command(*decision, "--network", network).stdout == "It is done.\n"
        wait_until(lambda: may_deploy(node, key.address), LONG, "it may not deploy")
        sent = Transaction(key, "deploy", None, CODE, 200_000)
        (receipt,) = node.mine([signed(node, sent, node.nonce(key.address))])
        assert receipt.status == 1
    said = run_command("network", "agreed", "--network", network, "--json").facts
    assert key.address in said["deploy"]["accounts"]
    assert said["wanted"] == []
    assert said["needed"] == 3
    refused(run_command(*decision, "--network", network), "refuses it: Unchanged")


def test_no_vote_is_signed_for_the_chain_that_a_node_names(network):
    """A node that called itself another chain got a vote that counts there."""
    place = Place(network)
    decision = ("network", "agree", "open", "deploy")
    engine, url, *rest = one_owner(network, 0)
    with relay(url) as liar:
        liar.chain_id = CHAIN + 1
        ran = run_command(*decision, engine, liar.url, *rest)
        refused(ran, f"chain id {CHAIN + 1} at {liar.url} where {CHAIN} is expected")
        assert liar.asked["eth_sendRawTransaction"] == 0
    assert run_command("network", "agreed", "--network", place.root, "--json").facts["wanted"] == []


def test_regression_nobody_votes_on_a_chain_that_stands_still(network, tmp_path, monkeypatch):
    """Each waited for a minute, and left a word that was done once blocks came."""
    monkeypatch.setattr(standing, "_PATIENCE", 2.0)
    voter, market = one_owner(network, 1), tmp_path / "market"
    kill(network, "validator-3", "validator-4")
    stands(network)
    decision = ("agree", "close", "send")
    for command in (
        ("network", *decision, "--network", network),
        ("network", *decision, *voter),
        ("network", "add-validator", "seven", network),
        ("network", "remove-validator", "validator-1", network),
        ("up", market, "--network", network),
    ):
        ran = run_command(*command)
        refused(ran, "the chain stands still at block", "nothing was sent", code=75)
        missing = "; missing: validator-3, validator-4; fabmarket network up" in ran.stderr
        assert missing == ("--engine" not in command)
    assert not market.exists()
    assert not Place(network).home("seven").exists()
    up(network)
    assert run_command("network", "agreed", "--network", network, "--json").facts["wanted"] == []


class Swallowing(Relay):
    """A node that says that it takes what is sent, and lets it fall."""

    def answered(self, asked):
        if asked["method"] == "eth_sendRawTransaction":
            raw = bytes.fromhex(asked["params"][0].removeprefix("0x"))
            return self._result(asked, f"0x{keccak(raw).hex()}")
        return super().answered(asked)


def test_a_word_that_is_not_mined_can_be_taken_back_and_it_says_so(network, monkeypatch):
    monkeypatch.setattr(rpc, "_DEADLINE", 5.0)
    engine, url, *rest = one_owner(network, 0)
    with relay(url, Swallowing) as node:
        ran = run_command("network", "agree", "close", "send", engine, node.url, *rest)
    refused(ran, "was not mined", "with all of the same and --take-back", code=75)


def test_what_a_vote_has_closed_a_vote_opens(network):
    for words in (("close", "send"), ("open", "send")):
        ran = run_command("network", "agree", *words, "--network", network)
        assert ran.stdout == "It is done.\n", ran.stderr


def test_who_has_no_seat_has_no_vote_and_what_is_no_decision_is_refused(network, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of nobody")
    made = run_command("init", "demander", tmp_path / "agent", "--passphrase-file", secret)
    assert made.code == 0
    stranger = tmp_path / "agent" / "keystore.json"
    url = facts_of(Place(network)).validators[0].url
    whose = ("--keystore", stranger, "--passphrase-file", secret)
    at = ("--engine", url, "--chain-id", CHAIN, *whose)
    account = address_of_keystore(stranger)
    ran = run_command("network", "agree", "open", "deploy", *at)
    refused(ran, f"{account} has no seat", "the owners are")
    there = ("--network", network)
    for words, said in (
        (("open",), "open takes RIGHT; 0 values are given"),
        (("open", "all"), "give deploy or send"),
        (("remove", "0x12"), "give 0x and 40 digits"),
        (("remove", "validator-9"), "no validator is called validator-9"),
        (("admit", account, "0x12"), "give the 64 digits"),
        (("gas", "-1", "30000000"), "-1"),
        (("gas", "0", "1"), "refuses it: BadGas"),  # with the first word, not with the third
        (("open", "deploy", "--engine", url), "go together"),
        (("open", "deploy", "--chain-id", CHAIN), "go together"),
        (("open", "deploy", "--engine", url, *whose), "--chain-id"),
    ):
        refused(run_command("network", "agree", *words, *there), said)
    before = run_command("network", "agreed", *there, "--json").facts
    assert before["wanted"] == []


def test_a_validator_is_added_and_removed_by_vote_while_blocks_come(network):
    refused(run_command("network", "add-validator", "../five", network), "is no name")
    added = run_command("network", "add-validator", "five", network, "--json").facts
    assert added["done"]
    state = status(network)
    assert (state.seats, state.present, state.needed) == (5, 5, 4)
    assert state.missing == []
    assert added["url"] in added["engine"]
    reached(network, state.head + 3)
    assert {each.name for each in status(network).validators if each.has_signed} >= {"five"}
    again = run_command("network", "add-validator", "five", network)
    assert again.stdout.startswith("five has a seat and votes.")
    removed = run_command("network", "remove-validator", "five", network, "--json").facts
    assert removed["done"]
    assert added["url"] not in removed["engine"]
    state = status(network)
    assert (state.seats, state.present) == (4, 4)
    reached(network, state.head + 3)
    assert not Place(network).process("five").runs()
    assert Place(network).keystore("five").exists()
    back = run_command("network", "add-validator", "five", network, "--json").facts
    same = ("owner", "key", "url")  # its URL was another
    assert [back[each] for each in same] == [added[each] for each in same]
    gone = run_command("network", "agree", "remove", "five", "--network", network)
    assert gone.stdout == "It is done.\n", gone.stderr
    assert f"fabmarket network remove-validator five {network}\n" in gone.stderr
    run_command("network", "remove-validator", "five", network)
    with engine_of(Place(network), facts_of(Place(network))) as node:
        assert len(ConsortiumContract(node).state().seats) == 4


def test_owners_elsewhere_are_waited_for(network):
    """Of four owners two have their keystores here."""
    place = Place(network)
    hidden = [place.keystore(name) for name in NAMES[2:]]
    for each in hidden:
        each.rename(each.with_suffix(".away"))
    try:
        waits = run_command("network", "add-validator", "six", network)
        assert waits.stdout.startswith("Wanted by 2 owners; 3 are needed, 1 more.")
        assert status(network).seats == 4
        command = waits.stdout.splitlines()[-1].rpartition("fabmarket ")[2].split()
    finally:
        for each in hidden:
            each.with_suffix(".away").rename(each)
    said = run_command(*command, *one_owner(network, 2))
    assert said.stdout == "It is done.\n"
    wait_until(lambda: status(network).seats == 5, LONG, "it has no seat")
    assert run_command("network", "remove-validator", "six", network, "--json").facts["done"]


def test_where_gas_has_a_price_owners_can_pay_for_their_votes(needs_validator, tmp_path):
    root = tmp_path / "one"
    price = ("--validators", 1, "--min-gas-price", 10**9)
    assert run_command("network", "init", root, *price).code == 0
    try:
        up(root)
        voted = run_command("network", "agree", "gas", "0", "30000000", "--network", root)
        assert voted.stdout == "It is done.\n", voted.stderr
    finally:
        down(root, is_removed=True)
