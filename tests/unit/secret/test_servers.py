"""Three processes find the price, and none of them sees what it should not."""

import json
import random
import re
import sys
from fractions import Fraction
from importlib.util import find_spec
from math import inf

import pytest

from fabmarket.game import PriceRule
from fabmarket.secret import searching
from fabmarket.secret.market import BITS, PROBES, Market, NotSecret
from fabmarket.secret.searching import ServersFailed, find_price
from fabmarket.secret.shares import HIDDEN, PRIME, SERVERS
from tests.unit.secret import watched
from tests.unit.secret.test_market import CONCEPTS, drawn, searched

pytestmark = pytest.mark.skipif(find_spec("mpyc") is None, reason="the extra mpc is not installed")

MARKET = Market(PriceRule("simultaneous", Fraction("0.8"), Fraction("0.2"), 10), Fraction(1, 1000))
MARGINS = (55, 155, 185)
OTHER_MARGINS = (30, 120, 220)
"""At the same price, 87.5."""


def lines_of(margins):
    return [MARKET.line(Fraction(margin), inf) for margin in margins]


@pytest.fixture
def run_as(monkeypatch, tmp_path):
    """Have the servers run another program."""

    def run(program: str) -> None:
        path = tmp_path / "program.py"
        path.write_text(program)
        monkeypatch.setattr(searching, "PROGRAM", [sys.executable, str(path)])

    return run


@pytest.fixture
def views(run_as, tmp_path, monkeypatch):
    """What each server saw of a search: lists of what was `given`, `received`, `opened`, `own`."""

    def view(margins, program=watched.PROGRAM):
        run_as(program)
        monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
        found = find_price(MARKET, lines_of(margins))
        assert MARKET.price(found.index) == Fraction("87.5")
        seen = []
        for number in range(len(SERVERS)):
            kinds = {"given": [], "received": [], "opened": [], "own": []}
            for line in (tmp_path / f"seen{number}").read_text().splitlines():
                kind, what = json.loads(line)
                kinds[kind].append(what)
            seen.append(kinds)
        return seen

    return view


@pytest.mark.parametrize("concept", CONCEPTS)
def test_three_servers_find_the_price_of_those_who_see_all_lines(concept):
    draw = random.Random(11)
    for _ in range(3):
        market, lines, _ = drawn(draw, concept)
        probes = []
        found = find_price(market, lines, lambda probes=probes: probes.append(1))
        assert found.index == market.index_of(market.open_price(lines))
        assert len(probes) == PROBES
        assert min(found.sent) > 0


def secrets_of(margins):
    """Every number of a search that no server should see: answers, their sum, the excess."""
    search, numbers = MARKET.search(), set()
    lines, index = lines_of(margins), next(search)
    try:
        while True:
            answers = [line.answer(index) for line in lines]
            excess = sum(answers) - MARKET.there(index)
            numbers |= {*answers, sum(answers), excess, -excess, excess - 1, 1 - excess}
            index = search.send(excess > 0)
    except StopIteration:
        return numbers - {0, 1, -1}


OPENED = ((BITS, 3), (1, 2), (1, 3), (1, 2), (1, 2))
"""How many numbers a comparison opens at each step, and from how many servers' shares: squares of
random numbers for the bits of the mask, the masked number, a square for a random sign, a test for
zero under that sign, and what was asked for. Of two shares, a server's own and one that follows
from it and the number, it learns the number alone; the squares' sharings are masked by MPyC.
"""


def test_of_two_markets_with_one_price_a_server_opens_the_same_signs_and_noise(views):
    runs = [views(MARGINS), views(MARGINS), views(OTHER_MARGINS), views(OTHER_MARGINS)]
    _, signs = searched(MARKET, lines_of(MARGINS))
    hidden = secrets_of(MARGINS) | secrets_of(OTHER_MARGINS)
    known = {number % modulus for number in hidden for modulus in (PRIME, 2**BITS)}
    low, agreeing = [], 0
    for server in range(len(SERVERS)):
        before: set[int] = set()
        for run in runs:
            opened = run[server]["opened"]
            steps = [(len(one["numbers"]), len(one["shares"])) for one in opened]
            assert steps == PROBES * [*OPENED]
            numbers = [one["numbers"] for one in opened]
            masked, tests, said = ([one[0] for one in numbers[at::5]] for at in (1, 3, 4))
            assert said == signs
            noise = {one for at in range(4) for step in numbers[at::5] for one in step} - {0}
            assert not noise & before  # two runs of one market differ as two markets do
            before |= noise
            low.extend(one % 2**BITS for one in masked)
            assert BITS + HIDDEN - 8 < max(masked).bit_length() <= BITS + HIDDEN + 1
            agreeing += sum((test == 0) == sign for test, sign in zip(tests, signs, strict=True))
            everything = noise | {one % 2**BITS for one in noise}
            everything |= {share for shares in run[server]["given"][1:] for share in shares}
            everything |= set(numbers_in(run[server]["received"]))
            assert not everything & known
    # The servers open the same: 80 masked numbers and 80 tests, three times. Six deviations.
    assert abs(sum(low) / len(low) / 2**BITS - 0.5) < 6 * (1 / 12 / 80) ** 0.5
    assert abs(agreeing / 240 - 0.5) < 6 * (1 / 4 / 80) ** 0.5


def guessed(seen):
    """How many probes fit the sum that it was, of those that tell, and how many fit others."""
    search, lines = MARKET.search(), lines_of(MARGINS)
    index, right, wrong, telling = next(search), 0, 0, 0
    for probe in range(PROBES):
        excess = MARKET.there(index) - sum(line.answer(index) for line in lines)
        fit = watched.fits(seen, probe, excess)
        if fit is not None:
            telling += 1
            right += fit
            wrong += sum(
                bool(watched.fits(seen, probe, excess + by)) for by in (-1, 1, 1000, 2**20)
            )
        if probe + 1 < PROBES:
            index = search.send(excess < 0)
    return telling, right, wrong


def test_regression_no_server_can_test_a_guess_of_the_sum(views):
    """With MPyC's own test for zero the guess that is right fits, and no other does."""
    telling, right, _ = guessed(views(MARGINS)[0])
    assert telling > 0  # none of 20 once in a million
    assert right == 0


def test_control_with_mpycs_own_test_for_zero_a_server_finds_the_sum(views):
    telling, right, wrong = guessed(views(MARGINS, watched.AS_MPYC_DOES)[0])
    assert (right, wrong) == (telling, 0)
    assert telling > 0


def numbers_in(received):
    """The field elements in what came from the others, wherever in a message they stand."""
    size = (PRIME.bit_length() + 7) // 8
    data = bytes.fromhex("".join(received))
    for at in range(len(data) - size):
        yield int.from_bytes(data[at : at + size], "little")


def test_control_two_servers_that_pool_their_shares_see_every_answer(views):
    seen = views(MARGINS)
    lines = lines_of(MARGINS)
    search, index = MARKET.search(), None
    _, signs = searched(MARKET, lines)
    for at in range(PROBES):
        index = next(search) if index is None else search.send(signs[at - 1])
        pairs = zip(seen[0]["given"][at + 1], seen[2]["given"][at + 1], strict=True)
        found = [watched.pooled({0: first, 2: second}) for first, second in pairs]
        assert found == [line.answer(index) for line in lines]


def test_control_the_watch_finds_a_server_that_opens_a_sum(views):
    seen = views(MARGINS, watched.OPENS_A_SUM)[0]
    assert {one for step in seen["opened"] for one in step["numbers"]} & secrets_of(MARGINS)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_members_are_refused(count):
    with pytest.raises(NotSecret, match=f"{count} members; a secret search is for 3 to 65536"):
        find_price(MARKET, lines_of(MARGINS)[:count])


FAILING = """
import os, signal, sys
from fabmarket.secret import server
number, files = int(sys.argv[1]), [int(file) for file in sys.argv[2:]]
there, say = server.Market.there, server._say
def failing(self, index):
    if index < 500_000: {fails}
    return there(self, index)
def saying(what):
    say(what)
    {says}
if number == {number}: server.Market.there, server._say = failing, saying
server.main(number, files)
"""


@pytest.mark.parametrize("number", range(len(SERVERS)))
@pytest.mark.parametrize(
    ("fails", "how"),
    [
        ("sys.exit('out of order')", r"with exit code 1 \(out of order\)"),
        ("os._exit(7)", "with exit code 7"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "by signal 9"),
    ],
)
def test_regression_the_server_that_ended_is_named_and_not_one_that_noticed(
    run_as, number, fails, how
):
    """Also where the others wait for what it would have sent."""
    run_as(FAILING.format(number=number, fails=fails, says="pass"))
    with pytest.raises(ServersFailed) as failed:
        find_price(MARKET, lines_of(MARGINS))
    assert re.fullmatch(
        f"the {SERVERS[number]}'s server ended {how}; start again", str(failed.value)
    )


@pytest.mark.parametrize("members", [3, 3000])
def test_regression_a_server_that_is_stopped_holds_nobody_for_ever(run_as, monkeypatch, members):
    """Neither where its word is awaited nor where it does not take what fills its pipe."""
    stops = "os.kill(os.getpid(), signal.SIGSTOP)"
    run_as(FAILING.format(number=1, fails="pass", says=stops))
    monkeypatch.setattr(searching, "LIMIT", 5)
    with pytest.raises(ServersFailed, match="a probe took more than 5 seconds, a server hangs"):
        find_price(MARKET, lines_of(MARGINS) * (members // 3))
