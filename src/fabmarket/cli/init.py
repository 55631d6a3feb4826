"""`fabmarket init`: a directory for an agent, with a key of its own and settings to fill in."""

import secrets
import shlex
from pathlib import Path
from typing import get_args

import click

from fabmarket.cli.inputs import InputError
from fabmarket.cli.passphrase import option, passphrase
from fabmarket.identity import Key
from fabmarket.identity.keystore import create
from fabmarket.local.files import Place
from fabmarket.local.joining import endow, running_market, settings_in
from fabmarket.node.settings import FILE, KEYSTORE, Role, template


@click.command(
    "init",
    epilog="""\b
Examples:
  fabmarket init supplier my-agent
  fabmarket init demander my-agent --passphrase-file secret.txt
  fabmarket init operator our-operator
  fabmarket init supplier my-agent --market fabmarket-market  # of fabmarket up
""",
)
@click.argument("role", type=click.Choice(get_args(Role)))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@option
@click.option(
    "--market",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Fill the settings in for the market of `fabmarket up` in DIR, with coin and test money.",
)
def command(role: Role, folder: Path, passphrase_file: Path | None, market: Path | None) -> None:
    """Make a directory for an agent: its encrypted key, and settings to fill in.

    The key is drawn anew and encrypted under a passphrase. Keep both: whoever has lost one of them
    has lost the account.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists and is not empty; give a new directory")
    if market is not None and role == "operator":
        raise InputError("--market is for a supplier or demander; its operators are in it already")
    facts = None if market is None else running_market(Place(market))
    said = passphrase(passphrase_file, is_new=True)
    key = Key(secrets.token_bytes(32))
    text = template(role) if facts is None or role == "operator" else settings_in(facts, role)
    if facts is not None:
        endow(facts, key.address)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        create(folder / KEYSTORE, key, said)
        (folder / FILE).write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from error
    click.echo(f"Address   {key.address}")
    click.echo(f"Keystore  {folder / KEYSTORE}")
    following = f"fabmarket agent {shlex.quote(str(folder))}"
    what = "fill them in" if facts is None else "look at them"
    click.echo(f"Settings  {folder / FILE}: {what}, then run {following}")
