"""One of the three servers: `python -m fabmarket.secret.server NUMBER FD FD`, by its links' files.

Lines of JSON come in: the market's terms, then its shares of the members' answers to each probe.
Lines go out: the index of each probe, and at the end that of the price, with the bytes sent to the
two others. It works out itself what to probe, so that nobody can have it open more signs.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from fabmarket.secret.market import BITS, Market
from fabmarket.secret.shares import HIDDEN, PRIME, SERVERS

LOST_ANOTHER = 3
"""Exit code of a server to which another's link was cut: it is not the one that failed."""


def main(number: int, files: Sequence[int]) -> None:
    """Serve one search.

    Args:
        number: which of SERVERS this is, from 0.
        files: of the connected sockets to the others, by their number.
    """
    # MPyC reads the command line when it is imported; its own start would listen on every address
    # of the machine, to whoever speaks first.
    sys.argv[1:] = ["-M", str(len(SERVERS)), "-I", str(number), "-K", str(HIDDEN)]
    sys.argv += ["--no-log", "--no-numpy", "--no-uvloop"]
    from mpyc.runtime import mpc  # noqa: PLC0415 - see above

    mpc.is_zero_public = partial(_is_zero, mpc)
    mpc.run(_joined(mpc, files))
    number_of = mpc.SecInt(BITS, p=PRIME)
    market = Market.of(json.loads(sys.stdin.readline()))
    search = market.search()
    index = next(search)
    while True:
        _say({"probe": index})
        shares = json.loads(sys.stdin.readline())
        wanted = number_of(number_of.field(sum(shares)))
        more = mpc.run(mpc.output(wanted > market.there(index)))
        try:
            index = search.send(bool(more))
        except StopIteration as found:
            sent = sum(peer.protocol.nbytes_sent for peer in _others(mpc))
            _say({"price": found.value, "bytes": sent})
            break
    sys.stdin.read()  # the others may not have finished


async def _is_zero(mpc: Any, number: Any) -> bool:
    """Whether a shared number is 0, which a comparison opens on its way, under a random sign.

    MPyC's own opens a product of two lines as it stands, at three points; its factors are lines
    again, and whoever knows a point of one can test a guess of the number. Here the product is
    shared anew: a line, of which each server learns what its own share and the answer say.
    """
    random = mpc._random(type(number))
    return bool(await mpc.output(number * random) == 0)


async def _joined(mpc: Any, files: Sequence[int]) -> None:
    """Speak MPyC over the sockets that are there; of two the lower number begins."""
    from mpyc.asyncoro import MessageExchanger  # noqa: PLC0415 - as above

    class Link(MessageExchanger):  # type: ignore[misc]
        def connection_lost(self, exc: Exception | None) -> None:
            raise SystemExit(LOST_ANOTHER)

    loop = asyncio.get_running_loop()
    all_joined = mpc.parties[mpc.pid].protocol = loop.create_future()
    for peer, file in zip(_others(mpc), files, strict=True):
        known = peer.pid if mpc.pid < peer.pid else None
        link = socket.socket(fileno=file)
        await loop.create_connection(partial(Link, mpc, known), sock=link)
    await all_joined


def _others(mpc: Any) -> list[Any]:
    return [peer for peer in mpc.parties if peer.pid != mpc.pid]


def _say(what: dict[str, int]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main(int(sys.argv[1]), [int(file) for file in sys.argv[2:]])
