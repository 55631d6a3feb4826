"""Worked inputs become a market: scenario files, flexible job-shop instances, the paper's data.

Everything here is pure: file texts and seeds come in as arguments, values come out.
"""

from fabmarket.scenario.checks import LATEST_ORIGIN, check_scenario
from fabmarket.scenario.deposits import deposit_of
from fabmarket.scenario.draws import draw
from fabmarket.scenario.files import parse_scenario
from fabmarket.scenario.fjsp import FjspInstance, MalformedFjsp, Operation, parse_fjsp
from fabmarket.scenario.fjsp_market import FjspOptions, market_from_fjsp
from fabmarket.scenario.model import (
    MARKET_CONCEPTS,
    NEGOTIATIONS,
    Alternative,
    Currency,
    Demander,
    InvalidScenario,
    Scenario,
    SubTask,
    Supplier,
    VerificationTest,
)
from fabmarket.scenario.paper import TABLE_1, paper_market
from fabmarket.scenario.texts import (
    LARGEST_FILE,
    LARGEST_SCENARIO,
    MalformedText,
    decode,
    is_number,
    is_whole,
    parse_json,
)

__all__ = [
    "LARGEST_FILE",
    "LARGEST_SCENARIO",
    "LATEST_ORIGIN",
    "MARKET_CONCEPTS",
    "NEGOTIATIONS",
    "TABLE_1",
    "Alternative",
    "Currency",
    "Demander",
    "FjspInstance",
    "FjspOptions",
    "InvalidScenario",
    "MalformedFjsp",
    "MalformedText",
    "Operation",
    "Scenario",
    "SubTask",
    "Supplier",
    "VerificationTest",
    "check_scenario",
    "decode",
    "deposit_of",
    "draw",
    "is_number",
    "is_whole",
    "market_from_fjsp",
    "paper_market",
    "parse_fjsp",
    "parse_json",
    "parse_scenario",
]
