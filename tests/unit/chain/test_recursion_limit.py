"""Libraries that raise the interpreter's recursion limit must not leave it raised."""

import subprocess
import sys

import pytest

SCRIPT = """
import json, sys
sys.setrecursionlimit({limit})
import {module}
assert sys.getrecursionlimit() == {limit}, sys.getrecursionlimit()
try:
    json.loads("[" * 200_000)
except RecursionError:
    print("refused")
"""


@pytest.mark.parametrize("limit", [1_000, 1_500])
@pytest.mark.parametrize(
    "module",
    [
        "fabmarket.identity",
        "fabmarket.chain",
        "fabmarket.chain.embedded",
        "fabmarket.market.exchange",
        "fabmarket.node",
        "fabmarket.report",
        "fabmarket.paper",
        "fabmarket.cli.main",
    ],
)
def test_200_kb_of_brackets_are_refused_and_do_not_kill_the_process(module, limit):
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", SCRIPT.format(module=module, limit=limit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "refused\n"), run.stderr
