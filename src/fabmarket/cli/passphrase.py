"""Where the passphrase of a keystore comes from: a file, the environment, or whoever sits there."""

import os
import sys
from pathlib import Path

import click

from fabmarket.cli.inputs import InputError, read_input

_LARGEST = 4096

option = click.option(
    "--passphrase-file",
    "passphrase_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Its first line opens the keystore; else FABMARKET_PASSPHRASE, else you are asked.",
)


def passphrase(file: Path | None, *, is_new: bool = False) -> str:
    """Return the passphrase; a new one that is typed in is asked for twice."""
    if file is not None:
        line, _, _ = read_input(file, _LARGEST).partition(b"\n")
        try:
            said = line.removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{file}: the passphrase is no UTF-8 text; write it anew") from error
    elif (given := os.environ.get("FABMARKET_PASSPHRASE")) is not None:
        said = given
    elif sys.stdin is not None and sys.stdin.isatty():
        said = click.prompt("Passphrase", hide_input=True, confirmation_prompt=is_new, err=True)
    else:
        problem = "there is nobody to ask for the passphrase"
        raise InputError(f"{problem}; give --passphrase-file or FABMARKET_PASSPHRASE")
    if not said:
        raise InputError("the passphrase is empty; give one that nobody guesses")
    return said
