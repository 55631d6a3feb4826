"""The token with which an owner is let in to the pages of its agent: a file in its directory."""

import os
import stat
from pathlib import Path
from secrets import token_urlsafe

from fabmarket.errors import Refused
from fabmarket.node.owner import write_whole
from fabmarket.node.settings import ENTRY

_LONGEST = 200


class BadToken(Refused):
    """The file of the token cannot be used; says what to do."""


def token_of(folder: Path) -> str:
    """Return the token of an agent's directory, which is made if there is none."""
    path = folder / ENTRY
    if not path.exists():
        write_whole(path, f"{token_urlsafe(32)}\n".encode())
    return token_in(path)


def token_in(path: Path) -> str:
    """Return the token in a file. BadToken if it is not there, or not its owner's alone."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(file, "rb") as reading:
            about = os.fstat(file)
            if not stat.S_ISREG(about.st_mode) or about.st_mode & 0o077:
                raise BadToken(f"{path}: others may read it; remove it, and serve again")
            text = reading.read(_LONGEST + 1)
    except OSError as error:
        raise BadToken(f"{path}: cannot be read ({error.strerror}); serve again") from error
    token = text.decode("ascii", "replace").strip()
    if not 32 <= len(token) <= _LONGEST:
        raise BadToken(f"{path}: is no token; remove it, and serve again")
    return token


def entry_of(url: str, folder: Path) -> str:
    """Return the address that lets a browser in: what stands behind the # is sent to nobody."""
    return f"{url}/enter#{token_of(folder)}"
