"""`init`, `status` and the ways in which `agent` refuses to start."""

import io
import json
import stat
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import replace

import pytest
from rpds import HashTrieMap

from fabmarket.cli.main import main
from fabmarket.identity import Key
from fabmarket.identity.keystore import create, unlock
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import market_domain
from fabmarket.negotiation.supplier.state import Unsigned
from fabmarket.node import Journal, Participant
from fabmarket.node import agent as agent_module
from fabmarket.node.agent import OtherSettings, _Agent, locked
from fabmarket.node.board import Board
from fabmarket.node.roles import STEPS, initial_state, policy_of
from fabmarket.node.settings import FILE, JOURNAL, KEYSTORE, read_settings

SECRET = "correct horse"  # noqa: S105
ADDRESS = Key.derive("agent tests", "contract").address


def ran(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    return ended.value.code, out.getvalue(), err.getvalue()


@pytest.fixture(autouse=True)
def passphrase(monkeypatch):
    monkeypatch.setenv("FABMARKET_PASSPHRASE", SECRET)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A demander's directory that `init` has made."""
    patch = pytest.MonkeyPatch()
    patch.setenv("FABMARKET_PASSPHRASE", SECRET)
    folder = tmp_path_factory.mktemp("agents") / "mine"
    code, said, _ = ran("init", "demander", folder)
    patch.undo()
    assert code == 0
    return folder, said


@pytest.fixture
def folder(made, tmp_path):
    """A copy of it, its settings filled in."""
    copy = tmp_path / "agent"
    copy.mkdir()
    for name in (FILE, KEYSTORE):
        (copy / name).write_bytes((made[0] / name).read_bytes())
    (copy / KEYSTORE).chmod(0o600)
    text = (copy / FILE).read_text().replace('"0x"', f'"{ADDRESS}"')
    (copy / FILE).write_text(text)
    return copy


def test_init_makes_a_key_that_the_passphrase_opens_and_says_its_address(made):
    folder, said = made
    key = unlock(folder / KEYSTORE, SECRET)
    assert key.address in said
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert SECRET not in said
    assert key.reveal().hex() not in said


def test_init_draws_another_key_each_time(made, tmp_path):
    assert ran("init", "supplier", tmp_path / "other")[0] == 0
    other = json.loads((tmp_path / "other" / KEYSTORE).read_text())["address"]
    assert other not in (made[0] / KEYSTORE).read_text()


def test_init_leaves_alone_what_is_there(folder):
    before = (folder / KEYSTORE).read_bytes()
    code, _, said = ran("init", "demander", folder)
    assert (code, (folder / KEYSTORE).read_bytes()) == (2, before)
    assert "exists and is not empty; give a new directory" in said


def test_a_passphrase_comes_from_a_file_before_the_environment(tmp_path):
    file = tmp_path / "secret.txt"
    file.write_text("battery staple\r\nand more\n")
    assert ran("init", "supplier", tmp_path / "a", "--passphrase-file", file)[0] == 0
    unlock(tmp_path / "a" / KEYSTORE, "battery staple")


def test_where_nobody_can_be_asked_the_remedy_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("FABMARKET_PASSPHRASE")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, _, said = ran("init", "supplier", tmp_path / "a")
    assert code == 2
    assert "give --passphrase-file or FABMARKET_PASSPHRASE" in said
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\n"])
def test_a_passphrase_that_is_none_is_refused(tmp_path, content):
    file = tmp_path / "secret.txt"
    file.write_bytes(content)
    code, _, said = ran("init", "supplier", tmp_path / "a", "--passphrase-file", file)
    assert code == 2
    assert "passphrase" in said


def test_agent_without_settings_says_what_to_do(tmp_path):
    code, _, said = ran("agent", tmp_path)
    assert code == 2
    assert "there are no settings; run `fabmarket init` first" in said


def test_agent_with_blank_settings_names_what_is_missing(made):
    code, _, said = ran("agent", made[0])
    assert code == 2
    assert "market.exchange: '0x' is no address" in said


def test_agent_with_another_passphrase_does_not_start(folder, monkeypatch):
    monkeypatch.setenv("FABMARKET_PASSPHRASE", "wrong")
    code, _, said = ran("agent", folder)
    assert code == 2
    assert "the passphrase does not open it" in said
    assert "wrong" not in said


def test_a_second_agent_of_a_directory_does_not_start(folder):
    with locked(folder):
        code, _, said = ran("agent", folder)
        assert json.loads(ran("status", folder, "--json")[1])["running"]
    assert code == 2
    assert "an agent runs from this directory already" in said
    assert not json.loads(ran("status", folder, "--json")[1])["running"]


def test_status_before_the_first_start(folder):
    code, said, _ = ran("status", folder)
    assert code == 0
    assert "It has not been started yet." in said
    facts = json.loads(ran("status", folder, "--json")[1])
    assert facts["address"] == unlock(folder / KEYSTORE, SECRET).address
    assert (facts["role"], facts["begun"], facts["running"]) == ("demander", False, False)


def test_status_shows_what_the_journal_says(folder):
    key, settings = unlock(folder / KEYSTORE, SECRET), read_settings(folder)
    domain = market_domain(31337, ADDRESS)
    initial = initial_state(settings, key, domain, Rhythm(0, 60))
    with closing(Journal(folder / JOURNAL)) as journal:
        Participant(key, domain, STEPS["demander"][1], initial, journal)
    facts = json.loads(ran("status", folder, "--json")[1])
    assert facts["wants"] == [{"name": "milling", "state": "open", "reason": ""}]
    assert (facts["block"], facts["letters"], facts["moves"], facts["stock"]) == (-1, 0, 0, [])
    said = ran("status", folder)[1]
    assert "milling" in said
    assert "not running" in said


def test_status_says_who_left_awards_unsigned_and_is_refused(tmp_path):
    folder, (rude, old) = tmp_path / "seller", (Key.derive(name).address for name in "ab")
    assert ran("init", "supplier", folder)[0] == 0
    text = (folder / FILE).read_text().replace('"0x"', f'"{ADDRESS}"')
    (folder / FILE).write_text(text)
    key, settings = unlock(folder / KEYSTORE, SECRET), read_settings(folder)
    domain = market_domain(31337, ADDRESS)
    left = HashTrieMap({rude: Unsigned(3, 1_767_225_600), old: Unsigned(1, -3_600)})
    initial = initial_state(settings, key, domain, Rhythm(0, 60))
    initial = replace(initial, unsigned=left, policy=policy_of(settings))
    with closing(Journal(folder / JOURNAL)) as journal:
        Participant(key, domain, STEPS["supplier"][1], initial, journal)
    assert json.loads(ran("status", folder, "--json")[1])["unsigned"] == [
        {"demander": rude, "awards": 3, "until": 1_767_229_200},
        {"demander": old, "awards": 1, "until": 0},
    ]
    lines = [line.split() for line in ran("status", folder)[1].splitlines()]
    assert [rude, "3", "2026-01-01", "01:00:00", "UTC"] in lines
    assert [old, "1", "–"] in lines


def test_settings_that_the_journal_contradicts_are_refused(folder):
    """They would be without effect."""
    key, domain = unlock(folder / KEYSTORE, SECRET), market_domain(31337, ADDRESS)

    def checked(settings):
        board = Board(domain, ADDRESS)
        agent = _Agent(folder, settings, key, domain, board, None, None, lambda *_: None)
        try:
            agent._require_same(initial_state(settings, key, domain, Rhythm(0, 60)))
        finally:
            agent._journal.close()

    checked(read_settings(folder))
    checked(read_settings(folder))
    text = (folder / FILE).read_text()
    (folder / FILE).write_text(text.replace("127.0.0.1:9100", "127.0.0.1:9109"))
    checked(read_settings(folder))  # a door may move
    (folder / FILE).write_text(text.replace("benefit = 100", "benefit = 101"))
    with pytest.raises(OtherSettings, match="stand fast since"):
        checked(read_settings(folder))


def test_what_a_full_disk_does_not_take_is_written_later(folder, monkeypatch):
    """A journal that may grow no more, as SQLite says it, until somebody makes room."""
    monkeypatch.setattr(agent_module, "_PAUSE", 0.0)
    key, settings = unlock(folder / KEYSTORE, SECRET), read_settings(folder)
    domain = market_domain(31337, ADDRESS)
    said = []
    agent = _Agent(
        folder,
        settings,
        key,
        domain,
        Board(domain, ADDRESS),
        None,
        None,
        lambda *line: said.append(line),
    )
    database = agent._journal._db
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")

    def write():
        if len(said) == 2:
            database.execute("PRAGMA max_page_count = 100000")
        with agent._journal.writing():
            agent._journal.note("something large", bytes(100_000))

    agent._insist(write)
    assert [name for name, _ in said] == ["full", "full"]
    assert agent._journal.about("something large") == bytes(100_000)
    agent._journal.close()


def test_a_keystore_of_another_account_is_not_taken_for_the_journal_s(folder):
    settings, domain = read_settings(folder), market_domain(31337, ADDRESS)
    key = unlock(folder / KEYSTORE, SECRET)
    initial = initial_state(settings, key, domain, Rhythm(0, 60))
    with closing(Journal(folder / JOURNAL)) as journal:
        Participant(key, domain, STEPS["demander"][1], initial, journal)
    (folder / KEYSTORE).unlink()
    create(folder / KEYSTORE, Key.derive("agent tests", "another"), SECRET)
    assert json.loads(ran("status", folder, "--json")[1])["wants"][0]["name"] == "milling"
