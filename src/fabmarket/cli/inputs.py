"""What a command is given: files of bounded size, and numbers in one strict form."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
from eth_utils.address import is_address, is_checksum_address, to_checksum_address
from typing_extensions import override

from fabmarket.errors import Refused
from fabmarket.scenario import is_number, is_whole


class InputError(Refused):
    """An input cannot be read."""


def read_input(path: Path, largest: int) -> bytes:
    """The bytes of a file, or of standard input if the path is "-".

    Of a file above `largest` bytes one byte more than that comes back, for `decode` to refuse.

    Raises:
        InputError: naming the file and the system's reason.
    """
    piped = str(path) == "-"
    if piped and sys.stdin is None:
        raise InputError("standard input is closed; give a file, or pipe one in")
    try:
        with nullcontext(sys.stdin.buffer) if piped else path.open("rb") as file:
            return file.read(largest + 1)
    except (OSError, ValueError) as error:  # a companion's path may hold a zero byte
        name = "standard input" if piped else path
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{name}: cannot be read ({reason}); give an existing file") from error


class Real(click.FloatRange):
    """An option's decimal number; with `infinite` inf too. Bounds are those of click.FloatRange."""

    name = "float"

    def __init__(self, low: float | None = None, *, infinite: bool = False) -> None:
        super().__init__(min=low)
        self.infinite = infinite

    def _describe_range(self) -> str:
        return "" if self.min is None else super()._describe_range()

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number that the text says."""
        text = isinstance(value, str)
        if text and not is_number(value) and not (self.infinite and value == "inf"):
            self.fail(f"{value!r} is not a number; write one like 0.8 or 1e-6", param, ctx)
        number = float(super().convert(value, param, ctx))
        if text and number in (float("inf"), float("-inf")) and value != "inf":
            self.fail(f"{value!r} is too large; give a smaller number", param, ctx)
        return number


class Whole(click.IntRange):
    """An option's whole number in digits, from `low` to `high`, if there is one."""

    name = "integer"

    def __init__(self, low: int, high: int | None = None) -> None:
        super().__init__(min=low, max=high)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number that the text says."""
        if isinstance(value, str) and not is_whole(value):
            self.fail(f"{value!r} is not a whole number; write it in digits", param, ctx)
        return int(super().convert(value, param, ctx))


class Address(click.ParamType[str]):
    """An account: 0x and 40 digits."""

    name = "address"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it in checksummed case."""
        if not (isinstance(value, str) and value.startswith("0x") and is_address(value)):
            self.fail(f"{value!r} is no address; give 0x and 40 digits", param, ctx)
        if value[2:].lower() != value[2:] and not is_checksum_address(value):
            self.fail(f"{value!r} has a digit of a wrong case; copy it whole", param, ctx)
        return to_checksum_address(value)
