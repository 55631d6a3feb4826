"""What a run of `fabmarket demo` left beside its ledger, as far as the dashboard shows it."""

from pathlib import Path
from typing import Any

from fabmarket.api.served import Currency, Run, Verdict
from fabmarket.ledger.queries.market import MarketRow
from fabmarket.report.kept import currency_in, facts_beside

REPORT = "report.html"


def run_in(directory: Path, market: MarketRow | None) -> Run:
    """Return what a directory holds of a run of that market; less where it cannot be read."""
    report = directory / REPORT
    facts = facts_beside(directory, market)
    currency = currency_in(facts)
    return Run(
        report if report.is_file() else None,
        None if currency is None else Currency(*currency),
        _verdict(facts),
    )


def _verdict(facts: dict[str, Any]) -> Verdict | None:
    try:
        audit = facts["audit"]
        checks = tuple(
            (str(each["name"]), int(each["compared"]), bool(each["ok"])) for each in audit["checks"]
        )
        return Verdict(bool(audit["ok"]), checks)
    except (ValueError, KeyError, TypeError):
        return None
