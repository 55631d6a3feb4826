"""A market of many processes, which are killed, cut off and lose their node: nothing is lost.

For a minute; FABMARKET_FUZZ=long goes on for ten, and does the same on a chain of four validators.
What is done to them is drawn from a seed, which is printed; FABMARKET_SEED takes another.
"""

import os
import random
import time

import pytest

from tests.networks import FourValidators
from tests.town import OneNode, Town, lives

LONG = os.environ.get("FABMARKET_FUZZ") == "long"
SECONDS = 600 if LONG else 60
"""For which they are harassed."""
SEED = int(os.environ.get("FABMARKET_SEED", "11"))
SIZE = (5, 20)
MORE = 60 if LONG else 6
"""Wants that owners think of meanwhile."""
pytestmark = pytest.mark.slow

HARASSED = (Town.kill,) * 8 + (Town.cut,) * 3 + (Town.mend,) * 2 + (Town.want_more,) * 8


def harass(town, draw):
    for party in town.demanders:
        town.want(party)
    end = time.monotonic() + SECONDS
    next_loss = time.monotonic() + SECONDS / 3
    while (now := time.monotonic()) < end:
        if now > next_loss:
            town.lose_node(draw)
            next_loss = time.monotonic() + draw.uniform(25, 60)
        else:
            draw.choice(HARASSED)(town, draw)
        time.sleep(draw.uniform(0.5, 3))
        town.look_after()


def soaked(chain, folder, run):
    print(f"FABMARKET_SEED={SEED}")
    draw = random.Random(SEED)
    lives(chain, SIZE, MORE, folder, run, lambda town: harass(town, draw))


def test_whatever_befalls_a_market_everyone_gets_its_own_and_once(needs_anvil, fabmarket, tmp_path):
    soaked(OneNode, tmp_path, fabmarket)


@pytest.mark.skipif(not LONG, reason="with FABMARKET_FUZZ=long alone: a second soak")
def test_whatever_befalls_a_market_on_four_validators(needs_validator, fabmarket, tmp_path):
    soaked(FourValidators, tmp_path, fabmarket)
