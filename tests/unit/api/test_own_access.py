"""An owner's pages and orders against everybody else: strangers, other sites, other files."""

import os
import re
import socket
from contextlib import closing

import pytest

from fabmarket.api.own.access import NotLoopback, require_loopback
from fabmarket.api.served import Served
from fabmarket.cli.main import main
from fabmarket.node.entry import BadToken, token_of
from fabmarket.node.settings import ENTRY, EVIDENCE
from tests.serving import serving
from tests.unit.node.council import Council
from tests.unit.node.office import Office

ORDER = {"verb": "deposit", "amount": "70"}


class Place:
    """A demander's directory as it is served; `client` shows nothing by itself."""

    def __init__(self, office, client):
        self.office, self.client = office, client
        self.origin = str(client.base_url).rstrip("/")
        self.token = token_of(office.folder)
        self.bearer = {"Authorization": f"Bearer {self.token}"}

    def entered(self, token=None, **headers):
        said = {"token": self.token if token is None else token}
        headers = {"Origin": self.origin, **headers}
        return self.client.post("/enter", data=said, headers=headers)


@pytest.fixture
def place(ledger, tmp_path):
    office = Office(Council(), tmp_path / "bea", "bea")
    token_of(office.folder)
    with serving(Served(ledger, agent=office.folder)) as client:
        yield Place(office, client)


def test_without_the_token_nothing_is_read_and_nothing_ordered(place):
    paths = [path for path, _ in _own_paths(place)]
    assert "/v1/own/status" in paths
    for path, methods in _own_paths(place):
        if not path.startswith("/v1/own"):
            continue
        asked = re.sub("{number}", "1", path.replace("{digest}", f"0x{'0' * 64}"))
        asked = re.sub("{[a-z]+}", "0x1", asked)
        for method in methods:
            files = {"evidence": ("a", b"b")} if "trades" in path else None
            body = None if files or method == "get" else ORDER
            answer = place.client.request(method, asked, json=body, files=files)
            assert (path, answer.status_code) == (path, 401)
            assert answer.json()["error"]["code"] == "not_the_owner"
    assert place.office.orders() == []


def _own_paths(place):
    document = place.client.get("/v1/openapi.json").json()
    return [(path, [*item]) for path, item in document["paths"].items()]


def test_another_token_is_none(place):
    token = place.token
    for shown in ("", "Bearer", "Bearer x", f"Basic {token}", f"Bearer {token}x", token):
        answer = place.client.get("/v1/own/status", headers={"Authorization": shown})
        assert (shown, answer.status_code) == (shown, 401)
    short = {"Authorization": f"Bearer {token[:-1]}"}
    assert place.client.get("/v1/own/status", headers=short).status_code == 401


def test_the_token_in_a_query_or_an_error_is_worth_nothing_and_told_by_nothing(place):
    for path in ("/v1/own/status", "/v1/own/orders", "/v1/own/nothing"):
        answer = place.client.get(path, params={"token": place.token, "access_token": place.token})
        assert answer.status_code in (401, 404)
    refused = [
        place.entered("x" * 300),
        place.entered("wrong"),
        place.client.get("/v1/own/orders", headers=place.bearer, params={"x": "y"}),
        place.client.post("/v1/own/orders", headers=place.bearer, json={"verb": "x"}),
        place.client.get("/v1/own/status", headers={"Authorization": "Bearer wrong"}),
    ]
    assert all(400 <= each.status_code < 500 for each in refused)
    assert not any(place.token in each.text for each in refused)
    assert not any(place.token in str(each.headers) for each in refused)


def test_the_token_lies_in_a_file_of_the_owner_and_stays_the_same(place):
    path = place.office.folder / ENTRY
    assert path.stat().st_mode & 0o777 == 0o600
    assert token_of(place.office.folder) == place.token
    assert len(place.token) >= 43


def test_a_token_that_was_replaced_opens_nothing_any_more(place):
    assert place.entered().status_code == 303
    assert place.client.get("/v1/own/status").status_code == 200
    (place.office.folder / ENTRY).unlink()
    assert place.client.get("/v1/own/status").status_code == 401
    new = token_of(place.office.folder)
    assert new != place.token
    assert place.client.get("/v1/own/status").status_code == 401
    assert place.client.get("/v1/own/status", headers=place.bearer).status_code == 401
    again = {"Authorization": f"Bearer {new}"}
    assert place.client.get("/v1/own/status", headers=again).status_code == 200


def test_a_file_that_may_not_be_the_owners_is_no_token(place):
    path = place.office.folder / ENTRY
    other = path.rename(path.with_name("other"))
    wrong = {
        "open to all": lambda: path.write_text(place.token),
        "a link": lambda: path.symlink_to("other"),
        "a pipe": lambda: os.mkfifo(path, 0o600),
        "short": lambda: path.touch(0o600),
    }
    for make in wrong.values():
        make()
        with pytest.raises(BadToken):
            token_of(place.office.folder)
        assert place.client.get("/v1/own/status", headers=place.bearer).status_code == 401
        path.unlink()
    other.rename(path)
    assert place.client.get("/v1/own/status", headers=place.bearer).status_code == 200


def test_the_cookie_reads_and_orders_for_pages_of_this_server_alone(place):
    answer = place.entered()
    assert (answer.status_code, answer.headers["location"]) == (303, "/own")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(re.split("; ", cookie))
    assert place.token not in cookie
    assert place.client.get("/v1/own/status").status_code == 200
    own = {"Origin": place.origin}
    port = place.origin.rpartition(":")[2]
    for origin in (
        "https://evil.example",
        "null",
        f"http://localhost:{port}",
        "http://127.0.0.1",
        f"http://127.0.0.1:{int(port) + 1}",
        f"https://127.0.0.1:{port}",
        f"{place.origin}.evil.example",
        "",
    ):
        said = place.client.post("/v1/own/orders", json=ORDER, headers={"Origin": origin})
        assert (origin, said.status_code) == (origin, 403)
    assert place.client.post("/v1/own/orders", json=ORDER).status_code == 403
    assert place.office.orders() == []
    assert place.client.post("/v1/own/orders", json=ORDER, headers=own).status_code == 202
    gone = place.client.post("/leave", headers=own)
    assert (gone.status_code, gone.headers["location"]) == (303, "/")
    assert place.client.get("/v1/own/status").status_code == 401


def test_another_site_cannot_enter_nor_leave_for_the_owner(place):
    assert place.entered(Origin="https://evil.example").status_code == 403
    assert not place.client.cookies
    assert place.entered().status_code == 303
    left = place.client.post("/leave", headers={"Origin": "https://evil.example"})
    assert left.status_code == 403
    assert place.client.get("/v1/own/status").status_code == 200


def test_the_cookie_is_not_the_token_and_the_token_no_cookie(place):
    place.entered()
    ((name, value),) = place.client.cookies.items()
    place.client.cookies.clear()
    shown = {"Authorization": f"Bearer {value}"}
    assert place.client.get("/v1/own/status", headers=shown).status_code == 401
    with_token = {"Cookie": f"{name}={place.token}"}
    assert place.client.get("/v1/own/status", headers=with_token).status_code == 401


def test_a_name_that_was_pointed_here_is_refused_whatever_it_shows(place):
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"):
        headers = {**place.bearer, "Host": host, "Origin": f"http://{host}"}
        assert place.client.get("/v1/own/status", headers=headers).status_code == 421
        assert place.client.post("/v1/own/orders", json=ORDER, headers=headers).status_code == 421
    assert place.office.orders() == []


def test_regression_an_address_elsewhere_is_not_this_very_address(place):
    """With the cookie, Host: 1.2.3.4 and its Origin, an order was taken on loopback."""
    place.entered()
    port = place.origin.rpartition(":")[2]
    strange = ("1.2.3.4", f"1.2.3.4:{port}", "127.0.0.1", "localhost:1", f"0.0.0.0:{port}")
    for host in strange:
        headers = {"Host": host, "Origin": f"http://{host}"}
        answer = place.client.post("/v1/own/orders", json=ORDER, headers=headers)
        assert (host, answer.status_code) == (host, 421)
        assert "with its own port" in answer.json()["error"]["message"]
    assert place.office.orders() == []
    for host in ("127.0.0.2", "[::1]", "localhost", "LOCALHOST"):
        asked = {**place.bearer, "Host": f"{host}:{port}"}
        assert place.client.get("/v1/own/status", headers=asked).status_code == 200


def test_regression_the_token_is_asked_for_before_a_body_is_read(place, caplog):
    """Bad JSON was answered 422 to a stranger, and a whole file was read before 401."""
    json_type = {"Content-Type": "application/json"}
    form_type = {"Content-Type": "multipart/form-data; boundary=x"}
    torn = b"--x\r\nEVIL LINE\r\n"
    for path in ("/v1/own/orders", "/v1/own/trades/0x1/dispute", "/v1/own/nothing"):
        for kind, body in ((json_type, b"{"), (form_type, torn), (form_type, b"0" * (20 << 20))):
            answer = place.client.post(path, content=body, headers=kind)
            assert (path, answer.status_code) == (path, 401)
    answer = place.client.post("/own/trades/0x1/dispute", content=torn, headers=form_type)
    assert (answer.status_code, answer.headers["location"]) == (303, "/enter")
    with closing(socket.create_connection(("127.0.0.1", place.client.base_url.port))) as sock:
        sock.settimeout(30)
        head = (
            f"POST /v1/own/orders HTTP/1.1\r\nHost: {place.origin[7:]}\r\nContent-Length: 9\r\n\r\n"
        )
        sock.sendall(head.encode())  # and the body never comes
        assert sock.recv(1 << 16).startswith(b"HTTP/1.1 401 ")
    own = {**place.bearer, **form_type}
    answer = place.client.post("/v1/own/trades/0x1/dispute", content=torn, headers=own)
    assert answer.status_code == 422
    entry = {**form_type, "Origin": place.origin}
    assert place.client.post("/enter", content=torn, headers=entry).status_code == 422
    assert caplog.text == ""


def test_regression_a_stranger_here_does_not_use_up_what_the_owner_may_ask(ledger, tmp_path):
    """All on loopback are one address: another program, or page, shut the owner out with 429."""
    office = Office(Council(), tmp_path / "bea", "bea")
    token = token_of(office.folder)
    with serving(Served(ledger, agent=office.folder, rate=0.001, burst=3)) as client:
        place = Place(office, client)
        assert place.entered().status_code == 303
        cookie = dict(client.cookies)
        client.cookies.clear()
        wrong = {"Authorization": f"Bearer {token}x"}
        for _ in range(4):
            last = client.get("/v1/own/status", headers=wrong)
        assert last.status_code == 429
        assert client.get("/v1/status", headers=place.bearer).status_code == 200
        client.cookies.update(cookie)
        assert client.get("/v1/own/status").status_code == 200
        assert [client.get("/v1/status").status_code for _ in range(2)] == [200, 429]


def test_regression_one_order_is_asked_for_under_one_key(place):
    """Of two keys the second was not seen."""
    headers = [*place.bearer.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = place.client.post("/v1/own/orders", json=ORDER, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "twice")
    assert place.office.orders() == []


def test_an_agent_is_served_to_this_machine_alone():
    for host in ("0.0.0.0", "::", "192.0.2.7", "example.org", "", "127.0.0.1.x"):  # noqa: S104
        with pytest.raises(NotLoopback, match="serve its directory at"):
            require_loopback(host)
    for host in ("127.0.0.1", "::1", "localhost"):
        require_loopback(host)
    with pytest.raises(NotLoopback, match="is of a proxy"):
        require_loopback("127.0.0.1", ["mill.example"])


def test_the_command_serves_an_agent_to_no_other_machine(tmp_path, capsys):
    office = Office(Council(), tmp_path / "bea", "bea")
    for option, value in (("--host", "0.0.0.0"), ("--name", "mill.example")):  # noqa: S104
        with pytest.raises(SystemExit) as ended:
            main(["serve", str(office.folder), "--port", "0", option, value])
        assert ended.value.code == 2
        assert f"{option}: {value!r}" in capsys.readouterr().err


def test_no_path_leads_to_another_file_of_the_directory(place):
    kept = place.office.folder / EVIDENCE
    kept.mkdir()
    (kept / f"0x{'1' * 64}").symlink_to("../agent.toml")
    os.mkfifo(kept / f"0x{'2' * 64}")
    (kept / f"0x{'3' * 64}").mkdir()
    (kept / "notes.txt").write_text("private")
    listed = place.client.get("/v1/own/files", headers=place.bearer)
    assert listed.json() == []
    for name in (
        f"0x{'1' * 64}",
        f"0x{'2' * 64}",
        f"0x{'3' * 64}",
        "notes.txt",
        "..%2Fagent.toml",
        "%2e%2e/agent.toml",
        "..%5cagent.toml",
        "0x%00",
        f"0x{'1' * 64}%2F..%2Fnotes.txt",
    ):
        answer = place.client.get(f"/v1/own/files/{name}", headers=place.bearer)
        assert (name, answer.status_code in (404, 422)) == (name, True)
        assert "private" not in answer.text
        assert "[market]" not in answer.text


def test_a_file_that_is_too_large_is_not_read(place):
    answer = place.client.post(
        "/v1/own/trades/0x1/dispute",
        files={"evidence": ("film", b"0" * (17 << 20))},
        headers=place.bearer,
    )
    assert answer.status_code == 413
    assert not (place.office.folder / EVIDENCE).exists()


def test_what_is_the_owners_is_kept_in_no_cache(place):
    answer = place.client.get("/v1/own/status", headers=place.bearer)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_where_no_agent_is_served_there_is_nothing_to_enter(ledger):
    with serving(Served(ledger)) as client:
        assert client.get("/v1/own/status").status_code == 404
        assert client.post("/enter", data={"token": "x"}).status_code == 404
