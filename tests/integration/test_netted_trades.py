"""One trade of a net batch, shown alone: it proves itself, and tells of nothing else."""

import json
import re
from contextlib import closing
from dataclasses import replace

import pytest

from fabmarket.identity import Key, keccak
from fabmarket.identity.codec import decode, encode
from fabmarket.market.cycles import Counted
from fabmarket.market.products import Countersigned
from fabmarket.market.trade import Trade
from fabmarket.node import BadEvidence, Journal
from fabmarket.node.envelope import Envelope
from fabmarket.node.netted import NettedTrade, check_netted
from tests.integration.conftest import SCENARIOS, run_command

CLOCK = ("demo", "--scenario", SCENARIOS / "clock.toml", "--json")


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """A market whose three trades, two of them of one buyer, settled in one batch."""
    out = tmp_path_factory.mktemp("netted") / "out"
    facts = run_command(*CLOCK, "--settle", "net", "--out", out).facts
    assert [each["settled"] for each in facts["trades"]] == ["net"] * 3
    return out


def journals(market):
    return sorted((market / "journals").glob("*.sqlite"))


def said(path):
    """All words of a journal: (digest, envelope), in order."""
    with closing(Journal.reading(path)) as journal:
        names = ("Trade", "Countersigned", "Counted", "Reply", "Quote", "Close", "Selection")
        found = journal.said(*names, "Opening", "Proposal", "Entry", "Entering", "Consent")
    return [(name, decode(Envelope, text)) for name, text in found]


def trades(market):
    """The supplier's trades by digest."""
    found = (said(path) for path in journals(market))
    signed = [each for each in found if any(isinstance(it.message, Counted) for _, it in each)]
    most = max(signed, key=lambda each: sum(isinstance(it.message, Trade) for _, it in each))
    return {name: each.message for name, each in most if isinstance(each.message, Trade)}


def alone(trade, journal, out):
    ran = run_command("evidence", f"0x{trade.hex()}", "--alone", "--journal", journal, "--out", out)
    assert ran.code == 0, ran.stderr
    (path,) = ran.stdout.split()
    return out / path.rpartition("/")[2]


@pytest.fixture(scope="module")
def files(market, tmp_path_factory):
    """The file of each trade, by its digest."""
    out = tmp_path_factory.mktemp("alone")
    return {trade: alone(trade, market / "journals", out) for trade in trades(market)}


def test_both_parties_show_the_same(market, files, tmp_path):
    for trade, file in files.items():
        shown = []
        for at, path in enumerate(journals(market)):
            if any(name == trade for name, _ in said(path)):
                shown.append(alone(trade, path, tmp_path / str(at)).read_bytes())
        assert shown == [file.read_bytes()] * 2


def test_it_holds_alone_and_beside_the_chain(market, files):
    facts = run_command("verify", *files.values(), "--json").facts
    assert facts["ok"]
    facts = run_command("verify", *files.values(), "--ledger", market / "ledger.sqlite", "--json")
    assert facts.facts["ok"]
    sold = trades(market)
    for (trade, file), told in zip(files.items(), facts.facts["files"], strict=True):
        one = sold[trade]
        assert told["file"] == str(file)
        assert (told["role"], told["trades"]) == ("alone", [f"0x{trade.hex()}"])
        award = {"demander": one.demander, "units": one.quantity, "price": one.unit_price}
        assert told["awards"] == [award]
        assert told["batch"] == f"0x{decode(NettedTrade, file.read_bytes()).settlement.batch.hex()}"


def test_it_holds_no_byte_of_another_trade_or_of_an_answer(market, files):
    words = [each for path in journals(market) for each in said(path)]
    for trade, file in files.items():
        text = file.read_text("utf-8")
        others = set()
        for name, each in words:
            match each.message:
                case Trade() if name == trade:
                    continue
                case Countersigned(trade=of) if of == trade:
                    others.add(name)
                case Counted() as word:
                    leaves = [leaf for leaf in word.trades if leaf.trade != trade]
                    others |= {salt for leaf in leaves if any(salt := leaf.salt)}
                    others |= {name, each.signature, *(leaf.trade for leaf in leaves)}
                case _:
                    others |= {name, each.signature}
        known = {decode(NettedTrade, file.read_bytes()).trade.transcript}
        assert len(others) > 50
        assert not [each for each in others - known if each.hex() in text]


def other(data):
    return bytes([data[0] ^ 1, *data[1:]])


LIES = {
    "another salt": (
        lambda it: replace(it, leaf=replace(it.leaf, salt=other(it.leaf.salt))),
        "does not lead to the root of the batch's trades with this salt, place and path",
    ),
    "another place": (
        lambda it: replace(it, leaf=replace(it.leaf, index=it.leaf.index ^ 1)),
        "does not lead to the root",
    ),
    "another path": (
        lambda it: replace(
            it, leaf=replace(it.leaf, path=(*it.leaf.path[:-1], other(it.leaf.path[-1])))
        ),
        "does not lead to the root",
    ),
    "a path too short": (
        lambda it: replace(it, leaf=replace(it.leaf, path=it.leaf.path[:-1])),
        "does not lead to the root",
    ),
    "another batch": (
        lambda it: replace(it, batch=replace(it.batch, rows=other(it.batch.rows))),
        r"the roots are of batch 0x\w+, and not of 0x\w+",
    ),
    "a settlement of another batch": (
        lambda it: replace(it, settlement=replace(it.settlement, batch=bytes(32))),
        r"the roots are of batch 0x\w+, and not of 0x0000",
    ),
    "a batch of another currency": (
        lambda it: replace(it, batch=replace(it.batch, token=it.supplier)),
        "the batch is of another currency than the trade",
    ),
    "another price": (
        lambda it: replace(it, trade=replace(it.trade, unit_price=1)),
        r"is not signed by its demander, 0x\w+",
    ),
    "another supplier": (
        lambda it: replace(it, supplier=Key.derive("eve").address),
        f"is not signed by {Key.derive('eve').address}",
    ),
    "another trade's leaf": (
        lambda it: replace(it, leaf=replace(it.leaf, trade=keccak(b"it"))),
        "the leaf is of another trade",
    ),
    "another market": (
        lambda it: replace(it, domain=replace(it.domain, chain_id=1)),
        "is not signed by its demander",
    ),
    "another form": (lambda it: replace(it, netted=2), "the file has form 2, and 1 is the one"),
}


@pytest.mark.parametrize("name", LIES)
def test_what_is_wrong_is_refused_and_named(files, tmp_path, name):
    lie, reason = LIES[name]
    for file in files.values():
        it = decode(NettedTrade, file.read_bytes())
        check_netted(it)
        with pytest.raises(BadEvidence, match=reason):
            check_netted(lie(it))
        path = tmp_path / "lie.json"
        path.write_bytes(encode(lie(it)))
        ran = run_command("verify", path, "--json")
        (told,) = json.loads(ran.stdout)["files"]
        assert (ran.code, told["ok"]) == (1, False)
        assert re.search(reason, told["reason"])


def test_a_chain_that_says_otherwise_is_named(market, files, tmp_path, fabmarket):
    ledger = market / "ledger.sqlite"
    it = decode(NettedTrade, next(iter(files.values())).read_bytes())
    eve = Key.derive("eve")
    theirs = replace(it, supplier=eve.address, consent=eve.sign(check_netted(it)))
    later = replace(it, settlement=replace(it.settlement, block=it.settlement.block + 1))
    for lie in (theirs, later):  # nothing of the file alone is wrong
        path = tmp_path / "lie.json"
        path.write_bytes(encode(lie))
        assert fabmarket("verify", path, "--json").facts["ok"]
        ran = fabmarket("verify", path, "--ledger", ledger, "--json")
        assert ran.code == 1
        assert json.loads(ran.stdout)["not_in_ledger"] == [f"0x{check_netted(it).hex()}"]


def test_what_was_not_netted_cannot_be_shown_alone(demo, market, fabmarket, tmp_path):
    out = demo("clock").out
    listed = fabmarket("evidence", "--journal", out / "journals", "--json").facts
    trade = next(trade for each in listed for trade in each["trades"])
    arguments = ("--alone", "--journal", out / "journals", "--out", tmp_path)
    ran = fabmarket("evidence", trade, *arguments)
    assert ran.code == 2
    assert f"trade {trade} was settled in no net batch that the journal knows of" in ran.stderr
    for given, said_of in (
        (("0x00",), "holds a trade 0x00"),
        ((), "give its first digits"),
        (("0x",), "is no session, trade or bid"),
    ):
        ran = fabmarket("evidence", *given, *arguments)
        assert (ran.code, said_of in ran.stderr) == (2, True)
    assert not [*tmp_path.iterdir()]
