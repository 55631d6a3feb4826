"""Participants as running things: keys, signed transport, a whole market in one process."""

from fabmarket.node.equilibrium import Certified, certify_sessions
from fabmarket.node.market import Outcome, Progress, SettledTrade, run_market
from fabmarket.node.setup import Party
from fabmarket.node.verification import TestResult

__all__ = [
    "Certified",
    "Outcome",
    "Party",
    "Progress",
    "SettledTrade",
    "TestResult",
    "certify_sessions",
    "run_market",
]
