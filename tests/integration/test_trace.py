"""`fabmarket trace`: one trade with all that it rests on, from a node or a ledger."""

import json
from dataclasses import replace

import pytest

from fabmarket.chain import Settings, move_of, open_engine
from fabmarket.identity import Key, digest
from fabmarket.identity.codec import encode
from fabmarket.market.events import Escrowed, Released, RulingPosted, Settled, Uncovered
from fabmarket.market.exchange import Settle
from fabmarket.node import evidence_of
from tests.nodes import Relay, relay
from tests.pasts import lived


@pytest.fixture(scope="module")
def past(needs_anvil):
    with open_engine("anvil", Settings()) as engine:
        made = lived(engine)
        yield made
        made.outcome.store.close()


@pytest.fixture
def market(past):
    return past.outcome.market


@pytest.fixture
def run(market, fabmarket):
    def run(*arguments, at=("--rpc", market.engine.url, "--market", market.exchange.address)):
        return fabmarket("trace", *arguments, *at)

    return run


@pytest.fixture
def ruled(past):
    """A trade that came to a ruling."""
    closed = [e.trade for e in past.events if isinstance(e, Released)]
    return next(e.trade for e in past.events if isinstance(e, RulingPosted) if e.trade in closed)


@pytest.fixture
def session(past, tmp_path):
    """A settled trade of a session, and the file of its supplier's journal."""
    trade = next(event.trade for event in past.events if isinstance(event, Settled))
    journal = past.outcome.journals[past.outcome.parties.suppliers[0].address]
    file = tmp_path / "shown.json"
    file.write_bytes(encode(evidence_of(journal, trade)))
    return trade, file


def digits(trade) -> str:
    return f"0x{trade.hex()[:16]}"


def steps(facts) -> list[str]:
    return [step["what"] for step in facts["steps"]]


def refused(ran, *words, code=2):
    assert ran.code == code, ran.stdout + ran.stderr
    assert all(word in ran.stderr for word in words), ran.stderr


def test_a_disputed_trade_is_followed_from_its_attestation_to_its_ruling(past, run, ruled):
    facts = run(digits(ruled), "--json").facts
    assert facts["trade"] == f"0x{ruled.hex()}"
    assert steps(facts) == [
        "ResourceRegistered",
        "SlotAttested",
        "Listed",
        "Settled",
        "Escrowed",
        "Delivered",
        "Disputed",
        "RulingPosted",
        "Released",
    ]
    by = {step["what"]: step["signers"] for step in facts["steps"]}
    operators = {party.address for party in past.outcome.parties.operators}
    assert len(by["SlotAttested"]) == len(by["RulingPosted"]) == 2
    assert {each["account"] for each in by["SlotAttested"]} <= operators
    terms = facts["terms"]
    supplier = past.outcome.parties.suppliers[0].address
    assert [each["account"] for each in by["Settled"]] == [terms["demander"], supplier]
    assert all(each["holds"] for signers in by.values() for each in signers)
    assert by["Delivered"] == []
    senders = {step["what"]: step["sender"] for step in facts["steps"]}
    assert senders["Delivered"] == supplier
    assert senders["Disputed"] == terms["demander"]
    assert facts["ok"]
    times = [step["time"] for step in facts["steps"]]
    assert times == sorted(times)
    shown = run(digits(ruled))
    assert shown.code == 0
    assert "RulingPosted" in shown.stdout


def test_capacity_that_comes_back_and_what_lowered_it_stand_in_the_trace(past, run):
    trade = next(event.trade for event in past.events if isinstance(event, Uncovered))
    told = steps(run(digits(trade), "--json").facts)
    assert told[:5] == ["ResourceRegistered", "SlotAttested", "Listed", "Settled", "Escrowed"]
    assert told[5:] == ["SlotAttested", "CommitmentReduced", "Uncovered", "Released"]


def test_every_trade_of_the_market_can_be_traced(past, run):
    for event in past.events:
        if isinstance(event, Settled):
            facts = run(digits(event.trade), "--json").facts
            is_held = any(isinstance(e, Escrowed) and e.trade == event.trade for e in past.events)
            assert facts["ok"]
            assert ("Escrowed" in steps(facts)) == is_held
            assert facts["terms"]["quantity"] == event.quantity


def test_a_ledger_tells_the_same_without_signatures(past, run, ruled, tmp_path):
    """The ledger of the run has what came before the rest of the past."""
    trade = next(event.trade for event in past.events if isinstance(event, Settled))
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(past.outcome.store.dump())
    told = run(digits(trade), "--json", at=("--ledger", path)).facts
    seen = run(digits(trade), "--json").facts
    assert steps(told) == steps(seen)
    for one, other in zip(told["steps"], seen["steps"], strict=True):
        bare = {"sender": None, "signers": []}
        assert one == {**other, **bare}
    assert "No signature was seen" in run(digits(trade), at=("--ledger", path)).stdout
    refused(run(digits(ruled), at=("--ledger", path)), "no trade", "--evidence")


def test_a_disclosed_transcript_is_held_against_the_chain(run, session, ruled):
    trade, file = session
    facts = run(digits(trade), "--evidence", file, "--json").facts
    assert facts["evidence"]["ok"]
    assert facts["evidence"]["outcome"] == "agreed"
    assert (
        "shows this trade where the chain has it" in run(digits(trade), "--evidence", file).stdout
    )
    other = run(digits(ruled), "--evidence", file, "--json")
    assert other.code == 1
    assert json.loads(other.stdout)["evidence"]["reason"] == "the file does not show this trade"
    text = file.read_text()
    block = json.loads(text)["settlements"][0]["block"]
    file.write_text(text.replace(f'"block":"{block}"', f'"block":"{int(block) + 1}"', 1))
    moved = run(digits(trade), "--evidence", file, "--json")
    assert moved.code == 1
    assert "another place" in json.loads(moved.stdout)["evidence"]["reason"]
    file.write_text(text.replace('"envelopes":[', '"envelopes":[{}', 1))
    assert run(digits(trade), "--evidence", file).code == 1


def test_what_a_trace_rests_on_is_written_and_checked_again(run, ruled, tmp_path):
    file = tmp_path / "trade.json"
    before = run(digits(ruled), "--out", file, "--json").facts
    again = run("--check", file, "--json").facts
    assert {**again, "lost": [], "since": []} == before
    assert again["lost"] == again["since"] == []
    text = file.read_text()
    quantity = f'"quantity":"{before["terms"]["quantity"]}"'
    file.write_text(text.replace(quantity, '"quantity":"99"'))
    changed = run("--check", file)
    assert changed.code == 1
    assert "is not so any more, or never was" in changed.stdout
    short = json.loads(text)
    short["steps"].pop()
    file.write_text(json.dumps(short, separators=(",", ":")))
    since = run("--check", file)
    assert since.code == 0
    assert "Released in block" in since.stdout
    assert "came since" in since.stdout
    file.write_text("{}")
    refused(run("--check", file), "is no file of a trace")


class Forger(Relay):
    """A node that gives a transaction with other call data."""

    forged: tuple[str, str] = ("", "")

    def answered(self, asked: dict) -> bytes:
        said = json.loads(super().answered(asked))
        name, data = self.forged
        if asked["method"] == "eth_getTransactionByHash" and asked["params"] == [name]:
            said["result"]["input"] = data
        return json.dumps(said).encode()


def test_a_signature_that_does_not_hold_is_told(past, run, market, monkeypatch):
    """Settlement by another's hand: the trade is the same, its demander has not signed it."""
    events, exchange = market.exchange.event, market.exchange
    receipt = next(
        receipt
        for _, receipt in past.outcome.sent
        if any(isinstance(event, Settled) for event in map(events, receipt.logs))
    )
    (sent,) = market.engine.sent([receipt.transaction])
    move = move_of(sent.data)
    assert isinstance(move, Settle)
    stranger = Key.derive("trace", "stranger").sign(digest(market.domain, move.signed.trade))
    forged = exchange.move_data(Settle(replace(move.signed, demander=stranger)))
    trade = digest(market.domain, move.signed.trade)
    with relay(market.engine.url, Forger) as between:
        between.forged = (f"0x{receipt.transaction.hex()}", f"0x{forged.hex()}")
        at = ("--rpc", between.url, "--market", exchange.address)
        refused(run(digits(trade), at=at), "other fields than those of its hash")
        # Of a chain whose transactions are hashed in another way the node is believed.
        monkeypatch.setattr("fabmarket.chain.rpc.is_transaction_of_hash", lambda _: False)
        ran = run(digits(trade), "--json", at=at)
        assert run(digits(trade), at=at).code == 1
    assert ran.code == 1
    told = [each for step in json.loads(ran.stdout)["steps"] for each in step["signers"]]
    wrong = [each["account"] for each in told if not each["holds"]]
    assert wrong == [move.signed.trade.demander]


def test_what_cannot_be_traced_is_refused(past, run, market, fabmarket, tmp_path):
    refused(run("0x"), "is no trade")
    refused(run("zz"), "is no trade")
    refused(run(), "is no trade")
    refused(run("0x" + "0" * 64), "no trade 0x000", "net cycle")
    trades = [event.trade.hex() for event in past.events if isinstance(event, Settled)]
    first = next((t[0] for t in trades if sum(u[0] == t[0] for u in trades) > 1), None)
    if first is not None:
        refused(run(first), "begins", "give more digits")
    refused(fabmarket("trace", "0x12"), "--rpc", "--ledger")
    refused(fabmarket("trace", "0x12", "--rpc", market.engine.url), "--market is missing")
    refused(run("0x12", "--ledger", tmp_path / "none"), "not both")
    refused(run("0x12", at=("--ledger", tmp_path / "none")), "there is no ledger")
    token = ("--rpc", market.engine.url, "--market", market.token.address)
    refused(run("0x12", at=token), "no market answers")


def test_a_netted_trade_is_shown_by_its_evidence_alone(fabmarket, demo_of_cycles, tmp_path):
    ledger, trade, file = demo_of_cycles
    at = ("--ledger", ledger)
    refused(fabmarket("trace", trade, *at), "net cycle", "--evidence")
    facts = fabmarket("trace", trade, "--evidence", file, *at, "--json").facts
    assert facts["netted"]["recorded"]
    assert facts["trade"].startswith(trade)
    shown = fabmarket("trace", trade, "--evidence", file, *at)
    assert "has no event of its own" in shown.stdout
    refused(fabmarket("trace", "0x" + "1" * 9, "--evidence", file, *at), "not of 0x111111111")
    text = file.read_text()
    block = json.loads(text)["settlement"]["block"]
    file.write_text(text.replace(f'"block":"{block}"', f'"block":"{int(block) + 1}"'))
    moved = fabmarket("trace", trade, "--evidence", file, *at)
    assert moved.code == 1
    assert "does NOT have" in moved.stdout


@pytest.fixture
def demo_of_cycles(fabmarket, tmp_path):
    """A run whose trades settle in a net cycle: its ledger, a trade, and the file that shows it."""
    out = tmp_path / "out"
    scenario = "scenarios/clock.toml"
    ran = fabmarket("demo", "--scenario", scenario, "--settle", "net", "--out", out, "--json")
    trade = next(e["id"] for e in ran.facts["trades"] if e["settled"] == "net")[:18]
    place = tmp_path / "evidence"
    journals = ("--journal", out / "journals", "--out", place)
    assert fabmarket("evidence", trade, "--alone", *journals).code == 0
    (file,) = place.iterdir()
    return out / "ledger.sqlite", trade, file
