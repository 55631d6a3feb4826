"""A network is not removed under a market whose agents run on it."""

import stat
from dataclasses import replace

import pytest

from fabmarket.local import files
from fabmarket.local.filling import Places
from fabmarket.local.network.files import Facts, NoNetwork, Place, Validator, write_facts
from fabmarket.local.network.markets import StillUsed, remember
from fabmarket.local.network.running import down
from fabmarket.node.locking import locked

ONE = Validator("a", "0xo", "0x" + "11" * 32, "ab", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
MARKET = files.Facts(
    node_port=None,
    page_port=9,
    places=Places("http://127.0.0.1:2", 2, "0xe", "0xt", "0xb", "0xf", 3, 4),
    slots=5,
    period=6,
    members=(
        files.Member("supplier-1", "supplier", "0x1", 7),
        files.Member("operator-1", "operator", "0x2", 8),
    ),
)


@pytest.fixture
def network(tmp_path):
    place = Place(tmp_path / "network")
    place.root.mkdir()
    for folder in (place.owners, place.running, place.validators):
        folder.mkdir()
    write_facts(place, Facts(31337, 300, "", (ONE,)))
    return place


@pytest.fixture
def market(network, tmp_path):
    place = files.Place(tmp_path / "market")
    place.root.mkdir()
    (place.root / "operator-1").mkdir()
    remember(network.root, place.root)
    remember(network.root, tmp_path / "gone")
    files.begin(place, ["supplier-1", "operator-1"])
    files.founded(place, MARKET)
    return place


def test_regression_a_network_whose_agents_run_is_not_removed(network, market):
    """Keys and chain were gone, and the agents were left with open trades."""
    assert stat.S_IMODE(network.markets.stat().st_mode) == 0o600
    said = f"market in {market.root} is .*, and operator-1 run; .* fabmarket down {market.root},"
    with locked(market.root / "operator-1"):
        with pytest.raises(StillUsed, match=said):
            down(network.root, is_removed=True)
        assert network.facts.exists()
        down(network.root)
    down(network.root, is_removed=True)
    assert not network.root.exists()


@pytest.mark.parametrize(
    "other",
    [
        replace(MARKET, node_port=2),
        replace(MARKET, places=replace(MARKET.places, url="http://127.0.0.1:8")),
    ],
)
def test_a_market_that_is_elsewhere_by_now_does_not_hinder(network, market, other):
    files.founded(market, other)
    with locked(market.root / "operator-1"):
        down(network.root, is_removed=True)
    assert not network.root.exists()


def test_a_list_that_is_none_is_named(network):
    network.markets.write_text('{"a": 1}')
    with pytest.raises(NoNetwork, match=f"{network.markets}: is no list of directories"):
        down(network.root, is_removed=True)
    assert network.facts.exists()
