"""What one host may take of a door, so that none shuts it for the others: letters and connections.

A host is an address; of IPv6 the first 64 bits, as whoever has one address there has them all.
"""

from collections import OrderedDict
from ipaddress import IPv6Address
from typing import Protocol

MOST_CONNECTIONS = 256
BURST, RATE = 1000, 200.0
"""Letters from one host: at once, and a second on the average."""
LETTER = 8 << 10
"""Bytes of a letter that counts as one; a larger one counts as so many."""
MOST_HOSTS = 4096


def host_of(address: str) -> str:
    """Return the host that an address of a peer belongs to."""
    try:
        network = int(IPv6Address(address.partition("%")[0])) >> 64
    except ValueError:
        return address
    return f"{network:x}/64"


class Rates:
    """A bucket of letters for each host, filled again as time goes by."""

    def __init__(self, burst: int, rate: float) -> None:
        """`burst` letters at once, `rate` a second on the average."""
        self._burst, self._rate = float(burst), rate
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, host: str, now: float, letters: int = 1) -> bool:
        """Take letters out of a host's bucket; return whether there were as many."""
        left, since = self._left.pop(host, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        self._left[host] = (left - letters if left >= letters else left, now)
        if len(self._left) > MOST_HOSTS:
            self._left.popitem(last=False)
        return left >= letters


class Guest(Protocol):
    """A connection that holds a place."""

    def is_busy(self) -> bool:
        """Return whether a request of it is under way."""

    def turn_out(self) -> None:
        """End it at once."""


class Places:
    """The places for connections. Where all are taken, who holds the most gives one up.

    So one host has them all only while nobody else comes, and whoever would keep others out needs
    as many hosts as there are places, and new connections of them again and again.
    """

    def __init__(self) -> None:
        self._held: dict[str, dict[Guest, None]] = {}
        """Those of each host, as they came."""

    def take(self, host: str, guest: Guest) -> bool:
        """Take a place; return whether there is one, or another host had to give one up."""
        if sum(map(len, self._held.values())) >= MOST_CONNECTIONS:
            holder, most = max(self._held.items(), key=lambda each: len(each[1]))
            if len(most) <= len(self._held.get(host, ())):
                return False
            loser = next((each for each in most if not each.is_busy()), next(iter(most)))
            self.leave(holder, loser)
            loser.turn_out()
        self._held.setdefault(host, {})[guest] = None
        return True

    def leave(self, host: str, guest: Guest) -> None:
        """Give a place back, if it is still held."""
        of_host = self._held.get(host, {})
        of_host.pop(guest, None)
        if not of_host:
            self._held.pop(host, None)
