"""The consortium's contract by Python's way: on a node, with real votes of real accounts."""

import hashlib

import pytest
from web3.types import RPCEndpoint

from fabmarket.chain import (
    CONSORTIUM,
    ChainError,
    ConsortiumContract,
    Sender,
    Settings,
    Transaction,
    open_engine,
)
from fabmarket.chain.abi import artifact
from fabmarket.chain.consortium import (
    AGREE_GAS,
    MOST_PRICE,
    Access,
    Consortium,
    Gas,
    Right,
    Seat,
    Wanted,
    Word,
    quorum,
)
from fabmarket.chain.contracts import BadLog, BadMove
from fabmarket.identity import Key, keccak

COIN = 10**18
DAY = 86_400
SYSTEM = "0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE"
OWNERS = [Key.derive("consortium tests", f"owner {i}") for i in range(64)]
STRANGER = Key.derive("consortium tests", "stranger")
KEYS = [bytes([0xED, i]).rjust(32, b"\0") for i in range(65)]
GAS = Gas(0, 30_000_000)
EVERYBODY = Access(True, ())


class Chain:
    """A node with the contract in its place, as genesis puts it there."""

    def __init__(self, node, seats=4):
        self.node, self.consortium = node, ConsortiumContract(node)
        self.sender = Sender(node)
        node.ask("anvil_setCode", [CONSORTIUM, artifact("Consortium")["deployedBytecode"]])
        listed = [(owner.address, key) for owner, key in zip(OWNERS[:seats], KEYS, strict=False)]
        self.by_system("found", listed, (True, ()), (True, ()), (GAS.min_price, GAS.block_limit))
        for each in (*OWNERS[:seats], STRANGER):
            node.ask("anvil_setBalance", [each.address, hex(COIN)])

    def by_system(self, function, *values):
        """As the validator program calls: by an account of which nobody has the key."""
        data = "0x" + self.consortium.data(function, *values).hex()
        self.node.ask("anvil_setBalance", [SYSTEM, hex(COIN)])
        self.node.ask("anvil_impersonateAccount", [SYSTEM])
        call = {"from": SYSTEM, "to": CONSORTIUM, "data": data, "gas": hex(15_000_000)}
        name = self.node.w3.provider.make_request(RPCEndpoint("eth_sendTransaction"), [call])
        receipt = self.node.w3.eth.wait_for_transaction_receipt(name["result"], timeout=60)
        assert receipt["status"] == 1
        self.node.ask("anvil_stopImpersonatingAccount", [SYSTEM])

    def agree(self, owner, call, until=None):
        until = self.node.now() + DAY if until is None else until
        data = self.consortium.agree_data(call, until)
        self.sender.queue(Transaction(owner, "agree", CONSORTIUM, data, AGREE_GAS))
        return self.sender.must_succeed()[0]

    def decide(self, call):
        for owner in OWNERS[: quorum(len(self.consortium.state().seats))]:
            receipt = self.agree(owner, call)
        return receipt


@pytest.fixture
def chain(node):
    return Chain(node)


def seats(count):
    return tuple(Seat(owner.address, key) for owner, key in zip(OWNERS[:count], KEYS, strict=False))


def test_its_state_is_what_it_was_founded_with(chain):
    founded = Consortium(1, seats(4), EVERYBODY, EVERYBODY, GAS)
    assert chain.consortium.state() == founded
    block = chain.node.block_number()
    chain.decide(chain.consortium.remove_data(OWNERS[3].address))
    assert chain.consortium.state(block) == founded


def test_every_decision_is_taken_by_more_than_two_thirds(chain):
    consortium = chain.consortium
    admitted = Seat(STRANGER.address, KEYS[9])
    listed = Access(False, (STRANGER.address,))
    dear = Gas(7, 20_000_000)
    for call in (
        consortium.admit_data(admitted.owner, admitted.key),
        consortium.remove_data(OWNERS[3].address),
        consortium.allow_data(Right.DEPLOY, STRANGER.address, allowed=True),
        consortium.open_data(Right.DEPLOY, everybody=False),
        consortium.gas_data(dear),
    ):
        chain.decide(call)
    state = consortium.state()
    assert set(state.seats) == {*seats(3), admitted}
    assert (state.deploy, state.send, state.gas) == (listed, EVERYBODY, dear)
    chain.decide(consortium.allow_data(Right.DEPLOY, STRANGER.address, allowed=False))
    chain.decide(consortium.open_data(Right.SEND, everybody=False))
    state = consortium.state()
    assert (state.deploy, state.send) == (Access(False, ()), Access(False, ()))
    assert state.version == 8


def test_a_word_for_what_is_no_decision_hides_no_other(chain):
    consortium = chain.consortium
    remove = consortium.remove_data(OWNERS[0].address)
    opening = consortium.open_data(Right.SEND, everybody=True)
    odd = opening[:35] + b"\x07" + opening[36:], remove + b"\0"
    for call in (*odd, b"", b"\1\2\3"):
        chain.agree(OWNERS[1], call)
    chain.agree(OWNERS[2], remove)
    told = {each.call: each.function for each in consortium.wanted()}
    assert told == {**dict.fromkeys((*odd, b"", b"\1\2\3")), remove: "remove"}


def test_what_was_said_too_long_ago_to_hold_is_not_read(chain):
    consortium = chain.consortium
    chain.agree(OWNERS[1], consortium.remove_data(OWNERS[0].address))
    chain.node.pass_time(chain.node.now() + 31 * DAY)
    later = consortium.remove_data(OWNERS[3].address)
    chain.agree(OWNERS[1], later)
    assert [each.call for each in consortium.wanted()] == [later]


def test_who_wants_what_is_told_until_it_is_done(chain):
    consortium = chain.consortium
    admit = consortium.admit_data(STRANGER.address, KEYS[9])
    remove = consortium.remove_data(OWNERS[0].address)
    until = chain.node.now() + DAY
    assert consortium.wanted() == []
    chain.agree(OWNERS[1], admit, until)
    chain.agree(OWNERS[0], remove, until)
    chain.agree(OWNERS[0], admit, until + 1)
    by_1, by_0 = Word(OWNERS[1].address, until), Word(OWNERS[0].address, until + 1)
    assert set(consortium.agreed(admit)) == {by_0, by_1}
    words = consortium.agreed(admit)
    of_remove = (Word(OWNERS[0].address, until),)
    assert consortium.wanted() == [
        Wanted(admit, "admit", (STRANGER.address, KEYS[9]), words),
        Wanted(remove, "remove", (OWNERS[0].address,), of_remove),
    ]
    chain.agree(OWNERS[0], remove, 0)
    assert [each.call for each in consortium.wanted()] == [admit]
    chain.agree(OWNERS[2], admit)
    assert consortium.wanted() == []
    assert consortium.state().version == 2


def test_a_call_of_nothing_is_shown_as_what_it_is(chain):
    cut = chain.consortium.admit_data(STRANGER.address, KEYS[9])[:-1]
    for call in (b"", b"\1\2\3\4", cut):
        chain.agree(OWNERS[0], call)
    wanted = chain.consortium.wanted()
    assert [(each.call, each.function) for each in wanted] == [
        (b"", None),
        (b"\1\2\3\4", None),
        (cut, None),
    ]


def test_a_refusal_has_its_name(chain):
    consortium = chain.consortium
    taken = consortium.admit_data(STRANGER.address, KEYS[0])
    until = chain.node.now() + DAY
    for owner in OWNERS[:2]:
        chain.agree(owner, taken, until)
    why = consortium.why(OWNERS[2].address, consortium.agree_data(taken, until))
    assert str(why) == f"BadKey(0x{KEYS[0].hex()})"
    why = consortium.why(STRANGER.address, consortium.agree_data(taken, until))
    assert str(why) == f"NotSeated({STRANGER.address})"
    assert consortium.why(OWNERS[0].address, consortium.agree_data(taken, 0)) is None


def test_a_call_longer_than_any_is_refused(chain):
    consortium = chain.consortium
    longest = consortium.allow_data(Right.SEND, STRANGER.address, allowed=True)
    until = chain.node.now() + DAY
    why = consortium.why(OWNERS[0].address, consortium.agree_data(longest + b"\0", until))
    assert str(why) == "CallTooLong(101, 100)"
    assert consortium.why(OWNERS[0].address, consortium.agree_data(longest, until)) is None


def test_a_double_vote_takes_the_seat(chain):
    validator = hashlib.sha256(KEYS[2]).digest()[:20]
    chain.by_system("punish", validator, 5)
    assert set(chain.consortium.state().seats) == {*seats(2), seats(4)[3]}


def test_a_double_vote_proved_after_the_seat_has_gone_bars_the_key(chain):
    consortium = chain.consortium
    chain.decide(consortium.remove_data(OWNERS[3].address))
    admit = consortium.admit_data(STRANGER.address, KEYS[3])
    assert consortium.why(CONSORTIUM, admit) is None
    chain.by_system("punish", hashlib.sha256(KEYS[3]).digest()[:20], 5)
    assert str(consortium.why(CONSORTIUM, admit)) == f"BadKey(0x{KEYS[3].hex()})"
    assert set(consortium.state().seats) == set(seats(3))


def test_the_dearest_word_takes_less_gas_than_is_given(node):
    chain = Chain(node, 63)
    receipt = chain.decide(chain.consortium.admit_data(STRANGER.address, KEYS[64]))
    assert len(chain.consortium.state().seats) == 64
    assert AGREE_GAS / 2 < receipt.gas_used < AGREE_GAS


def test_values_that_it_has_no_room_for_are_refused(chain):
    for broken in (
        lambda c: c.agree_data(b"", 1 << 64),
        lambda c: c.admit_data(STRANGER.address, b"1" * 33),
        lambda c: c.admit_data("0x12", KEYS[0]),
        lambda c: c.gas_data(Gas(-1, 10**7)),
    ):
        with pytest.raises(BadMove):
            broken(chain.consortium)


def test_a_chain_without_one_says_so():
    with open_engine("embedded", Settings()) as engine:
        consortium = ConsortiumContract(engine)
        for ask in (consortium.state, lambda: consortium.agreed(b"")):
            with pytest.raises(ChainError, match=f"{CONSORTIUM} does not answer"):
                ask()
        assert consortium.wanted() == []


def test_a_log_that_it_cannot_have_written_is_refused(node):
    """Code that logs the topic of Agreed without data."""
    topic = keccak(b"Agreed(address,bytes32,bytes,uint64)")
    node.ask("anvil_setCode", [CONSORTIUM, f"0x7f{topic.hex()}5f5fa100"])
    sender = Sender(node)
    sender.queue(Transaction(node.funder, "log", CONSORTIUM, b"", 100_000))
    sender.must_succeed()
    with pytest.raises(BadLog, match="is no Agreed"):
        ConsortiumContract(node).wanted()


def test_a_quorum_is_more_than_two_thirds():
    assert [quorum(count) for count in range(1, 8)] == [1, 2, 3, 3, 4, 5, 5]


def test_the_dearest_least_price_is_that_of_the_contract(chain):
    said = chain.consortium._plain("MAX_PRICE", chain.consortium.data("MAX_PRICE"), None)
    assert said == (MOST_PRICE,)
