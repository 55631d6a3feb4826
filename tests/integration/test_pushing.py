"""A participant's moves reach the chain once, whatever is killed, lost or reorganised."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import rlp

from fabmarket.chain import (
    ChainError,
    Engine,
    NodeLost,
    Sender,
    Settings,
    Transaction,
    open_engine,
    signed,
)
from fabmarket.chain.calls import gas_limit
from fabmarket.identity import keccak
from fabmarket.market.exchange import Deposit
from fabmarket.node import Journal, Outbox
from fabmarket.node.outbox import STUCK_AFTER, HeldUp
from tests.nodes import Anvil, binary_of_anvil, relay, rpc
from tests.pushing import KEY, participant_of
from tests.street import PATIENCE, wait_until
from tests.unit.chain.conftest import Deployed, deploy_on

ROOT = Path(__file__).parents[2]
GWEI = 10**9
DEAR = 50 * GWEI


@dataclass
class Firm:
    """A deployed exchange, and a participant's key with coin and an allowance of tokens."""

    deployed: Deployed
    engine: Engine

    @property
    def exchange(self):
        return self.deployed.exchange

    @property
    def token(self):
        return self.deployed.token.address

    def outbox(self, journal, finality=0, engine=None):
        return Outbox(KEY, journal, engine or self.engine, self.exchange, finality)

    def ordered(self, *amounts, path=None):
        """A journal with deposits to be sent."""
        journal = Journal(path)
        participant = participant_of(self.engine, self.exchange.address, self.token, journal)
        for amount in amounts:
            participant.order(Deposit(self.token, amount))
        return journal

    def balance(self):
        return self.exchange.balance_of(KEY.address, self.token)

    def something_else(self, nonce):
        """Another transaction of the account."""
        item = Transaction(KEY, "other", KEY.address, b"", 21_000)
        return self.engine.send(signed(self.engine, item, nonce))


def firm_at(engine):
    deployed = deploy_on(engine)
    sender, token = Sender(engine), deployed.token
    allow = token.data("approve", deployed.exchange.address, 10**6)
    sender.queue(Transaction(engine.funder, "fund", KEY.address, b"", 21_000, 10**18))
    sender.must_succeed()  # a node takes nothing of a sender whose coin is not mined yet
    mint = token.data("mint", KEY.address, 10**6)
    sender.queue(Transaction(engine.funder, "mint", token.address, mint, 100_000))
    sender.queue(Transaction(KEY, "allow", token.address, allow, 100_000))
    sender.must_succeed()
    return Firm(deployed, engine)


@pytest.fixture
def firm(node):
    return firm_at(open_engine(node.url, Settings()))


def mine(engine, blocks=1):
    for _ in range(blocks):
        rpc(engine, "evm_mine")


def started(url, firm, journal, *options):
    command = [sys.executable, "-m", "tests.pushing", url, firm.exchange.address, firm.token]
    return subprocess.Popen(  # noqa: S603
        [*command, str(journal), *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def killed_at(stop, url, firm, journal, *options):
    """Run the program up to a point, and kill it there."""
    program = started(url, firm, journal, "--stop", stop, *options)
    try:
        assert program.stdout.readline() == "stopped\n"
    finally:
        program.kill()
        program.communicate()


def finished(url, firm, journal, *options):
    said, _ = (program := started(url, firm, journal, *options)).communicate()
    assert program.returncode == 0
    return [line.split() for line in said.splitlines()]


@pytest.mark.parametrize(
    ("stops", "is_mining"),
    [(["signed"], True), (["sent"], True), (["signed", "signed", "sent", "sent"], False)],
)
def test_killed_between_signing_sending_and_receipt_it_has_one_effect(
    node, firm, tmp_path, stops, is_mining
):
    """Killed again and again too, while the node has the bytes and mines nothing."""
    journal = tmp_path / "journal.sqlite"
    rpc(node, "evm_setAutomine", is_mining)
    nonce = firm.engine.nonce(KEY.address)
    for at, stop in enumerate(stops):
        options = ("--order", "70") if at == 0 else ()
        killed_at(stop, node.url, firm, journal, *options)
        (move,) = Journal.reading(journal).moves()
        assert move.nonce == nonce
    rpc(node, "evm_setAutomine", True)
    mine(node)
    ((used, status, transaction),) = finished(node.url, firm, journal)
    assert (int(used), int(status)) == (nonce, 1)
    assert bytes.fromhex(transaction) == keccak(move.raw)
    assert firm.balance() == 70
    assert firm.engine.nonce(KEY.address) == nonce + 1


def test_killed_with_several_moves_each_has_one_effect(node, firm, tmp_path):
    path = tmp_path / "journal.sqlite"
    firm.ordered(1, 20, 300, path=path).close()
    killed_at("sent", node.url, firm, path)
    said = finished(node.url, firm, path)
    nonces = [int(each[0]) for each in said]
    assert nonces == [nonces[0], nonces[0] + 1, nonces[0] + 2]
    assert firm.balance() == 321


def test_a_node_that_is_down_for_seconds_is_waited_for(needs_anvil, tmp_path):
    with_state = Anvil(binary_of_anvil(), tmp_path / "chain.json")
    path = tmp_path / "journal.sqlite"
    try:
        firm = firm_at(open_engine(with_state.url, Settings()))
        journal = firm.ordered(70, path=path)
        outbox = firm.outbox(journal)
        with_state.end()
        with pytest.raises(NodeLost, match=f"the node at {with_state.url} does not answer"):
            outbox.push()
        with_state.start()
        while journal.moves():
            outbox.push()
        assert firm.balance() == 70
        outbox.push()
        with_state.end()
        with_state.start()
        assert firm.balance() == 70
    finally:
        with_state.process.kill()
        with_state.process.wait()


@pytest.mark.parametrize("fault", ["drop", 503])
def test_lost_between_sending_and_receipt_another_node_goes_on(node, firm, fault):
    with relay(node.url) as first, relay(node.url) as second:
        engine = open_engine(f"{first.url},{second.url}", Settings())
        journal = firm.ordered(70)
        outbox = firm.outbox(journal, engine=engine)
        assert outbox.push() == []
        first.fault = fault
        ((_, receipt),) = outbox.push()
        assert receipt.status == 1
        assert second.asked["eth_getTransactionReceipt"] == 1
        assert firm.balance() == 70


def test_what_a_node_forgot_is_sent_again_byte_for_byte(node, firm):
    rpc(node, "evm_setAutomine", False)
    journal = firm.ordered(70)
    outbox = firm.outbox(journal)
    assert outbox.push() == []
    (move,) = journal.moves()
    rpc(node, "anvil_dropTransaction", "0x" + keccak(move.raw).hex())
    assert outbox.push() == []
    assert outbox.push() == []  # it is known: no error
    assert journal.moves() == [move]
    mine(node)
    ((_, receipt),) = outbox.push()
    assert receipt.transaction == keccak(move.raw)
    assert firm.balance() == 70


def test_a_move_that_fails_is_on_the_chain_too(firm):
    journal = firm.ordered(10**7)  # more than is allowed
    outbox = firm.outbox(journal)
    done = outbox.push()
    # A busy node mines a moment later.
    wait_until(lambda: done.extend(outbox.push()) or done, PATIENCE, "it is not mined")
    ((_, receipt),) = done
    assert receipt.status == 0
    assert journal.moves() == []
    assert outbox.push() == []


def test_reorganised_out_the_same_bytes_are_sent_again(node, firm):
    journal = firm.ordered(70)
    outbox = firm.outbox(journal, finality=3)
    assert outbox.push() == []
    (move,) = journal.moves()
    assert firm.balance() == 70
    mine(node)
    assert outbox.push() == []  # two blocks can still be taken back
    rpc(node, "anvil_reorg", 2, [])
    assert firm.balance() == 0
    assert firm.engine.receipt(keccak(move.raw)) is None
    rpc(node, "anvil_dropAllTransactions")
    assert outbox.push() == []
    assert journal.moves() == [move]
    assert firm.balance() == 70
    mine(node, 3)
    ((_, receipt),) = outbox.push()
    assert receipt.transaction == keccak(move.raw)
    assert journal.moves() == []
    assert firm.balance() == 70


def test_a_nonce_used_elsewhere_gives_the_move_another(node, firm):
    journal = firm.ordered(1, 20)
    outbox = firm.outbox(journal)
    first, second = outbox.outgoing()
    firm.something_else(first.nonce)
    assert outbox.push() == []
    assert [each.nonce for each in journal.moves()] == [second.nonce + 1, second.nonce]
    done = []
    wait_until(lambda: done.extend(outbox.push()) or len(done) == 2, 60, "they are not mined")
    assert [(each.nonce, receipt.status) for each, receipt in done] == [
        (second.nonce, 1),
        (second.nonce + 1, 1),
    ]
    assert firm.balance() == 21


def test_a_move_signed_anew_goes_behind_those_that_wait(node, firm):
    journal = firm.ordered(1, 20)
    outbox = firm.outbox(journal)
    first, second = outbox.outgoing()
    other = firm.something_else(first.nonce)
    wait_until(lambda: firm.engine.receipt(other), PATIENCE, "it is not mined")
    rpc(node, "evm_setAutomine", False)
    outbox.push()
    assert [(each.number, each.nonce) for each in outbox.outgoing()] == [
        (second.number, second.nonce),
        (first.number, second.nonce + 1),
    ]


def test_a_nonce_is_used_elsewhere_only_when_that_is_final(node, firm):
    """Signed anew before, both could be mined once what used the nonce is reorganised out."""
    journal = firm.ordered(70)
    outbox = firm.outbox(journal, finality=2)
    (before,) = outbox.outgoing()
    firm.something_else(before.nonce)
    mine(node)
    assert outbox.push() == []
    assert [each.raw for each in journal.moves()] == [before.raw]
    rpc(node, "anvil_reorg", 2, [])
    rpc(node, "anvil_dropAllTransactions")
    assert outbox.push() == []
    assert firm.balance() == 70  # the bytes signed at first
    mine(node, 2)
    ((_, receipt),) = outbox.push()
    assert receipt.transaction == keccak(before.raw)


def test_a_nonce_finally_used_elsewhere_has_one_effect(node, firm):
    journal = firm.ordered(70)
    outbox = firm.outbox(journal, finality=2)
    (before,) = outbox.outgoing()
    firm.something_else(before.nonce)
    mine(node, 2)
    outbox.push()
    (after,) = journal.moves()
    assert after.nonce == before.nonce + 1
    with pytest.raises(ChainError, match="nonce too low"):
        firm.engine.send(before.raw)
    mine(node, 2)
    ((_, receipt),) = outbox.push()
    assert receipt.transaction == keccak(after.raw)
    assert firm.balance() == 70


# A transaction that is stuck (fault 12)


def offered(raw):
    """What a transaction offers for a unit of gas: the most, and the tip."""
    _, _, tip, most, *_ = rlp.decode(raw[1:])
    return int.from_bytes(most, "big"), int.from_bytes(tip, "big")


class Stuck:
    """Deposits that were signed, before gas became dearer than they offer."""

    def __init__(self, firm, *amounts, **limit):
        rpc(firm.engine, "evm_setAutomine", False)
        self.firm, self.journal = firm, firm.ordered(*amounts)
        self.held_up = []
        limit["held_up"] = self.held_up.append
        self.outbox = Outbox(KEY, self.journal, firm.engine, firm.exchange, **limit)
        self.outbox.push()
        self.signed = self.journal.moves()
        self.block_at(DEAR)
        self.push()  # from this block on it could be mined

    def block_at(self, base_fee):
        rpc(self.firm.engine, "anvil_setNextBlockBaseFeePerGas", hex(base_fee))
        mine(self.firm.engine)

    def push(self):
        """This node refuses what offers too little; others take it, and let it wait."""
        try:
            return self.outbox.push()
        except ChainError as error:
            if "max fee per gas less than block base fee" not in str(error):
                raise
            return []

    def blocks_go_by(self, count):
        for _ in range(count):
            self.block_at(DEAR)
            assert self.push() == []

    def finished(self):
        """Gas is cheap again."""
        done = []
        while self.journal.moves():
            self.block_at(GWEI // 2)
            done += self.push()
        return done


def test_fault_12_a_stuck_transaction_offers_more_with_the_same_nonce(firm):
    stuck = Stuck(firm, 70, 200)
    first, second = stuck.signed
    stuck.blocks_go_by(STUCK_AFTER - 1)
    assert stuck.journal.moves() == [first, second]
    stuck.blocks_go_by(1)
    raised, behind = stuck.journal.moves()
    assert behind == second  # it waits for the first alone
    assert (raised.nonce, raised.earlier) == (first.nonce, (first.raw,))
    before, after = offered(first.raw), offered(raised.raw)
    assert after == (raised.most, raised.tip)
    assert all(10 * more >= 11 * less for more, less in zip(after, before, strict=True))
    assert DEAR < raised.most < 3 * DEAR
    stuck.block_at(DEAR)  # the node has it, and mines it
    ((_, receipt),) = stuck.push()
    assert receipt.transaction == keccak(raised.raw)
    assert [receipt.status for _, receipt in stuck.finished()] == [1]
    assert firm.balance() == 270
    assert firm.engine.nonce(KEY.address) == second.nonce + 1


def test_fault_12_whichever_of_its_bytes_is_mined_the_move_is_done(firm):
    """A node that never saw the dearer one mines the first."""
    stuck = Stuck(firm, 70)
    stuck.blocks_go_by(STUCK_AFTER)
    (raised,) = stuck.journal.moves()
    (first,) = raised.earlier
    rpc(firm.engine, "anvil_dropAllTransactions")
    stuck.block_at(GWEI // 2)
    firm.engine.send(first)
    mine(firm.engine)
    again = firm.outbox(Journal.restored(stuck.journal.dump()))
    ((_, receipt),) = again.push()
    assert receipt.transaction == keccak(first) != keccak(raised.raw)
    assert again.push() == []
    assert firm.balance() == 70


def test_fault_12_what_is_dearer_is_written_down_before_it_is_sent(firm):
    """Killed between the two, it is sent as it was written down."""
    stuck = Stuck(firm, 70)
    sent = []
    firm.engine.send, send = sent.append, firm.engine.send
    stuck.blocks_go_by(STUCK_AFTER)
    firm.engine.send = send
    journal = Journal.restored(stuck.journal.dump())
    (raised,) = journal.moves()
    assert raised.raw == sent[-1] != raised.earlier[0]
    firm.outbox(journal).push()
    assert journal.moves() == [raised]
    mine(firm.engine)
    assert firm.engine.receipt(keccak(raised.raw)).status == 1


def test_fault_12_no_more_is_offered_than_the_owner_allows(firm):
    limit = 10 * GWEI
    stuck = Stuck(firm, 70, most_gas_price=limit)
    stuck.blocks_go_by(3 * STUCK_AFTER)
    (move,) = stuck.journal.moves()
    assert (move.most, len(move.earlier)) == (limit, 1)
    assert stuck.held_up == [HeldUp("deposit", limit, "chain.most_gas_price")]
    assert [receipt.status for _, receipt in stuck.finished()] == [1]
    assert firm.balance() == 70


def test_fault_12_no_more_is_offered_than_the_account_has(firm):
    stuck = Stuck(firm, 70)
    coin = 10**16
    rpc(firm.engine, "anvil_setBalance", KEY.address, hex(coin))
    stuck.blocks_go_by(STUCK_AFTER)
    (move,) = stuck.journal.moves()
    assert move.most == coin // gas_limit(Deposit(firm.token, 70))
    stuck.blocks_go_by(STUCK_AFTER + 1)
    assert stuck.held_up == [HeldUp("deposit", move.most, "the account's coin")]
    assert [receipt.status for _, receipt in stuck.finished()] == [1]
