"""Real nodes that fail: an anvil that can be ended and come back, and a relay that misbehaves."""

import http.client
import http.server
import json
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabmarket.chain import Engine, Settings, open_engine
from fabmarket.local.ports import free_ports

DEV_CHAIN_ID = 31337


class Relay:
    """What stands between us and a node. `fault` is what befalls each request:

    None, "drop", "stall" until the relay ends, an answer that is "endless" or comes by "drips", as
    its headers or the length of its chunks may, or an HTTP status with `headers`. `few`: after so
    many requests the fault is over. `behind`: it shows a chain so many blocks shorter than the
    node's. `said`: bytes of answers.
    """

    def __init__(self, url: str) -> None:
        self.node = urllib.parse.urlsplit(url)
        self.url = ""
        self.fault: str | int | None = None
        self.headers: dict[str, str] = {}
        self.few: int | None = None
        self.said = 0
        self.behind = 0
        self.chain_id: int | None = None
        self.asked: Counter[str] = Counter()
        self.ended = threading.Event()

    def is_faulty(self) -> str | int | None:
        if self.few is not None:
            self.few -= 1
            if self.few < 0:
                self.fault = None
        return self.fault

    def answer(self, body: bytes) -> bytes:
        asked = json.loads(body)
        if isinstance(asked, list):
            return b"[" + b",".join(self.answered(each) for each in asked) + b"]"
        return self.answered(asked)

    def answered(self, asked: dict) -> bytes:
        method, params = asked["method"], asked["params"]
        if method == "eth_chainId" and self.chain_id is not None:
            return self._result(asked, hex(self.chain_id))
        if self.behind:
            head = self._head() - self.behind
            if method == "eth_blockNumber":
                return self._result(asked, hex(head))
            if method == "eth_getBlockByNumber":
                if params[0] == "latest":
                    params[0] = hex(head)
                elif int(params[0], 16) > head:
                    return self._result(asked, None)
            if method == "eth_getLogs":
                params[0]["toBlock"] = hex(min(int(params[0]["toBlock"], 16), head))
        return self._passed(asked)

    def _head(self) -> int:
        asked = {"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []}
        return int(json.loads(self._passed(asked))["result"], 16)

    def _result(self, asked: dict, result: object) -> bytes:
        return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()

    def _passed(self, asked: dict) -> bytes:
        link = http.client.HTTPConnection(self.node.hostname, self.node.port)
        try:
            link.request("POST", "/", json.dumps(asked), {"Content-Type": "application/json"})
            return link.getresponse().read()
        finally:
            link.close()


@contextmanager
def relay(url: str, kind: type[Relay] = Relay) -> Iterator[Relay]:
    """A relay in front of a node."""
    made = kind(url)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = json.loads(body)
            several = asked if isinstance(asked, list) else [asked]
            made.asked.update(each["method"] for each in several)
            fault = made.is_faulty()
            if fault == "stall":
                made.ended.wait()
            if fault in ("stall", "drop"):
                self.close_connection = True
                return
            if fault == "endless" or str(fault).startswith("drips"):
                return self.go_on(str(fault))
            try:
                answers = (
                    [] if fault else [made.answer(json.dumps(one).encode()) for one in several]
                )
                said = b",".join(answers)
                said = b"[" + said + b"]" if isinstance(asked, list) and not fault else said
            except OSError:  # the node is gone
                self.close_connection = True
                return
            self.send_response(fault or 200)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def go_on(self, fault):
            part = b" " * (1 << 16) if fault == "endless" else b"0"
            self.send_response(200)
            if fault == "drips headers":
                self.flush_headers()
            elif fault == "drips chunks":
                self.send_header("Transfer-Encoding", "chunked")
            if fault != "drips headers":
                self.end_headers()
            try:
                while not made.ended.wait(0 if len(part) > 1 else 0.05):
                    self.wfile.write(part)
                    made.said += len(part)
            except OSError:
                return

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield made
        finally:
            made.ended.set()
            server.shutdown()
            thread.join()


class Anvil:
    """An anvil that keeps its chain in a file: it can be ended and started again at one port."""

    def __init__(self, binary: str, state: Path, *options: str) -> None:
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.state = state
        self._command = [
            *(binary, "--host", "127.0.0.1", "--port", str(self.port), "--quiet"),
            *("--chain-id", str(DEV_CHAIN_ID), "--state", str(state)),
            *("--preserve-historical-states", *options),
        ]
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        self.process = subprocess.Popen(self._command)  # noqa: S603
        while True:
            assert self.process.poll() is None
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self.process
            time.sleep(0.02)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def binary_of_anvil() -> str:
    with open_engine("anvil", Settings()) as engine:
        return str(engine._process.args[0])


def rpc(engine: Engine, method: str, *params: object) -> object:
    """Ask a development node for what only such a node does."""
    answer = engine.w3.provider.make_request(method, list(params))
    assert "error" not in answer, answer
    return answer["result"]
