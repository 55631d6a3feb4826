"""Choosing an engine by name."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from fabmarket.chain.anvil import AnvilEngine
from fabmarket.chain.endpoints import public
from fabmarket.chain.engine import Engine, EngineUnavailable, NobodyAnswers, Settings
from fabmarket.chain.rpc import RpcEngine, dev_funder
from fabmarket.identity import Key

DEV_CHAIN_ID = 31337
"""Of development nodes."""


def open_engine(name: str, settings: Settings) -> Engine:
    """Return a running engine: "embedded", "anvil", or the http(s) URL of a node, or of
    several nodes of one chain with commas between them.

    At a URL the chain id must be `settings.chain_id`, by default that of development nodes, so that
    nobody trades on a public network by accident. Its gas is paid by FABMARKET_FUNDER_KEY (hex), by
    default the account that development nodes fund. Raises EngineUnavailable.
    """
    if name == "embedded":
        # Whoever trades at a node has no use for py-evm: a fifth of a second and 7 MB at a start.
        from fabmarket.chain.embedded import EmbeddedEngine  # noqa: PLC0415

        return EmbeddedEngine(settings)
    if name == "anvil":
        return AnvilEngine(_or_embedded(), settings)
    if "…" in name:
        raise EngineUnavailable(
            f"in {public(name)} the … stands for a part of the URL that was kept out of the"
            " report; give the whole URL, best in FABMARKET_ENGINE"
        )
    if name.startswith(("http://", "https://")):
        try:
            engine = RpcEngine("rpc", name, settings.chain_id or DEV_CHAIN_ID, _funder())
        except NobodyAnswers as error:
            raise type(error)(f"{error}, or use --engine embedded") from error
        if engine.fees().most > 0 and engine.native_balance(engine.funder.address) == 0:
            raise EngineUnavailable(
                f"account {engine.funder.address} has no coin for gas at {engine.shown};"
                " fund it or set FABMARKET_FUNDER_KEY to the key of one that has"
            )
        return engine
    raise EngineUnavailable(
        f"unknown engine {public(name)!r}; use embedded, anvil or the http(s) URL of a node"
    )


def open_node(urls: Sequence[str], chain_id: int, key: Key) -> Engine:
    """Return the node of a participant that pays its own gas with `key`, at one or several URLs.

    Raises EngineUnavailable where none answers, or one is of another chain.
    """
    return RpcEngine("rpc", ",".join(urls), chain_id, key)


def look_at(urls: Sequence[str], chain_id: int | None) -> RpcEngine:
    """Return a node that is only read, at one or several URLs. Raises as `open_node` does.

    `chain_id` None takes the chain that it is of.
    """
    return RpcEngine("rpc", ",".join(urls), chain_id, dev_funder())


def _funder() -> Key:
    secret = os.environ.get("FABMARKET_FUNDER_KEY")
    if secret is None:
        return dev_funder()
    digits = secret.removeprefix("0x")
    try:
        if len(digits) == 64:
            return Key(bytes.fromhex(digits))
    except ValueError:
        pass  # no hexadecimal digits, or a number that is no key of the curve
    raise EngineUnavailable("FABMARKET_FUNDER_KEY is not a private key; give 64 hexadecimal digits")


def _or_embedded() -> Path:
    try:
        return anvil_binary()
    except EngineUnavailable as error:
        raise EngineUnavailable(f"{error}, or use --engine embedded") from error


def anvil_binary() -> Path:
    """Return the native anvil; npm's launcher would leave the node running when stopped."""
    named = os.environ.get("FABMARKET_ANVIL")
    if named:
        if os.path.isfile(named) and os.access(named, os.X_OK):
            return Path(named)
        raise EngineUnavailable(
            f"FABMARKET_ANVIL names {named}, which is not an executable file;"
            " set it to anvil's native binary"
        )
    checkout = Path(__file__).parents[3] / "contracts" / "node_modules" / "@foundry-rs"
    for binary in checkout.glob("anvil-*/bin/anvil"):
        if os.access(binary, os.X_OK):
            return binary
    on_path = shutil.which("anvil")
    if on_path:
        return Path(on_path)
    raise EngineUnavailable(
        "anvil is not installed; run `npm ci` in contracts/, put anvil on PATH or set"
        " FABMARKET_ANVIL to its binary"
    )
