"""TLS between agents: a door's certificate, read anew when it is renewed, and whom peers believe.

A connection is upgraded by us and not by the server behind the door, so that one that has not
shaken hands yet counts among the connections, and is given as long as a head is.
"""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typing_extensions import override

from fabmarket.node.settings import BadSettings, DoorTable, PeersTable


class Certificate:
    """A door's certificate and key, as they were when they could last be used."""

    def __init__(self, folder: Path, door: DoorTable) -> None:
        """BadSettings names the file that cannot be used, and what to do."""
        self._certificate, self._key = folder / door.certificate, folder / door.key
        self._read = self._stamps()
        self.context = self._opened()

    def look(self) -> str | None:
        """Read the files again if they have changed; return what came of it, None if they have not.

        What cannot be used is passed over, and what was read before stays in use.
        """
        found = self._stamps()
        if found == self._read:
            return None
        self._read = found
        try:
            self.context = self._opened()
        except BadSettings as error:
            return f"{error}; what was read before stays in use"
        return "certificate and key were renewed, and are used from now on"

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        return [_stamp(path) for path in (self._certificate, self._key)]

    def _opened(self) -> ssl.SSLContext:
        _require_readable("door.certificate", self._certificate)
        _require_readable("door.key", self._key)
        if self._key.stat().st_mode & 0o007:
            problem = f"door.key: {self._key} can be read by anybody on this machine"
            raise BadSettings(f"{problem}; run chmod o-rwx on it, or make a new key")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self._certificate, self._key, _no_passphrase)
        except _Encrypted:
            problem = f"door.key: {self._key} is encrypted"
            raise BadSettings(f"{problem}; give a key without a passphrase") from None
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                problem = f"door.key: {self._key} is not the key of {self._certificate}"
                raise BadSettings(f"{problem}; give the one that belongs to it") from error
            problem = f"door.certificate, door.key: {self._certificate} and {self._key} are no"
            raise BadSettings(f"{problem} certificate and key in PEM form; give such") from error
        return context


class _Encrypted(Exception):
    """A key asks for a passphrase."""


def _no_passphrase() -> str:
    raise _Encrypted


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What differs once a file is replaced or written; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _require_readable(key: str, path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        problem = f"{key}: {path} cannot be read ({error.strerror})"
        raise BadSettings(f"{problem}; give an existing file that the agent may read") from error


class Tls:
    """What the settings say of TLS: the door's certificate, if it has one, and whom we believe."""

    def __init__(self, folder: Path, door: DoorTable, peers: PeersTable) -> None:
        """BadSettings names the key of the settings that is wrong, and what to do."""
        self.certificate = Certificate(folder, door) if door.certificate else None
        self.trust = ssl.create_default_context()
        if peers.authorities:
            self._believe(folder / peers.authorities)

    def _believe(self, authorities: Path) -> None:
        _require_readable("peers.authorities", authorities)
        try:
            self.trust.load_verify_locations(authorities)
        except ssl.SSLError as error:
            problem = f"peers.authorities: {authorities} holds no certificate in PEM form"
            raise BadSettings(f"{problem}; give the authority's, or leave the key out") from error


class Handshake(asyncio.Protocol):
    """A connection that is to shake hands, and then speaks with the server's own protocol."""

    def __init__(
        self,
        context: ssl.SSLContext,
        seconds: float,
        inner: asyncio.Protocol,
        failed: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        """`seconds` it may take. `failed` hears if it fails, `ended` if nothing follows on it."""
        self._context, self._seconds, self._inner = context, seconds, inner
        self._failed, self._ended = failed, ended
        self._early = bytearray()

    @override
    def connection_made(self, transport: Any) -> None:
        transport.pause_reading()  # nothing may come before the handshake is ready for it
        self._task = asyncio.get_running_loop().create_task(self._shake(transport))

    @override
    def data_received(self, data: bytes) -> None:
        """What comes along with the end of the handshake is the server's to hear."""
        self._early += data

    async def _shake(self, transport: asyncio.Transport) -> None:
        upgraded = None
        try:
            upgraded = await asyncio.get_running_loop().start_tls(
                transport,
                self,
                self._context,
                server_side=True,
                ssl_handshake_timeout=self._seconds,
                ssl_shutdown_timeout=self._seconds,
            )
            if transport.is_closing():  # lost meanwhile, which may look like success
                upgraded = None
        except OSError:  # what ssl and time raise, too
            transport.abort()
        finally:
            if upgraded is None:
                self._ended()
        if upgraded is None:
            return self._failed()
        upgraded.set_protocol(self._inner)
        self._inner.connection_made(upgraded)
        if self._early:
            self._inner.data_received(bytes(self._early))
