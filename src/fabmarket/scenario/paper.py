"""The market of the paper's experiment: its section 5.2, and the four reports of its Table 1."""

from dataclasses import replace
from importlib import resources

from fabmarket.scenario.files import parse_scenario
from fabmarket.scenario.model import Scenario, VerificationTest

_ATTESTED = (("m1", 10), ("m2", 30))

TABLE_1 = (
    VerificationTest(1, (("m1", 10), ("m2", 20)), _ATTESTED, "accepted", None),
    VerificationTest(2, (("m1", 10), ("m2", 20), ("m3", 30)), _ATTESTED, "NotAttested", "m3"),
    VerificationTest(3, (("m1", 20), ("m2", 30)), _ATTESTED, "OverReported", "m1"),
    VerificationTest(4, (("m1", 10), ("m3", 20)), _ATTESTED, "NotAttested", "m3"),
)
"""Section 5.1. The table prints "Test 3" twice; the last row is the test 4 of the text below it."""


def paper_market(seed: int) -> Scenario:
    """The market of the file shipped in this package, with the tests of Table 1.

    It draws nothing, so that every `seed` gives the same market.
    """
    directory = resources.files("fabmarket.scenario")

    def read(file: str) -> str:
        return directory.joinpath(file).read_text("utf-8")

    market = parse_scenario(read("paper.toml"), "paper.toml", seed, read)
    return replace(market, verification_tests=TABLE_1)
