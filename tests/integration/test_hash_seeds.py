"""The same seed gives the same messages and events, whatever order hashes have in a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).parents[2] / "scenarios"
# Prints every letter in the order it was sent, then every event and what the report says.
SCRIPT = """
import json, sys
from pathlib import Path
from fabmarket.chain import Settings, open_engine
from fabmarket.report.facts import facts_of
from fabmarket.scenario import parse_fjsp, parse_scenario, slotted
from fabmarket.simulation import Fate, run_market

def heard(sender, letter):
    print(sender, letter)
    return Fate()

path = Path(sys.argv[1])
if path.suffix == ".toml":
    scenario = parse_scenario(path.read_text(), path.name, 3, None)
else:
    scenario = slotted(parse_fjsp(path.read_text(), "k1"), 3, "k1")
with open_engine("embedded", Settings()) as engine:
    outcome = run_market(scenario, engine, 3, lambda *_: None, schedule=heard)
    print(*outcome.store.events(), sep="\\n")
    print(json.dumps({**facts_of(outcome, []), "timing": None}))
    outcome.store.close()
"""


@pytest.mark.parametrize("name", ["fjsp/k1.txt", "cloud-hours.toml"])
def test_no_hash_decides_the_order_of_anything(name):
    said = []
    for seed in ("1", "2"):
        run = subprocess.run(  # noqa: S603
            [sys.executable, "-c", SCRIPT, str(SCENARIOS / name)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        said.append(run.stdout)
    assert ('"Need"' if "fjsp" in name else '"Demand"') in said[0]
    assert "Settled(" in said[0]
    assert said[0] == said[1]
