"""Letters to real HTTP servers that answer, fail, stay silent, or mean ill."""

import asyncio
import http.server
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabmarket.identity import Domain, Key
from fabmarket.identity.codec import encode
from fabmarket.identity.sealing import LARGEST_ANNOUNCED, SealingKey
from fabmarket.market.cards import PROTOCOL, ContactCard
from fabmarket.market.messages import Refusal
from fabmarket.node import peers
from fabmarket.node.envelope import Envelope, seal
from fabmarket.node.journal import Letter
from fabmarket.node.peers import Delivery, ForBoard, Peers

DOMAIN = Domain("Fabmarket", "1", 31337, "0x00000000000000000000000000000000fab0cafe")
ANNE, BOB = Key.derive("peers tests", "anne"), Key.derive("peers tests", "bob")
TRUST = ssl.create_default_context()
MESSAGE, KIND = Refusal(ANNE.address, bytes(32), "no room"), "Refusal"


def is_address(name: str) -> bool:
    """Whether it is reached without asking for a name: not everywhere is to be written to."""
    return name.replace(".", "").isdigit()


class Recipient:
    """Bob's end: `script` answers each letter in turn, its last answer from then on."""

    def __init__(self) -> None:
        self.script: list[Callable[[http.server.BaseHTTPRequestHandler], None]] = []
        self.letters: list[bytes] = []
        self.times: list[float] = []
        self.at_once = self.most_at_once = 0
        recipient = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                recipient.at_once += 1
                recipient.most_at_once = max(recipient.most_at_once, recipient.at_once)
                recipient.times.append(time.monotonic())
                recipient.letters.append(self.rfile.read(int(self.headers["Content-Length"])))
                act = recipient.script.pop(0) if len(recipient.script) > 1 else recipient.script[0]
                recipient.at_once -= 1
                act(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def texts(self) -> list[bytes]:
        return [SealingKey(BOB).open(DOMAIN, each)[1] for each in self.letters]


def says(status: int, body: bytes = b"", **headers: str):
    def act(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return act


def hangs_up(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def bob() -> Iterator[Recipient]:
    made = Recipient()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that are too short to matter."""
    monkeypatch.setattr(peers, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(peers, "LONGEST_PAUSE", 0.02)
    monkeypatch.setattr(peers, "DEADLINE", 1.0)


def card(url: str, **changed: object) -> ContactCard:
    values = {"version": PROTOCOL, "expires": 10_000, "resource": bytes(32)} | changed
    return ContactCard(author=BOB.address, sealing_key=SealingKey(BOB).public, url=url, **values)


def body() -> bytes:
    return encode(Envelope(MESSAGE, seal(ANNE, DOMAIN, MESSAGE)[1]))


def letters(count: int = 1, until: int = 1000) -> list[Letter]:
    rest = BOB.address, until, KIND, body()
    return [Letter(number, *rest) for number in range(1, count + 1)]


def sending(act, count: int = 1) -> list[Delivery | ForBoard]:
    """Run `act` on Anne's peers; return what became of so many letters."""
    found: list[Delivery | ForBoard] = []
    failures: list[BaseException] = []

    async def run() -> None:
        carrying = Peers(DOMAIN, ANNE.address, found.append, failures.append, TRUST)
        try:
            async with asyncio.timeout(60):
                await act(carrying)
                while len(found) < count and not failures:
                    await asyncio.sleep(0.01)
        finally:
            await carrying.close()

    asyncio.run(run())
    assert not failures
    return found


def posted(url: str, *given: Letter):
    async def act(carrying: Peers) -> None:
        carrying.know(card(url))
        carrying.post(given)

    return act


def test_a_letter_is_sealed_for_its_recipient_and_delivered(bob):
    bob.script = [says(200)]
    (delivery,) = sending(posted(bob.url, *letters()))
    assert delivery == Delivery(1, BOB.address, "Refusal", "taken")
    assert SealingKey(BOB).open(DOMAIN, bob.letters[0]) == (ANNE.address, body())


def test_one_for_somebody_without_a_door_is_sealed_for_the_board():
    (found,) = sending(posted("", *letters()))
    assert isinstance(found, ForBoard)
    assert (found.number, found.recipient, found.kind) == (1, BOB.address, "Refusal")
    assert SealingKey(BOB).open(DOMAIN, found.payload) == (ANNE.address, body())


def test_one_too_large_for_the_board_is_refused():
    large = replace(letters()[0], body=b"x" * (LARGEST_ANNOUNCED + 1))
    (delivery,) = sending(posted("", large))
    assert delivery.outcome == "refused"
    assert delivery.reason == "131146 bytes where 65610 are the most on the board"


def test_a_refused_one_comes_back_with_the_reason_and_is_not_sent_again(bob):
    bob.script = [says(422, b"refused: offer received twice\n")]
    (delivery,) = sending(posted(bob.url, *letters()))
    assert (delivery.outcome, delivery.reason) == ("refused", "refused: offer received twice")
    assert len(bob.letters) == 1


@pytest.mark.parametrize(
    "failure", [says(503), says(429), says(500), says(404), says(302, Location="/"), hangs_up]
)
def test_after_a_failure_it_is_sent_again(bob, failure):
    bob.script = [failure, failure, says(200)]
    (delivery,) = sending(posted(bob.url, *letters()))
    assert delivery.outcome == "taken"
    assert bob.texts() == [body()] * 3
    assert bob.times[2] - bob.times[1] > peers.FIRST_PAUSE / 2


def test_a_recipient_that_is_not_there_is_waited_for():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def act(carrying: Peers) -> None:
        carrying.know(card(f"http://127.0.0.1:{port}"))
        carrying.post(letters())
        await asyncio.sleep(0.5)
        carrying.tick(1000)  # not before this is it out of date

    (delivery,) = sending(act)
    assert (delivery.outcome, delivery.reason) == ("out of date", "All connection attempts failed")


@pytest.mark.parametrize("useless", [None, {"version": 2}, {"expires": 5}])
def test_a_letter_without_a_card_that_counts_waits_for_one(bob, useless):
    bob.script = [says(200)]

    async def act(carrying: Peers) -> None:
        carrying.tick(5)
        if useless is not None:
            carrying.know(card(bob.url, **useless))
        carrying.post(letters())
        await asyncio.sleep(0.3)
        assert not bob.letters
        carrying.know(card(bob.url))

    (delivery,) = sending(act)
    assert delivery.outcome == "taken"


def test_what_is_out_of_date_is_not_sent(bob):
    bob.script = [says(200)]

    async def act(carrying: Peers) -> None:
        carrying.tick(1000)
        carrying.know(card(bob.url))
        carrying.post(letters(until=1000))

    (delivery,) = sending(act)
    assert delivery.outcome == "out of date"
    assert not bob.letters


def test_letters_go_in_order_and_one_at_a_time(bob):
    bob.script = [says(200)]
    found = sending(posted(bob.url, *letters(20)), 20)
    assert [each.number for each in found] == list(range(1, 21))
    assert bob.most_at_once == 1


def test_a_postponed_one_holds_up_no_other(bob):
    bob.script = [says(503), says(200)]
    found = sending(posted(bob.url, *letters(2)), 2)
    assert [each.number for each in found] == [2, 1]


def test_one_who_is_silent_holds_up_nobody_else(bob, monkeypatch):
    bob.script = [says(200)]
    eve = Key.derive("peers tests", "eve")
    with socket.create_server(("127.0.0.1", 0)) as silent:

        async def act(carrying: Peers) -> None:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            carrying.know(ContactCard(eve.address, SealingKey(eve).public, url, bytes(32), 1, 9999))
            carrying.know(card(bob.url))
            carrying.post([Letter(9, eve.address, 1000, KIND, body())])
            await asyncio.sleep(0.1)
            carrying.post(letters())

        (delivery,) = sending(act)
    assert delivery == Delivery(1, BOB.address, "Refusal", "taken")


def test_many_who_are_silent_hold_up_nobody_who_answers(bob, monkeypatch):
    monkeypatch.setattr(peers, "MOST_CONNECTIONS", 4)
    bob.script = [says(200)]
    strangers = [Key.derive("peers tests", "silent", str(number)) for number in range(12)]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        async def act(carrying: Peers) -> None:
            first, second = letters(2)
            carrying.know(card(bob.url))
            carrying.post([first])
            while not carrying._answering:
                await asyncio.sleep(0.01)
            for eve in strangers:
                key = SealingKey(eve).public
                carrying.know(ContactCard(eve.address, key, url, bytes(32), 1, 9999))
                carrying.post([Letter(9, eve.address, 1000, KIND, body())])
            while not carrying._others.locked():
                await asyncio.sleep(0.01)
            carrying.post([second])
            while len(bob.letters) < 2:
                await asyncio.sleep(0.01)
            assert not any(carrying._lanes[eve.address].why for eve in strangers)

        found = sending(act, 2)
    assert [each.outcome for each in found] == ["taken", "taken"]


def test_an_answer_that_drips_is_left(bob, monkeypatch):
    monkeypatch.setattr(peers, "DEADLINE", 0.3)
    ended = threading.Event()

    def drips(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not ended.wait(0.05):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    bob.script = [drips, says(200)]
    (delivery,) = sending(posted(bob.url, *letters()))
    ended.set()
    assert delivery.outcome == "taken"
    assert len(bob.letters) == 2


def test_of_a_long_answer_little_is_read(bob):
    bob.script = [says(422, b"x" * 10_000_000)]
    (delivery,) = sending(posted(bob.url, *letters()))
    assert len(delivery.reason) <= 512


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_answered_the_letters_go_on(bob, hasty, seed):
    """Noise, and answers with bytes changed, cut off or doubled."""
    draw = random.Random(seed)

    def noise(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(mangled(draw))
        hangs_up(handler)

    bob.script = [*(noise for _ in range(25)), says(200)]
    (delivery,) = sending(posted(bob.url, *letters()))
    assert delivery.outcome in ("taken", "refused")


def mangled(draw: random.Random) -> bytes:
    answer = bytearray(
        b"HTTP/1.1 503 Later\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Encoding: gzip\r\n\r\nagain"
    )
    match draw.randrange(4):
        case 0:
            return draw.randbytes(draw.randrange(300))
        case 1:
            return bytes(answer[: draw.randrange(len(answer))])
        case 2:
            return bytes(answer[:60] * 3 + answer)
        case _:
            for _ in range(draw.randrange(1, 8)):
                answer[draw.randrange(len(answer))] = draw.randrange(256)
            return bytes(answer)


def test_cookies_are_not_kept(bob):
    bob.script = [says(503, **{"Set-Cookie": "a=b; Path=/"}), says(200)]
    headers: list[str | None] = []
    first, second = bob.script

    def noting(act):
        def noted(handler: http.server.BaseHTTPRequestHandler) -> None:
            headers.append(handler.headers.get("Cookie"))
            act(handler)

        return noted

    bob.script = [noting(first), noting(second)]
    sending(posted(bob.url, *letters()))
    assert headers == [None, None]


def test_a_sealing_key_that_is_none_costs_the_letter(bob):
    async def act(carrying: Peers) -> None:
        key = bytes(32)
        carrying.know(ContactCard(BOB.address, key, bob.url, bytes(32), PROTOCOL, 9999))
        carrying.post(letters())

    (delivery,) = sending(act)
    assert (delivery.outcome, "is no sealing key" in delivery.reason) == ("refused", True)


NAMES = st.text("aZ0-.xn", min_size=1, max_size=70).filter(lambda name: not is_address(name))
HOSTS = st.sampled_from(["127.0.0.1", "[::1]", "[1.2.3.4]", "[::ffff:127.0.0.1]", "xn--a"])
PORTS = st.sampled_from([0, 1]) | st.integers(65_536, 99_999)
"""Where nobody can listen, or nobody does."""
PLACES = st.builds("{}:{}".format, HOSTS | NAMES, PORTS)
URLS = st.builds("{}://{}".format, st.sampled_from(["http", "https"]), PLACES)
KEYS = st.sampled_from([b"\0" * 32, b"\1" + b"\0" * 31, b"\xff" * 32, SealingKey(BOB).public])


@given(url=URLS | NAMES | st.text(min_size=1), key=KEYS | st.binary(min_size=32, max_size=32))
@example(url="http://127.0.0.1:99999", key=SealingKey(BOB).public)
@example(url="http://xn--a", key=SealingKey(BOB).public)
def test_no_card_of_a_stranger_ends_its_sender(url, key):
    """Whatever stands on it: the letter is refused, or waits until it is out of date."""

    async def act(carrying: Peers) -> None:
        carrying.know(ContactCard(BOB.address, key, url, bytes(32), PROTOCOL, 10_000))
        carrying.post(letters())
        lane = carrying._lanes[BOB.address]
        while not (lane.why or lane.task.done()):
            await asyncio.sleep(0.001)
        carrying.tick(1000)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", nowhere)
        patch.setattr(peers, "FIRST_PAUSE", 0.001)
        (delivery,) = sending(act)
    assert delivery.outcome in ("refused", "out of date")
    assert delivery.reason


def nowhere(*_: object, **__: object) -> None:
    raise socket.gaierror("no name is known here")


def test_the_environment_s_proxies_are_not_used(bob, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    bob.script = [says(200)]
    (delivery,) = sending(posted(bob.url, *letters()))
    assert delivery.outcome == "taken"
