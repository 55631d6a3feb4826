"""How a command can end, and the exit code of each end."""

from fabmarket.cli.streams import OutputLost, ReaderGone
from fabmarket.errors import Bug, FabmarketError, Refused, TryAgain
from fabmarket.report.writing import DiskFailed

AUDIT_DIFFERS = 1
REFUSED = 2
NOT_CERTIFIED = 3
BUG = 70
OUTPUT_LOST = 74
TRY_AGAIN = 75
READER_GONE = 141


class AuditFailed(Refused):
    """The logs do not explain what the contract holds, or a file not what it is to prove."""


class SystemRefused(TryAgain):
    """The operating system refused something that no command has words of its own for."""


def code_of(error: FabmarketError) -> int:
    """The exit code of an error; 2 for every refusal that has none of its own."""
    from fabmarket.game.errors import NotCertified  # noqa: PLC0415 - loads numpy

    codes: tuple[tuple[type[FabmarketError], int], ...] = (
        (AuditFailed, AUDIT_DIFFERS),
        (NotCertified, NOT_CERTIFIED),
        (OutputLost, OUTPUT_LOST),
        (SystemRefused, OUTPUT_LOST),
        (DiskFailed, OUTPUT_LOST),
        (ReaderGone, READER_GONE),
        (Bug, BUG),
        (TryAgain, TRY_AGAIN),
    )
    return next((code for kind, code in codes if isinstance(error, kind)), REFUSED)
