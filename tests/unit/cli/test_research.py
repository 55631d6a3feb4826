"""docs/how-to/research.md: every command and the program run, on the files it shows."""

import re
import shlex
from pathlib import Path

import pytest

from fabmarket.cli.main import main

TEXT = (Path(__file__).parents[3] / "docs" / "how-to" / "research.md").read_text("utf-8")
FILES = re.findall(r"`(\w+\.csv)`:\n\n```text\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"^fabmarket (.*)$", TEXT, re.MULTILINE)
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in FILES:
        (tmp_path / name).write_text(content)
    return tmp_path


def test_the_page_has_files_commands_and_a_program():
    assert [name for name, _ in FILES] == ["paper.csv", "capped.csv"]
    assert len(COMMANDS) >= 12
    assert len(PROGRAMS) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(here, capsys, command):
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(command))
    assert ended.value.code == 0
    for name in re.findall(r"--(?:plot|out) (\S+)", command):
        assert (here / name).stat().st_size > 0


def test_the_program_of_the_page_runs(here, capsys):
    exec(compile(PROGRAMS[0], "research.md", "exec"), {})  # noqa: S102
    assert "uniform-price" in capsys.readouterr().out
