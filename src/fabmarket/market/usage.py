"""What is said while a trade in escrow is delivered: how far it has come, and what its buyer says.

Both are words of the parties to each other. No contract reads them; whoever judges a dispute is
shown them.
"""

from dataclasses import dataclass

from fabmarket.identity import Address, Bytes32, Flag, Text, TypedStruct, Uint32, Uint64

LONGEST_NOTE = 200
"""Characters of a note."""
MOST_REPORTS = 1_000
"""Reports on one trade; their numbers are below it."""


@dataclass(frozen=True)
class Usage(TypedStruct):
    """A supplier tells the demander of a trade that `units` of it are used so far, at second `at`.

    `sequence` rises with every report on the trade.
    """

    supplier: Address
    trade: Bytes32
    sequence: Uint32
    units: Uint64
    at: Uint64
    note: Text

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.supplier


@dataclass(frozen=True)
class Receipt(TypedStruct):
    """The demander's answer to the `Usage` with this digest: it accepts it, or objects."""

    demander: Address
    trade: Bytes32
    usage: Bytes32
    accepted: Flag
    note: Text

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


UsageMessage = Usage | Receipt
