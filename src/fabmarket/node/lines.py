"""What an agent tells its owner as it goes: one line for each thing that happens."""

from collections.abc import Callable
from typing import Any

Say = Callable[[str, dict[str, Any]], None]
"""Called with the name of a line and what it is about."""

LINES: dict[str, str] = {
    "begun": "{role} {address} at {url}; chain {chain_id}, beats every {period} s",
    "waiting": "no rhythm of {founder} on the board yet; waiting for it",
    "announcing": "announcing our card: {url}",
    "card": "card of {peer}: {url}",
    "sent": "{kind} to {peer}: {outcome}",
    "heard": "{kind} from {peer}: {answer}",
    "served": "{want}: served, trade {trade}",
    "unserved": "{want}: given up: {reason}",
    "settled": "sold {quantity} at {unit_price}: trade {trade}",
    "mined": "{action} in block {block}: {outcome}",
    "lost": "the chain does not answer as it should; trying again: {reason}",
    "found": "the chain answers again",
    "full": "the disk takes no more just now; trying again: {reason}",
    "door": "letters so far: {counted}",
    "ended": "ended; everything is on disk",
}
"""The lines by name. With --json-log each is an object of what stands in braces."""
