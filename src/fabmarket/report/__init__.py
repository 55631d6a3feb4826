"""What a run says to people: a page, its figures, the same facts as JSON, and a terminal summary.

The input is the facts of a finished run, described key by key in docs/reference/report.md. Nothing
here decides anything: every number shown is a fact or a sum of facts.
"""

from fabmarket.report.facts import facts_of
from fabmarket.report.manifest import manifest
from fabmarket.report.terminal import print_summary, summary_tables
from fabmarket.report.writing import (
    FactsNotJson,
    ReportNotWritten,
    check_writable,
    write_report,
)

__all__ = [
    "FactsNotJson",
    "ReportNotWritten",
    "check_writable",
    "facts_of",
    "manifest",
    "print_summary",
    "summary_tables",
    "write_report",
]
