"""Numbers of options: one strict form, for every command."""

import click
import pytest

from fabmarket.cli.commands import COMMANDS, cli
from fabmarket.cli.inputs import InputError, Real, Whole, read_input

NUMERIC = (click.types.FloatParamType, click.types.IntParamType)
OPTIONS = [
    (name, option)
    for name in COMMANDS
    for option in cli.get_command(click.Context(cli), name).params
    if isinstance(option.type, NUMERIC)
]


def test_there_are_options_that_take_numbers():
    assert len(OPTIONS) > 10


@pytest.mark.parametrize(("command", "option"), OPTIONS, ids=lambda one: getattr(one, "name", one))
def test_every_number_of_every_command_is_read_in_one_strict_form(command, option):
    assert isinstance(option.type, Real | Whole), f"{command} {option.opts[-1]}"
    for text in ("1_0", "\u0661", "0x10", " 5 ", "nan", "+1", "1,5", ""):
        with pytest.raises(click.BadParameter, match=r" is not a (whole )?number; write "):
            option.type.convert(text, option, None)


def test_numbers_are_what_they_say():
    assert Real().convert("1e-6", None, None) == 1e-6
    assert Real().convert(0.5, None, None) == 0.5
    assert Real(infinite=True).convert("inf", None, None) == float("inf")
    assert Whole(0).convert("007", None, None) == 7
    for type_, text in ((Real(), "inf"), (Real(), "1e999"), (Real(0), "-1"), (Whole(1), "0")):
        with pytest.raises(click.BadParameter):
            type_.convert(text, None, None)


def test_of_a_file_too_large_no_more_is_read_than_shows_it(tmp_path):
    (tmp_path / "large").write_bytes(b"a" * 1000)
    assert len(read_input(tmp_path / "large", 10)) == 11
    assert len(read_input(tmp_path / "large", 1000)) == 1000


@pytest.mark.parametrize("name", ["a\0b", "n" * 300, ".", "nowhere"])
def test_a_path_the_system_cannot_open_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"cannot be read \(.+\); give an existing file$"):
        read_input(tmp_path / name, 10)
