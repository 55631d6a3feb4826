"""Evidence: a file holds as a whole or is refused, and two files show what a supplier forked."""

import json
from dataclasses import replace

import pytest

from fabmarket.identity import digest, keccak
from fabmarket.identity.codec import BadText, decode, encode
from fabmarket.market.messages import Opening, Quote, Selection, Trade
from fabmarket.negotiation.hosting import addressed, hear, next_word
from fabmarket.node import (
    Answer as NodeAnswer,
)
from fabmarket.node import (
    BadEvidence,
    Evidence,
    Fork,
    Journal,
    NoEvidence,
    evidence_of,
    forks,
    replay,
)
from fabmarket.node.envelope import Envelope, open_envelope, seal
from tests.unit.node.town import DOMAIN, Town

NAMES = ("anne", "bert", "cleo")
TOWNS = {}


def settled_town(concept):
    if concept not in TOWNS:
        TOWNS[concept] = Town(concept).settled()
    return TOWNS[concept]


def files(concept="balanced"):
    town = settled_town(concept)
    sessions = town.people["cleo"].journal.sessions()
    found = {}
    for name in NAMES:
        journal = town.people[name].journal
        for at, session in enumerate(sessions):
            if journal.message(session) is not None:
                found[f"{name} {concept} {at}"] = evidence_of(journal, session)
    return found


FILES = {**files("balanced"), **files("bargaining")}


def test_every_party_has_a_file():
    assert len(FILES) == 3 + 4


@pytest.mark.parametrize("name", FILES)
def test_a_file_holds_and_comes_back_from_its_text(name):
    file = FILES[name]
    again = decode(Evidence, encode(file))
    assert again == file
    shown = replay(again)
    assert len(shown.trades) == len(shown.settlements) >= 1
    assert shown.talk.id == file.session
    assert not forks([again])


def test_a_supplier_and_its_members_prove_the_same_trades():
    for concept in ("balanced", "bargaining"):
        shown = {name: replay(file).trades for name, file in FILES.items() if concept in name}
        sold = {}
        for name, trades in shown.items():
            if "cleo" in name:
                sold.update(trades)
        bought = {}
        for name, trades in shown.items():
            if "cleo" not in name:
                bought.update(trades)
        assert sold == bought
        assert len(sold) == 2


def test_the_file_of_a_trade_is_that_of_its_session():
    file = FILES["cleo balanced 0"]
    journal = settled_town("balanced").people["cleo"].journal
    for trade in replay(file).trades:
        assert evidence_of(journal, trade) == file


def test_of_what_is_not_in_a_journal_there_is_no_evidence():
    journal = settled_town("balanced").people["cleo"].journal
    with pytest.raises(NoEvidence, match="0x00"):
        evidence_of(journal, bytes(32))
    with pytest.raises(NoEvidence, match="nobody's"):
        evidence_of(Journal(), bytes(32))


# Each changed value

UNPROVED = {"block", "block_hash", "log_index", "transaction"}
"""Where the chain recorded a settlement: only the chain can say (`fabmarket verify --ledger`)."""


def changed_texts(file):
    """The file's text with one value changed, for each value: (its path, the text)."""
    plain = json.loads(encode(file))

    def walk(node, path):
        for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
            here = (*path, key)
            if isinstance(value, dict | list):
                yield from walk(value, here)
                continue
            for other in others(value):
                node[key] = other
                yield here, json.dumps(plain, separators=(",", ":")).encode()
            node[key] = value

    return walk(plain, ())


def others(value):
    """Values that a byte or more of this one away, of its form."""
    if isinstance(value, bool):
        return [not value]
    if value in ADDRESSES:
        return [each for each in ADDRESSES if each != value]
    if value.startswith("0x"):
        flipped = {at: "%x" % (int(value[at], 16) ^ 1) for at in (2, len(value) // 2, -1)}
        cut = {at: value[:at] + digit + value[at:][1:] for at, digit in flipped.items()}
        return list(cut.values()) if len(value) > 2 else ["0x00"]
    if value.isdigit():
        return [str(int(value) + 1), str(max(0, int(value) - 1) if value != "0" else 2)]
    return [value + "x", ""]


ADDRESSES = [key.address for key in Town().keys.values()]


@pytest.mark.parametrize("name", FILES)
def test_no_value_of_a_file_can_be_another(name):
    file, passed, count = FILES[name], [], 0
    for path, text in changed_texts(file):
        count += 1
        unproved = path[0] == "settlements" and path[-1] in UNPROVED
        # Both parties to a bargain hold the same messages, so each could have written the file.
        unproved |= "bargaining" in name and holder_of(text) in parties_to(file)
        if not (unproved or is_refused(text)):
            passed.append(path)
    assert count > 150
    assert passed == []


def parties_to(file):
    (opening,) = (each.message for each in file.envelopes if isinstance(each.message, Opening))
    (selection,) = (each.message for each in file.envelopes if isinstance(each.message, Selection))
    return {opening.supplier, selection.demander} - {file.holder}


def holder_of(text):
    return json.loads(text)["holder"]


def is_refused(text):
    try:
        replay(decode(Evidence, text))
    except (BadText, BadEvidence):
        return True
    return False


def test_a_settlement_without_its_trade_is_refused():
    for file in FILES.values():
        rest = tuple(each for each in file.envelopes if not isinstance(each.message, Trade))
        with pytest.raises(BadEvidence, match="settled otherwise than it was signed"):
            replay(replace(file, envelopes=rest))
        assert not replay(replace(file, envelopes=rest, settlements=())).trades


def test_no_message_of_a_session_can_be_missing_before_its_end():
    """All but the trades, which are the end: each of them stands for itself."""
    for name, file in FILES.items():
        for at, each in enumerate(file.envelopes):
            rest = replace(file, envelopes=(*file.envelopes[:at], *file.envelopes[at + 1 :]))
            kind = type(each.message).__name__
            assert kind == "Trade" or is_refused(encode(rest)), f"{name} holds without its {kind}"


def test_a_file_of_a_later_format_is_refused():
    file = FILES["anne balanced 0"]
    with pytest.raises(BadEvidence, match="format 2 where this version reads 1"):
        replay(replace(file, format=2))


# Forks


def forked():
    """Anne's and Bert's files of a session whose supplier counted another answer of Anne to Bert.

    Anne hears the truth. Bert cannot see her answers, so a sum with another one looks right to him:
    each file holds by itself.
    """
    town = Town().opened()
    town.carry(least=4)
    town.block(1_045)
    town.carry(least=2)
    town.block(1_060)
    cleo, key = town.people["cleo"], town.keys["cleo"]
    town.carry(of=("cleo",), least=4)
    session = town.session()
    replies = [open_envelope(DOMAIN, town.letters(name)[0].body) for name in ("anne", "bert")]
    held = evidence_of(cleo.journal, session)
    members = replay(held).members
    true = replay(held).talk
    for reply in replies:
        true = hear(true, reply.message, reply.digest)
    seat = next(at for at, m in enumerate(members) if m.demander == town.people["anne"].address)
    last = true.rounds[-1]
    answer = last.answers[seat]
    lie = replace(answer, quantity=answer.quantity - 1_000_000, digest=keccak(b"never said"))
    lied = replace(last, answers=last.answers.insert(seat, lie))
    false = replace(true, rounds=(*true.rounds[:-1], lied))
    for name, hosted in (("anne", true), ("bert", false)):
        word = next_word(hosted)
        _, signature = seal(key, DOMAIN, word.message)
        address = town.people[name].address
        places = dict(addressed(hosted, word))[address]
        body = encode(Envelope(word.message, signature, places))
        assert town.people[name].receive(body).answer is NodeAnswer.TAKEN
    return town, session


def test_two_members_files_show_that_their_supplier_told_them_different_things():
    town, session = forked()
    first, second = (evidence_of(town.people[name].journal, session) for name in ("anne", "bert"))
    for file in (first, second):
        replay(file)
        assert forks([file]) == []
    (fork,) = forks([first, second])
    supplier = town.people["cleo"].address
    assert (fork.author, fork.place) == (supplier, "quote 1")
    quotes = [
        digest(DOMAIN, each.message)
        for file in (first, second)
        for each in file.envelopes
        if isinstance(each.message, Quote) and each.message.round == 1
    ]
    assert fork == Fork(supplier, "quote 1", *quotes)


def test_a_second_quote_to_one_member_shows_in_its_own_file():
    town, session = forked()
    anne = town.people["anne"]
    of_bert = evidence_of(town.people["bert"].journal, session)
    other = next(
        each
        for each in of_bert.envelopes
        if isinstance(each.message, Quote) and each.message.round == 1
    )
    assert anne.receive(encode(other)).answer is NodeAnswer.REFUSED
    file = evidence_of(anne.journal, session)
    replay(file)
    (fork,) = forks([file])
    assert fork.second == digest(DOMAIN, other.message)


def test_nobody_can_make_a_fork_that_the_supplier_did_not_sign():
    town, session = forked()
    file = evidence_of(town.people["anne"].journal, session)
    forged = []
    for each in file.envelopes:
        if isinstance(each.message, Quote):
            word = replace(each.message, price=each.message.price + 1)
            forged.append(Envelope(word, seal(town.keys["anne"], DOMAIN, word)[1], each.places))
            forged.append(Envelope(word, each.signature, each.places))
    assert forged
    assert forks([file, replace(file, envelopes=tuple(forged))]) == []
