"""A node at a URL: an anvil that mines by itself and knows nothing of us."""

import http.server
import threading

import pytest

from fabmarket.chain import (
    ChainError,
    EngineUnavailable,
    NodeLost,
    Sender,
    Settings,
    Transaction,
    open_engine,
    rpc,
)
from fabmarket.chain.rpc import dev_funder
from fabmarket.errors import TryAgain
from fabmarket.identity import Key

DEV_CHAIN_ID = 31337


def open_url(url, chain_id=None):
    return open_engine(url, Settings(chain_id=chain_id))


def test_deployment_and_a_refusal_at_a_url(deployed_at_node):
    deployed = deployed_at_node
    engine = deployed.engine
    assert (engine.name, engine.chain_id) == ("rpc", DEV_CHAIN_ID)
    assert engine.client.startswith("anvil/")
    withdraw = deployed.exchange.data("withdraw", deployed.token.address, 5, deployed.key.address)
    deployed.queue(withdraw)
    deployed.queue(deployed.token.data("mint", deployed.key.address, 5), to=deployed.token.address)
    (_, refused), (_, minted) = deployed.sender.flush()
    assert (refused.status, minted.status) == (0, 1)
    assert minted.block == refused.block + 1
    error = deployed.exchange.why(deployed.key.address, withdraw, refused.block - 1)
    assert error.values == (deployed.key.address, deployed.token.address, 0, 5)
    assert deployed.token.balance_of(deployed.key.address) == 5


def test_time_passes_at_a_node_that_makes_blocks_of_transactions_alone(node):
    """Whoever waits sends what does nothing, so that the chain's time is known."""
    with open_engine(node.url, Settings()) as engine:
        assert not engine.is_virtual
        sender, payee = Sender(engine), Key.derive("payee").address
        for amount in (1, 2):
            sender.queue(Transaction(engine.funder, "pay", payee, b"", 21_000, amount))
            sender.must_succeed()
            until = engine.now() + 1
            engine.pass_time(until)
            assert engine.now() >= until
        assert engine.native_balance(payee) == 3
        before = engine.header()
        engine.pass_time(before.time)
        assert engine.header() == before


def test_another_chain_id_is_refused_by_number(node):
    with pytest.raises(EngineUnavailable) as caught:
        open_url(node.url, chain_id=5)
    assert f"chain id 31337 at {node.url} where 5 is expected" in str(caught.value)
    assert "--chain-id 31337" in str(caught.value)


def test_a_chain_that_is_no_development_chain_needs_its_id_said(needs_anvil):
    with open_engine("anvil", Settings(chain_id=1)) as mainnet_like:
        with pytest.raises(EngineUnavailable, match=r"chain id 1 at .* where 31337 is expected"):
            open_url(mainnet_like.url)
        assert open_url(mainnet_like.url, chain_id=1).chain_id == 1


def test_a_funder_without_coin_is_named(node, monkeypatch):
    poor = Key.derive("nobody ever funded this")
    monkeypatch.setenv("FABMARKET_FUNDER_KEY", "0x" + poor._key.secret.hex())
    with pytest.raises(EngineUnavailable) as caught:
        open_url(node.url)
    assert poor.address in str(caught.value)
    assert "FABMARKET_FUNDER_KEY" in str(caught.value)


def test_a_funder_of_ones_own_pays(node, monkeypatch):
    mine = Key.derive("a funder of one's own")
    node.w3.provider.make_request("anvil_setBalance", [mine.address, hex(10**18)])
    monkeypatch.setenv("FABMARKET_FUNDER_KEY", mine._key.secret.hex())
    with open_engine(node.url, Settings()) as engine:
        assert engine.funder.address == mine.address
        sender = Sender(engine)
        sender.queue(Transaction(engine.funder, "pay", dev_funder().address, b"", 21_000, 7))
        sender.must_succeed()
        assert engine.nonce(mine.address) == 1


@pytest.mark.parametrize(
    "secret", ["", "0x", "hello", "00" * 32, "ff" * 32, "ab" * 31, "ab" * 33, "zz" * 32]
)
def test_a_bad_funder_key_is_refused_without_being_shown(monkeypatch, secret):
    monkeypatch.setenv("FABMARKET_FUNDER_KEY", secret)
    with pytest.raises(EngineUnavailable) as caught:
        open_engine("http://127.0.0.1:1", Settings())
    assert (
        str(caught.value) == "FABMARKET_FUNDER_KEY is not a private key; give 64 hexadecimal digits"
    )


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "http://", "http://127.0.0.1:99999", "https://no-such-host.invalid"],
)
def test_an_unreachable_url_is_named(url):
    with pytest.raises(EngineUnavailable) as caught:
        open_url(url)
    assert f"no Ethereum node answers at {url} (" in str(caught.value)
    assert "--engine embedded" in str(caught.value)
    assert "NodeLost" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 404, 503])
def test_a_web_server_is_no_node(status):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with pytest.raises(EngineUnavailable, match="no Ethereum node answers at"):
                open_url(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def test_a_chain_that_stands_still_is_named_with_what_to_do(node, monkeypatch):
    """It was said that it stands still, and not what to do."""
    monkeypatch.setattr(rpc, "_DEADLINE", 10.0)
    with open_engine(node.url, Settings()) as engine:
        engine.ask("evm_setAutomine", [False])
        sender = Sender(engine)
        sender.queue(Transaction(engine.funder, "pay", engine.funder.address, b"", 21_000))
        said = f"stands still at block {engine.block_number()}; see that .* more than two thirds"
        with pytest.raises(rpc.NotMined, match=said):
            sender.flush()


def test_a_node_killed_midway_is_said_in_one_line(deployed_at_node, node):
    deployed = deployed_at_node
    node._process.kill()
    node._process.wait()
    asks = [
        deployed.engine.now,
        deployed.engine.block_number,
        lambda: deployed.engine.header(0),
        lambda: deployed.engine.logs(0, 1, deployed.exchange.address),
        lambda: deployed.engine.pass_time(2**40),
        deployed.engine.fees,
        lambda: deployed.engine.nonce(deployed.key.address),
        lambda: deployed.engine.native_balance(deployed.key.address),
        lambda: deployed.engine.mine([b"\x02"]),
        lambda: deployed.token.balance_of(deployed.key.address),
    ]
    for ask in asks:
        with pytest.raises(
            NodeLost, match=f"the node at {node.url} does not answer eth_"
        ) as caught:
            ask()
        assert isinstance(caught.value, TryAgain)
        assert "\n" not in str(caught.value)


def test_our_own_anvil_killed_midway_is_said_too(needs_anvil):
    with open_engine("anvil", Settings()) as engine:
        engine._process.kill()
        engine._process.wait()
        with pytest.raises(NodeLost, match="does not answer evm_mine"):
            engine.mine([])


def test_a_transaction_the_node_refuses_is_said(node):
    with open_engine(node.url, Settings()) as engine:
        sender = Sender(engine)
        poor = Key.derive("nobody ever funded this")
        sender.queue(Transaction(poor, "pay", engine.funder.address, b"", 21_000, 1))
        with pytest.raises(ChainError, match=f"{node.url} refused a transaction: .*und"):
            sender.flush()


def test_a_call_the_node_cannot_answer_is_said(node):
    engine = open_url(node.url)
    with pytest.raises(ChainError, match=f"the node at {node.url} refused a call"):
        engine.call(engine.funder.address, b"", block=10**6)
