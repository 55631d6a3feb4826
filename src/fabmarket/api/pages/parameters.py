"""What the fields of a page's form may hold: a form sends those that are left empty, too."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator

from fabmarket.identity.keys import checksummed


def _address(text: str) -> str:
    return checksummed(text) if text else ""


Address = Annotated[str, Query(pattern="^(0x[0-9a-fA-F]{40})?$"), AfterValidator(_address)]
"""20 bytes, in any case of its letters; empty for any."""
Digest = Annotated[str, Query(pattern="^(0x[0-9a-f]{64})?$")]
"""32 bytes; empty for any."""
Name = Annotated[str, Query(max_length=200)]
"""The name of a resource, as rows have it; empty for any."""
Cursor = Annotated[str | None, Query(max_length=1000)]
"""Where a page begins."""
