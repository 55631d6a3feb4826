"""What a journal holds is whole, its own, and on disk before anything is done."""

import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap

import pytest

from fabmarket.node import Journal
from fabmarket.node.journal import _AT_ONCE, FORMAT, BadJournal, JournalFull, UnusedJournal


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "anne.sqlite")
    yield opened
    opened.close()


def contents(journal):
    """All that a journal says of itself."""
    return {
        "owner": journal.about("owner"),
        "inputs": list(journal.inputs()),
        "message": journal.message(b"d"),
        "letters": journal.letters(),
        "moves": journal.moves(),
        "news": journal.news(),
        "sessions": journal.sessions(),
    }


def fill(journal):
    journal.note("owner", b"anne")
    journal.add_input(b"one")
    journal.keep(b"d", "Opening", b"d", b"said")
    journal.post("bert", 9, "Offer", b"letter")
    journal.submit(b"move")
    journal.tell(b"news")


def test_what_is_written_is_there_after_opening_again(tmp_path):
    path = tmp_path / "j.sqlite"
    first = Journal(path)
    with first.writing():
        fill(first)
    before = contents(first)
    first.close()
    again = Journal(path)
    assert contents(again) == before
    assert before["letters"][0].body == b"letter"
    again.close()


def test_which_messages_are_kept_can_be_asked_of_more_than_one_query_takes(journal):
    digests = [number.to_bytes(32, "big") for number in range(2 * _AT_ONCE + 1)]
    with journal.writing():
        for each in digests[::3]:
            journal.keep(each, "Offer", None, b"said")
    assert journal.kept(iter(digests)) == set(digests[::3])
    assert journal.kept([]) == set()


def test_nobody_else_reads_it(tmp_path):
    path = tmp_path / "j.sqlite"
    Journal(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


class Stopped(Exception):
    pass


def test_all_that_is_written_inside_is_written_or_nothing(journal):
    before = contents(journal)

    def write_half():
        with journal.writing():
            fill(journal)
            raise Stopped

    with pytest.raises(Stopped):
        write_half()
    assert contents(journal) == before
    with journal.writing():
        fill(journal)
    assert contents(journal) != before


def test_a_dump_is_the_whole_journal(journal):
    with journal.writing():
        fill(journal)
    copy = Journal.restored(journal.dump())
    assert contents(copy) == contents(journal)
    with copy.writing():
        copy.note("owner", b"bert")
    assert journal.about("owner") == b"anne"


def test_a_message_is_kept_once_and_never_replaced(journal):
    journal.keep(b"d", "Quote", b"s", b"first")
    journal.keep(b"d", "Quote", b"s", b"second")
    assert journal.message(b"d") == b"first"
    assert journal.talk(b"s") == [b"first"]


def test_numbers_of_letters_and_moves_are_never_used_twice(journal):
    """A letter that is ticked off late must not take a new one with it."""
    journal.post("bert", 9, "Offer", b"one")
    (first,) = journal.letters()
    journal.delivered(first.number)
    journal.post("bert", 9, "Offer", b"two")
    journal.delivered(first.number)
    assert [each.body for each in journal.letters()] == [b"two"]


def test_a_letter_may_be_of_use_for_longer_than_sqlite_counts(journal):
    """As an operator's word on an attestation that a stranger would have for ever."""
    journal.post("bert", 2**64 - 1, "Endorsement", b"one")
    assert journal.letters()[0].until == 2**63 - 1


def test_a_snapshot_forgets_the_inputs_before_it(journal):
    assert [journal.add_input(b"a"), journal.add_input(b"b")] == [1, 2]
    journal.snapshot(b"state")
    assert list(journal.inputs()) == []
    assert journal.about("state") == b"state"
    assert journal.add_input(b"c") == 1


GARBAGE = {
    "text": b"this is no database at all, but somebody's letter\n" * 50,
    "a damaged head": b"SQLite format 3\x00" + b"\xff" * 2_000,
    "bytes": bytes(range(256)) * 20,
}


@pytest.mark.parametrize("what", GARBAGE)
def test_a_garbage_file_is_refused_and_left_as_it_is(what, tmp_path):
    path = tmp_path / "letter.txt"
    path.write_bytes(GARBAGE[what])
    for opened in (Journal, Journal.reading):
        with pytest.raises(BadJournal, match=r"letter\.txt is no journal"):
            opened(path)
        assert path.read_bytes() == GARBAGE[what]
    with pytest.raises(BadJournal, match="the dump"):
        Journal.restored(GARBAGE[what])


def test_one_that_an_agent_is_just_making_is_nobodys_yet(tmp_path):
    path = tmp_path / "journal.sqlite"
    path.touch()
    with pytest.raises(UnusedJournal):
        Journal.reading(path)
    Journal(path).close()
    with pytest.raises(UnusedJournal):
        Journal.reading(path)


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(BadJournal, match="is no journal"):
        Journal(tmp_path)


def test_a_database_of_something_else_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "other.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE message (mine)")
    other.commit()
    with pytest.raises(BadJournal, match=rf"has format 0 where .* have {FORMAT}"):
        Journal(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("message",)]
    other.close()


def test_a_journal_of_another_format_is_refused(tmp_path):
    path = tmp_path / "later.sqlite"
    Journal(path).close()
    later = sqlite3.connect(path)
    later.execute(f"PRAGMA user_version = {FORMAT + 1}")
    later.close()
    for opened in (Journal, Journal.reading):
        with pytest.raises(BadJournal, match=f"has format {FORMAT + 1}"):
            opened(path)


@pytest.fixture
def no_room(journal):
    """The same journal on a disk that takes hardly more; `journal` after it can grow again."""
    fill(journal)
    (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
    journal._db.execute(f"PRAGMA max_page_count = {pages + 1}")
    return journal


def test_a_full_disk_is_said_so_and_nothing_is_written(no_room):
    before = contents(no_room)

    def write():
        with no_room.writing():
            no_room.note("small", b"fits")
            no_room.post("bert", 9, "Offer", b"x" * 100_000)

    with pytest.raises(JournalFull, match="full"):
        write()
    assert contents(no_room) == before
    assert no_room.about("small") is None
    no_room._db.execute("PRAGMA max_page_count = 100000")
    write()
    assert no_room.about("small") == b"fits"


def test_a_file_that_may_grow_no_more_is_said_so_and_nothing_is_written(tmp_path):
    """The same where the system refuses the write: SQLite then rolls back by itself."""
    path = tmp_path / "j.sqlite"
    journal = Journal(path)
    fill(journal)
    before = contents(journal)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = path.with_name(path.name + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 5_000, hard))
    try:
        for _ in range(2):
            with pytest.raises(JournalFull), journal.writing():
                journal.post("bert", 9, "Offer", os.urandom(200_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(journal) == before
    with journal.writing():
        journal.note("after", b"written")
    journal.close()
    again = Journal(path)
    assert (contents(again), again.about("after")) == (before, b"written")
    again.close()


def test_what_was_acknowledged_before_kill_9_is_there(tmp_path):
    """A process writes and says so, and is killed; what it said is on disk, and nothing by half."""
    path = tmp_path / "j.sqlite"
    program = """
        import sys
        from pathlib import Path
        from fabmarket.node import Journal
        journal = Journal(Path(sys.argv[1]))
        for number in range(10**9):
            with journal.writing():
                journal.add_input(b"%d" % number)
                journal.post("bert", 9, "Offer", b"%d" % number)
            print(number, flush=True)
    """
    started = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        stdout=subprocess.PIPE,
        env=os.environ,
    )
    assert started.stdout is not None
    with started:
        said = [int(started.stdout.readline()) for _ in range(50)]
        started.send_signal(signal.SIGKILL)
        said += [int(line) for line in started.stdout.read().split()]
    journal = Journal(path)
    inputs = [int(each) for each in journal.inputs()]
    assert inputs[: len(said)] == said
    assert len(inputs) in (len(said), len(said) + 1)
    assert [int(each.body) for each in journal.letters()] == inputs
    journal.close()
