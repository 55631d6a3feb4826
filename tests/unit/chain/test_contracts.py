"""Bindings: what the ABI says is what the market's classes say."""

import json
import re
from dataclasses import fields, replace
from importlib.resources import files
from pathlib import Path

import pytest

from fabmarket.chain import Log
from fabmarket.market.events import EVENTS, Deposited
from fabmarket.market.exchange import Reverted


def abi(kind: str) -> list[dict]:
    text = files("fabmarket.chain").joinpath("artifacts/CapacityExchange.json").read_text()
    return [each for each in json.loads(text)["abi"] if each["type"] == kind]


def snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def deposit_log(deployed) -> Log:
    me, token, exchange = deployed.key, deployed.token, deployed.exchange
    deployed.queue(token.data("mint", me.address, 9), to=token.address)
    deployed.queue(token.data("approve", exchange.address, 9), to=token.address)
    deployed.queue(exchange.data("deposit", token.address, 9))
    return deployed.sender.must_succeed(exchange)[-1].logs[-1]


def test_every_event_of_the_market_has_the_contracts_fields_in_order():
    declared = {each["name"]: each["inputs"] for each in abi("event")}
    for event in EVENTS:
        names = [snake(each["name"]) for each in declared.pop(event.__name__)]
        assert names == [field.name for field in fields(event)]
    assert set(declared) == {"EIP712DomainChanged"}  # ERC-5267's, which no rule of ours emits


@pytest.mark.parametrize("kind", ["function", "event", "error"])
def test_every_name_of_the_contract_is_in_its_reference(kind):
    text = (Path(__file__).parents[3] / "docs/reference/contracts.md").read_text()
    # What the libraries declare for themselves concerns no caller.
    inherited = {"EIP712DomainChanged", "InvalidShortString", "StringTooLong"}
    named = {each["name"] for each in abi(kind)} - inherited
    assert {name for name in named if not re.search(rf"\b{name}\b", text)} == set()


def test_a_log_of_another_contract_or_event_is_nothing(deployed):
    log = deposit_log(deployed)
    assert isinstance(deployed.exchange.event(log), Deposited)
    assert deployed.exchange.event(replace(log, address=deployed.token.address)) is None
    assert deployed.exchange.event(replace(log, topics=(bytes(32), *log.topics[1:]))) is None


@pytest.mark.parametrize("data", [b"", b"\x08\xc3\x79\xa0", bytes(36)])
def test_revert_data_of_no_named_error_is_kept(deployed, data):
    error = deployed.exchange.error(data)
    assert isinstance(error, Reverted)
    assert (error.error, error.values) == ("Unknown", ("0x" + data.hex(),))
