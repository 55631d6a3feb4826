"""What a machine counted, from files and from a feed that answers anything."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fabmarket.node import readings
from fabmarket.node.readings import LARGEST_ANSWER, BadReadings, NoReading, Reading, ask, last_of


def test_the_last_row_counts():
    text = "\ufeffat, units\r\n1700000000,3\r\n\r\n1700000060, 5\r\n"
    assert last_of(text, "counter.csv") == Reading(1_700_000_060, 5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the first line is ''"),
        ("units,at\n3,1700000000\n", "the first line is 'units,at'"),
        ("at,units\n", "no line below the header"),
        ("at,units\n1700000000\n", "line 2 has 1 cells"),
        ("at,units\n1700000000,3\n1700000000,3,4\n", "line 3 has 3 cells"),
        ("at,units\n1700000000,-3\n", "line 2 holds no two whole numbers"),
        ("at,units\n1700000000,3.5\n1700000000,4\n", "line 2 holds no two whole numbers"),
        ("at,units\n12:30,3\n", "line 2 holds no two whole numbers"),
        (f"at,units\n{2**60},3\n", "line 2 holds no two whole numbers"),
        (f"at,units\n1,{2**70}\n", "line 2 holds no two whole numbers"),
        ('at,units\n"1,3\n', "no CSV"),
    ],
)
def test_a_file_without_readings_is_refused(text, reason):
    with pytest.raises(BadReadings, match=reason):
        last_of(text, "counter.csv")


@contextmanager
def machine(reply):
    """The URL of a feed; `reply` answers each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            reply(self)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/units"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(body, status=200, **headers):
    def reply(handler):
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return reply


@pytest.mark.parametrize("body", [b"7", b" 7\n", b'{"units": 7}', b'{"units": 7, "state": "on"}'])
def test_a_feed_says_a_number(body):
    with machine(answering(body)) as url:
        assert ask(url) == 7


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"seven",
        b"-1",
        b"7.5",
        b"true",
        b"null",
        b"[7]",
        b'{"units": "7"}',
        b'{"units": true}',
        b"{}",
        b"NaN",
        str(2**64).encode(),
        b"9" * 4_096,
        b"[" * 4_096,
        b"\xff\xfe7",
    ],
)
def test_a_feed_that_says_no_number_is_no_reading(body):
    with machine(answering(body)) as url, pytest.raises(NoReading, match="no number of units"):
        ask(url)


def test_a_large_answer_is_not_read_whole():
    with (
        machine(answering(b" " * LARGEST_ANSWER + b"7")) as url,
        pytest.raises(NoReading, match=f"more than {LARGEST_ANSWER} bytes"),
    ):
        ask(url)


def test_a_feed_is_not_followed_elsewhere():
    asked = []

    def other(handler):
        asked.append(handler.path)
        answering(b"7")(handler)

    with (
        machine(other) as elsewhere,
        machine(answering(b"", 302, Location=elsewhere)) as url,
        pytest.raises(NoReading, match="status 302"),
    ):
        ask(url)
    assert asked == []


def test_a_feed_that_answers_byte_by_byte_is_given_up(monkeypatch):
    monkeypatch.setattr(readings, "DEADLINE", 0.5)
    stopped = threading.Event()

    def dripping(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while not stopped.wait(0.05):
                handler.wfile.write(b" ")
                handler.wfile.flush()
        except OSError:
            pass

    with machine(dripping) as url:
        with pytest.raises(NoReading, match="does not answer"):
            ask(url)
        stopped.set()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::1", "http://no host/"])
def test_a_feed_that_is_not_there_is_no_reading(url):
    with pytest.raises(NoReading, match="does not answer"):
        ask(url)
