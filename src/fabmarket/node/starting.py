"""The beginning of an agent, before its threads: a node that answers, of its chain and market."""

import time
from collections.abc import Callable
from typing import TypeVar

from fabmarket.chain import (
    ChainError,
    Engine,
    EngineUnavailable,
    ExchangeContract,
    NobodyAnswers,
    NodeLost,
    open_node,
)
from fabmarket.identity import Key
from fabmarket.node.lines import Say
from fabmarket.node.settings import BadSettings, Settings

T = TypeVar("T")

_PAUSE = 1.0
"""Seconds between two attempts to reach a node."""


def patiently(act: Callable[[], T], say: Say) -> T:
    """Return what asking the chain brings, once somebody answers; the owner hears that we wait."""
    said: str | None = None
    while True:
        try:
            found = act()
        except (NodeLost, ChainError) as error:
            if isinstance(error, EngineUnavailable) and not isinstance(error, NobodyAnswers):
                raise  # somebody answers, of another chain
            if said != str(error):
                said = str(error)
                say("lost", {"reason": said})
            time.sleep(_PAUSE)
            continue
        if said is not None:
            say("found", {})
        return found


def node_of(settings: Settings, key: Key) -> Engine:
    """Return the node of the settings, of their chain and with their exchange on it.

    Where it cannot be used the remedy is one of theirs.
    """
    try:
        engine = open_node(settings.chain.urls, settings.chain.chain_id, key)
    except EngineUnavailable as error:
        problem, _, _ = str(error).rpartition(";")
        remedy = "see that one runs, and that chain.urls and chain.chain_id are right"
        raise type(error)(f"{problem}; {remedy}") from error
    exchange = settings.market.exchange
    if not ExchangeContract(engine, exchange).is_there():
        problem = f"market.exchange: there is no exchange at {exchange} on this chain"
        raise BadSettings(f"{problem}; give the address that the market's founder publishes")
    return engine
