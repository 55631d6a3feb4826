"""`--intent` signs what else would be ordered, and `fabmarket relay` orders what was signed."""

import json

import pytest

from fabmarket.identity.codec import decode
from fabmarket.market.exchange import RaiseEpoch, Relay, Withdraw
from fabmarket.market.trade import market_domain
from fabmarket.node.intents import read_intent
from tests.unit.cli.test_orders import (  # noqa: F401 (fixtures)
    CONTRACT,
    KEY,
    demander,
    keystore,
    placed,
    ran,
    supplier,
)

DOMAIN = market_domain(31337, CONTRACT)
ADDRESS = KEY.address


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch):
    monkeypatch.setenv("FABMARKET_PASSPHRASE", "correct horse")


def test_an_intent_is_signed_and_not_ordered(demander, tmp_path):  # noqa: F811
    file = tmp_path / "take.json"
    code, out, err = ran("withdraw", demander, 40, "--intent", file, "--hours", 2)
    assert (code, err) == (0, "")
    assert f"withdraw of {ADDRESS}, intent 0, until 1970-01-01 02:00:00 UTC" in out
    relay = read_intent(DOMAIN, file.read_bytes(), "file")
    assert isinstance(relay.move, Withdraw)
    assert (relay.move.amount, relay.move.to) == (40, ADDRESS)
    assert (relay.intent.account, relay.intent.nonce, relay.intent.deadline) == (ADDRESS, 0, 7200)
    assert placed(demander) == []


def test_json_says_what_was_signed_and_an_earlier_file_is_replaced(demander, tmp_path):  # noqa: F811
    file = tmp_path / "take.json"
    ran("withdraw", demander, 40, "--intent", file)
    code, out, _ = ran("cancel", demander, "--all", "--intent", file, "--json")
    assert code == 0
    assert json.loads(out) == {
        "account": ADDRESS,
        "call": "RaiseEpoch",
        "deadline": 86_400,
        "file": str(file),
        "nonce": 0,
    }
    assert isinstance(decode(Relay, file.read_bytes().strip()).move, RaiseEpoch)
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["take.json"]


def test_what_the_agent_does_without_coin_is_not_signed(demander, tmp_path):  # noqa: F811
    file = tmp_path / "take.json"
    code, _, err = ran("cancel", demander, "--want", "x", "--intent", file)
    assert (code, "leave --intent out" in err) == (2, True)
    assert not file.exists()
    assert placed(demander) == []


def test_nothing_is_signed_without_the_passphrase(demander, tmp_path, monkeypatch):  # noqa: F811
    file = tmp_path / "take.json"
    monkeypatch.setenv("FABMARKET_PASSPHRASE", "wrong horse")
    code, _, err = ran("withdraw", demander, 40, "--intent", file)
    assert (code, "the passphrase does not open it" in err) == (2, True)
    assert not file.exists()


def test_a_file_that_cannot_be_written_is_named(demander, tmp_path):  # noqa: F811
    file = tmp_path / "missing" / "take.json"
    code, _, err = ran("withdraw", demander, 40, "--intent", file)
    assert (code, f"{file}: cannot be written" in err) == (2, True)


def test_what_was_signed_is_ordered_of_another_agent(demander, supplier, tmp_path):  # noqa: F811
    file = tmp_path / "take.json"
    ran("withdraw", demander, 40, "--intent", file)
    code, _, err = ran("relay", supplier, file, "--no-wait")
    assert code == 0
    assert f"This pays for: withdraw of {ADDRESS}, intent 0" in err
    assert placed(supplier) == [read_intent(DOMAIN, file.read_bytes(), "file")]


@pytest.mark.parametrize("text", ["", "{}", "7", '{"intent":'])
def test_what_is_no_signed_call_is_not_ordered(supplier, tmp_path, text):  # noqa: F811
    file = tmp_path / "take.json"
    file.write_text(text)
    code, _, err = ran("relay", supplier, file)
    assert (code, f"{file}: holds no signed call" in err) == (2, True)
    assert err.count("\n") == 1
    code, _, err = ran("relay", supplier, tmp_path / "none.json")
    assert (code, "none.json: cannot be read" in err) == (2, True)
    assert placed(supplier) == []
