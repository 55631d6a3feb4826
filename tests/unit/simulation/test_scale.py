"""The page about scale quotes benchmarks/scale.py, whose figures chain.py can replace."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "scale.md"
MODES = ("one by one", "batches of distinct pairs", "batches of one pair", "net")


def ran(*arguments):
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py"), "--json", *arguments]
    said = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return json.loads(said.stdout)


@pytest.fixture(scope="module")
def facts():
    return ran()


def limit_rows(facts):
    for row in facts["limits"]:
        carries = f"{row['carries']:,.0f}"
        yield f"| {row['of']} | {row['limit']} | {carries} | {row['demanders']:,} |"


def netting_rows(facts):
    for row in facts["netting"]:
        share = f"{100 * row['of_one_by_one']:.0f} %"
        yield f"| {row['hours']} | {row['trades_an_account']} | {row['gas_a_trade']:,} | {share} |"


def layout_rows(facts):
    for row in facts["layouts"]:
        cells = [row["split_by"], f"{row['chains']:,}", f"{100 * row['whole']:.1f} %"]
        cells += [str(row["trades_per_s"]), f"{row['validators_gib']:,}"]
        for mode in (MODES[0], MODES[1], MODES[3]):
            part = row[mode]
            wait = "never" if part["wait_99_s"] is None else f"{part['wait_99_s']} s"
            cells.append(f"{100 * part['busy']:,.0f} %, {wait}, {part['disk_gb_a_year']:,} GB")
        yield f"| {' | '.join(cells)} |"


@pytest.mark.parametrize(
    ("head", "rows"),
    [("| of |", limit_rows), ("| hours |", netting_rows), ("| split by |", layout_rows)],
)
def test_the_page_has_the_tables_of_the_command(facts, head, rows):
    table = (head + PAGE.read_text("utf-8").split(head)[1]).split("\n\n")[0].splitlines()
    assert table[2:] == list(rows(facts))


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
