"""The shipped contracts are what their sources compile to."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONTRACTS = ROOT / "contracts"
SHIPPED = ROOT / "src" / "fabmarket" / "chain" / "artifacts"
PROGRAM = ROOT / "network" / "consortium" / "contract.json"
NAMES = (
    "CapacityExchange",
    "Consortium",
    "NetSettlement",
    "ReleaseBoard",
    "ResourceEscrow",
    "TestToken",
)
DEPLOYED_SIZE_LIMIT = 24_576 - 2_000  # below EIP-170, with room to mend

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (CONTRACTS / "node_modules").is_dir(),
    reason="needs Node 20 or later and contracts/node_modules: run `npm ci` in contracts/",
)


def run_script(name: str, folder: Path) -> None:
    done = subprocess.run(  # noqa: S603
        ["node", str(CONTRACTS / "script" / name), str(folder)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def recompiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    run_script("artifacts.mjs", folder)
    return folder


@needs_node
@pytest.mark.parametrize("name", NAMES)
def test_shipped_artifact_is_what_the_sources_compile_to(recompiled: Path, name: str) -> None:
    shipped = (SHIPPED / f"{name}.json").read_bytes()
    assert shipped == (recompiled / f"{name}.json").read_bytes(), (
        f"{name}.json differs from the sources: run `npm run artifacts` in contracts/"
    )


def test_the_validator_program_holds_the_same_consortium() -> None:
    assert PROGRAM.read_bytes() == (SHIPPED / "Consortium.json").read_bytes(), (
        f"{PROGRAM} differs from the shipped one: run `npm run artifacts` in contracts/"
    )


def test_the_code_in_genesis_is_what_its_creation_leaves() -> None:
    artifact = json.loads((SHIPPED / "Consortium.json").read_text())
    assert artifact["bytecode"].endswith(artifact["deployedBytecode"].removeprefix("0x"))
    assert len(artifact["deployedBytecode"]) == 2 + 2 * artifact["deployedSize"]


def test_nothing_else_is_shipped() -> None:
    assert sorted(path.stem for path in SHIPPED.glob("*.json")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_deployed_size_is_below_the_limit(name: str) -> None:
    artifact = json.loads((SHIPPED / f"{name}.json").read_text())
    assert artifact["contractName"] == name
    # The constructor's code comes on top, so the creation code is the longer one.
    assert 0 < artifact["deployedSize"] < len(artifact["bytecode"]) // 2
    assert artifact["deployedSize"] < DEPLOYED_SIZE_LIMIT
