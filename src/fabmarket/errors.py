"""The three kinds of failure; each room derives its own from one of them.

FabmarketError
├── Refused    someone gave us something invalid: a user, a peer, a node; say what and the remedy
├── TryAgain   nothing is wrong but the moment: a stalled endpoint, a full disk
└── Bug        our own invariant broke; never caught on the way up
"""

import shlex
import sys


class FabmarketError(Exception):
    """Base of every error this package raises on purpose."""


class Refused(FabmarketError):
    """The input is invalid; the message names the value and the remedy."""


class TryAgain(FabmarketError):
    """The same call may succeed later."""


class Bug(FabmarketError):
    """An invariant of this package does not hold; report it."""


def missing(problem: str, extra: str, instead: str = "") -> str:
    """What to say where a package is not installed: this interpreter's pip, not any other's.

    `problem` says who needs which package, `instead` what does without it.
    """
    run = f"{problem}; run {shlex.quote(sys.executable)} -m pip install 'fabmarket[{extra}]'"
    return f"{run}, or {instead}" if instead else run
