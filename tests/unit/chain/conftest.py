"""Engines to test: the embedded chain, an anvil of our own, and a plain node at a URL."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fabmarket.chain import (
    Engine,
    ExchangeContract,
    Sender,
    Settings,
    TokenContract,
    Transaction,
    escrow_code,
    exchange_code,
    net_code,
    open_engine,
    token_code,
)
from fabmarket.identity import Key
from fabmarket.market.parameters import HOURS, Parameters

BINARIES = Path(__file__).parents[3] / "contracts" / "node_modules" / "@foundry-rs"
DEV_CHAIN_ID = 31337
COIN = 10**18


def anvil_is_here() -> bool:
    named = os.environ.get("FABMARKET_ANVIL")
    return bool(named or [*BINARIES.glob("anvil-*/bin/anvil")] or shutil.which("anvil"))


@pytest.fixture(scope="session")
def needs_anvil() -> None:
    if not anvil_is_here():
        pytest.skip("anvil is not installed: run `npm ci` in contracts/")


@pytest.fixture(params=["embedded", "anvil"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "anvil":
        request.getfixturevalue("needs_anvil")
    with open_engine(request.param, Settings()) as opened:
        yield opened


@pytest.fixture
def node(needs_anvil: None) -> Iterator[Engine]:
    """A development node at a URL, mining every transaction as it comes."""
    with open_engine("anvil", Settings(chain_id=DEV_CHAIN_ID)) as opened:
        opened.w3.provider.make_request("evm_setAutomine", [True])
        yield opened


@dataclass
class Deployed:
    """An exchange with one operator, its token, and someone with coin."""

    engine: Engine
    sender: Sender
    key: Key
    token: TokenContract
    exchange: ExchangeContract
    modules: tuple[str, str]
    """Escrow and net settlement."""

    def queue(self, data: bytes, gas: int = 300_000, to: str | None = None) -> None:
        target = self.exchange.address if to is None else to
        self.sender.queue(Transaction(self.key, "test", target, data, gas))


def deploy_on(engine: Engine, parameters: Parameters = HOURS) -> Deployed:
    sender, key = Sender(engine), Key.derive("chain tests", "somebody")
    sender.queue(Transaction(engine.funder, "fund", key.address, b"", 21_000, COIN))
    sender.must_succeed()

    def made(code: bytes) -> str:
        sender.queue(Transaction(key, "deploy", None, code, 8_000_000))
        return str(sender.must_succeed()[0].contract)

    token = made(token_code("Test", "T", 2))
    modules = made(escrow_code(parameters)), made(net_code(parameters))
    exchange = made(exchange_code((key.address,), 1, (token,), parameters, *modules))
    return Deployed(
        engine=engine,
        sender=sender,
        key=key,
        token=TokenContract(engine, token),
        exchange=ExchangeContract(engine, exchange),
        modules=modules,
    )


@pytest.fixture(scope="session")
def deploy() -> Callable[..., Deployed]:
    return deploy_on


@pytest.fixture
def deployed(engine: Engine) -> Deployed:
    return deploy_on(engine)


@pytest.fixture
def deployed_at_node(node: Engine) -> Iterator[Deployed]:
    with open_engine(node.url, Settings()) as engine:
        yield deploy_on(engine)
