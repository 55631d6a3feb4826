"""The directory of a local market: what is taken for one, and what is removed of it."""

import json
import stat

import pytest

from fabmarket.local.files import (
    AtWork,
    Facts,
    Member,
    NoMarket,
    Place,
    begin,
    facts_of,
    founded,
    is_empty,
    remove,
    worked_on,
)
from fabmarket.local.filling import Places

FACTS = Facts(
    node_port=1,
    page_port=9,
    places=Places("http://127.0.0.1:1", 2, "0xe", "0xt", "0xb", "0xf", 3, 4),
    slots=5,
    period=6,
    members=(
        Member("supplier-1", "supplier", "0x1", 7),
        Member("operator-1", "operator", "0x2", 8),
    ),
)


@pytest.fixture
def place(tmp_path):
    root = tmp_path / "market"
    root.mkdir()
    return Place(root)


def test_what_is_written_down_is_read_again(place):
    assert is_empty(place)
    begin(place, ["supplier-1", "operator-1"])
    assert facts_of(place) is None
    founded(place, FACTS)
    assert facts_of(place) == FACTS
    assert not is_empty(place)


def test_the_passphrase_is_for_its_owners_eyes_and_drawn_anew(place, tmp_path):
    begin(place, [])
    other = Place(tmp_path / "other")
    other.root.mkdir()
    begin(other, [])
    assert stat.S_IMODE(place.passphrase.stat().st_mode) == 0o600
    assert len(place.passphrase.read_text()) > 30
    assert place.passphrase.read_text() != other.passphrase.read_text()


def test_what_a_killed_up_had_not_written_yet_is_nothing(place):
    (place.root / "up.draft").write_text("{")
    assert is_empty(place)
    (place.root / "mine").touch()
    assert not is_empty(place)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"made_by": "somebody", "members": []}',
        '{"made_by": "fabmarket up", "members": ["../../home-1"]}',
        '{"made_by": "fabmarket up", "members": [1]}',
    ],
)
def test_a_directory_of_others_is_neither_used_nor_removed(place, text):
    place.facts.write_text(text)
    for act in (facts_of, remove):
        with pytest.raises(NoMarket, match=r"no market that fabmarket up has made; give another"):
            act(place)
    assert place.facts.read_text() == text


def test_a_market_written_down_otherwise_can_be_removed(place):
    begin(place, ["supplier-1"])
    said = json.loads(place.facts.read_text())
    place.facts.write_text(json.dumps(said | {"market": {"node_port": 1}}))
    with pytest.raises(NoMarket, match=r"fabmarket down --remove .* removes it"):
        facts_of(place)
    remove(place)
    assert is_empty(place)


def test_what_others_put_there_stays(place):
    begin(place, ["supplier-1", "operator-1"])
    founded(place, FACTS)
    for name in ("supplier-1", "my-agent"):
        (place.root / name).mkdir()
        (place.root / name / "keystore.json").touch()
    place.chain.touch()
    remove(place)
    assert [each.name for each in place.root.iterdir()] == ["my-agent"]
    assert (place.root / "my-agent" / "keystore.json").exists()


def test_one_works_on_a_directory_at_a_time(place):
    with (
        worked_on(place.root),
        pytest.raises(AtWork, match="another fabmarket command"),
        worked_on(place.root),
    ):
        pass
    with worked_on(place.root) as again:
        assert again == place


def test_the_node_is_the_last_of_the_processes(place):
    begin(place, [])
    for name in ("supplier-1", "node", "demander-1"):
        (place.running / name).touch()
    assert [each.name for each in place.processes()] == ["demander-1", "supplier-1", "node"]
