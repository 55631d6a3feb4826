"""What an operator's owner is shown of what is unusual: each kind, once."""

from dataclasses import replace
from pathlib import Path

import pytest

from fabmarket.identity import digest, keccak
from fabmarket.identity.codec import encode
from fabmarket.market import trade as signed
from fabmarket.market.exchange import Expire, Pause, RefundUncovered, SetToken
from fabmarket.market.messages import Quote
from fabmarket.market.oversight import Exhibit
from fabmarket.market.parameters import HOURS
from fabmarket.negotiation.duties import Judge
from fabmarket.negotiation.operator.judging import TURN
from fabmarket.node.envelope import Envelope
from fabmarket.node.evidence import Evidence
from fabmarket.node.oversight import KINDS, Unusual, Watcher
from fabmarket.node.owner import Owner
from tests.unit.node.council import DOMAIN, TOKEN, Council
from tests.unit.node.office import Office


class Watched(Office):
    """An operator's office, and what its owner is shown of what is unusual."""

    def __init__(self, council: Council, folder: Path) -> None:
        super().__init__(council, folder)
        self.watcher = Watcher(Owner(folder))

    def news(self) -> list[Unusual]:
        self.bring()
        return self.watcher.news()


@pytest.fixture
def office(tmp_path):
    return Watched(Council(), tmp_path)


def kinds(found):
    return [each.kind for each in found]


def test_a_quiet_market_has_nothing_unusual(office):
    office.council.disputed()
    assert office.news() == []


def test_capacity_that_is_lowered_below_what_is_sold_and_the_refund(office):
    council = office.council
    trade = council.escrowed()
    council.attest(3, version=2)
    assert office.news() == []
    council.attest(2, version=3)
    (lowered,) = office.news()
    assert lowered.kind == "lowered"
    assert lowered.what == f"slot 0 of mill of {council.keys['sam'].address}: 2 units, 3 are sold"
    assert council.does("bea", RefundUncovered(council.trade())) is None
    (uncovered,) = office.news()
    assert (uncovered.kind, uncovered.what) == ("uncovered", f"trade 0x{trade.hex()}")


def test_a_ruling_that_replaces_one(office):
    council = office.council
    trade = council.disputed()
    council.hearing_over()
    for payment in (10_000, 0):
        for name in ("ada", "ben"):
            council.people[name].order(Judge(trade, payment, 0, 0))
            council.carry()
        council.wait(2 * TURN)
        council.mine()
    assert kinds(office.news()) == ["replaced"]


def test_a_dispute_whose_time_is_nearly_over_then_over_then_undecided(office):
    council = office.council
    council.disputed()
    assert office.news() == []
    council.now = council.trade().escrow.decide_by - HOURS.decision_window // 4
    council.wait(0)
    assert kinds(office.news()) == ["deadline"]
    assert office.news() == []
    council.now = council.trade().escrow.decide_by
    council.wait(0)
    (over,) = office.news()
    assert over.what.endswith("the time to rule is over")
    assert council.does("stranger", Expire(council.trade())) is None
    council.blocks += HOURS.grace_blocks
    council.wait(HOURS.grace_time)
    assert council.does("stranger", Expire(council.trade())) is None
    assert kinds(office.news()) == ["undecided"]


def test_what_the_operators_decide(office):
    council = office.council
    council.next_set("dan", "eve", "fay")
    decision = (council.now + 100, 1, council.exchange.decision_nonce, council.now + 50)
    pause = signed.Pause(*decision)
    move = Pause(pause.until, pause.deadline, council.all_sign(pause))
    assert council.does("stranger", move) is None
    token = signed.Token(TOKEN, False, 1, council.exchange.decision_nonce, council.now + 50)
    move = SetToken(TOKEN, False, token.deadline, council.all_sign(token))
    assert council.does("stranger", move) is None
    assert kinds(office.news()) == ["operators", "paused", "token"]


def test_a_forked_session_that_a_party_shows(office):
    """Two quotes of one supplier for one round, both signed by it, in the files of one dispute."""
    council = office.council
    trade = council.disputed()
    sam, bea = council.keys["sam"], council.keys["bea"]
    quote = Quote(
        supplier=sam.address,
        session=bytes(32),
        round=1,
        previous=bytes(32),
        tree=bytes(32),
        sum=0,
        moving=0,
        dropped=(),
        price=10,
        supply=0,
    )
    for word in (quote, replace(quote, price=11)):
        envelope = Envelope(word, sam.sign(digest(DOMAIN, word)))
        file = encode(Evidence(1, DOMAIN, bea.address, bytes(32), (envelope,), ()))
        exhibit = Exhibit(bea.address, trade, keccak(file), file, "")
        assert council.tempt("ada", exhibit, bea) is None
    noise = b"[" * 1_000
    for file in (noise, b"{}", bytes(100)):
        exhibit = Exhibit(bea.address, trade, keccak(file), file, "")
        assert council.tempt("ada", exhibit, bea) is None
    (forked,) = office.news()
    assert forked.kind == "forked"
    assert f"{sam.address} signed two words for quote 1" in forked.what


def test_every_kind_is_one_that_a_test_has_seen():
    refused = Path(__file__).parents[2] / "integration" / "test_refused.py"
    source = "".join(each.read_text("utf-8") for each in (Path(__file__), refused))
    assert [kind for kind in KINDS if f'"{kind}"' not in source] == []
