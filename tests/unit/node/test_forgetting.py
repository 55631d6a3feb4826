"""Forgetting: what is open stays, what is over goes, and the market goes on."""

from fabmarket.identity import digest, keccak
from fabmarket.identity.codec import decode
from fabmarket.market.events import Cause, Listed, Released
from fabmarket.market.trade import listing_id
from fabmarket.negotiation.orders import AddWant
from fabmarket.negotiation.wants import Choice, Want
from fabmarket.node.envelope import Envelope
from fabmarket.node.forgetting import erase
from fabmarket.node.past import forgotten_in, past_of
from tests.unit.node.town import DOMAIN, HELD, LENGTH, MILL, ORIGIN, RHYTHM, Town

OVER = ORIGIN + LENGTH
"""When the slot of which all buy is over."""
NAMES = ("anne", "bert", "cleo")


def past(town, name, before):
    return past_of(town.people[name].journal, town.people[name].state, before)


def forget(town, name, before):
    """The participant's agent ends, its owner has it forget, and it starts again."""
    who = town.people[name]
    for move in who.journal.moves():  # by now it is mined
        who.journal.mined(move.number)
    found = past(town, name, before)
    erase(who.journal, who.state, found, before)
    who.journal.scrub()
    town.restart(name)
    return found


def trades(town, name):
    journal = town.people[name].journal
    texts = {key: journal.message(key) for key in journal.trades()}
    return {key: decode(Envelope, text).message for key, text in texts.items()}


def test_what_is_over_goes_and_what_is_left_is_a_count(town):
    town.settled()
    town.block(OVER)
    for name in NAMES:
        sold, before = trades(town, name), [*town.people[name].journal.messages()]
        assert past(town, name, OVER - 1).trades == frozenset()
        found = forget(town, name, OVER)
        assert found.trades == set(sold)
        assert (len(found.sessions), found.kept) == (1, ())
        journal = town.people[name].journal
        assert [*journal.messages(), *journal.inputs(), *journal.letters()] == []
        assert not [key for key, _ in journal.notes() if key.startswith("settled ")]
        count = forgotten_in(journal)
        assert (count.before, count.sessions) == (OVER, 1)
        assert (count.trades, count.messages) == (len(sold), len(before))
        again = forget(town, name, OVER)
        assert again.messages == frozenset()
        assert forgotten_in(town.people[name].journal) == count
        data = town.people[name].journal.dump()
        assert not [key for key, _, text in before if text in data or key in data]
        assert not [key for key, _, _ in before if key.hex().encode() in data]
    (want,) = town.people["anne"].state.wants.values()
    assert want == Want(keccak(b"anne"), 0, 0, False, (), state="forgotten")


def test_what_may_still_settle_is_not_over(town):
    """The trades are signed, and on their way; no block says that they settled."""
    town.agreed()
    ends = [trade.valid_until for trade in trades(town, "cleo").values()]
    for name in NAMES:
        (kept,) = past(town, name, max(ends) - 1).kept
        assert (kept.what, kept.until) == ("session", OVER)


def test_a_trade_in_escrow_stays_until_its_money_has_left_it():
    town = Town(delivery=HELD).settled()
    (trade, other) = trades(town, "cleo").values()
    late = OVER + 10**7
    for name in NAMES:
        (kept,) = past(town, name, late).kept
        assert (kept.what, kept.until) == ("session", None)
        assert past(town, name, late).trades == frozenset()
    first, second = (digest(DOMAIN, each) for each in (trade, other))
    town.block(OVER + 10, Released(first, Cause.ACCEPTED, 1, 0, closed=True))
    assert past(town, "cleo", late).kept
    town.block(OVER + 11, Released(second, Cause.ACCEPTED, 1, 0, closed=True))
    for name in NAMES:
        assert past(town, name, late).kept == ()
        assert forget(town, name, late).trades


def test_after_forgetting_it_trades_on(town):
    town.settled()
    town.block(OVER)
    for name in NAMES:
        forget(town, name, OVER)
    cleo, anne = town.people["cleo"].address, town.people["anne"]
    slot = 50
    start = ORIGIN + slot * LENGTH
    again = listing_id(cleo, MILL, slot, start + LENGTH)
    want = Want(keccak(b"more"), start, start + LENGTH, True, (Choice(MILL, 40, 150),))
    assert anne.order(AddWant("more", want, 5)).state == "done"
    beat = RHYTHM.opens_after(OVER + 60)
    town.block(beat - 31, Listed(again, cleo, MILL, slot, 100, 100))
    town.block(beat - 30)
    town.carry(least=2)
    town.block(beat - 15)
    town.carry(least=1)
    town.block(beat)
    town.carry(least=2)
    assert len(trades(town, "anne")) == len(trades(town, "cleo")) == 1
    assert anne.state.wants[want.id].state == "agreed"
    kept = past(town, "anne", beat)
    assert [each.until for each in kept.kept] == [start + LENGTH]


def test_a_full_account_of_a_session_stays_until_then(town):
    """What an evidence file is made of, selections among it."""
    town.settled()
    words = {name: [*town.people[name].journal.messages()] for name in NAMES}
    for name in NAMES:
        found = forget(town, name, OVER - 1)
        left = {type(decode(Envelope, text).message).__name__ for _, _, text in words[name]}
        gone = {
            type(decode(Envelope, text).message).__name__
            for key, _, text in words[name]
            if key in found.messages
        }
        assert gone == {"Demand", "Offer"}
        assert {"Selection", "Opening", "Quote", "Reply", "Close", "Trade"} <= left
