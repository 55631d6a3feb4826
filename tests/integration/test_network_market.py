"""Agents trade on a chain of four validators that loses one, then two, and gets them back."""

from fabmarket.local.network.running import up
from fabmarket.local.network.state import status
from tests.networks import FourValidators, hashes, kill, stands
from tests.street import logged, wait_until
from tests.town import QUIET, lives

SIZE = (1, 3)
MORE = 3


def served(town):
    """How many wants have been bought."""
    return sum(len(list(logged(town.logs[each], "served"))) for each in town.demanders)


def is_served(town, count):
    town.look_after()
    return served(town) >= count


def everybody_wants_more(town):
    for each in town.demanders:
        town.want(each)


def loses_validators(town):
    chain = town.chain
    first, second, *_ = chain.names
    wait_until(lambda: is_served(town, 1), QUIET, "nobody trades")

    kill(chain.root, first)
    everybody_wants_more(town)
    now = served(town)
    wait_until(lambda: is_served(town, now + len(town.demanders)), QUIET, "one gone, no trade")
    assert status(chain.root).missing == [first]

    everybody_wants_more(town)
    town.is_shaken = True
    kill(chain.root, second)
    stands(chain.root)
    state = status(chain.root)
    assert state.is_agreed
    assert state.missing == [first, second]
    known, stood = hashes(chain.root, state.common), state.head
    everybody_wants_more(town)
    town.look_after()
    assert status(chain.root).head == stood

    assert up(chain.root).state.missing == []
    assert hashes(chain.root, state.common) == known


def test_trades_go_on_without_one_wait_without_two_and_settle_once(
    needs_validator, fabmarket, tmp_path
):
    lives(FourValidators, SIZE, MORE, tmp_path, fabmarket, loses_validators)
