"""Faults 3 and 7 to 11: a chain that changes while it is followed, on a real node.

However often blocks are replaced, the tables are those of a fresh index: no row is missing, none
is left of what is no longer so.
"""

import random
import signal
import subprocess
import sys
from contextlib import closing

import pytest

from benchmarks import long_chain
from fabmarket.chain import Settings, open_engine
from fabmarket.ledger import Follower, Ledger, LedgerError
from fabmarket.market.events import Deposited, Settled
from fabmarket.market.exchange import SettleBatch, SettleEscrowBatch, Withdraw
from tests.ledgers import everything, require_fresh, require_same, rows_of, twin_of
from tests.nodes import rpc

FINALITY = 6
PURSE = 10**6


class Town:
    """A small market on a node, in which every block has something in it."""

    def __init__(self, engine):
        self.engine, self.maker = engine, long_chain._Maker(engine, 1)
        self.market = self.maker.market
        self.draw = random.Random(5)
        self.mine(2 * FINALITY)

    def mine(self, blocks):
        for _ in range(blocks):
            self.draw.choice(
                (self.trades, self.trades, self.escrows, self.maker.cycle, self.money)
            )()
            self.maker.mined()

    def trades(self):
        batch = tuple(self.maker.trade(is_escrow=False) for _ in range(self.draw.randint(1, 4)))
        self.maker.submit(SettleBatch(batch), 2_000_000)

    def escrows(self):
        self.maker.submit(SettleEscrowBatch((self.maker.trade(is_escrow=True),)), 1_000_000)

    def money(self):
        key = self.draw.choice(self.maker.demanders)
        token = self.market.token.address
        self.market.queue(key, Withdraw(token, self.draw.randint(1, PURSE), key.address))

    def follower(self, ledger, finality=FINALITY):
        return Follower(self.engine, self.market.exchange, ledger, finality)

    def require_fresh(self, ledger):
        """Compare a ledger with one that has seen nothing but the chain as it is now."""
        with closing(Ledger()) as fresh:
            last, _ = ledger.followed()
            assert last == self.engine.block_number()
            self.follower(fresh, last - ledger.final()).follow()
            require_same(fresh, twin_of(fresh, self.market.domain))
            require_fresh(ledger, fresh)

    def reorganise(self, depth):
        """Replace the latest blocks: by empty ones, or by others of which there are more."""
        if self.draw.randrange(2):
            rpc(self.engine, "anvil_reorg", depth, [])
            return
        height = self.engine.block_number()
        rpc(self.engine, "anvil_rollback", depth)
        self.mine(depth + self.draw.randint(0, 2))
        assert self.engine.block_number() >= height


@pytest.fixture(scope="module")
def town():
    with pytest.MonkeyPatch.context() as small:
        for name, value in (("SUPPLIERS", 4), ("DEMANDERS", 3), ("SLOTS", 4)):
            small.setattr(long_chain, name, value)
        with open_engine("anvil", Settings()) as engine:
            yield Town(engine)


def test_after_any_reorganisations_all_is_as_in_a_fresh_index(town, place):
    draw = random.Random(11)
    ledger, taken_back = Ledger(place), 0
    follower = town.follower(ledger)
    for step in range(18):
        if draw.randrange(5) < 3:
            town.mine(draw.randint(1, 3))
            assert follower.follow() == town.engine.block_number()
        elif step:
            town.reorganise(draw.randint(1, FINALITY - 2))
            before = ledger.followed()
            assert follower.follow() == town.engine.block_number()
            taken_back += before not in ledger.open_blocks()
        if place is not None and draw.randrange(3) == 0:  # it may end and begin at any time
            ledger.close()
            ledger = Ledger(place)
            follower = town.follower(ledger)
        if step % 6 == 5:
            town.require_fresh(ledger)
    assert taken_back > 3
    ledger.close()


def test_what_is_deeper_halts_loudly_every_time_and_changes_nothing(town, place):
    with closing(Ledger(place)) as ledger:
        follower = town.follower(ledger)
        town.mine(FINALITY + 2)
        follower.follow()
        before = everything(ledger)
        rpc(town.engine, "anvil_reorg", FINALITY + 1, [])
        for blocks in (0, 1):
            town.mine(blocks)
            with pytest.raises(LedgerError, match=r"deeper than 6 blocks; index it again"):
                follower.follow()
        assert everything(ledger) == before


def test_the_block_below_all_that_may_be_taken_back_is_an_ancestor(town):
    """Forgotten, because nothing is in it, a reorganisation of all open blocks was too deep."""
    town.engine.mine([])
    with closing(Ledger()) as ledger:
        town.mine(FINALITY)
        follower = town.follower(ledger)
        follower.follow()
        rpc(town.engine, "anvil_reorg", FINALITY, [])
        town.mine(1)
        follower.follow()
        town.require_fresh(ledger)


def test_a_node_whose_head_is_stale_takes_nothing_back(town):
    class Stale:
        """The same chain, as it was some blocks ago."""

        chain_id = town.engine.chain_id

        def __getattr__(self, name):
            return getattr(town.engine, name)

        def header(self, number=None):
            return town.engine.header(town.engine.block_number() - 3 if number is None else number)

    with closing(Ledger()) as ledger:
        town.follower(ledger).follow()
        before, last = everything(ledger), ledger.followed()
        assert Follower(Stale(), town.market.exchange, ledger, FINALITY).follow() == last[0]
        assert everything(ledger) == before


def test_a_log_that_a_node_leaves_out_is_found_by_what_follows_from_it(town):
    class Forgetful:
        """Leaves out what somebody paid in."""

        def __getattr__(self, name):
            return getattr(town.engine, name)

        def logs(self, first, last, address):
            logs = town.engine.logs(first, last, address)
            paid = [log for log in logs if isinstance(town.market.exchange.event(log), Deposited)]
            return [log for log in logs if log not in paid]

    with closing(Ledger()) as ledger:
        follower = Follower(Forgetful(), town.market.exchange, ledger, FINALITY)
        with pytest.raises(LedgerError, match=r"block \d+, log \d+: \w+ does not follow .* node"):
            follower.follow()
        assert ledger.followed() is None


FOLLOW = """
import os, signal, sys
from fabmarket.chain import ExchangeContract, look_at
from fabmarket.ledger import Follower, Ledger

place, url, chain, address, killed = sys.argv[1:]

class Killed(Ledger):
    pages = 0

    def _settle_down(self, *given):
        super()._settle_down(*given)
        Killed.pages += 1
        if Killed.pages == int(killed):  # all of a page is written, and nothing is committed
            os.kill(os.getpid(), signal.SIGKILL)

engine = look_at([url], int(chain))
follower = Follower(engine, ExchangeContract(engine, address), Killed(place), 6)
follower._size = 2
follower.follow()
"""


@pytest.mark.parametrize("kind", ["file", "postgresql"])
def test_killed_while_a_page_is_stored_it_is_there_whole_or_not_at_all(
    town, kind, tmp_path, postgresql
):
    place = str(tmp_path / "ledger.sqlite") if kind == "file" else postgresql.database()
    market = town.market.exchange.address
    command = [sys.executable, "-c", FOLLOW, place, town.engine.url, str(town.engine.chain_id)]
    reached = -1
    for killed in (1, 2):
        ended = subprocess.run([*command, market, str(killed)], check=False)  # noqa: S603
        assert ended.returncode == -signal.SIGKILL
        with closing(Ledger(place)) as ledger:
            number = (ledger.followed() or (-1, b""))[0]
            assert (number > reached) == (killed > 1)
            events = {row["block"] for row in rows_of(ledger, "event")}
            assert max(events, default=-1) <= number
            trades = [event for event in ledger.events() if isinstance(event, Settled)]
            assert len(trades) == len(rows_of(ledger, "trade"))
            reached = number
    with closing(Ledger(place)) as ledger:
        town.follower(ledger).follow()
        town.require_fresh(ledger)
