import subprocess
import sys
from pathlib import Path

from fabmarket.scenario import parse_scenario

SCENARIOS = Path(__file__).parents[3] / "scenarios"


def test_the_generator_writes_the_district() -> None:
    run = subprocess.run(  # noqa: S603
        [sys.executable, str(SCENARIOS / "make_district.py")], capture_output=True, check=True
    )
    assert run.stdout == (SCENARIOS / "district.toml").read_bytes()


def test_there_is_somebody_to_hide_among_in_every_session() -> None:
    market = parse_scenario((SCENARIOS / "district.toml").read_text(), "district.toml", 1, str)
    wanted = [
        (task.alternatives[0].resource, task.slot)
        for firm in market.demanders
        for task in firm.sub_tasks
    ]
    places = {(each.resource, slot) for each in market.suppliers for slot in range(2)}
    assert all(wanted.count(place) >= 5 for place in places)
