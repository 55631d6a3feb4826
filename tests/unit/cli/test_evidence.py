"""`fabmarket evidence` and `fabmarket verify`, on the journals that a demo leaves."""

import json
import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fabmarket.cli.commands import cli
from fabmarket.cli.exit_codes import AuditFailed
from fabmarket.cli.inputs import InputError
from fabmarket.identity import Key, digest
from fabmarket.identity.codec import decode, encode
from fabmarket.market.messages import Close, Quote
from fabmarket.node import BadEvidence, Evidence, NoEvidence
from fabmarket.node.journal import BadJournal

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The output of the paper's market, with the evidence of all its journals."""
    out = tmp_path_factory.mktemp("demo")
    done = CliRunner().invoke(cli, ["demo", "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0
    run("evidence", "--journal", out / "journals", "--all", "--out", out / "evidence")
    return out


def run(*arguments):
    """What a command prints. Its errors come through."""
    done = CliRunner().invoke(
        cli, [str(each) for each in arguments], catch_exceptions=False, standalone_mode=False
    )
    return done.output


def files_of(demo):
    return sorted((demo / "evidence").glob("*.json"))


def held_by(demo, role):
    facts = json.loads(run("evidence", "--journal", demo / "journals", "--json"))
    names = {fact["holder"][2:10] for fact in facts if fact["role"] == role and fact["trades"]}
    return [path for path in files_of(demo) if path.stem.split("-")[1] in names]


def test_lists_what_every_journal_proves(demo):
    facts = json.loads(run("evidence", "--journal", demo / "journals", "--json"))
    assert sorted(fact["role"] for fact in facts) == ["member"] * 3 + ["supplier"]
    assert {fact["seats"] for fact in facts} == {3}
    (supplier,) = (fact for fact in facts if fact["role"] == "supplier")
    assert len(supplier["trades"]) == len(supplier["settled"]) == 2
    table = run("evidence", "--journal", demo / "journals")
    assert supplier["session"][:14] in table
    assert max(map(len, table.splitlines())) <= 80


def test_a_trade_leads_to_the_files_of_both_its_parties(demo, tmp_path):
    facts = json.loads(run("evidence", "--journal", demo / "journals", "--json"))
    trade = next(fact["trades"][0] for fact in facts if fact["role"] == "member" and fact["trades"])
    out = tmp_path / "one"
    paths = json.loads(
        run("evidence", trade[:10], "--journal", demo / "journals", "--out", out, "--json")
    )
    holders = {fact["holder"][2:10] for fact in facts if trade in fact["trades"]}
    assert {path[-13:-5] for path in paths} == holders
    assert len(holders) == 2


def test_all_files_hold_and_agree_with_the_ledger(demo):
    ledger = demo / "ledger.sqlite"
    facts = json.loads(run("verify", *files_of(demo), "--ledger", ledger, "--json"))
    assert facts["ok"]
    assert [fact["ok"] for fact in facts["files"]] == [True] * 4
    assert sum(fact["settled"] for fact in facts["files"]) == 4
    assert "does not hold" not in run("verify", *files_of(demo))


def test_a_changed_file_is_refused_with_the_place(demo, tmp_path):
    (path,) = held_by(demo, "supplier")
    evidence = decode(Evidence, path.read_bytes())
    at = next(i for i, each in enumerate(evidence.envelopes) if isinstance(each.message, Close))
    envelopes = list(evidence.envelopes)
    message = replace(envelopes[at].message, price=envelopes[at].message.price + 1)
    envelopes[at] = replace(envelopes[at], message=message)
    changed = tmp_path / "changed.json"
    changed.write_bytes(encode(replace(evidence, envelopes=tuple(envelopes))))
    done = CliRunner().invoke(cli, ["verify", str(changed)], standalone_mode=False)
    assert isinstance(done.exception, AuditFailed)
    assert "not by its author" in done.output


def test_two_quotes_for_one_round_show_as_a_fork(demo, tmp_path):
    # The demo's keys are known to all who know its seed.
    supplier = Key.derive("fabmarket demo", "1", "supplier", "MRS")
    member, other = held_by(demo, "member")[:2]
    evidence = decode(Evidence, other.read_bytes())
    at = next(i for i, each in enumerate(evidence.envelopes) if isinstance(each.message, Quote))
    quote = replace(evidence.envelopes[at].message, price=1)
    signature = supplier.sign(digest(evidence.domain, quote))
    envelopes = list(evidence.envelopes)
    envelopes[at] = replace(envelopes[at], message=quote, signature=signature)
    forked = tmp_path / "forked.json"
    forked.write_bytes(encode(replace(evidence, envelopes=tuple(envelopes))))
    done = CliRunner().invoke(cli, ["verify", str(member), str(forked)], standalone_mode=False)
    assert isinstance(done.exception, AuditFailed)
    assert f"{supplier.address} signed two messages for quote 0" in done.output


def test_a_ledger_without_the_settlement_is_told(demo, tmp_path):
    ledger = tmp_path / "ledger.sqlite"
    ledger.write_bytes((demo / "ledger.sqlite").read_bytes())
    with sqlite3.connect(ledger) as db:
        db.execute("DELETE FROM event WHERE kind = 'Settled'")
    (path,) = held_by(demo, "supplier")
    done = CliRunner().invoke(
        cli, ["verify", str(path), "--ledger", str(ledger), "--json"], standalone_mode=False
    )
    assert isinstance(done.exception, AuditFailed)
    assert len(json.loads(done.output)["not_in_ledger"]) == 2


def test_digits_that_begin_two_sessions_are_refused(tmp_path):
    out = tmp_path / "two"
    example = str(ROOT / "scenarios" / "fjsp" / "k1.txt")
    CliRunner().invoke(cli, ["demo", "--fjsp", example, "--out", str(out)], catch_exceptions=False)
    journals = out / "journals"
    sessions = {
        fact["session"] for fact in json.loads(run("evidence", "--journal", journals, "--json"))
    }
    first, count = Counter(each[:3] for each in sessions).most_common(1)[0]
    assert count > 1  # ten sessions, the same in every run
    with pytest.raises(InputError, match=f"{first} begins more than one session or trade"):
        run("evidence", first, "--journal", journals)


def test_a_journal_that_proves_nothing_is_named(demo, tmp_path):
    (holder,) = (path.stem.split("-")[1] for path in held_by(demo, "supplier"))
    (kept,) = (demo / "journals").glob(f"0x{holder}*.sqlite")
    spoiled = tmp_path / "spoiled.sqlite"
    spoiled.write_bytes(kept.read_bytes())
    with sqlite3.connect(spoiled) as db:
        db.execute("DELETE FROM message WHERE kind = 'Selection'")
    with pytest.raises(BadEvidence, match=r"spoiled\.sqlite: the selection of seat 0 is missing"):
        run("evidence", "--journal", spoiled)


def test_bad_inputs_are_refused_by_name(demo, tmp_path):
    garbage = tmp_path / "garbage.sqlite"
    garbage.write_bytes(b"no database, but longer than a header of one hundred bytes" * 9)
    empty = tmp_path / "empty"
    empty.mkdir()
    journals = demo / "journals"
    evidence = files_of(demo)[0]
    for arguments, kind, said in (
        (["evidence", "--journal", garbage], BadJournal, "is no journal"),
        (["evidence", "--journal", empty], InputError, "there is no journal"),
        (["evidence", "--journal", tmp_path / "none"], InputError, "run `fabmarket demo`"),
        (["evidence", "0x", "--journal", journals], InputError, "'0x' is no session or trade"),
        (["evidence", "z" * 64, "--journal", journals], InputError, "is no session or trade"),
        (["evidence", "ab" * 32, "--journal", journals], NoEvidence, "holds a session or trade"),
        (["evidence", "ab" * 32, "--all", "--journal", journals], InputError, "exclude"),
        (["verify", garbage], InputError, "is no evidence file"),
        (["verify", evidence, "--ledger", garbage], InputError, "is no event log"),
        (["verify", evidence, "--ledger", empty], InputError, "there is no event log"),
    ):
        with pytest.raises(kind, match=said):
            run(*arguments)
