"""A run that breaks off midway: a clear line, its own exit code, nothing half-written."""

import http.client
import http.server
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from contextlib import contextmanager
from pathlib import Path

import pytest

from fabmarket.chain import NodeLost, Settings, open_engine
from fabmarket.scenario import paper_market
from fabmarket.simulation import run_market

MK01 = Path(__file__).parents[2] / "scenarios" / "fjsp" / "mk01.txt"


@contextmanager
def failing_after(url: str, answers: int, then=lambda: None):
    """The URL of a proxy that passes on so many requests, then calls `then` and drops the rest."""
    node = urllib.parse.urlsplit(url)
    passed = 0

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            nonlocal passed
            passed += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if passed > answers:
                then()
                self.close_connection = True
                return
            link = http.client.HTTPConnection(node.hostname, node.port)
            link.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = link.getresponse().read()
            link.close()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("answers", [5, 60, 200])
def test_a_node_lost_midway_leaves_nothing(node, fabmarket, tmp_path, answers):
    with failing_after(node.url, answers) as url:
        ran = fabmarket("demo", "--engine", url, "--out", tmp_path / "out")
    assert ran.code == 75
    assert ran.stdout == ""
    assert ran.stderr.startswith(f"fabmarket: error: the node at {url} does not answer ")
    assert "start again" in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_node_lost_midway_leaves_an_earlier_report_as_it_was(node, fabmarket, tmp_path):
    assert fabmarket("demo", "--out", tmp_path).code == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with failing_after(node.url, 100) as url:
        assert fabmarket("demo", "--engine", url, "--out", tmp_path).code == 75
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("phase", ["verify", "deposit", "negotiate", "settle", "audit"])
def test_our_own_anvil_killed_in_any_phase_is_said(needs_anvil, phase):
    killed = []

    def kill(now: str, *_: int) -> None:
        if now == phase and not killed:
            killed.append(now)
            engine._process.kill()
            engine._process.wait()

    with open_engine("anvil", Settings()) as engine, pytest.raises(NodeLost) as caught:
        run_market(paper_market(1), engine, 1, kill)
    assert f"the node at {engine.url} does not answer" in str(caught.value)
    assert killed == [phase]


def test_an_interrupted_run_says_that_nothing_was_written(node, tmp_path):
    started = []
    # A shell's background job ignores the signal, and its children would inherit that.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from fabmarket.cli.main import main; main()"
    )

    def interrupt() -> None:
        started[0].send_signal(signal.SIGINT)
        started[0].wait()

    with failing_after(node.url, 100, interrupt) as url:
        started.append(
            subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", program, "demo", "--engine", url],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        out, err = started[0].communicate()
    assert started[0].returncode == 130
    assert out == ""
    assert err == "fabmarket: error: interrupted; nothing is left half-written\n"
    assert list(tmp_path.iterdir()) == []


def test_a_run_can_be_repeated_at_the_node_it_was_lost_at(node, fabmarket):
    with failing_after(node.url, 120) as url:
        assert fabmarket("demo", "--engine", url, "--json").code == 75
    facts = fabmarket("demo", "--engine", node.url, "--json").facts
    assert facts["audit"]["ok"]
    assert facts["paid_total"] == 31_625


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the child in /proc")
def test_regression_termination_leaves_no_anvil_behind(needs_anvil, tmp_path):
    program = str(Path(sys.executable).with_name("fabmarket"))
    ours = [program, "demo", "--engine", "anvil", "--fjsp", str(MK01), "--json"]
    run = subprocess.Popen(ours, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
    while not (started := children.read_text().split()):
        assert run.poll() is None
        time.sleep(0.02)
    run.terminate()
    run.communicate()
    assert run.returncode == 143
    assert not Path(f"/proc/{started[0]}").exists()
