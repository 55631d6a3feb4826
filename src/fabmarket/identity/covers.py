"""What a letter shows in clear, which whoever opens none has to know too (see `sealing`)."""

from dataclasses import dataclass

from fabmarket.identity.keys import canonical

VERSION = 1
"""Of the letter's form; a reader refuses another."""


@dataclass(frozen=True)
class Cover:
    """What a letter shows in clear. `session` is zero where it is of none; `number` the sender's"""

    sender: str
    recipient: str
    session: bytes
    number: int

    def to_bytes(self) -> bytes:
        """Return the cover as it stands before what is sealed."""
        return b"".join(
            (
                VERSION.to_bytes(2, "big"),
                canonical(self.sender),
                canonical(self.recipient),
                self.session,
                self.number.to_bytes(8, "big"),
            )
        )
