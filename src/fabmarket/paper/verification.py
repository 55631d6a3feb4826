"""Table 1: four reports to the verification contract, on a chain inside this process."""

from fabmarket.paper.claim import Facts, holds_if
from fabmarket.simulation import Outcome


def measure(outcome: Outcome) -> Facts:
    """What the chain made of each test of a finished run."""
    return {
        "contract": outcome.market.exchange.address,
        "tests": [
            {
                "test": one.test.number,
                "reported": dict(one.test.reported),
                "attested": dict(one.test.attested),
                "expected": one.test.expected,
                "outcome": one.outcome,
                "explanation": one.explanation() or "",
                "listed": one.listed,
                "passed": one.passed,
                "transaction": "0x" + one.receipt.transaction.hex(),
                "status": one.receipt.status,
                "block": one.receipt.block,
                "gas": one.receipt.gas_used,
            }
            for one in outcome.tests
        ],
    }


def verdicts(facts: Facts) -> dict[str, str]:
    """Test 1 passes, tests 2 to 4 are stopped and leave their trace."""
    return {"table-1": holds_if(facts["tests"] and all(one["passed"] for one in facts["tests"]))}
