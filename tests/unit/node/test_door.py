"""A real door at a real port: what it takes, what it refuses, and what it bears."""

import http.client
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from fabmarket.identity import Domain, Key
from fabmarket.identity.sealing import LARGEST_LETTER, SealingKey, sealed
from fabmarket.market.cards import PROTOCOL, ContactCard
from fabmarket.node import door, hosts
from fabmarket.node.inbox import Arrived
from fabmarket.node.links import DoorTaken, Links
from fabmarket.node.participant import Answer, Heard
from fabmarket.node.settings import DoorTable, PeersTable
from fabmarket.node.tally import MOST_REASONS, Tally
from fabmarket.node.tls import Tls
from tests.street import PATIENCE, wait_until

DOMAIN = Domain("Fabmarket", "1", 31337, "0x00000000000000000000000000000000fab0cafe")
ANNE, BOB, EVE = (Key.derive("door tests", name) for name in ("anne", "bob", "eve"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def card(key: Key, expires: int = 10_000) -> ContactCard:
    url = "http://127.0.0.1:1"
    return ContactCard(key.address, SealingKey(key).public, url, bytes(32), PROTOCOL, expires)


class Doorkeeper:
    """A door of Bob's; what a participant would answer is in `answers`, else it stays silent."""

    def __init__(self) -> None:
        self.port = free_port()
        self.inbox: SimpleQueue[object] = SimpleQueue()
        self.answers: dict[bytes, Heard] = {}
        self.arrived: list[Arrived] = []
        place = f"127.0.0.1:{self.port}"
        table = DoorTable(listen=place, url=f"http://{place}")
        tls = Tls(Path(), table, PeersTable())
        self.links = Links(table, DOMAIN, BOB.address, SealingKey(BOB), self.inbox, tls)
        self.links.begin()
        for key in (ANNE, EVE):
            self.links.know(card(key))
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while (item := self.inbox.get()) is not None:
            assert isinstance(item, Arrived)
            self.arrived.append(item)
            if item.text in self.answers:
                item.answer(self.answers[item.text])

    def post(self, body: bytes, path: str = door.PATH) -> tuple[int, str, dict[str, str]]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request("POST", path, body)
            answer = link.getresponse()
            return answer.status, answer.read().decode().strip(), dict(answer.getheaders())
        finally:
            link.close()

    def raw(self, text: bytes) -> socket.socket:
        link = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        link.sendall(text)
        return link

    def end(self) -> None:
        self.links.stop()
        self.links.join(10)
        self.inbox.put(None)
        assert not self.links.is_alive()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A door of which no connection ends by itself."""
    monkeypatch.setattr(door, "HEAD_SECONDS", 3600.0)
    monkeypatch.setattr(door, "BODY_SECONDS", 3600.0)


@pytest.fixture
def keeper() -> Iterator[Doorkeeper]:
    made = Doorkeeper()
    yield made
    made.end()


def letter(text=b"hello", sender=ANNE, recipient=BOB, key=BOB, domain=DOMAIN):
    return sealed(domain, sender.address, recipient.address, SealingKey(key).public, text)


def test_a_letter_that_is_taken_is_answered_200_and_comes_with_its_sender(keeper):
    keeper.answers[b"hello"] = Heard(Answer.TAKEN)
    assert keeper.post(letter())[0] == 200
    (arrived,) = keeper.arrived
    assert (arrived.sender, arrived.text) == (ANNE.address, b"hello")
    assert keeper.links.counted() == {"taken": 1}


def test_one_ahead_of_its_turn_is_to_come_again(keeper):
    keeper.answers[b"hello"] = Heard(Answer.POSTPONED, "quote that is ahead of its turn")
    status, said, headers = keeper.post(letter())
    assert (status, said) == (503, "postponed: quote that is ahead of its turn")
    assert {key.lower(): value for key, value in headers.items()}["retry-after"] == "1"


def test_one_that_is_refused_is_told_why(keeper):
    keeper.answers[b"hello"] = Heard(Answer.REFUSED, "offer received twice")
    assert keeper.post(letter())[:2] == (422, "refused: offer received twice")
    assert keeper.links.counted() == {"refused: offer received twice": 1, "refused": 1}


def test_of_one_without_a_card_nothing_is_read(keeper):
    """It costs a transaction to be listened to. Who has just announced it is to come again."""
    newcomer = Key.derive("door tests", "a newcomer")
    keeper.answers[b"hello"] = Heard(Answer.TAKEN)
    assert keeper.post(letter(sender=newcomer))[:2] == (503, "unknown")
    keeper.links.know(card(newcomer))
    assert keeper.post(letter(sender=newcomer))[0] == 200
    keeper.links.tick(10_000)  # when it counts no longer
    assert keeper.post(letter(sender=newcomer))[:2] == (503, "unknown")
    assert keeper.links.counted() == {"unknown": 2, "taken": 1}
    assert len(keeper.arrived) == 1


@pytest.mark.parametrize(
    "changed",
    [{"key": EVE}, {"recipient": EVE}, {"domain": Domain("Fabmarket", "1", 1, EVE.address)}],
)
def test_one_that_does_not_open_is_refused(keeper, changed):
    assert keeper.post(letter(**changed))[:2] == (422, "sealed otherwise: it does not open")


@pytest.mark.parametrize("body", [b"", b"x", b"[" * 200_000, b"\0" * 5000])
def test_what_is_no_letter_is_refused(keeper, body):
    status, said, _ = keeper.post(body)
    assert status == 422
    assert said.startswith("sealed otherwise")


def test_brackets_inside_a_letter_kill_nobody(keeper):
    """The envelope's codec sees them; here they only pass."""
    text = b"[" * 200_000
    keeper.answers[text] = Heard(Answer.REFUSED, "nested too deep")
    assert keeper.post(letter(text))[0] == 422
    keeper.answers[b"hello"] = Heard(Answer.TAKEN)
    assert keeper.post(letter())[0] == 200


def test_a_body_that_says_to_be_too_large_is_not_waited_for(keeper):
    with keeper.raw(
        b"POST /letters HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (LARGEST_LETTER + 1)
    ) as link:
        assert link.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_turns_out_too_large_is_read_no_further(keeper):
    head = b"POST /letters HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    part = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with keeper.raw(head) as link:
        sent = 0
        try:
            while sent < 40 * LARGEST_LETTER:
                link.sendall(part)
                sent += 0x10000
        except OSError:
            pass
        assert sent < 40 * LARGEST_LETTER
    wait_for(lambda: keeper.links.counted().get("too large") == 1)


def wait_for(holds):
    wait_until(holds, PATIENCE, "it did not come to that")


def test_a_slow_body_is_given_up(keeper, monkeypatch):
    monkeypatch.setattr(door, "BODY_SECONDS", 0.2)
    with keeper.raw(b"POST /letters HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nx") as link:
        assert link.recv(100).startswith(b"HTTP/1.1 408 ")
    assert keeper.links.counted() == {"slow": 1}


def test_a_slow_head_is_given_up(keeper, monkeypatch):
    monkeypatch.setattr(door, "HEAD_SECONDS", 0.2)
    with keeper.raw(b"POST /letters HT") as link:
        assert link.recv(100) == b""
    assert keeper.links.counted() == {"slow": 1}


def test_a_slow_second_head_is_given_up_too(keeper, monkeypatch):
    monkeypatch.setattr(door, "HEAD_SECONDS", 0.2)
    said = b""
    with keeper.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT") as link:
        while part := link.recv(1000):
            said += part
    assert said.startswith(b"HTTP/1.1 200")
    assert keeper.links.counted() == {"slow": 1}


def test_an_idle_connection_is_closed_without_a_word(keeper, monkeypatch):
    monkeypatch.setattr(door, "HEAD_SECONDS", 0.2)
    with keeper.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as link:
        while link.recv(1000):
            pass
    assert keeper.links.counted() == {}


def test_a_head_too_long_is_refused(keeper):
    with keeper.raw(b"POST /letters HTTP/1.1\r\nX: " + b"x" * (door.MOST_HEAD + 100)) as link:
        assert link.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_sender_that_leaves_is_counted(keeper):
    keeper.raw(b"POST /letters HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nx").close()
    wait_for(lambda: keeper.links.counted() == {"gone": 1})


@pytest.fixture
def burst(request, monkeypatch):
    """Before the door is made: so many letters of one host, and hardly one more."""
    monkeypatch.setattr(hosts, "BURST", request.param)
    monkeypatch.setattr(hosts, "RATE", 0.001)


@pytest.mark.parametrize("burst", [3], indirect=True)
def test_too_many_letters_of_one_host_are_refused(burst, keeper):
    said = [keeper.post(b"x")[0] for _ in range(5)]
    assert said == [422, 422, 422, 429, 429]


@pytest.mark.parametrize("burst", [40], indirect=True)
def test_a_large_letter_of_a_host_counts_as_many(burst, keeper):
    said = [keeper.post(b"\xff" * size)[0] for size in (30 * hosts.LETTER, 30 * hosts.LETTER, 9)]
    assert said == [422, 429, 422]


def test_while_too_many_wait_for_an_answer_others_are_to_come_again(keeper, monkeypatch):
    monkeypatch.setattr(door, "MOST_WAITING", 1)
    waiting = threading.Thread(target=keeper.post, args=(letter(b"nobody answers"),))
    waiting.start()
    wait_for(lambda: keeper.arrived)
    assert keeper.post(letter())[:2] == (503, "busy")
    keeper.arrived[0].answer(Heard(Answer.TAKEN))
    waiting.join()
    assert keeper.links.counted() == {"busy": 1, "taken": 1}


def test_where_the_participant_is_silent_the_letter_is_to_come_again(keeper, monkeypatch):
    monkeypatch.setattr(door, "ANSWER_SECONDS", 0.1)
    assert keeper.post(letter(b"nobody answers"))[:2] == (503, "late")
    keeper.arrived[0].answer(Heard(Answer.TAKEN))  # too late, and without harm


def test_too_many_connections_are_closed_at_once(keeper, monkeypatch):
    monkeypatch.setattr(hosts, "MOST_CONNECTIONS", 2)
    held = [keeper.raw(b"POST") for _ in range(2)]
    try:
        wait_for(lambda: refused_at_once(keeper))
    finally:
        for link in held:
            link.close()
    wait_for(lambda: status_of_root(keeper) == 200)


CROWD = 300
"""More connections than a door has places."""


def from_host(keeper, host: str, text: bytes) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", keeper.port), 60, (host, 0))
    link.sendall(text)
    return link


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /letters HT",
        b"POST /letters HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nx",
    ],
    ids=["kept", "half a head", "half a body"],
)
def test_one_host_with_all_connections_keeps_no_other_out(patient, keeper, said):
    crowd = [from_host(keeper, "127.0.0.9", said) for _ in range(CROWD)]
    try:
        turned_away = CROWD - hosts.MOST_CONNECTIONS
        wait_for(lambda: keeper.links.counted() == {"too many": turned_away})
        keeper.answers[b"hello"] = Heard(Answer.TAKEN)
        for _ in range(20):
            assert keeper.post(letter())[0] == 200
    finally:
        for link in crowd:
            link.close()


def refused_at_once(keeper):
    with keeper.raw(b"") as link:
        link.settimeout(0.5)
        try:
            return link.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False


def status_of_root(keeper):
    link = http.client.HTTPConnection("127.0.0.1", keeper.port, timeout=5)
    try:
        link.request("GET", "/")
        return link.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        link.close()


def test_reasons_are_counted_up_to_a_bound(keeper):
    for number in range(2 * MOST_REASONS):
        keeper.links._door.counted.add(f"reason {number}")
    assert len(keeper.links.counted()) <= MOST_REASONS + 1
    assert keeper.links.counted()["other reasons"] == MOST_REASONS


def test_reasons_that_differ_in_what_the_message_says_are_counted_together():
    """Or a stranger could fill the minute's line of the log with what it makes up."""
    tally = Tally()
    for number in range(40):
        tally.refused(f"Envelope: not JSON (Expecting value: line 1 column {number})")
        tally.refused(f"claim of {number} units where 5 are due")
        tally.refused(f"unknown reason '{number:x}x'")
        tally.refused(f"seat {number} is somebody else's")
    assert tally == {
        "refused: Envelope": 40,
        "refused: claim of … units where … are due": 40,
        "refused: unknown reason": 40,
        "refused: seat … is somebody else's": 40,
    }


def test_the_root_says_that_a_door_is_here_and_nothing_else(keeper):
    link = http.client.HTTPConnection("127.0.0.1", keeper.port, timeout=30)
    link.request("GET", "/")
    answer = link.getresponse()
    assert (answer.status, answer.read().decode()) == (200, door.HERE)
    names = {name.lower() for name, _ in answer.getheaders()}
    assert names <= {"content-length", "content-type", "connection"}
    link.close()


@pytest.mark.parametrize(("method", "path"), [("GET", "/letters"), ("POST", "/"), ("GET", "/docs")])
def test_there_is_nothing_else(keeper, method, path):
    link = http.client.HTTPConnection("127.0.0.1", keeper.port, timeout=30)
    link.request(method, path)
    assert link.getresponse().status in (404, 405)
    link.close()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_bytes_come_the_door_stays_open(keeper, seed, caplog):
    """Noise, and requests with bytes changed, cut off, doubled, or of two lengths."""
    draw = random.Random(seed)
    for _ in range(40):
        with keeper.raw(mangled(draw)) as link:
            link.shutdown(socket.SHUT_WR)
            link.settimeout(10)
            try:
                while link.recv(4096):
                    pass
            except ConnectionError:
                pass
    keeper.answers[b"hello"] = Heard(Answer.TAKEN)
    assert keeper.post(letter())[0] == 200
    assert {each.text for each in keeper.arrived} == {b"hello"}
    assert caplog.records == []  # or whoever likes fills the log


def test_what_is_no_request_is_counted_and_not_logged(keeper, caplog):
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    for text, status in ((b"\0\r\n\r\n", b"HTTP/1.1 400"), (upgrade, b"HTTP/1.1 200")):
        with keeper.raw(text) as link:
            assert link.recv(100).startswith(status)
    assert keeper.links.counted() == {"no request": 1}
    assert caplog.records == []


def mangled(draw: random.Random) -> bytes:
    request = bytearray(
        b"POST /letters HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
        b"Expect: 100-continue\r\n\r\nhello"
    )
    match draw.randrange(6):
        case 0:
            return draw.randbytes(draw.randrange(300))
        case 1:
            return bytes(request[: draw.randrange(len(request))])
        case 2:
            return bytes(request) * 3
        case 3:
            both = b"Content-Length: 5\r\nContent-Length: 6\r\n"
            return bytes(request).replace(b"Content-Length: 5\r\n", both)
        case 4:
            both = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
            return bytes(request).replace(b"Content-Length: 5\r\n", both)
        case _:
            for _ in range(draw.randrange(1, 8)):
                request[draw.randrange(len(request))] = draw.randrange(256)
            return bytes(request)


def test_a_place_that_is_taken_is_said(keeper):
    place = f"127.0.0.1:{keeper.port}"
    table = DoorTable(listen=place, url=f"http://{place}")
    tls = Tls(Path(), table, PeersTable())
    with pytest.raises(DoorTaken, match=f"nothing can listen at {place}"):
        Links(table, DOMAIN, BOB.address, SealingKey(BOB), SimpleQueue(), tls)


def test_honest_letters_come_through_while_strangers_misbehave(keeper):
    keeper.answers[b"hello"] = Heard(Answer.TAKEN)
    slow = [keeper.raw(b"POST /letters HTTP/1.1\r\nHost: x\r\nContent-Le") for _ in range(50)]
    try:
        for _ in range(20):
            keeper.post(b"\xff" * 3000)
            assert keeper.post(letter())[0] == 200
    finally:
        for link in slow:
            link.close()
