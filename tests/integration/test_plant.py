"""The plant of the tutorial: two weeks, forty orders, a breakdown on day four, in escrow."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial" / "plan-a-plant.md").read_text("utf-8")

pytestmark = pytest.mark.slow


def test_the_plant_runs_as_its_page_says(fabmarket, tmp_path):
    run = fabmarket("demo", "--scenario", ROOT / "scenarios/plant.toml", "--out", tmp_path)
    assert run.code == 0
    summary = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()
    assert [line.rstrip() for line in run.stdout.splitlines()[: len(summary)]] == summary
    facts = json.loads((tmp_path / "report.json").read_text("utf-8"))
    steps = [(step, each) for each in facts["products"] for step in each["steps"]]
    mill = [step for step, _ in steps if step["resource"] == "mill" and 19 <= step["slot"] <= 27]
    assert facts["audit"]["ok"]
    assert len(facts["products"]) == 40
    assert sum(each["complete"] for each in facts["products"]) >= 30
    assert mill
    assert all(step["state"] == "refunded" for step in mill)
    gone = {each["name"] for step, each in steps if step["state"] == "refunded"}
    assert gone == {each["name"] for step, each in steps if step in mill}
    anew = {each["name"] for step, each in steps if step["state"] == "refunded"}
    assert any(each["complete"] for each in facts["products"] if each["name"] in anew)
