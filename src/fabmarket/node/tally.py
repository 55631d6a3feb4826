"""How often what came of letters, by its reason. What strangers say must not fill the memory."""

import re
from collections import Counter

MOST_REASONS = 256
LONGEST_REASON = 200
_DETAIL = re.compile(r": | \(| '")
"""Where what is wrong ends, and what the message itself says begins."""


class Tally(Counter[str]):
    """Counts up to `MOST_REASONS` reasons by themselves, whatever else there is together."""

    def add(self, what: str) -> None:
        """Count one more."""
        what = what[:LONGEST_REASON]
        known = what in self or len(self) < MOST_REASONS
        self[what if known else "other reasons"] += 1

    def refused(self, reason: str) -> None:
        """Count a message that the participant refused; those that differ in a number are alike."""
        self.add("refused: " + re.sub("[0-9]+", "…", _DETAIL.split(reason)[0]))
