"""What a run says to people: a page, its figures, the same facts as JSON, and a terminal summary.

The input is the facts of a finished run, described key by key in docs/reference/report.md. Nothing
here decides anything: every number shown is a fact or a sum of facts. `facts.facts_of`, which makes
them, is imported by itself, because it loads a chain.
"""

from fabmarket.report.manifest import manifest
from fabmarket.report.terminal import print_summary, summary_tables
from fabmarket.report.writing import (
    FactsNotJson,
    NotWritten,
    check_writable,
    write_report,
)

__all__ = [
    "FactsNotJson",
    "NotWritten",
    "check_writable",
    "manifest",
    "print_summary",
    "summary_tables",
    "write_report",
]
