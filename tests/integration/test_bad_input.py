"""Bad input: one line on stderr that names value and remedy, exit code 2, nothing written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MARKET = """
operators = 3
threshold = {threshold}
[[demanders]]
name = "shop"
[[demanders.sub_tasks]]
name = "stamp"
slot = 0
alternatives = [{{ resource = "press", quantity = {quantity}, benefit = 40, cost = 5 }}]
[[suppliers]]
name = "owner"
resource = "press"
unit = "hour"
maintenance = 7
attested = [{attested}]
"""


def market(threshold=2, quantity=8, attested=9) -> str:
    return MARKET.format(threshold=threshold, quantity=quantity, attested=attested)


FILES: dict[str, str | bytes] = {
    "good.toml": market(),
    "negative-demand.toml": market(quantity=-8),
    "negative-supply.toml": market(attested=-9),
    "threshold.toml": market(threshold=4),
    "no-threshold.toml": market(threshold=0),
    "huge.toml": market(quantity=2**64),
    "broken.toml": "threshold = = 2\n",
    "broken.json": '{"threshold": }',
    "outside.toml": '[fjsp]\nfile = "../shop.txt"\n',
    "deep-outside.toml": '[fjsp]\nfile = "a/../../shop.txt"\n',
    "absolute.toml": '[fjsp]\nfile = "/etc/hostname"\n',
    "no-companion.toml": '[fjsp]\nfile = "nowhere.txt"\n',
    "bad-companion.toml": '[fjsp]\nfile = "letters.txt"\n',
    "latin.toml": b'title = "M\xfchle"\n',
    "escape.json": r'{"title": "\u001b]0;x\u0007"}',
    "half.json": r'{"title": "\ud800"}',
    "dotted.toml": "title" + ".a" * 60_000 + " = 1",
    "large.toml": "#" * (4 * 2**20 + 1),
    "wide.txt": "1 10000\n1000" + " 1 1 5" * 1000,
    "calendar.toml": "slot_length = 1099511627775\n" + market(),
    "amounts.toml": market(quantity=2**63, attested=2**63).replace("= 40", f"= {2**65}"),
    "latin.txt": b"1 1\n1 1 1 \xfc\n",
    "empty.txt": "",
    "blank.txt": " \n\t\n",
    "letters.txt": "1 1\n1 1 one 7\n",
    "short.txt": "2 2\n1 1 1 3\n",
    "long.txt": "1 2\n1 1 1 3\n1 1 2 3\n",
    "extra.txt": "1 2\n1 1 1 3 4\n",
    "machine.txt": "1 2\n1 1 3 3\n",
    "zero-time.txt": "1 2\n1 1 1 0\n",
    "negative.txt": "1 2\n1 1 1 -3\n",
    "good.txt": "1 1\n1 1 1 7\n",
}

# What is given, and what the line must name: the value, and a word of the remedy.
CASES: dict[str, tuple[list[str], list[str]]] = {
    "unknown engine": (["--engine", "ganache"], ["'ganache'", "use embedded, anvil or"]),
    "unreachable URL": (
        ["--engine", "http://127.0.0.1:1"],
        ["http://127.0.0.1:1 (ConnectionError)", "see that one runs, or use --engine embedded"],
    ),
    "chain id of embedded": (["--chain-id", "5"], ["chain id 5", "leave --chain-id out"]),
    "chain id 0": (["--chain-id", "0"], ["0 is not in the range x>=1"]),
    "negative seed": (["--seed", "-1"], ["--seed", "-1 is not in the range x>=0", "--help"]),
    "seed of letters": (["--seed", "two"], ["--seed", "'two'", "--help"]),
    "unknown option": (["--enigne", "anvil"], ["--enigne", "--help"]),
    "option without value": (["--fjsp"], ["--fjsp", "--help"]),
    "stray argument": (["good.txt"], ["good.txt", "--help"]),
    "two inputs": (
        ["--fjsp", "good.txt", "--scenario", "good.toml"],
        ["--scenario and --fjsp exclude each other", "give one of them"],
    ),
    "missing file": (["--fjsp", "nowhere.txt"], ["nowhere.txt", "give an existing file"]),
    "missing scenario": (["--scenario", "nowhere.toml"], ["nowhere.toml", "give an existing"]),
    "directory as file": (["--fjsp", "."], ["Is a directory", "give an existing file"]),
    "not a scenario's name": (["--scenario", "good.txt"], ["good.txt", "use .toml or .json"]),
    "negative demand": (
        ["--scenario", "negative-demand.toml"],
        ["demanders.0.sub_tasks.0.alternatives.0.quantity", "-8 is negative", ">= 1"],
    ),
    "negative supply": (
        ["--scenario", "negative-supply.toml"],
        ["suppliers.0.attested.0", "-9 is negative", ">= 0"],
    ),
    "threshold above the operators": (
        ["--scenario", "threshold.toml"],
        ["threshold: 4 signatures cannot come from 3 operators", "lower it to 3 or add operators"],
    ),
    "threshold zero": (["--scenario", "no-threshold.toml"], ["threshold: 0 is too small", ">= 1"]),
    "quantity too large": (["--scenario", "huge.toml"], [str(2**64), "at most"]),
    "broken TOML": (["--scenario", "broken.toml"], ["broken.toml:1:13", "correct the TOML"]),
    "broken JSON": (["--scenario", "broken.json"], ["broken.json:1:15", "correct the JSON"]),
    "companion outside": (
        ["--scenario", "outside.toml"],
        ["'../shop.txt' lies outside the scenario's directory", "put it beside it"],
    ),
    "companion outside, hidden": (
        ["--scenario", "deep-outside.toml"],
        ["'a/../../shop.txt' lies outside", "put it beside it"],
    ),
    "absolute companion": (
        ["--scenario", "absolute.toml"],
        ["'/etc/hostname' is not a relative path", "relative to this file"],
    ),
    "missing companion": (["--scenario", "no-companion.toml"], ["nowhere.txt", "give an existing"]),
    "malformed companion": (["--scenario", "bad-companion.toml"], ["letters.txt:2:5", "'one'"]),
    "scenario in latin-1": (["--scenario", "latin.toml"], ["byte 11 is not UTF-8", "give a text"]),
    "instance in latin-1": (["--fjsp", "latin.txt"], ["byte 11 is not UTF-8", "give a text file"]),
    "empty instance": (["--fjsp", "empty.txt"], ["empty.txt:1:1: the file is empty"]),
    "blank instance": (["--fjsp", "blank.txt"], ["blank.txt:1:1: the file is empty"]),
    "letters": (["--fjsp", "letters.txt"], ["letters.txt:2:5: 'one'", "write a whole number"]),
    "a job too few": (["--fjsp", "short.txt"], ["short.txt:2:8:", "1 of 2 jobs", "add the"]),
    "a job too many": (["--fjsp", "long.txt"], ["long.txt:3:1:", "remove it or raise the count"]),
    "a number too many": (["--fjsp", "extra.txt"], ["extra.txt:2:9: '4'", "one number too many"]),
    "no such machine": (["--fjsp", "machine.txt"], ["machine.txt:2:5: '3'", "correct the number"]),
    "no time": (["--fjsp", "zero-time.txt"], ["zero-time.txt: every", "nothing to buy", "above 0"]),
    "machines from 2": (["--fjsp", "good.txt", "--machines-from", "2"], ["--machines-from", "'2'"]),
    "machines from 0": (
        ["--fjsp", "good.txt", "--machines-from", "0"],
        ["good.txt:2:5: '1'", "count from 0 to 0", "ask for 1"],
    ),
    "machines of no instance": (["--machines-from", "1"], ["goes with --fjsp", "machines_from"]),
    "a title that drives the terminal": (["--scenario", "escape.json"], [r"title: '\x1b]0;x\x07'"]),
    "half a surrogate pair": (["--scenario", "half.json"], [r"title: '\ud800'", "remove the"]),
    "keys nested deeply": (["--scenario", "dotted.toml"], ["dotted.toml:1: nested more than 50"]),
    "a file too large": (["--scenario", "large.toml"], ["large.toml: larger than the 4 MiB"]),
    "an instance too large": (["--fjsp", "large.toml"], ["large.toml: larger than the 4 MiB"]),
    "a machine for every minute": (
        ["--fjsp", "wide.txt"],
        ["wide.txt: 1150 slots of 10000 mach"],
    ),
    "underscores in a seed": (["--seed", "1_0"], ["--seed", "'1_0' is not a whole number"]),
    "another script's chain id": (
        ["--chain-id", "\u0663"],
        ["--chain-id", "not a whole number"],
    ),
    "no calendar": (["--scenario", "calendar.toml"], ["slot_length: 1099511627775 is too large"]),
    "no room for the money": (
        ["--scenario", "amounts.toml"],
        ["demanders.0.sub_tasks.0.alternatives.0: its quantity times", "2^128", "lower one"],
    ),
    "a negative time": (["--fjsp", "negative.txt"], ["negative.txt:2:7: '-3'", "whole number"]),
    "a file as DIR": (["--out", "good.txt"], ["good.txt", "choose another directory"]),
    "a file above DIR": (["--out", "good.txt/deep/out"], ["good.txt", "choose another directory"]),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A directory of inputs, and a way to see whether anything in it changed."""
    inside = tmp_path / "work"
    inside.mkdir()
    for name, content in FILES.items():
        (inside / name).write_bytes(content.encode() if isinstance(content, str) else content)
    (tmp_path / "shop.txt").write_text(str(FILES["good.txt"]))
    monkeypatch.chdir(inside)
    return tmp_path


def contents(place: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(place)): path.read_bytes() if path.is_file() else None
        for path in place.rglob("*")
    }


def check_refused(ran, names: list[str]) -> None:
    assert ran.code == 2
    assert ran.stdout == ""
    assert ran.stderr.startswith("fabmarket: error: ")
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.endswith("\n")
    for name in names:
        assert name in ran.stderr


@pytest.mark.parametrize("json_too", [False, True], ids=["report", "json"])
@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_in_one_line_and_nothing_is_written(fabmarket, place, case, json_too):
    options, names = CASES[case]
    before = contents(place)
    ran = fabmarket("demo", *(["--json"] if json_too else []), *options)
    check_refused(ran, names)
    assert contents(place) == before


def test_an_earlier_report_survives_a_refusal(fabmarket, place):
    assert fabmarket("demo", "--fjsp", "good.txt", "--out", "out").code == 0
    before = contents(place)
    check_refused(fabmarket("demo", "--fjsp", "letters.txt", "--out", "out"), ["letters.txt:2:5"])
    assert contents(place) == before


def test_a_wrong_chain_at_a_url_names_both_ids(fabmarket, place, node):
    before = contents(place)
    ran = fabmarket("demo", "--engine", node.url, "--chain-id", 1)
    check_refused(ran, [f"chain id 31337 at {node.url}", "1 is expected", "--chain-id 31337"])
    assert contents(place) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_permission_is_refused(fabmarket, place):
    closed = place / "closed"
    closed.mkdir(mode=0o555)
    check_refused(fabmarket("demo", "--out", closed / "out"), [str(closed), "choose another"])


def test_a_device_as_dir_is_refused(fabmarket, place):
    check_refused(fabmarket("demo", "--out", "/dev/null/out"), ["/dev/null", "choose another"])


@pytest.mark.parametrize("case", ["unknown engine", "letters", "unknown option"])
def test_the_installed_command_does_the_same(fabmarket, place, case):
    options, names = CASES[case]
    command = [str(Path(sys.executable).with_name("fabmarket")), "demo", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    in_process = fabmarket("demo", *options)
    check_refused(in_process, names)
    assert (done.returncode, done.stdout, done.stderr) == (
        in_process.code,
        in_process.stdout,
        in_process.stderr,
    )


def test_an_unknown_command_is_refused(fabmarket):
    check_refused(fabmarket("demmo"), ["'demmo'", "--help"])
