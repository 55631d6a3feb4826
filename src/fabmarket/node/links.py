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
from fabmarket.node.inbox import Arrived, Failed, Inbox
from fabmarket.node.journal import Letter
from fabmarket.node.peers import Peers
from fabmarket.node.settings import DoorTable, listening


class DoorTaken(TryAgain):
    """Nothing can listen where the door is to be."""


class Links(threading.Thread):
    """Runs door and peers in one event loop until it is stopped. Its methods suit any thread."""

    def __init__(
        self, door: DoorTable, domain: Domain, address: str, sealing: SealingKey, inbox: Inbox
    ) -> None:
        """Raises DoorTaken where nothing can listen at the door's place."""
        super().__init__(name="links", daemon=True)
        self._inbox = inbox
        self._door = Door(domain, address, sealing, lambda *arrived: inbox.put(Arrived(*arrived)))
        self._domain, self._address = domain, address
        self._socket = _listening(door)
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
        return dict(self._door.counted)

    def stop(self) -> None:
        """Ask the thread to end: letters that came in whole are still answered."""
        if self._loop is not None and self._ending is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._ending.set)

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
            self._socket.close()

    async def _main(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        self._peers = Peers(
            self._domain,
            self._address,
            self._inbox.put,
            lambda error: self._inbox.put(Failed(error)),
        )
        server = self._door.server()
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        stopping = asyncio.create_task(self._ending.wait())
        self._ready.set()
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stopping.cancel()
        await self._peers.close()
        await serving


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
