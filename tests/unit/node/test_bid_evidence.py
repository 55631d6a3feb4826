"""Evidence of a bid for a product: a file holds as a whole, or is refused with the place."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from fabmarket.chain import Settings, open_engine
from fabmarket.cli.commands import cli
from fabmarket.identity import Key, digest
from fabmarket.identity.codec import decode, encode
from fabmarket.market.products import (
    Answer,
    Bid,
    Booked,
    Confirm,
    Countersigned,
    SealedBid,
    SignedGrant,
)
from fabmarket.market.trade import Trade
from fabmarket.node import BadEvidence, Evidence, NoEvidence, evidence_of, forks, replay_bid
from fabmarket.node.envelope import Envelope
from fabmarket.scenario.model import Demander, Operation, Product, Work
from fabmarket.simulation import run_market
from tests.unit.negotiation.test_products import one_step, shop
from tests.unit.node.test_evidence import UNPROVED, changed_texts

SMALL, LARGE = 700, 1_010
"""At 102 a unit, to which both wishes drive the price, neither pays; at the reserve both bid."""


def two_steps(name, value):
    steps = tuple(Operation(f"op {at}", (Work(f"machine-{at}", 10 - 9 * at),)) for at in range(2))
    return Demander(name, (), Product(steps, 0, 0, 5, value, 0))


@pytest.fixture(scope="module")
def market():
    """Two products want the first machine's only slot; the larger is bought, and pays for it."""
    small, large = one_step("small", SMALL), two_steps("large", LARGE)
    spec = shop(small, large, listed=((10,), (0, 10)), reserves=(20, 1))
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(spec, engine, 1, lambda *_: None)
        outcome.store.close()
    return outcome


@pytest.fixture(scope="module")
def keys(market):
    traders = (*market.parties.demanders, *market.parties.suppliers)
    return {party.name: party.key for party in traders}


@pytest.fixture(scope="module")
def files(market, keys):
    """The files of the bid that came to trades, by their holders' names."""
    bid = market.trades[0].session
    return {
        name: evidence_of(market.journals[key.address], bid)
        for name, key in keys.items()
        if market.journals[key.address].talk(bid)
    }


def buyer_of(files):
    return files["large"]


def test_the_demander_and_each_supplier_have_a_file(files, keys):
    assert len(files) == 3
    assert set(keys) - set(files) == {"small"}
    assert not forks(files.values())


def test_a_file_shows_what_was_paid_and_why(files):
    shown = replay_bid(buyer_of(files))
    assert shown.outcome == "agreed"
    assert shown.premium == (SMALL - 200) // 10
    assert shown.rival != bytes(32)
    first, second = (line for lines in shown.booked.values() for line in lines)
    assert (first.unit_price, second.unit_price) == (20 + shown.premium, 1)
    assert len(shown.trades) == len(shown.settlements) == 2
    for name, file in files.items():
        own = replay_bid(file)
        assert (own.rival, own.premium, own.terms) == (shown.rival, shown.premium, shown.terms)
        if name != "large":
            ((supplier, lines),) = own.booked.items()
            assert shown.booked[supplier] == lines
            assert len(own.trades) == len(own.settlements) == 1


def test_the_file_of_a_trade_is_that_of_its_bid(market, keys, files):
    journal = market.journals[keys["large"].address]
    for trade in replay_bid(buyer_of(files)).trades:
        assert evidence_of(journal, trade) == buyer_of(files)


def test_who_was_denied_can_show_by_which_bid(market, keys):
    journal = market.journals[keys["small"].address]
    shown = [replay_bid(evidence_of(journal, bid)) for bid in journal.bids()]
    assert {each.outcome for each in shown} == {"no trade"}
    assert [list(each.denials.values()) for each in shown] == len(shown) * [[True]]


def test_of_a_bid_that_is_not_in_a_journal_there_is_no_evidence(market, keys, files):
    with pytest.raises(NoEvidence, match="no session, bid or trade"):
        evidence_of(market.journals[keys["small"].address], buyer_of(files).session)


def test_no_value_of_a_file_can_be_another(files):
    for name, file in files.items():
        passed, count = [], 0
        for path, text in changed_texts(file):
            count += 1
            unproved = path[0] == "settlements" and path[-1] in UNPROVED
            if not (unproved or is_refused(text)):
                passed.append((name, path))
        assert count > 150
        assert not passed


def is_refused(text):
    try:
        replay_bid(decode(Evidence, text))
    except (BadEvidence, NoEvidence, ValueError):
        return True
    except Exception as error:
        if type(error).__name__ != "BadText":
            raise
        return True
    return False


# What is signed, and still does not hold


def met(file):
    """The answer of the supplier where the bid met another."""
    answers = [each.message for each in file.envelopes if isinstance(each.message, Answer)]
    return next(each for each in answers if each.rivals)


def resigned(file, keys, kind, change):
    """The file with the first message of a kind changed and signed again by its author."""
    by_address = {key.address: key for key in keys.values()}
    envelopes = list(file.envelopes)
    at = next(at for at, each in enumerate(envelopes) if isinstance(each.message, kind))
    if kind is Answer:
        at = next(at for at, each in enumerate(envelopes) if each.message == met(file))
    message = change(envelopes[at].message)
    key = by_address[message.author]
    envelopes[at] = Envelope(message, key.sign(digest(file.domain, message)))
    return replace(file, envelopes=tuple(envelopes))


def granting(key, domain, **changes):
    def change(answer):
        grant = replace(answer.signed.grant, **changes)
        return replace(answer, signed=SignedGrant(grant, key.sign(digest(domain, grant))))

    return change


def dearer(booked):
    (line, *others) = booked.lines
    return replace(booked, lines=(replace(line, unit_price=line.unit_price + 1), *others))


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        (SealedBid, lambda seal: replace(seal, beat=seal.beat + 60), "was not sealed before"),
        (Bid, lambda bid: replace(bid, consent=bytes(65)), "has not signed"),
        (
            Bid,
            lambda bid: replace(bid, lines=(replace(bid.lines[0], quantity=9),)),
            "other lines than were sealed",
        ),
        (Answer, lambda answer: replace(answer, rivals=()), "another rival than it shows"),
        (Confirm, lambda word: replace(word, grants=word.grants[:1]), "the grants of all"),
        (
            Confirm,
            lambda word: replace(word, grants=(word.grants[0], word.grants[0])),
            "the grants of all",
        ),
        (Booked, dearer, "other prices than follow from the grants"),
        (Booked, lambda booked: replace(booked, nonce=booked.nonce - 1), "other terms than were"),
        (Trade, lambda trade: replace(trade, unit_price=1), "other terms than were booked"),
        (Countersigned, lambda word: replace(word, consent=bytes(65)), "not the supplier's"),
    ],
)
def test_what_is_signed_and_does_not_follow_is_refused(files, keys, kind, change, reason):
    with pytest.raises(BadEvidence, match=reason):
        replay_bid(resigned(buyer_of(files), keys, kind, change))


@pytest.mark.parametrize(
    ("bundle", "reason"),
    [(bytes(32), "are not one bundle"), (b"b" * 32, "hash is not that of its trades")],
)
def test_trades_of_another_bundle_than_theirs_are_refused(files, keys, bundle, reason):
    file = buyer_of(files)
    key = next(each for each in keys.values() if each.address == file.holder)
    envelopes = [each for each in file.envelopes if not isinstance(each.message, Countersigned)]
    for place, each in enumerate(envelopes):
        if isinstance(each.message, Trade):
            trade = replace(each.message, bundle=bundle)
            envelopes[place] = Envelope(trade, key.sign(digest(file.domain, trade)))
    with pytest.raises(BadEvidence, match=reason):
        replay_bid(replace(file, envelopes=tuple(envelopes), settlements=()))


def test_a_grant_with_a_rate_of_its_own_is_refused(files, keys):
    """The supplier says more than its rival bid: the rival's signed terms say what it bid."""
    file = buyer_of(files)
    key = next(each for each in keys.values() if each.address == met(file).author)
    rate = replay_bid(file).premium + 1
    with pytest.raises(BadEvidence, match="another rival than it shows"):
        replay_bid(resigned(file, keys, Answer, granting(key, file.domain, rate=rate)))


@pytest.mark.parametrize(
    ("without", "reason"),
    [
        (SealedBid, "was not sealed before"),
        (Bid, "there is no bid|answers no bid"),
        (Answer, "books no bid"),
        (Confirm, "books what is not confirmed"),
        (Booked, "other terms than were booked"),
        (Trade, "is of no trade of the bid"),
    ],
)
def test_a_word_that_others_follow_from_is_missed(files, without, reason):
    file = buyer_of(files)
    left = tuple(each for each in file.envelopes if not isinstance(each.message, without))
    with pytest.raises(BadEvidence, match=reason):
        replay_bid(replace(file, envelopes=left))


def test_a_file_of_somebody_else_is_refused(files, keys):
    stranger = replace(buyer_of(files), holder=Key.derive("stranger").address)
    with pytest.raises(BadEvidence, match="has no part in the bid"):
        replay_bid(stranger)
    suppliers = [file.holder for name, file in files.items() if name != "large"]
    with pytest.raises(BadEvidence, match="are not those that"):
        replay_bid(replace(buyer_of(files), holder=suppliers[0]))


def test_two_answers_to_one_bid_show_as_a_fork(files, keys):
    file = buyer_of(files)
    answer = met(file)
    key = next(each for each in keys.values() if each.address == answer.author)
    other = resigned(file, keys, Answer, granting(key, file.domain, held=False))
    (fork,) = forks([file, other])
    assert (fork.author, fork.place) == (answer.author, "the answer to a bid")


def test_a_bid_that_is_named_as_failed_and_was_held_shows_as_a_fork(files, keys):
    """A premium from nothing: the rival is real, ranks behind, and was granted as well."""
    file = buyer_of(files)
    answer = met(file)
    key = next(each for each in keys.values() if each.address == answer.author)
    grant = replace(answer.signed.grant, bid=answer.signed.grant.rival, rival=bytes(32), rate=0)
    other = Answer(SignedGrant(grant, key.sign(digest(file.domain, grant))), ())
    envelope = Envelope(other, key.sign(digest(file.domain, other)))
    (fork,) = forks([file, replace(file, session=grant.bid, envelopes=(envelope,))])
    assert (fork.author, fork.place) == (key.address, "a bid that failed and was held")


# The commands


def test_the_commands_write_and_check_the_files(market, keys, files, tmp_path):
    def run(*arguments):
        done = CliRunner().invoke(
            cli, [str(each) for each in arguments], catch_exceptions=False, standalone_mode=False
        )
        return done.output

    for name, file in files.items():
        (tmp_path / f"{name.replace(' ', '-')}.json").write_bytes(encode(file))
    facts = json.loads(run("verify", *sorted(tmp_path.glob("*.json")), "--json"))
    assert facts["ok"]
    by_role = {}
    for fact in facts["files"]:
        by_role.setdefault(fact["role"], []).append(fact)
    assert {role: len(each) for role, each in by_role.items()} == {"demander": 1, "supplier": 2}
    (bought,) = by_role["demander"]
    assert (bought["outcome"], len(bought["awards"]), bought["premium"]) == (
        "agreed",
        2,
        replay_bid(buyer_of(files)).premium,
    )
    assert "demander" in run("verify", *sorted(tmp_path.glob("*.json")))
