"""Table 1: four reports to the verification contract, on a chain inside this process."""

from typing import Any

from fabmarket.node import Outcome
from fabmarket.paper.claim import Claim, Facts, holds_if, table


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


def _pairs(quantities: dict[str, int]) -> str:
    return ", ".join(f"{name} {quantity}" for name, quantity in quantities.items())


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(one["test"]),
        _pairs(one["reported"]),
        _pairs(one["attested"]),
        one["explanation"] or f"accepted, {one['listed']} units listed",
        f"{one['status']}",
        f"{one['gas']:,}",
        one["transaction"],
    )


def claims(facts: Facts) -> list[Claim]:
    """Test 1 passes, tests 2 to 4 are stopped and leave their trace."""
    tests = facts["tests"]
    return [
        Claim(
            id="table-1",
            title="The verification contract stops false reports",
            place="Section 5.1, Table 1",
            words="in test 2, MRS maliciously reported the type and quantity of resources, in test "
            "3, MRS exaggerated the number of resources and in test 4, MRS falsely reported the "
            "type of resources, which were intercepted",
            verdict=holds_if(all(one["passed"] for one in tests)),
            reason="Test 1 is listed, tests 2 to 4 are refused with the resource named, and every "
            "attempt stays on the chain with its hash.",
            got=(
                "The contract lists what the operators attested and refuses the rest: m3 was never "
                "attested (tests 2 and 4), m1 above its 10 units (test 3). A refused report lists "
                "nothing, not even its honest part. It is mined all the same, with status 0, so "
                "the attempt itself is evidence.",
                "The printed table calls its last row “Test 3” again; the text means test 4. In "
                "test 2 the quantities of m1 and m2 are honest: only the type m3 is false.",
            ),
            how="Four suppliers, one for each row, send their reports to the contract "
            f"{facts['contract']} on an in-process EVM, after two of three operators have signed "
            "the CPO columns. Same input, same hashes.",
            tables=(
                table(
                    "Table 1 on chain",
                    (
                        "test",
                        "MRS reports",
                        "CPO attests",
                        "outcome",
                        "status",
                        "gas",
                        "transaction",
                    ),
                    [_row(one) for one in tests],
                ),
            ),
        )
    ]
