"""The agent's log as text: one line for each thing, readable, and nobody else's."""

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from fabmarket.cli import watch
from fabmarket.cli.agent import _as_json, _as_text
from fabmarket.cli.terminal import table
from fabmarket.node.oversight import Unusual
from fabmarket.report.terminal import show

REPORT = {
    "trade": "0x12",
    "number": "0",
    "units": "3",
    "quantity": "10",
    "used_at": "1795683068",
    "note": "pallet\n00:00:00  sold 9 at 9: trade 0x99\x1b[2J",
}


def test_regression_a_partner_s_note_ends_no_line(capsys):
    """A line break in a note put a line of the sender's own making into the log."""
    _as_text("usage", REPORT)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(r"trade 0x12; pallet\n00:00:00  sold 9 at 9: trade 0x99\x1b[2J")


def test_regression_a_stranger_s_name_ends_no_line_of_a_table():
    """The name of a resource is 32 bytes of its supplier's choice, line breaks among them."""
    console = Console(file=io.StringIO(), width=80)
    show(console, table("Requests", ("Resource", "Units"), [["mill\n0x12  forged", "5"]]))
    assert r"mill\n0x12  forged" in console.file.getvalue()


def test_regression_a_stranger_s_name_ends_no_line_of_what_is_unusual(monkeypatch, capsys):
    news = [Unusual("lowered", "slot 1 of mill\nblock 9: forged: 5 units", 3)]
    monkeypatch.setattr(watch, "Owner", lambda _: None)
    monkeypatch.setattr(watch, "Watcher", lambda _: SimpleNamespace(news=lambda: news))
    monkeypatch.setattr(watch, "_Refusals", lambda *_: SimpleNamespace(news=lambda _: []))
    monkeypatch.setattr(watch.time, "sleep", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        watch.command.callback(Path("x"), as_json=False, since=None)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(r"slot 1 of mill\nblock 9: forged: 5 units")


def test_times_and_shares_are_people_s_in_the_text_and_numbers_in_json(capsys):
    _as_text("usage", REPORT)
    assert "3 of 10 units used at 2026-11-26 08:51:08 UTC" in capsys.readouterr().out
    facts = {"number": 1, "payment_share": 2_550, "executable_at": 1_795_683_068, "trade": "0x12"}
    _as_text("ruling", facts)
    said = capsys.readouterr().out
    assert "ruling 1 from 2026-11-26 08:51:08 UTC, 25.5% to supplier" in said
    _as_json("ruling", facts)
    assert json.loads(capsys.readouterr().out).items() >= facts.items()


def test_a_report_in_json_keeps_the_time_of_its_line(capsys):
    """The time of the usage stood where that of the line belongs."""
    _as_json("usage", REPORT)
    said = json.loads(capsys.readouterr().out)
    assert said["at"].endswith("+00:00")
    assert said["used_at"] == "1795683068"
