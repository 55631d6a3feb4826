"""Many participants in one process with virtual time: the demo, tests and benchmarks."""

from fabmarket.simulation.equilibrium import Certified, best_lies, certify_sessions
from fabmarket.simulation.links import Fate, Links, Schedule, Seen
from fabmarket.simulation.outcome import Outcome, SettledTrade
from fabmarket.simulation.run import Progress, Settling, run_market
from fabmarket.simulation.setup import Party
from fabmarket.simulation.verification import TestResult

__all__ = [
    "Certified",
    "Fate",
    "Links",
    "Outcome",
    "Party",
    "Progress",
    "Schedule",
    "Seen",
    "SettledTrade",
    "Settling",
    "TestResult",
    "best_lies",
    "certify_sessions",
    "run_market",
]
