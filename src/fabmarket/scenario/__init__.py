"""Worked inputs become a market: scenario files, flexible job-shop instances, the paper's data.

Everything here is pure: file texts and seeds come in as arguments, values come out.
"""

from fabmarket.scenario.checks import LATEST_ORIGIN, check_scenario
from fabmarket.scenario.deposits import deposit_of
from fabmarket.scenario.draws import draw
from fabmarket.scenario.files import parse_scenario
from fabmarket.scenario.fjsp import FjspInstance, MalformedFjsp, parse_fjsp
from fabmarket.scenario.model import (
    LARGEST_STEP,
    MARKET_CONCEPTS,
    NEGOTIATIONS,
    Alternative,
    Breakdown,
    Currency,
    Demander,
    InvalidScenario,
    Operation,
    Product,
    Scenario,
    SubTask,
    Supplier,
    VerificationTest,
    Work,
)
from fabmarket.scenario.paper import TABLE_1, paper_market
from fabmarket.scenario.slotted import FjspOptions, best_known, slotted
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
    "LARGEST_STEP",
    "LATEST_ORIGIN",
    "MARKET_CONCEPTS",
    "NEGOTIATIONS",
    "TABLE_1",
    "Alternative",
    "Breakdown",
    "Currency",
    "Demander",
    "FjspInstance",
    "FjspOptions",
    "InvalidScenario",
    "MalformedFjsp",
    "MalformedText",
    "Operation",
    "Product",
    "Scenario",
    "SubTask",
    "Supplier",
    "VerificationTest",
    "Work",
    "best_known",
    "check_scenario",
    "decode",
    "deposit_of",
    "draw",
    "is_number",
    "is_whole",
    "paper_market",
    "parse_fjsp",
    "parse_json",
    "parse_scenario",
    "slotted",
]
