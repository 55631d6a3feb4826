"""docs/how-to/run-a-consortium.md, done by a program: firms on machines of their own."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "network" / "deploy" / "rehearse.py"
GUIDE = (ROOT / "docs" / "how-to" / "run-a-consortium.md").read_text("utf-8")


def shape(line: str) -> tuple[str, frozenset[str]]:
    """What a command is, without its values: the words that say what it does, and its options."""
    words = shlex.split(line)
    count = 3 if words[1] == "network" else 2
    return " ".join(words[:count]), frozenset(each for each in words if each.startswith("--"))


def in_the_guide() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if re.match("(validator|fabmarket) ", line)]


LONG = os.environ.get("FABMARKET_FUZZ") == "long"


@pytest.mark.slow
@pytest.mark.skipif(not LONG, reason="five minutes of it: FABMARKET_FUZZ=long")
@pytest.mark.usefixtures("needs_validator")
def test_what_the_guide_says_happens():
    if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("curl")):
        pytest.skip("network namespaces need root, and the programs ip and curl")
    ran = subprocess.run(  # noqa: S603
        [sys.executable, PROGRAM], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    done = [shape(line) for line in re.findall(r"^  firm-\d\$ (\w+ .*?)(?: &)?$", ran.stdout, re.M)]
    wanted = in_the_guide()
    assert len(wanted) > 10
    for line in wanted:
        does, options = shape(line)
        assert any(does == did and options <= given for did, given in done), line
