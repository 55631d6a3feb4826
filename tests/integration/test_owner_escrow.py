"""Owners order what becomes of trades in escrow, list capacity, and take back what they said."""

import io
import json
from contextlib import ExitStack, redirect_stderr, redirect_stdout

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.cli.main import main
from fabmarket.identity import digest, keccak
from fabmarket.ledger import Follower, Ledger
from fabmarket.market.events import Cause, Disputed, Event, Released, SplitsVoided
from fabmarket.market.exchange import SettleEscrow, SignedTrade
from fabmarket.market.trade import Escrow, Trade, listing_id, nonce_of
from fabmarket.market.units import name_to_bytes32
from fabmarket.node.settings import FILE
from tests.nodes import rpc
from tests.street import PATIENCE, ended, found, free_port, locked, start, wait_until

DAY = 86_400
S = name_to_bytes32("S")
PRICE, BOND = 100, 300


def ran(*arguments: object) -> tuple[int, str, str]:
    """A command of an owner, in this process: what it says and how it ends."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    return ended.value.code, out.getvalue(), err.getvalue()


class Couple:
    """A supplier and a demander whose agents run, and trades in escrow between them."""

    def __init__(self, node, folder, stack: ExitStack) -> None:
        self.street = found(open_engine(node.url, Settings()), 40)
        self.engine, self.market = self.street.engine, self.street.market
        self.supplier = self.street.parties.suppliers[0]
        self.demander = self.street.parties.demanders[0]
        deployer = self.street.parties.deployer
        self.market.queue_token(deployer.key, "mint", self.supplier.address, 10_000)
        self.market.sender.must_succeed()
        rpc(self.engine, "evm_setAutomine", False)
        rpc(self.engine, "evm_setIntervalMining", 1)
        self.folders = {
            each.role: self.street.directory(folder / each.role, each, free_port())
            for each in (self.supplier, self.demander)
        }
        self.logs = {role: folder / f"{role}.log" for role in self.folders}
        wants = self.folders["demander"] / FILE  # of something that nobody sells
        wants.write_text(wants.read_text().replace('resource = "S"', 'resource = "T"'))
        for role, place in self.folders.items():
            stack.enter_context(ended(start(place, self.logs[role], "--json-log")))
        for role in self.folders:
            wait_until(lambda role=role: self.begun(role), PATIENCE, f"the {role} does not start")
        self.do("supplier", "deposit", 5_000)

    def begun(self, role: str) -> bool:
        return self.logs[role].exists() and '"line": "begun"' in self.logs[role].read_text()

    def do(self, role: str, verb: str, *options: object) -> dict:
        code, out, err = ran(verb, self.folders[role], *options, "--json")
        assert code == 0, err
        return json.loads(out)

    def refused(self, role: str, verb: str, *options: object) -> str:
        code, out, err = ran(verb, self.folders[role], *options)
        assert code == 2, out
        return err

    def status(self, role: str) -> dict:
        return self.do(role, "status")

    def escrow(self, role: str, trade: str) -> dict:
        """What a status says of a trade, once the agent has read of it."""
        return wait_until(
            lambda: next(
                iter(e for e in self.status(role)["escrows"] if e["trade"] == trade), None
            ),
            PATIENCE,
            "it is not read of",
        )

    def escrowed(self, bit: int, quantity: int) -> str:
        """Settle a trade that both have signed; its digest."""
        market, end = self.market, self.market.origin + self.market.slot_length
        listing = listing_id(self.supplier.address, S, 0, end)
        terms = Escrow(
            resource=S,
            slot=0,
            deliver_from=market.origin,
            deliver_by=end + 2 * DAY,
            dispute_by=end + 6 * DAY,
            decide_by=end + 20 * DAY,
            silence_share=10_000,
            undecided_share=5_000,
            bond=BOND,
            late_penalty=5_000,
            exit_penalty=1_000,
        )
        trade = Trade(
            listing=listing,
            demander=self.demander.address,
            token=market.token.address,
            quantity=quantity,
            unit_price=PRICE,
            valid_until=end,
            nonce=nonce_of(0, bit),
            supplier_nonce=nonce_of(0, 95 - bit),
            escrow=terms,
        )
        name = digest(market.domain, trade)
        keys = (self.demander.key, self.supplier.key)
        signed = SignedTrade(trade, *(key.sign(name) for key in keys))
        market.queue(self.street.parties.deployer.key, SettleEscrow(signed))
        market.sender.must_succeed(market.exchange)
        return f"0x{name.hex()}"

    def balance(self, role: str) -> int:
        party = self.supplier if role == "supplier" else self.demander
        return self.market.exchange.balance_of(party.address, self.market.token.address)

    def balances(self) -> tuple[int, int]:
        return self.balance("supplier"), self.balance("demander")

    def jump(self, time: int, blocks: int = 1) -> None:
        rpc(self.engine, "anvil_mine", hex(blocks), "0x0")
        rpc(self.engine, "evm_setNextBlockTimestamp", time)
        rpc(self.engine, "evm_mine")

    def events(self, kind: type) -> list:
        store = Ledger()
        for _ in Follower[Event](self.engine, self.market.exchange, store).poll():
            pass
        return [event for event in store.events() if isinstance(event, kind)]


@pytest.fixture
def couple(node, tmp_path):
    with ExitStack() as stack:
        yield Couple(node, tmp_path, stack)


def test_delivered_accepted_disputed_and_given_back(couple, tmp_path):
    before = couple.balances()
    one, two, three = (couple.escrowed(bit, 4) for bit in range(3))
    deposit = 4 * PRICE * 500 // 10_000
    seen = couple.escrow("supplier", one)
    assert (seen["state"], seen["role"], seen["other"]) == (
        "funded",
        "supplier",
        couple.demander.address,
    )
    assert (seen["payment"], seen["bond"], seen["deposit"]) == (400, BOND, deposit)
    assert seen["can"] == ["refund", "split"]
    couple.escrow("supplier", three)
    assert couple.status("supplier")["balance"] == {
        "free": before[0] - 3 * (BOND + deposit),
        "payments": 0,
        "bonds": 3 * BOND,
        "deposits": 3 * deposit,
    }
    assert couple.escrow("demander", one)["can"] == ["accept", "split"]
    assert couple.escrow("demander", three)["quantity"] == 4
    assert "it can be done from 20" in couple.refused("supplier", "deliver", one)
    couple.jump(couple.market.origin + 10)
    assert "(NotParty)" in couple.refused("demander", "deliver", one)
    for name in (one, two):
        couple.do("supplier", "deliver", name)
    wait_until(
        lambda: couple.escrow("demander", two)["can"] == ["accept", "dispute", "split"],
        PATIENCE,
        "the delivery is not read of",
    )
    couple.do("demander", "accept", one[:12])
    assert couple.balance("supplier") == before[0] + 400 - 2 * (BOND + deposit)
    shown = tmp_path / "protocol.txt"
    shown.write_bytes(b"Two of four parts are cracked.")
    couple.do("demander", "dispute", two, "--evidence", shown)
    (disputed,) = couple.events(Disputed)
    assert disputed.evidence == keccak(shown.read_bytes())
    (kept,) = (couple.folders["demander"] / "evidence").iterdir()
    assert kept.name == f"0x{disputed.evidence.hex()}"
    assert kept.read_bytes() == shown.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "no ruling on the trade is posted yet" in couple.refused("supplier", "execute", two)
    couple.do("supplier", "refund", two)
    couple.do("demander", "accept", three, "--amount", 150)
    couple.do("supplier", "refund", three)
    assert [each.cause for each in couple.events(Released)] == [
        Cause.ACCEPTED,
        Cause.REFUNDED,
        Cause.ACCEPTED,
        Cause.REFUNDED,
    ]
    lost = deposit + 2 * BOND // 10  # one deposit, and the exit penalty twice
    assert couple.balances() == (before[0] + 400 + 150 - lost, before[1] - 400 - 150 + lost)
    wait_until(lambda: not couple.status("demander")["escrows"], PATIENCE, "one is open still")
    assert "holds no payment any more" in couple.refused("demander", "accept", one)
    assert "(WrongState)" in couple.refused("supplier", "deliver", one)


def test_both_owners_divide_what_is_held(couple):
    before = couple.balances()
    trade = couple.escrowed(0, 4)
    held = 4 * PRICE + BOND + 2 * (4 * PRICE * 500 // 10_000)
    couple.escrow("supplier", trade)
    couple.escrow("demander", trade)
    refused = couple.refused("demander", "split", trade, "--to-supplier", held + 1)
    assert f"holds {held} base units, and all of them must be divided" in refused
    first = couple.do("demander", "split", trade, "--to-supplier", 500)
    assert (first["state"], first["transaction"]) == ("taken", None)
    offer = wait_until(
        lambda: couple.escrow("supplier", trade)["split"], PATIENCE, "no offer is heard of"
    )
    assert (offer["to_supplier"], offer["to_demander"]) == (500, held - 500)
    other = couple.do("supplier", "split", trade, "--to-supplier", 490)
    assert other["transaction"] is None
    couple.do("supplier", "split", trade, "--to-demander", held - 500)
    (released,) = couple.events(Released)
    assert (released.cause, released.to_supplier) == (Cause.SPLIT, 500)
    gain = 500 - BOND - 20
    assert couple.balances() == (before[0] + gain, before[1] - gain)


def test_a_deadline_decides_by_order(couple):
    before = couple.balances()
    trade = couple.escrowed(0, 4)
    couple.escrow("demander", trade)
    assert "(DeadlineAhead)" in couple.refused("demander", "expire", trade)
    couple.do("demander", "void", trade)
    assert [each.split_nonce for each in couple.events(SplitsVoided)] == [1]
    couple.jump(couple.market.origin + couple.market.slot_length + 2 * DAY)
    couple.do("demander", "expire", trade)
    seen = wait_until(
        lambda: (e := couple.escrow("demander", trade))["state"] == "funded, in grace" and e,
        PATIENCE,
        "the grace period is not read of",
    )
    assert "expire" not in seen["can"]
    assert "(GraceRunning)" in couple.refused("demander", "expire", trade)
    couple.jump(seen["deadline"] + 1, 100)
    couple.do("demander", "expire", trade)
    (released,) = couple.events(Released)
    assert released.cause is Cause.LATE
    assert couple.balances() == (before[0] - BOND // 2, before[1] + BOND // 2)


def for_sale(couple) -> int:
    return couple.status("supplier")["stock"][0]["available"]


def test_a_supplier_lists_and_takes_off_by_order(couple):
    (stock,) = couple.status("supplier")["stock"]
    listed = stock["available"]
    assert "(AlreadyRegistered)" in couple.refused("supplier", "register", "hour")
    couple.do("supplier", "unlist", 0, 5)
    couple.do("supplier", "list", 0, 3)
    assert "are listed or sold already (OverReported)" in couple.refused(
        "supplier", "list", 0, stock["attested"]
    )
    couple.do("supplier", "cancel", "--listing", 0)
    wait_until(lambda: for_sale(couple) == listed - 2, PATIENCE, "it is not read of")
    couple.do("supplier", "unlist", 0)
    wait_until(lambda: for_sale(couple) == 0, PATIENCE, "it is not read of")
    assert "nothing of slot 0 is for sale" in couple.refused("supplier", "unlist", 0)


def test_what_is_wanted_is_bought_and_what_is_cancelled_is_not(couple):
    before = couple.balances()
    options = ("--slot", 0, "--resource", "S", "--quantity", 3, "--benefit", 90)
    couple.do("demander", "cancel", "--want", "milling")
    couple.do("demander", "want", "turning", *options)
    assert "there is a want or product of this name already" in couple.refused(
        "demander", "want", "turning", *options
    )
    wants = wait_until(
        lambda: (w := couple.status("demander")["wants"])[1]["state"] == "served" and w,
        PATIENCE,
        "it is not bought",
    )
    assert [(each["name"], each["state"]) for each in wants] == [
        ("milling", "cancelled"),
        ("turning", "served"),
    ]
    assert '"want": "turning"' in couple.logs["demander"].read_text()
    left, bonded = before[1] - couple.balance("demander"), before[0] - couple.balance("supplier")
    assert (left, bonded) == locked(3 * 10)
    couple.do("demander", "cancel", "--all")
    orders = couple.status("demander")["orders"]
    assert [(each["order"], each["state"]) for each in orders] == [
        ("cancel", "taken"),
        ("want", "taken"),
        ("want", "refused"),
        ("cancel", "done"),
    ]
