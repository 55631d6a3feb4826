"""A whole trade of real processes where one, the other or both have no door that others reach."""

import re
import signal
from contextlib import closing, suppress
from functools import partial

import pytest

from fabmarket.chain import BoardContract, Settings, open_engine
from fabmarket.identity.sealing import SealingKey, Unsealable, is_letter
from fabmarket.ledger import EventLog, Follower
from fabmarket.market.events import Announced
from fabmarket.node import Journal, evidence_of, replay
from tests.nodes import rpc
from tests.street import ended, found, free_port, logged, start, wait_until


class Couple:
    """A supplier and a demander on a chain of a block a second; `hidden` have no door."""

    def __init__(self, node, folder, hidden, period=60):
        self.street = found(open_engine(node.url, Settings()), period)
        engine = self.street.engine
        rpc(engine, "evm_setAutomine", False)
        rpc(engine, "evm_setIntervalMining", 1)
        parties = self.street.parties
        self.parties = {"supplier": parties.suppliers[0], "demander": parties.demanders[0]}
        self.logs = {role: folder / f"{role}.log" for role in self.parties}
        self.folders = {}
        for role, party in self.parties.items():
            made = self.street.directory(folder / role, party, free_port())
            if role in hidden:
                self.set(made, r'(listen|url) = "[^"]*"', r'\1 = ""')
            self.folders[role] = made

    def set(self, folder, pattern, value):
        settings = folder / "agent.toml"
        before = settings.read_text()
        head, door, rest = before.partition("[door]")
        settings.write_text(head + door + re.sub(pattern, value, rest))

    def start(self, role):
        return start(self.folders[role], self.logs[role], "--json-log")

    def lines(self, role, *names):
        return logged(self.logs[role], *names)

    def announced(self, role):
        """The kinds of letters that went over the board."""
        lines = self.lines(role, "sent")
        return [each["kind"] for each in lines if each["outcome"] == "announced"]

    def readers_of_the_board(self) -> frozenset[str]:
        """Who can open a letter that is there."""
        store = EventLog[Announced]()
        board = BoardContract(self.street.engine, self.street.founded.board)
        for _ in Follower[Announced](self.street.engine, board, store).poll():
            pass
        letters = [event.payload for event in store.events() if is_letter(event.payload)]
        return frozenset(map(self._reader_of, letters))

    def _reader_of(self, letter: bytes) -> str:
        found = []
        for party in self.parties.values():
            with suppress(Unsealable):
                SealingKey(party.key).open(self.street.market.domain, letter)
                found.append(party.address)
        (reader,) = found
        return reader

    def require_one_trade(self):
        (served,) = self.lines("demander", "served")
        (sold,) = self.lines("supplier", "settled")
        assert served["trade"] == sold["trade"]
        for folder in self.folders.values():
            with closing(Journal.reading(folder / "journal.sqlite")) as journal:
                shown = [replay(evidence_of(journal, each)) for each in journal.sessions()]
                trades = [trade.hex() for each in shown for trade in each.trades]
                assert trades == [sold["trade"][2:]]
                assert journal.letters() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "hidden", [(), ("supplier",), ("demander",), ("supplier", "demander")], ids="-".join
)
def test_a_trade_where_some_have_no_door(node, tmp_path, hidden):
    """Who has none is written to on the board, and everybody else at the door."""
    couple = Couple(node, tmp_path, hidden)
    processes = [couple.start(role) for role in couple.folders]
    with ended(*processes):
        wait_until(lambda: couple.lines("demander", "served"), 300, "no trade")
        wait_until(lambda: couple.lines("supplier", "settled"), 60, "none is heard of")
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(60) for process in processes] == [0, 0]
    couple.require_one_trade()
    to_supplier = {"Demand", "Selection", "Reply", "Trade"}
    to_demander = {"Offer", "Opening", "Quote", "Close"}
    assert set(couple.announced("demander")) == (to_supplier if "supplier" in hidden else set())
    assert set(couple.announced("supplier")) == (to_demander if "demander" in hidden else set())
    addresses = {couple.parties[role].address for role in hidden}
    assert couple.readers_of_the_board() == addresses
    begun = [couple.lines(role, "begun")[0]["url"] for role in hidden]
    assert begun == ["the board"] * len(hidden)


@pytest.mark.slow
def test_killed_without_a_door_it_reads_the_board_again_and_buys_once(node, tmp_path):
    """What was announced while it was down is there when it comes back."""
    couple = Couple(node, tmp_path, ("supplier", "demander"), period=120)
    first, stays = couple.start("demander"), couple.start("supplier")
    with ended(first, stays):
        heard = partial(couple.lines, "supplier", "heard")
        wait_until(lambda: "Selection" in [each["kind"] for each in heard()], 300, "no selection")
        first.send_signal(signal.SIGKILL)
        first.wait()
        wait_until(lambda: "Quote" in couple.announced("supplier"), 300, "no quote")
        again = couple.start("demander")
        with ended(again):
            wait_until(lambda: couple.lines("demander", "served"), 300, "no trade")
            wait_until(lambda: couple.lines("supplier", "settled"), 60, "none is heard of")
            for process in (again, stays):
                process.send_signal(signal.SIGTERM)
            assert [process.wait(60) for process in (again, stays)] == [0, 0]
    couple.require_one_trade()


@pytest.mark.slow
def test_more_letters_than_its_owner_pays_for_are_not_announced(node, tmp_path):
    couple = Couple(node, tmp_path, ("demander",))
    couple.set(couple.folders["supplier"], "announced_a_day = 500", "announced_a_day = 1")
    processes = [couple.start(role) for role in couple.folders]
    with ended(*processes):
        reason = "refused: more than 1 letters over the board in a day"
        wait_until(
            lambda: reason in [each["outcome"] for each in couple.lines("supplier", "sent")],
            300,
            "there is no limit",
        )
    assert couple.announced("supplier") == ["Offer"]
