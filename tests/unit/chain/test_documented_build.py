"""What docs/reference/contracts.md says of compiler, settings and sizes is what is shipped."""

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "src" / "fabmarket" / "chain" / "artifacts"
PAGE = (ROOT / "docs" / "reference" / "contracts.md").read_text("utf-8")
PROFILE = tomllib.loads((ROOT / "contracts" / "foundry.toml").read_text("utf-8"))["profile"][
    "default"
]
NAMES = sorted(path.stem for path in SHIPPED.glob("*.json"))


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference/contracts.md has no section {title!r}"
    return found[1]


def documented() -> dict[str, dict[str, Any]]:
    """The table of the section: each contract's size, runs, and whether through the IR."""
    rows = re.findall(
        r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \| (yes|no) \|$", section("Modules"), re.MULTILINE
    )
    return {
        name: {
            "size": int(size.replace(",", "")),
            "runs": int(runs.replace(",", "")),
            "via_ir": ir == "yes",
        }
        for name, size, runs, ir in rows
    }


def artifact(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SHIPPED / f"{name}.json").read_text("utf-8"))
    return loaded


def configured(name: str) -> dict[str, Any]:
    """Runs and pipeline of a contract: of the first profile that its restriction allows."""
    default = {"via_ir": PROFILE.get("via_ir", False), "optimizer_runs": PROFILE["optimizer_runs"]}
    limits = [
        each for each in PROFILE["compilation_restrictions"] if each["paths"] == f"src/{name}.sol"
    ]
    for profile in (default, *PROFILE["additional_compiler_profiles"]):
        runs = profile["optimizer_runs"]
        if all(
            limit.get("via_ir", profile["via_ir"]) == profile["via_ir"]
            and limit.get("min_optimizer_runs", runs) <= runs
            and limit.get("max_optimizer_runs", runs) >= runs
            for limit in limits
        ):
            return {"runs": runs, "via_ir": profile["via_ir"]}
    raise AssertionError(f"no profile of foundry.toml compiles {name}")


def test_every_shipped_contract_is_in_the_table_and_no_other() -> None:
    assert sorted(documented()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_size_is_that_of_the_shipped_contract(name: str) -> None:
    assert documented()[name]["size"] == artifact(name)["deployedSize"]


@pytest.mark.parametrize("name", NAMES)
def test_the_runs_are_those_of_foundry_toml(name: str) -> None:
    said = documented()[name]
    assert {"runs": said["runs"], "via_ir": said["via_ir"]} == configured(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_contract_was_built_with_what_is_said(name: str) -> None:
    said = documented()[name]
    settings: dict[str, Any] = {
        "evmVersion": "cancun",
        "libraries": {},
        "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
        "optimizer": {"enabled": True, "runs": said["runs"]},
        "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
    }
    if said["via_ir"]:
        settings["viaIR"] = True
    built = {"compiler": {"version": artifact(name)["compiler"]}, "settings": settings}
    text = json.dumps(built, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == artifact(name)["settingsSha256"]


def test_compiler_and_settings_are_said() -> None:
    said = section("Modules")
    assert {f"Solidity `{artifact(name)['compiler']}`" in said for name in NAMES} == {True}
    assert f"for `{PROFILE['evm_version']}`" in said
    assert f'bytecode_hash = "{PROFILE["bytecode_hash"]}"' in said
    assert f"cbor_metadata = {str(PROFILE['cbor_metadata']).lower()}" in said
    assert PROFILE["optimizer"]


@pytest.mark.parametrize("name", NAMES)
def test_every_field_of_an_artifact_is_documented(name: str) -> None:
    fields = re.findall(r"^\| `(\w+)` \|", section("For other programs"), re.MULTILINE)
    of_genesis = {"deployedBytecode"} if name != "Consortium" else set()
    assert [each for each in fields if each not in of_genesis] == list(artifact(name))


def test_one_abi_serves_the_exchanges_address() -> None:
    """As "For other programs" says: every function of a module but its own check, once each."""
    functions = [
        each["name"] for each in artifact("CapacityExchange")["abi"] if each["type"] == "function"
    ]
    assert len(functions) == len(set(functions))
    for name in ("ResourceEscrow", "NetSettlement"):
        of_module = {each["name"] for each in artifact(name)["abi"] if each["type"] == "function"}
        assert of_module - set(functions) == {"compatibility"}
