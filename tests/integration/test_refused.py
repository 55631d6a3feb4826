"""Reports that the exchange refused: on the chain without an event, and seen by an operator."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity import digest
from fabmarket.ledger import Follower, Ledger
from fabmarket.market.events import Event
from fabmarket.market.exchange import List, Relay, Report, Unlist
from fabmarket.market.trade import Intent
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation import operator
from fabmarket.negotiation.operator import OperatorState
from fabmarket.node.journal import Journal
from fabmarket.node.participant import Participant
from fabmarket.node.settings import EVENTS, JOURNAL
from tests.street import Street, found, free_port

RESOURCE, SLOT = name_to_bytes32("S"), 0


@dataclass
class Post:
    """A market, and an operator's directory in which the chain was read up to now."""

    street: Street
    folder: Path

    def read(self) -> None:
        engine, exchange = self.street.engine, self.street.market.exchange
        with closing(Ledger(self.folder / EVENTS)) as store:
            for _ in Follower[Event](engine, exchange, store).poll():
                pass

    def does(self, party, move) -> tuple[int, int, str]:
        """A move that is sent whatever comes of it: its status, block and transaction."""
        self.street.market.queue(party.key, move)
        ((_, receipt),) = self.street.market.sender.flush()
        return receipt.status, receipt.block, f"0x{receipt.transaction.hex()}"


@pytest.fixture
def post(node, tmp_path):
    street = found(open_engine(node.url, Settings()), 40)
    party = street.parties.operators[0]
    folder = street.directory(tmp_path / "operator", party, free_port())
    initial = OperatorState(party.address, street.market.domain)
    with closing(Journal(folder / JOURNAL)) as journal:
        Participant(party.key, street.market.domain, operator.step, initial, journal)
    made = Post(street, folder)
    made.read()
    return made


def refused(post, run, *options):
    ran = run("watch", post.folder, "--json", *options)
    return [each for each in ran.facts if each["kind"] == "refused"]


def test_a_report_above_what_is_attested_is_listed_also_a_relayed_one(post, fabmarket):
    street, supplier = post.street, post.street.parties.suppliers[0]
    exchange, domain = street.market.exchange, street.market.domain
    resource = RESOURCE
    attested = exchange.slot_of(supplier.address, resource, SLOT).attested
    assert post.does(supplier, Unlist(resource, SLOT, 1))[0] == 1
    move = List((Report(resource, SLOT, attested),))
    status, block, transaction = post.does(supplier, move)
    assert status == 0
    nonce = exchange.intent_nonce(supplier.address)
    intent = Intent(supplier.address, exchange.move_data(move), nonce, street.engine.now() + 9_999)
    relay = Relay(intent, move, supplier.key.sign(digest(domain, intent)))
    relayed = post.does(street.parties.demanders[0], relay)
    assert relayed[0] == 0
    assert post.does(supplier, List((Report(resource, SLOT, 1),)))[0] == 1
    assert refused(post, fabmarket) == []  # the agent has not come so far
    post.read()
    first, second = refused(post, fabmarket)
    what = (
        f"slot {SLOT} of S of {supplier.address}: {attested} units reported, {attested} attested,"
        f" {attested - 1} of them listed or sold before: transaction "
    )
    assert first == {"kind": "refused", "what": what + transaction, "block": block}
    assert second == {"kind": "refused", "what": what + relayed[2], "block": relayed[1]}
    assert refused(post, fabmarket, "--since", block + 1) == [second]
    assert refused(post, fabmarket, "--since", relayed[1] + 1) == []


def test_what_else_fails_is_no_refused_report(post, fabmarket):
    supplier = post.street.parties.suppliers[0]
    assert post.does(supplier, Unlist(RESOURCE, SLOT, 10**6))[0] == 0
    post.read()
    assert refused(post, fabmarket) == []


def test_without_a_node_the_rest_is_listed(post, fabmarket):
    settings = post.folder / "agent.toml"
    text = settings.read_text().replace(post.street.engine.url, f"http://127.0.0.1:{free_port()}")
    settings.write_text(text)
    ran = fabmarket("watch", post.folder, "--json")
    assert (ran.code, ran.facts) == (0, [])
    assert "Refused reports are not seen, and looked for again: no Ethereum node" in ran.stderr
