"""Ports of this machine.

Those that a market or a network keeps lie below what systems give to clients (from 32768 on, or
49152), or some connection of anybody could have taken one of them whenever it is needed.
"""

import random
import socket
from collections.abc import Sequence

from fabmarket.errors import Refused, TryAgain

_PORTS = range(20_000, 32_000)


class PortTaken(Refused):
    """Another program listens where a process of a market or a network is to listen."""


class NoPort(TryAgain):
    """Not enough ports are free."""


def free_ports(count: int) -> list[int]:
    """Return so many ports, all different, that nobody has just now."""
    free: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if len(free) == count:
            return free
        if is_free(port):
            free.append(port)
    raise NoPort(f"of the ports from {_PORTS.start} to {_PORTS.stop} not even {count} are free")


def require_free(ports: Sequence[int], whose: str) -> None:
    """Raise PortTaken unless nobody has any of them; `whose` they are: a market's, a network's."""
    for port in ports:
        if not is_free(port):
            raise PortTaken(
                f"port {port}, which this {whose} has had from its founding on, is taken by"
                " another program; end that and start again"
            )


def is_free(port: int) -> bool:
    """Whether nobody has a port just now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
