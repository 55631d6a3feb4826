"""Whatever is refused has one shape, says where and why, and leaks nothing."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import QueuePool

from fabmarket.api.errors import CODES
from fabmarket.api.guard import LARGEST_BODY
from fabmarket.api.served import Served
from tests.filled_ledger import ANNE, digest
from tests.serving import serving

GAME = {"benefit": [100, 200], "cost": [45, 15], "supplier_cost": 10, "a": 0.8, "b": 0.2}


def refusal(answer: httpx.Response, status: int) -> dict[str, str | None]:
    """The error of an answer, which must have this status and the one shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "field"}
    assert body["error"]["code"] == CODES[status][0]
    assert body["error"]["message"]
    for leak in ("Traceback", "/src/", "site-packages", "sqlite", "SELECT"):
        assert leak not in answer.text
    return body["error"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/trades?limit=0", "query.limit"),
        ("/v1/trades?limit=501", "query.limit"),
        ("/v1/trades?limit=05", "query.limit"),
        ("/v1/trades?limit=5_0", "query.limit"),
        ("/v1/trades?limit=%20%205", "query.limit"),
        ("/v1/trades?limit=5.0", "query.limit"),
        ("/v1/trades?limit=", "query.limit"),
        ("/v1/trades?limit=1&limit=2", "query.limit"),
        ("/v1/trades?limt=5", "query.limt"),
        ("/v1/market?any=1", "query.any"),
        ("/v1/trades?cursor=AAAA", "query.cursor"),
        ("/v1/trades?cursor=a%00b", "query.cursor"),
        ("/v1/trades?supplier=0x12", "query.supplier"),
        (f"/v1/trades?supplier={ANNE}%0A", "query.supplier"),
        ("/v1/trades?name=a%00b", "query.name"),
        ("/v1/trades?name=%F0%9F%92%A9", "query.name"),
        ("/v1/trades?name=", "query.name"),
        ("/v1/trades?since=-1", "query.since"),
        ("/v1/trades?since=9007199254740992", "query.since"),
        ("/v1/calendar?since=1", "query.until"),
        ("/v1/calendar?since=9&until=9", "query.until"),
        ("/v1/statistics/days?since=0&until=401", "query.until"),
        ("/v1/listings?is_open=yes", "query.is_open"),
        ("/v1/escrows?state=lost", "query.state"),
        ("/v1/log?kind=Nothing", "query.kind"),
        ("/v1/log?order=sideways", "query.order"),
        ("/v1/trades/0x12", "path.trade"),
        ("/v1/accounts/anne", "path.address"),
    ],
)
def test_a_wrong_parameter_is_named(path: str, field: str, client: httpx.Client) -> None:
    assert refusal(client.get(path), 422)["field"] == field


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/v1/trades/", "/v2/trades"])
def test_nothing_elsewhere(path: str, client: httpx.Client) -> None:
    assert refusal(client.get(path), 404)["field"] is None


def test_another_method_is_not_allowed(client: httpx.Client) -> None:
    answer = client.delete("/v1/trades")
    refusal(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD"
    assert refusal(client.get("/v1/calculators/equilibrium"), 405)
    assert client.head("/v1/calculators/equilibrium").status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/trades",
        "/nothing",
        "/static/style.css",
        "/v1/openapi.json",
        "/v1/trades?limit=3",
        "/v1/trades?limit=0",
        "/v1/export/trades.csv",
        "/v1/templates/machines.xlsx",
    ],
)
def test_regression_head_is_answered_as_get_is_less_the_body(
    path: str, client: httpx.Client
) -> None:
    """It was 405 everywhere, where RFC 9110 has it wherever GET is."""
    whole, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    kept = {"etag", "content-type", "content-length", "content-disposition", "cache-control"}
    assert {name: head.headers.get(name) for name in kept} == {
        name: whole.headers.get(name) for name in kept
    }
    assert client.get(path).status_code == whole.status_code


def test_head_of_a_stream_or_a_large_table_holds_no_place(client: httpx.Client) -> None:
    """A place is free again a moment after its answer, which a busy machine may make longer."""
    for _ in range(60):
        assert client.head("/v1/live").status_code == 200
        for _ in range(200):
            if (status := client.head("/v1/export/trades.csv").status_code) != 503:
                break
            time.sleep(0.05)
        assert status == 200
    assert client.head("/v1/trades", headers={"If-None-Match": "*"}).status_code in (200, 304)


def test_what_is_not_there_is_not_found(client: httpx.Client) -> None:
    assert "no such trade" in str(refusal(client.get(f"/v1/trades/{digest('no')}"), 404)["message"])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"a": "0.8"}, "body.a"),
        ({"a": True}, "body.a"),
        ({"a": -1}, "body.a"),
        ({"a": None}, "body.a"),
        ({"a": 0}, "body"),
        ({"benefit": []}, "body.benefit"),
        ({"benefit": [1] * 1001}, "body.benefit"),
        ({"benefit": [1]}, "body"),
        ({"benefit": [1e99, 1]}, "body"),
        ({"more": 1}, "body.more"),
        ({"concepts": ["peace"]}, "body.concepts.0"),
        ({"concepts": []}, "body.concepts"),
    ],
)
def test_a_wrong_field_is_named(
    changed: dict[str, object], field: str, client: httpx.Client
) -> None:
    answer = client.post("/v1/calculators/equilibrium", json=GAME | changed)
    assert refusal(answer, 422)["field"] == field


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"a": NaN}',
        b'"' + b"a" * 1000,
        b"\xff\xfe",
        b"[" * LARGEST_BODY,
        b'{"a":' * 40_000,
        json.dumps(GAME).replace("}", ', "a": 0.9}').encode(),
        json.dumps(GAME).replace("0.8", "Infinity").encode(),
        json.dumps(GAME).replace("0.8", "1" * 5000).encode(),
    ],
    ids=lambda body: f"{body[:12]!r} {len(body)}",
)
def test_a_body_that_is_no_game_is_refused_and_the_server_lives(
    body: bytes, client: httpx.Client
) -> None:
    headers = {"Content-Type": "application/json"}
    refusal(client.post("/v1/calculators/equilibrium", content=body, headers=headers), 422)
    assert client.get("/v1/status").status_code == 200


def test_a_body_of_another_kind_is_refused(client: httpx.Client) -> None:
    refusal(client.post("/v1/calculators/equilibrium", data={"a": "1"}), 422)


@pytest.fixture
def raw(client: httpx.Client) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", client.base_url.port or 0))) as sock:
        sock.settimeout(30)
        yield sock


def answered(sock: socket.socket) -> bytes:
    text = b""
    while more := sock.recv(1 << 16):
        text += more
        if b"\r\n\r\n" in text and b'"field"' in text:
            break
    return text


@pytest.mark.parametrize("length", [str(LARGEST_BODY + 1), "99999999999999", "-1", "1e3", "0x10"])
def test_a_body_that_says_it_is_too_large_is_not_read(length: str, raw: socket.socket) -> None:
    head = f"POST /v1/calculators/quote HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}"
    raw.sendall(f"{head}\r\n\r\n".encode())
    assert answered(raw).startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 400 "))


def test_a_body_that_grows_too_large_is_not_read_on(raw: socket.socket) -> None:
    head = b"POST /v1/calculators/quote HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked"
    raw.sendall(head + b"\r\n\r\n%x\r\n" % (LARGEST_BODY + 1) + b" " * (LARGEST_BODY + 1))
    assert answered(raw).startswith(b"HTTP/1.1 413 ")
    assert raw.recv(1) == b""


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.", "[::1"]
)
def test_regression_a_name_of_others_that_leads_here_is_refused(
    host: str, client: httpx.Client
) -> None:
    """By it a page of another site would read an agent's answers (DNS rebinding)."""
    refusal(client.get("/v1/status", headers={"Host": host}), 421)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:99", "[::1]:8000", "10.0.0.7:80", "[fe80::1]"]
)
def test_addresses_are_no_names_of_others(host: str, client: httpx.Client) -> None:
    assert client.get("/v1/status", headers={"Host": host}).status_code == 200


def test_a_name_that_was_given_is_ours(ledger: Engine) -> None:
    with serving(Served(ledger, hosts=frozenset({"Market.example"}))) as client:
        for host in ("market.example", "MARKET.EXAMPLE:443"):
            assert client.get("/v1/status", headers={"Host": host}).status_code == 200
        refusal(client.get("/v1/status", headers={"Host": "example"}), 421)


def test_who_asks_too_much_is_to_come_again(ledger: Engine) -> None:
    with serving(Served(ledger, rate=0.001, burst=3)) as client:
        answers = [client.get("/v1/status") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    refusal(answers[-1], 429)
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_calculators_count_as_many(ledger: Engine) -> None:
    with serving(Served(ledger, rate=0.001, burst=30)) as client:
        said = [client.post("/v1/calculators/equilibrium", json=GAME) for _ in range(3)]
    assert [answer.status_code for answer in said] == [200, 429, 429]


def test_a_ledger_that_cannot_be_read_is_said_to_be_so(own_ledger: Engine) -> None:
    with serving(Served(own_ledger)) as client:
        assert client.get("/v1/trades").status_code == 200
        with own_ledger.begin() as connection:
            connection.execute(text("DROP TABLE trade"))
        answer = client.get("/v1/trades")
        refusal(answer, 503)
        assert answer.headers["retry-after"]
        assert client.get("/v1/resources").status_code == 200


def test_regression_where_all_connections_are_taken_it_is_no_fault_of_ours(
    own_ledger: Engine,
) -> None:
    """More requests at once than the database has connections were answered 500."""
    bounds = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.05, "poolclass": QueuePool}
    few = create_engine("sqlite://", creator=own_ledger.pool._creator, **bounds)
    with serving(Served(few)) as client, few.connect():
        refusal(client.get("/v1/trades"), 503)
    few.dispose()


def test_every_answer_has_the_headers_of_safety(client: httpx.Client) -> None:
    for answer in (
        client.get("/v1/trades"),
        client.get("/v1/nothing"),
        client.get("/v1/status", headers={"Host": "evil.example"}),
        client.get("/v1/openapi.json"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


def test_no_other_site_is_let_in(client: httpx.Client) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "GET"}
    refusal(client.options("/v1/trades", headers=asked), 403)
    refusal(client.options("/v1/trades"), 405)


FOREIGN = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
)
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def test_regression_another_sites_page_does_not_use_up_what_its_visitor_may_ask(
    ledger: Engine,
) -> None:
    """On loopback it is the same client: its page could shut the owner out with 429."""
    with serving(Served(ledger, rate=0.001, burst=40)) as client:
        for headers in FOREIGN:
            refusal(client.get("/v1/trades", headers=headers), 403)
            refusal(client.get("/v1/live", headers=headers), 403)
            refusal(client.get("/", headers=headers), 403)
            said = {**headers, "Content-Type": "text/plain"}
            where = "/v1/calculators/equilibrium"
            refusal(client.post(where, content=b"x", headers=said), 403)
        assert [client.get("/", headers=LINK).status_code for _ in range(60)][-1] == 429
        refusal(client.get("/", headers={**LINK, "Sec-Purpose": "prefetch"}), 403)
        own = {"Sec-Fetch-Site": "same-origin", "Origin": str(client.base_url).rstrip("/")}
        for _ in range(2):
            answer = client.post("/v1/calculators/equilibrium", json=GAME, headers=own)
            assert answer.status_code == 200
        refusal(client.get("/v1/trades"), 429)


def test_a_page_under_a_name_that_was_given_is_ours(ledger: Engine) -> None:
    """Behind a proxy that speaks TLS, and asks by the server's address."""
    with serving(Served(ledger, hosts=frozenset({"market.example"}))) as client:
        headers = {"Origin": "https://market.example"}
        for host in ("market.example", "127.0.0.1:8480"):
            answer = client.get("/v1/status", headers={**headers, "Host": host})
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Host", ("127.0.0.1", "evil.example")),
        ("Origin", ("http://127.0.0.1", "http://evil.example")),
        ("Authorization", ("Bearer a", "Bearer b")),
        ("Cookie", ("a=b", "a=c")),
        ("Idempotency-Key", ("a", "b")),
        ("Last-Event-ID", ("1", "2")),
        ("If-None-Match", ("a", "b")),
        ("Sec-Fetch-Site", ("none", "cross-site")),
        ("Content-Type", ("application/json", "text/plain")),
    ],
)
def test_regression_a_header_that_comes_twice_is_refused(
    name: str, values: tuple[str, str], raw: socket.socket
) -> None:
    """Of two Host headers the first was believed, of two keys one was not seen."""
    host = "" if name == "Host" else "Host: localhost\r\n"
    both = "".join(f"{name}: {value}\r\n" for value in values)
    raw.sendall(f"GET /v1/status HTTP/1.1\r\n{host}{both}\r\n".encode())
    said = answered(raw)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert f'"field":"header.{name.lower()}"'.encode() in said


@pytest.mark.parametrize("size", [LARGEST_BODY + 40_000, 20 << 20])
def test_regression_who_sends_too_much_sees_why_it_is_refused(
    size: int, raw: socket.socket
) -> None:
    """The connection was reset under the answer while the client still sent."""
    head = f"POST /v1/calculators/quote HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}"
    raw.sendall(f"{head}\r\n\r\n".encode() + b" " * size)
    assert answered(raw).startswith(b"HTTP/1.1 413 ")
    assert raw.recv(1) == b""


def test_of_what_is_refused_a_bounded_rest_is_read(
    raw: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fabmarket.api.guard.MOST_DROPPED", 1 << 20)
    head = "POST /v1/calculators/quote HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999"
    raw.sendall(f"{head}\r\n\r\n".encode())
    assert answered(raw).startswith(b"HTTP/1.1 413 ")
    with pytest.raises(OSError, match=r"reset|Broken pipe"):
        raw.sendall(bytes(256 << 20))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"a":' * 40_000, "it nests too deep"),
        (json.dumps(GAME).replace("0.8", "1" * 200_000).encode(), "a number has too many digits"),
        (b'{"a": "\xff"}', "it is no UTF-8"),
        (b'{"a": 1, "a": 2}', "a key stands twice in an object"),
    ],
    ids=["deep", "long", "no text", "twice"],
)
def test_regression_a_body_is_refused_in_words_for_its_sender(
    text: bytes, said: str, client: httpx.Client
) -> None:
    """It was told to call sys.set_int_max_str_digits() of Python."""
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/calculators/equilibrium", content=text, headers=headers)
    assert refusal(answer, 422)["message"] == f"body: no JSON that is read here: {said}"


def test_a_body_that_never_comes_holds_nothing_up(
    raw: socket.socket, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fabmarket.api.guard.BODY_SECONDS", 0.2)
    head = b"POST /v1/calculators/quote HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"
    begun = time.monotonic()
    raw.sendall(head)
    assert answered(raw).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun >= 0.2
    assert client.get("/v1/status").status_code == 200
