"""Orders of the owner: taken once whatever is killed, tried before they are sent, and concluded."""

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity import digest, keccak
from fabmarket.identity.codec import decode, encode
from fabmarket.market.exchange import Deposit, OperatorSignature, RaiseEpoch, SetToken, Withdraw
from fabmarket.market.trade import Token
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.orders import AddWant, Allow, DropWant, PayIn
from fabmarket.negotiation.wants import Choice, Want
from fabmarket.node import Journal, Outbox
from fabmarket.node.envelope import open_envelope
from fabmarket.node.participant import Outcome, move_of
from tests.unit.node.house import House
from tests.unit.node.mortal import Crash, Database, Fuse
from tests.unit.node.town import DOMAIN, LENGTH, MILL, ORIGIN, TOKEN


@pytest.fixture
def house():
    with open_engine("embedded", Settings()) as engine:
        yield House(engine)


def place(participant, order):
    """What a command of the owner does."""
    return participant.journal.place(encode(Ordered(order)))


def obey(participant, now=7):
    """What an agent does in its loop."""
    for placed in participant.journal.untaken():
        participant.order(decode(Ordered, placed.body).order, placed.number, now)


def outcome(journal, number):
    found = journal.order(number).outcome
    return None if found is None else decode(Outcome, found)


def mine(house):
    """A block of all that is to be sent; what it brings is heard of at the next push."""
    house.engine.mine([each.raw for each in house.outbox.outgoing()])


def test_a_deposit_is_allowed_and_then_made(house):
    number = place(house.participant, PayIn(house.deposit.token, 70))
    obey(house.participant)
    moves = [move_of(each.body) for each in house.journal.moves()]
    assert moves == [Allow(house.deposit.token, 70), Deposit(house.deposit.token, 70)]
    actions = []
    while house.journal.moves():
        house.restart()
        actions += [each.transaction.action for each, _ in house.outbox.push()]
    assert actions == ["approve", "deposit"]
    (ended,) = house.ended
    assert ended == (number, outcome(house.journal, number))
    assert (ended[1].state, ended[1].block) == ("done", house.engine.block_number())
    assert house.balance() == 70
    allowed = house.market.token.read("allowance", house.key.address, house.market.exchange.address)
    assert allowed == 0


def test_an_order_that_would_fail_is_refused_with_the_contract_s_error_and_not_sent(house):
    before = house.engine.nonce(house.key.address)
    number = place(house.participant, Withdraw(house.deposit.token, 1, house.key.address))
    obey(house.participant)
    assert house.outbox.push() == []
    assert outcome(house.journal, number) == Outcome(
        "refused",
        "the account has 0 base units free in the exchange where 1 base units are needed; deposit"
        " more, or take less (InsufficientBalance)",
    )
    assert house.journal.moves() == []
    assert house.engine.nonce(house.key.address) == before


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (lambda house: PayIn(house.deposit.token, 2**100), "the wallet holds"),
        (lambda house: PayIn(house.market.exchange.address, 1), "takes no deposits of"),
    ],
)
def test_a_deposit_that_cannot_be_is_refused_before_anything_is_allowed(house, order, reason):
    number = place(house.participant, order(house))
    obey(house.participant)
    house.outbox.push()
    assert reason in outcome(house.journal, number).reason
    assert house.journal.moves() == []


def test_without_coin_for_gas_nothing_is_sent(house):
    poor = house.town.start("bert", Journal())
    number = place(poor, RaiseEpoch(TOKEN))
    obey(poor)
    key = house.town.keys["bert"]
    Outbox(key, poor.journal, house.engine, house.market.exchange).push()
    assert outcome(poor.journal, number).state == "refused"
    assert "the account has 0 wei of coin" in outcome(poor.journal, number).reason


def test_what_fails_after_all_says_the_contract_s_error(house):
    """The operators stop deposits after it was tried and before it is mined."""
    token = house.deposit.token
    number = place(house.participant, PayIn(token, 10))
    obey(house.participant)
    mine(house)
    assert house.outbox.outgoing() == []  # what it holds is ticked off
    (sent,) = house.outbox.outgoing()
    assert sent.transaction.action == "deposit"
    stop_deposits(house)
    (receipt,) = house.engine.mine([sent.raw])
    assert receipt.status == 0
    house.restart()
    house.outbox.push()
    reason = f"the exchange takes no deposits of {token} (TokenNotAccepted)"
    assert outcome(house.journal, number) == Outcome("failed", reason, *place_of(receipt))
    assert house.ended == [(number, outcome(house.journal, number))]


def place_of(receipt):
    return receipt.transaction, receipt.block


def stop_deposits(house):
    """As the operators decide it."""
    deadline = house.engine.now() + 1_000
    terms = (house.deposit.token, False)
    decision = Token(*terms, set=1, nonce=0, deadline=deadline)
    operators = sorted(house.parties.operators, key=lambda each: int(each.address, 16))
    signatures = tuple(
        OperatorSignature(each.address, each.key.sign(digest(house.market.domain, decision)))
        for each in operators
    )
    house.market.queue(operators[0].key, SetToken(*terms, deadline, signatures))
    house.market.sender.must_succeed(house.market.exchange)


def test_signed_anew_it_is_tried_anew(house):
    """Its nonce was used elsewhere, for a withdrawal of the same money."""
    token, address = house.deposit.token, house.key.address
    place(house.participant, PayIn(token, 10))
    obey(house.participant)
    while house.journal.moves():
        house.outbox.push()
    number = place(house.participant, Withdraw(token, 10, address))
    obey(house.participant)
    house.outbox.outgoing()
    house.market.queue(house.key, Withdraw(token, 4, address))
    house.market.sender.must_succeed(house.market.exchange)
    house.outbox.push()
    reason = (
        "the account has 6 base units free in the exchange where 10 base units are needed; deposit"
        " more, or take less (InsufficientBalance)"
    )
    assert outcome(house.journal, number) == Outcome("refused", reason)
    assert house.balance() == 6


def test_orders_are_done_one_after_another(house):
    """The second allowance would else stand in the way of the first deposit."""
    token = house.deposit.token
    numbers = [place(house.participant, PayIn(token, each)) for each in (70, 5)]
    obey(house.participant)
    assert len(house.journal.moves()) == 4
    while house.journal.moves():
        assert len(house.outbox.outgoing()) <= 1
        house.outbox.push()
    assert [outcome(house.journal, each).state for each in numbers] == ["done", "done"]
    assert house.balance() == 75


def test_an_order_is_taken_once_wherever_the_process_dies(town):
    """At every statement of the database; then it is taken, with its moves, or still there."""
    boundaries = None
    survived = set()
    at = 0
    while boundaries is None or at < len(boundaries):
        participant = town.people["anne"]
        journal = Journal.restored(participant.journal.dump())
        number = journal.place(encode(Ordered(PayIn(TOKEN, 5))))
        fuse = Fuse()
        if boundaries is not None:
            fuse.at = {boundaries[at]}
            at += 1
        dying = town.start("anne", journal)
        raw, journal._db = journal._db, Database(journal._db, fuse)
        try:
            obey(dying)
        except Crash:
            raw.rollback()
        if boundaries is None:
            boundaries = list(fuse.passed)
        fuse.burns = False
        again = town.start("anne", Journal.restored(raw.serialize()))
        survived.add(again.journal.order(number).taken is not None)
        obey(again)
        obey(again)
        assert [move_of(each.body) for each in again.journal.moves()] == [
            Allow(TOKEN, 5),
            Deposit(TOKEN, 5),
        ]
    assert survived == {True, False}
    assert len(boundaries) > 10


# A demander's wants


def want(name=b"more", start=ORIGIN + LENGTH):
    ways = (Choice(MILL, 5, 90),)
    return Want(keccak(name), start, start + LENGTH, False, ways)


def test_a_want_that_is_added_is_published_and_one_that_is_cancelled_is_not(town):
    anne = town.people["anne"]
    first, second = want(), want(b"other")
    numbers = [place(anne, each) for each in (AddWant("a", first, 3), AddWant("b", second, 3))]
    numbers.append(place(anne, DropWant(second.id)))
    obey(anne)
    assert [outcome(anne.journal, each) for each in numbers] == [Outcome("done")] * 3
    town.restart("anne")
    town.opened()
    (letter,) = town.letters("anne")
    demand = open_envelope(DOMAIN, letter.body).message
    assert [each.id for each in demand.sub_tasks] == [keccak(b"anne"), first.id]
    assert town.people["anne"].state.wants[second.id].state == "cancelled"


def test_a_demander_that_has_given_up_publishes_again_for_a_new_want(town):
    town.opened()
    anne = town.people["anne"]
    for beat in range(1, 9):
        town.block(1_030 + 30 * beat)
    assert anne.state.rounds_left == 0
    before = len(town.letters("anne"))
    place(anne, AddWant("a", want(), 1))
    obey(anne)
    town.block(1_390)
    assert len(town.letters("anne")) == before + 1


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (AddWant("a", want(b"anne"), 1), "there is a want or product of this name already"),
        (AddWant("a", want(start=1_030 - LENGTH), 1), "its slot is over"),
        (DropWant(keccak(b"nobody's")), "there is no such want"),
    ],
)
def test_an_order_that_cannot_be_followed_is_refused_and_changes_nothing(town, order, reason):
    town.opened()
    anne = town.people["anne"]
    before = anne.state, len(town.letters("anne"))
    number = place(anne, order)
    obey(anne)
    found = outcome(anne.journal, number)
    assert (found.state, found.reason.partition(";")[0]) == ("refused", reason)
    assert (anne.state, len(town.letters("anne"))) == before
    assert anne.journal.untaken() == []


def test_what_is_negotiated_or_agreed_is_not_cancelled(town):
    town.opened()
    town.carry(least=4)
    town.block(1_045)
    anne = town.people["anne"]
    drop = DropWant(keccak(b"anne"))
    number = place(anne, drop)
    obey(anne)
    assert "it is being negotiated until second" in outcome(anne.journal, number).reason
    town.carry(least=2)
    town.block(1_060)
    town.carry(least=4)
    number = place(anne, drop)
    obey(anne)
    assert outcome(anne.journal, number).reason == "it is agreed already"


def test_a_supplier_wants_nothing(town):
    cleo = town.people["cleo"]
    numbers = [place(cleo, AddWant("a", want(), 1)), place(cleo, DropWant(bytes(32)))]
    obey(cleo)
    reasons = {outcome(cleo.journal, each).reason for each in numbers}
    assert reasons == {"only a demander wants something"}
