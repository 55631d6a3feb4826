"""The page about scale quotes benchmarks/scale.py, whose figures chain.py can replace."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "scale.md"
MODES = ("one by one", "batches of distinct pairs", "batches of one pair", "net")


def said(*arguments):
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603


def ran(*arguments):
    return json.loads(said("--json", *arguments))


@pytest.fixture(scope="module")
def facts():
    return ran()


@pytest.fixture(scope="module")
def printed():
    return said()


@pytest.mark.parametrize("head", ["| of |", "| hours |", "| split by |"])
def test_the_page_has_the_tables_that_the_command_prints(printed, head):
    """It printed dictionaries, and figures of fourteen digits."""
    page = PAGE.read_text("utf-8")
    assert table(page, head) == table(printed, head)


def table(text, head):
    """The table that begins with these cells."""
    return (head + text.split(head)[1]).split("\n\n")[0].strip().splitlines()


def test_figures_of_a_run_replace_those_that_stand(facts, tmp_path):
    """Twice as fast a chain is half as busy, and its processor carries twice as many."""
    rates = facts["measured"]["trades_per_s"]
    rows = [
        {"engine": "network", "mode": mode, "trades_per_s": 2 * rate, "gas_a_trade": 30_000}
        for mode, rate in zip(MODES, rates, strict=True)
    ]
    network = {"bytes_a_trade": dict.fromkeys(MODES, 1), "memory_mib": [100, 200]}
    network |= {"block_s": 0.5, "bytes_an_empty_block": 1, "reads_per_s": 1}
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({"rows": rows, "network": network}))
    faster = ran("--figures", str(file))
    for before, after in zip(facts["layouts"], faster["layouts"], strict=True):
        assert after["net"]["busy"] == pytest.approx(before["net"]["busy"] / 2, abs=1e-3)
        assert after["validators_gib"] == pytest.approx(200 * 4 * before["chains"] / 1024, abs=0.1)
    gas = next(each for each in faster["limits"] if each["limit"].startswith("block gas"))
    assert gas["carries"] == 30_000_000 / 0.5 / 30_000


def test_a_file_without_a_network_is_refused(tmp_path):
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({"rows": [], "skipped": "network: not built"}))
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py"), "--figures", str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert said.returncode == 1
    assert "has no rows of a network" in said.stderr
