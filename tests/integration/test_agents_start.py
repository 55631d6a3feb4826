"""The first moments of an agent: no node yet, the wrong one, and orders that wait."""

import shutil

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity import Key
from fabmarket.market.units import name_to_bytes32
from tests.nodes import relay, rpc
from tests.street import PATIENCE, ended, found, free_port, logged, run, said, start, wait_until


@pytest.fixture
def street(node):
    made = found(open_engine(node.url, Settings()), 40)
    rpc(made.engine, "evm_setAutomine", False)
    rpc(made.engine, "evm_setIntervalMining", 1)
    return made


def test_an_agent_that_finds_no_node_waits_for_it(street, tmp_path):
    supplier, log = street.parties.suppliers[0], tmp_path / "log"
    with relay(street.engine.url) as between:
        between.fault = "drop"
        folder = street.directory(tmp_path / "s", supplier, free_port(), between.url)
        agent = start(folder, log, "--json-log")
        with ended(agent):
            lost, *_ = wait_until(lambda: logged(log, "lost"), PATIENCE, "it does not say it waits")
            assert "no Ethereum node answers at" in lost["reason"]
            assert "see that one runs, and that chain.urls" in lost["reason"]
            status = said("status", folder)
            assert (status["running"], status["begun"]) == (True, False)
            assert "It is just starting, and has reached no node" in run("status", folder).stdout
            refused = run("list", folder, 0, 1)
            assert refused.returncode == 75
            assert "the agent is just starting, and has reached no node yet" in refused.stderr
            assert agent.poll() is None
            between.fault = None
            wait_until(lambda: logged(log, "begun"), PATIENCE, "it does not go on")
            assert logged(log, "found")
            assert said("status", folder)["begun"]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("chain_id = 31337", "chain_id = 1", "chain id 31337 at"),
        ("exchange = ", f'exchange = "{Key.derive("start tests", "x").address}" #', "no exchange"),
    ],
)
def test_the_wrong_chain_or_contract_ends_it(street, tmp_path, before, after, why):
    supplier, log = street.parties.suppliers[0], tmp_path / "log"
    folder = street.directory(tmp_path / "s", supplier, free_port())
    text = (folder / "agent.toml").read_text()
    (folder / "agent.toml").write_text(text.replace(before, after))
    agent = start(folder, log, "--json-log")
    with ended(agent):
        assert agent.wait(PATIENCE) == 2
    assert why in log.read_text()


def test_orders_are_taken_once_the_agent_knows_what_the_chain_holds(street, tmp_path):
    """The resource is registered while the agent does not run: it learns of that at its start."""
    supplier, log = street.parties.suppliers[0], tmp_path / "log"
    folder = street.directory(tmp_path / "s", supplier, free_port())
    text = (folder / "agent.toml").read_text()
    (folder / "agent.toml").write_text(text.replace('resource = "S"', 'resource = "T"'))
    agent = start(folder, log, "--json-log")
    with ended(agent):
        wait_until(lambda: logged(log, "begun"), PATIENCE, "it does not begin")
        agent.terminate()
        assert agent.wait(PATIENCE) == 0
    names = (name_to_bytes32("T"), name_to_bytes32("hour"))
    street.market.queue(supplier.key, street.market.registration(*names))
    street.market.sender.must_succeed(street.market.exchange)
    assert run("ask", folder, "--slot", 1, 5).returncode == 0  # it waits
    agent = start(folder, log, "--json-log")
    with ended(agent):
        (order,) = wait_until(lambda: logged(log, "order"), PATIENCE, "it is not taken")
        assert order["outcome"] == "done"


def test_an_agent_whose_directory_is_removed_ends(street, tmp_path):
    supplier, log = street.parties.suppliers[0], tmp_path / "log"
    folder = street.directory(tmp_path / "s", supplier, free_port())
    agent = start(folder, log, "--json-log")
    with ended(agent):
        wait_until(lambda: logged(log, "mined"), PATIENCE, "its card is not announced")
        while folder.exists():  # it may write a file there while the others are removed
            shutil.rmtree(folder, ignore_errors=True)
        assert agent.wait(PATIENCE) != 0
    assert "the journal was removed or replaced while the agent ran" in log.read_text()
