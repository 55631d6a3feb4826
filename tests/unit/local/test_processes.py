"""Processes that are found again by their files: whose number it is, and that they end."""

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from fabmarket.local.processes import Process, end
from tests.street import wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


@contextmanager
def started(process, command, log):
    process.start(command, log)
    try:
        yield process.number()
    finally:
        end([process], 0)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def process(tmp_path):
    return Process(tmp_path / "sleeper")


def test_a_process_is_found_by_its_file_and_ends_when_it_is_told(process, log, tmp_path):
    assert process.number() is None
    with started(process, SLEEP, log) as number:
        assert os.getsid(number) == number  # no terminal of ours can end it
        again = Process(tmp_path / "sleeper")
        assert again.number() == number
        assert end([again], 60) == (["sleeper"], [])
        assert process.number() is None
    assert end([process], 60) == ([], [])


def test_what_does_not_end_is_killed(process, log):
    with started(process, [sys.executable, "-c", STUBBORN], log):
        wait_until(lambda: log.exists() and "deaf" in log.read_text(), 60, "it does not start")
        assert end([process], 0.2) == ([], ["sleeper"])
        assert not process.runs()


def test_a_number_that_is_another_processs_by_now_is_not_taken_for_it(process, log):
    process.start([sys.executable, "-c", ""], log)
    wait_until(lambda: not process.runs(), 60, "it does not end")
    process.file.write_text(f"{os.getpid()}\n")
    assert process.number() is None
    assert end([process], 60) == ([], [])


def test_a_second_of_one_name_is_not_started(process, log):
    with started(process, SLEEP, log), pytest.raises(BlockingIOError):
        process.start(SLEEP, log)


def test_one_that_has_not_said_its_number_yet_is_waited_for(process, log):
    with started(process, SLEEP, log) as number:
        process.file.write_text("")

        def say() -> None:
            time.sleep(0.3)
            process.file.write_text(f"{number}\n")

        saying = threading.Thread(target=say)
        saying.start()
        assert process.number() == number
        saying.join()


def test_an_ignored_interrupt_is_not_inherited(process, log):
    """A shell starts its background jobs so; what they start must end all the same."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        process.start(SLEEP, log)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert end([process], 60) == (["sleeper"], [])


def test_an_argument_is_passed_as_it_is(process, log):
    words = 'it\'s $HOME; "and" `so` on'
    process.start([sys.executable, "-c", "import sys; print(sys.argv[1])", words], log)
    wait_until(lambda: log.exists() and log.read_text() == f"{words}\n", 60, "another argument")
    end([process], 60)
