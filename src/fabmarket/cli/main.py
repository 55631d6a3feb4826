"""The `fabmarket` command: one-line errors and exit codes for every subcommand.

Exit codes: 0 done, 1 the audit found differences, 2 refused (the input is wrong, the message says
what to do), 3 no equilibrium was certified, 70 a bug in fabmarket, 74 an output could not be
written, 75 try again later, 129 the terminal went away, 130 interrupted, 141 nobody reads the
output any more, 143 terminated.

A command is imported when it is asked for: a second of imports is more than all the rest of
`--version`, and a second in which an interrupt would meet nothing of ours.
"""

import sys
from collections.abc import Sequence

from fabmarket import interrupts


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    with interrupts.caught(last=arguments is None):
        with interrupts.at_once():
            from fabmarket.cli.commands import run  # noqa: PLC0415 - see above

        code = run(arguments)
    sys.exit(code)
