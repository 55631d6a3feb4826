"""Whole numbers as JSON's readers can keep them."""

from typing import Annotated

from pydantic import PlainSerializer, WithJsonSchema

Digits = Annotated[
    int,
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^-?[0-9]+$", "examples": ["1200"]}),
]
"""A whole number that may exceed 2^53: digits in JSON, whose readers lose what is beyond."""
