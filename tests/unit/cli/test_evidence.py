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
from tests.unit.node.town import DOMAIN, Town

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
    assert sum(len(fact["settled"]) for fact in facts["files"]) == 4
    by_role = {fact["role"]: fact for fact in facts["files"]}
    assert {fact["outcome"] for fact in facts["files"]} == {"agreed", "no trade"}
    awards = by_role["supplier"]["awards"]
    assert sum(each["units"] * each["price"] for each in awards) == 31_625
    assert run("verify", *files_of(demo)).count(" yes ") == 4


def test_the_suppliers_file_tells_the_best_lie_of_a_session_and_a_members_does_not(demo):
    facts = json.loads(run("verify", *files_of(demo), "--json"))
    told = {fact["role"]: fact["best_lie_in_this_session"] for fact in facts["files"]}
    assert told["member"] is None
    assert (told["supplier"]["gain"], told["supplier"]["method"]) == (1_901, "replay")
    printed = run("verify", *files_of(demo))
    assert f"best lie 1,901, of seat {told['supplier']['seat']}" in printed
    assert "if a unit is worth to it what its own answers say" in " ".join(printed.split())


def test_every_file_of_a_clock_tells_that_no_lie_pays(tmp_path):
    out = tmp_path / "clock"
    run("demo", "--scenario", ROOT / "scenarios" / "clock.toml", "--out", out)
    run("evidence", "--journal", out / "journals", "--all", "--out", out / "evidence")
    facts = json.loads(run("verify", *files_of(out), "--json"))
    nothing = {"seat": None, "gain": 0, "method": "menu", "bound": "exact"}
    assert [fact["best_lie_in_this_session"] for fact in facts["files"]] == [nothing] * 5
    assert run("verify", *files_of(out)).count("best lie 0, exactly") == 5


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


@pytest.fixture(scope="module")
def job_shop(tmp_path_factory):
    """The output of a job shop that buys ten products."""
    out = tmp_path_factory.mktemp("shop")
    example = str(ROOT / "scenarios" / "fjsp" / "k2.txt")
    CliRunner().invoke(cli, ["demo", "--fjsp", example, "--out", str(out)], catch_exceptions=False)
    return out


def test_all_files_of_bought_products_hold_and_agree_with_the_ledger(job_shop):
    out = job_shop / "evidence"
    run("evidence", "--journal", job_shop / "journals", "--all", "--out", out)
    paths = sorted(out.glob("*.json"))
    facts = json.loads(run("verify", *paths, "--ledger", job_shop / "ledger.sqlite", "--json"))
    assert facts["ok"]
    assert facts["settled_since"] == []
    bought = [fact for fact in facts["files"] if fact["role"] == "demander"]
    report = json.loads((job_shop / "report.json").read_text())
    paid = [sum(each["units"] * each["price"] for each in fact["awards"]) for fact in bought]
    prices = [each["price"] for each in report["products"] if each["complete"]]
    assert sorted(paid) == sorted(prices)
    assert all(fact["outcome"] == "agreed" and fact["settled"] for fact in facts["files"])


def test_digits_that_begin_two_bids_are_refused(job_shop):
    journals = job_shop / "journals"
    facts = json.loads(run("evidence", "--journal", journals, "--json"))
    by_digit = Counter(each[:3] for each in {fact["session"] for fact in facts})
    first, count = by_digit.most_common(1)[0]
    assert count > 1  # of ten bids, the same in every run
    with pytest.raises(InputError, match=f"{first} begins more than one session, trade or bid"):
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
        (["evidence", "0x", "--journal", journals], InputError, "'0x' is no session, trade or bid"),
        (["evidence", "z" * 64, "--journal", journals], InputError, "is no session, trade or bid"),
        (
            ["evidence", "ab" * 32, "--journal", journals],
            NoEvidence,
            "holds a session, trade or bid",
        ),
        (["evidence", "ab" * 32, "--all", "--journal", journals], InputError, "exclude"),
        (["verify", tmp_path / "none.json"], InputError, "none.json"),
        (["verify", evidence, "--ledger", next(journals.iterdir())], InputError, "is no event log"),
        (["verify", evidence, "--ledger", garbage], InputError, "is no event log"),
        (["verify", evidence, "--ledger", empty], InputError, "there is no event log"),
    ):
        with pytest.raises(kind, match=said):
            run(*arguments)


def told(files, *more):
    done = CliRunner().invoke(
        cli, ["verify", *map(str, files), "--json", *map(str, more)], standalone_mode=False
    )
    return json.loads(done.output), done.exception


@pytest.mark.parametrize("text", [b"", b"[]", b"\x89PNG", b"[]," * 10**6, b"{}" * 10**6], ids=len)
def test_regression_what_is_no_evidence_is_told_beside_the_rest(demo, tmp_path, text):
    """One such file ended the command, and a false one beside it was not reported."""
    odd = tmp_path / "odd.json"
    odd.write_bytes(text)
    good = held_by(demo, "supplier")
    facts, error = told([odd, *good])
    assert isinstance(error, AuditFailed)
    assert [fact["ok"] for fact in facts["files"]] == [False, True]
    assert facts["files"][0]["reason"].startswith("is no evidence file")
    assert facts["files"][0].keys() == facts["files"][1].keys()


def test_regression_the_place_on_chain_is_compared(demo, tmp_path):
    """A settlement of a block that there is not held beside the event log."""
    (path,) = held_by(demo, "supplier")
    evidence = decode(Evidence, path.read_bytes())
    first = evidence.settlements[0]
    for change in (
        {"block": first.block + 1},
        {"log_index": 99},
        {"block_hash": bytes(32)},
        {"transaction": bytes(32)},
    ):
        false = replace(evidence, settlements=(replace(first, **change), *evidence.settlements[1:]))
        moved = tmp_path / "moved.json"
        moved.write_bytes(encode(false))
        assert told([moved])[0]["ok"]
        facts, error = told([moved], "--ledger", demo / "ledger.sqlite")
        assert isinstance(error, AuditFailed)
        assert facts["not_in_ledger"] == [f"0x{first.event.trade.hex()}"]


def test_what_is_settled_and_not_told_is_said(demo, tmp_path):
    (path,) = held_by(demo, "supplier")
    evidence = decode(Evidence, path.read_bytes())
    early = tmp_path / "early.json"
    early.write_bytes(encode(replace(evidence, settlements=())))
    facts, error = told([early], "--ledger", demo / "ledger.sqlite")
    assert error is None
    assert facts["settled_since"] == [
        f"0x{each.event.trade.hex()}" for each in evidence.settlements
    ]


def test_a_session_cut_off_before_its_end_is_under_way(demo, tmp_path):
    (path,) = held_by(demo, "supplier")
    evidence = decode(Evidence, path.read_bytes())
    at = next(i for i, each in enumerate(evidence.envelopes) if isinstance(each.message, Close))
    cut = tmp_path / "cut.json"
    cut.write_bytes(encode(replace(evidence, envelopes=evidence.envelopes[:at], settlements=())))
    (fact,) = told([cut])[0]["files"]
    assert (fact["ok"], fact["outcome"], fact["awards"]) == (True, "under way", [])


def test_regression_a_ledger_is_read_and_nothing_else(demo, tmp_path):
    """A database given by mistake got tables, an empty file became one."""
    evidence = files_of(demo)[0]
    mistaken, empty = tmp_path / "other.sqlite", tmp_path / "empty"
    with sqlite3.connect(mistaken) as db:
        db.execute("CREATE TABLE mine (x)")
    empty.write_bytes(b"")
    ledger = demo / "ledger.sqlite"
    before = {path: path.read_bytes() for path in (mistaken, empty, ledger)}
    for path in (mistaken, empty):
        with pytest.raises(InputError, match="is no event log"):
            run("verify", evidence, "--ledger", path)
    run("verify", evidence, "--ledger", ledger)
    assert before == {path: path.read_bytes() for path in before}


def test_regression_a_damaged_ledger_is_no_bug_of_ours(demo, tmp_path):
    evidence = files_of(demo)[0]
    whole = (demo / "ledger.sqlite").read_bytes()
    damaged = tmp_path / "damaged.sqlite"
    refused = 0
    for at in range(4_096, len(whole), 997):
        damaged.write_bytes(whole[:at] + b"\xff" * 300 + whole[at + 300 :])
        done = CliRunner().invoke(
            cli, ["verify", str(evidence), "--ledger", str(damaged)], standalone_mode=False
        )
        assert done.exception is None or isinstance(done.exception, InputError | AuditFailed)
        refused += isinstance(done.exception, InputError)
    assert refused


@pytest.fixture
def dropped(tmp_path):
    """A journal of Anne's, whose answer to the first quote came too late, and the session's id."""
    town = Town().opened()
    town.carry(least=4)
    town.block(1_045)
    town.carry(least=2)
    town.block(1_060)
    town.carry(of=("cleo",), least=4)
    town.block(1_076)
    town.carry(of=("cleo",), least=1)
    path = tmp_path / "anne.sqlite"
    path.write_bytes(town.people["anne"].journal.dump())
    return path, town.session()


def test_who_was_dropped_with_an_answer_signed_can_show_it_and_is_told_what_it_proves(
    dropped, tmp_path
):
    journal, session = dropped
    (row,) = json.loads(run("evidence", "--journal", journal, "--json"))
    (seat,) = row["unheard"]
    (path,) = run("evidence", f"0x{session.hex()}", "--journal", journal, "--out", tmp_path).split()
    (fact,) = json.loads(run("verify", path, "--json"))["files"]
    assert (fact["ok"], fact["unheard"]) == (True, [seat])
    messages = {
        f"0x{digest(DOMAIN, each.message).hex()}": each.message
        for each in decode(Evidence, Path(path).read_bytes()).envelopes
    }
    reply, word = messages[seat["answer"]], messages[seat["word"]]
    assert (reply.seat, reply.quantity) == (seat["seat"], seat["quantity"])
    assert seat["seat"] in word.dropped
    said = f"seat {seat['seat']} is named as silent by {seat['word']}, but its answer to quote 0, "
    said += f"{seat['answer']}, is signed; that it arrived in time no signature says"
    assert f"{path}: {said}" in run("verify", path)
    assert f"{row['session'][:14]}: {said}." in run("evidence", "--journal", journal)
