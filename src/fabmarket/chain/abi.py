"""The compiled contracts' ABI: call data, answers and logs as Python values, and back."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from eth_abi.abi import encode
from eth_utils.abi import (
    abi_to_signature,
    collapse_if_tuple,
    filter_abi_by_type,
    function_abi_to_4byte_selector,
)

from fabmarket.identity import keccak
from fabmarket.identity.keys import checksummed


@cache
def artifact(name: str) -> dict[str, Any]:
    """Return what the compiler made of a contract."""
    text = files("fabmarket.chain").joinpath(f"artifacts/{name}.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@cache
def functions(name: str) -> dict[str, Any]:
    """Return the functions of a contract by their names."""
    abi = artifact(name)["abi"]
    return {each["name"]: each for each in filter_abi_by_type("function", abi)}


@cache
def selectors(name: str) -> dict[bytes, Any]:
    """Return the functions of a contract by the four bytes with which a call names them."""
    return {function_abi_to_4byte_selector(each): each for each in functions(name).values()}


@cache
def errors(name: str) -> dict[bytes, Any]:
    """Return the errors of a contract by the four bytes with which revert data names them."""
    abi = artifact(name)["abi"]
    return {
        keccak(abi_to_signature(each).encode())[:4]: each
        for each in filter_abi_by_type("error", abi)
    }


@cache
def _interface(name: str, function: str) -> tuple[bytes, list[str], list[str]]:
    abi = functions(name)[function]
    return function_abi_to_4byte_selector(abi), types(abi["inputs"]), types(abi["outputs"])


def call_data(name: str, function: str, values: tuple[Any, ...]) -> bytes:
    """Return the call data of a contract's function."""
    named, inputs, _ = _interface(name, function)
    return named + encode(inputs, values)


def selector(name: str, function: str) -> bytes:
    """Return the four bytes with which a call names a function."""
    return _interface(name, function)[0]


def outputs(name: str, function: str) -> list[str]:
    """Return the types of what a function answers."""
    return _interface(name, function)[2]


def types(inputs: Any) -> list[str]:
    """Return the types of parameters, structs written out."""
    return [collapse_if_tuple(each) for each in inputs]


def plain(item: Any, value: Any) -> Any:
    """Return a decoded value with its addresses in checksum form, also those within; no lists."""
    kind = item["type"]
    if kind == "address":
        return checksummed(bytes.fromhex(value[2:]))
    if kind == "tuple":
        return tuple(map(plain, item["components"], value))
    if kind.endswith("[]"):
        one = {**item, "type": kind[:-2]}
        return tuple(plain(one, each) for each in value)
    return value
