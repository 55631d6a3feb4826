"""docs/reference/agent.md against the code: no setting, line or answer is missing or too many."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from fabmarket.identity.sealing import LARGEST_ANNOUNCED
from fabmarket.market.cards import Notice
from fabmarket.market.products import MOST_LINES
from fabmarket.node import door, hosts, mailbox, peers, settings
from fabmarket.node.lines import LINES
from fabmarket.node.settings import Settings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "agent.md").read_text("utf-8")


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no section {title!r}"
    return found[1]


def rows(title: str) -> list[list[str]]:
    lines = re.findall(r"^\| (.*) \|$", section(title), re.MULTILINE)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines[2:]]


def keys(table: type[BaseModel], place: str = ""):
    """Every key of the settings, with the tables before it."""
    for name, field in table.model_fields.items():
        inner = [each for each in (field.annotation, *get_args(field.annotation)) if is_table(each)]
        if inner:
            yield from keys(inner[0], f"{place}{name}.")
        else:
            yield place + name, field


def is_table(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def test_every_setting_is_on_the_page_and_no_other():
    said = [key for cells in rows("Settings") for key in re.findall("`([^`]+)`", cells[0])]
    assert said == [key for key, _ in keys(Settings)]


def test_the_most_operations_of_a_product_are_on_the_page():
    assert f"later slot than the one before, {MOST_LINES} at most" in section("Settings")


def test_every_default_is_on_the_page():
    said = {cells[0].strip("`"): cells[1].strip("`") for cells in rows("Settings")}
    for key, field in keys(Settings):
        if not field.is_required() and key in said and field.default is not None:
            assert said[key] == (str(field.default).lower() or "none"), key


NOT_OF = {
    "supplier": (
        *("wants", "products", "accepts", "releases"),
        *("policy.budget", "policy.acknowledge", "policy.least", "policy.open"),
    ),
    "demander": (
        "sells",
        "policy.refuse_unsigned",
        "policy.refund_uncovered",
        "policy.accept_returns",
    ),
    "operator": ("policy", "wants", "products", "accepts", "sells", "calendar", "releases"),
}
"""The tables and keys that a role does not have."""


@pytest.mark.parametrize("role", get_args(settings.Role))
def test_a_template_has_every_key_of_its_role_and_no_other(role):
    text = settings.template(role)
    due = {key.rpartition(".")[2] for key, _ in keys(Settings) if not key.startswith(NOT_OF[role])}
    assert set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE)) == due


def test_every_line_of_the_log_is_on_the_page_word_for_word():
    said = {cells[0].strip("`"): cells[1].strip("`") for cells in rows("The log")}
    assert said == LINES


def test_every_answer_of_the_door_is_on_the_page_word_for_word():
    said = {
        cells[1].strip("`"): (int(cells[0]), re.sub(r"\[(.*?)\]\(.*?\)", r"\1", cells[2]))
        for cells in rows("The door")
        if cells[0] != "200"
    }
    assert said == door.REFUSALS


def test_every_reason_of_the_board_is_on_the_page_word_for_word():
    said = {
        cells[0].strip("`"): re.sub(r"\[(.*?)\]\(.*?\)", r"\1", cells[1])
        for cells in rows("Over the board")
    }
    assert said == mailbox.REFUSALS


def test_the_bounds_are_those_of_the_mailbox():
    text = " ".join(section("Over the board").split())
    assert f"at most {LARGEST_ANNOUNCED:,} bytes" in text
    assert f"{mailbox.MOST_OF_ONE} letters of one sender and {mailbox.MOST:,} of all" in text
    assert mailbox.LASTS == 2
    assert "two periods" in text


def test_the_bounds_are_those_of_the_door():
    text = " ".join(section("The door").split())
    assert f"({door.HEAD_SECONDS:.0f} s each)" in text
    assert door.HEAD_SECONDS == door.BODY_SECONDS
    assert f"connections ({hosts.MOST_CONNECTIONS})" in text
    assert f"({hosts.RATE:.0f} a second, {hosts.BURST:,} at once)" in text
    assert f"for their answer ({door.MOST_WAITING})" in text
    assert f"over {peers.MOST_CONNECTIONS} connections at most" in text
    assert hosts.LETTER == 8 << 10
    assert "for each 8 KiB" in text


def test_every_file_of_a_directory_is_on_the_page():
    said = {name for cells in rows("The directory") for name in re.findall("`([^`]+)`", cells[0])}
    names = ("FILE", "KEYSTORE", "JOURNAL", "EVENTS", "BOARD", "EVIDENCE", "ENTRY", "LOCK")
    assert {each.rstrip("/") for each in said} == {getattr(settings, name) for name in names}


@pytest.mark.parametrize("kind", get_args(Notice))
def test_every_notice_is_on_the_page(kind):
    assert f"\n| `{kind.__name__}` |" in PAGE


def test_every_fault_names_a_test_that_there_is():
    for *_, named in rows("Faults"):
        file, _, name = named.strip("`").partition("::")
        assert f"\ndef {name}(" in (ROOT / file).read_text("utf-8"), named
