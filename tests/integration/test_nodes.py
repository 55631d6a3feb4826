"""A node at a URL that holds a secret, and one that answers what no node answers."""

import http.client
import http.server
import json
import threading
import urllib.parse
from contextlib import contextmanager

import pytest

from fabmarket.chain import public

SECRETS = ("hunter2", "s3cr3t", "0123456789abcdef", "t0k3n", "%2Fslash")
ESCAPE = "\x1b]0;x\x07\u202e"


@contextmanager
def proxy(url, answer=lambda path, asked, said: said):
    """A node behind a place of many secrets; `answer` may change what it says."""
    node = urllib.parse.urlsplit(url)

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            link = http.client.HTTPConnection(node.hostname, node.port)
            link.request("POST", "/", body, {"Content-Type": "application/json"})
            said = answer(self.path, json.loads(body), link.getresponse().read())
            link.close()
            if said is None:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def secret_url(port):
    user, password, key, token, slash = SECRETS
    return f"http://{user}:{password}{slash}@127.0.0.1:{port}/v3/{key}?token={token}"


def check_secret(*texts):
    for text in texts:
        data = text if isinstance(text, bytes) else text.encode()
        for secret in (*SECRETS, "/slash"):
            assert secret.encode() not in data


def test_regression_no_secret_of_a_url_is_shown_or_kept(node, fabmarket, tmp_path, monkeypatch):
    with proxy(node.url) as port:
        monkeypatch.setenv("FABMARKET_ENGINE", secret_url(port))
        ran = fabmarket("demo", "--out", tmp_path / "out")
    assert (ran.code, ran.stderr) == (0, "")
    shown = f"http://127.0.0.1:{port}/…"
    assert f"Again:  fabmarket demo --engine {shown} --seed 1" in ran.stdout.replace("'", "")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["engine"]["name"] == manifest["command"][3] == shown
    written = [one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()]
    check_secret(ran.stdout, *written)
    again = fabmarket(*manifest["command"][1:])
    assert again.code == 2
    assert "kept out of the report; give the whole URL, best in FABMARKET_ENGINE" in again.stderr


def echo(path, asked, said):
    """Refuse a call as some providers do: with the key it came with."""
    if asked["method"] == "eth_call":
        error = {"code": -32000, "message": f"{ESCAPE} project {path} of {SECRETS[2]} " + "a" * 900}
        return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode()
    return said


def drop(path, asked, said):
    return None


@pytest.mark.parametrize(
    ("url", "answer", "said"),
    [
        (secret_url, drop, "no Ethereum node answers at"),
        (secret_url, echo, "refused a call"),
        (lambda port: secret_url(1), None, "no Ethereum node answers at http://127.0.0.1:1/…"),
        (lambda port: secret_url(port).replace("http:", "ftp:"), None, "unknown engine"),
        (lambda port: secret_url(port).replace("http://", ""), None, "unknown engine"),
        (lambda port: secret_url(port).replace("%2F", "/"), None, "no Ethereum node answers"),
        (lambda port: secret_url("port"), None, "no Ethereum node answers at"),
        (lambda port: f"https://[::1/{SECRETS[2]}", None, "no Ethereum node answers at"),
    ],
)
def test_no_message_holds_a_secret_or_an_escape(node, fabmarket, url, answer, said):
    with proxy(node.url, answer or (lambda path, asked, said: said)) as port:
        ran = fabmarket("demo", "--engine", url(port), "--json")
    assert ran.code == 2
    assert said in ran.stderr
    assert (ran.stderr.count("\n"), ran.stdout) == (1, "")
    assert ran.stderr[:-1].isprintable()
    assert len(ran.stderr) < 1000
    check_secret(ran.stderr)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("embedded", "embedded"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://[::1]:8545/", "http://[::1]:8545/"),
        ("https://u:pw@h:1/", "https://h:1/…"),
        ("https://u@h", "https://h/…"),
        ("https://h/v3/key", "https://h/…"),
        ("https://h?key=1", "https://h/…"),
        ("https://h#key", "https://h/…"),
        ("https://u:p/w@h/", "https://…"),
        ("https://h/u:p@w", "https://…"),
        ("u:pw@h", "…"),
        ("p@w://h", "…"),
    ],
)
def test_of_a_url_scheme_host_and_port_are_public(name, shown):
    assert public(name) == shown


METHODS = (
    "eth_chainId",
    "web3_clientVersion",
    "eth_getBalance",
    "eth_getTransactionCount",
    "eth_getBlockByNumber",
    "eth_sendRawTransaction",
    "eth_call",
    "eth_getLogs",
    None,
)
LONG = "0x" + "f" * 3000
ODD = ("0xzz", None, {"a": 1}, "x" * 10_000, -1, LONG, ESCAPE)
# What a call returns may be of any length: a lie, but no odd one. What a node calls itself is its
# own affair, and a run to the end takes its time: only what is shown of it is tried.
CASES = [
    (method, odd)
    for method in METHODS
    for odd in ODD
    if (method, odd) != ("eth_call", LONG)
    and (method != "web3_clientVersion" or odd in (ESCAPE, "x" * 10_000))
]


@pytest.mark.parametrize(("method", "odd"), CASES, ids=lambda one: repr(one)[:16])
def test_whatever_a_node_answers_is_no_bug_of_ours(node, fabmarket, method, odd):
    def answer(path, asked, said):
        if isinstance(asked, list):  # of these the cases ask nothing
            return said
        if method is None:  # not even the envelope is right
            return json.dumps(odd).encode() if asked["method"] == "eth_call" else said
        if asked["method"] != method:
            return said
        return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": odd}).encode()

    with proxy(node.url, answer) as port:
        ran = fabmarket("demo", "--engine", f"http://127.0.0.1:{port}", "--json")
    if ran.code == 0:  # some answers do no harm
        assert ran.stderr == ""
        return
    assert ran.code in (1, 2, 75), ran.stderr
    assert ran.stderr.count("\n") == 1
    assert ran.stderr[:-1].isprintable()
    assert len(ran.stderr) < 1000
