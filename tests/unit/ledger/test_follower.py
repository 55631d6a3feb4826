"""From the chain to its events: in pages, across reorganisations, from nodes that err."""

from contextlib import closing

import pytest

from fabmarket.chain import ChainError, Settings, open_engine
from fabmarket.ledger import Follower, Ledger, LedgerError
from fabmarket.market.events import ResourceRegistered
from fabmarket.market.exchange import RegisterResource
from fabmarket.market.units import name_from_bytes32, name_to_bytes32
from tests.differential.conftest import Rewindable
from tests.unit.chain.conftest import anvil_is_here, deploy_on

HOUR = name_to_bytes32("hour")


class Chain:
    """An exchange that records a registration in every block, on a chain that can be rewound."""

    def __init__(self, engine):
        self.engine, self.deployed = engine, deploy_on(engine)
        self.origin = engine.now() + 10_000

    def register(self, *names):
        for name in names:
            move = RegisterResource(name_to_bytes32(name), HOUR, self.origin, 3600)
            self.deployed.queue(self.deployed.exchange.move_data(move))
            self.deployed.sender.must_succeed(self.deployed.exchange)

    def follower(self, finality=0):
        return Follower(self.engine, self.deployed.exchange, Ledger(), finality)

    def snapshot(self):
        if isinstance(self.engine, Rewindable):
            return self.engine.snapshot()
        return self.engine.w3.provider.make_request("evm_snapshot", [])["result"]

    def restore(self, snapshot):
        if isinstance(self.engine, Rewindable):
            self.engine.restore(snapshot)
        else:
            assert self.engine.w3.provider.make_request("evm_revert", [snapshot])["result"]


@pytest.fixture(params=["embedded", "anvil"])
def chain(request):
    if request.param == "embedded":
        with closing(Rewindable(Settings())) as engine:
            yield Chain(engine)
        return
    if not anvil_is_here():
        pytest.skip("anvil is not installed: run `npm ci` in contracts/")
    with open_engine("anvil", Settings()) as engine:
        yield Chain(engine)


def on(engine_type):
    """A chain behind a node that answers in its own way."""
    return Chain(engine_type(Settings()))


def poll(follower):
    return list(follower.poll())


def kept(follower):
    return list(follower._log.events()), follower._log.followed()


def names(follower):
    events = follower._log.events()
    return [name_from_bytes32(e.resource) for e in events if isinstance(e, ResourceRegistered)]


def with_events(blocks):
    return [block for block in blocks if block.entries]


def test_back_filling_gives_what_following_block_by_block_gave(chain):
    one_by_one, heard = chain.follower(), []
    for name in ("a", "b", "c"):
        chain.register(name)
        heard += poll(one_by_one)
    chain.register("d", "e")
    heard += poll(one_by_one)
    afterwards = chain.follower()
    assert with_events(poll(afterwards)) == with_events(heard)
    assert kept(afterwards) == kept(one_by_one)
    assert names(afterwards) == ["a", "b", "c", "d", "e"]


def test_a_block_says_its_number_hash_parent_time_and_events(chain):
    chain.register("a")
    follower = chain.follower()
    poll(follower)
    chain.register("b")
    (block,) = poll(follower)
    head, before = chain.engine.header(), chain.engine.header(chain.engine.block_number() - 1)
    assert (block.number, block.hash, block.time) == (head.number, head.hash, chain.engine.now())
    assert block.parent == head.parent == before.hash
    ((_, receipt),) = chain.deployed.sender.sent[-1:]
    (entry,) = block.entries
    assert (entry.transaction, entry.index) == (receipt.transaction, receipt.logs[0].index)
    assert entry.event == chain.deployed.exchange.event(receipt.logs[0])


def test_an_empty_block_brings_the_time(chain):
    follower = chain.follower()
    poll(follower)
    assert poll(follower) == []
    until = chain.engine.now() + 500
    chain.engine.pass_time(until)
    (block,) = poll(follower)
    assert (block.time, block.entries) == (until, ())
    assert poll(follower) == []


def test_what_is_past_is_known_while_it_is_read(chain):
    follower = chain.follower(finality=1)
    chain.register("a", "b", "c")
    past = [block.number < follower.latest for block in follower.poll()]
    assert past == [True] * (len(past) - 1) + [False]
    assert len(past) > 2
    assert follower.latest == chain.engine.block_number() - 1


def test_nothing_is_given_out_before_it_is_final(chain):
    follower = chain.follower(finality=2)
    chain.register("a", "b", "c")
    assert poll(follower)[-1].number == chain.engine.block_number() - 2
    assert names(follower) == ["a"]
    chain.register("d")
    assert names(follower) == ["a"]
    poll(follower)
    assert names(follower) == ["a", "b"]


def test_a_chain_younger_than_its_finality_gives_nothing(chain):
    assert poll(chain.follower(finality=chain.engine.block_number() + 1)) == []
    assert poll(chain.follower(finality=chain.engine.block_number())) == []  # genesis is no block
    assert poll(chain.follower(finality=chain.engine.block_number() - 1))[-1].number == 1


def test_after_a_reorganisation_that_finality_bears_all_is_as_in_a_fresh_index(chain):
    follower = chain.follower(finality=2)
    chain.register("a")
    snapshot = chain.snapshot()
    chain.register("b", "c")
    poll(follower)
    assert names(follower) == ["a"]
    chain.restore(snapshot)
    assert poll(follower) == []
    chain.register("d")
    assert poll(follower) == []
    chain.register("e", "f")
    poll(follower)
    assert names(follower) == ["a", "d"]
    fresh = chain.follower(finality=2)
    poll(fresh)
    assert kept(fresh) == kept(follower)


@pytest.mark.parametrize("longer", [0, 1])
def test_a_reorganisation_that_goes_deeper_is_loud_and_nothing_is_given_out(chain, longer):
    follower = chain.follower(finality=1)
    chain.register("a")
    snapshot = chain.snapshot()
    chain.register("b", "c")
    poll(follower)
    assert names(follower) == ["a", "b"]
    before = kept(follower)
    chain.restore(snapshot)
    chain.register("d", "e", *["f"] * longer)
    for _ in range(2):
        with pytest.raises(LedgerError, match=r"reorganised deeper than 1 blocks; index it again"):
            poll(follower)
    assert kept(follower) == before


def test_a_node_that_knows_less_than_we_gives_nothing_and_takes_nothing_back(chain):
    follower = chain.follower()
    snapshot = chain.snapshot()
    chain.register("a", "b")
    poll(follower)
    before = kept(follower)
    chain.restore(snapshot)
    assert poll(follower) == []
    assert kept(follower) == before


def test_a_block_comes_again_after_a_crash_of_whoever_was_given_it(chain):
    """Stored before it is given out it would be lost to a participant that died in between."""
    follower = chain.follower()
    poll(follower)
    chain.register("a")

    def crash():
        for _ in follower.poll():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert names(follower) == []
    (block,) = poll(follower)
    assert len(block.entries) == 1
    assert names(follower) == ["a"]


class Limited(Rewindable):
    """Gives the logs of a few blocks at a time, as providers do."""

    limit, asked, refused = 3, 0, 0

    def logs(self, first, last, address):
        self.asked += 1
        if last - first + 1 > self.limit:
            self.refused += 1
            raise ChainError("query exceeds max block range")
        return super().logs(first, last, address)


@pytest.mark.parametrize("limit", [1, 3, 4, 7, 100])
def test_a_node_that_refuses_many_blocks_at_once_is_asked_for_fewer(limit):
    chain = on(Limited)
    chain.engine.limit = limit
    for number in range(6):
        chain.register(str(number))
        chain.engine.pass_time(chain.engine.now() + 2)
    follower = chain.follower()
    blocks = poll(follower)
    assert names(follower) == list("012345")
    assert [block.number for block in blocks] == sorted({block.number for block in blocks})
    assert blocks[-1].number == chain.engine.block_number()
    assert bool(chain.engine.refused) == (limit < 100)
    chain.engine.close()


def test_a_refusal_is_remembered():
    chain = on(Limited)
    for _ in range(100):
        chain.engine.mine([])
    poll(chain.follower())
    alone = chain.engine.refused
    follower = chain.follower()
    poll(follower)
    for _ in range(100):
        chain.engine.mine([])
    before = chain.engine.asked
    poll(follower)
    assert chain.engine.asked - before < 60  # a page of ten, halved anew each time, takes seven
    assert alone > 10
    chain.engine.close()


class Refusing(Rewindable):
    """Refuses the logs of any block."""

    def logs(self, first, last, address):
        raise ChainError("no logs here")


def test_a_node_that_refuses_even_one_block_is_an_error():
    chain = on(Refusing)
    with pytest.raises(ChainError, match="no logs here"):
        poll(chain.follower())
    chain.engine.close()


class Erring(Rewindable):
    """Changes the logs that it gives."""

    change = staticmethod(list)

    def logs(self, first, last, address):
        return self.change(super().logs(first, last, address))


def test_logs_that_come_twice_and_in_any_order_are_taken_once():
    chain = on(Erring)
    chain.register("a", "b")
    chain.engine.change = lambda logs: [*reversed(logs), *logs]
    follower = chain.follower()
    poll(follower)
    assert names(follower) == ["a", "b"]
    chain.engine.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda log: [log, log._replace(data=b"")], "has two logs 0"),
        (lambda log: [log._replace(block_hash=bytes(32))], "are another block's"),
        (lambda log: [log._replace(block=log.block + 1)], "among those of"),
        (lambda log: [log._replace(block=0)], "among those of"),
    ],
    ids=["two at a place", "another block's hash", "a later block", "an earlier block"],
)
def test_logs_that_cannot_be_are_refused_and_nothing_is_stored(change, said):
    chain = on(Erring)
    chain.register("a")
    follower = chain.follower()
    poll(follower)
    before = kept(follower)
    chain.register("b")
    chain.engine.change = lambda logs: [each for log in logs for each in change(log)]
    with pytest.raises(LedgerError, match=said):
        poll(follower)
    assert kept(follower) == before
    chain.engine.close()


def test_what_is_reorganised_while_it_is_read_is_read_again():
    """Else the logs of one chain went with the blocks of another, and an event was missed."""
    chain = on(Erring)
    follower = chain.follower()
    poll(follower)
    snapshot = chain.snapshot()
    chain.register("a")

    def meanwhile(logs):
        chain.engine.change = list
        chain.restore(snapshot)
        chain.register("b")
        return []

    chain.engine.change = meanwhile
    assert poll(follower) == []
    poll(follower)
    assert names(follower) == ["b"]
    chain.engine.close()


def test_a_page_must_follow_on_the_page_before_it():
    chain = on(Limited)
    chain.engine.limit = 1
    follower = chain.follower()
    poll(follower)
    snapshot = chain.snapshot()
    chain.register("a", "b", "c")
    blocks = follower.poll()
    first = next(blocks)
    chain.restore(snapshot)
    chain.register("d", "e", "f")
    with pytest.raises(LedgerError, match=r"block 7 0x.* is no longer there"):
        list(blocks)
    assert (first.number, names(follower)) == (6, ["a", "b"])  # two to a page
    chain.engine.close()
