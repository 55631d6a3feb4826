"""The exchange and its modules find every variable in the same place: they run in one storage."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).parents[3] / "contracts"
NAMES = ("CapacityExchange", "ResourceEscrow", "NetSettlement")
KINDS = ("storageLayout", "transientStorageLayout")

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (CONTRACTS / "node_modules").is_dir(),
    reason="needs Node 20 or later and contracts/node_modules: run `npm ci` in contracts/",
)


@pytest.fixture(scope="module")
def layouts() -> dict[str, dict]:
    """What the compiler itself says of each contract."""
    paths = {name: f"src/{name}.sol" for name in NAMES}
    given = {
        "language": "Solidity",
        "sources": {path: {"content": (CONTRACTS / path).read_text()} for path in paths.values()},
        "settings": {
            "evmVersion": "cancun",
            "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
            "outputSelection": {path: {name: [*KINDS]} for name, path in paths.items()},
        },
    }
    done = subprocess.run(
        ["node", "script/solc.mjs", "--standard-json"],  # noqa: S607
        cwd=CONTRACTS,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(done.stdout)
    assert not [each for each in answer.get("errors", []) if each["severity"] == "error"], answer
    return {name: answer["contracts"][path][name] for name, path in paths.items()}


def laid_out(layout: dict, variables: list[dict] | None = None) -> list:
    """Each variable with its place and its type's layout, without the compiler's own numbers."""
    types = layout["types"] or {}
    found = []
    for variable in layout["storage"] if variables is None else variables:
        kind = types[variable["type"]]
        parts = [types[kind[part]]["label"] for part in ("key", "base") if part in kind]
        inside = kind
        while "value" in inside:  # the value of a mapping, through all its keys
            inside = types[inside["value"]]
        place = (variable["label"], variable["slot"], variable["offset"])
        members = laid_out(layout, inside.get("members", []))
        found.append((*place, kind["label"], kind["numberOfBytes"], parts, members))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("module", NAMES[1:])
def test_a_module_lays_out_storage_as_the_exchange_does(
    layouts: dict[str, dict], module: str, kind: str
) -> None:
    exchange = laid_out(layouts["CapacityExchange"][kind])
    assert exchange
    assert laid_out(layouts[module][kind]) == exchange


def test_the_members_of_structs_are_compared(layouts: dict[str, dict]) -> None:
    layout = {each[0]: each[-1] for each in laid_out(layouts["CapacityExchange"]["storageLayout"])}
    assert [member[0] for member in layout["_rulings"]][:2] == ["number", "paymentShare"]
    assert [member[0] for member in layout["_tokens"]] == ["accepted", "total"]


def test_the_constructors_check_names_every_variable(layouts: dict[str, dict]) -> None:
    state = (CONTRACTS / "src" / "base" / "State.sol").read_text()
    checked = set(re.findall(r"(\w+)\.slot\)", state))
    declared = {
        variable["label"]
        for kind in KINDS
        for variable in layouts["CapacityExchange"][kind]["storage"]
        if variable["contract"].startswith("src/")
    }
    # The library for EIP-712 keeps two strings of its own, which are too short to be stored.
    assert declared - {"_nameFallback", "_versionFallback"} == checked
