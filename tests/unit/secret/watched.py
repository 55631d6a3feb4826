"""All that a server of a search sees, and what one, or two together, can make of that."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fabmarket.secret.market import BITS
from fabmarket.secret.shares import PRIME

PROGRAM = """
import json, os, sys
from fabmarket.secret import server

seen = open(os.environ["SEEN"] + sys.argv[1], "w")

def note(kind, what):
    print(json.dumps([kind, what]), file=seen, flush=True)

class Input:
    def readline(self):
        line = sys.__stdin__.readline()
        note("given", json.loads(line))
        return line
    def read(self):
        return sys.__stdin__.read()

joined = server._joined

async def watched(mpc, files):
    from mpyc import thresha
    from mpyc.asyncoro import MessageExchanger
    received, recombine, is_zero = MessageExchanger.data_received, thresha.recombine, None
    def receiving(self, data):
        note("received", data.hex())
        received(self, data)
    def recombining(field, points, *rest):
        found = recombine(field, points, *rest)
        if sys._getframe(1).f_code.co_name == "output":
            shares = [[at, [int(one) for one in mine]] for at, mine in points]
            numbers = [int(one) % server.PRIME for one in found]
            note("opened", {"numbers": numbers, "shares": shares})
        return found
    async def testing(number):
        note("own", int((await mpc.gather(number)).value))
        return await is_zero(number)
    MessageExchanger.data_received, thresha.recombine = receiving, recombining
    await joined(mpc, files)
    CHANGED
    is_zero, mpc.is_zero_public = mpc.is_zero_public, testing

server._joined = watched
sys.stdin = Input()
server.main(int(sys.argv[1]), [int(file) for file in sys.argv[2:]])
"""
"""A server that writes down what it is given, receives, opens, and its shares of what it tests."""

AS_MPYC_DOES = PROGRAM.replace("CHANGED", "del mpc.is_zero_public")
OPENS_A_SUM = PROGRAM.replace(
    "CHANGED",
    "number_of = mpc.SecInt(server.BITS, p=server.PRIME); greater = number_of.__gt__;"
    " number_of.__gt__ = lambda a, b: (mpc.output(a), greater(a, b))[1]",
)
PROGRAM = PROGRAM.replace("CHANGED", "pass")


def pooled(shares: Mapping[int, int]) -> int:
    """What two servers, by their index, know together."""
    (one, first), (other, second) = ((at + 1, share) for at, share in shares.items())
    return (first * other - second * one) * pow(other - one, -1, PRIME) % PRIME


def fits(seen: dict[str, list[Any]], probe: int, guess: int) -> bool | None:
    """Whether what server 1 saw of a probe fits the guess that so much more is there than wanted.

    None if the number tested was 0, which every guess fits. It takes what was opened for a product
    of two lines, finds the two lines, and compares the one on which its own share lies with what
    the guess would have had tested.
    """
    size = len(seen["opened"]) // len(seen["own"])
    steps = seen["opened"][probe * size : (probe + 1) * size]
    masked, product = steps[1]["numbers"][0], steps[-2]["shares"]
    if steps[-2]["numbers"][0] == 0:
        return None
    own = seen["own"][probe]
    # A line that is 0 at the root: own at 1, and own * root / (root - 1) at 0.
    found = {own * root * pow(root - 1, -1, PRIME) % PRIME for root in _roots(product)}
    return bool(found & set(_tested(masked, guess)))


def _roots(shares: Sequence[Any]) -> set[int]:
    """Where the parabola through three points is 0, or the line through two."""
    points = [(at, mine[0]) for at, mine in shares]
    by = [0, 0, 0]
    for at, value in points:
        others = [other for other, _ in points if other != at]
        scale = value
        for other in others:
            scale = scale * pow(at - other, -1, PRIME) % PRIME
        first, second = [*others, None][:2]
        terms = (-first, 1, 0) if second is None else (first * second, -first - second, 1)
        by = [(one + scale * term) % PRIME for one, term in zip(by, terms, strict=True)]
    if not by[2]:
        return {-by[0] * pow(by[1], -1, PRIME) % PRIME}
    square = (by[1] ** 2 - 4 * by[0] * by[2]) % PRIME
    root = pow(square, (PRIME + 1) // 4, PRIME)
    if root * root % PRIME != square:
        return set()
    half = pow(2 * by[2], -1, PRIME)
    return {(-by[1] + sign * root) * half % PRIME for sign in (1, -1)}


def _tested(masked: int, guess: int) -> Iterator[int]:
    """What a comparison tests for zero, for either random sign, if its number is the guess."""
    mask = (masked - guess) % 2**BITS
    for sign in (1, -1):
        product, differing = 1, 0
        for at in reversed(range(BITS)):
            bit, other = mask >> at & 1, masked >> at & 1
            product = product * (sign + bit - other + 3 * differing) % PRIME
            differing += bit ^ other
        yield product * (sign - 1 + 3 * differing) % PRIME
