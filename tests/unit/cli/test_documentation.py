"""Undocumented means failing: docs/reference/cli.md against the commands themselves."""

import re
import shlex
from pathlib import Path

import click
import pytest

import fabmarket.cli.main
from fabmarket.cli.commands import COMMANDS, cli
from fabmarket.negotiation.supplier.step import BATCH

ROOT = Path(__file__).parents[3]
BUY = "docs/how-to/buy-a-product.md"
TEXT = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
EXAMPLES = re.findall(r"^fabmarket (\w+ .*|\w+)$", TEXT, re.MULTILINE)


def section(title: str) -> str:
    """The text below a heading, up to the next of its level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference/cli.md has no section {title!r}"
    return found[1]


def rows(text: str) -> dict[str, str]:
    """Table rows by what their first cell holds in backticks."""
    table = {}
    for line in re.findall(r"^\| (`.*|\d.*)$", text, re.MULTILINE):
        first, _, rest = line.partition(" | ")
        for name in re.findall(r"`([^`]+)`", first) or [first]:
            table[name.split()[0]] = rest
    return table


def parts() -> dict[str, click.Command]:
    """The commands of each command that is several, by both names."""
    groups = {name: cli.get_command(None, name) for name in COMMANDS}
    return {
        f"{name} {part}": command
        for name, group in groups.items()
        if isinstance(group, click.Group)
        for part, command in group.commands.items()
    }


def options(command: click.Command) -> list[click.Option]:
    context = click.Context(command, info_name=command.name, **command.context_settings)
    return [one for one in command.get_params(context) if isinstance(one, click.Option)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command_is_documented_and_no_other(name):
    documented = rows(re.split(r"^### ", section(f"`fabmarket {name}`"), flags=re.MULTILINE)[0])
    real = {flag for one in options(cli.get_command(None, name)) for flag in one.opts}
    assert set(documented) == real


@pytest.mark.parametrize("name", COMMANDS)
def test_every_default_is_documented(name):
    documented = rows(section(f"`fabmarket {name}`"))
    for one in options(cli.get_command(None, name)):
        if one.show_default:
            assert f"`{one.default}`" in documented[one.opts[-1]], one.name


@pytest.mark.parametrize("name", parts())
def test_every_option_and_default_of_a_part_is_documented_and_no_other(name):
    found = re.search(rf"^### `fabmarket {name}`\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference/cli.md has no section on fabmarket {name}"
    documented = rows(found[1])
    assert set(documented) == {flag for one in options(parts()[name]) for flag in one.opts}
    for one in options(parts()[name]):
        if one.show_default:
            assert f"`{one.default}`" in documented[one.opts[0]], one.name


def test_every_command_is_documented_and_no_other():
    assert set(re.findall(r"^## `fabmarket (\w+)`$", TEXT, re.MULTILINE)) == set(COMMANDS)
    assert set(re.findall(r"^### `fabmarket (\w+ [\w-]+)`$", TEXT, re.MULTILINE)) == set(parts())


def test_options_of_the_command_itself_are_documented():
    documented = rows(TEXT.partition("\n## ")[0])
    assert set(documented) == {flag for one in options(cli) for flag in one.opts}


def test_every_exit_code_is_documented():
    said = set(re.findall(r"(\d+) [a-z]", fabmarket.cli.main.__doc__ or ""))
    assert set(rows(section("Exit codes"))) == said


def test_every_environment_variable_is_documented():
    read = {
        name
        for path in (ROOT / "src").rglob("*.py")
        for name in re.findall(r"(?:environ\b|envvar)[^\n]*\"(\w+)\"", path.read_text("utf-8"))
    }
    assert set(rows(section("Environment"))) == read


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_name_real_options_and_files(example):
    name, *arguments = shlex.split(example, comments=True)
    command = cli.get_command(None, name)
    if isinstance(command, click.Group):
        name, command, arguments = command.resolve_command(click.Context(command), arguments)
    context = command.make_context(name, arguments)
    for key in ("scenario", "fjsp"):
        if context.params.get(key) is not None:
            assert (ROOT / context.params[key]).is_file()


def test_there_are_examples():
    assert len(EXAMPLES) >= 6


def test_the_size_of_a_batch_is_the_documented_one():
    assert f"at most {BATCH} in one;" in section("`fabmarket demo`")


def help_of(name: str) -> str:
    command = cli.get_command(click.Context(cli), name)
    return " ".join(
        command.get_help(click.Context(command, info_name=name, **command.context_settings)).split()
    )


@pytest.mark.parametrize("name", ["solve", "simulate", "compare", "sweep"])
def test_the_help_of_a_command_that_takes_a_game_states_the_model_and_its_letters(name):
    said = help_of(name)
    assert "q = a·S − b·w" in said
    for letter in ("v", "y", "d", "w", "d_s", "a", "b", "W", "S"):
        assert re.search(rf"(?<!\w){letter}(?!\w)", said.partition("The model")[2]), letter
    if "--concept" in said:
        assert "The default is the one that every game has" in said


def test_an_example_of_a_help_needs_nothing_that_is_not_said():
    assert "jq" not in "".join(map(help_of, COMMANDS))


@pytest.mark.parametrize("name", COMMANDS)
def test_no_help_shows_a_bound_that_is_none(name):
    assert "None" not in help_of(name)


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/run-an-agent.md", BUY])
def test_regression_what_agents_need_beside_the_demo_stands_before_they_start(page: str) -> None:
    """Step 1 of buying a product ended with "an agent needs cryptography"."""
    text = (ROOT / page).read_text("utf-8")
    before = text if page == "README.md" else text.split("\nfabmarket up\n", maxsplit=1)[0]
    assert "make .venv/.serve" in before
    assert "(cd contracts && npm ci)" in before
