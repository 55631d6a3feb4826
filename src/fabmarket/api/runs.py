"""What a run of `fabmarket demo` left beside its ledger, as far as the dashboard shows it."""

import json
from pathlib import Path
from typing import Any

from fabmarket.api.served import Currency, Run, Verdict

REPORT, FACTS = "report.html", "report.json"


def run_in(directory: Path) -> Run:
    """Return what a directory holds of a run; less where a file is missing or cannot be read."""
    report = directory / REPORT
    page = report if report.is_file() else None
    try:
        facts: Any = json.loads((directory / FACTS).read_text("utf-8"))
        said, audit = facts["scenario"]["currency"], facts["audit"]
        currency = Currency(str(said["symbol"]), int(said["decimals"]))
        checks = tuple(
            (str(each["name"]), int(each["compared"]), bool(each["ok"])) for each in audit["checks"]
        )
        return Run(page, currency, Verdict(bool(audit["ok"]), checks))
    except (OSError, ValueError, KeyError, TypeError):
        return Run(page)
