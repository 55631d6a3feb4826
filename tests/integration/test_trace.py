"""`fabmarket trace`: one trade with all that it rests on, from a node or a ledger."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest

from fabmarket.chain import move_of
from fabmarket.identity import Key, digest
from fabmarket.identity.codec import BadText, decode, encode
from fabmarket.ledger import Trace
from fabmarket.ledger.retrace import NotThereYet, retrace
from fabmarket.ledger.trace import ReadTrace, told_by_a_ledger
from fabmarket.market.events import Escrowed, Released, RulingPosted, Settled, Uncovered
from fabmarket.market.exchange import Settle
from fabmarket.node import evidence_of
from tests.integration.conftest import SCENARIOS, refused
from tests.nodes import Relay, relay


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
    assert "Ruling posted" in shown.stdout


def test_a_trace_speaks_in_names_and_in_the_token_s_currency(past, run, market, ruled):
    """It spoke in digits and base units, in a table of 170 columns."""
    facts = run(digits(ruled), "--json").facts
    assert facts["currency"] == {"symbol": "CR", "decimals": 0}
    assert (facts["resource"], facts["unit"]) == ("press", "hour")
    shown = run(digits(ruled)).stdout
    assert "1 unit of press (unit: hour) at 50 CR (50 base units) each" in shown
    table, _, below = shown.partition("1 unit of press")
    assert "0x686f7572" not in shown
    assert facts["terms"]["demander"] not in table
    assert facts["terms"]["demander"] in below


@pytest.mark.parametrize("columns", [60, 80])
def test_regression_a_trace_and_an_audit_fit_the_terminal(
    run, audited, ruled, monkeypatch, columns
):
    """Every line of a trace wrapped: its table had 83 columns at any width."""
    monkeypatch.setenv("COLUMNS", str(columns))
    for shown, below in ((run(digits(ruled)), "1 unit of press"), (audited(), "Chain ")):
        table, found, _ = shown.stdout.partition(below)
        assert found
        assert max(map(len, table.splitlines())) <= columns


def numbers(value):
    """All whole numbers in a JSON value, with the names that they have."""
    if isinstance(value, dict):
        return [pair for name, each in value.items() for pair in numbers_of(name, each)]
    return [pair for each in value for pair in numbers(each)] if isinstance(value, list) else []


def numbers_of(name, value):
    return [(name, value)] if isinstance(value, int) else numbers(value)


def test_regression_a_settlement_is_told_in_its_numbers_and_not_in_the_word_of_the_log(past, run):
    """`terms` was a number of 59 digits, in which nobody saw quantity and price."""
    event = next(event for event in past.events if isinstance(event, Settled))
    facts = run(digits(event.trade), "--json").facts
    (settled,) = [step["event"] for step in facts["steps"] if step["what"] == "Settled"]
    assert "terms" not in settled
    assert (settled["quantity"], settled["unit_price"]) == (event.quantity, event.unit_price)
    assert settled["nonce"] == event.nonce
    assert [pair for pair in numbers(facts) if pair[1] >= 1 << 128] == []


def test_a_token_that_says_nonsense_of_itself_is_counted_in_base_units(run, ruled, monkeypatch):
    monkeypatch.setattr("fabmarket.chain.TokenContract.currency", lambda _: ("CR", 10**6))
    assert run(digits(ruled), "--json").facts["currency"] is None
    assert "at 50 base units each, 50 base units in all" in run(digits(ruled)).stdout


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


def test_evidence_must_say_where_the_trade_was_settled_and_nothing_else(run, session):
    """A file without settlements was said to show the trade where the chain has it."""
    trade, file = session
    facts = json.loads(file.read_text())
    file.write_text(written({**facts, "settlements": []}))
    ran = run(digits(trade), "--evidence", file)
    assert ran.code == 1
    assert "shows this trade, but not where it was settled" in ran.stdout
    of = [each for each in facts["settlements"] if each["event"]["trade"] == f"0x{trade.hex()}"]
    false = {**of[0], "log_index": str(int(of[0]["log_index"]) + 1)}
    for both in ([*facts["settlements"], false], [false, *facts["settlements"]]):
        file.write_text(written({**facts, "settlements": both}))
        ran = run(digits(trade), "--evidence", file)
        assert ran.code == 1, ran.stdout


def test_what_a_trace_rests_on_is_written_and_checked_again(run, ruled, tmp_path):
    file = tmp_path / "trade.json"
    before = run(digits(ruled), "--out", file, "--json").facts
    again = run("--check", file, "--json").facts
    assert again == before
    shown = run("--check", file).stdout
    assert f"Market {before['market']} on chain {before['chain_id']}, as of block" in shown
    assert "code and storage were not looked at" in shown
    text = file.read_text()
    quantity = f'"quantity":"{before["terms"]["quantity"]}"'
    file.write_text(text.replace(quantity, '"quantity":"99"'))
    changed = run("--check", file)
    assert changed.code == 1
    assert "is not so any more, or never was" in changed.stdout
    assert "its terms say quantity 99, the chain 1" in changed.stdout
    file.write_text("{}")
    refused(run("--check", file), "is no file of a trace")


def written(facts) -> str:
    return json.dumps(facts, separators=(",", ":"), ensure_ascii=False)


def test_what_a_file_leaves_out_is_told_from_what_came_later(run, market, ruled, tmp_path):
    """Steps that were left out were said to have come since, and the file passed."""
    file = tmp_path / "trade.json"
    run(digits(ruled), "--out", file)
    whole = json.loads(file.read_text())
    for number, step in enumerate(whole["steps"]):
        (name,) = step["event"]
        left = [each for at, each in enumerate(whole["steps"]) if at != number]
        file.write_text(written({**whole, "steps": left}))
        ran = run("--check", file)
        if name == "Settled":
            refused(ran, "the settlement of its trade is missing")
        else:
            assert ran.code == 1
            assert f"{name} in block {step['block']}" in ran.stdout
            assert "is left out in the checked file" in ran.stdout
    for steps in (whole["steps"][::-1], [*whole["steps"], whole["steps"][-1]]):
        file.write_text(written({**whole, "steps": steps}))
        ran = run("--check", file)
        assert ran.code == 1
        assert "in another order" in ran.stdout
    last = int(whole["steps"][-1]["block"])
    header = market.engine.header(last - 1)
    as_of = {"block": str(last - 1), "block_hash": f"0x{header.hash.hex()}"}
    file.write_text(written({**whole, "as_of": as_of, "steps": whole["steps"][:-1]}))
    later = run("--check", file)
    assert later.code == 0, later.stdout
    assert "Released in block" in later.stdout
    assert "came since" in later.stdout
    as_of = {"block": str(market.engine.block_number() + 9), "block_hash": as_of["block_hash"]}
    file.write_text(written({**whole, "as_of": as_of}))
    refused(run("--check", file), "the node is at", code=75)


def test_a_file_of_a_trade_that_the_chain_has_not_does_not_hold(run, ruled, tmp_path):
    """It was refused with advice on digits."""
    file = tmp_path / "trade.json"
    run(digits(ruled), "--out", file)
    invented = json.loads(file.read_text()) | {"trade": "0x" + "77" * 32}
    file.write_text(written(invented))
    ran = run("--check", file, "--json")
    assert ran.code == 1, ran.stderr
    facts = json.loads(ran.stdout)
    assert len(facts["lost"]) == len(invented["steps"])
    assert not facts["ok"]
    shown = run("--check", file)
    assert shown.code == 1
    assert f"has no trade {invented['trade']}" in shown.stdout


def test_a_file_says_of_which_market_it_is(run, market, ruled, fabmarket, tmp_path):
    """Whoever deploys a market of their own could hand over a file that holds."""
    file = tmp_path / "trade.json"
    run(digits(ruled), "--out", file)
    at = ("--rpc", market.engine.url)
    alone = fabmarket("trace", "--check", file, *at)
    assert alone.code == 0
    assert "The address of the market is the file's own" in alone.stdout
    assert "the file's own" not in run("--check", file).stdout
    other = fabmarket("trace", "--check", file, *at, "--market", market.token.address)
    refused(other, f"is of the market {market.exchange.address}", market.token.address)


def changes(value, rebuilt=lambda new: new):
    """All that one change makes of a value: of a leaf, without a key, without or twice an item."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield rebuilt({k: v for k, v in value.items() if k != key})
            yield from changes(each, lambda new, key=key: rebuilt({**value, key: new}))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield rebuilt(value[:at] + value[at + 1 :])
            yield rebuilt(value[: at + 1] + value[at:])
            yield from changes(
                each, lambda new, at=at: rebuilt([*value[:at], new, *value[at + 1 :]])
            )
    elif isinstance(value, bool):
        yield rebuilt(not value)
    elif isinstance(value, str):
        if len(value) == 42:
            yield rebuilt(Key.derive("trace", value).address)
        elif value.startswith("0x") and len(value) > 2:
            yield rebuilt(value[:-1] + ("0" if value[-1] != "0" else "1"))
        elif value.isdecimal():
            yield rebuilt(str(int(value) + 1))
    if value is not None and rebuilt(None) is not None:
        yield rebuilt(None)


def test_nothing_in_a_file_can_be_changed_in_silence(past, market, ruled):
    """Each leaf, key and item in turn: 23 of the terms passed, and any step could be missing."""
    exchange = market.exchange
    read = ReadTrace(exchange, ruled.hex(), 0, lambda *_: None)
    whole = read.up_to(read.last)
    bare = told_by_a_ledger(whole)
    other = ReadTrace(exchange, "7" * 64, 0, lambda *_: None)
    tried = 0
    for right in (whole, bare):
        assert retrace(read, right).holds
        for changed in changes(json.loads(encode(right))):
            try:
                made = decode(Trace, written(changed).encode())
            except BadText:
                continue
            of = read if made.trade == right.trade else other
            with suppress(NotThereYet):
                tried += 1
                assert not retrace(of, made).holds, changed
    assert tried > 200


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


class Silencer(Relay):
    """A node that keeps the log of every settlement back."""

    def answered(self, asked: dict) -> bytes:
        said = json.loads(super().answered(asked))
        if asked["method"] == "eth_getLogs":
            said["result"] = [each for each in said["result"] if each["topics"][0] != self.topic]
        return json.dumps(said).encode()


def test_a_log_that_cannot_be_is_told_in_a_sentence(market, run, ruled):
    """An event was printed as Python has it, in 1,170 characters."""
    with relay(market.engine.url, Silencer) as between:
        settled = next(
            each
            for each in market.engine.logs(0, market.engine.block_number(), market.exchange.address)
            if isinstance(market.exchange.event(each), Settled)
        )
        between.topic = f"0x{settled.topics[0].hex()}"
        ran = run(digits(ruled), at=("--rpc", between.url, "--market", market.exchange.address))
    refused(ran, "Escrowed, cannot follow the events before it", "`fabmarket audit` tells")
    assert len(ran.stderr) < 300


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
    how = ("--scenario", SCENARIOS / "clock.toml", "--settle", "net")
    ran = fabmarket("demo", *how, "--out", out, "--json")
    trade = next(e["id"] for e in ran.facts["trades"] if e["settled"] == "net")[:18]
    place = tmp_path / "evidence"
    journals = ("--journal", out / "journals", "--out", place)
    assert fabmarket("evidence", trade, "--alone", *journals).code == 0
    (file,) = place.iterdir()
    return out / "ledger.sqlite", trade, file
