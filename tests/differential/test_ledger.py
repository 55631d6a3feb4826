"""A ledger's tables against the twin: random markets in random pages, with blocks taken back.

FABMARKET_FUZZ=long plays 2,000 markets instead of 25.
"""

import os
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabmarket.ledger import Ledger
from tests.databases import a_server
from tests.differential.alone import Alone
from tests.differential.random_moves import Moves
from tests.differential.test_twin import prepare
from tests.ledgers import require_fresh, require_same

EXAMPLES = 2_000 if os.environ.get("FABMARKET_FUZZ") == "long" else 25
MOVES = 24
FINALITY = 8
MET: Counter[str] = Counter()


@pytest.fixture(scope="module")
def postgresql():
    with a_server() as server:
        yield server


@pytest.fixture(scope="module")
def scenes():
    """An exchange just deployed, and, mostly, one in use."""
    fresh, busy = Alone(), Alone()
    trades = prepare(busy)
    return (fresh, ()), *[(busy, trades)] * 3


def follow(ledger, twin, chance):
    """Store what is new in pages of any length, as a follower does."""
    known = ledger.followed()
    new = twin.blocks[0 if known is None else known[0] + 1 :]
    final = len(twin.blocks) - 1 - FINALITY
    while new:
        size = chance(st.integers(1, len(new)))
        ledger.append(*new[:size], final=final)
        new = new[size:]


def play(data, scenes, ledger):
    """A market of random moves, of which the latest blocks are now and then taken back."""
    scene, trades = data.draw(st.sampled_from(scenes))
    twin = scene.copy()
    moves = Moves(data.draw, twin, trades)
    for _ in range(MOVES):
        twin.play(*moves.next())
        if data.draw(st.integers(0, 3)) == 0:
            follow(ledger, twin, data.draw)
        known = ledger.followed()
        if known is not None and data.draw(st.integers(0, 7)) == 0:
            back = data.draw(st.sampled_from(ledger.open_blocks()))[0]
            twin.fork(back)
            ledger.roll_back(back)
            require_same(ledger, twin.states[back])
    follow(ledger, twin, data.draw)
    MET.update(twin.met)
    require_same(ledger, twin.state)
    return twin


SUPPRESSED = [*settings().suppress_health_check, HealthCheck.data_too_large]


@settings(max_examples=EXAMPLES, suppress_health_check=SUPPRESSED)
@given(data=st.data())
def test_the_tables_say_what_the_twin_says_also_after_blocks_were_taken_back(scenes, data):
    with closing(Ledger()) as ledger:
        twin = play(data, scenes, ledger)
        with closing(Ledger()) as fresh:
            fresh.append(*twin.blocks, final=ledger.final())
            require_fresh(ledger, fresh)


@settings(max_examples=max(5, EXAMPLES // 20), suppress_health_check=SUPPRESSED)
@given(data=st.data())
def test_on_postgresql_they_say_the_same_as_in_sqlite(scenes, postgresql, data):
    with closing(Ledger(postgresql.database())) as ledger:
        twin = play(data, scenes, ledger)
        with closing(Ledger()) as fresh:
            fresh.append(*twin.blocks, final=ledger.final())
            require_fresh(ledger, fresh)


def test_control_the_markets_were_not_empty():
    assert {"Settled", "NetSettled", "Escrowed", "Released", "ListingEpochRaised"} <= set(MET)
