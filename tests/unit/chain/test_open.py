"""Choosing an engine, and leaving no process behind."""

from pathlib import Path

import pytest

from fabmarket.chain import EngineUnavailable, Settings, open_engine
from fabmarket.chain.engine import PINNED_CHAIN_ID
from fabmarket.errors import Refused


@pytest.fixture
def has_children():
    """Whether this process has a child, running or to be reaped, that it had not before."""

    def children() -> set[str]:
        tasks = Path("/proc/self/task").glob("*/children")
        return {number for task in tasks for number in task.read_text().split()}

    before = children()
    return lambda: bool(children() - before)


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", ["", "Embedded", "ganache", "ws://127.0.0.1:8545", "127.0.0.1"])
def test_an_unknown_engine_is_named_with_the_known_ones(name):
    with pytest.raises(EngineUnavailable) as caught:
        open_engine(name, Settings())
    assert isinstance(caught.value, Refused)
    assert f"unknown engine {name!r}" in str(caught.value)
    assert all(each in str(caught.value) for each in ("embedded", "anvil"))


def test_the_embedded_chain_cannot_take_another_chain_id():
    with pytest.raises(EngineUnavailable, match=f"chain id 7: .* has {PINNED_CHAIN_ID}"):
        open_engine("embedded", Settings(chain_id=7))
    assert open_engine("embedded", Settings(chain_id=PINNED_CHAIN_ID)).chain_id == PINNED_CHAIN_ID


def test_anvil_takes_another_chain_id(needs_anvil):
    with open_engine("anvil", Settings(chain_id=7)) as engine:
        assert engine.chain_id == 7


@pytest.mark.parametrize("what", ["missing", "a directory", "not executable"])
def test_a_wrong_anvil_is_named(monkeypatch, tmp_path, what):
    path = tmp_path / "anvil"
    if what == "a directory":
        path.mkdir()
    elif what == "not executable":
        path.write_text("no program")
    monkeypatch.setenv("FABMARKET_ANVIL", str(path))
    with pytest.raises(EngineUnavailable, match=f"FABMARKET_ANVIL names {path}, .*embedded"):
        open_engine("anvil", Settings())


def test_an_anvil_of_another_machine_is_refused(monkeypatch, tmp_path):
    wrong = script(tmp_path / "anvil", "\x7fELF but not really\n")
    monkeypatch.setenv("FABMARKET_ANVIL", str(wrong))
    with pytest.raises(EngineUnavailable, match=f"{wrong} cannot be run .*FABMARKET_ANVIL"):
        open_engine("anvil", Settings())


def test_an_anvil_that_stops_at_once_is_quoted(monkeypatch, tmp_path):
    wrong = script(tmp_path / "anvil", "#!/bin/sh\necho 'out of memory' >&2\nexit 1\n")
    monkeypatch.setenv("FABMARKET_ANVIL", str(wrong))
    with pytest.raises(EngineUnavailable, match="anvil stopped at once: out of memory"):
        open_engine("anvil", Settings())


def test_no_anvil_anywhere_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.delenv("FABMARKET_ANVIL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    with pytest.raises(EngineUnavailable, match="anvil is not installed; run `npm ci`"):
        open_engine("anvil", Settings())


def test_anvil_on_the_path_is_found(needs_anvil, monkeypatch, tmp_path):
    with open_engine("anvil", Settings()) as engine:
        binary = engine._process.args[0]
    found = tmp_path / "anvil"
    found.symlink_to(binary)
    monkeypatch.delenv("FABMARKET_ANVIL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    with open_engine("anvil", Settings()) as engine:
        assert engine._process.args[0] == str(found)


def test_closing_ends_the_anvil(needs_anvil, has_children):
    engine = open_engine("anvil", Settings())
    assert has_children()
    engine.close()
    assert not has_children()


def test_an_exception_ends_the_anvil(needs_anvil, has_children):
    def interrupted() -> None:
        with open_engine("anvil", Settings()):
            assert has_children()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not has_children()


def test_an_anvil_of_another_chain_than_asked_for_is_ended(
    needs_anvil, has_children, monkeypatch, tmp_path
):
    with open_engine("anvil", Settings()) as engine:
        binary = engine._process.args[0]
    edit = "sed 's/--chain-id [0-9]*/--chain-id 5/'"
    other = script(tmp_path / "anvil", f'#!/bin/sh\nexec {binary} $(echo "$@" | {edit})\n')
    monkeypatch.setenv("FABMARKET_ANVIL", str(other))
    with pytest.raises(EngineUnavailable, match="chain id 5 at"):
        open_engine("anvil", Settings())
    assert not has_children()
