"""A key on disk: a keystore file of version 3, as Ethereum's wallets write and read it.

The secret is encrypted under a passphrase (scrypt, about a second). The file is written whole or
not at all, for its owner's eyes only, and never over another: a key lost is money lost. Its salt
is the system's randomness, which eth-account draws.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from eth_account import Account
from eth_utils.address import is_hex_address, to_checksum_address

from fabmarket.errors import Refused
from fabmarket.identity.keys import Key

_LARGEST = 1 << 16
_OTHERS = 0o077


class BadKeystore(Refused):
    """The keystore cannot be written or opened; the message says why and what to do."""


def create(path: Path, key: Key, passphrase: str) -> None:
    """Write a key's keystore, readable by its owner alone. BadKeystore if the file exists."""
    if not passphrase:
        raise BadKeystore("the passphrase is empty; give one that nobody guesses")
    if path.exists():
        raise BadKeystore(f"{path} exists and is never overwritten; move it away or use another")
    text = json.dumps(Account.encrypt(key.reveal(), passphrase, kdf="scrypt")).encode()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "wb") as writing:
            writing.write(text)
            writing.flush()
            os.fsync(writing.fileno())
        os.link(draft, path)  # unlike a renaming it fails where a file has come meanwhile
        _settle(path.parent)
    except FileExistsError as error:
        raise BadKeystore(f"{path} exists and is never overwritten; use another") from error
    except OSError as error:
        raise BadKeystore(f"{path}: cannot be written ({error.strerror}); mend that") from error
    finally:
        with suppress(OSError):
            draft.unlink()


def _settle(folder: Path) -> None:
    """See that the name is on disk as well."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def unlock(path: Path, passphrase: str) -> Key:
    """Return the key of a keystore. BadKeystore if there is none, or it does not open."""
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            text = file.read(_LARGEST)
    except FileNotFoundError as error:
        raise BadKeystore(f"{path}: there is no keystore; run `fabmarket init`") from error
    except OSError as error:
        raise BadKeystore(f"{path}: cannot be read ({error.strerror}); mend that") from error
    if mode & _OTHERS:
        problem = f"others may open it (mode {mode & 0o777:o})"
        raise BadKeystore(f"{path}: {problem}; run chmod 600 {path}")
    try:
        stored = dict(json.loads(text))
        version = stored["version"]
        crypto = stored["crypto"]["kdf"]
    except (ValueError, TypeError, KeyError) as error:
        raise BadKeystore(f"{path}: is no keystore of version 3; restore it") from error
    if version != 3 or crypto not in ("scrypt", "pbkdf2"):
        raise BadKeystore(f"{path}: is no keystore of version 3; restore it")
    try:
        return Key(bytes(Account.decrypt(stored, passphrase)))
    except ValueError as error:
        if "MAC" in str(error):
            raise BadKeystore(f"{path}: the passphrase does not open it; try again") from None
        raise BadKeystore(f"{path}: is damaged ({error}); restore it") from None
    except (TypeError, KeyError) as error:
        raise BadKeystore(f"{path}: is damaged ({type(error).__name__}); restore it") from None


def address_of_keystore(path: Path) -> str | None:
    """Return whose a keystore says it is, without opening it; None if it does not say."""
    try:
        said = json.loads(path.read_bytes()[:_LARGEST])["address"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return to_checksum_address(said) if is_hex_address(said) else None
