"""A network without its program: its files, what is counted, and what is refused."""

import json
import shlex
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fabmarket.local.network.comet import Comet, NoAnswer, serves, validator_address
from fabmarket.local.network.files import (
    Facts,
    NoNetwork,
    Place,
    Validator,
    chosen,
    facts_of,
    remove,
    write_facts,
)
from fabmarket.local.network.founding import Exists, Plan, init
from fabmarket.local.network.program import NotBuilt, ValidatorFailed, draw_keys, validator_binary
from fabmarket.local.network.running import up
from fabmarket.local.network.seats import _places
from fabmarket.local.network.state import NetworkState, ValidatorState, status
from fabmarket.local.ports import PortTaken, free_ports
from fabmarket.local.processes import NotStarted

ONE = Validator("a", "0xo", "0x" + "11" * 32, "ab", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
FACTS = Facts(31337, 300, "", (ONE, replace(ONE, name="b", http="127.0.0.1:5")))


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@contextmanager
def answering(body: bytes):
    """A server that answers everything with the same bytes."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def program(tmp_path, text: str):
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def test_what_is_written_down_is_read_again(place):
    write_facts(place, FACTS)
    assert facts_of(place) == FACTS
    assert FACTS.engine == "http://127.0.0.1:2,http://127.0.0.1:5"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[]",
        "{}",
        '{"made_by": "fabmarket up", "members": []}',
        '{"made_by": "fabmarket network", "validators": [{}]}',
        '{"made_by": "fabmarket network", "validators": [], "odd": 1}',
    ],
)
def test_what_is_no_network_is_refused_and_stays(place, said):
    place.facts.write_text(said)
    with pytest.raises(NoNetwork, match="holds no network that fabmarket network has made"):
        status(place.root)
    assert place.facts.read_text() == said


def test_a_name_that_leads_out_of_the_directory_is_refused(place):
    write_facts(place, replace(FACTS, validators=(replace(ONE, name="../a"),)))
    with pytest.raises(NoNetwork):
        facts_of(place)


def test_who_is_not_there_is_named_beside_who_is():
    assert [each.name for each in chosen(FACTS, [])] == ["a", "b"]
    assert [each.name for each in chosen(FACTS, ["b"])] == ["b"]
    with pytest.raises(NoNetwork, match="no validator is called c; there are a, b"):
        chosen(FACTS, ["c"])


def test_what_others_put_there_stays(place):
    write_facts(place, FACTS)
    for folder in (place.validators, place.owners, place.running):
        folder.mkdir()
    (place.root / "mine").touch()
    remove(place)
    assert [each.name for each in place.root.iterdir()] == ["mine"]


def test_without_the_program_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("FABMARKET_VALIDATOR", str(tmp_path / "none"))
    with pytest.raises(NotBuilt, match="set it to the validator's program"):
        init(tmp_path / "network", Plan())
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_holds_anything_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("FABMARKET_VALIDATOR", str(program(tmp_path, "exit 1")))
    with pytest.raises(Exists, match="is not empty; give a new directory"):
        init(tmp_path, Plan())


def test_where_a_founding_fails_nothing_of_it_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("FABMARKET_VALIDATOR", str(program(tmp_path, "echo no room >&2; exit 1")))
    with pytest.raises(ValidatorFailed, match=r"keys failed \(no room\)"):
        init(tmp_path / "network", Plan(validators=1))
    assert [each.name for each in tmp_path.iterdir()] == ["program"]


def test_a_port_that_somebody_has_is_the_networks(place, tmp_path, monkeypatch):
    """It was said to be a market's."""
    monkeypatch.setenv("FABMARKET_VALIDATOR", str(program(tmp_path, "exit 0")))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (free,) = free_ports(1)
        here = replace(ONE, peer=f"127.0.0.1:{free}", http=f"127.0.0.1:{port}")
        write_facts(place, replace(FACTS, validators=(here,)))
        with pytest.raises(PortTaken, match=f"port {port}, which this network has had"):
            up(place.root)


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"node_id": "a b", "key": "0x1"}'])
def test_a_program_that_answers_as_no_validator_does_is_refused(tmp_path, said):
    with pytest.raises(ValidatorFailed):
        draw_keys(program(tmp_path, f"echo '{said}'"), tmp_path / "home")


def test_the_program_that_is_named_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("FABMARKET_VALIDATOR", str(program(tmp_path, "exit 0")))
    assert validator_binary() == tmp_path / "program"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"result": {}}', b'{"error": {"code": 1}}', b'{"result": [1]}', b"\xff"],
)
def test_a_validator_that_answers_nonsense_does_not_answer(body):
    with answering(body) as where:
        node = Comet(where)
        for ask in (node.head, node.peers, node.voters, lambda: node.commit(1)):
            with pytest.raises(NoAnswer, match=where):
                ask()


def test_a_node_serves_where_it_answers_a_question_of_the_chain():
    with answering(json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x1"}).encode()) as where:
        assert serves(f"http://{where}")
    assert not serves(f"http://{where}")
    with answering(b"[]") as where:
        assert not serves(f"http://{where}")


def test_the_chain_names_a_validator_by_a_part_of_its_keys_digest():
    # SHA-256 of 32 zero bytes.
    assert validator_address("0x" + "00" * 32) == "66687aadf862bd776c8fc18b8e9f8e2008971485"


def network(seats: int, present: int, *validators: ValidatorState) -> NetworkState:
    return NetworkState(validators, seats, present, 9, 9, None)


@pytest.mark.parametrize(
    ("seats", "needed"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (100, 67)]
)
def test_more_than_two_thirds_of_the_seats_are_needed(seats, needed):
    assert network(seats, 0).needed == needed
    assert network(seats, needed).has_quorum
    assert not network(seats, needed - 1).has_quorum


def test_who_is_missing_and_whether_they_agree():
    well = ValidatorState("a", "u", 1, True, 9, False, 3, "0x1", True, True)
    away = ValidatorState("b", "u", None, False, None, None, None, None, False, True)
    late = replace(well, name="c", is_behind=True)
    guest = replace(away, name="d", is_seated=False)
    state = network(4, 1, well, away, late, guest)
    assert state.missing == ["b", "c"]
    assert state.is_agreed
    assert not network(4, 2, well, replace(well, name="e", hash="0x2")).is_agreed


def test_regression_where_nobody_answers_nothing_is_counted(place):
    """It had 0 seats, of which 1 was needed, and all agreed."""
    other = replace(ONE, name="b", key="0x" + "22" * 32)
    write_facts(place, replace(FACTS, validators=(ONE, other)))
    said = status(place.root).facts()
    unknown = ("seats", "present", "needed", "quorum", "agreed", "head", "common", "still_since")
    assert [said[each] for each in unknown] == [None] * len(unknown)
    assert said["missing"] == ["a", "b"]


def test_regression_who_comes_back_has_the_places_it_had(place):
    """A validator that was removed and added again had another URL."""
    ports = free_ports(3)
    peer, http, rpc = map(local, ports)
    here = replace(ONE, name="c", peer=peer, http=http, rpc=rpc)
    gone = FACTS.having(here).without("c")
    write_facts(place, gone)
    assert facts_of(place).gone == (here,)
    assert _places(gone, "c") == (here.peer, here.http, here.rpc)
    assert gone.having(here) == FACTS.having(here)
    with socket.create_server(("127.0.0.1", ports[1])):
        assert not {*_places(gone, "c")} & {here.peer, here.http, here.rpc}
    other = gone.having(replace(here, name="d"))
    assert not {*_places(other, "c")} & {here.peer, here.http, here.rpc}
    apart = Facts(1, 2, "10.77.3", (), (replace(ONE, peer="10.77.3.14:26656"),))
    assert _places(apart, "a")[0] == "10.77.3.14:26656"


def local(port: int) -> str:
    return f"127.0.0.1:{port}"


def test_regression_who_has_lost_its_disk_hears_how_it_comes_back(place, tmp_path, monkeypatch):
    """The command was not named, nor the height that it takes."""
    monkeypatch.setenv("FABMARKET_VALIDATOR", str(program(tmp_path, "echo no disk; exit 1")))
    ports = iter(free_ports(3))
    here = replace(ONE, peer=local(next(ports)), http=local(next(ports)), rpc=local(next(ports)))
    root = tmp_path / "one plant"
    lost = Place(root)
    lost.running.mkdir(parents=True)
    lost.home("a").mkdir(parents=True)
    write_facts(lost, replace(FACTS, validators=(here,)))
    with pytest.raises(NotStarted) as caught:
        up(root)
    home = shlex.quote(str(lost.home("a")))
    said = str(caught.value)
    assert f"{tmp_path / 'program'} restore --home {home} --above N" in said
    assert f"N one above the newest block of fabmarket network status '{root}'" in said
    assert said.endswith(f"then fabmarket network up '{root}'")
    lost.signed("a").parent.mkdir()
    lost.signed("a").touch()
    with pytest.raises(NotStarted, match=r"no disk; its log is [^;]*$"):
        up(root)
