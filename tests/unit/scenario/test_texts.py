"""Texts from outside, bounded before a parser sees them."""

import doctest
import sys
from decimal import Decimal

import pytest

from fabmarket.scenario import LARGEST_SCENARIO, MalformedText, decode, parse_json, texts
from fabmarket.scenario.texts import DEEPEST, MOST_TABLES, parse_toml


@pytest.fixture
def no_limit():
    """Python's limit as py-evm leaves it, only more so."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    yield
    sys.setrecursionlimit(limit)


DEEP = {
    "dotted keys": "title" + ".a" * 60_000 + " = 1",
    "dotted keys with spaces": "title" + " . a" * 60_000 + " = 1",
    "quoted dotted keys": "title" + '."a"' * 60_000 + " = 1",
    "a dotted table": "[t" + ".a" * 60_000 + "]",
    "lists": "a = " + "[" * 200_000,
    "tables in tables": "a = " + "{ b = " * 200_000,
    "dotted tables in tables": "a = " + "{ b.c.d.e = " * 20 + "1",
    "closing brackets in a text before": 'a = "' + "]" * 90_000 + '"\nb = ' + "[" * 90_000,
    "closing brackets in texts between": "a = " + '["]", ' * 90_000,
    "closing brackets in remarks between": "a = " + "[ # ]\n" * 90_000,
    "behind five quotes": 'a = ["""b""""", ' + '["]", ' * 90_000,
    "behind an escaped quote": 'a = ["\\"", ' + '["]", ' * 90_000,
    "behind a literal backslash": "a = ['\\', " + '["]", ' * 90_000,
}


@pytest.mark.parametrize("kind", DEEP)
def test_what_nests_deeply_is_refused_before_a_parser_recurses(no_limit, kind):
    with pytest.raises(MalformedText, match=r"^x:\d+: nested more than 50 deep; correct"):
        parse_toml(DEEP[kind], "x")


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, '{"a]":"]", "b\\"}":' * 90_000])
def test_deep_json_is_refused_before_a_parser_recurses(no_limit, text):
    with pytest.raises(MalformedText, match=r"^x:1: nested more than 50 deep; correct"):
        parse_json(text, "x", float)


def test_what_is_wide_is_read():
    wide = "".join(f"[t{i}]\na.b.c = 1.5\n" for i in range(200))
    assert len(parse_toml(wide, "x")) == 200
    assert parse_toml("a = [" + "1.5, " * 200 + "]", "x")["a"][-1] == Decimal("1.5")
    assert parse_toml('a = "' + "[" * 200 + ".x" * 200 + '"', "x")["a"].startswith("[[")
    assert parse_toml("a = 1 # " + "[" * 200, "x") == {"a": 1}
    assert parse_json('{"a": "' + "[{" * 200 + '"}', "x", float)["a"].startswith("[{")


def test_the_deepest_is_read_and_one_more_is_not():
    for text in ("[" * DEEPEST + "]" * DEEPEST, "a" + ".a" * DEEPEST + " = 1"):
        read = parse_json if text[0] == "[" else lambda text, name, _: parse_toml(text, name)
        read(text, "x", float)
        with pytest.raises(MalformedText):
            read(text.replace("[", "[[", 1).replace(" =", ".a ="), "x", float)


def test_more_lists_than_any_market_has_are_refused_before_memory_is_taken():
    lists = "[],\n" * MOST_TABLES + "[]"
    for text, read in (
        (f"[{lists}]", lambda text, name: parse_json(text, name, float)),
        (f"a = [{lists}]", parse_toml),
    ):
        with pytest.raises(MalformedText, match=rf"^x:{MOST_TABLES}: more than {MOST_TABLES} "):
            read(text, "x")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_json_has_no_such_number(word):
    with pytest.raises(MalformedText, match=rf"^x: {word} is no number in JSON; "):
        parse_json(f'{{"a": {word}}}', "x", float)


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert decode(b"\xef\xbb\xbfa = 1", "x", 99) == "a = 1"
    assert parse_toml("\ufeffa = 1", "x") == {"a": 1}
    assert parse_json("\ufeff[1]", "x", float) == [1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a" * 101, "x: larger than"),
        ("a".encode("utf-16"), "x: UTF-16 text; save it as UTF-8"),
        (b"a\xff", "x: byte 2 is not UTF-8 text"),
    ],
)
def test_bytes_that_are_no_text_are_refused(data, message):
    with pytest.raises(MalformedText) as caught:
        decode(data, "x", 100)
    assert str(caught.value).startswith(message)


def test_a_scenario_may_be_as_large_as_said():
    assert LARGEST_SCENARIO == 4 * 2**20
    assert len(decode(b"#" * LARGEST_SCENARIO, "x", LARGEST_SCENARIO)) == LARGEST_SCENARIO


def test_the_examples_of_the_docstrings_run():
    assert doctest.testmod(texts).failed == 0
    assert doctest.testmod(texts).attempted == 3
