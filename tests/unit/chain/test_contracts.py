"""Bindings: what the ABI says is what the market's classes say."""

import json
import re
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

from fabmarket.chain import Log
from fabmarket.market import events, exchange, parameters, trade
from fabmarket.market.events import EVENTS, Deposited
from fabmarket.market.exchange import Move, Reverted


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
        if event is events.Escrowed:
            names.remove("escrow")  # part of the trade
        assert names == [field.name for field in fields(event)]
    assert set(declared) == {"EIP712DomainChanged"}  # ERC-5267's, which no rule of ours emits


def camel(move: type) -> str:
    return move.__name__[0].lower() + move.__name__[1:]


# A trade holds its escrow terms and a signature its proof.
BESIDE = {"escrow", "proofs"}


def taken(function: dict) -> list[str]:
    names = [snake(item["name"]).strip("_") for item in function["inputs"]]
    match function["name"]:
        case "open":  # its first argument is a struct; the move holds what that holds
            opening, *rest = function["inputs"]
            return [item["name"] for item in (*opening["components"], *rest)]
        case "settleEscrow":  # a struct of the signed trade and its escrow
            return ["signed"]
        case "settleNet":  # in the twin the batch is taken apart
            return ["cycle", "signatures"]
        case _:
            return [name for name in names if name not in BESIDE]


def test_every_move_bears_the_name_of_the_contracts_function_and_of_what_it_takes():
    changing = {
        each["name"]: taken(each)
        for each in abi("function")
        if each["stateMutability"] == "nonpayable"
    }
    moves = {camel(move): [field.name for field in fields(move)] for move in get_args(Move)}
    moves["relay"].remove("move")  # what the intent's call data say
    assert moves == changing


STRUCTS = {
    *(exchange.Account, exchange.Slot, exchange.Listing, exchange.Held, exchange.Posted),
    *(exchange.Report, exchange.SignedTrade, exchange.OperatorSignature, exchange.Open),
    *(trade.Trade, trade.Escrow, trade.Intent, trade.Attestation, trade.SealedAttestation),
    *(trade.Ruling, trade.NetBatch, parameters.Parameters),
}
OTHERWISE = {
    "Trade": {"escrow"},  # the contract's struct of its own
    "Ruling": {"trade"},  # which the contract has beside it
    "Open": {"deadline", "signature"},  # arguments beside the struct
}
NAMES = {"Open": "Opening"}


def structs(inputs) -> dict[str, list[str]]:
    found = {}
    for item in inputs:
        if "components" in item:
            name = item["internalType"].rpartition(".")[2].removesuffix("[]")
            found[name] = [snake(each["name"]) for each in item["components"]]
            found |= structs(item["components"])
    return found


def test_every_struct_bears_the_contracts_names():
    declared = {}
    for each in abi("function"):
        declared |= structs([*each["inputs"], *each["outputs"]])
    assert declared.pop("Signature") == ["r", "vs"]  # 65 bytes here
    assert declared.pop("EscrowedTrade") == ["signed", "escrow"]  # a signed trade here
    # What is signed holds roots of rows and sales; the same names all the same.
    declared["NetBatch"].sort()
    for struct in STRUCTS:
        name = struct.__name__
        names = [each.name for each in fields(struct) if each.name not in OTHERWISE.get(name, ())]
        if struct is trade.NetBatch:
            names.sort()
        assert names == declared.pop(NAMES.get(name, name)), struct
    assert not declared


@pytest.mark.parametrize("kind", ["function", "event", "error"])
def test_every_name_of_the_contract_is_in_its_reference(kind):
    reference = Path(__file__).parents[3] / "docs/reference"
    text = "".join((reference / page).read_text() for page in ("contracts.md", "escrow.md"))
    # What the libraries declare for themselves concerns no caller.
    inherited = {"EIP712DomainChanged", "InvalidShortString", "StringTooLong"}
    named = {each["name"] for each in abi(kind)} - inherited
    assert {name for name in named if not re.search(rf"\b{name}\b", text)} == set()


def test_a_log_of_another_contract_or_event_is_nothing(deployed):
    log = deposit_log(deployed)
    assert isinstance(deployed.exchange.event(log), Deposited)
    assert deployed.exchange.event(log._replace(address=deployed.token.address)) is None
    assert deployed.exchange.event(log._replace(topics=(bytes(32), *log.topics[1:]))) is None


@pytest.mark.parametrize("data", [b"", b"\x08\xc3\x79\xa0", bytes(36)])
def test_revert_data_of_no_named_error_is_kept(deployed, data):
    error = deployed.exchange.error(data)
    assert isinstance(error, Reverted)
    assert (error.error, error.values) == ("Unknown", ("0x" + data.hex(),))
