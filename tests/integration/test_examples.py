"""Every example of every --help, the README, the tutorial and the command reference, as written.

They run through a shell at the root of what a clone is after `make demo`: the scenarios, the
command in .venv/bin, and demo-out.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from fabmarket.cli.commands import COMMANDS, SECTIONS, cli
from tests.street import PATIENCE

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/tutorial/first-market.md",
    "docs/tutorial/plan-a-plant.md",
    "docs/how-to/audit-a-market.md",
    "docs/reference/cli.md",
)

pytestmark = pytest.mark.slow

NOT_RUN = {
    "make demo": "what the clone below stands for",
    "make test": "this",
    "(cd contracts && npm ci)": "npm",
    "make network": "Go",
    "fabmarket demo --engine URL,URL,URL,URL": "a network",
    "fabmarket demo --engine anvil --json": "anvil",
    "fabmarket demo --engine anvil --out demo-out/anvil": "anvil",
    "fabmarket demo --engine anvil --chain-id 1337": "anvil",
    "FABMARKET_ENGINE=https://name:password@node.example fabmarket demo --chain-id 1337": "a node",
    "fabmarket demo --engine http://127.0.0.1:8545 --seed 7": "a node",
    "fabmarket demo --engine http://127.0.0.1:8545 --chain-id 31337 --json": "a node",
}
"""What each of them needs beyond `make demo`."""
STAND_INS = {"MARKET": "0x" + "11" * 20, "OPERATOR": "0x" + "22" * 20}
"""What stands for a word in capitals that no command takes as it is."""
OF_OTHERS = {
    name
    for title in (
        "A chain of several validators",
        "Agents",
        "Orders to an agent",
        "Operators",
        "Anybody, with a node",
    )
    for name in SECTIONS[title]
} | {"serve"}
"""Commands that need a market of agents or a node, which tests of their own have, or that go on
until they are interrupted: here they are read.
"""


def commands(text: str) -> Iterator[str]:
    """Whole commands: a line, and those below it while a quote or a backslash leaves it open."""
    command = ""
    for line in text.splitlines():
        command += line.strip() if not command else f"\n{line}"
        try:
            shlex.split(command, comments=True)
        except ValueError:
            continue
        if command and not command.endswith("\\"):
            yield command
            command = ""
    assert not command, f"never ends: {command}"


def epilogs() -> Iterator[tuple[str, str]]:
    """The end of each command's help; where a command of parts has none, that of each part."""
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        if command.epilog is None and isinstance(command, click.Group):
            yield from (
                (f"{name} {part}", of.epilog or "") for part, of in command.commands.items()
            )
        else:
            yield name, command.epilog or ""


def written() -> Iterator[tuple[str, str]]:
    """(where it stands, what to run); a block that changes directory is one example."""
    for name, epilog in epilogs():
        examples = re.search(r"Examples.*:\n((?:  .*\n)+)", epilog)
        assert examples, f"fabmarket {name} --help has no examples"
        yield from ((f"{name} --help", one) for one in commands(examples[1]))
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            whole = block.lstrip().startswith("cd ")
            yield from ((page, one) for one in ([block] if whole else commands(block)))


def bare(example: str) -> str:
    """An example without remarks, and without where the command lies."""
    lines = [re.sub(r"\s+# .*", "", line) for line in example.splitlines()]
    return "\n".join(lines).replace(".venv/bin/fabmarket", "fabmarket").strip()


def is_read(example: str) -> bool:
    words = bare(example).split()
    return words[0] == "fabmarket" and words[1] in OF_OTHERS


WRITTEN = list(written())
TO_READ = {bare(one) for _, one in WRITTEN if is_read(one)}
TO_RUN = {
    # Where a report goes makes no other example of it.
    re.sub(r"(demo|paper)( .*)? --out \S+", r"\1\2", bare(one)): one
    for _, one in WRITTEN
    if bare(one) not in NOT_RUN and not is_read(one)
}


def test_what_is_not_run_is_still_written_somewhere():
    assert set(NOT_RUN) <= {bare(one) for _, one in WRITTEN}
    assert len(TO_RUN) >= 20


@pytest.mark.parametrize("example", sorted(TO_READ))
def test_an_example_that_is_not_run_here_is_understood(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, name, *arguments = shlex.split(example)
    for argument in arguments:
        if re.fullmatch(r"[a-z]+\.[a-z0-9]{3}", argument):
            Path(argument).write_text("what is named must be there")
    command = cli.get_command(click.Context(cli), name)
    if isinstance(command, click.Group):
        name, command, arguments = command.resolve_command(click.Context(command), arguments)
    arguments = [STAND_INS.get(each, each) for each in arguments]
    assert command.make_context(name, arguments).params


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "scenarios", root / "scenarios")
    (root / ".venv" / "bin").mkdir(parents=True)
    for name in ("fabmarket", "python"):
        (root / ".venv" / "bin" / name).symlink_to(Path(sys.executable).parent / name)
    assert shell(root, ".venv/bin/fabmarket demo").returncode == 0
    return root


def in_shell(root: Path, script: str) -> dict[str, Any]:
    """What a process is made of that runs a script there."""
    path = f"{root / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {
        "args": ["/bin/bash", "-euc", script],
        "cwd": root,
        "env": {**os.environ, "PATH": path},
        "text": True,
    }


def shell(root: Path, script: str) -> subprocess.CompletedProcess[str]:
    made = in_shell(root, script)
    return subprocess.run(**made, capture_output=True, check=False, timeout=PATIENCE)


@pytest.mark.parametrize("example", ["fabmarket serve", "fabmarket serve demo-out/cloud --port 0"])
def test_regression_a_server_that_an_example_starts_is_ended(clone, example):
    assert example in TO_READ
    if not (clone / "demo-out" / "cloud").exists():
        cloud = "scenarios/cloud-hours.toml --out demo-out/cloud"
        assert shell(clone, f"fabmarket demo --scenario {cloud}").returncode == 0
    script = f"exec {example} --port 0 --json"
    with subprocess.Popen(**in_shell(clone, script), stdout=subprocess.PIPE) as process:
        try:
            address = json.loads(process.stdout.readline())["address"]
            assert httpx.get(address, timeout=PATIENCE).status_code == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("example", TO_RUN.values(), ids=TO_RUN)
def test_an_example_runs_as_written(clone, example):
    ran = shell(clone, example)
    assert ran.returncode == 0, ran.stderr
    assert "fabmarket: error" not in ran.stderr
    assert ran.stdout
