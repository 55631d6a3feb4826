"""The thread between a participant and the others: its door, and the letters to its peers."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from typing_extensions import override

from fabmarket.errors import TryAgain
from fabmarket.identity import Domain
from fabmarket.identity.sealing import SealingKey
from fabmarket.market.cards import ContactCard
from fabmarket.node.door import Door
from fabmarket.node.inbox import Arrived, Failed, Inbox, Renewed
from fabmarket.node.journal import Letter
from fabmarket.node.peers import Peers
from fabmarket.node.settings import DoorTable, listening
from fabmarket.node.tls import Certificate, Tls

RENEWED_EVERY = 5.0
"""Seconds between two looks whether the door's certificate was renewed."""


class DoorTaken(TryAgain):
    """Nothing can listen where the door is to be."""


class Links(threading.Thread):
    """Runs door and peers in one event loop until it is stopped. Its methods suit any thread."""

    def __init__(
        self,
        door: DoorTable,
        domain: Domain,
        address: str,
        sealing: SealingKey,
        inbox: Inbox,
        tls: Tls,
    ) -> None:
        """A door that listens nowhere is none. DoorTaken where nothing can listen at its place."""
        super().__init__(name="links", daemon=True)
        self._inbox, self._tls = inbox, tls
        self._domain, self._address = domain, address
        self._door: Door | None = None
        if door.listen:
            self._socket = _listening(door)
            self._door = Door(
                domain,
                sealing,
                self._is_known,
                lambda *arrived: inbox.put(Arrived(*arrived)),
                tls.certificate,
            )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._peers: Peers | None = None
        self._ready = threading.Event()
        self._ending: asyncio.Event | None = None

    def begin(self) -> None:
        """Start, and return once letters are taken and sent."""
        self.start()
        self._ready.wait()

    def know(self, card: ContactCard) -> None:
        """Somebody's card is on the board."""
        self._do(lambda peers: peers.know(card))

    def tick(self, now: int) -> None:
        """Chain time has come to `now`."""
        self._do(lambda peers: peers.tick(now))

    def post(self, letters: Iterable[Letter]) -> None:
        """Take letters to be sent."""
        self._do(lambda peers: peers.post(letters))

    def counted(self) -> Mapping[str, int]:
        """Return how many letters were taken, and not taken for which reason."""
        return {} if self._door is None else dict(self._door.counted)

    def stop(self) -> None:
        """Ask the thread to end: letters that came in whole are still answered."""
        if self._loop is not None and self._ending is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._ending.set)

    def _is_known(self, address: str) -> bool:
        return self._peers is not None and self._peers.know_of(address)

    def _do(self, act: Callable[[Peers], None]) -> None:
        loop, peers = self._loop, self._peers
        if loop is not None and peers is not None:
            with suppress(RuntimeError):  # the loop has ended: so does the agent
                loop.call_soon_threadsafe(act, peers)

    @override
    def run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._inbox.put(Failed(error))
        finally:
            self._ready.set()
            if self._door is not None:
                self._socket.close()

    async def _main(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        self._peers = Peers(
            self._domain,
            self._address,
            self._inbox.put,
            lambda error: self._inbox.put(Failed(error)),
            self._tls.trust,
        )
        if self._door is None:
            self._ready.set()
            await self._ending.wait()
        else:
            await self._serve(self._door, self._ending)
        await self._peers.close()

    async def _serve(self, door: Door, ending: asyncio.Event) -> None:
        """Take letters until it is time to end, or the server has ended by itself."""
        server = door.server()
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        stopping = asyncio.create_task(ending.wait())
        looking = asyncio.create_task(self._look_at(self._tls.certificate))
        self._ready.set()
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stopping.cancel()
        looking.cancel()
        await serving

    async def _look_at(self, certificate: Certificate | None) -> None:
        """Use what the certificate is renewed to."""
        while certificate is not None:
            await asyncio.sleep(RENEWED_EVERY)
            outcome = certificate.look()
            if outcome is not None:
                self._inbox.put(Renewed(outcome))


def _listening(door: DoorTable) -> socket.socket:
    host, port = listening(door)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise DoorTaken(
            f"door.listen: nothing can listen at {door.listen} ({error.strerror}); end what does,"
            " or give another place"
        ) from error
