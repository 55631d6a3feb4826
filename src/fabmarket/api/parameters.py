"""What parameters of a path or query may be: patterns, so that the ledger is asked nothing else."""

from typing import Annotated

from pydantic import AfterValidator, Field

from fabmarket.identity.keys import checksummed


def _lower(value: str) -> str:
    return value.lower()


ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
HASH = "0x" + "5a" * 32

Address = Annotated[
    str, Field(pattern=r"^0x[0-9a-fA-F]{40}$", examples=[ADDRESS]), AfterValidator(checksummed)
]
"""20 bytes, in any case of its letters."""
Hash = Annotated[
    str, Field(pattern=r"^0x[0-9a-fA-F]{64}$", examples=[HASH]), AfterValidator(_lower)
]
"""32 bytes, in any case of its letters."""
Name = Annotated[str, Field(pattern=r"^[ -~]{1,200}$", examples=["milling"])]
"""The name of a resource, as rows have it."""
