"""What is announced on a real board, through the account's own outbox, and read back from it."""

import pytest

from fabmarket.chain import BoardContract, Settings, open_engine
from fabmarket.errors import Bug
from fabmarket.identity import digest, keccak
from fabmarket.identity.codec import encode
from fabmarket.identity.sealing import LARGEST_ANNOUNCED, SealingKey, sealed
from fabmarket.ledger import EventLog, Follower
from fabmarket.market.cards import PROTOCOL, ContactCard, Founding, SignedNotice, notice_of
from fabmarket.market.events import Announced
from fabmarket.market.rhythm import Rhythm
from fabmarket.negotiation import demander
from fabmarket.node import Journal, Outbox
from fabmarket.node.participant import Announce, folded, move_of
from fabmarket.scenario import paper_market
from fabmarket.simulation.contracts import open_board
from fabmarket.simulation.setup import deploy, fill_purses, parties_of
from tests.unit.node.town import Town


class Square:
    """A market with a board, and a demander who has money to deposit and a card to announce."""

    def __init__(self, engine):
        scenario = paper_market(1)
        self.parties = parties_of(scenario, 1)
        self.engine = engine
        self.market = deploy(engine, scenario, self.parties)
        self.deposit = fill_purses(self.market, scenario, self.parties)
        self.rhythm = Rhythm(engine.now(), 60)
        key, exchange = self.parties.deployer.key, self.market.exchange.address
        self.board = open_board(engine, self.market.sender, key, exchange, self.rhythm)
        self.key = self.parties.demanders[0].key
        self.town = Town()
        self.town.keys["anne"] = self.key
        self.town.states["anne"] = self.town._demander("anne", 150, 40)
        self.journal = Journal()
        self.participant = self.town.start("anne", self.journal)

    def outbox(self, board=True):
        exchange = self.market.exchange
        board = self.board if board else None
        return Outbox(self.key, self.journal, self.engine, exchange, board=board)

    def card(self):
        sealing = SealingKey(self.key).public
        card = ContactCard(self.key.address, sealing, "http://x:1", bytes(32), PROTOCOL, 9)
        return card, encode(SignedNotice(card, self.key.sign(digest(self.market.domain, card))))

    def mine(self):
        outbox = self.outbox()
        outgoing = outbox.outgoing()
        receipts = self.engine.mine([each.raw for each in outgoing])
        assert {each.status for each in receipts} == {1}
        for each, receipt in zip(outgoing, receipts, strict=True):
            outbox.mined(each, receipt)
        return outgoing

    def announced(self, store=None):
        store = store or EventLog[Announced]()
        for _ in Follower[Announced](self.engine, self.board, store).poll():
            pass
        return list(store.events())


@pytest.fixture
def square():
    with open_engine("embedded", Settings()) as engine:
        yield Square(engine)


def test_the_rhythm_is_on_the_board_from_the_beginning_signed_by_the_founder(square):
    (announced,) = square.announced()
    founder = square.parties.deployer.address
    assert (announced.author, announced.sequence) == (founder, 0)
    assert notice_of(square.market.domain, announced) == Founding(founder, square.rhythm)


def test_a_card_goes_out_between_the_moves_of_its_account(square):
    _, payload = square.card()
    square.participant.order(square.deposit)
    square.participant.announce(payload)
    square.participant.order(square.deposit)
    outgoing = square.outbox().outgoing()
    assert [each.transaction.action for each in outgoing] == ["deposit", "announce", "deposit"]
    assert [each.nonce for each in outgoing] == list(
        range(outgoing[0].nonce, outgoing[0].nonce + 3)
    )
    square.journal = Journal.restored(square.journal.dump())
    assert [each.raw for each in square.outbox().outgoing()] == [each.raw for each in outgoing]
    assert move_of(square.journal.moves()[1].body) == Announce(payload)


def test_what_was_announced_is_read_back(square):
    card, payload = square.card()
    square.participant.announce(payload)
    (sent,) = square.mine()
    assert sent.transaction.to == square.board.address
    _, announced = square.announced()
    assert (announced.author, announced.sequence, announced.payload) == (card.author, 0, payload)
    assert notice_of(square.market.domain, announced) == card
    assert square.journal.moves() == []


def test_the_gas_is_enough_for_the_largest_notice(square):
    square.participant.announce(b"\xff" * 2048)
    square.mine()


def test_the_gas_is_enough_for_the_largest_letter(square):
    square.participant.announce(b"\xff" * LARGEST_ANNOUNCED)
    square.mine()


def test_the_smallest_letter_costs_what_the_pages_say(square):
    market, key = square.market, square.key
    letter = sealed(market.domain, key.address, key.address, SealingKey(key).public, b"")
    square.participant.announce(letter)
    (outgoing,) = square.mine()
    receipt = square.engine.receipt(keccak(outgoing.raw))
    assert receipt.gas_used == pytest.approx(107_000, abs=1_000)


def test_a_letter_moves_to_the_board_s_outbox_in_one_transaction_and_is_counted_by_day(square):
    journal = square.journal
    with journal.writing():
        for _ in range(3):
            journal.post("bert", 9, "Offer", b"text")
    first, second, third = journal.letters()
    square.participant.announce_letter(first.number, b"one", 20_000)
    square.participant.announce_letter(third.number, b"three", 20_000)
    assert journal.letters() == [second]
    assert [move_of(each.body).payload for each in journal.moves()] == [b"one", b"three"]
    square.journal = Journal.restored(journal.dump())
    again = square.participant = square.town.start("anne", square.journal)
    assert (again.announced_on(20_000), again.announced_on(20_001)) == (2, 0)
    again.announce_letter(second.number, b"two", 20_001)
    assert again.announced_on(20_001) == 1


def test_an_announcement_is_no_input_of_the_step(square):
    before = square.participant.state
    square.participant.announce(b"something")
    assert square.participant.state is before
    assert list(square.journal.inputs()) == []
    assert folded(square.journal, demander.step, type(before)) == before


def test_without_a_board_there_is_nothing_to_announce_on(square):
    square.participant.announce(b"something")
    with pytest.raises(Bug, match="no board"):
        square.outbox(board=False).outgoing()


def test_the_board_is_followed_on_disk_from_where_it_was_left(square, tmp_path):
    path = tmp_path / "board.sqlite"
    store = EventLog[Announced](path)
    assert len(square.announced(store)) == 1
    store.close()
    square.participant.announce(square.card()[1])
    square.mine()
    again = EventLog[Announced](path)
    assert len(square.announced(again)) == 2
    again.close()


def test_another_contract_s_logs_are_none_of_the_board(square):
    other = BoardContract(square.engine, square.market.token.address)
    logs = square.engine.logs(0, square.engine.block_number(), square.board.address)
    assert [other.event(log) for log in logs] == [None]
