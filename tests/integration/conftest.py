"""The `fabmarket` command run in this process, on real chains and real files."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fabmarket.chain import Engine, Settings, open_engine
from fabmarket.cli.main import main
from fabmarket.local.network.program import NotBuilt, validator_binary
from fabmarket.local.network.running import down, up
from fabmarket.simulation import run
from fabmarket.simulation.setup import Market
from tests import pasts

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "scenarios"
DEV_CHAIN_ID = 31337


@dataclass
class Ran:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def facts(self) -> dict[str, Any]:
        assert self.code == 0, self.stderr
        return json.loads(self.stdout)


def run_command(*arguments: object) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    return Ran(ended.value.code, out.getvalue(), err.getvalue())


def refused(ran: Ran, *words: str, code: int = 2) -> None:
    """Require that a command ended with that code, and that it says why."""
    assert ran.code == code, ran.stdout + ran.stderr
    assert all(word in ran.stderr for word in words), ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture(scope="session")
def fabmarket() -> Callable[..., Ran]:
    return run_command


@pytest.fixture(scope="session")
def needs_validator() -> None:
    try:
        validator_binary()
    except NotBuilt:
        pytest.skip("the validator is not built: run `make network`, which needs Go and gcc")


@pytest.fixture(scope="module")
def past(needs_anvil: None) -> Iterator[pasts.Run]:
    """A market with a past of everything, on a node."""
    with open_engine("anvil", Settings()) as engine:
        made = pasts.lived(engine)
        yield made
        made.outcome.store.close()


@pytest.fixture
def market(past: pasts.Run) -> Market:
    return past.outcome.market


@pytest.fixture
def audited(market: Market, fabmarket: Callable[..., Ran]) -> Callable[..., Ran]:
    """Run `fabmarket audit` on the market of `past`, or elsewhere."""

    def audited(*options: object, rpc: str | None = None, address: str | None = None) -> Ran:
        at = ("--rpc", rpc or market.engine.url)
        return fabmarket("audit", *at, "--market", address or market.exchange.address, *options)

    return audited


@dataclass
class Run:
    """A finished demo: what it printed and what it left."""

    facts: dict[str, Any]
    out: Path


_COMMANDS = {
    "paper": [],
    "balanced": ["--scenario", SCENARIOS / "balanced.toml"],
    "clock": ["--scenario", SCENARIOS / "clock.toml"],
    "cloud-hours": ["--scenario", SCENARIOS / "cloud-hours.toml"],
    "mk01": ["--fjsp", SCENARIOS / "fjsp" / "mk01.txt"],
    "mk01-roomy": ["--scenario", SCENARIOS / "mk01-roomy.toml"],
}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Run a shipped scenario by name, once a session."""
    done: dict[str, Run] = {}

    def run(name: str) -> Run:
        if name not in done:
            out = tmp_path_factory.mktemp(name) / "report"
            ran = run_command("demo", *_COMMANDS[name], "--json", "--out", out)
            done[name] = Run(ran.facts, out)
        return done[name]

    return run


@pytest.fixture(params=_COMMANDS)
def shipped(request: pytest.FixtureRequest, demo: Callable[[str], Run]) -> Run:
    return demo(request.param)


@pytest.fixture
def node(needs_anvil: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A development node at a URL, mining every transaction as it comes; beats follow quickly."""
    monkeypatch.setattr(run, "REAL_PERIOD", 4)
    with open_engine("anvil", Settings(chain_id=DEV_CHAIN_ID)) as opened:
        opened.w3.provider.make_request("evm_setAutomine", [True])
        yield opened


@pytest.fixture(scope="module")
def root(needs_validator: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory of a network."""
    root = tmp_path_factory.mktemp("network") / "plant"
    made = run_command("network", "init", root, "--json")
    assert made.code == 0, made.stderr
    try:
        yield root
    finally:
        down(root, is_removed=True)
        assert not root.exists()


@pytest.fixture
def network(root: Path) -> Path:
    """All of it runs."""
    up(root)
    return root
