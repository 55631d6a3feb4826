"""How what a row holds is written as JSON, and described to whoever reads it there."""

from typing import Annotated

from pydantic import ConfigDict, Field, PlainSerializer, WithJsonSchema

DESCRIBED = ConfigDict(use_attribute_docstrings=True)
"""For rows: what stands below an attribute describes it."""

Digits = Annotated[
    int,
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^-?[0-9]+$", "examples": ["1200"]}),
]
"""A whole number that may exceed 2^53: digits in JSON, whose readers lose what is beyond."""
Address = Annotated[str, Field(examples=["0x5FbDB2315678afecb367f032d93F642f64180aa3"])]
"""20 bytes with a checksum in the case of its letters."""
Hash = Annotated[str, Field(examples=["0x" + "5a" * 32])]
"""32 bytes in hexadecimal digits."""
Seconds = Annotated[int, Field(examples=[1_790_000_000])]
"""A moment of chain time: seconds since 1970-01-01 UTC."""
Text = Annotated[str, Field(examples=["milling"])]
"""What a stranger wrote."""
