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


@pytest.fixture
def written(facts, tmp_path):
    """Write what chain.py would have, with twice the rates, and other figures of the network."""

    def write(**others):
        rates = facts["measured"]["trades_per_s"]
        rows = [
            {"engine": "network", "mode": mode, "trades_per_s": 2 * rate, "gas_a_trade": 30_000}
            for mode, rate in zip(MODES, rates, strict=True)
        ]
        network = {"bytes_a_trade": dict.fromkeys(MODES, 1), "memory_mib": [100, 200]}
        network |= {"block_s": 0.5, "bytes_an_empty_block": 1, "reads_per_s": 1} | others
        file = tmp_path / "figures.json"
        file.write_text(json.dumps({"rows": rows, "network": network}))
        return "--figures", str(file)

    return write


def test_figures_of_a_run_replace_those_that_stand(facts, written):
    """Twice as fast a chain is half as busy, and its processor carries twice as many."""
    faster = ran(*written())
    for before, after in zip(facts["layouts"], faster["layouts"], strict=True):
        assert after["net"]["busy"] == pytest.approx(before["net"]["busy"] / 2, abs=1e-3)
        assert after["validators_gib"] == pytest.approx(200 * 4 * before["chains"] / 1024, abs=0.1)
    gas = next(each for each in faster["limits"] if each["limit"].startswith("block gas"))
    assert gas["carries"] == 30_000_000 / 0.5 / 30_000


def test_a_file_without_a_network_is_refused(tmp_path):
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({"rows": [], "skipped": "network: not built"}))
    assert "has no rows of a network" in refusal("--figures", str(file))


def refusal(*arguments):
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py"), *arguments]
    said = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    return said.stderr


def test_regression_a_disk_that_empty_blocks_fill_is_enough_for_nobody(written):
    """It carried -1,315,976,417,391 bytes, and as many demanders below none."""
    full = written(bytes_an_empty_block=33_782)
    disks = [row for row in ran(*full)["limits"] if row["limit"].startswith("disk")]
    assert [(row["carries"], row["demanders"]) for row in disks] == [(0, 0)] * 4
    assert "| disk: bytes of a year, net | nothing: empty blocks fill it | 0 |" in said(*full)


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ({"bytes_a_trade": {**dict.fromkeys(MODES, 1), "net": 0}}, "bytes_a_trade is 0,"),
        ({"bytes_a_trade": {**dict.fromkeys(MODES, 1), "net": -5}}, "bytes_a_trade is -5,"),
        ({"bytes_an_empty_block": -1}, "bytes_an_empty_block is -1,"),
        ({"block_s": 0}, "block_s is 0,"),
        ({"reads_per_s": None}, "reads_per_s is None,"),
        ({"memory_mib": [float("nan")]}, "memory_mib is nan,"),
    ],
)
def test_regression_figures_that_no_chain_has_are_refused(written, others, name):
    """They were divided by, or made numbers below none."""
    assert f"{name} which no chain has; measure again" in refusal(*written(**others))


def test_what_rests_on_a_figure_that_was_not_measured_is_unknown(written):
    sizes = {**dict.fromkeys(MODES, 1), "net": None}
    one = written(bytes_a_trade=sizes)
    (net,) = (row for row in ran(*one)["limits"] if row["limit"] == "disk: bytes of a year, net")
    assert net["demanders"] is None
    assert [each["net"]["disk_gb_a_year"] for each in ran(*one)["layouts"]] == [None] * 4
    assert said(*one).count(" s, disk unknown |") == 4
    none = written(bytes_an_empty_block=None)
    assert "| disk: bytes of a year, one by one | unknown | unknown |" in said(*none)


def test_regression_who_reads_may_have_enough():
    """It ended with a traceback and BrokenPipeError."""
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py"), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:  # noqa: S603
        run.stdout.close()
        assert run.stderr.read() == b""


def test_regression_so_many_operations_are_bought_at_home_as_is_said(facts):
    """Its own region had a share of what is bought elsewhere too: 95.6 %, not 95 %."""
    assumed = facts["assumed"]
    shares = [1 / at for at in range(1, assumed["regions"] + 1)]
    home, count = assumed["at_home"], assumed["operations"]
    whole = 0.0
    for at, share in enumerate(shares):
        others = shares[:at] + shares[at + 1 :]
        lands = [home, *((1 - home) * each / sum(others) for each in others)]
        assert sum(lands) == pytest.approx(1)
        whole += share / sum(shares) * sum(each**count for each in lands)
    by_region = next(each for each in facts["layouts"] if each["split_by"] == "region")
    assert by_region["whole"] == pytest.approx(whole, abs=1e-4)
