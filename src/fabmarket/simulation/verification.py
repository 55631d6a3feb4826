"""The verification tests a scenario carries (the paper's Table 1), sent as real transactions."""

from dataclasses import dataclass

from fabmarket.chain import Receipt
from fabmarket.errors import Bug
from fabmarket.market.events import Listed
from fabmarket.market.exchange import List, Report, Reverted
from fabmarket.market.units import name_from_bytes32, name_to_bytes32
from fabmarket.scenario import VerificationTest
from fabmarket.simulation.setup import Market, Party

_UNIT = name_to_bytes32("unit")


@dataclass(frozen=True)
class TestResult:
    """What the chain made of one test. A refusal is mined as a failed transaction: evidence."""

    test: VerificationTest
    supplier: str
    receipt: Receipt
    error: Reverted | None
    listed: int

    @property
    def outcome(self) -> str:
        """ "accepted", or the name of the contract's error."""
        return self.error.error if self.error else "accepted"

    @property
    def passed(self) -> bool:
        """Whether the outcome is the paper's, and a refusal listed nothing."""
        return self.outcome == self.test.expected and (self.error is None) == (self.listed > 0)

    def explanation(self) -> str | None:
        """Return the contract's error in words; None if it accepted."""
        if self.error is None:
            return None
        resource, _, reported, attested, *_ = self.error.values
        return (
            f"{self.error.error}: resource {name_from_bytes32(resource)}, reported {reported},"
            f" attested {attested}"
        )


def run_tests(
    market: Market, auditees: tuple[Party, ...], tests: tuple[VerificationTest, ...]
) -> list[TestResult]:
    """Attest what the operators counted, send each report with explicit gas, read the outcome."""
    pairs = list(zip(auditees, tests, strict=True))
    for party, test in pairs:
        for name, _ in test.attested:
            market.queue(party.key, market.registration(name_to_bytes32(name), _UNIT))
    market.sender.must_succeed(market.exchange)
    for party, test in pairs:
        for name, quantity in test.attested:
            resource = name_to_bytes32(name)
            market.queue(party.key, market.attestation(party.address, resource, _UNIT, (quantity,)))
    market.sender.must_succeed(market.exchange)
    for party, test in pairs:
        reports = tuple(Report(name_to_bytes32(name), 0, n) for name, n in test.reported)
        market.queue(party.key, List(reports))
    sent = market.sender.flush()
    return [
        _result(market, party, test, receipt)
        for (party, test), (_, receipt) in zip(pairs, sent, strict=True)
    ]


def _result(market: Market, party: Party, test: VerificationTest, receipt: Receipt) -> TestResult:
    error = None
    if receipt.status == 0:
        reports = tuple(Report(name_to_bytes32(name), 0, n) for name, n in test.reported)
        data = market.exchange.move_data(List(reports))
        error = market.exchange.why(party.address, data, receipt.block - 1)
        if error is None:
            raise Bug(f"test {test.number} failed on chain but not when called again")
    events = [market.exchange.event(log) for log in receipt.logs]
    listed = sum(event.quantity for event in events if isinstance(event, Listed))
    return TestResult(test, party.address, receipt, error, listed)
