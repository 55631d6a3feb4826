"""The four tests of the verification contract: the paper's section 5.1, Table 1.

The table prints "Test 3" twice; the last row is the test 4 of the text below it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class VerificationTest:
    """What a supplier reports, what the operators attested, and what must come of it.

    ``reported`` and ``attested`` are (resource, quantity) pairs in the table's order. ``expected``
    is "accepted" or the contract's error, "NotAttested" or "OverReported"; ``offender`` is the
    resource that error names, None when accepted.
    """

    number: int
    reported: tuple[tuple[str, int], ...]
    attested: tuple[tuple[str, int], ...]
    expected: str
    offender: str | None


_ATTESTED = (("m1", 10), ("m2", 30))

TABLE_1 = (
    VerificationTest(1, (("m1", 10), ("m2", 20)), _ATTESTED, "accepted", None),
    VerificationTest(2, (("m1", 10), ("m2", 20), ("m3", 30)), _ATTESTED, "NotAttested", "m3"),
    VerificationTest(3, (("m1", 20), ("m2", 30)), _ATTESTED, "OverReported", "m1"),
    VerificationTest(4, (("m1", 10), ("m3", 20)), _ATTESTED, "NotAttested", "m3"),
)
